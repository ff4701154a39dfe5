/* send: a message, or a line each, and what became of them.
 *
 * A request waits for room, and then, unless it said no_wait, for the outcome; best effort has none. A client that goes away
 * leaves what was accepted to its fate, and takes back what was not.
 *
 * With trace=true the answer has the hops of the message as well, as far as they were heard: when there is an outcome it
 * waits for those that are still under way, for a moment; and of best effort, which has none, until the end of the way is
 * known.
 *
 * With lines=true the body is many messages, and the answer comes when all of them have their outcome. So a file is sent
 * with as many messages under way as there is room for, in its own order, over one connection; a client that wants to see
 * progress, or has more, asks for some lines at a time. A line that is refused stops none of the others.
 *
 * Reliable messages go the way of the application's, through the mailbag and its accounts. Best effort is given to the
 * junction when its queue has room, which is well below the point where the junction would drop: what was answered with
 * "accepted" was never dropped for want of room here. */
#include "admin_parts.h"
#include "ticket.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINES_MAX = 16384, REASON_SIZE = 512 };
/* For hops that are still under way when the outcome is known; and without one, for all of them. */
static const slow_time STRAGGLERS = 200 * SL_MS, BEST_EFFORT_HOPS = 6 * SL_SECOND;

/* What a request still has to send, and what it waits for. */
typedef struct sl_admin_sending {
    sl_message message; /* the options of all */
    bool no_wait, lines, trace;
    bool hops_over;   /* of trace: what has not come by now is not waited for */
    slow_bytes body;  /* the request's */
    size_t at;        /* of lines: what was read of it */
    uint32_t line;    /* of lines: the last that was read */
    sl_outgoing *out; /* waits for room */
    size_t bytes;     /* of the one message, as it is sent */
    uint32_t pending; /* have no outcome yet */
    sl_json_writer answer;
} sl_admin_sending;

void sl_admin_sending_free(sl_admin_sending *sending) {
    if (sending == NULL)
        return;
    free(sending->out);
    sl_json_writer_free(&sending->answer);
    free(sending);
}

/* ---- reading ---- */

const char *const sl_admin_type_names[] = {
    [SLOW_JSON] = "json", [SLOW_BINARY] = "binary", [SLOW_CONTROL] = "control", [SLOW_CONTROL + 1] = NULL};

static slow_status read_type(const sl_http_request *request, uint8_t *type, slow_error *error) {
    const char *text = sl_http_parameter(request, "type");
    *type = SLOW_JSON;
    while (text != NULL && sl_admin_type_names[*type] != NULL && strcmp(sl_admin_type_names[*type], text) != 0)
        ++*type;
    if (sl_admin_type_names[*type] != NULL)
        return SLOW_OK;
    return sl_error(error, SLOW_E_INVAL, "type", "type: \"%.32s\" is unknown; expected json, binary or control", text);
}

/* A number of the query; `value` keeps what it has where there is none. */
static slow_status read_number(const sl_http_request *request, const char *key, unsigned long least, unsigned long most,
                               unsigned long *value, slow_error *error) {
    const char *text = sl_http_parameter(request, key);
    char *end;
    if (text == NULL)
        return SLOW_OK;
    errno = 0;
    *value = strtoul(text, &end, 0);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *value >= least && *value <= most)
        return SLOW_OK;
    return sl_error(error, SLOW_E_INVAL, key, "%s: \"%.32s\" is no number from %lu to %lu", key, text, least, most);
}

static slow_status read_flag(const sl_http_request *request, const char *key, bool *value, slow_error *error) {
    const char *text = sl_http_parameter(request, key);
    if (text == NULL)
        return SLOW_OK;
    *value = strcmp(text, "true") == 0;
    if (*value || strcmp(text, "false") == 0)
        return SLOW_OK;
    return sl_error(error, SLOW_E_INVAL, key, "%s: \"%.32s\" is neither true nor false", key, text);
}

