#include "link_opening.h"
#include "id.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INITS_PER_SECOND = 50, HALF_OPEN_CALM = 64 };

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

static void log_refusal(sl_link *link, const sl_claim *peer, enum sl_close_reason reason) {
    const sl_claim *ours = link->env->opening.claim;
    char detail[160] = "";
    if (reason == SL_CLOSE_NETWORK)
        snprintf(detail, sizeof detail, ": ours is \"%s\", theirs is \"%s\"", ours->network, peer->network);
    else if (reason == SL_CLOSE_VERSION)
        snprintf(detail, sizeof detail, ": ours is %u, theirs is %u", (unsigned)ours->version, (unsigned)peer->version);
    else if (reason == SL_CLOSE_NO_CODEC)
        snprintf(detail, sizeof detail, ": ours begin with %s, theirs with %s", ours->codecs.name[0],
                 peer->codecs.count > 0 ? peer->codecs.name[0] : "none");
    SL_COUNT(link->env->stats, links_refused);
    sl_log_limited(link->env->log, &link->env->rate_refused, sl_now(link->env->loop), SLOW_LOG_WARN, "link",
                   "refused %.*s at %s: %s%s", SL_ID_ARG(&peer->id), link->remote, sl_close_text(reason), detail);
}

/* Takes what the opening found over into this life. False: no memory. */
static bool life_begin(sl_link *link) {
    const sl_claim *ours = link->env->opening.claim;
    sl_opening *opening = link->opening;
    slow_time now = sl_now(link->env->loop);
    link->peer = malloc(sizeof *link->peer);
    if (!sl_link_is_stream(link))
        link->window = calloc(SL_WINDOW_WORDS, sizeof *link->window);
    if (link->peer == NULL || (link->window == NULL && !sl_link_is_stream(link)))
        return false;
    *link->peer = opening->peer;
    link->peer->credentials = (slow_bytes){NULL, 0};
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
    return true;
}

/* The handshake is done and the claim is there: judge it, and live. */
static void link_claimed(sl_link *link) {
    sl_link_env *env = link->env;
    enum sl_close_reason reason = sl_claims_judge(env->opening.claim, &link->opening->peer);
    if (reason != 0) {
        log_refusal(link, &link->opening->peer, reason);
        if (link->state == SL_LINK_UP)
            sl_link_opening_drop(link); /* an old life goes on: this one never was */
        else
            sl_link_close(link, reason, false);
        return;
    }
    if (link->state == SL_LINK_UP) {
        env->events.closed(env->events.arg, link, SL_CLOSE_REPLACED, true);
        sl_link_life_end(link);
    }
    link->state = SL_LINK_UP;
    if (!life_begin(link)) {
        sl_link_close(link, SL_CLOSE_BROKEN, false);
        return;
    }
    sl_link_half_open_remove(link);
    if (!link->opening->initiator)
        sl_link_opening_drop(link);
    env->changes++;
    SL_COUNT(env->stats, links_opened);
    reason = env->events.opened(env->events.arg, link);
    if (reason != 0) {
        sl_log_limited(env->log, &env->rate_refused, sl_now(env->loop), SLOW_LOG_INFO, "link", "closed %s of %.*s: %s",
                       link->remote, SL_ID_ARG(&link->peer->id), sl_close_text(reason));
        sl_link_close(link, reason, true);
        return;
    }
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
    return ++env->inits > INITS_PER_SECOND || env->half_open_count > HALF_OPEN_CALM;
}

static bool half_open_add(sl_link *link) {
    sl_link_env *env = link->env;
    size_t host = sl_address_host(link->remote);
    uint32_t same = 0;
    for (uint32_t i = 0; i < env->half_open_count; i++)
        same += sl_address_host(env->half_open[i]->remote) == host &&
                memcmp(env->half_open[i]->remote, link->remote, host) == 0;
    if (env->half_open_count >= SL_HALF_OPEN_MAX || (same >= SL_HALF_OPEN_PER_HOST && !(link->flags & SLOW_LINK_LOCAL)))
        return false;
    env->half_open[env->half_open_count++] = link;
    return true;
}

static void say_cookie(sl_link *link, const sl_init *init) {
    sl_cookie cookie = {.peer_index = init->index,
                        .cookie = sl_cookie_make(&link->env->jar, link->env->loop, link->remote)};
    uint8_t frame[SL_DATAGRAM_HEADER];
    sl_link_opening_frame(link, frame, (uint32_t)sl_cookie_write(&cookie, frame, sizeof frame));
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
    if (link->opening != NULL && link->opening->peer_index == init.index) {
        link->opening->repeated = true; /* it did not get our answer */
        sl_link_opening_say(link);
        return;
    }
    if (stream && link->opening != NULL) { /* a connection opens once: another INIT would only buy it more time */
        SL_COUNT(env->stats, drop_opening_malformed);
        sl_link_close(link, SL_CLOSE_BROKEN, false);
        return;
    }
    if (busy_with_openings(env) && !stream && !sl_cookie_good(&env->jar, env->loop, link->remote, init.cookie)) {
        SL_COUNT(env->stats, drop_opening_cookie);
        say_cookie(link, &init);
        sl_link_stranger_gone(link);
        return;
    }
    sl_link_opening_drop(link);
    if (!half_open_add(link)) {
        SL_COUNT(env->stats, drop_opening_cap);
        sl_link_stranger_gone(link);
        return;
    }
    link->opening = sl_opening_answer(&env->opening, &init, &error);
    if (link->opening == NULL) {
        sl_link_half_open_remove(link);
        SL_COUNT(env->stats, drop_opening_malformed);
        sl_log_limited(env->log, &env->rate_stranger, sl_now(env->loop), SLOW_LOG_WARN, "link", "%s: %s", link->remote,
                       error.text);
        sl_link_stranger_gone(link);
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
        sl_link_opening_say(link); /* FIN: also to a peer that we refuse, so that its log can say why */
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
    if (link->state == SL_LINK_OPENING && link->opening != NULL &&
        sl_opening_cookie(link->opening, &link->env->opening, frame))
        sl_link_opening_say(link);
    else {
        SL_COUNT(link->env->stats, drop_opening_cookie);
        sl_link_stranger_gone(link);
    }
}
