/* Junctions that have something to do with each other, and a net between them that can be narrow, in virtual time. */
#include "peer.h"
#include "loop_virtual.h"
#include "sender_state.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NODES = 4, STRANGERS = 10000, ARRIVALS = 64 };
static const slow_time LATENCY = 10 * SL_MS;

typedef struct net net;
typedef struct node {
    net *net;
    slow_id id;
    sl_loop *loop;
    sl_stats stats;
    sl_peers peers;
    uint32_t room; /* packages that it may send */
    uint32_t sent, received, delivered, others;
    uint64_t session; /* of its last package in a pair */
    bool holds;       /* the application, what it is given */
    sl_arrival *held[ARRIVALS];
    uint32_t held_count;
} node;

struct net {
    sl_world *world;
    node nodes[NODES];
    uint32_t count;
    uint32_t turns;
    uint64_t released;
};

static slow_id id_of(const char *text) {
    slow_id id;
    assert_true(sl_id_set(&id, (slow_bytes){(const uint8_t *)text, strlen(text)}));
    return id;
}

typedef struct copy {
    node *to;
    slow_id src;
    slow_package package;
    uint8_t bytes[SLOW_PAYLOAD_MAX];
} copy;

static void arrive(void *arg) {
    copy *c = arg;
    c->package.src = sl_id_bytes(&c->src);
    c->package.payload.data = c->bytes;
    c->to->received++;
    sl_peers_receive(&c->to->peers, &c->package, NULL);
    free(c);
}

static slow_status on_send(void *arg, const slow_id *dst, slow_package *package, uint64_t session, uint64_t packet,
                           const sl_way *way) {
    (void)way;
    node *n = arg;
    if (n->room == 0)
        return SLOW_E_AGAIN;
    n->room--;
    n->sent++;
    n->session = session != 0 ? session : n->session;
    for (uint32_t i = 0; i < n->net->count; i++) {
        if (!sl_id_equal(&n->net->nodes[i].id, dst))
            continue;
        copy *c = malloc(sizeof *c);
        *c = (copy){.to = &n->net->nodes[i], .src = n->id, .package = *package};
        c->package.session = session;
        c->package.packet = packet;
        if (package->payload.size > 0)
            memcpy(c->bytes, package->payload.data, package->payload.size);
        assert_true(sl_world_at(n->net->world, c->to->loop, sl_world_now(n->net->world) + LATENCY, arrive, free, c));
    }
    return SLOW_OK;
}

static void on_outcome(void *arg, const sl_result *result) {
    node *n = arg;
    n->delivered += result->outcome == SL_DELIVERED;
    n->others += result->outcome != SL_DELIVERED;
}

static void on_released(void *arg, const slow_id *peer, size_t bytes) {
    (void)peer;
    ((node *)arg)->net->released += bytes;
}

static void on_offer(void *arg, const sl_message *message) {
    node *n = arg;
    sl_arrival *arrival = message->arrival;
    sl_peers_held(&n->peers, arrival);
    if (!n->holds) {
        sl_peers_taken(&n->peers, arrival);
        return;
    }
    assert_true(n->held_count < ARRIVALS);
    n->held[n->held_count++] = arrival;
}

static bool on_withdraw(void *arg, sl_arrival *arrival) {
    (void)arg;
    (void)arrival;
    return false;
}

static void on_turn(void *arg) {
    ((net *)arg)->turns++;
}

static const uint8_t key[SL_HASH_KEY] = "0123456789abcde";

static node *node_new(net *t, const char *id) {
    node *n = &t->nodes[t->count++];
    *n = (node){.net = t, .id = id_of(id), .loop = sl_loop_virtual_new(t->world), .room = UINT32_MAX};
    sl_peers_events events = {.arg = n,
                              .send = on_send,
                              .outcome = on_outcome,
                              .released = on_released,
                              .offer = on_offer,
                              .withdraw = on_withdraw};
    assert_int_equal(sl_peers_init(&n->peers, n->loop, &n->stats, &n->id, key, &events), SLOW_OK);
    return n;
}

static int set_up(void **state) {
    net *t = calloc(1, sizeof *t);
    t->world = sl_world_new(1);
    sl_world_on_turn(t->world, on_turn, t);
    sl_world_run(t->world, 1000 * SL_SECOND);
    *state = t;
    return t->world == NULL;
}

static int tear_down(void **state) {
    net *t = *state;
    for (uint32_t i = 0; i < t->count; i++) {
        sl_peers_free(&t->nodes[i].peers);
        while (t->nodes[i].held_count > 0)
            sl_arrival_drop(t->nodes[i].held[--t->nodes[i].held_count]);
        assert_int_equal(t->nodes[i].peers.budget.used, 0);
        assert_int_equal(t->nodes[i].peers.waiting, 0);
        sl_loop_free(t->nodes[i].loop);
    }
    sl_world_free(t->world);
    free(t);
    return 0;
}

