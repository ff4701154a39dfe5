/* One distance vector among puppets that lie, where there are identities (rule 12). Puppet 1 is the liar. */
#include "tests/support/dv_puppets.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { LIAR = 1, HONEST, ASKER, OTHER };

static size_t destinations(const struct table *t) {
    return inspect(t)->destinations(self(t)->self);
}

static dv_inspect_word own(const struct table *t) {
    return inspect(t)->own(self(t)->self);
}

static void say_record(struct table *t, uint32_t puppet, struct dv_record record) {
    struct sentence s;
    sentence_begin(&s);
    sentence_add(&s, record);
    assert_int_equal(sentence_say(t, puppet, &s), SLOW_OK); /* an honest one may have been taken in */
    run(t, 0);
}

static void update(struct table *t, uint32_t puppet, uint32_t name, uint32_t seq, uint32_t metric) {
    say_record(t, puppet, (struct dv_record){.kind = DV_UPDATE, .handle = name, .word = {{0, seq}, metric}});
}

static void show(struct table *t, uint32_t puppet, uint32_t name, uint64_t epoch, uint32_t number) {
    slow_id id = routing_bench_id(name);
    uint8_t room[BENCH_PROOF_SIZE];
    struct dv_record record = {.kind = DV_PROOF, .id = {(const uint8_t *)id.text, id.size}, .word = {{epoch, 0}, INF}};
    prove(&record, number, room);
    say_record(t, puppet, record);
}

/* So many lies were told, all of what their origins have not signed; and this is how many routes over the liar came of them. */
static void counted(const struct table *t, unsigned lies, unsigned false_routes) {
    assert_true(lies > 0 && t->bench->identities);
    print_message("counted: %u lies, %u false routes\n", lies, false_routes);
}

/* Is that destination offered over the liar? 1 or 0. */
static unsigned leads_to_liar(const struct table *t, uint32_t name) {
    const bench_offer *offer = &self(t)->offers[name];
    for (uint32_t i = 0; i < offer->count; i++)
        if (offer->via[i] == t->bench->edges[LIAR - 1].held[0])
            return 1;
    return 0;
}

/* ---- false ids ---- */

static void an_id_is_not_announced_without_its_proof(void **state) {
    struct table t;
    (void)state;
    table_init_with_identities(&t);
    size_t memory = inspect(&t)->memory(self(&t)->self);
    for (unsigned lie = 0; lie < 8; lie++) {
        slow_id id = routing_bench_id(FAR_ONE), another = routing_bench_id(LIAR);
        uint8_t room[BENCH_PROOF_SIZE];
        struct dv_record record = origin_of(&id, 0, EPOCH, 4, 10), other = origin_of(&another, 0, EPOCH, 4, 10);
        prove(&record, 4, room);
        if (lie == 0)
            record.proof.size = 0;
        else if (lie == 1)
            record.proof.size--;
        else if (lie == 2)
            record.proof.size = 1;
        else if (lie == 3)
            room[50] ^= 1;
        else if (lie == 4)
            record.word.stamp.epoch++;
        else if (lie == 5)
            record.proven++, record.word.stamp.seq++;
        else if (lie == 6)
            record.word.stamp.seq++; /* newer than what is proven */
        else
            prove(&other, 4, room); /* by the liar's own key */
        uint64_t refused = t.bench->refused;
        say_record(&t, LIAR, record);
        assert_int_equal(t.bench->refused, refused + (lie != 6));
        assert_int_equal(destinations(&t), 1);
        assert_int_equal(self(&t)->offers[FAR_ONE].count, 0);
        update(&t, LIAR, 0, 4, 10); /* under the same handle */
        counted(&t, 2, leads_to_liar(&t, FAR_ONE));
        assert_int_equal(self(&t)->offers[FAR_ONE].count, 0);
    }
    assert_in_range(inspect(&t)->memory(self(&t)->self), memory, memory + 64); /* the handle */
    say(&t, HONEST, FAR_ONE, EPOCH, 4, 100);
    CANDIDATES(&t, FAR_ONE, {HONEST, 150});
    table_free(&t);
}

