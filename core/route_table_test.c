/* The forwarding table: whose candidate is in use, and what happens as adjacencies, strategies and destinations go. */
#include "route_table.h"
#include "loop_virtual.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { AROUND = 4, MANY = 5000 };

typedef struct rig {
    sl_world *world;
    sl_loop *loop;
    sl_neighbours neighbours;
    sl_neighbour around[AROUND];
    sl_route_table table;
    unsigned reachable, changed; /* how often it was said */
    unsigned last_count;         /* candidates, at the last change */
    slow_id last_reachable;
} rig;

static slow_id id_of(const char *text) {
    slow_id id;
    assert_true(sl_id_set(&id, (slow_bytes){(const uint8_t *)text, strlen(text)}));
    return id;
}

static void on_reachable(void *arg, const slow_id *id) {
    rig *g = arg;
    g->reachable++;
    g->last_reachable = *id;
}

static void on_changed(void *arg, const sl_route *route) {
    rig *g = arg;
    g->changed++;
    g->last_count = route->count;
}

static int set_up(void **state) {
    rig *g = calloc(1, sizeof *g);
    g->world = sl_world_new(1);
    g->loop = sl_loop_virtual_new(g->world);
    for (unsigned i = 0; i < AROUND; i++)
        g->around[i].adjacency = sl_slots_add(&g->neighbours.adjacencies, &g->around[i]);
    if (!sl_route_table_init(&g->table, g->loop, &g->neighbours))
        return 1;
    g->table.reachable = on_reachable;
    g->table.arg = g;
    *state = g;
    return 0;
}

static int tear_down(void **state) {
    rig *g = *state;
    sl_route_table_free(&g->table);
    sl_slots_free(&g->neighbours.adjacencies);
    sl_loop_free(g->loop);
    sl_world_free(g->world);
    free(g);
    return 0;
}

static const sl_route *find(const rig *g, const char *dst) {
    slow_bytes text = {(const uint8_t *)dst, strlen(dst)};
    return sl_route_table_find(&g->table, sl_route_table_hash(&g->table, text.data, text.size), text.data, text.size);
}

static slow_route via(const rig *g, unsigned neighbour, uint32_t metric) {
    return (slow_route){.via = g->around[neighbour].adjacency, .metric = metric};
}

static void offer(rig *g, uint32_t strategy, int32_t preference, const char *dst, const slow_route *routes, size_t n) {
    slow_id id = id_of(dst);
    assert_int_equal(sl_route_table_offer(&g->table, strategy, preference, &id, routes, n), SLOW_OK);
}

static void offer_one(rig *g, uint32_t strategy, int32_t preference, const char *dst, unsigned neighbour) {
    slow_route route = via(g, neighbour, 10);
    offer(g, strategy, preference, dst, &route, 1);
}

/* As the neighbour layer does it: the number still finds it while the event is told. */
static void down(rig *g, unsigned neighbour) {
    sl_neighbour *n = &g->around[neighbour];
    slow_link adjacency = n->adjacency;
    n->adjacency = 0;
    sl_route_table_down(&g->table, n, adjacency);
    sl_slots_remove(&g->neighbours.adjacencies, adjacency);
    n->uses = 0;
}

static void an_unknown_destination_has_no_route(void **state) {
    rig *g = *state;
    assert_null(find(g, "a"));
    offer(g, 1, 100, "a", NULL, 0); /* nothing is withdrawn */
    assert_null(find(g, "a"));
    assert_int_equal(g->table.count, 0);
}

static void the_first_candidate_that_is_usable_is_in_use(void **state) {
    rig *g = *state;
    slow_route routes[] = {
        via(g, 0, SLOW_METRIC_INFINITY), {.via = 0xdead0001, .metric = 1}, via(g, 2, 20), via(g, 1, 5)};
    offer(g, 1, 100, "a", routes, 4);
    const sl_route *route = find(g, "a");
    assert_ptr_equal(route->next_hop, &g->around[2]);
    assert_int_equal(route->chosen, 2);
    assert_int_equal(route->count, 4);
    assert_int_equal(route->candidates[2].metric, 20);
    assert_int_equal(g->around[2].uses, 1);
    assert_int_equal(g->around[1].uses, 0);
}

static void an_adjacency_that_ends_leaves_the_next_candidate(void **state) {
    rig *g = *state;
    slow_route routes[] = {via(g, 0, 1), via(g, 1, 2), via(g, 2, 3)};
    offer(g, 1, 100, "a", routes, 3);
    offer(g, 1, 100, "b", routes, 1);
    offer(g, 1, 100, "c", routes + 2, 1);
    down(g, 0);
    assert_ptr_equal(find(g, "a")->next_hop, &g->around[1]);
    assert_null(find(g, "b")->next_hop);
    assert_ptr_equal(find(g, "c")->next_hop, &g->around[2]);
    assert_int_equal(g->around[1].uses, 1);
    down(g, 1);
    assert_ptr_equal(find(g, "a")->next_hop, &g->around[2]);
    assert_int_equal(g->around[2].uses, 2);
    down(g, 2);
    assert_null(find(g, "a")->next_hop);
    assert_int_equal(find(g, "a")->count, 3); /* the strategy takes them back, not the table */
}

