/* What asks, sends, receives and changes: ping, trace, send, recv, join, leave.
 *
 * A call is a request whose answer is not there yet. It ends in one of three ways: what it waits for came, its time is
 * over, or its client went away. Calls stand in one list, the oldest first; when something happened that could end some
 * of them (a message came, the queue has room) the list is looked through once, at the end of the turn.
 *
 * recv takes messages out of the inbox only when it is about to answer, and only for a client that is still there: one
 * that hung up loses nothing for the next. send gives its message to the junction when the queue has room for it, which
 * is well below the point where the junction would drop: what was answered with "accepted" was never dropped for want
 * of room here. */
#include "admin_parts.h"
#include "option.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { RECV_BYTES = 1024 * 1024 }; /* of payload, in one answer of recv; one message goes whatever its size */

struct sl_admin_call {
    sl_admin *admin;
    sl_http_request *request;
    sl_admin_call *next;
    slow_id id;         /* of ping and trace: whom they ask */
    int64_t timeout_ms; /* of ping and trace */
    sl_query *query;    /* of ping and trace */
    sl_timer *timer;    /* of recv */
    size_t most;        /* of recv: messages */
    sl_outgoing *out;   /* of send */
};

/* ---- calls ---- */

static void call_end(sl_admin_call *call) {
    sl_admin_call **at = &call->admin->calls;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    if (call->admin->calls_end == &call->next)
        call->admin->calls_end = at;
    sl_timer_free(call->timer);
    free(call->out);
    free(call);
}

static void call_gone(void *arg) {
    sl_admin_call *call = arg;
    if (call->query != NULL)
        sl_query_cancel(call->query);
    call_end(call);
}

static void call_refuse(sl_admin_call *call, const slow_error *error) {
    sl_http_request *request = call->request;
    call_end(call);
    sl_http_refuse(request, error);
}

/* Holds the request. NULL: it was refused. */
static sl_admin_call *call_new(sl_admin *admin, sl_http_request *request) {
    slow_error error;
    sl_admin_call *call = calloc(1, sizeof *call);
    if (call != NULL && sl_http_hold(request, call_gone, call)) {
        call->admin = admin;
        call->request = request;
        *admin->calls_end = call;
        admin->calls_end = &call->next;
        return call;
    }
    free(call);
    sl_error(&error, SLOW_E_AGAIN, NULL, "too many requests wait for their answers already; try again later");
    sl_http_refuse(request, &error);
    return NULL;
}

/* ---- reading ---- */

slow_status sl_admin_read_body(const sl_http_request *request, const slow_option *options, void *out, size_t size,
                               slow_error *error) {
    slow_bytes body = sl_http_body(request);
    const sl_json_text text = {.text = body.size > 0 ? (const char *)body.data : "{}",
                               .size = body.size > 0 ? body.size : 2};
    const sl_json_at at = sl_json_at_root(&text);
    slow_status status = SLOW_E_INVAL;
    sl_json *object = sl_json_parse(&text, error);
    if (object == NULL)
        return error->code;
    if (sl_json_type(object) != SL_JSON_OBJECT)
        sl_json_error(&at, error, status, "the body is %s; expected an object such as {\"%s\": ...}",
                      sl_json_type_name(object), options->key);
    else if ((status = sl_option_check_keys(options, NULL, object, &at, error)) == SLOW_OK)
        status = sl_option_fill(options, size, object, &at, out, error);
    sl_json_free(object);
    return status;
}

/* A number of the query; `value` keeps what it has where there is none. */
static slow_status read_number(const sl_http_request *request, const char *key, unsigned long most,
                               unsigned long *value, slow_error *error) {
    const char *text = sl_http_parameter(request, key);
    char *end;
    if (text == NULL)
        return SLOW_OK;
    errno = 0;
    *value = strtoul(text, &end, 0);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *value <= most)
        return SLOW_OK;
    return sl_error(error, SLOW_E_INVAL, key, "%s: \"%.32s\" is no number from 0 to %lu", key, text, most);
}

/* ---- ping and trace ---- */

typedef struct asked {
    char *id;
    int64_t timeout_ms;
} asked;

static const slow_option asked_options[] = {
    {.key = "id",
     .type = SLOW_OPT_STRING,
     .flags = SLOW_OPT_REQUIRED,
     .offset = offsetof(asked, id),
     .min = 1,
     .max = SLOW_ID_MAX},
    {.key = "timeout_ms",
     .type = SLOW_OPT_INT,
     .offset = offsetof(asked, timeout_ms),
     .default_text = "5000",
     .min = 1,
     .max = 3600000},
    {.key = NULL},
};

