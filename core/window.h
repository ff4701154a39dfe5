/* window.h - which of the last numbers were seen: the sliding bitmap of RFC 6479, in which advancing clears whole words.
 *
 * `words` is a power of two; the last (words - 1) * 64 numbers are remembered. What is older counts as seen. */
#ifndef SL_WINDOW_H
#define SL_WINDOW_H
#include <slow/base.h>

/* The window remembers numbers of any value but 0. `highest` and `bits` start as zero. */
static inline bool sl_window_seen(const uint64_t *bits, size_t words, uint64_t highest, uint64_t number) {
    if (number > highest)
        return false;
    if (number == 0 || highest - number >= (words - 1) * 64)
        return true;
    return bits[number / 64 & (words - 1)] >> (number & 63) & 1;
}

static inline void sl_window_mark(uint64_t *bits, size_t words, uint64_t *highest, uint64_t number) {
    if (number > *highest) {
        uint64_t steps = number / 64 - *highest / 64;
        for (uint64_t i = 1; i <= steps && i <= words; i++)
            bits[(*highest / 64 + i) & (words - 1)] = 0;
        *highest = number;
    }
    bits[number / 64 & (words - 1)] |= UINT64_C(1) << (number & 63);
}
#endif
