/* recv: messages out of the inbox.
 *
 * A message is taken when the answer that bears it is written, as far as this end can know; that is when its sender hears
 * *delivered*. Until recv is asked for it, it waits in the inbox, where its deadline can withdraw it. What was put into an
 * answer that could not be written goes back to where it was, so a client that hung up loses nothing for the next. A client
 * that dies with the whole answer in its socket has taken it: handing it out again might hand it out twice. */
#include "admin_parts.h"
#include "option.h"
#include <stdlib.h>

enum { RECV_BYTES = 1024 * 1024 }; /* of payload, in one answer; one message goes whatever its size */

/* What one answer bears. */
typedef struct delivery_note {
    sl_admin *admin;
    size_t count;
    slow_message *messages[];
} delivery_note;

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
    sl_admin_put_text(w, "type", m->type == SLOW_JSON && !nested ? "binary" : sl_admin_type_names[m->type]);
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

static void answer_over(void *arg, bool written) {
    delivery_note *note = arg;
    for (size_t i = note->count; i-- > 0;)
        if (written)
            slow_message_free(note->messages[i]);
        else
            sl_inbox_put_back(note->admin->inbox, note->messages[i]);
    if (!written)
        sl_defer(note->admin->loop, &note->admin->serve);
    free(note);
}

static void fill(delivery_note *note, size_t most, sl_json_writer *w) {
    size_t bytes = 0;
    sl_json_begin(w, '{');
    sl_json_key(w, "messages");
    sl_json_begin(w, '[');
    while (note->count < most && bytes < RECV_BYTES &&
           sl_inbox_take(note->admin->inbox, &note->messages[note->count], 0) == SLOW_OK) {
        put_message(w, note->messages[note->count]);
        bytes += note->messages[note->count++]->size;
    }
    sl_json_end(w, ']');
    sl_json_end(w, '}');
}

static void answer_messages(sl_admin_call *call) {
    sl_admin *admin = call->admin;
    sl_http_request *request = call->request;
    size_t waiting = sl_inbox_count(admin->inbox), most = call->most < waiting ? call->most : waiting;
    sl_json_writer w = {0};
    delivery_note *note = malloc(sizeof *note + most * sizeof note->messages[0]);
    if (note == NULL) {
        sl_admin_call_refuse(call, &(slow_error){.code = SLOW_E_NOMEM, .text = "no memory for the answer"});
        return;
    }
    *note = (delivery_note){.admin = admin};
    fill(note, sl_http_is_gone(request) ? 0 : most, &w);
    sl_admin_call_end(call);
    sl_http_answer_then(request, &w, answer_over, note);
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
    sl_admin_call *call = sl_admin_call_new(admin, request);
    if (call == NULL)
        return;
    call->most = (size_t)what.n;
    call->serve = serve_recv;
    call->timer = sl_timer_new(admin->loop, recv_over, call);
    if (call->timer == NULL) {
        sl_error(&error, SLOW_E_NOMEM, NULL, "no memory");
        sl_admin_call_refuse(call, &error);
        return;
    }
    sl_timer_at(call->timer, sl_now(admin->loop) + (slow_time)what.timeout_ms * SL_MS);
    sl_defer(admin->loop, &admin->serve);
}
