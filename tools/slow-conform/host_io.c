/* slow.io/1 for instances under test, on poll(): a handful of descriptors, level-triggered, in the order of watching. */
#include "alloc.h"
#include "conform.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

enum { DESCRIPTORS_MAX = 1024 };

struct slow_watch {
    conform_host *host;
    int fd;
    unsigned events;
    void (*ready)(void *, int, unsigned);
    void *arg;
    bool dead;
    slow_watch *next; /* in the order of watching; freed ones too, until the end */
};

static slow_watch *io_watch(const slow_host *table, int fd, unsigned events, void (*ready)(void *, int, unsigned),
                            void *arg) {
    conform_host *host = &conform_instance_of(table)->host;
    bool was = conform_host_enter(host->instance, "watch");
    slow_watch *watch = conform_host_refuses() ? NULL : calloc(1, sizeof *watch);
    if (watch != NULL) {
        slow_watch **end = &host->watches;
        while (*end != NULL)
            end = &(*end)->next;
        *watch = (slow_watch){.host = host, .fd = fd, .events = events, .ready = ready, .arg = arg};
        *end = watch;
        host->out.watches++;
    }
    conform_host_leave(was);
    return watch;
}

static bool watch_enter(slow_watch *watch, const char *call) {
    bool was = conform_host_enter(watch->host->instance, call);
    if (watch->dead)
        conform_fail(watch->host->instance->conform, "slow/transport.h, slow_io.unwatch()",
                     "a watch that was taken back is gone", "called %s() with a watch that it had taken back", call);
    return was;
}

static slow_status io_modify(slow_watch *watch, unsigned events) {
    bool was = watch_enter(watch, "modify");
    watch->events = events;
    conform_host_leave(was);
    return SLOW_OK;
}

static void io_unwatch(slow_watch *watch) {
    if (watch == NULL)
        return;
    bool was = watch_enter(watch, "unwatch");
    watch->dead = true;
    watch->host->out.watches--;
    conform_host_leave(was);
}

const slow_io host_io = {.struct_size = sizeof host_io, .watch = io_watch, .modify = io_modify, .unwatch = io_unwatch};

static short poll_events(unsigned events) {
    return (short)((events & SLOW_IO_READ ? POLLIN : 0) | (events & SLOW_IO_WRITE ? POLLOUT : 0));
}

static unsigned ready_events(const struct pollfd *polled, unsigned wanted) {
    unsigned events = (polled->revents & POLLIN ? SLOW_IO_READ : 0u) | (polled->revents & POLLOUT ? SLOW_IO_WRITE : 0u);
    if (polled->revents & (POLLERR | POLLHUP))
        events |= wanted;
    return events & wanted;
}

void host_io_turn(conform_instance *instances, size_t n, slow_time wait_ns) {
    struct pollfd polled[DESCRIPTORS_MAX];
    slow_watch *watches[DESCRIPTORS_MAX];
    nfds_t count = 0;
    conform *c = instances[0].conform;
    for (size_t i = 0; i < n; i++)
        for (slow_watch *watch = instances[i].host.watches; watch != NULL && count < DESCRIPTORS_MAX;
             watch = watch->next)
            if (!watch->dead && watch->events != 0) {
                polled[count] = (struct pollfd){.fd = watch->fd, .events = poll_events(watch->events)};
                watches[count++] = watch;
            }
    int wait_ms = (int)(wait_ns / UINT64_C(1000000) < 100 ? (wait_ns + UINT64_C(999999)) / UINT64_C(1000000) : 100);
    if (poll(polled, count, wait_ms) < 0 && errno != EINTR)
        abort();
    for (nfds_t i = 0; i < count; i++) {
        slow_watch *watch = watches[i];
        if (polled[i].revents & POLLNVAL)
            conform_fail(c, "slow/transport.h, slow_io.unwatch()", "MUST come before close(fd)",
                         "closed descriptor %d while it was watched", watch->fd);
        unsigned events = watch->dead ? 0 : ready_events(&polled[i], watch->events);
        if (events != 0)
            CONFORM_CALL(c, "a watch's ready()", watch->ready(watch->arg, watch->fd, events));
    }
}

void host_io_end(conform_host *host) {
    while (host->watches != NULL) {
        slow_watch *next = host->watches->next;
        free(host->watches);
        host->watches = next;
    }
}
