/* instance.h - one living plugin: its config, its host table, its life cycle, and an account of what it took.
 *
 * The host never re-enters a plugin: what the host's tables are asked for takes effect at once where that calls nobody
 * (timers, packets, log), and is queued by the layer above where it would. */
#ifndef SL_INSTANCE_H
#define SL_INSTANCE_H
#include "log.h"
#include "loop.h"
#include "packet.h"
#include <slow/plugin.h>

typedef struct sl_instance sl_instance;

/* A table offered to plugins under an id, e.g. SLOW_TRANSPORT_HOST_ID. */
typedef struct sl_service {
    const char *id;
    const void *table;
} sl_service;

/* How the calls of a life are made. The core keeps no record of the one that is on: a crash or a hang in it is for the
 * program to tell, which alone may install a signal handler or set an alarm. */
typedef struct sl_calls {
    void (*calling)(void *arg, const char *plugin,
                    const char *call); /* as slow_options has it; NULL = nobody is told */
    void *arg;
    bool only_create; /* a config is tried: start() is not called, nor what would follow it but destroy() */
} sl_calls;

typedef struct sl_instance_env {
    sl_loop *loop;
    sl_pool *pool;
    const sl_log *log;
    const sl_service
        *services; /* ends with id == NULL; slow.io/1 and slow.resolve/1 are added where the loop has I/O */
    void *layer;   /* what a service's functions find by sl_instance_layer() */
    sl_calls calls;
} sl_instance_env;

/* Calls create(). `config` is the plugin's filled config struct (config_size bytes) and is owned by the instance from
 * here on, also on failure; `config_free` frees it and its strings. */
slow_status sl_instance_new(const slow_plugin *, void *config, void (*config_free)(const slow_plugin *, void *),
                            const sl_instance_env *, sl_instance **, slow_error *);
slow_status sl_instance_start(sl_instance *, slow_error *);
/* leave() and stop(), each at most once. */
void sl_instance_leave(sl_instance *);
void sl_instance_stop(sl_instance *);
/* stop() if need be, destroy(), then an account of what was not given back: each leak is a line in the log, and timers
 * and watches are taken back by force. Returns how many leaks there were. */
unsigned sl_instance_free(sl_instance *);

const slow_plugin *sl_instance_plugin(const sl_instance *);
const void *sl_instance_ops(const sl_instance *);
void *sl_instance_self(const sl_instance *);
const slow_host *sl_instance_host(const sl_instance *);
sl_packet_owner *sl_instance_owner(sl_instance *);
sl_instance *sl_instance_of(const slow_host *);
void *sl_instance_layer(const slow_host *);
#endif
