/* links.h - the link layer of a junction: its transports, its links, its neighbours and its joins, in one place.
 *
 * It is the host of transports. What they say (a link came, frames came, a link went) goes to the links; what links have
 * to send waits here for the end of the turn. A turn's reading is budgeted: 512 KiB in all, and for a link its share of
 * that among those that were busy in the last turn, at least 16 KiB. The rest stays in the sockets, and comes next turn. */
#ifndef SL_LINKS_H
#define SL_LINKS_H
#include "join.h"

enum { SL_PORTS_MAX = 64 };
#define SL_RENEW_AFTER (3600 * SL_SECOND) /* on average: sl_joins makes it a quarter more or less */

typedef struct sl_listener {
    sl_port *port;
    char address[SL_ADDRESS_SIZE], bound[SL_ADDRESS_SIZE]; /* as asked for; as it is */
} sl_listener;

typedef struct sl_links {
    sl_link_env env;
    sl_neighbours neighbours;
    sl_joins joins;
    sl_slots links; /* number -> sl_link */
    sl_port *ports[SL_PORTS_MAX];
    uint32_t port_count;
    sl_listener *listeners;
    uint32_t listener_count;
    uint32_t *dirty; /* numbers */
    uint32_t dirty_count, dirty_capacity;
    sl_deferred flush;
    sl_membership *membership; /* NULL = none */
    sl_timer *recheck;
    slow_time recheck_at;
    bool own_end_told; /* our own certificate ran out, and the log has it */
    uint64_t turn_bytes;
    uint32_t turn_links, last_turn_links, turn;
    void (*bundle)(void *arg, sl_link *, uint8_t *records, size_t size);
    void *arg;
    void (*flushed)(void *arg);
    void *flushed_arg;
} sl_links;

/* `claim`, `codecs` and `security` live as long as the layer. `bundle` and neighbour events are the upper floors'. */
typedef struct sl_links_setup {
    sl_loop *loop;
    sl_pool *pool;
    const sl_log *log;
    sl_stats *stats;
    const sl_claim *claim;
    const sl_codec *codecs;
    size_t codec_count;
    const slow_security_ops *security;
    void *security_self;
    bool has_secret;           /* the security plugin has a network key: see sl_opening_env */
    sl_membership *membership; /* NULL = everybody may be a neighbour; lives as long as the layer */
    sl_neighbour_events neighbour_events;
    void (*bundle)(void *arg, sl_link *, uint8_t *records, size_t size);
    void *arg;                  /* bundle's */
    void (*flushed)(void *arg); /* links were flushed: there may be room again */
    void *flushed_arg;
} sl_links_setup;

/* False: no memory; free it all the same. */
bool sl_links_init(sl_links *, const sl_links_setup *);
/* The services that a transport's instance is made with; its layer is the sl_links. */
const sl_service *sl_links_services(void);
/* A transport's instance, started; it is the layer's from here on. NULL = no memory, or too many. */
sl_port *sl_links_add_port(sl_links *, sl_instance *);
sl_port *sl_links_port(const sl_links *, const char *address); /* by the address's scheme; NULL = none */
slow_status sl_links_listen(sl_links *, sl_port *, const char *address, char bound[SL_ADDRESS_SIZE], slow_error *);
/* Joins; a join that stands already is left alone. */
slow_status sl_links_join(sl_links *, sl_port *, const char *address, uint32_t factor_ppm, uint32_t bias, slow_error *);
/* SLOW_E_INVAL: there is no such join. */
slow_status sl_links_leave(sl_links *, const char *address, slow_error *);
/* Ends the links of those that may not be here any more: each minute, and when keys were revoked. */
void sl_links_recheck(sl_links *);
/* Says CLOSE on every link, and closes them. Flush (end the turn) before free. */
void sl_links_goodbye(sl_links *);
/* Frees all: links, ports with their instances. Returns how many leaks were named. */
unsigned sl_links_free(sl_links *);
static inline sl_link *sl_links_get(const sl_links *links, uint32_t number) {
    return (sl_link *)sl_slots_get(&links->links, number);
}
#endif
