#include "vectors.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

json_t *vectors_open(const char *name) {
    char path[512];
    json_error_t why;
    const char *source = getenv("SLOW_SOURCE");
    snprintf(path, sizeof path, "%s/docs/vectors/%s.json", source != NULL ? source : ".", name);
    json_t *file = json_load_file(path, 0, &why);
    if (file == NULL)
        fail_msg("%s:%d: %s; expected the folder of the sources in $SLOW_SOURCE", path, why.line, why.text);
    return file;
}

const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    if (text == NULL)
        fail_msg("a vector has no text \"%s\"", key);
    return text;
}

uint64_t number_of(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value))
        fail_msg("a vector has no number \"%s\"", key);
    return (uint64_t)json_integer_value(value);
}

uint64_t hex64_of(const json_t *object, const char *key) {
    return strtoull(text_of(object, key), NULL, 16);
}

octets hex(const char *text) {
    octets out = {.size = strlen(text) / 2};
    assert_true(out.size <= sizeof out.data);
    for (size_t i = 0; i < out.size; i++) {
        char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};
        out.data[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return out;
}

octets octets_of(const json_t *object, const char *key) {
    return hex(text_of(object, key));
}

slow_bytes bytes_of(const octets *o) {
    return (slow_bytes){o->data, o->size};
}

octets frame_of(const json_t *vector) {
    octets frame = octets_of(vector, "bytes");
    const json_t *zeros = json_object_get(vector, "zeros");
    frame.size += (size_t)json_integer_value(zeros);
    assert_true(frame.size <= sizeof frame.data);
    return frame;
}

void is_octets(slow_bytes got, const octets *expected, const char *name) {
    if (got.size != expected->size || (got.size > 0 && memcmp(got.data, expected->data, got.size) != 0))
        fail_msg("%s: %zu bytes that are not the %zu expected", name, got.size, expected->size);
}

void is_number(uint64_t got, uint64_t expected, const char *key, const char *name) {
    if (got != expected)
        fail_msg("%s: %s is %llu, expected %llu", name, key, (unsigned long long)got, (unsigned long long)expected);
}

void is_field(uint64_t got, const json_t *fields, const char *key, const char *name) {
    is_number(got, number_of(fields, key), key, name);
}

void is_hex64(uint64_t got, const json_t *fields, const char *key, const char *name) {
    is_number(got, hex64_of(fields, key), key, name);
}

void is_hex(slow_bytes got, const json_t *fields, const char *key, const char *name) {
    octets expected = octets_of(fields, key);
    is_octets(got, &expected, name);
}

bool is_frame(const json_t *vector, const char *kind) {
    return strcmp(text_of(vector, "frame"), kind) == 0;
}

void vectors_each(const char *file_name, const char *list, check_vector check) {
    size_t i;
    json_t *file = vectors_open(file_name), *vectors = json_object_get(file, list), *vector;
    assert_true(json_array_size(vectors) > 0);
    json_array_foreach(vectors, i, vector) check(vector, text_of(vector, "name"));
    json_decref(file);
}
