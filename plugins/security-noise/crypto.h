/* crypto.h - the four functions that Noise is made of, with the choices 25519, ChaChaPoly and SHA256 (Noise Protocol
 * Framework, rev. 34, sections 4 and 12), over libsodium. */
#ifndef NOISE_CRYPTO_H
#define NOISE_CRYPTO_H
#include <slow/base.h>

enum { NOISE_KEY_SIZE = 32, NOISE_HASH_SIZE = 32, NOISE_TAG_SIZE = 16, NOISE_NONCE_SIZE = 12 };
/* Never a message's number: REKEY() uses it (section 4.2). */
#define NOISE_NUMBER_RESERVED UINT64_MAX

struct noise_keypair {
    uint8_t secret[NOISE_KEY_SIZE], public[NOISE_KEY_SIZE];
};

void noise_hash(slow_bytes a, slow_bytes b, uint8_t out[NOISE_HASH_SIZE]); /* of a and b, one after the other */
/* HKDF (section 4.3): `count` keys, 2 or 3. An output may be `chaining` itself. */
void noise_hkdf(const uint8_t chaining[NOISE_HASH_SIZE], slow_bytes material, size_t count, uint8_t *const out[]);

void noise_keypair_of(struct noise_keypair *, const uint8_t secret[NOISE_KEY_SIZE]);
/* False for a result of zeros, which is what a public key of small order gives. Section 12.1 allows to refuse it. */
bool noise_dh(const uint8_t secret[NOISE_KEY_SIZE], const uint8_t public[NOISE_KEY_SIZE], uint8_t out[NOISE_KEY_SIZE]);

/* AEAD_CHACHA20_POLY1305 (RFC 8439), in place. When the tag is wrong, false, and `data` is as it was. */
void noise_aead_seal(const uint8_t key[NOISE_KEY_SIZE], const uint8_t nonce[NOISE_NONCE_SIZE], slow_bytes ad,
                     uint8_t *data, size_t size, uint8_t tag[NOISE_TAG_SIZE]);
bool noise_aead_unseal(const uint8_t key[NOISE_KEY_SIZE], const uint8_t nonce[NOISE_NONCE_SIZE], slow_bytes ad,
                       uint8_t *data, size_t size, const uint8_t tag[NOISE_TAG_SIZE]);
/* The cipher without the tag: what was plain is sealed, what was sealed is plain. */
void noise_aead_stream(const uint8_t key[NOISE_KEY_SIZE], const uint8_t nonce[NOISE_NONCE_SIZE], uint8_t *data,
                       size_t size);
/* 4 zero bytes and the number, little endian (section 12.3). */
void noise_nonce(uint64_t number, uint8_t nonce[NOISE_NONCE_SIZE]);
/* The same AEAD, by a number. */
void noise_seal(const uint8_t key[NOISE_KEY_SIZE], uint64_t number, slow_bytes ad, uint8_t *data, size_t size,
                uint8_t tag[NOISE_TAG_SIZE]);
bool noise_unseal(const uint8_t key[NOISE_KEY_SIZE], uint64_t number, slow_bytes ad, uint8_t *data, size_t size,
                  const uint8_t tag[NOISE_TAG_SIZE]);
void noise_rekey(uint8_t key[NOISE_KEY_SIZE]); /* REKEY() (section 4.2) */
#endif
