/* Maps: the twelve of others, GraphML made up here, the generators' shapes, and every way to write one wrong. */
#include "topology.h"
#include "graph.h"
#include "text_file.h"
#include "topology_parts.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static sim_topology *opened(const char *what, uint64_t seed) {
    sim_topology *topology;
    slow_error error = {.text = ""};
    if (sim_topology_open(what, seed, &topology, &error) != SLOW_OK)
        fail_msg("%s", error.text);
    return topology;
}

/* Of a text as a file of that name. */
static slow_status graphml(const char *text, sim_topology **topology, slow_error *error) {
    return sim_graphml_read("map.graphml", text, strlen(text), topology, error);
}

static slow_status json(const char *text, sim_topology **topology, slow_error *error) {
    const sl_json_text source = {.name = "map.json", .text = text, .size = strlen(text)};
    sl_json_at at = sl_json_at_root(&source);
    sl_json *value = sl_json_parse(&source, error);
    assert_non_null(value);
    slow_status status = sim_topology_read(value, &at, NULL, 1, topology, error);
    sl_json_free(value);
    return status;
}

static bool connected(const sim_topology *t) {
    bool *seen = calloc(t->node_count, sizeof *seen), grown = true;
    uint32_t count = 1;
    assert_non_null(seen);
    seen[0] = true;
    while (grown) {
        grown = false;
        for (uint32_t i = 0; i < t->link_count; i++)
            if (seen[t->links[i].a] != seen[t->links[i].b]) {
                seen[t->links[i].a] = seen[t->links[i].b] = grown = true;
                count++;
            }
    }
    free(seen);
    return count == t->node_count;
}

static uint32_t degree(const sim_topology *t, uint32_t node) {
    uint32_t links = 0;
    for (uint32_t i = 0; i < t->link_count; i++)
        if (t->links[i].a == node || t->links[i].b == node)
            links++;
    return links;
}

/* ---- files ---- */

static void the_twelve_real_maps_are_read(void **state) {
    static const struct {
        const char *name;
        uint32_t nodes, links;
    } maps[] = {
        {"as-20000102", 6474, 12572},    {"freifunk-berlin", 761, 1123}, {"freifunk-bielefeld", 246, 483},
        {"freifunk-munich", 1685, 2701}, {"rocketfuel-1221", 104, 151},  {"rocketfuel-1239", 315, 972},
        {"sndlib-germany50", 50, 88},    {"zoo-abilene", 11, 14},        {"zoo-arpanet1972", 29, 32},
        {"zoo-geant2012", 40, 61},       {"zoo-kdl", 754, 895},          {"zoo-uscarrier", 158, 189},
    };
    const char *folder = getenv("SLOW_TESTDATA");
    char path[4096];
    (void)state;
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        snprintf(path, sizeof path, "%s/topologies/%s.json", folder != NULL ? folder : ".", maps[i].name);
        FILE *file = fopen(path, "r");
        if (file == NULL) {
            print_message("SKIPPED: no %s; set SLOW_TESTDATA\n", path);
            skip();
        }
        fclose(file);
        sim_topology *t = opened(path, 1);
        assert_string_equal(t->name, maps[i].name);
        assert_int_equal(t->node_count, maps[i].nodes);
        assert_int_equal(t->link_count, maps[i].links);
        assert_int_equal(t->left_out, 0);
        for (uint32_t k = 0; k < t->link_count; k++)
            assert_true(t->links[k].latency_ns >= SIM_LATENCY_LEAST);
        sim_topology_free(t);
    }
}

static void a_link_without_a_figure_has_5_ms_and_none_has_less_than_half(void **state) {
    sim_topology *t;
    (void)state;
    assert_int_equal(json("{\"nodes\": [\"a\", \"b\", \"c\", \"d\"],"
                          " \"links\": [[0, 1, null], [1, \"c\", 0.2], [\"a\", \"c\"], [3, 0, 7.5]]}",
                          &t, NULL),
                     SLOW_OK);
    assert_int_equal(t->link_count, 4);
    assert_int_equal(t->links[0].latency_ns, 5000000);
    assert_int_equal(t->links[1].latency_ns, 500000);
    assert_int_equal(t->links[2].latency_ns, 5000000);
    assert_int_equal(t->links[3].latency_ns, 7500000);
    assert_int_equal(sim_topology_link_between(t, 2, 1), 1);
    assert_int_equal(sim_topology_link_between(t, 1, 3), UINT32_MAX);
    sim_topology_free(t);
}

