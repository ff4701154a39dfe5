/* One link state between two puppets: what it tells them when they meet, and what it takes from them. */
#include "inspect.h"
#include "message.h"
#include "tests/support/routing_bench.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

const slow_module *slow_module_v1_routing_link_state(void);

enum { SELF = 0, TELLER = 1, HEARER = 2, ORIGINS = 4000, WINDOW = 64 };

struct mesh {
    routing_bench *bench;
    topology graph;
    uint32_t stamps, lsas, ends, asks, gos, messages; /* heard by HEARER since the last look */
    bool ask_last;
};

static void mesh_init(struct mesh *m) {
    *m = (struct mesh){.stamps = 0};
    topology_star(&m->graph, 2);
    m->bench = routing_bench_new(1, &m->graph, slow_module_v1_routing_link_state()->plugins[0], NULL);
    routing_bench_start(m->bench, SELF, SELF, 1000);
    routing_bench_puppet(m->bench, TELLER);
    routing_bench_puppet(m->bench, HEARER);
    routing_bench_join(m->bench, 0);
    routing_bench_run(m->bench, SL_SECOND);
}

static void mesh_free(struct mesh *m) {
    routing_bench_free(m->bench);
    topology_free(&m->graph);
}

static size_t origins(const struct mesh *m) {
    const bench_node *node = &m->bench->nodes[SELF];
    const ls_inspect *inspect = m->bench->plugin->extension(node->self, LS_INSPECT_ID);
    return inspect->origins(node->self);
}

static slow_bytes name_of(uint32_t number, char text[16]) {
    return (slow_bytes){(const uint8_t *)text, (size_t)snprintf(text, 16, "o%u", number)};
}

static struct ls_record lsa_of(uint32_t number, char text[16]) {
    return (struct ls_record){.kind = LS_LSA, .stamp = {1, 1}, .id = name_of(number, text)};
}

static slow_status say(struct mesh *m, uint32_t puppet, const struct ls_record *record) {
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
    slow_writer out = slow_writer_of(bytes, sizeof bytes);
    assert_true(ls_record_write(&out, record));
    slow_status status = routing_bench_say(m->bench, puppet, puppet - 1, (slow_bytes){bytes, slow_writer_size(&out)});
    routing_bench_run(m->bench, 20 * SL_MS);
    return status;
}

static void say_kind(struct mesh *m, uint32_t puppet, enum ls_kind kind) {
    assert_int_equal(say(m, puppet, &(struct ls_record){.kind = kind}), SLOW_OK);
}

/* What TELLER knows, in as few messages as it takes. */
static void tell_all(struct mesh *m) {
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
    slow_writer out = slow_writer_of(bytes, sizeof bytes);
    for (uint32_t number = 0; number < ORIGINS; number++) {
        char text[16];
        struct ls_record record = lsa_of(number, text);
        if (!ls_record_write(&out, &record)) {
            slow_bytes message = {bytes, slow_writer_size(&out)};
            assert_int_equal(routing_bench_say(m->bench, TELLER, 0, message), SLOW_OK);
            out = slow_writer_of(bytes, sizeof bytes);
            assert_true(ls_record_write(&out, &record));
        }
    }
    assert_int_equal(routing_bench_say(m->bench, TELLER, 0, (slow_bytes){bytes, slow_writer_size(&out)}), SLOW_OK);
    routing_bench_run(m->bench, SL_SECOND);
}

/* Counts what HEARER was told of others than the junction itself. */
static void look(struct mesh *m) {
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
    size_t size;
    m->stamps = m->lsas = m->ends = m->asks = m->gos = m->messages = 0;
    m->ask_last = false;
    while ((size = routing_bench_hear(&m->bench->nodes[HEARER], bytes)) > 0) {
        slow_reader in = slow_reader_of((slow_bytes){bytes, size});
        struct ls_record record;
        m->messages++;
        while (ls_record_read(&in, &record)) {
            bool foreign = record.id.size > 0 && record.id.data[0] == 'o';
            m->stamps += foreign && record.kind == LS_STAMP;
            m->lsas += foreign && record.kind == LS_LSA;
            m->ends += record.kind == LS_END;
            m->asks += record.kind == LS_ASK;
            m->gos += record.kind == LS_GO;
            m->ask_last = record.kind == LS_ASK || (m->ask_last && !foreign);
        }
        assert_true(slow_reader_ok(&in));
    }
}

