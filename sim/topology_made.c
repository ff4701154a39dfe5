/* Topologies out of nothing but a line and a seed.
 *
 * Regular ones (chain, ring, grid, tree, star) have 5 ms a link, so that what is measured on them can be worked out by
 * hand. The drawn ones stand for kinds of real networks: `random` (a random tree and links on top) for nothing in
 * particular, `geometric` for radio and for cables in the ground (near ones are linked, and latency is distance),
 * `attachment` for networks that grew (Barabasi and Albert, Emergence of scaling in random networks, Science 286, 1999):
 * a few hubs and many leaves, as the AS graph is.
 *
 * All are connected: a mesh in pieces is drawn with a cut. `geometric` is the minimum spanning tree of its points and all
 * pairs within a radius; the usual way, to draw again until it happens to be connected, never ends for low degrees. */
#include "core/log.h"
#include "core/loop.h"
#include "core/option.h"
#include "topology_parts.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct maker {
    const char *name, *form;
    uint32_t least, second_standard, second_least; /* second_standard 0 = there is no second number */
    void (*make)(sim_topology *, uint32_t second, uint64_t *random);
} maker;

static uint32_t below(uint64_t *random, uint32_t limit) {
    return (uint32_t)(sl_splitmix(random) % limit);
}

/* 1 to 20 ms, in steps of 0.1. */
static slow_time drawn_latency(uint64_t *random) {
    return (10 + sl_splitmix(random) % 190) * 100000;
}

static void place(sim_topology *topology, uint32_t node, double x, double y) {
    topology->places[node][0] = (float)x;
    topology->places[node][1] = (float)y;
}

static void place_in_a_circle(sim_topology *topology, uint32_t first) {
    for (uint32_t i = first; i < topology->node_count; i++) {
        double turn = 2 * 3.14159265358979 * (i - first) / (topology->node_count - first);
        place(topology, i, 0.5 + 0.5 * sin(turn), 0.5 - 0.5 * cos(turn));
    }
}

/* ---- regular ---- */

static void make_chain(sim_topology *t, uint32_t second, uint64_t *random) {
    (void)second, (void)random;
    for (uint32_t i = 0; i < t->node_count; i++) {
        place(t, i, t->node_count > 1 ? (double)i / (t->node_count - 1) : 0.5, 0.5);
        if (i > 0)
            sim_topology_add(t, i - 1, i, SIM_LATENCY_DEFAULT);
    }
}

static void make_ring(sim_topology *t, uint32_t second, uint64_t *random) {
    (void)second, (void)random;
    place_in_a_circle(t, 0);
    for (uint32_t i = 0; i < t->node_count; i++)
        sim_topology_add(t, i, (i + 1) % t->node_count, SIM_LATENCY_DEFAULT);
}

static void make_star(sim_topology *t, uint32_t second, uint64_t *random) {
    (void)second, (void)random;
    place(t, 0, 0.5, 0.5);
    place_in_a_circle(t, 1);
    for (uint32_t i = 1; i < t->node_count; i++)
        sim_topology_add(t, 0, i, SIM_LATENCY_DEFAULT);
}

/* `second` is the width. */
static void make_grid(sim_topology *t, uint32_t width, uint64_t *random) {
    uint32_t height = t->node_count / width, longest = width > height ? width : height;
    (void)random;
    for (uint32_t i = 0; i < t->node_count; i++) {
        uint32_t column = i % width, row = i / width;
        place(t, i, (column + 0.5) / longest, (row + 0.5) / longest);
        if (i % width + 1 < width)
            sim_topology_add(t, i, i + 1, SIM_LATENCY_DEFAULT);
        if (i + width < t->node_count)
            sim_topology_add(t, i, i + width, SIM_LATENCY_DEFAULT);
    }
}

/* Level by level, each as wide as the map. */
static void make_tree(sim_topology *t, uint32_t fanout, uint64_t *random) {
    uint32_t levels = 0;
    (void)random;
    for (uint64_t begin = 0, width = 1; begin < t->node_count; begin += width, width *= fanout)
        levels++;
    for (uint64_t begin = 0, width = 1, level = 0; begin < t->node_count; begin += width, width *= fanout, level++)
        for (uint64_t i = begin; i < begin + width && i < t->node_count; i++)
            place(t, (uint32_t)i, ((double)(i - begin) + 0.5) / (double)width, ((double)level + 0.5) / levels);
    for (uint32_t i = 1; i < t->node_count; i++)
        sim_topology_add(t, (i - 1) / fanout, i, SIM_LATENCY_DEFAULT);
}

