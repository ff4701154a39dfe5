#include "mailbag.h"
#include "loop_libevent.h"
#include <stdlib.h>

enum { ENDED_MOST = 64 }; /* messages: a writer on another core need not wait for the end of a long turn */
static const slow_time AGAIN = 250 * SL_MS;

/* ---- room for best effort; locked ---- */

static bool has_room(const sl_mailbag *bag, size_t size) {
    return bag->count + bag->held_count < SL_QUEUED_COUNT && bag->bytes + bag->held_bytes + size <= SL_QUEUED_MAX;
}

static bool is_half_empty(const sl_mailbag *bag) {
    return bag->count + bag->held_count <= SL_QUEUED_COUNT / 2 && bag->bytes + bag->held_bytes <= SL_QUEUED_MAX / 2;
}

/* ---- what delivery would not take ---- */

static sl_quota_account *account_of(sl_mailbag *bag, const slow_id *id) {
    pthread_mutex_lock(&bag->lock);
    sl_quota_account *account = sl_quota_find(&bag->quota, id); /* it stays while something of it waits */
    pthread_mutex_unlock(&bag->lock);
    return account;
}

static void credit_ended(sl_mailbag *bag) {
    if (bag->ended_count == 0)
        return;
    pthread_mutex_lock(&bag->lock);
    if (sl_quota_credit(&bag->quota, &bag->ended, bag->ended_count, bag->ended_bytes))
        pthread_cond_broadcast(&bag->room);
    pthread_mutex_unlock(&bag->lock);
    bag->ended_count = 0;
    bag->ended_bytes = 0;
}

static void credit(sl_mailbag *bag, const slow_id *id, size_t size) {
    if (bag->ended_count == ENDED_MOST || !sl_id_equal(&bag->ended, id)) {
        credit_ended(bag);
        bag->ended = *id;
    }
    bag->ended_count++;
    bag->ended_bytes += size;
    sl_defer(bag->loop, &bag->look);
}

static void end_here(sl_mailbag *bag, sl_outgoing *out, enum sl_reason reason) {
    sl_result result = {.message = out, .outcome = SL_NOT_DELIVERED, .reason = reason};
    if (out->submitted_at != 0)
        result.rtt_ns = sl_now(bag->loop) - out->submitted_at;
    bag->events.outcome(bag->events.arg, &result);
    credit(bag, &out->message.peer, out->message.payload.size);
    free(out);
}

static void stall(sl_mailbag *bag, sl_outgoing *out, sl_quota_account *account) {
    slow_time now = sl_now(bag->loop);
    out->submitted_at = now;
    out->until = now + out->message.ttl_ns;
    out->next = NULL;
    account->stalled++;
    if (bag->stalled == NULL)
        sl_timer_at(bag->timer, now + AGAIN);
    *bag->stalled_end = out;
    bag->stalled_end = &out->next;
}

static void hand_in(sl_mailbag *bag, sl_outgoing *out) {
    bool reliable = sl_outgoing_is_reliable(out);
    sl_quota_account *account = reliable && bag->stalled != NULL ? account_of(bag, &out->message.peer) : NULL;
    if (account != NULL && account->stalled > 0)
        stall(bag, out, account);
    else if (bag->events.submit(bag->events.arg, out) != SLOW_OK)
        stall(bag, out, account_of(bag, &out->message.peer));
}

/* True: it is not here any more. */
static bool hand_in_again(sl_mailbag *bag, sl_outgoing *out, sl_quota_account *account, slow_time now) {
    if (now >= out->until) {
        account->stalled--;
        end_here(bag, out, SL_REASON_EXPIRED);
        return true;
    }
    if (account->round == bag->round)
        return false;
    out->message.ttl_ns = out->until - now;
    account->stalled--; /* before: its outcome may come at once, and the account go with it */
    if (bag->events.submit(bag->events.arg, out) == SLOW_OK)
        return true;
    account->stalled++;
    account->round = bag->round;
    return false;
}

