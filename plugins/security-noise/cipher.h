/* cipher.h - the AEAD of frames, by number: libsodium's, and OpenSSL's for large ones: see cipher.c. One for an instance. */
#ifndef NOISE_CIPHER_H
#define NOISE_CIPHER_H
#include "crypto.h"

enum { NOISE_LARGE = 2048 }; /* bytes of data, from which on OpenSSL is the faster one by far */

struct noise_cipher {
    bool try_openssl;              /* at the next large frame */
    struct noise_openssl *openssl; /* NULL: not needed so far, not wanted, or not there */
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
