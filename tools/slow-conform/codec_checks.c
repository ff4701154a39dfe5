/* What every codec is held to, whoever wrote it.
 *
 *  - Any package that slow/package.h allows comes back as it was, and no other is encoded.
 *  - encode() writes nothing but its bytes, says what it needs, and needs no byte more.
 *  - Whatever the bytes are, decode() and peek() return. What decode() accepts, peek() accepts with the same routing
 *    fields, and encode() writes again, so that it comes back once more.
 *  - advance() adds one to hops, and changes nothing else.
 *
 * Each check is a function of its own, so that a test can be of one of them, and a codec that breaks one rule fails one test.
 * Bytes are handed over in memory of exactly their size, so that an address sanitizer sees the first byte too many. */
#include "codec_checks.h"
#include <slow/transport.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BEHIND = 32 }; /* bytes behind a buffer that nobody may touch */

static const char came_back[] = "the result of decode() is the package that encode() was given";
static const char agree[] = "what decode() accepts, peek() accepts, with the same routing fields";

__attribute__((format(printf, 4, 5))) static const char *wrong(suite_codec *codec, const char *where, const char *says,
                                                               const char *format, ...) {
    va_list arguments;
    codec->where = where;
    codec->says = says;
    va_start(arguments, format);
    vsnprintf(codec->did, sizeof codec->did, format, arguments);
    va_end(arguments);
    return codec->did;
}

static const char *status_name(slow_status status) {
    static const char *const names[] = {
        [0] = "SLOW_OK",
        [-SLOW_E_FAIL] = "SLOW_E_FAIL",
        [-SLOW_E_NOMEM] = "SLOW_E_NOMEM",
        [-SLOW_E_INVAL] = "SLOW_E_INVAL",
        [-SLOW_E_NOSPACE] = "SLOW_E_NOSPACE",
        [-SLOW_E_MALFORMED] = "SLOW_E_MALFORMED",
        [-SLOW_E_TOOBIG] = "SLOW_E_TOOBIG",
        [-SLOW_E_AGAIN] = "SLOW_E_AGAIN",
    };
    const int count = sizeof names / sizeof names[0];
    return status <= 0 && status > -count && names[-status] != NULL ? names[-status]
                                                                    : "a status that is none of a codec";
}

/* Asks for the size of `p`, which is allowed. */
static const char *no_room_is_told(suite_codec *codec, const slow_package *p, size_t *need) {
    slow_status status = codec->ops->encode(codec->self, p, NULL, 0, need);
    if (status == SLOW_E_NOSPACE && *need > 0)
        return NULL;
    return wrong(codec, "slow/codec.h, encode()", "SLOW_E_NOSPACE: *size is what is needed",
                 "gave %s and a size of %zu with no room at all, for a package of type %u with %zu bytes of payload",
                 status_name(status), *need, p->type, p->payload.size);
}

/* The encoding of `p`, in memory of its size; the caller frees it. NULL: what is wrong was told. */
static uint8_t *encoded(suite_codec *codec, const slow_package *p, size_t *size) {
    size_t need = 0;
    if (no_room_is_told(codec, p, &need) != NULL)
        return NULL;
    uint8_t *bytes = malloc(need);
    if (bytes == NULL)
        abort();
    slow_status status = codec->ops->encode(codec->self, p, bytes, need, size);
    if (status == SLOW_OK && *size <= need)
        return bytes;
    wrong(codec, "slow/codec.h, encode()", "writes what slow/package.h allows, and says in *size what is needed",
          "gave %s and a size of %zu for a package of type %u with %zu bytes of payload, with the %zu bytes that "
          "it had said it needs",
          status_name(status), *size, p->type, p->payload.size, need);
    free(bytes);
    return NULL;
}

