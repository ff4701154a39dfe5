/* listener.c - sockets that accept. Whether a peer may stay is the core's to say, in link_up().
 *
 * When the process is out of file descriptors accept() fails and the socket stays ready, so a level-triggered loop
 * would spin. Listeners are then left alone for a moment. SO_REUSEADDR (bind.c) lets a junction start again while
 * connections of its predecessor are in TIME_WAIT. */
#include "tcp.h"
#include "../common/error.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS 16 /* in one turn */
#define BACKLOG 1024
#define PAUSE_NS UINT64_C(250000000)
#define WARN_EVERY_NS UINT64_C(60000000000)

static void pause_listener(tcp_listener *l) {
    tcp *t = l->tcp;
    slow_time now = t->host->now(t->host);
    l->paused = true;
    t->io->modify(l->watch, 0);
    t->host->timer_at(t->resume, now + PAUSE_NS);
    if (t->warned_at != 0 && now - t->warned_at < WARN_EVERY_NS) /* strangers can cause this line */
        return;
    t->warned_at = now;
    t->host->log(t->host, SLOW_LOG_WARN,
                 "cannot accept: out of file descriptors or memory; raise the limit (ulimit -n)");
}

void tcp_resume(void *arg) {
    tcp *t = arg;
    for (tcp_listener *l = t->listeners; l != NULL; l = l->next)
        if (l->paused) {
            l->paused = false;
            t->io->modify(l->watch, SLOW_IO_READ);
        }
}

static void ready(void *arg, int listening_fd, unsigned events) {
    tcp_listener *l = arg;
    (void)events;
    for (int accepts = 0; accepts < ACCEPTS; accepts++) {
        address remote = {.size = sizeof remote.at};
        int fd = accept4(listening_fd, &remote.at.any, &remote.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            tcp_link_open(l->tcp, fd, &remote, 0);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_listener(l);
            return;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return;
    }
}

static void listener_close(tcp_listener *l) {
    tcp *t = l->tcp;
    for (tcp_listener **at = &t->listeners; *at != NULL; at = &(*at)->next)
        if (*at == l) {
            *at = l->next;
            break;
        }
    t->io->unwatch(l->watch);
    close(l->fd);
    free(l);
}

/* Takes the bound socket if it is SLOW_OK. */
static slow_status listener_open(tcp *t, int fd, const char *name, slow_error *error) {
    if (listen(fd, BACKLOG) != 0)
        return error_set(error, SLOW_E_FAIL, name, "cannot listen: %s", strerror(errno));
    tcp_listener *l = calloc(1, sizeof *l);
    if (l == NULL)
        return error_set(error, SLOW_E_NOMEM, name, "no memory to listen");
    l->tcp = t;
    l->fd = fd;
    snprintf(l->name, sizeof l->name, "%s", name);
    l->watch = t->io->watch(t->host, fd, SLOW_IO_READ, ready, l);
    if (l->watch == NULL) {
        free(l);
        return error_set(error, SLOW_E_NOMEM, name, "the socket could not be watched: no memory");
    }
    l->next = t->listeners;
    t->listeners = l;
    return SLOW_OK;
}

slow_status tcp_listen(void *self, const char *name, char bound_text[128], slow_error *error) {
    tcp *t = self;
    bound b;
    slow_status status = bind_open(TCP_SCHEME, name, SOCK_STREAM, &b, error);
    if (status != SLOW_OK)
        return status;
    size_t count = 0;
    while (count < b.count && (status = listener_open(t, b.fd[count], name, error)) == SLOW_OK)
        count++;
    if (status == SLOW_OK) {
        snprintf(bound_text, 128, "%s", b.text);
        return SLOW_OK;
    }
    for (size_t i = count; i < b.count; i++)
        close(b.fd[i]);
    for (; count > 0; count--)
        listener_close(t->listeners); /* the newest are first */
    return status;
}

void tcp_unlisten(void *self, const char *name) {
    tcp *t = self;
    for (tcp_listener *l = t->listeners, *next; l != NULL; l = next) {
        next = l->next;
        if (strcmp(l->name, name) == 0)
            listener_close(l);
    }
}

void tcp_listeners_close(tcp *t) {
    while (t->listeners != NULL)
        listener_close(t->listeners);
}
