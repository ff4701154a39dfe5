/* tcp_test.c - the suite for all transports, and what is TCP's own: framing, back-pressure, resets, refusals. */
#include "tests/support/transport_suite.h"
#include "tests/support/vectors.h"
#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

const slow_module *slow_module_v1_transport_tcp(void);

static const slow_plugin *tcp(void) {
    return slow_module_v1_transport_tcp()->plugins[0];
}

/* A node that listens, and a peer that is a bare socket. */
typedef struct raw {
    world *world;
    node *server;
    int fd;
    char bound[128];
} raw;

static int raw_connect(const char *bound) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    to.sin_port = htons((uint16_t)strtoul(strrchr(bound, ':') + 1, NULL, 10));
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    return fd;
}

static raw raw_open(void) {
    raw r = {.world = world_new()};
    r.server = node_new(r.world, tcp(), NULL);
    node_listen(r.server, "tcp://127.0.0.1:0", r.bound);
    r.fd = raw_connect(r.bound);
    node_wait_link(r.server, 1);
    return r;
}

static void raw_write(raw *r, const void *bytes, size_t size) {
    assert_int_equal(write(r->fd, bytes, size), size);
}

static void raw_free(raw *r) {
    if (r->fd >= 0)
        close(r->fd);
    node_free(r->server);
    world_free(r->world);
}

/* Two nodes. */
typedef struct pair {
    world *world;
    node *server, *client;
    heard_link *in, *out;
} pair;

static pair pair_open(const char *options) {
    char bound[128];
    pair p = {.world = world_new()};
    p.server = node_new(p.world, tcp(), options);
    p.client = node_new(p.world, tcp(), options);
    node_listen(p.server, "tcp://127.0.0.1:0", bound);
    p.out = node_dial(p.client, bound);
    p.in = node_wait_link(p.server, 1);
    return p;
}

static void pair_free(pair *p) {
    node_free(p->client);
    node_free(p->server);
    world_free(p->world);
}

/* ---- framing ---- */

static void frames_that_come_byte_by_byte_are_put_together(void **state) {
    static const uint8_t bytes[] = {0, 3, 'a', 'b', 'c', 0, 1, 'd', 0, 2, 'e', 'f'};
    (void)state;
    raw r = raw_open();
    for (size_t i = 0; i < sizeof bytes; i++) {
        uint64_t before = r.server->frame_count;
        raw_write(&r, &bytes[i], 1);
        world_settle(r.world);
        bool ends = i == 4 || i == 7 || i == 11;
        assert_int_equal(r.server->frame_count, before + (ends ? 1 : 0));
    }
    assert_memory_equal(r.server->frames[0].bytes, "abc", 3);
    assert_memory_equal(r.server->frames[1].bytes, "d", 1);
    assert_memory_equal(r.server->frames[2].bytes, "ef", 2);
    raw_free(&r);
}

/* A stream of frames of random sizes, cut at random places. */
static void a_stream_cut_anywhere_gives_the_same_frames(void **state) {
    enum { FRAMES = 300 };
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    raw r = raw_open();
    uint32_t sizes[FRAMES];
    size_t total = 0, at = 0;
    uint8_t *stream = malloc(FRAMES * 65537);
    assert_non_null(stream);
    for (uint32_t i = 0; i < FRAMES; i++) {
        static const uint32_t most[] = {3, 300, 20000, 65535};
        sizes[i] = i % 50 == 49 ? 65535 : 1 + (uint32_t)rand_r(&seed) % most[rand_r(&seed) % 4];
        slow_packet *packet = node_packet(r.server, i, sizes[i], 0);
        stream[total++] = (uint8_t)(sizes[i] >> 8);
        stream[total++] = (uint8_t)sizes[i];
        memcpy(stream + total, slow_packet_data(packet), sizes[i]);
        total += sizes[i];
        node_drop(packet);
    }
    while (at < total) {
        static const size_t most[] = {1, 2, 3, 1000, 100000};
        size_t size = 1 + (size_t)rand_r(&seed) % most[rand_r(&seed) % 5];
        ssize_t sent = send(r.fd, stream + at, size < total - at ? size : total - at, MSG_DONTWAIT);
        assert_true(sent > 0 || errno == EAGAIN);
        at += sent > 0 ? (size_t)sent : 0;
        if (sent < 0 || rand_r(&seed) % 2 == 0)
            world_turn(r.world);
    }
    node_wait_frames(r.server, FRAMES);
    for (uint32_t i = 0; i < FRAMES; i++)
        assert_true(frame_is(&r.server->frames[i], sizes[i], i));
    free(stream);
    raw_free(&r);
}

