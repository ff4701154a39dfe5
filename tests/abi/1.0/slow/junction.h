/* slow/junction.h - embed a junction: create, join, send, receive.
 *
 *     slow_error err;
 *     slow_junction *j = slow_junction_new("alice", NULL, &err);
 *     slow_junction_listen(j, "udp://127.0.0.1:4101", NULL, &err);
 *     slow_junction_join(j, "udp://127.0.0.1:4100", &err);
 *     slow_send_json(j, "bob", "{\"hello\":\"world\"}", NULL, &ticket, &err);
 *     slow_wait_outcome(j, ticket, SLOW_FOREVER, &outcome);
 *     slow_message *m;
 *     while (slow_recv(j, &m, SLOW_FOREVER) == SLOW_OK) { ...; slow_message_free(m); }
 *
 * A junction runs on a thread of its own, unless slow_options.thread says otherwise. Any thread may make any call, at
 * any time between slow_junction_new() and slow_junction_free(). Many junctions may live in one process. The library
 * has no global state, installs no signal handlers (its own threads block all signals but those by which the kernel tells
 * of a fault, such as SIGSEGV), never exits, and prints nothing.
 *
 * Sending never waits. The other calls are done on the junction's thread: a call from another thread waits until that
 * has served it, which is at once, unless it is a thread of yours that does something else meanwhile.
 *
 * Waiting on the junction's own thread: in a callback (slow_on_message, slow_on_outcome, slow_on_writable, log) nothing
 * that is waited for could ever come, and a caller's event base is not ours to run. There slow_recv(),
 * slow_wait_outcome(), slow_wait_writable(), slow_message_hops(), slow_junction_wait(), slow_ping() and slow_trace() with
 * a timeout above 0 return SLOW_E_INVAL where they would have to wait, and say so in the log; with 0 they work. With SLOW_THREAD_CALLER,
 * outside of callbacks, they run the junction until they are done.
 *
 * Every `slow_error *` may be NULL. Every `const char *` that is returned is borrowed as its function says; what a
 * function fills in is a copy. Times are in nanoseconds; SLOW_FOREVER waits without a limit, and 0 does not wait. Once
 * slow_junction_free() has begun, calls end with SLOW_E_CLOSED. */
#ifndef SLOW_JUNCTION_H
#define SLOW_JUNCTION_H
#include <slow/base.h>
#include <slow/package.h>

