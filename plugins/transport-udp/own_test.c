/* own_test.c - links with sockets of their own: nobody takes another's room, and nobody's datagram is lost or mistaken.
 *
 * connect() is wrapped (see CMakeLists.txt), so that strangers can send in the moment between bind() and connect(), and
 * sendmmsg(), so that one socket can be full. */
#include "tests/support/transport_suite.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

enum { FLOOD = 200, STRANGERS = 8 };

const slow_module *slow_module_v1_transport_udp(void);

static const slow_plugin *udp(void) {
    return slow_module_v1_transport_udp()->plugins[0];
}

/* ---- connect() with company ---- */

static struct {
    bool on;
    int error;                /* errno; 0 = none */
    unsigned refusals;        /* with that */
    struct sockaddr_in at;    /* where strangers send to */
    int strangers[STRANGERS]; /* sockets */
} race;

int __real_connect(int fd, const struct sockaddr *to, socklen_t size);
int __wrap_connect(int fd, const struct sockaddr *to, socklen_t size);

int __wrap_connect(int fd, const struct sockaddr *to, socklen_t size) {
    if (race.error != 0) {
        errno = race.error;
        race.refusals++;
        return -1;
    }
    for (size_t i = 0; race.on && i < STRANGERS; i++)
        assert_int_equal(sendto(race.strangers[i], "stranger", 8, 0, (struct sockaddr *)&race.at, sizeof race.at), 8);
    race.on = false;
    return __real_connect(fd, to, size);
}

/* ---- a socket that is full ---- */

static struct {
    bool on;
    unsigned room; /* datagrams that still go */
    int fd;        /* the socket that met the end of it, and takes nothing; 0 = none yet */
} full;

int __real_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
    if (full.on && full.room == 0 && full.fd == 0)
        full.fd = fd;
    if (full.on && full.fd == fd) {
        errno = EAGAIN;
        return -1;
    }
    if (!full.on || full.fd != 0)
        return __real_sendmmsg(fd, messages, count, flags);
    unsigned most = count < full.room ? count : full.room;
    full.room -= most;
    return __real_sendmmsg(fd, messages, most, flags);
}

static int setup(void **state) {
    (void)state;
    memset(&race, 0, sizeof race);
    memset(&full, 0, sizeof full);
    return 0;
}

/* ---- a server and two clients ---- */

static uint16_t port_of(const char *address) {
    return (uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10);
}