static slow_status read_order(const sl_http_request *request, uint16_t *flags, slow_error *error) {
    static const struct {
        const char *name;
        uint16_t flag;
    } orders[] = {{"none", 0}, {"ordered", SLOW_ORDERED}, {"latest", SLOW_LATEST}};
    const char *text = sl_http_parameter(request, "order");
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
        if (text == NULL || strcmp(text, orders[i].name) == 0) {
            *flags |= orders[i].flag;
            return SLOW_OK;
        }
    return sl_error(error, SLOW_E_INVAL, "order", "order: \"%.32s\" is unknown; expected none, ordered or latest",
                    text);
}

static slow_status read_delivery(const sl_http_request *request, sl_admin_sending *sending, slow_error *error) {
    sl_message *message = &sending->message;
    unsigned long ttl_ms = SL_TTL_NS / SL_MS;
    bool reliable = true;
    slow_status status;
    if ((status = read_flag(request, "reliable", &reliable, error)) != SLOW_OK ||
        (status = read_order(request, &message->flags, error)) != SLOW_OK ||
        (status = read_number(request, "ttl_ms", 1, SL_TTL_MAX_NS / SL_MS, &ttl_ms, error)) != SLOW_OK ||
        (status = read_flag(request, "fail_fast", &message->fail_fast, error)) != SLOW_OK ||
        (status = read_flag(request, "no_wait", &sending->no_wait, error)) != SLOW_OK ||
        (status = read_flag(request, "lines", &sending->lines, error)) != SLOW_OK ||
        (status = read_flag(request, "trace", &sending->trace, error)) != SLOW_OK)
        return status;
    if (sending->trace && (sending->lines || sending->no_wait))
        return sl_error(error, SLOW_E_INVAL, "trace",
                        "trace: goes with neither lines nor no_wait; expected one message");
    if (sending->trace)
        message->flags |= SLOW_TRACED;
    message->ttl_ns = (slow_time)ttl_ms * SL_MS;
    if (reliable)
        message->flags |= SLOW_RELIABLE;
    else
        sending->no_wait = true;
    return SLOW_OK;
}

static slow_status read_message(const sl_http_request *request, sl_admin_sending *sending, slow_error *error) {
    static const char *const parameters[] = {"to",       "type",  "kind",   "channel",   "priority",
                                             "reliable", "order", "ttl_ms", "fail_fast", "no_wait",
                                             "lines",    "trace", NULL};
    const char *to = sl_http_parameter(request, "to");
    unsigned long kind = 0, channel = 0, priority = 1;
    sl_message *message = &sending->message;
    slow_status status;
    sending->body = sl_http_body(request);
    if ((status = sl_http_check_parameters(request, parameters, error)) != SLOW_OK)
        return status;
    if (to == NULL)
        return sl_error(error, SLOW_E_INVAL, "to",
                        "to: missing; expected POST /v1/send?to=ID with the message as the body");
    if ((status = sl_id_parse(to, strlen(to), &message->peer, error)) != SLOW_OK ||
        (status = read_type(request, &message->type, error)) != SLOW_OK ||
        (status = read_number(request, "kind", 0, UINT16_MAX, &kind, error)) != SLOW_OK ||
        (status = read_number(request, "channel", 0, SLOW_CHANNELS - 1, &channel, error)) != SLOW_OK ||
        (status = read_number(request, "priority", 0, 3, &priority, error)) != SLOW_OK ||
        (status = read_delivery(request, sending, error)) != SLOW_OK)
        return status;
    message->channel = (uint8_t)channel;
    message->priority = (uint8_t)priority;
    message->kind = (uint16_t)kind;
    if (kind != 0 && message->type != SLOW_CONTROL)
        return sl_error(error, SLOW_E_INVAL, "kind", "kind: only a message with type=control has one");
    return SLOW_OK;
}

/* ---- answering ---- */

