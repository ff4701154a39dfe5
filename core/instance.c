#include "instance.h"
#include <pthread.h>
#include <slow/transport.h>
#include <stdlib.h>
#include <string.h>

struct slow_timer {
    sl_instance *owner;
    sl_timer *inner;
    slow_timer *next, **here;
};

struct slow_watch {
    sl_instance *owner;
    sl_watch *inner;
    slow_watch *next, **here;
};

/* Something posted or deferred by a plugin: it dies with the instance, even if the loop still holds it. */
typedef struct errand {
    sl_instance *owner;
    void (*fn)(void *);
    void *arg;
    sl_deferred deferred;
} errand;

struct sl_instance {
    slow_host host;
    sl_instance_env env;
    const slow_plugin *plugin;
    void *config;
    void (*config_free)(const slow_plugin *, void *);
    void *self;
    slow_timer *timers;
    slow_watch *watches;
    sl_packet_owner packets;
    pthread_mutex_t lock; /* of the three below: post() comes from any thread */
    bool stopped, freed;
    uint32_t errands; /* on their way; the last one frees an instance that was freed meanwhile */
    bool started, left;
};

static sl_instance *instance_of(const slow_host *host) {
    return host->host_data;
}

/* ---- the host table ---- */

static slow_time host_now(const slow_host *host) {
    return sl_now(instance_of(host)->env.loop);
}

static uint64_t host_random(const slow_host *host) {
    return sl_random(instance_of(host)->env.loop);
}

static void host_log(const slow_host *host, int level, const char *text) {
    sl_log_write(instance_of(host)->env.log, level, instance_of(host)->plugin->id, "%s", text);
}

static void host_entropy(const slow_host *host, void *out, size_t size) {
    sl_entropy(instance_of(host)->env.loop, out, size);
}

static slow_timer *host_timer_new(const slow_host *host, void (*fire)(void *), void *arg) {
    sl_instance *instance = instance_of(host);
    slow_timer *timer = calloc(1, sizeof *timer);
    if (timer == NULL)
        return NULL;
    timer->owner = instance;
    timer->inner = sl_timer_new(instance->env.loop, fire, arg);
    if (timer->inner == NULL) {
        free(timer);
        return NULL;
    }
    timer->next = instance->timers;
    timer->here = &instance->timers;
    if (timer->next != NULL)
        timer->next->here = &timer->next;
    instance->timers = timer;
    return timer;
}

static void host_timer_at(slow_timer *timer, slow_time when) {
    sl_timer_at(timer->inner, when);
}

static void host_timer_stop(slow_timer *timer) {
    sl_timer_stop(timer->inner);
}

static void host_timer_free(slow_timer *timer) {
    if (timer == NULL)
        return;
    *timer->here = timer->next;
    if (timer->next != NULL)
        timer->next->here = timer->here;
    sl_timer_free(timer->inner);
    free(timer);
}

static slow_packet *host_packet_new(const slow_host *host, uint32_t size) {
    sl_instance *instance = instance_of(host);
    return sl_packet_new(instance->env.pool, size, &instance->packets);
}

static void instance_unref(sl_instance *instance) {
    pthread_mutex_lock(&instance->lock);
    bool last = --instance->errands == 0 && instance->freed;
    pthread_mutex_unlock(&instance->lock);
    if (!last || instance->packets.packets > 0) /* a leaked packet still points at its owner's count */
        return;
    pthread_mutex_destroy(&instance->lock);
    free(instance);
}

static void errand_run(void *arg) {
    errand *e = arg;
    sl_instance *instance = e->owner;
    pthread_mutex_lock(&instance->lock);
    bool wanted = !instance->stopped;
    pthread_mutex_unlock(&instance->lock);
    if (wanted)
        e->fn(e->arg);
    free(e);
    instance_unref(instance);
}

static errand *errand_new(sl_instance *instance, void (*fn)(void *), void *arg, slow_status *status) {
    errand *e = calloc(1, sizeof *e);
    *status = e == NULL ? SLOW_E_NOMEM : SLOW_OK;
    if (e == NULL)
        return NULL;
    *e = (errand){.owner = instance, .fn = fn, .arg = arg};
    e->deferred = (sl_deferred){.fn = errand_run, .arg = e};
    pthread_mutex_lock(&instance->lock);
    if (instance->stopped)
        *status = SLOW_E_CLOSED;
    else
        instance->errands++;
    pthread_mutex_unlock(&instance->lock);
    if (*status == SLOW_OK)
        return e;
    free(e);
    return NULL;
}

