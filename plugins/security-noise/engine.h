/* engine.h - another library's ChaCha20-Poly1305 (RFC 8439), looked for at run time: it makes libsodium's bytes, faster. */
#ifndef NOISE_ENGINE_H
#define NOISE_ENGINE_H
#include "crypto.h"

/* The first member of what an engine is. seal() and unseal() are noise_aead_seal() and noise_aead_unseal(), to the bit. */
struct noise_engine {
    size_t least; /* bytes of data from which on it is faster than libsodium */
    void (*seal)(struct noise_engine *, const uint8_t key[NOISE_KEY_SIZE], const uint8_t nonce[NOISE_NONCE_SIZE],
                 slow_bytes ad, uint8_t *data, size_t size, uint8_t tag[NOISE_TAG_SIZE]);
    bool (*unseal)(struct noise_engine *, const uint8_t key[NOISE_KEY_SIZE], const uint8_t nonce[NOISE_NONCE_SIZE],
                   slow_bytes ad, uint8_t *data, size_t size, const uint8_t tag[NOISE_TAG_SIZE]);
    void (*forget)(struct noise_engine *); /* no key of a frame is left in it */
    void (*free)(struct noise_engine *);
};

/* NULL: the library is not installed, is another version, or would not be faster on this processor. The caller's to free. */
struct noise_engine *noise_engine_ipsec_mb(void);
struct noise_engine *noise_engine_openssl(void);
#endif