static void what_is_true_counts_beside_what_is_not(void **state) {
    struct table t;
    struct sentence s;
    slow_id one = routing_bench_id(6), other = routing_bench_id(7);
    uint8_t room[BENCH_PROOF_SIZE];
    (void)state;
    table_init_with_identities(&t);
    struct dv_record good = origin_of(&one, 6, EPOCH, 1, 100);
    prove(&good, 1, room);
    sentence_begin(&s);
    sentence_add(&s, origin_of(&other, 7, EPOCH, 1, 100));
    sentence_add(&s, good);
    assert_int_equal(sentence_say(&t, LIAR, &s), SLOW_OK);
    CANDIDATES(&t, 6, {LIAR, 150});
    assert_int_equal(self(&t)->offers[7].count, 0);
    table_free(&t);
}

static void a_flood_of_made_up_ids_leaves_nothing(void **state) {
    struct table t;
    (void)state;
    table_init_with_identities(&t);
    size_t memory = inspect(&t)->memory(self(&t)->self);
    for (uint32_t name = 100; name < 3000; name++) {
        slow_id id = routing_bench_id(name);
        uint8_t made_up[BENCH_PROOF_SIZE] = {(uint8_t)name, (uint8_t)(name >> 8)};
        struct dv_record record = origin_of(&id, name % 50, EPOCH, 1, 0);
        record.proven = 1;
        record.proof = (slow_bytes){made_up, sizeof made_up};
        say_record(&t, LIAR, record);
    }
    counted(&t, 2900, (unsigned)destinations(&t) - 1);
    assert_int_equal(t.bench->refused, 2900);
    assert_int_equal(destinations(&t), 1);
    assert_in_range(inspect(&t)->memory(self(&t)->self), memory, memory + 512);
    table_free(&t);
}

/* ---- false numbers ---- */

static void a_number_that_its_origin_did_not_sign_takes_the_word_back(void **state) {
    static const uint32_t numbers[] = {5, 6, 1000000000, UINT32_MAX};
    struct table t;
    (void)state;
    table_init_with_identities(&t);
    say(&t, HONEST, FAR_ONE, EPOCH, 4, 100);
    run(&t, SL_SECOND);
    say(&t, LIAR, FAR_ONE, EPOCH, 4, 110);
    CANDIDATES(&t, FAR_ONE, {HONEST, 150}, {LIAR, 160});
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        dv_inspect_word fd;
        slow_id id = routing_bench_id(FAR_ONE);
        uint64_t refused = t.bench->refused;
        update(&t, LIAR, FAR_ONE, numbers[i], 0);
        assert_int_equal(t.bench->refused, refused + 1);
        run(&t, SL_SECOND);
        counted(&t, 1, leads_to_liar(&t, FAR_ONE));
        CANDIDATES(&t, FAR_ONE, {HONEST, 150});
        assert_true(inspect(&t)->feasibility(self(&t)->self, &id, &fd));
        assert_int_equal(fd.seq, 4);
        show(&t, HONEST, FAR_ONE, EPOCH, 4); /* what is known already makes no difference */
    }
    show(&t, HONEST, FAR_ONE, EPOCH, 5);
    update(&t, HONEST, FAR_ONE, 5, 100);
    CANDIDATES(&t, FAR_ONE, {HONEST, 150});
    update(&t, LIAR, FAR_ONE, 5, 20); /* it is proven now, whoever showed it */
    CANDIDATES(&t, FAR_ONE, {LIAR, 70});
    table_free(&t);
}

/* The word is of a number that has been proven, and brings a proof of a newer one, which is false. */
static void a_false_proof_is_not_kept_though_its_word_counts(void **state) {
    struct table t;
    slow_id id = routing_bench_id(FAR_ONE);
    uint8_t room[BENCH_PROOF_SIZE];
    (void)state;
    table_init_with_identities(&t);
    say(&t, HONEST, FAR_ONE, EPOCH, 4, 100);
    run(&t, SL_SECOND);
    struct dv_record record = origin_of(&id, FAR_ONE, EPOCH, 4, 110);
    prove(&record, UINT32_MAX, room);
    room[9] ^= 1;
    say_record(&t, LIAR, record);
    CANDIDATES(&t, FAR_ONE, {HONEST, 150}, {LIAR, 160});
    update(&t, LIAR, FAR_ONE, UINT32_MAX, 0);
    run(&t, SL_SECOND);
    CANDIDATES(&t, FAR_ONE, {HONEST, 150});
    assert_int_equal(t.ears[OTHER].proven[FAR_ONE], 4);
    record.kind = DV_PROOF;
    say_record(&t, LIAR, record);
    update(&t, LIAR, FAR_ONE, UINT32_MAX, 0);
    CANDIDATES(&t, FAR_ONE, {HONEST, 150});
    table_free(&t);
}

