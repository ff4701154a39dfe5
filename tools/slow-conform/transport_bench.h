/* transport_bench.h - two instances of a transport, and a stand-in for the core above each: see transport_bench.c. */
#ifndef TRANSPORT_BENCH_H
#define TRANSPORT_BENCH_H
#include "conform.h"
#include <slow/transport.h>

enum { BENCH_LINKS = 64, BENCH_DIALS = 64, BENCH_ADDRESS = 128, BENCH_SERVER = 0, BENCH_CLIENT = 1 };

#define BENCH_MS UINT64_C(1000000)
#define BENCH_PATIENCE (5000 * BENCH_MS) /* for what has to come */
#define BENCH_SETTLE (30 * BENCH_MS)     /* for what must not come */

typedef struct transport_bench transport_bench;

typedef struct bench_link {
    slow_link id;
    void *cookie;
    uint64_t dial;
    char local[BENCH_ADDRESS], remote[BENCH_ADDRESS];
    uint32_t mtu, flags;
    bool closed, down;
    uint64_t frames, writable;  /* calls */
    uint64_t again_turn, extra; /* of the last SLOW_E_AGAIN to receive(); bytes that came in that turn after it */
} bench_link;

typedef struct bench_frame {
    slow_link link;
    uint32_t size, index;
    bool intact;
} bench_frame;

enum dial_state { DIAL_NONE, DIAL_OPEN, DIAL_UP, DIAL_FAILED, DIAL_CANCELLED };

typedef struct bench_side {
    transport_bench *bench;
    conform_instance *instance;
    bench_link links[BENCH_LINKS]; /* [id - 1] */
    uint32_t link_count, ups, refused;
    bench_frame *frames; /* in the order of arrival */
    size_t frame_count, frame_room;
    enum dial_state dials[BENCH_DIALS]; /* by number */
    uint64_t last_dial;
    bool refuse, says_again; /* how to answer link_up() and receive() */
} bench_side;

struct transport_bench {
    conform *c;
    const slow_transport_ops *ops;
    conform_instance pair[2];
    bench_side side[2];
    char address[BENCH_ADDRESS], bound[BENCH_ADDRESS];
    bench_link *in, *out; /* of bench_connected(): as the server and as the client see it */
    uint64_t turns;
    const char *call; /* of ours, that is on: nothing of a dial or a link may come inside it; NULL = none */
    bool lenient;     /* nothing is judged: memory may be refused */
};

extern const slow_transport_host bench_transport_host;

/* On the heap. The server listens; skips the test when no address is known. */
transport_bench *bench_listening(conform *);
/* And the client has a link to it that has carried frame 0. */
transport_bench *bench_connected(conform *);
/* Two instances that others started, on a bench of zeros; false = no address is known. */
bool bench_adopt(transport_bench *, conform *, conform_instance pair[2]);
/* Ends both, and fails the test when they have left something. */
void bench_free(transport_bench *);

slow_status bench_listen(bench_side *, const char *address, char bound[BENCH_ADDRESS], slow_error *);
/* The number of the dial; 0 = it failed inside the call, which has told the reason. */
uint64_t bench_connect(bench_side *, const char *address);
void bench_cancel(bench_side *, uint64_t dial);
/* Dials and waits for the link. */
bench_link *bench_dial(bench_side *, const char *address);
void bench_close(bench_side *, bench_link *);

/* A packet of the frames index, index + 1, ... of `segment` bytes each; 0 = one frame. */
slow_packet *bench_packet(bench_side *, uint32_t index, uint32_t size, uint32_t segment);
/* One send(), judged; packets that were not taken stay ours. */
slow_status bench_send(bench_side *, bench_link *, slow_packet **, size_t n, size_t *taken);
/* All of them, waiting for writable() where that is due. */
void bench_send_all(bench_side *, bench_link *, slow_packet **, size_t n);
void bench_send_frame(bench_side *, bench_link *, uint32_t index, uint32_t size);

bool bench_until(transport_bench *, bool (*condition)(void *), void *arg, slow_time limit_ns);
/* Only this side's descriptors are served. */
void bench_turn_alone(bench_side *);
void bench_settle(transport_bench *);
/* Waits for so many frames in all; fails the test when they do not come. */
void bench_wait_frames(bench_side *, size_t count, const char *what);
bench_link *bench_wait_link(bench_side *, uint32_t count);
/* Fails the test unless frames from..from+n-1 are index, index + 1, ... of this size, whole. */
void bench_in_order(bench_side *, size_t from, size_t n, uint32_t index, uint32_t size);
#endif
