#include "ticket.h"
#include "flag_fd.h"
#include "loop_libevent.h"
#include "path.h"
#include <stdio.h>
#include <stdlib.h>

_Static_assert((int)SL_PENDING == SLOW_PENDING && (int)SL_DELIVERED == SLOW_DELIVERED &&
                   (int)SL_NOT_DELIVERED == SLOW_NOT_DELIVERED && (int)SL_UNKNOWN == SLOW_UNKNOWN,
               "outcomes are told as they are");
_Static_assert((int)SL_REASON_EXPIRED == SLOW_REASON_EXPIRED && (int)SL_REASON_SUPERSEDED == SLOW_REASON_SUPERSEDED &&
                   (int)SL_REASON_NO_ROUTE == SLOW_REASON_NO_ROUTE && (int)SL_REASON_CLOSED == SLOW_REASON_CLOSED &&
                   (int)SL_REASON_PEER_RESTARTED == SLOW_REASON_PEER_RESTARTED &&
                   (int)SL_REASON_NO_ANSWER == SLOW_REASON_NO_ANSWER &&
                   (int)SL_REASON_NO_MEMORY == SLOW_REASON_NO_MEMORY && (int)SL_REASON_REFUSED == SLOW_REASON_REFUSED &&
                   (int)SL_REASON_UNSEALED == SLOW_REASON_UNSEALED,
               "reasons are told as they are");

/* ---- as a sentence ---- */

static size_t explain_reason(const sl_ticket *ticket, char *text, size_t size) {
    static const char *const texts[] = {
        [SL_REASON_NONE] = "delivered",
        [SL_REASON_SUPERSEDED] = "superseded: a newer message took its place",
        [SL_REASON_NO_ROUTE] = "there is no route, and it was to fail fast",
        [SL_REASON_CLOSED] = "the junction was closed",
        [SL_REASON_PEER_RESTARTED] = "the other end restarted, and whether it took the message before is not known",
        [SL_REASON_NO_MEMORY] = "no memory",
        [SL_REASON_REFUSED] = "the other end could not hand it over",
    };
    double seconds = (double)ticket->ttl_ns / (double)SL_SECOND;
    int used = 0;
    if (ticket->reason == SL_REASON_PEER_RESTARTED && ticket->opening == SL_OPENING_UNANSWERED)
        used = snprintf(text, size, "it was sent, but nothing came back since the pair seemed open");
    else if (ticket->reason == SL_REASON_EXPIRED)
        used = snprintf(text, size,
                        ticket->arrived    ? "expired: nobody took it there within %g s: is somebody receiving?"
                        : ticket->was_sent ? "expired: it was sent, but not taken within %g s"
                                           : "expired: it could not be sent within %g s",
                        seconds);
    else if (ticket->reason == SL_REASON_UNSEALED)
        used = snprintf(text, size,
                        "the peer does not seal: within %g s it offered no handshake; has it an identity, and "
                        "end_to_end?",
                        seconds);
    else if (ticket->reason == SL_REASON_NO_ANSWER)
        used = snprintf(text, size, "it was sent, but within %g s nobody said what became of it",
                        seconds + (double)SL_GRACE_NS / (double)SL_SECOND);
    else
        used = snprintf(text, size, "%s", texts[ticket->reason]);
    return used > 0 ? (size_t)used : 0;
}

static void explain(const sl_ticket *ticket, char *text, size_t size) {
    static const char *const endings[] = {
        [SL_OPENING_WELL] = "",
        [SL_OPENING_UNANSWERED] = "; it does not answer our openings: its log says why",
        [SL_OPENING_REFUSED] = "; we refuse its openings: our log says why",
    };
    size_t used = explain_reason(ticket, text, size);
    if (ticket->hint.by.size > 0 && ticket->reason != SL_REASON_NONE && used < size)
        snprintf(text + used, size - used, "; %.*s dropped it: %s", SL_ID_ARG(&ticket->hint.by),
                 sl_drop_text(ticket->hint.reason));
    else if (used < size)
        snprintf(text + used, size - used, "%s", endings[ticket->opening]);
}

static void note(sl_ticket *ticket, const sl_result *result) {
    ticket->outcome = result->outcome;
    ticket->reason = result->reason;
    ticket->was_sent = result->message->number != 0;
    ticket->ttl_ns = result->message->message.ttl_ns;
    ticket->rtt_ns = result->rtt_ns;
    ticket->hint = result->hint;
    ticket->arrived = result->arrived;
    ticket->opening = result->opening;
}

void sl_result_explain(const sl_result *result, char *text, size_t size) {
    sl_ticket ticket = {.number = 0};
    note(&ticket, result);
    explain(&ticket, text, size);
}

