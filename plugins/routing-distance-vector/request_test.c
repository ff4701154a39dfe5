/* One distance vector among puppets: when it asks and how it answers (rules 7, 8 and 10), and what it refuses. */
#include "tests/support/dv_puppets.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- rule 7: asking */

static void a_lost_route_is_asked_for_while_somebody_offers_it(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 4, 100);
    run(&t, SL_SECOND);
    say(&t, 2, FAR_ONE, EPOCH, 4, 200); /* infeasible, and worse than ours: of no interest */
    run(&t, 10 * SL_SECOND);
    assert_int_equal(requests_for(&t.ears[2], FAR_ONE), 0);
    say(&t, 1, FAR_ONE, EPOCH, 4, INF);
    run(&t, 60 * SL_SECOND);
    assert_int_equal(self(&t)->offers[FAR_ONE].count, 0);
    for (uint32_t puppet = 1; puppet <= PUPPETS; puppet++) {
        bool told = puppet != 1; /* what is taken back from them asks as well */
        if (told)
            assert_told(&t, puppet, FAR_ONE, 5, INF);
        assert_int_equal(t.ears[puppet].word[FAR_ONE].stamp.seq, told ? 5 : 0);
        assert_int_equal(requests_for(&t.ears[puppet], FAR_ONE), told ? 5 : 6); /* and five repeats */
        assert_int_equal(t.ears[puppet].requests[0].word.stamp.seq, 5);
        assert_int_equal(t.ears[puppet].requests[0].ttl, 255);
    }
    say(&t, 2, FAR_ONE, EPOCH, 5, 200);
    CANDIDATES(&t, FAR_ONE, {2, 250});
    assert_int_equal(inspect(&t)->pending(self(&t)->self), 0);
    table_free(&t);
}

static void the_dead_are_not_asked_after(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 1, 100);
    run(&t, SL_SECOND);
    say(&t, 1, FAR_ONE, EPOCH, 1, INF);
    run(&t, 60 * SL_SECOND);
    assert_int_equal(requests_for(&t.ears[1], FAR_ONE), 1);
    assert_int_equal(requests_for(&t.ears[2], FAR_ONE), 0); /* but for what the retraction asked */
    assert_int_equal(inspect(&t)->pending(self(&t)->self), 0);
    table_free(&t);
}

static void a_better_but_infeasible_offer_is_asked_for_patiently(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 3, 50);
    run(&t, SL_SECOND);                 /* we told 100 */
    say(&t, 1, FAR_ONE, EPOCH, 3, 400); /* still feasible? no: the route is lost, FD stays at 100 */
    say(&t, 1, FAR_ONE, EPOCH, 4, 400);
    run(&t, SL_SECOND);                 /* we told 450 with number 4 */
    say(&t, 2, FAR_ONE, EPOCH, 3, 300); /* better, and of an older number */
    unsigned before = requests_for(&t.ears[2], FAR_ONE);
    run(&t, 290 * SL_MS);
    assert_int_equal(requests_for(&t.ears[2], FAR_ONE), before);
    run(&t, 20 * SL_MS);
    assert_int_equal(requests_for(&t.ears[2], FAR_ONE), before + 1);
    assert_int_equal(t.ears[2].requests[before].word.stamp.seq, 4); /* below FD's metric: FD's own number will do */
    run(&t, 4 * SL_SECOND);
    assert_int_equal(requests_for(&t.ears[2], FAR_ONE), before + 2);
    run(&t, 8 * SL_SECOND);
    assert_int_equal(requests_for(&t.ears[2], FAR_ONE), before + 3);
    say(&t, 2, FAR_ONE, EPOCH, 4, 300);
    CANDIDATES(&t, FAR_ONE, {2, 350});
    run(&t, 600 * SL_SECOND);
    assert_int_equal(requests_for(&t.ears[2], FAR_ONE), before + 3);
    table_free(&t);
}

