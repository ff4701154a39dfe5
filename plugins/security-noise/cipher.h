/* cipher.h - the AEAD of frames, by number: libsodium's, or that of an engine which was found to be faster (cipher.c). One for
 * an instance. */
#ifndef NOISE_CIPHER_H
#define NOISE_CIPHER_H
#include "engine.h"

struct noise_cipher {
    bool accelerate;             /* look for engines */
    size_t asked;                /* how many engines were looked for so far */
    struct noise_engine *engine; /* NULL: not needed so far, not wanted, or none there */
};

/* What noise_seal() and noise_unseal() do, to the bit. */
void noise_cipher_seal(struct noise_cipher *, const uint8_t key[NOISE_KEY_SIZE], uint64_t number, slow_bytes ad,
                       uint8_t *data, size_t size, uint8_t tag[NOISE_TAG_SIZE]);
bool noise_cipher_unseal(struct noise_cipher *, const uint8_t key[NOISE_KEY_SIZE], uint64_t number, slow_bytes ad,
                         uint8_t *data, size_t size, const uint8_t tag[NOISE_TAG_SIZE]);
/* No key of a frame is left in it. */
void noise_cipher_forget(struct noise_cipher *);
void noise_cipher_free(struct noise_cipher *); /* what it holds */
#endif
