/* GraphML, as the Internet Topology Zoo has it (http://graphml.graphdrawing.org; Knight et al., The Internet Topology Zoo,
 * IEEE JSAC 29, 2011), and as most graph tools write it.
 *
 *   <key id="d33" for="node" attr.name="Longitude" .../>       the names of the data below
 *   <node id="0"><data key="d33">-74.0</data> ...</node>       "label", "Longitude", "Latitude"
 *   <edge source="0" target="1"><data key="d40">5.7</data></edge>   "latency", "delay" or "weight": milliseconds
 *
 * A link that has no figure of its own takes the way of light in fibre over the great circle between its ends, 200 km a
 * millisecond, where both have a place, as the researchers who use the Zoo do; else it is as one without a latency.
 *
 * XML is a format with a program in it: an entity that is made of ten others, each of ten others, fills any memory (the
 * "billion laughs"), and an external one reads files. A map needs neither, so a text that declares an entity is refused as
 * soon as it does, and expat is never given a way to open anything. Depth and number of elements have limits too. */
#include "core/log.h"
#include "topology_parts.h"
#include <expat.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32, KEYS_MAX = 256, WORD_MAX = SIM_NAME_MAX };
#define KM_PER_MS 200.0
#define EARTH_KM 6371.0

/* What a piece of data means to us. */
enum meaning { NOTHING, LABEL, LONGITUDE, LATITUDE, LATENCY };

typedef struct key {
    char id[32];
    enum meaning meaning;
} key;

typedef struct vertex {
    char *id, *label;
    double longitude, latitude; /* NAN = not said */
} vertex;

typedef struct edge {
    char *source, *target;
    double latency_ms; /* NAN = not said */
} edge;

typedef struct reader {
    XML_Parser parser;
    const char *name; /* the file's */
    slow_error *error;
    slow_status status;
    key keys[KEYS_MAX];
    uint32_t key_count, depth, node_count, edge_count, node_capacity, edge_capacity;
    vertex *nodes;
    edge *edges;
    char *graph_label;
    enum { IN_GRAPH, IN_NODE, IN_EDGE } within;
    enum meaning data; /* of the <data> that is open */
    char word[WORD_MAX + 1];
    size_t word_size;
} reader;

static void *need(void *memory) {
    if (memory == NULL)
        abort();
    return memory;
}

