/* utf8.h - reads one character of UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
#ifndef SL_UTF8_H
#define SL_UTF8_H
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at `at`, of which `left` bytes can be read; 0 = not UTF-8. */
static inline size_t sl_utf8_next(const uint8_t *at, size_t left, uint32_t *code) {
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (left == 0)
        return 0;
    size_t size = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : at[0] < 0xf5 ? 4 : 0;
    if (size == 0 || size > left)
        return 0;
    uint32_t value = size == 1 ? at[0] : at[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (at[i] & 0x3fu);
    }
    if (value < least[size] || (value >= 0xd800 && value <= 0xdfff) || value > 0x10ffff)
        return 0;
    *code = value;
    return size;
}
#endif
