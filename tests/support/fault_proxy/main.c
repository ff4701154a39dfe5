/* fault-proxy - a bad cable between two real processes, on loopback, with a seed.
 *
 * It stands between a client and one address, and loses, doubles, reorders, delays and slows what goes through, or nothing
 * goes through at all. It needs no privilege, which tc and network namespaces do, and knows nothing of what it carries. One
 * thread and one poll(): what is to be random is drawn in the order in which datagrams come, and from nothing else.
 *
 *   main.c      the command line, and the loop     settings.c  what a cable does, as a table
 *   commands.c  what is told while it runs         cable.c     one direction: fates, and times
 *   udp.c       datagrams                          schedule.c  what is on its way
 *   tcp.c       streams                            address.c   HOST:PORT
 *
 * Exit codes: 0, 1 = something cannot be had, 2 = a mistake in the command line. */
#include "commands.h"
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

typedef struct request {
    settings settings;
    address listen, to;
} request;

__attribute__((format(printf, 1, 2))) static void complain(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("fault-proxy: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

static int help(void) {
    puts("fault-proxy udp|tcp --to HOST:PORT [--listen HOST:PORT] [--SETTING VALUE]...\n\n"
         "A bad cable to that address. It prints \"listening HOST:PORT\" when it does (127.0.0.1:0 unless told, and 0 "
         "is a\n"
         "port of the kernel's choice), and takes commands from stdin, a line each, answered with \"ok ...\" or "
         "\"error ...\".\n"
         "\nSettings, with -- on the command line, and as commands:");
    settings_help(stdout);
    puts("\nOther commands:");
    commands_help(stdout);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- the command line ---- */

static bool read_address(address *a, const char *option, const char *text) {
    if (text != NULL && address_read(a, text))
        return true;
    complain("%s: %s%sexpected HOST:PORT in digits, such as 127.0.0.1:4100 or [::1]:4100", option,
             text == NULL ? "" : text, text == NULL ? "an address is missing; " : " is no address; ");
    return false;
}

static bool read_option(request *r, const char *option, const char *value) {
    char error[256];
    if (strncmp(option, "--", 2) != 0) {
        complain("%s: expected an option; see fault-proxy --help", option);
        return false;
    }
    if (strcmp(option, "--listen") == 0)
        return read_address(&r->listen, option, value);
    if (strcmp(option, "--to") == 0)
        return read_address(&r->to, option, value);
    if (settings_set(&r->settings, option + 2, value, error, sizeof error))
        return true;
    complain("--%s", error);
    return false;
}

static bool read_request(request *r, int argc, char **argv) {
    bool udp = argc > 1 && strcmp(argv[1], "udp") == 0;
    if (!udp && (argc < 2 || strcmp(argv[1], "tcp") != 0)) {
        complain("%s: expected udp or tcp; see fault-proxy --help", argc > 1 ? argv[1] : "nothing is asked for");
        return false;
    }
    *r = (request){.settings = settings_default(udp)};
    address_read(&r->listen, "127.0.0.1:0");
    for (int i = 2; i < argc; i += 2)
        if (!read_option(r, argv[i], i + 1 < argc ? argv[i + 1] : NULL))
            return false;
    if (r->to.size == 0)
        return read_address(&r->to, "--to", NULL);
    return true;
}

/* ---- the loop ---- */

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* Until it is told to end. */
static void run(side *s, commands *c, int signals) {
    struct pollfd fds[2 + SIDE_SOCKETS] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    for (;;) {
        size_t count = s->ops->watch(s, fds + 2);
        uint64_t next = s->ops->next_ns(s), now = now_ns();
        uint64_t wait_ns = next > now ? next - now : 0;
        const struct timespec wait = {.tv_sec = (time_t)(wait_ns / UINT64_C(1000000000)),
                                      .tv_nsec = (long)(wait_ns % UINT64_C(1000000000))};
        if (ppoll(fds, 2 + count, next == UINT64_MAX ? NULL : &wait, NULL) < 0 && errno != EINTR)
            return complain("cannot wait: %s", strerror(errno));
        if (fds[1].revents != 0)
            return;
        /* Sockets first: what came before a command was seen meets what was before it. */
        s->ops->turn(s, fds + 2, now_ns());
        if (fds[0].revents != 0 && !commands_read(c, STDIN_FILENO))
            return;
    }
}

static int catch_signals(void) {
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    return signalfd(-1, &ends, SFD_CLOEXEC);
}

int main(int argc, char **argv) {
    request r;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return help();
    if (!read_request(&r, argc, argv))
        return EXIT_USAGE;
    address bound;
    char text[ADDRESS_TEXT_SIZE];
    int fd = address_bind(&r.listen, r.settings.datagrams ? SOCK_DGRAM : SOCK_STREAM, &bound);
    if (fd < 0) {
        address_write(&r.listen, text);
        complain("--listen: cannot listen at %s: %s; port 0 is any that is free", text, strerror(errno));
        return EXIT_FAILURE;
    }
    int signals = catch_signals();
    side *s = (r.settings.datagrams ? udp_open : tcp_open)(&r.settings, fd, &r.to);
    if (s == NULL || signals < 0) {
        complain("cannot start: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    commands c = {.settings = &r.settings, .side = s, .answers = stdout};
    address_write(&bound, text);
    printf("listening %s\n", text);
    if (fflush(stdout) == 0)
        run(s, &c, signals);
    s->ops->free(s);
    close(signals);
    return EXIT_SUCCESS;
}
