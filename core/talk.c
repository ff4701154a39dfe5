#include "talk.h"
#include "id.h"
#include <stdlib.h>
#include <string.h>

/* Between two new beginnings of a channel that holds too much; of a list that is told again. */
static const slow_time RENEW_LEAST = SL_SECOND, TELL_LEAST = 20 * SL_MS, TELL_MOST = SL_SECOND;
/* Between two times that a neighbour is to say all again, and between two looks at the clock. */
static const slow_time REREAD_LEAST = 60 * SL_SECOND;
static const slow_time NEVER = UINT64_MAX;

/* ---- places ---- */

static int place_find(const sl_neighbours *all, const char *protocol) {
    for (unsigned i = 0; i < all->places; i++)
        if (strcmp(all->names[i], protocol) == 0)
            return (int)i;
    return -1;
}

/* One that we do not speak any more gives way, and its epochs with it: should it come back, an end that remembers shows
 * the newer one. We speak no more than there are places. */
static unsigned place_of(sl_neighbours *all, const char *protocol) {
    int place = place_find(all, protocol);
    if (place >= 0)
        return (unsigned)place;
    unsigned i = 0;
    while (i < all->places && sl_protocols_place(all->protocols, all->names[i]) >= 0)
        i++;
    all->places += i == all->places;
    for (uint32_t k = 0; k < all->count; k++)
        all->sorted[k]->talks[i] = (sl_talk){.open = false};
    memcpy(all->names[i], protocol, strlen(protocol) + 1);
    return i;
}

static sl_talk *talk_find(sl_neighbour *n, const char *protocol) {
    int place = place_find(n->all, protocol);
    return place >= 0 && n->talks[place].open ? &n->talks[place] : NULL;
}

static const char *name_of(const sl_neighbour *n, const sl_talk *talk) {
    return n->all->names[talk - n->talks];
}

/* ---- saying ---- */

static void say_route(sl_link *link, enum sl_frame_kind kind, const sl_talk *talk, uint32_t seq, const uint8_t *bytes,
                      size_t size) {
    uint8_t head[SL_ROUTE_HEADER];
    sl_route_frame frame = {.protocol = talk->ours, .epoch = talk->channel.epoch, .seq = seq};
    sl_route_write(&frame, head);
    sl_link_control(link, kind, head, sizeof head, bytes, size);
}

/* True: something may have to be repeated. */
static bool talk_say(sl_talk *talk, sl_link *link, slow_time now) {
    sl_channel *channel = &talk->channel;
    const sl_channel_message *message;
    bool said = false;
    while ((message = sl_channel_next(channel, now, link->live.srtt_ns, sl_link_is_stream(link))) != NULL) {
        say_route(link, SL_FRAME_ROUTE, talk, message->seq, message->bytes, message->size);
        said = true;
    }
    if (channel->ack_due)
        say_route(link, SL_FRAME_ROUTE_ACK, talk, channel->wanted, NULL, 0);
    channel->ack_due = false;
    return said;
}

static bool list_say(sl_neighbour *n, sl_link *link, slow_time now) {
    uint8_t body[SL_PROTOCOLS_MAX], ack[SL_PROTOCOLS_ACK_SIZE];
    if (n->told_us) {
        sl_protocols_ack_write(n->protocols.generation, ack);
        sl_link_control(link, SL_FRAME_PROTOCOLS_ACK, ack, sizeof ack, NULL, 0);
        n->told_us = false;
    }
    if (n->told == n->all->protocols->generation || n->tell_at != 0)
        return false;
    slow_time wait = 2 * link->live.srtt_ns > TELL_LEAST ? 2 * link->live.srtt_ns : TELL_LEAST;
    wait <<= n->tells < 8 ? n->tells : 8;
    n->tells++;
    n->tell_at = now + (wait < TELL_MOST ? wait : TELL_MOST);
    sl_link_control(link, SL_FRAME_PROTOCOLS, body, sl_protocols_write(n->all->protocols, body), NULL, 0);
    return true;
}

