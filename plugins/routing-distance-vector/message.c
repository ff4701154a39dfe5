/* message.c - see message.h. Whatever a member of the network can send comes through dv_record_read(). */
#include "message.h"

/* The length of the UTF-8 character at `at`, or 0: overlong forms, surrogates and control characters are refused, since
 * an id is shown to people and compared as bytes. */
static size_t character_size(const uint8_t *at, size_t left) {
    uint32_t code = at[0];
    size_t size = code < 0x80 ? 1 : code < 0xc2 ? 0 : code < 0xe0 ? 2 : code < 0xf0 ? 3 : code < 0xf5 ? 4 : 0;
    static const uint32_t least[] = {0, 0x20, 0x80, 0x800, 0x10000};
    if (size == 0 || size > left)
        return 0;
    if (size > 1)
        code &= 0x3fu >> (size - 1);
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3fu);
    }
    if (code < least[size] || (code >= 0x7f && code < 0xa0) || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff)
        return 0;
    return size;
}

static bool id_ok(slow_bytes id) {
    if (id.size == 0 || id.size > SLOW_ID_MAX)
        return false;
    for (size_t at = 0, size; at < id.size; at += size) {
        size = character_size(id.data + at, id.size - at);
        if (size == 0)
            return false;
    }
    return true;
}

static uint32_t read_handle(slow_reader *in) {
    uint64_t handle = slow_read_varint(in);
    if (handle >= DV_HANDLES)
        in->failed = true;
    return in->failed ? 0 : (uint32_t)handle;
}

static void read_stamped_id(slow_reader *in, struct dv_record *record) {
    record->id = slow_read_short(in);
    record->word.stamp.epoch = slow_read_u64(in);
    if (!id_ok(record->id) || record->word.stamp.epoch == 0 || record->word.stamp.epoch > DV_EPOCH_MAX)
        in->failed = true;
}

/* The number goes to `proven`. */
static slow_bytes read_proof(slow_reader *in, uint32_t *proven) {
    slow_bytes field = slow_read_short(in);
    slow_reader proof = slow_reader_of(field);
    *proven = 0;
    if (field.size == 0)
        return field;
    *proven = slow_read_u32(&proof);
    if (!slow_reader_ok(&proof) || slow_reader_left(&proof) == 0 || slow_reader_left(&proof) > DV_PROOF_MAX)
        in->failed = true;
    return (slow_bytes){proof.at, slow_reader_left(&proof)};
}

static void write_proof(slow_writer *out, uint32_t proven, slow_bytes proof) {
    slow_write_u8(out, (uint8_t)(proof.size > 0 ? sizeof proven + proof.size : 0));
    if (proof.size == 0)
        return;
    slow_write_u32(out, proven);
    slow_write_bytes(out, proof.data, proof.size);
}

bool dv_record_read(slow_reader *in, struct dv_record *record) {
    if (slow_reader_left(in) == 0)
        return false;
    *record = (struct dv_record){.kind = (enum dv_kind)slow_read_u8(in), .word = DV_RETRACTION};
    switch (record->kind) {
    case DV_ORIGIN:
        record->handle = read_handle(in);
        read_stamped_id(in, record);
        record->proof = read_proof(in, &record->proven);
        record->word.stamp.seq = slow_read_u32(in);
        record->word.metric = slow_read_u32(in);
        break;
    case DV_UPDATE:
        record->handle = read_handle(in);
        record->word.stamp.seq = slow_read_u32(in);
        record->word.metric = slow_read_u32(in);
        break;
    case DV_FORGET:
        record->handle = read_handle(in);
        break;
    case DV_REQUEST:
        read_stamped_id(in, record);
        record->word.stamp.seq = slow_read_u32(in);
        record->ttl = slow_read_u8(in);
        break;
    case DV_PROOF:
        read_stamped_id(in, record);
        record->proof = read_proof(in, &record->proven);
        if (record->proof.size == 0)
            in->failed = true;
        break;
    default:
        in->failed = true;
    }
    return slow_reader_ok(in);
}

bool dv_record_write(slow_writer *out, const struct dv_record *record) {
    slow_writer w = *out;
    bool names_id = record->kind == DV_ORIGIN || record->kind == DV_REQUEST || record->kind == DV_PROOF;
    slow_write_u8(&w, (uint8_t)record->kind);
    if (record->kind != DV_REQUEST && record->kind != DV_PROOF)
        slow_write_varint(&w, record->handle);
    if (names_id) {
        slow_write_short(&w, record->id.data, record->id.size);
        slow_write_u64(&w, record->word.stamp.epoch);
    }
    if (record->kind == DV_ORIGIN || record->kind == DV_PROOF)
        write_proof(&w, record->proven, record->proof);
    if (record->kind != DV_FORGET && record->kind != DV_PROOF)
        slow_write_u32(&w, record->word.stamp.seq);
    if (record->kind == DV_ORIGIN || record->kind == DV_UPDATE)
        slow_write_u32(&w, record->word.metric);
    if (record->kind == DV_REQUEST)
        slow_write_u8(&w, record->ttl);
    if (!slow_writer_ok(&w))
        return false;
    *out = w;
    return true;
}

size_t dv_statement(uint8_t out[DV_STATEMENT_MAX], slow_bytes id, struct dv_stamp stamp) {
    static const char label[] = "slow distance-vector/1 origin";
    slow_writer w = slow_writer_of(out, DV_STATEMENT_MAX);
    slow_write_short(&w, label, sizeof label - 1);
    slow_write_short(&w, id.data, id.size);
    slow_write_u64(&w, stamp.epoch);
    slow_write_u32(&w, stamp.seq);
    return slow_writer_size(&w);
}
