#include "seen.h"
#include "window.h"
#include <stdlib.h>
#include <string.h>

enum { WORDS = 32, BUCKETS = 4096 };

typedef struct source {
    struct source *chain;         /* in its bucket */
    struct source *newer, *older; /* by last use */
    uint64_t session, highest;
    uint64_t bits[WORDS];
    slow_id id;
    uint32_t bucket;
} source;

struct sl_seen {
    uint8_t key[SL_HASH_KEY];
    source **buckets; /* NULL until something was heard: most junctions of a large mesh hear nobody */
    source *newest, *oldest;
    uint32_t count;
};

sl_seen *sl_seen_new(sl_loop *loop) {
    sl_seen *seen = calloc(1, sizeof *seen);
    if (seen != NULL)
        sl_entropy(loop, seen->key, sizeof seen->key);
    return seen;
}

static void recency_remove(sl_seen *seen, source *s) {
    *(s->newer != NULL ? &s->newer->older : &seen->newest) = s->older;
    *(s->older != NULL ? &s->older->newer : &seen->oldest) = s->newer;
}

static void recency_add(sl_seen *seen, source *s) {
    s->newer = NULL;
    s->older = seen->newest;
    *(seen->newest != NULL ? &seen->newest->newer : &seen->oldest) = s;
    seen->newest = s;
}

static void source_forget(sl_seen *seen, source *s) {
    source **at = &seen->buckets[s->bucket];
    while (*at != s)
        at = &(*at)->chain;
    *at = s->chain;
    recency_remove(seen, s);
    seen->count--;
    free(s);
}

void sl_seen_free(sl_seen *seen) {
    while (seen != NULL && seen->oldest != NULL)
        source_forget(seen, seen->oldest);
    if (seen != NULL)
        free(seen->buckets);
    free(seen);
}

static source *source_find(sl_seen *seen, const uint8_t *id, size_t size, uint64_t session) {
    uint32_t bucket = (uint32_t)(sl_id_hash(seen->key, id, size) ^ session) % BUCKETS;
    if (seen->buckets == NULL && (seen->buckets = calloc(BUCKETS, sizeof *seen->buckets)) == NULL)
        return NULL;
    source *s = seen->buckets[bucket];
    while (s != NULL && (s->session != session || !sl_id_is(&s->id, id, size)))
        s = s->chain;
    if (s != NULL) {
        recency_remove(seen, s);
        recency_add(seen, s);
        return s;
    }
    if (seen->count >= SL_SEEN_MAX)
        source_forget(seen, seen->oldest);
    s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->session = session;
    s->bucket = bucket;
    s->id.size = (uint8_t)size;
    memcpy(s->id.text, id, size);
    s->chain = seen->buckets[bucket];
    seen->buckets[bucket] = s;
    recency_add(seen, s);
    seen->count++;
    return s;
}

bool sl_seen_first(sl_seen *seen, const uint8_t *src, size_t src_size, uint64_t session, uint64_t number) {
    source *s = source_find(seen, src, src_size, session);
    if (s == NULL || sl_window_seen(s->bits, WORDS, s->highest, number))
        return false;
    sl_window_mark(s->bits, WORDS, &s->highest, number);
    return true;
}

uint32_t sl_seen_count(const sl_seen *seen) {
    return seen->count;
}
