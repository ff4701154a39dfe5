/* A network moves from one strategy to another and back, one junction after another, while messages pass: in virtual time,
 * on a grid of 4 x 4. Add the second everywhere and let it converge beside the first; swap the preferences everywhere;
 * remove the first everywhere. What is asked: no message lost, none twice, and no link closed for it. */
#include "sim/check.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WIDTH = 4, PLACES = WIDTH * WIDTH, MESSAGES_MAX = 60000, LOW = 100, HIGH = 200 };
static const slow_time EVERY = 2 * SL_MS; /* 500 messages a second */

/* A strategy: its id, and the options with which it is added. A driven one fills the table; any other chooses by itself. */
typedef struct strategy {
    const char *id, *options;
    bool driven;
} strategy;

static const strategy DISTANCE_VECTOR = {"routing-distance-vector", "", true},
                      FLOODING = {"routing-flooding", ", \"learn\": false", false},
                      LEARNING = {"routing-flooding", "", false}, FEWEST_HOPS = {"routing-template", "", true};

typedef struct traffic {
    sim_mesh *mesh;
    uint32_t sent;
    uint8_t came[MESSAGES_MAX];
    uint64_t random; /* of its own, so that traffic changes nothing else */
} traffic;

static uint64_t seed_of_run(void) {
    const char *text = getenv("SLOW_SEED");
    return text != NULL ? strtoull(text, NULL, 10) : 1;
}

static uint32_t draw(traffic *t, uint32_t below) {
    t->random = t->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((t->random >> 33) % below);
}

static void take(void *arg, sim_node *node, const sl_message *message) {
    traffic *t = arg;
    char text[64];
    uint32_t number, to;
    snprintf(text, sizeof text, "%.*s", (int)message->payload.size, (const char *)message->payload.data);
    assert_int_equal(sscanf(text, "[%" SCNu32 ",%" SCNu32 "]", &number, &to), 2);
    assert_int_equal(to, node->place);
    assert_true(number < t->sent);
    t->came[number]++;
}

static void send_one(traffic *t) {
    char json[64];
    uint32_t from = draw(t, PLACES), to = (from + 1 + draw(t, PLACES - 1)) % PLACES;
    assert_true(t->sent < MESSAGES_MAX);
    snprintf(json, sizeof json, "[%" PRIu32 ",%" PRIu32 "]", t->sent++, to);
    assert_int_equal(sim_mesh_send(t->mesh, from, to, json), SLOW_OK);
}

static void run_with_traffic(traffic *t, slow_time duration) {
    for (slow_time at = 0; at < duration; at += EVERY) {
        send_one(t);
        sim_mesh_run(t->mesh, EVERY);
    }
}

/* ---- one step at one junction, as a person would take it ---- */

static void add(sl_junction *j, const strategy *s, int preference) {
    char entry[160];
    slow_error error = {.code = SLOW_OK};
    int size =
        snprintf(entry, sizeof entry, "{\"plugin\": \"%s\", \"preference\": %d%s}", s->id, preference, s->options);
    if (sl_junction_routing_add(j, (slow_bytes){(const uint8_t *)entry, (size_t)size}, &error) != SLOW_OK)
        fail_msg("%s", error.text);
}

enum step { ADD, PREFER, REMOVE };

static void step_at(sl_junction *j, enum step step, const strategy *from, const strategy *to) {
    if (step == ADD)
        add(j, to, LOW - 1);
    else if (step == PREFER) {
        assert_int_equal(sl_junction_routing_prefer(j, to->id, HIGH, NULL), SLOW_OK);
        assert_int_equal(sl_junction_routing_prefer(j, from->id, LOW - 1, NULL), SLOW_OK);
    } else {
        assert_int_equal(sl_junction_routing_remove(j, from->id, NULL), SLOW_OK);
        assert_int_equal(sl_junction_routing_prefer(j, to->id, LOW, NULL), SLOW_OK);
    }
}

static void step_everywhere(traffic *t, enum step step, const strategy *from, const strategy *to, slow_time rest) {
    for (uint32_t i = 0; i < PLACES; i++) {
        step_at(t->mesh->nodes[i].junction, step, from, to);
        run_with_traffic(t, 20 * SL_MS);
    }
    run_with_traffic(t, rest);
}

