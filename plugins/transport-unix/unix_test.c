/* unix_test.c - the suite for all transports, and what is a Unix socket's own: its file, who may connect, whole packets. */
#include "tests/support/transport_suite.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

const slow_module *slow_module_v1_transport_unix(void);

static const slow_plugin *plugin(void) {
    return slow_module_v1_transport_unix()->plugins[0];
}

/* All sockets are in one folder of the test's own, the working directory: "a" is unix:///.../a. */
static char *address_of(const char *name, char out[128]) {
    char folder[90];
    assert_non_null(getcwd(folder, sizeof folder));
    snprintf(out, 128, "unix://%s/%s", folder, name);
    return out;
}

static int raw_socket(const char *name, int type, bool listens) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    snprintf(at.sun_path, sizeof at.sun_path, "%s", name);
    assert_true(fd >= 0);
    if (listens) {
        assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
        assert_int_equal(listen(fd, 1), 0);
    } else {
        assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    }
    return fd;
}

/* A node that listens on "a", and a peer that is a bare socket. */
typedef struct raw {
    world *world;
    node *server;
    int fd;
} raw;

static raw raw_open(const char *options) {
    char address[128], bound[128];
    raw r = {.world = world_new()};
    r.server = node_new(r.world, plugin(), options);
    node_listen(r.server, address_of("a", address), bound);
    assert_string_equal(bound, address);
    r.fd = raw_socket("a", SOCK_SEQPACKET, false);
    node_wait_link(r.server, 1);
    return r;
}

static void raw_free(raw *r) {
    if (r->fd >= 0)
        close(r->fd);
    node_free(r->server);
    world_free(r->world);
    assert_int_equal(access("a", F_OK), -1); /* the file goes with its listener */
}

/* listen() on "a" has to fail. */
static void assert_not_listening(const char *why) {
    char address[128], bound[128];
    slow_error error = {.code = SLOW_OK};
    world *w = world_new();
    node *n = node_new(w, plugin(), NULL);
    assert_int_equal(n->ops->listen(n->self, address_of("a", address), bound, &error), SLOW_E_FAIL);
    assert_string_equal(error.where, address);
    if (strstr(error.text, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.text, why);
    node_free(n);
    world_free(w);
}

/* A dial of `name` has to fail. */
static void assert_not_dialled(const char *name, const char *why) {
    char address[128];
    slow_error error;
    world *w = world_new();
    node *n = node_new(w, plugin(), NULL);
    assert_int_equal(n->ops->connect(n->self, 5, address_of(name, address), &error), SLOW_OK);
    assert_int_equal(n->failed_dial, 0);
    node_wait_failure(n, 5);
    assert_string_equal(n->failure.where, address);
    if (strstr(n->failure.text, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", n->failure.text, why);
    node_free(n);
    world_free(w);
}

/* ---- addresses ---- */

static void an_address_is_a_whole_path(void **state) {
    static const struct {
        const char *address;
        const char *why; /* NULL = a good one */
    } cases[] = {{"unix:///run/slow/junction", NULL},
                 {"unix:///a path with spaces/\xc3\xa4", NULL},
                 {"unix://run/slow", "whole path"},
                 {"unix://", "whole path"},
                 {"unix:/run/slow", "whole path"},
                 {"tcp:///run/slow", "whole path"},
                 {"unix:///", "folder"},
                 {"unix:///run/slow/", "folder"},
                 {"unix:///run/slow:1", "':'"},
                 {"unix:///run/[slow]", "':'"},
                 {"unix:///run/\n", "control"}};
    const slow_transport_ops *ops = plugin()->ops;
    (void)state;
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        uint32_t flags = 99;
        slow_error error = {.code = 0};
        slow_status status = ops->check(cases[i / 2].address, i % 2 == 0, &flags, &error);
        assert_int_equal(status, cases[i / 2].why == NULL ? SLOW_OK : SLOW_E_INVAL);
        if (status == SLOW_OK)
            assert_int_equal(flags, SLOW_LINK_LOCAL);
        else
            assert_non_null(strstr(error.text, cases[i / 2].why));
        assert_null(strchr(error.where, '\n'));
    }
}

static void a_path_that_is_too_long_is_refused_with_both_sizes(void **state) {
    char address[256] = "unix:///";
    const slow_transport_ops *ops = plugin()->ops;
    uint32_t flags;
    slow_error error;
    (void)state;
    memset(address + 8, 'x', 106);
    assert_int_equal(ops->check(address, true, &flags, &error), SLOW_OK);
    address[114] = 'x';
    assert_int_equal(ops->check(address, true, &flags, &error), SLOW_E_INVAL);
    assert_non_null(strstr(error.text, "107"));
    assert_non_null(strstr(error.text, "108"));
}

/* ---- the file ---- */

static void a_socket_that_was_left_over_is_replaced(void **state) {
    (void)state;
    close(raw_socket("a", SOCK_SEQPACKET, true));
    assert_int_equal(access("a", F_OK), 0);
    raw r = raw_open(NULL);
    raw_free(&r);
}

static void a_socket_that_is_alive_is_left_alone(void **state) {
    static const int types[] = {SOCK_SEQPACKET, SOCK_STREAM};
    (void)state;
    for (int i = 0; i < 2; i++) {
        int fd = raw_socket("a", types[i], true);
        assert_not_listening("in use");
        close(raw_socket("a", types[i], false));
        close(fd);
        unlink("a");
    }
}

static void a_file_that_is_no_socket_is_left_alone(void **state) {
    struct stat info;
    (void)state;
    int fd = open("a", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "mine", 4), 4);
    close(fd);
    assert_not_listening("no socket");
    assert_int_equal(stat("a", &info), 0);
    assert_int_equal(info.st_size, 4);
    unlink("a");
    assert_int_equal(symlink("elsewhere", "a"), 0);
    assert_not_listening("no socket");
    unlink("a");
}

static void a_folder_that_is_not_there_is_an_error_that_says_so(void **state) {
    char address[128], bound[128];
    slow_error error;
    (void)state;
    world *w = world_new();
    node *n = node_new(w, plugin(), NULL);
    assert_int_equal(n->ops->listen(n->self, address_of("nowhere/a", address), bound, &error), SLOW_E_FAIL);
    assert_non_null(strstr(error.text, "no such folder"));
    node_free(n);
    world_free(w);
}

static void access_is_the_mode_of_the_file_whatever_the_umask(void **state) {
    static const struct {
        const char *options;
        mode_t mode;
    } cases[] = {{NULL, 0600},
                 {"{\"access\": \"owner\"}", 0600},
                 {"{\"access\": \"group\"}", 0660},
                 {"{\"access\": \"everyone\"}", 0666}};
    (void)state;
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        struct stat info;
        mode_t old = umask(i % 2 == 0 ? 0 : 0077);
        raw r = raw_open(cases[i / 2].options);
        umask(old);
        assert_int_equal(stat("a", &info), 0);
        assert_int_equal(info.st_mode & 0777, cases[i / 2].mode);
        raw_free(&r);
    }
}

