/* Sending and receiving, from any thread.
 *
 * A send is checked and copied on the caller's thread (JSON is parsed there, so eight threads that send parse on eight
 * cores), and put into the mailbag. Receiving is the inbox's: a call that finds a message takes it without touching the
 * junction. What becomes of messages that were sent is in embedding_outcomes.c. */
#include "embedding_messages.h"
#include <stdlib.h>
#include <string.h>

/* ---- out ---- */

static slow_status read_options(const slow_send_options *given, sl_message *message, slow_error *error) {
    static const uint16_t orders[] = {
        [SLOW_ORDER_NONE] = 0, [SLOW_ORDER_ORDERED] = SLOW_ORDERED, [SLOW_ORDER_LATEST] = SLOW_LATEST};
    slow_send_options options = SLOW_SEND_INIT;
    if (given != NULL && !SLOW_HAS_FIELD(given, trace))
        return sl_error(error, SLOW_E_INVAL, "slow_send_options", "struct_size is %u; start from SLOW_SEND_INIT",
                        (unsigned)given->struct_size);
    if (given != NULL) /* a newer caller's is longer, and one day an older one's shorter */
        memcpy(&options, given, given->struct_size < sizeof options ? given->struct_size : sizeof options);
    if (options.order > SLOW_ORDER_LATEST)
        return sl_error(error, SLOW_E_INVAL, "order", "order is %u; expected an enum slow_order",
                        (unsigned)options.order);
    message->channel = options.channel;
    message->priority = options.priority;
    message->hop_limit = options.hop_limit;
    message->flags =
        (uint16_t)((options.reliable ? SLOW_RELIABLE : 0) | (options.trace ? SLOW_TRACED : 0) | orders[options.order]);
    message->fail_fast = options.fail_fast;
    message->ttl_ns = options.ttl_ns;
    if (!options.reliable || (options.ttl_ns > 0 && options.ttl_ns <= SL_TTL_MAX_NS))
        return SLOW_OK;
    return sl_error(error, SLOW_E_INVAL, "ttl_ns", "ttl_ns is %llu; expected 1 ns to %llu days",
                    (unsigned long long)options.ttl_ns, (unsigned long long)(SL_TTL_MAX_NS / SL_SECOND / 86400));
}

/* The ticket is there before its message can be seen: its outcome, or a hop, may come while the send still returns. */
static slow_status draw(slow_junction *j, sl_outgoing *out, bool wanted, slow_error *error) {
    bool reliable = sl_outgoing_is_reliable(out), traced = out->message.flags & SLOW_TRACED;
    if (traced && !wanted)
        return sl_error(error, SLOW_E_INVAL, "trace",
                        "the hops of a message are asked for by its ticket; expected one");
    if (wanted && (reliable || traced))
        out->ticket = reliable ? sl_tickets_draw(&j->tickets) : sl_tickets_number(&j->tickets);
    if (wanted && reliable && out->ticket == 0)
        return sl_error(error, SLOW_E_NOMEM, NULL, "no memory for a ticket");
    if (!traced || sl_traces_begin(&j->traces, out->ticket, &out->message.peer))
        return SLOW_OK;
    return sl_error(error, SLOW_E_NOMEM, NULL, "no memory for a trace");
}

static void forget(slow_junction *j, const sl_outgoing *out) {
    if (out->message.flags & SLOW_TRACED)
        sl_traces_forget(&j->traces, out->ticket);
    if (out->ticket != 0 && sl_outgoing_is_reliable(out))
        sl_tickets_forget(&j->tickets, out->ticket);
}

static slow_status hand_over_to_bag(slow_junction *j, sl_outgoing *out, slow_ticket *ticket, slow_error *error) {
    slow_status status = draw(j, out, ticket != NULL, error);
    slow_ticket drawn = out->ticket;
    if (ticket != NULL)
        *ticket = drawn;
    if (status == SLOW_OK)
        status = sl_mailbag_put(&j->bag, out, error);
    if (status == SLOW_OK)
        return status;
    forget(j, out);
    free(out);
    if (ticket != NULL)
        *ticket = 0;
    return status;
}

