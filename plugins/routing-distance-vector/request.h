/* request.h - asking for a newer sequence number (rule 7), and remembering who asked us (rule 8). */
#ifndef DV_REQUEST_H
#define DV_REQUEST_H
#include "proof.h"

#define DV_TTL 255u

/* Rule 1, as far as a test does not break it. */
bool dv_feasible(const struct dv *, const struct dv_dest *, struct dv_word);
/* Rule 7a: there is no route: ask every neighbour, now and again while one still offers the destination. */
void dv_ask(struct dv *, uint32_t number);
/* Rule 7b: `useful`, a neighbour infeasibly offers a better route, or the only alternate: ask it, if that lasts. */
void dv_repair(struct dv *, uint32_t number, bool useful);
/* Rule 7a goes on: there was no route, and another round is due unless one comes. */
bool dv_is_asking(const struct dv_dest *);
/* The next round is due now, and asks for whatever was asked of us. */
bool dv_asks_next(const struct dv *, uint32_t number);
/* The number to ask for in a retraction that we are about to send to that neighbour, which takes the place of a request;
 * 0 = nothing is to be asked. */
uint32_t dv_ask_along(struct dv *, struct dv_neighbour *, uint32_t number);
/* Sends a request for `stamp` of `number`. */
void dv_request_send(struct dv *, struct dv_neighbour *, uint32_t number, struct dv_stamp, uint8_t ttl);
/* Rule 8: remember until answered, at most 10 s. */
void dv_asker_add(struct dv *, uint32_t number, uint16_t slot, struct dv_stamp);
/* Our word now bears `stamp`, a new one if `renewed`: tell those who asked for it, or for more. */
void dv_answer(struct dv *, uint32_t number, struct dv_stamp, bool renewed);
/* The next hop is another one, with `stamp`: it is asked what others still wait for. */
void dv_ask_on(struct dv *, uint32_t number, struct dv_stamp);
/* Forgets a neighbour that went down. */
void dv_asker_forget(struct dv *, uint32_t number, uint16_t slot);
#endif
