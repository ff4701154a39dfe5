/* One link state between one who is honest and one who lies, where there are identities. */
#include "inspect.h"
#include "message.h"
#include "tests/support/routing_bench.h"
#include <slow/inspect.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

const slow_module *slow_module_v1_routing_link_state(void);

/* FAR stands behind HONEST: 50 + 100 away. */
enum { SELF = 0, LIAR = 1, HONEST = 2, FAR = 5, NAMES = 9, COST = 50 };
static const uint64_t EPOCH = 2000;

struct mesh {
    routing_bench *bench;
    topology graph;
};

/* An LSA with what it points to. */
struct word {
    struct ls_record record;
    slow_id id;
    uint8_t links[LS_LINKS_MAX], proof[BENCH_PROOF_SIZE];
    slow_writer out;
};

static void word_begin(struct word *w, uint32_t name, uint64_t epoch, uint32_t seq) {
    w->id = routing_bench_id(name);
    w->out = slow_writer_of(w->links, sizeof w->links);
    w->record =
        (struct ls_record){.kind = LS_LSA, .stamp = {epoch, seq}, .id = {(const uint8_t *)w->id.text, w->id.size}};
}

static void word_link(struct word *w, uint32_t to, uint16_t cost, bool leaf) {
    slow_id id = routing_bench_id(to);
    assert_true(ls_link_write(&w->out, (slow_bytes){(const uint8_t *)id.text, id.size}, cost, leaf));
}

/* Its origin signs it. */
static void word_prove(struct word *w) {
    uint8_t bytes[LS_STATEMENT_MAX];
    w->record.links = (slow_bytes){w->links, slow_writer_size(&w->out)};
    routing_bench_prove(&w->id, (slow_bytes){bytes, ls_statement(bytes, &w->record)}, w->proof);
    w->record.proof = (slow_bytes){w->proof, sizeof w->proof};
}

static void say(struct mesh *m, uint32_t puppet, const struct ls_record *record) {
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
    slow_writer out = slow_writer_of(bytes, sizeof bytes);
    assert_true(ls_record_write(&out, record));
    slow_bytes message = {bytes, slow_writer_size(&out)};
    assert_int_equal(routing_bench_say(m->bench, puppet, puppet - 1, message), SLOW_OK);
    routing_bench_run(m->bench, 20 * SL_MS);
}

/* Of one link, or of two. */
static void says(struct mesh *m, uint32_t puppet, uint32_t name, uint32_t seq, uint32_t one, uint32_t other) {
    struct word w;
    word_begin(&w, name, EPOCH, seq);
    word_link(&w, one, one == SELF ? COST : 100, false);
    if (other != NAMES)
        word_link(&w, other, 100, false);
    word_prove(&w);
    say(m, puppet, &w.record);
}

static void mesh_init(struct mesh *m) {
    *m = (struct mesh){.bench = NULL};
    topology_star(&m->graph, NAMES - 1);
    m->bench = routing_bench_new(1, &m->graph, slow_module_v1_routing_link_state()->plugins[0], NULL);
    m->bench->identities = true;
    routing_bench_start(m->bench, SELF, SELF, EPOCH);
    routing_bench_puppet(m->bench, LIAR);
    routing_bench_puppet(m->bench, HONEST);
    routing_bench_join_all(m->bench);
    routing_bench_run(m->bench, SL_SECOND);
    says(m, HONEST, HONEST, 1, SELF, FAR);
    says(m, HONEST, FAR, 7, HONEST, NAMES);
    routing_bench_run(m->bench, SL_SECOND);
    routing_bench_ignore(&m->bench->nodes[HONEST]);
    routing_bench_ignore(&m->bench->nodes[LIAR]);
}

static void mesh_free(struct mesh *m) {
    routing_bench_free(m->bench);
    topology_free(&m->graph);
}

static const bench_node *self(const struct mesh *m) {
    return &m->bench->nodes[SELF];
}

static const ls_inspect *inspect(const struct mesh *m) {
    return m->bench->plugin->extension(self(m)->self, LS_INSPECT_ID);
}

static size_t memory(const struct mesh *m) {
    const slow_routing_inspect *common = m->bench->plugin->extension(self(m)->self, SLOW_ROUTING_INSPECT_ID);
    return common->memory(self(m)->self);
}

