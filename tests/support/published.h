/* published.h - test data of others, in $SLOW_TESTDATA: it is never copied into the project, and a test that does not find it
 * says so and skips. */
#ifndef PUBLISHED_H
#define PUBLISHED_H
#include "vectors.h"

/* A JSON file below $SLOW_TESTDATA. Skips the test, loudly, when it is not there. The caller frees it. */
json_t *published_open(const char *path);
#endif