static slow_status send_message(slow_junction *j, const char *id, sl_message *message, const slow_send_options *given,
                                slow_ticket *ticket, slow_error *error) {
    sl_outgoing *out;
    if (ticket != NULL)
        *ticket = 0;
    slow_status status = read_options(given, message, error);
    if (status == SLOW_OK)
        status = sl_id_parse(id, strlen(id), &message->peer, error);
    if (status == SLOW_OK)
        status = sl_message_check(message, &out, error);
    return status == SLOW_OK ? hand_over_to_bag(j, out, ticket, error) : status;
}

slow_status slow_send_json(slow_junction *j, const char *id, const char *json, const slow_send_options *options,
                           slow_ticket *ticket, slow_error *error) {
    sl_message message = {.type = SLOW_JSON, .payload = {(const uint8_t *)json, strlen(json)}};
    return send_message(j, id, &message, options, ticket, error);
}

slow_status slow_send_binary(slow_junction *j, const char *id, const void *data, size_t size,
                             const slow_send_options *options, slow_ticket *ticket, slow_error *error) {
    sl_message message = {.type = SLOW_BINARY, .payload = {data, size}};
    return send_message(j, id, &message, options, ticket, error);
}

slow_status slow_send_control(slow_junction *j, const char *id, uint16_t kind, const void *data, size_t size,
                              const slow_send_options *options, slow_ticket *ticket, slow_error *error) {
    sl_message message = {.type = SLOW_CONTROL, .kind = kind, .payload = {data, size}};
    return send_message(j, id, &message, options, ticket, error);
}

/* ---- waiting for room ---- */

/* A writer that has waited wants more than one place. */
static slow_status run_until_room(slow_junction *j, const slow_id *id, slow_time timeout) {
    slow_status status = sl_errand_can_wait(j, "slow_wait_writable()", NULL);
    slow_time now = sl_now(j->loop), until = now + sl_errand_bounded(timeout);
    if (status != SLOW_OK)
        return status;
    while ((status = sl_mailbag_look(&j->bag, id, true)) == SLOW_E_TIMEOUT && (now = sl_now(j->loop)) < until)
        sl_errand_turn(j, until - now);
    return status;
}

slow_status slow_wait_writable(slow_junction *j, const char *id, slow_time timeout) {
    slow_id to;
    slow_status status = id != NULL ? sl_id_parse(id, strlen(id), &to, NULL) : SLOW_OK;
    const slow_id *which = id != NULL ? &to : NULL;
    if (status != SLOW_OK)
        return status;
    status = sl_mailbag_look(&j->bag, which, false);
    if (status != SLOW_E_TIMEOUT || timeout == 0)
        return status;
    if (sl_errand_enter(j)) {
        status = run_until_room(j, which, timeout);
        sl_errand_leave(j);
    } else if (sl_errand_come(j)) {
        status = sl_mailbag_wait(&j->bag, which, timeout);
        sl_errand_go(j);
    } else
        status = SLOW_E_CLOSED;
    return status;
}

/* ---- in ---- */

static void call_borrowed(slow_junction *j, slow_message *message, sl_arrival *arrival) {
    bool was_inside = j->inside;
    if (arrival == NULL) {
        if (message->size > 0)
            memcpy(j->borrowed, message->data, message->size);
        j->borrowed[message->size] = 0;
        message->data = j->borrowed;
    } else
        sl_delivery_held(&j->core->delivery, arrival);
    j->inside = true;
    j->on_message(j->on_message_arg, message);
    j->inside = was_inside;
    if (arrival != NULL)
        sl_delivery_taken(&j->core->delivery, arrival);
}

