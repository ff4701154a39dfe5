/* opening.h - how a link opens: INIT, (COOKIE, INIT,) RESP, FIN, the same with and without security.
 *
 * Pure: frames in, frames out, through the security plugin's handshake. Nothing but one bounded half-open entry changes at
 * the answering end until a FIN has echoed its random tag from the address of the INIT; and an answer is never longer
 * than what it answers. So a stranger can neither aim us at a victim nor unseat a living link with one forged datagram.
 * The claims travel in the handshake's second and third message, and both ends judge both claims by the same function:
 * that is why both logs can say why a link was refused. */
#ifndef SL_OPENING_H
#define SL_OPENING_H
#include "link_wire.h"
#include "loop.h"
#include <slow/security.h>

enum { SL_OPENING_FRAME = 1400 };

/* What all openings of a junction share. */
typedef struct sl_opening_env {
    sl_loop *loop;
    const slow_security_ops *security;
    void *security_self;
    const sl_claim *claim; /* ours */
} sl_opening_env;

typedef struct sl_opening {
    bool initiator;
    bool claimed;  /* the peer's claim is there and the handshake is done */
    bool repeated; /* a frame was sent twice: the round trip was at most what was measured */
    uint32_t index, peer_index;
    uint64_t tag, peer_tag, cookie;
    slow_session *session;
    sl_claim peer;
    slow_time began_at, sent_at;
    uint64_t rtt_ns; /* of INIT and RESP, or RESP and FIN */
    uint32_t tries;
    uint32_t told; /* the generation of our protocols, as our claim said it */
    uint32_t size; /* of `frame`: what we said last, and repeat */
    uint8_t frame[SL_OPENING_FRAME];
} sl_opening;

/* The initiator's: `frame` is the INIT. NULL = no memory, or the plugin refused (the error says). */
sl_opening *sl_opening_dial(const sl_opening_env *, slow_error *);
/* COOKIE came: `frame` is the INIT again, with it. False: not an answer to ours. */
bool sl_opening_cookie(sl_opening *, const sl_opening_env *, slow_bytes frame);
/* RESP came: SLOW_OK = claimed, and `frame` is the FIN. Else nothing changed. */
slow_status sl_opening_resp(sl_opening *, const sl_opening_env *, slow_bytes frame);
/* The answering end's: `frame` is the RESP. NULL when the INIT is not good. */
sl_opening *sl_opening_answer(const sl_opening_env *, const sl_init *, slow_error *);
/* FIN came: SLOW_OK = claimed. Else nothing changed. */
slow_status sl_opening_fin(sl_opening *, const sl_opening_env *, slow_bytes frame);
/* Also closes the session, unless it was taken (set to NULL). NULL is allowed. */
void sl_opening_free(sl_opening *, const sl_opening_env *);

/* Do two claims go together? 0 = yes. Symmetrical. */
enum sl_close_reason sl_claims_judge(const sl_claim *ours, const sl_claim *theirs);
/* The names that both have, in the order of the lower id. */
void sl_names_common(const sl_claim *ours, const sl_claim *theirs, const sl_names *our_names,
                     const sl_names *their_names, sl_names *out);

/* Cookies: SipHash of the peer's address under a secret of 120 s; the one before is still taken. */
typedef struct sl_cookie_jar {
    uint8_t secret[2][16];
    slow_time renewed_at; /* 0 = never */
} sl_cookie_jar;
uint64_t sl_cookie_make(sl_cookie_jar *, sl_loop *, const char *address);
bool sl_cookie_good(sl_cookie_jar *, sl_loop *, const char *address, uint64_t cookie);
#endif
