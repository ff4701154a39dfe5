/* The host of one instance under test.
 *
 * It keeps the promises of slow/plugin.h and no more than those: timers fire in a coming turn and never inside a call, what is
 * deferred runs at the end of the turn, nothing runs after stop(). It is not the core's (core/instance.c), since a plugin
 * must not get by on what that does by chance; and because here every request can be refused, is counted to its instance, and
 * is mixed into a trace, by which two lives are compared: same seed, same calls.
 *
 * What a plugin must not do and the core would not survive is seen here at once, with the call that was on: a freed timer
 * used, a packet dropped too often, a host call in create() that is not among those allowed. For that, freed timers and
 * packets stay until the host's end, as tombs. */
#include "host.h"
#include "alloc.h"
#include "conform.h"
#include "core/loop.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HEADROOM = SLOW_PACKET_HEADROOM, TURNS_MAX = 1000000 };

#define PLUGIN_H "slow/plugin.h, slow_host."

struct slow_timer {
    conform_host *host;
    void (*fire)(void *);
    void *arg;
    slow_time when;
    uint64_t order; /* of arming: decides between timers of one time */
    bool armed, dead;
    slow_timer *next;
};

typedef struct conform_packet {
    slow_packet packet;
    conform_host *host;
    uint32_t references;
    struct conform_packet *next;
} conform_packet_record;

static conform_host *host_of(const slow_host *table) {
    return &conform_instance_of(table)->host;
}

conform_instance *conform_instance_of(const slow_host *table) {
    return table->host_data;
}

/* ---- the account ---- */

/* FNV-1a, 64 bits: only to tell two traces apart. */
void conform_trace(conform_instance *instance, const void *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        instance->host.trace = (instance->host.trace ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
}

static bool is_allowed_in_create(const char *call) {
    static const char *const allowed[] = {"now",        "random",  "entropy", "log",   "timer_new",
                                          "timer_free", "service", "self",    "epoch", "is_leaf"};
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        if (strcmp(call, allowed[i]) == 0)
            return true;
    return false;
}

bool conform_host_enter(conform_instance *instance, const char *call) {
    conform *c = instance->conform;
    bool was = alloc_inside(false);
    instance->host.calls++;
    conform_trace(instance, call, strlen(call));
    if (instance->host.in_create && c->create_is_watched && !is_allowed_in_create(call))
        conform_fail(
            c, "slow/plugin.h, slow_plugin.create()",
            "create() makes no I/O and calls nothing but what is listed: now, random, entropy, log, timer_new, service",
            "called %s() in create()", call);
    conform_meanwhile(c);
    return was;
}

void conform_host_leave(bool was) {
    alloc_inside(was);
}

bool conform_host_refuses(void) {
    return alloc_refused();
}

/* ---- clock, numbers, log ---- */

static slow_time time_now(const conform *c) {
    struct timespec now;
    if (!c->kind->real_time)
        return c->now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (slow_time)now.tv_sec * UINT64_C(1000000000) + (slow_time)now.tv_nsec;
}

static slow_time host_now(const slow_host *table) {
    bool was = conform_host_enter(conform_instance_of(table), "now");
    slow_time now = time_now(conform_instance_of(table)->conform);
    conform_host_leave(was);
    return now;
}

static uint64_t host_random(const slow_host *table) {
    bool was = conform_host_enter(conform_instance_of(table), "random");
    uint64_t value = sl_splitmix(&host_of(table)->seed);
    conform_host_leave(was);
    return value;
}

static void host_entropy(const slow_host *table, void *out, size_t size) {
    bool was = conform_host_enter(conform_instance_of(table), "entropy");
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)out)[i] = (uint8_t)sl_splitmix(&host_of(table)->seed);
    conform_host_leave(was);
}

/* [any]: no meanwhile, and no trace of what a thread says. */
static void host_log(const slow_host *table, int level, const char *text) {
    bool was = alloc_inside(false);
    if (text == NULL || level < SLOW_LOG_ERROR || level > SLOW_LOG_DEBUG || strchr(text, '\n') != NULL)
        conform_fail(conform_instance_of(table)->conform, PLUGIN_H "log()",
                     "one line, at a level of enum slow_log_level", "logged %s at level %d",
                     text == NULL ? "NULL" : "this", level);
    __atomic_add_fetch(&host_of(table)->lines, 1, __ATOMIC_RELAXED);
    alloc_inside(was);
}