/* How many LSAs of `name` somebody has heard, and the newest stamp of them. */
static unsigned heard(struct mesh *m, uint32_t puppet, uint32_t name, struct ls_stamp *newest) {
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
    size_t size;
    unsigned count = 0;
    slow_id id = routing_bench_id(name);
    *newest = (struct ls_stamp){0, 0};
    while ((size = routing_bench_hear(&m->bench->nodes[puppet], bytes)) > 0) {
        slow_reader in = slow_reader_of((slow_bytes){bytes, size});
        struct ls_record record;
        while (ls_record_read(&in, &record)) {
            if (record.kind != LS_LSA || record.id.size != id.size || memcmp(record.id.data, id.text, id.size) != 0)
                continue;
            count++;
            if (ls_stamp_compare(record.stamp, *newest) > 0)
                *newest = record.stamp;
        }
        assert_true(slow_reader_ok(&in));
    }
    return count;
}

static void far_is_reached(const struct mesh *m) {
    const bench_offer *offer = &self(m)->offers[FAR];
    assert_true(offer->count > 0);
    assert_int_equal(offer->via[0], m->bench->edges[HONEST - 1].held[0]);
    assert_int_equal(offer->metric[0], COST + 100);
}

/* So many lies were told, all of what their origins have not signed; and this is whether a route over the liar came of them. */
static void counted(const struct mesh *m, unsigned lies) {
    const bench_offer *offer = &self(m)->offers[FAR];
    unsigned false_routes = 0;
    for (uint32_t i = 0; i < offer->count; i++)
        false_routes += offer->via[i] == m->bench->edges[LIAR - 1].held[0];
    print_message("counted: %u lies, %u false routes\n", lies, false_routes);
}

/* ---- tests ---- */

static void what_its_origin_did_not_sign_goes_no_further(void **state) {
    struct mesh m;
    struct ls_stamp newest;
    (void)state;
    mesh_init(&m);
    for (unsigned lie = 0; lie < 9; lie++) {
        struct word w;
        uint64_t refused = m.bench->refused;
        word_begin(&w, FAR, lie == 0 ? EPOCH + 5 : EPOCH, lie == 1 ? UINT32_MAX : 8);
        word_link(&w, LIAR, 1, false);
        word_prove(&w);
        if (lie < 3)
            w.record.proof.size = 0;
        else if (lie == 3)
            w.record.proof.size = 1;
        else if (lie == 4)
            w.proof[40] ^= 1;
        else if (lie == 5)
            w.record.stamp.seq++;
        else if (lie == 6)
            w.record.stamp.epoch++;
        else if (lie == 7)
            w.record.fragment++;
        else
            w.links[slow_writer_size(&w.out) - 1]++; /* another cost */
        say(&m, LIAR, &w.record);
        counted(&m, 1);
        assert_int_equal(m.bench->refused, refused + 1);
        far_is_reached(&m);
        assert_int_equal(heard(&m, HONEST, FAR, &newest), 0);
    }
    says(&m, LIAR, FAR, 8, HONEST, NAMES); /* and who brings what is true does not matter */
    far_is_reached(&m);
    assert_int_equal(heard(&m, HONEST, FAR, &newest), 1);
    assert_int_equal(newest.seq, 8);
    mesh_free(&m);
}

static void what_is_true_counts_beside_what_is_not(void **state) {
    struct mesh m;
    struct word good, bad;
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
    struct ls_stamp newest;
    (void)state;
    mesh_init(&m);
    word_begin(&bad, FAR, EPOCH, 8);
    word_begin(&good, LIAR, EPOCH, 1);
    word_link(&good, SELF, COST, false);
    word_prove(&good);
    slow_writer out = slow_writer_of(bytes, sizeof bytes);
    assert_true(ls_record_write(&out, &bad.record) && ls_record_write(&out, &good.record));
    slow_bytes message = {bytes, slow_writer_size(&out)};
    assert_int_equal(routing_bench_say(m.bench, LIAR, LIAR - 1, message), SLOW_OK);
    routing_bench_run(m.bench, SL_SECOND);
    assert_int_equal(self(&m)->offers[LIAR].count, 1);
    far_is_reached(&m);
    assert_int_equal(heard(&m, HONEST, FAR, &newest), 0);
    mesh_free(&m);
}

static void an_old_announcement_is_no_news(void **state) {
    struct mesh m;
    struct ls_stamp newest;
    (void)state;
    mesh_init(&m);
    for (uint32_t seq = 6; seq <= 7; seq++) {
        says(&m, LIAR, FAR, seq, LIAR, NAMES); /* the 6 it really said once, and of its 7 it has said one */
        far_is_reached(&m);
    }
    struct word w;
    word_begin(&w, FAR, EPOCH - 1, 900);
    word_prove(&w);
    say(&m, LIAR, &w.record);
    far_is_reached(&m);
    assert_int_equal(heard(&m, HONEST, FAR, &newest), 0);
    mesh_free(&m);
}

