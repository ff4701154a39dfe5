/* From what stands in a file to a map, and look-ups in it.
 *
 * Real maps are never clean: the Topology Zoo has several nodes of one name, loops, and the same link twice. A loop or a
 * second link says nothing to a mesh (a neighbour is one, over however many links), so it is left out and counted. Of our
 * own JSON form a name that stands twice is a mistake, since a scenario could not say which of the two it means; GraphML,
 * which tells nodes apart by ids of their own, gets numbers behind such names. */
#include "topology_parts.h"
#include "core/log.h"
#include "core/option.h"
#include "text_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 64 << 20, PATH_BYTES = 4096 };
#define LATENCY_MAX_MS 60000.0

static void *need(void *memory) {
    if (memory == NULL)
        abort();
    return memory;
}

/* ---- making ---- */

sim_topology *sim_topology_new(const char *name, uint32_t nodes) {
    sim_topology *topology = need(calloc(1, sizeof *topology));
    topology->name = need(strdup(name));
    topology->nodes = need(calloc((size_t)nodes + 1, sizeof *topology->nodes));
    topology->node_count = nodes;
    return topology;
}

void sim_topology_free(sim_topology *topology) {
    if (topology == NULL)
        return;
    for (uint32_t i = 0; i < topology->node_count; i++)
        free(topology->nodes[i]);
    free(topology->nodes);
    free(topology->name);
    free(topology->links);
    free(topology->places);
    free(topology->index);
    free(topology);
}

void sim_topology_name(sim_topology *topology, uint32_t node, const char *name, size_t size) {
    char *copy = need(malloc(size + 1));
    for (size_t i = 0; i < size; i++)
        copy[i] = (unsigned char)name[i] < ' ' || name[i] == 0x7f ? '?' : name[i];
    copy[size] = '\0';
    free(topology->nodes[node]);
    topology->nodes[node] = copy;
}

static int by_name(const void *a, const void *b, void *nodes) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int order = strcmp(((char **)nodes)[x], ((char **)nodes)[y]);
    return order != 0 ? order : (x > y) - (x < y);
}

/* The nodes' numbers in the order of their names. */
static uint32_t *sorted_by_name(const sim_topology *topology) {
    uint32_t *order = need(malloc(((size_t)topology->node_count + 1) * sizeof *order));
    for (uint32_t i = 0; i < topology->node_count; i++)
        order[i] = i;
    qsort_r(order, topology->node_count, sizeof *order, by_name, topology->nodes);
    return order;
}

uint32_t sim_topology_twice(const sim_topology *topology) {
    uint32_t *order = sorted_by_name(topology), twice = UINT32_MAX;
    for (uint32_t i = 1; i < topology->node_count; i++)
        if (strcmp(topology->nodes[order[i - 1]], topology->nodes[order[i]]) == 0 && order[i] < twice)
            twice = order[i];
    free(order);
    return twice;
}

/* Of a name the first bytes that fit, whole characters only. */
static int whole_characters(const char *name, size_t most) {
    size_t size = strlen(name);
    if (size <= most)
        return (int)size;
    for (size = most; size > 0 && ((unsigned char)name[size] & 0xc0) == 0x80;)
        size--;
    return (int)size;
}

/* A name that was made so can be somebody else's: then once more. It grows each time, and one that has outgrown the
 * longest name is nobody's, so this ends. */
static bool name_doubles_apart(sim_topology *topology) {
    char name[SIM_NAME_MAX + 32];
    bool found = false;
    uint32_t *order = sorted_by_name(topology), first = 0;
    for (uint32_t i = 1; i < topology->node_count; i++) {
        if (strcmp(topology->nodes[order[first]], topology->nodes[order[i]]) != 0) {
            first = i;
            continue;
        }
        const char *old = topology->nodes[order[i]];
        int size = snprintf(name, sizeof name, "%.*s (%u)", whole_characters(old, SIM_NAME_MAX), old, order[i]);
        sim_topology_name(topology, order[i], name, (size_t)size);
        found = true;
    }
    free(order);
    return found;
}

void sim_topology_name_apart(sim_topology *topology) {
    char name[16];
    for (uint32_t i = 0; i < topology->node_count; i++)
        if (topology->nodes[i] == NULL || topology->nodes[i][0] == '\0') {
            int size = snprintf(name, sizeof name, "n%u", i);
            sim_topology_name(topology, i, name, (size_t)size);
        }
    while (name_doubles_apart(topology))
        continue;
}

