/* Any messages from neighbours to a link state, with time and links going by between them: tests/support/
 * strategy_script.h has the input's form, and what must hold. Besides: no more junctions and links are kept than the
 * options allow. */
#include "plugins/routing-link-state/inspect.h"
#include "plugins/routing-link-state/message.h"
#include "tests/support/strategy_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const slow_module *slow_module_v1_routing_link_state(void);

enum { MAX_ORIGINS = 20, MAX_LINKS = 60 };

/* The plugin's options, in the order of its table. */
struct config {
    int64_t max_origins, max_links, break_rule;
};

static bool readable(slow_bytes message) {
    slow_reader in = slow_reader_of(message);
    struct ls_record record;
    while (ls_record_read(&in, &record))
        ;
    return slow_reader_ok(&in);
}

/* A neighbour finds room in any case. */
static void check(const slow_plugin *plugin, void *self, size_t destinations) {
    const ls_inspect *inspect = plugin->extension(self, LS_INSPECT_ID);
    script_must(inspect->origins(self) <= 1 + MAX_ORIGINS + SCRIPT_NEIGHBOURS);
    script_must(destinations <= 1 + MAX_ORIGINS + MAX_LINKS + SCRIPT_NEIGHBOURS);
    script_must(inspect->links(self) <= MAX_LINKS + SCRIPT_NEIGHBOURS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct config config = {.max_origins = MAX_ORIGINS, .max_links = MAX_LINKS};
    const script_strategy strategy = {.plugin = slow_module_v1_routing_link_state()->plugins[0],
                                      .config = &config,
                                      .config_size = sizeof config,
                                      .readable = readable,
                                      .check = check};
    script_play(&strategy, (slow_bytes){data, size});
    return 0;
}