/* The list goes first: what follows may be in a protocol that it names. */
void sl_neighbours_fill(sl_neighbours *all, sl_link *link) {
    sl_neighbour *n = link->neighbour;
    slow_time now = sl_now(all->loop);
    if (n == NULL || n->best != link)
        return;
    bool said = list_say(n, link, now);
    for (unsigned i = 0; i < all->places; i++)
        if (n->talks[i].open)
            said |= talk_say(&n->talks[i], link, now);
    if (said)
        sl_talk_timer(n);
}

/* ---- time ---- */

/* One that holds too much; 0 = at once. */
static slow_time renew_at(const sl_talk *talk) {
    return talk->renewed_at == 0 ? 0 : talk->renewed_at + RENEW_LEAST;
}

void sl_talk_timer(sl_neighbour *n) {
    slow_time next = NEVER;
    if (n->adjacency == 0 && n->link_count > 0)
        next = n->held_until;
    if (n->link_count > 0 && n->tell_at != 0 && n->tell_at < next)
        next = n->tell_at;
    for (unsigned i = 0; i < n->all->places; i++) {
        const sl_talk *talk = &n->talks[i];
        if (talk->open && talk->channel.resend_at != 0 && talk->channel.resend_at < next)
            next = talk->channel.resend_at;
        if (talk->open && talk->channel.overflowed && renew_at(talk) < next)
            next = renew_at(talk);
        if (talk->open && talk->look_at != 0 && talk->look_at < next)
            next = talk->look_at;
        if ((talk->held_count > 0 || talk->passed_over || talk->anew) && sl_budget_ready_at(&n->budget) < next)
            next = sl_budget_ready_at(&n->budget);
    }
    if (next == NEVER)
        sl_timer_stop(n->timer);
    else
        sl_timer_at(n->timer, next);
}

/* All that was refused is said again, or was never said to this channel. */
static void refused_forget(sl_talk *talk) {
    talk->refused = false;
    talk->counts_from = talk->look_at = 0;
}

/* Begins anew, here and in the strategy: the other end lost its state, or never had ours, or ours is to be given up. */
static void talk_renew(sl_neighbour *n, sl_talk *talk, uint8_t epoch) {
    sl_neighbour_events *events = &n->all->events;
    refused_forget(talk);
    sl_channel_free(&talk->channel);
    sl_channel_init(&talk->channel, epoch);
    talk->epoch = epoch;
    events->parted(events->arg, n, name_of(n, talk));
    events->met(events->arg, n, name_of(n, talk));
}

void sl_neighbour_spend(sl_neighbour *n, uint32_t signatures) {
    slow_time now = sl_now(n->all->loop);
    bool before = sl_budget_is_spent(&n->budget, now);
    sl_budget_spend(&n->budget, signatures, now);
    if (before || !sl_budget_is_spent(&n->budget, now))
        return;
    sl_log_limited(n->all->log, &n->all->rate_unread, now, SLOW_LOG_WARN, "link",
                   "%.*s has us check more signatures, or begin anew more often, than we do for one neighbour: its "
                   "routing messages wait",
                   SL_ID_ARG(&n->id));
}

/* The other end has begun anew. That costs it a few bytes, and us all that we know: so it is work which it makes us do, as
 * signatures are. */
static void begun_anew(sl_neighbour *n, sl_talk *talk, uint8_t epoch) {
    sl_neighbour_spend(n, SL_BUDGET_ANEW);
    talk_renew(n, talk, epoch);
}

/* Once a second at most: a table that is more than a channel holds would otherwise be begun without end. */
static void relieve(sl_neighbour *n, sl_talk *talk, slow_time now) {
    if (!talk->channel.overflowed || now < renew_at(talk))
        return;
    talk->renewed_at = now;
    sl_log_write(n->all->log, SLOW_LOG_WARN, "link", "%.*s cannot keep up with %s: starting anew", SL_ID_ARG(&n->id),
                 name_of(n, talk));
    talk_renew(n, talk, (uint8_t)(talk->channel.epoch + 1));
}