/* ---- timers ---- */

static slow_timer *host_timer_new(const slow_host *table, void (*fire)(void *), void *arg) {
    conform_host *host = host_of(table);
    bool was = conform_host_enter(host->instance, "timer_new");
    slow_timer *timer = conform_host_refuses() ? NULL : calloc(1, sizeof *timer);
    if (timer != NULL) {
        *timer = (slow_timer){.host = host, .fire = fire, .arg = arg, .next = host->timers};
        host->timers = timer;
        host->out.timers++;
    }
    conform_host_leave(was);
    return timer;
}

static bool timer_enter(slow_timer *timer, const char *call) {
    bool was = alloc_inside(false);
    if (timer->dead)
        conform_fail(timer->host->instance->conform, PLUGIN_H "timer_free()", "a timer that was freed is gone",
                     "called %s() with a timer that it had freed", call);
    alloc_inside(was);
    return conform_host_enter(timer->host->instance, call);
}

static void host_timer_at(slow_timer *timer, slow_time when) {
    bool was = timer_enter(timer, "timer_at");
    if (!timer->host->instance->conform->kind->real_time)
        conform_trace(timer->host->instance, &when, sizeof when);
    timer->when = when;
    timer->order = ++timer->host->scheduled;
    timer->armed = true;
    conform_host_leave(was);
}

static void host_timer_stop(slow_timer *timer) {
    bool was = timer_enter(timer, "timer_stop");
    timer->armed = false;
    conform_host_leave(was);
}

static void host_timer_free(slow_timer *timer) {
    if (timer == NULL)
        return;
    bool was = timer_enter(timer, "timer_free");
    timer->armed = false;
    timer->dead = true;
    timer->host->out.timers--;
    conform_host_leave(was);
}

/* The first that is due at `now`; NULL = none. */
static slow_timer *timer_due(conform_instance *instances, size_t n, slow_time now) {
    slow_timer *first = NULL;
    for (size_t i = 0; i < n; i++)
        for (slow_timer *timer = instances[i].host.timers; timer != NULL; timer = timer->next)
            if (timer->armed && timer->when <= now &&
                (first == NULL || timer->when < first->when ||
                 (timer->when == first->when && timer->host == first->host && timer->order < first->order)))
                first = timer;
    return first;
}

/* When the next one fires; UINT64_MAX = none is armed. */
static slow_time timer_next(conform_instance *instances, size_t n) {
    slow_timer *timer = timer_due(instances, n, UINT64_MAX);
    return timer != NULL ? timer->when : UINT64_MAX;
}

/* ---- packets ---- */

static conform_packet_record *record_of(slow_packet *packet) {
    return (conform_packet_record *)packet; /* its first member */
}

slow_packet *conform_packet(conform_instance *instance, uint32_t size) {
    conform_packet_record *record = calloc(1, sizeof *record);
    uint8_t *base = malloc(HEADROOM + (size_t)size);
    if (record == NULL || base == NULL)
        abort(); /* the tool's own memory: never refused, and a child of no use without */
    record->packet = (slow_packet){.base = base, .capacity = HEADROOM + size, .offset = HEADROOM};
    record->host = &instance->host;
    record->references = 1;
    record->next = instance->host.packets;
    instance->host.packets = record;
    instance->host.out.packets++;
    return &record->packet;
}

void conform_packet_drop(slow_packet *packet) {
    conform_packet_record *record = record_of(packet);
    if (record->references == 0)
        conform_fail(record->host->instance->conform, PLUGIN_H "packet_drop()", "gives one reference back",
                     "dropped a packet that it held no reference of any more");
    if (--record->references > 0)
        return;
    record->host->out.packets--;
    free(packet->base);
    packet->base = NULL;
    packet->capacity = packet->size = packet->offset = 0;
}

static slow_packet *host_packet_new(const slow_host *table, uint32_t size) {
    bool was = conform_host_enter(conform_instance_of(table), "packet_new");
    slow_packet *packet = conform_host_refuses() ? NULL : conform_packet(conform_instance_of(table), size);
    conform_host_leave(was);
    return packet;
}

