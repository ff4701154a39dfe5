/* sealed_wire.h - what two ends of a pair say to each other unseen by relays: the inside of a sealed package, what is
 * authenticated beside it, and what their handshake is about and carries; pure. docs/wire.md has the bytes.
 *
 * The layout is one, whatever the codecs of the links on the way: they carry it as a payload, and each gives it back. */
#ifndef SL_SEALED_WIRE_H
#define SL_SEALED_WIRE_H
#include <slow/package.h>
#include <slow/wire.h>

enum {
    SL_SEAL_TAG_MAX = 16,
    /* type and flags, channel, kind, message, offset and total: 22 at most */
    SL_INSIDE_HEADER = 1 + 1 + 2 + 8 + 5 + 5,
    SL_INSIDE_MAX = SLOW_PAYLOAD_MAX + SL_INSIDE_HEADER,
    SL_SEALED_MAX = SLOW_PAYLOAD_MAX + SLOW_SEAL_ROOM,
    SL_SEALED_AD_MAX = 2 * (1 + SLOW_ID_MAX) + 8 + 8,
    SL_PAIR_PROLOGUE_MAX = 10 + 3 * (1 + SLOW_ID_MAX) + 8 + 8,
    SL_PAIR_HELLO_MAX = 8 + 4 + 255
};
_Static_assert(SL_INSIDE_HEADER + SL_SEAL_TAG_MAX <= SLOW_SEAL_ROOM, "what sealing adds has room in every package");

/* What relays have no use for: type, kind, the flags RELIABLE, ORDERED and LATEST, channel, message, offset, total and
 * payload. 0 = it does not fit, or is nothing that could be read. */
size_t sl_inside_write(uint8_t out[SL_INSIDE_MAX], const slow_package *);
/* Sets those fields; its payload is borrowed. False: malformed. */
bool sl_inside_read(slow_bytes, slow_package *);
/* What the tag of a sealed package covers beside its inside: src, dst, session and packet. */
slow_bytes sl_sealed_ad(uint8_t out[SL_SEALED_AD_MAX], const slow_package *);

/* What both ends of a handshake know before it, or it fails: for which opening it is. */
slow_bytes sl_pair_prologue(uint8_t out[SL_PAIR_PROLOGUE_MAX], const char *network, const slow_id *lower,
                            const slow_id *higher, uint64_t lower_number, uint64_t was);

/* The payload of the second and third message. */
typedef struct sl_pair_hello {
    uint64_t mine; /* its author's number of the pair */
    uint32_t alone_ms;
    slow_bytes credentials; /* at most 255 bytes */
} sl_pair_hello;
size_t sl_pair_hello_write(uint8_t out[SL_PAIR_HELLO_MAX], const sl_pair_hello *); /* 0 = it does not fit */
bool sl_pair_hello_read(slow_bytes, sl_pair_hello *);
#endif
