/* aead.c - ChaCha20-Poly1305 by libsodium, beside OpenSSL's (EVP, whose assembler knows wider vectors), and by security-noise,
 * which chooses between them, at the sizes of frames.
 *
 *     aead-bench [ROUNDS]
 *
 * All work in place, in one process, turn by turn: a round is some 200 us of CPU time of each, and the ratio is taken within
 * the round, since machines drift. OpenSSL has its context kept and its key set once, as a session could do it, and only gets
 * a nonce for each frame; security-noise sets its key each time. 16 bytes are authenticated beside the data. Opening includes
 * a copy of the sealed bytes, the same for all. */
#include "plugins/security-noise/cipher.h"
#include <inttypes.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST = 16384, AD = 16, ROUNDS_MOST = 1001 };

typedef struct bench {
    uint8_t key[NOISE_KEY_SIZE], ad[AD], data[MOST], sealed[MOST], tag[NOISE_TAG_SIZE];
    EVP_CIPHER_CTX *seal, *unseal;
    struct noise_cipher cipher;
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

/* ---- OpenSSL ---- */

static void evp_seal(bench *b, size_t size) {
    uint8_t nonce[NOISE_NONCE_SIZE];
    int written, size_int = (int)size;
    noise_nonce(b->number++, nonce);
    must(EVP_EncryptInit_ex(b->seal, NULL, NULL, NULL, nonce) == 1 &&
             EVP_EncryptUpdate(b->seal, NULL, &written, b->ad, AD) == 1 &&
             EVP_EncryptUpdate(b->seal, b->data, &written, b->data, size_int) == 1 &&
             EVP_EncryptFinal_ex(b->seal, b->data + size, &written) == 1 &&
             EVP_CIPHER_CTX_ctrl(b->seal, EVP_CTRL_AEAD_GET_TAG, NOISE_TAG_SIZE, b->tag) == 1,
         "EVP_Encrypt");
}

static void evp_unseal(bench *b, size_t size) {
    uint8_t nonce[NOISE_NONCE_SIZE];
    int written, size_int = (int)size;
    noise_nonce(b->number, nonce);
    must(EVP_DecryptInit_ex(b->unseal, NULL, NULL, NULL, nonce) == 1 &&
             EVP_DecryptUpdate(b->unseal, NULL, &written, b->ad, AD) == 1 &&
             EVP_DecryptUpdate(b->unseal, b->data, &written, b->data, size_int) == 1 &&
             EVP_CIPHER_CTX_ctrl(b->unseal, EVP_CTRL_AEAD_SET_TAG, NOISE_TAG_SIZE, b->tag) == 1 &&
             EVP_DecryptFinal_ex(b->unseal, b->data + size, &written) == 1,
         "EVP_Decrypt");
}

/* ---- ways ---- */

enum way { LIBSODIUM, OPENSSL, PLUGIN, WAYS };

static void seal_by(bench *b, enum way way, size_t size) {
    slow_bytes ad = {b->ad, AD};
    if (way == OPENSSL)
        evp_seal(b, size);
    else if (way == LIBSODIUM)
        noise_seal(b->key, b->number++, ad, b->data, size, b->tag);
    else
        noise_cipher_seal(&b->cipher, b->key, b->number++, ad, b->data, size, b->tag);
}

static void unseal_by(bench *b, enum way way, size_t size) {
    slow_bytes ad = {b->ad, AD};
    memcpy(b->data, b->sealed, size);
    if (way == OPENSSL)
        evp_unseal(b, size);
    else if (way == LIBSODIUM)
        must(noise_unseal(b->key, b->number, ad, b->data, size, b->tag), "noise_unseal");
    else
        must(noise_cipher_unseal(&b->cipher, b->key, b->number, ad, b->data, size, b->tag), "noise_cipher_unseal");
}

/* Nanoseconds an operation. */
static double turn(bench *b, enum way way, bool opening, size_t size, unsigned count) {
    if (opening) { /* what OpenSSL sealed, so that all are seen to speak the same */
        b->number = 1;
        evp_seal(b, size);
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

static void row(bench *b, bool opening, size_t size, size_t rounds) {
    double times[WAYS][ROUNDS_MOST], ratios[WAYS][ROUNDS_MOST];
    unsigned count = (unsigned)(200000 / (300 + size)) + 1; /* some 200 us */
    for (enum way way = 0; way < WAYS; way++)
        turn(b, way, opening, size, count / 4 + 1);
    for (size_t r = 0; r < rounds; r++)
        for (enum way way = 0; way < WAYS; way++) {
            times[way][r] = turn(b, way, opening, size, count);
            ratios[way][r] = times[0][r] / times[way][r];
        }
    printf("%-6s %6zu", opening ? "open" : "seal", size);
    for (enum way way = 0; way < WAYS; way++)
        printf("  %10.0f", median(times[way], rounds));
    for (enum way way = 1; way < WAYS; way++) {
        double middle = median(ratios[way], rounds);
        printf("  %5.2f (%.2f..%.2f)", middle, ratios[way][rounds / 10], ratios[way][rounds - 1 - rounds / 10]);
    }
    printf("\n");
}

int main(int argc, char **argv) {
    static const size_t sizes[] = {64, 256, 1024, 1400, 2048, 4096, 16384};
    size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 501;
    static bench b = {.cipher = {.try_openssl = true}};
    must(sodium_init() >= 0, "sodium_init");
    must(rounds >= 1 && rounds <= ROUNDS_MOST, "ROUNDS: 1 to 1001");
    randombytes_buf(b.key, sizeof b.key);
    b.seal = EVP_CIPHER_CTX_new();
    b.unseal = EVP_CIPHER_CTX_new();
    const uint8_t nonce[NOISE_NONCE_SIZE] = {0};
    must(b.seal != NULL && b.unseal != NULL &&
             EVP_EncryptInit_ex(b.seal, EVP_chacha20_poly1305(), NULL, b.key, nonce) == 1 &&
             EVP_DecryptInit_ex(b.unseal, EVP_chacha20_poly1305(), NULL, b.key, nonce) == 1,
         "EVP_chacha20_poly1305");
    printf("libsodium %s, %s; medians (first..last decile) of %zu rounds, ns\n\n", sodium_version_string(),
           OpenSSL_version(OPENSSL_VERSION), rounds);
    printf("%-6s %6s  %10s  %10s  %10s  libsodium / OpenSSL  libsodium / plugin\n", "", "bytes", "libsodium", "OpenSSL",
           "plugin");
    for (int opening = 0; opening < 2; opening++)
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
            row(&b, opening, sizes[i], rounds);
    EVP_CIPHER_CTX_free(b.seal);
    EVP_CIPHER_CTX_free(b.unseal);
    noise_cipher_free(&b.cipher);
    return 0;
}
