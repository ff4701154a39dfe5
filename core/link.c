#include "link.h"
#include "link_opening.h"
#include "window.h"
#include <slow/wire.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STRANGER_FRAME_MAX = 2048 }; /* bytes, before a stream link is open */
static const slow_time REPEAT_FIRST = 100 * SL_MS, REPEAT_MOST = SL_SECOND, RETIRE_LOOK = 100 * SL_MS;

static void link_tick(void *arg);

static void copy_address(char out[SL_ADDRESS_SIZE], const char *address) {
    snprintf(out, SL_ADDRESS_SIZE, "%.*s", SL_ADDRESS_SIZE - 1, address == NULL ? "" : address);
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
    sl_link_timer_set(link, now + SL_OPENING_LIFE);
    if (info->dial == 0) {
        if (!sl_link_is_stream(link) || sl_link_stream_add(link))
            return link;
        sl_timer_free(link->timer);
        free(link);
        return NULL;
    }
    link->opening = sl_opening_dial(&env->opening, &error);
    if (link->opening == NULL) {
        sl_log_limited(env->log, &env->rate_refused, now, SLOW_LOG_ERROR, "link", "%s: %s", link->remote, error.text);
        sl_timer_free(link->timer);
        free(link);
        return NULL;
    }
    sl_link_timer_set(link, now + REPEAT_FIRST);
    sl_link_opening_say(link);
    return link;
}

void sl_link_free(sl_link *link) {
    sl_strangers_remove(&link->env->streams, link);
    sl_link_opening_drop(link);
    sl_link_life_end(link);
    sl_packet_queue_clear(&link->openings);
    sl_timer_free(link->timer);
    free(link);
}

/* ---- frames of an open link ---- */

static bool number_is_new(const sl_link *link, uint64_t number) {
    return !sl_window_seen(link->window, SL_WINDOW_WORDS, link->highest_number, number);
}