/* Is every route of this strategy, where it is one that fills the table? */
static void routes_are_of(const sim_mesh *mesh, const strategy *s) {
    for (uint32_t i = 0; i < PLACES; i++) {
        const sl_junction *j = mesh->nodes[i].junction;
        const sl_route_table *table = &j->forward->table;
        assert_string_equal(sl_instance_plugin(j->routing.strategies[0].instance)->id, s->id);
        uint32_t routed = 0;
        for (uint32_t r = 0; r < table->count; r++) {
            const sl_route *route = &table->entries[r];
            if (s->driven && route->next_hop != NULL)
                assert_string_equal(sl_junction_strategy_name(j, route->candidates[route->chosen].strategy), s->id);
            routed += route->next_hop != NULL;
        }
        assert_true(!s->driven || routed == PLACES - 1);
    }
}

static void move(traffic *t, const strategy *from, const strategy *to) {
    step_everywhere(t, ADD, from, to, 2 * SL_SECOND);
    step_everywhere(t, PREFER, from, to, SL_SECOND);
    routes_are_of(t->mesh, to);
    step_everywhere(t, REMOVE, from, to, SL_SECOND);
    routes_are_of(t->mesh, to);
}

/* ---- scenarios ---- */

/* Every cable as long as the others, or each of another length. Where two strategies do not prefer the same paths, a package
 * can go round for as long as they are mixed: fewest hops are least cost only on cables that are alike. */
enum lengths { ALIKE, VARIED };

/* The template of the SDK is a plugin, too, and lies among the tests' modules. */
static void find_template(sl_config *config) {
    char **directories = calloc(3, sizeof *directories), text[512];
    const char *build = getenv("SLOW_BUILD");
    assert_true(directories != NULL && config->plugin_dirs[1] == NULL);
    snprintf(text, sizeof text, "%s/tests/modules", build != NULL ? build : "build/dev");
    directories[0] = config->plugin_dirs[0];
    directories[1] = strdup(text);
    free(config->plugin_dirs);
    config->plugin_dirs = directories;
}

static bool all_are_routed(sim_mesh *mesh, void *arg) {
    sim_verdict verdict = sim_check_routes(mesh->check, NULL);
    (void)arg;
    return verdict.missing == 0 && verdict.stale == 0;
}

static bool converged(sim_mesh *mesh, void *arg) {
    sim_verdict verdict = sim_check_routes(mesh->check, NULL);
    (void)arg;
    return verdict.missing == 0 && verdict.stale == 0 && verdict.suboptimal == 0;
}

static traffic *grid(uint64_t seed, const strategy *first, enum lengths lengths, uint32_t loss_ppm) {
    traffic *t = calloc(1, sizeof *t);
    assert_non_null(t);
    print_message("seed %" PRIu64 "\n", seed);
    t->mesh = sim_mesh_new(seed, PLACES);
    assert_non_null(sim_check_new(t->mesh, NULL));
    t->random = seed;
    snprintf(t->mesh->routing, sizeof t->mesh->routing, "[{\"plugin\": \"%s\", \"preference\": %d%s}]", first->id, LOW,
             first->options);
    sim_mesh_grid(t->mesh, WIDTH, SL_MS);
    for (uint32_t c = 1; c <= sim_network_cables(t->mesh->network); c++) {
        sim_cable *cable = sim_network_cable_at(t->mesh->network, c);
        cable->latency_ns = lengths == ALIKE ? SL_MS : (10 + c * 7 % 40) * SL_MS / 10;
        cable->loss_ppm = loss_ppm;
        cable->stream = c % 3 == 0 && loss_ppm == 0 && lengths == VARIED;
    }
    t->mesh->on_message = take;
    t->mesh->arg = t;
    sim_mesh_start_all(t->mesh);
    for (uint32_t i = 0; i < PLACES; i++)
        find_template(t->mesh->nodes[i].junction->config);
    assert_true(sim_mesh_until(t->mesh, 30 * SL_SECOND, converged, NULL));
    sim_mesh_run(t->mesh, 2 * SL_SECOND);
    return t;
}

static void grid_free(traffic *t) {
    sim_check_free(t->mesh->check);
    sim_mesh_free(t->mesh); /* aborts where an instance leaked, also one that was removed */
    free(t);
}

