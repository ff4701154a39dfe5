/* Strategies that come and go while the table is in use: what each is told, in which order, and that no destination is
 * ever without a next hop for it. */
#include "routing_host.h"
#include "loop_virtual.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { AROUND = 3, DESTINATIONS = 200 };

typedef struct rig {
    sl_world *world;
    sl_loop *loop;
    sl_log log;
    sl_stats stats;
    sl_claim claim;
    sl_neighbours neighbours;
    sl_neighbour around[AROUND];
    sl_link links[AROUND]; /* they are there, and that is all */
    sl_forward *forward;
    sl_routing routing;
    sl_instance *instance; /* the last one made */
    char told[1024];
    bool start_fails, leaks;
    bool (*reads)(const slow_host *, slow_bytes message); /* what p and q do with a message; false: malformed */
    unsigned without; /* entries found without a next hop, looked at after every change */
} rig;

/* ---- strategies that only tell what they are told ---- */

typedef struct fake {
    rig *rig;
    const slow_host *host;
    const slow_routing_host *routing;
    char name; /* the letter of its protocol */
    bool left;
} fake;

static void tell(const fake *f, const char *what, const char *about) {
    size_t used = strlen(f->rig->told);
    snprintf(f->rig->told + used, sizeof f->rig->told - used, "%s%c %s%s", used > 0 ? ", " : "", f->name, what, about);
}

static void was_told(rig *g, const char *expected) {
    assert_string_equal(g->told, expected);
    g->told[0] = '\0';
}

static slow_status fake_new(const slow_host *host, const void *config, void **self, char name) {
    fake *f = calloc(1, sizeof *f);
    assert_non_null(f);
    *f = (fake){
        .rig = *(rig *const *)config, .host = host, .routing = host->service(host, SLOW_ROUTING_HOST_ID), .name = name};
    *self = f;
    return SLOW_OK;
}

static slow_status create_p(const slow_host *host, const void *config, void **self, slow_error *error) {
    (void)error;
    return fake_new(host, config, self, 'p');
}
static slow_status create_q(const slow_host *host, const void *config, void **self, slow_error *error) {
    (void)error;
    return fake_new(host, config, self, 'q');
}
static slow_status create_c(const slow_host *host, const void *config, void **self, slow_error *error) {
    (void)error;
    return fake_new(host, config, self, 'c');
}

static slow_status start(void *self, slow_error *error) {
    const fake *f = self;
    if (f->rig->start_fails)
        return sl_error(error, SLOW_E_FAIL, NULL, "it does not want to");
    tell(f, "start", "");
    return SLOW_OK;
}

static void deferred_by_leave(void *self) {
    tell(self, "deferred", "");
}

static void leave(void *self) {
    fake *f = self;
    f->left = true;
    tell(f, "leave", "");
    if (f->rig->leaks)
        f->host->timer_new(f->host, deferred_by_leave, self);
    assert_int_equal(f->host->defer(f->host, deferred_by_leave, self), SLOW_OK);
}

static void stop(void *self) {
    const fake *f = self;
    slow_id dst = {.size = 1, .text = "x"};
    tell(f, "stop", "");
    if (f->left)
        assert_int_equal(f->routing->offer(f->host, &dst, NULL, 0), SLOW_E_CLOSED);
}

static void destroy(void *self) {
    tell(self, "destroy", "");
    free(self);
}

static void neighbour_up(void *self, const slow_neighbour *n) {
    char id[SLOW_ID_MAX + 2];
    snprintf(id, sizeof id, " %.*s", SL_ID_ARG(&n->id));
    tell(self, "up", id);
}
static void neighbour_changed(void *self, const slow_neighbour *n) {
    (void)n;
    tell(self, "changed", "");
}
static void neighbour_down(void *self, slow_link link) {
    (void)link;
    tell(self, "down", "");
}
static slow_status message(void *self, slow_link from, slow_bytes bytes) {
    fake *f = self;
    (void)from;
    if (f->rig->reads != NULL)
        return f->rig->reads(f->host, bytes) ? SLOW_OK : SLOW_E_MALFORMED;
    tell(f, "message", "");
    return SLOW_OK;
}
static size_t choose(void *self, slow_bytes package, const slow_route_view *view, slow_link in, slow_link *out,
                     size_t n) {
    const fake *f = self;
    (void)package;
    (void)view;
    (void)in;
    assert_true(n > 0);
    out[0] = f->rig->around[2].adjacency;
    return 1;
}

