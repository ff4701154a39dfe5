/* The admin server against clients that are rude: a junction of its own, and raw bytes on its socket. What well-behaved
 * clients get is tested through slowctl and curl, in tests/router_test.sh. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <slow/junction.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

enum { ANSWER_SIZE = 1024 * 1024, PATIENCE_MS = 20000 };
static const slow_time SOON = UINT64_C(10000000000);

typedef struct world {
    char folder[64], socket[96];
    slow_junction *junction;
    char answer[ANSWER_SIZE];
} world;

static slow_junction *open_on(const char *socket, slow_error *error) {
    char text[256];
    int size = snprintf(text, sizeof text, "{\"id\":\"me\",\"admin\":{\"socket\":\"%s\"}}", socket);
    return slow_junction_open_text("test", text, (size_t)size, NULL, error);
}

static int set_up(void **state) {
    static world w; /* the test's own, not the library's */
    slow_error error = {.text = ""};
    strcpy(w.folder, "/tmp/slow-admin-XXXXXX");
    assert_non_null(mkdtemp(w.folder));
    snprintf(w.socket, sizeof w.socket, "%s/s", w.folder);
    w.junction = open_on(w.socket, &error);
    if (w.junction == NULL)
        fail_msg("%s", error.text);
    *state = &w;
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    slow_junction_free(w->junction);
    bool left = access(w->socket, F_OK) == 0;
    unlink(w->socket);
    int removed = rmdir(w->folder);
    return left || removed != 0; /* the junction takes its socket with it */
}

/* ---- a client ---- */

static int dial(const world *w) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(to.sun_path, sizeof to.sun_path, "%s", w->socket);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void say(int fd, const char *bytes, size_t size) {
    while (size > 0) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* it hung up: the answer, or none, will tell */
        bytes += sent;
        size -= (size_t)sent;
    }
}

static void say_request(int fd, const char *method, const char *path, const char *body, size_t size) {
    char head[512];
    snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: slow\r\nContent-Length: %zu\r\n\r\n", method, path, size);
    say(fd, head, strlen(head));
    say(fd, body, size);
}

static void ask(int fd, const char *method, const char *path, const char *body) {
    say_request(fd, method, path, body, strlen(body));
}

/* Exactly one answer: its status, and its body in w->answer. 0 = the connection ended. */
static int hear(world *w, int fd) {
    size_t used = 0, wanted = SIZE_MAX;
    char *body = NULL;
    int code = 0;
    while (used < wanted) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, PATIENCE_MS) != 1)
            fail_msg("no answer within %d ms", PATIENCE_MS);
        size_t room = body == NULL ? 1 : wanted - used; /* by bytes to the end of the head: the next answer stays */
        assert_true(used + room < ANSWER_SIZE);
        ssize_t got = recv(fd, w->answer + used, room, 0);
        if (got <= 0)
            return 0;
        used += (size_t)got;
        w->answer[used] = '\0';
        if (body == NULL && (body = strstr(w->answer, "\r\n\r\n")) != NULL) {
            const char *length = strcasestr(w->answer, "content-length:");
            assert_non_null(length);
            code = atoi(w->answer + strlen("HTTP/1.1 "));
            wanted = used + strtoul(length + strlen("content-length:"), NULL, 10);
        }
    }
    memmove(w->answer, body + 4, used - (size_t)(body + 4 - w->answer) + 1);
    return code;
}

static int talk(world *w, const char *method, const char *path, const char *body) {
    int fd = dial(w);
    ask(fd, method, path, body);
    int code = hear(w, fd);
    close(fd);
    return code;
}

static void assert_says(const world *w, const char *text) {
    if (strstr(w->answer, text) == NULL)
        fail_msg("expected %s in: %s", text, w->answer);
}

/* ---- the socket ---- */