/* ---- what was refused for now ---- */

static void look_plan(const sl_neighbour *n, sl_talk *talk) {
    slow_time now = sl_now(n->all->loop), when = now + REREAD_LEAST;
    uint64_t wall_s = sl_wall_ms(n->all->loop) / 1000;
    if (talk->counts_from <= wall_s)
        when = now;
    else if (talk->counts_from - wall_s < REREAD_LEAST / SL_SECOND)
        when = now + (talk->counts_from - wall_s) * SL_SECOND;
    if (talk->reread_at != 0 && when < talk->reread_at + REREAD_LEAST)
        when = talk->reread_at + REREAD_LEAST;
    talk->look_at = when;
}

void sl_talk_refused(sl_neighbour *n, const char *protocol, uint64_t counts_from) {
    sl_talk *talk = talk_find(n, protocol);
    if (talk == NULL)
        return;
    if (counts_from == 0)
        talk->refused = true;
    if (counts_from == 0 || (talk->counts_from != 0 && talk->counts_from <= counts_from))
        return;
    talk->counts_from = counts_from;
    look_plan(n, talk);
    sl_talk_timer(n);
}

static void again(sl_neighbour *n, sl_talk *talk) {
    talk->counts_from = 1; /* long past */
    look_plan(n, talk);
    sl_talk_timer(n);
}

void sl_talk_say_again(sl_neighbour *n, const char *protocol) {
    sl_talk *talk = talk_find(n, protocol);
    if (talk != NULL && talk->open)
        again(n, talk);
}

void sl_talk_pardoned(sl_neighbours *all) {
    for (uint32_t i = 0; i < all->count; i++)
        for (unsigned k = 0; k < all->places; k++) {
            sl_talk *talk = &all->sorted[i]->talks[k];
            if (talk->open && talk->refused)
                again(all->sorted[i], talk);
        }
}

static void reread(sl_neighbour *n, sl_talk *talk, slow_time now) {
    if (talk->look_at == 0 || now < talk->look_at)
        return;
    if (sl_wall_ms(n->all->loop) / 1000 < talk->counts_from) {
        look_plan(n, talk);
        return;
    }
    talk->reread_at = now;
    SL_COUNT(n->all->stats, channels_reread);
    sl_log_write(n->all->log, SLOW_LOG_INFO, "link", "%.*s is to say all of %s again: what was refused may count now",
                 SL_ID_ARG(&n->id), name_of(n, talk));
    talk_renew(n, talk, (uint8_t)(talk->channel.epoch + 1));
    talk->channel.ack_due = true; /* shows the new epoch, though the strategy should have nothing to say */
}

/* ---- what waits to be read ---- */

static sl_channel_message *held_pop(sl_talk *talk) {
    sl_channel_message *first = talk->held;
    talk->held = first->next;
    if (--talk->held_count == 0)
        talk->held_end = &talk->held;
    return first;
}

static void held_drop(sl_talk *talk) {
    while (talk->held_count > 0)
        free(held_pop(talk));
}

static bool is_unread(const sl_neighbour *n, const sl_talk *talk) {
    return talk->held_count > 0 || sl_budget_is_spent(&n->budget, sl_now(n->all->loop));
}

/* Would it be read, were it read now, or when what is held has been? All else costs nothing, and is answered as ever. */
static bool is_ahead(const sl_talk *talk, const sl_route_frame *route) {
    uint8_t epoch = talk->held_count > 0 ? talk->held_epoch : talk->channel.epoch;
    uint32_t next = talk->held_count > 0 ? talk->held_last + 1 : talk->channel.wanted;
    return sl_epoch_newer(route->epoch, epoch) || (route->epoch == epoch && route->seq >= next);
}

