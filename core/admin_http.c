/* The HTTP server of the admin API: libevent's evhttp on a Unix socket, on the junction's own loop.
 *
 * Why HTTP: curl, every language's library and every proxy speak it, and one can read it. Why a Unix socket: who may
 * steer a junction is then a matter of file permissions (0660), with no port that a web page could reach. Rejected: a
 * line protocol of our own (one more parser, one more client), and a parser of our own for HTTP (evhttp is kept well).
 *
 * What evhttp does not do by itself, and this file does:
 *
 *  - A request can be held. evhttp stops reading from a connection while its request is being served, so it would not
 *    notice that the client went away; and reading must stay off, because bytes that come in that state end the process
 *    (evhttp_read_cb, "illegal connection state"). So the socket is watched for EV_CLOSED alone, which reads nothing.
 *    That event also comes for a client that has closed only its sending half (nc -N): poll() tells the two apart.
 *  - Nothing is written to a client that is gone: evbuffer would raise SIGPIPE, and a library has no say in signals.
 *  - Connections, held requests, headers and bodies are bounded. An accept() that fails for want of file descriptors
 *    stops the listener instead of spinning on it; a slow timer starts it again (evhttp keeps the listener's argument
 *    for itself, so the failure cannot tell whose it is).
 *
 * The mode of the socket is set before anybody can connect: fchmod() on the unbound socket bounds what bind() creates,
 * without touching the process's umask, which other threads share; chmod() then adds the group, and listen() comes
 * last. */
#include "admin_http.h"
#include "log.h"
#include "loop_libevent.h"
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 64, IDLE_SECONDS = 60, MODE = 0660 };
static const slow_time REVIVE = 5 * SL_SECOND;

/* An answer that is being written, and of whose end somebody wants to know. */
typedef struct parcel {
    sl_http *http;
    struct parcel *next;
    struct evhttp_connection *connection;
    void (*done)(void *arg, bool written);
    void *arg;
} parcel;

struct sl_http {
    sl_loop *loop;
    const sl_http_route *routes;
    void *arg;
    struct evhttp *server;
    struct evconnlistener *listener;
    bool bound; /* the listener is the server's */
    sl_timer *revive;
    sl_http_request *held;
    uint32_t held_count;
    parcel *parcels;
    struct evhttp_connection *connections[SL_HTTP_CONNECTIONS_MAX]; /* those that made a request; NULL = free */
    struct sockaddr_un address;
    dev_t device; /* of the socket's file: is it still ours? */
    ino_t inode;
};

struct sl_http_request {
    sl_http *http;
    struct evhttp_request *request;
    struct evkeyvalq parameters;
    struct event *closed; /* NULL = not held */
    void (*gone)(void *arg);
    void *arg;
    sl_http_request *next, **back; /* among the held */
};

/* ---- the socket ---- */

/* Who listens on the socket file that is there already: 0 = nobody, the file is left over; -1 = somebody unknown. */
static pid_t listener_of(const struct sockaddr_un *address) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    pid_t who = -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return who;
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) != 0)
        who = errno == ECONNREFUSED || errno == ENOENT ? 0 : -1; /* EAGAIN: its backlog is full, so it lives */
    else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
        who = peer.pid;
    close(fd);
    return who;
}

static slow_status make_way(const struct sockaddr_un *address, slow_error *error) {
    const char *path = address->sun_path;
    struct stat info;
    if (lstat(path, &info) != 0)
        return SLOW_OK; /* nothing there; bind() speaks of any other trouble */
    if (!S_ISSOCK(info.st_mode))
        return sl_error(error, SLOW_E_INVAL, path, "there is a file already that is no socket; choose another path");
    pid_t who = listener_of(address);
    if (who > 0)
        return sl_error(error, SLOW_E_INVAL, path,
                        "process %ld serves this admin socket already; stop it, or choose another path", (long)who);
    if (who < 0)
        return sl_error(error, SLOW_E_INVAL, path,
                        "another process serves this admin socket already; stop it, or choose another path");
    if (unlink(path) != 0 && errno != ENOENT)
        return sl_error(error, SLOW_E_FAIL, path, "the socket left over there cannot be removed: %s", strerror(errno));
    return SLOW_OK;
}