static void run(net *t, slow_time for_ns) {
    sl_world_run(t->world, sl_world_now(t->world) + for_ns);
}

static void send_to(node *from, const slow_id *to, size_t size) {
    sl_outgoing *out = calloc(1, sizeof *out + size);
    out->message = (sl_message){
        .peer = *to, .type = SLOW_BINARY, .flags = SLOW_RELIABLE, .ttl_ns = SL_TTL_NS, .payload = {out->bytes, size}};
    assert_int_equal(sl_peers_send(&from->peers, out), SLOW_OK);
}

/* ---- rest ---- */

static void a_pair_that_rests_wakes_nobody_until_it_is_forgotten(void **state) {
    net *t = *state;
    node *a = node_new(t, "a"), *b = node_new(t, "b");
    send_to(a, &b->id, 10);
    run(t, SL_SECOND);
    assert_int_equal(a->delivered, 1);
    uint32_t turns = t->turns, sent = a->sent + b->sent;
    run(t, 590 * SL_SECOND);
    assert_int_equal(t->turns, turns);
    assert_int_equal(a->peers.count + b->peers.count, 2);
    run(t, 20 * SL_SECOND);
    assert_int_equal(t->turns, turns + 2); /* one for each end */
    assert_int_equal(a->peers.count + b->peers.count, 0);
    assert_int_equal(a->sent + b->sent, sent);
}

/* ---- pieces ---- */

static void all_that_the_window_allows_goes_out_in_one_turn(void **state) {
    enum { MESSAGES = 600 }; /* more than two pieces */
    net *t = *state;
    node *a = node_new(t, "a"), *b = node_new(t, "b");
    assert_true(MESSAGES * SLOW_PAYLOAD_MAX > 2 * SL_SENDER_PIECE);
    for (int i = 0; i < 4; i++)
        send_to(a, &b->id, 512 * 1024); /* opens the window */
    run(t, 5 * SL_SECOND);
    assert_int_equal(a->delivered, 4);
    uint32_t before = a->sent;
    for (uint32_t i = 0; i < MESSAGES; i++)
        send_to(a, &b->id, SLOW_PAYLOAD_MAX);
    run(t, LATENCY / 2);
    assert_int_equal(a->sent - before, MESSAGES);
}

/* ---- strangers ---- */

static void stranger_says(node *n, char first, uint32_t number, uint16_t kind, bool data) {
    char text[16];
    uint8_t bytes[SLOW_PAYLOAD_MAX];
    snprintf(text, sizeof text, "%c%u", first, number);
    slow_id id = id_of(text);
    sl_open open = {.mine = number + 1, .yours = kind == SL_KIND_OPEN1 ? 0 : 7};
    slow_package package = {.type = data ? SLOW_BINARY : SLOW_CONTROL,
                            .kind = data ? 0 : kind,
                            .flags = data ? SLOW_RELIABLE : 0,
                            .session = number + 1,
                            .packet = 1,
                            .message = 1,
                            .src = sl_id_bytes(&id)};
    if (kind >= SL_KIND_OPEN1 && kind <= SL_KIND_OPEN3)
        package.payload = (slow_bytes){bytes, sl_open_write(bytes, (enum sl_pair_kind)kind, &open)};
    package.total = (uint32_t)package.payload.size;
    sl_peers_receive(&n->peers, &package, NULL);
}

static void strangers_cost_little_and_are_forgotten(void **state) {
    net *t = *state;
    node *n = node_new(t, "m");
    uint32_t most = 0;
    for (uint32_t i = 0; i < STRANGERS; i++) {
        for (uint16_t kind = SL_KIND_KNOCK; kind <= SL_KIND_STATE; kind++) {
            stranger_says(n, 'a', i, kind, false); /* lower than we are */
            stranger_says(n, 'z', i, kind, false);
        }
        stranger_says(n, 'a', i, 0, true);
        stranger_says(n, 'z', i, 0, true);
        most = n->peers.count > most ? n->peers.count : most;
    }
    assert_true(most <= SL_HALVES + SL_OPENINGS_UNASKED); /* all in one turn */
    run(t, SL_SECOND);
    assert_true(n->sent < STRANGERS); /* for 140,000 packages */
    run(t, 60 * SL_SECOND);
    assert_int_equal(n->peers.count, 0);
    assert_int_equal(n->peers.limits.halves, 0);
    assert_int_equal(n->peers.limits.unasked, 0);
    assert_int_equal(n->peers.pairs, 0);
}

