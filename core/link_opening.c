#include "link_opening.h"
#include "id.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An initiator says its INIT eight times. */
enum { INITS_PER_SECOND = 50, HALF_OPEN_CALM = 64, REPEATS = 8 };

static void outbox_init(sl_link *link) {
    bool stream = sl_link_is_stream(link);
    uint32_t frame = sl_link_frame_size(link);
    link->out = (sl_outbox){.pool = link->env->pool,
                            .header = sl_link_header_size(link),
                            .tag = sl_link_tag_size(link),
                            .frame = frame,
                            .frame_most = frame > SLOW_FRAME_FLOOR ? frame : SLOW_FRAME_FLOOR,
                            .segments = stream ? 1 : link->port->ops->max_segments,
                            .kind = SL_FRAME_BUNDLE};
}

static uint8_t agree_codec(const sl_link *link, const sl_claim *ours) {
    sl_names common;
    sl_names_common(ours, link->peer, &ours->codecs, &link->peer->codecs, &common);
    for (uint8_t i = 0; i < ours->codecs.count; i++)
        if (strcmp(ours->codecs.name[i], common.name[0]) == 0)
            return i;
    return 0;
}

/* With the identity key that the claim shows: true or not, it is what somebody would have to look up, or to list. */
static void tell_who(const sl_opening *opening, const sl_gate *gate, char *out, size_t size) {
    const sl_claim *peer = &opening->peer;
    sl_key key;
    char text[SL_KEY_TEXT];
    int used = snprintf(out, size, ": %s", sl_refusal_text(opening->refusal));
    if (peer->credentials.size < sizeof key.bytes)
        return;
    memcpy(key.bytes, peer->credentials.data, sizeof key.bytes);
    sl_key_text(&key, text);
    used += snprintf(out + used, size - (size_t)used, "; it shows the key %s", text);
    if (gate->explain != NULL)
        gate->explain(gate->arg, &peer->id, &key, opening->refusal, out + used, size - (size_t)used);
}

/* A second key that claims an id that another has is either somebody's mistake or somebody's attempt: its line has a limit of
 * its own, or whoever is refused again and again would keep it from being seen. */
static bool is_alarm(enum sl_refusal refusal) {
    return refusal == SL_REFUSED_OTHER_KEY;
}

static void log_refusal(sl_link *link, const sl_opening *opening) {
    const sl_claim *ours = link->env->opening.claim, *peer = &opening->peer;
    enum sl_close_reason reason = opening->verdict;
    char detail[384] = "";
    if (reason == SL_CLOSE_NETWORK)
        snprintf(detail, sizeof detail, ": ours is \"%s\", theirs is \"%s\"", ours->network, peer->network);
    else if (reason == SL_CLOSE_VERSION)
        snprintf(detail, sizeof detail, ": ours is %u, theirs is %u", (unsigned)ours->version, (unsigned)peer->version);
    else if (reason == SL_CLOSE_NO_CODEC)
        snprintf(detail, sizeof detail, ": ours begin with %s, theirs with %s", ours->codecs.name[0],
                 peer->codecs.count > 0 ? peer->codecs.name[0] : "none");
    else if (reason == SL_CLOSE_NOT_A_MEMBER)
        tell_who(opening, &link->env->opening.gate, detail, sizeof detail);
    if (opening->refusal == SL_REFUSED_NETWORK)
        SL_COUNT(link->env->stats, refused_network);
    SL_COUNT(link->env->stats, links_refused);
    bool alarm = is_alarm(opening->refusal);
    sl_log_limited(link->env->log, alarm ? &link->env->rate_alarm : &link->env->rate_refused, sl_now(link->env->loop),
                   alarm ? SLOW_LOG_ERROR : SLOW_LOG_WARN, "link", "refused %.*s at %s: %s%s", SL_ID_ARG(&peer->id),
                   link->remote, sl_close_text(reason), detail);
}

/* What a life needs, got before it takes the place of another. */
typedef struct life_room {
    sl_claim *peer;
    uint64_t *window; /* of datagrams */
} life_room;

