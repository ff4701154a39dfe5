#include "opening.h"
#include "id.h"
#include "log.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { READS = 8, COOKIES = 3 };
static const slow_time SECRET_LIFE = 120 * SL_SECOND, READS_EVERY = 100 * SL_MS;

static slow_bytes prologue(void) {
    static const char text[] = "slow/1 link";
    return (slow_bytes){(const uint8_t *)text, sizeof text - 1};
}

static uint32_t random_index(sl_loop *loop) {
    uint32_t index;
    do
        sl_entropy(loop, &index, sizeof index);
    while (index == 0);
    return index;
}

static void draw_numbers(sl_opening *opening, sl_loop *loop) {
    opening->index = random_index(loop);
    sl_entropy(loop, &opening->tag, sizeof opening->tag);
}

static sl_opening *opening_new(const sl_opening_env *env, bool initiator, slow_error *error) {
    sl_opening *opening = calloc(1, sizeof *opening);
    if (opening == NULL) {
        sl_error(error, SLOW_E_NOMEM, NULL, "no memory to open a link");
        return NULL;
    }
    opening->initiator = initiator;
    opening->began_at = opening->sent_at = sl_now(env->loop);
    if (env->security->open(env->security_self, initiator, prologue(), &opening->session, error) == SLOW_OK)
        return opening;
    free(opening);
    return NULL;
}

void sl_opening_free(sl_opening *opening, const sl_opening_env *env) {
    if (opening == NULL)
        return;
    if (opening->session != NULL)
        env->security->close(opening->session);
    free(opening);
}

static slow_status handshake_write(sl_opening *opening, const sl_opening_env *env, slow_bytes payload, uint8_t *out,
                                   size_t capacity, slow_bytes *message) {
    bool done;
    message->data = out;
    return env->security->write(opening->session, payload, out, capacity, &message->size, &done);
}

static slow_status claim_write(sl_opening *opening, const sl_opening_env *env, uint8_t *out, size_t capacity,
                               slow_bytes *message) {
    uint8_t bytes[SL_CLAIM_MAX];
    sl_claim claim = *env->claim;
    if (env->gate.credentials != NULL)
        claim.credentials = env->gate.credentials(env->gate.arg);
    size_t size = sl_claim_write(&claim, bytes, sizeof bytes);
    opening->told = claim.protocols.generation;
    return size == 0 ? SLOW_E_TOOBIG : handshake_write(opening, env, (slow_bytes){bytes, size}, out, capacity, message);
}

/* Each is a Diffie-Hellman. */
static bool may_read(sl_opening *opening, const sl_opening_env *env) {
    slow_time age = sl_now(env->loop) - opening->began_at;
    if (opening->reads >= READS * (1 + age / READS_EVERY))
        return false;
    opening->reads++;
    return true;
}

/* The peer's claim is read, and `proved` is its static key. */
static void judge(sl_opening *opening, const sl_opening_env *env, slow_bytes proved) {
    opening->verdict = sl_claims_judge(env->claim, &opening->peer);
    if (env->gate.judge == NULL)
        return;
    if (opening->verdict == SL_CLOSE_NETWORK) {
        opening->refusal = SL_REFUSED_NETWORK; /* what it shows is signed for that network: here it would seem forged */
        return;
    }
    opening->refusal = env->gate.judge(env->gate.arg, &opening->peer, proved, &opening->member);
    if (opening->verdict == 0 && opening->refusal != SL_WELCOME)
        opening->verdict = SL_CLOSE_NOT_A_MEMBER;
}

/* ---- the initiator ---- */

static bool init_frame(sl_opening *opening, slow_bytes handshake) {
    sl_init init = {.index = opening->index, .cookie = opening->cookie, .handshake = handshake};
    opening->size = (uint32_t)sl_init_write(&init, opening->frame, sizeof opening->frame);
    return opening->size != 0;
}

sl_opening *sl_opening_dial(const sl_opening_env *env, slow_error *error) {
    uint8_t message[SL_OPENING_FRAME], payload[SL_GREETING_SIZE];
    slow_bytes handshake;
    sl_opening *opening = opening_new(env, true, error);
    if (opening == NULL)
        return NULL;
    draw_numbers(opening, env->loop);
    opening->time_ms = sl_wall_ms(env->loop);
    sl_greeting_write(&(sl_greeting){.time_ms = opening->time_ms, .index = opening->index}, payload);
    if (handshake_write(opening, env, (slow_bytes){payload, sizeof payload}, message, sizeof message, &handshake) ==
            SLOW_OK &&
        init_frame(opening, handshake))
        return opening;
    sl_error(error, SLOW_E_FAIL, NULL, "the security plugin could not begin its handshake");
    sl_opening_free(opening, env);
    return NULL;
}

