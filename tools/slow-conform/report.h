/* report.h - what slow-conform prints: a line for each test as it ends, or one JSON object for all. */
#ifndef REPORT_H
#define REPORT_H
#include "conform.h"
#include "process.h"
#include "core/json.h"

typedef struct report {
    const conform_job *job;
    bool as_json;
    sl_json_writer json;
    unsigned held, failed, skipped;
} report;

/* `found` is what loading the plugin left. */
void report_begin(report *, const conform_page *found);
void report_test(report *, const char *name, const conform_page *);
/* Returns false when it could not be printed. */
bool report_end(report *);
#endif