static void put_outcome(sl_json_writer *w, enum sl_outcome outcome, const char *reason, slow_time rtt_ns) {
    static const char *const names[] = {
        [SL_DELIVERED] = "delivered", [SL_NOT_DELIVERED] = "not_delivered", [SL_UNKNOWN] = "unknown"};
    sl_admin_put_text(w, "outcome", names[outcome]);
    sl_admin_put_text(w, "reason", reason);
    sl_admin_put_ms(w, "rtt_ms", rtt_ns);
}

static void put_result(sl_json_writer *w, const sl_result *result) {
    char reason[REASON_SIZE];
    sl_result_explain(result, reason, sizeof reason);
    put_outcome(w, result->outcome, result->outcome == SL_DELIVERED ? NULL : reason, result->rtt_ns);
}

static void begin_line(sl_admin_sending *sending, uint32_t line) {
    sl_json_begin(&sending->answer, '{');
    sl_admin_put_number(&sending->answer, "message", line);
}

static void begin_answer(sl_admin_sending *sending) {
    sl_json_begin(&sending->answer, '{');
    sl_admin_put_id(&sending->answer, "to", &sending->message.peer);
    if (sending->lines) {
        sl_json_key(&sending->answer, "messages");
        sl_json_begin(&sending->answer, '[');
        return;
    }
    sl_admin_put_bool(&sending->answer, "accepted", true);
    sl_admin_put_number(&sending->answer, "bytes", sending->bytes);
}

static void put_time(sl_json_writer *w, uint64_t wall_us) {
    char text[64];
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm utc;
    size_t used = gmtime_r(&seconds, &utc) != NULL ? strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc) : 0;
    snprintf(text + used, sizeof text - used, ".%06uZ", (unsigned)(wall_us % 1000000));
    sl_admin_put_text(w, "time", used > 0 ? text : NULL); /* a stranger's clock may say anything */
}

static void put_hop(sl_json_writer *w, const sl_hop *hop) {
    static const char *const fates[SL_HOP_FATES] = {
        [SL_HOP_PASSED] = "passed",   [SL_HOP_ARRIVED] = "arrived",       [SL_HOP_NO_ROUTE] = "no_route",
        [SL_HOP_LIMIT] = "hop_limit", [SL_HOP_QUEUE_FULL] = "queue_full", [SL_HOP_LINK_DOWN] = "link_down"};
    sl_json_begin(w, '{');
    sl_admin_put_number(w, "attempt", hop->attempt);
    sl_admin_put_number(w, "offset", hop->offset);
    sl_admin_put_number(w, "place", hop->report.place);
    sl_admin_put_id(w, "id", &hop->by);
    put_time(w, hop->report.wall_us);
    sl_admin_put_ms(w, "queued_ms", hop->report.delay_us * SL_US);
    sl_admin_put_id(w, "next", &hop->report.next);
    sl_admin_put_text(w, "fate", fates[hop->report.fate]);
    sl_json_end(w, '}');
}

static uint64_t ticket_of(const sl_admin_call *call) {
    return SL_TICKET_ADMIN | (uint64_t)call->number << 32 | call->sending->line;
}

static void answer(sl_admin_call *call) {
    sl_http_request *request = call->request;
    sl_json_writer w = call->sending->answer;
    call->sending->answer = (sl_json_writer){0};
    if (call->sending->lines)
        sl_json_end(&w, ']');
    sl_json_end(&w, '}');
    sl_admin_call_end(call);
    sl_http_answer(request, &w);
}

/* ---- sending ---- */

/* For best effort half of what the junction would take, so that nothing of ours is ever what it has to drop. */
static bool best_effort_has_room(const sl_junction *j, const sl_outgoing *out) {
    const sl_delivery *d = &j->delivery;
    uint64_t most = sl_routing_reaches(&j->routing, &out->message.peer) ? SL_QUEUED_MAX : SL_WAITING_MAX;
    return d->count == 0 || (d->count < SL_QUEUED_COUNT / 2 && d->queued + out->message.payload.size <= most / 2);
}

