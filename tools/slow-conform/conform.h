/* conform.h - what a suite of slow-conform is written with.
 *
 * A suite is a table of tests. Each runs in a child process that has loaded the plugin afresh, with a time limit: so it may
 * leave anything behind, and what the plugin does to its process ends there. A test that returns has held; else it calls
 * conform_fail(), which does not return. Every call into the plugin is made within CONFORM_CALL(), by which a crash or a hang
 * is told with the call that was on, and by which the allocator knows whose requests it sees.
 *
 *     static void sizes_are_told(conform *c) {
 *         conform_instance pair[2];
 *         conform_pair_begin(c, pair, c->seed);
 *         CONFORM_CALL(c, "encode()", status = ops->encode(pair[0].self, ...));
 *         if (status != SLOW_OK)
 *             conform_fail(c, "slow/codec.h, encode()", "SLOW_OK when it fits", "gave %s", sl_status_text(status));
 *         conform_pair_end(pair);
 *     }
 *
 * A kind adds its tests, the host services that its plugins ask for, and an exercise: an ordinary working day of two
 * instances. The tests that all kinds have in common (life.c: life cycle, refused allocations, leaks, instances that disturb
 * each other) are made of that exercise, so it should reach as much of the plugin as it can, take some milliseconds, and
 * judge nothing: in those tests calls may fail for want of memory. */
#ifndef CONFORM_H
#define CONFORM_H
#include "host.h"
#include <slow/plugin.h>

typedef struct conform_test {
    const char *name; /* "peek-is-decode": for --only, unique among those of one plugin */
    void (*run)(conform *);
    unsigned limit_s; /* 0 = the default, 30 */
} conform_test;

typedef struct conform_kind {
    uint32_t kind;             /* enum slow_kind */
    bool real_time;            /* the hosts' clock is the machine's; else it stands until conform_run() moves it */
    const conform_test *tests; /* ends with name == NULL */
    const conform_service *services; /* ends with id == NULL, or NULL; their functions find the instance by
                                       * conform_instance_of() */
    void (*exercise)(conform *, conform_instance pair[2]); /* both were started */
} conform_kind;

/* One a kind, in the file of its name. */
extern const conform_kind conform_codec, conform_security, conform_transport, conform_routing;
/* What every plugin is held to: what can be seen of the file and of the tables, and the life of instances. */
extern const conform_test conform_shape_tests[], conform_life_tests[];

/* What stands on the command line. */
typedef struct conform_job {
    const char *path;           /* of the plugin, with a '/' */
    const char *directory;      /* where it lies: other plugins are looked for there */
    const char *const *options; /* KEY=VALUE; ends with NULL */
    const char *listen;         /* for transports; NULL = by the scheme */
    const char *folder;         /* for what a plugin may leave in files */
    uint64_t seed;
    unsigned limit_s; /* 0 = each test's own */
} conform_job;

struct conform_page;

/* A test that runs. */
struct conform {
    const conform_job *job;
    struct conform_page *page; /* shared with the parent: see process.h */
    const conform_kind *kind;
    void *handle; /* of dlopen() */
    const slow_module *module;
    const slow_plugin *plugin;
    const void *config;  /* by the option table's defaults and --option; NULL when there are no options */
    const void *foreign; /* the same with other secrets; NULL when the plugin takes none */
    uint64_t seed;
    uint64_t random; /* conform_random()'s state; begins with the seed */
    slow_time now;   /* of hosts that have no real clock */
    /* Called before each call into the plugin and inside each host call, not within itself; NULL = nothing. */
    void (*meanwhile)(conform *);
    void *meanwhile_arg;
    bool in_meanwhile;
    bool create_is_watched; /* what create() asks the host for is judged */
};

/* Ends the test as failed. `where` is the header and the member, `says` the sentence of the contract, then what the plugin
 * did, with numbers. */
_Noreturn void conform_fail(conform *, const char *where, const char *says, const char *did, ...)
    __attribute__((format(printf, 4, 5)));
/* Ends it as skipped: what it is about does not apply. */
_Noreturn void conform_skip(conform *, const char *why);
/* What a crash or a hang from here on breaks, in place of the general rule. */
void conform_about(conform *, const char *where, const char *says);
/* What is being done, for the report of a crash, a hang or a failure: "with allocation 7 of 40 refused". "" = no more. */
void conform_note(conform *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A call into the plugin: `call` is its name, `statement` an assignment or an expression. */
#define CONFORM_CALL(c, call, statement) \
    do {                                 \
        conform_enter(c, call);          \
        statement;                       \
        conform_leave(c);                \
    } while (0)
void conform_enter(conform *, const char *call);
void conform_leave(conform *);

/* Calls c->meanwhile, if there is one and it is not running. */
void conform_meanwhile(conform *);

/* SplitMix64 of the test's seed. */
uint64_t conform_random(conform *);
uint64_t conform_random_below(conform *, uint64_t bound);

/* ---- instances ---- */

/* create() with a host of its own, whose random numbers come from `seed`. What create() gives is judged: an error has a text,
 * and nothing is left behind that a host can see. When it fails there is nothing to end. */
slow_status conform_create(conform *, conform_instance *, const void *config, uint64_t seed, slow_error *);
slow_status conform_start(conform_instance *, slow_error *);
/* leave() and some turns, unless start() failed; stop(), destroy(); what it has not given back is in instance->left. */
void conform_end(conform_instance *);
/* The same without leave(). */
void conform_kill(conform_instance *);
/* Two instances, created and started with c->config; fails the test when that fails. */
void conform_pair_begin(conform *, conform_instance pair[2], uint64_t seed);
void conform_pair_end(conform_instance pair[2]);
#endif
