/* id.h - junction ids: checking, comparing, hashing, printing. */
#ifndef SL_ID_H
#define SL_ID_H
#include <slow/base.h>
#include <string.h>

enum { SL_HASH_KEY = 16 };

/* False unless it is 1..63 bytes of UTF-8 (RFC 3629) without control characters (C0, DEL, C1). */
bool sl_id_set(slow_id *, slow_bytes text);
/* The same with a reason that a person can use. */
slow_status sl_id_parse(const char *text, size_t size, slow_id *, slow_error *);
/* Order by bytes, then by length: which end is the lower. */
int sl_id_compare(const slow_id *, const slow_id *);
/* SipHash-2-4 of an id's bytes: a remote that cannot see the key cannot aim at a slot. */
uint64_t sl_id_hash(const uint8_t key[SL_HASH_KEY], const uint8_t *text, size_t size);

static inline bool sl_id_equal(const slow_id *a, const slow_id *b) {
    return memcmp(a, b, sizeof *a) == 0;
}
static inline bool sl_id_is(const slow_id *id, const uint8_t *text, size_t size) {
    return id->size == size && memcmp(id->text, text, size) == 0;
}
static inline slow_bytes sl_id_bytes(const slow_id *id) {
    return (slow_bytes){(const uint8_t *)id->text, id->size};
}

/* For printf: "%.*s", SL_ID_ARG(id). */
#define SL_ID_ARG(id) (int)(id)->size, (id)->text
#endif
