/* dialler.c - a connect() that does not block: the socket becomes writable when it is decided.
 *
 * A socket that dials a free port of its own machine can be given that very port as its own, and then connects to
 * itself (TCP's simultaneous open). Nobody listens there, so that is a refusal. */
#include "tcp.h"
#include "../common/error.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static slow_status connect_error(const address *to, int failure, slow_error *error) {
    char where[ADDRESS_TEXT];
    address_print(to, TCP_SCHEME, where);
    if (failure == ECONNREFUSED)
        return error_set(error, SLOW_E_FAIL, where, "connection refused: nobody listens on that port");
    return error_set(error, failure == ETIMEDOUT ? SLOW_E_TIMEOUT : SLOW_E_FAIL, where, "cannot connect: %s",
                     strerror(failure));
}

static void attempt_free(tcp_attempt *a) {
    a->tcp->io->unwatch(a->watch);
    if (a->fd >= 0)
        close(a->fd);
    free(a);
}

/* What became of the connect(): 0, or an errno. */
static int verdict(const tcp_attempt *a) {
    int failure = 0;
    socklen_t size = sizeof failure;
    address local = {.size = sizeof local.at};
    if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0)
        return errno;
    if (failure != 0)
        return failure;
    if (getsockname(a->fd, &local.at.any, &local.size) != 0)
        return errno;
    return address_equal(&local, &a->to) ? ECONNREFUSED : 0;
}

static void decided(void *arg, int fd, unsigned events) {
    tcp_attempt *a = arg;
    tcp *t = a->tcp;
    dial *d = a->dial;
    address to = a->to;
    int failure = verdict(a);
    (void)events;
    if (failure == 0)
        a->fd = -1; /* the link's from here on */
    attempt_free(a);
    if (failure == 0) {
        uint64_t id = d->id;
        dial_done(d);
        tcp_link_open(t, fd, &to, id);
        return;
    }
    slow_error error;
    connect_error(&to, failure, &error);
    dial_failed(d, &error);
}

slow_status tcp_attempt_start(void *self, dial *d, const address *to, slow_error *error) {
    tcp *t = self;
    tcp_attempt *a = calloc(1, sizeof *a);
    if (a == NULL)
        return error_set(error, SLOW_E_NOMEM, d->text, "no memory to connect");
    a->tcp = t;
    a->dial = d;
    a->to = *to;
    a->fd = socket(to->at.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (a->fd < 0 || (connect(a->fd, &to->at.any, to->size) != 0 && errno != EINPROGRESS)) {
        slow_status status = connect_error(to, errno, error);
        attempt_free(a);
        return status;
    }
    a->watch = t->io->watch(t->host, a->fd, SLOW_IO_WRITE, decided, a);
    if (a->watch == NULL) {
        attempt_free(a);
        return error_set(error, SLOW_E_NOMEM, d->text, "the socket could not be watched: no memory");
    }
    d->attempt = a;
    return SLOW_OK;
}

void tcp_attempt_abandon(void *self, dial *d) {
    (void)self;
    attempt_free(d->attempt);
}