#define OPS(letter, ...)                                                                                \
    {                                                                                                   \
        .struct_size = sizeof(slow_routing_ops), .protocol = letter "/1", .neighbour_up = neighbour_up, \
        .neighbour_changed = neighbour_changed, .neighbour_down = neighbour_down, __VA_ARGS__           \
    }
static const slow_routing_ops ops_p = OPS("p", .message = message), ops_q = OPS("q", .message = message),
                              ops_c = OPS("c", .choose = choose);

#define PLUGIN(letter)                                                                                                 \
    {                                                                                                                  \
        .struct_size = sizeof(slow_plugin), .kind = SLOW_ROUTING, .id = "routing-" #letter, .create = create_##letter, \
        .start = start, .leave = leave, .stop = stop, .destroy = destroy, .ops = &ops_##letter                         \
    }
static const slow_plugin plugin_p = PLUGIN(p), plugin_q = PLUGIN(q), plugin_c = PLUGIN(c);

/* ---- a junction's layers, and neighbours ---- */

static void tick(void *arg) {
    (void)arg;
}

/* a and c speak q, b and c speak p. */
static void neighbour_open(rig *g, unsigned i) {
    sl_neighbour *n = &g->around[i];
    sl_protocols *list = &n->protocols;
    n->all = &g->neighbours;
    n->id = (slow_id){.size = 1, .text = {(char)('a' + i)}};
    n->adjacency = sl_slots_add(&g->neighbours.adjacencies, n);
    n->timer = sl_timer_new(g->loop, tick, n);
    n->best = &g->links[i];
    n->best->dirty = true; /* nobody flushes it */
    if (i != 1) {
        list->number[list->names.count] = 7;
        memcpy(list->names.name[list->names.count++], "q/1", 4);
    }
    if (i != 0) {
        list->number[list->names.count] = 9;
        memcpy(list->names.name[list->names.count++], "p/1", 4);
    }
}

/* Every entry, whichever it is that has just changed. */
static void look(void *arg, const sl_route *changed) {
    rig *g = arg;
    (void)changed;
    for (uint32_t i = 0; i < g->forward->table.count; i++)
        g->without += g->forward->table.entries[i].next_hop == NULL;
}

static int set_up(void **state) {
    rig *g = calloc(1, sizeof *g);
    sl_neighbour_events events = sl_routing_neighbour_events(&g->routing);
    g->world = sl_world_new(1);
    g->loop = sl_loop_virtual_new(g->world);
    g->claim.id = (slow_id){.size = 2, .text = "me"};
    sl_routing_init(&g->routing, g->loop, &g->log, &g->stats, &g->claim);
    sl_neighbours_init(&g->neighbours, g->loop, &g->log, &g->stats, &g->claim, &events);
    g->neighbours.sorted = calloc(AROUND, sizeof *g->neighbours.sorted);
    for (unsigned i = 0; i < AROUND; i++) {
        neighbour_open(g, i);
        g->neighbours.sorted[g->neighbours.count++] = &g->around[i];
    }
    g->forward = sl_forward_new(g->loop, &g->neighbours, &g->stats, &g->claim.id);
    sl_routing_wire(&g->routing, &g->neighbours, g->forward);
    *state = g;
    return 0;
}

static int tear_down(void **state) {
    rig *g = *state;
    unsigned leaks = sl_routing_free(&g->routing);
    for (unsigned i = 0; i < AROUND; i++) {
        sl_talk_down(&g->around[i]);
        sl_timer_free(g->around[i].timer);
    }
    free(g->neighbours.sorted);
    sl_slots_free(&g->neighbours.adjacencies);
    sl_forward_free(g->forward);
    sl_loop_free(g->loop);
    sl_world_free(g->world);
    bool leaked = leaks != (g->leaks ? 1 : 0);
    free(g);
    return leaked;
}

static void turn(rig *g) {
    sl_world_run(g->world, sl_world_now(g->world));
}

static void wait_for(rig *g, slow_time duration) {
    sl_world_run(g->world, sl_world_now(g->world) + duration);
}

static slow_status try_add(rig *g, const slow_plugin *plugin, int32_t preference, slow_error *error) {
    sl_instance_env env = {.loop = g->loop, .log = &g->log, .services = sl_routing_services(), .layer = &g->routing};
    rig *config = g;
    assert_int_equal(sl_instance_new(plugin, &config, NULL, &env, &g->instance, error), SLOW_OK);
    return sl_routing_add(&g->routing, g->instance, preference, error);
}