static void a_large_table_waits_for_an_answer_every_64_messages(void **state) {
    struct mesh m;
    uint32_t stamps = 0, lsas = 0;
    (void)state;
    mesh_init(&m);
    tell_all(&m);
    assert_int_equal(origins(&m), ORIGINS + 1);
    routing_bench_join(m.bench, 1);
    for (unsigned round = 0; stamps < ORIGINS; round++) {
        routing_bench_run(m.bench, 10 * SL_SECOND);
        look(&m);
        stamps += m.stamps;
        assert_int_equal(m.lsas, 0);
        assert_in_range(m.messages, 1, WINDOW + 3); /* our own LSA, and the ASK by itself */
        if (stamps < ORIGINS) {
            assert_true(m.asks == 1 && m.ask_last && m.ends == 0);
            say_kind(&m, HEARER, LS_GO);
        }
        assert_in_range(round, 0, 20);
    }
    assert_true(stamps == ORIGINS && m.ends == 1);
    say_kind(&m, HEARER, LS_END);
    for (unsigned round = 0; lsas < ORIGINS; round++) {
        routing_bench_run(m.bench, 10 * SL_SECOND);
        look(&m);
        lsas += m.lsas;
        assert_int_equal(m.stamps, 0);
        assert_in_range(m.messages, 1, WINDOW + 3);
        if (lsas < ORIGINS) {
            assert_true(m.asks == 1 && m.ask_last);
            say_kind(&m, HEARER, LS_GO);
        }
        assert_in_range(round, 0, 20);
    }
    assert_int_equal(lsas, ORIGINS);
    say_kind(&m, HEARER, LS_GO);
    say_kind(&m, HEARER, LS_END);
    routing_bench_run(m.bench, 10 * SL_SECOND);
    look(&m);
    assert_int_equal(m.messages, 0);
    mesh_free(&m);
}

static void what_the_other_has_is_not_sent(void **state) {
    struct mesh m;
    char text[16];
    (void)state;
    mesh_init(&m);
    for (uint32_t number = 0; number < 4; number++) {
        struct ls_record record = lsa_of(number, text);
        record.stamp.seq = 5;
        assert_int_equal(say(&m, TELLER, &record), SLOW_OK);
    }
    routing_bench_join(m.bench, 1);
    routing_bench_run(m.bench, SL_SECOND);
    const struct ls_stamp stamps[] = {{1, 5}, {1, 4}, {2, 1}};
    for (uint32_t number = 0; number < 3; number++) {
        struct ls_record record = lsa_of(number, text);
        record.kind = LS_STAMP;
        record.stamp = stamps[number];
        assert_int_equal(say(&m, HEARER, &record), SLOW_OK);
    }
    look(&m);
    assert_true(m.stamps == 4 && m.lsas == 0 && m.ends == 1);
    say_kind(&m, HEARER, LS_END);
    look(&m);
    assert_int_equal(m.lsas, 2); /* 1, which is older there, and 3, which is unknown */
    mesh_free(&m);
}

static void each_ask_gets_its_answer(void **state) {
    struct mesh m;
    (void)state;
    mesh_init(&m);
    routing_bench_join(m.bench, 1);
    routing_bench_run(m.bench, SL_SECOND);
    look(&m);
    for (int i = 0; i < 3; i++) {
        say_kind(&m, HEARER, LS_ASK);
        look(&m);
        assert_true(m.gos == 1 && m.messages == 1);
    }
    mesh_free(&m);
}

