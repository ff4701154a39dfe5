/* end.h - one end of a measurement: a socket to the relay, messages encoded beforehand, and a parser that only counts.
 *
 * Both ends of a row share one core and one thread, so that the relay on the other core is the bottleneck as far as that can
 * be had. Hence the rule of everything here: encode before the clock starts, send whole chunks (64 KiB of a stream, a train
 * or 64 datagrams), and count what arrives by its lengths, without reading the rest.
 *
 * What differs between systems is a `wire`: how an end greets, how messages are laid into a chunk, how arriving ones are
 * told apart. The brokers' wires speak their protocols themselves, as Slow's does, so that a row measures the relay and no
 * client library. */
#ifndef BENCH_END_H
#define BENCH_END_H
#include "keys.h"
#include <netinet/in.h>
#include <slow/base.h>
#include <sys/types.h>

enum { CHUNK_MOST = 64000, DATAGRAMS = 64, IDS_SIZE = 16 };
#define BENCH_MS UINT64_C(1000000)
#define BENCH_SECOND UINT64_C(1000000000)

/* How libslow at both ends sends. */
enum libslow_way { LIBSLOW_BEST_EFFORT, LIBSLOW_RELIABLE, LIBSLOW_ORDERED };

/* What a row sends. */
typedef struct shape {
    uint32_t payload_least, payload_most; /* bytes; evenly distributed */
    uint32_t messages;                    /* distinct ones; 0 = what fits one chunk */
    uint32_t destinations;                /* over which they are spread; 0 = 1 */
    bool single;                          /* Slow over UDP: one message a datagram */
    bool trains;                          /* datagrams: the ends use UDP_SEGMENT and UDP_GRO */
    bool json;                            /* Slow: codec-json, a JSON payload */
    enum sealing sealing;                 /* Slow's links; with libslow at both ends, the pair as well */
    enum libslow_way way;                 /* of a row without a wire */
} shape;

/* What one send() moves. */
typedef struct chunk {
    uint8_t *bytes, *clear; /* clear: from which a sealed one is made anew for each send; else NULL */
    uint32_t size, count;   /* count: of messages */
    uint32_t segment;       /* of datagrams: their size, the last may be shorter; 0 = a stream */
} chunk;

typedef struct end end;
typedef struct wire {
    bool stream;
    bool two_ports; /* the second end connects to port + 1 */
    size_t state_size;
    /* The socket is connected: greet. False: bench_error() was called. */
    bool (*greet)(end *);
    /* Encodes messages number *next, *next + 1, ... up to `end` as far as they fit. */
    void (*fill)(end *, chunk *, uint32_t *next, uint32_t end_number);
    /* Messages in these bytes. Datagrams: the whole one. Streams: *used = the bytes of whole messages. */
    size_t (*parse)(end *, uint8_t *bytes, size_t size, size_t *used);
    void (*before_send)(end *, chunk *); /* once for each time that a chunk is sent; may be NULL */
    void (*tick)(end *, uint64_t now);   /* may be NULL; never while a chunk is on its way out */
    void (*close)(end *);                /* may be NULL */
} wire;

struct end {
    const wire *wire;
    const shape *shape;
    const keys *keys;
    const char *id, *peer; /* ours and the other end's */
    bool far;              /* the receiving one of a flow: what messages go to lies behind it */
    int fd;
    struct sockaddr_in relay;
    chunk *chunks;
    size_t chunk_count, at;
    uint32_t at_bytes; /* of that chunk that were written */
    bool sending;      /* it was made ready, and has not gone out whole */
    chunk ping;
    uint8_t *in;
    size_t in_size, in_capacity;
    bool broken; /* the connection ended, or did not make sense */
    void *state; /* the wire's */
};

uint64_t bench_now(void);
/* Prints one line to stderr. */
void bench_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A payload size of the shape, for message `number`: the same at every call. */
uint32_t bench_payload(const shape *, uint32_t number);

/* Connects, greets, encodes. False: an error was printed, and end_close() is still due. */
bool end_open(end *, const wire *, const shape *, const keys *, uint16_t port, bool second);
void end_close(end *);
/* Waits for `events` of poll(). False: nothing within the time. */
bool end_wait(const end *, short events, uint64_t timeout_ns);
/* All of it, waiting where need be; for greetings and control frames. */
bool end_write(end *, const void *bytes, size_t size);
/* Sends from the next chunk; returns the messages of a chunk that was completed, 0 otherwise. */
size_t end_send(end *);
bool end_send_ping(end *);
/* Reads what is there; returns how many messages came. */
size_t end_receive(end *);

extern const wire wire_raw_stream, wire_raw_datagram, wire_nats, wire_nng, wire_zmq, wire_slow_stream,
    wire_slow_datagram;
#endif
