/* peer_way.h - what a peer learns of the way to it (way.h): every sign that something arrived there, or that nothing did. */
#ifndef SL_PEER_WAY_H
#define SL_PEER_WAY_H
#include "peer_state.h"

/* A package to it has just left. */
void sl_peer_way_went(sl_peer *);
/* A word of an opening is said, again if it was the last one said. */
void sl_peer_way_says(sl_peer *, enum sl_pair_kind, slow_time now);
/* It has what was said last: a pair began. */
void sl_peer_way_met(sl_peer *, slow_time now);
/* It asks for a message. */
void sl_peer_way_asked(sl_peer *, const sl_ask *, slow_time now);
/* Functions of sl_sender_events; their arg is the peer. */
slow_link sl_peer_way_via(void *arg);
void sl_peer_way_fate(void *arg, slow_link via, bool arrived, slow_time now);
bool sl_peer_way_silent(void *arg, slow_time now);
/* It goes: nobody is convicted by it any more. */
void sl_peer_way_end(sl_peer *);
#endif