static bool life_room_get(const sl_link *link, life_room *room) {
    bool stream = sl_link_is_stream(link);
    *room = (life_room){.peer = malloc(sizeof *room->peer),
                        .window = stream ? NULL : calloc(SL_WINDOW_WORDS, sizeof *room->window)};
    if (room->peer != NULL && (room->window != NULL || stream))
        return true;
    free(room->peer);
    free(room->window);
    return false;
}

/* Takes what the opening found over into this life. */
static void life_begin(sl_link *link, const life_room *room) {
    const sl_claim *ours = link->env->opening.claim;
    sl_opening *opening = link->opening;
    slow_time now = sl_now(link->env->loop);
    link->peer = room->peer;
    link->window = room->window;
    *link->peer = opening->peer;
    link->peer->credentials = (slow_bytes){NULL, 0};
    link->member = opening->member;
    link->retire_at = 0;
    link->opened = false;
    link->session = opening->session;
    opening->session = NULL;
    link->index = opening->index;
    link->peer_index = opening->peer_index;
    link->tag = opening->tag;
    link->peer_tag = opening->peer_tag;
    link->sent_number = link->highest_number = 0;
    link->data_at = 0;
    link->opened_at = now;
    link->blocked = false;
    link->told = opening->told;
    link->codec = agree_codec(link, ours);
    sl_liveness_init(&link->live, now, opening->rtt_ns, opening->repeated, link->factor_ppm, link->bias);
    if (opening->initiator) /* the answer to our FIN cannot come before */
        link->live.heard_at += opening->rtt_ns;
    outbox_init(link);
}

bool sl_link_opened(sl_link *link) {
    sl_link_env *env = link->env;
    link->opened = true;
    env->changes++;
    SL_COUNT(env->stats, links_opened);
    enum sl_close_reason reason = env->events.opened(env->events.arg, link);
    if (reason == 0)
        return true;
    sl_log_limited(env->log, &env->rate_refused, sl_now(env->loop), SLOW_LOG_INFO, "link", "closed %s of %.*s: %s",
                   link->remote, SL_ID_ARG(&link->peer->id), sl_close_text(reason));
    sl_link_close(link, reason, true);
    return false;
}

/* Nothing comes of this opening; an old life goes on, where there is one. */
static void give_up(sl_link *link, enum sl_close_reason reason) {
    if (link->state == SL_LINK_UP)
        sl_link_opening_drop(link);
    else
        sl_link_close(link, reason, false);
}

/* The handshake is done, and the claim is there and judged: live. */
static void link_claimed(sl_link *link) {
    sl_link_env *env = link->env;
    life_room room;
    enum sl_close_reason reason = link->opening->verdict;
    if (reason != 0) {
        log_refusal(link, link->opening);
        give_up(link, reason);
        return;
    }
    if (!life_room_get(link, &room)) {
        give_up(link, SL_CLOSE_BROKEN);
        return;
    }
    if (link->state == SL_LINK_UP) {
        env->events.closed(env->events.arg, link, SL_CLOSE_REPLACED, link->opened);
        sl_link_life_end(link);
    }
    link->state = SL_LINK_UP;
    life_begin(link, &room);
    sl_strangers_remove(&env->half_open, link);
    sl_strangers_remove(&env->streams, link);
    /* Where there is a gate the other end may refuse our FIN, and would not say so: to the layers above an initiator's link
     * is one only once it was heard on it. */
    bool heard = !link->opening->initiator || env->opening.gate.judge == NULL;
    if (!link->opening->initiator)
        sl_link_opening_drop(link);
    if (heard && !sl_link_opened(link))
        return;
    sl_link_timer_set(link, sl_now(env->loop));
    sl_link_touch(link);
}

/* ---- the opening's frames ---- */

static bool busy_with_openings(sl_link_env *env) {
    slow_time now = sl_now(env->loop);
    if (now - env->inits_at >= SL_SECOND) {
        env->inits_at = now;
        env->inits = 0;
    }
    return ++env->inits > INITS_PER_SECOND || env->half_open.count > HALF_OPEN_CALM;
}

