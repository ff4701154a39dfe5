/* learned.c - see learned.h. */
#include "learned.h"
#include "../common/siphash.h"
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 16 };

void learned_init(struct learned *table, uint32_t limit, const uint8_t key[16]) {
    *table = (struct learned){.limit = limit, .vacant = LEARNED_NONE, .oldest = LEARNED_NONE, .newest = LEARNED_NONE};
    memcpy(table->key, key, sizeof table->key);
}

void learned_free(struct learned *table) {
    free(table->sources);
    free(table->buckets);
}

static uint32_t number_of(const struct learned *table, const struct learned_source *source) {
    return (uint32_t)(source - table->sources);
}

static struct learned_source *source_at(const struct learned *table, uint32_t number) {
    return number == LEARNED_NONE ? NULL : &table->sources[number];
}

/* ---- by id: chains, so that taking one out moves no other */

static uint32_t *bucket_of(const struct learned *table, slow_bytes id) {
    return &table->buckets[siphash(id, table->key) & (table->bucket_count - 1)];
}

static slow_bytes id_bytes(const slow_id *id) {
    return (slow_bytes){(const uint8_t *)id->text, id->size};
}

struct learned_source *learned_find(const struct learned *table, slow_bytes id) {
    if (table->count == 0)
        return NULL;
    for (uint32_t number = *bucket_of(table, id); number != LEARNED_NONE; number = table->sources[number].next) {
        struct learned_source *source = &table->sources[number];
        if (source->id.size == id.size && memcmp(source->id.text, id.data, id.size) == 0)
            return source;
    }
    return NULL;
}

static void bucket_insert(struct learned *table, uint32_t number) {
    uint32_t *bucket = bucket_of(table, id_bytes(&table->sources[number].id));
    table->sources[number].next = *bucket;
    *bucket = number;
}

static void bucket_remove(struct learned *table, uint32_t number) {
    uint32_t *at = bucket_of(table, id_bytes(&table->sources[number].id));
    while (*at != number)
        at = &table->sources[*at].next;
    *at = table->sources[number].next;
}

/* ---- by age */

static void age_remove(struct learned *table, const struct learned_source *source) {
    struct learned_source *older = source_at(table, source->older), *newer = source_at(table, source->newer);
    *(older != NULL ? &older->newer : &table->oldest) = source->newer;
    *(newer != NULL ? &newer->older : &table->newest) = source->older;
}

static void age_add(struct learned *table, struct learned_source *source) {
    struct learned_source *before = source_at(table, table->newest);
    source->older = table->newest;
    source->newer = LEARNED_NONE;
    table->newest = number_of(table, source);
    *(before != NULL ? &before->newer : &table->oldest) = table->newest;
}

struct learned_source *learned_oldest(const struct learned *table) {
    return source_at(table, table->oldest);
}

struct learned_source *learned_after(const struct learned *table, const struct learned_source *source) {
    return source_at(table, source->newer);
}

void learned_renew(struct learned *table, struct learned_source *source, slow_time now) {
    source->heard_at = now;
    if (table->newest == number_of(table, source))
        return;
    age_remove(table, source);
    age_add(table, source);
}

/* ---- coming and going */

/* As many buckets as places, both doubled together. */
static bool table_grow(struct learned *table) {
    uint32_t capacity = table->capacity == 0 ? FIRST_CAPACITY : table->capacity * 2;
    uint32_t *buckets = malloc(capacity * sizeof *buckets);
    if (buckets == NULL)
        return false;
    struct learned_source *sources = realloc(table->sources, capacity * sizeof *sources);
    if (sources == NULL) {
        free(buckets);
        return false;
    }
    memset(buckets, 0xff, capacity * sizeof *buckets); /* LEARNED_NONE */
    free(table->buckets);
    table->sources = sources;
    table->capacity = table->bucket_count = capacity;
    table->buckets = buckets;
    for (uint32_t number = 0; number < table->used; number++) /* none is free, or it would not have to grow */
        bucket_insert(table, number);
    return true;
}

struct learned_source *learned_add(struct learned *table, slow_bytes id, slow_time now) {
    if (table->count == table->limit)
        return NULL;
    if (table->vacant == LEARNED_NONE && table->used == table->capacity && !table_grow(table))
        return NULL;
    uint32_t number = table->vacant;
    if (number != LEARNED_NONE)
        table->vacant = table->sources[number].next;
    else
        number = table->used++;
    struct learned_source *source = &table->sources[number];
    *source = (struct learned_source){.id.size = (uint8_t)id.size, .heard_at = now};
    memcpy(source->id.text, id.data, id.size);
    bucket_insert(table, number);
    age_add(table, source);
    table->count++;
    return source;
}

void learned_remove(struct learned *table, struct learned_source *source) {
    uint32_t number = number_of(table, source);
    bucket_remove(table, number);
    age_remove(table, source);
    source->next = table->vacant;
    table->vacant = number;
    table->count--;
}
