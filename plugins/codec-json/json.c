/* codec-json: packages as JSON, for eyes, scripts and the browser. One object a package, keys in this order:
 *
 *   {"dst":"bob","src":"alice","hint":"<base64>","type":"json","priority":4,"hop_limit":64,"hops":1,"flags":1,
 *    "session":"00c0ffee00c0ffee","packet":7,"message":3,"channel":2,"data":{"hello":"world"}}
 *
 * What is zero or empty is left out, and read as that where it is missing: hint, priority, flags, kind, packet,
 * message, channel. A reader takes keys in any order, skips those it does not know, and refuses one that stands twice.
 * The session is 16 hex digits and no number, since a browser's integers are exact only to 2^53; all other numbers are
 * below that. `flags` is a number, 1 reliable, 2 ordered, 4 latest, 8 traced: as words, the longest package would not
 * fit (below), and flags of a later version would have no way to be carried on.
 *
 * The payload
 *  - A package that holds its whole message (offset 0, total = the size of the payload) has neither "offset" nor
 *    "total"; any other, a fragment, has both. A "total" on a whole message is refused.
 *  - Of type "json" and whole: "data" is the message itself, the same bytes as at the sender: "data":{"n":1.0}, or
 *    "data":"text". So the type and "total" alone decide how to read "data"; what it looks like does not.
 *  - Every other, also a fragment of a JSON message: "data" is base64 (RFC 4648, 4, padded).
 *  - A sealed one has "sealed", base64 too, in place of "type" and "data".
 * So every package has one form, and the form gives back the package.
 *
 * A payload is put between the others' keys as it is, so it had better be JSON: `1,"flags":8` from a hostile source
 * would come out at the next hop as a flag. The core checks what is sent here but not what is forwarded, from a
 * protobuf neighbour say, and a codec cannot tell the two apart; so encode() checks with the reader of decode(), and
 * answers SLOW_E_INVAL. Else our neighbour would refuse the package, and count us as the one who sends rubbish. Nor may
 * such a payload have white space around it (`send` strips it): a reader cannot tell that from the white space of a
 * package that a person wrote by hand.
 *
 * Size. The longest package, two ids of 63 quotes or backslashes, all numbers at their largest, 64 bytes of hint, 1,024
 * of payload in base64, is 1,966 bytes; sealed, with 1,088, 1,943. Both fit what every link carries, SLOW_FRAME_FLOOR -
 * 64 = 1,984, so encode() works in a buffer of that size and copies, and knows the size it needs. decode() takes 2,048:
 * other writers may use white space.
 *
 * There is no peek(): to find "dst" is to read half of the text. A junction that forwards JSON decodes and encodes. */
#include "jsontext.h"
#include <slow/limits.h>
#include <slow/transport.h>
#include <sodium.h>

#define ENCODED_MAX (SLOW_FRAME_FLOOR - 64)
#define SESSION_DIGITS 16u

enum key {
    DST,
    SRC,
    HINT,
    TYPE,
    PRIORITY,
    HOP_LIMIT,
    HOPS,
    FLAGS,
    KIND,
    SESSION,
    PACKET,
    MESSAGE,
    CHANNEL,
    OFFSET,
    TOTAL,
    DATA,
    SEALED,
    KEYS
};
static const char *const key_names[KEYS] = {
    [DST] = "dst",         [SRC] = "src",           [HINT] = "hint",
    [TYPE] = "type",       [PRIORITY] = "priority", [HOP_LIMIT] = "hop_limit",
    [HOPS] = "hops",       [FLAGS] = "flags",       [KIND] = "kind",
    [SESSION] = "session", [PACKET] = "packet",     [MESSAGE] = "message",
    [CHANNEL] = "channel", [OFFSET] = "offset",     [TOTAL] = "total",
    [DATA] = "data",       [SEALED] = "sealed",
};
static const char *const type_names[] = {[SLOW_JSON] = "json", [SLOW_BINARY] = "binary", [SLOW_CONTROL] = "control"};

static bool is_embedded(const slow_package *p) {
    return p->type == SLOW_JSON && p->offset == 0 && p->payload.size == p->total;
}

