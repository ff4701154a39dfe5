/* config_plugins.h - what a config holds, and its sections about plugins and addresses, on which config.c stands. */
#ifndef SL_CONFIG_PLUGINS_H
#define SL_CONFIG_PLUGINS_H
#include "json.h"
#include "membership.h"
#include <slow/plugin.h>

/* A plugin that was named, its options checked and filled in. `options` is a struct as the plugin wants it, freed by
 * sl_option_free(); NULL when the plugin has no options. */
typedef struct sl_config_plugin {
    const slow_plugin *plugin;
    void *options; /* taken (and set to NULL) by whoever makes the instance */
    char *path;    /* in the config, e.g. "transports[0]" */
} sl_config_plugin;

typedef struct sl_config_transport {
    sl_config_plugin use;
    char **listen;
    size_t listen_count;
} sl_config_transport;

typedef struct sl_config_join {
    char *address;
    uint32_t cost_bias;       /* unit 0.1 ms, 0..60000 */
    uint32_t cost_factor_ppm; /* 1,000,000 = 1.0; 0.01..100 */
} sl_config_join;

enum { SL_PREFERENCE_MAX = 65535 };

typedef struct sl_config_routing {
    sl_config_plugin use;
    int64_t preference; /* 0..SL_PREFERENCE_MAX; higher wins; of equal ones the first, or the one added first */
} sl_config_routing;

typedef struct sl_config {
    slow_id id;
    char network[64];
    char **plugin_dirs; /* NULL-terminated; NULL = none */
    sl_config_transport *transports;
    size_t transport_count;
    sl_config_join *joins;
    size_t join_count;
    sl_config_routing *routings;
    size_t routing_count;
    sl_config_plugin *codecs; /* in order of preference */
    size_t codec_count;
    sl_config_plugin security;
    bool insecure;   /* what lets in everybody may listen beyond loopback */
    bool has_secret; /* the security plugin was given one that all members share: a network key */
    /* Who we are, and who the others may be. Without an identity nothing else of this is set; see config_security.h. */
    sl_identity *identity; /* memory for secrets */
    sl_member *members;
    size_t member_count;
    bool listed; /* there are "members" or "authority", if empty: a fingerprint is no credential then */
    sl_key *authorities;
    size_t authority_count;
    sl_grant *grant;      /* of our certificate; NULL = none */
    char *certificate_at; /* where it stands, for errors */
    char *revoked_file;   /* NULL = none */
    sl_key *revoked;
    size_t revoked_count;
    bool end_to_end;
    uint8_t hop_limit;
    char *admin_socket; /* NULL = none */
    int log_level;
    bool log_json;
} sl_config;

/* A transport plugin for this address's scheme: transport-SCHEME, with its default options. */
slow_status sl_config_transport_for(const sl_config *, const char *address, sl_config_plugin *, slow_error *);
/* Frees what a use owns, and zeroes it. */
void sl_config_plugin_free(sl_config_plugin *);
/* May this transport listen there? Its own check, and loopback alone where links are not encrypted, or for anybody. */
slow_status sl_config_check_listen(const sl_config *, const slow_plugin *transport, const char *address, slow_error *);
/* Is this an address that the transport can connect to? */
slow_status sl_config_check_join(const slow_plugin *transport, const char *address, slow_error *);
/* ---- for config.c ---- */

/* Each reads one key's value into the config; what it has put there is freed by sl_config_free(), also after a failure.
 * The order of the calls matters: plugin_dirs and security come before transports, transports before joins. */
typedef slow_status (*sl_config_section)(sl_config *, const sl_json *, const sl_json_at *, slow_error *);
slow_status sl_config_read_transports(sl_config *, const sl_json *, const sl_json_at *, slow_error *);
slow_status sl_config_read_joins(sl_config *, const sl_json *, const sl_json_at *, slow_error *);
slow_status sl_config_read_routings(sl_config *, const sl_json *, const sl_json_at *, slow_error *);
slow_status sl_config_read_codecs(sl_config *, const sl_json *, const sl_json_at *, slow_error *);
/* The plugin, and "insecure". */
slow_status sl_config_read_security(sl_config *, const sl_json *, const sl_json_at *, slow_error *);

slow_status sl_config_read_routing(const sl_config *, const sl_json *, const sl_json_at *, sl_config_routing *,
                                   slow_error *);
/* A list of at least `least` elements; "is not a list; expected WHAT" else. */
slow_status sl_config_check_list(const sl_json *, const sl_json_at *, size_t least, const char *what, slow_error *);
/* A string that is not empty, copied. */
slow_status sl_config_read_string(const sl_json *, const sl_json_at *, const char *what, char **, slow_error *);
#endif
