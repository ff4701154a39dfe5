/* link.h - one link: from the transport's link_up() through the opening to its end.
 *
 * A link opens (opening.h), lives (liveness.h), carries frames in (receive) and packages out (outbox.h), and ends. It calls
 * no transport while the transport calls it: what is to be sent or closed waits for the end of the turn, when links.c
 * flushes every link that has something, in the order of their numbers. Upwards it speaks through sl_link_events.
 *
 * A datagram link keeps serving its old life while a new opening from the same address is under way: only a finished
 * opening ends the old life. */
#ifndef SL_LINK_H
#define SL_LINK_H
#include "link_life.h"

/* `info` is the transport's. NULL = no memory. Begins the opening where dial != 0. */
sl_link *sl_link_new(sl_link_env *, sl_port *, uint32_t number, void *cookie, const slow_link_info *info,
                     uint32_t factor_ppm, uint32_t bias);
void sl_link_free(sl_link *);
/* One frame of the transport's. */
void sl_link_receive(sl_link *, slow_slice *);
#endif
