/* A key for every 2^20 numbers, without a message.
 *
 * Noise leaves it to the application when to call REKEY() (rev. 34, section 11.3); here the number says it. The key of
 * epoch e, for the numbers e * 2^20 and following, is the first one rekeyed e times. So both ends agree without a word,
 * whatever is lost or overtakes, and who steals a key cannot read what was sent two epochs before. The nonce is the number
 * itself, which REKEY() does not reset.
 *
 * The keys of the latest epoch and of the one before are kept: frames overtake each other near a boundary, and the core's
 * windows (16,320 numbers on a link, 8,128 in a pair) are far less than an epoch. What is older can no longer be opened. A number ahead costs a rekey for each
 * epoch between, before anybody knows whether its tag is right, so at most NOISE_EPOCHS_AHEAD of them: a forged frame then
 * costs us a few microseconds at most, and an honest sender is that far ahead only when 16 million frames in a row were
 * lost; such a session is dead, and the core opens another. Only a right tag moves the epoch on.
 *
 * Rejected: a rekey by message or by time (two ends that must agree, about something lost), and keeping a chain of keys for
 * random access (a secret that is kept is a secret that can be stolen). */
#include "epochs.h"
#include <sodium.h>
#include <string.h>

void noise_epochs_begin(struct noise_epochs *epochs, const uint8_t key[NOISE_KEY_SIZE]) {
    *epochs = (struct noise_epochs){.epoch = 0};
    memcpy(epochs->key, key, NOISE_KEY_SIZE);
}

/* The keys as they are when `number` is the newest; false when they cannot be had. */
static bool ahead(const struct noise_epochs *epochs, uint64_t epoch, struct noise_epochs *out) {
    if (epoch - epochs->epoch > NOISE_EPOCHS_AHEAD)
        return false;
    for (*out = *epochs; out->epoch < epoch; out->epoch++) {
        memcpy(out->past, out->key, NOISE_KEY_SIZE);
        noise_rekey(out->key);
    }
    return true;
}

/* The key of an epoch that needs no rekey, or NULL. */
static const uint8_t *key_at_hand(const struct noise_epochs *epochs, uint64_t epoch) {
    if (epoch == epochs->epoch)
        return epochs->key;
    return epoch + 1 == epochs->epoch ? epochs->past : NULL;
}

bool noise_epochs_seal(struct noise_epochs *epochs, struct noise_cipher *cipher, uint64_t number, slow_bytes ad,
                       uint8_t *data, size_t size, uint8_t tag[NOISE_TAG_SIZE]) {
    uint64_t epoch = number >> NOISE_EPOCH_BITS;
    if (epoch > epochs->epoch) {
        struct noise_epochs next;
        if (ahead(epochs, epoch, &next))
            *epochs = next;
        noise_epochs_wipe(&next);
    }
    const uint8_t *key = number == NOISE_NUMBER_RESERVED ? NULL : key_at_hand(epochs, epoch);
    if (key == NULL) {
        sodium_memzero(data, size);
        memset(tag, 0, NOISE_TAG_SIZE);
        return false;
    }
    noise_cipher_seal(cipher, key, number, ad, data, size, tag);
    return true;
}

bool noise_epochs_unseal(struct noise_epochs *epochs, struct noise_cipher *cipher, uint64_t number, slow_bytes ad,
                         uint8_t *data, size_t size, const uint8_t tag[NOISE_TAG_SIZE]) {
    uint64_t epoch = number >> NOISE_EPOCH_BITS;
    const uint8_t *key = key_at_hand(epochs, epoch);
    if (number == NOISE_NUMBER_RESERVED)
        return false;
    if (key != NULL)
        return noise_cipher_unseal(cipher, key, number, ad, data, size, tag);
    struct noise_epochs next;
    bool good = epoch > epochs->epoch && ahead(epochs, epoch, &next) &&
                noise_cipher_unseal(cipher, next.key, number, ad, data, size, tag);
    if (good)
        *epochs = next;
    noise_epochs_wipe(&next);
    return good;
}

void noise_epochs_wipe(struct noise_epochs *epochs) {
    sodium_memzero(epochs, sizeof *epochs);
}
