/* delivery-bench: what it costs to know. libslow at both ends, slow-router between them, best effort and reliable in turn, and
 * nats-server's relaying beside them.
 *
 * Both ends are junctions in this process, on one core with all of their threads; the relay has the other. A row counts the
 * messages that the receiving application took in the window, so what was sent and lost does not count. Rows of one
 * repetition follow each other within seconds; ratios are taken within a repetition, and the median of these is told, since a
 * shared machine drifts by a third. The nats rows are those of relay-bench, whose ends only count bytes: they say how far a
 * relay can get here, and not what a nats client would. */
#include "measure.h"
#include "process.h"
#include "rows.h"
#include <errno.h>
#include <poll.h>
#include <slow/junction.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REPETITIONS = 5, SIZES = 2, WINDOW_MS = 1500, RELAY_CORE = 1, ENDS_CORE = 0 };
static const size_t sizes[SIZES] = {64, 1024};
enum way { BEST_EFFORT, RELIABLE, ORDERED, NATS, WAYS };
static const char *const way_names[WAYS] = {"slow, best effort", "slow, reliable", "slow, reliable, ordered", "nats"};

typedef struct bench {
    char programs[512], folder[64], log[96];
    uint16_t port;
    double rates[WAYS][SIZES][REPETITIONS];
} bench;

static double rate_of(uint64_t messages, uint64_t ns) {
    return (double)messages * 1e9 / (double)ns;
}

/* ---- slow ---- */

static void count_message(void *arg, const slow_message *message) {
    (void)message;
    atomic_fetch_add_explicit((_Atomic uint64_t *)arg, 1, memory_order_relaxed);
}

/* Sends for as long as it takes; false: it broke. */
static bool send_until(slow_junction *from, const slow_send_options *options, size_t size, uint64_t until) {
    static const uint8_t payload[1024];
    slow_error error;
    while (bench_now() < until) {
        slow_status status = slow_send_binary(from, "bob", payload, size, options, NULL, &error);
        if (status == SLOW_E_AGAIN)
            status = slow_wait_writable(from, "bob", 100 * BENCH_MS);
        if (status != SLOW_OK && status != SLOW_E_TIMEOUT) {
            bench_error("a message is refused: %s", error.text);
            return false;
        }
    }
    return true;
}

static double slow_between(slow_junction *from, slow_junction *to, enum way way, size_t size) {
    _Atomic uint64_t count = 0;
    slow_send_options options = SLOW_SEND_INIT;
    options.reliable = way != BEST_EFFORT;
    options.order = way == ORDERED ? SLOW_ORDER_ORDERED : SLOW_ORDER_NONE;
    slow_on_message(to, count_message, &count);
    if (!send_until(from, &options, size, bench_now() + WINDOW_MS * BENCH_MS / 4))
        return 0;
    uint64_t before = atomic_load(&count), begin = bench_now();
    if (!send_until(from, &options, size, begin + WINDOW_MS * BENCH_MS))
        return 0;
    double rate = rate_of(atomic_load(&count) - before, bench_now() - begin);
    slow_on_message(to, NULL, NULL);
    return rate;
}

static double slow_rate(bench *b, enum way way, size_t size) {
    char program[600], address[64];
    slow_error error;
    double rate = 0;
    snprintf(program, sizeof program, "%s/slow-router", b->programs);
    snprintf(address, sizeof address, "tcp://127.0.0.1:%u", (unsigned)b->port++);
    const char *const argv[] = {program, "--id", "relay", "--listen", address, NULL};
    pid_t relay = process_start(argv, RELAY_CORE, b->log);
    slow_junction *from = slow_junction_new("alice", NULL, &error), *to = slow_junction_new("bob", NULL, &error);
    if (relay > 0 && from != NULL && to != NULL && slow_junction_join(from, address, &error) == SLOW_OK &&
        slow_junction_join(to, address, &error) == SLOW_OK &&
        slow_junction_wait(from, "bob", 10 * BENCH_SECOND) == SLOW_OK &&
        slow_junction_wait(to, "alice", 10 * BENCH_SECOND) == SLOW_OK)
        rate = slow_between(from, to, way, size);
    slow_junction_free(from);
    slow_junction_free(to);
    process_stop(relay);
    return rate;
}