static void a_number_of_an_adjacency_that_was_is_not_used(void **state) {
    rig *g = *state;
    slow_link old = g->around[0].adjacency;
    down(g, 0);
    g->around[0].adjacency = sl_slots_add(&g->neighbours.adjacencies, &g->around[0]);
    assert_int_not_equal(g->around[0].adjacency, old);
    slow_route route = {.via = old, .metric = 1};
    offer(g, 1, 100, "a", &route, 1);
    assert_null(find(g, "a")->next_hop);
}

static void the_preferred_strategy_decides(void **state) {
    rig *g = *state;
    offer_one(g, 1, 100, "a", 0);
    offer_one(g, 2, 200, "a", 1);
    assert_ptr_equal(find(g, "a")->next_hop, &g->around[1]);
    offer_one(g, 3, 50, "a", 2);
    assert_ptr_equal(find(g, "a")->next_hop, &g->around[1]);
    assert_int_equal(find(g, "a")->count, 3);
    assert_int_equal(find(g, "a")->candidates[2].strategy, 3);
    down(g, 1);
    assert_ptr_equal(find(g, "a")->next_hop, &g->around[0]);
    offer(g, 1, 100, "a", NULL, 0);
    assert_ptr_equal(find(g, "a")->next_hop, &g->around[2]);
    offer_one(g, 3, 300, "a", 3); /* its preference was changed */
    assert_ptr_equal(find(g, "a")->next_hop, &g->around[3]);
    assert_int_equal(find(g, "a")->count, 2);
}

static void of_equal_preference_the_older_strategy_decides(void **state) {
    rig *g = *state;
    offer_one(g, 2, 100, "a", 2);
    offer_one(g, 1, 100, "a", 1);
    assert_ptr_equal(find(g, "a")->next_hop, &g->around[1]);
    offer_one(g, 2, 100, "a", 3);
    assert_ptr_equal(find(g, "a")->next_hop, &g->around[1]);
}

static void a_strategy_that_leaves_takes_its_candidates_along(void **state) {
    rig *g = *state;
    char dst[16];
    for (unsigned i = 0; i < 100; i++) {
        snprintf(dst, sizeof dst, "d%u", i);
        offer_one(g, 1, 100, dst, 0);
        if (i % 2 == 0)
            offer_one(g, 2, 50, dst, 1);
    }
    sl_route_table_drop_strategy(&g->table, 1);
    assert_int_equal(g->table.count, 50);
    assert_int_equal(g->around[0].uses, 0);
    assert_int_equal(g->around[1].uses, 50);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(dst, sizeof dst, "d%u", i);
        const sl_route *route = find(g, dst);
        if (i % 2 == 1)
            assert_null(route);
        else
            assert_ptr_equal(route->next_hop, &g->around[1]);
    }
}

