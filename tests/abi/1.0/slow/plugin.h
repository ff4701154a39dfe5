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
typedef struct slow_host slow_host;   /* see below */

/* How much a line of the log matters: the lower, the more. */
enum slow_log_level {
    SLOW_LOG_ERROR = 0, /* somebody has to do something */
    SLOW_LOG_WARN = 1,  /* may be meant so, and probably is not */
    SLOW_LOG_INFO = 2,  /* what an operator wants to read of a healthy junction: a few lines an hour */
    SLOW_LOG_DEBUG = 3, /* what a developer wants to read */
};

/* Services for every plugin: one table an INSTANCE, so that logs, timers, packets and leaks have an owner. Valid from
 * create() until destroy() has returned. What an instance has not given back by then is named in the log. */
struct slow_host {
    uint32_t struct_size;          /* set by the host */
    uint16_t abi_major, abi_minor; /* of the host */
    void *host_data;               /* the host's; a plugin MUST NOT touch it */

    slow_time (*now)(const slow_host *);   /* [loop] the time at which this turn of the loop began, or later */
    uint64_t (*random)(const slow_host *); /* [loop] seeded, repeatable in the simulator; not for keys */
    void (*log)(const slow_host *, int level, const char *text); /* [any] one line; copied */

    /* [loop] A one-shot timer that is not armed yet; fire() may free it. NULL = no memory. */
    slow_timer *(*timer_new)(const slow_host *, void (*fire)(void *arg), void *arg);
    /* [loop] Arms it, or re-arms it to another time; a time in the past fires in a coming turn, never inside the call. */
    void (*timer_at)(slow_timer *, slow_time when);
    /* [loop] fire() does not run after this, not even when it was due. It can be armed again. */
    void (*timer_stop)(slow_timer *);
    /* [loop] The same, for good. NULL is allowed. */
    void (*timer_free)(slow_timer *);

    /* [loop] A packet with room for `size` bytes behind SLOW_PACKET_HEADROOM; its size and segment are 0. One reference, the
     * caller's. NULL = no memory. */
    slow_packet *(*packet_new)(const slow_host *, uint32_t size);
    /* [loop] Adds a reference, and returns its argument. */
    slow_packet *(*packet_ref)(slow_packet *);
    /* [loop] Gives a reference back. NULL is allowed. */
    void (*packet_drop)(slow_packet *);
    /* [loop] Consumes a reference, and returns a packet that nobody else holds (a copy where need be); NULL = no memory. */
    slow_packet *(*packet_own)(slow_packet *);

    /* [any] Runs fn(arg) on the loop, in a coming turn, and not after stop() has returned: with log() the only host call for
     * a plugin's own threads. SLOW_E_CLOSED once stop() was called, SLOW_E_NOMEM: fn does not run. */
    slow_status (*post)(const slow_host *, void (*fn)(void *arg), void *arg);
    /* [loop] Runs fn(arg) at the end of this turn, once for each call, and not after stop() has returned. SLOW_E_CLOSED,
     * SLOW_E_NOMEM: fn does not run. */
    slow_status (*defer)(const slow_host *, void (*fn)(void *arg), void *arg);

    void (*entropy)(const slow_host *, void *out, size_t size); /* [loop] for keys; seeded in the simulator */
    const void *(*service)(const slow_host *, const char *id);  /* [loop] e.g. "slow.io/1"; NULL if there is none */
};

/* What a plugin is: which table slow_plugin.ops points to. */
enum slow_kind {
    SLOW_TRANSPORT = 1, /* slow_transport_ops of slow/transport.h */
    SLOW_ROUTING = 2,   /* slow_routing_ops of slow/routing.h */
    SLOW_CODEC = 3,     /* slow_codec_ops of slow/codec.h */
    SLOW_SECURITY = 4,  /* slow_security_ops of slow/security.h */
};

