#include "security_host.h"

/* splitmix64 (Steele, Lea and Flood, 2014). */
uint64_t suite_draw(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void host_entropy(const slow_host *host, void *out, size_t size) {
    suite_host *h = host->host_data;
    uint8_t *bytes = out;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)suite_draw(&h->seed);
}

static uint64_t host_random(const slow_host *host) {
    return suite_draw(&((suite_host *)host->host_data)->seed);
}

static slow_time host_now(const slow_host *host) {
    (void)host;
    return 1;
}

static void host_log(const slow_host *host, int level, const char *text) {
    (void)host;
    (void)level;
    (void)text;
}

static const void *host_service(const slow_host *host, const char *id) {
    (void)host;
    (void)id;
    return NULL;
}

void suite_host_begin(suite_host *h, uint64_t seed) {
    *h = (suite_host){.seed = seed};
    h->host = (slow_host){.struct_size = sizeof h->host,
                          .abi_major = SLOW_ABI_MAJOR,
                          .abi_minor = SLOW_ABI_MINOR,
                          .host_data = h,
                          .now = host_now,
                          .random = host_random,
                          .log = host_log,
                          .entropy = host_entropy,
                          .service = host_service};
}

slow_status suite_end_begin(suite_end *end, const slow_plugin *plugin, const void *config, uint64_t seed,
                            slow_error *error) {
    *end = (suite_end){.plugin = plugin, .ops = plugin->ops};
    suite_host_begin(&end->host, seed);
    return plugin->create(&end->host.host, config, &end->self, error);
}

void suite_end_free(suite_end *end) {
    if (end->plugin->stop != NULL)
        end->plugin->stop(end->self);
    end->plugin->destroy(end->self);
}
