/* transport.h - the tests of the transport suite that are in files of their own. */
#ifndef TRANSPORT_H
#define TRANSPORT_H
#include "conform.h"

/* transport_pressure.c: more than the other end reads */
void a_batch_is_taken_in_order(conform *);
void trains_arrive_as_frames(conform *);
void what_does_not_fit_is_sent_later(conform *);
void what_nobody_reads_is_not_taken(conform *);
void who_has_enough_gets_no_more(conform *);

/* transport_ends.c: how links and dials end */
void links_close_in_every_state(conform *);
void what_was_taken_is_sent_before_the_close(conform *);
void the_other_end_is_told(conform *);
void dials_fail_where_nobody_listens(conform *);
void dials_that_are_cancelled_are_not_heard_of(conform *);
void links_that_are_refused_are_forgotten(conform *);
void links_outlive_their_listener(conform *);
void an_instance_ends_at_any_time(conform *);
#endif
