/* talk.h - what the strategies of two neighbours say to each other: which protocols both speak, and a channel for each.
 *
 * A strategy can be added to a running junction and taken away, and no link may close for that. So what both speak is no
 * property of a link, agreed when it opens, but of two lists that either end may change at any time. The claim that opens
 * a link holds its author's list; a change is told by PROTOCOLS, the whole list under a new generation, and told again
 * until PROTOCOLS_ACK shows that generation. A list is state, not an event: one that got lost is covered by the next, one
 * that comes late or twice is older than what is known, and there is no order to keep. (It could have been a message of a
 * channel like the strategies' own. Then it would wait for a flap's hold to end, and hang on an epoch of its own.)
 *
 * Each end numbers its own protocols, and a ROUTE bears its author's number: no agreement on numbers is needed, and none
 * can be out of date. Names are matched. A protocol that was taken away and came back has another number: so the other end
 * sees that the strategy there is a new one, which knows nothing, though it missed the list in between. The channel begins
 * anew at both ends then, with a newer epoch than any before (channel.h).
 *
 * match_ends() and match_begins() are where all of this comes together: whatever changed, they hold the two lists side by
 * side, end what must not go on and begin what may. */
#ifndef SL_TALK_H
#define SL_TALK_H
#include "neighbour_state.h"

/* The list of this end changed: to all neighbours. What waits to be said in a protocol that is gone is said before. */
void sl_talk_changed(sl_neighbours *);
/* A link opened, with its claim. `first`: there is no other, or none of this start of the neighbour's. */
void sl_talk_opened(sl_neighbour *, const sl_link *, bool first);
/* The adjacency is up, and nobody was told yet: begins what both speak, without events. */
void sl_talk_up(sl_neighbour *);
/* The adjacency is down: ends all, without events. */
void sl_talk_down(sl_neighbour *);
/* Another link carries it. */
void sl_talk_moved(sl_neighbour *);
/* The neighbour's timer went off: what is due is made ready for the link. */
void sl_talk_tick(sl_neighbour *, slow_time now);
/* Sets that timer, for the talks and for a hold that ends. */
void sl_talk_timer(sl_neighbour *);

/* What links say: functions of sl_link_events. */
void sl_neighbours_route(sl_neighbours *, sl_link *, const sl_route_frame *);
void sl_neighbours_route_ack(sl_neighbours *, sl_link *, const sl_route_frame *);
void sl_neighbours_protocols(sl_neighbours *, sl_link *, const sl_protocols *);
void sl_neighbours_protocols_ack(sl_neighbours *, sl_link *, uint32_t generation);
void sl_neighbours_fill(sl_neighbours *, sl_link *);

/* A strategy's message. SLOW_E_UNSUPPORTED: this neighbour does not run that protocol. */
slow_status sl_neighbour_send(sl_neighbour *, const char *protocol, slow_bytes);
bool sl_neighbour_speaks(const sl_neighbour *, const char *protocol);
#endif
