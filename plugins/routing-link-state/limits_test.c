/* What strangers can make a database keep, and what it does when it is full. */
#include "graph.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { ORIGINS = 40, LINKS = 400 };

static slow_bytes name_of(uint32_t number, char text[12]) {
    return (slow_bytes){(const uint8_t *)text, (size_t)snprintf(text, 12, "%u", number)};
}

static void graph_init(struct ls_graph *graph) {
    char text[12];
    *graph = (struct ls_graph){.order = 0};
    assert_true(ls_graph_init(graph, name_of(0, text), ORIGINS, LINKS));
}

/* `origin` has `count` links, to first, first + 1... */
static enum ls_verdict say(struct ls_graph *graph, uint32_t origin, uint8_t fragment, struct ls_stamp stamp,
                           uint32_t first, uint32_t count) {
    char text[12], mine[12];
    uint8_t links[LS_LINKS_MAX];
    uint32_t lsa;
    slow_writer out = slow_writer_of(links, sizeof links);
    for (uint32_t to = first; to < first + count; to++)
        assert_true(ls_link_write(&out, name_of(to, text), 9, false));
    struct ls_record record = {.kind = LS_LSA,
                               .fragment = fragment,
                               .stamp = stamp,
                               .id = name_of(origin, mine),
                               .links = {links, slow_writer_size(&out)}};
    return ls_lsa_install(graph, &record, &lsa);
}

static uint32_t node_of(const struct ls_graph *graph, uint32_t number) {
    char text[12];
    return ls_node_find(graph, name_of(number, text));
}

static bool lists(const struct ls_graph *graph, uint32_t from, uint32_t to) {
    uint32_t one = node_of(graph, from), other = node_of(graph, to);
    return one != LS_NONE && other != LS_NONE && ls_cost_told(graph, one, other) != 0;
}

/* Twenty origins with twenty links each: there is room for no other. */
static void fill(struct ls_graph *graph) {
    for (uint32_t origin = 1; origin <= 20; origin++)
        assert_int_equal(say(graph, origin, 0, (struct ls_stamp){1, 1}, 1, 20), LS_NEWS);
    assert_int_equal(graph->edges_live, LINKS);
    assert_int_equal(say(graph, 21, 0, (struct ls_stamp){1, 1}, 1, 1), LS_FULL);
}

static void news_of_no_more_links_finds_room_when_there_is_none_for_others(void **state) {
    struct ls_graph graph;
    (void)state;
    graph_init(&graph);
    fill(&graph);
    assert_int_equal(say(&graph, 5, 0, (struct ls_stamp){1, 2}, 1, 20), LS_NEWS);
    assert_int_equal(say(&graph, 5, 0, (struct ls_stamp){1, 3}, 1, 10), LS_NEWS);
    assert_int_equal(say(&graph, 5, 1, (struct ls_stamp){1, 1}, 11, 10), LS_NEWS);
    assert_int_equal(say(&graph, 5, 1, (struct ls_stamp){2, 1}, 1, 20), LS_NEWS); /* all of the old epoch goes */
    assert_int_equal(graph.edges_live, LINKS);
    ls_graph_free(&graph);
}

/* It would be wrong, and for as long as nothing else makes room. */
static void what_was_said_before_does_not_outlive_news_without_room(void **state) {
    struct ls_graph graph;
    (void)state;
    graph_init(&graph);
    fill(&graph);
    assert_int_equal(say(&graph, 5, 0, (struct ls_stamp){1, 9}, 2, 21), LS_FULL);
    assert_false(lists(&graph, 5, 1));
    assert_true(lists(&graph, 5, 7));
    assert_false(lists(&graph, 5, 22));
    assert_int_equal(graph.edges_live, LINKS);
    assert_int_equal(say(&graph, 5, 0, (struct ls_stamp){1, 8}, 1, 1), LS_OLD);
    assert_int_equal(say(&graph, 6, 3, (struct ls_stamp){2, 1}, 2, 60), LS_FULL);
    assert_false(lists(&graph, 6, 1));
    assert_int_equal(say(&graph, 6, 0, (struct ls_stamp){1, 8}, 1, 1), LS_OLD);
    assert_int_equal(say(&graph, 7, 0, (struct ls_stamp){1, 2}, 1, 1), LS_NEWS); /* makes room */
    assert_int_equal(say(&graph, 5, 0, (struct ls_stamp){1, 9}, 2, 21), LS_NEWS);
    assert_true(lists(&graph, 5, 22));
    assert_int_equal(say(&graph, 5, 0, (struct ls_stamp){1, 9}, 2, 21), LS_OLD);
    ls_graph_free(&graph);
}

