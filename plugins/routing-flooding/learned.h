/* learned.h - from which neighbour each source's packages came last: a bounded table in the order of use.
 *
 * A source is a name in a package, so whoever can send a package can make up sources. Therefore the table is bounded
 * and keyed with a secret, and where it is full the one that was silent longest makes room. The same order tells which
 * one expires next, so a single timer serves all. Nothing is ordered by an address or by a hash. */
#ifndef FLOODING_LEARNED_H
#define FLOODING_LEARNED_H
#include <slow/routing.h>

struct learned_source {
    slow_id id;
    slow_link via;
    uint32_t metric;
    slow_time heard_at;
    uint32_t next;         /* in its bucket, or of the free ones */
    uint32_t older, newer; /* in the order of use */
};

struct learned {
    struct learned_source *sources;  /* by number */
    uint32_t used, capacity, limit;  /* numbers ever given; room; the most there may be */
    uint32_t count, vacant;          /* sources in the table; the first free number */
    uint32_t oldest, newest;         /* LEARNED_NONE when it is empty */
    uint32_t *buckets, bucket_count; /* a power of two of them */
    uint8_t key[16];
};

#define LEARNED_NONE UINT32_MAX

/* `key` is secret. Nothing is allocated until the first source comes. */
void learned_init(struct learned *, uint32_t limit, const uint8_t key[16]);
void learned_free(struct learned *);
/* NULL = not there. What this and the others return is valid until the next learned_add(). */
struct learned_source *learned_find(const struct learned *, slow_bytes id);
/* The newest, with no link yet. `id` MUST NOT be there. NULL = the table is full, or no memory. */
struct learned_source *learned_add(struct learned *, slow_bytes id, slow_time now);
/* Its source was heard: it is the newest now. */
void learned_renew(struct learned *, struct learned_source *, slow_time now);
void learned_remove(struct learned *, struct learned_source *);
struct learned_source *learned_oldest(const struct learned *); /* NULL = the table is empty */
/* The one that was heard next after this; NULL = it is the newest. */
struct learned_source *learned_after(const struct learned *, const struct learned_source *);
#endif