static void the_socket_is_for_user_and_group_alone(void **state) {
    const world *w = *state;
    struct stat info;
    assert_int_equal(stat(w->socket, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0660);
}

static void the_socket_of_a_dead_router_is_replaced(void **state) {
    world *w = *state;
    struct sockaddr_un left = {.sun_family = AF_UNIX};
    slow_error error = {.text = ""};
    snprintf(left.sun_path, sizeof left.sun_path, "%s/left", w->folder);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&left, sizeof left), 0);
    close(fd);
    slow_junction *another = open_on(left.sun_path, &error);
    if (another == NULL)
        fail_msg("%s", error.text);
    slow_junction_free(another);
    assert_int_equal(access(left.sun_path, F_OK), -1);
}

static void a_living_router_is_named_and_left_alone(void **state) {
    world *w = *state;
    slow_error error = {.text = ""};
    char who[64];
    snprintf(who, sizeof who, "process %ld serves", (long)getpid());
    assert_null(open_on(w->socket, &error));
    assert_non_null(strstr(error.text, who));
    assert_int_equal(talk(w, "GET", "/v1/status", ""), 200);
}

static void a_file_that_is_no_socket_is_left_alone(void **state) {
    world *w = *state;
    slow_error error = {.text = ""};
    char path[96];
    snprintf(path, sizeof path, "%s/precious", w->folder);
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    assert_null(open_on(path, &error));
    assert_non_null(strstr(error.text, "no socket"));
    assert_int_equal(unlink(path), 0);
}

/* ---- requests ---- */

static void a_wrong_request_is_told_what_was_expected(void **state) {
    static const struct {
        const char *method, *path, *body;
        int code;
        const char *text;
    } cases[] = {
        {"GET", "/", "", 404, "try GET /v1/status"},
        {"GET", "/v2/status", "", 404, "nothing at /v2/status"},
        {"POST", "/v1/status", "", 405, "asked with GET"},
        {"PUT", "/v1/ping", "{}", 405, "asked with POST"},
        {"GET", "/v1/routes?id=", "", 400, "1 to 63 bytes"},
        {"GET", "/v1/routes?ide=x", "", 400, "\\\"ide\\\" is unknown"},
        {"GET", "/v1/routes?x", "", 400, "?key=value"},
        {"GET", "/v1/routes?id=nobody", "", 404, "no route to nobody"},
        {"POST", "/v1/routing/add", "", 400, "the text is empty"},
        {"POST", "/v1/routing/add", "{}", 400, "plugin: missing"},
        {"POST", "/v1/routing/add", "[1]", 400, "is a list"},
        {"POST", "/v1/routing/prefer", "{\"plugin\":\"routing-x\"}", 400, "preference"},
        {"POST", "/v1/routing/prefer", "{\"plugin\":\"routing-x\",\"preference\":-1}", 400, "0..65535"},
        {"POST", "/v1/routing/remove", "{\"plugin\":\"routing-x\"}", 400, "no strategy \\\"routing-x\\\" runs"},
        {"POST", "/v1/routing/remove", "", 400, "plugin: missing"},
        {"POST", "/v1/routing", "{}", 405, "GET"},
        {"POST", "/v1/ping", "", 400, "id"},
        {"POST", "/v1/ping", "[]", 400, "a list"},
        {"POST", "/v1/ping", "{\"id\":\"x\"", 400, "not JSON"},
        {"POST", "/v1/ping", "{\"id\":\"x\",\"time\":1}", 400, "time"},
        {"POST", "/v1/ping", "{\"id\":\"x\",\"timeout_ms\":0}", 400, "timeout_ms"},
        {"POST", "/v1/recv", "{\"n\":4097}", 400, "n"},
        {"POST", "/v1/send", "{}", 400, "to: missing"},
        {"POST", "/v1/send?to=me", "{\"a\":1,\"a\":2}", 400, "duplicate key"},
        {"POST", "/v1/send?to=me&type=xml", "{}", 400, "json, binary or control"},
        {"POST", "/v1/send?to=me&channel=64", "{}", 400, "0 to 63"},
        {"POST", "/v1/send?to=me&priority=-1", "{}", 400, "0 to 3"},
        {"POST", "/v1/send?to=me&kind=0x8000", "{}", 400, "type=control"},
        {"POST", "/v1/send?to=me&type=control&kind=1", "x", 400, "0x8000"},
        {"POST", "/v1/send?to=me&order=random", "1", 400, "none, ordered or latest"},
        {"POST", "/v1/send?to=me&ttl_ms=0", "1", 400, "from 1 to"},
        {"POST", "/v1/send?to=me&no_wait=perhaps", "1", 400, "neither true nor false"},
        {"POST", "/v1/send?to=me&reliable=false&order=latest", "1", 400, "only reliable"},
        {"POST", "/v1/join", "{\"address\":\"nonsense\"}", 400, "nonsense"},
        {"POST", "/v1/leave", "{\"address\":\"udp://127.0.0.1:9\"}", 404, "not joined"},
    };
    world *w = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int code = talk(w, cases[i].method, cases[i].path, cases[i].body);
        if (code != cases[i].code)
            fail_msg("%s %s %s: HTTP %d: %s", cases[i].method, cases[i].path, cases[i].body, code, w->answer);
        assert_says(w, "{\"error\":\"");
        assert_says(w, cases[i].text);
    }
}

