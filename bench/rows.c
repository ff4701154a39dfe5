/* rows.c - see rows.h. Ids are 8 characters. A payload is at most 1,024 bytes (slow/package.h), so sizes are mixed from 16 to
 * 1,024: packages of about 60 to 1,070 bytes. The rows of 1 and of 100,000 destinations send the same 100,000 distinct
 * messages, so that they differ in the look-up alone and not in what the caches hold of the sender's. */
#include "rows.h"
#include <math.h>

#define SIZE(bytes) .payload_least = (bytes), .payload_most = (bytes)
#define MIXED .payload_least = 16, .payload_most = 1024, .messages = 4096
static const char no_offload[] = ", \"gso\": false, \"gro\": false";

const row rows[] = {
    {"bare udp 64", RELAY_BARE, "udp", &wire_raw_datagram, {SIZE(64)}, true},
    {"bare udp 1024", RELAY_BARE, "udp", &wire_raw_datagram, {SIZE(1024)}, false},
    {"bare udp mmsg 64", RELAY_BARE, "mmsg", &wire_raw_datagram, {SIZE(64)}, true},
    {"bare udp mmsg 1024", RELAY_BARE, "mmsg", &wire_raw_datagram, {SIZE(1024)}, false},
    {"bare udp gso 64", RELAY_BARE, "gso", &wire_raw_datagram, {SIZE(64), .trains = true}, true},
    {"bare udp gso 1024", RELAY_BARE, "gso", &wire_raw_datagram, {SIZE(1024), .trains = true}, false},
    {"bare tcp 64", RELAY_BARE, "tcp", &wire_raw_stream, {SIZE(64)}, true},
    {"bare tcp 1024", RELAY_BARE, "tcp", &wire_raw_stream, {SIZE(1024)}, false},
    {"nats 64", RELAY_NATS, NULL, &wire_nats, {SIZE(64)}, true},
    {"nats 1024", RELAY_NATS, NULL, &wire_nats, {SIZE(1024)}, false},
    {"libslow best effort 64", RELAY_SLOW, NULL, NULL, {SIZE(64), .way = LIBSLOW_BEST_EFFORT}, false},
    {"libslow reliable 64", RELAY_SLOW, NULL, NULL, {SIZE(64), .way = LIBSLOW_RELIABLE}, false},
    {"libslow ordered 64", RELAY_SLOW, NULL, NULL, {SIZE(64), .way = LIBSLOW_ORDERED}, false},
    {"libslow best effort 1024", RELAY_SLOW, NULL, NULL, {SIZE(1024), .way = LIBSLOW_BEST_EFFORT}, false},
    {"libslow reliable 1024", RELAY_SLOW, NULL, NULL, {SIZE(1024), .way = LIBSLOW_RELIABLE}, false},
    {"libslow ordered 1024", RELAY_SLOW, NULL, NULL, {SIZE(1024), .way = LIBSLOW_ORDERED}, false},
    {"zmq_proxy 64", RELAY_ZMQ, NULL, &wire_zmq, {SIZE(64)}, true},
    {"zmq_proxy 1024", RELAY_ZMQ, NULL, &wire_zmq, {SIZE(1024)}, false},
    {"nng_device 64", RELAY_NNG, NULL, &wire_nng, {SIZE(64)}, true},
    {"nng_device 1024", RELAY_NNG, NULL, &wire_nng, {SIZE(1024)}, false},
    {"slow tcp 64", RELAY_SLOW, NULL, &wire_slow_stream, {SIZE(64)}, true},
    {"slow tcp 1024", RELAY_SLOW, NULL, &wire_slow_stream, {SIZE(1024)}, false},
    {"slow udp 64", RELAY_SLOW, "", &wire_slow_datagram, {SIZE(64), .trains = true}, true},
    {"slow udp 1024", RELAY_SLOW, "", &wire_slow_datagram, {SIZE(1024), .trains = true}, false},
    {"slow udp no gso 64", RELAY_SLOW, no_offload, &wire_slow_datagram, {SIZE(64)}, false},
    {"slow udp single 64", RELAY_SLOW, "", &wire_slow_datagram, {SIZE(64), .single = true}, false},
    {"slow tcp mixed", RELAY_SLOW, NULL, &wire_slow_stream, {MIXED}, false},
    {"slow udp mixed", RELAY_SLOW, "", &wire_slow_datagram, {MIXED, .trains = true}, false},
    {"slow tcp 1 dst", RELAY_SLOW, NULL, &wire_slow_stream, {SIZE(64), .messages = 100000}, false},
    {"slow tcp 100k dst",
     RELAY_SLOW,
     NULL,
     &wire_slow_stream,
     {SIZE(64), .messages = 100000, .destinations = 100000},
     false},
    {"slow tcp json 64", RELAY_SLOW, NULL, &wire_slow_stream, {SIZE(64), .json = true}, false},
};
const size_t row_count = sizeof rows / sizeof *rows;

