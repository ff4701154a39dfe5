/* host.h - a slow_host of the tool's own: it serves one instance, keeps account of what it gave, can refuse anything, and
 * sees what a plugin must not do. See host.c; descriptors are in host_io.c. */
#ifndef HOST_H
#define HOST_H
#include <slow/plugin.h>
#include <slow/transport.h>

typedef struct conform conform;
typedef struct conform_instance conform_instance;

/* A table offered under an id. */
typedef struct conform_service {
    const char *id;
    const void *table;
} conform_service;

typedef struct conform_errand {
    void (*fn)(void *);
    void *arg;
    struct conform_errand *next;
} conform_errand;

/* Counts of what is out. */
typedef struct conform_left {
    unsigned timers, packets, watches;
} conform_left;

typedef struct conform_host {
    slow_host table;
    conform_instance *instance;
    slow_timer *timers; /* freed ones too, until the end */
    slow_watch *watches;
    struct conform_packet *packets;
    conform_errand *deferred, **deferred_end, *posted; /* posted: newest first */
    uint64_t seed, scheduled;
    conform_left out;
    uint64_t calls; /* of the host table and of services, but for log() and post() */
    uint64_t lines; /* logged */
    uint64_t trace; /* hash of all that the plugin asked for, and of what suites add */
    bool in_create; /* only some calls are allowed */
    bool stopped;   /* post() and defer() say SLOW_E_CLOSED */
    bool lock;      /* of `posted`: from any thread */
} conform_host;

struct conform_instance {
    conform *conform;
    conform_host host;
    void *self;
    const void *ops;
    uint64_t seed;                /* that create() came with */
    slow_time begun;              /* when it came, where time is virtual */
    bool created, started, works; /* works: start() was well, too */
    conform_left left;            /* after conform_end() */
    void *layer;                  /* the suite's own */
};

conform_instance *conform_instance_of(const slow_host *);
/* Mixes something into an instance's trace: what a call gave, or what it told a service. */
void conform_trace(conform_instance *, const void *bytes, size_t size);
/* For services: a call of the plugin's begins and ends. conform_host_enter() returns what conform_host_leave() is to get. */
bool conform_host_enter(conform_instance *, const char *call);
void conform_host_leave(bool was);
/* True when this request (a send, an offer: whatever may say SLOW_E_NOMEM) is the one to be refused. */
bool conform_host_refuses(void);

/* One turn of all: what was posted, timers that are due, descriptors that are ready (waits for none), what was deferred. */
void conform_turn(conform_instance *, size_t n);
/* Turns for this long: virtual time jumps from timer to timer, real time waits for descriptors. */
void conform_run(conform_instance *, size_t n, slow_time for_ns);
/* Turns until it holds; false when it did not within `limit_ns`. */
bool conform_until(conform_instance *, size_t n, bool (*condition)(void *), void *arg, slow_time limit_ns);

/* Packets as the core makes them, for sending; the account is the instance's. */
slow_packet *conform_packet(conform_instance *, uint32_t size);
void conform_packet_drop(slow_packet *);

/* ---- for instance.c ---- */
void host_begin(conform_host *, conform_instance *, uint64_t seed);
void host_stop(conform_host *);
/* Takes all back by force. */
void host_end(conform_host *);
/* ---- for host.c ---- */
extern const slow_io host_io;
/* Waits for descriptors, at most so long, and calls those that are ready. */
void host_io_turn(conform_instance *, size_t n, slow_time wait_ns);
void host_io_end(conform_host *);
#endif
