/* routing.h - the tests of the routing suite that are in files of their own. */
#ifndef ROUTING_H
#define ROUTING_H
#include "conform.h"

/* routing_hostile.c */
void hostile_messages_do_no_harm(conform *);
void what_is_told_has_a_limit(conform *);
#endif
