/* Keeps the contract: leave() writes to where a start() that was well has made room. */
#include "right_codec.h"

static slow_status start(void *self, slow_error *error) {
    right_codec *codec = self;
    free(codec->notes);
    codec->notes = malloc(RIGHT_NOTES);
    return codec->notes != NULL ? SLOW_OK : right_error(error, SLOW_E_NOMEM, "no memory for notes");
}

static void leave(void *self) {
    right_codec *codec = self;
    memcpy(codec->notes, "goodbye", 8);
}

static const slow_codec_ops ops = {
    .struct_size = sizeof ops,
    .name = "right",
    .media_type = "application/octet-stream",
    .encode = right_encode,
    .decode = right_decode,
    .peek = right_peek,
    .advance = right_advance,
};
static const slow_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = SLOW_CODEC,
    .id = "codec-says-goodbye",
    .version = "1.0.0",
    .summary = "a codec for the tests of slow-conform",
    .license = "MIT",
    .create = right_create,
    .start = start,
    .leave = leave,
    .destroy = right_destroy,
    .ops = &ops,
};
static const slow_plugin *const plugins[] = {&plugin, NULL};
static const slow_module module = {
    .struct_size = sizeof module, .abi_major = SLOW_ABI_MAJOR, .build = "test", .plugins = plugins};

SLOW_MODULE(codec_says_goodbye, &module)
