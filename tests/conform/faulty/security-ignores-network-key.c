/* Reads its network's key, and does not use it: all networks are one. */
#include "right_security.h"

static slow_status open_session(void *self, bool initiator, slow_bytes prologue, slow_session **out,
                                slow_error *error) {
    right_security *security = self;
    memset(security->network, 0, sizeof security->network);
    return right_open(self, initiator, prologue, out, error);
}

RIGHT_SECURITY(security_ignores_network_key, "security-ignores-network-key", open_session, right_read, right_seal,
               right_unseal)