__attribute__((format(printf, 2, 3))) static void refuse(reader *r, const char *format, ...) {
    char why[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    if (r->status != SLOW_OK)
        return;
    for (char *c = why; *c != '\0'; c++)
        if ((unsigned char)*c < ' ')
            *c = '?';
    r->status = sl_error(r->error, SLOW_E_INVAL, r->name, "%s:%lu: %s", r->name,
                         (unsigned long)XML_GetCurrentLineNumber(r->parser), why);
    XML_StopParser(r->parser, XML_FALSE);
}

/* ---- elements ---- */

static const char *attribute(const char **attributes, const char *name) {
    for (; attributes[0] != NULL; attributes += 2)
        if (strcmp(attributes[0], name) == 0)
            return attributes[1];
    return NULL;
}

static enum meaning meaning_of(const char *name, const char *whose) {
    static const struct {
        const char *name, *whose;
        enum meaning meaning;
    } known[] = {
        {"label", "node", LABEL},         {"label", "graph", LABEL},      {"Network", "graph", LABEL},
        {"Longitude", "node", LONGITUDE}, {"Latitude", "node", LATITUDE}, {"latency", "edge", LATENCY},
        {"delay", "edge", LATENCY},       {"weight", "edge", LATENCY},
    };
    for (size_t i = 0; name != NULL && i < sizeof known / sizeof known[0]; i++)
        if (strcasecmp(name, known[i].name) == 0 &&
            (whose == NULL || strcmp(whose, known[i].whose) == 0 || strcmp(whose, "all") == 0))
            return known[i].meaning;
    return NOTHING;
}

static void key_begin(reader *r, const char **attributes) {
    const char *id = attribute(attributes, "id");
    enum meaning meaning = meaning_of(attribute(attributes, "attr.name"), attribute(attributes, "for"));
    if (id == NULL || strlen(id) >= sizeof r->keys[0].id || r->key_count == KEYS_MAX)
        refuse(r, "is no <key> that can be used; expected an id of 1..31 bytes, and %d keys at most", KEYS_MAX);
    else if (meaning != NOTHING) {
        key *k = &r->keys[r->key_count++];
        snprintf(k->id, sizeof k->id, "%s", id);
        k->meaning = meaning;
    }
}

static void node_begin(reader *r, const char **attributes) {
    const char *id = attribute(attributes, "id");
    if (r->within != IN_GRAPH)
        refuse(r, "a <node> within another element; expected it in <graph>");
    else if (id == NULL || strlen(id) > WORD_MAX)
        refuse(r, "a <node> without an id; expected id=\"...\", of 1..%d bytes", WORD_MAX);
    else if (r->node_count == SIM_NODES_MAX)
        refuse(r, "more than %d nodes", SIM_NODES_MAX);
    else {
        if (r->node_count == r->node_capacity) {
            r->node_capacity = r->node_capacity == 0 ? 64 : r->node_capacity * 2;
            r->nodes = need(realloc(r->nodes, r->node_capacity * sizeof *r->nodes));
        }
        r->nodes[r->node_count++] = (vertex){.id = need(strdup(id)), .longitude = NAN, .latitude = NAN};
        r->within = IN_NODE;
    }
}

static void edge_begin(reader *r, const char **attributes) {
    const char *source = attribute(attributes, "source"), *target = attribute(attributes, "target");
    if (r->within != IN_GRAPH)
        refuse(r, "an <edge> within another element; expected it in <graph>");
    else if (source == NULL || target == NULL)
        refuse(r, "an <edge> without ends; expected source=\"...\" and target=\"...\"");
    else if (r->edge_count == SIM_LINKS_MAX)
        refuse(r, "more than %d edges", SIM_LINKS_MAX);
    else {
        if (r->edge_count == r->edge_capacity) {
            r->edge_capacity = r->edge_capacity == 0 ? 64 : r->edge_capacity * 2;
            r->edges = need(realloc(r->edges, r->edge_capacity * sizeof *r->edges));
        }
        r->edges[r->edge_count++] =
            (edge){.source = need(strdup(source)), .target = need(strdup(target)), .latency_ms = NAN};
        r->within = IN_EDGE;
    }
}

static void data_begin(reader *r, const char **attributes) {
    const char *id = attribute(attributes, "key");
    r->word_size = 0;
    for (uint32_t i = 0; id != NULL && i < r->key_count; i++)
        if (strcmp(r->keys[i].id, id) == 0)
            r->data = r->keys[i].meaning;
}

static void XMLCALL element_begin(void *arg, const char *element, const char **attributes) {
    static const struct {
        const char *name;
        void (*begin)(reader *, const char **);
    } elements[] = {{"key", key_begin}, {"node", node_begin}, {"edge", edge_begin}, {"data", data_begin}};
    reader *r = arg;
    if (++r->depth > DEPTH_MAX) {
        refuse(r, "elements are nested deeper than %d", DEPTH_MAX);
        return;
    }
    if (r->depth == 1 && strcmp(element, "graphml") != 0)
        refuse(r, "begins with <%.40s>; expected <graphml>", element);
    for (size_t i = 0; r->status == SLOW_OK && i < sizeof elements / sizeof elements[0]; i++)
        if (strcmp(element, elements[i].name) == 0)
            elements[i].begin(r, attributes);
}

static void XMLCALL text_take(void *arg, const char *text, int size) {
    reader *r = arg;
    for (int i = 0; r->data != NOTHING && i < size && r->word_size < WORD_MAX; i++)
        r->word[r->word_size++] = text[i];
}

static double number_of(reader *r, double least, double most) {
    char *end;
    double number = strtod(r->word, &end);
    if (end == r->word || *end != '\0' || !(number >= least && number <= most)) {
        refuse(r, "\"%.40s\" is wrong; expected a number, %g..%g", r->word, least, most);
        return NAN;
    }
    return number;
}

static void data_end(reader *r) {
    vertex *node = r->within == IN_NODE ? &r->nodes[r->node_count - 1] : NULL;
    size_t begin = strspn(r->word, " \t\r\n");
    memmove(r->word, r->word + begin, strlen(r->word + begin) + 1);
    for (size_t end = strlen(r->word); end > 0 && strchr(" \t\r\n", r->word[end - 1]) != NULL;)
        r->word[--end] = '\0';
    /* A character that the limit cut in two. */
    if (r->word_size == WORD_MAX)
        for (size_t end = strlen(r->word); end > 0 && (unsigned char)r->word[end - 1] >= 0x80;)
            r->word[--end] = '\0';
    if (r->data == LABEL && node != NULL && node->label == NULL)
        node->label = need(strdup(r->word));
    else if (r->data == LABEL && r->within == IN_GRAPH && r->graph_label == NULL)
        r->graph_label = need(strdup(r->word));
    else if (r->data == LONGITUDE && node != NULL)
        node->longitude = number_of(r, -180, 180);
    else if (r->data == LATITUDE && node != NULL)
        node->latitude = number_of(r, -90, 90);
    else if (r->data == LATENCY && r->within == IN_EDGE)
        r->edges[r->edge_count - 1].latency_ms = number_of(r, 0, 60000);
}

static void XMLCALL element_end(void *arg, const char *element) {
    reader *r = arg;
    r->depth--;
    if (strcmp(element, "data") == 0 && r->data != NOTHING) {
        r->word[r->word_size] = '\0';
        data_end(r);
        r->data = NOTHING;
    } else if (strcmp(element, "node") == 0 || strcmp(element, "edge") == 0)
        r->within = IN_GRAPH;
}

static void XMLCALL entity_declared(void *arg, const XML_Char *name, int is_parameter, const XML_Char *value,
                                    int value_size, const XML_Char *base, const XML_Char *system_id,
                                    const XML_Char *public_id, const XML_Char *notation) {
    (void)is_parameter, (void)value, (void)value_size, (void)base, (void)system_id, (void)public_id, (void)notation;
    refuse(arg, "declares the entity \"%.40s\"; expected a GraphML text without entities", name);
}

/* ---- the map of it ---- */

static int by_id(const void *a, const void *b, void *nodes) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int order = strcmp(((const vertex *)nodes)[x].id, ((const vertex *)nodes)[y].id);
    return order != 0 ? order : (x > y) - (x < y);
}

