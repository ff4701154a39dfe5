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
#ifndef WITHOUT_DECODE
#define WITHOUT_DECODE 0
#endif
#ifndef WITHOUT_PEEK
#define WITHOUT_PEEK 0 /* half of the fast path */
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

static slow_status encode(void *self, const slow_package *package, uint8_t *out, size_t capacity, size_t *size) {
    (void)self;
    (void)package;
    (void)out;
    (void)capacity;
    *size = 0;
    return SLOW_E_INVAL;
}

static slow_status decode(void *self, slow_bytes in, slow_arena *arena, slow_package *out) {
    (void)self;
    (void)in;
    (void)arena;
    (void)out;
    return SLOW_E_MALFORMED;
}

static void advance(void *self, uint8_t *package, size_t size, const slow_route_view *view) {
    (void)self;
    (void)package;
    (void)size;
    (void)view;
}

static const slow_codec_ops ops = {.struct_size = OPS_SIZE,
                                   .name = "good",
                                   .media_type = "application/octet-stream",
                                   .encode = encode,
                                   .decode = WITHOUT_DECODE ? NULL : decode,
                                   .advance = WITHOUT_PEEK ? advance : NULL};
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
