/* fault-proxy at its command line and over loopback sockets. What follows from times alone is in support/fault_proxy's
 * cable_test.c; here is what the kernel and two directions make of it. Times are held from below only: a busy machine is
 * slow, a proxy that is fast is wrong. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY = 2000, AT_ONCE = 50, PATIENCE_MS = 10000 };

typedef struct proxy {
    pid_t pid;
    FILE *in, *out;
    struct sockaddr_in at;
    int target; /* a socket at the other end */
} proxy;

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- the program ---- */

/* `arguments` parted by blanks; stdin, stdout and stderr are pipes. */
static pid_t start(const char *arguments, FILE *pipes[3]) {
    char path[4096], words[512], *argv[32] = {path}, *rest = words, *word;
    snprintf(path, sizeof path, "%s/tests/fault-proxy", getenv("SLOW_BUILD"));
    snprintf(words, sizeof words, "%s", arguments);
    for (int argc = 1; argc < 31 && (word = strsep(&rest, " ")) != NULL;)
        if (*word != '\0')
            argv[argc++] = word;
    int fds[3][2];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pipe2(fds[i], O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (int i = 0; i < 3; i++)
            dup2(fds[i][i == 0 ? 0 : 1], i);
        execv(path, argv);
        _exit(127);
    }
    assert_true(pid > 0);
    for (int i = 0; i < 3; i++) {
        close(fds[i][i == 0 ? 0 : 1]);
        pipes[i] = fdopen(fds[i][i == 0 ? 1 : 0], i == 0 ? "w" : "r");
        assert_non_null(pipes[i]);
    }
    return pid;
}

static int exit_code(pid_t pid) {
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *read_line(FILE *from, char line[1024]) {
    if (fgets(line, 1024, from) == NULL)
        fail_msg("the proxy says nothing");
    line[strcspn(line, "\n")] = '\0';
    return line;
}

static proxy proxy_open(int kind, const char *options) {
    char arguments[512], line[1024];
    unsigned port;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    proxy p = {.target = socket(AF_INET, kind | SOCK_CLOEXEC, 0)};
    assert_int_equal(bind(p.target, (struct sockaddr *)&at, size), 0);
    if (kind == SOCK_STREAM)
        assert_int_equal(listen(p.target, 8), 0);
    assert_int_equal(getsockname(p.target, (struct sockaddr *)&at, &size), 0);
    snprintf(arguments, sizeof arguments, "%s --to 127.0.0.1:%u %s", kind == SOCK_STREAM ? "tcp" : "udp",
             ntohs(at.sin_port), options);
    FILE *pipes[3];
    p.pid = start(arguments, pipes);
    fclose(pipes[2]);
    p.in = pipes[0];
    p.out = pipes[1];
    if (sscanf(read_line(p.out, line), "listening 127.0.0.1:%u", &port) != 1)
        fail_msg("%s", line);
    p.at = at;
    p.at.sin_port = htons((uint16_t)port);
    return p;
}

static const char *tell(proxy *p, const char *command, char answer[1024]) {
    fprintf(p->in, "%s\n", command);
    fflush(p->in);
    return read_line(p->out, answer);
}

static void tell_ok(proxy *p, const char *command) {
    char answer[1024];
    if (strncmp(tell(p, command, answer), "ok", 2) != 0)
        fail_msg("%s: %s", command, answer);
}

static unsigned long figure(proxy *p, const char *name) {
    char answer[1024], key[64];
    tell(p, "stats", answer);
    snprintf(key, sizeof key, " %s=", name);
    const char *found = strstr(answer, key);
    if (found == NULL)
        fail_msg("no %s in: %s", name, answer);
    return strtoul(found + strlen(key), NULL, 10);
}

static void proxy_close(proxy *p) { /* by the end of its stdin */
    fclose(p->in);
    assert_int_equal(exit_code(p->pid), 0);
    fclose(p->out);
    close(p->target);
}

static int client_of(const proxy *p, int kind) {
    int fd = socket(AF_INET, kind, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&p->at, sizeof p->at), 0);
    return fd;
}

static bool readable(int fd, int wait_ms) {
    return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, wait_ms) == 1;
}

/* ---- datagrams ---- */

/* What became of each of MANY datagrams: how often it came, and how many came behind a later one. A batch is on its way at a
 * time, until the proxy has answered for all of it: so no socket's buffer loses any. */