static void a_message_arrives_as_it_was_given(void **state) {
    world *w = *state;
    assert_int_equal(talk(w, "POST", "/v1/send?to=me&no_wait=true&channel=7", " {\"a\": 1.0, \"b\": 1E2} "), 200);
    assert_says(w, "\"accepted\":true,\"bytes\":17}");
    assert_int_equal(talk(w, "POST", "/v1/send?to=me&no_wait=true&type=binary", "\x01\x02"), 200);
    assert_int_equal(talk(w, "POST", "/v1/send?to=me&no_wait=true&type=control&kind=0x8001", "hi"), 200);
    assert_int_equal(talk(w, "POST", "/v1/recv", "{\"n\":3}"), 200);
    assert_string_equal(w->answer,
                        "{\"messages\":["
                        "{\"from\":\"me\",\"type\":\"json\",\"channel\":7,\"payload\":{\"a\":1.0,\"b\":1E2}},"
                        "{\"from\":\"me\",\"type\":\"binary\",\"channel\":0,\"payload\":\"AQI=\"},"
                        "{\"from\":\"me\",\"type\":\"control\",\"kind\":32769,\"channel\":0,\"payload\":\"aGk=\"}"
                        "]}\n");
}

static void a_send_waits_for_its_outcome(void **state) {
    world *w = *state;
    int fd = dial(w);
    ask(fd, "POST", "/v1/send?to=me", "1");
    assert_int_equal(talk(w, "POST", "/v1/recv", "{\"n\":1}"), 200);
    assert_says(w, "\"payload\":1}]}");
    assert_int_equal(hear(w, fd), 200);
    assert_says(w,
                "{\"to\":\"me\",\"accepted\":true,\"bytes\":1,\"outcome\":\"delivered\",\"reason\":null,\"rtt_ms\":");
    close(fd);
    assert_int_equal(talk(w, "POST", "/v1/send?to=nobody&ttl_ms=20", "1"), 200);
    assert_says(w, "\"outcome\":\"not_delivered\",\"reason\":\"expired: it could not be sent within 0.02 s");
    assert_int_equal(talk(w, "POST", "/v1/send?to=nobody&fail_fast=true", "1"), 200);
    assert_says(w, "\"outcome\":\"not_delivered\",\"reason\":\"there is no route");
}

static void a_message_that_nobody_took_is_withdrawn_at_its_deadline(void **state) {
    world *w = *state;
    assert_int_equal(talk(w, "POST", "/v1/send?to=me&ttl_ms=20", "1"), 200);
    assert_says(w, "\"outcome\":\"not_delivered\",\"reason\":\"expired");
    assert_int_equal(slow_junction_waiting(w->junction), 0);
    assert_int_equal(talk(w, "POST", "/v1/recv", "{\"timeout_ms\":0}"), 200);
    assert_string_equal(w->answer, "{\"messages\":[]}\n");
}

