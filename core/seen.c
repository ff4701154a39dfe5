#include "seen.h"
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096, WORD_BITS = 64 };

typedef struct block {
    struct block *chain;         /* in its bucket */
    struct block *newer, *older; /* by last use */
    uint64_t session, first;     /* first: its lowest number */
    uint64_t bits[SL_SEEN_BLOCK / WORD_BITS];
    slow_id id;
    uint32_t bucket;
} block;

struct sl_seen {
    uint8_t key[SL_HASH_KEY];
    block **buckets; /* NULL until something was heard: most junctions of a large mesh hear nobody */
    block *newest, *oldest;
    uint32_t count;
};

sl_seen *sl_seen_new(sl_loop *loop) {
    sl_seen *seen = calloc(1, sizeof *seen);
    if (seen != NULL)
        sl_entropy(loop, seen->key, sizeof seen->key);
    return seen;
}

static void recency_remove(sl_seen *seen, block *s) {
    *(s->newer != NULL ? &s->newer->older : &seen->newest) = s->older;
    *(s->older != NULL ? &s->older->newer : &seen->oldest) = s->newer;
}

static void recency_add(sl_seen *seen, block *s) {
    s->newer = NULL;
    s->older = seen->newest;
    *(seen->newest != NULL ? &seen->newest->newer : &seen->oldest) = s;
    seen->newest = s;
}

static void block_forget(sl_seen *seen, block *s) {
    block **at = &seen->buckets[s->bucket];
    while (*at != s)
        at = &(*at)->chain;
    *at = s->chain;
    recency_remove(seen, s);
    seen->count--;
    free(s);
}

void sl_seen_free(sl_seen *seen) {
    while (seen != NULL && seen->oldest != NULL)
        block_forget(seen, seen->oldest);
    if (seen != NULL)
        free(seen->buckets);
    free(seen);
}

/* Keyed over all three: whoever could choose the session or the number to collide would make long chains. */
static uint32_t bucket_of(const sl_seen *seen, const uint8_t *id, size_t size, uint64_t session, uint64_t number) {
    uint8_t name[SLOW_ID_MAX + 16];
    memcpy(name, &session, 8);
    memcpy(name + 8, &number, 8);
    memcpy(name + 16, id, size);
    return (uint32_t)sl_id_hash(seen->key, name, 16 + size) % BUCKETS;
}

static block *block_add(sl_seen *seen, uint32_t bucket) {
    if (seen->count >= SL_SEEN_MAX)
        block_forget(seen, seen->oldest);
    block *b = calloc(1, sizeof *b);
    if (b == NULL)
        return NULL;
    b->bucket = bucket;
    b->chain = seen->buckets[bucket];
    seen->buckets[bucket] = b;
    recency_add(seen, b);
    seen->count++;
    return b;
}

static block *block_need(sl_seen *seen, const uint8_t *id, size_t size, uint64_t session, uint64_t first) {
    uint32_t bucket = bucket_of(seen, id, size, session, first);
    if (seen->buckets == NULL && (seen->buckets = calloc(BUCKETS, sizeof *seen->buckets)) == NULL)
        return NULL;
    block *b = seen->buckets[bucket];
    while (b != NULL && (b->session != session || b->first != first || !sl_id_is(&b->id, id, size)))
        b = b->chain;
    if (b != NULL) {
        recency_remove(seen, b);
        recency_add(seen, b);
        return b;
    }
    b = block_add(seen, bucket);
    if (b == NULL)
        return NULL;
    b->session = session;
    b->first = first;
    b->id.size = (uint8_t)size;
    memcpy(b->id.text, id, size);
    return b;
}

bool sl_seen_first(sl_seen *seen, const uint8_t *src, size_t src_size, uint64_t session, uint64_t number) {
    uint64_t place = number % SL_SEEN_BLOCK, bit = UINT64_C(1) << place % WORD_BITS;
    block *b = block_need(seen, src, src_size, session, number - place);
    if (b == NULL || (b->bits[place / WORD_BITS] & bit) != 0)
        return false;
    b->bits[place / WORD_BITS] |= bit;
    return true;
}

uint32_t sl_seen_count(const sl_seen *seen) {
    return seen->count;
}