/* Junctions know different numbers: if each asked for its own, the answer to the first would not do for the next. */
static void who_asks_asks_for_the_newest_that_is_wanted_of_it(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 4, 100);
    run(&t, SL_SECOND);
    say(&t, 2, FAR_ONE, EPOCH, 4, 200);
    say(&t, 1, FAR_ONE, EPOCH, 4, INF);
    ask(&t, 1, FAR_ONE, EPOCH, 9, 255);
    run(&t, 10 * SL_MS);
    for (uint32_t puppet = 2; puppet <= PUPPETS; puppet++) {
        assert_int_equal(requests_for(&t.ears[puppet], FAR_ONE), 1);
        assert_int_equal(t.ears[puppet].requests[0].word.stamp.seq, 9);
    }
    ask(&t, 3, FAR_ONE, EPOCH, 12, 255); /* still newer: it goes to those as well who offer nothing */
    ask(&t, 2, FAR_ONE, EPOCH, 11, 255); /* included in that */
    run(&t, 10 * SL_MS);
    assert_int_equal(requests_for(&t.ears[4], FAR_ONE), 2);
    assert_int_equal(t.ears[4].requests[1].word.stamp.seq, 12);
    assert_int_equal(requests_for(&t.ears[3], FAR_ONE), 1);
    say(&t, 4, FAR_ONE, EPOCH, 12, 300);
    run(&t, 10 * SL_MS);
    for (uint32_t puppet = 1; puppet <= 3; puppet++)
        assert_told(&t, puppet, FAR_ONE, 12, 350);
    table_free(&t);
}

static void who_asked_and_offers_nothing_is_not_asked_back(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 4, 100);
    run(&t, SL_SECOND);
    say(&t, 2, FAR_ONE, EPOCH, 4, 200);
    say(&t, 1, FAR_ONE, EPOCH, 4, INF);
    ask(&t, 1, FAR_ONE, EPOCH, 5, 255);
    run(&t, 10 * SL_MS);
    assert_int_equal(requests_for(&t.ears[1], FAR_ONE), 0);
    assert_int_equal(t.ears[3].word[FAR_ONE].stamp.seq, 5);
    run(&t, 200 * SL_MS); /* but if nothing came of it, it is */
    assert_int_equal(requests_for(&t.ears[1], FAR_ONE), 1);
    table_free(&t);
}

static void a_retraction_asks_as_a_request_does(void **state) {
    struct table t;
    struct sentence s;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 1, 100);
    say(&t, 3, FAR_ONE, EPOCH, 1, 500);
    run(&t, SL_SECOND);
    for (uint32_t seq = 0; seq <= 2; seq += 2) { /* 0: nothing is asked */
        sentence_begin(&s);
        sentence_add(&s, (struct dv_record){.kind = DV_UPDATE, .handle = FAR_ONE, .word = {{0, seq}, INF}});
        assert_int_equal(sentence_say(&t, 3, &s), SLOW_OK);
        run(&t, 10 * SL_MS);
        assert_int_equal(requests_for(&t.ears[1], FAR_ONE), seq / 2);
    }
    assert_int_equal(t.ears[1].requests[0].word.stamp.seq, 2);
    assert_true(t.ears[1].requests[0].word.stamp.epoch == EPOCH);
    say(&t, 1, FAR_ONE, EPOCH, 2, 100);
    run(&t, 5 * SL_MS);
    assert_told(&t, 3, FAR_ONE, 2, 150);
    table_free(&t);
}

/* One alternate is enough, and the best is asked for it; the others only if nothing came of that. */
static void an_alternate_is_asked_for_where_there_is_none(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 2, 300);
    run(&t, SL_SECOND); /* we told 350 with number 2 */
    say(&t, 2, FAR_ONE, EPOCH, 1, 330);
    say(&t, 3, FAR_ONE, EPOCH, 1, 320);
    run(&t, SL_SECOND);
    assert_int_equal(requests_for(&t.ears[2], FAR_ONE), 0);
    assert_int_equal(requests_for(&t.ears[3], FAR_ONE), 1);
    run(&t, 4 * SL_SECOND);
    assert_int_equal(requests_for(&t.ears[2], FAR_ONE), 1);
    assert_int_equal(requests_for(&t.ears[3], FAR_ONE), 2);
    say(&t, 3, FAR_ONE, EPOCH, 2, 320);
    CANDIDATES(&t, FAR_ONE, {1, 350}, {3, 370});
    run(&t, 600 * SL_SECOND);
    assert_int_equal(requests_for(&t.ears[2], FAR_ONE), 1);
    assert_int_equal(inspect(&t)->pending(self(&t)->self), 0);
    table_free(&t);
}

/* Nobody has that number, and the origin adds one at a time: what there is must do. */
static void who_asks_for_too_much_gets_what_there_is(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 1, 100);
    run(&t, SL_SECOND);
    ask(&t, 3, FAR_ONE, EPOCH, 1000000, 255);
    say(&t, 1, FAR_ONE, EPOCH, 2, 100);
    run(&t, 5 * SL_MS);
    assert_told(&t, 3, FAR_ONE, 2, 150);
    assert_told(&t, 2, FAR_ONE, 1, 150);
    ask(&t, 4, 0, EPOCH, 1000000, 255);
    run(&t, 5 * SL_MS);
    assert_told(&t, 4, 0, 2, 0);
    table_free(&t);
}

