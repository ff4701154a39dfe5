/* peek() takes the priority for a number of four bits: it is of two junctions' minds where decode() is of one. */
#include "right_codec.h"

static slow_status peek(void *self, slow_bytes in, slow_route_view *out) {
    slow_status status = right_peek(self, in, out);
    if (status == SLOW_OK)
        out->priority &= 7;
    return status;
}

RIGHT_CODEC(codec_peeks_differently, "codec-peeks-differently", right_create, right_destroy, right_encode, right_decode,
            peek, NULL, 0)
