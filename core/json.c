/* The one door to jansson, and the scanner that finds the line of a value.
 *
 * jansson decides what is JSON, here and for every message: RFC 8259, strict UTF-8, nesting of at most 2048, and no
 * key twice in one object. (RFC 8259, 4, leaves duplicates to the reader; two readers that choose differently are a
 * hole, so there is no choosing.) It keeps no positions, though, and an error in a config without its line is half an
 * error. So an error, and only an error, walks the text once more along its path. The text is known to be good JSON by
 * then, which is why the scanner can be this simple: strings, brackets and commas are all that it sees.
 *
 * Rejected: a parser of our own that keeps positions (a second opinion on what is JSON), and a table of lines for all
 * values (paid for by every config that is right).
 *
 * A message is not rebuilt from the parsed tree: that would turn 1.0 into 1.0, 1E2 into 100.0 and 2^70 into a double.
 * The tree is thrown away, and the text itself is copied, less its white space. */
#include "json.h"
#include "log.h"
#include "utf8.h"
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- scanner ---- */

typedef struct scan {
    const char *at, *end;
    size_t line, found; /* where `at` is; where the last step of the path was found */
} scan;

static bool scan_is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void scan_space(scan *s) {
    for (; s->at < s->end && scan_is_space(*s->at); s->at++)
        s->line += *s->at == '\n';
}

/* From the opening quote to behind the closing one. A string holds no line end. */
static void scan_string(scan *s) {
    for (s->at++; s->at < s->end && *s->at != '"'; s->at++)
        if (*s->at == '\\')
            s->at++;
    s->at = s->at < s->end ? s->at + 1 : s->end;
}

/* From the first character of a value to behind its last. */
static void scan_value(scan *s) {
    size_t depth = 0;
    do {
        scan_space(s);
        if (s->at == s->end)
            return;
        if (*s->at == '"') {
            scan_string(s);
            continue;
        }
        if (*s->at == '{' || *s->at == '[')
            depth++;
        else if (*s->at == '}' || *s->at == ']')
            depth--;
        else if (*s->at != ',' && *s->at != ':')
            while (s->at + 1 < s->end && strchr(",:]} \t\r\n", s->at[1]) == NULL)
                s->at++; /* a number, true, false or null */
        s->at++;
    } while (depth > 0);
}

/* A key may be written with escapes: then jansson reads it. */
static bool scan_key_is(const char *token, size_t size, const char *key) {
    if (memchr(token, '\\', size) == NULL)
        return size - 2 == strlen(key) && memcmp(token + 1, key, size - 2) == 0;
    json_t *string = json_loadb(token, size, JSON_DECODE_ANY, NULL);
    bool same = string != NULL && strcmp(json_string_value(string), key) == 0;
    json_decref(string);
    return same;
}

/* Steps from a container to the member or element that `at` names. False = not there: the container stays found. */
static bool scan_step(scan *s, const sl_json_at *at) {
    scan_space(s);
    if (s->at == s->end || *s->at != (at->key != NULL ? '{' : '['))
        return false;
    s->at++;
    for (size_t i = 0;; i++) {
        scan_space(s);
        if (s->at == s->end || *s->at == '}' || *s->at == ']')
            return false;
        size_t line = s->line;
        bool found = at->key == NULL && i == at->index;
        if (at->key != NULL) {
            const char *token = s->at;
            scan_value(s);
            found = scan_key_is(token, (size_t)(s->at - token), at->key);
            scan_space(s);
            s->at += s->at < s->end; /* the colon */
        }
        if (found) {
            s->found = line;
            return true;
        }
        scan_value(s);
        scan_space(s);
        s->at += s->at < s->end && *s->at == ',';
    }
}

static bool scan_to(scan *s, const sl_json_at *at) {
    return at->up == NULL || (scan_to(s, at->up) && scan_step(s, at));
}

size_t sl_json_line(const sl_json_at *at) {
    scan s = {.at = at->text->text, .end = at->text->text + at->text->size, .line = 1};
    scan_space(&s);
    s.found = s.line;
    scan_to(&s, at);
    return s.found;
}

/* ---- errors ---- */

static size_t path_write(const sl_json_at *at, char *out, size_t capacity) {
    if (at->up == NULL)
        return 0;
    size_t used = path_write(at->up, out, capacity);
    if (used >= capacity)
        return used;
    int size = at->key == NULL ? snprintf(out + used, capacity - used, "[%zu]", at->index)
                               : snprintf(out + used, capacity - used, "%s%s", used > 0 ? "." : "", at->key);
    return size < 0 ? used : used + (size_t)size;
}

