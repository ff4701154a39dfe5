/* ping and trace. */
#include "slowctl.h"
#include "table.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

static const double DEFAULT_TIMEOUT_S = 5, MARGIN_S = 5; /* margin: the router keeps the time, we only want no hang */

static double timeout_of(const request *r) {
    return r->timeout_s >= 0 ? r->timeout_s : DEFAULT_TIMEOUT_S;
}

static bool ask(const request *r, const char *path) {
    double timeout_s = timeout_of(r);
    json_int_t timeout_ms = (json_int_t)(timeout_s * 1000);
    json_t *body = json_pack("{s:s,s:I}", "id", r->operands[0], "timeout_ms", timeout_ms > 0 ? timeout_ms : 1);
    return client_post_json(r->client, path, body, timeout_s + MARGIN_S);
}

/* ---- ping ---- */

static void print_line(json_t *line) {
    json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    fflush(stdout);
    json_decref(line);
}

static void report_failure(const request *r, long number) {
    if (r->json)
        print_line(json_pack("{s:s,s:I,s:s}", "id", r->operands[0], "seq", (json_int_t)number, "error",
                             client_error(r->client)));
    complain("ping %ld: %s", number, client_error(r->client));
}

static bool report_answer(const request *r, long number) {
    json_t *answer = client_json(r->client);
    double rtt_ms = json_number_value(json_object_get(answer, "rtt_ms"));
    json_int_t hops = json_integer_value(json_object_get(answer, "hops"));
    if (answer == NULL) {
        report_failure(r, number);
        return false;
    }
    if (r->json)
        print_line(json_pack("{s:O,s:I,s:f,s:I}", "id", json_object_get(answer, "id"), "seq", (json_int_t)number,
                             "rtt_ms", rtt_ms, "hops", hops));
    else
        printf("%s: ping %ld, %.3f ms, %" JSON_INTEGER_FORMAT " hop%s\n", r->operands[0], number, rtt_ms, hops,
               hops == 1 ? "" : "s");
    fflush(stdout);
    json_decref(answer);
    return true;
}

int path_ping(const request *r) {
    long count = r->count > 0 ? r->count : 1, answered = 0;
    for (long i = 1; i <= count; i++) {
        if (i > 1)
            poll(NULL, 0, (int)(r->interval_s * 1000));
        if (ask(r, "/v1/ping"))
            answered += report_answer(r, i);
        else {
            report_failure(r, i);
            if (!client_was_answered(r->client))
                break;
        }
    }
    if (!r->json && count > 1)
        printf("%ld of %ld answered\n", answered, count);
    return answered == count ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- trace ---- */

static void print_trace(const json_t *hops) {
    size_t i;
    const json_t *hop;
    table t;
    table_begin(&t, (const char *const[]){">HOP", "JUNCTION", ">ROUND TRIP", NULL});
    json_array_foreach(hops, i, hop) {
        const char *id = json_string_value(json_object_get(hop, "id"));
        table_add(&t, "%zu", i + 1);
        table_add(&t, "%s", id != NULL ? id : "(silent)");
        if (id != NULL)
            table_add(&t, "%.3f ms", json_number_value(json_object_get(hop, "rtt_ms")));
        else
            table_add(&t, "-");
    }
    table_end(&t, 0);
}

int path_trace(const request *r) {
    json_t *answer = ask(r, "/v1/trace") ? client_json(r->client) : NULL;
    if (answer == NULL)
        return complain("%s", client_error(r->client));
    bool reached = json_is_true(json_object_get(answer, "reached"));
    const char *by = json_string_value(json_object_get(answer, "dropped_by"));
    if (r->json)
        puts(client_text(r->client));
    else
        print_trace(json_object_get(answer, "hops"));
    if (!reached && by != NULL)
        complain("%s was not reached within %g s; %s dropped it: %s", r->operands[0], timeout_of(r), by,
                 json_string_value(json_object_get(answer, "dropped_why")));
    else if (!reached)
        complain("%s was not reached within %g s", r->operands[0], timeout_of(r));
    json_decref(answer);
    return reached ? EXIT_SUCCESS : EXIT_FAILURE;
}