static void hold(sl_neighbour *n, sl_talk *talk, const sl_route_frame *route) {
    sl_channel_message *message = malloc(sizeof *message + route->message.size);
    if (message == NULL) { /* lost, and so the channel with it */
        SL_COUNT(n->all->stats, drop_route_unread);
        talk->channel.overflowed = true;
        return;
    }
    *message = (sl_channel_message){.seq = route->seq, .size = (uint32_t)route->message.size};
    if (route->message.size > 0)
        memcpy(message->bytes, route->message.data, route->message.size);
    if (talk->held_count++ == 0)
        talk->held_end = &talk->held;
    *talk->held_end = message;
    talk->held_end = &message->next;
    talk->held_last = route->seq;
    talk->held_epoch = route->epoch;
    SL_COUNT(n->all->stats, routes_held);
}

/* On datagrams it comes again. A stream repeats nothing: there it is kept, and of one who waits for acknowledgements it is
 * the next, and there are no more than he may send without. */
static void leave_unread(sl_neighbour *n, sl_talk *talk, const sl_link *link, const sl_route_frame *route) {
    bool anew = talk->held_count > 0 && route->epoch != talk->held_epoch;
    if (!sl_link_is_stream(link)) {
        SL_COUNT(n->all->stats, drop_route_unread);
        talk->passed_over = true;
        return;
    }
    if (anew)
        held_drop(talk);
    uint32_t next = talk->held_count > 0                  ? talk->held_last + 1
                    : route->epoch == talk->channel.epoch ? talk->channel.wanted
                                                          : 1;
    if (route->seq == next && talk->held_count < SL_CHANNEL_FLIGHT)
        hold(n, talk, route);
    else
        SL_COUNT(n->all->stats, drop_route_unread);
}

static void talk_hear(sl_neighbour *n, sl_talk *talk, const sl_route_frame *route) {
    sl_neighbour_events *events = &n->all->events;
    enum sl_channel_verdict verdict = sl_channel_receive(&talk->channel, route->epoch, route->seq);
    if (verdict == SL_CHANNEL_NEWER) {
        begun_anew(n, talk, route->epoch);
        verdict = sl_channel_receive(&talk->channel, route->epoch, route->seq);
    }
    if (verdict == SL_CHANNEL_TAKE)
        events->message(events->arg, n, name_of(n, talk), route->message);
}

/* It is read again: an acknowledgement that shows nothing new makes the other end repeat what was passed over. */
static void read_on(sl_neighbour *n, sl_talk *talk, slow_time now) {
    if (talk->anew && !sl_budget_is_spent(&n->budget, now)) {
        talk->anew = false;
        if (sl_epoch_newer(talk->anew_epoch, talk->channel.epoch))
            begun_anew(n, talk, talk->anew_epoch);
    }
    if (talk->passed_over && !sl_budget_is_spent(&n->budget, now)) {
        talk->passed_over = false;
        talk->channel.ack_due = true;
    }
    while (talk->held_count > 0 && !sl_budget_is_spent(&n->budget, now)) {
        uint8_t epoch = talk->held_epoch;
        sl_channel_message *message = held_pop(talk);
        sl_route_frame route = {.epoch = epoch, .seq = message->seq, .message = {message->bytes, message->size}};
        talk_hear(n, talk, &route);
        free(message);
    }
}

void sl_talk_tick(sl_neighbour *n, slow_time now) {
    if (now >= n->tell_at)
        n->tell_at = 0;
    for (unsigned i = 0; i < n->all->places; i++) {
        if (!n->talks[i].open)
            continue;
        sl_channel_tick(&n->talks[i].channel, now);
        relieve(n, &n->talks[i], now);
        reread(n, &n->talks[i], now);
        read_on(n, &n->talks[i], now);
    }
}

/* ---- what both speak ---- */

