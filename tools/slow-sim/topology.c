/* slow-sim topology: how strategies do on one network, as a table, or as JSON. */
#include "experiment.h"
#include "slow_sim.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers for people ---- */

enum { CELL_SIZE = 48, LABEL_WIDTH = 36 };
typedef char cell[CELL_SIZE];

static const char NONE[] = "-";

static void put_ms(char *out, double ms) {
    if (ms < 0)
        snprintf(out, CELL_SIZE, "%s", NONE);
    else if (ms >= 10000)
        snprintf(out, CELL_SIZE, "%.1f s", ms / 1000);
    else
        snprintf(out, CELL_SIZE, ms < 10 ? "%.1f ms" : "%.0f ms", ms);
}

static void put_bytes(char *out, double bytes, const char *behind) {
    static const char *const units[] = {"B", "kB", "MB", "GB"};
    unsigned unit = 0;
    for (; bytes >= 1000 && unit < 3; unit++)
        bytes /= 1000;
    if (bytes < 0)
        snprintf(out, CELL_SIZE, "%s", NONE);
    else
        snprintf(out, CELL_SIZE, unit > 0 && bytes < 10 ? "%.1f %s%s" : "%.0f %s%s", bytes, units[unit], behind);
}

static void put_number(char *out, double number, int decimals) {
    if (number < 0)
        snprintf(out, CELL_SIZE, "%s", NONE);
    else
        snprintf(out, CELL_SIZE, "%.*f", decimals, number);
}

static void put_percent(char *out, double share) {
    if (share < 0)
        snprintf(out, CELL_SIZE, "%s", NONE);
    else
        snprintf(out, CELL_SIZE, "%.0f %%", share * 100);
}

/* ---- the table: a row a figure, a column a strategy ---- */

typedef struct sheet {
    sim_figures *const *figures;
    uint32_t count, series; /* of the row: which kind of event */
    int widths[EXPERIMENT_STRATEGIES];
} sheet;

static void print_row(const sheet *s, const char *label, void (*put)(const sheet *, const sim_figures *, char *)) {
    printf("%-*s", LABEL_WIDTH, label);
    for (uint32_t i = 0; i < s->count; i++) {
        cell text;
        put(s, s->figures[i], text);
        printf("  %*s", s->widths[i], text);
    }
    putchar('\n');
}

static const sim_series *series_of(const sheet *s, const sim_figures *figures) {
    return &figures->series[s->series];
}

#define ROW(name, statement)                                            \
    static void name(const sheet *s, const sim_figures *f, char *out) { \
        (void)s;                                                        \
        statement;                                                      \
    }

ROW(cold_start, put_ms(out, sim_case_recovery_ms(&f->cold)))
ROW(cold_bytes, put_bytes(out, (double)f->cold.bytes, ""))
ROW(cold_bytes_each, put_bytes(out, (double)f->cold.bytes / f->topology->node_count, ""))
ROW(cold_frames, put_number(out, (double)f->cold.frames, 0))
ROW(cold_entries, put_number(out, f->shows_words ? (double)f->cold.entries : -1, 0))
ROW(cold_requests, put_number(out, f->shows_words ? (double)f->cold.requests : -1, 0))
ROW(idle, put_bytes(out, f->idle_bytes_per_s, "/s"))
ROW(idle_link, put_bytes(out, f->idle_bytes_per_s_per_link, "/s"))
ROW(alternates_cold, put_percent(out, f->alternates_cold))
ROW(alternates_after, put_percent(out, f->alternates_after))
ROW(transmissions, put_number(out, f->transmissions, 1))
ROW(stretch_mean, put_number(out, f->stretch.mean, 3))
ROW(stretch_most, put_number(out, f->stretch.most, 3))
ROW(detection, put_ms(out, sim_series_median(series_of(s, f), sim_case_detection_ms)))
ROW(recovery, put_ms(out, sim_series_median(series_of(s, f), sim_case_recovery_ms)))
ROW(recovery_most, put_ms(out, sim_series_most(series_of(s, f), sim_case_recovery_ms)))
ROW(quiet, put_ms(out, sim_series_median(series_of(s, f), sim_case_quiet_ms)))
ROW(bytes, put_bytes(out, sim_series_median(series_of(s, f), sim_case_bytes), ""))
ROW(bytes_each, put_bytes(out, sim_series_median(series_of(s, f), sim_case_bytes) / f->topology->node_count, ""))
ROW(frames, put_number(out, sim_series_median(series_of(s, f), sim_case_frames), 0))
ROW(entries, put_number(out, f->shows_words ? sim_series_median(series_of(s, f), sim_case_entries) : -1, 0))
ROW(requests, put_number(out, f->shows_words ? sim_series_median(series_of(s, f), sim_case_requests) : -1, 0))
ROW(loops, put_number(out, (double)f->loops, 0))
ROW(missing, put_number(out, (double)f->missing, 0))
ROW(stale, put_number(out, (double)f->stale, 0))
ROW(suboptimal, put_number(out, (double)f->suboptimal, 0))
ROW(strategy_memory,
    put_bytes(out, f->strategy_bytes > 0 ? (double)f->strategy_bytes / f->topology->node_count : -1, ""))
ROW(memory, put_bytes(out, (double)f->rss_bytes / f->topology->node_count, ""))
ROW(wall, put_ms(out, f->wall_s * 1000))
ROW(checks, snprintf(out, CELL_SIZE, "%s", f->failed ? "FAILED" : "held"))

