/* neighbour.h - an adjacency: its slot, the handles it gave, what is to be told to it, and bytes on their way to it. */
#ifndef DV_NEIGHBOUR_H
#define DV_NEIGHBOUR_H
#include "table.h"

/* NULL = no memory, or too many. */
struct dv_neighbour *dv_neighbour_add(struct dv *, const slow_neighbour *);
struct dv_neighbour *dv_neighbour_find(const struct dv *, slow_link); /* NULL = none */
/* Takes it out of its slot: nothing reaches it any more, but what it said can still be read. */
void dv_neighbour_detach(struct dv *, struct dv_neighbour *);
void dv_neighbour_free(struct dv *, struct dv_neighbour *);
/* The neighbour in a slot, or NULL. */
static inline struct dv_neighbour *dv_neighbour_at(const struct dv *dv, uint16_t slot) {
    return slot < dv->slot_count ? dv->neighbours[slot] : NULL;
}

/* What its handle stands for: a destination that it has BOUND, DV_HANDLE_IGNORED or DV_NONE. */
uint32_t dv_handle_of(const struct dv_neighbour *, uint32_t handle);
/* Makes room for handles below `count`, so that dv_handle_set() cannot fail; false = no memory. */
bool dv_handles_grow(struct dv_neighbour *, uint32_t count);
void dv_handle_set(struct dv_neighbour *, uint32_t handle, uint32_t number);

/* Rule 5: when a destination is to be told. These only mark; advertise.c sends at the end of the turn. */
void dv_tell_now(struct dv_neighbour *, uint32_t number);
void dv_tell_now_all(struct dv *, uint32_t number);
void dv_tell_soon_all(struct dv *, uint32_t number);
void dv_tell_soon(struct dv_neighbour *, uint32_t number);
/* Our word has changed, in its sequence number alone or in more: whatever finite word was told is no longer it. */
void dv_older_all(struct dv *, uint32_t number);
void dv_stale_all(struct dv *, uint32_t number);
/* The next destination of a queue from `from` on, DV_NONE at its end. */
uint32_t dv_queue_next(const struct dv_neighbour *, const struct dv_queue *, enum dv_flag, uint32_t from);
static inline bool dv_queue_empty(const struct dv_queue *queue) {
    return queue->low > queue->high;
}

/* Records are collected into messages; dv_outbox_flush() sends what is left at the end of the turn. */
void dv_outbox_add(struct dv *, struct dv_neighbour *, const struct dv_record *);
void dv_outbox_flush(struct dv *, struct dv_neighbour *);
#endif