/* True: nothing came of it, and the call was answered. */
static bool query_failed(sl_admin_call *call, const sl_query_result *result) {
    slow_error error;
    char hint[128] = "";
    if (result->status == SLOW_OK)
        return false;
    if (result->dropped_by.size > 0)
        snprintf(hint, sizeof hint, "; %.*s dropped it: %s", SL_ID_ARG(&result->dropped_by),
                 sl_drop_text(result->drop_reason));
    if (result->status == SLOW_E_NOROUTE)
        sl_error(&error, SLOW_E_NOROUTE, NULL, "there is no route to %.*s", SL_ID_ARG(&call->id));
    else if (result->status == SLOW_E_TIMEOUT)
        sl_error(&error, SLOW_E_TIMEOUT, NULL, "no answer from %.*s within %lld ms%s", SL_ID_ARG(&call->id),
                 (long long)call->timeout_ms, hint);
    else
        sl_error(&error, result->status, NULL, "%.*s: %s", SL_ID_ARG(&call->id), sl_status_text(result->status));
    call_refuse(call, &error);
    return true;
}

static void ping_done(void *arg, const sl_query_result *result) {
    sl_admin_call *call = arg;
    sl_http_request *request = call->request;
    sl_json_writer w = {0};
    call->query = NULL;
    if (query_failed(call, result))
        return;
    sl_json_begin(&w, '{');
    sl_admin_put_id(&w, "id", &call->id);
    sl_admin_put_ms(&w, "rtt_ms", result->rtt_ns);
    sl_admin_put_number(&w, "hops", result->hops);
    sl_json_end(&w, '}');
    call_end(call);
    sl_http_answer(request, &w);
}

static void put_hop(sl_json_writer *w, const sl_trace_hop *hop) {
    sl_json_begin(w, '{');
    sl_admin_put_id(w, "id", &hop->id);
    if (hop->id.size > 0)
        sl_admin_put_ms(w, "rtt_ms", hop->rtt_ns);
    else
        sl_admin_put_text(w, "rtt_ms", NULL);
    sl_admin_put_id(w, "next", &hop->next);
    sl_json_end(w, '}');
}

/* A trace that did not arrive is still worth seeing, as far as it came. */
static void trace_done(void *arg, const sl_query_result *result) {
    sl_admin_call *call = arg;
    sl_http_request *request = call->request;
    sl_json_writer w = {0};
    call->query = NULL;
    if ((result->status != SLOW_E_TIMEOUT || result->trace_count == 0) && query_failed(call, result))
        return;
    sl_json_begin(&w, '{');
    sl_admin_put_id(&w, "id", &call->id);
    sl_admin_put_bool(&w, "reached", result->status == SLOW_OK);
    sl_json_key(&w, "hops");
    sl_json_begin(&w, '[');
    for (size_t i = 0; i < result->trace_count; i++)
        put_hop(&w, &result->trace[i]);
    sl_json_end(&w, ']');
    if (result->dropped_by.size > 0) {
        sl_admin_put_id(&w, "dropped_by", &result->dropped_by);
        sl_admin_put_text(&w, "dropped_why", sl_drop_text(result->drop_reason));
    }
    sl_json_end(&w, '}');
    call_end(call);
    sl_http_answer(request, &w);
}

typedef sl_query *(*start_query)(sl_path *, const slow_id *, slow_time timeout, sl_query_done, void *arg);

static void ask(sl_admin *admin, sl_http_request *request, start_query start, sl_query_done done) {
    asked what = {.id = NULL};
    slow_error error;
    slow_id id;
    slow_status status = sl_admin_read_body(request, asked_options, &what, sizeof what, &error);
    if (status == SLOW_OK)
        status = sl_id_parse(what.id, strlen(what.id), &id, &error);
    sl_option_clear(asked_options, &what);
    if (status != SLOW_OK) {
        sl_http_refuse(request, &error);
        return;
    }
    sl_admin_call *call = call_new(admin, request);
    if (call == NULL)
        return;
    call->id = id;
    call->timeout_ms = what.timeout_ms;
    call->query = start(&admin->junction->path, &id, (slow_time)what.timeout_ms * SL_MS, done, call);
    if (call->query == NULL) {
        sl_error(&error, SLOW_E_AGAIN, NULL, "too many pings and traces are under way; try again later");
        call_refuse(call, &error);
    }
}

void sl_admin_ping(void *arg, sl_http_request *request) {
    ask(arg, request, sl_path_ping, ping_done);
}

void sl_admin_trace(void *arg, sl_http_request *request) {
    ask(arg, request, sl_path_trace, trace_done);
}

/* ---- send ---- */

static const char *const type_names[] = {
    [SLOW_JSON] = "json", [SLOW_BINARY] = "binary", [SLOW_CONTROL] = "control", [SLOW_CONTROL + 1] = NULL};

