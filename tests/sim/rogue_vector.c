/* What can be said falsely in the distance vector's protocol. */
#include "../../plugins/routing-distance-vector/message.h"
#include "../../plugins/routing-distance-vector/table.h"
#include "rogue.h"
#include <string.h>

enum { FIRST_HANDLE = 1000, SELF_HANDLE = 0 };

const slow_module *slow_module_v1_routing_distance_vector(void);

const slow_plugin *rogue_honest(void) {
    return slow_module_v1_routing_distance_vector()->plugins[0];
}

const void *rogue_honest_config(void) {
    static const struct dv_options options = {.max_origins = 65536};
    return &options;
}

void rogue_hear(struct rogue *rogue, slow_bytes message) {
    slow_reader in = slow_reader_of(message);
    const uint8_t *from = in.at;
    for (struct dv_record record; dv_record_read(&in, &record); from = in.at)
        if (record.kind == DV_ORIGIN && dv_finite(record.word))
            rogue_keep(rogue, record.id, record.word.stamp.epoch, record.word.stamp.seq,
                       (slow_bytes){from, (size_t)(in.at - from)});
}

void rogue_rewrite(struct rogue *rogue, slow_bytes message, slow_writer *out) {
    slow_reader in = slow_reader_of(message);
    for (struct dv_record record; dv_record_read(&in, &record); dv_record_write(out, &record)) {
        bool word = record.kind == DV_ORIGIN || record.kind == DV_UPDATE;
        if (word && record.handle != SELF_HANDLE && dv_finite(record.word))
            record.word.metric = rogue->lie == ROGUE_ZERO_METRIC ? 0 : SLOW_METRIC_INFINITY;
    }
}

/* By our own key, which is not that of whom it speaks. */
static void prove(struct rogue *rogue, struct dv_record *record, uint32_t seq) {
    uint8_t bytes[DV_STATEMENT_MAX];
    struct dv_stamp stamp = {record->word.stamp.epoch, seq};
    slow_bytes statement = {bytes, dv_statement(bytes, record->id, stamp)};
    record->proven = seq;
    if (rogue->real_routing->sign(rogue->real, statement, &record->proof) != SLOW_OK)
        record->proof = (slow_bytes){NULL, 0};
}

void rogue_tell(struct rogue *rogue, const struct rogue_heard *who, slow_writer *out) {
    bool again = rogue->lie == ROGUE_REPLAY;
    slow_reader in = slow_reader_of((slow_bytes){again ? who->old : who->record, again ? who->old_size : who->size});
    struct dv_record record;
    if (!dv_record_read(&in, &record))
        return;
    record.handle = FIRST_HANDLE + (uint32_t)(who - rogue->heard);
    if (rogue->lie == ROGUE_FALSE_ID) {
        record.word = (struct dv_word){{who->epoch + 1 + rogue_draw(rogue, 3), 1}, (uint32_t)rogue_draw(rogue, 3)};
        prove(rogue, &record, 1);
    } else if (rogue->lie == ROGUE_FALSE_NUMBER) {
        record.word.stamp.seq = who->seq + 1 + (uint32_t)rogue_draw(rogue, 3);
        record.word.metric = (uint32_t)rogue_draw(rogue, 3);
        if (rogue_draw(rogue, 2) == 0)
            prove(rogue, &record, record.word.stamp.seq);
    } else if (!again) {
        return; /* the lie is in what the honest one says */
    }
    dv_record_write(out, &record);
}

void rogue_gush(struct rogue *rogue, slow_writer *out) {
    uint8_t proof[165];
    slow_id id = rogue_ghost(rogue);
    struct dv_record record = {.kind = rogue_draw(rogue, 4) == 0 ? DV_REQUEST : DV_ORIGIN,
                               .handle = FIRST_HANDLE + (uint32_t)rogue_draw(rogue, 100000),
                               .ttl = 255,
                               .id = {(const uint8_t *)id.text, id.size}};
    record.word = (struct dv_word){{1600000000000 + rogue_draw(rogue, 1000000), 1}, 1};
    if (record.kind == DV_REQUEST && rogue->heard_count > 0) {
        const struct rogue_heard *who = &rogue->heard[rogue_draw(rogue, rogue->heard_count)];
        record.id = (slow_bytes){(const uint8_t *)who->id.text, who->id.size};
        record.word.stamp = (struct dv_stamp){who->epoch, who->seq + 1};
    }
    prove(rogue, &record, 1); /* empty where nobody has to */
    if (record.proof.size > 0) {
        memset(proof, (int)rogue_draw(rogue, 256), sizeof proof);
        record.proof = (slow_bytes){proof, sizeof proof};
    }
    dv_record_write(out, &record);
}