static void a_file_that_is_another_ones_by_now_is_not_removed(void **state) {
    char address[128], bound[128];
    (void)state;
    world *w = world_new();
    node *first = node_new(w, plugin(), NULL);
    node_listen(first, address_of("a", address), bound);
    unlink("a");
    int fd = raw_socket("a", SOCK_SEQPACKET, true);
    first->ops->unlisten(first->self, address);
    assert_int_equal(access("a", F_OK), 0);
    node_free(first);
    world_free(w);
    close(fd);
    unlink("a");
}

/* ---- dialling ---- */

static void a_dial_that_fails_says_why(void **state) {
    (void)state;
    assert_not_dialled("a", "no socket of that name");
    close(raw_socket("a", SOCK_SEQPACKET, true));
    assert_not_dialled("a", "refused");
    unlink("a");
    int fd = raw_socket("a", SOCK_STREAM, true);
    assert_not_dialled("a", "another kind");
    close(fd);
    unlink("a");
}

static void who_may_not_connect_is_told_so(void **state) {
    (void)state;
    if (geteuid() != 0) {
        print_message("[  SKIPPED ] only root can become somebody else: not tested\n");
        skip();
    }
    raw r = raw_open(NULL);
    assert_int_equal(chmod(".", 0711), 0);
    assert_int_equal(seteuid(65534), 0);
    assert_not_dialled("a", "permission denied");
    assert_int_equal(seteuid(0), 0);
    raw_free(&r);
}

/* With a backlog of one, two are taken and the third has to wait. */
static void a_dial_waits_for_a_listener_that_is_busy(void **state) {
    char address[128];
    slow_error error;
    (void)state;
    int fd = raw_socket("a", SOCK_SEQPACKET, true);
    world *w = world_new();
    node *n = node_new(w, plugin(), NULL);
    for (uint64_t dial = 1; dial <= 4; dial++)
        assert_int_equal(n->ops->connect(n->self, dial, address_of("a", address), &error), SLOW_OK);
    world_settle(w);
    assert_int_equal(n->ups, 2);
    assert_int_equal(n->failed_dial, 0);
    n->ops->cancel(n->self, 3);
    int taken = accept(fd, NULL, NULL);
    node_wait_link(n, 3);
    assert_int_equal(n->links[2].dial, 4);
    node_free(n);
    world_free(w);
    close(taken);
    close(fd);
    unlink("a");
}

