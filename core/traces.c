#include "traces.h"
#include "loop_libevent.h"
#include <stdlib.h>
#include <string.h>

struct sl_transmission {
    sl_transmission *chained;
    sl_trace *trace;
    uint64_t session, packet;
    uint32_t offset;
};

struct sl_trace {
    sl_trace *next;
    uint64_t ticket;
    slow_id dst;
    uint32_t attempts, count, capacity, told;
    sl_transmission attempt[SL_TRACE_ATTEMPTS];
    sl_hop *hops; /* as they came */
};

void sl_traces_init(sl_traces *all) {
    *all = (sl_traces){.count = 0};
    all->end = &all->first;
    pthread_mutex_init(&all->lock, NULL);
    sl_loop_libevent_condition(&all->heard);
}

/* ---- the table; locked ---- */

static sl_transmission **bucket_of(sl_traces *all, uint64_t packet) {
    return &all->buckets[packet % SL_TRACE_BUCKETS];
}

static sl_trace **place_of(sl_traces *all, uint64_t ticket) {
    sl_trace **at = &all->first;
    while (*at != NULL && (*at)->ticket != ticket)
        at = &(*at)->next;
    return at;
}

static sl_transmission *transmission_of(sl_traces *all, uint64_t session, uint64_t packet) {
    sl_transmission *t = *bucket_of(all, packet);
    while (t != NULL && (t->session != session || t->packet != packet))
        t = t->chained;
    return t;
}

static void trace_remove(sl_traces *all, sl_trace **at) {
    sl_trace *trace = *at;
    for (uint32_t i = 0; i < trace->attempts; i++) {
        sl_transmission **place = bucket_of(all, trace->attempt[i].packet);
        while (*place != &trace->attempt[i])
            place = &(*place)->chained;
        *place = trace->attempt[i].chained;
    }
    *at = trace->next;
    if (all->end == &trace->next)
        all->end = at;
    all->count--;
    free(trace->hops);
    free(trace);
}

void sl_traces_free(sl_traces *all) {
    while (all->first != NULL)
        trace_remove(all, &all->first);
    pthread_cond_destroy(&all->heard);
    pthread_mutex_destroy(&all->lock);
}

/* ---- what is sent ---- */

bool sl_traces_begin(sl_traces *all, uint64_t ticket, const slow_id *dst) {
    pthread_mutex_lock(&all->lock);
    bool known = *place_of(all, ticket) != NULL;
    sl_trace *trace = known ? NULL : calloc(1, sizeof *trace);
    if (trace != NULL) {
        trace->ticket = ticket;
        trace->dst = *dst;
        if (all->count == SL_TRACES_MAX)
            trace_remove(all, &all->first);
        *all->end = trace;
        all->end = &trace->next;
        all->count++;
    }
    pthread_mutex_unlock(&all->lock);
    return known || trace != NULL;
}

void sl_traces_forget(sl_traces *all, uint64_t ticket) {
    pthread_mutex_lock(&all->lock);
    sl_trace **at = place_of(all, ticket);
    if (*at != NULL)
        trace_remove(all, at);
    pthread_mutex_unlock(&all->lock);
}

void sl_traces_sent(sl_traces *all, uint64_t ticket, uint64_t session, uint64_t packet, uint32_t offset) {
    pthread_mutex_lock(&all->lock);
    sl_trace *trace = *place_of(all, ticket);
    if (trace != NULL && trace->attempts < SL_TRACE_ATTEMPTS) {
        sl_transmission *t = &trace->attempt[trace->attempts++], **bucket = bucket_of(all, packet);
        *t = (sl_transmission){
            .chained = *bucket, .trace = trace, .session = session, .packet = packet, .offset = offset};
        *bucket = t;
    }
    pthread_mutex_unlock(&all->lock);
}

/* ---- what is heard ---- */

/* Locked. */
static bool hop_add(sl_trace *trace, const sl_hop *hop) {
    if (trace->count == trace->capacity) {
        uint32_t capacity = trace->capacity == 0 ? 8 : trace->capacity * 2;
        sl_hop *hops = trace->capacity < SL_TRACE_HOPS ? realloc(trace->hops, capacity * sizeof *hops) : NULL;
        if (hops == NULL)
            return false;
        trace->hops = hops;
        trace->capacity = capacity;
    }
    trace->hops[trace->count++] = *hop;
    return true;
}

/* Locked. The end is where the destination is, whoever claims to be it. */
static enum sl_heard hop_take(sl_traces *all, const slow_id *by, const sl_hop_report *report) {
    sl_transmission *t = transmission_of(all, report->session, report->packet);
    if (t == NULL || (report->fate == SL_HOP_ARRIVED && !sl_id_equal(by, &t->trace->dst)))
        return SL_HEARD_UNKNOWN;
    sl_trace *trace = t->trace;
    sl_hop hop = {.ticket = trace->ticket,
                  .attempt = (uint32_t)(t - trace->attempt) + 1,
                  .offset = t->offset,
                  .by = *by,
                  .report = *report};
    for (uint32_t i = 0; i < trace->count; i++)
        if (trace->hops[i].attempt == hop.attempt && trace->hops[i].report.place == report->place &&
            sl_id_equal(&trace->hops[i].by, by))
            return SL_HEARD_DOUBLE;
    return hop_add(trace, &hop) ? SL_HEARD : SL_HEARD_FULL;
}

