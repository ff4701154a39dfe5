/* neighbour.h - the junctions at the other end of our links: one neighbour an id, however many links lead to it.
 *
 * A neighbour with a live link is an adjacency, and has a number that no other adjacency of this junction will have. The
 * cheapest link carries its traffic; when that dies the next one takes over in the same turn, with what was queued. The
 * strategies' channels (channel.h) belong to the adjacency. What is remembered of a neighbour that is down: its start
 * number, how often it flapped, and the epoch of its channels, so that both ends find together again. */
#ifndef SL_NEIGHBOUR_H
#define SL_NEIGHBOUR_H
#include "channel.h"
#include "id.h"
#include "link.h"
#include "slots.h"
#include <slow/routing.h>

enum { SL_NEIGHBOUR_LINKS = 4, SL_NEIGHBOURS_MAX = 16384 };

typedef struct sl_neighbours sl_neighbours;

typedef struct sl_neighbour {
    sl_neighbours *all;
    slow_id id;
    uint64_t start;
    slow_link adjacency; /* 0 = down */
    sl_link *links[SL_NEIGHBOUR_LINKS], *best;
    uint32_t link_count;
    uint32_t uses; /* forwarding entries that chose it */
    uint32_t cost; /* last told to the strategies */
    sl_names protocols;
    sl_channel channels[SL_NAMES_MAX]; /* one for each protocol */
    uint8_t epochs[SL_NAMES_MAX];      /* the last ones of this start */
    uint8_t missed;                    /* a bit for each protocol that said something while it was held down */
    sl_timer *timer;
    uint32_t flaps;
    slow_time up_at, held_until, down_at, renewed_at; /* renewed_at: a channel that held too much; 0 = never */
} sl_neighbour;

/* All [loop]; down() comes before the number dies. None may be answered with a call that ends an adjacency. */
typedef struct sl_neighbour_events {
    void *arg;
    void (*up)(void *arg, sl_neighbour *);
    void (*changed)(void *arg, sl_neighbour *);
    void (*down)(void *arg, sl_neighbour *, slow_link adjacency);
    void (*message)(void *arg, sl_neighbour *, unsigned protocol, slow_bytes);
    void (*restart)(void *arg, sl_neighbour *, unsigned protocol); /* this strategy alone: down and up */
} sl_neighbour_events;

struct sl_neighbours {
    sl_loop *loop;
    const sl_log *log;
    sl_stats *stats;
    const slow_id *self;
    sl_neighbour_events events;
    sl_neighbour **sorted; /* by id */
    uint32_t count, capacity;
    sl_slots adjacencies;
};

void sl_neighbours_init(sl_neighbours *, sl_loop *, const sl_log *, sl_stats *, const slow_id *self,
                        const sl_neighbour_events *);
void sl_neighbours_free(sl_neighbours *); /* after all links */

/* What links say: the functions of sl_link_events. */
enum sl_close_reason sl_neighbours_opened(sl_neighbours *, sl_link *);
void sl_neighbours_closed(sl_neighbours *, sl_link *, enum sl_close_reason);
void sl_neighbours_route(sl_neighbours *, sl_link *, const sl_route_frame *);
void sl_neighbours_route_ack(sl_neighbours *, sl_link *, const sl_route_frame *);
void sl_neighbours_fill(sl_neighbours *, sl_link *);
void sl_neighbours_cost(sl_neighbours *, sl_link *);

sl_neighbour *sl_neighbour_find(const sl_neighbours *, const slow_id *);
static inline sl_neighbour *sl_neighbour_get(const sl_neighbours *neighbours, slow_link adjacency) {
    return (sl_neighbour *)sl_slots_get(&neighbours->adjacencies, adjacency);
}
/* What strategies are shown of an adjacency. */
slow_neighbour sl_neighbour_describe(const sl_neighbour *);
/* A strategy's message. SLOW_E_UNSUPPORTED: this neighbour does not run that protocol. */
slow_status sl_neighbour_send(sl_neighbour *, const char *protocol, slow_bytes);
bool sl_neighbour_speaks(const sl_neighbour *, const char *protocol);
/* One more forwarding entry chose it (+1), or one less (-1). */
void sl_neighbour_use(sl_neighbour *, int change);
#endif