static slow_status read_type(const sl_http_request *request, uint8_t *type, slow_error *error) {
    const char *text = sl_http_parameter(request, "type");
    *type = SLOW_JSON;
    while (text != NULL && type_names[*type] != NULL && strcmp(type_names[*type], text) != 0)
        ++*type;
    if (type_names[*type] != NULL)
        return SLOW_OK;
    return sl_error(error, SLOW_E_INVAL, "type", "type: \"%.32s\" is unknown; expected json, binary or control", text);
}

static slow_status read_message(const sl_http_request *request, sl_message *message, slow_error *error) {
    static const char *const parameters[] = {"to", "type", "kind", "channel", "priority", NULL};
    const char *to = sl_http_parameter(request, "to");
    unsigned long kind = 0, channel = 0, priority = 1;
    slow_status status;
    *message = (sl_message){.payload = sl_http_body(request)};
    if ((status = sl_http_check_parameters(request, parameters, error)) != SLOW_OK)
        return status;
    if (to == NULL)
        return sl_error(error, SLOW_E_INVAL, "to",
                        "to: missing; expected POST /v1/send?to=ID with the message as the body");
    if ((status = sl_id_parse(to, strlen(to), &message->peer, error)) != SLOW_OK ||
        (status = read_type(request, &message->type, error)) != SLOW_OK ||
        (status = read_number(request, "kind", UINT16_MAX, &kind, error)) != SLOW_OK ||
        (status = read_number(request, "channel", SLOW_CHANNELS - 1, &channel, error)) != SLOW_OK ||
        (status = read_number(request, "priority", 3, &priority, error)) != SLOW_OK)
        return status;
    message->channel = (uint8_t)channel;
    message->priority = (uint8_t)priority;
    message->kind = (uint16_t)kind;
    if (kind != 0 && message->type != SLOW_CONTROL)
        return sl_error(error, SLOW_E_INVAL, "kind", "kind: only a message with type=control has one");
    return SLOW_OK;
}

/* Half of what the junction would take, so that nothing of ours is ever what it has to drop. */
static bool has_room(const sl_junction *j, const sl_outgoing *out) {
    const sl_delivery *d = &j->delivery;
    uint64_t most = sl_routing_reaches(&j->routing, &out->message.peer) ? SL_QUEUED_MAX : SL_WAITING_MAX;
    return d->count == 0 || (d->count < SL_QUEUED_COUNT / 2 && d->queued + out->message.payload.size <= most / 2);
}

static void send_now(sl_admin *admin, sl_http_request *request, sl_outgoing *out) {
    sl_json_writer w = {0};
    sl_json_begin(&w, '{');
    sl_admin_put_id(&w, "to", &out->message.peer);
    sl_admin_put_bool(&w, "accepted", true);
    sl_admin_put_number(&w, "bytes", out->message.payload.size);
    sl_json_end(&w, '}');
    sl_junction_send(admin->junction, out);
    sl_http_answer(request, &w);
}

void sl_admin_send(void *arg, sl_http_request *request) {
    sl_admin *admin = arg;
    sl_message message;
    sl_outgoing *out;
    slow_error error;
    if (read_message(request, &message, &error) != SLOW_OK || sl_message_check(&message, &out, &error) != SLOW_OK) {
        sl_http_refuse(request, &error);
        return;
    }
    if (has_room(admin->junction, out)) {
        send_now(admin, request, out);
        return;
    }
    sl_admin_call *call = call_new(admin, request);
    if (call != NULL)
        call->out = out;
    else
        free(out);
}

static void serve_send(sl_admin_call *call) {
    sl_admin *admin = call->admin;
    sl_http_request *request = call->request;
    sl_outgoing *out = call->out;
    if (!has_room(admin->junction, out) || sl_http_is_gone(request))
        return;
    call->out = NULL;
    call_end(call);
    send_now(admin, request, out);
}

/* ---- recv ---- */

typedef struct wanted {
    int64_t n, timeout_ms;
} wanted;

static const slow_option wanted_options[] = {
    {.key = "n",
     .type = SLOW_OPT_INT,
     .offset = offsetof(wanted, n),
     .default_text = "1",
     .min = 1,
     .max = SL_INBOX_COUNT},
    {.key = "timeout_ms",
     .type = SLOW_OPT_INT,
     .offset = offsetof(wanted, timeout_ms),
     .default_text = "30000",
     .min = 0,
     .max = 3600000},
    {.key = NULL},
};

/* The payload comes last. One of JSON is put in as it stands, if it is JSON: it was checked when it was sent, but by
 * another junction. What is none is shown as the bytes that it is. */