static void add(rig *g, const slow_plugin *plugin, int32_t preference) {
    assert_int_equal(try_add(g, plugin, preference, NULL), SLOW_OK);
}

static sl_strategy *running(rig *g, const char *id) {
    sl_strategy *strategy = sl_routing_find(&g->routing, id);
    assert_non_null(strategy);
    return strategy;
}

static void take_away(rig *g, const char *id) {
    assert_int_equal(sl_routing_remove(&g->routing, running(g, id), NULL), SLOW_OK);
}

/* `id` offers to go by this neighbour to all destinations. */
static void offers(rig *g, const char *id, unsigned neighbour) {
    const slow_host *host = sl_instance_host(running(g, id)->instance);
    const slow_routing_host *routing = host->service(host, SLOW_ROUTING_HOST_ID);
    slow_route route = {.via = g->around[neighbour].adjacency, .metric = 10};
    for (unsigned i = 0; i < DESTINATIONS; i++) {
        slow_id dst;
        dst.size = (uint8_t)snprintf(dst.text, sizeof dst.text, "d%u", i);
        assert_int_equal(routing->offer(host, &dst, &route, 1), SLOW_OK);
    }
}

static void all_go_by(const rig *g, unsigned neighbour) {
    assert_int_equal(g->forward->table.count, DESTINATIONS);
    for (uint32_t i = 0; i < g->forward->table.count; i++)
        assert_ptr_equal(g->forward->table.entries[i].next_hop, &g->around[neighbour]);
    for (unsigned i = 0; i < AROUND; i++)
        assert_int_equal(g->around[i].uses, i == neighbour ? DESTINATIONS : 0);
    assert_int_equal(g->without, 0);
}

/* ---- tests ---- */

static void one_that_is_added_sees_who_speaks_it_in_the_order_of_ids(void **state) {
    rig *g = *state;
    add(g, &plugin_p, 100);
    was_told(g, "p start, p up b, p up c");
    add(g, &plugin_q, 50);
    was_told(g, "q start, q up a, q up c");
    add(g, &plugin_c, 10); /* takes no messages: sees everybody */
    was_told(g, "c start, c up a, c up b, c up c");
    assert_int_equal(g->claim.protocols.names.count, 2);
    for (unsigned i = 0; i < AROUND; i++) /* it goes everywhere: a good watch on all */
        assert_int_equal(g->around[i].uses, 1);
    take_away(g, "routing-c");
    turn(g);
    for (unsigned i = 0; i < AROUND; i++)
        assert_int_equal(g->around[i].uses, 0);
}

static void preferences_are_swapped_without_a_gap(void **state) {
    rig *g = *state;
    add(g, &plugin_p, 100);
    add(g, &plugin_q, 50);
    offers(g, "routing-q", 0);
    offers(g, "routing-p", 1);
    g->forward->table.changed = look;
    g->forward->table.changed_arg = g;
    all_go_by(g, 1);
    sl_routing_prefer(&g->routing, running(g, "routing-q"), 200);
    all_go_by(g, 0);
    assert_string_equal(sl_instance_plugin(g->routing.strategies[0].instance)->id, "routing-q");
    sl_routing_prefer(&g->routing, running(g, "routing-p"), 201);
    all_go_by(g, 1);
    sl_routing_prefer(&g->routing, running(g, "routing-q"), 0);
    all_go_by(g, 1);
}

static void of_equal_preferences_the_one_added_first_counts(void **state) {
    rig *g = *state;
    add(g, &plugin_q, 100);
    add(g, &plugin_p, 100);
    offers(g, "routing-p", 1);
    offers(g, "routing-q", 0);
    all_go_by(g, 0);
    sl_routing_prefer(&g->routing, running(g, "routing-p"), 101);
    all_go_by(g, 1);
    sl_routing_prefer(&g->routing, running(g, "routing-p"), 100);
    all_go_by(g, 0);
    assert_string_equal(sl_instance_plugin(g->routing.strategies[0].instance)->id, "routing-q");
}

