/* inspect.h - what a checker may see of a running link state: for simulators and tests, never for routing.
 *
 * extension(self, LS_INSPECT_ID) gives a static table. All its functions are [loop] and change nothing. */
#ifndef SLOW_LINK_STATE_INSPECT_H
#define SLOW_LINK_STATE_INSPECT_H
#include <slow/routing.h>

#define LS_INSPECT_ID "slow.link-state.inspect/1"

typedef struct ls_inspect {
    uint32_t struct_size;
    /* A hash over (origin, epoch, fragment, sequence number) of all origins to which there is a way, ourselves included:
     * the same in all junctions of a network at rest. */
    uint64_t (*digest)(const void *self);
    /* The selected route; false: none. */
    bool (*selected)(const void *self, const slow_id *dst, slow_link *via, uint32_t *metric);
    size_t (*origins)(const void *self); /* that said something, whether there is a way to them or not */
    size_t (*links)(const void *self);   /* kept, each direction counted */
    uint64_t (*runs)(const void *self);  /* computations of all routes so far, first hops alone */
} ls_inspect;
#endif