static const char *decodes_to(suite_codec *codec, slow_bytes in, const slow_package *p) {
    suite_arena arena;
    slow_package back = {.struct_size = sizeof back};
    slow_status status = codec->ops->decode(codec->self, in, suite_arena_open(&arena, sizeof arena.memory), &back);
    if (status != SLOW_OK)
        return wrong(codec, "slow/codec.h, decode()", "takes what encode() wrote",
                     "gave %s for the %zu bytes of a package of type %u with %zu bytes of payload", status_name(status),
                     in.size, p->type, p->payload.size);
    const char *member = suite_difference(p, &back);
    if (member != NULL)
        return wrong(codec, "slow/codec.h, decode()", came_back,
                     "gave back another %s, of a package of type %u with %zu bytes of payload (%zu came back)", member,
                     p->type, p->payload.size, back.payload.size);
    if (back.struct_size != sizeof back)
        return wrong(codec, "slow/package.h, struct_size", "set by the host", "changed it to %u", back.struct_size);
    return NULL;
}

const char *suite_comes_back(suite_codec *codec, const slow_package *p) {
    size_t size = 0;
    uint8_t *bytes = encoded(codec, p, &size);
    if (bytes == NULL)
        return codec->did;
    const char *found = decodes_to(codec, (slow_bytes){bytes, size}, p);
    free(bytes);
    return found;
}

/* ---- sizes ---- */

static const char *room_is_kept(suite_codec *codec, const slow_package *p, size_t room, size_t need, uint8_t *bytes) {
    size_t size = 0;
    memset(bytes, 0xa5, room + BEHIND);
    slow_status status = codec->ops->encode(codec->self, p, bytes, room, &size);
    if (status != (room < need ? SLOW_E_NOSPACE : SLOW_OK) || size != need)
        return wrong(codec, "slow/codec.h, encode()",
                     "writes at most `capacity` bytes and sets *size; SLOW_E_NOSPACE: *size is what is needed",
                     "gave %s and a size of %zu with room for %zu; it had said that it needs %zu", status_name(status),
                     size, room, need);
    for (size_t i = 0; i < BEHIND; i++)
        if (bytes[room + i] != 0xa5)
            return wrong(codec, "slow/codec.h, encode()", "writes at most `capacity` bytes",
                         "wrote byte %zu of a buffer of %zu", room + i + 1, room);
    return NULL;
}

const char *suite_sizes(suite_codec *codec, const slow_package *p) {
    size_t need = 0;
    const char *found = no_room_is_told(codec, p, &need);
    if (found != NULL)
        return found;
    uint8_t *bytes = malloc(need + 1 + BEHIND);
    const size_t rooms[] = {1, need / 2, need - 1, need, need + 1};
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0] && found == NULL && bytes != NULL; i++)
        found = room_is_kept(codec, p, rooms[i], need, bytes);
    free(bytes);
    return found;
}

/* ---- the fast path ---- */

static bool span_is(slow_bytes in, slow_span span, slow_bytes part) {
    return (size_t)span.at + span.size <= in.size &&
           suite_bytes_equal((slow_bytes){in.data + span.at, span.size}, part);
}

/* The first routing field in which a view differs from the package; NULL = none. */
static const char *view_difference(slow_bytes in, const slow_route_view *v, const slow_package *p) {
    return !span_is(in, v->dst, p->dst)     ? "dst"
           : !span_is(in, v->src, p->src)   ? "src"
           : !span_is(in, v->hint, p->hint) ? "hint"
           : v->type != p->type             ? "type"
           : v->priority != p->priority     ? "priority"
           : v->hop_limit != p->hop_limit   ? "hop_limit"
           : v->hops != p->hops             ? "hops"
           : v->flags != p->flags           ? "flags"
           : v->session != p->session       ? "session"
           : v->packet != p->packet         ? "packet"
           : v->patch >= in.size            ? "patch, which lies outside,"
                                            : NULL;
}