static void talk_begin(sl_talk *talk, uint8_t ours, uint8_t theirs) {
    talk->open = true;
    talk->ours = ours;
    talk->theirs = theirs;
    sl_channel_init(&talk->channel, ++talk->epoch);
    talk->channel.ack_due = talk->missed; /* shows the epoch, and so that the other end has to begin anew */
    talk->missed = false;
}

static void talk_end(sl_talk *talk) {
    held_drop(talk);
    refused_forget(talk);
    talk->passed_over = talk->anew = false;
    sl_channel_free(&talk->channel);
    talk->open = false;
}

/* Ends what one of the two does not speak any more, or has taken up anew. */
static void match_ends(sl_neighbour *n) {
    sl_neighbours *all = n->all;
    for (unsigned i = 0; i < all->places; i++) {
        sl_talk *talk = &n->talks[i];
        if (!talk->open)
            continue;
        int theirs = sl_protocols_place(&n->protocols, all->names[i]);
        bool gone_here = sl_protocols_place(all->protocols, all->names[i]) < 0;
        if (!gone_here && theirs >= 0 && n->protocols.number[theirs] == talk->theirs)
            continue;
        if (gone_here) /* last words */
            talk_say(talk, n->best, sl_now(all->loop));
        talk_end(talk);
        all->events.parted(all->events.arg, n, all->names[i]);
    }
}

static void match_begins(sl_neighbour *n, bool tell) {
    sl_neighbours *all = n->all;
    for (unsigned k = 0; k < all->protocols->names.count; k++) {
        const char *name = all->protocols->names.name[k];
        int theirs = sl_protocols_place(&n->protocols, name);
        sl_talk *talk = theirs < 0 ? NULL : &n->talks[place_of(all, name)];
        if (talk == NULL || talk->open)
            continue;
        talk_begin(talk, all->protocols->number[k], n->protocols.number[theirs]);
        if (tell)
            all->events.met(all->events.arg, n, name);
    }
}

void sl_talk_changed(sl_neighbours *all) {
    for (uint32_t i = 0; i < all->count; i++)
        match_ends(all->sorted[i]);
    for (uint32_t i = 0; i < all->count; i++) {
        sl_neighbour *n = all->sorted[i];
        if (n->adjacency != 0)
            match_begins(n, true);
        n->tell_at = 0;
        n->tells = 0;
        if (n->best != NULL)
            sl_link_touch(n->best);
        sl_talk_timer(n);
    }
}

void sl_talk_opened(sl_neighbour *n, const sl_link *link, bool first) {
    const sl_protocols *claimed = &link->peer->protocols;
    /* A claim is known to have come only when the link is heard: where there are other links, the least counts. */
    if (first || link->told < n->told)
        n->told = link->told;
    n->tell_at = 0;
    n->tells = 0;
    if (claimed->generation <= n->protocols.generation)
        return;
    n->protocols = *claimed;
    match_ends(n);
    if (n->adjacency != 0)
        match_begins(n, true);
}

void sl_talk_up(sl_neighbour *n) {
    match_begins(n, false);
}

void sl_talk_down(sl_neighbour *n) {
    for (unsigned i = 0; i < n->all->places; i++)
        if (n->talks[i].open)
            talk_end(&n->talks[i]);
}

void sl_talk_moved(sl_neighbour *n) {
    n->tell_at = 0;
    for (unsigned i = 0; i < n->all->places; i++) {
        sl_channel *channel = &n->talks[i].channel;
        if (!n->talks[i].open)
            continue;
        sl_channel_rewind(channel);
        channel->ack_due = channel->wanted > 1; /* the last one may have died with the old link */
    }
}

/* ---- hearing ---- */

/* It is held down here, and up over there: what it says is lost, and on a stream never repeated. When the hold ends its
 * channel begins with a newer epoch than this one, and so the other end begins anew, too. */