bool sl_opening_cookie(sl_opening *opening, const sl_opening_env *env, slow_bytes frame, bool *now) {
    sl_cookie cookie;
    sl_init init;
    uint8_t handshake[SL_OPENING_FRAME];
    if (!opening->initiator || opening->claimed || opening->cookied || opening->cookies == COOKIES ||
        !sl_cookie_read(frame, &cookie) || cookie.peer_index != opening->index || cookie.cookie == opening->cookie)
        return false;
    if (!sl_init_read((slow_bytes){opening->frame, opening->size}, 0, &init))
        return false;
    memcpy(handshake, init.handshake.data, init.handshake.size);
    opening->cookie = cookie.cookie;
    *now = opening->cookies++ == 0;
    opening->cookied = !*now;
    if (*now)
        opening->sent_at = sl_now(env->loop);
    return init_frame(opening, (slow_bytes){handshake, init.handshake.size});
}

void sl_opening_repeat(sl_opening *opening, slow_time now) {
    opening->tries++;
    opening->repeated = true;
    opening->cookied = false;
    opening->sent_at = now;
}

slow_status sl_opening_resp(sl_opening *opening, const sl_opening_env *env, slow_bytes frame) {
    sl_resp resp;
    slow_bytes payload, key = {NULL, 0}, handshake;
    uint8_t message[SL_OPENING_FRAME];
    bool done;
    if (!opening->initiator || opening->claimed || !sl_resp_read(frame, &resp) || resp.peer_index != opening->index ||
        !may_read(opening, env))
        return SLOW_E_MALFORMED;
    slow_status status = env->security->read(opening->session, resp.handshake, &payload, &key, &done);
    if (status != SLOW_OK)
        return status;
    /* A peer that got this far has shown the tag; a claim that cannot be read will not get better by waiting. */
    if (!sl_claim_read(payload, &opening->peer))
        return SLOW_E_INVAL;
    opening->peer_index = resp.index;
    opening->peer_tag = resp.tag;
    judge(opening, env, key);
    opening->size = 0;
    if (opening->refusal == SL_WELCOME) { /* whatever the verdict, so that its log can say why, too */
        status = claim_write(opening, env, message, sizeof message, &handshake);
        if (status != SLOW_OK)
            return SLOW_E_INVAL; /* it was read: this opening cannot go on */
        sl_fin fin = {.peer_index = resp.index, .echo = resp.tag, .tag = opening->tag, .handshake = handshake};
        opening->size = (uint32_t)sl_fin_write(&fin, opening->frame, sizeof opening->frame);
    }
    slow_time now = sl_now(env->loop);
    opening->rtt_ns = now - (opening->repeated ? opening->began_at : opening->sent_at);
    opening->sent_at = now;
    opening->tries = 0;
    opening->claimed = true;
    return SLOW_OK;
}

/* ---- the answering end ---- */

/* It could not be read. Nobody can tell why; this is what it may be. */
static const char *not_ours(const sl_opening_env *env) {
    if (env->security->tag_size == 0)
        return "its first message is not one of ours: it encrypts, and we do not; or it is not Slow at all";
    if (env->has_secret)
        return "its first message is not sealed with our network key: it has another one or none, or is of another "
               "network; "
               "or it is not Slow at all";
    return "its first message is not one of ours: it has a network key, and we have none; or it is not Slow at all";
}

sl_opening *sl_opening_hear(const sl_opening_env *env, const sl_init *init, slow_error *error) {
    slow_bytes payload, key;
    sl_greeting greeting;
    bool done;
    sl_opening *opening = opening_new(env, false, error);
    if (opening == NULL)
        return NULL;
    opening->peer_index = init->index;
    if (env->security->read(opening->session, init->handshake, &payload, &key, &done) == SLOW_OK &&
        sl_greeting_read(payload, &greeting) && greeting.index == init->index) {
        opening->time_ms = greeting.time_ms;
        draw_numbers(opening, env->loop);
        return opening;
    }
    sl_error(error, SLOW_E_AUTH, NULL, "%s", not_ours(env));
    sl_opening_free(opening, env);
    return NULL;
}