/* ---- rules 8 and 10: being asked */

static void our_own_number_grows_by_one_and_not_too_fast(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    ask(&t, 1, 0, EPOCH, 1, 255); /* it has that one */
    assert_int_equal(inspect(&t)->own(self(&t)->self).seq, 1);
    ask(&t, 1, 0, EPOCH, 1000, 255);
    assert_int_equal(inspect(&t)->own(self(&t)->self).seq, 2);
    ask(&t, 2, 0, EPOCH, 3, 255);
    ask(&t, 3, 0, EPOCH, 3, 255);
    run(&t, 90 * SL_MS);
    assert_int_equal(inspect(&t)->own(self(&t)->self).seq, 2);
    run(&t, 20 * SL_MS);
    assert_int_equal(inspect(&t)->own(self(&t)->self).seq, 3);
    assert_told(&t, 2, 0, 3, 0);
    assert_told(&t, 3, 0, 3, 0);
    table_free(&t);
}

static void who_has_the_number_answers(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 1, 100);
    run(&t, SL_SECOND);
    say(&t, 1, FAR_ONE, EPOCH, 2, 100); /* told to nobody as yet */
    ask(&t, 3, FAR_ONE, EPOCH, 2, 255);
    run(&t, 5 * SL_MS);
    assert_told(&t, 3, FAR_ONE, 2, 150);
    assert_told(&t, 2, FAR_ONE, 1, 150);
    assert_int_equal(t.ears[1].request_count, 0);
    table_free(&t);
}

static void a_request_goes_on_to_the_next_hop_and_its_answer_back(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 1, 100);
    run(&t, SL_SECOND);
    ask(&t, 3, FAR_ONE, EPOCH, 2, 77);
    ask(&t, 4, FAR_ONE, EPOCH, 2, 77); /* the same again: suppressed, but remembered */
    run(&t, 5 * SL_MS);
    assert_int_equal(t.ears[1].request_count, 1);
    assert_int_equal(t.ears[1].requests[0].ttl, 76);
    assert_int_equal(t.ears[1].requests[0].word.stamp.seq, 2);
    assert_int_equal(t.ears[2].request_count + t.ears[3].request_count + t.ears[4].request_count, 0);
    say(&t, 1, FAR_ONE, EPOCH, 2, 100);
    run(&t, 5 * SL_MS);
    assert_told(&t, 3, FAR_ONE, 2, 150);
    assert_told(&t, 4, FAR_ONE, 2, 150);
    assert_told(&t, 2, FAR_ONE, 1, 150);
    table_free(&t);
}

static void another_next_hop_is_asked_for_what_others_wait_for(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 1, 100);
    say(&t, 2, FAR_ONE, EPOCH, 1, 110);
    run(&t, SL_SECOND);
    ask(&t, 3, FAR_ONE, EPOCH, 2, 255);
    run(&t, 5 * SL_MS);
    assert_int_equal(requests_for(&t.ears[1], FAR_ONE), 1);
    say(&t, 1, FAR_ONE, EPOCH, 1, INF); /* and the request is lost with it */
    run(&t, 5 * SL_MS);
    assert_int_equal(requests_for(&t.ears[2], FAR_ONE), 1);
    assert_int_equal(t.ears[2].requests[0].word.stamp.seq, 2);
    say(&t, 2, FAR_ONE, EPOCH, 2, 110);
    run(&t, 5 * SL_MS);
    assert_told(&t, 3, FAR_ONE, 2, 160);
    say(&t, 1, FAR_ONE, EPOCH, 2, 50); /* nobody waits any more */
    run(&t, SL_SECOND);
    assert_int_equal(requests_for(&t.ears[1], FAR_ONE), 1);
    table_free(&t);
}

static void a_request_whose_ttl_is_used_up_ends(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 1, 100);
    run(&t, SL_SECOND);
    ask(&t, 3, FAR_ONE, EPOCH, 2, 0);
    run(&t, SL_SECOND);
    assert_int_equal(t.ears[1].request_count, 0);
    table_free(&t);
}

