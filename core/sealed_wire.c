#include "sealed_wire.h"
#include <string.h>

/* The first byte: the type, and above it what flags there are; the last says that offset and total follow. */
enum { TYPE_MASK = 0x0f, RELIABLE = 0x10, ORDERED = 0x20, LATEST = 0x40, FRAGMENT = 0x80 };

#define E2E "slow/1 e2e"

/* ---- the inside ---- */

static bool is_whole(const slow_package *package) {
    return package->offset == 0 && package->total == package->payload.size;
}

/* What both the writer and the reader stand for. */
static bool is_sound(const slow_package *package) {
    return package->type >= SLOW_JSON && package->type <= SLOW_CONTROL && package->channel < SLOW_CHANNELS &&
           package->message <= SLOW_NUMBER_MAX && package->payload.size <= SLOW_PAYLOAD_MAX &&
           package->offset <= package->total && package->payload.size <= package->total - package->offset;
}

size_t sl_inside_write(uint8_t out[SL_INSIDE_MAX], const slow_package *package) {
    slow_writer w = slow_writer_of(out, SL_INSIDE_MAX);
    bool whole = is_whole(package);
    if (!is_sound(package))
        return 0;
    slow_write_u8(&w, (uint8_t)(package->type | (package->flags & SLOW_RELIABLE ? RELIABLE : 0) |
                                (package->flags & SLOW_ORDERED ? ORDERED : 0) |
                                (package->flags & SLOW_LATEST ? LATEST : 0) | (whole ? 0 : FRAGMENT)));
    slow_write_u8(&w, package->channel);
    if (package->type == SLOW_CONTROL)
        slow_write_u16(&w, package->kind);
    slow_write_varint(&w, package->message);
    if (!whole) {
        slow_write_varint(&w, package->offset);
        slow_write_varint(&w, package->total);
    }
    slow_write_bytes(&w, package->payload.data, package->payload.size);
    return slow_writer_ok(&w) ? slow_writer_size(&w) : 0;
}

bool sl_inside_read(slow_bytes bytes, slow_package *package) {
    slow_reader r = slow_reader_of(bytes);
    uint8_t head = slow_read_u8(&r);
    uint64_t offset = 0, total;
    package->type = head & TYPE_MASK;
    package->flags = (uint16_t)((head & RELIABLE ? SLOW_RELIABLE : 0) | (head & ORDERED ? SLOW_ORDERED : 0) |
                                (head & LATEST ? SLOW_LATEST : 0));
    package->channel = slow_read_u8(&r);
    package->kind = package->type == SLOW_CONTROL ? slow_read_u16(&r) : 0;
    package->message = slow_read_varint(&r);
    if (head & FRAGMENT)
        offset = slow_read_varint(&r);
    total = head & FRAGMENT ? slow_read_varint(&r) : slow_reader_left(&r);
    if (!slow_reader_ok(&r) || offset > UINT32_MAX || total > UINT32_MAX)
        return false;
    package->offset = (uint32_t)offset;
    package->total = (uint32_t)total;
    package->payload.size = slow_reader_left(&r);
    package->payload.data = slow_read_bytes(&r, package->payload.size);
    return is_sound(package) && is_whole(package) == !(head & FRAGMENT);
}

slow_bytes sl_sealed_ad(uint8_t out[SL_SEALED_AD_MAX], const slow_package *package) {
    slow_writer w = slow_writer_of(out, SL_SEALED_AD_MAX);
    slow_write_short(&w, package->src.data, package->src.size);
    slow_write_short(&w, package->dst.data, package->dst.size);
    slow_write_u64(&w, package->session);
    slow_write_u64(&w, package->packet);
    return (slow_bytes){out, slow_writer_size(&w)};
}

/* ---- the handshake ---- */

slow_bytes sl_pair_prologue(uint8_t out[SL_PAIR_PROLOGUE_MAX], const char *network, const slow_id *lower,
                            const slow_id *higher, uint64_t lower_number, uint64_t was) {
    slow_writer w = slow_writer_of(out, SL_PAIR_PROLOGUE_MAX);
    slow_write_bytes(&w, E2E, sizeof E2E - 1);
    slow_write_short(&w, network, strlen(network));
    slow_write_short(&w, lower->text, lower->size);
    slow_write_short(&w, higher->text, higher->size);
    slow_write_u64(&w, lower_number);
    slow_write_u64(&w, was);
    return (slow_bytes){out, slow_writer_size(&w)};
}

size_t sl_pair_hello_write(uint8_t out[SL_PAIR_HELLO_MAX], const sl_pair_hello *hello) {
    slow_writer w = slow_writer_of(out, SL_PAIR_HELLO_MAX);
    slow_write_u64(&w, hello->mine);
    slow_write_u32(&w, hello->alone_ms);
    slow_write_bytes(&w, hello->credentials.data, hello->credentials.size);
    return slow_writer_ok(&w) ? slow_writer_size(&w) : 0;
}

bool sl_pair_hello_read(slow_bytes bytes, sl_pair_hello *hello) {
    slow_reader r = slow_reader_of(bytes);
    hello->mine = slow_read_u64(&r);
    hello->alone_ms = slow_read_u32(&r);
    hello->credentials.size = slow_reader_left(&r);
    hello->credentials.data = slow_read_bytes(&r, hello->credentials.size);
    return slow_reader_ok(&r) && bytes.size <= SL_PAIR_HELLO_MAX;
}
