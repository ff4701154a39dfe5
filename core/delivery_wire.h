/* delivery_wire.h - the bytes of the core's CONTROL packages by which two ends keep a pair, and of what the junctions between
 * them tell; pure. docs/wire.md has them.
 *
 * KNOCK, the OPENs and what tells of a path travel outside a pair. ASK and STATE travel in one: their package's session is its author's number,
 * and their packet numbers are the pair's. Integers are big endian. A reader refuses what is too short, too long, or
 * out of range, and then has written nothing that a caller may use. */
#ifndef SL_DELIVERY_WIRE_H
#define SL_DELIVERY_WIRE_H
#include "id.h"
#include <slow/package.h>
#include <slow/wire.h>

enum sl_pair_kind { SL_KIND_KNOCK = 1, SL_KIND_OPEN1, SL_KIND_OPEN2, SL_KIND_OPEN3, SL_KIND_ASK, SL_KIND_STATE };

enum {
    SL_ACK_RANGES = 32,
    SL_STATE_RUNS = 64,
    SL_ASK_BARS = 128,
    SL_ALONE_MAX_MS = 600 * 1000,
};
#define SL_WINDOW 4096u /* messages of a channel that may be unfinished, from the lowest one on */

/* Numbers from first to last, both included; 1 <= first <= last <= SLOW_NUMBER_MAX. */
typedef struct sl_range {
    uint64_t first, last;
} sl_range;

/* OPEN1: `yours` is the pair that its author still has, or 0. */
typedef struct sl_open {
    uint64_t mine, yours;
    uint32_t alone_ms; /* of OPEN2 and OPEN3: for how long its author has had no pair; <= SL_ALONE_MAX_MS */
    slow_bytes handshake;
} sl_open;

/* The sender asks for the state of a channel, and bars messages. */
typedef struct sl_ask {
    uint8_t channel;
    uint64_t from; /* its lowest unfinished number */
    uint32_t bar_count;
    sl_range bars[SL_ASK_BARS]; /* rising, apart, each number in from .. from + SL_WINDOW - 1 */
} sl_ask;

enum sl_number_state { SL_OPEN, SL_HELD, SL_TAKEN, SL_BARRED };

typedef struct sl_run {
    uint16_t count; /* 1.. */
    uint8_t state;  /* enum sl_number_state */
} sl_run;

/* The receiver describes: what packets came, what room there is, and how messages of one channel stand. */
typedef struct sl_state {
    uint32_t ack_count;          /* 0 = nothing has come */
    sl_range ack[SL_ACK_RANGES]; /* the highest first, apart */
    uint32_t delay_us;           /* since the highest one came */
    uint64_t credit;             /* bytes */
    bool has_channel;
    uint8_t channel;
    uint64_t from; /* the number that the first run begins with */
    uint32_t run_count;
    sl_run runs[SL_STATE_RUNS];
} sl_state;

/* What became of a traced package at one junction. */
enum sl_hop_fate {
    SL_HOP_PASSED,   /* it left, to `next` */
    SL_HOP_ARRIVED,  /* its destination has it */
    SL_HOP_NO_ROUTE, /* dropped: */
    SL_HOP_LIMIT,
    SL_HOP_QUEUE_FULL, /* no room on the link to `next` */
    SL_HOP_LINK_DOWN,  /* it waited for the link to `next`, and that ended */
    SL_HOP_FATES
};

/* TRACE_HOP: what a junction says of it to its source. */
typedef struct sl_hop_report {
    uint64_t session, packet; /* the package's */
    uint8_t place;            /* links that it had travelled: 1 = the first relay. Never 0 on the wire */
    uint8_t fate;             /* enum sl_hop_fate */
    slow_id next;             /* size 0 where there is none */
    uint64_t wall_us;         /* the author's clock, microseconds since 1970 */
    uint32_t delay_us;        /* for how long it waited in the author's queue; UINT32_MAX = that or longer */
} sl_hop_report;

/* ECHO_REPLY: the ECHO's nonce, and the hops that it had as it arrived. */
typedef struct sl_echo_reply {
    uint64_t nonce;
    uint8_t hops;
} sl_echo_reply;

/* ERROR: a relay's hint to a package's source that it dropped it. */
typedef struct sl_drop_report {
    uint64_t packet;
    uint8_t reason; /* enum sl_drop_reason */
    slow_id dst;    /* where it was to go */
} sl_drop_report;

/* Return the bytes written, at most SLOW_PAYLOAD_MAX; 0 = it does not fit (a handshake that is too long). */
size_t sl_open_write(uint8_t out[SLOW_PAYLOAD_MAX], enum sl_pair_kind, const sl_open *);
size_t sl_ask_write(uint8_t out[SLOW_PAYLOAD_MAX], const sl_ask *);
size_t sl_state_write(uint8_t out[SLOW_PAYLOAD_MAX], const sl_state *);
size_t sl_hop_report_write(uint8_t out[SLOW_PAYLOAD_MAX], const sl_hop_report *);
size_t sl_echo_write(uint8_t out[SLOW_PAYLOAD_MAX], uint64_t nonce); /* of a TRACE, too, of which nobody reads it */
size_t sl_echo_reply_write(uint8_t out[SLOW_PAYLOAD_MAX], const sl_echo_reply *);
size_t sl_drop_report_write(uint8_t out[SLOW_PAYLOAD_MAX], const sl_drop_report *);
/* False: malformed. An OPEN's handshake is borrowed. */
bool sl_open_read(slow_bytes, enum sl_pair_kind, sl_open *);
bool sl_ask_read(slow_bytes, sl_ask *);
bool sl_state_read(slow_bytes, sl_state *);
bool sl_hop_report_read(slow_bytes, sl_hop_report *);
bool sl_echo_read(slow_bytes, uint64_t *nonce);
/* What follows is ignored in these two. */
bool sl_echo_reply_read(slow_bytes, sl_echo_reply *);
bool sl_drop_report_read(slow_bytes, sl_drop_report *);
#endif