static slow_status host_post(const slow_host *host, void (*fn)(void *), void *arg) {
    slow_status status;
    sl_instance *instance = instance_of(host);
    errand *e = errand_new(instance, fn, arg, &status);
    if (e == NULL)
        return status;
    status = sl_post(instance->env.loop, errand_run, e);
    if (status != SLOW_OK) {
        free(e);
        instance_unref(instance);
    }
    return status;
}

static slow_status host_defer(const slow_host *host, void (*fn)(void *), void *arg) {
    slow_status status;
    errand *e = errand_new(instance_of(host), fn, arg, &status);
    if (e != NULL)
        sl_defer(instance_of(host)->env.loop, &e->deferred);
    return status;
}

/* ---- slow.io/1 and slow.resolve/1 ---- */

static slow_watch *io_watch(const slow_host *host, int fd, unsigned events, void (*ready)(void *, int, unsigned),
                            void *arg) {
    sl_instance *instance = instance_of(host);
    slow_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return NULL;
    watch->owner = instance;
    watch->inner = sl_watch_new(instance->env.loop, fd, events, ready, arg);
    if (watch->inner == NULL) {
        free(watch);
        return NULL;
    }
    watch->next = instance->watches;
    watch->here = &instance->watches;
    if (watch->next != NULL)
        watch->next->here = &watch->next;
    instance->watches = watch;
    return watch;
}

static slow_status io_modify(slow_watch *watch, unsigned events) {
    return sl_watch_modify(watch->inner, events);
}

static void io_unwatch(slow_watch *watch) {
    if (watch == NULL)
        return;
    *watch->here = watch->next;
    if (watch->next != NULL)
        watch->next->here = watch->here;
    sl_watch_free(watch->inner);
    free(watch);
}

static void *resolve_start(const slow_host *host, const char *name, uint16_t port,
                           void (*done)(void *, const slow_bytes *, size_t, const slow_error *), void *arg) {
    return sl_lookup_start(instance_of(host)->env.loop, name, port, done, arg);
}

static void resolve_cancel(void *request) {
    sl_lookup_cancel(request);
}

static const slow_io io_service = {
    .struct_size = sizeof io_service, .watch = io_watch, .modify = io_modify, .unwatch = io_unwatch};
static const slow_resolve resolve_service = {
    .struct_size = sizeof resolve_service, .start = resolve_start, .cancel = resolve_cancel};

static const void *host_service(const slow_host *host, const char *id) {
    const sl_instance *instance = instance_of(host);
    for (const sl_service *s = instance->env.services; s != NULL && s->id != NULL; s++)
        if (strcmp(s->id, id) == 0)
            return s->table;
    if (!sl_loop_has_io(instance->env.loop))
        return NULL;
    if (strcmp(id, SLOW_IO_ID) == 0)
        return &io_service;
    return strcmp(id, SLOW_RESOLVE_ID) == 0 ? &resolve_service : NULL;
}

static const slow_host host_table = {
    .struct_size = sizeof host_table,
    .abi_major = SLOW_ABI_MAJOR,
    .abi_minor = SLOW_ABI_MINOR,
    .now = host_now,
    .random = host_random,
    .log = host_log,
    .timer_new = host_timer_new,
    .timer_at = host_timer_at,
    .timer_stop = host_timer_stop,
    .timer_free = host_timer_free,
    .packet_new = host_packet_new,
    .packet_ref = sl_packet_ref,
    .packet_drop = sl_packet_drop,
    .packet_own = sl_packet_own,
    .post = host_post,
    .defer = host_defer,
    .entropy = host_entropy,
    .service = host_service,
};

/* ---- life ---- */

static void calls_begin(const sl_instance *instance, const char *call) {
    if (instance->env.calls.calling != NULL)
        instance->env.calls.calling(instance->env.calls.arg, instance->plugin->id, call);
}

static void calls_end(const sl_instance *instance) {
    if (instance->env.calls.calling != NULL)
        instance->env.calls.calling(instance->env.calls.arg, NULL, NULL);
}