/* ---- frames and back-pressure ---- */

static void frames_of_a_batch_go_up_together(void **state) {
    enum { FRAMES = 64 };
    (void)state;
    raw r = raw_open(NULL);
    slow_packet *batch[FRAMES];
    size_t taken;
    uint8_t frame[64];
    for (uint32_t i = 0; i < FRAMES; i++)
        batch[i] = node_packet(r.server, i, 50, 0);
    assert_int_equal(r.server->ops->send(r.server->self, r.server->links[0].cookie, batch, FRAMES, &taken), SLOW_OK);
    assert_int_equal(taken, FRAMES);
    for (uint32_t i = 0; i < FRAMES; i++) {
        assert_int_equal(recv(r.fd, frame, sizeof frame, 0), 50);
        assert_int_equal(send(r.fd, frame, 50, 0), 50);
    }
    node_wait_frames(r.server, FRAMES);
    assert_true(r.server->links[0].calls <= FRAMES / 16 + 2);
    for (uint32_t i = 0; i < FRAMES; i++)
        assert_true(frame_is(&r.server->frames[i], 50, i));
    raw_free(&r);
}

static void a_reader_that_stops_blocks_us_until_it_goes_on(void **state) {
    (void)state;
    raw r = raw_open(NULL);
    heard_link *in = &r.server->links[0];
    slow_status status = SLOW_OK;
    uint32_t sent = 0, got = 0;
    size_t taken;
    static uint8_t sink[65536];
    while (status == SLOW_OK) {
        slow_packet *batch[4];
        for (uint32_t i = 0; i < 4; i++)
            batch[i] = node_packet(r.server, sent + i, 10000, 0);
        status = r.server->ops->send(r.server->self, in->cookie, batch, 4, &taken);
        assert_true(status == SLOW_E_AGAIN || taken == 4);
        for (size_t i = taken; i < 4; i++)
            node_drop(batch[i]);
        sent += (uint32_t)taken;
        assert_true(sent < 10000);
    }
    assert_int_equal(status, SLOW_E_AGAIN);
    world_settle(r.world);
    assert_int_equal(in->writable, 0);
    while (got < sent) {
        got += recv(r.fd, sink, sizeof sink, MSG_DONTWAIT) == 10000;
        world_turn(r.world);
    }
    assert_int_equal(in->writable, 1);
    node_send(r.server, in, node_packet(r.server, 0, 10, 0));
    assert_int_equal(recv(r.fd, sink, sizeof sink, MSG_DONTWAIT), 10);
    raw_free(&r);
}

static void a_link_can_be_closed_while_it_is_blocked(void **state) {
    (void)state;
    raw r = raw_open(NULL);
    slow_status status = SLOW_OK;
    for (uint32_t i = 0; status == SLOW_OK; i++) {
        slow_packet *packet = node_packet(r.server, i, 60000, 0);
        size_t taken;
        status = r.server->ops->send(r.server->self, r.server->links[0].cookie, &packet, 1, &taken);
        if (taken == 0)
            node_drop(packet);
    }
    node_close(r.server, &r.server->links[0]);
    raw_free(&r);
}

static void a_frame_that_is_too_large_ends_the_link(void **state) {
    static uint8_t frame[UINT16_MAX + 1];
    (void)state;
    raw r = raw_open(NULL);
    assert_int_equal(send(r.fd, frame, UINT16_MAX, 0), UINT16_MAX);
    node_wait_frames(r.server, 1);
    assert_int_equal(r.server->frames[0].size, UINT16_MAX);
    assert_int_equal(send(r.fd, frame, sizeof frame, 0), sizeof frame);
    node_wait_down(r.server, &r.server->links[0]);
    assert_int_equal(r.server->links[0].why, SLOW_E_TOOBIG);
    assert_int_equal(r.server->frame_count, 1);
    raw_free(&r);
}

/* ---- ends ---- */

static void the_peers_end_takes_the_link_down_after_its_last_frame(void **state) {
    (void)state;
    for (int unread = 0; unread < 2; unread++) {
        raw r = raw_open(NULL);
        if (unread == 1) /* then the kernel tells of a reset before it gives out what came */
            node_send(r.server, &r.server->links[0], node_packet(r.server, 1, 100, 0));
        for (int i = 0; i < 40; i++)
            assert_int_equal(send(r.fd, "last", 4, 0), 4);
        close(r.fd);
        r.fd = -1;
        node_wait_down(r.server, &r.server->links[0]);
        assert_int_equal(r.server->links[0].why, SLOW_E_CLOSED);
        assert_int_equal(r.server->frame_count, 40);
        raw_free(&r);
    }
}