/* ---- nats ---- */

static double nats_rate(bench *b, size_t size) {
    char port[16];
    flow f = {.messages = 0};
    shape s = {.payload_least = (uint32_t)size, .payload_most = (uint32_t)size};
    end near = {.fd = -1}, far = {.fd = -1};
    uint16_t number = b->port++;
    snprintf(port, sizeof port, "%u", (unsigned)number);
    const char *const argv[] = {"nats-server", "-a", "127.0.0.1", "-p", port, NULL};
    pid_t relay = process_exists(argv[0]) ? process_start(argv, RELAY_CORE, b->log) : -1;
    bool done = relay > 0 && end_open(&near, &wire_nats, &s, number, false) &&
                end_open(&far, &wire_nats, &s, number, true) &&
                measure_flow(&near, &far, relay, WINDOW_MS * BENCH_MS / 4, WINDOW_MS * BENCH_MS, &f);
    end_close(&near);
    end_close(&far);
    if (relay > 0)
        process_stop(relay);
    return done ? (double)f.messages / f.seconds : 0;
}

/* ---- the table ---- */

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void print_median(const char *text, const double *values, double scale, const char *unit) {
    double sorted[REPETITIONS];
    memcpy(sorted, values, sizeof sorted);
    qsort(sorted, REPETITIONS, sizeof *sorted, by_size);
    printf("  %-40s %9.2f  (%.2f..%.2f) %s\n", text, sorted[REPETITIONS / 2] / scale, sorted[0] / scale,
           sorted[REPETITIONS - 1] / scale, unit);
}

static void print_ratio(const bench *b, const char *text, enum way over, enum way under, size_t size) {
    double ratios[REPETITIONS];
    for (size_t i = 0; i < REPETITIONS; i++) {
        double below = b->rates[under][size][i];
        ratios[i] = below > 0 ? b->rates[over][size][i] / below : 0;
    }
    print_median(text, ratios, 1, "");
}

static void print_table(const bench *b) {
    printf("libslow - slow-router - libslow over TCP, medians of %d (least..most), windows of %d ms\n", REPETITIONS,
           WINDOW_MS);
    for (size_t size = 0; size < SIZES; size++) {
        printf("%zu B\n", sizes[size]);
        for (int way = 0; way < WAYS; way++)
            print_median(way_names[way], b->rates[way][size], 1e3, "thousand messages/s");
        print_ratio(b, "reliable x best effort", RELIABLE, BEST_EFFORT, size);
        print_ratio(b, "best effort x nats", BEST_EFFORT, NATS, size);
        print_ratio(b, "reliable x nats", RELIABLE, NATS, size);
    }
}

int main(int argc, char **argv) {
    bench b = {.port = 25400, .folder = "/tmp/slow-bench.XXXXXX"};
    const char *slash = strrchr(argv[0], '/');
    if (argc > 1) {
        fprintf(stderr, "usage: %s (it takes no arguments, and about two minutes)\n", argv[0]);
        return 2;
    }
    snprintf(b.programs, sizeof b.programs, "%.*s", slash != NULL ? (int)(slash - argv[0]) : 1,
             slash != NULL ? argv[0] : ".");
    if (mkdtemp(b.folder) == NULL) {
        bench_error("no folder in /tmp: %s", strerror(errno));
        return 1;
    }
    snprintf(b.log, sizeof b.log, "%s/relay.log", b.folder);
    if (!process_pin(0, ENDS_CORE))
        bench_error("cannot stay on core %d: figures will be worse than they are", ENDS_CORE);
    for (int repetition = 0; repetition < REPETITIONS; repetition++)
        for (size_t size = 0; size < SIZES; size++)
            for (int way = 0; way < WAYS; way++) {
                fprintf(stderr, "\r%d/%d %-30s %zu ", repetition + 1, REPETITIONS, way_names[way], sizes[size]);
                b.rates[way][size][repetition] =
                    way == NATS ? nats_rate(&b, sizes[size]) : slow_rate(&b, (enum way)way, sizes[size]);
            }
    fprintf(stderr, "\r%50s\r", "");
    print_table(&b);
    unlink(b.log);
    rmdir(b.folder);
    return 0;
}