slow_status sl_instance_new(const slow_plugin *plugin, void *config, void (*config_free)(const slow_plugin *, void *),
                            const sl_instance_env *env, sl_instance **out, slow_error *error) {
    slow_error ignored;
    slow_status status = SLOW_E_NOMEM;
    sl_instance *instance = calloc(1, sizeof *instance);
    if (instance == NULL) {
        sl_error(error, SLOW_E_NOMEM, plugin->id, "no memory for an instance");
        goto failed;
    }
    instance->host = host_table;
    instance->host.host_data = instance;
    instance->env = *env;
    instance->plugin = plugin;
    instance->config = config;
    instance->config_free = config_free;
    pthread_mutex_init(&instance->lock, NULL);
    calls_begin(instance, "create");
    status = plugin->create(&instance->host, config, &instance->self, error != NULL ? error : &ignored);
    calls_end(instance);
    if (status == SLOW_OK) {
        *out = instance;
        return SLOW_OK;
    }
    pthread_mutex_destroy(&instance->lock);
    free(instance);
failed:
    if (config_free != NULL)
        config_free(plugin, config);
    return status;
}

slow_status sl_instance_start(sl_instance *instance, slow_error *error) {
    slow_error ignored;
    if (instance->env.calls.only_create)
        return SLOW_OK;
    instance->started = true;
    if (!SLOW_HAS(instance->plugin, start))
        return SLOW_OK;
    calls_begin(instance, "start");
    slow_status status = instance->plugin->start(instance->self, error != NULL ? error : &ignored);
    calls_end(instance);
    return status;
}

void sl_instance_leave(sl_instance *instance) {
    if (instance->left || !instance->started)
        return;
    instance->left = true;
    if (!SLOW_HAS(instance->plugin, leave))
        return;
    calls_begin(instance, "leave");
    instance->plugin->leave(instance->self);
    calls_end(instance);
}

void sl_instance_stop(sl_instance *instance) {
    pthread_mutex_lock(&instance->lock);
    bool again = instance->stopped;
    pthread_mutex_unlock(&instance->lock);
    if (again)
        return;
    if (instance->started && SLOW_HAS(instance->plugin, stop)) {
        calls_begin(instance, "stop");
        instance->plugin->stop(instance->self);
        calls_end(instance);
    }
    pthread_mutex_lock(&instance->lock);
    instance->stopped = true;
    pthread_mutex_unlock(&instance->lock);
}

static unsigned name_leaks(sl_instance *instance) {
    unsigned timers = 0, watches = 0, packets = instance->packets.packets;
    for (; instance->timers != NULL; timers++)
        host_timer_free(instance->timers);
    for (; instance->watches != NULL; watches++)
        io_unwatch(instance->watches);
    if (timers + watches + packets > 0)
        sl_log_write(instance->env.log, SLOW_LOG_ERROR, instance->plugin->id,
                     "leaked %u timers, %u watches and %u packets: destroy() has to give back all that it took", timers,
                     watches, packets);
    return timers + watches + packets;
}

unsigned sl_instance_free(sl_instance *instance) {
    if (instance == NULL)
        return 0;
    sl_instance_stop(instance);
    calls_begin(instance, "destroy");
    instance->plugin->destroy(instance->self);
    calls_end(instance);
    unsigned leaks = name_leaks(instance);
    if (instance->config_free != NULL)
        instance->config_free(instance->plugin, instance->config);
    pthread_mutex_lock(&instance->lock);
    instance->freed = true;
    instance->errands++;
    pthread_mutex_unlock(&instance->lock);
    instance_unref(instance);
    return leaks;
}

const slow_plugin *sl_instance_plugin(const sl_instance *instance) {
    return instance->plugin;
}

const void *sl_instance_ops(const sl_instance *instance) {
    return instance->plugin->ops;
}

void *sl_instance_self(const sl_instance *instance) {
    return instance->self;
}

const slow_host *sl_instance_host(const sl_instance *instance) {
    return &instance->host;
}

sl_packet_owner *sl_instance_owner(sl_instance *instance) {
    return &instance->packets;
}

sl_instance *sl_instance_of(const slow_host *host) {
    return instance_of(host);
}

void *sl_instance_layer(const slow_host *host) {
    return instance_of(host)->env.layer;
}