static void try_stalled(sl_mailbag *bag) {
    slow_time now = sl_now(bag->loop);
    bag->round++;
    for (sl_outgoing **at = &bag->stalled; *at != NULL;) {
        sl_outgoing *out = *at, *next = out->next;
        if (!hand_in_again(bag, out, account_of(bag, &out->message.peer), now)) {
            at = &out->next;
            continue;
        }
        *at = next;
        if (next == NULL)
            bag->stalled_end = at;
    }
    if (bag->stalled != NULL)
        sl_timer_at(bag->timer, now + AGAIN);
}

void sl_mailbag_abandon(sl_mailbag *bag) {
    while (bag->stalled != NULL) {
        sl_outgoing *out = bag->stalled;
        bag->stalled = out->next;
        end_here(bag, out, SL_REASON_CLOSED);
    }
    bag->stalled_end = &bag->stalled;
}

/* ---- the turn ---- */

static void tell_writable(sl_mailbag *bag) {
    slow_id id;
    bool any = true;
    while (any) {
        pthread_mutex_lock(&bag->lock);
        any = sl_quota_next_told(&bag->quota, &id);
        pthread_mutex_unlock(&bag->lock);
        if (any)
            bag->events.writable(bag->events.arg, &id);
    }
}

static void look(void *arg) {
    sl_mailbag *bag = arg;
    size_t count, bytes;
    if (bag->stalled != NULL)
        try_stalled(bag);
    credit_ended(bag);
    bag->events.best_effort(bag->events.arg, &count, &bytes);
    pthread_mutex_lock(&bag->lock);
    bag->held_count = count;
    bag->held_bytes = bytes;
    bool half = is_half_empty(bag), told = bag->refused && half;
    if (told)
        bag->refused = false;
    if (half && bag->writers > 0)
        pthread_cond_broadcast(&bag->room);
    pthread_mutex_unlock(&bag->lock);
    if (told)
        bag->events.writable(bag->events.arg, NULL);
    tell_writable(bag);
    bag->events.room(bag->events.arg);
}

void sl_mailbag_released(sl_mailbag *bag, const slow_id *id, size_t bytes, bool reliable) {
    if (reliable)
        credit(bag, id, bytes);
    else
        sl_defer(bag->loop, &bag->look);
}

void sl_mailbag_flush(sl_mailbag *bag) {
    pthread_mutex_lock(&bag->lock);
    sl_outgoing *out = bag->first;
    size_t count = bag->count, bytes = bag->bytes;
    bag->first = NULL;
    bag->end = &bag->first;
    pthread_mutex_unlock(&bag->lock);
    while (out != NULL) {
        sl_outgoing *next = out->next;
        hand_in(bag, out);
        out = next;
    }
    pthread_mutex_lock(&bag->lock); /* until look() they count twice, or not at all as what delivery holds */
    bag->count -= count;
    bag->bytes -= bytes;
    bag->events.best_effort(bag->events.arg, &bag->held_count, &bag->held_bytes);
    pthread_mutex_unlock(&bag->lock);
    sl_defer(bag->loop, &bag->look);
}

static void bag_take(void *arg) {
    sl_mailbag *bag = arg;
    if (!bag->over)
        sl_mailbag_flush(bag);
}

/* ---- from any thread ---- */

static slow_status refuse(sl_mailbag *bag, const sl_outgoing *out, slow_error *error) {
    const sl_quota_account *account = sl_quota_find(&bag->quota, &out->message.peer);
    if (!sl_outgoing_is_reliable(out))
        return sl_error(error, SLOW_E_AGAIN, NULL,
                        "%zu messages of %zu bytes wait to be sent already; try again after slow_wait_writable()",
                        bag->count + bag->held_count, bag->bytes + bag->held_bytes);
    return sl_error(error, SLOW_E_AGAIN, NULL,
                    "%u messages of %llu bytes to %.*s wait for their outcome already, and %llu bytes in all; "
                    "try again after slow_wait_writable()",
                    account != NULL ? account->count : 0, account != NULL ? (unsigned long long)account->bytes : 0,
                    SL_ID_ARG(&out->message.peer), (unsigned long long)bag->quota.bytes);
}

