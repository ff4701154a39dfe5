/* Traces: which report belongs to which message, what is not believed, and what is kept. */
#include "traces.h"
#include "loop.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SESSION = 77 };

static slow_id id_of(const char *text) {
    slow_id id;
    assert_true(sl_id_set(&id, (slow_bytes){(const uint8_t *)text, strlen(text)}));
    return id;
}

static int set_up(void **state) {
    sl_traces *all = malloc(sizeof *all);
    sl_traces_init(all);
    *state = all;
    return 0;
}

static int tear_down(void **state) {
    sl_traces_free(*state);
    free(*state);
    return 0;
}

static void begin(sl_traces *all, uint64_t ticket) {
    slow_id bob = id_of("bob");
    assert_true(sl_traces_begin(all, ticket, &bob));
}

static enum sl_heard hear(sl_traces *all, const char *by, uint64_t packet, uint8_t place, enum sl_hop_fate fate) {
    slow_id id = id_of(by);
    sl_hop_report report = {.session = SESSION, .packet = packet, .place = place, .fate = (uint8_t)fate};
    return sl_traces_heard(all, &id, &report);
}

static size_t count_of(sl_traces *all, uint64_t ticket) {
    size_t count;
    sl_traces_look(all, ticket, NULL, 0, &count);
    return count;
}

static void hops_are_found_by_attempt_and_place_however_they_came(void **state) {
    sl_traces *all = *state;
    sl_hop hops[8];
    size_t count;
    begin(all, 1);
    begin(all, 2);
    sl_traces_sent(all, 1, SESSION, 5, 0);
    sl_traces_sent(all, 2, SESSION, 6, 0);
    sl_traces_sent(all, 1, SESSION, 9, 1024);
    assert_int_equal(hear(all, "r2", 9, 2, SL_HOP_NO_ROUTE), SL_HEARD);
    assert_int_equal(hear(all, "r1", 9, 1, SL_HOP_PASSED), SL_HEARD);
    assert_int_equal(hear(all, "r1", 5, 1, SL_HOP_PASSED), SL_HEARD);
    assert_int_equal(hear(all, "r9", 6, 1, SL_HOP_LINK_DOWN), SL_HEARD);
    assert_int_equal(sl_traces_look(all, 1, hops, 8, &count), SLOW_E_TIMEOUT);
    assert_int_equal(count, 3);
    assert_true(hops[0].attempt == 1 && hops[0].offset == 0 && hops[0].report.place == 1);
    assert_true(hops[1].attempt == 2 && hops[1].offset == 1024 && hops[1].report.place == 1);
    assert_true(hops[2].attempt == 2 && hops[2].report.place == 2 && hops[2].report.fate == SL_HOP_NO_ROUTE);
    assert_memory_equal(hops[2].by.text, "r2", 2);
    assert_int_equal(count_of(all, 2), 1);
}

static void it_is_complete_when_one_attempt_was_seen_at_every_place(void **state) {
    sl_traces *all = *state;
    begin(all, 1);
    sl_traces_sent(all, 1, SESSION, 5, 0);
    sl_traces_sent(all, 1, SESSION, 6, 0);
    hear(all, "alice", 5, 0, SL_HOP_PASSED);
    hear(all, "r1", 5, 1, SL_HOP_PASSED);
    hear(all, "alice", 6, 0, SL_HOP_PASSED);
    hear(all, "bob", 6, 2, SL_HOP_ARRIVED);
    assert_false(sl_traces_is_complete(all, 1)); /* of one the end is missing, of the other the middle */
    hear(all, "r1", 6, 1, SL_HOP_QUEUE_FULL);
    assert_false(sl_traces_is_complete(all, 1));
    hear(all, "r2", 6, 1, SL_HOP_PASSED); /* a copy went another way */
    assert_true(sl_traces_is_complete(all, 1));
    assert_false(sl_traces_is_complete(all, 2));
}

static void what_cannot_be_is_not_believed(void **state) {
    sl_traces *all = *state;
    slow_id relay = id_of("r1");
    sl_hop_report other = {.session = SESSION + 1, .packet = 5, .place = 1};
    begin(all, 1);
    sl_traces_sent(all, 1, SESSION, 5, 0);
    assert_int_equal(hear(all, "r1", 4, 1, SL_HOP_PASSED), SL_HEARD_UNKNOWN);
    assert_int_equal(sl_traces_heard(all, &relay, &other), SL_HEARD_UNKNOWN);
    assert_int_equal(hear(all, "r1", 5, 1, SL_HOP_ARRIVED), SL_HEARD_UNKNOWN); /* it is not for r1 */
    assert_int_equal(count_of(all, 1), 0);
    assert_int_equal(hear(all, "r1", 5, 1, SL_HOP_PASSED), SL_HEARD);
    assert_int_equal(hear(all, "r1", 5, 1, SL_HOP_LINK_DOWN), SL_HEARD_DOUBLE);
    assert_int_equal(hear(all, "r1", 5, 3, SL_HOP_PASSED), SL_HEARD); /* it went in a circle */
}