const char *suite_peeks(suite_codec *codec, slow_bytes in) {
    suite_arena arena;
    slow_package p = {.struct_size = sizeof p};
    slow_route_view view = {.patch = 0};
    if (codec->ops->peek == NULL)
        return NULL;
    slow_status peeked = codec->ops->peek(codec->self, in, &view);
    if (peeked != SLOW_OK && peeked != SLOW_E_MALFORMED)
        return wrong(codec, "slow/codec.h, peek()", "refuse what they cannot read with SLOW_E_MALFORMED",
                     "gave %s for %zu bytes", status_name(peeked), in.size);
    if (codec->ops->decode(codec->self, in, suite_arena_open(&arena, sizeof arena.memory), &p) != SLOW_OK)
        return NULL;
    if (peeked != SLOW_OK)
        return wrong(codec, "slow/codec.h, peek()", agree, "refused %zu bytes that decode() accepts", in.size);
    const char *field = view_difference(in, &view, &p);
    if (field == NULL)
        return NULL;
    return wrong(codec, "slow/codec.h, peek()", agree, "read another %s than decode() from %zu bytes", field, in.size);
}

/* What decode() reads, or NULL. */
static const slow_package *read_again(suite_codec *codec, slow_bytes in, suite_arena *arena, slow_package *out) {
    *out = (slow_package){.struct_size = sizeof *out};
    slow_arena *scratch = suite_arena_open(arena, sizeof arena->memory);
    return codec->ops->decode(codec->self, in, scratch, out) == SLOW_OK ? out : NULL;
}

/* `unchanged` has room for as many bytes. */
static const char *advances(suite_codec *codec, uint8_t *bytes, size_t size, uint8_t *unchanged) {
    suite_arena arenas[2];
    slow_package before, after;
    slow_route_view view;
    slow_bytes in = {bytes, size};
    if (codec->ops->peek(codec->self, in, &view) != SLOW_OK)
        return wrong(codec, "slow/codec.h, peek()", agree, "refused %zu bytes that encode() wrote", size);
    memcpy(unchanged, bytes, size);
    codec->ops->advance(codec->self, bytes, size, &view);
    if (read_again(codec, (slow_bytes){unchanged, size}, &arenas[0], &before) == NULL)
        return NULL; /* another check's finding */
    uint8_t hops = before.hops < UINT8_MAX ? (uint8_t)(before.hops + 1) : before.hops;
    const char *member = "all of it";
    if (read_again(codec, in, &arenas[1], &after) != NULL) {
        uint8_t farther = after.hops;
        after.hops = before.hops;
        member = suite_difference(&before, &after);
        if (member == NULL && farther != hops)
            member = "hops to another number than it";
    }
    if (member == NULL)
        return NULL;
    return wrong(codec, "slow/codec.h, advance()", "adds one to `hops`, to 255, and never changes the size",
                 "changed %s, where hops had to go from %u to %u", member, before.hops, hops);
}

const char *suite_advances(suite_codec *codec, const slow_package *p) {
    size_t size = 0;
    if (codec->ops->peek == NULL)
        return NULL;
    uint8_t *bytes = encoded(codec, p, &size);
    if (bytes == NULL)
        return codec->did;
    uint8_t *unchanged = malloc(size);
    const char *found = unchanged != NULL ? advances(codec, bytes, size, unchanged) : NULL;
    free(unchanged);
    free(bytes);
    return found;
}

/* ---- all of it, and any bytes ---- */

const char *suite_round_trip(suite_codec *codec, const slow_package *p) {
    size_t size = 0;
    const char *found = suite_comes_back(codec, p);
    if (found == NULL)
        found = suite_sizes(codec, p);
    if (found == NULL)
        found = suite_advances(codec, p);
    uint8_t *bytes = found == NULL ? encoded(codec, p, &size) : NULL;
    if (bytes != NULL)
        found = suite_peeks(codec, (slow_bytes){bytes, size});
    free(bytes);
    return found;
}