static slow_status socket_open(sl_http *http, const char *path, int *out, slow_error *error) {
    struct stat info;
    http->address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof http->address.sun_path)
        return sl_error(error, SLOW_E_INVAL, path, "the path of a Unix socket has at most %zu bytes, this one has %zu",
                        sizeof http->address.sun_path - 1, strlen(path));
    memcpy(http->address.sun_path, path, strlen(path));
    slow_status status = make_way(&http->address, error);
    if (status != SLOW_OK)
        return status;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool bound = fd >= 0 && fchmod(fd, MODE) == 0 &&
                 bind(fd, (const struct sockaddr *)&http->address, sizeof http->address) == 0;
    if (bound && chmod(path, MODE) == 0 && stat(path, &info) == 0 && listen(fd, BACKLOG) == 0) {
        http->device = info.st_dev;
        http->inode = info.st_ino;
        *out = fd;
        return SLOW_OK;
    }
    status =
        sl_error(error, SLOW_E_FAIL, path,
                 "cannot listen on this admin socket: %s; its directory must be there, and writable", strerror(errno));
    if (bound)
        unlink(path);
    if (fd >= 0)
        close(fd);
    return status;
}

static void socket_remove(const sl_http *http) {
    struct stat info;
    const char *path = http->address.sun_path;
    if (http->inode != 0 && stat(path, &info) == 0 && info.st_dev == http->device && info.st_ino == http->inode)
        unlink(path);
}

/* ---- connections ---- */

/* Takes it off the list; `at` is its place. */
static void parcel_end(parcel **at, bool written) {
    parcel *p = *at;
    *at = p->next;
    p->done(p->arg, written);
    free(p);
}

static void parcel_written(struct evhttp_request *request, void *arg) {
    parcel *p = arg, **at = &p->http->parcels;
    (void)request;
    while (*at != p)
        at = &(*at)->next;
    parcel_end(at, true);
}

static void connection_closed(struct evhttp_connection *connection, void *arg) {
    sl_http *http = arg;
    for (parcel **at = &http->parcels; *at != NULL;)
        if ((*at)->connection == connection)
            parcel_end(at, false);
        else
            at = &(*at)->next;
    for (size_t i = 0; i < SL_HTTP_CONNECTIONS_MAX; i++)
        if (http->connections[i] == connection)
            http->connections[i] = NULL;
}

/* Counts a connection with its first request; one that stays silent goes by its time limit. False: too many. */
static bool connection_admit(sl_http *http, struct evhttp_connection *connection) {
    struct evhttp_connection **room = NULL;
    for (size_t i = 0; i < SL_HTTP_CONNECTIONS_MAX; i++) {
        if (http->connections[i] == connection)
            return true;
        if (http->connections[i] == NULL)
            room = &http->connections[i];
    }
    if (room == NULL)
        return false;
    *room = connection;
    evhttp_connection_set_closecb(connection, connection_closed, http);
    return true;
}

static void accept_failed(struct evconnlistener *listener, void *arg) {
    (void)arg; /* evhttp's own */
    evconnlistener_disable(listener);
}

static void revive(void *arg) {
    sl_http *http = arg;
    evconnlistener_enable(http->listener);
    sl_timer_at(http->revive, sl_now(http->loop) + REVIVE);
}

/* ---- requests ---- */

static int request_fd(const sl_http_request *r) {
    struct evhttp_connection *connection = evhttp_request_get_connection(r->request);
    return connection == NULL ? -1 : bufferevent_getfd(evhttp_connection_get_bufferevent(connection));
}

bool sl_http_is_gone(const sl_http_request *r) {
    struct pollfd socket = {.fd = request_fd(r)}; /* POLLHUP: both halves; a half-closed client can still read */
    return socket.fd < 0 || (poll(&socket, 1, 0) == 1 && socket.revents & (POLLHUP | POLLERR));
}

static void request_free(sl_http_request *r) {
    if (r->closed != NULL) {
        event_free(r->closed);
        if (r->next != NULL)
            r->next->back = r->back;
        *r->back = r->next;
        r->http->held_count--;
    }
    evhttp_clear_headers(&r->parameters);
    free(r);
}

static void request_drop(sl_http_request *r) {
    struct evhttp_connection *connection = evhttp_request_get_connection(r->request);
    if (connection != NULL)
        evhttp_connection_free(connection); /* with the request */
    request_free(r);
}

static void request_closed(evutil_socket_t fd, short what, void *arg) {
    sl_http_request *r = arg;
    (void)fd;
    (void)what;
    if (!sl_http_is_gone(r))
        return;
    r->gone(r->arg);
    request_drop(r);
}

bool sl_http_hold(sl_http_request *r, void (*gone)(void *), void *arg) {
    sl_http *http = r->http;
    if (http->held_count >= SL_HTTP_HELD_MAX)
        return false;
    r->closed = event_new(sl_loop_libevent_base(http->loop), request_fd(r), EV_CLOSED, request_closed, r);
    if (r->closed == NULL)
        return false;
    /* Where the base's method has no EV_CLOSED the client's end is noticed when the answer is due, and that is all. */
    event_add(r->closed, NULL);
    r->gone = gone;
    r->arg = arg;
    r->next = http->held;
    r->back = &http->held;
    if (r->next != NULL)
        r->next->back = &r->next;
    http->held = r;
    http->held_count++;
    return true;
}

