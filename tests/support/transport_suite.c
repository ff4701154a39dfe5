/* transport_suite.c - what every transport has to do, over IP or not, whatever it is made of. */
#include "transport_suite.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <cmocka.h>

/* The transport under test; each cmocka test gets it as its initial state. */
typedef struct subject {
    const slow_plugin *plugin;
    const char *scheme;
    int type;
    const char *listen[2]; /* two addresses to listen on, without the scheme */
    const char *nobody[2]; /* two on which nobody does */
} subject;

static const subject *subject_of(void **state) {
    return *state;
}

static char *url(const subject *s, const char *rest, char out[128]) {
    snprintf(out, 128, "%s://%s", s->scheme, rest);
    return out;
}

/* Two nodes, and a link that has carried one frame. */
typedef struct pair {
    world *world;
    node *server, *client;
    heard_link *in, *out; /* the link as the server and as the client sees it */
    char bound[128];
} pair;

static pair pair_open(const subject *s, const char *listen, const char *options) {
    char address[128];
    pair p = {.world = world_new()};
    p.server = node_new(p.world, s->plugin, options);
    p.client = node_new(p.world, s->plugin, options);
    node_listen(p.server, url(s, listen, address), p.bound);
    p.out = node_dial(p.client, p.bound);
    node_send(p.client, p.out, node_packet(p.client, 0, 1, 0));
    p.in = node_wait_link(p.server, 1);
    node_wait_frames(p.server, 1);
    return p;
}

static void pair_free(pair *p) {
    node_free(p->client);
    node_free(p->server);
    world_free(p->world);
}

static void frames_go_both_ways(const subject *s, const char *listen) {
    static const uint32_t sizes[] = {1, 2, 3, 63, 64, 100, 1279, 1280, 1400, 2047, SLOW_FRAME_FLOOR};
    pair p = pair_open(s, listen, NULL);
    uint32_t count = sizeof sizes / sizeof sizes[0];
    assert_true(frame_is(&p.server->frames[0], 1, 0));
    for (uint32_t i = 0; i <= count; i++) {
        uint32_t size = i < count ? sizes[i] : p.out->mtu;
        node_send(p.client, p.out, node_packet(p.client, i + 1, size, 0));
        node_send(p.server, p.in, node_packet(p.server, i + 1, size, 0));
        node_wait_frames(p.server, i + 2);
        node_wait_frames(p.client, i + 1);
        assert_true(frame_is(&p.server->frames[i + 1], size, i + 1));
        assert_true(frame_is(&p.client->frames[i], size, i + 1));
    }
    pair_free(&p);
}

static void frames_of_all_sizes_go_both_ways(void **state) {
    frames_go_both_ways(subject_of(state), subject_of(state)->listen[0]);
}

static void frames_go_over_ipv6(void **state) {
    if (!machine_has_ipv6()) {
        print_message("[  SKIPPED ] no IPv6 on this machine: not tested\n");
        skip();
    }
    frames_go_both_ways(subject_of(state), "[::1]:0");
}

static void both_ends_of_a_link_say_who_they_are(void **state) {
    const subject *s = subject_of(state);
    pair p = pair_open(s, s->listen[0], NULL);
    uint32_t stream = s->type != SOCK_DGRAM ? SLOW_LINK_STREAM : 0u;
    assert_string_equal(p.out->remote, p.bound);
    assert_string_equal(p.in->local, p.bound);
    assert_string_equal(p.in->remote, p.out->local);
    assert_int_equal(p.out->flags, SLOW_LINK_LOCAL | stream);
    assert_int_equal(p.in->flags, SLOW_LINK_LOCAL | SLOW_LINK_INBOUND | stream);
    assert_true(p.out->dial != 0);
    assert_int_equal(p.in->dial, 0);
    assert_true(p.out->mtu >= 1280 && p.out->mtu == p.in->mtu);
    pair_free(&p);
}

