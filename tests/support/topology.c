/* topology.c - see topology.h. */
#include "topology.h"
#include "core/json.h"
#include "core/loop.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define LATENCY_LEAST_US 500u
#define LATENCY_DEFAULT_US 5000u

static void topology_init(topology *graph, const char *name, uint32_t nodes, uint32_t room) {
    *graph = (topology){.node_count = nodes};
    snprintf(graph->name, sizeof graph->name, "%s", name);
    graph->edges = calloc(room, sizeof *graph->edges);
    assert_non_null(graph->edges);
}

static void edge_add(topology *graph, uint32_t a, uint32_t b, uint32_t latency_us) {
    for (uint32_t i = 0; i < graph->edge_count; i++)
        if ((graph->edges[i].a == a && graph->edges[i].b == b) || (graph->edges[i].a == b && graph->edges[i].b == a))
            return;
    if (a != b)
        graph->edges[graph->edge_count++] = (topology_edge){.a = a, .b = b, .latency_us = latency_us};
}

void topology_ring(topology *graph, uint32_t nodes) {
    topology_init(graph, "ring", nodes, nodes);
    for (uint32_t i = 0; i < nodes; i++)
        edge_add(graph, i, (i + 1) % nodes, LATENCY_DEFAULT_US);
}

void topology_grid(topology *graph, uint32_t width, uint32_t height) {
    topology_init(graph, "grid", width * height, 2 * width * height);
    for (uint32_t i = 0; i < width * height; i++) {
        if (i % width + 1 < width)
            edge_add(graph, i, i + 1, LATENCY_DEFAULT_US);
        if (i + width < width * height)
            edge_add(graph, i, i + width, LATENCY_DEFAULT_US);
    }
}

void topology_random(topology *graph, uint32_t nodes, uint32_t degree, uint64_t seed) {
    topology_init(graph, "random", nodes, nodes * degree);
    for (uint32_t i = 1; i < nodes; i++) {
        uint32_t parent = (uint32_t)(sl_splitmix(&seed) % i);
        edge_add(graph, parent, i, 1000 + (uint32_t)(sl_splitmix(&seed) % 190) * 100);
    }
    for (uint32_t i = nodes; i < nodes * degree / 2; i++) {
        uint32_t a = (uint32_t)(sl_splitmix(&seed) % nodes), b = (uint32_t)(sl_splitmix(&seed) % nodes);
        edge_add(graph, a, b, 1000 + (uint32_t)(sl_splitmix(&seed) % 190) * 100);
    }
}

void topology_star(topology *graph, uint32_t leaves) {
    topology_init(graph, "star", leaves + 1, leaves);
    for (uint32_t i = 1; i <= leaves; i++)
        edge_add(graph, 0, i, LATENCY_DEFAULT_US);
}

static char *file_read(const char *name, size_t *size) {
    char path[512];
    const char *data = getenv("SLOW_TESTDATA");
    snprintf(path, sizeof path, "%s/topologies/%s.json", data == NULL ? "" : data, name);
    FILE *file = data == NULL ? NULL : fopen(path, "rb");
    if (file == NULL) {
        print_message("SKIPPED: SLOW_TESTDATA has no topologies/%s.json: nothing was tested on it\n", name);
        skip();
    }
    char *text = malloc(1 << 20);
    assert_non_null(text);
    *size = fread(text, 1, 1 << 20, file);
    fclose(file);
    return text;
}

void topology_load(topology *graph, const char *name) {
    size_t size;
    char *text = file_read(name, &size);
    slow_error error = {.code = SLOW_OK};
    sl_json *file = sl_json_parse(&(sl_json_text){.name = name, .text = text, .size = size}, &error);
    if (file == NULL)
        fail_msg("%s", error.text);
    const sl_json *links = sl_json_get(file, "links");
    topology_init(graph, name, (uint32_t)sl_json_count(sl_json_get(file, "nodes")), (uint32_t)sl_json_count(links));
    for (size_t i = 0; i < sl_json_count(links); i++) {
        const sl_json *link = sl_json_item(links, i), *ms = sl_json_item(link, 2);
        double us = sl_json_type(ms) == SL_JSON_NULL ? LATENCY_DEFAULT_US : sl_json_number(ms) * 1000 + 0.5;
        edge_add(graph, (uint32_t)sl_json_integer(sl_json_item(link, 0)),
                 (uint32_t)sl_json_integer(sl_json_item(link, 1)),
                 us < LATENCY_LEAST_US ? LATENCY_LEAST_US : (uint32_t)us);
    }
    sl_json_free(file);
    free(text);
}

void topology_free(topology *graph) {
    free(graph->edges);
}
