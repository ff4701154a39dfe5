/* destroy() frees its memory and forgets its timer. */
#include "right_codec.h"

static void destroy(void *self) {
    right_codec *codec = self;
    free(codec->notes);
    free(codec);
}

RIGHT_CODEC(codec_leaks_timer, "codec-leaks-timer", right_create, destroy, right_encode, right_decode, right_peek, NULL,
            0)
