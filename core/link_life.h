/* link_life.h - how a link ends, and what it lets go of on the way. */
#ifndef SL_LINK_LIFE_H
#define SL_LINK_LIFE_H
#include "link_out.h"

/* Ends it: up to the layers above at once, to the transport at the flush. `say` = send CLOSE. */
void sl_link_close(sl_link *, enum sl_close_reason, bool say);
/* Another has its place: it ends in a while, when nothing comes or goes in it any more. */
void sl_link_retire(sl_link *);
/* The transport says that it is gone. */
void sl_link_gone(sl_link *);
/* Closes a link of which no opening is under way: a stranger on a datagram socket, of which nothing is kept. */
void sl_link_stranger_gone(sl_link *);
void sl_link_env_end(sl_link_env *); /* after the last link: what all of them had together */
void sl_link_life_end(sl_link *);    /* drops what this life holds; the link may live again */
void sl_link_opening_frame(sl_link *, const uint8_t *frame, uint32_t size); /* goes at the flush */
void sl_link_opening_say(sl_link *);  /* what the opening has to say goes at the flush */
void sl_link_opening_drop(sl_link *); /* the opening under way, if any */
#endif