/* Does the one that chooses by itself decide, or the table? */
static bool is_chosen(rig *g) {
    const sl_forward_events *events = &g->forward->events;
    const slow_route_view view = {.hops = 0};
    slow_link out[1] = {0};
    size_t count =
        events->choose(events->choose_arg, (slow_bytes){NULL, 0}, &view, 0, &g->forward->table.entries[0], out, 1);
    assert_true(count == SIZE_MAX || (count == 1 && out[0] == g->around[2].adjacency));
    return count == 1;
}

static void one_that_chooses_is_ranked_as_the_others_are(void **state) {
    rig *g = *state;
    add(g, &plugin_q, 100);
    add(g, &plugin_c, 100);
    add(g, &plugin_p, 100);
    offers(g, "routing-p", 1);
    assert_true(is_chosen(g)); /* of equal preferences the one added first counts */
    offers(g, "routing-q", 0);
    assert_false(is_chosen(g));
    sl_routing_prefer(&g->routing, running(g, "routing-c"), 101);
    assert_true(is_chosen(g));
    sl_routing_prefer(&g->routing, running(g, "routing-p"), 102);
    assert_false(is_chosen(g));
}

static void one_that_is_removed_gives_way_without_a_gap(void **state) {
    rig *g = *state;
    add(g, &plugin_p, 100);
    add(g, &plugin_q, 50);
    offers(g, "routing-p", 1);
    offers(g, "routing-q", 0);
    g->forward->table.changed = look;
    g->forward->table.changed_arg = g;
    g->told[0] = '\0';
    take_away(g, "routing-p");
    assert_null(sl_routing_find(&g->routing, "routing-p"));
    turn(g);
    was_told(g, "p leave, p deferred, p stop, p destroy"); /* and of its neighbours nothing more */
    all_go_by(g, 0);
    assert_int_equal(g->routing.count, 1);
    assert_int_equal(sl_protocols_place(&g->claim.protocols, "p/1"), -1);
}

static void the_last_one_stays(void **state) {
    rig *g = *state;
    slow_error error;
    add(g, &plugin_p, 100);
    assert_int_equal(sl_routing_remove(&g->routing, running(g, "routing-p"), &error), SLOW_E_INVAL);
    assert_non_null(strstr(error.text, "routing-p is the only strategy"));
    add(g, &plugin_q, 50);
    take_away(g, "routing-q"); /* it is still there until the turn ends, and counts no more */
    assert_int_equal(sl_routing_remove(&g->routing, running(g, "routing-p"), NULL), SLOW_E_INVAL);
    turn(g);
    assert_int_equal(g->routing.count, 1);
}

/* Up and down come in pairs: nobody is told of the end of what it was not shown. */
static void an_end_is_told_to_those_who_saw_the_beginning(void **state) {
    rig *g = *state;
    sl_neighbour *n = &g->around[0];
    slow_link adjacency = n->adjacency;
    add(g, &plugin_p, 100);
    add(g, &plugin_q, 50);
    add(g, &plugin_c, 10);
    g->told[0] = '\0';
    n->adjacency = 0;
    g->neighbours.events.down(g->neighbours.events.arg, n, adjacency);
    was_told(g, "q down, c down");
}

/* What it announces must be newer than what the others remember of it. */
static void one_that_comes_back_in_the_same_turn_is_another(void **state) {
    rig *g = *state;
    add(g, &plugin_p, 100);
    add(g, &plugin_q, 50);
    uint64_t epoch = running(g, "routing-q")->epoch;
    uint32_t generation = g->claim.protocols.generation;
    uint8_t number = g->claim.protocols.number[1];
    g->told[0] = '\0';
    take_away(g, "routing-q");
    add(g, &plugin_q, 50);
    was_told(g, "q leave, q stop, q destroy, q start, q up a, q up c");
    assert_true(running(g, "routing-q")->epoch > epoch);
    assert_int_equal(g->claim.protocols.generation, generation + 2);
    assert_int_not_equal(g->claim.protocols.number[1], number);
    turn(g);
    assert_int_equal(g->routing.count, 2);
}

static void numbers_are_given_again_only_after_all_others(void **state) {
    rig *g = *state;
    bool seen[UINT8_MAX + 1] = {false};
    add(g, &plugin_p, 100);
    seen[g->claim.protocols.number[0]] = true;
    for (unsigned i = 0; i < UINT8_MAX; i++) {
        add(g, &plugin_q, 50);
        assert_false(seen[g->claim.protocols.number[1]]);
        seen[g->claim.protocols.number[1]] = true;
        take_away(g, "routing-q");
        turn(g);
        g->told[0] = '\0';
    }
    add(g, &plugin_q, 50);
    assert_int_not_equal(g->claim.protocols.number[1], g->claim.protocols.number[0]);
}