/* ---- writing ---- */

static void write_text(slow_writer *w, const char *text) {
    slow_write_bytes(w, text, strlen(text));
}

static void write_key(slow_writer *w, enum key key) {
    write_text(w, slow_writer_size(w) == 0 ? "{\"" : ",\"");
    write_text(w, key_names[key]);
    write_text(w, "\":");
}

static void write_decimal(slow_writer *w, uint64_t number) {
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    slow_write_bytes(w, digits + at, sizeof digits - at);
}

/* Zero is left out. */
static void write_number(slow_writer *w, enum key key, uint64_t number) {
    if (number == 0)
        return;
    write_key(w, key);
    write_decimal(w, number);
}

/* An id: no control characters, so two characters are all there is to escape. */
static void write_id(slow_writer *w, enum key key, slow_bytes id) {
    write_key(w, key);
    write_text(w, "\"");
    for (size_t i = 0; i < id.size; i++) {
        if (id.data[i] == '"' || id.data[i] == '\\')
            slow_write_u8(w, '\\');
        slow_write_u8(w, id.data[i]);
    }
    write_text(w, "\"");
}

static void write_base64(slow_writer *w, enum key key, slow_bytes bytes) {
    write_key(w, key);
    write_text(w, "\"");
    size_t room = sodium_base64_ENCODED_LEN(bytes.size, sodium_base64_VARIANT_ORIGINAL);
    char *text = (char *)slow_write_room(w, room);
    if (text == NULL)
        return;
    sodium_bin2base64(text, room, bytes.data, bytes.size, sodium_base64_VARIANT_ORIGINAL);
    w->at[-1] = '"'; /* where libsodium ended its string */
}

static void write_session(slow_writer *w, uint64_t session) {
    char text[SESSION_DIGITS];
    for (size_t i = SESSION_DIGITS; i-- > 0; session >>= 4)
        text[i] = "0123456789abcdef"[session & 15];
    write_key(w, SESSION);
    write_text(w, "\"");
    slow_write_bytes(w, text, sizeof text);
    write_text(w, "\"");
}

static void write_payload(slow_writer *w, const slow_package *p) {
    if (p->type != SLOW_SEALED && (p->offset != 0 || p->payload.size != p->total)) {
        write_key(w, OFFSET);
        write_decimal(w, p->offset);
        write_number(w, TOTAL, p->total);
    }
    if (!is_embedded(p)) {
        write_base64(w, p->type == SLOW_SEALED ? SEALED : DATA, p->payload);
        return;
    }
    write_key(w, DATA);
    slow_write_bytes(w, p->payload.data, p->payload.size);
}

static void write_package(slow_writer *w, const slow_package *p) {
    write_id(w, DST, p->dst);
    write_id(w, SRC, p->src);
    if (p->hint.size > 0)
        write_base64(w, HINT, p->hint);
    if (p->type != SLOW_SEALED) {
        write_key(w, TYPE);
        write_text(w, "\"");
        write_text(w, type_names[p->type]);
        write_text(w, "\"");
    }
    write_number(w, PRIORITY, p->priority);
    write_number(w, HOP_LIMIT, p->hop_limit);
    write_number(w, HOPS, p->hops);
    write_number(w, FLAGS, p->flags);
    write_number(w, KIND, p->kind);
    write_session(w, p->session);
    write_number(w, PACKET, p->packet);
    write_number(w, MESSAGE, p->message);
    write_number(w, CHANNEL, p->channel);
    write_payload(w, p);
    write_text(w, "}");
}

/* JSON without white space around it. Only strings, numbers, words and brackets stand at the ends of a value. */
static bool may_be_embedded(slow_bytes payload) {
    return payload.size > 0 && payload.data[0] > ' ' && payload.data[payload.size - 1] > ' ' &&
           jsontext_is_valid(payload, JSONTEXT_DEPTH_MAX);
}

