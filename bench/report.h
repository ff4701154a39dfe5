/* report.h - medians, the table, the targets, and the JSON file. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H
#include "rows.h"
#include <stdio.h>

enum { REPETITIONS_MOST = 50 };

typedef struct sample {
    double cpu_ns, rate; /* of the relay's CPU, and messages/s; 0 = not taken */
    double p50_us, p99_us;
    uint64_t lost;
} sample;
typedef struct result {
    bool skipped;
    size_t count;
    sample samples[REPETITIONS_MOST];
} result;

/* Everything is told with how it was taken. */
typedef struct conditions {
    int ends_core, relay_core;
    unsigned repetitions, window_ms, round_trips;
} conditions;

void report_table(FILE *, const conditions *, const result *);
void report_json(FILE *, const conditions *, const result *);
#endif
