/* transport_suite.h - a host for transports in tests, and the suite that every transport has to pass.
 *
 * A world is one real loop. A node is one instance of a transport with a small stand-in for the core above it, which
 * writes down all that it is told. Nothing sleeps: world_until_true() turns the loop until a condition holds, or fails
 * the test after 20 s. */
#ifndef TRANSPORT_SUITE_H
#define TRANSPORT_SUITE_H
#include <slow/plugin.h>
#include <slow/transport.h>

#define NODE_LINKS 256u

typedef struct world world;

/* What the stand-in knows of a link. */
typedef struct heard_link {
    slow_link id;
    void *cookie;
    uint64_t dial;
    char local[128], remote[128];
    uint32_t mtu, flags;
    bool closed; /* by node_close() */
    bool down;   /* by link_down() */
    slow_status why;
    uint64_t frames, bytes, calls; /* received */
    uint64_t writable;             /* calls, for it or for all */
} heard_link;

typedef struct heard_frame {
    slow_link link;
    uint32_t size;
    uint8_t *bytes;
} heard_frame;

typedef struct node {
    world *world;
    struct sl_instance *instance;
    const slow_transport_ops *ops;
    void *self;
    heard_link links[NODE_LINKS];    /* [id - 1] */
    uint32_t link_count, ups, downs; /* ups: calls of link_up(), refused ones too */
    heard_frame *frames;             /* in the order of arrival */
    size_t frame_count, frame_room;
    uint64_t failed_dial; /* of the last dial_failed() */
    slow_error failure;
    bool refuse, say_again; /* how to answer link_up() and receive() */
    uint64_t after_close;   /* calls about links that were closed or down; node_free() wants none */
} node;

world *world_new(void);
void world_free(world *);       /* fails the test when a packet is still held */
void world_lose_names(world *); /* names that later nodes look up are not found */
void world_turn(world *);
void world_settle(world *); /* some turns, for what should not happen to happen */
void world_until_true(world *, bool (*condition)(void *), void *arg, const char *what);

node *node_new(world *, const slow_plugin *, const char *options); /* a JSON object, or NULL */
void node_free(node *); /* fails the test when the instance leaked, or called after stop() or about a dead link */
void node_listen(node *, const char *address, char bound[128]);
heard_link *node_dial(node *, const char *address); /* and waits for the link */
heard_link *node_wait_link(node *, uint32_t count); /* the count-th link from the beginning */
void node_wait_frames(node *, size_t count);
void node_wait_down(node *, heard_link *);
void node_wait_failure(node *, uint64_t dial);
/* A packet whose bytes tell its `index`; a train of index, index + 1, ... when segment != 0. */
slow_packet *node_packet(node *, uint32_t index, uint32_t size, uint32_t segment);
void node_drop(slow_packet *); /* one that is not sent */
bool frame_is(const heard_frame *, uint32_t size, uint32_t index);
void node_send(node *, heard_link *, slow_packet *); /* waits for writable() as need be */
void node_close(node *, heard_link *);

/* Of 127.0.0.1, where nobody listens until the caller closes what it returns. */
int closed_address(const char *scheme, int type, char out[64]);
bool machine_has_ipv6(void);

/* Runs the suite over IP; returns how many tests failed. `type` is SOCK_DGRAM, SOCK_STREAM or SOCK_SEQPACKET. */
int transport_suite(const slow_plugin *, int type);
/* What of it needs no IP, with two addresses to listen on and two on which nobody does, all without the scheme. */
int transport_suite_at(const slow_plugin *, int type, const char *const listen[2], const char *const nobody[2]);
#endif
