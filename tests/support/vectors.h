/* vectors.h - reading the vectors of docs/vectors, and comparing with them; for tests, which fail with the vector's name. */
#ifndef VECTORS_H
#define VECTORS_H
#include <jansson.h>
#include <slow/base.h>

enum { VECTOR_MAX = 4096 };

/* Some bytes of a vector. */
typedef struct octets {
    uint8_t data[VECTOR_MAX];
    size_t size;
} octets;

json_t *vectors_open(const char *file);
typedef void (*check_vector)(const json_t *vector, const char *name);
void vectors_each(const char *file, const char *list, check_vector);

/* Members of a vector, or of its fields; one that is missing fails the test. */
const char *text_of(const json_t *, const char *key);
uint64_t number_of(const json_t *, const char *key);
uint64_t hex64_of(const json_t *, const char *key);
octets octets_of(const json_t *, const char *key);
octets frame_of(const json_t *vector); /* its bytes, with the zeros that follow */
octets hex(const char *text);
slow_bytes bytes_of(const octets *);
bool is_frame(const json_t *vector, const char *kind);

void is_octets(slow_bytes got, const octets *expected, const char *name);
void is_number(uint64_t got, uint64_t expected, const char *key, const char *name);
void is_field(uint64_t got, const json_t *fields, const char *key, const char *name);
void is_hex64(uint64_t got, const json_t *fields, const char *key, const char *name);
void is_hex(slow_bytes got, const json_t *fields, const char *key, const char *name);
#endif
