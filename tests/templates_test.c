/* The templates of a transport and of link security, loaded as any plugin: what a newcomer copies has to work. What can be seen
 * without sockets, and all of the codec, slow-conform looks at. */
#include "core/module.h"
#include "tests/support/security_host.h"
#include "tests/support/transport_suite.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

static const slow_plugin *template(const char *id, uint32_t kind) {
    char directory[512];
    const slow_plugin *plugin = NULL;
    slow_error error;
    const char *build = getenv("SLOW_BUILD");
    snprintf(directory, sizeof directory, "%s/tests/modules", build != NULL ? build : ".");
    const char *const directories[] = {directory, NULL};
    if (sl_module_find(directories, id, kind, &plugin, &error) != SLOW_OK) {
        fprintf(stderr, "%s: %s\n", error.where, error.text);
        exit(1);
    }
    return plugin;
}

/* ---- the transport ---- */

static const slow_plugin *transport(void) {
    return template("transport-template", SLOW_TRANSPORT);
}

static int raw_connect(const char *bound) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_port = htons((uint16_t)strtoul(strrchr(bound, ':') + 1, NULL, 10));
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void a_stream_that_is_not_of_frames_ends_the_link(void **state) {
    static const uint8_t bad[][6] = {{0, 2, 'o', 'k', 0, 0}, {0, 2, 'o', 'k', 0xff, 0xff}};
    char bound[128];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        world *w = world_new();
        node *server = node_new(w, transport(), NULL);
        node_listen(server, "template://127.0.0.1:0", bound);
        int fd = raw_connect(bound);
        heard_link *in = node_wait_link(server, 1);
        for (size_t at = 0; at < sizeof bad[i]; at++) { /* byte by byte */
            assert_int_equal(write(fd, &bad[i][at], 1), 1);
            world_settle(w);
        }
        node_wait_down(server, in);
        assert_int_equal(in->why, SLOW_E_MALFORMED);
        assert_int_equal(server->frame_count, 1);
        assert_memory_equal(server->frames[0].bytes, "ok", 2);
        close(fd);
        node_free(server);
        world_free(w);
    }
}

static void frames_under_back_pressure_arrive_in_order(void **state) {
    enum { FRAMES = 4000, BATCH = 100 };
    char bound[128];
    (void)state;
    world *w = world_new();
    node *server = node_new(w, transport(), NULL), *client = node_new(w, transport(), NULL);
    node_listen(server, "template://127.0.0.1:0", bound);
    heard_link *out = node_dial(client, bound);
    uint32_t sent = 0, stalls = 0;
    while (sent < FRAMES) {
        slow_packet *batch[BATCH];
        size_t taken;
        for (uint32_t i = 0; i < BATCH; i++)
            batch[i] = node_packet(client, sent + i, 4 + (sent + i) * 37 % 8000, 0);
        out->writable = 0;
        slow_status status = client->ops->send(client->self, out->cookie, batch, BATCH, &taken);
        assert_true(status == SLOW_E_AGAIN || taken == BATCH);
        for (size_t i = taken; i < BATCH; i++)
            node_drop(batch[i]);
        sent += (uint32_t)taken;
        stalls += status == SLOW_E_AGAIN ? 1 : 0;
        while (status == SLOW_E_AGAIN && out->writable == 0)
            world_turn(w);
    }
    node_wait_frames(server, sent);
    assert_true(stalls > 0);
    for (uint32_t i = 0; i < sent; i++)
        assert_true(frame_is(&server->frames[i], 4 + i * 37 % 8000, i));
    node_free(client);
    node_free(server);
    world_free(w);
}

static void a_connection_that_is_reset_takes_the_link_down(void **state) {
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    char bound[128];
    size_t taken;
    (void)state;
    world *w = world_new();
    node *server = node_new(w, transport(), NULL);
    node_listen(server, "template://127.0.0.1:0", bound);
    int fd = raw_connect(bound);
    heard_link *in = node_wait_link(server, 1);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    close(fd);
    slow_packet *packet = node_packet(server, 1, 100, 0);
    assert_int_equal(server->ops->send(server->self, in->cookie, &packet, 1, &taken), SLOW_E_AGAIN);
    assert_int_equal(taken, 0);
    assert_false(in->down); /* never inside the call */
    node_drop(packet);
    node_wait_down(server, in);
    node_free(server);
    world_free(w);
}

static void a_refused_dial_says_so(void **state) {
    char address[64];
    slow_error error;
    (void)state;
    int closed = closed_address("template", SOCK_STREAM, address);
    world *w = world_new();
    node *client = node_new(w, transport(), NULL);
    assert_int_equal(client->ops->connect(client->self, 5, address, &error), SLOW_OK);
    node_wait_failure(client, 5);
    assert_string_equal(client->failure.where, address);
    assert_non_null(strstr(client->failure.text, "refused"));
    node_free(client);
    world_free(w);
    close(closed);
}

