#include "report.h"
#include "core/module.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void put(report *r, const char *key, const char *text) {
    sl_json_key(&r->json, key);
    sl_json_put_string(&r->json, text);
}

void report_begin(report *r, const conform_page *found) {
    if (!r->as_json) {
        printf("%s %s, a %s plugin, seed %" PRIu64 "\n", found->id, found->version, sl_kind_name(found->kind),
               r->job->seed);
        return;
    }
    sl_json_begin(&r->json, '{');
    put(r, "file", r->job->path);
    put(r, "plugin", found->id);
    put(r, "version", found->version);
    put(r, "kind", sl_kind_name(found->kind));
    sl_json_key(&r->json, "seed");
    sl_json_put_unsigned(&r->json, r->job->seed);
    sl_json_key(&r->json, "tests");
    sl_json_begin(&r->json, '[');
}

static const char *outcome_text(int32_t outcome) {
    return outcome == OUTCOME_HELD ? "held" : outcome == OUTCOME_SKIPPED ? "skipped" : "FAILED";
}

void report_test(report *r, const char *name, const conform_page *page) {
    unsigned *count = page->outcome == OUTCOME_HELD      ? &r->held
                      : page->outcome == OUTCOME_SKIPPED ? &r->skipped
                                                         : &r->failed;
    ++*count;
    if (r->as_json) {
        sl_json_begin(&r->json, '{');
        put(r, "name", name);
        put(r, "outcome", page->outcome == OUTCOME_FAILED ? "failed" : outcome_text(page->outcome));
        if (page->outcome == OUTCOME_FAILED) {
            put(r, "where", page->where);
            put(r, "contract", page->says);
            put(r, "plugin", page->did);
        } else if (page->outcome == OUTCOME_SKIPPED) {
            put(r, "why", page->says);
        }
        sl_json_key(&r->json, "milliseconds");
        sl_json_put_integer(&r->json, (int64_t)(page->seconds * 1000));
        sl_json_end(&r->json, '}');
        return;
    }
    printf("  %-26s %s", name, outcome_text(page->outcome));
    if (page->outcome == OUTCOME_FAILED)
        printf(": %s: \"%s\". The plugin %s.", page->where, page->says, page->did);
    else if (page->outcome == OUTCOME_SKIPPED)
        printf(": %s", page->says);
    putchar('\n');
    fflush(stdout);
}

bool report_end(report *r) {
    if (!r->as_json) {
        printf("%u held, %u failed, %u skipped\n", r->held, r->failed, r->skipped);
        return fflush(stdout) == 0;
    }
    sl_json_end(&r->json, ']');
    sl_json_key(&r->json, "held");
    sl_json_put_unsigned(&r->json, r->held);
    sl_json_key(&r->json, "failed");
    sl_json_put_unsigned(&r->json, r->failed);
    sl_json_key(&r->json, "skipped");
    sl_json_put_unsigned(&r->json, r->skipped);
    sl_json_end(&r->json, '}');
    char *text = sl_json_take(&r->json, NULL);
    bool printed = text != NULL && puts(text) >= 0 && fflush(stdout) == 0;
    free(text);
    return printed;
}