static void one_that_cannot_run_leaves_nothing(void **state) {
    rig *g = *state;
    slow_error error;
    add(g, &plugin_p, 100);
    was_told(g, "p start, p up b, p up c");
    g->start_fails = true;
    assert_int_equal(try_add(g, &plugin_q, 50, &error), SLOW_E_FAIL);
    assert_string_equal(error.text, "it does not want to");
    assert_int_equal(g->routing.count, 1);
    assert_int_equal(g->claim.protocols.names.count, 1);
    g->start_fails = false;
    g->told[0] = '\0';
    assert_int_equal(try_add(g, &plugin_p, 50, &error), SLOW_E_INVAL);
    assert_non_null(strstr(error.text, "a strategy for p/1 runs already"));
    assert_int_equal(g->routing.count, 1);
    assert_int_equal(g->claim.protocols.names.count, 1);
}

static void what_a_removed_one_leaked_is_counted(void **state) {
    rig *g = *state;
    add(g, &plugin_p, 100);
    add(g, &plugin_q, 50);
    g->leaks = true;
    take_away(g, "routing-q");
    turn(g);
    assert_int_equal(g->routing.leaks, 1);
    wait_for(g, SL_SECOND);
}

/* ---- announcements and their proofs ---- */

static sl_member member_of(const char *name, uint8_t roles) {
    sl_member member = {.id = {.size = (uint8_t)strlen(name)}, .roles = roles};
    sl_identity identity;
    memcpy(member.id.text, name, member.id.size);
    sl_identity_from_seed(&identity, (const uint8_t[SL_KEY_SIZE]){(uint8_t)name[0]});
    member.key = identity.key;
    return member;
}

/* Who calls itself `name`, with a key of that or of another name; in a network of three. */
static sl_membership *membership_of(rig *g, const char *name, char key, uint8_t roles_of_me) {
    const sl_member list[] = {member_of("me", roles_of_me), member_of("a", SL_ROLE_RELAY),
                              member_of("b", SL_ROLE_RELAY)};
    sl_identity identity;
    slow_id id = member_of(name, 0).id;
    sl_identity_from_seed(&identity, (const uint8_t[SL_KEY_SIZE]){(uint8_t)key});
    sl_membership_setup setup = {
        .identity = &identity, .network = "net", .id = &id, .members = list, .member_count = 3, .listed = true};
    sl_membership *membership = sl_membership_new(g->loop, &g->stats, &setup);
    assert_non_null(membership);
    return membership;
}

static const slow_routing_host *host_table(const slow_host *host) {
    return host->service(host, SLOW_ROUTING_HOST_ID);
}

static const slow_bytes statement = {(const uint8_t *)"I am here", 9};

/* A message is a proof of that, by "a". */
static bool reads_proof_of_a(const slow_host *host, slow_bytes message) {
    slow_id a = {.size = 1, .text = "a"};
    return host_table(host)->verify(host, &a, 0, statement, message);
}

/* The same, of an epoch: by the virtual wall clock two days from now. */
static bool reads_proof_of_tomorrow(const slow_host *host, slow_bytes message) {
    slow_id a = {.size = 1, .text = "a"};
    return host_table(host)->verify(host, &a, UINT64_C(1600000000000) + 2 * SLOW_EPOCH_AHEAD_MS, statement, message);
}

static bool is_read(rig *g, bool (*reads)(const slow_host *, slow_bytes), slow_bytes proof) {
    sl_neighbour_events events = sl_routing_neighbour_events(&g->routing);
    uint64_t before = g->stats.count[SL_drop_route_malformed];
    g->reads = reads;
    events.message(events.arg, &g->around[2], "p/1", proof);
    return g->stats.count[SL_drop_route_malformed] == before;
}

static bool is_proven(rig *g, slow_bytes proof) {
    return is_read(g, reads_proof_of_a, proof);
}

static void without_identities_nothing_is_signed_and_everything_believed(void **state) {
    rig *g = *state;
    add(g, &plugin_p, 100);
    const slow_host *host = sl_instance_host(running(g, "routing-p")->instance);
    slow_bytes proof = {statement.data, 1};
    assert_int_equal(host_table(host)->sign(host, statement, &proof), SLOW_OK);
    assert_int_equal(proof.size, 0);
    assert_true(is_proven(g, proof));
    assert_true(is_proven(g, statement));
    assert_false(host_table(host)->is_leaf(host));
}