static unsigned exchange(proxy *p, uint8_t came[MANY]) {
    int client = client_of(p, SOCK_DGRAM);
    unsigned late = 0;
    memset(came, 0, MANY);
    for (uint32_t next = 0, highest = 0; next < MANY;) {
        for (int i = 0; i < AT_ONCE; i++, next++)
            assert_int_equal(send(client, &next, sizeof next, 0), sizeof next);
        uint64_t until = now_ms() + PATIENCE_MS;
        while (figure(p, "up_passed") + figure(p, "up_lost") < next)
            assert_true(now_ms() < until);
        uint32_t number;
        while (recv(p->target, &number, sizeof number, MSG_DONTWAIT) == sizeof number) {
            assert_true(number < MANY);
            came[number]++;
            late += number < highest;
            highest = number > highest ? number : highest;
        }
    }
    close(client);
    return late;
}

static void loss_is_near_what_was_asked_and_the_same_for_a_seed(void **state) {
    (void)state;
    static uint8_t first[MANY], second[MANY], third[MANY];
    const char *const options[] = {"--seed 7 --loss 0.1", "--seed 7 --loss 0.1", "--seed 8 --loss 0.1"};
    uint8_t *const came[] = {first, second, third};
    for (int i = 0; i < 3; i++) {
        proxy p = proxy_open(SOCK_DGRAM, options[i]);
        exchange(&p, came[i]);
        unsigned long lost = 0;
        for (int n = 0; n < MANY; n++)
            lost += came[i][n] == 0;
        assert_int_equal(lost, figure(&p, "up_lost"));
        assert_in_range(lost, 150, 250); /* 200, and four standard deviations are 54 */
        proxy_close(&p);
    }
    assert_memory_equal(first, second, MANY);
    assert_memory_not_equal(first, third, MANY);
}

static void copies_come_and_are_counted(void **state) {
    (void)state;
    static uint8_t came[MANY];
    proxy p = proxy_open(SOCK_DGRAM, "--seed 7 --duplicate 0.1");
    exchange(&p, came);
    unsigned long twice = 0;
    for (int n = 0; n < MANY; n++) {
        assert_in_range(came[n], 1, 2);
        twice += came[n] == 2;
    }
    assert_int_equal(twice, figure(&p, "up_duplicated"));
    assert_in_range(twice, 150, 250);
    proxy_close(&p);
}

static void some_are_held_back(void **state) {
    (void)state;
    static uint8_t came[MANY];
    proxy p = proxy_open(SOCK_DGRAM, "--seed 7 --reorder 0.1 --reorder-ms 2");
    unsigned late = exchange(&p, came);
    for (int n = 0; n < MANY; n++)
        assert_int_equal(came[n], 1);
    assert_in_range(figure(&p, "up_reordered"), 150, 250);
    assert_true(late >= 50 && late <= figure(&p, "up_reordered"));
    proxy_close(&p);
}

/* Answers find their client, whatever the size of the datagram. */
static void clients_are_kept_apart(void **state) {
    (void)state;
    static char text[60000], got[60001];
    proxy p = proxy_open(SOCK_DGRAM, "");
    int clients[4];
    struct sockaddr_in from[4];
    for (int i = 0; i < 4; i++) { /* one after the other: four at once are more than a socket's buffer may hold */
        socklen_t size = sizeof from[i];
        clients[i] = client_of(&p, SOCK_DGRAM);
        memset(text, 'a' + i, sizeof text);
        assert_int_equal(send(clients[i], text, sizeof text, 0), sizeof text);
        assert_true(readable(p.target, PATIENCE_MS));
        assert_int_equal(recvfrom(p.target, got, sizeof got, 0, (struct sockaddr *)&from[i], &size), sizeof text);
    }
    for (int i = 3; i >= 0; i--) {
        memset(text, 'a' + i, sizeof text);
        assert_int_equal(sendto(p.target, text, sizeof text, 0, (struct sockaddr *)&from[i], sizeof from[i]),
                         sizeof text);
        assert_true(readable(clients[i], PATIENCE_MS));
        assert_int_equal(recv(clients[i], got, sizeof got, 0), sizeof text);
        assert_true(got[0] == 'a' + i && got[sizeof text - 1] == 'a' + i);
        close(clients[i]);
    }
    assert_int_equal(figure(&p, "connections"), 4);
    proxy_close(&p);
}

