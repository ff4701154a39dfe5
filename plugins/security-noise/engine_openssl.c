/* OpenSSL's: 0.26 ns a byte, with its assembler for wide vectors, and 400 ns a frame for its layers, where libsodium's costs
 * 0.63 ns a byte and next to nothing a frame. They meet above 1,000 bytes, and at the 16 KiB of a full frame over TCP
 * OpenSSL is twice as fast (bench/RESULTS.md).
 *
 * It maps 3 MB, as much as all of an idle router, so it is not linked. Its context belongs to the instance and gets key and
 * nonce for each frame: to keep one in each session would save 50 ns of 2,000, for a kilobyte a session and two more places to
 * rekey. EVP deciphers before it knows whether the tag is right, so what was wrong is enciphered again. */
#include "engine.h"
#include <dlfcn.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { OPENSSL_LEAST = 2048 };

/* What is used of libcrypto, and the context. */
struct openssl {
    struct noise_engine engine;
    __typeof__(OPENSSL_init_crypto) *library_init;
    __typeof__(EVP_chacha20_poly1305) *chacha20_poly1305;
    __typeof__(EVP_CIPHER_CTX_new) *context_new;
    __typeof__(EVP_CIPHER_CTX_free) *context_free;
    __typeof__(EVP_CIPHER_CTX_ctrl) *control;
    __typeof__(EVP_CipherInit_ex) *init;
    __typeof__(EVP_CipherUpdate) *update;
    __typeof__(EVP_CipherFinal_ex) *final;
    EVP_CIPHER_CTX *context;
};

static const struct {
    const char *name;
    size_t member;
} functions[] = {
    {"OPENSSL_init_crypto", offsetof(struct openssl, library_init)},
    {"EVP_chacha20_poly1305", offsetof(struct openssl, chacha20_poly1305)},
    {"EVP_CIPHER_CTX_new", offsetof(struct openssl, context_new)},
    {"EVP_CIPHER_CTX_free", offsetof(struct openssl, context_free)},
    {"EVP_CIPHER_CTX_ctrl", offsetof(struct openssl, control)},
    {"EVP_CipherInit_ex", offsetof(struct openssl, init)},
    {"EVP_CipherUpdate", offsetof(struct openssl, update)},
    {"EVP_CipherFinal_ex", offsetof(struct openssl, final)},
};

static void openssl_free(struct noise_engine *engine) {
    struct openssl *o = (struct openssl *)engine;
    if (o != NULL && o->context != NULL)
        o->context_free(o->context);
    free(o);
}

static bool functions_find(struct openssl *o, void *library) {
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *function = dlsym(library, functions[i].name);
        if (function == NULL)
            return false;
        memcpy((uint8_t *)o + functions[i].member, &function, sizeof function);
    }
    return true;
}

/* Key, nonce and `ad`. False, and no data was touched, when OpenSSL would not. */
static bool openssl_begin(struct openssl *o, bool seal, const uint8_t *key, const uint8_t *nonce, slow_bytes ad) {
    int written;
    return o->init(o->context, NULL, NULL, key, nonce, seal) == 1 &&
           (ad.size == 0 || o->update(o->context, NULL, &written, ad.data, (int)ad.size) == 1);
}

static bool openssl_encipher(struct openssl *o, uint8_t *data, size_t size, uint8_t *tag) {
    int written;
    return o->update(o->context, data, &written, data, (int)size) == 1 &&
           o->final(o->context, data + size, &written) == 1 &&
           o->control(o->context, EVP_CTRL_AEAD_GET_TAG, NOISE_TAG_SIZE, tag) == 1;
}

/* *deciphered: the data, whether or not the tag was right. */
static bool openssl_decipher(struct openssl *o, uint8_t *data, size_t size, const uint8_t *tag, bool *deciphered) {
    uint8_t expected[NOISE_TAG_SIZE];
    int written;
    memcpy(expected, tag, sizeof expected); /* EVP takes no const */
    *deciphered = o->control(o->context, EVP_CTRL_AEAD_SET_TAG, NOISE_TAG_SIZE, expected) == 1 &&
                  o->update(o->context, data, &written, data, (int)size) == 1;
    return *deciphered && o->final(o->context, data + size, &written) == 1;
}

static bool fits(size_t size, slow_bytes ad) {
    return size <= INT_MAX && ad.size <= INT_MAX;
}

static void openssl_seal(struct noise_engine *engine, const uint8_t *key, const uint8_t *nonce, slow_bytes ad,
                         uint8_t *data, size_t size, uint8_t *tag) {
    struct openssl *o = (struct openssl *)engine;
    if (!fits(size, ad) || !openssl_begin(o, true, key, nonce, ad)) {
        noise_aead_seal(key, nonce, ad, data, size, tag);
        return;
    }
    if (!openssl_encipher(o, data, size, tag)) { /* never seen; then the frame is lost, and says nothing */
        memset(data, 0, size);
        memset(tag, 0, NOISE_TAG_SIZE);
    }
}

static bool openssl_unseal(struct noise_engine *engine, const uint8_t *key, const uint8_t *nonce, slow_bytes ad,
                           uint8_t *data, size_t size, const uint8_t *tag) {
    struct openssl *o = (struct openssl *)engine;
    bool deciphered;
    if (!fits(size, ad) || !openssl_begin(o, false, key, nonce, ad))
        return noise_aead_unseal(key, nonce, ad, data, size, tag);
    bool good = openssl_decipher(o, data, size, tag, &deciphered);
    if (!good && deciphered)
        noise_aead_stream(key, nonce, data, size);
    return good;
}

static void openssl_forget(struct noise_engine *engine) {
    static const uint8_t nothing[NOISE_KEY_SIZE];
    struct openssl *o = (struct openssl *)engine;
    o->init(o->context, NULL, NULL, nothing, nothing, 1);
}

/* The library is never unmapped: it cannot be. Its config file is not read: nothing of it is for us. */
struct noise_engine *noise_engine_openssl(void) {
    void *library = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
    struct openssl *o = calloc(1, sizeof *o);
    if (library == NULL || o == NULL || !functions_find(o, library) ||
        o->library_init(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) != 1)
        goto failed;
    o->context = o->context_new();
    if (o->context == NULL || o->init(o->context, o->chacha20_poly1305(), NULL, NULL, NULL, 1) != 1)
        goto failed;
    o->engine = (struct noise_engine){.least = OPENSSL_LEAST,
                                      .seal = openssl_seal,
                                      .unseal = openssl_unseal,
                                      .forget = openssl_forget,
                                      .free = openssl_free};
    return &o->engine;
failed:
    openssl_free(&o->engine);
    return NULL;
}