/* Checks index, number and tag; on success *body is what lies between header and tag. */
static bool frame_open(sl_link *link, slow_slice *slice, slow_slice *body) {
    const slow_security_ops *security = link->env->opening.security;
    uint32_t header = sl_link_header_size(link), tag = sl_link_tag_size(link);
    uint64_t number = link->highest_number + 1;
    if (slice->size < header + tag) {
        SL_COUNT(link->env->stats, drop_frame_short);
        return false;
    }
    slow_reader r = slow_reader_of((slow_bytes){slice->data, slice->size});
    bool zeros = (slow_read_u32(&r) & 0xffffff) == 0;
    if (!zeros) {
        SL_COUNT(link->env->stats, drop_frame_kind);
        return false;
    }
    if (!sl_link_is_stream(link)) {
        uint32_t index = slow_read_u32(&r);
        number = slow_read_u64(&r);
        if (index != link->index) {
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
        sl_link_timer_set(link, sl_liveness_next(&link->live));
}

static void take_close(sl_link *link, slow_bytes body) {
    enum sl_close_reason reason = body.size > 0 ? (enum sl_close_reason)body.data[0] : SL_CLOSE_BROKEN;
    if (reason == 0 || reason > SL_CLOSE_TIMEOUT) /* above that are reasons of this end alone */
        reason = SL_CLOSE_BROKEN;
    sl_link_close(link, reason == SL_CLOSE_NOT_A_MEMBER ? SL_CLOSE_LET_OUT : reason, false);
}

static void take_live(sl_link *link, slow_slice *slice) {
    const sl_link_events *events = &link->env->events;
    sl_route_frame route;
    sl_protocols protocols;
    uint32_t generation;
    slow_slice body;
    uint8_t kind = slice->data[0];
    if (link->state != SL_LINK_UP) {
        SL_COUNT(link->env->stats, drop_frame_state);
        sl_link_stranger_gone(link);
        return;
    }
    if (!frame_open(link, slice, &body)) {
        if (sl_link_is_stream(link))
            sl_link_close(link, SL_CLOSE_BROKEN, false);
        return;
    }
    if (link->opening != NULL && link->opening->initiator)
        sl_link_opening_drop(link); /* it is open there, too: FIN need not be repeated */
    if (!link->opened && kind != SL_FRAME_CLOSE && !sl_link_opened(link))
        return;
    slow_bytes bytes = {body.data, body.size};
    switch (kind) {
    case SL_FRAME_PROBE:
        take_probe(link, bytes);
        break;
    case SL_FRAME_BUNDLE:
        sl_link_data_passed(link);
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
    case SL_FRAME_PROTOCOLS:
        if (sl_protocols_read(bytes, &protocols))
            events->protocols(events->arg, link, &protocols);
        else
            SL_COUNT(link->env->stats, drop_route_malformed);
        break;
    case SL_FRAME_PROTOCOLS_ACK:
        if (sl_protocols_ack_read(bytes, &generation))
            events->protocols_ack(events->arg, link, generation);
        else
            SL_COUNT(link->env->stats, drop_route_malformed);
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
        sl_link_stranger_gone(link);
        return;
    }
    if (link->state == SL_LINK_OPENING && sl_link_is_stream(link) && slice->size > STRANGER_FRAME_MAX) {
        SL_COUNT(link->env->stats, drop_opening_malformed);
        sl_link_close(link, SL_CLOSE_BROKEN, false);
        return;
    }
    switch (slice->data[0]) {
    case SL_FRAME_INIT:
        sl_link_take_init(link, frame);
        break;
    case SL_FRAME_COOKIE:
        sl_link_take_cookie(link, frame);
        break;
    case SL_FRAME_RESP:
        sl_link_take_resp(link, frame);
        break;
    case SL_FRAME_FIN:
        sl_link_take_fin(link, frame);
        break;
    case SL_FRAME_PROBE:
    case SL_FRAME_ROUTE:
    case SL_FRAME_ROUTE_ACK:
    case SL_FRAME_CLOSE:
    case SL_FRAME_BUNDLE:
    case SL_FRAME_PROTOCOLS:
    case SL_FRAME_PROTOCOLS_ACK:
        take_live(link, slice);
        break;
    default:
        SL_COUNT(link->env->stats, drop_frame_kind);
        sl_link_stranger_gone(link);
    }
}

/* ---- time ---- */

static slow_time repeat_after(uint32_t tries) {
    slow_time wait = REPEAT_FIRST << (tries < 6 ? tries : 6);
    return wait < REPEAT_MOST ? wait : REPEAT_MOST;
}

static void opening_repeat(sl_link *link, slow_time now) {
    sl_opening_repeat(link->opening, now);
    sl_link_opening_say(link);
}

static void tick_opening(sl_link *link, slow_time now) {
    if (link->opening == NULL || !link->opening->initiator || now >= link->opening->began_at + SL_OPENING_LIFE) {
        sl_link_close(link, SL_CLOSE_TIMEOUT, false);
        return;
    }
    opening_repeat(link, now);
    slow_time end = link->opening->began_at + SL_OPENING_LIFE, next = now + repeat_after(link->opening->tries);
    sl_link_timer_set(link, next < end ? next : end);
}

static void tick_live(sl_link *link, slow_time now) {
    if (sl_liveness_dead(&link->live, now, link->timer_at)) {
        sl_link_close(link, link->opened ? SL_CLOSE_SILENT : SL_CLOSE_UNANSWERED, true);
        return;
    }
    slow_time next = SL_SECOND * 3600 * 24 + now;
    if (link->retire_at != 0 && now >= link->retire_at) {
        if (sl_link_is_drained(link)) {
            sl_link_close(link, SL_CLOSE_REPLACED, true);
            return;
        }
        link->retire_at = now + RETIRE_LOOK;
    }
    if (link->retire_at != 0)
        next = link->retire_at;
    if (link->opening != NULL && link->opening->initiator) {
        if (now >= link->opening->sent_at + repeat_after(link->opening->tries))
            opening_repeat(link, now);
        slow_time again = link->opening->sent_at + repeat_after(link->opening->tries);
        next = again < next ? again : next;
    } else if (link->opening != NULL && now >= link->opening->began_at + SL_OPENING_LIFE)
        sl_link_opening_drop(link);
    sl_link_set_mode(link);
    if (sl_liveness_retell(&link->live, now))
        link->env->events.cost(link->env->events.arg, link);
    if (sl_liveness_probe_due(&link->live, now)) {
        link->live.probe_now = true;
        sl_link_touch(link);
    }
    slow_time due = sl_liveness_next(&link->live);
    if (due <= now) { /* the probe goes out at the end of this turn */
        slow_time deadline = sl_liveness_deadline(&link->live);
        due = now + link->live.keep_ms * SL_MS;
        due = deadline > now && deadline < due ? deadline : due;
    }
    sl_link_timer_set(link, due < next ? due : next);
}

static void link_tick(void *arg) {
    sl_link *link = arg;
    slow_time now = sl_now(link->env->loop);
    if (link->state == SL_LINK_OPENING)
        tick_opening(link, now);
    else if (link->state == SL_LINK_UP)
        tick_live(link, now);
}
