/* Flooding at one junction, n0, with four neighbours: where it sends a package, and what it learns from one. */
#include "learned.h"
#include "tests/support/routing_bench.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

const slow_module *slow_module_v1_routing_flooding(void);

enum { NEIGHBOURS = 4, NAMES = 16, SOURCE = 9, OTHER = 10 };

struct mesh {
    routing_bench *bench;
    topology graph;
    slow_link out[NEIGHBOURS + 1];
    size_t count;
};

static bench_node *self(const struct mesh *m) {
    return &m->bench->nodes[0];
}

static void mesh_init(struct mesh *m, const char *options) {
    topology_star(&m->graph, NAMES - 1);
    m->bench = routing_bench_new(1, &m->graph, slow_module_v1_routing_flooding()->plugins[0], options);
    routing_bench_start(m->bench, 0, 0, 1);
    for (uint32_t i = 1; i <= NEIGHBOURS; i++)
        routing_bench_puppet(m->bench, i);
    routing_bench_join_all(m->bench);
    routing_bench_run(m->bench, SL_SECOND);
}

static void mesh_free(struct mesh *m) {
    assert_int_equal(m->bench->messages, 0);
    routing_bench_free(m->bench);
    topology_free(&m->graph);
}

/* The adjacency with a neighbour; 0 = ourselves. */
static slow_link link_to(const struct mesh *m, uint32_t neighbour) {
    return neighbour == 0 ? 0 : m->bench->edges[neighbour - 1].held[0];
}

/* A package from `src` to `dst` comes from a neighbour, having travelled `hops` links. */
static void package_room(struct mesh *m, uint32_t src, uint32_t dst, uint32_t from, uint8_t hops, size_t room) {
    slow_id ids[] = {routing_bench_id(src), routing_bench_id(dst)};
    uint8_t bytes[4 + 2 * SLOW_ID_MAX] = "head";
    slow_route_view view = {.src = {.at = 4, .size = ids[0].size},
                            .dst = {.at = (uint16_t)(4 + ids[0].size), .size = ids[1].size},
                            .hops = hops,
                            .hop_limit = 64};
    memcpy(bytes + view.src.at, ids[0].text, ids[0].size);
    memcpy(bytes + view.dst.at, ids[1].text, ids[1].size);
    slow_bytes package = {bytes, (size_t)view.dst.at + view.dst.size};
    memset(m->out, 0, sizeof m->out);
    m->count = self(m)->ops->choose(self(m)->self, package, &view, link_to(m, from), m->out, room);
}

static void package(struct mesh *m, uint32_t src, uint32_t dst, uint32_t from) {
    package_room(m, src, dst, from, from == 0 ? 1 : 2, NEIGHBOURS + 1);
}

/* The neighbours' numbers, in the order in which they came up; 0 ends them. */
static void assert_goes_to(const struct mesh *m, const uint32_t *neighbours) {
    size_t count = 0;
    for (; neighbours[count] != 0; count++)
        assert_int_equal(m->out[count], link_to(m, neighbours[count]));
    assert_int_equal(m->count, count);
}
#define GOES_TO(m, ...) assert_goes_to(m, (const uint32_t[]){__VA_ARGS__, 0})

static const bench_offer *offer_for(const struct mesh *m, uint32_t name) {
    return &self(m)->offers[name];
}

/* ---- flooding ---- */

static void a_package_goes_to_all_but_where_it_came_from(void **state) {
    struct mesh m;
    (void)state;
    mesh_init(&m, NULL);
    package(&m, 0, OTHER, 0);
    GOES_TO(&m, 1, 2, 3, 4);
    package(&m, SOURCE, OTHER, 3);
    GOES_TO(&m, 1, 2, 4);
    mesh_free(&m);
}

static void a_leaf_gets_what_is_for_it_and_nothing_else(void **state) {
    struct mesh m;
    (void)state;
    mesh_init(&m, NULL);
    routing_bench_cut(m.bench, 1, 0);
    routing_bench_run(m.bench, SL_MS);
    m.bench->nodes[2].leaf = true;
    routing_bench_join(m.bench, 1);
    routing_bench_run(m.bench, SL_MS);
    package(&m, 0, OTHER, 0);
    GOES_TO(&m, 1, 3, 4);
    package(&m, SOURCE, 2, 3);
    GOES_TO(&m, 1, 4, 2);
    package(&m, 2, OTHER, 2);
    GOES_TO(&m, 1, 3, 4);
    mesh_free(&m);
}

static void as_a_leaf_we_pass_nothing_on(void **state) {
    struct mesh m;
    (void)state;
    mesh_init(&m, NULL);
    routing_bench_kill(m.bench, 0, 0);
    routing_bench_run(m.bench, SL_SECOND);
    self(&m)->leaf = true;
    routing_bench_start(m.bench, 0, 0, 2);
    routing_bench_join_all(m.bench);
    routing_bench_run(m.bench, SL_SECOND);
    package(&m, SOURCE, OTHER, 3);
    assert_int_equal(m.count, 0);
    package(&m, 0, SOURCE, 0);
    GOES_TO(&m, 3); /* but it learns from what it is sent */
    package(&m, 0, OTHER, 0);
    GOES_TO(&m, 1, 2, 3, 4);
    mesh_free(&m);
}