/* Answers in the pair may be many, for a package that anybody may repeat. */
static void repeated_openings_are_answered_eight_times_a_second(void **state) {
    net *t = *state;
    node *a = node_new(t, "a"), *b = node_new(t, "b");
    uint8_t bytes[SLOW_PAYLOAD_MAX];
    send_to(a, &b->id, 10);
    run(t, SL_SECOND);
    sl_open open = {.mine = 99, .yours = b->session};
    slow_package package = {.type = SLOW_CONTROL,
                            .kind = SL_KIND_OPEN1,
                            .src = sl_id_bytes(&a->id),
                            .payload = {bytes, sl_open_write(bytes, SL_KIND_OPEN1, &open)}};
    uint32_t sent = b->sent;
    for (int i = 0; i < 100; i++) {
        sl_peers_receive(&b->peers, &package, NULL);
        run(t, 10 * SL_MS);
    }
    assert_int_equal(b->sent - sent, 8);
}

/* ---- a narrow way ---- */

static void who_waits_for_room_gets_it_in_turns(void **state) {
    net *t = *state;
    node *m = node_new(t, "m");
    const char *names[] = {"x", "y", "z"};
    for (int i = 0; i < 3; i++)
        send_to(m, &node_new(t, names[i])->id, 10);
    run(t, SL_SECOND);
    assert_int_equal(m->delivered, 3);
    m->room = 0;
    for (int i = 1; i <= 3; i++) {
        t->nodes[i].received = 0;
        for (int k = 0; k < 30; k++)
            send_to(m, &t->nodes[i].id, 10);
    }
    for (int k = 0; k < 9; k++) {
        run(t, SL_MS);
        m->room = 1;
        sl_peers_room(&m->peers);
    }
    run(t, 15 * SL_MS);
    for (int i = 1; i <= 3; i++)
        assert_int_equal(t->nodes[i].received, 3);
}

/* ---- the end of a pair ---- */

static void what_an_application_holds_outlives_pair_and_peer(void **state) {
    net *t = *state;
    node *a = node_new(t, "a"), *b = node_new(t, "b");
    b->holds = true;
    send_to(a, &b->id, 2000);
    send_to(a, &b->id, 0);
    run(t, SL_SECOND);
    assert_int_equal(b->held_count, 2);
    run(t, 1000 * SL_SECOND);
    assert_int_equal(a->others, 2); /* nobody said so in time */
    assert_int_equal(a->peers.count + b->peers.count, 0);
    assert_true(b->peers.budget.used > 2000);
    while (b->held_count > 0)
        sl_peers_taken(&b->peers, b->held[--b->held_count]);
    assert_int_equal(b->peers.budget.used, 0);
    run(t, SL_SECOND);
    assert_int_equal(b->peers.count, 0);
}

static void of_too_many_pairs_the_one_that_rested_longest_goes(void **state) {
    net *t = *state;
    node *m = node_new(t, "m");
    m->peers.pairs_most = 2;
    const char *names[] = {"x", "y", "z"};
    for (int i = 0; i < 3; i++) {
        send_to(m, &node_new(t, names[i])->id, 10);
        run(t, SL_SECOND);
    }
    assert_int_equal(m->delivered, 3);
    assert_int_equal(m->peers.pairs, 2);
    sl_peer_info info[3];
    assert_int_equal(sl_peers_info(&m->peers, info, 3), 2);
    assert_memory_equal(info[0].id.text, "y", 1);
    assert_memory_equal(info[1].id.text, "z", 1);
    send_to(m, &t->nodes[1].id, 10); /* its other end still has the pair */
    run(t, 2 * SL_SECOND);
    assert_int_equal(m->delivered, 4);
    send_to(&t->nodes[1], &m->id, 10);
    run(t, 2 * SL_SECOND);
    assert_int_equal(t->nodes[1].delivered, 1);
}

static void the_end_of_all_gives_every_message_its_outcome(void **state) {
    enum { COUNT = 1000 };
    net *t = *state;
    node *a = node_new(t, "a"), *b = node_new(t, "b");
    slow_id nobody = id_of("nobody");
    b->holds = true;
    for (uint32_t i = 0; i < 50; i++)
        send_to(a, &b->id, 100);
    run(t, SL_SECOND);
    assert_int_equal(b->held_count, 50);
    for (uint32_t i = 0; i < COUNT; i++)
        send_to(a, &nobody, i);
    run(t, SL_SECOND);
    assert_int_equal(sl_peers_pending(&a->peers), COUNT + 50);
    sl_peers_stop(&a->peers);
    assert_int_equal(sl_peers_pending(&a->peers), 50);
    sl_peers_abandon(&a->peers);
    assert_int_equal(sl_peers_pending(&a->peers), 0);
    assert_int_equal(a->others, COUNT + 50);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_pair_that_rests_wakes_nobody_until_it_is_forgotten),
        CASE(all_that_the_window_allows_goes_out_in_one_turn),
        CASE(strangers_cost_little_and_are_forgotten),
        CASE(repeated_openings_are_answered_eight_times_a_second),
        CASE(who_waits_for_room_gets_it_in_turns),
        CASE(what_an_application_holds_outlives_pair_and_peer),
        CASE(of_too_many_pairs_the_one_that_rested_longest_goes),
        CASE(the_end_of_all_gives_every_message_its_outcome),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
