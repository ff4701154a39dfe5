/* store.c - see store.h. */
#include "store.h"
#include <stdlib.h>
#include <string.h>

static uint32_t units_of(size_t size) {
    return (uint32_t)((size + 1 + 3) / 4);
}

static bool store_grow(struct store *store, uint32_t units) {
    if (store->used == 0)
        store->used = 1;
    if (store->capacity - store->used >= units && store->capacity > store->used)
        return true;
    uint64_t capacity = (uint64_t)store->capacity + store->capacity / 4 + 2 * STORE_SIZES;
    if (capacity > UINT32_MAX)
        return false;
    uint8_t *bytes = realloc(store->bytes, (size_t)capacity * 4);
    if (bytes == NULL)
        return false;
    store->bytes = bytes;
    store->capacity = (uint32_t)capacity;
    return true;
}

uint32_t store_add(struct store *store, slow_bytes string) {
    uint32_t units = units_of(string.size), reference = store->vacant[units];
    if (reference != 0) {
        memcpy(&store->vacant[units], store->bytes + (size_t)reference * 4, 4);
    } else {
        if (!store_grow(store, units))
            return 0;
        reference = store->used;
        store->used += units;
    }
    uint8_t *at = store->bytes + (size_t)reference * 4;
    at[0] = (uint8_t)string.size;
    if (string.size > 0)
        memcpy(at + 1, string.data, string.size);
    return reference;
}

void store_drop(struct store *store, uint32_t reference) {
    if (reference == 0)
        return;
    uint32_t units = units_of(store_get(store, reference).size);
    memcpy(store->bytes + (size_t)reference * 4, &store->vacant[units], 4);
    store->vacant[units] = reference;
}

void store_free(struct store *store) {
    free(store->bytes);
    *store = (struct store){0};
}

size_t store_memory(const struct store *store) {
    return (size_t)store->capacity * 4;
}