static void a_package_ends_at_its_destination(void **state) {
    struct mesh m;
    (void)state;
    mesh_init(&m, NULL);
    package(&m, SOURCE, 0, 3);
    assert_int_equal(m.count, 0);
    mesh_free(&m);
}

static void nothing_goes_to_a_neighbour_that_is_down(void **state) {
    struct mesh m;
    (void)state;
    mesh_init(&m, NULL);
    routing_bench_cut(m.bench, 1, 0);
    routing_bench_run(m.bench, SL_MS);
    package(&m, 0, OTHER, 0);
    GOES_TO(&m, 1, 3, 4);
    routing_bench_join(m.bench, 1);
    routing_bench_run(m.bench, SL_MS);
    package(&m, 0, OTHER, 0);
    GOES_TO(&m, 1, 3, 4, 2);
    mesh_free(&m);
}

static void no_more_links_are_given_than_there_is_room_for(void **state) {
    struct mesh m;
    (void)state;
    mesh_init(&m, NULL);
    package_room(&m, 0, OTHER, 0, 1, 2);
    GOES_TO(&m, 1, 2);
    package_room(&m, 0, OTHER, 0, 1, 0);
    assert_int_equal(m.count, 0);
    mesh_free(&m);
}

static void without_learning_everything_is_flooded(void **state) {
    struct mesh m;
    (void)state;
    mesh_init(&m, "{\"learn\": false}");
    package(&m, SOURCE, 0, 3);
    package(&m, 0, SOURCE, 0);
    GOES_TO(&m, 1, 2, 3, 4);
    assert_int_equal(offer_for(&m, SOURCE)->count, 0);
    mesh_free(&m);
}

/* ---- learning ---- */

static void a_reply_takes_the_way_that_was_learned(void **state) {
    struct mesh m;
    (void)state;
    mesh_init(&m, NULL);
    package_room(&m, SOURCE, 0, 3, 5, NEIGHBOURS);
    package(&m, 0, SOURCE, 0);
    GOES_TO(&m, 3);
    package(&m, OTHER, SOURCE, 1); /* and so does anybody's */
    GOES_TO(&m, 3);
    assert_int_equal(offer_for(&m, SOURCE)->count, 1);
    assert_int_equal(offer_for(&m, SOURCE)->via[0], link_to(&m, 3));
    assert_int_equal(offer_for(&m, SOURCE)->metric[0], 50);
    mesh_free(&m);
}

static void a_later_package_teaches_a_new_way(void **state) {
    struct mesh m;
    (void)state;
    mesh_init(&m, NULL);
    package(&m, SOURCE, 0, 3);
    package_room(&m, SOURCE, 0, 2, 1, NEIGHBOURS);
    package(&m, 0, SOURCE, 0);
    GOES_TO(&m, 2);
    assert_int_equal(offer_for(&m, SOURCE)->via[0], link_to(&m, 2));
    assert_int_equal(offer_for(&m, SOURCE)->metric[0], 10);
    mesh_free(&m);
}

static void what_was_learned_dies_after_three_silent_seconds(void **state) {
    struct mesh m;
    (void)state;
    mesh_init(&m, NULL);
    package(&m, SOURCE, 0, 3);
    routing_bench_run(m.bench, 2 * SL_SECOND);
    package(&m, OTHER, 0, 4);
    package(&m, SOURCE, 0, 3); /* heard again: three more */
    routing_bench_run(m.bench, 2999 * SL_MS);
    package(&m, 0, SOURCE, 0);
    GOES_TO(&m, 3);
    package(&m, 0, OTHER, 0);
    GOES_TO(&m, 4);
    routing_bench_run(m.bench, SL_MS);
    package(&m, 0, SOURCE, 0);
    GOES_TO(&m, 1, 2, 3, 4);
    package(&m, 0, OTHER, 0);
    GOES_TO(&m, 1, 2, 3, 4);
    assert_int_equal(offer_for(&m, SOURCE)->count, 0);
    assert_int_equal(offer_for(&m, OTHER)->count, 0);
    mesh_free(&m);
}

static void what_was_learned_dies_with_its_neighbour(void **state) {
    struct mesh m;
    (void)state;
    mesh_init(&m, NULL);
    package(&m, SOURCE, 0, 3);
    package(&m, OTHER, 0, 4);
    package(&m, 11, 0, 3);
    routing_bench_cut(m.bench, 2, 0);
    routing_bench_run(m.bench, SL_MS);
    package(&m, 0, SOURCE, 0);
    GOES_TO(&m, 1, 2, 4);
    assert_int_equal(offer_for(&m, SOURCE)->count, 0);
    assert_int_equal(offer_for(&m, 11)->count, 0);
    package(&m, 0, OTHER, 0);
    GOES_TO(&m, 4);
    mesh_free(&m);
}

