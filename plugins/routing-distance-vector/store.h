/* store.h - short strings of bytes (ids, proofs), packed in one growing block.
 *
 * A slow_id is 64 bytes and the usual id has 8 characters; a thousand junctions in one simulator hold a million of
 * them. malloc() would take 32 bytes each and a pointer. Here a string takes its size + 1, rounded up to 4, and is
 * named by a 32-bit reference; what is freed goes on a list of its size and is handed out again. */
#ifndef DV_STORE_H
#define DV_STORE_H
#include <slow/base.h>

#define DV_STRING_MAX 255u
#define DV_STORE_SIZES ((DV_STRING_MAX + 1) / 4 + 1)

struct dv_store {
    uint8_t *bytes;
    uint32_t used, capacity;         /* units of 4 bytes; unit 0 is never handed out */
    uint32_t vacant[DV_STORE_SIZES]; /* by size in units: the first free one, which holds the next */
};

/* A reference, never 0; 0 = no memory. size <= DV_STRING_MAX. */
uint32_t dv_store_add(struct dv_store *, slow_bytes);
/* Borrowed until the next dv_store_add(). */
slow_bytes dv_store_get(const struct dv_store *, uint32_t reference);
void dv_store_drop(struct dv_store *, uint32_t reference); /* 0 is allowed */
void dv_store_free(struct dv_store *);
size_t dv_store_memory(const struct dv_store *); /* bytes */
#endif