/* Who signs for himself may say that he has links to anybody. They are his own share of the links, and no more. */
static void who_is_only_spoken_of_takes_no_origins_place(void **state) {
    struct ls_graph graph;
    (void)state;
    graph_init(&graph);
    for (uint8_t fragment = 0; fragment < 4; fragment++)
        assert_int_equal(say(&graph, 1, fragment, (struct ls_stamp){1, 1}, 1000 + 80u * fragment, 80), LS_NEWS);
    assert_true(graph.live > 320);
    for (uint32_t origin = 2; origin <= ORIGINS; origin++) /* of whom one is ourselves */
        assert_int_equal(say(&graph, origin, 0, (struct ls_stamp){1, 1}, origin - 1, 1), LS_NEWS);
    assert_int_equal(graph.origins, ORIGINS);
    assert_int_equal(say(&graph, 1000, 0, (struct ls_stamp){1, 1}, 1, 1), LS_FULL);
    assert_int_equal(say(&graph, 50, 0, (struct ls_stamp){1, 1}, 1, 1), LS_FULL);
    assert_int_equal(say(&graph, 7, 1, (struct ls_stamp){1, 1}, 8, 1), LS_NEWS); /* who has a place keeps it */
    ls_lsas_drop(&graph, node_of(&graph, 5));
    assert_int_equal(say(&graph, 1000, 0, (struct ls_stamp){1, 1}, 1, 1), LS_NEWS);
    ls_lsas_drop(&graph, node_of(&graph, 1));
    assert_int_equal(node_of(&graph, 1001), LS_NONE); /* they go with who named them */
    assert_true(graph.live < 2 * ORIGINS);
    ls_graph_free(&graph);
}

static void a_neighbour_speaks_though_strangers_have_taken_every_place(void **state) {
    struct ls_graph graph;
    char text[12];
    (void)state;
    graph_init(&graph);
    for (uint32_t origin = 1; origin <= ORIGINS; origin++)
        assert_int_equal(say(&graph, origin, 0, (struct ls_stamp){1, 1}, 0, 1), LS_NEWS);
    uint32_t neighbour = ls_node_need(&graph, name_of(99, text));
    assert_int_equal(say(&graph, 99, 0, (struct ls_stamp){1, 1}, 0, 1), LS_FULL);
    graph.nodes[neighbour].slot = 3;
    assert_int_equal(say(&graph, 99, 0, (struct ls_stamp){1, 1}, 0, 1), LS_NEWS);
    ls_graph_free(&graph);
}

/* An LSA without a link costs its author twenty bytes, and each of us more. */
static void fragments_without_links_are_bounded(void **state) {
    struct ls_graph graph;
    uint32_t taken = 0;
    (void)state;
    graph_init(&graph);
    for (uint32_t origin = 1; origin < ORIGINS; origin++)
        for (uint32_t fragment = 0; fragment < 256; fragment++)
            taken += say(&graph, origin, (uint8_t)fragment, (struct ls_stamp){1, 1}, 0, 0) == LS_NEWS;
    assert_in_range(taken, ORIGINS - 1, ORIGINS + LINKS / 8);
    ls_lsas_drop(&graph, node_of(&graph, 1));
    assert_int_equal(say(&graph, 1, 0, (struct ls_stamp){1, 1}, 0, 0), LS_NEWS);
    ls_graph_free(&graph);
}

/* Runs of links are given back by their length, and another length would find no room in them. */
static void links_of_changing_number_do_not_use_up_memory(void **state) {
    struct ls_graph graph;
    uint32_t seq = 0;
    (void)state;
    graph_init(&graph);
    for (uint32_t count = 1; count <= 20; count++)
        for (uint32_t origin = 1; origin <= 20; origin++) {
            assert_int_equal(say(&graph, origin, 0, (struct ls_stamp){1, ++seq}, 1, count), LS_NEWS);
            for (uint32_t other = 1; other <= 20; other++)
                for (uint32_t to = 1; to <= 20; to++)
                    assert_int_equal(lists(&graph, other, to), to < count || (to == count && other <= origin));
            assert_in_range(graph.edges_capacity, graph.edges_live, 3 * LINKS);
        }
    assert_int_equal(graph.edges_live, LINKS);
    ls_graph_free(&graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(news_of_no_more_links_finds_room_when_there_is_none_for_others),
        cmocka_unit_test(what_was_said_before_does_not_outlive_news_without_room),
        cmocka_unit_test(who_is_only_spoken_of_takes_no_origins_place),
        cmocka_unit_test(a_neighbour_speaks_though_strangers_have_taken_every_place),
        cmocka_unit_test(fragments_without_links_are_bounded),
        cmocka_unit_test(links_of_changing_number_do_not_use_up_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