static void sending_to_who_is_gone_loses_nothing_that_he_said(void **state) {
    (void)state;
    for (int half = 0; half < 2; half++) {
        raw r = raw_open(NULL);
        heard_link *in = &r.server->links[0];
        slow_packet *packet = node_packet(r.server, 1, 100, 0);
        size_t taken;
        assert_int_equal(send(r.fd, "last", 4, 0), 4);
        if (half == 1) { /* he says no more but that he does not listen */
            assert_int_equal(shutdown(r.fd, SHUT_RD), 0);
        } else {
            close(r.fd);
            r.fd = -1;
        }
        assert_int_equal(r.server->ops->send(r.server->self, in->cookie, &packet, 1, &taken), SLOW_E_AGAIN);
        assert_int_equal(taken, 0);
        assert_false(in->down); /* never inside the call */
        node_drop(packet);
        node_wait_down(r.server, in);
        assert_int_equal(in->why, SLOW_E_CLOSED);
        assert_int_equal(in->writable, 0);
        assert_int_equal(r.server->frame_count, 1);
        raw_free(&r);
    }
}

static void a_peer_is_named_by_the_kernel_and_not_by_itself(void **state) {
    char address[128], bound[128], expected[64];
    struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "\0\x1b[31m"};
    (void)state;
    world *w = world_new();
    node *server = node_new(w, plugin(), NULL);
    node_listen(server, address_of("a", address), bound);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, (socklen_t)offsetof(struct sockaddr_un, sun_path) + 6), 0);
    snprintf(at.sun_path, sizeof at.sun_path, "a");
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    heard_link *in = node_wait_link(server, 1);
    snprintf(expected, sizeof expected, "unix://uid-%lu:other", (unsigned long)geteuid());
    assert_string_equal(in->remote, expected);
    assert_string_equal(in->local, address);
    assert_int_equal(in->flags, SLOW_LINK_STREAM | SLOW_LINK_LOCAL | SLOW_LINK_INBOUND);
    close(fd);
    node_free(server);
    world_free(w);
}

static void without_file_descriptors_a_listener_waits_and_goes_on(void **state) {
    char address[128], bound[128];
    struct rlimit old, low;
    (void)state;
    world *w = world_new();
    node *server = node_new(w, plugin(), NULL);
    node_listen(server, address_of("a", address), bound);
    int fd = raw_socket("a", SOCK_SEQPACKET, false);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_a_whole_path),
        cmocka_unit_test(a_path_that_is_too_long_is_refused_with_both_sizes),
        cmocka_unit_test(a_socket_that_was_left_over_is_replaced),
        cmocka_unit_test(a_socket_that_is_alive_is_left_alone),
        cmocka_unit_test(a_file_that_is_no_socket_is_left_alone),
        cmocka_unit_test(a_folder_that_is_not_there_is_an_error_that_says_so),
        cmocka_unit_test(access_is_the_mode_of_the_file_whatever_the_umask),
        cmocka_unit_test(a_file_that_is_another_ones_by_now_is_not_removed),
        cmocka_unit_test(a_dial_that_fails_says_why),
        cmocka_unit_test(who_may_not_connect_is_told_so),
        cmocka_unit_test(a_dial_waits_for_a_listener_that_is_busy),
        cmocka_unit_test(frames_of_a_batch_go_up_together),
        cmocka_unit_test(a_reader_that_stops_blocks_us_until_it_goes_on),
        cmocka_unit_test(a_link_can_be_closed_while_it_is_blocked),
        cmocka_unit_test(a_frame_that_is_too_large_ends_the_link),
        cmocka_unit_test(the_peers_end_takes_the_link_down_after_its_last_frame),
        cmocka_unit_test(sending_to_who_is_gone_loses_nothing_that_he_said),
        cmocka_unit_test(a_peer_is_named_by_the_kernel_and_not_by_itself),
        cmocka_unit_test(without_file_descriptors_a_listener_waits_and_goes_on),
    };
    char folder[] = "/tmp/slow-unix-XXXXXX", places[4][80];
    if (mkdtemp(folder) == NULL || chdir(folder) != 0)
        return 1;
    for (int i = 0; i < 4; i++)
        snprintf(places[i], sizeof places[i], "%s/%c", folder, 'b' + i);
    int failed = transport_suite_at(plugin(), SOCK_SEQPACKET, (const char *const[]){places[0], places[1]},
                                    (const char *const[]){places[2], places[3]});
    failed += cmocka_run_group_tests_name("unix", tests, NULL, NULL);
    return rmdir(folder) == 0 ? failed : failed + 1; /* every socket's file is gone */
}