static void lines_have_an_outcome_each(void **state) {
    world *w = *state;
    int fd = dial(w);
    ask(fd, "POST", "/v1/send?to=me&lines=true&order=ordered", "1\n\nnot json\r\n{\"n\": 2}");
    assert_int_equal(talk(w, "POST", "/v1/recv", "{\"n\":1}"), 200);
    assert_says(w, "\"payload\":1}");
    assert_int_equal(talk(w, "POST", "/v1/recv", "{\"n\":1}"), 200);
    assert_says(w, "\"payload\":{\"n\":2}}");
    assert_int_equal(hear(w, fd), 200);
    assert_says(w, "{\"message\":1,\"outcome\":\"delivered\",\"reason\":null,");
    assert_says(w, "{\"message\":3,\"outcome\":\"not_delivered\",\"reason\":\"refused: ");
    assert_says(w, "{\"message\":4,\"outcome\":\"delivered\",\"reason\":null,");
    close(fd);
    assert_int_equal(talk(w, "POST", "/v1/send?to=me&lines=true&no_wait=true", "5\n6\n"), 200);
    assert_string_equal(w->answer, "{\"to\":\"me\",\"messages\":[{\"message\":1,\"accepted\":true},"
                                   "{\"message\":2,\"accepted\":true}]}\n");
    assert_int_equal(talk(w, "POST", "/v1/recv", "{\"n\":2}"), 200);
}

/* 4,096 fit; the request holds the rest until those in front of it have ended. */
static void more_lines_than_there_is_room_for_wait(void **state) {
    enum { LINES = 6000 };
    world *w = *state;
    char *text = malloc(LINES * 8), *end = text;
    for (int i = 0; i < LINES; i++)
        end += sprintf(end, "%d\n", i);
    int fd = dial(w), got = 0;
    ask(fd, "POST", "/v1/send?to=me&lines=true", text);
    while (got < LINES) {
        assert_int_equal(talk(w, "POST", "/v1/recv", "{\"n\":1000}"), 200);
        for (const char *at = w->answer; (at = strstr(at, "\"payload\"")) != NULL; at++)
            got++;
    }
    assert_int_equal(got, LINES);
    assert_int_equal(hear(w, fd), 200);
    got = 0;
    for (const char *at = w->answer; (at = strstr(at, "\"delivered\"")) != NULL; at++)
        got++;
    assert_int_equal(got, LINES);
    close(fd);
    free(text);
}

static void a_message_above_the_limit_is_refused(void **state) {
    world *w = *state;
    size_t size = 64 * 1024 + 1;
    char *bytes = calloc(1, size);
    int fd = dial(w);
    say_request(fd, "POST", "/v1/send?to=me&type=binary&reliable=false", bytes, size);
    assert_int_equal(hear(w, fd), 413);
    close(fd);
    free(bytes);
}

static void recv_without_messages_ends_at_its_time(void **state) {
    world *w = *state;
    assert_int_equal(talk(w, "POST", "/v1/recv", "{\"timeout_ms\":0}"), 200);
    assert_string_equal(w->answer, "{\"messages\":[]}\n");
}

/* ---- held requests ---- */

static void bytes_behind_a_held_request_do_no_harm(void **state) {
    world *w = *state;
    int fd = dial(w);
    ask(fd, "POST", "/v1/recv", "{\"n\":1}");
    ask(fd, "GET", "/v1/plugins", "");
    say(fd, "rubbish", 7);
    assert_int_equal(talk(w, "POST", "/v1/send?to=me", "1"), 200);
    assert_int_equal(hear(w, fd), 200);
    assert_says(w, "\"payload\":1}]}");
    assert_int_equal(hear(w, fd), 200);
    assert_says(w, "{\"plugins\":[");
    close(fd);
    assert_int_equal(talk(w, "GET", "/v1/status", ""), 200);
}