static slow_status json_encode(void *self, const slow_package *p, uint8_t *out, size_t capacity, size_t *size) {
    (void)self;
    if (!slow_limits_routing(p) || !slow_limits_message(p) || (is_embedded(p) && !may_be_embedded(p->payload)))
        return SLOW_E_INVAL;
    uint8_t text[ENCODED_MAX];
    slow_writer w = slow_writer_of(text, sizeof text);
    write_package(&w, p);
    if (!slow_writer_ok(&w))
        return SLOW_E_INVAL;
    *size = slow_writer_size(&w);
    if (*size > capacity)
        return SLOW_E_NOSPACE;
    memcpy(out, text, *size);
    return SLOW_OK;
}

/* ---- reading ---- */

/* The values as they are written; a key that is missing leaves its value empty. */
static void find_values(slow_bytes in, slow_bytes values[KEYS]) {
    slow_reader object = slow_reader_of(in);
    slow_bytes key, value;
    while (jsontext_member(&object, &key, &value))
        for (int k = 0; k < KEYS; k++)
            if (strlen(key_names[k]) == key.size && memcmp(key_names[k], key.data, key.size) == 0)
                values[k] = value;
}

/* A missing number is 0. */
static uint64_t number(const slow_bytes values[KEYS], enum key key, uint64_t max, bool *ok) {
    uint64_t value = 0;
    if (values[key].size > 0 && !jsontext_uint(values[key], max, &value))
        *ok = false;
    return value;
}

static slow_status read_numbers(const slow_bytes values[KEYS], slow_package *p) {
    bool ok = true;
    p->priority = (uint8_t)number(values, PRIORITY, UINT8_MAX, &ok);
    p->hop_limit = (uint8_t)number(values, HOP_LIMIT, UINT8_MAX, &ok);
    p->hops = (uint8_t)number(values, HOPS, UINT8_MAX, &ok);
    p->flags = (uint16_t)number(values, FLAGS, UINT16_MAX, &ok);
    p->kind = (uint16_t)number(values, KIND, UINT16_MAX, &ok);
    p->packet = number(values, PACKET, SLOW_NUMBER_MAX, &ok);
    p->message = number(values, MESSAGE, SLOW_NUMBER_MAX, &ok);
    p->channel = (uint8_t)number(values, CHANNEL, UINT8_MAX, &ok);
    p->offset = (uint32_t)number(values, OFFSET, UINT32_MAX, &ok);
    p->total = (uint32_t)number(values, TOTAL, UINT32_MAX, &ok);
    return ok ? SLOW_OK : SLOW_E_MALFORMED;
}