static void a_frame_of_no_bytes_ends_the_link(void **state) {
    static const uint8_t bytes[] = {0, 2, 'o', 'k', 0, 0, 0, 2, 'n', 'o'};
    (void)state;
    raw r = raw_open();
    raw_write(&r, bytes, sizeof bytes);
    node_wait_down(r.server, &r.server->links[0]);
    assert_int_equal(r.server->links[0].why, SLOW_E_MALFORMED);
    assert_int_equal(r.server->frame_count, 1);
    assert_memory_equal(r.server->frames[0].bytes, "ok", 2);
    raw_free(&r);
}

static void are_frames_of(const raw *r, const json_t *vector, const char *name) {
    size_t i;
    const json_t *frames = json_object_get(vector, "frames");
    json_t *frame;
    is_number(r->server->frame_count, json_array_size(frames), "count of frames", name);
    json_array_foreach(frames, i, frame) {
        octets bytes = hex(json_string_value(frame));
        is_octets((slow_bytes){r->server->frames[i].bytes, r->server->frames[i].size}, &bytes, name);
    }
}

static raw raw_hears(const json_t *vector) {
    octets bytes = octets_of(vector, "bytes");
    raw r = raw_open();
    raw_write(&r, bytes.data, bytes.size);
    return r;
}

static void stream_is(const json_t *vector, const char *name) {
    raw r = raw_hears(vector);
    node_wait_frames(r.server, json_array_size(json_object_get(vector, "frames")));
    world_settle(r.world);
    assert_false(r.server->links[0].down);
    are_frames_of(&r, vector, name);
    raw_free(&r);
}

static void stream_is_refused(const json_t *vector, const char *name) {
    raw r = raw_hears(vector);
    node_wait_down(r.server, &r.server->links[0]);
    is_number((uint64_t)-r.server->links[0].why, (uint64_t)-SLOW_E_MALFORMED, "why", name);
    are_frames_of(&r, vector, name);
    raw_free(&r);
}

static void streams_are_cut_as_specified(void **state) {
    (void)state;
    vectors_each("streams", "accepted", stream_is);
    vectors_each("streams", "refused", stream_is_refused);
}

static void a_stranger_that_stalls_in_a_frame_costs_little_memory(void **state) {
    enum { STRANGERS = 100 };
    uint8_t begin[3000] = {0xff, 0xff};
    int fds[STRANGERS];
    (void)state;
    raw r = raw_open();
    raw_write(&r, "\0\1x", 3);
    node_wait_frames(r.server, 1);
    for (uint32_t i = 0; i < STRANGERS; i++) {
        fds[i] = raw_connect(r.bound);
        node_wait_link(r.server, 2 + i);
    }
    size_t before = mallinfo2().uordblks;
    for (uint32_t i = 0; i < STRANGERS; i++)
        assert_int_equal(write(fds[i], begin, i % 2 == 0 ? 2 : sizeof begin), i % 2 == 0 ? 2 : sizeof begin);
    world_settle(r.world);
    size_t after = mallinfo2().uordblks;
    assert_int_equal(r.server->frame_count, 1);
    assert_int_equal(r.server->downs, 0);
    /* 64 KiB were announced by each; 2 KiB, or twice what came, may be held */
    assert_true(after - before <= STRANGERS / 2 * (2048 + 6000 + 64) + 16384);
    for (uint32_t i = 0; i < STRANGERS; i++) {
        node_close(r.server, &r.server->links[1 + i]);
        close(fds[i]);
    }
    raw_free(&r);
}

/* ---- back-pressure ---- */