typedef struct row {
    const char *label;
    void (*put)(const sheet *, const sim_figures *, char *);
} row;

static void print_rows(const sheet *s, const row *rows, size_t count) {
    for (size_t i = 0; i < count; i++)
        print_row(s, rows[i].label, rows[i].put);
}

static void print_events(sheet *s) {
    static const row rows[] = {
        {"  noticed after, median", detection},
        {"  whole again after that, median", recovery},
        {"  whole again after that, longest", recovery_most},
        {"  last word said after, median", quiet},
        {"  said by all, median", bytes},
        {"  said by a junction, median", bytes_each},
        {"  messages, median", frames},
        {"  entries, median", entries},
        {"  requests, median", requests},
    };
    for (s->series = 0; s->series < s->figures[0]->series_count; s->series++) {
        const sim_series *series = series_of(s, s->figures[0]);
        if (series->event->subject == SIM_OF_NOTHING)
            continue;
        uint32_t splits = sim_series_splits(series);
        printf("\n%s: %u events", series->event->name, series->count);
        if (splits == series->count)
            printf(", all of which split the network");
        else if (splits > 0)
            printf(", %u of which split the network and are left out here", splits);
        putchar('\n');
        print_rows(s, rows, sizeof rows / sizeof rows[0]);
    }
}

/* A unit that was taken for another shows here. */
static void print_latencies(const sim_topology *topology) {
    slow_time least = UINT64_MAX, most = 0;
    for (uint32_t i = 0; i < topology->link_count; i++) {
        slow_time latency_ns = topology->links[i].latency_ns;
        least = latency_ns < least ? latency_ns : least;
        most = latency_ns > most ? latency_ns : most;
    }
    if (topology->link_count == 0)
        return;
    printf("links of %.1f", (double)least / 1e6);
    if (most > least)
        printf(" to %.1f", (double)most / 1e6);
    fputs(" ms", stdout);
    if (topology->left_out > 0)
        printf("; %u more, to themselves or between the same two, left out", topology->left_out);
    putchar('\n');
}

static void print_table(sim_figures *const *figures, uint32_t count) {
    static const row first[] = {
        {"cold start", cold_start},
        {"  said by all", cold_bytes},
        {"  said by a junction", cold_bytes_each},
        {"  messages", cold_frames},
        {"  entries", cold_entries},
        {"  requests", cold_requests},
        {"idle, sent by a junction", idle},
        {"idle, each way over a link in use", idle_link},
        {"pairs with an alternate, cold", alternates_cold},
        {"pairs with an alternate, at the end", alternates_after},
        {"links that a message crosses", transmissions},
        {"stretch, mean", stretch_mean},
        {"stretch, largest", stretch_most},
    };
    static const row last[] = {
        {"loops, at any moment", loops},
        {"missing routes, at rest", missing},
        {"stale routes, at rest", stale},
        {"routes not the shortest, at rest", suboptimal},
        {"memory a junction, the strategy's", strategy_memory},
        {"memory a junction, the process's", memory},
        {"wall time", wall},
        {"checks", checks},
    };
    const sim_topology *topology = figures[0]->topology;
    sheet s = {.figures = figures, .count = count};
    printf("%s: %u junctions, %u links, seed %llu\n", topology->name, topology->node_count, topology->link_count,
           (unsigned long long)figures[0]->seed);
    print_latencies(topology);
    printf("\n%-*s", LABEL_WIDTH, "");
    for (uint32_t i = 0; i < count; i++) {
        int size = (int)strlen(figures[i]->routing);
        s.widths[i] = size > 9 ? size : 9;
        printf("  %*s", s.widths[i], figures[i]->routing);
    }
    putchar('\n');
    print_rows(&s, first, sizeof first / sizeof first[0]);
    print_events(&s);
    putchar('\n');
    print_rows(&s, last, sizeof last / sizeof last[0]);
}

static void print_json(sim_figures *const *figures, uint32_t count) {
    sl_json_writer out = {.text = NULL};
    if (count > 1)
        sl_json_begin(&out, '[');
    for (uint32_t i = 0; i < count; i++)
        sim_figures_write(figures[i], &out);
    if (count > 1)
        sl_json_end(&out, ']');
    char *text = sl_json_take(&out, NULL);
    if (text == NULL)
        abort();
    puts(text);
    free(text);
}

int topology_command(int argc, char **argv) {
    experiment e;
    sim_figures *figures[EXPERIMENT_STRATEGIES] = {NULL};
    int code = experiment_read(&e, "topology", argc, argv);
    if (code != 0)
        return code < 0 ? EXIT_SUCCESS : code;
    if (e.topology_count > 1 || e.html != NULL) {
        complain("topology takes one topology and writes no page; expected slow-sim compare for %s",
                 e.html != NULL ? "--html" : "several");
        return EXIT_USAGE;
    }
    sim_topology *topology = experiment_topology(&e, 0);
    if (topology == NULL)
        return EXIT_USAGE;
    uint32_t count = 0;
    while (count < e.strategy_count && (figures[count] = experiment_run(&e, topology, count, 0)) != NULL)
        count++;
    if (count < e.strategy_count)
        code = EXIT_USAGE;
    else if (e.json)
        print_json(figures, count);
    else
        print_table(figures, count);
    for (uint32_t i = 0; i < count; i++) {
        if (code == 0 || code == EXIT_FAILURE)
            code |= experiment_verdict(&e, figures[i]);
        sim_figures_free(figures[i]);
    }
    sim_topology_free(topology);
    return code;
}