static void an_address_is_strict(void **state) {
    static const char *const good[] = {"template://127.0.0.1:4100", "template://192.0.2.1:65535"},
                             *const bad[] = {"template://localhost:4100",
                                             "template://127.0.0.1",
                                             "template://127.0.0.1:",
                                             "template://127.0.0.1:0",
                                             "template://127.0.0.1:65536",
                                             "template://127.0.0.1:+1",
                                             "template://[::1]:4100",
                                             "template://:4100",
                                             "tcp://127.0.0.1:4100",
                                             "template:4100",
                                             ""};
    const slow_transport_ops *ops = transport()->ops;
    uint32_t flags;
    slow_error error;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(ops->check(good[i], false, &flags, &error), SLOW_OK);
        assert_int_equal(flags, i == 0 ? SLOW_LINK_LOCAL : 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(ops->check(bad[i], false, &flags, &error), SLOW_E_INVAL);
    assert_int_equal(ops->check("template://127.0.0.1:0", true, &flags, &error), SLOW_OK);
}

/* ---- link security ---- */

static const char *const secret[] = {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}; /* the config struct */
static const char *const other_secret[] = {"BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};

typedef struct doors {
    suite_end ends[2]; /* [0] dials */
    slow_session *sessions[2];
    uint8_t message[256];
    size_t size;
} doors;

static void doors_open(doors *d, const void *initiators_secret, uint64_t seed) {
    slow_error error;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(suite_end_begin(&d->ends[i], template("security-template", SLOW_SECURITY),
                                         i == 0 ? initiators_secret : secret, seed + (uint64_t)i, &error),
                         SLOW_OK);
        assert_int_equal(d->ends[i].ops->open(d->ends[i].self, i == 0, (slow_bytes){(const uint8_t *)"door", 4},
                                              &d->sessions[i], &error),
                         SLOW_OK);
    }
}

static void doors_close(doors *d) {
    for (int i = 0; i < 2; i++) {
        d->ends[i].ops->close(d->sessions[i]);
        suite_end_free(&d->ends[i]);
    }
}

static slow_status doors_read(doors *d, int end, const uint8_t *bytes, size_t size) {
    slow_bytes payload, key;
    bool done;
    return d->ends[end].ops->read(d->sessions[end], (slow_bytes){bytes, size}, &payload, &key, &done);
}

static void doors_write(doors *d, int step) {
    bool done;
    assert_int_equal(d->ends[step % 2].ops->write(d->sessions[step % 2], (slow_bytes){(const uint8_t *)"hello", 5},
                                                  d->message, sizeof d->message, &d->size, &done),
                     SLOW_OK);
    assert_int_equal(done, step == 2);
}

static void a_message_that_was_tampered_with_is_refused_and_forgotten(void **state) {
    doors d;
    (void)state;
    doors_open(&d, secret, 1);
    for (int step = 0; step < 3; step++) {
        doors_write(&d, step);
        for (size_t bit = 0; bit < d.size * 8; bit++) {
            d.message[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(doors_read(&d, 1 - step % 2, d.message, d.size), SLOW_E_AUTH);
            d.message[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t size = 0; size < d.size; size++)
            assert_true(doors_read(&d, 1 - step % 2, d.message, size) < 0);
        assert_int_equal(doors_read(&d, 1 - step % 2, d.message, d.size), SLOW_OK);
    }
    doors_close(&d);
}

static void who_has_another_secret_is_refused_at_once(void **state) {
    doors d;
    (void)state;
    doors_open(&d, other_secret, 1);
    doors_write(&d, 0);
    assert_int_equal(doors_read(&d, 1, d.message, d.size), SLOW_E_AUTH);
    doors_close(&d);
}

static void what_was_recorded_answers_nobody(void **state) {
    doors d, later;
    (void)state;
    doors_open(&d, secret, 1);
    doors_open(&later, secret, 3);
    doors_write(&d, 0);
    assert_int_equal(doors_read(&d, 1, d.message, d.size), SLOW_OK);
    doors_write(&later, 0);
    doors_write(&d, 1);
    assert_int_equal(doors_read(&later, 0, d.message, d.size), SLOW_E_AUTH);
    assert_int_equal(doors_read(&d, 0, d.message, d.size), SLOW_OK);
    doors_close(&later);
    doors_close(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_that_is_not_of_frames_ends_the_link),
        cmocka_unit_test(frames_under_back_pressure_arrive_in_order),
        cmocka_unit_test(a_connection_that_is_reset_takes_the_link_down),
        cmocka_unit_test(a_refused_dial_says_so),
        cmocka_unit_test(an_address_is_strict),
        cmocka_unit_test(a_message_that_was_tampered_with_is_refused_and_forgotten),
        cmocka_unit_test(who_has_another_secret_is_refused_at_once),
        cmocka_unit_test(what_was_recorded_answers_nobody),
    };
    static const char *const listen[] = {"127.0.0.1:0", "127.0.0.2:0"}, *const nobody[] = {"127.0.0.1:9",
                                                                                           "127.0.0.2:9"};
    return transport_suite_at(transport(), SOCK_STREAM, listen, nobody) +
           cmocka_run_group_tests_name("templates", tests, NULL, NULL);
}
