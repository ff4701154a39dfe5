/* junction.h - a junction: config -> modules -> instances -> wiring, on a loop that somebody else runs.
 *
 * Everything here is [loop]. The embedding API (embedding.c) adds threads and blocking calls; the admin server adds HTTP;
 * the simulator runs a thousand of these on virtual loops. */
#ifndef SL_JUNCTION_H
#define SL_JUNCTION_H
#include "config.h"
#include "inbox.h"
#include "path.h"

typedef struct sl_junction {
    sl_loop *loop;
    sl_pool *pool;
    sl_log log;
    sl_calls calls;
    sl_stats stats;
    sl_config *config;
    slow_time began_at;
    sl_claim claim;
    sl_instance *security, *codec_instances[SL_NAMES_MAX];
    sl_membership *membership; /* not closed where the config has no identity */
    sl_codec codecs[SL_NAMES_MAX];
    sl_links links;
    sl_forward *forward;
    sl_routing routing;
    sl_delivery delivery;
    sl_path path;
    sl_deferred kick;
    const sl_service *extra_services; /* for transports: the simulator's */
    sl_service *transport_services;
    /* Whoever waits for routes, for messages, for room. All may be NULL. */
    void (*on_message)(void *arg, const sl_message *); /* see sl_delivery_events */
    bool (*on_withdraw)(void *arg, sl_arrival *);
    void (*on_outcome)(void *arg, const sl_result *);
    void (*on_route)(void *arg); /* some destination became reachable */
    void (*on_released)(void *arg, const slow_id *peer, size_t bytes, bool reliable); /* of sl_junction_send() */
    void *arg;
} sl_junction;

/* Takes the config, also on failure. Makes and starts the plugins; listens and joins nowhere yet. `calls` may be NULL: nobody
 * is told. `extra`: services for transports besides the core's; ends with id == NULL; may be NULL. */
slow_status sl_junction_new(sl_loop *, sl_config *, const sl_log *, const sl_calls *calls, const sl_service *extra,
                            sl_junction **, slow_error *);
/* Listens and joins as the config says. */
slow_status sl_junction_start(sl_junction *, slow_error *);
/* Says goodbye; it is said when this turn and the next have ended. */
void sl_junction_goodbye(sl_junction *);
/* Stops and frees everything but the loop. Returns how many leaks were named in the log. */
unsigned sl_junction_free(sl_junction *);

/* The transport is loaded if need be. `bound` may be NULL. */
slow_status sl_junction_listen(sl_junction *, const char *address, char bound[SL_ADDRESS_SIZE], slow_error *);
slow_status sl_junction_join(sl_junction *, const char *address, uint32_t factor_ppm, uint32_t bias, slow_error *);
slow_status sl_junction_leave(sl_junction *, const char *address, slow_error *);
/* The keys of the file "revoked" of the config, read anew, or the ones given: they are out from now on, and what stands on
 * them ends. *count: how many they are; may be NULL. SLOW_E_INVAL: there is no such file, or no identity. */
slow_status sl_junction_reload_revoked(sl_junction *, size_t *count, slow_error *);
slow_status sl_junction_revoke(sl_junction *, const sl_key *, size_t count, slow_error *);
/* Several strategies at once: `entry` is JSON as it stands under "routing" in a config; `plugin` is the id of one that
 * runs. Links stay open, and packages pass meanwhile. */
slow_status sl_junction_routing_add(sl_junction *, slow_bytes entry, slow_error *);
slow_status sl_junction_routing_prefer(sl_junction *, const char *plugin, int64_t preference, slow_error *);
slow_status sl_junction_routing_remove(sl_junction *, const char *plugin, slow_error *);
/* Takes the message, which was checked. SLOW_E_AGAIN, SLOW_E_NOMEM: it is the caller's still. */
slow_status sl_junction_send(sl_junction *, sl_outgoing *);

static inline const slow_id *sl_junction_id(const sl_junction *junction) {
    return &junction->claim.id;
}
/* Checks a message and makes it ready to be sent: JSON is validated and stripped. [any] */
slow_status sl_message_check(const sl_message *, sl_outgoing **, slow_error *);
uint64_t sl_junction_duplicates(const sl_junction *);
/* The strategy behind a candidate, "" when it is gone. */
const char *sl_junction_strategy_name(const sl_junction *, uint32_t strategy);
#endif
