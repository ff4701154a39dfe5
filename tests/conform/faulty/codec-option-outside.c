/* A member was taken out of the config struct, and its option stayed in the table. */
#include "right_codec.h"

typedef struct config {
    bool compact;
} config;

static const slow_option options[] = {
    {.key = "compact", .type = SLOW_OPT_BOOL, .offset = offsetof(config, compact), .help = "for show"},
    {.key = "level", .type = SLOW_OPT_INT, .offset = 8, .default_text = "3", .min = 1, .max = 9, .help = "for show"},
    {.key = NULL},
};

RIGHT_CODEC(codec_option_outside, "codec-option-outside", right_create, right_destroy, right_encode, right_decode,
            right_peek, options, sizeof(config))