slow_status sl_opening_answer(sl_opening *opening, const sl_opening_env *env, slow_error *error) {
    uint8_t message[SL_OPENING_FRAME];
    slow_bytes handshake;
    slow_status status = claim_write(opening, env, message, sizeof message, &handshake);
    if (status != SLOW_OK)
        return sl_error(error, status, NULL, "our claim could not be written: use fewer codecs or routing strategies");
    sl_resp resp = {
        .index = opening->index, .peer_index = opening->peer_index, .tag = opening->tag, .handshake = handshake};
    opening->size = (uint32_t)sl_resp_write(&resp, opening->frame, SL_INIT_SIZE);
    if (opening->size != 0)
        return SLOW_OK;
    return sl_error(error, SLOW_E_TOOBIG, NULL,
                    "our claim does not fit an answer: use fewer codecs or routing strategies");
}

slow_status sl_opening_fin(sl_opening *opening, const sl_opening_env *env, slow_bytes frame) {
    sl_fin fin;
    slow_bytes payload, key = {NULL, 0};
    bool done = false;
    if (opening->initiator || opening->claimed || !sl_fin_read(frame, &fin) || fin.peer_index != opening->index ||
        sodium_memcmp(&fin.echo, &opening->tag, sizeof fin.echo) != 0 || !may_read(opening, env))
        return SLOW_E_AUTH;
    slow_status status = env->security->read(opening->session, fin.handshake, &payload, &key, &done);
    if (status != SLOW_OK)
        return status;
    if (!done || !sl_claim_read(payload, &opening->peer))
        return SLOW_E_INVAL;
    opening->peer_tag = fin.tag;
    judge(opening, env, key);
    opening->rtt_ns = sl_now(env->loop) - opening->began_at;
    opening->claimed = true;
    return SLOW_OK;
}

/* ---- claims ---- */

static bool has_name(const sl_names *names, const char *name) {
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->name[i], name) == 0)
            return true;
    return false;
}

void sl_names_common(const sl_claim *ours, const sl_claim *theirs, const sl_names *our_names,
                     const sl_names *their_names, sl_names *out) {
    bool we_are_lower = sl_id_compare(&ours->id, &theirs->id) < 0;
    const sl_names *first = we_are_lower ? our_names : their_names, *second = we_are_lower ? their_names : our_names;
    out->count = 0;
    for (size_t i = 0; i < first->count; i++)
        if (has_name(second, first->name[i]) && !has_name(out, first->name[i]))
            memcpy(out->name[out->count++], first->name[i], SL_NAME_SIZE);
}

enum sl_close_reason sl_claims_judge(const sl_claim *ours, const sl_claim *theirs) {
    sl_names codecs;
    if (ours->version != theirs->version)
        return SL_CLOSE_VERSION;
    if (strcmp(ours->network, theirs->network) != 0)
        return SL_CLOSE_NETWORK;
    if (sl_id_equal(&ours->id, &theirs->id))
        return SL_CLOSE_OWN_ID;
    sl_names_common(ours, theirs, &ours->codecs, &theirs->codecs, &codecs);
    return codecs.count == 0 ? SL_CLOSE_NO_CODEC : 0;
}

/* ---- cookies ---- */

static void jar_renew(sl_cookie_jar *jar, sl_loop *loop) {
    slow_time now = sl_now(loop);
    if (jar->renewed_at != 0 && now - jar->renewed_at < SECRET_LIFE)
        return;
    memcpy(jar->secret[1], jar->secret[0], sizeof jar->secret[0]);
    sl_entropy(loop, jar->secret[0], sizeof jar->secret[0]);
    if (jar->renewed_at == 0)
        sl_entropy(loop, jar->secret[1], sizeof jar->secret[1]);
    jar->renewed_at = now + (now == 0);
}

static uint64_t cookie_of(const uint8_t secret[16], const char *address) {
    uint64_t cookie = sl_id_hash(secret, (const uint8_t *)address, strlen(address));
    return cookie == 0 ? 1 : cookie;
}

uint64_t sl_cookie_make(sl_cookie_jar *jar, sl_loop *loop, const char *address) {
    jar_renew(jar, loop);
    return cookie_of(jar->secret[0], address);
}

bool sl_cookie_good(sl_cookie_jar *jar, sl_loop *loop, const char *address, uint64_t cookie) {
    jar_renew(jar, loop);
    uint64_t now = cookie_of(jar->secret[0], address), before = cookie_of(jar->secret[1], address);
    int of_now = sodium_memcmp(&cookie, &now, sizeof now), of_before = sodium_memcmp(&cookie, &before, sizeof before);
    return (of_now & of_before) == 0; /* each 0 or -1: both are looked at, whichever it is */
}