void sl_json_path(const sl_json_at *at, char *out, size_t capacity) {
    out[0] = '\0';
    path_write(at, out, capacity);
}

/* Makes one printable line of it that fits slow_error.text. Names and values stand in it as they were found, or cut. */
static void line_tidy(char *line) {
    size_t room = sizeof((slow_error *)NULL)->text;
    if (strlen(line) >= room) {
        size_t end = room - sizeof "...";
        while (end > 0 && ((unsigned char)line[end] & 0xc0) == 0x80)
            end--;
        memcpy(line + end, "...", sizeof "...");
    }
    for (char *at = line, *end = line + strlen(line); at < end;) {
        uint32_t code = 0;
        size_t size = sl_utf8_next((const uint8_t *)at, (size_t)(end - at), &code);
        bool shown = size > 0 && code >= 0x20 && (code < 0x7f || code > 0x9f);
        if (size == 0)
            size = 1;
        if (!shown)
            memset(at, '?', size);
        at += size;
    }
}

/* "FILE:LINE: ", with the end of a long file name only: that is the part which tells files apart. */
static size_t line_begin(char *line, size_t capacity, const char *name, size_t number) {
    static const size_t name_max = 80;
    if (name == NULL)
        return 0;
    size_t size = strlen(name);
    bool cut = size > name_max;
    int used = snprintf(line, capacity, "%s%s:%zu: ", cut ? "..." : "", cut ? name + size - name_max : name, number);
    return used < 0 ? 0 : (size_t)used;
}

slow_status sl_json_error(const sl_json_at *at, slow_error *error, slow_status status, const char *format, ...) {
    char line[768], path[96];
    sl_json_path(at, path, sizeof path);
    size_t used = line_begin(line, sizeof line, at->text->name, at->text->name == NULL ? 0 : sl_json_line(at));
    int size = snprintf(line + used, sizeof line - used, "%s%s", path, path[0] != '\0' ? ": " : "");
    used += size > 0 ? (size_t)size : 0;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + used, sizeof line - used, format, arguments);
    va_end(arguments);
    line_tidy(line);
    return sl_error(error, status, path, "%s", line);
}

/* ---- reading ---- */

/* jansson's diagnosis, put for somebody who has never heard of jansson. */
static void load_error(const sl_json_text *text, const json_error_t *from, slow_error *error) {
    char line[768];
    bool no_memory = json_error_code(from) == json_error_out_of_memory;
    size_t number = from->line < 1 ? 1 : (size_t)from->line;
    size_t used = line_begin(line, sizeof line, text->name, number);
    if (text->name == NULL)
        used = (size_t)snprintf(line, sizeof line, "line %zu: ", number);
    size_t room = sizeof line - used;
    const char *near = strstr(from->text, " near '\"");
    size_t near_size = near != NULL ? strlen(near += 7) - 1 : 0; /* less " near '" and the last quote: "KEY" */
    switch (json_error_code(from)) {
    case json_error_duplicate_key:
        snprintf(line + used, room, "duplicate key %.*s; %s", (int)near_size, near != NULL ? near : "",
                 near_size > 3 && strncmp(near, "\"//", 3) == 0 ? "give each comment a key of its own, such as \"// 2\""
                                                                : "a key can stand once in an object");
        break;
    case json_error_null_character:
        snprintf(line + used, room, "\\u0000 is not allowed here");
        break;
    case json_error_out_of_memory:
        snprintf(line + used, room, "no memory");
        break;
    default:
        snprintf(line + used, room, "not JSON at column %d: %s%s", from->column < 1 ? 1 : from->column,
                 text->size == 0 ? "the text is empty" : from->text,
                 strncmp(from->text, "end of file", 11) == 0 ? " (something follows the end)" : "");
    }
    line_tidy(line);
    sl_error(error, no_memory ? SLOW_E_NOMEM : SLOW_E_INVAL, NULL, "%s", line);
}