static slow_packet *host_packet_ref(slow_packet *packet) {
    bool was = conform_host_enter(record_of(packet)->host->instance, "packet_ref");
    if (record_of(packet)->references == 0)
        conform_fail(record_of(packet)->host->instance->conform, PLUGIN_H "packet_ref()",
                     "adds a reference to one's own", "took a reference of a packet that it held none of any more");
    record_of(packet)->references++;
    conform_host_leave(was);
    return packet;
}

static void host_packet_drop(slow_packet *packet) {
    if (packet == NULL)
        return;
    bool was = conform_host_enter(record_of(packet)->host->instance, "packet_drop");
    conform_packet_drop(packet);
    conform_host_leave(was);
}

/* Always a copy where it is shared: the reference is gone also when there is no memory. */
static slow_packet *host_packet_own(slow_packet *packet) {
    conform_packet_record *record = record_of(packet);
    bool was = conform_host_enter(record->host->instance, "packet_own");
    slow_packet *owned = packet;
    if (record->references > 1) {
        owned = conform_host_refuses() ? NULL : conform_packet(record->host->instance, packet->capacity - HEADROOM);
        if (owned != NULL) {
            memcpy(owned->base, packet->base, packet->capacity);
            owned->offset = packet->offset;
            owned->size = packet->size;
            owned->segment = packet->segment;
        }
        conform_packet_drop(packet);
    }
    conform_host_leave(was);
    return owned;
}

/* ---- posted and deferred ---- */

static conform_errand *errand_new(void (*fn)(void *), void *arg) {
    conform_errand *errand = malloc(sizeof *errand);
    if (errand == NULL)
        abort();
    *errand = (conform_errand){.fn = fn, .arg = arg};
    return errand;
}

static void posted_lock(conform_host *host) {
    while (__atomic_test_and_set(&host->lock, __ATOMIC_ACQUIRE))
        continue;
}

static void posted_unlock(conform_host *host) {
    __atomic_clear(&host->lock, __ATOMIC_RELEASE);
}

static slow_status host_post(const slow_host *table, void (*fn)(void *), void *arg) {
    conform_host *host = host_of(table);
    slow_status status = SLOW_OK;
    bool was = alloc_inside(false);
    posted_lock(host);
    if (host->stopped || host->in_create) {
        status = SLOW_E_CLOSED;
    } else if (was && conform_host_refuses()) { /* a thread's request has no place in the sequence */
        status = SLOW_E_NOMEM;
    } else {
        conform_errand *errand = errand_new(fn, arg);
        errand->next = host->posted;
        host->posted = errand;
    }
    posted_unlock(host);
    alloc_inside(was);
    return status;
}

static slow_status host_defer(const slow_host *table, void (*fn)(void *), void *arg) {
    conform_host *host = host_of(table);
    bool was = conform_host_enter(host->instance, "defer");
    slow_status status = host->stopped ? SLOW_E_CLOSED : conform_host_refuses() ? SLOW_E_NOMEM : SLOW_OK;
    if (status == SLOW_OK) {
        conform_errand *errand = errand_new(fn, arg);
        *host->deferred_end = errand;
        host->deferred_end = &errand->next;
    }
    conform_host_leave(was);
    return status;
}

static void errand_run(conform_host *host, conform_errand *errand, const char *call) {
    if (!host->stopped)
        CONFORM_CALL(host->instance->conform, call, errand->fn(errand->arg));
    free(errand);
}

static void deferred_run(conform_host *host) {
    while (host->deferred != NULL) {
        conform_errand *errand = host->deferred;
        host->deferred = errand->next;
        if (host->deferred == NULL)
            host->deferred_end = &host->deferred;
        errand_run(host, errand, "what it had deferred");
    }
}

static void posted_run(conform_host *host) {
    conform_errand *newest, *oldest = NULL;
    posted_lock(host);
    newest = host->posted;
    host->posted = NULL;
    posted_unlock(host);
    while (newest != NULL) {
        conform_errand *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest != NULL) {
        conform_errand *next = oldest->next;
        errand_run(host, oldest, "what it had posted");
        oldest = next;
    }
}

/* ---- turns ---- */