static void reply(sl_http_request *r, int code, const char *reason, const char *text, size_t size) {
    struct evbuffer *body = evbuffer_new();
    struct evkeyvalq *headers = evhttp_request_get_output_headers(r->request);
    if (sl_http_is_gone(r) || body == NULL || evbuffer_add(body, text, size) != 0 || evbuffer_add(body, "\n", 1) != 0) {
        request_drop(r);
    } else {
        evhttp_add_header(headers, "Content-Type", "application/json");
        evhttp_send_reply(r->request, code, reason, body);
        request_free(r);
    }
    if (body != NULL)
        evbuffer_free(body);
}

void sl_http_answer(sl_http_request *r, sl_json_writer *w) {
    size_t size;
    char *text = sl_json_take(w, &size);
    if (text == NULL)
        sl_http_refuse(r, &(slow_error){.code = SLOW_E_NOMEM, .text = "no memory for the answer"});
    else
        reply(r, HTTP_OK, "OK", text, size);
    free(text);
}

void sl_http_answer_then(sl_http_request *r, sl_json_writer *w, void (*done)(void *, bool), void *arg) {
    parcel *p = malloc(sizeof *p);
    if (p == NULL || w->failed) {
        free(p);
        sl_json_writer_free(w);
        done(arg, false);
        sl_http_refuse(r, &(slow_error){.code = SLOW_E_NOMEM, .text = "no memory for the answer"});
        return;
    }
    *p = (parcel){.http = r->http,
                  .next = r->http->parcels,
                  .connection = evhttp_request_get_connection(r->request),
                  .done = done,
                  .arg = arg};
    r->http->parcels = p;
    evhttp_request_set_on_complete_cb(r->request, parcel_written, p);
    sl_http_answer(r, w);
}

static const struct {
    slow_status status;
    int code;
    const char *reason;
} codes[] = {
    {SLOW_E_INVAL, HTTP_BADREQUEST, "Bad Request"},
    {SLOW_E_UNSUPPORTED, HTTP_BADREQUEST, "Bad Request"},
    {SLOW_E_NOROUTE, HTTP_NOTFOUND, "Not Found"},
    {SLOW_E_TOOBIG, HTTP_ENTITYTOOLARGE, "Content Too Large"},
    {SLOW_E_AGAIN, HTTP_SERVUNAVAIL, "Unavailable"},
    {SLOW_E_NOMEM, HTTP_SERVUNAVAIL, "Unavailable"},
    {SLOW_E_CLOSED, HTTP_SERVUNAVAIL, "Unavailable"},
    {SLOW_E_TIMEOUT, 504, "Timed Out"},
    {SLOW_OK, HTTP_INTERNAL, "Failed"}, /* any other */
};

static void refuse_with(sl_http_request *r, int code, const char *reason, const char *why) {
    sl_json_writer w = {0};
    size_t size;
    sl_json_begin(&w, '{');
    sl_json_key(&w, "error");
    sl_json_put_text(&w, why, strlen(why));
    sl_json_end(&w, '}');
    char *text = sl_json_take(&w, &size);
    if (text == NULL)
        reply(r, code, reason, "{\"error\":\"no memory\"}", strlen("{\"error\":\"no memory\"}"));
    else
        reply(r, code, reason, text, size);
    free(text);
}

void sl_http_refuse(sl_http_request *r, const slow_error *error) {
    char line[sizeof error->where + sizeof error->text + 2];
    size_t i = 0;
    while (codes[i].status != SLOW_OK && codes[i].status != error->code)
        i++;
    sl_error_line(error, line, sizeof line);
    refuse_with(r, codes[i].code, codes[i].reason, line);
}

slow_bytes sl_http_body(const sl_http_request *r) {
    struct evbuffer *body = evhttp_request_get_input_buffer(r->request);
    size_t size = evbuffer_get_length(body);
    return (slow_bytes){size == 0 ? (const uint8_t *)"" : evbuffer_pullup(body, -1), size};
}

const char *sl_http_parameter(const sl_http_request *r, const char *key) {
    return evhttp_find_header(&r->parameters, key);
}