static void our_next_hops_request_goes_to_the_best_other(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, FAR_ONE, EPOCH, 1, 100);
    run(&t, SL_SECOND);
    say(&t, 2, FAR_ONE, EPOCH, 1, 300);
    say(&t, 3, FAR_ONE, EPOCH, 1, 200);
    ask(&t, 1, FAR_ONE, EPOCH, 2, 255);
    run(&t, 5 * SL_MS);
    assert_int_equal(t.ears[3].request_count, 1);
    assert_int_equal(t.ears[1].request_count + t.ears[2].request_count + t.ears[4].request_count, 0);
    table_free(&t);
}

static void a_newer_epoch_of_our_own_name_is_outbid_three_times(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    for (uint64_t i = 1; i <= 5; i++) {
        say(&t, 1, 0, EPOCH + 100 * i, 7, 30);
        run(&t, SL_SECOND);
        assert_true(inspect(&t)->own(self(&t)->self).epoch == EPOCH + 100 * (i < 3 ? i : 3) + 1);
        assert_int_equal(inspect(&t)->own(self(&t)->self).seq, 1);
    }
    assert_int_equal(self(&t)->log_count, 1); /* once a minute at most */
    assert_non_null(strstr(self(&t)->last_log, "another junction calls itself n0"));
    assert_true(t.ears[2].word[0].stamp.epoch == EPOCH + 301);
    run(&t, 601 * SL_SECOND);
    say(&t, 1, 0, EPOCH + 1000, 7, 30);
    assert_true(inspect(&t)->own(self(&t)->self).epoch == EPOCH + 1001);
    table_free(&t);
}

static void the_largest_epoch_of_our_own_name_is_not_outbid(void **state) {
    struct table t;
    (void)state;
    table_init(&t, NULL);
    say(&t, 1, 0, DV_EPOCH_MAX, 7, 30);
    run(&t, SL_SECOND);
    assert_true(inspect(&t)->own(self(&t)->self).epoch == EPOCH);
    assert_int_equal(self(&t)->log_count, 1);
    say(&t, 1, 0, DV_EPOCH_MAX - 1, 7, 30); /* the last that can be */
    run(&t, SL_SECOND);
    assert_true(t.ears[2].word[0].stamp.epoch == DV_EPOCH_MAX);
    table_free(&t);
}

/* ---- hostile neighbours */

static void a_change_in_the_same_message_as_its_introduction_counts(void **state) {
    struct table t;
    struct sentence s;
    slow_id id = routing_bench_id(FAR_ONE);
    (void)state;
    table_init(&t, NULL);
    sentence_begin(&s);
    sentence_add(&s, origin_of(&id, FAR_ONE, EPOCH, 1, 100));
    sentence_add(&s, (struct dv_record){.kind = DV_UPDATE, .handle = FAR_ONE, .word = {{0, 1}, 60}});
    assert_int_equal(sentence_say(&t, 1, &s), SLOW_OK);
    CANDIDATES(&t, FAR_ONE, {1, 110});
    table_free(&t);
}

static void a_malformed_message_changes_nothing(void **state) {
    static const uint8_t bad[][24] = {
        {1, DV_ORIGIN},                                  /* nothing but its begin */
        {10, DV_UPDATE, 40, 0, 0, 0, 1, 0, 0, 0, 9},     /* a handle that was never given */
        {2, DV_FORGET, 40},                              /* the same */
        {2, DV_FORGET, 0x80},                            /* a number that does not end */
        {4, DV_FORGET, 0x80, 0x80, 0x40},                /* handle 2^20 */
        {11, DV_ORIGIN, 1, 1, 'x', 0, 0, 0, 0, 0, 0, 0}, /* no room for its epoch */
        {1, 0},                                          /* a kind that there is not */
        {1, 200},                                        /* another */
    };
    struct table t;
    struct sentence s;
    slow_id id = routing_bench_id(FAR_ONE);
    (void)state;
    table_init(&t, NULL);
    size_t known = inspect(&t)->destinations(self(&t)->self);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        sentence_begin(&s);
        sentence_add(&s, origin_of(&id, FAR_ONE, EPOCH, 1, 100)); /* good, in front of the bad */
        slow_write_bytes(&s.out, bad[i] + 1, bad[i][0]);
        assert_int_equal(sentence_say(&t, 1, &s), SLOW_E_MALFORMED);
        assert_int_equal(inspect(&t)->destinations(self(&t)->self), known);
        assert_int_equal(self(&t)->offers[FAR_ONE].count, 0);
    }
    sentence_begin(&s);
    assert_int_equal(sentence_say(&t, 1, &s), SLOW_E_MALFORMED);
    table_free(&t);
}