/* Of best effort nothing is sent again: where its one package was dropped, the way ends. */
static bool has_ended(const sl_admin_call *call, const sl_hop *hops, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!(call->sending->message.flags & SLOW_RELIABLE) && hops[i].report.fate > SL_HOP_ARRIVED)
            return true;
    return false;
}

static void answer_with_hops(sl_admin_call *call) {
    sl_hop hops[SL_TRACE_HOPS];
    size_t count;
    sl_json_writer *w = &call->sending->answer;
    slow_status status =
        sl_traces_look(call->admin->junction->path.traces, ticket_of(call), hops, SL_TRACE_HOPS, &count);
    if (status == SLOW_E_TIMEOUT && !call->sending->hops_over && !has_ended(call, hops, count))
        return;
    sl_json_key(w, "trace");
    sl_json_begin(w, '[');
    for (size_t i = 0; i < count; i++)
        put_hop(w, &hops[i]);
    sl_json_end(w, ']');
    answer(call);
}

static void hops_over(void *arg) {
    sl_admin_call *call = arg;
    call->sending->hops_over = true;
    answer_with_hops(call);
}

/* The answer lacks nothing but hops. Not at once: delivery may be on the stack. */
static void await_hops(sl_admin_call *call, slow_time patience) {
    sl_loop *loop = call->admin->loop;
    call->serve = answer_with_hops;
    call->timer = sl_timer_new(loop, hops_over, call);
    if (call->timer != NULL)
        sl_timer_at(call->timer, sl_now(loop) + patience);
    else
        call->sending->hops_over = true;
    sl_defer(loop, &call->admin->serve);
}

/* SLOW_E_AGAIN: there is no room, and the message waits. Else it is not ours any more. */
static slow_status hand_in(sl_admin_call *call, slow_error *error) {
    sl_admin_sending *sending = call->sending;
    sl_outgoing *out = sending->out;
    slow_status status = SLOW_OK;
    out->ticket = sending->no_wait && !sending->trace ? 0 : ticket_of(call);
    if (sending->trace && !sl_traces_begin(call->admin->junction->path.traces, out->ticket, &out->message.peer))
        return sl_error(error, SLOW_E_NOMEM, NULL, "no memory for a trace");
    if (sl_outgoing_is_reliable(out))
        status = sl_mailbag_put(call->admin->bag, out, error);
    else if (best_effort_has_room(call->admin->junction, out))
        sl_junction_send(call->admin->junction, out);
    else
        status = SLOW_E_AGAIN;
    if (status == SLOW_E_AGAIN)
        return status;
    sending->out = NULL;
    if (status != SLOW_OK)
        free(out);
    else if (!sending->no_wait)
        sending->pending++;
    return status;
}

static void refuse_line(sl_admin_sending *sending, const slow_error *error) {
    char reason[REASON_SIZE], line[sizeof error->where + sizeof error->text + 2];
    sl_error_line(error, line, sizeof line);
    snprintf(reason, sizeof reason, "refused: %s", line);
    begin_line(sending, sending->line);
    put_outcome(&sending->answer, SL_NOT_DELIVERED, reason, 0);
    sl_json_end(&sending->answer, '}');
}

static void accept_line(sl_admin_sending *sending) {
    begin_line(sending, sending->line);
    sl_admin_put_bool(&sending->answer, "accepted", true);
    sl_json_end(&sending->answer, '}');
}

/* The next line that is not empty. */
static bool next_line(sl_admin_sending *sending, slow_bytes *line) {
    while (sending->at < sending->body.size) {
        const uint8_t *from = sending->body.data + sending->at;
        size_t left = sending->body.size - sending->at;
        const uint8_t *end = memchr(from, '\n', left);
        size_t size = end != NULL ? (size_t)(end - from) : left;
        sending->at += size + (end != NULL);
        sending->line++;
        if (size > 0 && from[size - 1] == '\r')
            size--;
        *line = (slow_bytes){from, size};
        if (size > 0)
            return true;
    }
    return false;
}