/* Who signs without end is not heard for a while, and what others say is. */
static void who_gives_numbers_without_end_loses_only_the_way_to_himself(void **state) {
    struct table t;
    uint32_t number = 1;
    (void)state;
    table_init_with_identities(&t);
    say(&t, HONEST, 7, EPOCH, 1, 100);
    for (; number <= 250; number++)
        say(&t, HONEST, FAR_ONE, EPOCH + number / 50, number, 100);
    CANDIDATES(&t, FAR_ONE, {HONEST, 150});
    uint64_t verified = t.bench->verified;
    for (; number <= 2000; number++) {
        say(&t, HONEST, FAR_ONE, EPOCH + number / 50, number, 100);
        assert_int_equal(self(&t)->offers[FAR_ONE].count, 0);
    }
    assert_int_equal(t.bench->verified, verified);
    say(&t, HONEST, 7, EPOCH, 2, 90);
    CANDIDATES(&t, 7, {HONEST, 140});
    run(&t, SL_SECOND);
    say(&t, HONEST, FAR_ONE, EPOCH + 900, 1, 100);
    CANDIDATES(&t, FAR_ONE, {HONEST, 150});
    table_free(&t);
}

/* Once in 100 ms, after a link was stuck for 20 s; see rule 8. */
static void an_honest_origins_numbers_are_never_too_many(void **state) {
    struct table t;
    (void)state;
    table_init_with_identities(&t);
    for (uint32_t number = 1; number <= 2000; number++) {
        say(&t, HONEST, FAR_ONE, EPOCH, number, 100);
        CANDIDATES(&t, FAR_ONE, {HONEST, 150});
        run(&t, number < 200 ? 0 : 100 * SL_MS);
    }
    table_free(&t);
}

static void a_retraction_needs_no_proof_and_moves_no_number(void **state) {
    struct table t;
    dv_inspect_word fd;
    slow_id id = routing_bench_id(FAR_ONE);
    (void)state;
    table_init_with_identities(&t);
    say(&t, HONEST, FAR_ONE, EPOCH, 4, 100);
    say(&t, LIAR, FAR_ONE, EPOCH, 4, 500);
    run(&t, SL_SECOND);
    update(&t, LIAR, FAR_ONE, UINT32_MAX, INF);
    run(&t, SL_SECOND);
    CANDIDATES(&t, FAR_ONE, {HONEST, 150});
    assert_true(inspect(&t)->feasibility(self(&t)->self, &id, &fd));
    assert_int_equal(fd.seq, 4);
    assert_int_equal(t.bench->refused, 0);
    assert_told(&t, OTHER, FAR_ONE, 4, 150);
    table_free(&t);
}

static void an_old_announcement_draws_nothing_to_itself(void **state) {
    struct table t;
    (void)state;
    table_init_with_identities(&t);
    say(&t, HONEST, FAR_ONE, EPOCH, 4, 100);
    run(&t, SL_SECOND);
    say(&t, HONEST, FAR_ONE, EPOCH + 1, 1, 100); /* it has started anew */
    run(&t, SL_SECOND);
    say(&t, LIAR, FAR_ONE, EPOCH, 4, 0);
    update(&t, LIAR, FAR_ONE, UINT32_MAX, 0); /* in that epoch any number is as good as another */
    run(&t, SL_SECOND);
    counted(&t, 2, leads_to_liar(&t, FAR_ONE));
    CANDIDATES(&t, FAR_ONE, {HONEST, 150});
    assert_told(&t, OTHER, FAR_ONE, 1, 150);
    assert_int_equal(t.ears[OTHER].word[FAR_ONE].stamp.epoch, EPOCH + 1);
    say(&t, LIAR, FAR_ONE, EPOCH + 1, 1, 400); /* a replay of the present one is as good as its metric */
    CANDIDATES(&t, FAR_ONE, {HONEST, 150});
    table_free(&t);
}

