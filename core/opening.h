/* opening.h - how a link opens: INIT, (COOKIE, INIT,) RESP, FIN, the same with and without security.
 *
 * Pure: frames in, frames out, through the security plugin's handshake. Nothing but one bounded half-open entry changes at
 * the answering end until a FIN has echoed its random tag from the address of the INIT; and an answer is never longer
 * than what it answers. So a stranger can neither aim us at a victim nor unseat a living link with one forged datagram.
 * The claims travel in the handshake's second and third message, and both ends judge both claims by the same function:
 * that is why both logs can say why a link was refused.
 *
 * Where there is a gate (membership), it is asked as well, with the static key that the handshake proved and the credentials
 * in the claim: by the initiator before it writes FIN, by the answering end before it opens. Whoever is refused there learns
 * nothing more, not even that it was refused, so its own end gives up by itself.
 *
 * A COOKIE is not authenticated, and makes an initiator say 1,200 bytes. So the first one of an opening is answered at once,
 * and two more with the INIT that is due anyway, one for each that was said: who forges them makes an initiator say one INIT
 * more than it would have.
 *
 * What an INIT costs grows with what its author has shown. sl_opening_hear() reads the handshake's first message, which in
 * Noise XXpsk0 is a few hashes and one tag, no Diffie-Hellman: who has not the network key ends there, without an answer.
 * Only sl_opening_answer(), after fresh.h, cookies and caps, does the Diffie-Hellman. RESP and FIN cost one for each that is
 * looked at: eight are at once, and eight more every 100 ms, which no rubbish keeps the true one from, but for an instant. */
#ifndef SL_OPENING_H
#define SL_OPENING_H
#include "link_wire.h"
#include "loop.h"
#include "membership.h"
#include <slow/security.h>

enum { SL_OPENING_FRAME = 1400 };

/* Who may be at the other end: what upper floors say. Without judge() everybody may. */
typedef struct sl_gate {
    void *arg;
    slow_bytes (*credentials)(void *arg); /* ours, for the claim; borrowed until the next call */
    /* `proved`: the static key of the handshake. Fills in who it is; its id is the claim's. */
    enum sl_refusal (*judge)(void *arg, const sl_claim *theirs, slow_bytes proved, sl_member *);
    /* What a person needs to know beside the refusal's text, "; ..." or nothing. `key`: the one that it shows. */
    void (*explain)(void *arg, const slow_id *, const sl_key *key, enum sl_refusal, char *out, size_t size);
} sl_gate;

/* What all openings of a junction share. */
typedef struct sl_opening_env {
    sl_loop *loop;
    const slow_security_ops *security;
    void *security_self;
    bool
        has_secret; /* it has a network key, as all others should: so the first message's time is true, and its replays are
                      * refused */
    const sl_claim *claim; /* ours; its credentials are the gate's */
    sl_gate gate;
} sl_opening_env;

typedef struct sl_opening {
    bool initiator;
    bool claimed;  /* the peer's claim is there and the handshake is done */
    bool repeated; /* a frame was sent twice: the round trip was at most what was measured */
    uint32_t index, peer_index;
    uint64_t tag, peer_tag, cookie;
    uint64_t time_ms; /* of the initiator's clock, when it made its INIT */
    slow_session *session;
    sl_claim peer;
    enum sl_close_reason verdict; /* of a claimed one: 0 = welcome */
    enum sl_refusal refusal;      /* by the gate */
    sl_member member;             /* who the gate let in */
    slow_time began_at, sent_at;
    uint64_t rtt_ns; /* of INIT and RESP, or RESP and FIN */
    uint32_t tries;
    uint32_t reads;   /* handshakes of the peer that were looked at */
    uint32_t cookies; /* that were taken */
    bool cookied;     /* a COOKIE answered the INIT that was said last */
    uint32_t told;    /* the generation of our protocols, as our claim said it */
    uint32_t size;    /* of `frame`: what we said last, and repeat */
    uint8_t frame[SL_OPENING_FRAME];
} sl_opening;

/* The initiator's: `frame` is the INIT. NULL = no memory, or the plugin refused (the error says). */
sl_opening *sl_opening_dial(const sl_opening_env *, slow_error *);
/* COOKIE came: `frame` is the INIT again, with it. False: not an answer to ours, or not the first one to it. *now: it is to
 * be said at once, and not when it is due. */
bool sl_opening_cookie(sl_opening *, const sl_opening_env *, slow_bytes frame, bool *now);
/* `frame` is said once more. */
void sl_opening_repeat(sl_opening *, slow_time now);
/* RESP came: SLOW_OK = claimed and judged, and `frame` is the FIN, or `size` is 0: it is to hear no more. SLOW_E_INVAL: its
 * claim is no good. Else nothing changed. */
slow_status sl_opening_resp(sl_opening *, const sl_opening_env *, slow_bytes frame);
/* The answering end's: what can be known of an INIT at little cost. NULL when it is not good. */
sl_opening *sl_opening_hear(const sl_opening_env *, const sl_init *, slow_error *);
/* After hear(): `frame` is the RESP. */
slow_status sl_opening_answer(sl_opening *, const sl_opening_env *, slow_error *);
/* FIN came: SLOW_OK = claimed and judged. SLOW_E_INVAL as above. Else nothing changed. */
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
