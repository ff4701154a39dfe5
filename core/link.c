#include "link.h"
#include "id.h"
#include "window.h"
#include <slow/wire.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STRANGER_FRAME_MAX = 2048, /* bytes, before a stream link is open */
    INITS_PER_SECOND = 50,
    HALF_OPEN_CALM = 64,
    BATCH = 64,
    LANES_PER_FLUSH = 4096,
};
static const slow_time OPENING_LIFE = 5 * SL_SECOND, REPEAT_FIRST = 100 * SL_MS, REPEAT_MOST = SL_SECOND;
static const slow_time HOT_FOR = 10 * SL_SECOND;

static void link_tick(void *arg);

/* ---- life ---- */

static uint32_t tag_size(const sl_link *link) {
    uint32_t size = link->env->opening.security->tag_size;
    return size > 0 ? size : SL_PLAIN_TAG;
}

static uint32_t header_size(const sl_link *link) {
    return sl_link_is_stream(link) ? SL_STREAM_HEADER : SL_DATAGRAM_HEADER;
}

size_t sl_address_host(const char *address) {
    const char *colon = strrchr(address, ':'), *bracket = strrchr(address, ']');
    return colon == NULL || (bracket != NULL && colon < bracket) || colon[1] == '/' ? strlen(address)
                                                                                    : (size_t)(colon - address);
}

static void copy_address(char out[SL_ADDRESS_SIZE], const char *address) {
    size_t size = strnlen(address == NULL ? "" : address, SL_ADDRESS_SIZE - 1);
    memcpy(out, address, size);
    out[size] = '\0';
}

static void timer_set(sl_link *link, slow_time when) {
    link->timer_at = when;
    sl_timer_at(link->timer, when);
}

void sl_link_touch(sl_link *link) {
    if (link->dirty)
        return;
    link->dirty = true;
    link->env->events.dirty(link->env->events.arg, link);
}

static void opening_say(sl_link *link) {
    sl_opening *opening = link->opening;
    slow_packet *packet = sl_packet_new(link->env->pool, opening->size, NULL);
    if (packet == NULL)
        return;
    memcpy(slow_packet_data(packet), opening->frame, opening->size);
    packet->size = opening->size;
    sl_packet_queue_push(&link->openings, packet);
    sl_link_touch(link);
}

sl_link *sl_link_new(sl_link_env *env, sl_port *port, uint32_t number, void *cookie, const slow_link_info *info,
                     uint32_t factor_ppm, uint32_t bias) {
    slow_error error = {.code = SLOW_OK};
    sl_link *link = calloc(1, sizeof *link);
    if (link == NULL)
        return NULL;
    link->env = env;
    link->port = port;
    link->number = number;
    link->cookie = cookie;
    link->dial = info->dial;
    link->flags = info->flags;
    link->mtu = info->mtu;
    copy_address(link->local, info->local);
    copy_address(link->remote, info->remote);
    link->factor_ppm = factor_ppm;
    link->bias = bias;
    link->timer = sl_timer_new(env->loop, link_tick, link);
    if (link->timer == NULL) {
        free(link);
        return NULL;
    }
    slow_time now = sl_now(env->loop);
    timer_set(link, now + OPENING_LIFE);
    if (info->dial == 0)
        return link;
    link->opening = sl_opening_dial(&env->opening, &error);
    if (link->opening == NULL) {
        sl_log_limited(env->log, &env->rate_refused, now, SLOW_LOG_ERROR, "link", "%s: %s", link->remote, error.text);
        sl_timer_free(link->timer);
        free(link);
        return NULL;
    }
    timer_set(link, now + REPEAT_FIRST);
    opening_say(link);
    return link;
}

static void half_open_remove(sl_link *link) {
    sl_link_env *env = link->env;
    for (uint32_t i = 0; i < env->half_open_count; i++)
        if (env->half_open[i] == link) {
            env->half_open[i] = env->half_open[--env->half_open_count];
            return;
        }
}