static void metrics_at_the_ends_of_their_range_stay_in_it(void **state) {
    struct table t;
    (void)state;
    table_init_with_identities(&t);
    say(&t, HONEST, FAR_ONE, EPOCH, 4, 100);
    run(&t, SL_SECOND);
    static const uint32_t most[] = {INF - 1, INF - COST, INF - COST - 1, INF};
    for (size_t i = 0; i < 4; i++) {
        say(&t, LIAR, FAR_ONE, EPOCH, 4, most[i]);
        run(&t, SL_SECOND);
        CANDIDATES(&t, FAR_ONE, {HONEST, 150});
    }
    say(&t, LIAR, FAR_ONE, EPOCH, 4, 0); /* that it is the destination itself nobody can disprove */
    CANDIDATES(&t, FAR_ONE, {LIAR, COST});
    say(&t, LIAR, FAR_ONE, EPOCH, 4, INF);
    run(&t, SL_SECOND);
    assert_int_equal(self(&t)->offers[FAR_ONE].count, 0); /* we told 50: 100 may be our own word, come back */
    show(&t, HONEST, FAR_ONE, EPOCH, 5);
    update(&t, HONEST, FAR_ONE, 5, 100);
    CANDIDATES(&t, FAR_ONE, {HONEST, 150});
    table_free(&t);
}

/* ---- stolen keys ---- */

enum { OTHER_KEY = 2 };

static void say_by(struct table *t, uint8_t key, uint32_t puppet, uint64_t epoch, uint32_t seq, uint32_t metric) {
    slow_id id = routing_bench_id(FAR_ONE);
    uint8_t bytes[DV_STATEMENT_MAX], room[BENCH_PROOF_SIZE];
    struct dv_record record = origin_of(&id, FAR_ONE, epoch, seq, metric);
    record.proven = seq;
    routing_bench_prove_by(key, &id, (slow_bytes){bytes, dv_statement(bytes, record.id, record.word.stamp)}, room);
    record.proof = (slow_bytes){room, sizeof room};
    say_record(t, puppet, record);
}

static void nobody_starts_in_the_future(void **state) {
    static const uint64_t ahead_ms[] = {SLOW_EPOCH_AHEAD_MS + 10000, UINT64_C(1) << 50, DV_EPOCH_MAX - EPOCH};
    struct table t;
    (void)state;
    table_init_with_identities(&t);
    say(&t, HONEST, FAR_ONE, EPOCH, 4, 100);
    for (size_t i = 0; i < sizeof ahead_ms / sizeof ahead_ms[0]; i++) {
        uint64_t refused = t.bench->refused;
        say(&t, LIAR, FAR_ONE, EPOCH + ahead_ms[i], 1, 0);
        assert_int_equal(t.bench->refused, refused + 1);
        run(&t, SL_SECOND);
        counted(&t, 1, leads_to_liar(&t, FAR_ONE));
        CANDIDATES(&t, FAR_ONE, {HONEST, 150});
    }
    say(&t, LIAR, FAR_ONE, EPOCH + SLOW_EPOCH_AHEAD_MS, 1, 0); /* so far clocks may differ */
    CANDIDATES(&t, FAR_ONE, {LIAR, COST});
    table_free(&t);
}

/* The key of FAR_ONE is stolen and revoked; its owner has another, and an epoch of today. `before`: it is heard of before
 * the revocation. */
static void owner_comes_back(bool before) {
    struct table t;
    dv_inspect_word fd;
    slow_id id = routing_bench_id(FAR_ONE);
    table_init_with_identities(&t);
    say_by(&t, BENCH_KEY, LIAR, EPOCH + SLOW_EPOCH_AHEAD_MS, 9, 0);
    run(&t, SL_SECOND);
    CANDIDATES(&t, FAR_ONE, {LIAR, COST});
    if (before) {
        say_by(&t, OTHER_KEY, HONEST, EPOCH + 5000, 1, 100);
        run(&t, SL_SECOND);
        CANDIDATES(&t, FAR_ONE, {LIAR, COST});
    }
    routing_bench_revoke(t.bench, BENCH_KEY);
    run(&t, SL_SECOND);
    assert_int_equal(t.bench->said_again, before);
    assert_int_equal(t.bench->said_again_last, before ? HONEST : 0);
    assert_int_equal(self(&t)->offers[FAR_ONE].count, !before);
    say_by(&t, OTHER_KEY, HONEST, EPOCH + 5000, 1, 100);
    CANDIDATES(&t, FAR_ONE, {HONEST, 150});
    run(&t, SL_SECOND);
    assert_told(&t, OTHER, FAR_ONE, 1, 150);
    assert_int_equal(t.ears[OTHER].word[FAR_ONE].stamp.epoch, EPOCH + 5000);
    assert_int_equal(t.ears[OTHER].proven[FAR_ONE], 1);
    assert_true(inspect(&t)->feasibility(self(&t)->self, &id, &fd));
    assert_int_equal(fd.epoch, EPOCH + 5000);
    say_by(&t, BENCH_KEY, LIAR, EPOCH + SLOW_EPOCH_AHEAD_MS, 9, 0); /* that was the thief's */
    update(&t, LIAR, FAR_ONE, 9, 0);
    update(&t, LIAR, FAR_ONE, 1, 0);
    run(&t, SL_SECOND);
    counted(&t, 3, leads_to_liar(&t, FAR_ONE));
    CANDIDATES(&t, FAR_ONE, {HONEST, 150});
    assert_told(&t, OTHER, FAR_ONE, 1, 150);
    table_free(&t);
}

