/* neighbour.h - the junctions at the other end of our links: one neighbour an id, however many links lead to it.
 *
 * A neighbour with a live link is an adjacency, and has a number that no other adjacency of this junction will have. The
 * cheapest link carries its traffic; when that dies the next one takes over in the same turn, with what was queued. The
 * strategies' talks (talk.h) belong to the adjacency. What is remembered of a neighbour that is down: its start number, how
 * often it flapped, what it speaks, and the epoch of its channels, so that both ends find together again. */
#ifndef SL_NEIGHBOUR_H
#define SL_NEIGHBOUR_H
#include "id.h"
#include "talk.h"

enum { SL_NEIGHBOURS_MAX = 16384 };

/* `claim`: ours; it lives as long, and sl_talk_changed() is told when its protocols change. */
void sl_neighbours_init(sl_neighbours *, sl_loop *, const sl_log *, sl_stats *, const sl_claim *,
                        const sl_neighbour_events *);
void sl_neighbours_free(sl_neighbours *); /* after all links */

/* What links say, besides what talk.h takes: functions of sl_link_events. */
enum sl_close_reason sl_neighbours_opened(sl_neighbours *, sl_link *);
void sl_neighbours_closed(sl_neighbours *, sl_link *, enum sl_close_reason);
void sl_neighbours_cost(sl_neighbours *, sl_link *);

sl_neighbour *sl_neighbour_find(const sl_neighbours *, const slow_id *);
static inline sl_neighbour *sl_neighbour_get(const sl_neighbours *neighbours, slow_link adjacency) {
    return (sl_neighbour *)sl_slots_get(&neighbours->adjacencies, adjacency);
}
/* What strategies are shown of an adjacency. */
slow_neighbour sl_neighbour_describe(const sl_neighbour *);
/* A package that went through it arrived, or did not; to one more destination packages arrive, and not through it (+1), or to
 * one less; there has been silence of that one, which is at that metric, since then. See doubt.h. */
void sl_neighbour_passed(sl_neighbour *, bool arrived);
void sl_neighbour_convict(sl_neighbour *, const slow_id *dst, int change);
void sl_neighbour_silent(sl_neighbour *, const slow_id *dst, slow_time since, uint32_t metric);
/* One more forwarding entry chose it (+1), or one less (-1). */
void sl_neighbour_use(sl_neighbour *, int change);
#endif
