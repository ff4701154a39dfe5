#include "siphash.h"

typedef struct sip {
    uint64_t a, b, c, d;
} sip;

/* Little endian, at most 8 bytes. */
static uint64_t load(const uint8_t *bytes, size_t size) {
    uint64_t word = 0;
    for (size_t i = 0; i < size; i++)
        word |= (uint64_t)bytes[i] << 8 * i;
    return word;
}

static uint64_t turned(uint64_t word, unsigned bits) {
    return word << bits | word >> (64 - bits);
}

static void rounds(sip *s, int count) {
    for (int i = 0; i < count; i++) {
        s->a += s->b;
        s->c += s->d;
        s->b = turned(s->b, 13) ^ s->a;
        s->d = turned(s->d, 16) ^ s->c;
        s->a = turned(s->a, 32);
        s->c += s->b;
        s->a += s->d;
        s->b = turned(s->b, 17) ^ s->c;
        s->d = turned(s->d, 21) ^ s->a;
        s->c = turned(s->c, 32);
    }
}

static void take(sip *s, uint64_t word) {
    s->d ^= word;
    rounds(s, 2);
    s->a ^= word;
}

uint64_t siphash(slow_bytes in, const uint8_t key[SIPHASH_KEY]) {
    const uint64_t low = load(key, 8), high = load(key + 8, 8);
    sip s = {low ^ UINT64_C(0x736f6d6570736575), high ^ UINT64_C(0x646f72616e646f6d),
             low ^ UINT64_C(0x6c7967656e657261), high ^ UINT64_C(0x7465646279746573)};
    size_t whole = in.size / 8 * 8;
    for (size_t at = 0; at < whole; at += 8)
        take(&s, load(in.data + at, 8));
    take(&s, load(in.data + whole, in.size - whole) | (uint64_t)in.size << 56);
    s.c ^= 0xff;
    rounds(&s, 4);
    return s.a ^ s.b ^ s.c ^ s.d;
}
