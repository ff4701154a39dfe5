#include "fragments.h"
#include <stdlib.h>
#include <string.h>

bool sl_fragments_new(sl_outgoing *out) {
    uint32_t words = (sl_outgoing_fragments(out) + 63) / 64;
    out->acked = words == 1 ? out->bits : calloc(2 * (size_t)words, sizeof *out->acked);
    if (out->acked == NULL)
        return false;
    out->flying = out->acked + words;
    return true;
}

void sl_fragments_reset(sl_outgoing *out) {
    if (out->acked != out->bits)
        free(out->acked);
    out->acked = out->flying = NULL;
    memset(out->bits, 0, sizeof out->bits);
    out->sent = out->acked_count = 0;
    out->number = 0;
    out->first_sent_at = 0;
    out->barred = false;
}

bool sl_fragments_lost(const sl_outgoing *out, uint32_t *index) {
    uint32_t sent = sl_outgoing_size(out) == 0 ? 1 : (out->sent + SLOW_PAYLOAD_MAX - 1) / SLOW_PAYLOAD_MAX;
    for (uint32_t i = 0; i < sent; i++) {
        if (i % 64 == 0 && (out->acked[i / 64] | out->flying[i / 64]) == UINT64_MAX)
            i += 63;
        else if (!sl_bit_get(out->acked, i) && !sl_bit_get(out->flying, i)) {
            *index = i;
            return true;
        }
    }
    return false;
}
