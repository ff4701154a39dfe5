/* slow/plugin.h - how a module is entered, what a plugin is, what its host does for it, and how its life goes.
 *
 * A module is a shared object with one exported symbol, slow_module_v1(), that returns a static description. Nothing is
 * registered by a constructor. A module stays mapped for the life of the process; its instances come and go:
 *
 *     create -> start -> (reconfigure ...) -> leave -> stop -> destroy
 *
 * The host NEVER calls a plugin from inside one of that plugin's own host calls: what a host call causes is queued. So a
 * plugin needs no guard against being re-entered. All calls into an instance come on the junction's loop thread, unless
 * marked [any]. An instance keeps all its state behind `self`; a module has no mutable static data: a thousand junctions
 * may live in one process. */
#ifndef SLOW_PLUGIN_H
#define SLOW_PLUGIN_H
#include "base.h"
#include "packet.h"

typedef struct slow_timer slow_timer; /* the host's */
typedef struct slow_host slow_host;
enum slow_log_level { SLOW_LOG_ERROR, SLOW_LOG_WARN, SLOW_LOG_INFO, SLOW_LOG_DEBUG };

/* Services for every plugin: one table an INSTANCE, so that logs, timers, packets and leaks have an owner. Valid from
 * create() until destroy() has returned. What an instance has not given back by then is named in the log. */
struct slow_host {
    uint32_t struct_size;
    uint16_t abi_major, abi_minor; /* of the host */
    void *host_data;               /* the host's; a plugin MUST NOT touch it */

    slow_time (*now)(const slow_host *);   /* [loop] the time at which this turn of the loop began, or later */
    uint64_t (*random)(const slow_host *); /* [loop] seeded, repeatable in the simulator; not for keys */
    void (*log)(const slow_host *, int level, const char *text); /* [any] one line; copied */

    /* One-shot timers. timer_new() may return NULL (no memory). timer_at() arms, or re-arms to another time; a time in
     * the past fires in a coming turn, never inside the call. After timer_stop() or timer_free(), fire() does not run,
     * not even when it was due. fire() may free its own timer. */
    slow_timer *(*timer_new)(const slow_host *, void (*fire)(void *arg), void *arg); /* [loop] */
    void (*timer_at)(slow_timer *, slow_time when);                                  /* [loop] */
    void (*timer_stop)(slow_timer *);                                                /* [loop] */
    void (*timer_free)(slow_timer *);                                                /* [loop] NULL is allowed */

    /* Packets. packet_new(): `size` bytes behind SLOW_PACKET_HEADROOM, size and segment 0, one reference; NULL = no
     * memory. packet_ref() adds a reference and returns its argument. packet_drop() gives one back. packet_own()
     * consumes a reference and returns a packet that nobody else holds (a copy where need be), or NULL. */
    slow_packet *(*packet_new)(const slow_host *, uint32_t size); /* [loop] */
    slow_packet *(*packet_ref)(slow_packet *);                    /* [loop] */
    void (*packet_drop)(slow_packet *);                           /* [loop] NULL is allowed */
    slow_packet *(*packet_own)(slow_packet *);                    /* [loop] */

    /* post(): run fn(arg) on the loop, in a coming turn; the only host call, with log(), for a plugin's own threads.
     * SLOW_E_CLOSED once stop() was called: then fn does not run. defer(): run it at the end of this turn, once for each
     * call. SLOW_E_NOMEM: fn will not run. Neither runs fn after stop() has returned. */
    slow_status (*post)(const slow_host *, void (*fn)(void *), void *arg);  /* [any] */
    slow_status (*defer)(const slow_host *, void (*fn)(void *), void *arg); /* [loop] */

    void (*entropy)(const slow_host *, void *out, size_t size); /* [loop] for keys; seeded in the simulator */
    const void *(*service)(const slow_host *, const char *id);  /* [loop] e.g. "slow.io/1"; NULL if there is none */
};

enum slow_kind { SLOW_TRANSPORT = 1, SLOW_ROUTING, SLOW_CODEC, SLOW_SECURITY };

