/* slow/package.h - the package: what junctions exchange, in the one neutral form that every codec encodes and decodes.
 *
 * A package is a view: its pointers are borrowed from whoever made it. A message of up to SLOW_PAYLOAD_MAX bytes is one
 * package; a longer one is cut into packages that share `message` and `total` and differ in `offset`. */
#ifndef SLOW_PACKAGE_H
#define SLOW_PACKAGE_H
#include "base.h"

/* What a payload is. Values are ABI, and on the wire. */
enum slow_package_type {
    SLOW_JSON = 1,    /* a JSON text, in UTF-8 */
    SLOW_BINARY = 2,  /* bytes */
    SLOW_CONTROL = 3, /* bytes, of a `kind`: the core's or the application's own */
    SLOW_SEALED = 4,  /* one of the others, sealed for its destination: nobody on the way can say which */
};

/* Bits of slow_package.flags. Values are ABI, and on the wire. */
enum slow_package_flags {
    SLOW_RELIABLE = 1, /* an outcome is wanted: the package travels in a pair */
    SLOW_ORDERED = 2,  /* of a reliable one: handed over in the order of its channel */
    SLOW_LATEST = 4,   /* of a reliable one: its channel is one value, and it may take the place of an older one */
    SLOW_TRACED = 8,   /* each hop reports to the source */
};

#define SLOW_PAYLOAD_MAX 1024u /* bytes; every link carries a package of this payload in every codec */
#define SLOW_SEAL_ROOM 64u     /* bytes by which sealing may lengthen a payload */
#define SLOW_HINT_MAX 64u      /* bytes */
#define SLOW_CHANNELS 64u      /* of a pair, in each direction */
#define SLOW_NUMBER_MAX ((UINT64_C(1) << 53) - 1) /* of packet and message: integers are exact to here in JSON */
#define SLOW_KIND_APPLICATION 0x8000u /* CONTROL kinds below are the core's, from here on the application's */

/* One package, taken apart. The ids are inside of the limits below whenever the core hands one out. */
typedef struct slow_package {
    uint32_t struct_size;   /* set by the host */
    uint8_t type;           /* enum slow_package_type */
    uint8_t priority;       /* 0..11, higher goes first: 4 * class + option; class 2 the core's CONTROL packages,
                           * 1 reliable, 0 best effort; option 0..3 is the sender's choice */
    uint8_t hop_limit;      /* 1..255, links */
    uint8_t hops;           /* links travelled: 1 as the source sends it. A relay drops at hops >= hop_limit, the
                           * destination never: a limit of n means at most n links */
    uint16_t flags;         /* enum slow_package_flags */
    uint16_t kind;          /* of a CONTROL package; else 0 */
    uint8_t channel;        /* 0..63: order and numbering of messages */
    slow_bytes src, dst;    /* ids, 1..63 bytes */
    uint64_t session;       /* the source's number of this pair, or of its start (plain best effort) */
    uint64_t packet;        /* <= SLOW_NUMBER_MAX; every transmission in the session: doubles, acknowledgement, nonce */
    uint64_t message;       /* <= SLOW_NUMBER_MAX; per pair, direction and channel */
    uint32_t offset, total; /* bytes: position of this fragment, and size of the message */
    slow_bytes hint;        /* <= SLOW_HINT_MAX; opaque to the core: what a routing strategy put in */
    slow_bytes payload;     /* <= SLOW_PAYLOAD_MAX; of a SEALED one <= SLOW_PAYLOAD_MAX + SLOW_SEAL_ROOM */
} slow_package;

/* Where something lies in an encoded package: bytes from its start. Frozen. */
typedef struct slow_span {
    uint16_t at;   /* bytes from the package's start */
    uint16_t size; /* bytes */
} slow_span;

/* What forwarding needs, read from an encoded package without decoding the rest. Frozen. */
typedef struct slow_route_view {
    slow_span dst, src, hint; /* hint.size 0 = none */
    uint32_t patch;           /* where the codec's advance() writes */
    uint8_t type, priority;   /* as in slow_package */
    uint8_t hop_limit, hops;  /* as in slow_package */
    uint16_t flags;           /* as in slow_package */
    uint16_t reserved;        /* zero for now */
    uint64_t session, packet; /* as in slow_package */
    uint64_t reserved_more;   /* zero for now */
} slow_route_view;
#endif