static void ten_thousand_frames_under_back_pressure_arrive_in_order(void **state) {
    enum { FRAMES = 10000, BATCH = 100 };
    (void)state;
    pair p = pair_open(NULL);
    uint32_t sent = 0, stalls = 0;
    while (sent < FRAMES) {
        slow_packet *batch[BATCH];
        size_t taken;
        for (uint32_t i = 0; i < BATCH; i++)
            batch[i] = node_packet(p.client, sent + i, 1 + (sent + i) * 37 % 4000, 0);
        p.out->writable = 0;
        slow_status status = p.client->ops->send(p.client->self, p.out->cookie, batch, BATCH, &taken);
        assert_true(status == SLOW_E_AGAIN || taken == BATCH);
        for (size_t i = taken; i < BATCH; i++)
            node_drop(batch[i]);
        sent += (uint32_t)taken;
        stalls += status == SLOW_E_AGAIN ? 1 : 0;
        while (status == SLOW_E_AGAIN && p.out->writable == 0)
            world_turn(p.world);
    }
    node_wait_frames(p.server, sent);
    assert_true(stalls > 0);
    for (uint32_t i = 0; i < sent; i++)
        assert_true(frame_is(&p.server->frames[i], 1 + i * 37 % 4000, i));
    pair_free(&p);
}

static void a_reader_that_stops_blocks_us_until_it_goes_on(void **state) {
    (void)state;
    raw r = raw_open();
    heard_link *in = &r.server->links[0];
    slow_status status = SLOW_OK;
    uint64_t wanted = 0, got = 0;
    size_t taken = 1;
    uint32_t packets = 0;
    for (; status == SLOW_OK && packets < 100000; packets++) {
        slow_packet *packet = node_packet(r.server, packets, 10000, 0);
        status = r.server->ops->send(r.server->self, in->cookie, &packet, 1, &taken);
        if (taken == 0)
            node_drop(packet);
        else
            wanted += 10002;
    }
    assert_int_equal(status, SLOW_E_AGAIN);
    slow_packet *more = node_packet(r.server, 0, 10, 0);
    assert_int_equal(r.server->ops->send(r.server->self, in->cookie, &more, 1, &taken), SLOW_E_AGAIN);
    assert_int_equal(taken, 0);
    world_settle(r.world);
    assert_int_equal(in->writable, 0);
    static uint8_t sink[65536];
    while (got < wanted) {
        ssize_t size = recv(r.fd, sink, sizeof sink, MSG_DONTWAIT);
        got += size > 0 ? (uint64_t)size : 0;
        world_turn(r.world);
    }
    assert_int_equal(got, wanted);
    assert_int_equal(in->writable, 1);
    node_send(r.server, in, more);
    assert_int_equal(recv(r.fd, sink, 12, MSG_WAITALL), 12);
    raw_free(&r);
}

static void a_link_can_be_closed_while_it_is_blocked(void **state) {
    (void)state;
    raw r = raw_open();
    heard_link *in = &r.server->links[0];
    slow_status status = SLOW_OK;
    for (uint32_t i = 0; status == SLOW_OK; i++) {
        slow_packet *packet = node_packet(r.server, i, 60000, 0);
        size_t taken;
        status = r.server->ops->send(r.server->self, in->cookie, &packet, 1, &taken);
        if (taken == 0)
            node_drop(packet);
    }
    node_close(r.server, in);
    raw_free(&r); /* which wants no packet left */
}

/* ---- ends ---- */

