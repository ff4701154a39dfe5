/* relay-bench: one hop A -> relay -> B, Slow and its peers side by side.
 *
 * A shared machine drifts by a third within minutes, so nothing is told but ratios of what was taken in the same run: each
 * repetition starts every relay in turn on its own core, measures it, and ends it; the next repetition does it all again.
 * The steadiest figure is the relay's CPU per message, and it is the gate: with two cores the ends, not the relay, may limit
 * messages/s. A peer whose program is not there is skipped, loudly. */
#include "libslow.h"
#include "measure.h"
#include "process.h"
#include "report.h"
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUND_TRIPS_MOST = 100000, PORTS = 200, ONLY_MOST = 16 };

typedef struct bench {
    conditions conditions;
    const char *programs, *json_path;
    const char *only[ONLY_MOST]; /* parts of the names of rows; none = all */
    size_t only_count;
    char folder[64], config[96], log[96];
    uint16_t port_base;
    unsigned starts;
    bool failed; /* some row: then the log stays */
    uint64_t *times_ns;
    keys keys;
    result *results;
} bench;

/* ---- relays ---- */

typedef struct command {
    char program[512], port[16];
    const char *argv[8];
} command;

static bool config_write(const bench *b, const row *r, uint16_t port) {
    FILE *f = fopen(b->config, "w");
    if (f == NULL) {
        bench_error("cannot write %s: %s", b->config, strerror(errno));
        return false;
    }
    char config[CONFIG_MOST], more[CONFIG_MOST / 2];
    const char *scheme = r->wire == NULL || r->wire->stream ? "tcp" : "udp";
    snprintf(
        more, sizeof more,
        ",\n \"transports\": [{\"plugin\": \"transport-%s\", \"listen\": [\"%s://127.0.0.1:%u\"]%s}],\n"
        " \"routing\": [{\"plugin\": \"routing-distance-vector\", \"preference\": 100, \"max_origins\": 200000}],\n"
        " \"log\": {\"level\": \"warn\", \"format\": \"text\"}",
        scheme, scheme, (unsigned)port, r->option != NULL ? r->option : "");
    keys_config(&b->keys, BENCH_RELAY, r->shape.sealing, more, config);
    fputs(config, f);
    return fclose(f) == 0;
}

static bool command_make(const bench *b, const row *r, uint16_t port, command *c) {
    static const char *const names[] = {[RELAY_BARE] = "bare-relay",
                                        [RELAY_NATS] = "nats-server",
                                        [RELAY_NNG] = "nng-relay",
                                        [RELAY_ZMQ] = "zmq-relay",
                                        [RELAY_SLOW] = "slow-router"};
    *c = (command){.argv = {NULL}};
    snprintf(c->port, sizeof c->port, "%u", (unsigned)port);
    if (r->relay == RELAY_NATS)
        snprintf(c->program, sizeof c->program, "%s", names[r->relay]);
    else
        snprintf(c->program, sizeof c->program, "%s/%s", b->programs, names[r->relay]);
    size_t n = 0;
    c->argv[n++] = c->program;
    if (r->relay == RELAY_SLOW) {
        c->argv[n++] = "-c";
        c->argv[n++] = b->config;
        return config_write(b, r, port);
    }
    if (r->relay == RELAY_NATS) {
        c->argv[n++] = "-a";
        c->argv[n++] = "127.0.0.1";
        c->argv[n++] = "-p";
    } else if (r->relay == RELAY_BARE) {
        c->argv[n++] = r->option;
    }
    c->argv[n++] = c->port;
    return true;
}

/* ---- one row ---- */

static bool ends_open(const bench *b, end *near, end *far, const row *r, uint16_t port) {
    return end_open(near, r->wire, &r->shape, &b->keys, port, false) &&
           end_open(far, r->wire, &r->shape, &b->keys, port, true);
}

