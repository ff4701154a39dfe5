/* link_out.h - what goes out on a link: packages, control frames, and when. */
#ifndef SL_LINK_OUT_H
#define SL_LINK_OUT_H
#include "link_state.h"

/* Packages for it. True when all were taken; what was not is counted, as full or too big. */
bool sl_link_put(sl_link *, unsigned priority, const uint8_t *records, size_t size, uint32_t count);
/* Room for a package of our own? (Half of the quota is kept for what others send through us.) */
bool sl_link_has_room(const sl_link *);
bool sl_link_is_drained(const sl_link *); /* nothing waits, and no package came or went for a second */
/* A control frame, sealed; it goes at the flush, e.g. from within fill(). */
void sl_link_control(sl_link *, enum sl_frame_kind, const uint8_t *head, size_t head_size, const uint8_t *body,
                     size_t body_size);
void sl_link_touch(sl_link *); /* it has something to flush */
/* Sends what waits. A closed link says its last word here; it may be freed after that. */
void sl_link_flush(sl_link *);
void sl_link_writable(sl_link *);
void sl_link_resize(sl_link *, uint32_t mtu); /* another MTU */
void sl_link_set_in_use(sl_link *, bool);     /* a route uses it, or none does any more */
void sl_link_set_mode(sl_link *);             /* idle, warm or hot, by what it is used for now */
void sl_link_data_passed(sl_link *);          /* a bundle went in or out: it is hot */
void sl_link_timer_set(sl_link *, slow_time when);
#endif