/* ---- drawn, one draw a statement: the order in which arguments are evaluated is the compiler's ---- */

static void make_random(sim_topology *t, uint32_t degree, uint64_t *random) {
    uint32_t wanted = t->node_count * degree / 2;
    place_in_a_circle(t, 0);
    for (uint32_t i = 1; i < t->node_count; i++) {
        slow_time latency_ns = drawn_latency(random);
        sim_topology_add(t, below(random, i), i, latency_ns);
    }
    for (uint32_t tries = wanted * 20; t->link_count < wanted && tries > 0; tries--) {
        uint32_t a = below(random, t->node_count), b = below(random, t->node_count);
        sim_topology_add(t, a, b, drawn_latency(random));
    }
    t->left_out = 0; /* draws, not mistakes of somebody's */
}

static double apart(const sim_topology *t, uint32_t a, uint32_t b) {
    double x = (double)t->places[a][0] - (double)t->places[b][0], y = (double)t->places[a][1] - (double)t->places[b][1];
    return sqrt(x * x + y * y);
}

/* The side of the square is 10 ms long: 2,000 km of fibre. */
static void add_by_distance(sim_topology *t, uint32_t a, uint32_t b) {
    slow_time latency_ns;
    if (sim_topology_latency(round(apart(t, a, b) * 10e3) / 1e3, &latency_ns))
        sim_topology_add(t, a, b, latency_ns);
}

/* Prim's algorithm on points: quadratic, as looking at all pairs is anyway. */
static void add_spanning_tree(sim_topology *t) {
    double *nearest = malloc((t->node_count + 1) * sizeof *nearest);
    uint32_t *from = calloc(t->node_count + 1, sizeof *from), last = 0;
    if (nearest == NULL || from == NULL)
        abort();
    for (uint32_t i = 0; i < t->node_count; i++)
        nearest[i] = INFINITY;
    for (uint32_t left = t->node_count - 1; left > 0; left--) {
        uint32_t best = 0;
        nearest[last] = -1; /* in the tree */
        for (uint32_t i = 0; i < t->node_count; i++) {
            double distance = nearest[i] < 0 ? 0 : apart(t, last, i);
            if (nearest[i] >= 0 && distance < nearest[i]) {
                nearest[i] = distance;
                from[i] = last;
            }
            if (nearest[i] >= 0 && (nearest[best] < 0 || nearest[i] < nearest[best]))
                best = i;
        }
        add_by_distance(t, from[best], best);
        last = best;
    }
    free(nearest);
    free(from);
}

static void make_geometric(sim_topology *t, uint32_t degree, uint64_t *random) {
    double radius = sqrt(degree / (3.14159265358979 * t->node_count));
    for (uint32_t i = 0; i < t->node_count; i++) {
        double x = (double)(sl_splitmix(random) >> 40) / (1 << 24), y = (double)(sl_splitmix(random) >> 40) / (1 << 24);
        place(t, i, x, y);
    }
    add_spanning_tree(t);
    for (uint32_t a = 0; a < t->node_count; a++)
        for (uint32_t b = a + 1; b < t->node_count; b++)
            if (apart(t, a, b) < radius && t->link_count < SIM_LINKS_MAX)
                add_by_distance(t, a, b);
    t->left_out = 0;
}

/* Each node that comes links to `links` others, drawn by their degree: an end of a random link is one such draw. */
static void make_attachment(sim_topology *t, uint32_t links, uint64_t *random) {
    uint32_t core = links + 1 < t->node_count ? links + 1 : t->node_count;
    place_in_a_circle(t, 0);
    for (uint32_t a = 0; a < core; a++)
        for (uint32_t b = a + 1; b < core; b++)
            sim_topology_add(t, a, b, drawn_latency(random));
    for (uint32_t i = core; i < t->node_count; i++) {
        uint32_t known = t->link_count;
        for (uint32_t added = 0; added < links;) {
            const sim_topology_link *link = &t->links[below(random, known)];
            slow_time latency_ns = drawn_latency(random);
            added += sim_topology_add(t, sl_splitmix(random) & 1 ? link->a : link->b, i, latency_ns);
        }
    }
    t->left_out = 0;
}

/* ---- the line ---- */

