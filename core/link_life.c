#include "link_life.h"
#include <stdlib.h>
#include <string.h>

enum { OPENINGS_WAITING = 4 };
static const slow_time RETIRE_AFTER = 5 * SL_SECOND;

/* Who asks again and again without reading what we answer makes nothing grow: the oldest answer gives way. Never the
 * newest, or what follows a FIN on a stream could come in front of it. */
void sl_link_opening_frame(sl_link *link, const uint8_t *frame, uint32_t size) {
    slow_packet *packet = sl_packet_new(link->env->pool, size, NULL);
    if (packet == NULL)
        return;
    memcpy(slow_packet_data(packet), frame, size);
    packet->size = size;
    if (link->openings.count == OPENINGS_WAITING)
        sl_packet_drop(sl_packet_queue_pop(&link->openings));
    sl_packet_queue_push(&link->openings, packet);
    sl_link_touch(link);
}

void sl_link_opening_say(sl_link *link) {
    sl_link_opening_frame(link, link->opening->frame, link->opening->size);
}

void sl_link_opening_drop(sl_link *link) {
    sl_strangers_remove(&link->env->half_open, link);
    sl_opening_free(link->opening, &link->env->opening);
    link->opening = NULL;
}

void sl_link_env_end(sl_link_env *env) {
    sl_fresh_free(&env->fresh);
    sl_strangers_free(&env->half_open);
    sl_strangers_free(&env->streams);
}

void sl_link_life_end(sl_link *link) {
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

void sl_link_close(sl_link *link, enum sl_close_reason reason, bool say) {
    if (link->state == SL_LINK_CLOSED)
        return;
    bool was_up = link->state == SL_LINK_UP && link->opened;
    if (link->state == SL_LINK_UP && say) {
        uint8_t byte = (uint8_t)reason;
        sl_link_control(link, SL_FRAME_CLOSE, &byte, 1, NULL, 0);
    }
    link->state = SL_LINK_CLOSED;
    sl_strangers_remove(&link->env->streams, link);
    link->close_reason = reason;
    sl_timer_stop(link->timer);
    link->env->changes++;
    if (was_up)
        SL_COUNT(link->env->stats, links_lost);
    link->env->events.closed(link->env->events.arg, link, reason, was_up);
    sl_link_touch(link);
}

void sl_link_retire(sl_link *link) {
    link->retire_at = sl_now(link->env->loop) + RETIRE_AFTER;
    if (link->retire_at < link->timer_at)
        sl_link_timer_set(link, link->retire_at);
}

void sl_link_gone(sl_link *link) {
    link->cookie_dead = true;
    sl_link_close(link, SL_CLOSE_BROKEN, false);
}

/* A stranger on a datagram socket: nothing is kept of it. */
void sl_link_stranger_gone(sl_link *link) {
    if (link->state == SL_LINK_OPENING && link->opening == NULL)
        sl_link_close(link, SL_CLOSE_BROKEN, false);
}