/* Of this machine there may be any number. */
static bool stranger_add(sl_strangers *all, sl_link *link, uint32_t per_host) {
    sl_link *gives_way;
    const sl_stranger stranger = {.link = link, .remote = link->remote, .since = sl_now(link->env->loop)};
    bool added = sl_strangers_add(all, &stranger, link->flags & SLOW_LINK_LOCAL ? 0 : per_host, &gives_way);
    if (gives_way != NULL)
        give_up(gives_way, SL_CLOSE_TIMEOUT);
    if (!added || gives_way != NULL)
        SL_COUNT(link->env->stats, drop_opening_cap);
    return added;
}

bool sl_link_stream_add(sl_link *link) {
    return stranger_add(&link->env->streams, link, SL_STREAMS_PER_HOST);
}

static void say_cookie(sl_link *link, const sl_init *init) {
    sl_cookie cookie = {.peer_index = init->index,
                        .cookie = sl_cookie_make(&link->env->jar, link->env->loop, link->remote)};
    uint8_t frame[SL_DATAGRAM_HEADER];
    sl_link_opening_frame(link, frame, (uint32_t)sl_cookie_write(&cookie, frame, sizeof frame));
}

static void init_failed(sl_link *link, const slow_error *error) {
    sl_link_env *env = link->env;
    SL_COUNT(env->stats, drop_opening_malformed);
    sl_log_limited(env->log, &env->rate_stranger, sl_now(env->loop), SLOW_LOG_WARN, "link", "%s: %s", link->remote,
                   error->text);
    sl_link_stranger_gone(link);
}

static bool init_is_fresh(sl_link *link, const sl_init *init, const sl_opening *heard) {
    sl_link_env *env = link->env;
    int64_t off_s = (int64_t)(heard->time_ms - sl_wall_ms(env->loop)) / 1000;
    if (!env->opening.has_secret)
        return true;
    switch (sl_fresh_look(&env->fresh, env->loop, heard->time_ms, init->handshake)) {
    case SL_FRESH:
        return true;
    case SL_FRESH_OTHER_TIME:
        SL_COUNT(env->stats, drop_opening_time);
        sl_log_limited(env->log, &env->rate_stranger, sl_now(env->loop), SLOW_LOG_WARN, "link",
                       "%s: its first message is %lld s %s our clock, expected at most %d: it was recorded, or the "
                       "clocks do not agree",
                       link->remote, (long long)(off_s < 0 ? -off_s : off_s), off_s < 0 ? "behind" : "ahead of",
                       SL_FRESH_WINDOW_MS / 1000);
        break;
    case SL_FRESH_REPLAYED:
        SL_COUNT(env->stats, drop_opening_replayed);
    }
    sl_link_stranger_gone(link);
    return false;
}

/* Of an INIT whose handshake is good so far: does it begin an opening? Else it got what it should. */
static bool init_is_new(sl_link *link, const sl_init *init, const sl_opening *heard) {
    sl_link_env *env = link->env;
    bool stream = sl_link_is_stream(link);
    if (link->opening != NULL && link->opening->peer_index == init->index) {
        link->opening->repeated = true; /* it did not get our answer */
        if (link->opening->tries++ < REPEATS)
            sl_link_opening_say(link);
        return false;
    }
    if (stream && link->opening != NULL) { /* a connection opens once: another INIT would only buy it more time */
        SL_COUNT(env->stats, drop_opening_malformed);
        sl_link_close(link, SL_CLOSE_BROKEN, false);
        return false;
    }
    if (!init_is_fresh(link, init, heard))
        return false;
    if (link->opening != NULL && sl_now(env->loop) - link->opening->began_at < SL_STRANGERS_GRACE) {
        SL_COUNT(env->stats, drop_opening_cap);
        return false;
    }
    if (!busy_with_openings(env) || stream || sl_cookie_good(&env->jar, env->loop, link->remote, init->cookie))
        return true;
    SL_COUNT(env->stats, drop_opening_cookie);
    say_cookie(link, init);
    sl_link_stranger_gone(link);
    return false;
}

