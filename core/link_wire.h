/* link_wire.h - the bytes of link frames. Pure: structs <-> bytes, every read checked.
 *
 * On a datagram link a frame is
 *
 *     kind u8 | 0 x 3 | receiver's index u32 | counter u64 | body | tag
 *
 * and on a stream, where the order is given and the peer known, the index and the counter are left out. The tag is the
 * AEAD's, or without one the eight random bytes that the receiver chose when the link opened. The opening's four frames
 * have layouts of their own, the same on both. Big endian throughout. */
#ifndef SL_LINK_WIRE_H
#define SL_LINK_WIRE_H
#include <slow/base.h>
#include <slow/routing.h>
#include <slow/transport.h>

enum sl_frame_kind {
    SL_FRAME_INIT = 1,
    SL_FRAME_COOKIE,
    SL_FRAME_RESP,
    SL_FRAME_FIN,
    SL_FRAME_PROBE,
    SL_FRAME_ROUTE,
    SL_FRAME_ROUTE_ACK,
    SL_FRAME_CLOSE,
    SL_FRAME_BUNDLE,
    SL_FRAME_PROTOCOLS,
    SL_FRAME_PROTOCOLS_ACK,
};

enum {
    SL_LINK_VERSION = 1,
    SL_INIT_SIZE = 1200, /* bytes of an INIT datagram: nothing that answers it may be longer */
    SL_DATAGRAM_HEADER = 16,
    SL_STREAM_HEADER = 4,
    SL_PLAIN_TAG = 8,
    SL_TAG_MAX = 16,
    SL_NAMES_MAX = 8, /* codecs, or routing protocols, in a claim */
    SL_NAME_SIZE = 32,
    SL_CLAIM_MAX = 1000,
    SL_FEATURE_NUMBERS = 1, /* of a claim: generation and numbers of its protocols stand behind the credentials */
};

/* INIT: `handshake` is the security plugin's first message; padded to SL_INIT_SIZE. */
typedef struct sl_init {
    uint32_t index;
    uint64_t cookie;
    slow_bytes handshake;
} sl_init;
/* The payload of that first message: INIT's index once more, where it cannot be changed, and when INIT was made. What
 * follows is ignored: a later version may append. */
typedef struct sl_greeting {
    uint64_t time_ms; /* since 1970, of its author's clock */
    uint32_t index;
} sl_greeting;
enum { SL_GREETING_SIZE = 12 };
void sl_greeting_write(const sl_greeting *, uint8_t out[SL_GREETING_SIZE]);
bool sl_greeting_read(slow_bytes payload, sl_greeting *);
typedef struct sl_cookie {
    uint32_t peer_index;
    uint64_t cookie;
} sl_cookie;
/* RESP: `tag` is to be echoed by FIN, and stands in every later frame to its author where there is no AEAD. */
typedef struct sl_resp {
    uint32_t index, peer_index;
    uint64_t tag;
    slow_bytes handshake;
} sl_resp;
/* FIN: `echo` is RESP's tag, `tag` the initiator's own. */
typedef struct sl_fin {
    uint32_t peer_index;
    uint64_t echo, tag;
    slow_bytes handshake;
} sl_fin;

/* Each returns the size written, or 0 when `out` is too small. */
size_t sl_init_write(const sl_init *, uint8_t *out, size_t capacity);
size_t sl_cookie_write(const sl_cookie *, uint8_t *out, size_t capacity);
size_t sl_resp_write(const sl_resp *, uint8_t *out, size_t capacity);
size_t sl_fin_write(const sl_fin *, uint8_t *out, size_t capacity);
/* Each reads a whole frame, the kind included. `init_size`: the least an INIT may have. */
bool sl_init_read(slow_bytes frame, size_t init_size, sl_init *);
bool sl_cookie_read(slow_bytes frame, sl_cookie *);
bool sl_resp_read(slow_bytes frame, sl_resp *);
bool sl_fin_read(slow_bytes frame, sl_fin *);

/* What a junction says of itself when a link opens. Trailing bytes are ignored: a later version may append. */
typedef struct sl_names {
    uint8_t count;
    char name[SL_NAMES_MAX][SL_NAME_SIZE];
} sl_names;

