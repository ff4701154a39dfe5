/* Any bytes as a scenario. It is its author's, not a stranger's, but the reader must never crash on one, must always say
 * what is wrong, and what it took it must be able to write and take again: traces are made so. */
#include "sim/scenario.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static sim_scenario *taken(const char *text, size_t size) {
    const sl_json_text source = {.name = "fuzz", .text = text, .size = size};
    sim_scenario *scenario = NULL;
    slow_error error = {.text = ""};
    slow_status status = sim_scenario_parse(&source, "/nonexistent", NULL, &scenario, &error);
    if (status == SLOW_OK ? scenario == NULL
                          : scenario != NULL || error.text[0] == '\0' || strpbrk(error.text, "\r\n") != NULL)
        abort();
    return scenario;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t written_size;
    sim_scenario *scenario = taken((const char *)data, size);
    if (scenario == NULL)
        return 0;
    char *written = sim_scenario_write(scenario, scenario->actions, scenario->action_count, &written_size);
    sim_scenario *again = taken(written, written_size);
    if (again == NULL)
        abort();
    sim_scenario_free(again);
    sim_scenario_free(scenario);
    free(written);
    return 0;
}