/* One config key of a plugin. The host parses and checks the value, fills in the default, and writes it at `offset` of
 * the plugin's config struct, with the type that the comment gives. The same table prints the plugin's documentation
 * (slow-router --describe). */
enum slow_option_type {
    SLOW_OPT_BOOL = 1, /* bool */
    SLOW_OPT_INT,      /* int64_t, min..max */
    SLOW_OPT_DURATION, /* slow_time, min..max in nanoseconds; written as "250ms", "2s", "5min" or a number of seconds */
    SLOW_OPT_STRING,   /* const char *, min..max bytes (max 0 = no limit); NULL when there is no value and no default */
    SLOW_OPT_ENUM,     /* int64_t, index into `choices` */
};
enum {
    SLOW_OPT_REQUIRED = 1,
    SLOW_OPT_RELOADABLE = 2, /* reconfigure() can apply it */
    /* A STRING that names a file with a secret key, 32 bytes in base64 on one line, closed to all but its owner. The host
     * reads and checks it, and writes the content in place of the name: that line, terminated. It MUST NOT be shown, nor
     * copied to where it outlives the instance; the host wipes its own copy. */
    SLOW_OPT_SECRET_FILE = 4,
};
typedef struct slow_option {
    const char *key;
    uint32_t type, flags;
    size_t offset;            /* bytes into the config struct */
    const char *default_text; /* as it would stand in the config; NULL = none (zero) */
    int64_t min, max;
    const char *const *choices; /* SLOW_OPT_ENUM; NULL-terminated */
    const char *help;           /* one line */
    uint64_t reserved[2];
} slow_option;

typedef struct slow_plugin {
    uint32_t struct_size;
    uint32_t kind;  /* enum slow_kind: which table `ops` is */
    const char *id; /* "routing-distance-vector": the file name without .so */
    const char *version, *summary, *license;
    const slow_option *options; /* ends with key == NULL; may be NULL */
    size_t config_size;         /* bytes of the config struct that the options fill */

    /* All [loop]. create() makes no I/O and calls nothing but now, random, entropy, log, timer_new (and timer_free), service,
     * and of a routing host self, epoch and is_leaf: start() does the rest. `config` and its strings live until destroy() or the next reconfigure(). An error text is filled in
     * whenever the status is not SLOW_OK; create() that failed leaves nothing behind, and destroy() is not called. */
    slow_status (*create)(const slow_host *, const void *config, void **self, slow_error *);
    slow_status (*start)(void *self, slow_error *);                           /* NULL = nothing to do */
    slow_status (*reconfigure)(void *self, const void *config, slow_error *); /* NULL = make a new instance */
    void (*leave)(void *self);   /* optional: say goodbye (poison routes); the loop runs on for a moment */
    void (*stop)(void *self);    /* optional: nothing is called after this but destroy() */
    void (*destroy)(void *self); /* timers, packets, watches and threads are given back on return */
    const void *(*extension)(void *self, const char *id); /* optional; NULL if there is none of that id */
    const void *ops; /* slow_transport_ops, slow_routing_ops, slow_codec_ops or slow_security_ops */
} slow_plugin;

typedef struct slow_module {
    uint32_t struct_size;
    uint16_t abi_major, abi_minor_required; /* the host refuses another major, and a minor above its own */
    const char *build;                      /* free text: compiler, SDK version */
    const slow_plugin *const *plugins;      /* NULL-terminated, static storage */
} slow_module;

/* The only exported symbol: no arguments, no side effects, the same pointer at every call. Linked statically
 * (SLOW_STATIC defined to 1), it bears the plugin's name, so that many fit in one program. */
typedef const slow_module *(*slow_module_fn)(void);
#ifdef SLOW_STATIC
#define SLOW_MODULE(name, module)                                 \
    SLOW_EXTERN_C const slow_module *slow_module_v1_##name(void); \
    const slow_module *slow_module_v1_##name(void) {              \
        return module;                                            \
    }
#else
#define SLOW_MODULE(name, module)                                                                 \
    SLOW_EXTERN_C __attribute__((visibility("default"))) const slow_module *slow_module_v1(void); \
    const slow_module *slow_module_v1(void) {                                                     \
        return module;                                                                            \
    }
#endif
#endif