static void nothing_is_lost(traffic *t) {
    uint32_t lost = 0, twice = 0;
    uint64_t closed = 0;
    sim_mesh_run(t->mesh, 2 * SL_SECOND);
    for (uint32_t i = 0; i < t->sent; i++) {
        lost += t->came[i] == 0;
        twice += t->came[i] > 1;
    }
    for (uint32_t i = 0; i < PLACES; i++)
        closed += t->mesh->nodes[i].junction->stats.count[SL_links_lost];
    print_message("%u messages: %u lost, %u twice; %" PRIu64 " links closed\n", t->sent, lost, twice, closed);
    assert_int_equal(lost, 0);
    assert_int_equal(twice, 0);
    assert_int_equal(closed, 0);
}

static void there_and_back(const strategy *first, const strategy *second, enum lengths lengths) {
    traffic *t = grid(seed_of_run(), first, lengths, 0);
    run_with_traffic(t, SL_SECOND);
    move(t, first, second);
    move(t, second, first);
    assert_true(sim_mesh_until(t->mesh, 30 * SL_SECOND, converged, NULL));
    nothing_is_lost(t);
    grid_free(t);
}

static void a_live_move_to_flooding_and_back_loses_nothing(void **state) {
    (void)state;
    there_and_back(&DISTANCE_VECTOR, &FLOODING, VARIED);
}

static void a_live_move_to_learning_and_back_loses_nothing(void **state) {
    (void)state;
    there_and_back(&DISTANCE_VECTOR, &LEARNING, VARIED);
}

static void a_live_move_to_another_that_talks_and_back_loses_nothing(void **state) {
    (void)state;
    there_and_back(&DISTANCE_VECTOR, &FEWEST_HOPS, ALIKE);
}

/* The lists, and the strategies' messages, get through where one frame of twenty is lost; packages do not. */
static void a_live_move_over_cables_that_lose_ends_well(void **state) {
    (void)state;
    traffic *t = grid(seed_of_run(), &DISTANCE_VECTOR, VARIED, 50000);
    for (unsigned round = 0; round < 2; round++) {
        step_everywhere(t, ADD, &DISTANCE_VECTOR, &FEWEST_HOPS, SL_SECOND);
        step_everywhere(t, ADD, &DISTANCE_VECTOR, &FLOODING, SL_SECOND);
        step_everywhere(t, PREFER, &DISTANCE_VECTOR, &FLOODING, SL_SECOND);
        step_everywhere(t, REMOVE, &DISTANCE_VECTOR, &FLOODING, SL_SECOND);
        step_everywhere(t, ADD, &FLOODING, &DISTANCE_VECTOR, SL_SECOND);
        assert_true(sim_mesh_until(t->mesh, 30 * SL_SECOND, all_are_routed, NULL));
        step_everywhere(t, PREFER, &FLOODING, &DISTANCE_VECTOR, SL_SECOND);
        step_everywhere(t, REMOVE, &FLOODING, &DISTANCE_VECTOR, SL_SECOND);
        step_everywhere(t, REMOVE, &FEWEST_HOPS, &DISTANCE_VECTOR, SL_SECOND);
    }
    assert_true(sim_mesh_until(t->mesh, 30 * SL_SECOND, all_are_routed, NULL));
    grid_free(t);
}

/* Many new beginnings of the same strategy: epochs and numbers go on, and it converges each time. */
static void the_same_strategy_comes_and_goes_many_times(void **state) {
    (void)state;
    traffic *t = grid(seed_of_run(), &FLOODING, VARIED, 0);
    for (unsigned round = 0; round < 20; round++) {
        for (uint32_t i = 0; i < PLACES; i++) {
            add(t->mesh->nodes[i].junction, &DISTANCE_VECTOR, HIGH);
            run_with_traffic(t, 4 * SL_MS);
        }
        assert_true(sim_mesh_until(t->mesh, 10 * SL_SECOND, converged, NULL));
        for (uint32_t i = 0; i < PLACES; i++)
            sl_junction_routing_remove(t->mesh->nodes[(i * 5 + round) % PLACES].junction, DISTANCE_VECTOR.id, NULL);
        run_with_traffic(t, 4 * SL_MS);
    }
    grid_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_live_move_to_flooding_and_back_loses_nothing),
        cmocka_unit_test(a_live_move_to_learning_and_back_loses_nothing),
        cmocka_unit_test(a_live_move_to_another_that_talks_and_back_loses_nothing),
        cmocka_unit_test(a_live_move_over_cables_that_lose_ends_well),
        cmocka_unit_test(the_same_strategy_comes_and_goes_many_times),
    };
    const char *only = getenv("SLOW_TEST");
    if (only != NULL)
        cmocka_set_test_filter(only);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