static json_t *load(const sl_json_text *text, size_t flags, slow_error *error) {
    json_error_t why;
    /* A byte 0 stands in no JSON text, but jansson takes it for the end of one. */
    if (text->size > 0 && memchr(text->text, 0, text->size) != NULL) {
        sl_error(error, SLOW_E_INVAL, NULL, "%s: not JSON: there is a byte 0 in the text",
                 text->name != NULL ? text->name : "line 1");
        return NULL;
    }
    json_t *value = json_loadb(text->text, text->size, flags | JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (value == NULL)
        load_error(text, &why, error);
    return value;
}

sl_json *sl_json_parse(const sl_json_text *text, slow_error *error) {
    return load(text, 0, error);
}

sl_json *sl_json_new_string(const char *text) {
    return json_string(text);
}

void sl_json_free(sl_json *value) {
    json_decref(value);
}

enum sl_json_type sl_json_type(const sl_json *value) {
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return SL_JSON_OBJECT;
    case JSON_ARRAY:
        return SL_JSON_ARRAY;
    case JSON_STRING:
        return SL_JSON_STRING;
    case JSON_INTEGER:
        return SL_JSON_INTEGER;
    case JSON_REAL:
        return SL_JSON_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return SL_JSON_BOOL;
    case JSON_NULL:
        break;
    }
    return SL_JSON_NULL;
}

const char *sl_json_type_name(const sl_json *value) {
    static const char *const names[] = {
        [SL_JSON_NULL] = "null",          [SL_JSON_BOOL] = "a boolean",  [SL_JSON_INTEGER] = "an integer",
        [SL_JSON_REAL] = "a real number", [SL_JSON_STRING] = "a string", [SL_JSON_ARRAY] = "a list",
        [SL_JSON_OBJECT] = "an object",
    };
    return names[sl_json_type(value)];
}

size_t sl_json_count(const sl_json *value) {
    return json_is_array(value) ? json_array_size(value) : json_object_size(value);
}

const sl_json *sl_json_item(const sl_json *array, size_t index) {
    return json_array_get(array, index);
}

const sl_json *sl_json_get(const sl_json *object, const char *key) {
    return json_object_get(object, key);
}

/* The iterating calls of jansson take an object that is not const, and change nothing. */
void *sl_json_first(const sl_json *object) {
    return json_object_iter((json_t *)(uintptr_t)object);
}

void *sl_json_next(const sl_json *object, void *iterator) {
    return json_object_iter_next((json_t *)(uintptr_t)object, iterator);
}

const char *sl_json_key_of(void *iterator) {
    return json_object_iter_key(iterator);
}

const char *sl_json_string(const sl_json *value) {
    return json_string_value(value);
}

int64_t sl_json_integer(const sl_json *value) {
    return json_integer_value(value);
}

double sl_json_number(const sl_json *value) {
    return json_number_value(value);
}

bool sl_json_true(const sl_json *value) {
    return json_is_true(value);
}

/* ---- messages ---- */

static bool is_shallow(const char *text, size_t size) {
    scan s = {.at = text, .end = text + size};
    unsigned depth = 0;
    while (s.at < s.end) {
        if (*s.at == '"') {
            scan_string(&s);
            continue;
        }
        if ((*s.at == '[' || *s.at == '{') && ++depth > SL_JSON_MESSAGE_DEPTH)
            return false;
        if ((*s.at == ']' || *s.at == '}') && depth > 0)
            depth--;
        s.at++;
    }
    return true;
}

slow_status sl_json_compact(const char *text, size_t size, char *out, size_t *out_size, slow_error *error) {
    text = size > 0 ? text : ""; /* an empty payload has no bytes to point to */
    const sl_json_text source = {.text = text, .size = size};
    slow_error why = {.code = SLOW_OK};
    if (!is_shallow(text, size))
        return sl_error(
            error, SLOW_E_INVAL, NULL,
            "a JSON message nests at most %d arrays and objects in each other; send it flatter, or as binary",
            SL_JSON_MESSAGE_DEPTH);
    /* Integers of any length are the two ends' affair, so none may be refused for its size: hence as reals. */
    json_t *value = load(&source, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &why);
    if (value == NULL) {
        if (error != NULL)
            *error = why;
        return why.code;
    }
    json_decref(value);
    scan s = {.at = text, .end = text + size};
    char *to = out;
    while (scan_space(&s), s.at < s.end) {
        const char *from = s.at;
        if (*s.at == '"')
            scan_string(&s);
        else
            s.at++;
        memmove(to, from, (size_t)(s.at - from));
        to += s.at - from;
    }
    *out_size = (size_t)(to - out);
    return SLOW_OK;
}
