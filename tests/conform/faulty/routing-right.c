/* All of right_routing.h as it is. */
#include "right_routing.h"

RIGHT_ROUTING(routing_right, "routing-right", right_create, right_destroy, right_down, right_message, NULL)