static void pass(const proxy *p, int client) {
    char got[4];
    assert_int_equal(send(client, "x", 1, 0), 1);
    assert_true(readable(p->target, PATIENCE_MS));
    assert_int_equal(recv(p->target, got, sizeof got, 0), 1);
}

static void of_more_clients_than_it_keeps_the_quietest_makes_room(void **state) {
    (void)state;
    int clients[100];
    proxy p = proxy_open(SOCK_DGRAM, "");
    for (int i = 0; i < 100; i++) {
        clients[i] = client_of(&p, SOCK_DGRAM);
        pass(&p, clients[i]);
        pass(&p, clients[0]); /* would be another connection, had it been forgotten */
    }
    assert_int_equal(figure(&p, "connections"), 100);
    pass(&p, clients[1]);
    assert_int_equal(figure(&p, "connections"), 101);
    assert_int_equal(figure(&p, "refused"), 0);
    for (int i = 0; i < 100; i++)
        close(clients[i]); /* only now: no port is had twice */
    proxy_close(&p);
}

static void delay_and_rate_take_their_time(void **state) {
    (void)state;
    char data[1000] = "";
    proxy p = proxy_open(SOCK_DGRAM, "--delay-ms 30 --jitter-ms 5");
    int client = client_of(&p, SOCK_DGRAM);
    uint64_t from_ms = now_ms();
    assert_int_equal(send(client, data, sizeof data, 0), sizeof data);
    assert_true(readable(p.target, PATIENCE_MS));
    assert_true(now_ms() - from_ms >= 29); /* of two clocks' whole milliseconds */
    recv(p.target, data, sizeof data, 0);
    tell_ok(&p, "rate 1M");
    tell_ok(&p, "delay-ms 0");
    from_ms = now_ms();
    for (int i = 0; i < 50; i++)
        assert_int_equal(send(client, data, sizeof data, 0), sizeof data);
    for (int i = 0; i < 50; i++) {
        assert_true(readable(p.target, PATIENCE_MS));
        recv(p.target, data, sizeof data, 0);
    }
    uint64_t took_ms = now_ms() - from_ms;
    print_message("50 kB at 1 Mbit/s took %u ms\n", (unsigned)took_ms);
    assert_true(took_ms >= 399);
    close(client);
    proxy_close(&p);
}

static void silence_is_of_a_direction_or_of_both(void **state) {
    (void)state;
    char got[4];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    proxy p = proxy_open(SOCK_DGRAM, "");
    int client = client_of(&p, SOCK_DGRAM);
    tell_ok(&p, "silence up");
    assert_int_equal(send(client, "1", 1, 0), 1);
    while (figure(&p, "up_silenced") < 1)
        assert_false(readable(p.target, 0));
    tell_ok(&p, "silence down");
    assert_int_equal(send(client, "2", 1, 0), 1);
    assert_true(readable(p.target, PATIENCE_MS));
    assert_int_equal(recvfrom(p.target, got, 4, 0, (struct sockaddr *)&from, &size), 1);
    assert_int_equal(got[0], '2');
    assert_int_equal(sendto(p.target, "3", 1, 0, (struct sockaddr *)&from, size), 1);
    while (figure(&p, "down_silenced") < 1)
        assert_false(readable(client, 0));
    tell_ok(&p, "silence off");
    assert_int_equal(sendto(p.target, "4", 1, 0, (struct sockaddr *)&from, size), 1);
    assert_true(readable(client, PATIENCE_MS));
    assert_int_equal(recv(client, got, 4, 0), 1);
    assert_int_equal(got[0], '4');
    close(client);
    proxy_close(&p);
}

/* ---- streams ---- */

enum { STREAM_SIZE = 1000000 };

static void connect_through(proxy *p, int *client, int *server) {
    *client = client_of(p, SOCK_STREAM);
    assert_true(readable(p->target, PATIENCE_MS));
    *server = accept(p->target, NULL, NULL);
    assert_true(*server >= 0);
}

static uint8_t byte_at(size_t at) {
    return (uint8_t)(at * 2654435761u >> 13);
}

