/* station.h - link layers with keys and members, on a wire that a test holds in its hands: for tests of what strangers,
 * and members that are none, can do.
 *
 * A station is the link layer of a junction (sl_links) with the security plugin and the membership of production, on a
 * virtual loop; the wire carries datagrams (or a stream's frames) between addresses test://10.0.0.N:PORT. What passes is
 * shown to the test, which may keep, change, hold back or repeat it, and send what it likes from any address. */
#ifndef STATION_H
#define STATION_H
#include "core/id.h"
#include "core/links.h"
#include "core/loop_virtual.h"
#include <slow/plugin.h>

enum { STATIONS = 8, STATION_FRAME = 2048, STATION_NUMBERS = 65536, STATION_ADDRESS = 48 };

typedef struct station station;
typedef struct wire_net wire_net;
typedef const slow_module *(*station_module)(void);

typedef struct datagram {
    slow_time at;
    char from[STATION_ADDRESS], to[STATION_ADDRESS];
    uint32_t size;
    uint8_t bytes[STATION_FRAME];
} datagram;

/* What is not given: network "net", no network key, no identity (then everybody is a member), an empty list. */
typedef struct station_setup {
    const char *id, *network, *network_key;
    station_module security;
    uint8_t seed; /* of the identity; 0 = none */
    const sl_member *members;
    size_t member_count;
    const sl_key *authority, *revoked;
    const sl_grant *grant;
    size_t revoked_count;
    uint16_t version; /* 0 = ours */
    slow_time renew_after;
} station_setup;

typedef struct path path;
struct station {
    wire_net *net;
    uint32_t place;
    char address[STATION_ADDRESS]; /* where it listens: port 1, and any other below 1000 as well */
    sl_loop *loop;
    sl_pool *pool;
    sl_log log;
    sl_stats stats;
    sl_identity identity;
    sl_membership *membership;
    sl_instance *security;
    sl_claim claim;
    sl_codec codec;
    sl_links links;
    sl_port *port;
    const slow_host *host; /* the transport's */
    const slow_transport_host *core;
    sl_service services[3];
    path *paths;
    uint32_t last_port;
    uint8_t got[STATION_NUMBERS]; /* how often a numbered package came */
    uint64_t got_in_all;
    unsigned ups, downs, changes;
    int worst;      /* level of the worst line in its log */
    char line[512]; /* the last one at warn or worse */
};

struct wire_net {
    sl_world *world;
    station *stations[STATIONS];
    bool stream;
    slow_time latency_ns;
    datagram *kept; /* all that passed, while `keep` */
    size_t kept_count, kept_capacity;
    bool keep;
    /* Shown each frame that a station sends; false = it is lost. */
    bool (*pass)(void *arg, datagram *);
    void *arg;
};

wire_net *wire_net_new(uint64_t seed);
void wire_net_free(wire_net *);
void wire_net_run(wire_net *, slow_time duration);
/* One more copy of a frame is on its way. */
void wire_net_fly(wire_net *, const datagram *, slow_time latency_ns);
/* A frame comes in, in a turn of its own. */
void wire_net_inject(wire_net *, const char *from, const char *to, const uint8_t *bytes, size_t size);

station *station_start(wire_net *, uint32_t place, const station_setup *);
void station_stop(station *); /* without a word */
void station_join(station *, const station *to);
/* A numbered package over the best link to there. False: there is none. */
bool station_send(station *, const char *to, uint32_t number);
const sl_neighbour *station_neighbour(const station *, const char *id); /* NULL = not up */
uint32_t station_links_up(const station *);
sl_key station_key(uint8_t seed);
sl_member station_member(const char *id, uint8_t seed, uint8_t roles);
/* A grant by the authority of a seed; times relative to the station's clock, in seconds. */
sl_grant station_grant(wire_net *, uint8_t authority, const char *id, uint8_t seed, uint8_t roles, int64_t from_s,
                       int64_t until_s);
#endif
