/* Packages made from a number: so whoever reads of a failure can make the same one again. Any that slow/package.h allows may come,
 * numbers of any magnitude and often at the ends of their range, ids of all lengths of UTF-8. */
#include "made_package.h"
#include <stdlib.h>
#include <string.h>

/* ---- an arena ---- */

static void *arena_alloc(slow_arena *arena, size_t size) {
    suite_arena *a = (suite_arena *)arena;
    size_t rounded = (size + 15) / 16 * 16;
    if (size > a->cap || rounded > a->cap - a->used)
        return NULL;
    a->used += rounded;
    return a->memory + a->used - rounded;
}

slow_arena *suite_arena_open(suite_arena *a, size_t cap) {
    a->arena = (slow_arena){.struct_size = sizeof a->arena, .alloc = arena_alloc};
    a->cap = cap < sizeof a->memory ? cap : sizeof a->memory;
    a->used = 0;
    return &a->arena;
}

/* ---- packages ---- */

/* splitmix64 (Steele, Lea and Flood, 2014). */
uint64_t suite_random(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static size_t up_to(uint64_t *state, size_t max) {
    return (size_t)(suite_random(state) % (max + 1));
}

/* 0 to max, of any magnitude, and often one of the ends. */
static uint64_t number(uint64_t *state, uint64_t max) {
    uint64_t value = suite_random(state) >> up_to(state, 63);
    size_t end = up_to(state, 7);
    return end == 0 ? max : end == 1 ? 0 : max == UINT64_MAX ? value : value % (max + 1);
}

static slow_bytes make_bytes(uint64_t *state, uint8_t *room, size_t max) {
    size_t size = (size_t)number(state, max);
    for (size_t i = 0; i < size; i++)
        room[i] = (uint8_t)suite_random(state);
    return (slow_bytes){room, size};
}

static uint8_t *put(uint8_t *at, const char *piece) {
    while (*piece != '\0')
        *at++ = (uint8_t)*piece++;
    return at;
}

static slow_bytes make_id(uint64_t *state, uint8_t *room) {
    static const char *const pieces[] = {"a",
                                         "Z",
                                         "7",
                                         "-",
                                         " ",
                                         "\"",
                                         "\\",
                                         "/",
                                         "~",
                                         "{",
                                         "\xc2\xa0",
                                         "\xc3\xa9",
                                         "\xe2\x82\xac",
                                         "\xef\xbf\xbf",
                                         "\xf0\x9f\x90\x8c",
                                         "\xf4\x8f\xbf\xbf"};
    size_t size = 0, max = 1 + up_to(state, SLOW_ID_MAX - 1), kinds = up_to(state, 3) == 0 ? 16 : 5;
    for (;;) {
        const char *piece = pieces[up_to(state, kinds - 1)];
        if (size + strlen(piece) > max)
            break;
        size = (size_t)(put(room + size, piece) - room);
    }
    if (size == 0)
        room[size++] = 'x';
    return (slow_bytes){room, size};
}

/* A JSON value of at most 500 bytes at two levels; an object's keys differ. Returns its end. */
static uint8_t *put_json(uint64_t *state, uint8_t *at, int levels) {
    static const char *const leaves[] = {"null",
                                         "true",
                                         "false",
                                         "0",
                                         "-0",
                                         "1.0",
                                         "1E+30",
                                         "1e-7",
                                         "12345678901234567890123",
                                         "\"\"",
                                         "\"\\u0041\"",
                                         "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                                         "\"\\ud83d\\udc0c\\u0000\"",
                                         "\"\xe2\x82\xac ,:]}\"",
                                         "\"aGVsbG8=\"",
                                         "[]",
                                         "{}"};
    static const char *const keys[] = {"\"data\":", "\"a\" :", "\"\\u0062\": "};
    size_t kind = up_to(state, 3), count = up_to(state, 3);
    if (levels == 0 || kind < 2)
        return put(at, leaves[up_to(state, sizeof leaves / sizeof leaves[0] - 1)]);
    at = put(at, kind == 2 ? "[" : "{\n");
    for (size_t i = 0; i < count; i++) {
        at = put(at, i > 0 ? "," : "");
        at = put(at, kind == 2 ? "" : keys[i]);
        at = put_json(state, at, levels - 1);
    }
    return put(at, kind == 2 ? "]" : " }");
}

static slow_bytes make_json(uint64_t *state, uint8_t *room) {
    uint8_t *end = put_json(state, room, (int)up_to(state, 2));
    return (slow_bytes){room, (size_t)(end - room)};
}

static void make_message(uint64_t *state, suite_package *s) {
    slow_package *p = &s->package;
    bool whole = up_to(state, 1) == 0;
    p->kind = (uint16_t)(p->type == SLOW_CONTROL ? number(state, UINT16_MAX) : 0);
    p->channel = (uint8_t)number(state, SLOW_CHANNELS - 1);
    p->message = number(state, SLOW_NUMBER_MAX);
    p->payload =
        p->type == SLOW_JSON && whole ? make_json(state, s->payload) : make_bytes(state, s->payload, SLOW_PAYLOAD_MAX);
    p->total = (uint32_t)p->payload.size;
    if (!whole) {
        p->offset = (uint32_t)number(state, UINT32_MAX - p->payload.size - 1);
        p->total += p->offset + 1;
    }
}

void suite_make(suite_package *s, uint64_t seed) {
    uint64_t state = seed;
    s->package = (slow_package){
        .struct_size = sizeof s->package,
        .type = (uint8_t)(SLOW_JSON + up_to(&state, 3)),
        .priority = (uint8_t)number(&state, 11),
        .hop_limit = (uint8_t)(1 + number(&state, 254)),
        .hops = (uint8_t)(1 + number(&state, 254)),
        .flags = (uint16_t)number(&state, UINT16_MAX),
        .session = number(&state, UINT64_MAX),
        .packet = number(&state, SLOW_NUMBER_MAX),
    };
    s->package.dst = make_id(&state, s->dst);
    s->package.src = make_id(&state, s->src);
    s->package.hint = make_bytes(&state, s->hint, SLOW_HINT_MAX);
    if (s->package.type == SLOW_SEALED)
        s->package.payload = make_bytes(&state, s->payload, sizeof s->payload);
    else
        make_message(&state, s);
}

bool suite_bytes_equal(slow_bytes a, slow_bytes b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

const char *suite_difference(const slow_package *a, const slow_package *b) {
    return a->type != b->type                           ? "type"
           : a->priority != b->priority                 ? "priority"
           : a->hop_limit != b->hop_limit               ? "hop_limit"
           : a->hops != b->hops                         ? "hops"
           : a->flags != b->flags                       ? "flags"
           : a->kind != b->kind                         ? "kind"
           : a->channel != b->channel                   ? "channel"
           : !suite_bytes_equal(a->src, b->src)         ? "src"
           : !suite_bytes_equal(a->dst, b->dst)         ? "dst"
           : a->session != b->session                   ? "session"
           : a->packet != b->packet                     ? "packet"
           : a->message != b->message                   ? "message"
           : a->offset != b->offset                     ? "offset"
           : a->total != b->total                       ? "total"
           : !suite_bytes_equal(a->hint, b->hint)       ? "hint"
           : !suite_bytes_equal(a->payload, b->payload) ? "payload"
                                                        : NULL;
}

bool suite_equal(const slow_package *a, const slow_package *b) {
    return suite_difference(a, b) == NULL;
}