const char *suite_decodes(suite_codec *codec, slow_bytes in) {
    suite_arena arena;
    slow_package p = {.struct_size = sizeof p};
    slow_status status = codec->ops->decode(codec->self, in, suite_arena_open(&arena, sizeof arena.memory), &p);
    size_t need = 0;
    if (status == SLOW_OK && codec->ops->encode(codec->self, &p, NULL, 0, &need) == SLOW_E_INVAL)
        return wrong(
            codec, "slow/codec.h, decode()", "refuse what they cannot read with SLOW_E_MALFORMED",
            "read %zu bytes as a package that its own encode() says breaks a limit: of type %u, with %zu bytes of "
            "payload",
            in.size, p.type, p.payload.size);
    if (status == SLOW_OK)
        return suite_comes_back(codec, &p);
    if (status == SLOW_E_MALFORMED || status == SLOW_E_NOMEM)
        return NULL;
    return wrong(codec, "slow/codec.h, decode()", "SLOW_E_MALFORMED, or SLOW_E_NOMEM when the arena is full",
                 "gave %s for %zu bytes", status_name(status), in.size);
}

const char *suite_any_bytes(suite_codec *codec, slow_bytes in) {
    suite_arena arena;
    slow_package p = {.struct_size = sizeof p};
    const char *found = suite_decodes(codec, in);
    if (found == NULL)
        found = suite_peeks(codec, in);
    if (found == NULL &&
        codec->ops->decode(codec->self, in, suite_arena_open(&arena, sizeof arena.memory), &p) == SLOW_OK)
        found = suite_round_trip(codec, &p);
    return found;
}

/* Each of its bytes with each bit turned, set to 0, to 255 and to a quote. */
static const char *damage_bytes(suite_codec *codec, uint8_t *bytes, size_t size,
                                const char *(*check)(suite_codec *, slow_bytes)) {
    const char *found = NULL;
    for (size_t at = 0; at < size; at++) {
        uint8_t good = bytes[at];
        for (unsigned kind = 0; kind < 11 && found == NULL; kind++) {
            bytes[at] = (uint8_t)(kind < 8 ? good ^ 1u << kind : kind == 8 ? 0u : kind == 9 ? 255u : '"');
            found = check(codec, (slow_bytes){bytes, size});
        }
        bytes[at] = good;
    }
    return found;
}