static void send_lines(sl_admin_call *call) {
    sl_admin_sending *sending = call->sending;
    slow_error error;
    slow_status status = SLOW_OK;
    for (;;) {
        if (sending->out == NULL) {
            if (!next_line(sending, &sending->message.payload))
                break;
            status = sl_message_check(&sending->message, &sending->out, &error);
        }
        if (sending->out != NULL && status == SLOW_OK)
            status = hand_in(call, &error);
        if (status == SLOW_E_AGAIN)
            return;
        if (status != SLOW_OK) {
            sending->out = NULL;
            refuse_line(sending, &error);
        } else if (sending->no_wait)
            accept_line(sending);
        status = SLOW_OK;
    }
    if (sending->pending == 0)
        answer(call);
}

static void send_one(sl_admin_call *call) {
    slow_error error;
    slow_status status = hand_in(call, &error);
    if (status == SLOW_E_AGAIN)
        return;
    if (status != SLOW_OK)
        sl_admin_call_refuse(call, &error);
    else if (call->sending->no_wait && call->sending->trace)
        await_hops(call, BEST_EFFORT_HOPS);
    else if (call->sending->no_wait)
        answer(call);
}

static void serve_send(sl_admin_call *call) {
    sl_admin_sending *sending = call->sending;
    if (sl_http_is_gone(call->request))
        return;
    if (sending->lines)
        send_lines(call);
    else if (sending->out != NULL)
        send_one(call);
}

/* A call that becomes complete by it is answered at the end of the turn: here delivery is on the stack. */
static void outcome_came(sl_admin_call *call, const sl_result *result, uint32_t line) {
    sl_admin_sending *sending = call->sending;
    sending->pending--;
    if (!sending->lines) {
        put_result(&sending->answer, result);
        call->serve = answer;
        if (sending->trace)
            await_hops(call, STRAGGLERS);
    } else {
        begin_line(sending, line);
        put_result(&sending->answer, result);
        sl_json_end(&sending->answer, '}');
    }
    sl_defer(call->admin->loop, &call->admin->serve);
}

static slow_status check_body(sl_admin_sending *sending, slow_error *error) {
    size_t lines = 1;
    if (!sending->lines) {
        sending->message.payload = sending->body;
        slow_status status = sl_message_check(&sending->message, &sending->out, error);
        if (status == SLOW_OK)
            sending->bytes = sending->out->message.payload.size;
        else
            sending->out = NULL;
        return status;
    }
    for (size_t i = 0; i < sending->body.size; i++)
        lines += sending->body.data[i] == '\n';
    if (lines <= LINES_MAX)
        return SLOW_OK;
    return sl_error(error, SLOW_E_TOOBIG, "lines",
                    "at most %d lines are sent at once, these are %zu; send some at a time", LINES_MAX, lines);
}

void sl_admin_send(void *arg, sl_http_request *request) {
    sl_admin *admin = arg;
    slow_error error;
    sl_admin_sending *sending = calloc(1, sizeof *sending);
    if (sending == NULL)
        sl_error(&error, SLOW_E_NOMEM, NULL, "no memory for a message");
    if (sending == NULL || read_message(request, sending, &error) != SLOW_OK ||
        check_body(sending, &error) != SLOW_OK) {
        sl_admin_sending_free(sending);
        sl_http_refuse(request, &error);
        return;
    }
    sl_admin_call *call = sl_admin_call_new(admin, request);
    if (call == NULL) {
        sl_admin_sending_free(sending);
        return;
    }
    call->sending = sending;
    call->serve = serve_send;
    call->outcome = outcome_came;
    begin_answer(sending);
    serve_send(call);
}