static void opening_drop(sl_link *link) {
    half_open_remove(link);
    sl_opening_free(link->opening, &link->env->opening);
    link->opening = NULL;
}

static void life_end(sl_link *link) {
    uint32_t lost = sl_outbox_move(&link->out, NULL);
    SL_COUNT_BY(link->env->stats, drop_package_link_down, lost);
    sl_packet_queue_clear(&link->ready);
    if (link->session != NULL)
        link->env->opening.security->close(link->session);
    link->session = NULL;
    free(link->window);
    link->window = NULL;
    free(link->peer);
    link->peer = NULL;
}

void sl_link_free(sl_link *link) {
    opening_drop(link);
    life_end(link);
    sl_packet_queue_clear(&link->openings);
    sl_timer_free(link->timer);
    free(link);
}

void sl_link_close(sl_link *link, enum sl_close_reason reason, bool say) {
    if (link->state == SL_LINK_CLOSED)
        return;
    bool was_up = link->state == SL_LINK_UP;
    if (was_up && say) {
        uint8_t byte = (uint8_t)reason;
        sl_link_control(link, SL_FRAME_CLOSE, &byte, 1, NULL, 0);
    }
    link->state = SL_LINK_CLOSED;
    link->close_reason = reason;
    sl_timer_stop(link->timer);
    link->env->changes++;
    if (was_up)
        SL_COUNT(link->env->stats, links_lost);
    link->env->events.closed(link->env->events.arg, link, reason, was_up);
    sl_link_touch(link);
}

void sl_link_gone(sl_link *link) {
    link->cookie_dead = true;
    sl_link_close(link, SL_CLOSE_BROKEN, false);
}

/* ---- becoming up ---- */

static uint32_t frame_size(const sl_link *link) {
    uint32_t most = link->peer->frame_max < SLOW_FRAME_FLOOR ? SLOW_FRAME_FLOOR : link->peer->frame_max;
    return link->mtu < most ? link->mtu : most;
}

static void outbox_init(sl_link *link) {
    bool stream = sl_link_is_stream(link);
    uint32_t frame = frame_size(link);
    link->out = (sl_outbox){.pool = link->env->pool,
                            .header = header_size(link),
                            .tag = tag_size(link),
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
    sl_names_common(ours, link->peer, &ours->protocols, &link->peer->protocols, &link->protocols);
    link->codec = agree_codec(link, ours);
    sl_liveness_init(&link->live, now, opening->rtt_ns, opening->repeated, link->factor_ppm, link->bias);
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
            opening_drop(link); /* an old life goes on: this one never was */
        else
            sl_link_close(link, reason, false);
        return;
    }
    if (link->state == SL_LINK_UP) {
        env->events.closed(env->events.arg, link, SL_CLOSE_REPLACED, true);
        life_end(link);
    }
    link->state = SL_LINK_UP;
    if (!life_begin(link)) {
        sl_link_close(link, SL_CLOSE_BROKEN, false);
        return;
    }
    half_open_remove(link);
    if (!link->opening->initiator)
        opening_drop(link);
    env->changes++;
    SL_COUNT(env->stats, links_opened);
    reason = env->events.opened(env->events.arg, link);
    if (reason != 0) {
        sl_log_limited(env->log, &env->rate_refused, sl_now(env->loop), SLOW_LOG_INFO, "link", "closed %s of %.*s: %s",
                       link->remote, SL_ID_ARG(&link->peer->id), sl_close_text(reason));
        sl_link_close(link, reason, true);
        return;
    }
    timer_set(link, sl_now(env->loop));
    sl_link_touch(link);
}

/* ---- the opening's frames ---- */

/* A stranger on a datagram socket: nothing is kept of it. */
static void stranger_gone(sl_link *link) {
    if (link->state == SL_LINK_OPENING && link->opening == NULL)
        sl_link_close(link, SL_CLOSE_BROKEN, false);
}

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
    slow_packet *packet = sl_packet_new(link->env->pool, SL_PLAIN_TAG * 4, NULL);
    if (packet == NULL)
        return;
    packet->size = (uint32_t)sl_cookie_write(&cookie, slow_packet_data(packet), SL_PLAIN_TAG * 4);
    sl_packet_queue_push(&link->openings, packet);
    sl_link_touch(link);
}

