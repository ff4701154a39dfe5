/* epochs.h - the keys of one direction: see epochs.c. */
#ifndef NOISE_EPOCHS_H
#define NOISE_EPOCHS_H
#include "cipher.h"

enum {
    NOISE_EPOCH_BITS = 20, /* numbers of one key */
    NOISE_EPOCHS_AHEAD = 16,
};

struct noise_epochs {
    uint64_t epoch; /* of `key` */
    uint8_t key[NOISE_KEY_SIZE], past[NOISE_KEY_SIZE];
};

void noise_epochs_begin(struct noise_epochs *, const uint8_t key[NOISE_KEY_SIZE]);
/* False, and `data` and tag are zeros, for a number that has no key (any more). */
bool noise_epochs_seal(struct noise_epochs *, struct noise_cipher *, uint64_t number, slow_bytes ad, uint8_t *data,
                       size_t size, uint8_t tag[NOISE_TAG_SIZE]);
/* False, and nothing has changed, when the tag is wrong or the number has no key. */
bool noise_epochs_unseal(struct noise_epochs *, struct noise_cipher *, uint64_t number, slow_bytes ad, uint8_t *data,
                         size_t size, const uint8_t tag[NOISE_TAG_SIZE]);
void noise_epochs_wipe(struct noise_epochs *);
#endif
