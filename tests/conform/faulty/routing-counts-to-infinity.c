/* No number of hops is too many. */
#define RIGHT_FAR 1000000000u
#define RIGHT_PAUSE_NS UINT64_C(200000000)
#include "right_routing.h"

RIGHT_ROUTING(routing_counts_to_infinity, "routing-counts-to-infinity", right_create, right_destroy, right_down,
              right_message, NULL)