static void take_init(sl_link *link, slow_bytes frame) {
    sl_link_env *env = link->env;
    slow_error error = {.code = SLOW_OK};
    sl_init init;
    bool stream = sl_link_is_stream(link);
    if (link->dial != 0 || (stream && link->state != SL_LINK_OPENING) ||
        !sl_init_read(frame, stream ? 0 : SL_INIT_SIZE, &init)) {
        SL_COUNT(env->stats, drop_opening_malformed);
        stranger_gone(link);
        return;
    }
    if (link->opening != NULL && link->opening->peer_index == init.index) {
        link->opening->repeated = true; /* it did not get our answer */
        opening_say(link);
        return;
    }
    if (busy_with_openings(env) && !stream && !sl_cookie_good(&env->jar, env->loop, link->remote, init.cookie)) {
        SL_COUNT(env->stats, drop_opening_cookie);
        say_cookie(link, &init);
        stranger_gone(link);
        return;
    }
    opening_drop(link);
    if (!half_open_add(link)) {
        SL_COUNT(env->stats, drop_opening_cap);
        stranger_gone(link);
        return;
    }
    link->opening = sl_opening_answer(&env->opening, &init, &error);
    if (link->opening == NULL) {
        half_open_remove(link);
        SL_COUNT(env->stats, drop_opening_malformed);
        sl_log_limited(env->log, &env->rate_stranger, sl_now(env->loop), SLOW_LOG_WARN, "link", "%s: %s", link->remote,
                       error.text);
        stranger_gone(link);
        return;
    }
    if (link->state == SL_LINK_OPENING)
        timer_set(link, sl_now(env->loop) + OPENING_LIFE);
    opening_say(link);
}

static void take_resp(sl_link *link, slow_bytes frame) {
    slow_status status = SLOW_E_MALFORMED;
    if (link->state == SL_LINK_OPENING && link->opening != NULL)
        status = sl_opening_resp(link->opening, &link->env->opening, frame);
    if (status == SLOW_OK) {
        opening_say(link); /* FIN: also to a peer that we refuse, so that its log can say why */
        link_claimed(link);
    } else if (status == SLOW_E_INVAL) {
        SL_COUNT(link->env->stats, drop_claim_malformed);
        sl_link_close(link, SL_CLOSE_BROKEN, false);
    } else
        SL_COUNT(link->env->stats, drop_opening_malformed);
}

static void take_fin(sl_link *link, slow_bytes frame) {
    slow_status status = SLOW_E_MALFORMED;
    if (link->opening != NULL && !link->opening->initiator)
        status = sl_opening_fin(link->opening, &link->env->opening, frame);
    else if (link->state == SL_LINK_UP) {
        link->live.probe_now = true; /* a repeated FIN: it has not heard us yet */
        sl_link_touch(link);
        return;
    }
    if (status == SLOW_OK)
        link_claimed(link);
    else if (status == SLOW_E_INVAL) {
        SL_COUNT(link->env->stats, drop_claim_malformed);
        opening_drop(link);
        stranger_gone(link);
    } else {
        SL_COUNT(link->env->stats, drop_opening_malformed);
        stranger_gone(link);
    }
}

static void take_cookie(sl_link *link, slow_bytes frame) {
    if (link->state == SL_LINK_OPENING && link->opening != NULL &&
        sl_opening_cookie(link->opening, &link->env->opening, frame))
        opening_say(link);
    else
        SL_COUNT(link->env->stats, drop_opening_cookie);
}

/* ---- frames of an open link ---- */

static bool number_is_new(const sl_link *link, uint64_t number) {
    return !sl_window_seen(link->window, SL_WINDOW_WORDS, link->highest_number, number);
}