static void loops_and_second_links_are_left_out_and_counted(void **state) {
    sim_topology *t;
    (void)state;
    assert_int_equal(json("{\"nodes\": [\"a\", \"b\"], \"links\": [[0, 1], [1, 1], [1, 0, 9]]}", &t, NULL), SLOW_OK);
    assert_int_equal(t->link_count, 1);
    assert_int_equal(t->left_out, 2);
    assert_int_equal(t->links[0].latency_ns, 5000000);
    sim_topology_free(t);
}

static void a_node_is_found_by_its_name_before_its_number(void **state) {
    sim_topology *t;
    (void)state;
    assert_int_equal(json("{\"nodes\": [\"1\", \"x\", \"y\"], \"links\": []}", &t, NULL), SLOW_OK);
    assert_int_equal(sim_topology_node(t, "1"), 0);
    assert_int_equal(sim_topology_node(t, "2"), 2);
    assert_int_equal(sim_topology_node(t, "y"), 2);
    assert_int_equal(sim_topology_node(t, "3"), UINT32_MAX);
    assert_int_equal(sim_topology_node(t, "2x"), UINT32_MAX);
    sim_topology_free(t);
}

static void what_is_written_is_read_again(void **state) {
    sim_topology *t = opened("geometric:40", 7), *again;
    sl_json_writer w = {0};
    (void)state;
    sim_topology_write(t, &w);
    char *text = sl_json_take(&w, NULL);
    assert_int_equal(json(text, &again, NULL), SLOW_OK);
    assert_string_equal(again->name, t->name);
    assert_int_equal(again->node_count, t->node_count);
    assert_int_equal(again->link_count, t->link_count);
    assert_memory_equal(again->links, t->links, t->link_count * sizeof *t->links);
    assert_non_null(again->places);
    free(text);
    sim_topology_free(again);
    sim_topology_free(t);
}

/* ---- GraphML ---- */

#define HEAD                                                                               \
    "<?xml version=\"1.0\"?>\n<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n" \
    "<key attr.name=\"Longitude\" attr.type=\"double\" for=\"node\" id=\"d1\"/>\n"         \
    "<key attr.name=\"Latitude\" attr.type=\"double\" for=\"node\" id=\"d2\"/>\n"          \
    "<key attr.name=\"label\" attr.type=\"string\" for=\"node\" id=\"d3\"/>\n"             \
    "<key attr.name=\"weight\" attr.type=\"double\" for=\"edge\" id=\"d4\"/>\n"            \
    "<key attr.name=\"label\" attr.type=\"string\" for=\"edge\" id=\"d5\"/>\n"

static const char sample[] =
    HEAD "<graph edgedefault=\"undirected\">\n"
         "<node id=\"k\"><data key=\"d1\">8.0</data><data key=\"d2\">50.0</data><data key=\"d3\">K\xc3\xb6ln &amp; "
         "B</data></node>\n"
         "<node id=\"m\"><data key=\"d1\">9.0</data><data key=\"d2\">50.0</data><data key=\"d3\">Twin</data></node>\n"
         "<node id=\"n\"><data key=\"d1\">8.5</data><data key=\"d2\">49.5</data><data key=\"d3\">Twin</data></node>\n"
         "<node id=\"nowhere\"/>\n"
         "<edge source=\"k\" target=\"m\"><data key=\"d5\">a cable</data></edge>\n"
         "<edge source=\"m\" target=\"n\"><data key=\"d4\"> 2.25 </data></edge>\n"
         "<edge source=\"n\" target=\"nowhere\"/>\n"
         "<edge source=\"m\" target=\"k\"/>\n"
         "</graph></graphml>\n";