static void a_flood_of_made_up_ids_leaves_nothing(void **state) {
    struct mesh m;
    (void)state;
    mesh_init(&m);
    size_t before = memory(&m), origins = inspect(&m)->origins(self(&m)->self);
    for (uint32_t name = 100; name < 2000; name++) {
        struct word w;
        word_begin(&w, name, EPOCH, 1);
        word_link(&w, name + 1, 10, false);
        word_prove(&w);
        w.proof[1 + name % 64]++;
        say(&m, LIAR, &w.record);
    }
    counted(&m, 1900);
    assert_int_equal(m.bench->refused, 1900);
    assert_int_equal(inspect(&m)->origins(self(&m)->self), origins);
    assert_int_equal(memory(&m), before);
    far_is_reached(&m);
    mesh_free(&m);
}

/* The age is nobody's word. Of one who can be reached it means nothing, and of another the least that anybody tells counts:
 * so nobody can make us forget, and who keeps us from it has to go on doing so. */
static void nobody_ages_what_others_tell(void **state) {
    struct mesh m;
    struct word w;
    (void)state;
    mesh_init(&m);
    word_begin(&w, FAR, EPOCH, 7);
    word_link(&w, HONEST, 100, false);
    word_prove(&w);
    for (unsigned i = 0; i < 20; i++) {
        w.record.age = i < 10 ? 719 : UINT16_MAX;
        say(&m, LIAR, &w.record);
        routing_bench_run(m.bench, 60 * SL_SECOND);
        far_is_reached(&m);
    }
    says(&m, HONEST, HONEST, 2, SELF, NAMES); /* the way to it is lost */
    assert_int_equal(self(&m)->offers[FAR].count, 0);
    size_t with = inspect(&m)->origins(self(&m)->self);
    w.record.age = 719;
    for (unsigned i = 0; i < 10; i++) {
        say(&m, LIAR, &w.record);
        routing_bench_run(m.bench, 60 * SL_SECOND);
        assert_int_equal(inspect(&m)->origins(self(&m)->self), with);
    }
    w.record.age = 0;
    for (unsigned i = 0; i < 20; i++) {
        say(&m, LIAR, &w.record);
        routing_bench_run(m.bench, 60 * SL_SECOND);
        assert_int_equal(inspect(&m)->origins(self(&m)->self), with);
    }
    routing_bench_run(m.bench, 800 * SL_SECOND);
    assert_int_equal(inspect(&m)->origins(self(&m)->self), with - 1);
    mesh_free(&m);
}

/* Who says that it has what it has not is not told, and that is all: the others are. */
static void a_false_stamp_keeps_only_its_author_ignorant(void **state) {
    struct mesh m;
    struct word w;
    struct ls_stamp newest;
    (void)state;
    mesh_init(&m);
    routing_bench_cut(m.bench, LIAR - 1, 0);
    routing_bench_cut(m.bench, HONEST - 1, 0);
    routing_bench_run(m.bench, SL_SECOND);
    routing_bench_join_all(m.bench);
    routing_bench_run(m.bench, SL_SECOND);
    word_begin(&w, FAR, EPOCH, UINT32_MAX);
    w.record.kind = LS_STAMP;
    say(&m, LIAR, &w.record);
    word_begin(&w, 1000, EPOCH, UINT32_MAX);
    w.record.kind = LS_STAMP;
    size_t before = memory(&m);
    say(&m, LIAR, &w.record);
    assert_int_equal(memory(&m), before);
    say(&m, LIAR, &(struct ls_record){.kind = LS_END});
    say(&m, HONEST, &(struct ls_record){.kind = LS_END});
    routing_bench_run(m.bench, SL_SECOND);
    assert_int_equal(heard(&m, LIAR, FAR, &newest), 0);
    assert_int_equal(heard(&m, HONEST, FAR, &newest), 1);
    assert_int_equal(newest.seq, 7);
    says(&m, HONEST, FAR, 8, HONEST, NAMES); /* what is newer than that it is told again */
    assert_int_equal(heard(&m, LIAR, FAR, &newest), 1);
    mesh_free(&m);
}