/* Checks index, number and tag; on success *body is what lies between header and tag. */
static bool frame_open(sl_link *link, slow_slice *slice, slow_slice *body) {
    const slow_security_ops *security = link->env->opening.security;
    uint32_t header = header_size(link), tag = tag_size(link);
    uint64_t number = link->highest_number + 1;
    if (slice->size < header + tag) {
        SL_COUNT(link->env->stats, drop_frame_short);
        return false;
    }
    slow_reader r = slow_reader_of((slow_bytes){slice->data, slice->size});
    bool zeros = (slow_read_u32(&r) & 0xffffff) == 0;
    if (!sl_link_is_stream(link)) {
        uint32_t index = slow_read_u32(&r);
        number = slow_read_u64(&r);
        if (!zeros || index != link->index) {
            SL_COUNT(link->env->stats, drop_frame_index);
            return false;
        }
        if (!number_is_new(link, number)) {
            SL_COUNT(link->env->stats, drop_frame_replayed);
            return false;
        }
    }
    *body = (slow_slice){.data = slice->data + header, .size = slice->size - header - tag};
    const uint8_t *tag_at = body->data + body->size;
    bool authentic;
    if (security->tag_size > 0)
        authentic = security->unseal(link->session, number, (slow_bytes){slice->data, header}, body->data, body->size,
                                     tag_at) == SLOW_OK;
    else {
        slow_reader t = slow_reader_of((slow_bytes){tag_at, tag});
        uint64_t shown = slow_read_u64(&t);
        authentic = sodium_memcmp(&shown, &link->tag, sizeof shown) == 0;
    }
    if (!authentic) {
        SL_COUNT(link->env->stats, drop_frame_tag);
        return false;
    }
    if (sl_link_is_stream(link))
        link->highest_number = number;
    else
        sl_window_mark(link->window, SL_WINDOW_WORDS, &link->highest_number, number);
    sl_liveness_heard(&link->live, sl_now(link->env->loop), sl_link_is_stream(link) ? 0 : number);
    return true;
}

static void set_mode(sl_link *link) {
    slow_time now = sl_now(link->env->loop);
    bool hot = link->data_at != 0 && now - link->data_at < HOT_FOR;
    enum sl_link_mode mode = hot ? SL_LINK_HOT : link->in_use ? SL_LINK_WARM : SL_LINK_IDLE;
    if (mode == link->live.mode)
        return;
    sl_liveness_set_mode(&link->live, mode, now);
    timer_set(link, now);
}

static void data_passed(sl_link *link) {
    link->data_at = sl_now(link->env->loop);
    if (link->live.mode != SL_LINK_HOT)
        set_mode(link);
}

static void take_probe(sl_link *link, slow_bytes body) {
    sl_probe probe;
    slow_time now = sl_now(link->env->loop);
    if (!sl_probe_read(body, &probe)) {
        SL_COUNT(link->env->stats, drop_frame_short);
        return;
    }
    bool first = link->live.echo == 0;
    sl_liveness_take(&link->live, &probe, now);
    if (sl_liveness_retell(&link->live, now))
        link->env->events.cost(link->env->events.arg, link);
    if (first || link->live.probe_now)
        sl_link_touch(link);
    if (sl_liveness_next(&link->live) < link->timer_at)
        timer_set(link, sl_liveness_next(&link->live));
}

static void take_close(sl_link *link, slow_bytes body) {
    enum sl_close_reason reason = body.size > 0 ? (enum sl_close_reason)body.data[0] : SL_CLOSE_BROKEN;
    if (reason == 0 || reason >= SL_CLOSE_REASONS)
        reason = SL_CLOSE_BROKEN;
    sl_link_close(link, reason, false);
}