static void what_an_id_says_is_signed_by_its_key_and_no_other(void **state) {
    rig *g = *state;
    sl_membership *me = membership_of(g, "me", 'm', SL_ROLE_LEAF), *a = membership_of(g, "a", 'a', 0),
                  *namesake = membership_of(g, "a", 'n', 0), *b = membership_of(g, "b", 'b', 0);
    sl_routing_trust(&g->routing, me);
    add(g, &plugin_p, 100);
    const slow_host *host = sl_instance_host(running(g, "routing-p")->instance);
    slow_bytes proof = {NULL, 0};
    assert_true(host_table(host)->is_leaf(host));
    assert_true(is_proven(g, sl_membership_sign(a, statement)));
    assert_false(is_proven(g, sl_membership_sign(namesake, statement)));
    assert_false(is_proven(g, sl_membership_sign(b, statement)));
    assert_false(is_proven(g, sl_membership_sign(a, (slow_bytes){statement.data, 8})));
    assert_false(is_proven(g, statement)); /* no kind of proof that there is */
    assert_false(is_proven(g, proof));
    assert_int_equal(host_table(host)->sign(host, statement, &proof), SLOW_OK);
    assert_false(is_proven(g, proof)); /* it is ours, and not a's */
    slow_id self = {.size = 2, .text = "me"};
    assert_true(host_table(host)->verify(host, &self, 0, statement, proof));
    uint64_t refused = g->stats.count[SL_refused_no_identity];
    assert_false(host_table(host)->verify(host, &self, 0, statement, (slow_bytes){NULL, 0}));
    assert_int_equal(g->stats.count[SL_refused_no_identity], refused); /* only a question */
    sl_membership *all[] = {me, a, namesake, b};
    sl_routing_trust(&g->routing, NULL);
    for (unsigned i = 0; i < 4; i++)
        sl_membership_free(all[i]);
}

static void what_starts_in_the_future_does_not_count_until_then(void **state) {
    rig *g = *state;
    sl_membership *me = membership_of(g, "me", 'm', SL_ROLE_RELAY), *a = membership_of(g, "a", 'a', 0);
    sl_routing_trust(&g->routing, me);
    add(g, &plugin_p, 100);
    slow_bytes proof = sl_membership_sign(a, statement);
    assert_true(is_proven(g, proof));
    assert_false(is_read(g, reads_proof_of_tomorrow, proof));
    assert_int_equal(g->stats.count[SL_drop_proof_early], 1);
    int64_t to_1970 = 5 - (int64_t)sl_wall_ms(g->loop);
    sl_loop_virtual_shift_wall(g->loop, to_1970);
    assert_true(is_read(g, reads_proof_of_tomorrow, proof)); /* a clock that was never set has no say */
    sl_loop_virtual_shift_wall(g->loop, -to_1970);
    g->told[0] = '\0';
    wait_for(g, 600 * SL_SECOND);
    sl_talk_tick(&g->around[2], sl_now(g->loop));
    was_told(g, "");
    sl_loop_virtual_shift_wall(g->loop, SLOW_EPOCH_AHEAD_MS);
    wait_for(g, 60 * SL_SECOND);
    sl_talk_tick(&g->around[2], sl_now(g->loop));
    was_told(g, "p down, p up c");
    assert_true(is_read(g, reads_proof_of_tomorrow, proof));
    sl_routing_trust(&g->routing, NULL);
    sl_membership_free(me);
    sl_membership_free(a);
}

static void signatures_are_charged_to_whose_message_it_is(void **state) {
    rig *g = *state;
    sl_membership *me = membership_of(g, "me", 'm', SL_ROLE_RELAY), *a = membership_of(g, "a", 'a', 0),
                  *namesake = membership_of(g, "a", 'n', 0);
    sl_routing_trust(&g->routing, me);
    add(g, &plugin_p, 100);
    slow_time now = sl_now(g->loop);
    assert_true(is_proven(g, sl_membership_sign(a, statement)));
    assert_int_equal(g->around[2].budget.paid_at, now + SL_BUDGET_EACH_NS);
    assert_true(is_proven(g, sl_membership_sign(a, statement))); /* remembered: it costs nothing */
    assert_int_equal(g->around[2].budget.paid_at, now + SL_BUDGET_EACH_NS);
    for (unsigned i = 0; i < 3; i++)
        assert_false(is_proven(g, sl_membership_sign(namesake, statement))); /* what is false is checked each time */
    assert_int_equal(g->around[2].budget.paid_at, now + 4 * SL_BUDGET_EACH_NS);
    assert_int_equal(g->around[0].budget.paid_at, 0);
    sl_membership *all[] = {me, a, namesake};
    sl_routing_trust(&g->routing, NULL);
    for (unsigned i = 0; i < 3; i++)
        sl_membership_free(all[i]);
}

