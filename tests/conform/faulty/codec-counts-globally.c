/* Counts what it encodes, for all instances of a process together. */
#include "right_codec.h"

static uint64_t packages_encoded;

static slow_status encode(void *self, const slow_package *p, uint8_t *out, size_t capacity, size_t *size) {
    slow_status status = right_encode(self, p, out, capacity, size);
    __atomic_add_fetch(&packages_encoded, status == SLOW_OK, __ATOMIC_RELAXED);
    return status;
}

RIGHT_CODEC(codec_counts_globally, "codec-counts-globally", right_create, right_destroy, encode, right_decode,
            right_peek, NULL, 0)