static void take_live(sl_link *link, slow_slice *slice) {
    const sl_link_events *events = &link->env->events;
    sl_route_frame route;
    slow_slice body;
    uint8_t kind = slice->data[0];
    if (link->state != SL_LINK_UP) {
        SL_COUNT(link->env->stats, drop_frame_state);
        stranger_gone(link);
        return;
    }
    if (!frame_open(link, slice, &body)) {
        if (sl_link_is_stream(link))
            sl_link_close(link, SL_CLOSE_BROKEN, false);
        return;
    }
    if (link->opening != NULL && link->opening->initiator)
        opening_drop(link); /* it is open there, too: FIN need not be repeated */
    slow_bytes bytes = {body.data, body.size};
    switch (kind) {
    case SL_FRAME_PROBE:
        take_probe(link, bytes);
        break;
    case SL_FRAME_BUNDLE:
        data_passed(link);
        events->bundle(events->arg, link, body.data, body.size);
        break;
    case SL_FRAME_ROUTE:
    case SL_FRAME_ROUTE_ACK:
        if (!sl_route_read(bytes, &route))
            SL_COUNT(link->env->stats, drop_route_malformed);
        else if (kind == SL_FRAME_ROUTE)
            events->route(events->arg, link, &route);
        else
            events->route_ack(events->arg, link, &route);
        break;
    default:
        take_close(link, bytes);
    }
}

void sl_link_receive(sl_link *link, slow_slice *slice) {
    slow_bytes frame = {slice->data, slice->size};
    if (link->state == SL_LINK_CLOSED)
        return;
    SL_COUNT(link->env->stats, frames_in);
    SL_COUNT_BY(link->env->stats, bytes_in, slice->size);
    link->bytes_in += slice->size;
    if (slice->size < SL_STREAM_HEADER) {
        SL_COUNT(link->env->stats, drop_frame_short);
        stranger_gone(link);
        return;
    }
    if (link->state == SL_LINK_OPENING && sl_link_is_stream(link) && slice->size > STRANGER_FRAME_MAX) {
        SL_COUNT(link->env->stats, drop_opening_malformed);
        sl_link_close(link, SL_CLOSE_BROKEN, false);
        return;
    }
    switch (slice->data[0]) {
    case SL_FRAME_INIT:
        take_init(link, frame);
        break;
    case SL_FRAME_COOKIE:
        take_cookie(link, frame);
        break;
    case SL_FRAME_RESP:
        take_resp(link, frame);
        break;
    case SL_FRAME_FIN:
        take_fin(link, frame);
        break;
    case SL_FRAME_PROBE:
    case SL_FRAME_ROUTE:
    case SL_FRAME_ROUTE_ACK:
    case SL_FRAME_CLOSE:
    case SL_FRAME_BUNDLE:
        take_live(link, slice);
        break;
    default:
        SL_COUNT(link->env->stats, drop_frame_kind);
        stranger_gone(link);
    }
}

/* ---- out ---- */

bool sl_link_put(sl_link *link, unsigned priority, const uint8_t *records, size_t size, uint32_t count) {
    uint32_t taken, too_big;
    sl_outbox_put(&link->out, priority, records, size, count, SL_OUTBOX_QUOTA, &taken, &too_big);
    SL_COUNT_BY(link->env->stats, packages_out, taken);
    SL_COUNT_BY(link->env->stats, drop_package_too_big, too_big);
    SL_COUNT_BY(link->env->stats, drop_package_queue_full, count - taken - too_big);
    data_passed(link);
    sl_link_touch(link);
    return taken == count;
}

bool sl_link_has_room(const sl_link *link) {
    return link->out.bytes < SL_OUTBOX_QUOTA / 2;
}

static void frame_seal(sl_link *link, uint8_t *frame, uint32_t size) {
    const slow_security_ops *security = link->env->opening.security;
    uint32_t header = header_size(link), tag = tag_size(link);
    uint64_t number = ++link->sent_number;
    if (!sl_link_is_stream(link)) {
        slow_writer w = slow_writer_of(frame + 4, SL_DATAGRAM_HEADER - 4);
        slow_write_u32(&w, link->peer_index);
        slow_write_u64(&w, number);
    }
    uint8_t *body = frame + header, *tag_at = frame + size - tag;
    if (security->tag_size > 0)
        security->seal(link->session, number, (slow_bytes){frame, header}, body, size - header - tag, tag_at);
    else {
        slow_writer w = slow_writer_of(tag_at, tag);
        slow_write_u64(&w, link->peer_tag);
    }
}