static void an_origin_that_cannot_be_is_refused(void **state) {
    struct table t;
    struct sentence s;
    static const char *const ids[] = {"", "a\nb", "\x7f", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"};
    (void)state;
    table_init(&t, NULL);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        slow_id id = {.size = (uint8_t)strlen(ids[i])};
        memcpy(id.text, ids[i], id.size);
        sentence_begin(&s);
        sentence_add(&s, origin_of(&id, 1, EPOCH, 1, 100));
        assert_int_equal(sentence_say(&t, 1, &s), SLOW_E_MALFORMED);
    }
    slow_id id = routing_bench_id(FAR_ONE);
    const uint64_t epochs[] = {0, DV_EPOCH_MAX + 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof epochs / sizeof epochs[0]; i++) {
        sentence_begin(&s);
        sentence_add(&s, origin_of(&id, 1, epochs[i], 1, 100));
        assert_int_equal(sentence_say(&t, 1, &s), SLOW_E_MALFORMED);
    }
    table_free(&t);
}

static void what_exceeds_max_origins_is_ignored_and_logged_once(void **state) {
    struct table t;
    (void)state;
    table_init(&t, "{\"max_origins\": 3}");
    for (uint32_t name = 5; name < NAMES; name++)
        say(&t, 1, name, EPOCH, 1, 100);
    assert_int_equal(inspect(&t)->destinations(self(&t)->self), 1 + 3);
    assert_int_equal(self(&t)->log_count, 1);
    assert_non_null(strstr(self(&t)->last_log, "max_origins allows 3"));
    assert_int_equal(self(&t)->offers[7].count, 1);
    assert_int_equal(self(&t)->offers[8].count, 0);
    struct sentence s;
    sentence_begin(&s); /* it speaks on about what was ignored: that is no mistake of its */
    sentence_add(&s, (struct dv_record){.kind = DV_UPDATE, .handle = 8, .word = {{0, 2}, 60}});
    sentence_add(&s, (struct dv_record){.kind = DV_FORGET, .handle = 8});
    assert_int_equal(sentence_say(&t, 1, &s), SLOW_OK);
    table_free(&t);
}

static void a_handle_that_is_given_again_means_the_new_destination(void **state) {
    struct table t;
    struct sentence s;
    slow_id one = routing_bench_id(6), other = routing_bench_id(7);
    (void)state;
    table_init(&t, NULL);
    sentence_begin(&s);
    sentence_add(&s, origin_of(&one, 3, EPOCH, 1, 100));
    sentence_add(&s, origin_of(&other, 3, EPOCH, 1, 200));
    assert_int_equal(sentence_say(&t, 1, &s), SLOW_OK);
    assert_int_equal(self(&t)->offers[6].count, 0);
    CANDIDATES(&t, 7, {1, 250});
    table_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_route_is_asked_for_while_somebody_offers_it),
        cmocka_unit_test(the_dead_are_not_asked_after),
        cmocka_unit_test(a_better_but_infeasible_offer_is_asked_for_patiently),
        cmocka_unit_test(who_asks_asks_for_the_newest_that_is_wanted_of_it),
        cmocka_unit_test(who_asked_and_offers_nothing_is_not_asked_back),
        cmocka_unit_test(a_retraction_asks_as_a_request_does),
        cmocka_unit_test(an_alternate_is_asked_for_where_there_is_none),
        cmocka_unit_test(who_asks_for_too_much_gets_what_there_is),
        cmocka_unit_test(our_own_number_grows_by_one_and_not_too_fast),
        cmocka_unit_test(who_has_the_number_answers),
        cmocka_unit_test(a_request_goes_on_to_the_next_hop_and_its_answer_back),
        cmocka_unit_test(another_next_hop_is_asked_for_what_others_wait_for),
        cmocka_unit_test(a_request_whose_ttl_is_used_up_ends),
        cmocka_unit_test(our_next_hops_request_goes_to_the_best_other),
        cmocka_unit_test(a_newer_epoch_of_our_own_name_is_outbid_three_times),
        cmocka_unit_test(the_largest_epoch_of_our_own_name_is_not_outbid),
        cmocka_unit_test(a_change_in_the_same_message_as_its_introduction_counts),
        cmocka_unit_test(a_malformed_message_changes_nothing),
        cmocka_unit_test(an_origin_that_cannot_be_is_refused),
        cmocka_unit_test(what_exceeds_max_origins_is_ignored_and_logged_once),
        cmocka_unit_test(a_handle_that_is_given_again_means_the_new_destination),
    };
    if (getenv("SLOW_TEST") != NULL)
        cmocka_set_test_filter(getenv("SLOW_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