static void graphml_gives_names_places_and_latencies(void **state) {
    sim_topology *t;
    slow_error error = {.text = ""};
    (void)state;
    if (graphml(sample, &t, &error) != SLOW_OK)
        fail_msg("%s", error.text);
    assert_int_equal(t->node_count, 4);
    assert_int_equal(t->link_count, 3);
    assert_int_equal(t->left_out, 1);
    assert_string_equal(t->nodes[0], "K\xc3\xb6ln & B");
    assert_string_equal(t->nodes[1], "Twin");
    assert_string_equal(t->nodes[2], "Twin (2)");
    assert_string_equal(t->nodes[3], "nowhere");
    assert_in_range(t->links[0].latency_ns, 500000, 500000); /* 71.5 km of light: under the floor */
    assert_int_equal(t->links[1].latency_ns, 2250000);
    assert_int_equal(t->links[2].latency_ns, 5000000);
    assert_non_null(t->places);
    assert_true(t->places[0][0] == 0 && t->places[0][1] == 0);
    assert_true(t->places[1][0] == 1 && t->places[2][1] == 0.5f);
    sim_topology_free(t);
}

/* New York to Chicago: 1,146 km by the great circle, 5.729 ms in the table of others. */
static void light_takes_its_time(void **state) {
    sim_topology *t;
    (void)state;
    assert_int_equal(
        graphml(HEAD "<graph><node id=\"0\"><data key=\"d1\">-74.00597</data><data key=\"d2\">40.71427</data></node>"
                     "<node id=\"1\"><data key=\"d1\">-87.65005</data><data key=\"d2\">41.85003</data></node>"
                     "<edge source=\"0\" target=\"1\"/></graph></graphml>",
                &t, NULL),
        SLOW_OK);
    assert_in_range(t->links[0].latency_ns, 5700000, 5760000);
    sim_topology_free(t);
}