/* False: no memory. */
static bool call_manual(slow_junction *j, const slow_message *message, sl_arrival *arrival) {
    bool was_inside = j->inside;
    slow_message *given = sl_inbox_give(j->inbox, message, arrival);
    if (given == NULL)
        return false;
    if (arrival != NULL)
        sl_delivery_held(&j->core->delivery, arrival);
    j->inside = true;
    j->on_message_manual(j->on_message_arg, given);
    j->inside = was_inside;
    return true;
}

/* A message arrived. One of best effort has at most SL_BEST_EFFORT_MAX bytes. */
void sl_embedding_message(void *junction, const sl_message *arrived) {
    slow_junction *j = junction;
    char from[SLOW_ID_MAX + 1] = "";
    memcpy(from, arrived->peer.text, arrived->peer.size);
    slow_message message = {.struct_size = sizeof message,
                            .type = arrived->type,
                            .channel = arrived->channel,
                            .kind = arrived->kind,
                            .from = from,
                            .data = arrived->payload.data,
                            .size = arrived->payload.size,
                            .reliable = arrived->arrival != NULL,
                            .session = arrived->arrival != NULL ? arrived->session : 0,
                            .number = arrived->number};
    if (j->on_message != NULL) {
        call_borrowed(j, &message, arrived->arrival);
        return;
    }
    bool kept = j->on_message_manual != NULL ? call_manual(j, &message, arrived->arrival)
                                             : sl_inbox_put(j->inbox, &message, arrived->arrival);
    if (!kept) {
        SL_COUNT(&j->core->stats, drop_message_inbox_full);
        if (arrived->arrival != NULL)
            sl_delivery_refused(&j->core->delivery, arrived->arrival);
    } else if (j->admin != NULL)
        sl_admin_message_arrived(j->admin);
}

bool sl_embedding_withdraw(void *junction, sl_arrival *arrival) {
    return sl_inbox_withdraw(((slow_junction *)junction)->inbox, arrival);
}

static slow_status run_until_message(slow_junction *j, slow_message **out, slow_time timeout) {
    slow_status status = sl_errand_can_wait(j, "slow_recv()", NULL);
    slow_time now = sl_now(j->loop), until = now + sl_errand_bounded(timeout);
    if (status != SLOW_OK)
        return status;
    do {
        sl_errand_turn(j, until - now);
        status = sl_inbox_take(j->inbox, out, 0);
    } while (status == SLOW_E_TIMEOUT && (now = sl_now(j->loop)) < until);
    return status;
}

slow_status slow_recv(slow_junction *j, slow_message **out, slow_time timeout) {
    slow_status status = sl_inbox_take(j->inbox, out, 0);
    if (status != SLOW_E_TIMEOUT || timeout == 0)
        return status;
    if (sl_errand_enter(j)) {
        status = run_until_message(j, out, timeout);
        sl_errand_leave(j);
    } else if (sl_errand_come(j)) {
        status = sl_inbox_take(j->inbox, out, timeout);
        sl_errand_go(j);
    } else
        status = SLOW_E_CLOSED;
    return status;
}

typedef struct listener_call {
    sl_errand errand;
    void (*fn)(void *arg, const slow_message *);
    void (*manual)(void *arg, slow_message *);
    void *arg;
} listener_call;

static void listener_start(sl_errand *errand) {
    listener_call *call = (listener_call *)errand;
    errand->junction->on_message = call->fn;
    errand->junction->on_message_manual = call->manual;
    errand->junction->on_message_arg = call->arg;
    sl_errand_end(errand, SLOW_OK);
}

slow_status slow_on_message(slow_junction *j, void (*fn)(void *arg, const slow_message *), void *arg) {
    listener_call call = {.errand = {.start = listener_start}, .fn = fn, .arg = arg};
    return sl_errand_run(j, &call.errand, NULL);
}

slow_status slow_on_message_manual(slow_junction *j, void (*fn)(void *arg, slow_message *), void *arg) {
    listener_call call = {.errand = {.start = listener_start}, .manual = fn, .arg = arg};
    return sl_errand_run(j, &call.errand, NULL);
}

size_t slow_junction_waiting(slow_junction *j) {
    return sl_inbox_count(j->inbox);
}