static struct sockaddr_in loopback(uint16_t port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

typedef struct trio {
    world *world;
    node *server, *client[2];
    heard_link *in[2], *out[2];
    char bound[128], dialled[128];
} trio;

/* Client i says one more frame, and the server hears it. */
static void say(trio *t, size_t i, uint32_t index) {
    size_t before = t->server->frame_count;
    node_send(t->client[i], t->out[i], node_packet(t->client[i], index, 100, 0));
    node_wait_frames(t->server, before + 1);
}

static void answer(trio *t, size_t i) {
    size_t before = t->client[i]->frame_count;
    node_send(t->server, t->in[i], node_packet(t->server, 1, 100, 0));
    node_wait_frames(t->client[i], before + 1);
}

/* Both have dialled `host`, and have answered what the server said. */
static trio trio_open(const char *host, const char *dialled_host, const char *options) {
    trio t = {.world = world_new()};
    char address[64];
    t.server = node_new(t.world, udp(), options);
    snprintf(address, sizeof address, "udp://%s:0", host);
    node_listen(t.server, address, t.bound);
    snprintf(t.dialled, sizeof t.dialled, "udp://%s%s", dialled_host, strrchr(t.bound, ':'));
    for (size_t i = 0; i < 2; i++) {
        t.client[i] = node_new(t.world, udp(), NULL);
        t.out[i] = node_dial(t.client[i], t.dialled);
        say(&t, i, 0);
        t.in[i] = node_wait_link(t.server, (uint32_t)i + 1);
    }
    for (size_t i = 0; i < 2; i++) {
        answer(&t, i);
        say(&t, i, 1);
    }
    return t;
}

static void trio_free(trio *t) {
    node_free(t->client[0]);
    node_free(t->client[1]);
    node_free(t->server);
    world_free(t->world);
}

/* More than the server's buffers hold, while it does not read. */
static void flood(trio *t, size_t i) {
    for (uint32_t n = 0; n < FLOOD; n++)
        node_send(t->client[i], t->out[i], node_packet(t->client[i], n, 1400, 0));
}

static const heard_frame *last_frame(const node *n) {
    return &n->frames[n->frame_count - 1];
}

/* ---- room ---- */

static bool has_seven_frames(void *arg) {
    return ((const heard_link *)arg)->frames >= 7;
}

static void a_flood_takes_its_own_room(const char *host, const char *dialled_host) {
    trio t = trio_open(host, dialled_host, "{\"receive_buffer\": 16384}");
    flood(&t, 0);
    for (uint32_t i = 0; i < 5; i++)
        node_send(t.client[1], t.out[1], node_packet(t.client[1], 70 + i, 100, 0));
    world_until_true(t.world, has_seven_frames, t.in[1], "frames beside a flood");
    world_settle(t.world);
    print_message("counted: %u frames lost by who floods, %u by another\n", (unsigned)(2 + FLOOD - t.in[0]->frames),
                  (unsigned)(7 - t.in[1]->frames));
    assert_true(t.in[0]->frames < FLOOD); /* or it was no flood */
    uint32_t other = 0;
    for (size_t f = 0; f < t.server->frame_count; f++)
        if (t.server->frames[f].link == t.in[1]->id && t.server->frames[f].size == 100 && other++ >= 2)
            assert_true(frame_is(&t.server->frames[f], 100, 70 + other - 3));
    assert_int_equal(other, 7);
    answer(&t, 0);
    answer(&t, 1);
    assert_int_equal(t.server->link_count, 2);
    trio_free(&t);
}

static void who_floods_takes_no_room_from_another(void **state) {
    (void)state;
    a_flood_takes_its_own_room("127.0.0.1", "127.0.0.1");
}

static void who_floods_a_wildcard_takes_no_room_from_another(void **state) {
    (void)state;
    a_flood_takes_its_own_room("*", "127.0.0.3");
}

static void who_floods_over_ipv6_takes_no_room_from_another(void **state) {
    (void)state;
    if (!machine_has_ipv6()) {
        print_message("[  SKIPPED ] no IPv6 on this machine: not tested\n");
        skip();
    }
    a_flood_takes_its_own_room("[::1]", "[::1]");
    a_flood_takes_its_own_room("*", "[::1]");
}

static void who_floods_is_read_a_little_at_a_time(void **state) {
    (void)state;
    trio t = trio_open("127.0.0.1", "127.0.0.1", NULL);
    for (uint32_t i = 0; i < 20; i++)
        say(&t, 0, i); /* short ones, of which many are read at once */
    size_t all = t.server->frame_count;
    for (uint32_t i = 0; i < 3; i++)
        node_send(t.client[0], t.out[0], node_packet(t.client[0], 0, 40 * 1400, 1400));
    node_wait_frames(t.server, all + 3 * 40);
    uint64_t before = t.in[0]->frames;
    t.server->say_again = true;
    for (uint32_t i = 0; i < 16; i++)
        node_send(t.client[0], t.out[0], node_packet(t.client[0], 0, 40 * 1400, 1400));
    for (int turn = 0; turn < 20; turn++) {
        uint64_t had = t.in[0]->frames;
        world_turn(t.world);
        assert_true(t.in[0]->frames <= had + 4 * 40);
    }
    assert_true(t.in[0]->frames > before + 4 * 40); /* or it was no flood */
    trio_free(&t);
}

/* ---- who gets one ---- */

/* Whether client i's link has room that no stranger takes. */
static bool has_own_room(trio *t, size_t i) {
    static const uint8_t zeros[1400];
    uint64_t before = t->in[i]->frames;
    struct sockaddr_in to = loopback(port_of(t->bound));
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    for (uint32_t n = 0; n < FLOOD; n++)
        assert_int_equal(sendto(fd, zeros, sizeof zeros, 0, (struct sockaddr *)&to, sizeof to), sizeof zeros);
    close(fd);
    node_send(t->client[i], t->out[i], node_packet(t->client[i], 9, 100, 0));
    world_settle(t->world);
    return t->in[i]->frames == before + 1;
}

static void links_share_where_there_are_to_be_no_own_sockets(void **state) {
    (void)state;
    trio t = trio_open("127.0.0.1", "127.0.0.1", "{\"receive_buffer\": 16384, \"own_sockets\": 0}");
    assert_false(has_own_room(&t, 0));
    assert_false(has_own_room(&t, 1));
    answer(&t, 0);
    answer(&t, 1);
    trio_free(&t);
}

static void the_next_that_was_answered_gets_the_socket_of_one_that_ended(void **state) {
    (void)state;
    trio t = trio_open("127.0.0.1", "127.0.0.1", "{\"receive_buffer\": 16384, \"own_sockets\": 1}");
    heard_link *silent = node_dial(t.client[0], t.bound);
    node_send(t.client[0], silent, node_packet(t.client[0], 1, 100, 0));
    node_wait_link(t.server, 3);
    assert_true(has_own_room(&t, 0));
    assert_false(has_own_room(&t, 1));
    node_close(t.server, t.in[0]);
    size_t before = t.server->frame_count;
    node_send(t.client[0], silent, node_packet(t.client[0], 2, 100, 0)); /* had no answer */
    node_wait_frames(t.server, before + 1);
    say(&t, 1, 2);
    assert_true(has_own_room(&t, 1));
    trio_free(&t);
}

static void a_link_that_the_kernel_refuses_a_socket_goes_on(void **state) {
    (void)state;
    world *w = world_new();
    char bound[128];
    node *server = node_new(w, udp(), NULL), *client = node_new(w, udp(), NULL);
    node_listen(server, "udp://127.0.0.1:0", bound);
    heard_link *out = node_dial(client, bound);
    node_send(client, out, node_packet(client, 0, 100, 0));
    heard_link *in = node_wait_link(server, 1);
    node_send(server, in, node_packet(server, 1, 100, 0));
    node_wait_frames(client, 1);
    race.error = EACCES;
    for (uint32_t i = 1; i < 4; i++) {
        node_send(client, out, node_packet(client, i, 100, 0));
        node_wait_frames(server, i + 1);
        assert_true(frame_is(last_frame(server), 100, i));
    }
    assert_int_equal(race.refusals, 1); /* and it does not try again each time */
    node_send(server, in, node_packet(server, 2, 100, 0));
    node_wait_frames(client, 2);
    node_free(client);
    node_free(server);
    world_free(w);
}

static void a_link_whose_train_is_cut_stays_until_the_rest_is_sent(void **state) {
    (void)state;
    world *w = world_new();
    char bound[128];
    size_t taken;
    node *server = node_new(w, udp(), "{\"gso\": false}"), *client = node_new(w, udp(), NULL);
    node_listen(server, "udp://127.0.0.1:0", bound);
    heard_link *out = node_dial(client, bound);
    node_send(client, out, node_packet(client, 0, 100, 0));
    heard_link *in = node_wait_link(server, 1);
    slow_packet *train = node_packet(server, 10, 10 * 500, 500), *next = node_packet(server, 20, 500, 0);
    full.on = true;
    full.room = 4;
    assert_int_equal(server->ops->send(server->self, in->cookie, &train, 1, &taken), SLOW_E_AGAIN);
    assert_int_equal(taken, 1);
    node_send(client, out, node_packet(client, 1, 100, 0));
    node_wait_frames(server, 2);
    assert_int_equal(server->ops->send(server->self, in->cookie, &next, 1, &taken), SLOW_E_AGAIN);
    assert_int_equal(taken, 0);
    full.on = false;
    node_wait_frames(client, 10);
    node_send(server, in, next);
    node_wait_frames(client, 11);
    for (uint32_t i = 0; i < 11; i++)
        assert_true(frame_is(&client->frames[i], 500, 10 + i));
    node_free(client);
    node_free(server);
    world_free(w);
}

/* ---- strangers ---- */

static void who_sends_between_bind_and_connect_is_heard_as_himself(void **state) {
    (void)state;
    world *w = world_new();
    char bound[128], address[128];
    node *server = node_new(w, udp(), NULL), *client = node_new(w, udp(), NULL);
    node_listen(server, "udp://*:0", bound); /* so that the kernel prefers the new socket for strangers, too */
    race.at = loopback(port_of(bound));
    for (size_t i = 0; i < STRANGERS; i++) {
        race.strangers[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_true(race.strangers[i] >= 0);
    }
    snprintf(address, sizeof address, "udp://127.0.0.1:%u", port_of(bound));
    heard_link *out = node_dial(client, address);
    node_send(client, out, node_packet(client, 0, 100, 0));
    heard_link *in = node_wait_link(server, 1);
    node_send(server, in, node_packet(server, 1, 100, 0));
    node_wait_frames(client, 1);
    race.on = true;
    node_send(client, out, node_packet(client, 1, 100, 0));
    node_wait_frames(server, 2 + STRANGERS);
    assert_false(race.on);
    assert_int_equal(in->frames, 2);
    assert_int_equal(server->link_count, 1 + STRANGERS);
    for (size_t i = 1; i <= STRANGERS; i++) {
        assert_int_equal(server->links[i].frames, 1);
        assert_int_equal(server->links[i].flags & SLOW_LINK_INBOUND, SLOW_LINK_INBOUND);
        assert_string_equal(server->links[i].local, address);
        node_send(server, &server->links[i], node_packet(server, (uint32_t)i, 100, 0));
    }
    for (size_t i = 0; i < STRANGERS; i++) {
        uint8_t bytes[128];
        assert_int_equal(recv(race.strangers[i], bytes, sizeof bytes, 0), 100);
        close(race.strangers[i]);
    }
    node_free(client);
    node_free(server);
    world_free(w);
}

static void a_peer_whose_link_was_closed_is_a_stranger_again(void **state) {
    (void)state;
    trio t = trio_open("127.0.0.1", "127.0.0.1", NULL);
    node_close(t.server, t.in[0]);
    say(&t, 0, 5);
    heard_link *again = node_wait_link(t.server, 3);
    assert_string_equal(again->remote, t.out[0]->local);
    t.in[0] = again;
    answer(&t, 0);
    say(&t, 0, 6);
    assert_int_equal(again->frames, 2);
    assert_int_equal(t.server->ups, 3);
    trio_free(&t);
}

/* ---- ends ---- */

static void a_peer_that_dies_goes_down_alone(void **state) {
    (void)state;
    trio t = trio_open("127.0.0.1", "127.0.0.1", NULL);
    node_close(t.client[0], t.out[0]); /* its socket is closed, as when the process dies */
    node_send(t.server, t.in[0], node_packet(t.server, 1, 100, 0));
    node_wait_down(t.server, t.in[0]);
    assert_int_equal(t.in[0]->why, SLOW_E_CLOSED);
    say(&t, 1, 2);
    answer(&t, 1);
    assert_false(t.in[1]->down);
    trio_free(&t);
}

static void a_listener_that_was_ended_gives_its_port_back_with_its_last_link(void **state) {
    (void)state;
    trio t = trio_open("127.0.0.1", "127.0.0.1", NULL);
    char again[128];
    slow_error error;
    t.server->ops->unlisten(t.server->self, "udp://127.0.0.1:0");
    for (size_t i = 0; i < 2; i++) {
        say(&t, i, 2);
        answer(&t, i);
        assert_int_equal(t.client[1]->ops->listen(t.client[1]->self, t.bound, again, &error), SLOW_E_FAIL);
        node_close(t.server, t.in[i]);
    }
    node_listen(t.client[1], t.bound, again);
    trio_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(who_floods_takes_no_room_from_another, setup),
        cmocka_unit_test_setup(who_floods_a_wildcard_takes_no_room_from_another, setup),
        cmocka_unit_test_setup(who_floods_over_ipv6_takes_no_room_from_another, setup),
        cmocka_unit_test_setup(who_floods_is_read_a_little_at_a_time, setup),
        cmocka_unit_test_setup(links_share_where_there_are_to_be_no_own_sockets, setup),
        cmocka_unit_test_setup(the_next_that_was_answered_gets_the_socket_of_one_that_ended, setup),
        cmocka_unit_test_setup(a_link_that_the_kernel_refuses_a_socket_goes_on, setup),
        cmocka_unit_test_setup(a_link_whose_train_is_cut_stays_until_the_rest_is_sent, setup),
        cmocka_unit_test_setup(who_sends_between_bind_and_connect_is_heard_as_himself, setup),
        cmocka_unit_test_setup(a_peer_whose_link_was_closed_is_a_stranger_again, setup),
        cmocka_unit_test_setup(a_peer_that_dies_goes_down_alone, setup),
        cmocka_unit_test_setup(a_listener_that_was_ended_gives_its_port_back_with_its_last_link, setup),
    };
    return cmocka_run_group_tests_name("own sockets", tests, NULL, NULL);
}
