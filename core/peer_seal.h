/* peer_seal.h - what security adds to a peer: the handshakes of its pairing, and whether who is at the other end of its pair
 * may still be here.
 *
 * That is asked once a second of a pair that is in use, whichever way, and once a minute of one that rests: so whoever
 * was revoked, or has a certificate that ran out, has no pair for longer. */
#ifndef SL_PEER_SEAL_H
#define SL_PEER_SEAL_H
#include "peer_state.h"

extern const sl_pairing_seals sl_peer_seals;
/* False: the pair has just ended. True where there is none, or it is not sealed. */
bool sl_peer_is_member(sl_peer *, slow_time now);
/* Some key may not be here any more: pairs with it end, as forgotten. */
void sl_peers_recheck(sl_peers *);
/* When to ask again, whatever comes; UINT64_MAX = not. */
slow_time sl_peer_check_due(const sl_peer *);
#endif