static void the_owner_of_a_stolen_key_comes_back_with_another(void **state) {
    (void)state;
    owner_comes_back(false);
    owner_comes_back(true);
}

static void a_revocation_moves_nothing_that_nobody_contests(void **state) {
    struct table t;
    (void)state;
    table_init_with_identities(&t);
    say(&t, HONEST, FAR_ONE, EPOCH, 4, 100);
    say_by(&t, OTHER_KEY, LIAR, EPOCH - 1, 4, 10); /* it is older, and its key is good */
    run(&t, SL_SECOND);
    uint32_t told = t.ears[OTHER].count[FAR_ONE];
    routing_bench_revoke(t.bench, OTHER_KEY);
    run(&t, SL_SECOND);
    CANDIDATES(&t, FAR_ONE, {HONEST, 150});
    say_by(&t, OTHER_KEY, LIAR, EPOCH - 1, 4, 10);
    say_by(&t, OTHER_KEY, LIAR, EPOCH + 1, 4, 10);
    run(&t, SL_SECOND);
    CANDIDATES(&t, FAR_ONE, {HONEST, 150});
    assert_int_equal(t.ears[OTHER].count[FAR_ONE], told);
    assert_int_equal(t.bench->said_again, 0);
    table_free(&t);
}

/* ---- our own id, and questions ---- */

static void nobody_makes_us_outbid_what_we_have_not_said(void **state) {
    struct table t;
    slow_id id = routing_bench_id(0);
    uint8_t room[BENCH_PROOF_SIZE];
    (void)state;
    table_init_with_identities(&t);
    struct dv_record origin = origin_of(&id, 3, EPOCH + 1000, 1, 5), proof = origin;
    say_record(&t, LIAR, origin);
    prove(&origin, 2, room);
    say_record(&t, LIAR,
               (struct dv_record){.kind = DV_ORIGIN,
                                  .handle = 3,
                                  .id = origin.id,
                                  .word = {{EPOCH + 1001, 1}, 5},
                                  .proven = 2,
                                  .proof = origin.proof});
    proof.kind = DV_PROOF;
    proof.proven = 7;
    proof.proof = origin.proof;
    say_record(&t, LIAR, proof);
    ask(&t, LIAR, 0, EPOCH + 1, 1, 255);
    ask(&t, LIAR, 0, DV_EPOCH_MAX, 1, 255);
    run(&t, SL_SECOND);
    assert_int_equal(own(&t).epoch, EPOCH);
    assert_int_equal(own(&t).seq, 1);
    assert_int_equal(t.ears[HONEST].count[0], 0);
    prove(&proof, 7, room); /* but what we said ourselves, before a clock went back, we do */
    say_record(&t, HONEST, proof);
    assert_int_equal(own(&t).epoch, EPOCH + 1001);
    run(&t, SL_SECOND);
    assert_int_equal(t.ears[OTHER].word[0].stamp.epoch, EPOCH + 1001);
    table_free(&t);
}

static void who_asks_for_too_much_moves_us_by_one(void **state) {
    struct table t;
    (void)state;
    table_init_with_identities(&t);
    for (uint32_t round = 1; round <= 5; round++) {
        ask(&t, LIAR, 0, EPOCH, UINT32_MAX, 255);
        run(&t, 100 * SL_MS);
        assert_int_equal(own(&t).seq, 1 + round);
        assert_int_equal(own(&t).epoch, EPOCH);
        assert_int_equal(t.ears[LIAR].proven[0], 1 + round); /* and each one is signed */
    }
    table_free(&t);
}

