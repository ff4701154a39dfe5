/* Takes a number for one of 32 bits. */
#include "right_security.h"

static void seal(slow_session *s, uint64_t number, slow_bytes ad, uint8_t *data, size_t size, uint8_t *tag) {
    right_seal(s, (uint32_t)number, ad, data, size, tag);
}

static slow_status unseal(slow_session *s, uint64_t number, slow_bytes ad, uint8_t *data, size_t size,
                          const uint8_t *tag) {
    return right_unseal(s, (uint32_t)number, ad, data, size, tag);
}

RIGHT_SECURITY(security_wraps_numbers, "security-wraps-numbers", right_open, right_read, seal, unseal)
