/* Any bytes as a map: GraphML where they begin as XML does, else our own form. What was read must be whole, and must be read
 * again from what is written of it. */
#include "sim/topology_parts.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static slow_status read_json(const char *text, size_t size, sim_topology **topology, slow_error *error) {
    const sl_json_text source = {.name = "fuzz", .text = text, .size = size};
    sl_json_at at = sl_json_at_root(&source);
    *topology = NULL;
    sl_json *value = sl_json_parse(&source, error);
    slow_status status =
        value == NULL ? SLOW_E_INVAL : sim_topology_read(value, &at, "/nonexistent", 1, topology, error);
    sl_json_free(value);
    return status;
}

static void check(const sim_topology *topology) {
    for (uint32_t i = 0; i < topology->link_count; i++) {
        const sim_topology_link *link = &topology->links[i];
        if (link->a >= topology->node_count || link->b >= topology->node_count || link->a == link->b ||
            link->latency_ns < SIM_LATENCY_LEAST || sim_topology_link_between(topology, link->b, link->a) != i)
            abort();
    }
    if (sim_topology_twice(topology) != UINT32_MAX)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sim_topology *topology = NULL, *again = NULL;
    slow_error error = {.text = ""};
    const char *text = (const char *)data;
    slow_status status = size > 0 && text[0] == '<' ? sim_graphml_read("fuzz", text, size, &topology, &error)
                                                    : read_json(text, size, &topology, &error);
    if (status != SLOW_OK) {
        if (topology != NULL || error.text[0] == '\0' || strpbrk(error.text, "\r\n") != NULL)
            abort();
        return 0;
    }
    sl_json_writer w = {0};
    size_t written_size;
    check(topology);
    sim_topology_write(topology, &w);
    char *written = sl_json_take(&w, &written_size);
    if (written == NULL || read_json(written, written_size, &again, &error) != SLOW_OK ||
        again->node_count != topology->node_count || again->link_count != topology->link_count)
        abort();
    sim_topology_free(topology);
    sim_topology_free(again);
    free(written);
    return 0;
}
