/* fragments.h - which fragments of a reliable message on its way out were sent, are under way, and were acknowledged; pure.
 *
 * The first sending goes in their order, so that is one number, `sent`; the rest are bits, kept while it has a number. */
#ifndef SL_FRAGMENTS_H
#define SL_FRAGMENTS_H
#include "outgoing.h"

static inline bool sl_bit_get(const uint64_t *bits, uint32_t index) {
    return bits[index / 64] >> (index % 64) & 1;
}
static inline void sl_bit_set(uint64_t *bits, uint32_t index) {
    bits[index / 64] |= UINT64_C(1) << (index % 64);
}
static inline void sl_bit_clear(uint64_t *bits, uint32_t index) {
    bits[index / 64] &= ~(UINT64_C(1) << (index % 64));
}
static inline uint32_t sl_outgoing_size(const sl_outgoing *out) {
    return (uint32_t)out->message.payload.size;
}
/* Of one that has a number: each fragment was sent at least once. */
static inline bool sl_outgoing_is_sent_whole(const sl_outgoing *out) {
    return out->sent >= sl_outgoing_size(out);
}

/* Room for its bits. False = no memory. */
bool sl_fragments_new(sl_outgoing *);
/* It was never sent, as far as the next pair is concerned. */
void sl_fragments_reset(sl_outgoing *);
/* A fragment that was sent, and is neither acknowledged nor under way; false = there is none. */
bool sl_fragments_lost(const sl_outgoing *, uint32_t *index);
#endif
