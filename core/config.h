/* config.h - a junction's configuration: JSON text in, checked values out, or one error that a person can act on.
 *
 * Every plugin named is found and its options are checked against its option table before anything starts. An error has
 * the form FILE:LINE: PATH: what was wrong, what was expected, and the nearest right key. */
#ifndef SL_CONFIG_H
#define SL_CONFIG_H
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

typedef struct sl_config_routing {
    sl_config_plugin use;
    int64_t preference; /* 0..65535; higher wins; of equal ones the first */
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
    bool insecure; /* a security plugin without encryption may listen beyond loopback */
    uint8_t hop_limit;
    char *admin_socket; /* NULL = none */
    int log_level;
    bool log_json;
} sl_config;

/* `name` stands in errors as the file (NULL = no FILE:LINE). Missing keys are taken from etc/default.json, which is
 * compiled in. On failure nothing is left behind, and the error's text is the whole line. [any] */
slow_status sl_config_parse(const char *name, const char *text, size_t size, sl_config **, slow_error *);
slow_status sl_config_read(const char *path, sl_config **, slow_error *);
/* The config that stands when nobody says anything, with this id and network (NULL = the default's). */
slow_status sl_config_default(const char *id, const char *network, const char *const *plugin_dirs, sl_config **,
                              slow_error *);
void sl_config_free(sl_config *); /* NULL is allowed */

/* One entry as it would stand under "routing", for adding a strategy while running. */
slow_status sl_config_routing_parse(const sl_config *, const char *name, const char *text, size_t size,
                                    sl_config_routing *, slow_error *);
/* A transport plugin for this address's scheme: transport-SCHEME, with its default options. */
slow_status sl_config_transport_for(const sl_config *, const char *address, sl_config_plugin *, slow_error *);
/* Frees what a use owns, and zeroes it. */
void sl_config_plugin_free(sl_config_plugin *);
/* May this transport listen there? Its own check, and loopback alone when links are not encrypted. */
slow_status sl_config_check_listen(const sl_config *, const slow_plugin *transport, const char *address, slow_error *);
/* Is this an address that the transport can connect to? */
slow_status sl_config_check_join(const slow_plugin *transport, const char *address, slow_error *);
#endif
