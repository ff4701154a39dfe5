/* proven.h - which key has proved an id by its certificate, the last time.
 *
 * A key that the config binds, or whose fingerprint the id is, tells itself for whom it speaks. What a certificate binds is
 * seen only while its proof is read: so it is written down then, or nobody would know, when that key is revoked, which
 * destinations stand on it. An authority has signed for each of these ids, so there are no more of them than it let in; beyond
 * SL_PROVEN_MAX those whose certificates are over give way, and who finds no room then is not believed. */
#ifndef SL_PROVEN_H
#define SL_PROVEN_H
#include "membership.h"

enum { SL_PROVEN_MAX = 1 << 17 };

typedef struct sl_proven_entry {
    slow_id id;
    sl_key key;
    uint64_t until; /* seconds since 1970 */
    uint32_t hash;
} sl_proven_entry;

/* All zero is empty. */
typedef struct sl_proven {
    sl_proven_entry *entries; /* dense */
    uint32_t *slots;          /* entry + 1; 0 = free; open addressing */
    uint32_t count, capacity, slot_count;
} sl_proven;

void sl_proven_free(sl_proven *);
/* `hash`: keyed, of the id, the same each time. False: there is no room, or no memory. */
bool sl_proven_note(sl_proven *, uint32_t hash, const sl_member *, uint64_t now_s);
/* NULL = none. Until the next note. */
const sl_key *sl_proven_key(const sl_proven *, uint32_t hash, const slow_id *);
#endif