/* What is written into the config struct for an option. A host refuses a type that it does not know. */
enum slow_option_type {
    SLOW_OPT_BOOL = 1, /* bool */
    SLOW_OPT_INT = 2,  /* int64_t, min..max */
    /* slow_time, min..max in nanoseconds; written as "250ms", "2s", "5min" or a number of seconds */
    SLOW_OPT_DURATION = 3,
    /* const char *, min..max bytes (max 0 = no limit); NULL when there is no value and no default */
    SLOW_OPT_STRING = 4,
    SLOW_OPT_ENUM = 5, /* int64_t, index into `choices` */
};
enum {
    SLOW_OPT_REQUIRED = 1,   /* a config without it is refused */
    SLOW_OPT_RELOADABLE = 2, /* reconfigure() can apply it */
    /* A STRING that names a file with a secret key, 32 bytes in base64 on one line, closed to all but its owner. The host
     * reads and checks it, and writes the content in place of the name: that line, terminated. It MUST NOT be shown, nor
     * copied to where it outlives the instance; the host wipes its own copy. */
    SLOW_OPT_SECRET_FILE = 4,
};
/* One config key of a plugin. The host parses and checks the value, fills in the default, and writes it at `offset` of
 * the plugin's config struct. The same table prints the plugin's documentation (slow-router --describe). Frozen: it goes in
 * arrays. */
typedef struct slow_option {
    const char *key;            /* as it stands in the config: "max_destinations"; NULL ends the table */
    uint32_t type;              /* enum slow_option_type */
    uint32_t flags;             /* SLOW_OPT_REQUIRED, SLOW_OPT_RELOADABLE, SLOW_OPT_SECRET_FILE */
    size_t offset;              /* bytes into the config struct */
    const char *default_text;   /* as it would stand in the config; NULL = none (zero) */
    int64_t min, max;           /* both are allowed; of what, the type says */
    const char *const *choices; /* SLOW_OPT_ENUM; NULL-terminated */
    const char *help;           /* one line */
    uint64_t reserved[2];       /* zero for now */
} slow_option;

/* One plugin. Static and constant. */
typedef struct slow_plugin {
    uint32_t struct_size;       /* sizeof, as the plugin was compiled */
    uint32_t kind;              /* enum slow_kind: which table `ops` is */
    const char *id;             /* "routing-distance-vector": the file name without .so */
    const char *version;        /* its own, for people: "1.2.0" */
    const char *summary;        /* one line */
    const char *license;        /* "MIT" */
    const slow_option *options; /* ends with key == NULL; may be NULL */
    size_t config_size;         /* bytes of the config struct that the options fill */

    /* [loop] Makes an instance, without I/O, and calls nothing but now, random, entropy, log, timer_new, timer_free and service,
     * and of a routing host self, epoch and is_leaf: start() does the rest. `config` and its strings live until destroy() or the
     * next reconfigure(). An error text is filled in whenever the status is not SLOW_OK; create() that failed leaves nothing
     * behind, and destroy() is not called. */
    slow_status (*create)(const slow_host *, const void *config, void **self, slow_error *);
    /* [loop] Begins to work. NULL = nothing to do. What failed is stopped and destroyed. */
    slow_status (*start)(void *self, slow_error *);
    /* [loop] Takes another config from now on. SLOW_E_RESTART, any error: the old one stands. NULL = make a new instance */
    slow_status (*reconfigure)(void *self, const void *config, slow_error *);
    void (*leave)(void *self);   /* [loop] optional: say goodbye (poison routes); the loop runs on for a moment */
    void (*stop)(void *self);    /* [loop] optional: nothing is called after this but destroy() */
    void (*destroy)(void *self); /* [loop] timers, packets, watches and threads are given back on return */
    /* [loop] optional: a static table of that id, such as SLOW_ROUTING_INSPECT_ID; NULL if there is none. */
    const void *(*extension)(void *self, const char *id);
    const void *ops; /* slow_transport_ops, slow_routing_ops, slow_codec_ops or slow_security_ops */
} slow_plugin;

/* What a shared object holds. Static and constant. */
typedef struct slow_module {
    uint32_t struct_size;              /* sizeof, as the plugin was compiled */
    uint16_t abi_major;                /* SLOW_ABI_MAJOR; the host refuses another than its own */
    uint16_t abi_minor_required;       /* the least that the plugin can do with; the host refuses one above its own */
    const char *build;                 /* free text: compiler, SDK version */
    const slow_plugin *const *plugins; /* NULL-terminated, static storage */
} slow_module;

/* The type of a module's entry: no arguments, no side effects, the same pointer at every call. */
typedef const slow_module *(*slow_module_fn)(void);
/* Defines the entry, slow_module_v1(), the only symbol that a shared object exports. Linked statically (SLOW_STATIC defined to
 * 1) it bears the plugin's name, so that many fit in one program. */
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