static void a_client_that_went_away_takes_no_message_with_it(void **state) {
    world *w = *state;
    for (int i = 0; i < 20; i++) {
        int fd = dial(w);
        ask(fd, "POST", "/v1/recv", "{\"n\":1}");
        if (i % 2 == 0) /* in half of the rounds the request is surely held before the end comes */
            assert_int_equal(talk(w, "GET", "/v1/status", ""), 200);
        close(fd);
    }
    assert_int_equal(talk(w, "POST", "/v1/send?to=me&no_wait=true", "\"kept\""), 200);
    assert_int_equal(talk(w, "POST", "/v1/recv", "{\"n\":1}"), 200);
    assert_says(w, "\"payload\":\"kept\"}]}");
}

/* It dies with half of its answer unread: what was in there is for the next one, and nobody was told it was taken. */
static void an_answer_that_was_not_written_gives_its_messages_back(void **state) {
    enum { SIZE = 600 * 1024 };
    world *w = *state;
    char *bytes = calloc(1, SIZE);
    int sender = dial(w), first = dial(w);
    say_request(sender, "POST", "/v1/send?to=me&type=binary", bytes, SIZE);
    while (slow_junction_waiting(w->junction) == 0)
        sched_yield();
    ask(first, "POST", "/v1/recv", "{\"n\":1}");
    while (slow_junction_waiting(w->junction) != 0)
        sched_yield();
    assert_int_equal(slow_junction_counter(w->junction, "messages_delivered"), 0);
    close(first);
    assert_int_equal(talk(w, "POST", "/v1/recv", "{\"n\":1}"), 200);
    assert_says(w, "{\"messages\":[{\"from\":\"me\",\"type\":\"binary\",\"channel\":0,\"payload\":\"AAAA");
    assert_int_equal(hear(w, sender), 200);
    assert_says(w, "\"outcome\":\"delivered\"");
    assert_int_equal(slow_junction_counter(w->junction, "messages_delivered"), 1);
    close(sender);
    free(bytes);
}

static void a_client_that_closed_its_sending_half_is_answered(void **state) {
    world *w = *state;
    int fd = dial(w);
    ask(fd, "POST", "/v1/recv", "{\"n\":1}");
    shutdown(fd, SHUT_WR);
    assert_int_equal(talk(w, "POST", "/v1/send?to=me", "2"), 200);
    assert_int_equal(hear(w, fd), 200);
    assert_says(w, "\"payload\":2}]}");
    close(fd);
}

static void clients_that_vanish_after_asking_do_no_harm(void **state) {
    static const char *const paths[] = {"/v1/status", "/v1/neighbours", "/v1/nothing"};
    world *w = *state;
    for (int i = 0; i < 300; i++) {
        int fd = dial(w);
        ask(fd, "GET", paths[i % 3], "");
        close(fd);
    }
    assert_int_equal(talk(w, "GET", "/v1/status", ""), 200);
}

static void held_requests_are_bounded(void **state) {
    enum { MANY = 65 };
    world *w = *state;
    int fds[MANY];
    for (int i = 0; i < MANY; i++) {
        fds[i] = dial(w);
        ask(fds[i], "POST", "/v1/ping", i % 2 == 0 ? "{\"id\":\"x\",\"timeout_ms\":60000}" : "{\"id\":\"y\"}");
    }
    int refused = 0, nowhere = 0;
    for (int i = 0; i < MANY; i++) {
        int code = hear(w, fds[i]);
        refused += code == 503;
        nowhere += code == 404;
        close(fds[i]);
    }
    assert_int_equal(refused, 1);
    assert_int_equal(nowhere, 64);
}

static void connections_are_bounded(void **state) {
    enum { MANY = 129 };
    world *w = *state;
    int fds[MANY], refused = 0;
    for (int i = 0; i < MANY; i++) {
        fds[i] = dial(w);
        ask(fds[i], "GET", "/v1/plugins", "");
        refused += hear(w, fds[i]) == 503;
    }
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
    assert_int_equal(refused, 1);
}