static bool flow_measure(const bench *b, const row *r, uint16_t port, pid_t relay, sample *s) {
    flow f;
    end near = {.fd = -1}, far = {.fd = -1};
    uint64_t window = b->conditions.window_ms * BENCH_MS, warm_up = window / 4;
    bool done = r->wire == NULL
                    ? libslow_flow(&r->shape, &b->keys, port, relay, warm_up, window, &f)
                    : ends_open(b, &near, &far, r, port) && measure_flow(&near, &far, relay, warm_up, window, &f);
    end_close(&near);
    end_close(&far);
    if (!done)
        return false;
    s->cpu_ns = f.cpu_seconds * 1e9 / (double)f.messages;
    s->rate = (double)f.messages / f.seconds;
    s->lost = f.lost;
    return true;
}

static bool round_trips_measure(bench *b, const row *r, uint16_t port, sample *s) {
    size_t count = b->conditions.round_trips;
    end near = {.fd = -1}, far = {.fd = -1};
    bool done = ends_open(b, &near, &far, r, port) && measure_round_trips(&near, &far, b->times_ns, count);
    end_close(&near);
    end_close(&far);
    if (!done)
        return false;
    s->p50_us = (double)b->times_ns[count / 2] / 1e3;
    s->p99_us = (double)b->times_ns[count * 99 / 100] / 1e3;
    return true;
}

/* A relay of its own for each measurement: what a flow leaves in queues shall not be in the way of a round trip. */
static bool measured(bench *b, const row *r, bool round_trip, sample *s) {
    command c;
    uint16_t port = (uint16_t)(b->port_base + 2 * (b->starts++ % PORTS));
    if (!command_make(b, r, port, &c))
        return false;
    pid_t relay = process_start(c.argv, b->conditions.relay_core, b->log);
    bool done = relay > 0 && (round_trip ? round_trips_measure(b, r, port, s) : flow_measure(b, r, port, relay, s));
    process_stop(relay);
    if (!done) {
        b->failed = true;
        bench_error("row \"%s\" failed; the relay's output is in %s", r->name, b->log);
    }
    return done;
}

static bool is_wanted(const bench *b, const char *name) {
    bool wanted = b->only_count == 0;
    for (size_t i = 0; i < b->only_count; i++)
        wanted |= strstr(name, b->only[i]) != NULL;
    return wanted;
}

static void rows_measure(bench *b) {
    for (unsigned repetition = 0; repetition < b->conditions.repetitions; repetition++)
        for (size_t i = 0; i < row_count; i++) {
            result *r = &b->results[i];
            sample s = {.cpu_ns = 0};
            if (r->skipped || !is_wanted(b, rows[i].name))
                continue;
            fprintf(stderr, "\r%u/%u %-30s", repetition + 1, b->conditions.repetitions, rows[i].name);
            bool taken = measured(b, &rows[i], false, &s);
            if (taken && rows[i].round_trip)
                measured(b, &rows[i], true, &s);
            r->samples[r->count++] = s; /* zeros where it failed: ratios are taken by repetition */
        }
    fprintf(stderr, "\r%40s\r", "");
}

static void skip_missing(bench *b) {
    for (size_t i = 0; i < row_count; i++) {
        command c;
        if (!command_make(b, &rows[i], 0, &c) || process_exists(c.program))
            continue;
        b->results[i].skipped = true;
        fprintf(stderr, "bench: SKIPPED row \"%s\": there is no %s (install it, and build again)\n", rows[i].name,
                c.program);
    }
}

/* ---- the program ---- */

static const char usage[] =
    "relay-bench: one hop A -> relay -> B, Slow and its peers side by side\n"
    "\n"
    "  -p, --programs DIR     where slow-router and the relays are (default: beside this program)\n"
    "  -n, --repetitions N    default 5\n"
    "  -w, --window MS        how long each row is measured (default 1000)\n"
    "  -r, --round-trips N    default 2000\n"
    "  -o, --only TEXT        only rows whose name contains it; again for more of them\n"
    "  -j, --json FILE        write the figures there as well\n"
    "  -e, --ends-core N      default 0\n"
    "  -c, --relay-core N     default 1\n"
    "      --port N           first of 400 ports to use (default 24800)\n";

static unsigned number_of(const char *text, unsigned least, unsigned most) {
    char *rest;
    unsigned long value = strtoul(text, &rest, 10);
    if (*text == '\0' || *rest != '\0' || value < least || value > most) {
        fprintf(stderr, "bench: \"%s\" is not a number from %u to %u\n", text, least, most);
        exit(2);
    }
    return (unsigned)value;
}

