/* No fault at all: what the others are made of keeps the contract. */
#include "right_security.h"

RIGHT_SECURITY(security_right, "security-right", right_open, right_read, right_seal, right_unseal)
