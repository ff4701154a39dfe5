/* message.c - see message.h. Whatever a member of the network can send comes through ls_record_read(). */
#include "message.h"
#include <slow/limits.h>

#define COST_MAX 65534u
#define LEAF 0x80u

bool ls_link_read(slow_reader *links, struct ls_link *link) {
    if (slow_reader_left(links) == 0)
        return false;
    uint8_t size = slow_read_u8(links);
    link->leaf = (size & LEAF) != 0;
    link->id.size = size & (LEAF - 1);
    link->id.data = slow_read_bytes(links, link->id.size);
    link->cost = slow_read_u16(links);
    if (links->failed || !slow_limits_id(link->id) || link->cost == 0 || link->cost > COST_MAX)
        links->failed = true;
    return slow_reader_ok(links);
}

bool ls_link_write(slow_writer *links, slow_bytes id, uint16_t cost, bool leaf) {
    slow_writer w = *links;
    slow_write_u8(&w, (uint8_t)(id.size | (leaf ? LEAF : 0)));
    slow_write_bytes(&w, id.data, id.size);
    slow_write_u16(&w, cost);
    if (!slow_writer_ok(&w))
        return false;
    *links = w;
    return true;
}

static void read_stamp(slow_reader *in, struct ls_record *record) {
    record->id = slow_read_short(in);
    record->fragment = slow_read_u8(in);
    record->stamp.epoch = slow_read_u64(in);
    record->stamp.seq = slow_read_u32(in);
    if (!slow_limits_id(record->id) || record->stamp.epoch == 0 || record->stamp.epoch > LS_EPOCH_MAX ||
        record->stamp.seq == 0)
        in->failed = true;
}

static void read_rest(slow_reader *in, struct ls_record *record) {
    struct ls_link link;
    record->proof = slow_read_short(in);
    record->age = slow_read_u16(in);
    size_t size = slow_read_u16(in);
    record->links = (slow_bytes){slow_read_bytes(in, size), size};
    if (record->proof.size > LS_PROOF_MAX || size > LS_LINKS_MAX)
        in->failed = true;
    if (in->failed)
        return;
    slow_reader links = slow_reader_of(record->links);
    while (ls_link_read(&links, &link))
        ;
    in->failed = !slow_reader_ok(&links);
}

bool ls_record_read(slow_reader *in, struct ls_record *record) {
    if (slow_reader_left(in) == 0)
        return false;
    *record = (struct ls_record){.kind = (enum ls_kind)slow_read_u8(in)};
    if (record->kind < LS_LSA || record->kind > LS_GO)
        in->failed = true;
    if (record->kind == LS_LSA || record->kind == LS_STAMP)
        read_stamp(in, record);
    if (record->kind == LS_LSA)
        read_rest(in, record);
    return slow_reader_ok(in);
}

bool ls_record_write(slow_writer *out, const struct ls_record *record) {
    slow_writer w = *out;
    slow_write_u8(&w, (uint8_t)record->kind);
    if (record->kind == LS_LSA || record->kind == LS_STAMP) {
        slow_write_short(&w, record->id.data, record->id.size);
        slow_write_u8(&w, record->fragment);
        slow_write_u64(&w, record->stamp.epoch);
        slow_write_u32(&w, record->stamp.seq);
    }
    if (record->kind == LS_LSA) {
        slow_write_short(&w, record->proof.data, record->proof.size);
        slow_write_u16(&w, record->age);
        slow_write_u16(&w, (uint16_t)record->links.size);
        slow_write_bytes(&w, record->links.data, record->links.size);
    }
    if (!slow_writer_ok(&w))
        return false;
    *out = w;
    return true;
}

size_t ls_statement(uint8_t out[LS_STATEMENT_MAX], const struct ls_record *record) {
    static const char label[] = "slow link-state/1 lsa";
    slow_writer w = slow_writer_of(out, LS_STATEMENT_MAX);
    slow_write_short(&w, label, sizeof label - 1);
    slow_write_short(&w, record->id.data, record->id.size);
    slow_write_u8(&w, record->fragment);
    slow_write_u64(&w, record->stamp.epoch);
    slow_write_u32(&w, record->stamp.seq);
    slow_write_bytes(&w, record->links.data, record->links.size);
    return slow_writer_size(&w);
}
