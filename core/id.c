#include "id.h"
#include "log.h"
#include "utf8.h"
#include <sodium.h>

static bool is_control(uint32_t code) {
    return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

bool sl_id_set(slow_id *id, slow_bytes text) {
    uint32_t code;
    if (text.size < 1 || text.size > SLOW_ID_MAX)
        return false;
    for (size_t at = 0, size; at < text.size; at += size) {
        size = sl_utf8_next(text.data + at, text.size - at, &code);
        if (size == 0 || is_control(code))
            return false;
    }
    *id = (slow_id){.size = (uint8_t)text.size};
    memcpy(id->text, text.data, text.size);
    return true;
}

slow_status sl_id_parse(const char *text, size_t size, slow_id *id, slow_error *error) {
    if (size < 1 || size > SLOW_ID_MAX)
        return sl_error(error, SLOW_E_INVAL, NULL, "an id has 1 to %u bytes, this one has %zu", SLOW_ID_MAX, size);
    if (!sl_id_set(id, (slow_bytes){(const uint8_t *)text, size}))
        return sl_error(error, SLOW_E_INVAL, NULL, "an id is UTF-8 without control characters");
    return SLOW_OK;
}

int sl_id_compare(const slow_id *a, const slow_id *b) {
    int order = memcmp(a->text, b->text, a->size < b->size ? a->size : b->size);
    return order != 0 ? order : (int)a->size - (int)b->size;
}

uint64_t sl_id_hash(const uint8_t key[SL_HASH_KEY], const uint8_t *text, size_t size) {
    uint64_t hash;
    _Static_assert(crypto_shorthash_BYTES == sizeof hash && crypto_shorthash_KEYBYTES == SL_HASH_KEY, "SipHash-2-4");
    crypto_shorthash((uint8_t *)&hash, text, size, key);
    return hash;
}
