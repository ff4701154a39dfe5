/* Several libraries for one cipher: all make the same bytes, and which one it was cannot be seen.
 *
 * libsodium's is always there, and does what is small. The others are looked for when a frame comes that is as large as those
 * of streams under load, and not before: they map as much memory as all of an idle router, and most routers never need them.
 * Where none is installed, nothing is lost but speed. The first that is there is kept.
 *
 * Rejected: a cipher put together of one library's ChaCha20 and another's Poly1305, and either of our own. */
#include "cipher.h"

static const struct {
    size_t size; /* bytes of data: it is looked for at the first frame as large as that */
    struct noise_engine *(*find)(void);
} engines[] = {
    {1024, noise_engine_ipsec_mb},
    {2048, noise_engine_openssl},
};
enum { ENGINES = sizeof engines / sizeof engines[0] };

static struct noise_engine *engine_for(struct noise_cipher *cipher, size_t size) {
    while (cipher->accelerate && cipher->engine == NULL && cipher->asked < ENGINES &&
           size >= engines[cipher->asked].size)
        cipher->engine = engines[cipher->asked++].find();
    return cipher->engine != NULL && size >= cipher->engine->least ? cipher->engine : NULL;
}

void noise_cipher_seal(struct noise_cipher *cipher, const uint8_t key[NOISE_KEY_SIZE], uint64_t number, slow_bytes ad,
                       uint8_t *data, size_t size, uint8_t tag[NOISE_TAG_SIZE]) {
    struct noise_engine *engine = engine_for(cipher, size);
    uint8_t nonce[NOISE_NONCE_SIZE];
    noise_nonce(number, nonce);
    if (engine != NULL)
        engine->seal(engine, key, nonce, ad, data, size, tag);
    else
        noise_aead_seal(key, nonce, ad, data, size, tag);
}

bool noise_cipher_unseal(struct noise_cipher *cipher, const uint8_t key[NOISE_KEY_SIZE], uint64_t number, slow_bytes ad,
                         uint8_t *data, size_t size, const uint8_t tag[NOISE_TAG_SIZE]) {
    struct noise_engine *engine = engine_for(cipher, size);
    uint8_t nonce[NOISE_NONCE_SIZE];
    noise_nonce(number, nonce);
    return engine != NULL ? engine->unseal(engine, key, nonce, ad, data, size, tag)
                          : noise_aead_unseal(key, nonce, ad, data, size, tag);
}

void noise_cipher_forget(struct noise_cipher *cipher) {
    if (cipher->engine != NULL)
        cipher->engine->forget(cipher->engine);
}

void noise_cipher_free(struct noise_cipher *cipher) {
    if (cipher->engine != NULL)
        cipher->engine->free(cipher->engine);
    *cipher = (struct noise_cipher){.accelerate = false};
}
