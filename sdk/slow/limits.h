/* slow/limits.h - the limits of slow/package.h, asked of one package.
 *
 * Every codec holds them in both directions: encode() answers SLOW_E_INVAL, decode() and peek() SLOW_E_MALFORMED. Two
 * codecs with different limits would make a package that one link carries vanish at the next, where a junction
 * translates; so each is compiled with this file, as it is with slow/wire.h, and slow-conform puts the same questions to all.
 *
 * Where slow/package.h leaves something open:
 *  - Control characters of an id are Unicode's class Cc: U+0000..U+001F, U+007F and U+0080..U+009F. The last are here
 *    because ids stand in logs, and U+009B starts an escape sequence on a terminal as well as ESC [ does.
 *  - hops may be above hop_limit: a relay drops such a package, its destination takes it.
 *  - A SEALED package shows nothing of the message inside: kind, channel, message, offset and total are 0, and the size
 *    of the payload says nothing about the total. Any other package lies inside its message.
 *  - Flags that nobody has named yet are carried, not refused: they are a later version's.
 *
 * peek() asks slow_limits_routing() of every package that is forwarded, so the common id, printable ASCII, is checked eight
 * bytes at a time; only another one is walked as UTF-8 (Unicode 15, table 3-7). */
#ifndef SLOW_LIMITS_H
#define SLOW_LIMITS_H
#include "package.h"
#include <string.h>

/* Size of the sequence at `at` if it is well-formed UTF-8 and no control character, else 0. */
static inline size_t slow_limits_character(const uint8_t *at, size_t left) {
    uint8_t lead = at[0];
    if (lead < 0x80)
        return lead >= 0x20 && lead != 0x7f;
    size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || left < size)
        return 0;
    uint8_t lowest = lead == 0xe0 || lead == 0xc2 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80; /* C2 80..9F: U+0080..U+009F */
    uint8_t highest = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < lowest || at[1] > highest)
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return size;
}

/* The high bit of some byte is set unless all eight are 0x20..0x7e: of bytes below 0x80, subtracting 0x20 borrows into
 * it from the first that is below 0x20, and adding 1 carries into it from 0x7f. */
static inline uint64_t slow_limits_odd(uint64_t word) {
    return (word | (word - UINT64_C(0x2020202020202020)) | (word + UINT64_C(0x0101010101010101))) &
           UINT64_C(0x8080808080808080);
}

/* Eight bytes of an id, in any order; spaces where there are fewer. */
static inline uint64_t slow_limits_load(const uint8_t *at, size_t size) {
    uint64_t word = UINT64_C(0x2020202020202020);
    uint32_t first, last;
    if (size >= 8) {
        memcpy(&word, at, 8);
    } else if (size >= 4) { /* two that overlap */
        memcpy(&first, at, 4);
        memcpy(&last, at + size - 4, 4);
        word = (uint64_t)first << 32 | last;
    } else {
        for (size_t i = 0; i < size; i++)
            word = word << 8 | at[i];
    }
    return word;
}

/* An id: 1..63 bytes of UTF-8 without control characters. */
static inline bool slow_limits_id(slow_bytes id) {
    if (id.size - 1 >= SLOW_ID_MAX)
        return false;
    uint64_t odd = slow_limits_odd(slow_limits_load(id.data, id.size));
    for (size_t at = 8; at < id.size; at += 8) {
        size_t from = id.size - at < 8 ? id.size - 8 : at;
        odd |= slow_limits_odd(slow_limits_load(id.data + from, 8));
    }
    if (odd == 0)
        return true;
    for (size_t at = 0, size; at < id.size; at += size)
        if ((size = slow_limits_character(id.data + at, id.size - at)) == 0)
            return false;
    return true;
}

/* What peek() reads too. */
static inline bool slow_limits_routing(const slow_package *p) {
    return p->type >= SLOW_JSON && p->type <= SLOW_SEALED && p->priority < 12 && p->hop_limit >= 1 && p->hops >= 1 &&
           p->packet <= SLOW_NUMBER_MAX && p->hint.size <= SLOW_HINT_MAX && slow_limits_id(p->dst) &&
           slow_limits_id(p->src);
}

/* The rest. */
static inline bool slow_limits_message(const slow_package *p) {
    if (p->type == SLOW_SEALED)
        return p->kind == 0 && p->channel == 0 && p->message == 0 && p->offset == 0 && p->total == 0 &&
               p->payload.size <= SLOW_PAYLOAD_MAX + SLOW_SEAL_ROOM;
    return (p->kind == 0 || p->type == SLOW_CONTROL) && p->channel < SLOW_CHANNELS && p->message <= SLOW_NUMBER_MAX &&
           p->payload.size <= SLOW_PAYLOAD_MAX && p->offset <= p->total && p->payload.size <= p->total - p->offset;
}
#endif
