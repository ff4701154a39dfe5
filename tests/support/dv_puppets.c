/* dv_puppets.c - see dv_puppets.h. */
#include "dv_puppets.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

const slow_module *slow_module_v1_routing_distance_vector(void);

bench_node *self(const struct table *t) {
    return &t->bench->nodes[0];
}

const dv_inspect *inspect(const struct table *t) {
    return t->bench->plugin->extension(self(t)->self, DV_INSPECT_ID);
}

static uint32_t name_of(slow_bytes id) {
    char text[16] = "";
    unsigned name;
    memcpy(text, id.data, id.size < 15 ? id.size : 15);
    assert_int_equal(sscanf(text, "n%u", &name), 1);
    assert_true(name < NAMES);
    return name;
}

static void ear_take(struct ear *ear, const struct dv_record *record) {
    if (record->kind == DV_REQUEST) {
        assert_true(ear->request_count < REQUESTS_MAX);
        ear->request_name[ear->request_count] = name_of(record->id);
        ear->requests[ear->request_count] = *record;
        ear->requests[ear->request_count++].id = (slow_bytes){NULL, 0}; /* borrowed from the message */
        return;
    }
    if (record->kind == DV_PROOF) {
        ear->proofs[name_of(record->id)]++;
        ear->proven[name_of(record->id)] = record->proven;
        return;
    }
    assert_true(record->handle < 64);
    if (record->kind == DV_ORIGIN) {
        ear->name[record->handle] = name_of(record->id);
        ear->origins[ear->name[record->handle]]++;
        ear->proven[ear->name[record->handle]] = record->proven;
    }
    uint32_t name = ear->name[record->handle];
    uint64_t epoch = record->kind == DV_ORIGIN ? record->word.stamp.epoch : ear->word[name].stamp.epoch;
    ear->word[name] = record->word;
    ear->word[name].stamp.epoch = epoch;
    ear->count[name] += record->kind != DV_FORGET;
}

void run(struct table *t, slow_time for_ns) {
    uint8_t bytes[SLOW_ROUTE_MESSAGE_MAX];
    size_t size;
    routing_bench_run(t->bench, for_ns);
    for (uint32_t puppet = 1; puppet <= PUPPETS; puppet++)
        while ((size = routing_bench_hear(&t->bench->nodes[puppet], bytes)) > 0) {
            slow_reader in = slow_reader_of((slow_bytes){bytes, size});
            struct dv_record record;
            t->ears[puppet].messages++;
            while (dv_record_read(&in, &record))
                ear_take(&t->ears[puppet], &record);
            assert_true(slow_reader_ok(&in));
        }
}

static void table_make(struct table *t, const char *options, bool identities) {
    *t = (struct table){.bench = NULL};
    topology_star(&t->graph, NAMES - 1);
    t->bench = routing_bench_new(1, &t->graph, slow_module_v1_routing_distance_vector()->plugins[0], options);
    t->bench->identities = identities;
    routing_bench_start(t->bench, 0, 0, EPOCH);
    for (uint32_t puppet = 1; puppet <= PUPPETS; puppet++)
        routing_bench_puppet(t->bench, puppet);
    routing_bench_join_all(t->bench);
    run(t, SL_SECOND);
    memset(t->ears, 0, sizeof t->ears);
    for (uint32_t puppet = 1; puppet <= PUPPETS; puppet++) /* it has been told of junction 0, and of nothing else */
        t->ears[puppet].word[0] = (struct dv_word){{EPOCH, 1}, 0};
}

void table_init(struct table *t, const char *options) {
    table_make(t, options, false);
}

void table_init_with_identities(struct table *t) {
    table_make(t, NULL, true);
}

void table_free(struct table *t) {
    routing_bench_free(t->bench);
    topology_free(&t->graph);
}

/* ---- what puppets say */

void sentence_begin(struct sentence *s) {
    s->out = slow_writer_of(s->bytes, sizeof s->bytes);
}

void sentence_add(struct sentence *s, struct dv_record record) {
    assert_true(dv_record_write(&s->out, &record));
}

slow_status sentence_say(struct table *t, uint32_t puppet, struct sentence *s) {
    return routing_bench_say(t->bench, puppet, puppet - 1, (slow_bytes){s->bytes, slow_writer_size(&s->out)});
}

struct dv_record origin_of(const slow_id *id, uint32_t handle, uint64_t epoch, uint32_t seq, uint32_t metric) {
    return (struct dv_record){.kind = DV_ORIGIN,
                              .handle = handle,
                              .id = {(const uint8_t *)id->text, id->size},
                              .word = {{epoch, seq}, metric}};
}

void prove(struct dv_record *record, uint32_t number, uint8_t room[BENCH_PROOF_SIZE]) {
    uint8_t bytes[DV_STATEMENT_MAX];
    struct dv_stamp stamp = {record->word.stamp.epoch, number};
    slow_id origin = {.size = (uint8_t)record->id.size};
    memcpy(origin.text, record->id.data, record->id.size);
    routing_bench_prove(&origin, (slow_bytes){bytes, dv_statement(bytes, record->id, stamp)}, room);
    record->proven = number;
    record->proof = (slow_bytes){room, BENCH_PROOF_SIZE};
}

void say(struct table *t, uint32_t puppet, uint32_t name, uint64_t epoch, uint32_t seq, uint32_t metric) {
    struct sentence s;
    slow_id id = routing_bench_id(name);
    uint8_t room[BENCH_PROOF_SIZE];
    struct dv_record record = origin_of(&id, name, epoch, seq, metric);
    if (t->bench->identities)
        prove(&record, seq, room);
    sentence_begin(&s);
    sentence_add(&s, record);
    assert_int_equal(sentence_say(t, puppet, &s), SLOW_OK);
    run(t, 0);
}

void ask(struct table *t, uint32_t puppet, uint32_t name, uint64_t epoch, uint32_t seq, uint8_t ttl) {
    struct sentence s;
    slow_id id = routing_bench_id(name);
    sentence_begin(&s);
    sentence_add(
        &s, (struct dv_record){
                .kind = DV_REQUEST, .id = {(const uint8_t *)id.text, id.size}, .word.stamp = {epoch, seq}, .ttl = ttl});
    assert_int_equal(sentence_say(t, puppet, &s), SLOW_OK);
    run(t, 0);
}

uint32_t requests_for(const struct ear *ear, uint32_t name) {
    uint32_t count = 0;
    for (unsigned i = 0; i < ear->request_count; i++)
        count += ear->request_name[i] == name;
    return count;
}

/* ---- what the core was offered */

static slow_link link_to(const struct table *t, uint32_t puppet) {
    return t->bench->edges[puppet - 1].held[0];
}

void assert_candidates(const struct table *t, uint32_t name, size_t count, const uint32_t (*expected)[2]) {
    const bench_offer *offer = &self(t)->offers[name];
    assert_int_equal(offer->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(offer->via[i], link_to(t, expected[i][0]));
        assert_int_equal(offer->metric[i], expected[i][1]);
    }
}
void assert_told(const struct table *t, uint32_t puppet, uint32_t name, uint32_t seq, uint32_t metric) {
    const struct ear *ear = &t->ears[puppet];
    assert_true(ear->count[name] > 0);
    assert_int_equal(ear->word[name].metric, metric);
    if (metric != INF)
        assert_int_equal(ear->word[name].stamp.seq, seq);
}