static void each_can_dial_the_other(void **state) {
    const subject *s = subject_of(state);
    char address[128], bound[2][128];
    world *w = world_new();
    node *n[2];
    for (int i = 0; i < 2; i++) {
        n[i] = node_new(w, s->plugin, NULL);
        node_listen(n[i], url(s, s->listen[i], address), bound[i]);
    }
    heard_link *first = node_dial(n[0], bound[1]);
    node_send(n[0], first, node_packet(n[0], 7, 100, 0));
    node_wait_frames(n[1], 1);
    heard_link *second = node_dial(n[1], bound[0]);
    node_send(n[1], second, node_packet(n[1], 8, 100, 0));
    node_wait_frames(n[0], 1);
    assert_int_equal(n[0]->link_count, 2);
    assert_int_equal(n[1]->link_count, 2);
    assert_true(frame_is(&n[1]->frames[0], 100, 7) && frame_is(&n[0]->frames[0], 100, 8));
    node_free(n[0]);
    node_free(n[1]);
    world_free(w);
}

static void one_instance_listens_on_two_addresses(void **state) {
    const subject *s = subject_of(state);
    char address[128], bound[2][128];
    world *w = world_new();
    node *server = node_new(w, s->plugin, NULL), *client = node_new(w, s->plugin, NULL);
    for (uint32_t i = 0; i < 2; i++) {
        node_listen(server, url(s, s->listen[i], address), bound[i]);
        heard_link *out = node_dial(client, bound[i]);
        node_send(client, out, node_packet(client, i, 50, 0));
        node_wait_frames(server, i + 1);
        assert_string_equal(server->links[i].local, bound[i]);
        assert_true(frame_is(&server->frames[i], 50, i));
    }
    assert_string_not_equal(bound[0], bound[1]);
    node_free(client);
    node_free(server);
    world_free(w);
}

static void many_peers_of_one_listener_are_told_apart(void **state) {
    const subject *s = subject_of(state);
    enum { PEERS = 60 };
    char address[128], bound[128];
    world *w = world_new();
    node *server = node_new(w, s->plugin, NULL), *client = node_new(w, s->plugin, NULL);
    node_listen(server, url(s, s->listen[0], address), bound);
    for (uint32_t i = 0; i < PEERS; i++)
        node_dial(client, bound);
    for (uint32_t round = 0; round < 3; round++)
        for (uint32_t i = 0; i < PEERS; i++)
            node_send(client, &client->links[i], node_packet(client, i, 40, 0));
    node_wait_frames(server, 3 * PEERS);
    assert_int_equal(server->link_count, PEERS);
    for (uint32_t i = 0; i < PEERS; i++)
        assert_int_equal(server->links[i].frames, 3);
    for (size_t f = 0; f < server->frame_count; f++) {
        const char *from = server->links[server->frames[f].link - 1].remote;
        uint32_t index = 0;
        while (index < PEERS && strcmp(client->links[index].local, from) != 0)
            index++;
        assert_true(frame_is(&server->frames[f], 40, index));
    }
    node_free(client);
    node_free(server);
    world_free(w);
}

static void a_name_is_looked_up(void **state) {
    const subject *s = subject_of(state);
    char address[128], bound[128];
    world *w = world_new();
    node *server = node_new(w, s->plugin, NULL), *client = node_new(w, s->plugin, NULL);
    node_listen(server, url(s, "localhost:0", address), bound);
    url(s, "localhost:", address);
    assert_int_equal(strncmp(bound, address, strlen(address)), 0);
    heard_link *out = node_dial(client, bound);
    node_send(client, out, node_packet(client, 3, 99, 0));
    node_wait_frames(server, 1);
    assert_true(frame_is(&server->frames[0], 99, 3));
    node_free(client);
    node_free(server);
    world_free(w);
}

