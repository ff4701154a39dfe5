#include "proven.h"
#include "id.h"
#include <stdlib.h>
#include <string.h>

void sl_proven_free(sl_proven *proven) {
    free(proven->entries);
    free(proven->slots);
    *proven = (sl_proven){.entries = NULL};
}

static sl_proven_entry *find(const sl_proven *proven, uint32_t hash, const slow_id *id) {
    uint32_t mask = proven->slot_count - 1;
    for (uint32_t at = hash & mask; proven->count > 0 && proven->slots[at] != 0; at = (at + 1) & mask) {
        sl_proven_entry *entry = &proven->entries[proven->slots[at] - 1];
        if (entry->hash == hash && sl_id_compare(&entry->id, id) == 0)
            return entry;
    }
    return NULL;
}

static void slot_fill(sl_proven *proven, uint32_t entry) {
    uint32_t mask = proven->slot_count - 1, at = proven->entries[entry].hash & mask;
    while (proven->slots[at] != 0)
        at = (at + 1) & mask;
    proven->slots[at] = entry + 1;
}

static void slots_fill(sl_proven *proven) {
    memset(proven->slots, 0, proven->slot_count * sizeof *proven->slots);
    for (uint32_t i = 0; i < proven->count; i++)
        slot_fill(proven, i);
}

/* Those whose certificates are over. */
static void tidy(sl_proven *proven, uint64_t now_s) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < proven->count; i++)
        if (proven->entries[i].until >= now_s)
            proven->entries[kept++] = proven->entries[i];
    proven->count = kept;
    slots_fill(proven);
}

/* Slots are twice as many as entries, at least. */
static bool reserve(sl_proven *proven) {
    if (proven->count < proven->capacity)
        return true;
    uint32_t capacity = proven->capacity == 0 ? 16 : proven->capacity * 2;
    sl_proven_entry *entries = realloc(proven->entries, capacity * sizeof *entries);
    if (entries == NULL)
        return false;
    proven->entries = entries;
    uint32_t *slots = realloc(proven->slots, capacity * 2 * sizeof *slots);
    if (slots == NULL)
        return false;
    proven->slots = slots;
    proven->slot_count = capacity * 2;
    proven->capacity = capacity;
    slots_fill(proven);
    return true;
}

bool sl_proven_note(sl_proven *proven, uint32_t hash, const sl_member *member, uint64_t now_s) {
    sl_proven_entry *known = find(proven, hash, &member->id);
    if (known != NULL) {
        known->key = member->key;
        known->until = member->until;
        return true;
    }
    if (proven->count == SL_PROVEN_MAX)
        tidy(proven, now_s);
    if (proven->count == SL_PROVEN_MAX || !reserve(proven))
        return false;
    proven->entries[proven->count] =
        (sl_proven_entry){.id = member->id, .key = member->key, .until = member->until, .hash = hash};
    slot_fill(proven, proven->count++);
    return true;
}

const sl_key *sl_proven_key(const sl_proven *proven, uint32_t hash, const slow_id *id) {
    const sl_proven_entry *entry = find(proven, hash, id);
    return entry != NULL ? &entry->key : NULL;
}
