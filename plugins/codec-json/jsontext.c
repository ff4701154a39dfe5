/* jsontext.c - JSON text, checked once and then read in place.
 *
 * A JSON message must reach its receiver as it was written: 1.0 stays 1.0, "\u0041" stays "\u0041", members stay in
 * their order. A tree of values has forgotten all that, so here jansson is asked one question only, "is this valid JSON
 * without duplicate keys?", and its tree is thrown away. What the codec needs is then cut from the text itself: values
 * are spans of the input. On text that is known to be valid that takes so little (find the end of a string, count
 * brackets) that it cannot disagree with jansson about where a value ends.
 *
 * jansson is not given just anything. It descends by recursion, to 2,048, and takes its memory from malloc(), which a
 * plugin cannot cap for itself alone. So the size of the text is bounded by the caller and the depth here, by one pass
 * before it. 2 KiB of the worst text then costs some 130 KiB, for the time of the call (a test counts it), and as it
 * can hold no more than 1,024 values, a limit on their number would be no limit. The first pass and jansson agree on
 * what lies inside a string up to jansson's first error, and nothing behind that is nested by anyone.
 *
 * What jansson takes: numbers of any length are valid JSON, so integers beyond 64 bits are read as reals (their value
 * is of no interest), though a number beyond any double (1e400) is refused; \u0000 is valid too, though not in a key. A
 * byte 0 is valid nowhere, but jansson takes one behind a number for the end of the text, so it is looked for here. */
#include "jsontext.h"
#include <jansson.h>

static bool is_space(uint8_t c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static void skip_space(slow_reader *r) {
    while (slow_reader_left(r) > 0 && is_space(*r->at))
        r->at++;
}

/* From behind the opening quote to behind the closing one. */
static void skip_string(slow_reader *r) {
    for (uint8_t c = slow_read_u8(r); slow_reader_ok(r) && c != '"'; c = slow_read_u8(r))
        if (c == '\\')
            slow_read_u8(r);
}

static bool is_shallow(slow_bytes text, unsigned depth_max) {
    slow_reader r = slow_reader_of(text);
    unsigned depth = 0;
    while (slow_reader_left(&r) > 0) {
        uint8_t c = *r.at++;
        if (c == '"')
            skip_string(&r);
        else if ((c == '[' || c == '{') && ++depth > depth_max)
            return false;
        else if ((c == ']' || c == '}') && depth > 0)
            depth--;
    }
    return true;
}

bool jsontext_is_valid(slow_bytes text, unsigned depth) {
    if (text.size == 0 || memchr(text.data, 0, text.size) != NULL || !is_shallow(text, depth))
        return false;
    json_t *tree =
        json_loadb((const char *)text.data, text.size,
                   JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    if (tree == NULL)
        return false;
    json_decref(tree);
    return true;
}

/* To behind a value whose first character is next. */
static void skip_value(slow_reader *r) {
    unsigned depth = 0;
    while (slow_reader_left(r) > 0) {
        uint8_t c = *r->at;
        if (depth == 0 && (c == ',' || c == '}' || c == ']' || is_space(c)))
            return;
        r->at++;
        if (c == '"')
            skip_string(r);
        else if (c == '[' || c == '{')
            depth++;
        else if (c == ']' || c == '}')
            depth--;
    }
}

bool jsontext_member(slow_reader *object, slow_bytes *key, slow_bytes *value) {
    skip_space(object);
    uint8_t before = slow_read_u8(object); /* { or a comma; } ends the object */
    if (before != '{' && before != ',')
        return false;
    skip_space(object);
    if (slow_read_u8(object) != '"')
        return false;
    key->data = object->at;
    skip_string(object);
    if (!slow_reader_ok(object))
        return false;
    key->size = (size_t)(object->at - key->data) - 1;
    skip_space(object);
    if (slow_read_u8(object) != ':')
        return false;
    skip_space(object);
    value->data = object->at;
    skip_value(object);
    value->size = (size_t)(object->at - value->data);
    return slow_reader_ok(object) && value->size > 0;
}

bool jsontext_uint(slow_bytes value, uint64_t max, uint64_t *out) {
    uint64_t sum = 0;
    for (size_t i = 0; i < value.size; i++) {
        uint8_t digit = (uint8_t)(value.data[i] - '0');
        if (digit > 9 || digit > max || sum > (max - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *out = sum;
    return value.size > 0;
}

/* Four hex digits. */
static uint32_t read_unit(slow_reader *r) {
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = slow_read_u8(r);
        uint32_t digit = c <= '9' ? c - 0x30u : (c | 0x20u) - 'a' + 10;
        unit = unit << 4 | (digit & 15);
    }
    return unit;
}

static void write_utf8(slow_writer *w, uint32_t code) {
    if (code < 0x80) {
        slow_write_u8(w, (uint8_t)code);
        return;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
    slow_write_u8(w, (uint8_t)(lead[more] | code >> 6 * more));
    while (more-- > 0)
        slow_write_u8(w, (uint8_t)(0x80 | (code >> 6 * more & 0x3f)));
}

/* What follows a backslash (RFC 8259, 7). jansson has refused surrogates that are not in pairs. */
static void unescape(slow_reader *r, slow_writer *w) {
    static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    uint8_t c = slow_read_u8(r);
    const char *letter = memchr(letters, c, sizeof letters - 1);
    if (c != 'u') {
        slow_write_u8(w, letter != NULL ? (uint8_t)meanings[letter - letters] : c);
        return;
    }
    uint32_t code = read_unit(r);
    if (code >= 0xd800 && code < 0xdc00) {
        slow_read_bytes(r, 2); /* the \u of the low surrogate */
        code = 0x10000 + ((code & 0x3ff) << 10 | (read_unit(r) & 0x3ff));
    }
    write_utf8(w, code);
}

slow_status jsontext_string(slow_bytes value, slow_arena *arena, slow_bytes *out) {
    if (value.size < 2 || value.data[0] != '"')
        return SLOW_E_MALFORMED;
    slow_bytes inside = {value.data + 1, value.size - 2};
    if (memchr(inside.data, '\\', inside.size) == NULL) {
        *out = inside;
        return SLOW_OK;
    }
    uint8_t *room = arena->alloc(arena, inside.size); /* no escape stands for more bytes than it has */
    if (room == NULL)
        return SLOW_E_NOMEM;
    slow_reader r = slow_reader_of(inside);
    slow_writer w = slow_writer_of(room, inside.size);
    while (slow_reader_left(&r) > 0) {
        uint8_t c = slow_read_u8(&r);
        if (c == '\\')
            unescape(&r, &w);
        else
            slow_write_u8(&w, c);
    }
    *out = (slow_bytes){room, slow_writer_size(&w)};
    return slow_reader_ok(&r) && slow_writer_ok(&w) ? SLOW_OK : SLOW_E_MALFORMED;
}