static void a_name_that_is_not_found_fails_the_dial(void **state) {
    const subject *s = subject_of(state);
    char address[128];
    slow_error error;
    world *w = world_new();
    world_lose_names(w);
    node *client = node_new(w, s->plugin, NULL);
    assert_int_equal(client->ops->connect(client->self, 5, url(s, "no-such.invalid:4100", address), &error), SLOW_OK);
    assert_int_equal(client->failed_dial, 0);
    node_wait_failure(client, 5);
    assert_string_equal(client->failure.where, address);
    assert_non_null(strstr(client->failure.text, "not found"));
    node_free(client);
    world_free(w);
}

static void a_dial_that_is_cancelled_is_never_heard_of(void **state) {
    const subject *s = subject_of(state);
    char address[128];
    slow_error error;
    for (int settled = 0; settled < 2; settled++)
        for (int host = 0; host < 2; host++) {
            world *w = world_new();
            world_lose_names(w);
            node *client = node_new(w, s->plugin, NULL);
            assert_int_equal(client->ops->connect(client->self, 5, url(s, s->nobody[host], address), &error), SLOW_OK);
            assert_int_equal(client->ops->connect(client->self, 6, address, &error), SLOW_OK);
            client->ops->cancel(client->self, 5);
            if (settled == 0)
                client->ops->cancel(client->self, 6);
            world_settle(w);
            assert_true(client->failed_dial != 5);
            assert_true(settled == 1 || client->failed_dial == 0);
            assert_true(client->ups == 0 || client->links[0].dial == 6);
            node_free(client);
            world_free(w);
        }
}

static void an_instance_can_end_with_dials_under_way(void **state) {
    const subject *s = subject_of(state);
    char address[128];
    slow_error error;
    world *w = world_new();
    node *client = node_new(w, s->plugin, NULL);
    assert_int_equal(client->ops->connect(client->self, 1, url(s, s->nobody[1], address), &error), SLOW_OK);
    assert_int_equal(client->ops->connect(client->self, 2, url(s, s->nobody[0], address), &error), SLOW_OK);
    node_free(client);
    world_free(w);
}

static void after_close_nothing_is_called(void **state) {
    const subject *s = subject_of(state);
    pair p = pair_open(s, s->listen[0], NULL);
    for (uint32_t i = 0; i < 20; i++)
        node_send(p.server, p.in, node_packet(p.server, i, 500, 0));
    node_close(p.client, p.out);
    world_settle(p.world);
    assert_int_equal(p.client->frame_count, 0);
    assert_int_equal(p.client->downs, 0);
    pair_free(&p); /* which wants no call about a closed link */
}

static void what_was_taken_is_sent_before_the_close(void **state) {
    const subject *s = subject_of(state);
    pair p = pair_open(s, s->listen[0], NULL);
    for (uint32_t i = 0; i < 50; i++) {
        node_send(p.client, p.out, node_packet(p.client, i, 600, 0));
        node_send(p.server, p.in, node_packet(p.server, i, 600, 0)); /* unread at the close */
    }
    node_close(p.client, p.out);
    node_wait_frames(p.server, 51);
    for (uint32_t i = 0; i < 50; i++)
        assert_true(frame_is(&p.server->frames[i + 1], 600, i));
    pair_free(&p);
}

static void a_refused_peer_leaves_nothing(void **state) {
    const subject *s = subject_of(state);
    char address[128], bound[128];
    world *w = world_new();
    node *server = node_new(w, s->plugin, NULL), *client = node_new(w, s->plugin, NULL);
    server->refuse = true;
    node_listen(server, url(s, s->listen[0], address), bound);
    heard_link *out = node_dial(client, bound);
    node_send(client, out, node_packet(client, 1, 100, 0));
    while (server->ups == 0)
        world_turn(w);
    world_settle(w);
    assert_int_equal(server->link_count, 0);
    assert_int_equal(server->frame_count, 0);
    node_free(client);
    node_free(server);
    world_free(w);
}

