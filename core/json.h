/* json.h - JSON for the core: parse and look up (configs), check and strip (messages), write (the admin API).
 *
 * json.c is the one door to jansson. A parsed value is jansson's own, under our name, and nobody else sees inside.
 *
 * Where a value stands is a chain of sl_json_at on the caller's stack, leaf first: each function that descends adds a
 * link for what it looks at. Only an error turns the chain into a path and a line, so nothing is paid for it before. */
#ifndef SL_JSON_H
#define SL_JSON_H
#include <slow/base.h>

typedef struct json_t sl_json;

enum sl_json_type {
    SL_JSON_NULL,
    SL_JSON_BOOL,
    SL_JSON_INTEGER, /* without fraction and exponent, and within int64_t */
    SL_JSON_REAL,
    SL_JSON_STRING,
    SL_JSON_ARRAY,
    SL_JSON_OBJECT,
};

/* A text, and the name under which errors speak of it. `name` NULL: of no file, errors then have no FILE:LINE. */
typedef struct sl_json_text {
    const char *name, *text;
    size_t size;
} sl_json_text;

/* ---- where a value stands ---- */

typedef struct sl_json_at {
    const struct sl_json_at *up; /* NULL = the whole text */
    const sl_json_text *text;
    const char *key; /* NULL = an element of an array: `index` */
    size_t index;
} sl_json_at;

static inline sl_json_at sl_json_at_root(const sl_json_text *text) {
    return (sl_json_at){.text = text};
}
static inline sl_json_at sl_json_at_key(const sl_json_at *up, const char *key) {
    return (sl_json_at){.up = up, .text = up->text, .key = key};
}
static inline sl_json_at sl_json_at_index(const sl_json_at *up, size_t index) {
    return (sl_json_at){.up = up, .text = up->text, .index = index};
}
/* "routing[0].preference"; cut when it is longer than `capacity` - 1 bytes. */
void sl_json_path(const sl_json_at *, char *out, size_t capacity);
/* The line, from 1, on which the key or the element stands; of what is missing, the line of what should hold it. */
size_t sl_json_line(const sl_json_at *);
/* Fills the error in as one line, FILE:LINE: PATH: text, with the path as `where`, and returns the status. Control
 * characters become '?'; what does not fit is cut at the end, with "..." in its place. */
slow_status sl_json_error(const sl_json_at *, slow_error *, slow_status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- reading ---- */

/* Any value. Duplicate keys and "\u0000" are refused. NULL on failure, the error's text being the whole line. */
sl_json *sl_json_parse(const sl_json_text *, slow_error *);
sl_json *sl_json_new_string(const char *text); /* NULL = no memory, or not UTF-8 */
void sl_json_free(sl_json *);                  /* NULL is allowed. What was looked up in it dies with it */

enum sl_json_type sl_json_type(const sl_json *);
const char *sl_json_type_name(const sl_json *);                     /* "a string", "an object": for errors */
size_t sl_json_count(const sl_json *);                              /* members or elements; of any other value 0 */
const sl_json *sl_json_item(const sl_json *array, size_t);          /* NULL past the end */
const sl_json *sl_json_get(const sl_json *object, const char *key); /* NULL = not there, or not an object */
/* Members in the order of the text: `for (i = sl_json_first(o); i != NULL; i = sl_json_next(o, i))`. */
void *sl_json_first(const sl_json *object);
void *sl_json_next(const sl_json *object, void *iterator);
const char *sl_json_key_of(void *iterator);
const char *sl_json_string(const sl_json *); /* of a STRING: terminated, UTF-8; else NULL */
int64_t sl_json_integer(const sl_json *);    /* of an INTEGER; else 0 */
double sl_json_number(const sl_json *);      /* of an INTEGER or REAL; else 0 */
bool sl_json_true(const sl_json *);          /* of a BOOL; else false */

/* ---- messages ---- */

/* What any codec carries, codec-json among them: deeper messages are refused where they are sent, not on the way. */
enum { SL_JSON_MESSAGE_DEPTH = 64 };
/* Is it JSON (any value, UTF-8, no duplicate keys, nested no deeper than that)? Then copies it to `out` without
 * insignificant white space, and with nothing else changed: numbers and escapes stay as they were written. `out` has room
 * for `size` bytes, and may be `text` itself. SLOW_E_INVAL with line and column when it is not JSON; `out` is untouched
 * then. */
slow_status sl_json_compact(const char *text, size_t size, char *out, size_t *out_size, slow_error *);

/* ---- writing ---- */

/* Compact JSON into a buffer that grows. Start from {0}; the error (no memory) is sticky. The caller keeps to the
 * grammar (a key before each member, an end for each begin); commas come by themselves. */
typedef struct sl_json_writer {
    char *text;
    size_t size, capacity;
    bool comma, failed;
} sl_json_writer;

void sl_json_begin(sl_json_writer *, char bracket); /* '{' or '[' */
void sl_json_end(sl_json_writer *, char bracket);   /* '}' or ']' */
void sl_json_key(sl_json_writer *, const char *key);
void sl_json_put_string(sl_json_writer *, const char *text); /* NULL = null */
/* What is not UTF-8 becomes U+FFFD. */
void sl_json_put_text(sl_json_writer *, const char *text, size_t size);
void sl_json_put_integer(sl_json_writer *, int64_t);
void sl_json_put_unsigned(sl_json_writer *, uint64_t);
void sl_json_put_bool(sl_json_writer *, bool);
void sl_json_put_raw(sl_json_writer *, const char *json, size_t size); /* JSON already, e.g. a message */
void sl_json_put_base64(sl_json_writer *, slow_bytes);                 /* RFC 4648, 4, with padding */
/* The text, terminated, now the caller's to free(); the writer is empty again. NULL = no memory on the way. */
char *sl_json_take(sl_json_writer *, size_t *size);
void sl_json_writer_free(sl_json_writer *);
#endif
