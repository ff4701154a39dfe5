/* A window of its own, and too small a one: what comes 40,000 numbers late is not opened. */
#include "right_security.h"

enum { WINDOW = 40000 };

static slow_status unseal(slow_session *s, uint64_t number, slow_bytes ad, uint8_t *data, size_t size,
                          const uint8_t *tag) {
    if (s->highest > WINDOW && number < s->highest - WINDOW)
        return SLOW_E_AUTH;
    slow_status status = right_unseal(s, number, ad, data, size, tag);
    if (status == SLOW_OK && number > s->highest)
        s->highest = number;
    return status;
}

RIGHT_SECURITY(security_drops_late_frames, "security-drops-late-frames", right_open, right_read, right_seal, unseal)