static void graphml_that_is_wrong_is_refused_with_its_line(void **state) {
    static const char *const cases[][2] = {
        {"<graphml><node>", "map.graphml:1: a <node> without an id; expected id=\"...\", of 1..200 bytes"},
        {"<svg/>", "map.graphml:1: begins with <svg>; expected <graphml>"},
        {"<graphml>\n<graph>", "map.graphml:2: no XML: no element found"},
        {"<graphml/>", "map.graphml: has no nodes; expected <node id=\"...\"> in <graph>"},
        {"", "map.graphml:1: no XML: no element found"},
        {"<graphml><node id='a'/>\n<edge source='a'/></graphml>",
         "map.graphml:2: an <edge> without ends; expected source=\"...\" and target=\"...\""},
        {"<graphml><node id='a'/><edge source='a' target='b'/></graphml>",
         "map.graphml: an edge leads to \"b\", which is no node's id"},
        {"<graphml><node id='a'/><node id='a'/></graphml>", "map.graphml: two nodes have the id \"a\""},
        {"<graphml><key id='d' for='node' attr.name='Latitude'/><node id='a'><data "
         "key='d'>north</data></node></graphml>",
         "map.graphml:1: \"north\" is wrong; expected a number, -90..90"},
        {"<!DOCTYPE graphml [\n<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><graphml><node id='a'/></graphml>",
         "map.graphml:2: declares the entity \"a\"; expected a GraphML text without entities"},
        {"<!DOCTYPE graphml [<!ENTITY % a SYSTEM \"/etc/passwd\"> %a;]><graphml><node id='a'/></graphml>",
         "map.graphml:1: declares the entity \"a\"; expected a GraphML text without entities"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sim_topology *t;
        slow_error error = {.text = ""};
        assert_int_not_equal(graphml(cases[i][0], &t, &error), SLOW_OK);
        assert_string_equal(error.text, cases[i][1]);
        assert_null(t);
    }
}

/* ---- generators ---- */

static void regular_shapes_are_what_they_are_called(void **state) {
    static const struct {
        const char *line;
        uint32_t nodes, links, degree_of_first, degree_of_last;
    } shapes[] = {
        {"chain:1", 1, 0, 0, 0}, {"chain:5", 5, 4, 1, 1},     {"ring:3", 3, 3, 2, 2},
        {"ring:8", 8, 8, 2, 2},  {"grid:1x1", 1, 0, 0, 0},    {"grid:4x3", 12, 17, 2, 2},
        {"tree:7", 7, 6, 2, 1},  {"tree:13:3", 13, 12, 3, 1}, {"star:6", 6, 5, 5, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        sim_topology *t = opened(shapes[i].line, 1);
        assert_int_equal(t->node_count, shapes[i].nodes);
        assert_int_equal(t->link_count, shapes[i].links);
        assert_int_equal(degree(t, 0), shapes[i].degree_of_first);
        assert_int_equal(degree(t, t->node_count - 1), shapes[i].degree_of_last);
        assert_true(connected(t));
        assert_string_equal(t->name, shapes[i].line);
        for (uint32_t k = 0; k < t->link_count; k++)
            assert_int_equal(t->links[k].latency_ns, SIM_LATENCY_DEFAULT);
        sim_topology_free(t);
    }
}

static void drawn_graphs_are_connected_and_follow_from_the_seed(void **state) {
    static const struct {
        const char *line;
        uint32_t nodes, links_least, links_most;
    } kinds[] = {
        {"random:200:4", 200, 400, 400},
        {"geometric:200:6", 200, 400, 800},
        {"attachment:200:2", 200, 397, 397},
        {"geometric:50:1", 50, 49, 70},
        {"random:1", 1, 0, 0},
        {"attachment:3:64", 3, 3, 3},
    };
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        sim_topology *t = opened(kinds[i].line, 1), *same = opened(kinds[i].line, 1), *other = opened(kinds[i].line, 2);
        assert_int_equal(t->node_count, kinds[i].nodes);
        assert_in_range(t->link_count, kinds[i].links_least, kinds[i].links_most);
        assert_true(connected(t) && connected(other));
        assert_int_equal(t->left_out, 0);
        assert_int_equal(t->link_count, same->link_count);
        assert_memory_equal(t->links, same->links, t->link_count * sizeof *t->links);
        if (t->link_count > 3)
            assert_true(t->link_count != other->link_count ||
                        memcmp(t->links, other->links, t->link_count * sizeof *t->links) != 0);
        sim_topology_free(t);
        sim_topology_free(same);
        sim_topology_free(other);
    }
}

static void attachment_has_hubs(void **state) {
    sim_topology *t = opened("attachment:500:2", 3);
    uint32_t most = 0;
    (void)state;
    for (uint32_t i = 0; i < t->node_count; i++)
        most = degree(t, i) > most ? degree(t, i) : most;
    assert_in_range(most, 25, 499);
    sim_topology_free(t);
}

/* ---- mistakes ---- */

static void a_topology_that_is_wrong_is_refused_with_its_place(void **state) {
    static const char *const cases[][2] = {
        {"{\"nodes\": [\"a\"]}",
         "map.json:1: links: is missing; expected a list of [A, B, MILLISECONDS or null], 1000000 "
         "of them at most"},
        {"{\"links\": []}", "map.json:1: nodes: is missing; expected a list of the nodes' names"},
        {"{\"nodes\": [], \"links\": []}", "map.json:1: nodes: is empty; expected a list of the nodes' names"},
        {"{\"topology\": \"ring:8\"}", "map.json:1: is a scenario; expected a topology, of \"nodes\" and \"links\" "
                                       "(slow-sim run plays scenarios)"},
        {"{\"nodes\": [\"a\"],\n \"link\": []}", "map.json:2: link: unknown key; did you mean \"links\"?"},
        {"{\"nodes\": [\"a\",\n 7], \"links\": []}",
         "map.json:2: nodes[1]: is an integer; expected a name of 200 bytes at most"},
        {"{\"nodes\": [\"a\",\n \"b\", \"a\"], \"links\": []}",
         "map.json:2: nodes[2]: \"a\" is there twice; expected each name once"},
        {"{\"nodes\": [\"a\", \"b\"], \"links\": [\n[0, 2]]}",
         "map.json:2: links[0][1]: is no node; expected a name from \"nodes\", or a number, 0..1"},
        {"{\"nodes\": [\"a\", \"b\"], \"links\": [\n[0, 1, \"5ms\"]]}",
         "map.json:2: links[0][2]: is no latency; expected milliseconds, 0..60000, or null"},
        {"{\"nodes\": [\"a\", \"b\"], \"links\": [[0]]}",
         "map.json:1: links[0]: is a list of another length; expected [A, B, MILLISECONDS or null]"},
        {"\"rong:8\"", "map.json:1: \"rong:8\" is no topology; did you mean \"ring\"?"},
        {"\"ring:2\"", "map.json:1: \"ring:2\" is wrong; expected ring:N, with N 3..20000"},
        {"\"grid:9\"", "map.json:1: \"grid:9\" is wrong; expected grid:WxH, with N 1..20000"},
        {"\"grid:200x101\"", "map.json:1: \"grid:200x101\" is wrong; expected grid:WxH, with N 1..20000"},
        {"\"tree:5:0\"",
         "map.json:1: \"tree:5:0\" is wrong; expected tree:N[:FANOUT], with N 1..20000 and the other number 1..64"},
        {"\"./none.json\"", "map.json:1: ./none.json: cannot be read: No such file or directory"},
        {"7", "map.json:1: is an integer; expected a file, a line such as \"ring:8\", or an object with \"nodes\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sim_topology *t;
        slow_error error = {.text = ""};
        assert_int_not_equal(json(cases[i][0], &t, &error), SLOW_OK);
        assert_string_equal(error.text, cases[i][1]);
        assert_null(t);
    }
}

/* On the shortest path between the two of the pair. */
static bool lies_between(sim_graph *graph, uint32_t node, const uint32_t pair[2]) {
    sim_graph_search(graph, pair[0]);
    if (graph->distance_ns[pair[1]] == UINT64_MAX || node == pair[0] || node == pair[1])
        return false;
    for (uint32_t at = pair[1]; at != pair[0]; at = graph->parent[at])
        if (at == node)
            return true;
    return false;
}

/* Latencies are distances here, so no two paths are equally long. */
static void a_death_concerns_a_pair_wherever_a_shortest_path_leads(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        sim_topology *topology = opened("geometric:16:4", seed);
        sim_graph *graph = sim_graph_new(topology);
        for (uint32_t node = 0; node < topology->node_count; node++) {
            uint32_t pair[2], count = topology->node_count;
            bool any = false, found = sim_graph_concerned(graph, UINT32_MAX, node, pair);
            for (uint32_t i = 0; i < count * count && !any; i++)
                any = lies_between(graph, node, (const uint32_t[2]){i / count, i % count});
            if (found != any || (found && !lies_between(graph, node, pair)))
                fail_msg("seed %llu, node %u: found %d, expected %d", (unsigned long long)seed, node, found, any);
        }
        sim_graph_free(graph);
        sim_topology_free(topology);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_twelve_real_maps_are_read),
        cmocka_unit_test(a_link_without_a_figure_has_5_ms_and_none_has_less_than_half),
        cmocka_unit_test(loops_and_second_links_are_left_out_and_counted),
        cmocka_unit_test(a_node_is_found_by_its_name_before_its_number),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(graphml_gives_names_places_and_latencies),
        cmocka_unit_test(light_takes_its_time),
        cmocka_unit_test(graphml_that_is_wrong_is_refused_with_its_line),
        cmocka_unit_test(regular_shapes_are_what_they_are_called),
        cmocka_unit_test(drawn_graphs_are_connected_and_follow_from_the_seed),
        cmocka_unit_test(attachment_has_hubs),
        cmocka_unit_test(a_death_concerns_a_pair_wherever_a_shortest_path_leads),
        cmocka_unit_test(a_topology_that_is_wrong_is_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