static slow_status read_base64(slow_bytes value, slow_arena *arena, slow_bytes *out) {
    slow_bytes text;
    slow_status status = jsontext_string(value, arena, &text);
    if (status != SLOW_OK)
        return status;
    size_t room = text.size / 4 * 3, size = 0;
    uint8_t *bytes = arena->alloc(arena, room > 0 ? room : 1);
    if (bytes == NULL)
        return SLOW_E_NOMEM;
    if (sodium_base642bin(bytes, room, (const char *)text.data, text.size, NULL, &size, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return SLOW_E_MALFORMED;
    *out = (slow_bytes){bytes, size};
    return SLOW_OK;
}

static slow_status read_session(slow_bytes value, slow_arena *arena, uint64_t *session) {
    slow_bytes text;
    uint8_t bytes[SESSION_DIGITS / 2];
    size_t size = 0;
    slow_status status = jsontext_string(value, arena, &text);
    if (status != SLOW_OK)
        return status;
    if (text.size != SESSION_DIGITS ||
        sodium_hex2bin(bytes, sizeof bytes, (const char *)text.data, text.size, NULL, &size, NULL) != 0)
        return SLOW_E_MALFORMED;
    slow_reader r = slow_reader_of((slow_bytes){bytes, size});
    *session = slow_read_u64(&r);
    return slow_reader_ok(&r) ? SLOW_OK : SLOW_E_MALFORMED;
}

static slow_status read_type(const slow_bytes values[KEYS], slow_arena *arena, uint8_t *type) {
    if (values[SEALED].size > 0) {
        *type = SLOW_SEALED;
        return values[TYPE].size == 0 && values[DATA].size == 0 ? SLOW_OK : SLOW_E_MALFORMED;
    }
    slow_bytes word;
    slow_status status = jsontext_string(values[TYPE], arena, &word);
    for (uint8_t t = SLOW_JSON; status == SLOW_OK && t <= SLOW_CONTROL; t++) {
        if (strlen(type_names[t]) == word.size && memcmp(type_names[t], word.data, word.size) == 0) {
            *type = t;
            return SLOW_OK;
        }
    }
    return status == SLOW_OK ? SLOW_E_MALFORMED : status;
}

/* Type, offset and total are known; the total of a whole message is filled in. */
static slow_status read_payload(const slow_bytes values[KEYS], slow_arena *arena, slow_package *p) {
    if (p->type == SLOW_SEALED)
        return read_base64(values[SEALED], arena, &p->payload);
    if (values[DATA].size == 0)
        return SLOW_E_MALFORMED;
    bool whole = values[TOTAL].size == 0;
    slow_status status = SLOW_OK;
    if (whole && p->type == SLOW_JSON)
        p->payload = values[DATA];
    else
        status = read_base64(values[DATA], arena, &p->payload);
    if (status != SLOW_OK)
        return status;
    if (whole)
        p->total = (uint32_t)p->payload.size;
    else if (p->offset == 0 && p->payload.size == p->total)
        return SLOW_E_MALFORMED;
    return SLOW_OK;
}

static slow_status json_decode(void *self, slow_bytes in, slow_arena *arena, slow_package *out) {
    (void)self;
    if (in.size > SLOW_FRAME_FLOOR || !jsontext_is_valid(in, JSONTEXT_DEPTH_MAX + 1))
        return SLOW_E_MALFORMED;
    slow_bytes values[KEYS] = {{NULL, 0}};
    find_values(in, values);
    slow_package p = {.struct_size = sizeof p};
    slow_status status = read_type(values, arena, &p.type);
    if (status == SLOW_OK)
        status = jsontext_string(values[DST], arena, &p.dst);
    if (status == SLOW_OK)
        status = jsontext_string(values[SRC], arena, &p.src);
    if (status == SLOW_OK && values[HINT].size > 0)
        status = read_base64(values[HINT], arena, &p.hint);
    if (status == SLOW_OK)
        status = read_numbers(values, &p);
    if (status == SLOW_OK)
        status = read_session(values[SESSION], arena, &p.session);
    if (status == SLOW_OK)
        status = read_payload(values, arena, &p);
    if (status == SLOW_OK && !(slow_limits_routing(&p) && slow_limits_message(&p)))
        status = SLOW_E_MALFORMED;
    if (status == SLOW_OK)
        slow_package_copy(out, &p);
    return status;
}

/* ---- the plugin ---- */

static slow_status json_create(const slow_host *host, const void *config, void **self, slow_error *error) {
    (void)config;
    (void)error;
    *self = (void *)(uintptr_t)host; /* an instance has no state */
    return SLOW_OK;
}

static void json_destroy(void *self) {
    (void)self;
}

static const slow_codec_ops json_ops = {
    .struct_size = sizeof json_ops,
    .name = "json",
    .media_type = "application/json",
    .encode = json_encode,
    .decode = json_decode,
};

static const slow_plugin json_plugin = {
    .struct_size = sizeof json_plugin,
    .kind = SLOW_CODEC,
    .id = "codec-json",
    .version = "1.0.0",
    .summary = "Packages as JSON: for eyes, scripts and the browser",
    .license = "MIT",
    .create = json_create,
    .destroy = json_destroy,
    .ops = &json_ops,
};

static const slow_plugin *const json_plugins[] = {&json_plugin, NULL};
static const slow_module json_module = {
    .struct_size = sizeof json_module,
    .abi_major = SLOW_ABI_MAJOR,
    .abi_minor_required = SLOW_ABI_MINOR,
    .build = __VERSION__,
    .plugins = json_plugins,
};

SLOW_MODULE(codec_json, &json_module)