static void a_reset_takes_the_link_down(void **state) {
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    (void)state;
    raw r = raw_open();
    assert_int_equal(setsockopt(r.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    close(r.fd);
    r.fd = -1;
    node_wait_down(r.server, &r.server->links[0]);
    assert_int_equal(r.server->links[0].why, SLOW_E_CLOSED);
    raw_free(&r);
}

static void the_peers_end_takes_the_link_down_after_its_last_frame(void **state) {
    (void)state;
    raw r = raw_open();
    raw_write(&r, "\0\4last\0\7cut", 11);
    close(r.fd);
    r.fd = -1;
    node_wait_down(r.server, &r.server->links[0]);
    assert_int_equal(r.server->frame_count, 1);
    assert_memory_equal(r.server->frames[0].bytes, "last", 4);
    raw_free(&r);
}

static void sending_into_a_broken_connection_is_a_link_down_and_no_signal(void **state) {
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    (void)state;
    raw r = raw_open();
    heard_link *in = &r.server->links[0];
    assert_int_equal(setsockopt(r.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    close(r.fd);
    r.fd = -1;
    slow_packet *packet = node_packet(r.server, 1, 100, 0);
    size_t taken;
    assert_int_equal(r.server->ops->send(r.server->self, in->cookie, &packet, 1, &taken), SLOW_E_AGAIN);
    assert_int_equal(taken, 0);
    assert_false(in->down); /* never inside the call */
    node_drop(packet);
    node_wait_down(r.server, in);
    raw_free(&r);
}

static void a_refused_dial_fails_and_says_so(void **state) {
    char address[64];
    slow_error error;
    (void)state;
    int closed = closed_address("tcp", SOCK_STREAM, address);
    world *w = world_new();
    node *client = node_new(w, tcp(), NULL);
    assert_int_equal(client->ops->connect(client->self, 5, address, &error), SLOW_OK);
    assert_int_equal(client->failed_dial, 0);
    node_wait_failure(client, 5);
    assert_string_equal(client->failure.where, address);
    assert_non_null(strstr(client->failure.text, "refused"));
    assert_int_equal(client->ups, 0);
    node_free(client);
    world_free(w);
    close(closed);
}

static void a_dial_tries_all_addresses_of_a_name(void **state) {
    char bound[128], address[128];
    (void)state;
    world *w = world_new();
    node *server = node_new(w, tcp(), NULL), *client = node_new(w, tcp(), NULL);
    node_listen(server, "tcp://127.0.0.1:0", bound); /* and not on ::1, which localhost may also mean */
    snprintf(address, sizeof address, "tcp://localhost%s", strrchr(bound, ':'));
    heard_link *out = node_dial(client, address);
    assert_string_equal(out->remote, bound);
    node_free(client);
    node_free(server);
    world_free(w);
}

static void a_close_is_seen_as_an_end_and_not_as_a_reset(void **state) {
    uint8_t bytes[16];
    (void)state;
    raw r = raw_open();
    heard_link *in = &r.server->links[0];
    raw_write(&r, "\0\4late", 6); /* unread at the close */
    node_send(r.server, in, node_packet(r.server, 1, 4, 0));
    node_close(r.server, in);
    assert_int_equal(recv(r.fd, bytes, 6, MSG_WAITALL), 6);
    assert_int_equal(recv(r.fd, bytes, 6, 0), 0);
    raw_free(&r);
}

static void without_file_descriptors_a_listener_waits_and_goes_on(void **state) {
    char bound[128];
    struct rlimit old, low;
    (void)state;
    world *w = world_new();
    node *server = node_new(w, tcp(), NULL);
    node_listen(server, "tcp://127.0.0.1:0", bound);
    int fd = raw_connect(bound);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    low = old;
    low.rlim_cur = (rlim_t)fd + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    world_settle(w);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(server->ups, 0);
    node_wait_link(server, 1);
    close(fd);
    node_free(server);
    world_free(w);
}

static void small_frames_of_one_batch_go_up_together(void **state) {
    (void)state;
    pair p = pair_open(NULL);
    slow_packet *batch[200];
    size_t taken;
    for (uint32_t i = 0; i < 200; i++)
        batch[i] = node_packet(p.client, i, 50, 0);
    assert_int_equal(p.client->ops->send(p.client->self, p.out->cookie, batch, 200, &taken), SLOW_OK);
    assert_int_equal(taken, 200);
    node_wait_frames(p.server, 200);
    assert_true(p.in->calls <= 4);
    pair_free(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_that_come_byte_by_byte_are_put_together),
        cmocka_unit_test(a_stream_cut_anywhere_gives_the_same_frames),
        cmocka_unit_test(a_frame_of_no_bytes_ends_the_link),
        cmocka_unit_test(streams_are_cut_as_specified),
        cmocka_unit_test(a_stranger_that_stalls_in_a_frame_costs_little_memory),
        cmocka_unit_test(ten_thousand_frames_under_back_pressure_arrive_in_order),
        cmocka_unit_test(a_reader_that_stops_blocks_us_until_it_goes_on),
        cmocka_unit_test(a_link_can_be_closed_while_it_is_blocked),
        cmocka_unit_test(a_reset_takes_the_link_down),
        cmocka_unit_test(the_peers_end_takes_the_link_down_after_its_last_frame),
        cmocka_unit_test(sending_into_a_broken_connection_is_a_link_down_and_no_signal),
        cmocka_unit_test(a_refused_dial_fails_and_says_so),
        cmocka_unit_test(a_dial_tries_all_addresses_of_a_name),
        cmocka_unit_test(a_close_is_seen_as_an_end_and_not_as_a_reset),
        cmocka_unit_test(without_file_descriptors_a_listener_waits_and_goes_on),
        cmocka_unit_test(small_frames_of_one_batch_go_up_together),
    };
    int failed = transport_suite(tcp(), SOCK_STREAM);
    return failed + cmocka_run_group_tests_name("tcp", tests, NULL, NULL);
}
