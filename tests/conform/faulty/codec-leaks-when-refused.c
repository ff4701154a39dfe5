/* create() gives back all but the instance when there is no timer for it. */
#include "right_codec.h"

static slow_status create(const slow_host *host, const void *config, void **self, slow_error *error) {
    right_codec *codec = calloc(1, sizeof *codec);
    (void)config;
    if (codec == NULL)
        return right_error(error, SLOW_E_NOMEM, "no memory for an instance");
    codec->host = host;
    codec->timer = host->timer_new(host, right_fired, codec);
    if (codec->timer == NULL)
        return right_error(error, SLOW_E_NOMEM, "no memory for a timer");
    *self = codec;
    return SLOW_OK;
}

RIGHT_CODEC(codec_leaks_when_refused, "codec-leaks-when-refused", create, right_destroy, right_encode, right_decode,
            right_peek, NULL, 0)
