/* mute.c - two strategies that are wrong, and slow-sim has to say so. routing-mute chooses for each package, and chooses
 * nobody: nothing ever arrives. routing-hoarder is the same, and for nothing at all holds more memory than any strategy
 * may. */
#include <slow/inspect.h>
#include <slow/plugin.h>
#include <slow/routing.h>
#include <string.h>

static slow_status create(const slow_host *host, const void *config, void **self, slow_error *error) {
    static const char nothing = 0; /* there is no state, and self is not NULL */
    (void)host, (void)config, (void)error;
    *self = (void *)&nothing;
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

static size_t none(const void *self) {
    (void)self;
    return 0;
}

static size_t hoard(const void *self) {
    (void)self;
    return HOARDED_BYTES;
}

static const slow_routing_inspect inspection = {
    .struct_size = sizeof inspection,
    .memory = hoard,
    .destinations = none,
    .pending = none,
};

static const void *extension(void *self, const char *id) {
    (void)self;
    return strcmp(id, SLOW_ROUTING_INSPECT_ID) == 0 ? &inspection : NULL;
}

static const slow_routing_ops ops = {
    .struct_size = sizeof ops,
    .protocol = PLUGIN_ID "/1",
    .neighbour_up = neighbour,
    .neighbour_changed = neighbour,
    .neighbour_down = lost,
    .choose = choose,
};

static const slow_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = SLOW_ROUTING,
    .id = "routing-" PLUGIN_ID,
    .version = "1.0.0",
    .summary = "Sends nothing on; for tests",
    .license = "MIT",
    .create = create,
    .destroy = destroy,
    .extension = extension,
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

SLOW_MODULE(routing_useless, &module)
