/* admin_http.h - JSON over HTTP/1.1 on a Unix socket: the server under the admin API. It knows no junction.
 *
 * All calls are [loop]. A route's serve() answers its request before it returns, or holds it and answers later: each
 * request gets exactly one sl_http_answer() or sl_http_refuse(), after which it is gone. */
#ifndef SL_ADMIN_HTTP_H
#define SL_ADMIN_HTTP_H
#include "json.h"
#include "loop.h"

enum {
    SL_HTTP_CONNECTIONS_MAX = 128,
    SL_HTTP_HELD_MAX = 64,
    SL_HTTP_HEADERS_MAX = 16 * 1024,
    SL_HTTP_BODY_MAX = 17 * 1024 * 1024, /* the largest message that Slow will carry, and room for what is around it */
};

typedef struct sl_http sl_http;
typedef struct sl_http_request sl_http_request;

typedef struct sl_http_route {
    const char *method, *path; /* "GET", "/v1/status"; a table ends with path == NULL */
    void (*serve)(void *arg, sl_http_request *);
} sl_http_route;

/* Listens on `path` with mode 0660. The socket of a process that is gone is replaced; that of a living one is an error.
 * `routes` live as long as the server. */
slow_status sl_http_new(sl_loop *, const char *path, const sl_http_route *routes, void *arg, sl_http **, slow_error *);
/* For each request that is held, gone() comes. Connections are cut, and the socket's file is removed. */
void sl_http_free(sl_http *);

slow_bytes sl_http_body(const sl_http_request *); /* borrowed until the answer */
/* A parameter of the query (?key=value), decoded; NULL = not there. Borrowed until the answer. */
const char *sl_http_parameter(const sl_http_request *, const char *key);
/* Refuses a parameter that is not in `keys` (ends with NULL). */
slow_status sl_http_check_parameters(const sl_http_request *, const char *const *keys, slow_error *);

/* Keeps the request for later. Should the client go away meanwhile, gone(arg) is called, and the request is gone.
 * False: too many are held; the caller still has to answer. */
bool sl_http_hold(sl_http_request *, void (*gone)(void *arg), void *arg);
/* Has the client hung up? Worth asking before something is taken that only its answer would hold. */
bool sl_http_is_gone(const sl_http_request *);
void sl_http_answer(sl_http_request *, sl_json_writer *); /* 200; empties the writer */
/* The same, and done() comes when all of it was written, or when it never will be. */
void sl_http_answer_then(sl_http_request *, sl_json_writer *, void (*done)(void *arg, bool written), void *arg);
void sl_http_refuse(sl_http_request *, const slow_error *); /* {"error": "..."}, with the HTTP status for its code */
#endif