static void what_has_been_lost_too_long_is_not_taken(void **state) {
    struct mesh m;
    char text[16];
    (void)state;
    mesh_init(&m);
    struct ls_record record = lsa_of(1, text);
    record.age = 720;
    assert_int_equal(say(&m, TELLER, &record), SLOW_OK);
    assert_int_equal(origins(&m), 1);
    record.age = 600;
    assert_int_equal(say(&m, TELLER, &record), SLOW_OK);
    assert_int_equal(origins(&m), 2);
    routing_bench_run(m.bench, 60 * SL_SECOND);
    assert_int_equal(origins(&m), 2);
    routing_bench_run(m.bench, 150 * SL_SECOND);
    assert_int_equal(origins(&m), 1);
    mesh_free(&m);
}

/* The other forgets them a moment later, perhaps, while we count on its having them. */
static void what_will_soon_be_forgotten_is_not_told_any_more(void **state) {
    struct mesh m;
    char text[16];
    (void)state;
    mesh_init(&m);
    struct ls_record record = lsa_of(1, text);
    record.age = 640;
    assert_int_equal(say(&m, TELLER, &record), SLOW_OK);
    routing_bench_run(m.bench, 30 * SL_SECOND);
    assert_int_equal(origins(&m), 2);
    routing_bench_join(m.bench, 1);
    routing_bench_run(m.bench, SL_SECOND);
    say_kind(&m, HEARER, LS_END);
    routing_bench_run(m.bench, SL_SECOND);
    look(&m);
    assert_true(m.stamps == 0 && m.lsas == 0 && m.ends == 1);
    mesh_free(&m);
}

/* The newest epoch that TELLER has heard of the junction's own id. */
static uint64_t own_epoch(const struct mesh *m) {
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
    size_t size;
    uint64_t newest = 0;
    while ((size = routing_bench_hear(&m->bench->nodes[TELLER], bytes)) > 0) {
        slow_reader in = slow_reader_of((slow_bytes){bytes, size});
        struct ls_record record;
        while (ls_record_read(&in, &record))
            if (record.kind == LS_LSA && record.id.data[0] != 'o' && record.stamp.epoch > newest)
                newest = record.stamp.epoch;
    }
    return newest;
}

static void an_id_is_taken_back_though_nothing_else_happens(void **state) {
    struct mesh m;
    slow_id self = routing_bench_id(SELF);
    uint64_t epoch = 2000;
    (void)state;
    mesh_init(&m);
    for (int i = 0; i < 4; i++, epoch += 1000) {
        struct ls_record record = {.kind = LS_LSA, .stamp = {epoch, 1}, .id = {(const uint8_t *)self.text, self.size}};
        assert_int_equal(say(&m, TELLER, &record), SLOW_OK);
        routing_bench_run(m.bench, 2 * SL_SECOND);
        assert_int_equal(own_epoch(&m), i < 3 ? epoch + 1 : 0); /* outbid three times */
    }
    routing_bench_run(m.bench, 580 * SL_SECOND);
    assert_int_equal(own_epoch(&m), 0);
    routing_bench_run(m.bench, 90 * SL_SECOND);
    assert_int_equal(own_epoch(&m), epoch - 1000 + 1);
    mesh_free(&m);
}

static void a_wrong_byte_refuses_the_whole_message(void **state) {
    struct mesh m;
    char text[16], other[16];
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
    (void)state;
    mesh_init(&m);
    slow_writer out = slow_writer_of(bytes, sizeof bytes);
    struct ls_record good = lsa_of(1, text), bad = lsa_of(2, other);
    bad.stamp.seq = 0;
    assert_true(ls_record_write(&out, &good) && ls_record_write(&out, &bad));
    slow_bytes message = {bytes, slow_writer_size(&out)};
    assert_int_equal(routing_bench_say(m.bench, TELLER, 0, message), SLOW_E_MALFORMED);
    assert_int_equal(origins(&m), 1);
    mesh_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_table_waits_for_an_answer_every_64_messages),
        cmocka_unit_test(what_the_other_has_is_not_sent),
        cmocka_unit_test(each_ask_gets_its_answer),
        cmocka_unit_test(what_has_been_lost_too_long_is_not_taken),
        cmocka_unit_test(what_will_soon_be_forgotten_is_not_told_any_more),
        cmocka_unit_test(an_id_is_taken_back_though_nothing_else_happens),
        cmocka_unit_test(a_wrong_byte_refuses_the_whole_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
