/* Any messages from neighbours to a distance vector, with time and links going by between them: tests/support/
 * strategy_script.h has the input's form, and what must hold. Besides: no more destinations are kept than the options
 * allow. */
#include "plugins/routing-distance-vector/message.h"
#include "tests/support/strategy_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const slow_module *slow_module_v1_routing_distance_vector(void);

enum { MAX_ORIGINS = 20 };

/* The plugin's options, in the order of its table. */
struct config {
    int64_t max_origins, break_rule;
};

static bool readable(slow_bytes message) {
    slow_reader in = slow_reader_of(message);
    struct dv_record record;
    while (dv_record_read(&in, &record))
        ;
    return slow_reader_ok(&in);
}

static void check(const slow_plugin *plugin, void *self, size_t destinations) {
    (void)plugin;
    (void)self;
    script_must(destinations <= 1 + MAX_ORIGINS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct config config = {.max_origins = MAX_ORIGINS};
    const script_strategy strategy = {.plugin = slow_module_v1_routing_distance_vector()->plugins[0],
                                      .config = &config,
                                      .config_size = sizeof config,
                                      .readable = readable,
                                      .check = check};
    script_play(&strategy, (slow_bytes){data, size});
    return 0;
}