static void a_stream_arrives_whole_and_as_late_as_asked(void **state) {
    (void)state;
    static uint8_t data[STREAM_SIZE], got[4096];
    proxy p = proxy_open(SOCK_STREAM, "--delay-ms 10 --jitter-ms 10 --rate 16M --queue 64k");
    int client, server;
    connect_through(&p, &client, &server);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = byte_at(i);
    uint64_t from_ms = now_ms();
    pid_t writer = fork();
    if (writer == 0) {
        size_t at = 0;
        ssize_t sent = 0;
        for (; at < sizeof data && sent >= 0; at += (size_t)sent)
            sent = send(client, data + at, sizeof data - at, MSG_NOSIGNAL);
        _exit(at < sizeof data || shutdown(client, SHUT_WR) != 0);
    }
    size_t at = 0;
    for (ssize_t size; readable(server, PATIENCE_MS) && (size = recv(server, got, sizeof got, 0)) > 0;)
        for (ssize_t i = 0; i < size; i++, at++)
            assert_int_equal(got[i], byte_at(at));
    assert_int_equal(at, STREAM_SIZE);
    assert_int_equal(exit_code(writer), 0);
    uint64_t took_ms = now_ms() - from_ms;
    print_message("1 MB at 16 Mbit/s took %u ms\n", (unsigned)took_ms);
    assert_true(took_ms >= 509);
    /* The end came one way only. */
    assert_int_equal(send(server, "bye", 3, 0), 3);
    assert_true(readable(client, PATIENCE_MS));
    assert_int_equal(recv(client, got, sizeof got, 0), 3);
    close(server);
    assert_true(readable(client, PATIENCE_MS));
    assert_int_equal(recv(client, got, sizeof got, 0), 0);
    close(client);
    proxy_close(&p);
}

