/* made_package.h - packages made from a number, and an arena to decode them into: for slow-conform, tests and fuzz targets. */
#ifndef MADE_PACKAGE_H
#define MADE_PACKAGE_H
#include <slow/codec.h>

/* An arena with a cap, as the core gives one to decode(). */
typedef struct suite_arena {
    slow_arena arena;
    size_t used, cap;
    _Alignas(max_align_t) uint8_t memory[8192];
} suite_arena;

slow_arena *suite_arena_open(suite_arena *, size_t cap);

/* A package and what it points to. */
typedef struct suite_package {
    slow_package package;
    uint8_t dst[SLOW_ID_MAX], src[SLOW_ID_MAX], hint[SLOW_HINT_MAX], payload[SLOW_PAYLOAD_MAX + SLOW_SEAL_ROOM];
} suite_package;

uint64_t suite_random(uint64_t *state);
/* Any package that slow/package.h allows: always the same for one seed. */
void suite_make(suite_package *, uint64_t seed);
bool suite_equal(const slow_package *, const slow_package *);
/* The first member in which two packages differ; NULL = none. */
const char *suite_difference(const slow_package *, const slow_package *);
bool suite_bytes_equal(slow_bytes, slow_bytes);
#endif
