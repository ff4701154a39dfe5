/* peer.h - the junctions that we have something to do with reliably: for each one a pairing, what we send it, what we take
 * from it, and one timer.
 *
 * A peer is there while a pair is, or a message waits for one; nothing is kept of those that were. At most SL_PAIRS_MAX
 * have a pair: of more, the one that was silent longest and owes nothing is forgotten, which costs it an opening.
 *
 * With security all that travels in a pair is sealed (pair_seal.h), best effort too, and nothing is sent or taken outside of
 * one but what opens it. Best effort waits for its pair where it waits for a route: in delivery, and a peer is there for it
 * until it is given up. Its numbers are the pair's, so a copy is known; but nobody acknowledges it, which would only be of
 * use to send it again, and so recovery knows nothing of it. Nor does the window of what is reliable hold it back: it is in
 * none without security either, and a link's full queue stops it as well. Numbers are set aside for it 256 at a time. Taken
 * one by one they would leave a gap behind every other packet, and a STATE has room for 32 ranges: on a path where what is
 * reliable overtakes best effort, half of it would be taken for lost (a test shows it).
 *
 * Who does not seal, having no identity or by its config, answers an opening without a handshake. That is a hint, for a relay
 * can say it too, and so it ends nothing: the peer may show its identity until the deadline. Only what was never sent by then,
 * and so is not delivered, whatever anybody said, is given this as its reason.
 *
 * What happens in a turn of the loop is answered at its end: one STATE for all the packages that a bundle brought, and one
 * look at what may be sent. */
#ifndef SL_PEER_H
#define SL_PEER_H
#include "peer_table.h"

enum { SL_PAIRS_MAX = 4096, SL_PEERS_MAX = 65536 };
#define SL_SEND_BUDGET (UINT64_C(64) * 1024 * 1024) /* bytes of all messages without an outcome */

/* SLOW_E_NOMEM leaves nothing behind. */
slow_status sl_peers_init(sl_peers *, sl_loop *, sl_stats *, const slow_id *self, const uint8_t hash_key[SL_HASH_KEY],
                          const sl_peers_events *);
/* From the start on, all pairs are sealed. What the env names outlives the peers. */
void sl_peers_seal(sl_peers *, const sl_pair_seal_env *, const sl_log *);
/* Messages that are left end as unknown, or not delivered: closed. */
void sl_peers_free(sl_peers *);
/* SLOW_E_AGAIN: that destination, or all together, have too much waiting; SLOW_E_NOMEM: then it is the caller's still. */
slow_status sl_peers_send(sl_peers *, sl_outgoing *);
/* With security: a package of best effort. `session` in it: 0, or that of the fragments before; its pair is set there, and
 * so is `message` if it was 0. SLOW_E_NOROUTE: there is no pair yet, and one is wanted until then; SLOW_E_AGAIN;
 * SLOW_E_CLOSED: the pair of the fragments before has ended. */
slow_status sl_peers_send_once(sl_peers *, const slow_id *dst, slow_package *, slow_time until);
/* Data with SLOW_RELIABLE, KNOCK, OPEN, ASK, STATE; what is sealed. `from`: the neighbour that brought it, or NULL. */
void sl_peers_receive(sl_peers *, const slow_package *, const slow_id *from);
/* There may be room on a link, or a route, that was not there before. */
void sl_peers_room(sl_peers *);
void sl_peers_routes(sl_peers *);
/* A relay dropped a package of ours to there. */
void sl_peers_hint(sl_peers *, const slow_id *dst, const sl_hint *);
/* The junction closes: see sl_sender_stop(). */
void sl_peers_stop(sl_peers *);
/* What is still pending becomes unknown: closed. */
void sl_peers_abandon(sl_peers *);
/* Messages without an outcome. */
uint32_t sl_peers_pending(const sl_peers *);
/* What the application did with a message. */
void sl_peers_held(sl_peers *, sl_arrival *);
void sl_peers_taken(sl_peers *, sl_arrival *);
/* It is no message that could be handed over: its sender hears that it was not delivered. */
void sl_peers_refused(sl_peers *, sl_arrival *);
#endif
