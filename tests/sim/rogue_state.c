/* What can be said falsely in the link state's protocol. */
#include "../../plugins/routing-link-state/message.h"
#include "../../plugins/routing-link-state/state.h"
#include "rogue.h"
#include <string.h>

enum { COST_LEAST = 1, COST_MOST = 65534 };

const slow_module *slow_module_v1_routing_link_state(void);

const slow_plugin *rogue_honest(void) {
    return slow_module_v1_routing_link_state()->plugins[0];
}

const void *rogue_honest_config(void) {
    static const struct ls_options options = {.max_origins = 65536, .max_links = 1 << 20};
    return &options;
}

void rogue_hear(struct rogue *rogue, slow_bytes message) {
    slow_reader in = slow_reader_of(message);
    const uint8_t *from = in.at;
    for (struct ls_record record; ls_record_read(&in, &record); from = in.at)
        if (record.kind == LS_LSA && record.fragment == 0)
            rogue_keep(rogue, record.id, record.stamp.epoch, record.stamp.seq,
                       (slow_bytes){from, (size_t)(in.at - from)});
}

/* By our own key, whoever it speaks of. */
static void prove(struct rogue *rogue, struct ls_record *record) {
    uint8_t bytes[LS_STATEMENT_MAX];
    slow_bytes statement = {bytes, ls_statement(bytes, record)};
    if (rogue->real_routing->sign(rogue->real, statement, &record->proof) != SLOW_OK)
        record->proof = (slow_bytes){NULL, 0};
}

void rogue_rewrite(struct rogue *rogue, slow_bytes message, slow_writer *out) {
    slow_reader in = slow_reader_of(message);
    uint8_t links[LS_LINKS_MAX];
    for (struct ls_record record; ls_record_read(&in, &record); ls_record_write(out, &record)) {
        slow_writer w = slow_writer_of(links, sizeof links);
        slow_reader r = slow_reader_of(record.links);
        if (record.kind != LS_LSA || !rogue_is_self(rogue, record.id))
            continue;
        for (struct ls_link link; ls_link_read(&r, &link);)
            ls_link_write(&w, link.id, rogue->lie == ROGUE_ZERO_METRIC ? COST_LEAST : COST_MOST, link.leaf);
        record.links = (slow_bytes){links, slow_writer_size(&w)};
        prove(rogue, &record);
    }
}

void rogue_tell(struct rogue *rogue, const struct rogue_heard *who, slow_writer *out) {
    bool again = rogue->lie == ROGUE_REPLAY;
    slow_reader in = slow_reader_of((slow_bytes){again ? who->old : who->record, again ? who->old_size : who->size});
    const slow_id *self = rogue->real_routing->self(rogue->real);
    struct ls_record record;
    uint8_t links[LS_LINKS_MAX];
    slow_writer w = slow_writer_of(links, sizeof links);
    if (!ls_record_read(&in, &record))
        return;
    if (rogue->lie == ROGUE_FALSE_ID || rogue->lie == ROGUE_FALSE_NUMBER) {
        ls_link_write(&w, (slow_bytes){(const uint8_t *)self->text, self->size}, COST_LEAST, false);
        record.links = (slow_bytes){links, slow_writer_size(&w)};
        record.age = 0;
        if (rogue->lie == ROGUE_FALSE_ID)
            record.stamp = (struct ls_stamp){who->epoch + 1 + rogue_draw(rogue, 3), 1};
        else
            record.stamp.seq = who->seq + 1 + (uint32_t)rogue_draw(rogue, 3);
        if (rogue->lie == ROGUE_FALSE_ID || rogue_draw(rogue, 2) == 0)
            prove(rogue, &record);
    } else if (!again) {
        return; /* the lie is in what the honest one says */
    }
    ls_record_write(out, &record);
}

void rogue_gush(struct rogue *rogue, slow_writer *out) {
    uint8_t proof[165], links[LS_LINKS_MAX];
    slow_id id = rogue_ghost(rogue), other = rogue_ghost(rogue);
    slow_writer w = slow_writer_of(links, sizeof links);
    ls_link_write(&w, (slow_bytes){(const uint8_t *)other.text, other.size}, COST_LEAST, false);
    struct ls_record record = {.kind = rogue_draw(rogue, 4) == 0 ? LS_STAMP : LS_LSA,
                               .stamp = {1600000000000 + rogue_draw(rogue, 1000000), 1},
                               .id = {(const uint8_t *)id.text, id.size},
                               .links = {links, slow_writer_size(&w)}};
    prove(rogue, &record); /* empty where nobody has to */
    if (record.proof.size > 0) {
        memset(proof, (int)rogue_draw(rogue, 256), sizeof proof);
        record.proof = (slow_bytes){proof, sizeof proof};
    }
    ls_record_write(out, &record);
}