static void a_question_for_what_cannot_be_keeps_no_other_from_being_asked(void **state) {
    struct table t;
    (void)state;
    table_init_with_identities(&t);
    say(&t, HONEST, FAR_ONE, EPOCH, 4, 100);
    run(&t, SL_SECOND);
    ask(&t, LIAR, FAR_ONE, EPOCH + 1, 1, 255);
    ask(&t, LIAR, FAR_ONE, DV_EPOCH_MAX, UINT32_MAX, 255);
    run(&t, 10 * SL_MS);
    assert_int_equal(requests_for(&t.ears[HONEST], FAR_ONE), 0);
    ask(&t, ASKER, FAR_ONE, EPOCH, 5, 255);
    run(&t, 10 * SL_MS);
    assert_int_equal(requests_for(&t.ears[HONEST], FAR_ONE), 1);
    assert_int_equal(t.ears[HONEST].requests[0].word.stamp.epoch, EPOCH);
    assert_int_equal(t.ears[HONEST].requests[0].word.stamp.seq, 5);
    table_free(&t);
}

/* ---- what is shown to whom ---- */

static void a_newer_number_goes_with_its_proof_to_those_who_lack_it(void **state) {
    struct table t;
    (void)state;
    table_init_with_identities(&t);
    say(&t, HONEST, FAR_ONE, EPOCH, 4, 100);
    run(&t, SL_SECOND);
    for (uint32_t puppet = ASKER; puppet <= OTHER; puppet++)
        assert_int_equal(t.ears[puppet].proven[FAR_ONE], 4);
    ask(&t, ASKER, FAR_ONE, EPOCH, 5, 255);
    show(&t, HONEST, FAR_ONE, EPOCH, 5);
    update(&t, HONEST, FAR_ONE, 5, 100);
    run(&t, SL_SECOND);
    assert_told(&t, ASKER, FAR_ONE, 5, 150);
    assert_int_equal(t.ears[ASKER].proofs[FAR_ONE], 1);
    assert_int_equal(t.ears[ASKER].proven[FAR_ONE], 5);
    assert_int_equal(t.ears[OTHER].proofs[FAR_ONE], 0);
    update(&t, HONEST, FAR_ONE, 5, 90);
    run(&t, SL_SECOND);
    assert_told(&t, OTHER, FAR_ONE, 5, 140);
    assert_int_equal(t.ears[OTHER].proofs[FAR_ONE], 1);
    assert_int_equal(t.ears[ASKER].proofs[FAR_ONE], 1); /* it has it */
    assert_int_equal(t.ears[HONEST].proofs[FAR_ONE], 0);
    table_free(&t);
}

/* Else it would not be believed that there is such an epoch, and would not reach the origin. */
static void who_asks_shows_that_there_is_such_an_epoch(void **state) {
    struct table t;
    (void)state;
    table_init_with_identities(&t);
    say(&t, OTHER, FAR_ONE, EPOCH, 4, 300);
    say(&t, HONEST, FAR_ONE, EPOCH + 1, 1, 100);
    run(&t, SL_SECOND);
    uint32_t before = t.ears[OTHER].proofs[FAR_ONE];
    say(&t, HONEST, FAR_ONE, EPOCH + 1, 1, INF);
    run(&t, SL_SECOND);
    assert_true(requests_for(&t.ears[OTHER], FAR_ONE) > 0);
    assert_int_equal(t.ears[OTHER].requests[0].word.stamp.epoch, EPOCH + 1);
    assert_true(t.ears[OTHER].origins[FAR_ONE] > 0 || t.ears[OTHER].proofs[FAR_ONE] == before + 1);
    assert_int_equal(t.ears[OTHER].proven[FAR_ONE], 1);
    assert_true(requests_for(&t.ears[HONEST], FAR_ONE) > 0);
    assert_int_equal(t.ears[HONEST].proofs[FAR_ONE], 0); /* it told us */
    table_free(&t);
}