static bool held_frame(sl_neighbour *n, const sl_route_frame *frame) {
    int theirs = sl_protocols_place_of_number(&n->protocols, frame->protocol);
    if (theirs < 0 || sl_protocols_place(n->all->protocols, n->protocols.names.name[theirs]) < 0)
        return false;
    sl_talk *talk = &n->talks[place_of(n->all, n->protocols.names.name[theirs])];
    talk->missed = true;
    if (sl_epoch_newer(frame->epoch, talk->epoch))
        talk->epoch = frame->epoch;
    return true;
}

static sl_talk *talk_of(sl_neighbours *all, sl_link *link, const sl_route_frame *frame) {
    sl_neighbour *n = link->neighbour;
    for (unsigned i = 0; n != NULL && i < all->places; i++)
        if (n->talks[i].open && n->talks[i].theirs == frame->protocol)
            return &n->talks[i];
    if (n == NULL || n->adjacency != 0 || !held_frame(n, frame))
        SL_COUNT(all->stats, drop_route_protocol);
    return NULL;
}

void sl_neighbours_route(sl_neighbours *all, sl_link *link, const sl_route_frame *route) {
    sl_neighbour *n = link->neighbour;
    sl_talk *talk = talk_of(all, link, route);
    if (talk == NULL)
        return;
    if (is_unread(n, talk) && is_ahead(talk, route)) {
        leave_unread(n, talk, link, route);
        sl_talk_timer(n);
    } else {
        talk_hear(n, talk, route);
    }
    if (n->best != NULL)
        sl_link_touch(n->best);
}

void sl_neighbours_route_ack(sl_neighbours *all, sl_link *link, const sl_route_frame *ack) {
    sl_neighbour *n = link->neighbour;
    sl_talk *talk = talk_of(all, link, ack);
    if (talk == NULL)
        return;
    uint64_t srtt_ns = n->best->live.srtt_ns;
    slow_time now = sl_now(all->loop);
    if (sl_channel_acked(&talk->channel, ack->epoch, ack->seq, now, srtt_ns) == SL_CHANNEL_NEWER) {
        talk->anew = true;
        talk->anew_epoch = ack->epoch;
        read_on(n, talk, now);
    }
    sl_link_touch(n->best);
    sl_talk_timer(n);
}

void sl_neighbours_protocols(sl_neighbours *all, sl_link *link, const sl_protocols *protocols) {
    sl_neighbour *n = link->neighbour;
    bool newer = n != NULL && protocols->generation > n->protocols.generation;
    if (n == NULL || (newer && sl_budget_is_spent(&n->budget, sl_now(all->loop)))) /* it is told again */
        return;
    n->told_us = true;
    if (newer) {
        sl_neighbour_spend(n, SL_BUDGET_ANEW);
        n->protocols = *protocols;
        match_ends(n);
        if (n->adjacency != 0)
            match_begins(n, true);
        sl_talk_timer(n);
    }
    sl_link_touch(n->best);
}

void sl_neighbours_protocols_ack(sl_neighbours *all, sl_link *link, uint32_t generation) {
    sl_neighbour *n = link->neighbour;
    if (n == NULL || generation <= n->told || generation > all->protocols->generation)
        return;
    n->told = generation;
    n->tells = 0;
    if (generation == all->protocols->generation)
        n->tell_at = 0;
    sl_talk_timer(n);
}

/* ---- for the layers above ---- */

bool sl_neighbour_speaks(const sl_neighbour *n, const char *protocol) {
    int place = place_find(n->all, protocol);
    return place >= 0 && n->talks[place].open;
}

slow_status sl_neighbour_send(sl_neighbour *n, const char *protocol, slow_bytes message) {
    sl_talk *talk = talk_find(n, protocol);
    if (talk == NULL)
        return SLOW_E_UNSUPPORTED;
    if (talk->channel.overflowed || sl_channel_push(&talk->channel, message) != SLOW_OK) {
        /* It cannot keep up. The strategy is in the middle of something: it is told in another turn. */
        talk->channel.overflowed = true;
        sl_talk_timer(n);
    }
    sl_link_touch(n->best);
    return SLOW_OK;
}