static uint32_t find(const reader *r, const uint32_t *order, const char *id) {
    uint32_t low = 0, high = r->node_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int side = strcmp(r->nodes[order[middle]].id, id);
        if (side == 0)
            return order[middle];
        if (side < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return UINT32_MAX;
}

static bool has_place(const vertex *node) {
    return !isnan(node->longitude) && !isnan(node->latitude);
}

/* The haversine formula; to the microsecond, so that one libm and another agree. */
static double light_ms(const vertex *a, const vertex *b) {
    const double degree = 3.14159265358979 / 180;
    double north = sin((b->latitude - a->latitude) * degree / 2),
           east = sin((b->longitude - a->longitude) * degree / 2);
    double h = north * north + cos(a->latitude * degree) * cos(b->latitude * degree) * east * east;
    return round(2 * EARTH_KM * asin(sqrt(h < 1 ? h : 1)) / KM_PER_MS * 1e3) / 1e3;
}

static slow_status add_edges(const reader *r, const uint32_t *order, sim_topology *topology) {
    for (uint32_t i = 0; i < r->edge_count; i++) {
        const edge *e = &r->edges[i];
        uint32_t a = find(r, order, e->source), b = find(r, order, e->target);
        slow_time latency_ns = SIM_LATENCY_DEFAULT;
        if (a == UINT32_MAX || b == UINT32_MAX)
            return sl_error(r->error, SLOW_E_INVAL, r->name, "%s: an edge leads to \"%.40s\", which is no node's id",
                            r->name, a == UINT32_MAX ? e->source : e->target);
        if (!isnan(e->latency_ms))
            sim_topology_latency(e->latency_ms, &latency_ns);
        else if (has_place(&r->nodes[a]) && has_place(&r->nodes[b]))
            sim_topology_latency(light_ms(&r->nodes[a], &r->nodes[b]), &latency_ns);
        sim_topology_add(topology, a, b, latency_ns);
    }
    return SLOW_OK;
}

/* Longitude and latitude as x and y, the larger extent being 1. Who has no place gets the middle; where nobody has one,
 * there is no map to draw. */
static void add_places(const reader *r, sim_topology *topology) {
    double least[2] = {INFINITY, INFINITY}, most[2] = {-INFINITY, -INFINITY};
    for (uint32_t i = 0; i < r->node_count; i++) {
        double at[2] = {r->nodes[i].longitude, -r->nodes[i].latitude};
        for (int k = 0; k < 2 && has_place(&r->nodes[i]); k++) {
            least[k] = fmin(least[k], at[k]);
            most[k] = fmax(most[k], at[k]);
        }
    }
    double extent = fmax(most[0] - least[0], most[1] - least[1]);
    if (!(extent > 0))
        return;
    topology->places = need(calloc(r->node_count + 1, sizeof *topology->places));
    for (uint32_t i = 0; i < r->node_count; i++) {
        double at[2] = {r->nodes[i].longitude, -r->nodes[i].latitude};
        for (int k = 0; k < 2; k++)
            topology->places[i][k] =
                has_place(&r->nodes[i]) ? (float)fmin(fmax((at[k] - least[k]) / extent, 0), 1) : 0.5f;
    }
}

static slow_status build(reader *r, sim_topology **out) {
    uint32_t *order = need(malloc((r->node_count + 1) * sizeof *order));
    slow_status status = SLOW_OK;
    sim_topology *topology = NULL;
    const char *slash = strrchr(r->name, '/');
    for (uint32_t i = 0; i < r->node_count; i++)
        order[i] = i;
    qsort_r(order, r->node_count, sizeof *order, by_id, r->nodes);
    for (uint32_t i = 1; i < r->node_count && status == SLOW_OK; i++)
        if (strcmp(r->nodes[order[i - 1]].id, r->nodes[order[i]].id) == 0)
            status = sl_error(r->error, SLOW_E_INVAL, r->name, "%s: two nodes have the id \"%.40s\"", r->name,
                              r->nodes[order[i]].id);
    if (r->node_count == 0)
        status = sl_error(r->error, SLOW_E_INVAL, r->name, "%s: has no nodes; expected <node id=\"...\"> in <graph>",
                          r->name);
    if (status != SLOW_OK)
        goto out;
    topology = sim_topology_new(r->graph_label != NULL ? r->graph_label
                                : slash != NULL        ? slash + 1
                                                       : r->name,
                                r->node_count);
    for (uint32_t i = 0; i < r->node_count; i++) {
        const char *name = r->nodes[i].label != NULL ? r->nodes[i].label : r->nodes[i].id;
        sim_topology_name(topology, i, name, strlen(name));
    }
    sim_topology_name_apart(topology);
    add_places(r, topology);
    status = add_edges(r, order, topology);
    if (status == SLOW_OK) {
        *out = topology;
        topology = NULL;
    }
out:
    sim_topology_free(topology);
    free(order);
    return status;
}

static void reader_free(reader *r) {
    for (uint32_t i = 0; i < r->node_count; i++) {
        free(r->nodes[i].id);
        free(r->nodes[i].label);
    }
    for (uint32_t i = 0; i < r->edge_count; i++) {
        free(r->edges[i].source);
        free(r->edges[i].target);
    }
    free(r->nodes);
    free(r->edges);
    free(r->graph_label);
    if (r->parser != NULL)
        XML_ParserFree(r->parser);
    free(r);
}

slow_status sim_graphml_read(const char *name, const char *text, size_t size, sim_topology **out, slow_error *error) {
    static const size_t piece = 1 << 20;
    reader *r = need(calloc(1, sizeof *r));
    *out = NULL;
    r->name = name;
    r->error = error;
    r->parser = need(XML_ParserCreate(NULL));
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, element_begin, element_end);
    XML_SetCharacterDataHandler(r->parser, text_take);
    XML_SetEntityDeclHandler(r->parser, entity_declared);
    for (size_t at = 0; r->status == SLOW_OK;) {
        size_t take = size - at < piece ? size - at : piece;
        bool last = at + take == size;
        if (XML_Parse(r->parser, text + at, (int)take, last) != XML_STATUS_OK && r->status == SLOW_OK)
            refuse(r, "no XML: %s", XML_ErrorString(XML_GetErrorCode(r->parser)));
        at += take;
        if (last)
            break;
    }
    slow_status status = r->status == SLOW_OK ? build(r, out) : r->status;
    reader_free(r);
    return status;
}
