/* store.h - short strings of bytes (ids, proofs), packed in one growing block.
 *
 * A slow_id is 64 bytes and the usual id has 8 characters; a thousand junctions in one simulator hold a million of
 * them. malloc() would take 32 bytes each and a pointer. Here a string takes its size + 1, rounded up to 4, and is
 * named by a 32-bit reference; what is freed goes on a list of its size and is handed out again. */
#ifndef PLUGIN_STORE_H
#define PLUGIN_STORE_H
#include <slow/base.h>

#define STORE_STRING_MAX 255u
#define STORE_SIZES ((STORE_STRING_MAX + 1) / 4 + 1)

struct store {
    uint8_t *bytes;
    uint32_t used, capacity;      /* units of 4 bytes; unit 0 is never handed out */
    uint32_t vacant[STORE_SIZES]; /* by size in units: the first free one, which holds the next */
};

/* A reference, never 0; 0 = no memory. size <= STORE_STRING_MAX. */
uint32_t store_add(struct store *, slow_bytes);
/* Borrowed until the next store_add(). */
static inline slow_bytes store_get(const struct store *store, uint32_t reference) {
    const uint8_t *at = store->bytes + (size_t)reference * 4;
    return (slow_bytes){at + 1, at[0]};
}
void store_drop(struct store *, uint32_t reference); /* 0 is allowed */
void store_free(struct store *);
size_t store_memory(const struct store *); /* bytes */
#endif