static void a_refused_dial_leaves_nothing(void **state) {
    const subject *s = subject_of(state);
    char address[128], bound[128];
    slow_error error;
    world *w = world_new();
    node *server = node_new(w, s->plugin, NULL), *client = node_new(w, s->plugin, NULL);
    client->refuse = true;
    node_listen(server, url(s, s->listen[0], address), bound);
    assert_int_equal(client->ops->connect(client->self, 9, bound, &error), SLOW_OK);
    assert_int_equal(client->ups, 0);
    while (client->ups == 0)
        world_turn(w);
    world_settle(w);
    assert_int_equal(client->failed_dial, 0);
    assert_int_equal(client->ups, 1);
    node_free(client);
    node_free(server);
    world_free(w);
}

static void links_outlive_their_listener(void **state) {
    const subject *s = subject_of(state);
    char address[128], again[128];
    pair p = pair_open(s, s->listen[0], NULL);
    p.server->ops->unlisten(p.server->self, url(s, s->listen[0], address));
    node_send(p.client, p.out, node_packet(p.client, 5, 100, 0));
    node_wait_frames(p.server, 2);
    node_send(p.server, p.in, node_packet(p.server, 6, 100, 0));
    node_wait_frames(p.client, 1);
    node_listen(p.server, p.bound, again);
    assert_string_equal(again, p.bound);
    heard_link *out = node_dial(p.client, again);
    node_send(p.client, out, node_packet(p.client, 7, 100, 0));
    node_wait_link(p.server, 2);
    pair_free(&p);
}

static void a_listener_that_was_ended_takes_no_one(void **state) {
    const subject *s = subject_of(state);
    char address[128];
    slow_error error;
    pair p = pair_open(s, s->listen[0], NULL);
    p.server->ops->unlisten(p.server->self, url(s, s->listen[0], address));
    assert_int_equal(p.client->ops->connect(p.client->self, 77, p.bound, &error), SLOW_OK);
    world_settle(p.world);
    if (p.client->link_count > 1 && !p.client->links[1].down)
        node_send(p.client, &p.client->links[1], node_packet(p.client, 7, 100, 0));
    world_settle(p.world);
    assert_int_equal(p.server->ups, 1);
    pair_free(&p);
}

static void an_address_that_is_taken_is_an_error_that_says_so(void **state) {
    const subject *s = subject_of(state);
    char bound[128];
    slow_error error = {.code = 0};
    pair p = pair_open(s, s->listen[0], NULL);
    assert_int_equal(p.client->ops->listen(p.client->self, p.bound, bound, &error), SLOW_E_FAIL);
    assert_string_equal(error.where, p.bound);
    assert_non_null(strstr(error.text, "in use"));
    pair_free(&p);
}

static void a_reader_that_says_again_still_gets_all_in_order(void **state) {
    const subject *s = subject_of(state);
    pair p = pair_open(s, s->listen[0], NULL);
    p.server->say_again = true;
    for (uint32_t i = 0; i < 60; i++)
        node_send(p.client, p.out, node_packet(p.client, i, 1000, 0));
    node_wait_frames(p.server, 61);
    for (uint32_t i = 0; i < 60; i++)
        assert_true(frame_is(&p.server->frames[i + 1], 1000, i));
    pair_free(&p);
}

static void random_sizes_arrive_in_order(void **state) {
    const subject *s = subject_of(state);
    pair p = pair_open(s, s->listen[0], NULL);
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    uint32_t sizes[200];
    for (uint32_t i = 0; i < 200; i++) {
        sizes[i] = 1 + (uint32_t)rand_r(&seed) % p.out->mtu;
        node_send(p.client, p.out, node_packet(p.client, i, sizes[i], 0));
        if (rand_r(&seed) % 8 == 0)
            node_wait_frames(p.server, i + 2);
    }
    node_wait_frames(p.server, 201);
    for (uint32_t i = 0; i < 200; i++)
        assert_true(frame_is(&p.server->frames[i + 1], sizes[i], i));
    pair_free(&p);
}