static void options_read(bench *b, int argc, char **argv) {
    static const struct option options[] = {{"programs", required_argument, NULL, 'p'},
                                            {"repetitions", required_argument, NULL, 'n'},
                                            {"window", required_argument, NULL, 'w'},
                                            {"round-trips", required_argument, NULL, 'r'},
                                            {"only", required_argument, NULL, 'o'},
                                            {"json", required_argument, NULL, 'j'},
                                            {"ends-core", required_argument, NULL, 'e'},
                                            {"relay-core", required_argument, NULL, 'c'},
                                            {"port", required_argument, NULL, 'P'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "p:n:w:r:o:j:e:c:h", options, NULL)) != -1)
        switch (option) {
        case 'p':
            b->programs = optarg;
            break;
        case 'n':
            b->conditions.repetitions = number_of(optarg, 1, REPETITIONS_MOST);
            break;
        case 'w':
            b->conditions.window_ms = number_of(optarg, 50, 60000);
            break;
        case 'r':
            b->conditions.round_trips = number_of(optarg, 10, ROUND_TRIPS_MOST);
            break;
        case 'o':
            if (b->only_count == ONLY_MOST) {
                fprintf(stderr, "bench: --only can be given %d times at most\n", ONLY_MOST);
                exit(2);
            }
            b->only[b->only_count++] = optarg;
            break;
        case 'j':
            b->json_path = optarg;
            break;
        case 'e':
            b->conditions.ends_core = (int)number_of(optarg, 0, 1023);
            break;
        case 'c':
            b->conditions.relay_core = (int)number_of(optarg, 0, 1023);
            break;
        case 'P':
            b->port_base = (uint16_t)number_of(optarg, 1024, 65535 - 2 * PORTS);
            break;
        default:
            fputs(usage, option == 'h' ? stdout : stderr);
            exit(option == 'h' ? 0 : 2);
        }
}

static int write_results(const bench *b) {
    report_table(stdout, &b->conditions, b->results);
    if (b->json_path == NULL)
        return 0;
    FILE *f = fopen(b->json_path, "w");
    if (f == NULL) {
        bench_error("cannot write %s: %s", b->json_path, strerror(errno));
        return 1;
    }
    report_json(f, &b->conditions, b->results);
    return fclose(f) == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    char beside[512];
    bench b = {
        .conditions = {.ends_core = 0, .relay_core = 1, .repetitions = 5, .window_ms = 1000, .round_trips = 2000},
        .port_base = 24800,
        .folder = "/tmp/slow-bench.XXXXXX"};
    const char *slash = strrchr(argv[0], '/');
    snprintf(beside, sizeof beside, "%.*s", slash != NULL ? (int)(slash - argv[0]) : 1, slash != NULL ? argv[0] : ".");
    b.programs = beside;
    options_read(&b, argc, argv);
    b.times_ns = calloc(b.conditions.round_trips, sizeof *b.times_ns);
    b.results = calloc(row_count, sizeof *b.results);
    if (b.times_ns == NULL || b.results == NULL || mkdtemp(b.folder) == NULL) {
        bench_error("cannot begin: no memory, or no folder in /tmp");
        return 1;
    }
    if (!keys_make(&b.keys, b.folder)) {
        keys_remove(&b.keys);
        rmdir(b.folder);
        return 1;
    }
    snprintf(b.config, sizeof b.config, "%s/relay.json", b.folder);
    snprintf(b.log, sizeof b.log, "%s/relay.log", b.folder);
    if (!process_pin(0, b.conditions.ends_core))
        bench_error("cannot stay on core %d: figures will be worse than they are", b.conditions.ends_core);
    skip_missing(&b);
    rows_measure(&b);
    int status = write_results(&b);
    unlink(b.config);
    keys_remove(&b.keys);
    if (!b.failed) {
        unlink(b.log);
        rmdir(b.folder);
    }
    status = b.failed ? 1 : status;
    free(b.times_ns);
    free(b.results);
    return status;
}