slow_status sl_http_check_parameters(const sl_http_request *r, const char *const *keys, slow_error *error) {
    for (struct evkeyval *p = r->parameters.tqh_first; p != NULL; p = p->next.tqe_next) {
        size_t i = 0;
        while (keys[i] != NULL && strcmp(keys[i], p->key) != 0)
            i++;
        if (keys[i] == NULL)
            return sl_error(error, SLOW_E_INVAL, NULL, "the query's parameter \"%.64s\" is unknown here", p->key);
    }
    return SLOW_OK;
}

/* ---- dispatch ---- */

static const char *method_name(const struct evhttp_request *request) {
    switch (evhttp_request_get_command(request)) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    default:
        return "";
    }
}

static void dispatch(sl_http *http, sl_http_request *r) {
    char why[128];
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(r->request);
    const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;
    const char *query = uri != NULL ? evhttp_uri_get_query(uri) : NULL;
    const sl_http_route *route = http->routes;
    while (route->path != NULL && (path == NULL || strcmp(route->path, path) != 0))
        route++;
    if (route->path == NULL) {
        snprintf(why, sizeof why, "there is nothing at %.64s; try GET /v1/status",
                 path != NULL ? path : "this address");
        refuse_with(r, HTTP_NOTFOUND, "Not Found", why);
    } else if (strcmp(route->method, method_name(r->request)) != 0) {
        snprintf(why, sizeof why, "%s is asked with %s", route->path, route->method);
        refuse_with(r, HTTP_BADMETHOD, "Method Not Allowed", why);
    } else if (query != NULL && query[0] != '\0' && evhttp_parse_query_str(query, &r->parameters) != 0)
        refuse_with(r, HTTP_BADREQUEST, "Bad Request", "the query is not of the form ?key=value&key=value");
    else
        route->serve(http->arg, r);
}

static void on_request(struct evhttp_request *request, void *arg) {
    sl_http *http = arg;
    sl_http_request *r = calloc(1, sizeof *r);
    if (r == NULL) {
        evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
        return;
    }
    r->http = http;
    r->request = request;
    r->parameters.tqh_last = &r->parameters.tqh_first;
    if (connection_admit(http, evhttp_request_get_connection(request))) {
        dispatch(http, r);
        return;
    }
    evhttp_add_header(evhttp_request_get_output_headers(request), "Connection", "close");
    refuse_with(r, HTTP_SERVUNAVAIL, "Unavailable", "too many connections to this socket; close some, and try again");
}

/* ---- life ---- */

static slow_status serve_on(sl_http *http, int fd, slow_error *error) {
    struct event_base *base = sl_loop_libevent_base(http->loop);
    http->revive = sl_timer_new(http->loop, revive, http);
    http->server = evhttp_new(base);
    http->listener = evconnlistener_new(base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (http->listener == NULL)
        close(fd);
    http->bound = http->revive != NULL && http->server != NULL && http->listener != NULL &&
                  evhttp_bind_listener(http->server, http->listener) != NULL;
    if (!http->bound)
        return sl_error(error, SLOW_E_NOMEM, http->address.sun_path, "no memory for the admin socket");
    revive(http);
    evconnlistener_set_error_cb(http->listener, accept_failed);
    evhttp_set_max_headers_size(http->server, SL_HTTP_HEADERS_MAX);
    evhttp_set_max_body_size(http->server, SL_HTTP_BODY_MAX);
    evhttp_set_timeout(http->server, IDLE_SECONDS);
    /* All that evhttp knows, so that a wrong one is refused by us, in JSON. */
    evhttp_set_allowed_methods(http->server, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
                                                 EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
    evhttp_set_gencb(http->server, on_request, http);
    return SLOW_OK;
}

slow_status sl_http_new(sl_loop *loop, const char *path, const sl_http_route *routes, void *arg, sl_http **out,
                        slow_error *error) {
    int fd = -1;
    *out = NULL;
    sl_http *http = calloc(1, sizeof *http);
    if (http == NULL)
        return sl_error(error, SLOW_E_NOMEM, path, "no memory for the admin socket");
    *http = (sl_http){.loop = loop, .routes = routes, .arg = arg};
    slow_status status = socket_open(http, path, &fd, error);
    if (status == SLOW_OK)
        status = serve_on(http, fd, error);
    if (status != SLOW_OK) {
        sl_http_free(http);
        return status;
    }
    *out = http;
    return SLOW_OK;
}

void sl_http_free(sl_http *http) {
    if (http == NULL)
        return;
    while (http->held != NULL) {
        sl_http_request *r = http->held;
        r->gone(r->arg);
        request_drop(r);
    }
    if (http->listener != NULL && !http->bound)
        evconnlistener_free(http->listener);
    if (http->server != NULL)
        evhttp_free(http->server);
    sl_timer_free(http->revive);
    socket_remove(http);
    free(http);
}