const char *suite_damage(suite_codec *codec, const slow_package *p, const char *(*check)(suite_codec *, slow_bytes)) {
    size_t size = 0;
    const char *found = NULL;
    uint8_t *bytes = encoded(codec, p, &size);
    if (bytes == NULL)
        return codec->did;
    for (size_t cut = 0; cut < size && found == NULL; cut++) {
        uint8_t *part = malloc(cut > 0 ? cut : 1);
        if (part != NULL) {
            memcpy(part, bytes, cut);
            found = check(codec, (slow_bytes){part, cut});
        }
        free(part);
    }
    if (found == NULL)
        found = damage_bytes(codec, bytes, size, check);
    free(bytes);
    return found;
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

static const char *limit_holds(suite_codec *codec, const slow_package *p, bool allowed, const char *name) {
    size_t size = 0;
    slow_status status = codec->ops->encode(codec->self, p, NULL, 0, &size);
    if (status == (allowed ? SLOW_E_NOSPACE : SLOW_E_INVAL))
        return NULL;
    return wrong(codec, "slow/codec.h, encode()",
                 allowed ? "SLOW_E_NOSPACE: *size is what is needed"
                         : "SLOW_E_INVAL: the package breaks a limit of slow/package.h",
                 "gave %s with no room at all, for a package with %s, which is%s allowed", status_name(status), name,
                 allowed ? "" : " not");
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

static const char *ids_are_judged(suite_codec *codec, const slow_package *good) {
    const char *found = NULL;
    for (size_t i = 0; i < sizeof id_cases / sizeof id_cases[0] && found == NULL; i++) {
        slow_package to = *good, from = *good;
        char name[48];
        snprintf(name, sizeof name, "id no. %zu (of %zu bytes) of codec_checks.c", i + 1, id_cases[i].size);
        to.dst = from.src = (slow_bytes){(const uint8_t *)id_cases[i].text, id_cases[i].size};
        found = limit_holds(codec, &to, id_cases[i].allowed, name);
        if (found == NULL)
            found = limit_holds(codec, &from, id_cases[i].allowed, name);
    }
    return found;
}

const char *suite_limits(suite_codec *codec) {
    static const uint8_t zeros[SLOW_PAYLOAD_MAX + SLOW_SEAL_ROOM + 1];
    const slow_bytes d = {(const uint8_t *)"d", 1}, s = {(const uint8_t *)"s", 1}, none = {zeros, 0};
    const slow_package sealed = {
        .struct_size = sizeof sealed, .type = SLOW_SEALED, .hop_limit = 1, .hops = 1, .src = s, .dst = d, .hint = none};
    slow_package good = sealed;
    good.type = SLOW_BINARY;
    good.offset = 1000;
    good.total = 10000;
    good.payload = (slow_bytes){zeros, SLOW_PAYLOAD_MAX};
    const char *found = NULL;
    for (size_t i = 0; i < sizeof limit_cases / sizeof limit_cases[0] && found == NULL; i++) {
        slow_package p = limit_cases[i].type == SLOW_SEALED ? sealed : good;
        p.type = limit_cases[i].type;
        p.payload.data = zeros;
        set_member(&p, &limit_cases[i]);
        found = limit_holds(codec, &p, limit_cases[i].allowed, limit_cases[i].name);
    }
    return found != NULL ? found : ids_are_judged(codec, &good);
}

/* Ids, numbers and hint at their longest, in what some codec has to escape. */
const char *suite_longest(suite_codec *codec) {
    uint8_t id[SLOW_ID_MAX], bytes[SLOW_PAYLOAD_MAX + SLOW_SEAL_ROOM];
    static const uint8_t types[] = {SLOW_BINARY, SLOW_CONTROL, SLOW_JSON, SLOW_SEALED};
    memset(id, '"', sizeof id);
    memset(bytes, 0xff, sizeof bytes);
    for (size_t i = 0; i < sizeof types; i++) {
        bool sealed = types[i] == SLOW_SEALED;
        size_t size = 0;
        const slow_package p = {
            .struct_size = sizeof p,
            .type = types[i],
            .priority = 11,
            .hop_limit = UINT8_MAX,
            .hops = UINT8_MAX,
            .flags = UINT16_MAX,
            .kind = types[i] == SLOW_CONTROL ? UINT16_MAX : 0,
            .channel = sealed ? 0 : SLOW_CHANNELS - 1,
            .src = {id, sizeof id},
            .dst = {id, sizeof id},
            .session = UINT64_MAX,
            .packet = SLOW_NUMBER_MAX,
            .message = sealed ? 0 : SLOW_NUMBER_MAX,
            .offset = sealed ? 0 : UINT32_MAX - SLOW_PAYLOAD_MAX,
            .total = sealed ? 0 : UINT32_MAX,
            .hint = {bytes, SLOW_HINT_MAX},
            .payload = {bytes, sealed ? sizeof bytes : SLOW_PAYLOAD_MAX},
        };
        if (no_room_is_told(codec, &p, &size) != NULL)
            return codec->did;
        if (size > SLOW_FRAME_FLOOR - 64)
            return wrong(codec, "slow/codec.h, encode()",
                         "a package of SLOW_PAYLOAD_MAX needs at most SLOW_FRAME_FLOOR - 64 bytes",
                         "needs %zu bytes for the longest package of type %d; the most is %u", size, types[i],
                         SLOW_FRAME_FLOOR - 64);
    }
    return NULL;
}