/* Waits for descriptors at most so long. */
static void turn(conform_instance *instances, size_t n, slow_time wait_ns) {
    conform *c = instances[0].conform;
    slow_timer *timer;
    for (size_t i = 0; i < n; i++)
        posted_run(&instances[i].host);
    if (c->kind->real_time)
        host_io_turn(instances, n, wait_ns);
    slow_time now = time_now(c);
    while ((timer = timer_due(instances, n, now)) != NULL) {
        timer->armed = false;
        CONFORM_CALL(c, "a timer's fire()", timer->fire(timer->arg));
        for (size_t i = 0; i < n; i++)
            deferred_run(&instances[i].host);
        if (!c->kind->real_time)
            continue;
        if (time_now(c) > now + UINT64_C(100000000))
            break; /* one that arms itself for the past would hold the turn for ever */
    }
    for (size_t i = 0; i < n; i++)
        deferred_run(&instances[i].host);
}

void conform_turn(conform_instance *instances, size_t n) {
    turn(instances, n, 0);
}

static bool never(void *arg) {
    (void)arg;
    return false;
}

void conform_run(conform_instance *instances, size_t n, slow_time for_ns) {
    conform_until(instances, n, never, NULL, for_ns);
}

bool conform_until(conform_instance *instances, size_t n, bool (*condition)(void *), void *arg, slow_time limit_ns) {
    conform *c = instances[0].conform;
    slow_time end = time_now(c) + limit_ns;
    for (unsigned turns = 0; turns < TURNS_MAX; turns++) {
        slow_time now = time_now(c), next = timer_next(instances, n), until = next < end ? next : end;
        turn(instances, n, until > now ? until - now : 0);
        if (condition(arg))
            return true;
        next = timer_next(instances, n);
        if (c->kind->real_time) {
            if (time_now(c) >= end)
                return false;
        } else if (next > end) {
            c->now = end;
            return false;
        } else if (next > c->now) {
            c->now = next;
        }
    }
    conform_fail(c, PLUGIN_H "timer_at()", "a time in the past fires in a coming turn: time has to go on between",
                 "had timers fire in %d turns within %.3f s", TURNS_MAX, (double)limit_ns / 1e9);
}

/* ---- life ---- */

static const void *host_service(const slow_host *table, const char *id) {
    conform_instance *instance = conform_instance_of(table);
    const conform_kind *kind = instance->conform->kind;
    const void *found = NULL;
    bool was = conform_host_enter(instance, "service");
    conform_trace(instance, id, strlen(id));
    for (const conform_service *s = kind->services; s != NULL && s->id != NULL && found == NULL; s++)
        if (strcmp(s->id, id) == 0)
            found = s->table;
    if (found == NULL && kind->real_time && strcmp(id, SLOW_IO_ID) == 0)
        found = &host_io;
    conform_host_leave(was);
    return found;
}

void host_begin(conform_host *host, conform_instance *instance, uint64_t seed) {
    *host = (conform_host){.instance = instance, .seed = seed};
    host->deferred_end = &host->deferred;
    host->table = (slow_host){
        .struct_size = sizeof host->table,
        .abi_major = SLOW_ABI_MAJOR,
        .abi_minor = SLOW_ABI_MINOR,
        .host_data = instance,
        .now = host_now,
        .random = host_random,
        .log = host_log,
        .timer_new = host_timer_new,
        .timer_at = host_timer_at,
        .timer_stop = host_timer_stop,
        .timer_free = host_timer_free,
        .packet_new = host_packet_new,
        .packet_ref = host_packet_ref,
        .packet_drop = host_packet_drop,
        .packet_own = host_packet_own,
        .post = host_post,
        .defer = host_defer,
        .entropy = host_entropy,
        .service = host_service,
    };
}

void host_stop(conform_host *host) {
    posted_lock(host);
    host->stopped = true;
    posted_unlock(host);
}

static void errands_free(conform_errand *errand) {
    while (errand != NULL) {
        conform_errand *next = errand->next;
        free(errand);
        errand = next;
    }
}

void host_end(conform_host *host) {
    errands_free(host->deferred);
    errands_free(host->posted);
    host->deferred = host->posted = NULL;
    while (host->timers != NULL) {
        slow_timer *next = host->timers->next;
        free(host->timers);
        host->timers = next;
    }
    while (host->packets != NULL) {
        conform_packet_record *next = host->packets->next;
        free(host->packets->packet.base);
        free(host->packets);
        host->packets = next;
    }
    host_io_end(host);
}