/* The routing protocols that a junction speaks. Each has a number of its author's own, by which ROUTE frames name it; one
 * that is taken up again has another. The generation grows with every change. What a junction begins with is generation 0,
 * numbered by place. */
typedef struct sl_protocols {
    sl_names names;
    uint8_t number[SL_NAMES_MAX];
    uint32_t generation;
} sl_protocols;
typedef struct sl_claim {
    uint16_t version; /* SL_LINK_VERSION */
    char network[64];
    slow_id id;
    uint64_t start;         /* random, drawn at each start of the junction */
    sl_names codecs;        /* in order of preference */
    sl_protocols protocols; /* of routing strategies */
    uint32_t frame_max;     /* bytes: the largest frame that its author takes on this link */
    uint32_t features;      /* SL_FEATURE_NUMBERS is written where the generation is not 0 */
    slow_bytes credentials; /* membership's; empty without an identity */
} sl_claim;
size_t sl_claim_write(const sl_claim *, uint8_t *out, size_t capacity);
bool sl_claim_read(slow_bytes, sl_claim *);

/* PROBE. Intervals in ms; stamps in microseconds of the author's clock, modulo 2^32, never 0; echo 0 = none to echo. */
typedef struct sl_probe {
    uint16_t keep_ms, want_ms;
    uint32_t stamp, echo, held;
} sl_probe;
enum { SL_PROBE_SIZE = 16 };
void sl_probe_write(const sl_probe *, uint8_t out[SL_PROBE_SIZE]);
bool sl_probe_read(slow_bytes body, sl_probe *);

/* ROUTE and ROUTE_ACK of the strategy channel. A message is at most SLOW_ROUTE_MESSAGE_MAX bytes. */
typedef struct sl_route_frame {
    uint8_t protocol, epoch; /* protocol: the author's own number */
    uint32_t seq;            /* of a ROUTE_ACK: the next one wanted */
    slow_bytes message;
} sl_route_frame;
enum { SL_ROUTE_HEADER = 6 };
void sl_route_write(const sl_route_frame *, uint8_t out[SL_ROUTE_HEADER]);
bool sl_route_read(slow_bytes body, sl_route_frame *);

/* PROTOCOLS: the whole list, told anew when it has changed. PROTOCOLS_ACK: the generation alone. */
enum { SL_PROTOCOLS_MAX = 5 + SL_NAMES_MAX * (SL_NAME_SIZE + 1), SL_PROTOCOLS_ACK_SIZE = 4 };
size_t sl_protocols_write(const sl_protocols *, uint8_t out[SL_PROTOCOLS_MAX]);
bool sl_protocols_read(slow_bytes body, sl_protocols *);
void sl_protocols_ack_write(uint32_t generation, uint8_t out[SL_PROTOCOLS_ACK_SIZE]);
bool sl_protocols_ack_read(slow_bytes body, uint32_t *generation);
/* The place of a name, or of a number; -1 = it is not there. */
int sl_protocols_place(const sl_protocols *, const char *name);
int sl_protocols_place_of_number(const sl_protocols *, uint8_t number);

enum sl_close_reason {
    SL_CLOSE_GOODBYE = 1, /* the junction ends */
    SL_CLOSE_LEAVE,       /* the operator took the join back */
    SL_CLOSE_DUPLICATE,   /* another link between the same two machines stays */
    SL_CLOSE_REPLACED,    /* the peer opened it anew */
    SL_CLOSE_TOO_MANY,    /* a neighbour has at most 4 links */
    SL_CLOSE_VERSION,     /* the claims do not go together: */
    SL_CLOSE_NETWORK,
    SL_CLOSE_OWN_ID,
    SL_CLOSE_NO_CODEC,
    SL_CLOSE_NOT_A_MEMBER,
    SL_CLOSE_SILENT,     /* nothing was heard for too long */
    SL_CLOSE_BROKEN,     /* the transport said so, or bytes that cannot be */
    SL_CLOSE_TIMEOUT,    /* the opening did not end in time */
    SL_CLOSE_UNANSWERED, /* nothing came after our FIN: where there is membership, who refuses says nothing */
    SL_CLOSE_LET_OUT,    /* what NOT_A_MEMBER is to whom it is said; itself it is never sent */
    SL_CLOSE_REASONS
};
const char *sl_close_text(enum sl_close_reason);
#endif
