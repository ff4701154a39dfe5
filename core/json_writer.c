/* Writes compact JSON straight into one growing buffer: no tree is built, and JSON text that exists already (a message)
 * goes in as it stands. A comma is owed after every value and every closing bracket; that one bit is all the state. */
#include "json.h"
#include "utf8.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `size` more bytes and a terminator; NULL, for good, without memory. */
static char *writer_room(sl_json_writer *w, size_t size) {
    if (w->failed || size > SIZE_MAX / 2 - w->size - 1) {
        w->failed = true;
        return NULL;
    }
    size_t needed = w->size + size + 1;
    if (needed > w->capacity) {
        size_t capacity = w->capacity < 256 ? 256 : w->capacity;
        while (capacity < needed)
            capacity *= 2;
        char *text = realloc(w->text, capacity);
        if (text == NULL) {
            w->failed = true;
            return NULL;
        }
        w->text = text;
        w->capacity = capacity;
    }
    char *room = w->text + w->size;
    w->size += size;
    room[size] = '\0';
    return room;
}

static void writer_add(sl_json_writer *w, const char *text, size_t size) {
    char *room = writer_room(w, size);
    if (room != NULL && size > 0)
        memcpy(room, text, size);
}

/* Every value goes through here: the comma that is owed, and the one that will be. */
static void writer_value(sl_json_writer *w, const char *text, size_t size) {
    if (w->comma)
        writer_add(w, ",", 1);
    writer_add(w, text, size);
    w->comma = true;
}

void sl_json_begin(sl_json_writer *w, char bracket) {
    writer_value(w, &bracket, 1);
    w->comma = false;
}

void sl_json_end(sl_json_writer *w, char bracket) {
    writer_add(w, &bracket, 1);
    w->comma = true;
}

void sl_json_key(sl_json_writer *w, const char *key) {
    sl_json_put_text(w, key, strlen(key));
    writer_add(w, ":", 1);
    w->comma = false;
}

void sl_json_put_string(sl_json_writer *w, const char *text) {
    if (text == NULL)
        writer_value(w, "null", 4);
    else
        sl_json_put_text(w, text, strlen(text));
}

void sl_json_put_text(sl_json_writer *w, const char *text, size_t size) {
    writer_value(w, "\"", 1);
    for (size_t i = 0; i < size;) {
        uint32_t code = 0;
        size_t step = sl_utf8_next((const uint8_t *)text + i, size - i, &code);
        char escape[8];
        if (step == 0) {
            writer_add(w, "\xef\xbf\xbd", 3);
            step = 1;
        } else if (code == '"' || code == '\\') {
            escape[0] = '\\';
            escape[1] = (char)code;
            writer_add(w, escape, 2);
        } else if (code < 0x20) {
            snprintf(escape, sizeof escape, "\\u%04" PRIx32, code);
            writer_add(w, escape, 6);
        } else {
            writer_add(w, text + i, step);
        }
        i += step;
    }
    writer_add(w, "\"", 1);
}

void sl_json_put_integer(sl_json_writer *w, int64_t value) {
    char digits[24];
    writer_value(w, digits, (size_t)snprintf(digits, sizeof digits, "%" PRId64, value));
}

void sl_json_put_unsigned(sl_json_writer *w, uint64_t value) {
    char digits[24];
    writer_value(w, digits, (size_t)snprintf(digits, sizeof digits, "%" PRIu64, value));
}

void sl_json_put_bool(sl_json_writer *w, bool value) {
    writer_value(w, value ? "true" : "false", value ? 4 : 5);
}

void sl_json_put_raw(sl_json_writer *w, const char *json, size_t size) {
    writer_value(w, json, size);
}

void sl_json_put_base64(sl_json_writer *w, slow_bytes bytes) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    writer_value(w, "\"", 1);
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t left = bytes.size - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16 | (left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0) |
                         (left > 2 ? bytes.data[i + 2] : 0u);
        char out[4] = {digits[group >> 18], digits[group >> 12 & 63], left > 1 ? digits[group >> 6 & 63] : '=',
                       left > 2 ? digits[group & 63] : '='};
        writer_add(w, out, sizeof out);
    }
    writer_add(w, "\"", 1);
}

char *sl_json_take(sl_json_writer *w, size_t *size) {
    char *text = w->failed ? NULL : w->text;
    if (size != NULL)
        *size = text != NULL ? w->size : 0;
    if (w->failed)
        free(w->text);
    *w = (sl_json_writer){0};
    return text;
}

void sl_json_writer_free(sl_json_writer *w) {
    free(w->text);
    *w = (sl_json_writer){0};
}
