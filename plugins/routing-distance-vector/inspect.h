/* inspect.h - what a checker may see of a running distance vector: for simulators and tests, never for routing.
 *
 * extension(self, DV_INSPECT_ID) gives a static table. All its functions are [loop] and change nothing. */
#ifndef SLOW_DISTANCE_VECTOR_INSPECT_H
#define SLOW_DISTANCE_VECTOR_INSPECT_H
#include <slow/routing.h>

#define DV_INSPECT_ID "slow.distance-vector.inspect/1"

typedef struct dv_inspect_word {
    uint64_t epoch;
    uint32_t seq, metric;
} dv_inspect_word;

typedef struct dv_inspect {
    uint32_t struct_size;
    /* Our own stamp; the metric is 0. */
    dv_inspect_word (*own)(const void *self);
    /* False: no feasibility distance for dst. */
    bool (*feasibility)(const void *self, const slow_id *dst, dv_inspect_word *);
    /* The selected route; false: none. */
    bool (*selected)(const void *self, const slow_id *dst, slow_link *via, dv_inspect_word *);
    /* What we believe that neighbour advertises; false: nothing. */
    bool (*heard)(const void *self, slow_link, const slow_id *dst, dv_inspect_word *);
    /* What we remember to have advertised to it; false: nothing, or a word that is about to be replaced. Sequence number
     * 0: one that may be older than our word's. */
    bool (*told)(const void *self, slow_link, const slow_id *dst, dv_inspect_word *);
    size_t (*destinations)(const void *self); /* known ones, ourselves included, with or without a route */
    size_t (*routes)(const void *self);       /* selected ones */
    size_t (*pending)(const void *self);      /* destinations being asked for, or about to be */
    size_t (*memory)(const void *self);       /* bytes */
    /* The same of a destination by its number here, below numbers(): for who asks much at once. A number holds until the
     * next event. */
    size_t (*numbers)(const void *self);
    bool (*id_of)(const void *self, size_t number, slow_id *); /* false: none has this number */
    bool (*heard_of)(const void *self, slow_link, size_t number, dv_inspect_word *);
    bool (*told_of)(const void *self, slow_link, size_t number, dv_inspect_word *);
    bool (*feasibility_of)(const void *self, size_t number, dv_inspect_word *);
} dv_inspect;
#endif