static void describe(const sl_ticket *ticket, slow_outcome *out) {
    *out = (slow_outcome){.outcome = (uint32_t)ticket->outcome,
                          .reason = (uint32_t)ticket->reason,
                          .ticket = ticket->number,
                          .rtt_ns = ticket->rtt_ns};
    explain(ticket, out->text, sizeof out->text);
}

/* ---- the table; locked ---- */

/* Where it hangs, or would. */
static sl_ticket **place_of(const sl_tickets *all, slow_ticket number) {
    sl_ticket **at = &all->buckets[number & (all->bucket_count - 1)];
    while (*at != NULL && (*at)->number != number)
        at = &(*at)->chained;
    return at;
}

/* Without memory the chains get longer, and that is all. */
static void grow(sl_tickets *all) {
    uint32_t count = all->bucket_count * 2;
    sl_ticket **buckets = all->count >= all->bucket_count ? calloc(count, sizeof *buckets) : NULL;
    if (buckets == NULL)
        return;
    for (uint32_t i = 0; i < all->bucket_count; i++)
        for (sl_ticket *ticket = all->buckets[i], *next; ticket != NULL; ticket = next) {
            next = ticket->chained;
            ticket->chained = buckets[ticket->number & (count - 1)];
            buckets[ticket->number & (count - 1)] = ticket;
        }
    free(all->buckets);
    all->buckets = buckets;
    all->bucket_count = count;
}

static void list_add(sl_ticket *ticket, sl_ticket ***end, enum sl_ticket_place place) {
    ticket->place = place;
    ticket->next = NULL;
    ticket->here = *end;
    **end = ticket;
    *end = &ticket->next;
}

static void list_remove(sl_ticket *ticket, sl_ticket ***end) {
    *ticket->here = ticket->next;
    if (ticket->next != NULL)
        ticket->next->here = ticket->here;
    else
        *end = ticket->here;
    ticket->place = SL_TICKET_LOOSE;
}

/* It is in no list. */
static void remove_loose(sl_tickets *all, sl_ticket *ticket) {
    *place_of(all, ticket->number) = ticket->chained;
    all->count--;
    free(ticket);
}

static void loosen(sl_tickets *all, sl_ticket *ticket) {
    list_remove(ticket, &all->kept_end);
    if (--all->kept_count == 0 && all->fd >= 0)
        sl_flag_fd_set(all->fd, false);
}

static void unkeep(sl_tickets *all, sl_ticket *ticket) {
    loosen(all, ticket);
    remove_loose(all, ticket);
}

static void keep(sl_tickets *all, sl_ticket *ticket) {
    list_add(ticket, &all->kept_end, SL_TICKET_IS_KEPT);
    if (++all->kept_count == 1 && all->fd >= 0)
        sl_flag_fd_set(all->fd, true);
    if (all->kept_count > SL_TICKETS_KEPT)
        unkeep(all, all->kept);
}

/* ---- from a send to its outcome ---- */

slow_ticket sl_tickets_draw(sl_tickets *all) {
    sl_ticket *ticket = calloc(1, sizeof *ticket);
    if (ticket == NULL)
        return 0;
    pthread_mutex_lock(&all->lock);
    grow(all);
    slow_ticket number = ticket->number = ++all->last;
    *place_of(all, number) = ticket;
    all->count++;
    pthread_mutex_unlock(&all->lock);
    return number;
}

slow_ticket sl_tickets_number(sl_tickets *all) {
    pthread_mutex_lock(&all->lock);
    slow_ticket number = ++all->last;
    pthread_mutex_unlock(&all->lock);
    return number;
}

void sl_tickets_forget(sl_tickets *all, slow_ticket number) {
    pthread_mutex_lock(&all->lock);
    remove_loose(all, *place_of(all, number));
    pthread_mutex_unlock(&all->lock);
}

void sl_tickets_tell(sl_tickets *all, bool telling) {
    pthread_mutex_lock(&all->lock);
    all->telling = telling;
    pthread_mutex_unlock(&all->lock);
}

bool sl_tickets_ended(sl_tickets *all, const sl_result *result) {
    pthread_mutex_lock(&all->lock);
    sl_ticket *ticket = *place_of(all, result->message->ticket);
    bool telling = all->telling;
    note(ticket, result);
    if (telling)
        list_add(ticket, &all->told_end, SL_TICKET_TO_TELL);
    else if (ticket->waiters == 0)
        keep(all, ticket);
    if (ticket->waiters > 0)
        pthread_cond_broadcast(&all->ended);
    pthread_mutex_unlock(&all->lock);
    return telling;
}

