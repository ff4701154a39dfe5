/* Any bytes as what a member says unseen: the inside of a sealed package, or the hello of a handshake. What a reader accepts
 * keeps the bounds that its users rely on, and is written so that the reader reads the same again. The first byte says which
 * of the two the rest is. */
#include "core/sealed_wire.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds)
        abort();
}

/* A varint can be written longer than need be, so it is the meaning that must come back. */
static void try_inside(slow_bytes in) {
    uint8_t out[SL_INSIDE_MAX];
    slow_package p = {.type = 0}, back = {.type = 0};
    if (!sl_inside_read(in, &p))
        return;
    must(p.type >= SLOW_JSON && p.type <= SLOW_CONTROL && p.channel < SLOW_CHANNELS && p.message <= SLOW_NUMBER_MAX);
    must((p.flags & ~(SLOW_RELIABLE | SLOW_ORDERED | SLOW_LATEST)) == 0 && (p.kind == 0 || p.type == SLOW_CONTROL));
    must(p.payload.size <= SLOW_PAYLOAD_MAX && p.offset <= p.total && p.payload.size <= p.total - p.offset);
    size_t size = sl_inside_write(out, &p);
    must(size > 0 && size <= in.size && sl_inside_read((slow_bytes){out, size}, &back));
    must(back.type == p.type && back.flags == p.flags && back.channel == p.channel && back.kind == p.kind &&
         back.message == p.message && back.offset == p.offset && back.total == p.total &&
         back.payload.size == p.payload.size &&
         (p.payload.size == 0 || memcmp(back.payload.data, p.payload.data, p.payload.size) == 0));
}

static void try_hello(slow_bytes in) {
    uint8_t out[SL_PAIR_HELLO_MAX];
    sl_pair_hello hello;
    if (!sl_pair_hello_read(in, &hello))
        return;
    must(hello.credentials.size + 12 == in.size);
    must(sl_pair_hello_write(out, &hello) == in.size && memcmp(out, in.data, in.size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    slow_bytes in = {data + 1, size - 1};
    if (data[0] % 4 == 0)
        try_hello(in);
    else
        try_inside(in);
    return 0;
}
