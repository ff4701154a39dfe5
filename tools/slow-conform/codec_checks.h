/* codec_checks.h - what every codec is held to, each check by itself; for slow-conform, tests and fuzz targets. See
 * codec_checks.c. */
#ifndef CODEC_CHECKS_H
#define CODEC_CHECKS_H
#include "made_package.h"

/* A codec, and what of the contract did not hold: the member, the sentence, and what it did. */
typedef struct suite_codec {
    const slow_codec_ops *ops;
    void *self;
    const char *where, *says;
    char did[256];
} suite_codec;

/* Each returns NULL, or suite_codec.did. */

const char *suite_comes_back(suite_codec *, const slow_package *);
const char *suite_sizes(suite_codec *, const slow_package *);
const char *suite_advances(suite_codec *, const slow_package *);
/* All of these, and peek() of what was encoded. */
const char *suite_round_trip(suite_codec *, const slow_package *);

/* Of any bytes: that decode() says what the contract names, and what it accepts comes back; that peek() agrees with it; both. */
const char *suite_decodes(suite_codec *, slow_bytes in);
const char *suite_peeks(suite_codec *, slow_bytes in);
const char *suite_any_bytes(suite_codec *, slow_bytes in);

/* A check of each beginning of the encoding, and of it with each of its bytes changed in eleven ways. */
const char *suite_damage(suite_codec *, const slow_package *, const char *(*check)(suite_codec *, slow_bytes));
/* What slow/package.h allows is encoded, one more or less is SLOW_E_INVAL. */
const char *suite_limits(suite_codec *);
/* The longest that may come needs at most so many bytes. */
const char *suite_longest(suite_codec *);
#endif