void sl_link_take_init(sl_link *link, slow_bytes frame) {
    sl_link_env *env = link->env;
    slow_error error = {.code = SLOW_OK};
    sl_init init;
    bool stream = sl_link_is_stream(link);
    if (link->dial != 0 || (stream && link->state != SL_LINK_OPENING) ||
        !sl_init_read(frame, stream ? 0 : SL_INIT_SIZE, &init)) {
        SL_COUNT(env->stats, drop_opening_malformed);
        sl_link_stranger_gone(link);
        return;
    }
    sl_opening *heard = sl_opening_hear(&env->opening, &init, &error);
    if (heard == NULL) {
        if (env->opening.security->tag_size > 0)
            SL_COUNT(env->stats, refused_network_key);
        init_failed(link, &error);
        return;
    }
    if (!init_is_new(link, &init, heard)) {
        sl_opening_free(heard, &env->opening);
        return;
    }
    sl_link_opening_drop(link);
    if (!stranger_add(&env->half_open, link, SL_HALF_OPEN_PER_HOST)) {
        sl_opening_free(heard, &env->opening);
        sl_link_stranger_gone(link);
        return;
    }
    link->opening = heard;
    if (env->opening.has_secret && !sl_fresh_take(&env->fresh, env->loop, init.handshake))
        sl_error(&error, SLOW_E_NOMEM, NULL, "no memory to know its first message again");
    else
        sl_opening_answer(heard, &env->opening, &error);
    if (error.code != SLOW_OK) {
        sl_link_opening_drop(link);
        init_failed(link, &error);
        return;
    }
    if (link->state == SL_LINK_OPENING)
        sl_link_timer_set(link, sl_now(env->loop) + SL_OPENING_LIFE);
    sl_link_opening_say(link);
}

void sl_link_take_resp(sl_link *link, slow_bytes frame) {
    slow_status status = SLOW_E_MALFORMED;
    if (link->state == SL_LINK_OPENING && link->opening != NULL)
        status = sl_opening_resp(link->opening, &link->env->opening, frame);
    if (status == SLOW_OK) {
        if (link->opening->size > 0)
            sl_link_opening_say(link);
        link_claimed(link);
    } else if (status == SLOW_E_INVAL) {
        SL_COUNT(link->env->stats, drop_claim_malformed);
        sl_link_close(link, SL_CLOSE_BROKEN, false);
    } else {
        SL_COUNT(link->env->stats, drop_opening_malformed);
        sl_link_stranger_gone(link);
    }
}

/* The FIN that opened this life, once more: with its tag, or a stranger could have us send probes by forging it. */
static bool fin_repeated(const sl_link *link, slow_bytes frame) {
    sl_fin fin;
    return link->state == SL_LINK_UP && sl_fin_read(frame, &fin) && fin.peer_index == link->index &&
           sodium_memcmp(&fin.echo, &link->tag, sizeof fin.echo) == 0;
}

void sl_link_take_fin(sl_link *link, slow_bytes frame) {
    slow_status status = SLOW_E_MALFORMED;
    if (link->opening != NULL && !link->opening->initiator)
        status = sl_opening_fin(link->opening, &link->env->opening, frame);
    else if (fin_repeated(link, frame)) {
        link->live.probe_now = true; /* it has not heard us yet */
        sl_link_touch(link);
        return;
    }
    if (status == SLOW_OK)
        link_claimed(link);
    else if (status == SLOW_E_INVAL) {
        SL_COUNT(link->env->stats, drop_claim_malformed);
        sl_link_opening_drop(link);
        sl_link_stranger_gone(link);
    } else {
        SL_COUNT(link->env->stats, drop_opening_malformed);
        sl_link_stranger_gone(link);
    }
}

void sl_link_take_cookie(sl_link *link, slow_bytes frame) {
    bool now = false;
    if (link->state == SL_LINK_OPENING && link->opening != NULL &&
        sl_opening_cookie(link->opening, &link->env->opening, frame, &now)) {
        if (now)
            sl_link_opening_say(link);
    } else {
        SL_COUNT(link->env->stats, drop_opening_cookie);
        sl_link_stranger_gone(link);
    }
}
