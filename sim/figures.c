/* What an experiment found: medians, and the figures as JSON. The order of the members is part of the contract; what came
 * later stands behind. */
#include "measure.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- medians ---- */

double sim_case_recovery_ms(const sim_case *c) {
    return (double)c->recovery_ns / 1e6;
}
double sim_case_detection_ms(const sim_case *c) {
    return (double)c->detection_ns / 1e6;
}
double sim_case_quiet_ms(const sim_case *c) {
    return (double)c->quiet_ns / 1e6;
}
double sim_case_entries(const sim_case *c) {
    return (double)c->entries;
}
double sim_case_requests(const sim_case *c) {
    return (double)c->requests;
}
double sim_case_frames(const sim_case *c) {
    return (double)c->frames;
}
double sim_case_bytes(const sim_case *c) {
    return (double)c->bytes;
}

uint32_t sim_series_splits(const sim_series *series) {
    uint32_t splits = 0;
    for (uint32_t i = 0; i < series->count; i++)
        splits += series->cases[i].splits;
    return splits;
}

static int by_size(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* In ascending order; to be freed. */
static double *sorted(const sim_series *series, double (*of)(const sim_case *), uint32_t *count) {
    bool all = sim_series_splits(series) == series->count;
    double *values = calloc(series->count + 1, sizeof *values);
    if (values == NULL)
        abort();
    *count = 0;
    for (uint32_t i = 0; i < series->count; i++)
        if (all || !series->cases[i].splits)
            values[(*count)++] = of(&series->cases[i]);
    qsort(values, *count, sizeof *values, by_size);
    return values;
}

double sim_series_median(const sim_series *series, double (*of)(const sim_case *)) {
    uint32_t count;
    double *values = sorted(series, of, &count), median = -1;
    if (count > 0)
        median = (values[(count - 1) / 2] + values[count / 2]) / 2;
    free(values);
    return median;
}

double sim_series_most(const sim_series *series, double (*of)(const sim_case *)) {
    uint32_t count;
    double *values = sorted(series, of, &count), most = count > 0 ? values[count - 1] : -1;
    free(values);
    return most;
}

/* ---- JSON ---- */

/* A negative figure is one that there is not. */
static void put_real(sl_json_writer *out, const char *key, double value, int decimals) {
    char text[64];
    int size = snprintf(text, sizeof text, "%.*f", decimals, value);
    sl_json_key(out, key);
    if (value < 0)
        sl_json_put_string(out, NULL);
    else
        sl_json_put_raw(out, text, (size_t)size);
}

static void put_count(sl_json_writer *out, const char *key, uint64_t value) {
    sl_json_key(out, key);
    sl_json_put_unsigned(out, value);
}

static void put_string(sl_json_writer *out, const char *key, const char *value) {
    sl_json_key(out, key);
    sl_json_put_string(out, value);
}

static void put_series(const sim_figures *figures, const sim_series *series, sl_json_writer *out) {
    double entries = figures->shows_words ? sim_series_median(series, sim_case_entries) : -1;
    double requests = figures->shows_words ? sim_series_median(series, sim_case_requests) : -1;
    double bytes = sim_series_median(series, sim_case_bytes);
    sl_json_begin(out, '{');
    put_string(out, "kind", series->event->name);
    put_count(out, "count", series->count);
    put_real(out, "recovery_ms_median", sim_series_median(series, sim_case_recovery_ms), 3);
    put_real(out, "recovery_ms_max", sim_series_most(series, sim_case_recovery_ms), 3);
    put_real(out, "entries_median", entries, 1);
    put_real(out, "bytes_median", bytes, 1);
    put_count(out, "splits", sim_series_splits(series));
    put_real(out, "entries_max", figures->shows_words ? sim_series_most(series, sim_case_entries) : -1, 0);
    put_real(out, "requests_median", requests, 1);
    put_real(out, "requests_max", figures->shows_words ? sim_series_most(series, sim_case_requests) : -1, 0);
    put_real(out, "frames_median", sim_series_median(series, sim_case_frames), 1);
    put_real(out, "bytes_per_junction_median", bytes < 0 ? bytes : bytes / figures->topology->node_count, 3);
    put_real(out, "detection_ms_median", sim_series_median(series, sim_case_detection_ms), 3);
    put_real(out, "quiet_ms_median", sim_series_median(series, sim_case_quiet_ms), 3);
    sl_json_end(out, '}');
}

static void put_more(const sim_figures *figures, sl_json_writer *out) {
    double junctions = figures->topology->node_count;
    put_real(out, "cold_start_entries", figures->shows_words ? (double)figures->cold.entries : -1, 0);
    put_real(out, "cold_start_requests", figures->shows_words ? (double)figures->cold.requests : -1, 0);
    put_count(out, "cold_start_frames", figures->cold.frames);
    put_count(out, "cold_start_bytes", figures->cold.bytes);
    put_real(out, "cold_start_bytes_per_junction", (double)figures->cold.bytes / junctions, 1);
    put_real(out, "idle_bytes_per_s_per_link", figures->idle_bytes_per_s_per_link, 3);
    put_real(out, "alternates_cold", figures->alternates_cold, 4);
    put_real(out, "alternates_after", figures->alternates_after, 4);
    put_real(out, "transmissions_per_package", figures->transmissions, 3);
    put_real(out, "strategy_bytes_per_junction",
             figures->strategy_bytes > 0 ? (double)figures->strategy_bytes / junctions : -1, 0);
    put_string(out, "failure", figures->failed ? figures->failure : NULL);
    put_string(out, "trace_file", figures->trace_file[0] != '\0' ? figures->trace_file : NULL);
}

void sim_figures_write(const sim_figures *figures, sl_json_writer *out) {
    char hash[17];
    snprintf(hash, sizeof hash, "%016" PRIx64, figures->trace_hash);
    sl_json_begin(out, '{');
    put_string(out, "topology", figures->topology->name);
    put_string(out, "routing", figures->routing);
    put_count(out, "junctions", figures->topology->node_count);
    put_count(out, "links", figures->topology->link_count);
    put_count(out, "seed", figures->seed);
    put_real(out, "cold_start_ms", sim_case_recovery_ms(&figures->cold), 3);
    sl_json_key(out, "events");
    sl_json_begin(out, '[');
    for (uint32_t i = 0; i < figures->series_count; i++)
        put_series(figures, &figures->series[i], out);
    sl_json_end(out, ']');
    put_count(out, "loops", figures->loops);
    put_count(out, "stale", figures->stale);
    put_count(out, "missing", figures->missing);
    put_count(out, "suboptimal", figures->suboptimal);
    put_real(out, "stretch_mean", figures->stretch.mean, 4);
    put_real(out, "stretch_max", figures->stretch.most, 4);
    put_real(out, "idle_bytes_per_s", figures->idle_bytes_per_s, 1);
    put_string(out, "trace_hash", hash);
    put_real(out, "wall_s", figures->wall_s, 3);
    put_count(out, "rss_bytes", figures->rss_bytes);
    put_more(figures, out);
    sl_json_end(out, '}');
}

/* ---- for drawing ---- */

static void put_curve(const sim_curve *curve, sl_json_writer *out) {
    sl_json_begin(out, '[');
    for (uint32_t i = 0; i < curve->count; i++) {
        char text[64];
        int size = snprintf(text, sizeof text, "[%.1f,%" PRIu64 "]", (double)curve->points[i].at_ns / 1e6,
                            curve->points[i].bytes);
        sl_json_put_raw(out, text, (size_t)size);
    }
    sl_json_end(out, ']');
}

static void put_numbers(const uint32_t *numbers, uint32_t count, sl_json_writer *out) {
    sl_json_begin(out, '[');
    for (uint32_t i = 0; i < count; i++)
        sl_json_put_unsigned(out, numbers[i]);
    sl_json_end(out, ']');
}

static void put_drawing(const sim_figures *figures, const sim_event *event, const sim_case *c, sl_json_writer *out) {
    const sim_drawing *drawing = c->drawing;
    sl_json_begin(out, '{');
    sl_json_key(out, "junction");
    if (event->subject == SIM_OF_JUNCTIONS)
        sl_json_put_unsigned(out, c->subject);
    else
        sl_json_put_string(out, NULL);
    sl_json_key(out, "links");
    put_numbers(drawing->links, drawing->link_count, out);
    sl_json_key(out, "splits");
    sl_json_put_bool(out, c->splits);
    put_real(out, "detection_ms", sim_case_detection_ms(c), 3);
    put_real(out, "recovery_ms", sim_case_recovery_ms(c), 3);
    put_real(out, "entries", figures->shows_words ? (double)c->entries : -1, 0);
    put_count(out, "bytes", c->bytes);
    sl_json_key(out, "pair");
    if (drawing->pair[0] == UINT32_MAX)
        sl_json_put_string(out, NULL);
    else
        put_numbers(drawing->pair, 2, out);
    sl_json_key(out, "before");
    put_numbers(drawing->before.nodes, drawing->before.count, out);
    sl_json_key(out, "after");
    put_numbers(drawing->after.nodes, drawing->after.count, out);
    sl_json_key(out, "said");
    put_curve(&drawing->said, out);
    sl_json_end(out, '}');
}

static void put_recoveries(const sim_series *series, sl_json_writer *out) {
    uint32_t count;
    double *values = sorted(series, sim_case_recovery_ms, &count);
    sl_json_begin(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        char text[32];
        int size = snprintf(text, sizeof text, "%.3f", values[i]);
        sl_json_put_raw(out, text, (size_t)size);
    }
    sl_json_end(out, ']');
    free(values);
}

void sim_figures_write_drawings(const sim_figures *figures, sl_json_writer *out) {
    sl_json_begin(out, '{');
    sl_json_key(out, "figures");
    sim_figures_write(figures, out);
    sl_json_key(out, "cold_start");
    put_curve(&figures->cold_said, out);
    sl_json_key(out, "events");
    sl_json_begin(out, '[');
    for (uint32_t i = 0; i < figures->series_count; i++) {
        const sim_series *series = &figures->series[i];
        sl_json_begin(out, '{');
        put_string(out, "kind", series->event->name);
        put_string(out, "title", series->event->title);
        sl_json_key(out, "recoveries_ms");
        put_recoveries(series, out);
        sl_json_key(out, "cases");
        sl_json_begin(out, '[');
        for (uint32_t c = 0; c < series->count; c++)
            if (series->cases[c].drawing != NULL)
                put_drawing(figures, series->event, &series->cases[c], out);
        sl_json_end(out, ']');
        sl_json_end(out, '}');
    }
    sl_json_end(out, ']');
    sl_json_end(out, '}');
}

void sim_map_write(const sim_topology *topology, sl_json_writer *out) {
    char text[64];
    put_string(out, "name", topology->name);
    sl_json_key(out, "nodes");
    sl_json_begin(out, '[');
    for (uint32_t n = 0; n < topology->node_count; n++)
        sl_json_put_string(out, topology->nodes[n]);
    sl_json_end(out, ']');
    sl_json_key(out, "links");
    sl_json_begin(out, '[');
    for (uint32_t i = 0; i < topology->link_count; i++) {
        const sim_topology_link *link = &topology->links[i];
        int size = snprintf(text, sizeof text, "[%u,%u,%.3f]", link->a, link->b, (double)link->latency_ns / 1e6);
        sl_json_put_raw(out, text, (size_t)size);
    }
    sl_json_end(out, ']');
    sl_json_key(out, "places");
    if (topology->places == NULL) {
        sl_json_put_string(out, NULL);
        return;
    }
    sl_json_begin(out, '[');
    for (uint32_t n = 0; n < topology->node_count; n++) {
        int size =
            snprintf(text, sizeof text, "[%.4f,%.4f]", (double)topology->places[n][0], (double)topology->places[n][1]);
        sl_json_put_raw(out, text, (size_t)size);
    }
    sl_json_end(out, ']');
}

/* ---- the end ---- */

static void drawing_free(sim_drawing *drawing) {
    if (drawing == NULL)
        return;
    free(drawing->before.nodes);
    free(drawing->after.nodes);
    free(drawing->links);
    free(drawing);
}

void sim_figures_free(sim_figures *figures) {
    if (figures == NULL)
        return;
    for (uint32_t i = 0; i < figures->series_count; i++) {
        for (uint32_t c = 0; c < figures->series[i].count; c++)
            drawing_free(figures->series[i].cases[c].drawing);
        free(figures->series[i].cases);
    }
    drawing_free(figures->cold.drawing);
    free(figures);
}