bool sim_topology_latency(double latency_ms, slow_time *latency_ns) {
    if (!(latency_ms >= 0) || latency_ms > LATENCY_MAX_MS)
        return false;
    *latency_ns = (slow_time)(latency_ms * 1e6 + 0.5);
    if (*latency_ns < SIM_LATENCY_LEAST)
        *latency_ns = SIM_LATENCY_LEAST;
    return true;
}

/* ---- links by their ends ---- */

/* Where the link between the two stands in the index, or the free place where it would. */
static uint32_t index_find(const sim_topology *topology, uint32_t a, uint32_t b) {
    uint64_t key = a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
    uint32_t place = (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (topology->index_places - 1);
    for (;; place = (place + 1) & (topology->index_places - 1)) {
        if (topology->index[place] == 0)
            return place;
        const sim_topology_link *link = &topology->links[topology->index[place] - 1];
        if ((link->a == a && link->b == b) || (link->a == b && link->b == a))
            return place;
    }
}

static void index_grow(sim_topology *topology) {
    uint32_t places = topology->index_places == 0 ? 64 : topology->index_places * 2;
    free(topology->index);
    topology->index = need(calloc(places, sizeof *topology->index));
    topology->index_places = places;
    topology->links = need(realloc(topology->links, places / 2 * sizeof *topology->links));
    for (uint32_t i = 0; i < topology->link_count; i++)
        topology->index[index_find(topology, topology->links[i].a, topology->links[i].b)] = i + 1;
}

bool sim_topology_add(sim_topology *topology, uint32_t a, uint32_t b, slow_time latency_ns) {
    if (topology->link_count >= topology->index_places / 2)
        index_grow(topology);
    uint32_t place = index_find(topology, a, b);
    if (a == b || topology->index[place] != 0) {
        topology->left_out++;
        return false;
    }
    topology->links[topology->link_count++] = (sim_topology_link){.a = a, .b = b, .latency_ns = latency_ns};
    topology->index[place] = topology->link_count;
    return true;
}

uint32_t sim_topology_link_between(const sim_topology *topology, uint32_t a, uint32_t b) {
    if (topology->index_places == 0)
        return UINT32_MAX;
    uint32_t link = topology->index[index_find(topology, a, b)];
    return link == 0 ? UINT32_MAX : link - 1;
}

uint32_t sim_topology_node(const sim_topology *topology, const char *name) {
    char *end;
    for (uint32_t i = 0; i < topology->node_count; i++)
        if (strcmp(topology->nodes[i], name) == 0)
            return i;
    if (name[0] < '0' || name[0] > '9')
        return UINT32_MAX;
    unsigned long number = strtoul(name, &end, 10);
    return *end == '\0' && number < topology->node_count ? (uint32_t)number : UINT32_MAX;
}

/* ---- JSON ---- */

/* What stands there, for errors; a missing value is none. */
static const char *shown(const sl_json *value) {
    return value == NULL ? "missing" : sl_json_type_name(value);
}

static bool is_list(const sl_json *value) {
    return value != NULL && sl_json_type(value) == SL_JSON_ARRAY;
}

static slow_status read_nodes(const sl_json *value, const sl_json_at *at, const char *name, sim_topology **out,
                              slow_error *error) {
    size_t count = sl_json_count(value);
    if (!is_list(value) || count == 0)
        return sl_json_error(at, error, SLOW_E_INVAL, "is %s; expected a list of the nodes' names",
                             is_list(value) ? "empty" : shown(value));
    if (count > SIM_NODES_MAX)
        return sl_json_error(at, error, SLOW_E_TOOBIG, "are %zu nodes; expected %d at most", count, SIM_NODES_MAX);
    *out = sim_topology_new(name, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        const char *node = sl_json_string(sl_json_item(value, i));
        sl_json_at item = sl_json_at_index(at, i);
        if (node == NULL || strlen(node) > SIM_NAME_MAX)
            return sl_json_error(&item, error, SLOW_E_INVAL, "is %s; expected a name of %d bytes at most",
                                 node == NULL ? sl_json_type_name(sl_json_item(value, i)) : "too long", SIM_NAME_MAX);
        sim_topology_name(*out, (uint32_t)i, node, strlen(node));
    }
    uint32_t twice = sim_topology_twice(*out);
    if (twice == UINT32_MAX)
        return SLOW_OK;
    sl_json_at item = sl_json_at_index(at, twice);
    return sl_json_error(&item, error, SLOW_E_INVAL, "\"%s\" is there twice; expected each name once",
                         (*out)->nodes[twice]);
}

/* An end of a link: a node's number or its name. */
static slow_status read_end(const sim_topology *topology, const sl_json *value, const sl_json_at *at, uint32_t *node,
                            slow_error *error) {
    const char *name = sl_json_string(value);
    int64_t number = sl_json_integer(value);
    *node = UINT32_MAX;
    if (name != NULL)
        *node = sim_topology_node(topology, name);
    else if (sl_json_type(value) == SL_JSON_INTEGER && number >= 0 && number < topology->node_count)
        *node = (uint32_t)number;
    if (*node != UINT32_MAX)
        return SLOW_OK;
    return sl_json_error(at, error, SLOW_E_INVAL, "is no node; expected a name from \"nodes\", or a number, 0..%u",
                         topology->node_count - 1);
}

static slow_status read_link(sim_topology *topology, const sl_json *value, const sl_json_at *at, slow_error *error) {
    slow_time latency_ns = SIM_LATENCY_DEFAULT;
    uint32_t ends[2];
    size_t count = sl_json_count(value);
    if (!is_list(value) || count < 2 || count > 3)
        return sl_json_error(at, error, SLOW_E_INVAL, "is %s; expected [A, B, MILLISECONDS or null]",
                             is_list(value) ? "a list of another length" : shown(value));
    for (size_t i = 0; i < 2; i++) {
        sl_json_at end_at = sl_json_at_index(at, i);
        slow_status status = read_end(topology, sl_json_item(value, i), &end_at, &ends[i], error);
        if (status != SLOW_OK)
            return status;
    }
    const sl_json *latency = sl_json_item(value, 2);
    sl_json_at latency_at = sl_json_at_index(at, 2);
    enum sl_json_type type = latency == NULL ? SL_JSON_NULL : sl_json_type(latency);
    if (type != SL_JSON_NULL && ((type != SL_JSON_INTEGER && type != SL_JSON_REAL) ||
                                 !sim_topology_latency(sl_json_number(latency), &latency_ns)))
        return sl_json_error(&latency_at, error, SLOW_E_INVAL, "is no latency; expected milliseconds, 0..%.0f, or null",
                             LATENCY_MAX_MS);
    sim_topology_add(topology, ends[0], ends[1], latency_ns);
    return SLOW_OK;
}

static slow_status read_links(sim_topology *topology, const sl_json *value, const sl_json_at *at, slow_error *error) {
    slow_status status = SLOW_OK;
    if (!is_list(value) || sl_json_count(value) > SIM_LINKS_MAX)
        return sl_json_error(at, error, SLOW_E_INVAL,
                             "is %s; expected a list of [A, B, MILLISECONDS or null], %d of them at most",
                             is_list(value) ? "too long" : shown(value), SIM_LINKS_MAX);
    for (size_t i = 0; i < sl_json_count(value) && status == SLOW_OK; i++) {
        sl_json_at item = sl_json_at_index(at, i);
        status = read_link(topology, sl_json_item(value, i), &item, error);
    }
    return status;
}

static slow_status read_places(sim_topology *topology, const sl_json *value, const sl_json_at *at, slow_error *error) {
    if (value == NULL)
        return SLOW_OK;
    if (!is_list(value) || sl_json_count(value) != topology->node_count)
        return sl_json_error(at, error, SLOW_E_INVAL, "is wrong; expected an [x, y] for each of the %u nodes",
                             topology->node_count);
    topology->places = need(calloc(topology->node_count, sizeof *topology->places));
    for (uint32_t i = 0; i < topology->node_count; i++) {
        sl_json_at item = sl_json_at_index(at, i);
        for (size_t k = 0; k < 2; k++) {
            double number = sl_json_number(sl_json_item(sl_json_item(value, i), k));
            if (sl_json_count(sl_json_item(value, i)) != 2 || !(number >= 0 && number <= 1))
                return sl_json_error(&item, error, SLOW_E_INVAL, "is wrong; expected [x, y], each 0..1");
            topology->places[i][k] = (float)number;
        }
    }
    return SLOW_OK;
}

static slow_status read_object(const sl_json *value, const sl_json_at *at, sim_topology **out, slow_error *error) {
    static const char *const keys[] = {"name", "source", "about", "nodes", "links", "places", NULL};
    const char *name = sl_json_string(sl_json_get(value, "name"));
    sl_json_at nodes = sl_json_at_key(at, "nodes"), links = sl_json_at_key(at, "links"),
               places = sl_json_at_key(at, "places");
    if (sl_json_get(value, "topology") != NULL)
        return sl_json_error(
            at, error, SLOW_E_INVAL,
            "is a scenario; expected a topology, of \"nodes\" and \"links\" (slow-sim run plays scenarios)");
    slow_status status = sl_option_check_keys(NULL, keys, value, at, error);
    if (status == SLOW_OK)
        status = read_nodes(sl_json_get(value, "nodes"), &nodes, name != NULL ? name : "inline", out, error);
    if (status == SLOW_OK)
        status = read_links(*out, sl_json_get(value, "links"), &links, error);
    if (status == SLOW_OK)
        status = read_places(*out, sl_json_get(value, "places"), &places, error);
    if (status == SLOW_OK)
        return SLOW_OK;
    sim_topology_free(*out);
    *out = NULL;
    return status;
}

void sim_topology_write(const sim_topology *topology, sl_json_writer *w) {
    char number[64];
    sl_json_begin(w, '{');
    sl_json_key(w, "name");
    sl_json_put_string(w, topology->name);
    sl_json_key(w, "nodes");
    sl_json_begin(w, '[');
    for (uint32_t i = 0; i < topology->node_count; i++)
        sl_json_put_string(w, topology->nodes[i]);
    sl_json_end(w, ']');
    sl_json_key(w, "links");
    sl_json_begin(w, '[');
    for (uint32_t i = 0; i < topology->link_count; i++) {
        const sim_topology_link *link = &topology->links[i];
        int size = snprintf(number, sizeof number, "[%u,%u,%.6f]", link->a, link->b, (double)link->latency_ns / 1e6);
        sl_json_put_raw(w, number, (size_t)size);
    }
    sl_json_end(w, ']');
    if (topology->places != NULL) {
        sl_json_key(w, "places");
        sl_json_begin(w, '[');
        for (uint32_t i = 0; i < topology->node_count; i++) {
            int size = snprintf(number, sizeof number, "[%.5f,%.5f]", (double)topology->places[i][0],
                                (double)topology->places[i][1]);
            sl_json_put_raw(w, number, (size_t)size);
        }
        sl_json_end(w, ']');
    }
    sl_json_end(w, '}');
}

/* ---- files ---- */

static bool ends_with(const char *text, const char *end) {
    size_t size = strlen(text), end_size = strlen(end);
    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static bool is_graphml(const char *path) {
    return ends_with(path, ".graphml") || ends_with(path, ".xml");
}

static bool is_file(const char *what) {
    return strchr(what, '/') != NULL || ends_with(what, ".json") || is_graphml(what);
}

static slow_status read_text(const sl_json_text *text, sim_topology **out, slow_error *error) {
    sl_json_at at = sl_json_at_root(text);
    sl_json *root = sl_json_parse(text, error);
    if (root == NULL)
        return SLOW_E_INVAL;
    slow_status status =
        sl_json_type(root) == SL_JSON_OBJECT
            ? read_object(root, &at, out, error)
            : sl_json_error(&at, error, SLOW_E_INVAL, "is %s; expected an object with \"nodes\" and \"links\"",
                            sl_json_type_name(root));
    sl_json_free(root);
    return status;
}

static slow_status open_file(const char *path, sim_topology **out, slow_error *error) {
    char *text = NULL;
    size_t size = 0;
    slow_status status = sim_text_read(path, TEXT_MAX, "a topology", &text, &size, error);
    if (status == SLOW_OK) {
        const sl_json_text source = {.name = path, .text = text, .size = size};
        status = is_graphml(path) ? sim_graphml_read(path, text, size, out, error) : read_text(&source, out, error);
    }
    free(text);
    return status;
}

slow_status sim_topology_open(const char *what, uint64_t seed, sim_topology **out, slow_error *error) {
    *out = NULL;
    return is_file(what) ? open_file(what, out, error) : sim_topology_make(what, seed, out, error);
}

slow_status sim_topology_read(const sl_json *value, const sl_json_at *at, const char *folder, uint64_t seed,
                              sim_topology **out, slow_error *error) {
    const char *what = sl_json_string(value);
    char path[PATH_BYTES];
    slow_error inner = {.code = SLOW_OK};
    *out = NULL;
    if (value != NULL && sl_json_type(value) == SL_JSON_OBJECT)
        return read_object(value, at, out, error);
    if (what == NULL)
        return sl_json_error(at, error, SLOW_E_INVAL,
                             "is %s; expected a file, a line such as \"ring:8\", or an object with \"nodes\"",
                             shown(value));
    bool relative = is_file(what) && what[0] != '/' && folder != NULL;
    if (snprintf(path, sizeof path, "%s%s%s", relative ? folder : "", relative ? "/" : "", what) >= PATH_BYTES)
        return sl_json_error(at, error, SLOW_E_TOOBIG, "is too long for a file's name");
    slow_status status = sim_topology_open(path, seed, out, &inner);
    return status == SLOW_OK ? SLOW_OK : sl_json_error(at, error, status, "%s", inner.text);
}
