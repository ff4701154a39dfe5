/* mute.c - routing-mute: chooses for each package, and chooses nobody. Nothing ever arrives, and slow-sim has to say so. */
#include <slow/plugin.h>
#include <slow/routing.h>
#include <stdlib.h>

static slow_status create(const slow_host *host, const void *config, void **self, slow_error *error) {
    static char nothing;
    (void)host, (void)config, (void)error;
    *self = &nothing;
    return SLOW_OK;
}

static void destroy(void *self) {
    (void)self;
}

static void neighbour(void *self, const slow_neighbour *of) {
    (void)self, (void)of;
}

static void lost(void *self, slow_link link) {
    (void)self, (void)link;
}

static size_t choose(void *self, slow_bytes package, const slow_route_view *view, slow_link in, slow_link *out,
                     size_t n) {
    (void)self, (void)package, (void)view, (void)in, (void)out, (void)n;
    return 0;
}

static const slow_routing_ops ops = {
    .struct_size = sizeof ops,
    .protocol = "mute/1",
    .neighbour_up = neighbour,
    .neighbour_changed = neighbour,
    .neighbour_down = lost,
    .choose = choose,
};

static const slow_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = SLOW_ROUTING,
    .id = "routing-mute",
    .version = "1.0.0",
    .summary = "Sends nothing on; for tests",
    .license = "MIT",
    .create = create,
    .destroy = destroy,
    .ops = &ops,
};

static const slow_plugin *const plugins[] = {&plugin, NULL};
static const slow_module module = {
    .struct_size = sizeof module,
    .abi_major = SLOW_ABI_MAJOR,
    .abi_minor_required = SLOW_ABI_MINOR,
    .build = __VERSION__,
    .plugins = plugins,
};

SLOW_MODULE(routing_mute, &module)
