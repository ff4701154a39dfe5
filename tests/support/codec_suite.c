/* codec_suite.c: what every codec is held to, whoever wrote it.
 *
 *  - Any package that slow/package.h allows comes back as it was, and no other is encoded.
 *  - encode() writes nothing but its bytes, says what it needs, and needs no byte more.
 *  - Whatever the bytes are, decode() and peek() return. What decode() accepts, peek() accepts with the same routing
 *    fields, and encode() writes again, so that it comes back once more.
 *  - advance() adds one to hops, and changes nothing else.
 *
 * Each function answers with the sentence that does not hold, so that tests fail and fuzz targets abort with it. Bytes
 * are handed over in memory of exactly their size, so that an address sanitizer sees the first byte too many. A package
 * is made from a number, so whoever reads of a failure can make it again. */
#include "codec_suite.h"
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
        memcpy(room + size, piece, strlen(piece));
        size += strlen(piece);
    }
    if (size == 0)
        room[size++] = 'x';
    return (slow_bytes){room, size};
}

static uint8_t *put(uint8_t *at, const char *piece) {
    size_t size = strlen(piece);
    memcpy(at, piece, size);
    return at + size;
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

static bool bytes_equal(slow_bytes a, slow_bytes b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool suite_equal(const slow_package *a, const slow_package *b) {
    return a->type == b->type && a->priority == b->priority && a->hop_limit == b->hop_limit && a->hops == b->hops &&
           a->flags == b->flags && a->kind == b->kind && a->channel == b->channel && bytes_equal(a->src, b->src) &&
           bytes_equal(a->dst, b->dst) && a->session == b->session && a->packet == b->packet &&
           a->message == b->message && a->offset == b->offset && a->total == b->total &&
           bytes_equal(a->hint, b->hint) && bytes_equal(a->payload, b->payload);
}

/* ---- what must hold ---- */

static bool span_is(slow_bytes in, slow_span span, slow_bytes part) {
    return (size_t)span.at + span.size <= in.size && bytes_equal((slow_bytes){in.data + span.at, span.size}, part);
}

static bool view_is(slow_bytes in, const slow_route_view *v, const slow_package *p) {
    return span_is(in, v->dst, p->dst) && span_is(in, v->src, p->src) && span_is(in, v->hint, p->hint) &&
           v->type == p->type && v->priority == p->priority && v->hop_limit == p->hop_limit && v->hops == p->hops &&
           v->flags == p->flags && v->session == p->session && v->packet == p->packet && v->patch < in.size;
}

/* The encoding of `p`, in memory of its size; the caller frees it. NULL: *wrong says why. */
static uint8_t *encoded(const slow_codec_ops *codec, const slow_package *p, size_t *size, const char **wrong) {
    uint8_t *bytes = NULL;
    size_t need = 0;
    *wrong = "encode() takes what slow/package.h allows, and says what it needs";
    if (codec->encode(NULL, p, NULL, 0, &need) != SLOW_E_NOSPACE || need == 0 || (bytes = malloc(need)) == NULL)
        return NULL;
    *wrong = "encode() fits the size that it said, and no smaller one";
    if (codec->encode(NULL, p, bytes, need - 1, size) == SLOW_E_NOSPACE && *size == need &&
        codec->encode(NULL, p, bytes, need, size) == SLOW_OK && *size == need)
        return bytes;
    free(bytes);
    return NULL;
}

static const char *comes_back(const slow_codec_ops *codec, const slow_package *p, slow_bytes in) {
    suite_arena arena;
    slow_package back = {.struct_size = sizeof back};
    if (codec->decode(NULL, in, suite_arena_open(&arena, sizeof arena.memory), &back) != SLOW_OK)
        return "decode() takes what encode() wrote";
    if (!suite_equal(p, &back) || back.struct_size != sizeof back)
        return "a package comes back as it was";
    slow_route_view view;
    if (codec->peek == NULL)
        return NULL;
    if (codec->peek(NULL, in, &view) != SLOW_OK || !view_is(in, &view, &back))
        return "what decode() accepts, peek() accepts, with the same routing fields";
    return NULL;
}

/* `bytes` is the encoding of `p`, and is changed. */
static const char *advances(const slow_codec_ops *codec, const slow_package *p, uint8_t *bytes, size_t size) {
    slow_bytes in = {bytes, size};
    slow_route_view view;
    slow_package farther = *p;
    farther.hops = p->hops < UINT8_MAX ? p->hops + 1 : p->hops;
    if (codec->peek == NULL)
        return NULL;
    if (codec->peek(NULL, in, &view) != SLOW_OK)
        return "peek() takes what encode() wrote";
    codec->advance(NULL, bytes, size, &view);
    return comes_back(codec, &farther, in) == NULL ? NULL : "advance() adds one to hops, to 255, and changes no more";
}

const char *suite_round_trip(const slow_codec_ops *codec, const slow_package *p) {
    size_t size = 0;
    const char *wrong = NULL;
    uint8_t *bytes = encoded(codec, p, &size, &wrong);
    if (bytes == NULL)
        return wrong;
    wrong = comes_back(codec, p, (slow_bytes){bytes, size});
    if (wrong == NULL)
        wrong = advances(codec, p, bytes, size);
    free(bytes);
    return wrong;
}

const char *suite_any_bytes(const slow_codec_ops *codec, slow_bytes in) {
    suite_arena arena;
    slow_package p = {.struct_size = sizeof p};
    slow_route_view view;
    slow_status peeked = codec->peek == NULL ? SLOW_OK : codec->peek(NULL, in, &view);
    slow_status status = codec->decode(NULL, in, suite_arena_open(&arena, sizeof arena.memory), &p);
    if (peeked != SLOW_OK && peeked != SLOW_E_MALFORMED)
        return "peek() says SLOW_E_MALFORMED of what it cannot read";
    if (status != SLOW_OK)
        return status == SLOW_E_MALFORMED || status == SLOW_E_NOMEM ? NULL : "decode() says what the contract names";
    if (codec->peek != NULL && (peeked != SLOW_OK || !view_is(in, &view, &p)))
        return "what decode() accepts, peek() accepts, with the same routing fields";
    return suite_round_trip(codec, &p);
}

/* Each beginning of the encoding, and each of its bytes with each bit turned, set to 0, to 255 and to a quote. */
const char *suite_damage(const slow_codec_ops *codec, const slow_package *p) {
    size_t size = 0;
    const char *wrong = NULL;
    uint8_t *bytes = encoded(codec, p, &size, &wrong);
    if (bytes == NULL)
        return wrong;
    wrong = NULL;
    for (size_t cut = 0; cut < size && wrong == NULL; cut++) {
        uint8_t *part = malloc(cut > 0 ? cut : 1);
        if (part != NULL) {
            memcpy(part, bytes, cut);
            wrong = suite_any_bytes(codec, (slow_bytes){part, cut});
        }
        free(part);
    }
    for (size_t at = 0; at < size; at++) {
        uint8_t good = bytes[at];
        for (unsigned kind = 0; kind < 11 && wrong == NULL; kind++) {
            bytes[at] = (uint8_t)(kind < 8 ? good ^ 1u << kind : kind == 8 ? 0u : kind == 9 ? 255u : '"');
            wrong = suite_any_bytes(codec, (slow_bytes){bytes, size});
        }
        bytes[at] = good;
    }
    free(bytes);
    return wrong;
}

/* ---- limits ---- */

/* One member of an else good package, set to a value. */
typedef struct limit_case {
    uint8_t type; /* of the package */
    bool allowed;
    size_t at, width; /* bytes: the member's place and size in slow_package */
    uint64_t value;
    const char *name;
} limit_case;

#define SET(member, to) offsetof(slow_package, member), sizeof(((slow_package *)NULL)->member), to, #member " = " #to

static const limit_case limit_cases[] = {
    {SLOW_BINARY, false, SET(type, 0)},
    {SLOW_BINARY, false, SET(type, 5)},
    {SLOW_BINARY, true, SET(priority, 11)},
    {SLOW_BINARY, false, SET(priority, 12)},
    {SLOW_BINARY, true, SET(hop_limit, 255)},
    {SLOW_BINARY, false, SET(hop_limit, 0)},
    {SLOW_BINARY, true, SET(hops, 255)},
    {SLOW_BINARY, false, SET(hops, 0)},
    {SLOW_BINARY, true, SET(flags, UINT16_MAX)},
    {SLOW_BINARY, false, SET(kind, 1)},
    {SLOW_JSON, false, SET(kind, 1)},
    {SLOW_CONTROL, true, SET(kind, UINT16_MAX)},
    {SLOW_BINARY, true, SET(channel, 63)},
    {SLOW_BINARY, false, SET(channel, 64)},
    {SLOW_BINARY, true, SET(session, UINT64_MAX)},
    {SLOW_BINARY, true, SET(packet, SLOW_NUMBER_MAX)},
    {SLOW_BINARY, false, SET(packet, SLOW_NUMBER_MAX + 1)},
    {SLOW_BINARY, true, SET(message, SLOW_NUMBER_MAX)},
    {SLOW_BINARY, false, SET(message, SLOW_NUMBER_MAX + 1)},
    {SLOW_BINARY, true, SET(total, UINT32_MAX)},
    {SLOW_BINARY, true, SET(total, 2024)},
    {SLOW_BINARY, false, SET(total, 2023)},
    {SLOW_BINARY, false, SET(total, 999)},
    {SLOW_BINARY, false, SET(offset, UINT32_MAX)},
    {SLOW_BINARY, false, SET(payload.size, 1025)},
    {SLOW_BINARY, true, SET(hint.size, 64)},
    {SLOW_BINARY, false, SET(hint.size, 65)},
    {SLOW_SEALED, true, SET(payload.size, 1088)},
    {SLOW_SEALED, false, SET(payload.size, 1089)},
    {SLOW_SEALED, false, SET(kind, 1)},
    {SLOW_SEALED, false, SET(channel, 1)},
    {SLOW_SEALED, false, SET(message, 1)},
    {SLOW_SEALED, false, SET(total, UINT32_MAX)},
    {SLOW_SEALED, false, SET(offset, 1)},
};

static void set_member(slow_package *p, const limit_case *c) {
    char *at = (char *)p + c->at;
    const uint16_t two = (uint16_t)c->value;
    const uint32_t four = (uint32_t)c->value;
    if (c->width == 1)
        *at = (char)c->value;
    else
        memcpy(at, c->width == 2 ? (const void *)&two : c->width == 4 ? (const void *)&four : &c->value, c->width);
}

static const char *limit_holds(const slow_codec_ops *codec, const slow_package *p, bool allowed, const char *name) {
    size_t size = 0;
    if (!allowed)
        return codec->encode(NULL, p, NULL, 0, &size) == SLOW_E_INVAL ? NULL : name;
    return suite_round_trip(codec, p) == NULL ? NULL : name;
}

typedef struct id_case {
    const char *text;
    size_t size;
    bool allowed;
} id_case;

#define ID(text) text, sizeof(text) - 1
#define ID63 "123456789012345678901234567890123456789012345678901234567890123"

static const id_case id_cases[] = {
    {ID("x"), true},
    {ID(ID63), true},
    {ID("\xc2\xa0\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xe0\xa0\x80"), true},
    {ID(""), false},
    {ID(ID63 "4"), false},
    {ID("\n"), false},
    {ID("abc\x7f"), false},
    {ID("\x1f\x62\x63\x64\x65"), false},
    {ID("abcdefgh\x01"), false},
    {ID("abcdefgh\0jk"), false},
    {ID("abcdefghijklmno\x7f"), false},
    {ID("\x80"), false},
    {ID("a\xc2\x80"), false},
    {ID("a\xc2\x9f"), false},
    {ID("\xc0\xaf"), false},
    {ID("\xc1\xbf"), false},
    {ID("\xe0\x9f\xbf"), false},
    {ID("\xed\xa0\x80"), false},
    {ID("\xf0\x8f\xbf\xbf"), false},
    {ID("\xf4\x90\x80\x80"), false},
    {ID("\xf5\x80\x80\x80"), false},
    {ID("abcdefg\xe2\x82"), false},
    {ID("a\xe2\x82z"), false},
    {ID("\xff"), false},
};

const char *suite_limits(const slow_codec_ops *codec) {
    static const uint8_t zeros[SLOW_PAYLOAD_MAX + SLOW_SEAL_ROOM + 1];
    const slow_bytes d = {(const uint8_t *)"d", 1}, s = {(const uint8_t *)"s", 1}, none = {zeros, 0};
    const slow_package sealed = {
        .struct_size = sizeof sealed, .type = SLOW_SEALED, .hop_limit = 1, .hops = 1, .src = s, .dst = d, .hint = none};
    slow_package good = sealed;
    good.type = SLOW_BINARY;
    good.offset = 1000;
    good.total = 10000;
    good.payload = (slow_bytes){zeros, SLOW_PAYLOAD_MAX};
    const char *wrong = NULL;
    for (size_t i = 0; i < sizeof limit_cases / sizeof limit_cases[0] && wrong == NULL; i++) {
        slow_package p = limit_cases[i].type == SLOW_SEALED ? sealed : good;
        p.type = limit_cases[i].type;
        p.payload.data = zeros;
        set_member(&p, &limit_cases[i]);
        wrong = limit_holds(codec, &p, limit_cases[i].allowed, limit_cases[i].name);
    }
    for (size_t i = 0; i < sizeof id_cases / sizeof id_cases[0] && wrong == NULL; i++) {
        slow_package to = good, from = good;
        to.dst = from.src = (slow_bytes){(const uint8_t *)id_cases[i].text, id_cases[i].size};
        wrong = limit_holds(codec, &to, id_cases[i].allowed, id_cases[i].text);
        if (wrong == NULL)
            wrong = limit_holds(codec, &from, id_cases[i].allowed, id_cases[i].text);
    }
    return wrong;
}
