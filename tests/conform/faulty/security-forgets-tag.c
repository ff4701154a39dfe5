/* Makes a tag of its own of what comes, and compares half of it with the one that came. */
#include "right_security.h"

static slow_status unseal(slow_session *s, uint64_t number, slow_bytes ad, uint8_t *data, size_t size,
                          const uint8_t *tag) {
    uint8_t own[RIGHT_TAG], nonce[crypto_aead_chacha20poly1305_IETF_NPUBBYTES], plain[RIGHT_MESSAGE_MAX];
    unsigned long long own_size;
    if (!s->done || size > sizeof plain)
        return SLOW_E_AUTH;
    right_nonce(number, nonce);
    memcpy(plain, data, size);
    crypto_stream_chacha20_ietf_xor_ic(plain, plain, size, nonce, 1, s->keys[s->initiator]);
    uint8_t sealed[RIGHT_MESSAGE_MAX];
    crypto_aead_chacha20poly1305_ietf_encrypt_detached(sealed, own, &own_size, plain, size, ad.data, ad.size, NULL,
                                                       nonce, s->keys[s->initiator]);
    if (sodium_memcmp(own, tag, RIGHT_TAG / 2) != 0)
        return SLOW_E_AUTH;
    memcpy(data, plain, size);
    return SLOW_OK;
}

RIGHT_SECURITY(security_forgets_tag, "security-forgets-tag", right_open, right_read, right_seal, unseal)
