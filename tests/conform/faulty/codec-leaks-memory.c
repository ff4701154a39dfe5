/* destroy() frees the instance and forgets what it holds. */
#include "right_codec.h"

static void destroy(void *self) {
    right_codec *codec = self;
    codec->host->timer_free(codec->timer);
    free(codec);
}

RIGHT_CODEC(codec_leaks_memory, "codec-leaks-memory", right_create, destroy, right_encode, right_decode, right_peek,
            NULL, 0)
