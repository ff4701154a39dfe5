/* Calls, and those of them that ask and change: ping, trace, join, leave.
 *
 * A call is a request whose answer is not there yet. It ends in one of three ways: what it waits for came, its time is
 * over, or its client went away. Calls stand in one list, the oldest first; when something happened that could end some
 * of them (a message came, the queue has room) the list is looked through once, at the end of the turn. */
#include "admin.h"
#include "admin_parts.h"
#include "option.h"
#include <stdio.h>
#include <stdlib.h>

/* ---- calls ---- */

void sl_admin_call_end(sl_admin_call *call) {
    sl_admin_call **at = &call->admin->calls;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    if (call->admin->calls_end == &call->next)
        call->admin->calls_end = at;
    sl_timer_free(call->timer);
    sl_admin_sending_free(call->sending);
    free(call);
}

static void call_gone(void *arg) {
    sl_admin_call *call = arg;
    if (call->query != NULL)
        sl_query_cancel(call->query);
    sl_admin_call_end(call);
}

void sl_admin_call_refuse(sl_admin_call *call, const slow_error *error) {
    sl_http_request *request = call->request;
    sl_admin_call_end(call);
    sl_http_refuse(request, error);
}

sl_admin_call *sl_admin_call_new(sl_admin *admin, sl_http_request *request) {
    slow_error error;
    sl_admin_call *call = calloc(1, sizeof *call);
    if (call != NULL && sl_http_hold(request, call_gone, call)) {
        call->admin = admin;
        call->request = request;
        call->number = admin->last_call = (admin->last_call + 1) & INT32_MAX;
        *admin->calls_end = call;
        admin->calls_end = &call->next;
        return call;
    }
    free(call);
    sl_error(&error, SLOW_E_AGAIN, NULL, "too many requests wait for their answers already; try again later");
    sl_http_refuse(request, &error);
    return NULL;
}

void sl_admin_serve(void *arg) {
    sl_admin *admin = arg;
    sl_admin_call *next;
    for (sl_admin_call *call = admin->calls; call != NULL; call = next) {
        next = call->next;
        if (call->serve != NULL)
            call->serve(call);
    }
}

void sl_admin_outcome(sl_admin *admin, const sl_result *result) {
    uint64_t ticket = result->message->ticket;
    sl_admin_call *call = admin->calls;
    while (call != NULL && (call->number != (uint32_t)(ticket >> 32 & INT32_MAX) || call->outcome == NULL))
        call = call->next;
    if (call != NULL)
        call->outcome(call, result, (uint32_t)ticket);
}

void sl_admin_heard(sl_admin *admin) {
    sl_defer(admin->loop, &admin->serve);
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
    sl_admin_call_refuse(call, &error);
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
    sl_admin_call_end(call);
    sl_http_answer(request, &w);
}

static void put_hop(sl_json_writer *w, const sl_trace_hop *hop) {
    sl_json_begin(w, '{');
    sl_admin_put_id(w, "id", &hop->id);
    if (hop->id.size > 0) {
        sl_admin_put_ms(w, "rtt_ms", hop->rtt_ns);
        sl_admin_put_ms(w, "queued_ms", hop->delay_us * SL_US);
    } else
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
    sl_admin_call_end(call);
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
    sl_admin_call *call = sl_admin_call_new(admin, request);
    if (call == NULL)
        return;
    call->id = id;
    call->timeout_ms = what.timeout_ms;
    call->query = start(&admin->junction->path, &id, (slow_time)what.timeout_ms * SL_MS, done, call);
    if (call->query == NULL) {
        sl_error(&error, SLOW_E_AGAIN, NULL, "too many pings and traces are under way; try again later");
        sl_admin_call_refuse(call, &error);
    }
}

void sl_admin_ping(void *arg, sl_http_request *request) {
    ask(arg, request, sl_path_ping, ping_done);
}

void sl_admin_trace(void *arg, sl_http_request *request) {
    ask(arg, request, sl_path_trace, trace_done);
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
