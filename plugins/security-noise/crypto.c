#include "crypto.h"
#include <sodium.h>
#include <string.h>

void noise_hash(slow_bytes a, slow_bytes b, uint8_t out[NOISE_HASH_SIZE]) {
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, a.data, a.size);
    crypto_hash_sha256_update(&state, b.data, b.size);
    crypto_hash_sha256_final(&state, out);
    sodium_memzero(&state, sizeof state);
}

static void hmac(const uint8_t key[NOISE_HASH_SIZE], slow_bytes a, slow_bytes b, uint8_t out[NOISE_HASH_SIZE]) {
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, NOISE_HASH_SIZE);
    crypto_auth_hmacsha256_update(&state, a.data, a.size);
    crypto_auth_hmacsha256_update(&state, b.data, b.size);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof state);
}

void noise_hkdf(const uint8_t chaining[NOISE_HASH_SIZE], slow_bytes material, size_t count, uint8_t *const out[]) {
    uint8_t secret[NOISE_HASH_SIZE], last[NOISE_HASH_SIZE];
    hmac(chaining, material, (slow_bytes){NULL, 0}, secret);
    for (size_t i = 0; i < count; i++) {
        uint8_t place = (uint8_t)(i + 1);
        hmac(secret, (slow_bytes){last, i == 0 ? 0 : sizeof last}, (slow_bytes){&place, 1}, last);
        memcpy(out[i], last, sizeof last);
    }
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(last, sizeof last);
}

void noise_keypair_of(struct noise_keypair *pair, const uint8_t secret[NOISE_KEY_SIZE]) {
    memmove(pair->secret, secret, NOISE_KEY_SIZE);
    crypto_scalarmult_curve25519_base(pair->public, pair->secret);
}

bool noise_dh(const uint8_t secret[NOISE_KEY_SIZE], const uint8_t public[NOISE_KEY_SIZE], uint8_t out[NOISE_KEY_SIZE]) {
    return crypto_scalarmult_curve25519(out, secret, public) == 0;
}

void noise_aead_seal(const uint8_t key[NOISE_KEY_SIZE], const uint8_t nonce[NOISE_NONCE_SIZE], slow_bytes ad,
                     uint8_t *data, size_t size, uint8_t tag[NOISE_TAG_SIZE]) {
    crypto_aead_chacha20poly1305_ietf_encrypt_detached(data, tag, NULL, data, size, ad.data, ad.size, NULL, nonce, key);
}

/* Block 0 of the stream makes the tag's key (RFC 8439, section 2.8). */
void noise_aead_stream(const uint8_t key[NOISE_KEY_SIZE], const uint8_t nonce[NOISE_NONCE_SIZE], uint8_t *data,
                       size_t size) {
    crypto_stream_chacha20_ietf_xor_ic(data, data, size, nonce, 1, key);
}

/* Checked first and deciphered then, in two calls: asked for both, libsodium wipes the data of a wrong tag. */
bool noise_aead_unseal(const uint8_t key[NOISE_KEY_SIZE], const uint8_t nonce[NOISE_NONCE_SIZE], slow_bytes ad,
                       uint8_t *data, size_t size, const uint8_t tag[NOISE_TAG_SIZE]) {
    if (crypto_aead_chacha20poly1305_ietf_decrypt_detached(NULL, NULL, data, size, tag, ad.data, ad.size, nonce, key) !=
        0)
        return false;
    noise_aead_stream(key, nonce, data, size);
    return true;
}

void noise_nonce(uint64_t number, uint8_t nonce[NOISE_NONCE_SIZE]) {
    memset(nonce, 0, 4);
    for (int i = 0; i < 8; i++)
        nonce[4 + i] = (uint8_t)(number >> 8 * i);
}

void noise_seal(const uint8_t key[NOISE_KEY_SIZE], uint64_t number, slow_bytes ad, uint8_t *data, size_t size,
                uint8_t tag[NOISE_TAG_SIZE]) {
    uint8_t nonce[NOISE_NONCE_SIZE];
    noise_nonce(number, nonce);
    noise_aead_seal(key, nonce, ad, data, size, tag);
}

bool noise_unseal(const uint8_t key[NOISE_KEY_SIZE], uint64_t number, slow_bytes ad, uint8_t *data, size_t size,
                  const uint8_t tag[NOISE_TAG_SIZE]) {
    uint8_t nonce[NOISE_NONCE_SIZE];
    noise_nonce(number, nonce);
    return noise_aead_unseal(key, nonce, ad, data, size, tag);
}

void noise_rekey(uint8_t key[NOISE_KEY_SIZE]) {
    uint8_t next[NOISE_KEY_SIZE] = {0}, tag[NOISE_TAG_SIZE];
    noise_seal(key, NOISE_NUMBER_RESERVED, (slow_bytes){NULL, 0}, next, sizeof next, tag);
    memcpy(key, next, sizeof next);
    sodium_memzero(next, sizeof next);
    sodium_memzero(tag, sizeof tag);
}
