/* link_opening.h - how a link becomes one: the frames of the opening, and what a finished opening makes of the link.
 *
 * What a stranger can cause here is bounded: an answering end keeps at most 256 half-open entries, 4 for a host that is not
 * this machine, each for 5 s, or less where others wait (strangers.h); above 64 of them, or 50 INITs a second, it keeps
 * nothing and answers with a cookie. A datagram peer whose first frame is no good is forgotten in the same turn. Only INITs
 * that show the network's key count, and where there is one each is good once (fresh.h). An opening under way gives way to
 * another of the same address after the half second that each has, so that one frame with a forged address ends none. */
#ifndef SL_LINK_OPENING_H
#define SL_LINK_OPENING_H
#include "link_life.h"

#define SL_OPENING_LIFE (5 * SL_SECOND)

void sl_link_take_init(sl_link *, slow_bytes frame);
void sl_link_take_resp(sl_link *, slow_bytes frame);
void sl_link_take_fin(sl_link *, slow_bytes frame);
void sl_link_take_cookie(sl_link *, slow_bytes frame);
/* A stream came: is there room for it? */
bool sl_link_stream_add(sl_link *);
/* Tells the layers above that it is open. False: they would not have it, and it is closed. */
bool sl_link_opened(sl_link *);
#endif
