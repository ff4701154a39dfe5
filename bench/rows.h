/* rows.h - what is measured, and what is wanted of it: data alone. */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H
#include "end.h"

/* Which process stands in the middle. */
enum relay_kind { RELAY_BARE, RELAY_NATS, RELAY_NNG, RELAY_ZMQ, RELAY_SLOW };

typedef struct row {
    const char *name;
    enum relay_kind relay;
    const char *option; /* RELAY_BARE: the kind; RELAY_SLOW: options of transport-udp, as JSON members; or NULL */
    const wire *wire;   /* of raw ends; NULL = libslow at both */
    shape shape;
    bool round_trip; /* take that, too */
} row;
extern const row rows[];
extern const size_t row_count;

/* CPU: nanoseconds of the relay a message. RATE: messages/s. P50: of the round trip. */
enum metric { METRIC_CPU, METRIC_RATE, METRIC_P50 };
/* metric(over) / metric(under), taken within each repetition; `under` NULL = metric(over) itself, a rate in thousands. */
typedef struct target {
    const char *text, *over, *under;
    enum metric metric;
    bool less;                  /* less is better */
    double floor, good, beyond; /* INFINITY = none was set; a floor of 0: nothing is wanted, the ratio is told */
} target;
extern const target targets[];
extern const size_t target_count;
#endif