/* One between two others, of an entry whose candidates do not stand in it. */
static void of_those_that_stay_the_ranking_stays(void **state) {
    rig *g = *state;
    slow_route first[] = {via(g, 0, 1), via(g, 1, 2)}, middle[] = {via(g, 2, 3), via(g, 3, 4)};
    g->table.changed = on_changed;
    g->table.changed_arg = g;
    offer(g, 1, 100, "a", first, 2);
    offer(g, 2, 50, "a", middle, 2);
    offer_one(g, 3, 10, "a", 3);
    offer_one(g, 3, 10, "b", 3);
    g->changed = 0;
    sl_route_table_drop_strategy(&g->table, 2);
    const sl_route *route = find(g, "a");
    assert_int_equal(route->count, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(route->candidates[i].strategy, i < 2 ? 1 : 3);
    assert_int_equal(route->candidates[1].via, first[1].via);
    assert_int_equal(g->changed, 1); /* of b there was nothing to say */
    sl_route_table_drop_strategy(&g->table, 1);
    assert_ptr_equal(find(g, "a")->next_hop, &g->around[3]);
    assert_int_equal(g->around[3].uses, 2);
    assert_int_equal(g->around[0].uses, 0);
}

static void only_the_first_eight_candidates_of_a_strategy_count(void **state) {
    rig *g = *state;
    slow_route routes[10];
    for (uint32_t i = 0; i < 10; i++)
        routes[i] = via(g, i % AROUND, i);
    offer(g, 1, 100, "a", routes, 10);
    assert_int_equal(find(g, "a")->count, 8);
    assert_int_equal(find(g, "a")->candidates[7].metric, 7);
}

static void a_destination_is_said_to_be_reachable_when_it_was_not(void **state) {
    rig *g = *state;
    slow_route routes[] = {via(g, 0, 1), via(g, 1, 2)};
    slow_id id = id_of("a");
    offer(g, 1, 100, "a", routes, 2);
    assert_int_equal(g->reachable, 1);
    assert_true(sl_id_equal(&g->last_reachable, &id));
    offer(g, 1, 100, "a", routes + 1, 1); /* another next hop is no news */
    down(g, 1);
    assert_int_equal(g->reachable, 1);
    offer(g, 1, 100, "a", routes, 1);
    assert_int_equal(g->reachable, 2);
    offer(g, 1, 100, "a", NULL, 0);
    assert_int_equal(g->reachable, 2);
    assert_null(find(g, "a"));
}

static void a_change_is_told_and_what_is_no_change_is_not(void **state) {
    rig *g = *state;
    slow_route routes[] = {via(g, 0, 1), via(g, 1, 2)};
    g->table.changed = on_changed;
    g->table.changed_arg = g;
    offer(g, 1, 100, "a", routes, 2);
    assert_int_equal(g->changed, 1);
    offer(g, 1, 100, "a", routes, 2);
    assert_int_equal(g->changed, 1);
    routes[1].metric = 3;
    offer(g, 1, 100, "a", routes, 2);
    assert_int_equal(g->changed, 2);
    offer(g, 1, 101, "a", routes, 2); /* another preference */
    assert_int_equal(g->changed, 3);
    down(g, 0);
    assert_int_equal(g->changed, 4);
    down(g, 2); /* nobody used it */
    assert_int_equal(g->changed, 4);
    offer(g, 1, 101, "a", NULL, 0);
    assert_int_equal(g->changed, 5);
    assert_int_equal(g->last_count, 0);
}

/* Of every length, beside each other: those that stand in the entry, and those that do not. */
static void ids_of_any_length_are_told_apart(void **state) {
    rig *g = *state;
    char dst[64] = "";
    for (size_t size = 1; size < sizeof dst; size++) {
        dst[size - 1] = 'x';
        dst[size] = '\0';
        offer_one(g, 1, 100, dst, size % AROUND);
    }
    assert_int_equal(g->table.count, 63);
    for (size_t size = sizeof dst - 1; size > 0; size--) {
        dst[size] = '\0';
        const sl_route *route = find(g, dst);
        assert_non_null(route);
        slow_id id = id_of(dst), stored = sl_route_id(route);
        assert_true(sl_id_equal(&stored, &id));
        assert_ptr_equal(route->next_hop, &g->around[size % AROUND]);
        offer(g, 1, 100, dst, NULL, 0);
        assert_null(find(g, dst));
    }
}

/* Any row of offers and withdrawals, against a plain list. */
static void many_destinations_come_and_go(void **state) {
    rig *g = *state;
    uint64_t random = 1;
    static int model[MANY]; /* neighbour + 1; 0 = none */
    int count = 0;
    memset(model, 0, sizeof model);
    for (int step = 0; step < 60000; step++) {
        char dst[16];
        unsigned place = (unsigned)(sl_splitmix(&random) % MANY);
        unsigned neighbour = (unsigned)(sl_splitmix(&random) % AROUND);
        bool add = sl_splitmix(&random) % 2 == 0;
        snprintf(dst, sizeof dst, "d%u", place);
        if (add)
            offer_one(g, 1, 100, dst, neighbour);
        else
            offer(g, 1, 100, dst, NULL, 0);
        count += (add && model[place] == 0) - (!add && model[place] != 0);
        model[place] = add ? (int)neighbour + 1 : 0;
        assert_int_equal(g->table.count, count);
    }
    assert_in_range(count, MANY / 3, MANY);
    uint32_t uses[AROUND] = {0};
    for (unsigned place = 0; place < MANY; place++) {
        char dst[16];
        snprintf(dst, sizeof dst, "d%u", place);
        const sl_route *route = find(g, dst);
        if ((route == NULL) != (model[place] == 0) ||
            (route != NULL && route->next_hop != &g->around[model[place] - 1]))
            fail_msg("%s has the wrong route (seed 1)", dst);
        if (model[place] != 0)
            uses[model[place] - 1]++;
    }
    for (unsigned i = 0; i < AROUND; i++)
        assert_int_equal(g->around[i].uses, uses[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_unknown_destination_has_no_route, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_first_candidate_that_is_usable_is_in_use, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_adjacency_that_ends_leaves_the_next_candidate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_number_of_an_adjacency_that_was_is_not_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_preferred_strategy_decides, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_equal_preference_the_older_strategy_decides, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_strategy_that_leaves_takes_its_candidates_along, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_those_that_stay_the_ranking_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_the_first_eight_candidates_of_a_strategy_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_destination_is_said_to_be_reachable_when_it_was_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_is_told_and_what_is_no_change_is_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ids_of_any_length_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_destinations_come_and_go, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
