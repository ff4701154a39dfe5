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
 * Who makes us check more signatures than budget.h allows is not read for a while: its messages are not acknowledged, and
 * so it sends no more than a window of them. They are not lost: on datagrams they come again, on a stream they are kept.
 * The same budget pays for each time that it begins anew, or changes its list: what a hold prevents of a link that flaps is not
 * to be had by the epoch of a frame.
 *
 * What is refused is not asked for again, and strategies say things once. Mostly that is right: what is false stays false. But a
 * certificate that is not valid yet will be, by a clock that is late or was wrong, and a key may be taken out of the list of the
 * revoked. Then the channel begins anew, so that the neighbour says all again, which is what both ends can do already. It
 * loses the routes over that neighbour for a round trip. To remember what was refused, and by whom, and to read that again
 * would lose none; but it would be another table that strangers fill, with what nobody has vouched for. It is done at most once a
 * minute and neighbour, so who shows early certificates on purpose disturbs his own channel, and nobody else's. The wall clock is
 * what counts, and it may be set at any time: so it is looked at each minute while something waits for it. What ran out by our
 * clock stays refused though that should be set back.
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

/* What it said in a protocol was refused, and counts from that second on (since 1970); 0: when sl_talk_pardoned() says so. */
void sl_talk_refused(sl_neighbour *, const char *protocol, uint64_t counts_from);
/* It is to say all of a protocol again, as soon as that may be. */
void sl_talk_say_again(sl_neighbour *, const char *protocol);
/* What was refused because of a revoked key may count now. */
void sl_talk_pardoned(sl_neighbours *);

/* What links say: functions of sl_link_events. */
void sl_neighbours_route(sl_neighbours *, sl_link *, const sl_route_frame *);
void sl_neighbours_route_ack(sl_neighbours *, sl_link *, const sl_route_frame *);
void sl_neighbours_protocols(sl_neighbours *, sl_link *, const sl_protocols *);
void sl_neighbours_protocols_ack(sl_neighbours *, sl_link *, uint32_t generation);
void sl_neighbours_fill(sl_neighbours *, sl_link *);

/* It has made us check so many signatures, or do what takes as long. */
void sl_neighbour_spend(sl_neighbour *, uint32_t signatures);
/* A strategy's message. SLOW_E_UNSUPPORTED: this neighbour does not run that protocol. */
slow_status sl_neighbour_send(sl_neighbour *, const char *protocol, slow_bytes);
bool sl_neighbour_speaks(const sl_neighbour *, const char *protocol);
#endif