static void who_is_early_on_purpose_begins_its_own_channel_anew_once_a_minute(void **state) {
    rig *g = *state;
    sl_neighbour *early = &g->around[2];
    add(g, &plugin_p, 100);
    was_told(g, "p start, p up b, p up c");
    for (unsigned second = 0; second < 125; second++) {
        sl_talk_refused(early, "p/1", sl_wall_ms(g->loop) / 1000 + 1);
        wait_for(g, SL_SECOND);
        sl_talk_tick(early, sl_now(g->loop));
    }
    was_told(g, "p down, p up c, p down, p up c, p down, p up c");
    assert_int_equal(g->stats.count[SL_channels_reread], 3);
}

static void what_will_be_early_for_long_is_looked_at_by_the_clock_of_the_wall(void **state) {
    rig *g = *state;
    sl_neighbour *early = &g->around[2];
    add(g, &plugin_p, 100);
    g->told[0] = '\0';
    sl_talk_refused(early, "p/1", UINT64_MAX);
    sl_talk_refused(early, "p/1", sl_wall_ms(g->loop) / 1000 + 86400);
    wait_for(g, 600 * SL_SECOND);
    sl_talk_tick(early, sl_now(g->loop));
    was_told(g, "");
    sl_loop_virtual_shift_wall(g->loop, 86400000);
    wait_for(g, 60 * SL_SECOND);
    sl_talk_tick(early, sl_now(g->loop));
    was_told(g, "p down, p up c");
    wait_for(g, 600 * SL_SECOND);
    sl_talk_tick(early, sl_now(g->loop));
    was_told(g, "");
}

static void a_budget_is_what_it_says(void **state) {
    sl_budget budget = {.paid_at = 0};
    slow_time now = 100 * SL_SECOND;
    (void)state;
    sl_budget_spend(&budget, SL_BUDGET_AT_ONCE - 1, now);
    assert_false(sl_budget_is_spent(&budget, now));
    sl_budget_spend(&budget, 2, now);
    assert_true(sl_budget_is_spent(&budget, now));
    assert_false(sl_budget_is_spent(&budget, now + SL_BUDGET_EACH_NS));
    assert_int_equal(sl_budget_ready_at(&budget), now + SL_BUDGET_EACH_NS);
    now += 3600 * SL_SECOND; /* it does not fill above the brim */
    sl_budget_spend(&budget, SL_BUDGET_AT_ONCE + 1, now);
    assert_true(sl_budget_is_spent(&budget, now));
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(one_that_is_added_sees_who_speaks_it_in_the_order_of_ids),
        TEST(preferences_are_swapped_without_a_gap),
        TEST(of_equal_preferences_the_one_added_first_counts),
        TEST(one_that_chooses_is_ranked_as_the_others_are),
        TEST(one_that_is_removed_gives_way_without_a_gap),
        TEST(the_last_one_stays),
        TEST(an_end_is_told_to_those_who_saw_the_beginning),
        TEST(one_that_comes_back_in_the_same_turn_is_another),
        TEST(numbers_are_given_again_only_after_all_others),
        TEST(one_that_cannot_run_leaves_nothing),
        TEST(what_a_removed_one_leaked_is_counted),
        TEST(without_identities_nothing_is_signed_and_everything_believed),
        TEST(what_an_id_says_is_signed_by_its_key_and_no_other),
        TEST(what_starts_in_the_future_does_not_count_until_then),
        TEST(signatures_are_charged_to_whose_message_it_is),
        TEST(who_is_early_on_purpose_begins_its_own_channel_anew_once_a_minute),
        TEST(what_will_be_early_for_long_is_looked_at_by_the_clock_of_the_wall),
        TEST(a_budget_is_what_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
