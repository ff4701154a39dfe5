#include "report.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

typedef struct spread {
    double median, least, most;
    bool taken;
} spread;

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static spread spread_of(double *values, size_t count) {
    if (count == 0)
        return (spread){.taken = false};
    qsort(values, count, sizeof *values, by_value);
    double median = (values[(count - 1) / 2] + values[count / 2]) / 2;
    return (spread){.median = median, .least = values[0], .most = values[count - 1], .taken = true};
}

static spread spread_at(const result *r, size_t offset) {
    double values[REPETITIONS_MOST];
    size_t count = 0;
    for (size_t i = 0; i < r->count; i++) {
        double value;
        memcpy(&value, (const char *)&r->samples[i] + offset, sizeof value);
        if (value > 0)
            values[count++] = value;
    }
    return spread_of(values, count);
}

static uint64_t lost_of(const result *r) {
    uint64_t lost = 0;
    for (size_t i = 0; i < r->count; i++)
        lost += r->samples[i].lost;
    return lost;
}

static const result *result_named(const result *results, const char *name) {
    for (size_t i = 0; i < row_count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &results[i];
    return NULL;
}

static const size_t metric_offsets[] = {
    [METRIC_CPU] = offsetof(sample, cpu_ns),
    [METRIC_RATE] = offsetof(sample, rate),
    [METRIC_P50] = offsetof(sample, p50_us),
};

static double value_at(const result *r, size_t i, enum metric metric) {
    double value;
    memcpy(&value, (const char *)&r->samples[i] + metric_offsets[metric], sizeof value);
    return value;
}

/* Ratios are taken within a repetition, where both were measured within seconds of each other. */
static spread ratio_of(const result *results, const target *t) {
    const result *over = result_named(results, t->over);
    const result *under = t->under != NULL ? result_named(results, t->under) : over;
    double values[REPETITIONS_MOST];
    size_t count = 0;
    for (size_t i = 0; over != NULL && under != NULL && i < over->count && i < under->count; i++) {
        double a = value_at(over, i, t->metric), b = t->under != NULL ? value_at(under, i, t->metric) : 1000;
        if (a > 0 && b > 0)
            values[count++] = a / b;
    }
    return spread_of(values, count);
}

static const char *grade_of(const target *t, double ratio) {
    double sign = t->less ? -1 : 1;
    if (t->floor <= 0)
        return "-";
    if (sign * ratio >= sign * t->beyond)
        return "beyond";
    if (sign * ratio >= sign * t->good)
        return "good";
    return sign * ratio >= sign * t->floor ? "floor" : "MISSED";
}

/* ---- the table ---- */

static void print_spread(FILE *out, spread s, int width, int digits) {
    char text[64] = "-";
    if (s.taken)
        snprintf(text, sizeof text, "%.*f (%.*f..%.*f)", digits, s.median, digits, s.least, digits, s.most);
    fprintf(out, "  %*s", width, text);
}

static void wanted_print(char *text, size_t size, const target *t) {
    const double levels[] = {t->floor, t->good, t->beyond};
    size_t at = (size_t)snprintf(text, size, "%s", t->less ? "<= " : "");
    for (size_t i = 0; i < 3; i++)
        at += (size_t)snprintf(text + at, size - at, isfinite(levels[i]) && levels[i] > 0 ? "%s%g" : "%s-",
                               i > 0 ? " / " : "", levels[i]);
}

void report_table(FILE *out, const conditions *c, const result *results) {
    struct utsname system;
    uname(&system);
    fprintf(out,
            "One hop A -> relay -> B on loopback, %s %s %s. Ends on core %d, relay on core %d. Medians (least..most) "
            "of %u\n"
            "repetitions, all rows interleaved, %u ms each after a warm-up, %u round trips. CPU: of the relay's "
            "process.\n\n",
            system.sysname, system.release, system.machine, c->ends_core, c->relay_core, c->repetitions, c->window_ms,
            c->round_trips);
    fprintf(out, "%-24s  %26s  %26s  %26s  %26s  %s\n", "row", "relay CPU, ns/message", "messages/s, thousands",
            "round trip p50, us", "round trip p99, us", "lost");
    for (size_t i = 0; i < row_count; i++) {
        const result *r = &results[i];
        spread rate = spread_at(r, offsetof(sample, rate));
        if (r->skipped || r->count == 0) {
            fprintf(out, "%-24s  %26s\n", rows[i].name, r->skipped ? "SKIPPED" : "not taken");
            continue;
        }
        rate = (spread){rate.median / 1e3, rate.least / 1e3, rate.most / 1e3, rate.taken};
        fprintf(out, "%-24s", rows[i].name);
        print_spread(out, spread_at(r, offsetof(sample, cpu_ns)), 26, 0);
        print_spread(out, rate, 26, 0);
        print_spread(out, spread_at(r, offsetof(sample, p50_us)), 26, 1);
        print_spread(out, spread_at(r, offsetof(sample, p99_us)), 26, 1);
        fprintf(out, "  %llu\n", (unsigned long long)lost_of(r));
    }
    fprintf(out, "\n%-58s  %26s  %20s  %s\n", "ratio", "median (least..most)", "floor/good/beyond", "");
    for (size_t i = 0; i < target_count; i++) {
        const target *t = &targets[i];
        spread s = ratio_of(results, t);
        char wanted[64];
        wanted_print(wanted, sizeof wanted, t);
        fprintf(out, "%-58s", t->text);
        print_spread(out, s, 26, 2);
        fprintf(out, "  %20s  %s\n", wanted, s.taken ? grade_of(t, s.median) : "not taken");
    }
}

/* ---- JSON ---- */

static void json_spread(FILE *out, const char *key, spread s) {
    if (s.taken)
        fprintf(out, ", \"%s\": {\"median\": %.3f, \"least\": %.3f, \"most\": %.3f}", key, s.median, s.least, s.most);
}

static void json_level(FILE *out, const char *key, double level) {
    if (isfinite(level) && level > 0)
        fprintf(out, ", \"%s\": %g", key, level);
}

void report_json(FILE *out, const conditions *c, const result *results) {
    struct utsname system;
    uname(&system);
    fprintf(
        out,
        "{\"system\": \"%s %s %s\", \"ends_core\": %d, \"relay_core\": %d, \"repetitions\": %u, \"window_ms\": %u,\n"
        " \"round_trips\": %u,\n \"rows\": [",
        system.sysname, system.release, system.machine, c->ends_core, c->relay_core, c->repetitions, c->window_ms,
        c->round_trips);
    const char *comma = "";
    for (size_t i = 0; i < row_count; i++) {
        const result *r = &results[i];
        fprintf(out, "%s\n  {\"row\": \"%s\", \"skipped\": %s, \"lost\": %llu", comma, rows[i].name,
                r->skipped ? "true" : "false", (unsigned long long)lost_of(r));
        json_spread(out, "cpu_ns_per_message", spread_at(r, offsetof(sample, cpu_ns)));
        json_spread(out, "messages_per_second", spread_at(r, offsetof(sample, rate)));
        json_spread(out, "round_trip_p50_us", spread_at(r, offsetof(sample, p50_us)));
        json_spread(out, "round_trip_p99_us", spread_at(r, offsetof(sample, p99_us)));
        fputc('}', out);
        comma = ",";
    }
    fprintf(out, "],\n \"targets\": [");
    comma = "";
    for (size_t i = 0; i < target_count; i++) {
        const target *t = &targets[i];
        spread s = ratio_of(results, t);
        fprintf(out, "%s\n  {\"target\": \"%s\"", comma, t->text);
        json_level(out, "floor", t->floor);
        json_level(out, "good", t->good);
        json_level(out, "beyond", t->beyond);
        json_spread(out, "ratio", s);
        fprintf(out, ", \"grade\": \"%s\"}", s.taken ? grade_of(t, s.median) : "not taken");
        comma = ",";
    }
    fprintf(out, "]}\n");
}