static void check_takes_our_addresses_and_no_others(void **state) {
    const subject *s = subject_of(state);
    const slow_transport_ops *ops = s->plugin->ops;
    static const struct {
        const char *rest;
        bool listen, good;
        uint32_t flags;
    } cases[] = {{"127.0.0.1:4100", false, true, SLOW_LINK_LOCAL},
                 {"192.0.2.1:4100", true, true, 0},
                 {"*:0", true, true, 0},
                 {"localhost:1", true, true, SLOW_LINK_LOCAL},
                 {"junction.example:4100", false, true, 0},
                 {"junction.example:4100", true, false, 0},
                 {"192.0.2.1", false, false, 0},
                 {"192.0.2.1:0", false, false, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char address[128];
        uint32_t flags = 99;
        slow_error error;
        slow_status status = ops->check(url(s, cases[i].rest, address), cases[i].listen, &flags, &error);
        assert_int_equal(status == SLOW_OK, cases[i].good);
        if (status == SLOW_OK)
            assert_int_equal(flags, cases[i].flags);
    }
    uint32_t flags;
    slow_error error;
    assert_int_equal(ops->check("carrier-pigeon://192.0.2.1:1", false, &flags, &error), SLOW_E_INVAL);
    assert_string_equal(ops->scheme, s->scheme);
}

#define SUITE(test) \
    { .name = #test, .test_func = test, .initial_state = &s }

int transport_suite_at(const slow_plugin *plugin, int type, const char *const listen[2], const char *const nobody[2]) {
    subject s = {.plugin = plugin,
                 .scheme = ((const slow_transport_ops *)plugin->ops)->scheme,
                 .type = type,
                 .listen = {listen[0], listen[1]},
                 .nobody = {nobody[0], nobody[1]}};
    const struct CMUnitTest tests[] = {
        SUITE(frames_of_all_sizes_go_both_ways),
        SUITE(both_ends_of_a_link_say_who_they_are),
        SUITE(each_can_dial_the_other),
        SUITE(one_instance_listens_on_two_addresses),
        SUITE(many_peers_of_one_listener_are_told_apart),
        SUITE(a_dial_that_is_cancelled_is_never_heard_of),
        SUITE(an_instance_can_end_with_dials_under_way),
        SUITE(after_close_nothing_is_called),
        SUITE(what_was_taken_is_sent_before_the_close),
        SUITE(a_refused_peer_leaves_nothing),
        SUITE(a_refused_dial_leaves_nothing),
        SUITE(links_outlive_their_listener),
        SUITE(a_listener_that_was_ended_takes_no_one),
        SUITE(an_address_that_is_taken_is_an_error_that_says_so),
        SUITE(a_reader_that_says_again_still_gets_all_in_order),
        SUITE(random_sizes_arrive_in_order),
    };
    return cmocka_run_group_tests_name("transport suite", tests, NULL, NULL);
}

int transport_suite(const slow_plugin *plugin, int type) {
    static const char *const listen[] = {"127.0.0.1:0", "127.0.0.2:0"}, *const nobody[] = {"127.0.0.1:9",
                                                                                           "localhost:9"};
    subject s = {.plugin = plugin,
                 .scheme = ((const slow_transport_ops *)plugin->ops)->scheme,
                 .type = type,
                 .listen = {listen[0], listen[1]}};
    const struct CMUnitTest tests[] = {
        SUITE(frames_go_over_ipv6),
        SUITE(a_name_is_looked_up),
        SUITE(a_name_that_is_not_found_fails_the_dial),
        SUITE(check_takes_our_addresses_and_no_others),
    };
    return transport_suite_at(plugin, type, listen, nobody) +
           cmocka_run_group_tests_name("transport suite, over IP", tests, NULL, NULL);
}