bool sl_tickets_next_told(sl_tickets *all, slow_outcome *out) {
    pthread_mutex_lock(&all->lock);
    sl_ticket *ticket = all->told;
    if (ticket != NULL) {
        describe(ticket, out);
        list_remove(ticket, &all->told_end);
        if (ticket->waiters == 0)
            remove_loose(all, ticket);
    }
    pthread_mutex_unlock(&all->lock);
    return ticket != NULL;
}

/* ---- asking ---- */

/* Locked. */
static slow_status take(sl_tickets *all, sl_ticket *ticket, slow_outcome *out) {
    if (ticket == NULL)
        return SLOW_E_INVAL;
    if (ticket->outcome == SL_PENDING)
        return SLOW_E_TIMEOUT;
    describe(ticket, out);
    if (ticket->waiters == 0 && ticket->place == SL_TICKET_IS_KEPT)
        unkeep(all, ticket);
    return SLOW_OK;
}

slow_status sl_tickets_take(sl_tickets *all, slow_ticket number, slow_outcome *out) {
    pthread_mutex_lock(&all->lock);
    slow_status status = take(all, *place_of(all, number), out);
    pthread_mutex_unlock(&all->lock);
    return status;
}

slow_status sl_tickets_take_kept(sl_tickets *all, slow_outcome *out) {
    slow_status status = SLOW_E_TIMEOUT;
    pthread_mutex_lock(&all->lock);
    if (all->kept != NULL)
        status = take(all, all->kept, out);
    pthread_mutex_unlock(&all->lock);
    return status;
}

int sl_tickets_fd(sl_tickets *all) {
    pthread_mutex_lock(&all->lock);
    if (all->fd < 0 && (all->fd = sl_flag_fd_new()) >= 0 && all->kept_count > 0)
        sl_flag_fd_set(all->fd, true);
    int fd = all->fd;
    pthread_mutex_unlock(&all->lock);
    return fd;
}

/* Locked. One who waited has it, or has given up. */
static void part(sl_tickets *all, sl_ticket *ticket) {
    if (--ticket->waiters == 0 && ticket->outcome != SL_PENDING && ticket->place == SL_TICKET_LOOSE)
        remove_loose(all, ticket);
}

slow_status sl_tickets_join(sl_tickets *all, slow_ticket number) {
    pthread_mutex_lock(&all->lock);
    sl_ticket *ticket = *place_of(all, number);
    if (ticket != NULL && ticket->waiters++ == 0 && ticket->place == SL_TICKET_IS_KEPT)
        loosen(all, ticket); /* it came a moment ago */
    pthread_mutex_unlock(&all->lock);
    return ticket != NULL ? SLOW_OK : SLOW_E_INVAL;
}

void sl_tickets_part(sl_tickets *all, slow_ticket number) {
    pthread_mutex_lock(&all->lock);
    part(all, *place_of(all, number));
    pthread_mutex_unlock(&all->lock);
}

slow_status sl_tickets_wait(sl_tickets *all, slow_ticket number, slow_time timeout, slow_outcome *out) {
    struct timespec deadline = sl_loop_libevent_deadline(timeout);
    bool in_time = true;
    pthread_mutex_lock(&all->lock);
    sl_ticket *ticket = *place_of(all, number);
    slow_status status = take(all, ticket, out);
    if (status == SLOW_E_TIMEOUT) {
        ticket->waiters++;
        while (ticket->outcome == SL_PENDING && in_time)
            in_time = pthread_cond_timedwait(&all->ended, &all->lock, &deadline) == 0;
        status = take(all, ticket, out);
        part(all, ticket);
    }
    pthread_mutex_unlock(&all->lock);
    return status;
}

/* ---- life ---- */

bool sl_tickets_init(sl_tickets *all) {
    *all = (sl_tickets){.bucket_count = 64, .fd = -1};
    all->kept_end = &all->kept;
    all->told_end = &all->told;
    all->buckets = calloc(all->bucket_count, sizeof *all->buckets);
    if (all->buckets == NULL)
        return false;
    pthread_mutex_init(&all->lock, NULL);
    sl_loop_libevent_condition(&all->ended);
    return true;
}

void sl_tickets_free(sl_tickets *all) {
    for (uint32_t i = 0; i < all->bucket_count; i++)
        for (sl_ticket *ticket = all->buckets[i], *next; ticket != NULL; ticket = next) {
            next = ticket->chained;
            free(ticket);
        }
    free(all->buckets);
    if (all->fd >= 0)
        close(all->fd);
    pthread_cond_destroy(&all->ended);
    pthread_mutex_destroy(&all->lock);
}