static void nobody_makes_us_outbid_what_we_have_not_said(void **state) {
    struct mesh m;
    struct word w;
    struct ls_stamp newest;
    (void)state;
    mesh_init(&m);
    for (unsigned lie = 0; lie < 2; lie++) {
        word_begin(&w, SELF, EPOCH + 1000, 1);
        word_prove(&w);
        if (lie == 0)
            w.record.proof.size = 0;
        else
            w.record.stamp.epoch++;
        say(&m, LIAR, &w.record);
        routing_bench_run(m.bench, 2 * SL_SECOND);
        assert_int_equal(heard(&m, HONEST, SELF, &newest), 0);
    }
    word_begin(&w, SELF, EPOCH + 1000, 1); /* but what we said ourselves, before a clock went back, we do */
    word_prove(&w);
    say(&m, LIAR, &w.record);
    routing_bench_run(m.bench, 2 * SL_SECOND);
    assert_true(heard(&m, HONEST, SELF, &newest) > 0);
    assert_int_equal(newest.epoch, EPOCH + 1001);
    mesh_free(&m);
}

/* ---- stolen keys ---- */

enum { OTHER_KEY = 2 };

/* FAR has a link of cost 100, to `to`. */
static void says_by(struct mesh *m, uint8_t key, uint32_t puppet, uint64_t epoch, uint32_t to) {
    struct word w;
    uint8_t bytes[LS_STATEMENT_MAX];
    word_begin(&w, FAR, epoch, 1);
    word_link(&w, to, 100, false);
    word_prove(&w);
    routing_bench_prove_by(key, &w.id, (slow_bytes){bytes, ls_statement(bytes, &w.record)}, w.proof);
    say(m, puppet, &w.record);
    routing_bench_run(m->bench, SL_SECOND);
}

static void nobody_starts_in_the_future(void **state) {
    static const uint64_t ahead_ms[] = {SLOW_EPOCH_AHEAD_MS + 100000, UINT64_C(1) << 50, LS_EPOCH_MAX / 2};
    struct mesh m;
    (void)state;
    mesh_init(&m);
    for (size_t i = 0; i < sizeof ahead_ms / sizeof ahead_ms[0]; i++) {
        uint64_t refused = m.bench->refused;
        says_by(&m, BENCH_KEY, LIAR, sl_wall_ms(self(&m)->loop) + ahead_ms[i], LIAR);
        counted(&m, 1);
        assert_int_equal(m.bench->refused, refused + 1);
        far_is_reached(&m);
    }
    says_by(&m, BENCH_KEY, LIAR, sl_wall_ms(self(&m)->loop) + SLOW_EPOCH_AHEAD_MS, LIAR); /* so far clocks may differ */
    assert_int_equal(self(&m)->offers[FAR].count, 0);
    mesh_free(&m);
}

/* The key of FAR is stolen and revoked; its owner has another, and an epoch of today. `before`: it is heard of before the
 * revocation. */
static void owner_comes_back(bool before) {
    struct mesh m;
    struct ls_stamp newest;
    mesh_init(&m);
    uint64_t today = sl_wall_ms(self(&m)->loop), tomorrow = today + SLOW_EPOCH_AHEAD_MS;
    says_by(&m, BENCH_KEY, LIAR, tomorrow, LIAR);
    assert_int_equal(self(&m)->offers[FAR].count, 0);
    if (before)
        says_by(&m, OTHER_KEY, HONEST, today, HONEST);
    assert_int_equal(self(&m)->offers[FAR].count, 0);
    routing_bench_revoke(m.bench, BENCH_KEY);
    routing_bench_run(m.bench, SL_SECOND);
    assert_int_equal(m.bench->said_again, before ? 2 : 0);
    routing_bench_ignore(&m.bench->nodes[LIAR]);
    says_by(&m, OTHER_KEY, HONEST, today, HONEST);
    far_is_reached(&m);
    assert_int_equal(heard(&m, LIAR, FAR, &newest), 1);
    assert_int_equal(newest.epoch, today);
    says_by(&m, BENCH_KEY, LIAR, tomorrow, LIAR); /* that was the thief's */
    counted(&m, 1);
    far_is_reached(&m);
    mesh_free(&m);
}

static void the_owner_of_a_stolen_key_comes_back_with_another(void **state) {
    (void)state;
    owner_comes_back(false);
    owner_comes_back(true);
}