static void put_message(sl_json_writer *w, const slow_message *m) {
    char *text = m->type == SLOW_JSON && m->size > 0 ? malloc(m->size) : NULL;
    size_t size;
    bool nested = text != NULL && sl_json_compact((const char *)m->data, m->size, text, &size, NULL) == SLOW_OK;
    sl_json_begin(w, '{');
    sl_admin_put_text(w, "from", m->from);
    sl_admin_put_text(w, "type", m->type == SLOW_JSON && !nested ? "binary" : type_names[m->type]);
    if (m->type == SLOW_CONTROL)
        sl_admin_put_number(w, "kind", m->kind);
    sl_admin_put_number(w, "channel", m->channel);
    sl_json_key(w, "payload");
    if (nested)
        sl_json_put_raw(w, text, size);
    else
        sl_json_put_base64(w, (slow_bytes){m->data, m->size});
    sl_json_end(w, '}');
    free(text);
}

static void answer_messages(sl_admin_call *call) {
    sl_admin *admin = call->admin;
    sl_http_request *request = call->request;
    slow_message *message;
    size_t bytes = 0;
    sl_json_writer w = {0};
    sl_json_begin(&w, '{');
    sl_json_key(&w, "messages");
    sl_json_begin(&w, '[');
    for (size_t i = 0; i < call->most && bytes < RECV_BYTES; i++) {
        if (sl_http_is_gone(request) || sl_inbox_take(admin->inbox, &message, 0) != SLOW_OK)
            break;
        bytes += message->size;
        put_message(&w, message);
        slow_message_free(message);
    }
    sl_json_end(&w, ']');
    sl_json_end(&w, '}');
    call_end(call);
    sl_http_answer(request, &w);
}

static void serve_recv(sl_admin_call *call) {
    if (sl_inbox_count(call->admin->inbox) == 0 || sl_http_is_gone(call->request))
        return;
    answer_messages(call);
}

static void recv_over(void *arg) {
    answer_messages(arg);
}

void sl_admin_recv(void *arg, sl_http_request *request) {
    sl_admin *admin = arg;
    wanted what;
    slow_error error;
    if (sl_admin_read_body(request, wanted_options, &what, sizeof what, &error) != SLOW_OK) {
        sl_http_refuse(request, &error);
        return;
    }
    sl_admin_call *call = call_new(admin, request);
    if (call == NULL)
        return;
    call->most = (size_t)what.n;
    call->timer = sl_timer_new(admin->loop, recv_over, call);
    if (call->timer == NULL) {
        sl_error(&error, SLOW_E_NOMEM, NULL, "no memory");
        call_refuse(call, &error);
        return;
    }
    sl_timer_at(call->timer, sl_now(admin->loop) + (slow_time)what.timeout_ms * SL_MS);
    sl_defer(admin->loop, &admin->serve);
}

void sl_admin_serve(void *arg) {
    sl_admin *admin = arg;
    sl_admin_call *next;
    for (sl_admin_call *call = admin->calls; call != NULL; call = next) {
        next = call->next;
        if (call->out != NULL)
            serve_send(call);
        else if (call->timer != NULL)
            serve_recv(call);
    }
}

/* ---- join and leave ---- */

typedef struct place {
    char *address;
} place;

static const slow_option place_options[] = {
    {.key = "address",
     .type = SLOW_OPT_STRING,
     .flags = SLOW_OPT_REQUIRED,
     .offset = offsetof(place, address),
     .min = 1,
     .max = SL_ADDRESS_SIZE - 1},
    {.key = NULL},
};

static void change_joins(sl_admin *admin, sl_http_request *request, bool join) {
    enum { NEUTRAL_PPM = 1000000 };
    sl_junction *j = admin->junction;
    place where = {.address = NULL};
    slow_error error;
    sl_json_writer w = {0};
    slow_status status = sl_admin_read_body(request, place_options, &where, sizeof where, &error);
    if (status == SLOW_OK && join)
        status = sl_junction_join(j, where.address, NEUTRAL_PPM, 0, &error);
    else if (status == SLOW_OK && sl_join_find(&j->links.joins, where.address) == NULL)
        status = sl_error(&error, SLOW_E_NOROUTE, where.address,
                          "is not joined; GET /v1/status (slowctl status) lists the joins");
    else if (status == SLOW_OK)
        status = sl_junction_leave(j, where.address, &error);
    if (status == SLOW_OK) {
        sl_json_begin(&w, '{');
        sl_admin_put_text(&w, "address", where.address);
        sl_admin_put_bool(&w, "joined", join);
        sl_json_end(&w, '}');
        sl_http_answer(request, &w);
    } else
        sl_http_refuse(request, &error);
    sl_option_clear(place_options, &where);
}

void sl_admin_join(void *arg, sl_http_request *request) {
    change_joins(arg, request, true);
}

void sl_admin_leave(void *arg, sl_http_request *request) {
    change_joins(arg, request, false);
}
