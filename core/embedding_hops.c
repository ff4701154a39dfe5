/* The way of traced messages, as an application hears it.
 *
 * Hops are kept with their traces (traces.h), where any thread may look and wait without the junction's help. The callback
 * comes at the end of the turn, like that of outcomes, and for the same reason. */
#include "embedding_messages.h"
#include <string.h>

_Static_assert((int)SL_HOP_PASSED == SLOW_HOP_PASSED && (int)SL_HOP_ARRIVED == SLOW_HOP_ARRIVED &&
                   (int)SL_HOP_NO_ROUTE == SLOW_HOP_NO_ROUTE && (int)SL_HOP_LIMIT == SLOW_HOP_LIMIT &&
                   (int)SL_HOP_QUEUE_FULL == SLOW_HOP_QUEUE_FULL && (int)SL_HOP_LINK_DOWN == SLOW_HOP_LINK_DOWN,
               "fates are told as they are");

static slow_message_hop describe(const sl_hop *hop) {
    slow_message_hop out = {.ticket = hop->ticket,
                            .fate = hop->report.fate,
                            .attempt = hop->attempt,
                            .offset = hop->offset,
                            .place = hop->report.place,
                            .time_ns = hop->report.wall_us * SL_US,
                            .queued_ns = hop->report.delay_us * SL_US};
    memcpy(out.id, hop->by.text, hop->by.size);
    memcpy(out.next, hop->report.next.text, hop->report.next.size);
    return out;
}

/* ---- as they come ---- */

void sl_embedding_heard(void *junction) {
    slow_junction *j = junction;
    sl_defer(j->loop, &j->tell_hops);
}

void sl_embedding_tell_hops(void *junction) {
    slow_junction *j = junction;
    sl_hop hop;
    bool was_inside = j->inside;
    if (j->admin != NULL)
        sl_admin_heard(j->admin);
    j->inside = true;
    while (sl_traces_next_told(&j->traces, &hop))
        if (j->on_hop != NULL && !(hop.ticket & SL_TICKET_ADMIN)) {
            slow_message_hop told = describe(&hop);
            j->on_hop(j->on_hop_arg, &told);
        }
    j->inside = was_inside;
}

typedef struct hop_call {
    sl_errand errand;
    void (*fn)(void *arg, const slow_message_hop *);
    void *arg;
} hop_call;

/* What was to be told goes to the callback that was there. */
static void hop_start(sl_errand *errand) {
    hop_call *call = (hop_call *)errand;
    slow_junction *j = errand->junction;
    sl_embedding_tell_hops(j);
    j->on_hop = call->fn;
    j->on_hop_arg = call->arg;
    sl_traces_tell(&j->traces, call->fn != NULL);
    sl_errand_end(errand, SLOW_OK);
}

slow_status slow_on_hop(slow_junction *j, void (*fn)(void *arg, const slow_message_hop *), void *arg) {
    hop_call call = {.errand = {.start = hop_start}, .fn = fn, .arg = arg};
    return sl_errand_run(j, &call.errand, NULL);
}

/* ---- asking ---- */

static slow_status run_until_complete(slow_junction *j, slow_ticket ticket, slow_time timeout, sl_hop *hops,
                                      size_t *found) {
    slow_status status = sl_errand_can_wait(j, "slow_message_hops()", NULL);
    slow_time now = sl_now(j->loop), until = now + sl_errand_bounded(timeout);
    if (status != SLOW_OK)
        return status;
    while ((status = sl_traces_look(&j->traces, ticket, hops, SL_TRACE_HOPS, found)) == SLOW_E_TIMEOUT &&
           (now = sl_now(j->loop)) < until)
        sl_errand_turn(j, until - now);
    return status;
}

slow_status slow_message_hops(slow_junction *j, slow_ticket ticket, slow_time timeout, slow_message_hop *out,
                              size_t *count) {
    sl_hop hops[SL_TRACE_HOPS];
    size_t room = *count, found;
    slow_status status = sl_traces_look(&j->traces, ticket, hops, SL_TRACE_HOPS, &found);
    if (status == SLOW_E_TIMEOUT && timeout > 0) {
        if (sl_errand_enter(j)) {
            status = run_until_complete(j, ticket, timeout, hops, &found);
            sl_errand_leave(j);
        } else if (sl_errand_come(j)) {
            status = sl_traces_wait(&j->traces, ticket, timeout, hops, SL_TRACE_HOPS, &found);
            sl_errand_go(j);
        } else
            status = SLOW_E_CLOSED;
    }
    *count = found < room ? found : room;
    for (size_t i = 0; i < *count; i++)
        out[i] = describe(&hops[i]);
    return (status == SLOW_OK || status == SLOW_E_TIMEOUT) && found > room ? SLOW_E_NOSPACE : status;
}