static const maker makers[] = {
    {.name = "chain", .form = "chain:N", .least = 1, .make = make_chain},
    {.name = "ring", .form = "ring:N", .least = 3, .make = make_ring},
    {.name = "grid", .form = "grid:WxH", .least = 1, .make = make_grid},
    {.name = "tree", .form = "tree:N[:FANOUT]", .least = 1, .second_standard = 2, .second_least = 1, .make = make_tree},
    {.name = "star", .form = "star:N", .least = 2, .make = make_star},
    {.name = "random",
     .form = "random:N[:DEGREE]",
     .least = 1,
     .second_standard = 4,
     .second_least = 1,
     .make = make_random},
    {.name = "geometric",
     .form = "geometric:N[:DEGREE]",
     .least = 1,
     .second_standard = 6,
     .second_least = 1,
     .make = make_geometric},
    {.name = "attachment",
     .form = "attachment:N[:LINKS]",
     .least = 1,
     .second_standard = 2,
     .second_least = 1,
     .make = make_attachment},
};
enum { MAKERS = sizeof makers / sizeof makers[0], SECOND_MAX = 64 };

/* Digits, and what comes after them. */
static bool number_take(const char **at, uint32_t most, uint32_t *number) {
    uint64_t value = 0;
    const char *begin = *at;
    for (; **at >= '0' && **at <= '9' && *at - begin < 9; ++*at)
        value = value * 10 + (uint64_t)(**at - '0');
    *number = (uint32_t)value;
    return *at != begin && value <= most;
}

/* What stands behind the name. */
static bool numbers_read(const maker *m, const char *at, uint32_t *nodes, uint32_t *second) {
    *second = m->second_standard;
    if (*at++ != ':' || !number_take(&at, SIM_NODES_MAX, nodes))
        return false;
    if (m->make == make_grid) {
        *second = *nodes;
        uint32_t height;
        if (*second == 0 || *at++ != 'x' || !number_take(&at, SIM_NODES_MAX / *second, &height))
            return false;
        *nodes *= height;
    } else if (m->second_standard != 0 && *at == ':') {
        at++;
        if (!number_take(&at, SECOND_MAX, second) || *second < m->second_least)
            return false;
    }
    return *at == '\0' && *nodes >= m->least;
}

static slow_status unknown(const char *line, size_t name_size, slow_error *error) {
    char name[64], forms[256] = "";
    snprintf(name, sizeof name, "%.*s", (int)name_size, line);
    sl_nearest nearest = {.wrong = name};
    for (size_t i = 0; i < MAKERS; i++) {
        sl_nearest_try(&nearest, makers[i].name);
        size_t used = strlen(forms);
        snprintf(forms + used, sizeof forms - used, "%s%s", i == 0 ? "" : ", ", makers[i].form);
    }
    if (nearest.best != NULL)
        return sl_error(error, SLOW_E_INVAL, NULL, "\"%.64s\" is no topology; did you mean \"%s\"?", line,
                        nearest.best);
    return sl_error(error, SLOW_E_INVAL, NULL,
                    "\"%.64s\" is no topology; expected a file (with a '/', or .json or "
                    ".graphml at its end) or one of %s",
                    line, forms);
}

slow_status sim_topology_make(const char *line, uint64_t seed, sim_topology **out, slow_error *error) {
    uint32_t nodes, second;
    char name[96];
    uint64_t random = seed;
    size_t name_size = strcspn(line, ":");
    const maker *m = NULL;
    for (size_t i = 0; i < MAKERS && m == NULL; i++)
        if (strlen(makers[i].name) == name_size && memcmp(makers[i].name, line, name_size) == 0)
            m = &makers[i];
    if (m == NULL)
        return unknown(line, name_size, error);
    if (!numbers_read(m, line + name_size, &nodes, &second))
        return sl_error(error, SLOW_E_INVAL, NULL, "\"%.64s\" is wrong; expected %s, with N %u..%d%s", line, m->form,
                        m->least, SIM_NODES_MAX, m->second_standard != 0 ? " and the other number 1..64" : "");
    snprintf(name, sizeof name, "%.64s", line);
    *out = sim_topology_new(name, nodes);
    (*out)->places = calloc(nodes, sizeof *(*out)->places);
    if ((*out)->places == NULL)
        abort();
    m->make(*out, second, &random);
    sim_topology_name_apart(*out);
    return SLOW_OK;
}
