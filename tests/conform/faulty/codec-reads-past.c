/* Looks for the first byte of a next package before it has asked whether there is one. */
#include "right_codec.h"

static slow_status decode(void *self, slow_bytes in, slow_arena *arena, slow_package *out) {
    bool another = *(const volatile uint8_t *)(in.data + in.size) == RIGHT_MAGIC;
    slow_status status = right_decode(self, in, arena, out);
    return status == SLOW_OK || another ? status : SLOW_E_MALFORMED;
}

RIGHT_CODEC(codec_reads_past, "codec-reads-past", right_create, right_destroy, right_encode, decode, right_peek, NULL,
            0)