/* The neighbour that sent it here has lost its own entry. */
static void a_way_that_leads_back_is_not_taken(void **state) {
    struct mesh m;
    (void)state;
    mesh_init(&m, NULL);
    package(&m, SOURCE, 0, 3);
    package(&m, OTHER, SOURCE, 3);
    GOES_TO(&m, 1, 2, 4);
    mesh_free(&m);
}

static void nothing_is_learned_about_ourselves(void **state) {
    struct mesh m;
    (void)state;
    mesh_init(&m, NULL);
    package(&m, 0, OTHER, 3); /* our own name from outside; the bench refuses offers for it */
    package(&m, OTHER, SOURCE, 0);
    package(&m, 0, OTHER, 0);
    GOES_TO(&m, 1, 2, 3, 4);
    mesh_free(&m);
}

static void a_full_table_forgets_who_was_silent_longest(void **state) {
    struct mesh m;
    (void)state;
    mesh_init(&m, "{\"max_learned\": 3}");
    package(&m, 5, 0, 1);
    package(&m, 6, 0, 2);
    package(&m, 7, 0, 3);
    package(&m, 5, 0, 1);
    package(&m, 8, 0, 4);
    assert_int_equal(offer_for(&m, 6)->count, 0);
    package(&m, 0, 6, 0);
    GOES_TO(&m, 1, 2, 3, 4);
    package(&m, 0, 5, 0);
    GOES_TO(&m, 1);
    package(&m, 0, 7, 0);
    GOES_TO(&m, 3);
    package(&m, 0, 8, 0);
    GOES_TO(&m, 4);
    mesh_free(&m);
}

/* ---- the table, against a naive one ---- */

enum { IDS = 100, LIMIT = 60 };

static slow_bytes id_text(uint32_t number, char text[16]) {
    return (slow_bytes){(const uint8_t *)text, (size_t)snprintf(text, 16, "s%u", number)};
}

static void table_check(const struct learned *table, const slow_time *heard) {
    uint32_t count = 0;
    char text[16];
    slow_time last = 0;
    for (struct learned_source *s = learned_oldest(table); s != NULL; s = learned_after(table, s)) {
        assert_true(s->heard_at > last);
        last = s->heard_at;
        count++;
    }
    assert_int_equal(count, table->count);
    for (uint32_t i = 0; i < IDS; i++) {
        const struct learned_source *found = learned_find(table, id_text(i, text));
        assert_int_equal(found != NULL, heard[i] != 0);
        assert_true(found == NULL || found->heard_at == heard[i]);
        count -= found != NULL;
    }
    assert_int_equal(count, 0);
}

static void the_table_is_what_a_naive_one_is(void **state) {
    static const uint8_t key[16] = "sixteen bytes..";
    struct learned table;
    slow_time heard[IDS] = {0};
    uint64_t random = 3;
    char text[16];
    (void)state;
    print_message("seed 3\n");
    learned_init(&table, LIMIT, key);
    for (slow_time now = 1; now < 5000; now++) {
        uint32_t i = (uint32_t)(sl_splitmix(&random) % IDS);
        struct learned_source *source = learned_find(&table, id_text(i, text));
        if (source != NULL && sl_splitmix(&random) % 4 == 0) {
            learned_remove(&table, source);
            heard[i] = 0;
        } else if (source != NULL) {
            learned_renew(&table, source, now);
            heard[i] = now;
        } else {
            bool room = table.count < LIMIT;
            source = learned_add(&table, id_text(i, text), now);
            assert_int_equal(source != NULL, room);
            heard[i] = source != NULL ? now : 0;
        }
        table_check(&table, heard);
    }
    assert_int_equal(table.capacity, 64);
    learned_free(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_package_goes_to_all_but_where_it_came_from),
        cmocka_unit_test(a_leaf_gets_what_is_for_it_and_nothing_else),
        cmocka_unit_test(as_a_leaf_we_pass_nothing_on),
        cmocka_unit_test(a_package_ends_at_its_destination),
        cmocka_unit_test(nothing_goes_to_a_neighbour_that_is_down),
        cmocka_unit_test(no_more_links_are_given_than_there_is_room_for),
        cmocka_unit_test(without_learning_everything_is_flooded),
        cmocka_unit_test(a_reply_takes_the_way_that_was_learned),
        cmocka_unit_test(a_later_package_teaches_a_new_way),
        cmocka_unit_test(what_was_learned_dies_after_three_silent_seconds),
        cmocka_unit_test(what_was_learned_dies_with_its_neighbour),
        cmocka_unit_test(a_way_that_leads_back_is_not_taken),
        cmocka_unit_test(nothing_is_learned_about_ourselves),
        cmocka_unit_test(a_full_table_forgets_who_was_silent_longest),
        cmocka_unit_test(the_table_is_what_a_naive_one_is),
    };
    if (getenv("SLOW_TEST") != NULL)
        cmocka_set_test_filter(getenv("SLOW_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