const target targets[] = {
    {"TCP, plain, x nats: relay CPU", "nats 64", "slow tcp 64", METRIC_CPU, false, 2.5, 3.5, 4.5},
    {"TCP, plain, x nats: messages/s", "slow tcp 64", "nats 64", METRIC_RATE, false, 1.6, 2.4, 3.0},
    {"UDP, plain, x bare udp: relay CPU (target is for sealed)", "bare udp 64", "slow udp 64", METRIC_CPU, false, 8, 13,
     18},
    {"UDP, plain, x bare udp: messages/s (target is for sealed)", "slow udp 64", "bare udp 64", METRIC_RATE, false, 5,
     10, 16},
    {"UDP without GSO/GRO, x bare udp: relay CPU", "bare udp 64", "slow udp no gso 64", METRIC_CPU, false, 5, 7, 9},
    {"UDP, one message a datagram in, x bare udp: relay CPU", "bare udp 64", "slow udp single 64", METRIC_CPU, false,
     0.9, 1.1, 1.25},
    {"UDP, one message a datagram in, x bare udp: messages/s", "slow udp single 64", "bare udp 64", METRIC_RATE, false,
     0.8, 0.95, 1.05},
    {"1 KiB TCP, plain, x nats: relay CPU", "nats 1024", "slow tcp 1024", METRIC_CPU, false, 1.3, 1.7, 2.0},
    {"1 KiB TCP, plain, x nats: messages/s", "slow tcp 1024", "nats 1024", METRIC_RATE, false, 1.0, 1.4, 1.6},
    {"round trip through an idle relay, x bare udp: p50", "slow udp 64", "bare udp 64", METRIC_P50, true, 1.4, 1.2,
     1.1},
    {"100,000 destinations x one: relay CPU", "slow tcp 100k dst", "slow tcp 1 dst", METRIC_CPU, true, 3, 2.2, 1.7},
    {"mixed sizes, UDP x TCP: relay CPU", "slow udp mixed", "slow tcp mixed", METRIC_CPU, true, 2.5, 1.5, 1.2},
    {"codec-json forwarding: thousand messages/s", "slow tcp json 64", NULL, METRIC_RATE, false, 50, 100, INFINITY},
    {"libslow, 64 B, reliable x best effort: messages/s", "libslow reliable 64", "libslow best effort 64", METRIC_RATE,
     false, 0.65, INFINITY, INFINITY},
    {"libslow, 1 KiB, reliable x best effort: messages/s", "libslow reliable 1024", "libslow best effort 1024",
     METRIC_RATE, false, 0.65, INFINITY, INFINITY},
    {"libslow, 64 B, best effort x nats: messages/s", "libslow best effort 64", "nats 64", METRIC_RATE, false, 0,
     INFINITY, INFINITY},
    {"libslow, 64 B, reliable x nats: messages/s", "libslow reliable 64", "nats 64", METRIC_RATE, false, 0, INFINITY,
     INFINITY},
    {"libslow, 1 KiB, best effort x nats: messages/s", "libslow best effort 1024", "nats 1024", METRIC_RATE, false, 0,
     INFINITY, INFINITY},
    {"libslow, 1 KiB, reliable x nats: messages/s", "libslow reliable 1024", "nats 1024", METRIC_RATE, false, 0,
     INFINITY, INFINITY},
};
const size_t target_count = sizeof targets / sizeof *targets;
