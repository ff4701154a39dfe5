/* All of right_transport.h as it is. */
#include "right_transport.h"

RIGHT_TRANSPORT(transport_right, "transport-right", right_connect, right_cancel, right_send, right_close)
