/* The real loop: libevent for readiness and timers, an eventfd for what other threads post, evdns for names.
 *
 * The end of a turn is an event that is made active by the first thing deferred: libevent puts it behind all that are
 * active already, so it runs when everything that was ready together has been served, with no extra system call. Other
 * threads never touch libevent: they push onto a locked list and write to the eventfd, so libevent needs no locks. */
#include "loop_libevent.h"
#include <errno.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <pthread.h>
#include <slow/transport.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct errand {
    sl_call fn;
    void *arg;
    struct errand *next;
} errand;

typedef struct real_loop {
    sl_loop face;
    struct event_base *base;
    bool base_is_ours;
    struct event *turn_end, *wake, *step_end;
    int wake_fd;
    atomic_bool breaking;
    sl_deferred_queue deferred;
    pthread_mutex_t lock; /* of posted and posted_end */
    errand *posted, **posted_end;
    _Atomic(pthread_t) thread;
    struct evdns_base *dns; /* made at the first look-up */
    uint64_t random_state;
    slow_time now; /* of the callback that runs; 0 = not read yet */
    bool in_callback;
} real_loop;

typedef struct real_timer {
    sl_timer face;
    real_loop *loop;
    struct event *event;
    sl_call fire;
    void *arg;
    slow_time when;
} real_timer;

typedef struct real_watch {
    sl_watch face;
    real_loop *loop;
    struct event *event;
    int fd;
    sl_ready ready;
    void *arg;
} real_watch;

static real_loop *real(sl_loop *loop) {
    return (real_loop *)loop;
}

static slow_time clock_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (slow_time)t.tv_sec * SL_SECOND + (slow_time)t.tv_nsec;
}

/* Read once for each callback of libevent's, and every time outside of them. */
static slow_time real_now(sl_loop *face) {
    real_loop *loop = real(face);
    if (!loop->in_callback)
        return clock_ns(CLOCK_MONOTONIC);
    if (loop->now == 0)
        loop->now = clock_ns(CLOCK_MONOTONIC);
    return loop->now;
}

/* Each callback stands between these two; one may run the loop, and then others come in between. */
static bool callback_begin(real_loop *loop) {
    bool outer = loop->in_callback;
    loop->in_callback = true;
    loop->now = 0;
    return outer;
}

static void callback_end(real_loop *loop, bool outer) {
    loop->in_callback = outer;
    loop->now = 0;
}

uint64_t sl_loop_libevent_wall_ms(void) {
    return clock_ns(CLOCK_REALTIME) / SL_MS;
}