/* Locked. */
static slow_status admit(sl_mailbag *bag, const sl_outgoing *out, slow_error *error) {
    size_t size = out->message.payload.size;
    slow_status status = SLOW_OK;
    if (bag->closed)
        return sl_error(error, SLOW_E_CLOSED, NULL, "the junction is being freed");
    if (sl_outgoing_is_reliable(out))
        status = sl_quota_charge(&bag->quota, &out->message.peer, size);
    else if (!has_room(bag, size)) {
        bag->refused = true;
        status = SLOW_E_AGAIN;
    }
    if (status == SLOW_E_AGAIN)
        return refuse(bag, out, error);
    if (status == SLOW_OK && bag->first == NULL && sl_post(bag->loop, bag_take, bag) != SLOW_OK) {
        if (sl_outgoing_is_reliable(out))
            sl_quota_credit(&bag->quota, &out->message.peer, 1, size);
        status = SLOW_E_NOMEM;
    }
    if (status == SLOW_E_NOMEM)
        sl_error(error, status, NULL, "no memory for a message of %zu bytes", size);
    return status;
}

slow_status sl_mailbag_put(sl_mailbag *bag, sl_outgoing *out, slow_error *error) {
    pthread_mutex_lock(&bag->lock);
    slow_status status = admit(bag, out, error);
    if (status == SLOW_OK) {
        out->next = NULL;
        *bag->end = out;
        bag->end = &out->next;
        if (!sl_outgoing_is_reliable(out)) {
            bag->count++;
            bag->bytes += out->message.payload.size;
        }
    }
    pthread_mutex_unlock(&bag->lock);
    return status;
}

/* Locked. */
static slow_status look_locked(sl_mailbag *bag, const slow_id *id, bool half) {
    bool room = id == NULL ? (half ? is_half_empty(bag) : has_room(bag, SL_BEST_EFFORT_MAX))
                : half     ? sl_quota_is_half_empty(&bag->quota, id)
                           : sl_quota_has_room(&bag->quota, id, SL_BEST_EFFORT_MAX);
    return bag->closed ? SLOW_E_CLOSED : room ? SLOW_OK : SLOW_E_TIMEOUT;
}

slow_status sl_mailbag_look(sl_mailbag *bag, const slow_id *id, bool half) {
    pthread_mutex_lock(&bag->lock);
    slow_status status = look_locked(bag, id, half);
    pthread_mutex_unlock(&bag->lock);
    return status;
}

slow_status sl_mailbag_wait(sl_mailbag *bag, const slow_id *id, slow_time timeout) {
    struct timespec deadline = sl_loop_libevent_deadline(timeout);
    slow_status status;
    bool in_time = true;
    pthread_mutex_lock(&bag->lock);
    bag->writers += id == NULL;
    while ((status = look_locked(bag, id, true)) == SLOW_E_TIMEOUT && in_time)
        in_time = pthread_cond_timedwait(&bag->room, &bag->lock, &deadline) == 0;
    bag->writers -= id == NULL;
    pthread_mutex_unlock(&bag->lock);
    return status;
}

void sl_mailbag_close(sl_mailbag *bag) {
    pthread_mutex_lock(&bag->lock);
    bag->closed = true;
    pthread_cond_broadcast(&bag->room);
    pthread_mutex_unlock(&bag->lock);
}

/* ---- life ---- */

static void timer_due(void *arg) {
    look(arg);
}

bool sl_mailbag_init(sl_mailbag *bag, sl_loop *loop, const sl_mailbag_events *events) {
    *bag = (sl_mailbag){.loop = loop, .events = *events};
    bag->end = &bag->first;
    bag->stalled_end = &bag->stalled;
    bag->look = (sl_deferred){.fn = look, .arg = bag};
    bag->timer = sl_timer_new(loop, timer_due, bag);
    if (bag->timer == NULL || !sl_quota_init(&bag->quota, loop)) {
        sl_timer_free(bag->timer);
        return false;
    }
    pthread_mutex_init(&bag->lock, NULL);
    sl_loop_libevent_condition(&bag->room);
    return true;
}

void sl_mailbag_stop(sl_mailbag *bag) {
    credit_ended(bag);
    sl_defer_cancel(bag->loop, &bag->look);
    sl_timer_free(bag->timer);
    bag->over = true;
}

void sl_mailbag_free(sl_mailbag *bag) {
    sl_quota_free(&bag->quota);
    pthread_cond_destroy(&bag->room);
    pthread_mutex_destroy(&bag->lock);
}
