#include "known.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

void sl_known_init(sl_known *known, sl_loop *loop) {
    *known = (sl_known){.sets = NULL};
    sl_entropy(loop, known->key, sizeof known->key);
}

void sl_known_free(sl_known *known) {
    free(known->sets);
    *known = (sl_known){.sets = NULL};
}

static void hash_part(crypto_generichash_state *state, slow_bytes part) {
    uint64_t size = part.size;
    crypto_generichash_update(state, (const uint8_t *)&size, sizeof size);
    crypto_generichash_update(state, part.data, part.size);
}

sl_known_mark sl_known_mark_of(const sl_known *known, enum sl_known_kind kind, slow_bytes owner,
                               const slow_bytes *parts, size_t count) {
    crypto_generichash_state state;
    sl_known_mark mark;
    uint8_t kind_byte = (uint8_t)kind;
    _Static_assert(crypto_shorthash_BYTES == sizeof mark.owner && crypto_shorthash_KEYBYTES <= sizeof known->key,
                   "SipHash-2-4");
    crypto_shorthash((uint8_t *)&mark.owner, owner.data, owner.size, known->key);
    crypto_generichash_init(&state, known->key, sizeof known->key, SL_KNOWN_SIZE);
    crypto_generichash_update(&state, &kind_byte, 1);
    hash_part(&state, owner);
    for (size_t i = 0; i < count; i++)
        hash_part(&state, parts[i]);
    crypto_generichash_final(&state, mark.content, SL_KNOWN_SIZE);
    return mark;
}

static sl_known_set *set_of(const sl_known *known, uint64_t owner) {
    return &known->sets[owner & (known->set_count - 1)];
}

bool sl_known_has(const sl_known *known, const sl_known_mark *mark) {
    if (known->sets == NULL)
        return false;
    const sl_known_set *set = set_of(known, mark->owner);
    for (size_t i = 0; i < set->count; i++)
        if (memcmp(set->content[i], mark->content, SL_KNOWN_SIZE) == 0)
            return true;
    return false;
}

/* In the place of the oldest where the set is full. */
static void put(sl_known *known, uint64_t owner, const uint8_t content[SL_KNOWN_SIZE]) {
    sl_known_set *set = set_of(known, owner);
    size_t at = set->count;
    if (at < SL_KNOWN_WAYS) {
        set->count++;
        known->count++;
    } else {
        at = set->oldest;
        set->oldest = (uint8_t)((at + 1) % SL_KNOWN_WAYS);
    }
    set->owner[at] = owner;
    memcpy(set->content[at], content, SL_KNOWN_SIZE);
}

/* To twice as many sets: what shared one by chance parts. */
static void grow(sl_known *known) {
    size_t count = known->sets == NULL ? SL_KNOWN_SETS_LEAST : known->set_count * 2;
    sl_known wider = {.set_count = count, .sets = calloc(count, sizeof *wider.sets)};
    if (wider.sets == NULL)
        return;
    for (size_t i = 0; i < known->set_count; i++) {
        const sl_known_set *set = &known->sets[i];
        for (size_t n = 0; n < set->count; n++) { /* the oldest first */
            size_t at = (set->oldest + n) % set->count;
            put(&wider, set->owner[at], set->content[at]);
        }
    }
    free(known->sets);
    known->sets = wider.sets;
    known->set_count = count;
    known->count = wider.count;
}

void sl_known_add(sl_known *known, const sl_known_mark *mark) {
    if (known->sets == NULL ||
        (known->count > known->set_count * SL_KNOWN_WAYS / 4 && known->set_count < SL_KNOWN_SETS_MOST))
        grow(known);
    if (known->sets != NULL && !sl_known_has(known, mark))
        put(known, mark->owner, mark->content);
}