void sl_loop_libevent_pause(unsigned ms) {
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

static uint64_t real_wall_us(sl_loop *loop) {
    (void)loop;
    return clock_ns(CLOCK_REALTIME) / SL_US;
}

static uint64_t real_random(sl_loop *loop) {
    return sl_splitmix(&real(loop)->random_state);
}

static void real_entropy(sl_loop *loop, void *out, size_t size) {
    (void)loop;
    randombytes_buf(out, size);
}

static struct timeval timeval_of(slow_time duration) {
    uint64_t microseconds = (duration + 999) / 1000;
    return (struct timeval){.tv_sec = (time_t)(microseconds / 1000000),
                            .tv_usec = (suseconds_t)(microseconds % 1000000)};
}

/* ---- timers ---- */

static void timer_arm(real_timer *timer) {
    slow_time now = clock_ns(CLOCK_MONOTONIC);
    struct timeval wait = timeval_of(timer->when > now ? timer->when - now : 0);
    event_add(timer->event, &wait);
}

/* libevent counts from the start of its turn, so a timer armed late in a turn can come early. */
static void timer_fired(evutil_socket_t fd, short what, void *arg) {
    real_timer *timer = arg;
    (void)fd;
    (void)what;
    real_loop *loop = timer->loop;
    bool outer = callback_begin(loop);
    if (real_now(&loop->face) < timer->when)
        timer_arm(timer);
    else
        timer->fire(timer->arg);
    callback_end(loop, outer);
}

static sl_timer *real_timer_new(sl_loop *loop, sl_call fire, void *arg) {
    real_timer *timer = calloc(1, sizeof *timer);
    if (timer == NULL)
        return NULL;
    timer->face.ops = loop->ops;
    timer->loop = real(loop);
    timer->fire = fire;
    timer->arg = arg;
    timer->event = evtimer_new(timer->loop->base, timer_fired, timer);
    if (timer->event == NULL) {
        free(timer);
        return NULL;
    }
    return &timer->face;
}

static void real_timer_at(sl_timer *face, slow_time when) {
    real_timer *timer = (real_timer *)face;
    timer->when = when;
    timer_arm(timer);
}

static void real_timer_stop(sl_timer *face) {
    event_del(((real_timer *)face)->event);
}

static void real_timer_free(sl_timer *face) {
    event_free(((real_timer *)face)->event);
    free(face);
}

/* ---- the end of a turn, and posts ---- */

static void turn_ended(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    real_loop *loop = arg;
    bool outer = callback_begin(loop);
    sl_deferred_run(&loop->deferred);
    callback_end(loop, outer);
}

static void real_defer(sl_loop *loop, sl_deferred *deferred) {
    if (real(loop)->deferred.first == NULL)
        event_active(real(loop)->turn_end, EV_TIMEOUT, 1);
    sl_deferred_push(&real(loop)->deferred, deferred);
}

static void real_defer_cancel(sl_loop *loop, sl_deferred *deferred) {
    sl_deferred_remove(&real(loop)->deferred, deferred);
}

static void wake(real_loop *loop) {
    uint64_t one = 1;
    ssize_t written = write(loop->wake_fd, &one, sizeof one);
    (void)written; /* it fails only when the counter is full, and then the loop is awake */
}

static slow_status real_post(sl_loop *face, sl_call fn, void *arg) {
    real_loop *loop = real(face);
    errand *e = malloc(sizeof *e);
    if (e == NULL)
        return SLOW_E_NOMEM;
    *e = (errand){.fn = fn, .arg = arg};
    pthread_mutex_lock(&loop->lock);
    bool first = loop->posted == NULL;
    *loop->posted_end = e;
    loop->posted_end = &e->next;
    pthread_mutex_unlock(&loop->lock);
    if (first)
        wake(loop);
    return SLOW_OK;
}

static void run_posted(real_loop *loop) {
    pthread_mutex_lock(&loop->lock);
    errand *e = loop->posted;
    loop->posted = NULL;
    loop->posted_end = &loop->posted;
    pthread_mutex_unlock(&loop->lock);
    while (e != NULL) {
        errand *next = e->next;
        e->fn(e->arg);
        free(e);
        e = next;
    }
}

static void woken(evutil_socket_t fd, short what, void *arg) {
    real_loop *loop = arg;
    uint64_t count;
    ssize_t got = read(fd, &count, sizeof count);
    (void)got;
    (void)what;
    bool outer = callback_begin(loop);
    run_posted(loop);
    callback_end(loop, outer);
    if (atomic_exchange(&loop->breaking, false))
        event_base_loopbreak(loop->base);
}

/* ---- file descriptors ---- */

static short event_bits(unsigned events) {
    return (short)((events & SLOW_IO_READ ? EV_READ : 0) | (events & SLOW_IO_WRITE ? EV_WRITE : 0) | EV_PERSIST);
}

static void watch_ready(evutil_socket_t fd, short what, void *arg) {
    real_watch *watch = arg;
    unsigned events = (what & EV_READ ? SLOW_IO_READ : 0u) | (what & EV_WRITE ? SLOW_IO_WRITE : 0u);
    real_loop *loop = watch->loop;
    bool outer = callback_begin(loop);
    watch->ready(watch->arg, fd, events);
    callback_end(loop, outer);
}

static slow_status real_modify(sl_watch *face, unsigned events) {
    real_watch *watch = (real_watch *)face;
    event_del(watch->event);
    if (events == 0)
        return SLOW_OK;
    if (event_assign(watch->event, watch->loop->base, watch->fd, event_bits(events), watch_ready, watch) != 0)
        return SLOW_E_FAIL;
    return event_add(watch->event, NULL) == 0 ? SLOW_OK : SLOW_E_FAIL;
}

static void real_unwatch(sl_watch *face) {
    event_free(((real_watch *)face)->event);
    free(face);
}

static sl_watch *real_watch_new(sl_loop *loop, int fd, unsigned events, sl_ready ready, void *arg) {
    real_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return NULL;
    watch->face.ops = loop->ops;
    watch->loop = real(loop);
    watch->fd = fd;
    watch->ready = ready;
    watch->arg = arg;
    watch->event = event_new(watch->loop->base, fd, event_bits(events), watch_ready, watch);
    if (watch->event == NULL) {
        free(watch);
        return NULL;
    }
    if (real_modify(&watch->face, events) != SLOW_OK) {
        real_unwatch(&watch->face);
        return NULL;
    }
    return &watch->face;
}

/* ---- names ---- */

enum { ADDRESSES_MAX = 16 };
typedef struct real_lookup {
    sl_lookup face;
    real_loop *loop;
    struct evdns_getaddrinfo_request *request;
    struct event *answer; /* `done` must not come inside the call, and evdns answers /etc/hosts at once */
    sl_found done;
    void *arg;
    int failure;
    size_t count;
    struct sockaddr_storage found[ADDRESSES_MAX];
    socklen_t sizes[ADDRESSES_MAX];
    bool answered, cancelled;
    char name[256];
} real_lookup;

static void lookup_free(real_lookup *lookup) {
    if (lookup->answer != NULL)
        event_free(lookup->answer);
    free(lookup);
}

static void lookup_tell(evutil_socket_t fd, short what, void *arg) {
    real_lookup *lookup = arg;
    slow_bytes addresses[ADDRESSES_MAX];
    slow_error error = {.code = SLOW_OK};
    (void)fd;
    (void)what;
    for (size_t i = 0; i < lookup->count; i++)
        addresses[i] = (slow_bytes){(const uint8_t *)&lookup->found[i], lookup->sizes[i]};
    if (lookup->count == 0) {
        error.code = SLOW_E_FAIL;
        evutil_snprintf(error.where, sizeof error.where, "%s", lookup->name);
        evutil_snprintf(error.text, sizeof error.text, "the name %s was not found: %s", lookup->name,
                        evutil_gai_strerror(lookup->failure));
    }
    bool outer = callback_begin(lookup->loop);
    lookup->done(lookup->arg, addresses, lookup->count, &error);
    callback_end(lookup->loop, outer);
    lookup_free(lookup);
}

static void lookup_answered(int failure, struct evutil_addrinfo *list, void *arg) {
    real_lookup *lookup = arg;
    lookup->answered = true;
    lookup->failure = failure;
    for (struct evutil_addrinfo *a = list; a != NULL && lookup->count < ADDRESSES_MAX; a = a->ai_next)
        if (a->ai_addrlen <= sizeof lookup->found[0]) {
            memcpy(&lookup->found[lookup->count], a->ai_addr, a->ai_addrlen);
            lookup->sizes[lookup->count++] = (socklen_t)a->ai_addrlen;
        }
    if (list != NULL)
        evutil_freeaddrinfo(list);
    if (lookup->cancelled)
        lookup_free(lookup);
    else
        event_active(lookup->answer, EV_TIMEOUT, 1);
}

static sl_lookup *real_lookup_start(sl_loop *face, const char *name, uint16_t port, sl_found done, void *arg) {
    real_loop *loop = real(face);
    char service[8];
    struct evutil_addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = EVUTIL_AI_ADDRCONFIG};
    if (loop->dns == NULL)
        loop->dns = evdns_base_new(loop->base, EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (loop->dns == NULL) /* no usable resolv.conf: /etc/hosts still serves */
        loop->dns = evdns_base_new(loop->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    real_lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup == NULL || loop->dns == NULL) {
        free(lookup);
        return NULL;
    }
    lookup->face.ops = face->ops;
    lookup->loop = loop;
    lookup->done = done;
    lookup->arg = arg;
    evutil_snprintf(lookup->name, sizeof lookup->name, "%s", name);
    evutil_snprintf(service, sizeof service, "%u", (unsigned)port);
    lookup->answer = evtimer_new(loop->base, lookup_tell, lookup);
    if (lookup->answer == NULL) {
        free(lookup);
        return NULL;
    }
    struct evdns_getaddrinfo_request *request =
        evdns_getaddrinfo(loop->dns, lookup->name, service, &hints, lookup_answered, lookup);
    if (!lookup->answered)
        lookup->request = request;
    return &lookup->face;
}

static void real_lookup_cancel(sl_lookup *face) {
    real_lookup *lookup = (real_lookup *)face;
    lookup->cancelled = true;
    if (lookup->answered)
        lookup_free(lookup);
    else
        evdns_getaddrinfo_cancel(lookup->request); /* lookup_answered() comes, and frees */
}

/* ---- life ---- */

static void real_free(sl_loop *face) {
    real_loop *loop = real(face);
    while (loop->posted != NULL)
        run_posted(loop);
    sl_deferred_run(&loop->deferred);
    if (loop->dns != NULL) {
        evdns_base_free(loop->dns, 1);
        if (loop->base_is_ours)
            event_base_loop(loop->base, EVLOOP_NONBLOCK); /* the answers of cancelled requests come, and free */
    }
    if (loop->wake != NULL)
        event_free(loop->wake);
    if (loop->turn_end != NULL)
        event_free(loop->turn_end);
    if (loop->step_end != NULL)
        event_free(loop->step_end);
    if (loop->base != NULL && loop->base_is_ours)
        event_base_free(loop->base);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

static const sl_loop_ops real_ops = {
    .now = real_now,
    .wall_us = real_wall_us,
    .random = real_random,
    .entropy = real_entropy,
    .timer_new = real_timer_new,
    .timer_at = real_timer_at,
    .timer_stop = real_timer_stop,
    .timer_free = real_timer_free,
    .defer = real_defer,
    .defer_cancel = real_defer_cancel,
    .post = real_post,
    .watch = real_watch_new,
    .modify = real_modify,
    .unwatch = real_unwatch,
    .lookup = real_lookup_start,
    .lookup_cancel = real_lookup_cancel,
    .free = real_free,
};

static void step_over(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    (void)arg;
}

sl_loop *sl_loop_libevent_new(struct event_base *base) {
    if (sodium_init() < 0)
        return NULL;
    real_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return NULL;
    loop->face.ops = &real_ops;
    pthread_mutex_init(&loop->lock, NULL);
    loop->posted_end = &loop->posted;
    loop->base_is_ours = base == NULL;
    loop->base = base != NULL ? base : event_base_new();
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    atomic_store(&loop->thread, pthread_self());
    randombytes_buf(&loop->random_state, sizeof loop->random_state);
    if (loop->base == NULL || loop->wake_fd < 0)
        goto failed;
    loop->turn_end = evtimer_new(loop->base, turn_ended, loop);
    loop->step_end = evtimer_new(loop->base, step_over, loop);
    loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, woken, loop);
    if (loop->turn_end == NULL || loop->step_end == NULL || loop->wake == NULL || event_add(loop->wake, NULL) != 0)
        goto failed;
    return &loop->face;
failed:
    real_free(&loop->face);
    return NULL;
}

void sl_loop_libevent_run(sl_loop *face) {
    atomic_store(&real(face)->thread, pthread_self());
    event_base_loop(real(face)->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

bool sl_loop_libevent_step(sl_loop *face, slow_time timeout) {
    real_loop *loop = real(face);
    struct timeval wait = timeval_of(timeout);
    atomic_store(&loop->thread, pthread_self());
    if (timeout == 0)
        return event_base_loop(loop->base, EVLOOP_NONBLOCK) == 0;
    if (event_add(loop->step_end, &wait) != 0)
        return false;
    bool more = event_base_loop(loop->base, EVLOOP_ONCE) == 0;
    event_del(loop->step_end);
    return more;
}

void sl_loop_libevent_settle(sl_loop *face) {
    real_loop *loop = real(face);
    sl_deferred_run(&loop->deferred);
    run_posted(loop);
    sl_deferred_run(&loop->deferred);
}

void sl_loop_libevent_break(sl_loop *face) {
    atomic_store(&real(face)->breaking, true);
    wake(real(face));
}

bool sl_loop_libevent_is_current(const sl_loop *loop) {
    return pthread_equal(atomic_load(&((const real_loop *)loop)->thread), pthread_self());
}

struct event_base *sl_loop_libevent_base(sl_loop *loop) {
    return real(loop)->base;
}

void sl_loop_libevent_condition(pthread_cond_t *condition) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

/* At most 70 years from now: what a sum with SLOW_FOREVER would not be. */
struct timespec sl_loop_libevent_deadline(slow_time timeout) {
    static const slow_time LONG = UINT64_C(70) * 365 * 86400 * SL_SECOND;
    slow_time at = clock_ns(CLOCK_MONOTONIC) + (timeout < LONG ? timeout : LONG);
    return (struct timespec){.tv_sec = (time_t)(at / SL_SECOND), .tv_nsec = (long)(at % SL_SECOND)};
}