static void what_is_too_long_is_refused(void **state) {
    world *w = *state;
    size_t size = 18 * 1024 * 1024;
    char *bytes = malloc(size);
    memset(bytes, 'x', size);
    int fd = dial(w);
    say_request(fd, "POST", "/v1/send?to=me&type=binary", bytes, size);
    int code = hear(w, fd);
    assert_true(code == 413 || code == 0);
    close(fd);
    fd = dial(w);
    say(fd, "GET /v1/status HTTP/1.1\r\nX: ", 29);
    say(fd, bytes, 64 * 1024);
    say(fd, "\r\n\r\n", 4);
    code = hear(w, fd);
    assert_true(code == 400 || code == 413 || code == 0);
    close(fd);
    free(bytes);
    assert_int_equal(talk(w, "GET", "/v1/status", ""), 200);
}

/* A junction with nowhere to send to keeps 5 s what it was given; what does not fit waits in its client, and is not
 * lost. */
static void sends_are_held_until_there_is_room(void **state) {
    enum { MANY = 16, SIZE = 60 * 1024 };
    world *w = *state;
    char *bytes = calloc(1, SIZE);
    int fds[MANY];
    for (int i = 0; i < MANY; i++) {
        fds[i] = dial(w);
        say_request(fds[i], "POST", "/v1/send?to=nobody&type=binary&reliable=false", bytes, SIZE);
    }
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(hear(w, fds[i]), 200);
        assert_says(w, "\"accepted\":true");
        close(fds[i]);
    }
    assert_true(slow_junction_counter(w->junction, "drop_message_expired") > 0);
    assert_int_equal(slow_junction_counter(w->junction, "drop_message_waiting_full"), 0);
    free(bytes);
}

static void requests_that_are_held_at_the_end_are_cut(void **state) {
    world *w = *state;
    slow_error error = {.text = ""};
    int ping = dial(w), held = dial(w);
    ask(ping, "POST", "/v1/ping", "{\"id\":\"nobody\"}");
    ask(held, "POST", "/v1/recv", "{}");
    slow_junction_free(w->junction);
    assert_int_equal(hear(w, ping), 0);
    assert_int_equal(hear(w, held), 0);
    close(ping);
    close(held);
    w->junction = open_on(w->socket, &error);
    assert_non_null(w->junction);
}

static void the_application_and_the_api_share_one_inbox(void **state) {
    world *w = *state;
    slow_message *message;
    assert_int_equal(talk(w, "POST", "/v1/send?to=me&no_wait=true", "{}"), 200);
    assert_int_equal(slow_recv(w->junction, &message, SOON), SLOW_OK);
    slow_message_free(message);
    assert_int_equal(talk(w, "POST", "/v1/recv", "{\"timeout_ms\":0}"), 200);
    assert_string_equal(w->answer, "{\"messages\":[]}\n");
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(the_socket_is_for_user_and_group_alone),
        T(the_socket_of_a_dead_router_is_replaced),
        T(a_living_router_is_named_and_left_alone),
        T(a_file_that_is_no_socket_is_left_alone),
        T(a_wrong_request_is_told_what_was_expected),
        T(a_message_arrives_as_it_was_given),
        T(a_send_waits_for_its_outcome),
        T(a_message_that_nobody_took_is_withdrawn_at_its_deadline),
        T(lines_have_an_outcome_each),
        T(more_lines_than_there_is_room_for_wait),
        T(a_message_above_the_limit_is_refused),
        T(recv_without_messages_ends_at_its_time),
        T(bytes_behind_a_held_request_do_no_harm),
        T(a_client_that_went_away_takes_no_message_with_it),
        T(an_answer_that_was_not_written_gives_its_messages_back),
        T(a_client_that_closed_its_sending_half_is_answered),
        T(clients_that_vanish_after_asking_do_no_harm),
        T(held_requests_are_bounded),
        T(connections_are_bounded),
        T(what_is_too_long_is_refused),
        T(sends_are_held_until_there_is_room),
        T(requests_that_are_held_at_the_end_are_cut),
        T(the_application_and_the_api_share_one_inbox),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
