/* A codec that encodes nothing: what counts is its tables, of which each build makes one thing wrong. */
#include <slow/codec.h>

#ifndef MODULE_MAJOR
#define MODULE_MAJOR SLOW_ABI_MAJOR
#endif
#ifndef MODULE_MINOR
#define MODULE_MINOR SLOW_ABI_MINOR
#endif
#ifndef OPS_SIZE
#define OPS_SIZE sizeof(slow_codec_ops)
#endif
#ifndef MODULE_SIZE
#define MODULE_SIZE sizeof(slow_module)
#endif

static slow_status create(const slow_host *host, const void *config, void **self, slow_error *error) {
    (void)config;
    (void)error;
    *self = (void *)(uintptr_t)host;
    return SLOW_OK;
}

static void destroy(void *self) {
    (void)self;
}

static const slow_codec_ops ops = {.struct_size = OPS_SIZE, .name = "good", .media_type = "application/octet-stream"};
static const slow_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = SLOW_CODEC,
    .id = PLUGIN_ID,
    .version = "1.0.0",
    .summary = "A codec for the test of modules",
    .license = "MIT",
    .create = create,
    .destroy = destroy,
    .ops = &ops,
};
static const slow_plugin *const plugins[] = {&plugin, NULL};
static const slow_module module = {
    .struct_size = MODULE_SIZE,
    .abi_major = MODULE_MAJOR,
    .abi_minor_required = MODULE_MINOR,
    .build = __VERSION__,
    .plugins = plugins,
};

SLOW_MODULE(good, &module)