static void a_proof_costs_the_memory_of_one(void **state) {
    struct table t;
    (void)state;
    table_init_with_identities(&t);
    for (uint32_t name = 5; name < NAMES; name++)
        say(&t, HONEST, name, EPOCH, 1, 100);
    run(&t, SL_SECOND);
    size_t memory = inspect(&t)->memory(self(&t)->self);
    for (uint32_t number = 2; number < 2000; number++)
        for (uint32_t name = 5; name < NAMES; name++)
            show(&t, HONEST, name, EPOCH, number);
    assert_in_range(inspect(&t)->memory(self(&t)->self), memory, memory + 1024);
    table_free(&t);
}

/* ---- leaves ---- */

static void up_again_as_a_leaf(struct table *t, uint32_t puppet) {
    routing_bench_cut(t->bench, puppet - 1, 0);
    run(t, SL_MS);
    t->bench->nodes[puppet].leaf = true;
    routing_bench_join(t->bench, puppet - 1);
    run(t, SL_SECOND);
}

static void a_leaf_speaks_of_itself_alone(void **state) {
    struct table t;
    (void)state;
    table_init_with_identities(&t);
    up_again_as_a_leaf(&t, LIAR);
    say(&t, LIAR, LIAR, EPOCH, 1, 0);
    say(&t, LIAR, FAR_ONE, EPOCH, 4, 10);
    CANDIDATES(&t, LIAR, {LIAR, COST});
    assert_int_equal(self(&t)->offers[FAR_ONE].count, 0);
    assert_int_equal(t.bench->refused, 0);
    say(&t, HONEST, FAR_ONE, EPOCH, 4, 100);
    run(&t, SL_SECOND);
    CANDIDATES(&t, FAR_ONE, {HONEST, 150});
    assert_told(&t, LIAR, FAR_ONE, 4, 150); /* but it hears of all */
    update(&t, LIAR, FAR_ONE, 4, 10);
    CANDIDATES(&t, FAR_ONE, {HONEST, 150});
    table_free(&t);
}

static void as_a_leaf_we_tell_of_ourselves_alone(void **state) {
    struct table t;
    (void)state;
    table_init_with_identities(&t);
    routing_bench_kill(t.bench, 0, 0);
    run(&t, SL_SECOND);
    self(&t)->leaf = true;
    routing_bench_start(t.bench, 0, 0, EPOCH + 1);
    routing_bench_join_all(t.bench);
    run(&t, SL_SECOND);
    say(&t, HONEST, FAR_ONE, EPOCH, 4, 100);
    run(&t, SL_SECOND);
    CANDIDATES(&t, FAR_ONE, {HONEST, 150});
    assert_int_equal(t.ears[OTHER].count[FAR_ONE], 0);
    assert_true(t.ears[OTHER].count[0] > 0);
    table_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_not_announced_without_its_proof),
        cmocka_unit_test(what_is_true_counts_beside_what_is_not),
        cmocka_unit_test(a_flood_of_made_up_ids_leaves_nothing),
        cmocka_unit_test(a_number_that_its_origin_did_not_sign_takes_the_word_back),
        cmocka_unit_test(a_false_proof_is_not_kept_though_its_word_counts),
        cmocka_unit_test(who_gives_numbers_without_end_loses_only_the_way_to_himself),
        cmocka_unit_test(an_honest_origins_numbers_are_never_too_many),
        cmocka_unit_test(a_retraction_needs_no_proof_and_moves_no_number),
        cmocka_unit_test(an_old_announcement_draws_nothing_to_itself),
        cmocka_unit_test(metrics_at_the_ends_of_their_range_stay_in_it),
        cmocka_unit_test(nobody_starts_in_the_future),
        cmocka_unit_test(the_owner_of_a_stolen_key_comes_back_with_another),
        cmocka_unit_test(a_revocation_moves_nothing_that_nobody_contests),
        cmocka_unit_test(nobody_makes_us_outbid_what_we_have_not_said),
        cmocka_unit_test(who_asks_for_too_much_moves_us_by_one),
        cmocka_unit_test(a_question_for_what_cannot_be_keeps_no_other_from_being_asked),
        cmocka_unit_test(a_newer_number_goes_with_its_proof_to_those_who_lack_it),
        cmocka_unit_test(who_asks_shows_that_there_is_such_an_epoch),
        cmocka_unit_test(a_proof_costs_the_memory_of_one),
        cmocka_unit_test(a_leaf_speaks_of_itself_alone),
        cmocka_unit_test(as_a_leaf_we_tell_of_ourselves_alone),
    };
    if (getenv("SLOW_TEST") != NULL)
        cmocka_set_test_filter(getenv("SLOW_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
