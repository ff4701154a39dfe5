/* slow/base.h - the vocabulary that every SDK header shares.
 *
 * The SDK is C11 and C++11, and needs nothing but the C library. Its rules, for every header:
 *
 *  - Tables begin with `struct_size`, set by whoever wrote the table. Members are only ever appended within one major
 *    version, so a reader MUST test with SLOW_HAS() before it uses a member younger than MINOR 0.
 *  - Structs marked *frozen* have no size member: they are used in arrays or on the stack of the other side, and keep their
 *    size in major 1. Whoever fills one in sets its reserved members to 0; whoever reads one ignores them, until they have a name.
 *  - A pointer that is passed in is borrowed for the call, unless its text says otherwise.
 *  - [loop] marks a call made only on the junction's loop thread, [any] one that any thread may make.
 *
 * sdk/ABI.md is the law that these headers are written by: what may change, and what never does. */
#ifndef SLOW_BASE_H
#define SLOW_BASE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the entry symbol (slow_module_v1) and in the install path (lib/slow/1): between two majors nothing fits. */
#define SLOW_ABI_MAJOR 1
/* Grows when something is appended: a plugin runs in every host whose minor is not below the one it asks for. */
#define SLOW_ABI_MINOR 0

/* C linkage, in front of a declaration. */
#ifdef __cplusplus
#define SLOW_EXTERN_C extern "C"
#else
#define SLOW_EXTERN_C
#endif

/* True when the other side's table is long enough to hold `member`. */
#define SLOW_HAS_FIELD(table, member) \
    ((table)->struct_size >= offsetof(__typeof__(*(table)), member) + sizeof((table)->member))
/* True when it holds `function`, and the function is there. */
#define SLOW_HAS(table, function) (SLOW_HAS_FIELD(table, function) && (table)->function != NULL)

/* Bytes that a printable address has at most, the terminating zero included. */
#define SLOW_ADDRESS_SIZE 128u

/* SLOW_OK or a negative SLOW_E_... The values are ABI: append only. A reader takes an unknown negative value for SLOW_E_FAIL. */
typedef int32_t slow_status;
enum {
    SLOW_OK = 0,             /* done, or well begun */
    SLOW_E_FAIL = -1,        /* what no other value says; the error's text does */
    SLOW_E_NOMEM = -2,       /* no memory: nothing was changed */
    SLOW_E_INVAL = -3,       /* the caller's mistake */
    SLOW_E_UNSUPPORTED = -4, /* this build, kernel or plugin does not do that */
    SLOW_E_NOSPACE = -5,     /* the buffer given is too small */
    SLOW_E_MALFORMED = -6,   /* bad bytes from a peer: counted, never fatal */
    SLOW_E_AGAIN = -7,       /* a queue is full: try again after it has become writable */
    SLOW_E_CLOSED = -8,      /* it is gone, or about to go: a link, a neighbour, a junction */
    SLOW_E_RESTART = -9,     /* reconfigure(): cannot be applied live, make a new instance */
    SLOW_E_AUTH = -10,       /* not by who it should be of, or not as it was sealed */
    SLOW_E_NOROUTE = -11,    /* the destination cannot be reached now */
    SLOW_E_TOOBIG = -12,     /* more than the limit of it: trying again will not help */
    SLOW_E_TIMEOUT = -13,    /* the time given was over first */
};

/* A diagnosis, allocated by the caller: nothing to free. Frozen. */
typedef struct slow_error {
    int32_t code;   /* the slow_status that the call returned */
    char where[96]; /* a config path, a file or an address; may be empty; terminated */
    char text[224]; /* one line: what was wrong, what was expected and what to try; terminated */
} slow_error;

typedef uint64_t slow_time; /* nanoseconds, monotonic; virtual in the simulator */
typedef uint32_t slow_link; /* given by the host, never reused in one life of a junction; 0 = none */

/* Borrowed bytes. Frozen. */
typedef struct slow_bytes {
    const uint8_t *data; /* may be NULL when size is 0 */
    size_t size;         /* bytes */
} slow_bytes;

/* One frame inside a larger read: borrowed for the call, writable within its own range. Frozen. */
typedef struct slow_slice {
    uint8_t *data;  /* its first byte */
    uint32_t size;  /* bytes */
    uint32_t flags; /* 0 for now */
} slow_slice;

/* Bytes that an id has at most. */
#define SLOW_ID_MAX 63u
/* A junction's id: 1..63 bytes of UTF-8 without control characters. Two ids are equal when memcmp over the whole struct
 * is 0. Frozen. */
typedef struct slow_id {
    uint8_t size;           /* bytes of `text` that count, 1..63 */
    char text[SLOW_ID_MAX]; /* the rest is zero; not terminated when all 63 count */
} slow_id;
#endif
