/* What becomes of messages that were sent, as an application hears it: outcomes, and that there is room again.
 *
 * Both come up in the middle of delivery's work. So callbacks come at the end of the turn, when nothing of the core is on
 * the stack, and may do whatever an application does; outcomes that nobody is called for wait with their tickets
 * (ticket.h), where any thread may fetch them. */
#include "embedding_messages.h"
#include <string.h>

/* ---- outcomes ---- */

void sl_embedding_outcome(void *junction, const sl_result *result) {
    slow_junction *j = junction;
    uint64_t ticket = result->message->ticket;
    if (ticket & SL_TICKET_ADMIN) {
        if (j->admin != NULL)
            sl_admin_outcome(j->admin, result);
    } else if (ticket != 0 && sl_tickets_ended(&j->tickets, result))
        sl_defer(j->loop, &j->tell);
}

void sl_embedding_tell(void *junction) {
    slow_junction *j = junction;
    slow_outcome outcome;
    bool was_inside = j->inside;
    j->inside = true;
    while (sl_tickets_next_told(&j->tickets, &outcome))
        if (j->on_outcome != NULL)
            j->on_outcome(j->on_outcome_arg, &outcome);
    j->inside = was_inside;
}

static slow_status run_until_outcome(slow_junction *j, slow_ticket ticket, slow_time timeout, slow_outcome *out) {
    slow_status status = sl_errand_can_wait(j, "slow_wait_outcome()", NULL);
    slow_time now = sl_now(j->loop), until = now + sl_errand_bounded(timeout);
    if (status != SLOW_OK)
        return status;
    if ((status = sl_tickets_join(&j->tickets, ticket)) != SLOW_OK)
        return status;
    while ((status = sl_tickets_take(&j->tickets, ticket, out)) == SLOW_E_TIMEOUT && (now = sl_now(j->loop)) < until)
        sl_errand_turn(j, until - now);
    sl_tickets_part(&j->tickets, ticket);
    return status;
}

slow_status slow_wait_outcome(slow_junction *j, slow_ticket ticket, slow_time timeout, slow_outcome *out) {
    slow_status status = sl_tickets_take(&j->tickets, ticket, out);
    if (status != SLOW_E_TIMEOUT || timeout == 0)
        return status;
    if (sl_errand_enter(j)) {
        status = run_until_outcome(j, ticket, timeout, out);
        sl_errand_leave(j);
    } else if (sl_errand_come(j)) {
        status = sl_tickets_wait(&j->tickets, ticket, timeout, out);
        sl_errand_go(j);
    } else
        status = SLOW_E_CLOSED;
    return status;
}

slow_status slow_next_outcome(slow_junction *j, slow_outcome *out) {
    return sl_tickets_take_kept(&j->tickets, out);
}

int slow_outcome_fd(slow_junction *j) {
    return sl_tickets_fd(&j->tickets);
}

typedef struct outcome_call {
    sl_errand errand;
    void (*fn)(void *arg, const slow_outcome *);
    void *arg;
} outcome_call;

/* What was to be told goes to the callback that was there. */
static void outcome_start(sl_errand *errand) {
    outcome_call *call = (outcome_call *)errand;
    slow_junction *j = errand->junction;
    sl_embedding_tell(j);
    j->on_outcome = call->fn;
    j->on_outcome_arg = call->arg;
    sl_tickets_tell(&j->tickets, call->fn != NULL);
    sl_errand_end(errand, SLOW_OK);
}

slow_status slow_on_outcome(slow_junction *j, void (*fn)(void *arg, const slow_outcome *), void *arg) {
    outcome_call call = {.errand = {.start = outcome_start}, .fn = fn, .arg = arg};
    return sl_errand_run(j, &call.errand, NULL);
}

/* ---- room ---- */

void sl_embedding_released(void *junction, const slow_id *peer, size_t bytes, bool reliable) {
    sl_mailbag_released(&((slow_junction *)junction)->bag, peer, bytes, reliable);
}

static void on_writable(void *junction, const slow_id *id) {
    slow_junction *j = junction;
    char text[SLOW_ID_MAX + 1] = "";
    bool was_inside = j->inside;
    if (j->on_writable == NULL)
        return;
    if (id != NULL)
        memcpy(text, id->text, id->size);
    j->inside = true;
    j->on_writable(j->on_writable_arg, id != NULL ? text : NULL);
    j->inside = was_inside;
}

static void on_room(void *junction) {
    slow_junction *j = junction;
    if (j->admin != NULL)
        sl_admin_room(j->admin);
}

typedef struct writable_call {
    sl_errand errand;
    void (*fn)(void *arg, const char *id);
    void *arg;
} writable_call;

static void writable_start(sl_errand *errand) {
    writable_call *call = (writable_call *)errand;
    errand->junction->on_writable = call->fn;
    errand->junction->on_writable_arg = call->arg;
    sl_errand_end(errand, SLOW_OK);
}

slow_status slow_on_writable(slow_junction *j, void (*fn)(void *arg, const char *id), void *arg) {
    writable_call call = {.errand = {.start = writable_start}, .fn = fn, .arg = arg};
    return sl_errand_run(j, &call.errand, NULL);
}

/* ---- wiring ---- */

static slow_status submit(void *junction, sl_outgoing *out) {
    return sl_junction_send(((slow_junction *)junction)->core, out);
}

/* Of one that delivery never had, so it is counted here. */
static void never_submitted(void *junction, const sl_result *result) {
    slow_junction *j = junction;
    SL_COUNT(&j->core->stats, messages_sent);
    SL_COUNT(&j->core->stats, messages_not_delivered);
    sl_embedding_outcome(j, result);
}

static void best_effort(void *junction, size_t *count, size_t *bytes) {
    const sl_delivery *delivery = &((slow_junction *)junction)->core->delivery;
    *count = delivery->count;
    *bytes = (size_t)delivery->queued;
}

static void on_taken(void *junction, sl_arrival *arrival) {
    sl_delivery_taken(&((slow_junction *)junction)->core->delivery, arrival);
}

static void on_held(void *junction, sl_arrival *arrival) {
    sl_delivery_held(&((slow_junction *)junction)->core->delivery, arrival);
}

static void on_refused(void *junction, sl_arrival *arrival) {
    sl_delivery_refused(&((slow_junction *)junction)->core->delivery, arrival);
}

bool sl_embedding_messages_init(slow_junction *j) {
    sl_mailbag_events bag = {.arg = j,
                             .submit = submit,
                             .outcome = never_submitted,
                             .best_effort = best_effort,
                             .writable = on_writable,
                             .room = on_room};
    sl_inbox_events inbox = {.arg = j, .taken = on_taken, .held = on_held, .refused = on_refused};
    j->tell = (sl_deferred){.fn = sl_embedding_tell, .arg = j};
    j->tell_hops = (sl_deferred){.fn = sl_embedding_tell_hops, .arg = j};
    if (!sl_mailbag_init(&j->bag, j->loop, &bag))
        return false;
    if (sl_tickets_init(&j->tickets)) {
        if ((j->inbox = sl_inbox_new(j->loop, &inbox)) != NULL) {
            sl_traces_init(&j->traces);
            return true;
        }
        sl_tickets_free(&j->tickets);
    }
    sl_mailbag_stop(&j->bag);
    sl_mailbag_free(&j->bag);
    return false;
}

void sl_embedding_messages_free(slow_junction *j) {
    sl_inbox_free(j->inbox);
    sl_traces_free(&j->traces);
    sl_tickets_free(&j->tickets);
    sl_mailbag_free(&j->bag);
}