static void a_revocation_moves_nothing_that_nobody_contests(void **state) {
    struct mesh m;
    (void)state;
    mesh_init(&m);
    says_by(&m, OTHER_KEY, LIAR, EPOCH - 1, LIAR);
    routing_bench_revoke(m.bench, OTHER_KEY);
    says_by(&m, OTHER_KEY, LIAR, EPOCH - 1, LIAR);
    says_by(&m, OTHER_KEY, LIAR, EPOCH + 1, LIAR);
    far_is_reached(&m);
    routing_bench_revoke(m.bench, BENCH_KEY); /* FAR's own, and there is no other */
    routing_bench_run(m.bench, SL_SECOND);
    assert_int_equal(m.bench->said_again, 2); /* since an older epoch was told */
    mesh_free(&m);
}

/* A member may say what it likes of itself. A link that the other end does not list does not count, and one that claims
 * what cannot be is cut off at what can. */
static void a_liar_draws_no_route_by_naming_others(void **state) {
    struct mesh m;
    struct word w;
    (void)state;
    mesh_init(&m);
    word_begin(&w, LIAR, EPOCH, 1);
    word_link(&w, SELF, 1, false);
    word_link(&w, FAR, 1, false);
    word_link(&w, HONEST, 1, false);
    word_prove(&w);
    say(&m, LIAR, &w.record);
    routing_bench_run(m.bench, SL_SECOND);
    far_is_reached(&m);
    word_begin(&w, LIAR, EPOCH, 2);
    for (uint32_t i = 0; i < 90; i++)
        word_link(&w, i % 2 == 0 ? SELF : LIAR, i % 3 == 0 ? 65534 : 1, i % 5 == 0);
    word_prove(&w);
    say(&m, LIAR, &w.record);
    routing_bench_run(m.bench, SL_SECOND);
    far_is_reached(&m);
    assert_int_equal(self(&m)->offers[LIAR].count, 1);
    assert_int_equal(self(&m)->offers[LIAR].metric[0], COST);
    mesh_free(&m);
}

/* Who signs without end is heard by his neighbours, at his own charge, and by the others at the pace at which anybody may
 * speak: the last word in any case. Nobody else waits for that. */
static void what_is_signed_without_end_is_passed_on_once_a_second(void **state) {
    struct mesh m;
    struct ls_stamp newest;
    (void)state;
    mesh_init(&m);
    for (uint32_t seq = 1; seq <= 500; seq++) {
        uint64_t epoch = EPOCH + seq / 50; /* another epoch gives no more of it */
        struct word w;
        word_begin(&w, 7, epoch, seq);
        word_link(&w, HONEST, (uint16_t)seq, false);
        word_prove(&w);
        say(&m, HONEST, &w.record); /* 20 ms each */
        if (seq % 100 == 0) {
            says(&m, HONEST, FAR, 100 + seq, HONEST, NAMES);
            unsigned told = heard(&m, LIAR, 7, &newest);
            assert_in_range(told, seq == 100 ? 32 : 1, seq == 100 ? 35 : 3);
        }
    }
    assert_true(newest.seq < 500);
    says(&m, HONEST, FAR, 900, HONEST, NAMES);
    assert_int_equal(heard(&m, LIAR, FAR, &newest), 1);
    assert_int_equal(newest.seq, 900);
    routing_bench_run(m.bench, 2 * SL_SECOND);
    assert_int_equal(heard(&m, LIAR, 7, &newest), 1);
    assert_int_equal(newest.seq, 500);
    mesh_free(&m);
}

/* As often as origin.c lets anybody, after its link was stuck for 10 s. */
static void what_an_honest_origin_says_is_never_late(void **state) {
    static const unsigned waits_ms[] = {0, 0, 0, 0, 0, 0, 0, 0, 5, 20, 80, 320, 1000};
    struct mesh m;
    struct ls_stamp newest;
    (void)state;
    mesh_init(&m);
    for (uint32_t seq = 1; seq <= 120; seq++) {
        bool is_stuck = seq <= 20; /* all of this comes at once */
        if (!is_stuck)
            routing_bench_run(m.bench, (seq < 33 ? waits_ms[seq - 21] : 1000) * SL_MS);
        says(&m, HONEST, 7, seq, HONEST, NAMES);
        routing_bench_run(m.bench, 0);
        assert_int_equal(heard(&m, LIAR, 7, &newest), 1);
        assert_int_equal(newest.seq, seq);
    }
    mesh_free(&m);
}

/* ---- leaves ---- */