static void packet_seal(sl_link *link, slow_packet *packet) {
    uint8_t *data = slow_packet_data(packet);
    uint32_t step = packet->segment != 0 ? packet->segment : packet->size;
    for (uint32_t at = 0; at < packet->size; at += step) {
        frame_seal(link, data + at, packet->size - at < step ? packet->size - at : step);
        SL_COUNT(link->env->stats, frames_out);
    }
    link->bytes_out += packet->size;
    SL_COUNT_BY(link->env->stats, bytes_out, packet->size);
    sl_packet_queue_push(&link->ready, packet);
}

void sl_link_control(sl_link *link, enum sl_frame_kind kind, const uint8_t *head, size_t head_size, const uint8_t *body,
                     size_t body_size) {
    uint32_t header = header_size(link), tag = tag_size(link);
    size_t size = header + head_size + body_size + tag;
    slow_packet *packet = sl_packet_new(link->env->pool, (uint32_t)size, NULL);
    if (packet == NULL)
        return; /* as lost on the wire: probes and the channel repeat */
    slow_writer w = slow_writer_of(slow_packet_data(packet), size);
    memset(slow_write_room(&w, header), 0, header);
    slow_write_bytes(&w, head, head_size);
    slow_write_bytes(&w, body, body_size);
    slow_packet_data(packet)[0] = (uint8_t)kind;
    packet->size = (uint32_t)size;
    packet_seal(link, packet);
}

/* Hands packets to the transport; false when it would take no more. */
static bool transport_send(sl_link *link, sl_packet_queue *queue) {
    while (queue->count > 0) {
        slow_packet *batch[BATCH];
        size_t count = 0, taken = 0;
        for (sl_packet_queue look = *queue; count < BATCH && look.count > 0; count++)
            batch[count] = sl_packet_queue_pop(&look);
        for (size_t i = 0; i < count; i++)
            sl_packet_give(batch[i], sl_instance_owner(link->port->instance));
        /* The transport may free what it takes: the queue lets go of the whole batch before. */
        sl_packet_queue rest = {NULL, NULL, 0};
        for (size_t i = 0; i < count; i++)
            sl_packet_queue_pop(queue);
        slow_status status = link->port->ops->send(link->port->self, link->cookie, batch, count, &taken);
        for (size_t i = taken; i < count; i++) {
            sl_packet_give(batch[i], NULL);
            sl_packet_queue_push(&rest, batch[i]);
        }
        if (taken == count && status == SLOW_OK)
            continue;
        while (queue->count > 0)
            sl_packet_queue_push(&rest, sl_packet_queue_pop(queue));
        *queue = rest;
        return false;
    }
    return true;
}

static void say_probe(sl_link *link) {
    sl_probe probe;
    uint8_t bytes[SL_PROBE_SIZE];
    slow_time now = sl_now(link->env->loop);
    sl_liveness_make(&link->live, &probe, now);
    sl_probe_write(&probe, bytes);
    sl_link_control(link, SL_FRAME_PROBE, bytes, sizeof bytes, NULL, 0);
}

static bool flush_live(sl_link *link) {
    slow_time now = sl_now(link->env->loop);
    uint64_t before = link->sent_number;
    link->env->events.fill(link->env->events.arg, link);
    if (link->state != SL_LINK_UP)
        return true;
    bool open = true;
    do {
        while (link->ready.count < BATCH && !sl_outbox_empty(&link->out)) {
            slow_packet *packet = sl_outbox_take(&link->out);
            if (packet != NULL)
                packet_seal(link, packet);
        }
        if (sl_liveness_probe_due(&link->live, now) && (link->live.probe_now || link->sent_number == before))
            say_probe(link);
        open = transport_send(link, &link->ready);
    } while (open && !sl_outbox_empty(&link->out));
    if (link->sent_number != before)
        sl_liveness_sent(&link->live, now);
    return open;
}

