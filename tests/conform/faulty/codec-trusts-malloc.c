/* Does not ask whether malloc() gave anything. */
#include "right_codec.h"

static slow_status create(const slow_host *host, const void *config, void **self, slow_error *error) {
    slow_status status = right_create(host, config, self, error);
    if (status != SLOW_OK)
        return status;
    right_codec *codec = *self;
    free(codec->notes);
    codec->notes = malloc(2 * RIGHT_NOTES);
    *(volatile char *)codec->notes = '\0';
    return SLOW_OK;
}

RIGHT_CODEC(codec_trusts_malloc, "codec-trusts-malloc", create, right_destroy, right_encode, right_decode, right_peek,
            NULL, 0)
