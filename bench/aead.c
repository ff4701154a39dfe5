/* aead.c - ChaCha20-Poly1305 by libsodium, beside OpenSSL's and libipsec-mb's as security-noise calls them, at the sizes of
 * frames.
 *
 *     aead-bench [ROUNDS]
 *
 * All work in place, in one process, turn by turn: a round is some 200 us of CPU time of each, and the ratio is taken within
 * the round, since machines drift. 16 bytes are authenticated beside the data. Opening includes a copy of the sealed bytes, the
 * same for all. A library that is not installed, or of no use to this processor, has no column. */
#include "plugins/security-noise/engine.h"
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum way { LIBSODIUM, OPENSSL, IPSEC_MB, WAYS };
static const char *const NAMES[WAYS] = {"libsodium", "OpenSSL", "ipsec-mb"};

enum { MOST = 16384, AD = 16, ROUNDS_MOST = 1001 };

typedef struct bench {
    uint8_t key[NOISE_KEY_SIZE], ad[AD], data[MOST], sealed[MOST], tag[NOISE_TAG_SIZE];
    struct noise_engine *engines[WAYS]; /* NULL: libsodium, or not there */
    uint64_t number;
} bench;

static void must(bool good, const char *what) {
    if (good)
        return;
    fprintf(stderr, "aead-bench: %s failed\n", what);
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void seal_by(bench *b, enum way way, size_t size) {
    uint8_t nonce[NOISE_NONCE_SIZE];
    struct noise_engine *engine = b->engines[way];
    slow_bytes ad = {b->ad, AD};
    noise_nonce(b->number++, nonce);
    if (engine != NULL)
        engine->seal(engine, b->key, nonce, ad, b->data, size, b->tag);
    else
        noise_aead_seal(b->key, nonce, ad, b->data, size, b->tag);
}

static void unseal_by(bench *b, enum way way, size_t size) {
    uint8_t nonce[NOISE_NONCE_SIZE];
    struct noise_engine *engine = b->engines[way];
    slow_bytes ad = {b->ad, AD};
    memcpy(b->data, b->sealed, size);
    noise_nonce(b->number, nonce);
    must(engine != NULL ? engine->unseal(engine, b->key, nonce, ad, b->data, size, b->tag)
                        : noise_aead_unseal(b->key, nonce, ad, b->data, size, b->tag),
         NAMES[way]);
}

/* Nanoseconds an operation. */
static double turn(bench *b, enum way way, bool opening, size_t size, unsigned count) {
    if (opening) { /* what libsodium sealed, so that all are seen to speak the same */
        b->number = 1;
        seal_by(b, LIBSODIUM, size);
        b->number = 1;
        memcpy(b->sealed, b->data, size);
    }
    uint64_t began = now_ns();
    for (unsigned i = 0; i < count; i++)
        opening ? unseal_by(b, way, size) : seal_by(b, way, size);
    return (double)(now_ns() - began) / count;
}

/* ---- rounds ---- */

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values, size_t count) {
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

static bool is_there(const bench *b, enum way way) {
    return way == LIBSODIUM || b->engines[way] != NULL;
}

static void row(bench *b, bool opening, size_t size, size_t rounds) {
    double times[WAYS][ROUNDS_MOST], ratios[WAYS][ROUNDS_MOST];
    unsigned count = (unsigned)(200000 / (300 + size)) + 1; /* some 200 us */
    for (enum way way = 0; way < WAYS; way++)
        if (is_there(b, way))
            turn(b, way, opening, size, count / 4 + 1);
    for (size_t r = 0; r < rounds; r++)
        for (enum way way = 0; way < WAYS; way++) {
            if (!is_there(b, way))
                continue;
            times[way][r] = turn(b, way, opening, size, count);
            ratios[way][r] = times[0][r] / times[way][r];
        }
    printf("%-6s %6zu", opening ? "open" : "seal", size);
    for (enum way way = 0; way < WAYS; way++)
        if (is_there(b, way))
            printf("  %10.0f", median(times[way], rounds));
    for (enum way way = 1; way < WAYS; way++) {
        if (!is_there(b, way))
            continue;
        double middle = median(ratios[way], rounds);
        printf("  %5.2f (%.2f..%.2f)", middle, ratios[way][rounds / 10], ratios[way][rounds - 1 - rounds / 10]);
    }
    printf("\n");
}

int main(int argc, char **argv) {
    static const size_t sizes[] = {64, 256, 1024, 1400, 2048, 4096, 16384};
    size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 501;
    static bench b;
    must(sodium_init() >= 0, "sodium_init");
    must(rounds >= 1 && rounds <= ROUNDS_MOST, "ROUNDS: 1 to 1001");
    randombytes_buf(b.key, sizeof b.key);
    b.engines[OPENSSL] = noise_engine_openssl();
    b.engines[IPSEC_MB] = noise_engine_ipsec_mb();
    printf("medians (first..last decile) of %zu rounds, ns\n\n%-6s %6s", rounds, "", "bytes");
    for (enum way way = 0; way < WAYS; way++)
        if (is_there(&b, way))
            printf("  %10s", NAMES[way]);
    for (enum way way = 1; way < WAYS; way++)
        if (is_there(&b, way))
            printf("  libsodium / %-8s", NAMES[way]);
    printf("\n");
    for (int opening = 0; opening < 2; opening++)
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
            row(&b, opening, sizes[i], rounds);
    for (enum way way = 1; way < WAYS; way++)
        if (b.engines[way] != NULL)
            b.engines[way]->free(b.engines[way]);
    return 0;
}