/* All buffers are full before the first byte is read, and the proxy does not read on without end. */
static void a_reader_that_waits_stops_the_writer_and_misses_nothing(void **state) {
    (void)state;
    static uint8_t data[4096], got[4096];
    const int small = 8192;
    proxy p = proxy_open(SOCK_STREAM, "--queue 64k");
    assert_int_equal(setsockopt(p.target, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    int client, server;
    connect_through(&p, &client, &server);
    size_t sent = 0, at = 0;
    while (poll(&(struct pollfd){.fd = client, .events = POLLOUT}, 1, 100) == 1) {
        for (size_t i = 0; i < sizeof data; i++)
            data[i] = byte_at(sent + i);
        ssize_t size = send(client, data, sizeof data, MSG_DONTWAIT);
        assert_true(size > 0);
        sent += (size_t)size;
        assert_true(sent < 64 << 20);
    }
    assert_int_equal(shutdown(client, SHUT_WR), 0);
    for (ssize_t size; readable(server, PATIENCE_MS) && (size = recv(server, got, sizeof got, 0)) > 0;)
        for (ssize_t i = 0; i < size; i++, at++)
            assert_int_equal(got[i], byte_at(at));
    assert_int_equal(at, sent);
    close(client);
    close(server);
    proxy_close(&p);
}

static void silence_keeps_a_stream_until_it_is_over(void **state) {
    (void)state;
    char got[8];
    proxy p = proxy_open(SOCK_STREAM, "");
    int client, server;
    connect_through(&p, &client, &server);
    tell_ok(&p, "silence on");
    assert_int_equal(send(client, "late", 4, 0), 4);
    close(client);
    assert_false(readable(server, 50)); /* nothing tells of what does not happen */
    tell_ok(&p, "silence off");
    assert_true(readable(server, PATIENCE_MS));
    assert_int_equal(recv(server, got, sizeof got, MSG_WAITALL), 4);
    close(server);
    proxy_close(&p);
}

static void assert_reset(int fd) {
    char got[4];
    assert_true(readable(fd, PATIENCE_MS));
    assert_int_equal(recv(fd, got, sizeof got, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    close(fd);
}

static void a_reset_is_seen_at_both_ends(void **state) {
    (void)state;
    char answer[1024];
    proxy p = proxy_open(SOCK_STREAM, "");
    int client, server;
    connect_through(&p, &client, &server);
    assert_string_equal(tell(&p, "reset", answer), "ok connections=1");
    assert_reset(client);
    assert_reset(server);
    assert_int_equal(figure(&p, "resets"), 1);
    connect_through(&p, &client, &server); /* one that an end resets is reset at the other */
    const struct linger now = {.l_onoff = 1};
    setsockopt(server, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(server);
    assert_reset(client);
    proxy_close(&p);
}

static void where_nobody_listens_a_client_is_reset(void **state) {
    (void)state;
    proxy p = proxy_open(SOCK_STREAM, "");
    close(p.target);
    assert_reset(client_of(&p, SOCK_STREAM));
    proxy_close(&(proxy){.pid = p.pid, .in = p.in, .out = p.out, .target = -1});
}

/* ---- what is told ---- */

static void mistakes_are_one_line_and_code_2(void **state) {
    (void)state;
    static const char *const wrong[][2] = {
        {"", "expected udp or tcp"},
        {"sctp", "sctp: expected udp or tcp"},
        {"udp", "--to: an address is missing"},
        {"udp --to localhost:1", "--to: localhost:1 is no address"},
        {"udp --to 127.0.0.1:65536", "is no address"},
        {"udp --to [::1:5", "is no address"},
        {"udp --to :5", "is no address"},
        {"udp --to 127.0.0.1:", "is no address"},
        {"udp --to 127.0.0.1:9 --loss", "--loss: a value is missing"},
        {"udp --to 127.0.0.1:9 --loss 2", "--loss: 2: expected a share"},
        {"udp --to 127.0.0.1:9 --bogus 2", "--bogus: there is no such setting"},
        {"udp --to 127.0.0.1:9 loss 2", "loss: expected an option"},
        {"tcp --to 127.0.0.1:9 --loss 0.1", "--loss: is for udp only"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        FILE *pipes[3];
        char text[2048];
        pid_t pid = start(wrong[i][0], pipes);
        size_t size = fread(text, 1, sizeof text - 1, pipes[2]);
        text[size] = '\0';
        assert_int_equal(exit_code(pid), 2);
        assert_ptr_equal(strchr(text, '\n'), text + size - 1);
        if (strncmp(text, "fault-proxy: ", 13) != 0 || strstr(text, wrong[i][1]) == NULL)
            fail_msg("%s: expected \"%s\", got: %s", wrong[i][0], wrong[i][1], text);
        for (int n = 0; n < 3; n++)
            fclose(pipes[n]);
    }
}

static void each_command_has_its_answer(void **state) {
    (void)state;
    static const char *const told[][2] = {
        {"loss 0.5", "ok loss 0.5"},
        {"loss 5", "error loss: 5: expected a share"},
        {"loss", "error loss: a value is missing"},
        {"silence", "error silence: a value is missing"},
        {"reset", "error reset: is for tcp only"},
        {"seed 3", "error seed: is for the command line only"},
        {"", "error : there is no such setting"},
        {"stats", "ok connections=0 "},
        {"quit now", "error quit: there is no such setting"},
        {"quit", "ok"},
    };
    char answer[1024], text[512];
    proxy p = proxy_open(SOCK_DGRAM, "");
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        if (strncmp(tell(&p, told[i][0], answer), told[i][1], strlen(told[i][1])) != 0)
            fail_msg("%s: %s", told[i][0], answer);
    proxy_close(&p);
    p = proxy_open(SOCK_DGRAM, "");
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_memory_equal(tell(&p, text, answer), "error a line of more", 20);
    kill(p.pid, SIGTERM);
    proxy_close(&p);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_is_near_what_was_asked_and_the_same_for_a_seed),
        cmocka_unit_test(copies_come_and_are_counted),
        cmocka_unit_test(some_are_held_back),
        cmocka_unit_test(clients_are_kept_apart),
        cmocka_unit_test(of_more_clients_than_it_keeps_the_quietest_makes_room),
        cmocka_unit_test(delay_and_rate_take_their_time),
        cmocka_unit_test(silence_is_of_a_direction_or_of_both),
        cmocka_unit_test(a_stream_arrives_whole_and_as_late_as_asked),
        cmocka_unit_test(a_reader_that_waits_stops_the_writer_and_misses_nothing),
        cmocka_unit_test(silence_keeps_a_stream_until_it_is_over),
        cmocka_unit_test(a_reset_is_seen_at_both_ends),
        cmocka_unit_test(where_nobody_listens_a_client_is_reset),
        cmocka_unit_test(mistakes_are_one_line_and_code_2),
        cmocka_unit_test(each_command_has_its_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
