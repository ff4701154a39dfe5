/* admin_parts.h - what the files of the admin API have of each other: admin.c the table and the server's life,
 * admin_show.c what only looks, admin_peers.c the figures of delivery, admin_calls.c what asks and changes, admin_send.c and
 * admin_recv.c messages, admin_routing.c the strategies, admin_members.c who may be here. */
#ifndef SL_ADMIN_PARTS_H
#define SL_ADMIN_PARTS_H
#include "admin_http.h"
#include "inbox.h"
#include "junction.h"
#include "mailbag.h"

typedef struct sl_admin sl_admin;
typedef struct sl_admin_call sl_admin_call;

struct sl_admin {
    sl_junction *junction;
    sl_mailbag *bag;
    sl_inbox *inbox;
    sl_loop *loop;
    sl_http *http;
    sl_admin_call *calls, **calls_end; /* held, the oldest first */
    uint32_t last_call;
    sl_deferred serve; /* looks through the calls again */
};

/* A request whose answer is not there yet. */
struct sl_admin_call {
    sl_admin *admin;
    sl_http_request *request;
    sl_admin_call *next;
    uint32_t number;                /* in the tickets of its messages */
    void (*serve)(sl_admin_call *); /* something came that may end it; NULL = nothing can */
    void (*outcome)(sl_admin_call *, const sl_result *, uint32_t line); /* of a message of its own */
    slow_id id;                                                         /* of ping and trace: whom they ask */
    int64_t timeout_ms;                                                 /* of ping and trace */
    sl_query *query;                                                    /* of ping and trace */
    sl_timer *timer;                                                    /* of recv */
    size_t most;                                                        /* of recv: messages */
    struct sl_admin_sending *sending;                                   /* of send */
};

/* Holds the request. NULL: it was refused. */
sl_admin_call *sl_admin_call_new(sl_admin *, sl_http_request *);
void sl_admin_call_end(sl_admin_call *); /* its request is to be answered */
void sl_admin_call_refuse(sl_admin_call *, const slow_error *);
void sl_admin_sending_free(struct sl_admin_sending *); /* NULL is allowed */

/* Routes; `arg` is the sl_admin. */
void sl_admin_status(void *arg, sl_http_request *);
void sl_admin_neighbours(void *arg, sl_http_request *);
void sl_admin_routes(void *arg, sl_http_request *);
void sl_admin_plugins(void *arg, sl_http_request *);
void sl_admin_ping(void *arg, sl_http_request *);
void sl_admin_trace(void *arg, sl_http_request *);
void sl_admin_send(void *arg, sl_http_request *);
void sl_admin_recv(void *arg, sl_http_request *);
void sl_admin_peers(void *arg, sl_http_request *);
void sl_admin_join(void *arg, sl_http_request *);
void sl_admin_leave(void *arg, sl_http_request *);
void sl_admin_routing(void *arg, sl_http_request *);
void sl_admin_routing_add(void *arg, sl_http_request *);
void sl_admin_routing_prefer(void *arg, sl_http_request *);
void sl_admin_routing_remove(void *arg, sl_http_request *);
void sl_admin_members(void *arg, sl_http_request *);
void sl_admin_members_reload(void *arg, sl_http_request *);

/* sl_deferred's: answers the calls that can be answered now. */
void sl_admin_serve(void *arg);

/* "json", "binary", "control"; ends with NULL. */
extern const char *const sl_admin_type_names[];

/* The body, an object, as an option table has it; an empty body is an empty object. To be freed by sl_option_clear(). */
slow_status sl_admin_read_body(const sl_http_request *, const slow_option *, void *out, size_t size, slow_error *);

/* ---- writing ---- */

void sl_admin_put_id(sl_json_writer *, const char *key, const slow_id *); /* null where it is empty */
void sl_admin_put_text(sl_json_writer *, const char *key, const char *);
void sl_admin_put_number(sl_json_writer *, const char *key, uint64_t);
void sl_admin_put_bool(sl_json_writer *, const char *key, bool);
void sl_admin_put_peers(sl_json_writer *, const sl_junction *); /* a member "peers" */
/* Nanoseconds as milliseconds with three decimals. */
void sl_admin_put_ms(sl_json_writer *, const char *key, uint64_t ns);
#endif