/* HONEST says that the one behind it is a leaf: it is reached, and what it says of links of its own leads nowhere. */
static void nothing_is_reached_through_a_leaf(void **state) {
    struct mesh m;
    struct word w;
    (void)state;
    mesh_init(&m);
    for (uint32_t seq = 2; seq < 6; seq++) {
        bool leaf = seq % 2 == 0;
        word_begin(&w, HONEST, EPOCH, seq);
        word_link(&w, SELF, COST, false);
        word_link(&w, FAR, 100, leaf);
        word_prove(&w);
        say(&m, HONEST, &w.record);
        says(&m, HONEST, FAR, 10 + seq, HONEST, 7);
        says(&m, HONEST, 7, seq, FAR, NAMES);
        routing_bench_run(m.bench, SL_SECOND);
        far_is_reached(&m);
        assert_int_equal(self(&m)->offers[7].count, leaf ? 0 : 1);
        assert_true(leaf || self(&m)->offers[7].metric[0] == COST + 200);
    }
    mesh_free(&m);
}

/* It would be the shorter way, to HONEST and to what is behind it. */
static void who_calls_another_a_leaf_makes_none_of_it(void **state) {
    struct mesh m;
    struct word w;
    (void)state;
    mesh_init(&m);
    routing_bench_cost(m.bench, LIAR - 1, 0, 10);
    word_begin(&w, LIAR, EPOCH, 1);
    word_link(&w, SELF, 10, false);
    word_link(&w, HONEST, 1, true);
    word_prove(&w);
    say(&m, LIAR, &w.record);
    word_begin(&w, HONEST, EPOCH, 2);
    word_link(&w, SELF, COST, false);
    word_link(&w, FAR, 100, false);
    word_link(&w, LIAR, 1, false);
    word_prove(&w);
    say(&m, HONEST, &w.record);
    routing_bench_run(m.bench, SL_SECOND);
    far_is_reached(&m);
    assert_int_equal(self(&m)->offers[HONEST].metric[0], COST);
    mesh_free(&m);
}

static void a_neighbour_that_is_a_leaf_is_no_way_and_no_alternate(void **state) {
    struct mesh m;
    struct word w;
    struct ls_stamp newest;
    (void)state;
    mesh_init(&m);
    routing_bench_cut(m.bench, LIAR - 1, 0);
    routing_bench_run(m.bench, SL_SECOND);
    m.bench->nodes[LIAR].leaf = true;
    routing_bench_join(m.bench, LIAR - 1);
    routing_bench_run(m.bench, SL_SECOND);
    says(&m, LIAR, LIAR, 1, SELF, FAR);
    word_begin(&w, FAR, EPOCH, 8);
    word_link(&w, HONEST, 100, false);
    word_link(&w, LIAR, 100, true);
    word_prove(&w);
    say(&m, HONEST, &w.record);
    routing_bench_run(m.bench, SL_SECOND);
    far_is_reached(&m);
    assert_int_equal(self(&m)->offers[FAR].count, 1);
    assert_int_equal(self(&m)->offers[LIAR].metric[0], COST);
    assert_true(heard(&m, LIAR, FAR, &newest) > 0); /* but it hears of all */
    says(&m, HONEST, HONEST, 2, SELF, NAMES);
    routing_bench_run(m.bench, SL_SECOND);
    assert_int_equal(self(&m)->offers[FAR].count, 0);
    mesh_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_its_origin_did_not_sign_goes_no_further),
        cmocka_unit_test(what_is_true_counts_beside_what_is_not),
        cmocka_unit_test(an_old_announcement_is_no_news),
        cmocka_unit_test(a_flood_of_made_up_ids_leaves_nothing),
        cmocka_unit_test(nobody_ages_what_others_tell),
        cmocka_unit_test(a_false_stamp_keeps_only_its_author_ignorant),
        cmocka_unit_test(nobody_makes_us_outbid_what_we_have_not_said),
        cmocka_unit_test(nobody_starts_in_the_future),
        cmocka_unit_test(the_owner_of_a_stolen_key_comes_back_with_another),
        cmocka_unit_test(a_revocation_moves_nothing_that_nobody_contests),
        cmocka_unit_test(a_liar_draws_no_route_by_naming_others),
        cmocka_unit_test(what_is_signed_without_end_is_passed_on_once_a_second),
        cmocka_unit_test(what_an_honest_origin_says_is_never_late),
        cmocka_unit_test(nothing_is_reached_through_a_leaf),
        cmocka_unit_test(who_calls_another_a_leaf_makes_none_of_it),
        cmocka_unit_test(a_neighbour_that_is_a_leaf_is_no_way_and_no_alternate),
    };
    if (getenv("SLOW_TEST") != NULL)
        cmocka_set_test_filter(getenv("SLOW_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