enum sl_heard sl_traces_heard(sl_traces *all, const slow_id *by, const sl_hop_report *report) {
    pthread_mutex_lock(&all->lock);
    enum sl_heard heard = hop_take(all, by, report);
    if (heard == SL_HEARD)
        pthread_cond_broadcast(&all->heard);
    pthread_mutex_unlock(&all->lock);
    return heard;
}

void sl_traces_tell(sl_traces *all, bool telling) {
    pthread_mutex_lock(&all->lock);
    for (sl_trace *trace = all->first; trace != NULL && telling && !all->telling; trace = trace->next)
        trace->told = trace->count; /* what came before nobody was called for */
    all->telling = telling;
    pthread_mutex_unlock(&all->lock);
}

bool sl_traces_next_told(sl_traces *all, sl_hop *out) {
    pthread_mutex_lock(&all->lock);
    sl_trace *trace = all->telling ? all->first : NULL;
    while (trace != NULL && trace->told == trace->count)
        trace = trace->next;
    if (trace != NULL)
        *out = trace->hops[trace->told++];
    pthread_mutex_unlock(&all->lock);
    return trace != NULL;
}

/* ---- asking ---- */

static bool has_passed(const sl_trace *trace, uint32_t attempt, unsigned place) {
    for (uint32_t i = 0; i < trace->count; i++)
        if (trace->hops[i].attempt == attempt && trace->hops[i].report.place == place &&
            trace->hops[i].report.fate == SL_HOP_PASSED)
            return true;
    return false;
}

static bool is_complete(const sl_trace *trace) {
    for (uint32_t i = 0; i < trace->count; i++) {
        const sl_hop *end = &trace->hops[i];
        unsigned place = end->report.place;
        while (end->report.fate == SL_HOP_ARRIVED && place > 0 && has_passed(trace, end->attempt, place - 1))
            place--;
        if (end->report.fate == SL_HOP_ARRIVED && place == 0)
            return true;
    }
    return false;
}

bool sl_traces_is_complete(sl_traces *all, uint64_t ticket) {
    pthread_mutex_lock(&all->lock);
    const sl_trace *trace = *place_of(all, ticket);
    bool complete = trace != NULL && is_complete(trace);
    pthread_mutex_unlock(&all->lock);
    return complete;
}

static int by_attempt_and_place(const void *a, const void *b) {
    const sl_hop *x = a, *y = b;
    if (x->attempt != y->attempt)
        return x->attempt < y->attempt ? -1 : 1;
    if (x->report.place != y->report.place)
        return (int)x->report.place - (int)y->report.place;
    return sl_id_compare(&x->by, &y->by);
}

/* Locked. */
static slow_status look(sl_traces *all, uint64_t ticket, sl_hop *out, size_t capacity, size_t *count) {
    const sl_trace *trace = *place_of(all, ticket);
    sl_hop sorted[SL_TRACE_HOPS];
    *count = 0;
    if (trace == NULL)
        return SLOW_E_INVAL;
    *count = trace->count;
    if (trace->count > 0)
        memcpy(sorted, trace->hops, trace->count * sizeof *sorted);
    qsort(sorted, trace->count, sizeof *sorted, by_attempt_and_place);
    for (size_t i = 0; i < trace->count && i < capacity; i++)
        out[i] = sorted[i];
    return is_complete(trace) ? SLOW_OK : SLOW_E_TIMEOUT;
}

slow_status sl_traces_look(sl_traces *all, uint64_t ticket, sl_hop *out, size_t capacity, size_t *count) {
    pthread_mutex_lock(&all->lock);
    slow_status status = look(all, ticket, out, capacity, count);
    pthread_mutex_unlock(&all->lock);
    return status;
}

slow_status sl_traces_wait(sl_traces *all, uint64_t ticket, slow_time timeout, sl_hop *out, size_t capacity,
                           size_t *count) {
    struct timespec deadline = sl_loop_libevent_deadline(timeout);
    bool in_time = true;
    slow_status status;
    pthread_mutex_lock(&all->lock);
    while ((status = look(all, ticket, out, capacity, count)) == SLOW_E_TIMEOUT && in_time && !all->closed)
        in_time = pthread_cond_timedwait(&all->heard, &all->lock, &deadline) == 0;
    if (status == SLOW_E_TIMEOUT && all->closed)
        status = SLOW_E_CLOSED;
    pthread_mutex_unlock(&all->lock);
    return status;
}

void sl_traces_close(sl_traces *all) {
    pthread_mutex_lock(&all->lock);
    all->closed = true;
    pthread_cond_broadcast(&all->heard);
    pthread_mutex_unlock(&all->lock);
}