#ifdef __cplusplus
extern "C" {
#endif
/* In front of what the library exports. */
#if defined(__GNUC__)
#define SLOW_API __attribute__((visibility("default")))
#else
#define SLOW_API
#endif

#define SLOW_FOREVER UINT64_MAX /* as a timeout: without a limit */

typedef struct slow_junction slow_junction; /* the library's */
struct event_base;

/* ---- life ---- */

/* Whose thread a junction runs on. CALLER: that which last ran it, or made it; another may take it over at any time. */
enum slow_thread {
    SLOW_THREAD_OWN = 0,    /* the junction makes a thread, and ends it */
    SLOW_THREAD_CALLER = 1, /* the caller runs it: slow_junction_run(), slow_junction_step(), any call that waits */
    SLOW_THREAD_BASE = 2,   /* it lives on the caller's libevent base, and runs while that is dispatched */
};

/* Start from SLOW_OPTIONS_INIT. Strings are copied. */
typedef struct slow_options {
    uint32_t struct_size;           /* set by the caller */
    uint32_t thread;                /* enum slow_thread */
    struct event_base *event_base;  /* of SLOW_THREAD_BASE: dispatched on the thread that makes and frees it */
    const char *network;            /* NULL = "slow"; junctions of another network are refused. Not with a config */
    const char *const *plugin_dirs; /* ends with NULL; searched before the standard places. NULL = none. Not with a
                                     * config, which names its own */
    /* The log, a line a call, from the junction's thread; never from within itself. NULL = none. level: enum
     * slow_log_level */
    void (*log)(void *arg, int level, const char *who, const char *text);
    void *log_arg; /* handed to log() */
    int log_level; /* the most talkative level wanted; -1 = as the config says */
    /* Which of a plugin's life-cycle calls the junction is in, so that a program can name the plugin that crashes or hangs
     * there: called before "create", "start", "leave", "stop" and "destroy", and after each with both names NULL. Both live
     * as long as the process. On the thread that makes the call; nothing of the junction may be called. NULL = none. */
    void (*calling)(void *arg, const char *plugin, const char *call);
    void *calling_arg; /* handed to calling() */
} slow_options;
/* What to start a slow_options from: all defaults. */
#define SLOW_OPTIONS_INIT \
    { sizeof(slow_options), SLOW_THREAD_OWN, NULL, NULL, NULL, NULL, NULL, -1, NULL, NULL }

/* A junction with the default configuration: distance-vector routing, protobuf and JSON, no encryption. It listens and
 * joins nowhere yet. NULL on failure. */
SLOW_API slow_junction *slow_junction_new(const char *id, const slow_options *, slow_error *);
/* A junction from a config file, listening and joining as that says. NULL on failure: nothing was started. */
SLOW_API slow_junction *slow_junction_open(const char *config_path, const slow_options *, slow_error *);
/* The same from a text of `size` bytes; `name` stands in errors for the file. */
SLOW_API slow_junction *slow_junction_open_text(const char *name, const char *text, size_t size, const slow_options *,
                                                slow_error *);
/* Lets go what other threads still wait for (they get SLOW_E_CLOSED). Reliable messages that were never sent are not
 * delivered; of those under way the outcome is awaited, for a second at most, and then it is unknown: whoever waits for
 * an outcome gets it. What waits in the inbox is refused, so that its senders hear that it was not delivered. Sends what
 * was accepted as best effort, says goodbye to the neighbours (at most half a second), stops, and frees everything but
 * the messages that the application still has. NULL is allowed. Other threads MUST NOT begin a call any more, but to
 * free messages. Not from within a callback: then nothing is freed, and the log says so. */
SLOW_API void slow_junction_free(slow_junction *);
/* SLOW_THREAD_CALLER: runs it on this thread until slow_junction_break(). Both return SLOW_E_INVAL in the other modes
 * and from within a callback, SLOW_E_CLOSED while it is being freed. */
SLOW_API slow_status slow_junction_run(slow_junction *);
/* Does what is ready, waiting at most `timeout` for something to be. */
SLOW_API slow_status slow_junction_step(slow_junction *, slow_time timeout);
/* Ends the slow_junction_run() that is under way, or the next one. */
SLOW_API void slow_junction_break(slow_junction *);
/* A file descriptor that is readable while a message waits in the inbox: for poll(), which then calls slow_recv() with
 * timeout 0. It is the junction's: not to be read, nor closed. Of outcomes: slow_outcome_fd(). */
SLOW_API int slow_junction_fd(slow_junction *);

/* ---- the mesh ---- */

/* Listens; `bound` (NULL, or room for SLOW_ADDRESS_SIZE bytes) gets the address in use, with the port where 0 was asked for. */
SLOW_API slow_status slow_junction_listen(slow_junction *, const char *address, char *bound, slow_error *);
/* Keeps a link to there, for ever: it is dialled, and dialled again. Returns at once. */
SLOW_API slow_status slow_junction_join(slow_junction *, const char *address, slow_error *);
/* Keeps it no more, and closes the link. SLOW_E_INVAL: no such address was joined. */
SLOW_API slow_status slow_junction_leave(slow_junction *, const char *address, slow_error *);
/* Adds a routing strategy: they come and go while messages pass. `entry` is what stands under "routing" in a config: a JSON object
 * ({"plugin": "routing-flooding", "preference": 50, ...}), or the plugin's id as a JSON string. Of the strategies that have
 * a route the one with the highest preference decides, 0..65535, and of equal ones the one added first. The log's callback
 * cannot change any. SLOW_E_INVAL: the error says what is wrong. */
SLOW_API slow_status slow_junction_routing_add(slow_junction *, const char *entry, slow_error *);
/* Gives the strategy of that plugin another preference, at once. */
SLOW_API slow_status slow_junction_routing_prefer(slow_junction *, const char *plugin, int preference, slow_error *);
/* Takes it away, after it said goodbye. The last one cannot be removed. */
SLOW_API slow_status slow_junction_routing_remove(slow_junction *, const char *plugin, slow_error *);
/* Waits until there is a route to `id`. SLOW_E_TIMEOUT; SLOW_E_INVAL: no id, or no thread to wait on (see above). */
SLOW_API slow_status slow_junction_wait(slow_junction *, const char *id, slow_time timeout);

SLOW_API const char *slow_junction_id(const slow_junction *); /* lives as long as the junction */

/* One neighbour, as slow_junction_neighbours() tells of it. Frozen. */
typedef struct slow_neighbour_info {
    char id[64];                     /* terminated */
    char address[SLOW_ADDRESS_SIZE]; /* of the link in use */
    char codec[32];                  /* of the link in use: "protobuf" */
    uint32_t cost;                   /* unit 0.1 ms */
    uint32_t links;                  /* how many are up */
    uint64_t rtt;                    /* nanoseconds; 0 = unknown */
    uint32_t loss;                   /* parts per million */
    uint32_t flags;                  /* 0 for now */
    uint64_t reserved[2];            /* zero for now */
} slow_neighbour_info;
/* One destination that can be reached, and how. Frozen. */
typedef struct slow_route_info {
    char id[64];           /* the destination's */
    char next_hop[64];     /* the neighbour's that it leads through */
    uint32_t metric;       /* unit 0.1 ms */
    uint32_t alternatives; /* usable next hops besides this one */
    char strategy[64];     /* the id of the routing plugin that decided */
    uint64_t reserved[2];  /* zero for now */
} slow_route_info;
/* Fills at most `capacity` entries, in the order of ids, and returns how many there are in all; 0 also without memory. */
SLOW_API size_t slow_junction_neighbours(slow_junction *, slow_neighbour_info *, size_t capacity);
/* The same of destinations that can be reached. */
SLOW_API size_t slow_junction_routes(slow_junction *, slow_route_info *, size_t capacity);
/* How `id` is reached now. SLOW_E_NOROUTE. */
SLOW_API slow_status slow_junction_best_route(slow_junction *, const char *id, slow_route_info *);

/* Asks the junction `id` for an echo. SLOW_E_NOROUTE (within a second), SLOW_E_TIMEOUT. `rtt` and `hops` may be
 * NULL. */
SLOW_API slow_status slow_ping(slow_junction *, const char *id, slow_time timeout, slow_time *rtt, unsigned *hops,
                               slow_error *);
/* One junction on a path. Frozen. */
typedef struct slow_hop {
    char id[64];          /* "" = silent */
    uint64_t rtt;         /* nanoseconds, from here to there and back; 0 = silent */
    uint64_t reserved[2]; /* zero for now */
} slow_hop;
/* The path to `id`, from the first hop to `id` itself. *count: in, the room; out, the hops filled in. SLOW_E_NOSPACE:
 * there are more. On SLOW_E_TIMEOUT, what was heard. */
SLOW_API slow_status slow_trace(slow_junction *, const char *id, slow_time timeout, slow_hop *, size_t *count,
                                slow_error *);

/* ---- messages out ---- */

/* In which order reliable messages are handed over. */
enum slow_order {
    SLOW_ORDER_NONE = 0,    /* as they come */
    SLOW_ORDER_ORDERED = 1, /* in the order in which they were sent, on their channel */
    /* A channel is one value: a newer one takes the place of an older one, which never follows it. */
    SLOW_ORDER_LATEST = 2,
};

/* Start from SLOW_SEND_INIT; NULL = all defaults. */
typedef struct slow_send_options {
    uint32_t struct_size; /* set by the caller */
    uint8_t channel;      /* 0..63 */
    uint8_t priority;     /* 0..3, higher first */
    uint8_t hop_limit;    /* 0 = the junction's */
    bool reliable;        /* false = best effort */
    uint8_t order;        /* of a reliable one: enum slow_order */
    bool fail_fast;       /* of a reliable one: no route now = not delivered, at once */
    slow_time ttl_ns; /* of a reliable one: its deadline, from now. It waits so long for a junction that is not there */
    bool trace;       /* every junction on its way is asked to report it: see slow_message_hops() */
} slow_send_options;
#define SLOW_TTL_NS (UINT64_C(30) * 1000 * 1000 * 1000) /* the ttl_ns of SLOW_SEND_INIT: 30 s */
/* What to start a slow_send_options from: all defaults. */
#define SLOW_SEND_INIT \
    { sizeof(slow_send_options), 0, 1, 0, true, SLOW_ORDER_NONE, false, SLOW_TTL_NS, false }

/* A reliable message that was accepted gets exactly one outcome, and the outcome is true. Its ticket is the name to ask
 * by; 0 = none. */
typedef uint64_t slow_ticket;

/* Sends a JSON text, terminated. What follows holds for all three.
 * Reliable, of at most 16 MiB: sent again until the application at the other end took it, and handed over there at most
 * once. *ticket is its ticket, and is there before its outcome can be; `ticket` NULL = nobody will ask, and then nothing is
 * kept for that.
 * Best effort, of at most 64 KiB: sent as soon as there is a route (in 5 s at most, and while no more than 1 MiB waits) and
 * room on its link, delivered at most once, no outcome: *ticket is 0, but for one that is traced, and then it is good for
 * slow_message_hops() alone. `trace` needs a `ticket`.
 * SLOW_E_AGAIN: too much waits already. Of reliable messages without an outcome there can be 4,096 and 4 MiB to one
 * destination (a larger one goes alone), and 64 MiB in all, with what is around them; of best effort 4,096 and 4 MiB in
 * all. See slow_wait_writable(). SLOW_E_TOOBIG; SLOW_E_INVAL; SLOW_E_NOMEM; SLOW_E_CLOSED.
 * A JSON text is checked, and stripped of insignificant white space; nothing else in it is changed. */
SLOW_API slow_status slow_send_json(slow_junction *, const char *id, const char *json, const slow_send_options *,
                                    slow_ticket *ticket, slow_error *);
/* Sends bytes, as they are. */
SLOW_API slow_status slow_send_binary(slow_junction *, const char *id, const void *, size_t size,
                                      const slow_send_options *, slow_ticket *ticket, slow_error *);
/* Sends one of the application's own control messages: kind >= SLOW_KIND_APPLICATION. */
SLOW_API slow_status slow_send_control(slow_junction *, const char *id, uint16_t kind, const void *, size_t size,
                                       const slow_send_options *, slow_ticket *ticket, slow_error *);
/* After SLOW_E_AGAIN: waits until half of the room is free for reliable messages to `id`; NULL = for best effort. Returns
 * at once while there is room for another one. */
SLOW_API slow_status slow_wait_writable(slow_junction *, const char *id, slow_time timeout);
/* The same as an event: called on the junction's thread once, for each `id` to which a send said SLOW_E_AGAIN, when half
 * of its room is free; NULL = of best effort. fn NULL = nobody is called. Once it has returned, the one before is not
 * called any more. */
SLOW_API slow_status slow_on_writable(slow_junction *, void (*fn)(void *arg, const char *id), void *arg);

/* What became of a message. */
enum slow_outcome_kind {
    SLOW_PENDING = 0,       /* nothing yet; in no outcome that is told */
    SLOW_DELIVERED = 1,     /* the application at the other end took it */
    SLOW_NOT_DELIVERED = 2, /* no application got it, and none will */
    SLOW_UNKNOWN = 3,       /* one of the two: it could not be found out */
};
/* Why so. */
enum slow_outcome_reason {
    SLOW_REASON_NONE = 0,           /* of DELIVERED */
    SLOW_REASON_EXPIRED = 1,        /* its deadline came first */
    SLOW_REASON_SUPERSEDED = 2,     /* SLOW_ORDER_LATEST: a newer one took its place */
    SLOW_REASON_NO_ROUTE = 3,       /* fail_fast */
    SLOW_REASON_CLOSED = 4,         /* this junction was freed */
    SLOW_REASON_PEER_RESTARTED = 5, /* the other end restarted, or forgot us, with the message under way */
    SLOW_REASON_NO_ANSWER = 6,      /* it was sent, and until 10 s after its deadline nobody said what became of it */
    SLOW_REASON_NO_MEMORY = 7,      /* of this junction */
    SLOW_REASON_REFUSED = 8,        /* the other end could not hand it over */
    /* Never sent: the other end does not seal, it seems; it has no identity, or end_to_end is false. */
    SLOW_REASON_UNSEALED = 9,
};
/* What became of one message. Frozen: it stands on the caller's stack. */
typedef struct slow_outcome {
    uint32_t outcome;     /* enum slow_outcome_kind */
    uint32_t reason;      /* enum slow_outcome_reason; others may be added */
    slow_ticket ticket;   /* of the message */
    slow_time rtt_ns;     /* from the send to the outcome */
    uint64_t reserved[2]; /* zero for now */
    /* For a person: why, and what a relay had to say ("not sent within 30 s; relay bob dropped it: no route"). */
    char text[224];
} slow_outcome;

/* Waits for the outcome of that message, and fills it in; it can be asked for once. 0 = look. SLOW_E_TIMEOUT: it is
 * pending. SLOW_E_INVAL: a ticket that never was, or whose outcome is not kept any more: kept are the last 65,536 that
 * nobody has asked for. A junction that is freed meanwhile ends the wait with an outcome, like any other. */
SLOW_API slow_status slow_wait_outcome(slow_junction *, slow_ticket, slow_time timeout, slow_outcome *);
/* For an application that polls instead of waiting, and asks by no ticket: takes the outcome that is kept longest, and never
 * waits. SLOW_E_TIMEOUT: none is kept. One that a thread is waiting for in slow_wait_outcome() is that thread's, and with
 * slow_on_outcome() none is kept. */
SLOW_API slow_status slow_next_outcome(slow_junction *, slow_outcome *);
/* A file descriptor that is readable while an outcome is kept: the junction's, like slow_junction_fd(). -1: the process has no
 * descriptor left. Both end with the junction: the outcomes that slow_junction_free() still brings go to threads that wait, and
 * to slow_on_outcome(), which may be set just before. */
SLOW_API int slow_outcome_fd(slow_junction *);
/* Instead of keeping them: called on the junction's thread with the outcome of each message that has a ticket, which is
 * borrowed. One that a thread is waiting for goes to both. NULL = they are kept again. Once it has returned, the one before
 * is not called any more. */
SLOW_API slow_status slow_on_outcome(slow_junction *, void (*fn)(void *arg, const slow_outcome *), void *arg);

/* ---- the way of one message ---- */

/* What a junction says became of a package that it got. */
enum slow_hop_fate {
    SLOW_HOP_PASSED = 0,     /* it left, to `next` */
    SLOW_HOP_ARRIVED = 1,    /* its destination has it; whether the application took it is the outcome's to say */
    SLOW_HOP_NO_ROUTE = 2,   /* it was dropped: no way on from here */
    SLOW_HOP_LIMIT = 3,      /* it had travelled as many links as it may */
    SLOW_HOP_QUEUE_FULL = 4, /* no room on the link to `next` */
    SLOW_HOP_LINK_DOWN = 5,  /* it waited for the link to `next`, and that ended */
};
/* One report of a traced message. Of a reliable one up to 16 transmissions are traced, those of its first 1,024 bytes and
 * whatever is sent again: each is an attempt. Of best effort it is the first package. Frozen: it goes in arrays. */
typedef struct slow_message_hop {
    slow_ticket ticket;   /* of the message */
    uint32_t fate;        /* enum slow_hop_fate; others may be added */
    uint32_t attempt;     /* from 1 */
    uint32_t offset;      /* of the package's first byte in its message */
    uint32_t place;       /* 0: this junction; 1: the first one on the way */
    char id[64];          /* who says so */
    char next[64];        /* "" = nowhere */
    uint64_t time_ns;     /* since 1970 by that junction's clock, in steps of a microsecond: clocks differ */
    slow_time queued_ns;  /* from when it was put into the queue of its link until the link's transport took it */
    uint64_t reserved[2]; /* zero for now */
} slow_message_hop;

/* What was reported of a traced message so far, by attempt and place, in copies. *count: in, the room; out, the hops filled
 * in. Waits until there is an attempt of which every junction from here to the destination reported: SLOW_OK; after
 * `timeout` SLOW_E_TIMEOUT, with what there is; 0 = look. SLOW_E_INVAL: it is not traced, or forgotten: known are the 256
 * traced last, and of each 64 reports, also when the outcome was asked for. SLOW_E_NOSPACE: there are more hops than room.
 * Reports are hints: they may be lost, a junction may keep silent or lie, and no outcome follows from them. */
SLOW_API slow_status slow_message_hops(slow_junction *, slow_ticket, slow_time timeout, slow_message_hop *,
                                       size_t *count);
/* As they come: called on the junction's thread with each report, which is borrowed, from now on. slow_message_hops() has
 * them too. NULL = nobody is called. Once it has returned, the one before is not called any more. */
SLOW_API slow_status slow_on_hop(slow_junction *, void (*fn)(void *arg, const slow_message_hop *), void *arg);

/* ---- messages in ---- */

/* A message that arrived. (from, session, channel, number) is the id of a reliable one: at most one that bears it is ever handed
 * over. After a crash an application that must not do a thing twice compares it with what it has on disk. */
typedef struct slow_message {
    uint32_t struct_size;     /* set by the library */
    uint8_t type;             /* SLOW_JSON, SLOW_BINARY or SLOW_CONTROL */
    uint8_t channel;          /* on which it was sent, 0..63 */
    uint16_t kind;            /* of a CONTROL message */
    const char *from;         /* the id of its source; terminated */
    const uint8_t *data;      /* terminated by a zero that `size` does not count, so JSON is a C string */
    size_t size;              /* bytes */
    bool reliable;            /* its sender awaits an outcome */
    uint64_t session, number; /* of a reliable one; else 0 */
} slow_message;

/* The next message, to be freed; its sender hears *delivered* when a reliable one is. Until it is returned here, the
 * sender's deadline can still take it back out of the inbox. SLOW_E_TIMEOUT; timeout 0 = try. While nobody receives, the
 * inbox holds 4,096 messages or 16 MiB of best effort, and what comes beyond is dropped and counted
 * ("drop_message_inbox_full"); of reliable ones it holds all that this junction gave their senders credit for. */
SLOW_API slow_status slow_recv(slow_junction *, slow_message **, slow_time timeout);
/* Done with it. From any thread, also after slow_junction_free(): then its sender hears nothing. NULL is allowed. */
SLOW_API void slow_message_free(slow_message *);
/* Instead of the inbox: called on the junction's thread for each message, which is borrowed; when it returns, a reliable
 * one was taken. NULL = the inbox again. What is in the inbox already stays there, for slow_recv(). Once it has returned,
 * the one before is not called any more. */
SLOW_API slow_status slow_on_message(slow_junction *, void (*fn)(void *arg, const slow_message *), void *arg);
/* The same for an application that is not done when the callback returns: the message is its own, as from slow_recv(),
 * and slow_message_accept(), from any thread, says that it was taken. 4,096 messages that are not accepted stop
 * their sender's channel. */
SLOW_API slow_status slow_on_message_manual(slow_junction *, void (*fn)(void *arg, slow_message *), void *arg);
SLOW_API void slow_message_accept(slow_message *); /* and frees it: slow_message_free(), by the name of what it means */
SLOW_API size_t slow_junction_waiting(slow_junction *);      /* messages in the inbox */
SLOW_API uint64_t slow_junction_duplicates(slow_junction *); /* doubles dropped, in passing or at the end */
/* Any of the counters, by its name ("drop_package_no_route"); 0 when there is none of that name. */
SLOW_API uint64_t slow_junction_counter(slow_junction *, const char *name);

SLOW_API const char *slow_version(void);            /* the library's: "1.0.0"; static */
SLOW_API const char *slow_status_text(slow_status); /* a few words for a person; static, never NULL */
/* An error as one line for a person: `where` in front of the text, unless the text names it already. */
SLOW_API void slow_error_line(const slow_error *, char *out, size_t capacity);

#ifdef __cplusplus
}
#endif
#endif
