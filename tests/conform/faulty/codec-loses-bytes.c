/* The last byte of a payload of full length does not arrive. */
#include "right_codec.h"

static slow_status decode(void *self, slow_bytes in, slow_arena *arena, slow_package *out) {
    slow_status status = right_decode(self, in, arena, out);
    if (status == SLOW_OK && out->payload.size == SLOW_PAYLOAD_MAX)
        out->payload.size--;
    return status;
}

RIGHT_CODEC(codec_loses_bytes, "codec-loses-bytes", right_create, right_destroy, right_encode, decode, right_peek, NULL,
            0)