void sl_link_flush(sl_link *link) {
    link->dirty = false;
    if (link->cookie_dead || link->blocked)
        return;
    bool open = transport_send(link, &link->openings);
    if (open && link->state == SL_LINK_UP)
        open = flush_live(link);
    else if (open && link->state == SL_LINK_CLOSED)
        transport_send(link, &link->ready); /* CLOSE, where there is room */
    link->blocked = !open && link->state != SL_LINK_CLOSED;
}

void sl_link_writable(sl_link *link) {
    if (!link->blocked)
        return;
    link->blocked = false;
    sl_link_touch(link);
}

/* What lies in the open frames was filled to the old size: it goes out first. */
void sl_link_resize(sl_link *link, uint32_t mtu) {
    link->mtu = mtu;
    if (link->state != SL_LINK_UP)
        return;
    sl_outbox_close_frames(&link->out);
    link->out.frame = frame_size(link);
    if (link->out.frame_most < link->out.frame)
        link->out.frame_most = link->out.frame;
    sl_link_touch(link);
}

/* ---- time ---- */

static slow_time repeat_after(uint32_t tries) {
    slow_time wait = REPEAT_FIRST << (tries < 6 ? tries : 6);
    return wait < REPEAT_MOST ? wait : REPEAT_MOST;
}

static void opening_repeat(sl_link *link, slow_time now) {
    sl_opening *opening = link->opening;
    opening->tries++;
    opening->repeated = true;
    opening->sent_at = now;
    opening_say(link);
}

static void tick_opening(sl_link *link, slow_time now) {
    if (link->opening == NULL || !link->opening->initiator || now >= link->opening->began_at + OPENING_LIFE) {
        sl_link_close(link, SL_CLOSE_TIMEOUT, false);
        return;
    }
    opening_repeat(link, now);
    slow_time end = link->opening->began_at + OPENING_LIFE, next = now + repeat_after(link->opening->tries);
    timer_set(link, next < end ? next : end);
}

static void tick_live(sl_link *link, slow_time now) {
    if (sl_liveness_dead(&link->live, now, link->timer_at)) {
        sl_link_close(link, SL_CLOSE_SILENT, true);
        return;
    }
    slow_time next = SL_SECOND * 3600 * 24 + now;
    if (link->opening != NULL && link->opening->initiator) {
        if (now >= link->opening->sent_at + repeat_after(link->opening->tries))
            opening_repeat(link, now);
        next = link->opening->sent_at + repeat_after(link->opening->tries);
    } else if (link->opening != NULL && now >= link->opening->began_at + OPENING_LIFE)
        opening_drop(link);
    set_mode(link);
    if (sl_liveness_retell(&link->live, now))
        link->env->events.cost(link->env->events.arg, link);
    if (sl_liveness_probe_due(&link->live, now)) {
        link->live.probe_now = true;
        sl_link_touch(link);
    }
    slow_time due = sl_liveness_next(&link->live);
    if (due <= now) /* the probe goes out at the end of this turn */
        due = now + link->live.keep_ms * SL_MS;
    timer_set(link, due < next ? due : next);
}

static void link_tick(void *arg) {
    sl_link *link = arg;
    slow_time now = sl_now(link->env->loop);
    if (link->state == SL_LINK_OPENING)
        tick_opening(link, now);
    else if (link->state == SL_LINK_UP)
        tick_live(link, now);
}

void sl_link_set_in_use(sl_link *link, bool in_use) {
    link->in_use = in_use;
    if (link->state == SL_LINK_UP)
        set_mode(link);
}

const sl_codec *sl_link_codec(const sl_link *link) {
    return &link->env->codecs[link->codec];
}