static void a_flood_of_reports_fills_one_trace_and_no_more(void **state) {
    sl_traces *all = *state;
    char name[16];
    unsigned kept = 0;
    begin(all, 1);
    begin(all, 2);
    sl_traces_sent(all, 1, SESSION, 5, 0);
    sl_traces_sent(all, 2, SESSION, 6, 0);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "liar%d", i);
        kept += hear(all, name, 5, 1, SL_HOP_PASSED) == SL_HEARD;
    }
    assert_int_equal(kept, SL_TRACE_HOPS);
    assert_int_equal(hear(all, "r1", 5, 1, SL_HOP_PASSED), SL_HEARD_FULL);
    assert_int_equal(hear(all, "r1", 6, 1, SL_HOP_PASSED), SL_HEARD);
    assert_int_equal(count_of(all, 1), SL_TRACE_HOPS);
}

static void the_oldest_gives_way(void **state) {
    sl_traces *all = *state;
    size_t count;
    for (uint64_t ticket = 1; ticket <= SL_TRACES_MAX + 3; ticket++) {
        begin(all, ticket);
        for (uint32_t i = 0; i < SL_TRACE_ATTEMPTS + 5; i++)
            sl_traces_sent(all, ticket, SESSION, ticket * 100 + i, 0);
    }
    assert_int_equal(sl_traces_look(all, 3, NULL, 0, &count), SLOW_E_INVAL);
    assert_int_equal(sl_traces_look(all, 4, NULL, 0, &count), SLOW_E_TIMEOUT);
    assert_int_equal(hear(all, "r1", 300, 1, SL_HOP_PASSED), SL_HEARD_UNKNOWN);
    assert_int_equal(hear(all, "r1", 400 + SL_TRACE_ATTEMPTS - 1, 1, SL_HOP_PASSED), SL_HEARD);
    assert_int_equal(hear(all, "r1", 400 + SL_TRACE_ATTEMPTS, 1, SL_HOP_PASSED), SL_HEARD_UNKNOWN);
    sl_traces_forget(all, 4);
    assert_int_equal(sl_traces_look(all, 4, NULL, 0, &count), SLOW_E_INVAL);
    assert_int_equal(hear(all, "r1", 400, 1, SL_HOP_PASSED), SL_HEARD_UNKNOWN);
    begin(all, 5);
    assert_int_equal(all->count, SL_TRACES_MAX - 1);
}

static void hops_are_told_once_from_when_somebody_listens(void **state) {
    sl_traces *all = *state;
    sl_hop hop;
    begin(all, 1);
    sl_traces_sent(all, 1, SESSION, 5, 0);
    hear(all, "r1", 5, 1, SL_HOP_PASSED);
    assert_false(sl_traces_next_told(all, &hop));
    sl_traces_tell(all, true);
    assert_false(sl_traces_next_told(all, &hop));
    hear(all, "r2", 5, 2, SL_HOP_PASSED);
    assert_true(sl_traces_next_told(all, &hop));
    assert_int_equal(hop.report.place, 2);
    assert_false(sl_traces_next_told(all, &hop));
}

static void who_waits_gets_what_there_is_and_is_let_go(void **state) {
    sl_traces *all = *state;
    sl_hop hops[2];
    size_t count;
    begin(all, 1);
    sl_traces_sent(all, 1, SESSION, 5, 0);
    hear(all, "alice", 5, 0, SL_HOP_PASSED);
    assert_int_equal(sl_traces_wait(all, 1, SL_MS, hops, 2, &count), SLOW_E_TIMEOUT);
    assert_int_equal(count, 1);
    assert_int_equal(sl_traces_wait(all, 9, SL_SECOND * 1000, hops, 2, &count), SLOW_E_INVAL);
    sl_traces_close(all);
    assert_int_equal(sl_traces_wait(all, 1, SL_SECOND * 1000, hops, 2, &count), SLOW_E_CLOSED);
    assert_int_equal(count, 1);
    hear(all, "bob", 5, 1, SL_HOP_ARRIVED);
    assert_int_equal(sl_traces_wait(all, 1, SL_SECOND * 1000, hops, 2, &count), SLOW_OK);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(hops_are_found_by_attempt_and_place_however_they_came),
        CASE(it_is_complete_when_one_attempt_was_seen_at_every_place),
        CASE(what_cannot_be_is_not_believed),
        CASE(a_flood_of_reports_fills_one_trace_and_no_more),
        CASE(the_oldest_gives_way),
        CASE(hops_are_told_once_from_when_somebody_listens),
        CASE(who_waits_gets_what_there_is_and_is_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
