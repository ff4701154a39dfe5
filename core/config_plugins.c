/* The sections of a config that name plugins and addresses.
 *
 * A plugin's module is loaded as soon as it is named, since only the module knows its options; nothing of it is run but
 * the handshake, and a transport's pure check(). Then a whole config can be checked on a machine on which it could not
 * start.
 *
 * What is refused here that would each work somehow, and surprise somebody later: one plugin twice in a list (of two
 * alike, which one counts?), two transports for one scheme (which one dials?), two listeners on one address (the second
 * fails only when it binds), a join given twice, or with the address of one's own listener.
 *
 * Links without encryption stay on this machine, unless the config says "insecure": true in so many words; and so do links
 * that are encrypted for anybody who asks: with neither an identity, which judges, nor a network key, which only the
 * network's own have. Core knows no plugin's name: a security plugin without a tag (tag_size 0) is one without
 * encryption, and its network key is its option that names a secret's file. Whether an address stays on this machine is
 * for its transport to say. */
#include "config_plugins.h"
#include "log.h"
#include "module.h"
#include "option.h"
#include <slow/security.h>
#include <slow/transport.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCHEME_MAX = 32 };

/* ---- small things that config_plugins.c needs, too ---- */

slow_status sl_config_check_list(const sl_json *value, const sl_json_at *at, size_t least, const char *what,
                                 slow_error *error) {
    if (sl_json_type(value) != SL_JSON_ARRAY)
        return sl_json_error(at, error, SLOW_E_INVAL, "is %s; expected a list of %s", sl_json_type_name(value), what);
    if (sl_json_count(value) < least)
        return sl_json_error(at, error, SLOW_E_INVAL, "is empty; expected at least one of %s", what);
    return SLOW_OK;
}

slow_status sl_config_read_string(const sl_json *value, const sl_json_at *at, const char *what, char **out,
                                  slow_error *error) {
    if (sl_json_type(value) != SL_JSON_STRING)
        return sl_json_error(at, error, SLOW_E_INVAL, "is %s; expected %s", sl_json_type_name(value), what);
    if (sl_json_string(value)[0] == '\0')
        return sl_json_error(at, error, SLOW_E_INVAL, "is empty; expected %s", what);
    *out = strdup(sl_json_string(value));
    return *out != NULL ? SLOW_OK : sl_json_error(at, error, SLOW_E_NOMEM, "no memory");
}

void sl_config_plugin_free(sl_config_plugin *use) {
    if (use->plugin != NULL)
        sl_option_free(use->plugin, use->options);
    free(use->path);
    *use = (sl_config_plugin){0};
}

/* Zeroed room for as many entries as the list has; an empty list takes one, so that NULL means no memory. */
static void *room_for(const sl_json *list, size_t entry_size) {
    size_t count = sl_json_count(list);
    return calloc(count > 0 ? count : 1, entry_size);
}

static slow_status no_memory(const sl_json_at *at, slow_error *error) {
    return sl_json_error(at, error, SLOW_E_NOMEM, "no memory");
}

/* ---- naming a plugin ---- */

/* There is no "plugin": perhaps there is a key that was meant to be it. */
static slow_status plugin_missing(const sl_json *object, const sl_json_at *at, const char *kind, slow_error *error) {
    for (void *i = sl_json_first(object); i != NULL; i = sl_json_next(object, i)) {
        sl_nearest nearest = {.wrong = sl_json_key_of(i)};
        sl_json_at key_at = sl_json_at_key(at, nearest.wrong);
        if (sl_nearest_try(&nearest, "plugin"))
            return sl_json_error(&key_at, error, SLOW_E_INVAL, "unknown key; did you mean \"plugin\"?");
    }
    sl_json_at missing_at = sl_json_at_key(at, "plugin");
    return sl_json_error(&missing_at, error, SLOW_E_INVAL, "missing; expected the id of a %s plugin", kind);
}

/* The id in `value` (a string, or an object with "plugin"), and where it stands. */
static slow_status use_id(const sl_json *value, const sl_json_at *at, uint32_t kind, const char **id, sl_json_at *id_at,
                          slow_error *error) {
    const char *name = sl_kind_name(kind);
    *id_at = *at;
    if (sl_json_type(value) == SL_JSON_OBJECT) {
        *id_at = sl_json_at_key(at, "plugin");
        const sl_json *object = value;
        value = sl_json_get(object, "plugin");
        if (value == NULL)
            return plugin_missing(object, at, name, error);
        if (sl_json_type(value) != SL_JSON_STRING)
            return sl_json_error(id_at, error, SLOW_E_INVAL, "is %s; expected the id of a %s plugin",
                                 sl_json_type_name(value), name);
    } else if (sl_json_type(value) != SL_JSON_STRING) {
        return sl_json_error(at, error, SLOW_E_INVAL,
                             "is %s; expected an object with \"plugin\", or just the id of a %s plugin",
                             sl_json_type_name(value), name);
    }
    *id = sl_json_string(value);
    return SLOW_OK;
}

static slow_status use_read(const sl_config *config, const sl_json *value, const sl_json_at *at, uint32_t kind,
                            const char *const *keys, sl_config_plugin *use, slow_error *error) {
    const char *id = NULL;
    char path[96];
    sl_json_at id_at;
    slow_error why;
    const sl_json *object = sl_json_type(value) == SL_JSON_OBJECT ? value : NULL;
    slow_status status = use_id(value, at, kind, &id, &id_at, error);
    if (status != SLOW_OK)
        return status;
    status = sl_module_find((const char *const *)config->plugin_dirs, id, kind, &use->plugin, &why);
    if (status != SLOW_OK)
        return sl_json_error(&id_at, error, status, "%s", why.text);
    sl_json_path(at, path, sizeof path);
    use->path = strdup(path);
    if (use->path == NULL)
        return no_memory(at, error);
    return sl_option_new(use->plugin, keys, object, at, &use->options, error);
}

static slow_status refuse_twice(const sl_config_plugin *use, const sl_config_plugin *earlier, const sl_json_at *at,
                                slow_error *error) {
    if (use->plugin != earlier->plugin)
        return SLOW_OK;
    return sl_json_error(at, error, SLOW_E_INVAL, "%s stands already as %s; expected each plugin once", use->plugin->id,
                         earlier->path);
}

/* ---- security, routing, codecs ---- */

slow_status sl_config_read_security(sl_config *config, const sl_json *value, const sl_json_at *at, slow_error *error) {
    static const char *const keys[] = {"plugin",      "insecure", "identity",   "members", "authority",
                                       "certificate", "revoked",  "end_to_end", NULL};
    static const slow_option insecure = {.key = "insecure", .type = SLOW_OPT_BOOL};
    slow_status status = use_read(config, value, at, SLOW_SECURITY, keys, &config->security, error);
    const sl_json *word = sl_json_get(value, "insecure");
    sl_json_at word_at = sl_json_at_key(at, "insecure");
    if (status == SLOW_OK && word != NULL)
        status = sl_option_set(&insecure, word, &word_at, &config->insecure, error);
    return status;
}

slow_status sl_config_read_routing(const sl_config *config, const sl_json *value, const sl_json_at *at,
                                   sl_config_routing *routing, slow_error *error) {
    static const char *const keys[] = {"plugin", "preference", NULL};
    static const slow_option preference = {
        .key = "preference", .type = SLOW_OPT_INT, .min = 0, .max = SL_PREFERENCE_MAX};
    routing->preference = 100;
    slow_status status = use_read(config, value, at, SLOW_ROUTING, keys, &routing->use, error);
    const sl_json *number = sl_json_get(value, "preference");
    sl_json_at number_at = sl_json_at_key(at, "preference");
    if (status == SLOW_OK && number != NULL)
        status = sl_option_set(&preference, number, &number_at, &routing->preference, error);
    return status;
}

slow_status sl_config_read_routings(sl_config *config, const sl_json *list, const sl_json_at *at, slow_error *error) {
    slow_status status = sl_config_check_list(list, at, 1, "routing plugins", error);
    if (status != SLOW_OK)
        return status;
    config->routings = room_for(list, sizeof *config->routings);
    if (config->routings == NULL)
        return no_memory(at, error);
    for (size_t i = 0; i < sl_json_count(list) && status == SLOW_OK; i++) {
        sl_json_at item = sl_json_at_index(at, i);
        sl_config_routing *routing = &config->routings[config->routing_count++];
        status = sl_config_read_routing(config, sl_json_item(list, i), &item, routing, error);
        for (size_t j = 0; j < i && status == SLOW_OK; j++)
            status = refuse_twice(&routing->use, &config->routings[j].use, &item, error);
    }
    return status;
}

slow_status sl_config_read_codecs(sl_config *config, const sl_json *list, const sl_json_at *at, slow_error *error) {
    static const char *const keys[] = {"plugin", NULL};
    slow_status status = sl_config_check_list(list, at, 1, "codec plugins", error);
    if (status != SLOW_OK)
        return status;
    config->codecs = room_for(list, sizeof *config->codecs);
    if (config->codecs == NULL)
        return no_memory(at, error);
    for (size_t i = 0; i < sl_json_count(list) && status == SLOW_OK; i++) {
        sl_json_at item = sl_json_at_index(at, i);
        sl_config_plugin *codec = &config->codecs[config->codec_count++];
        status = use_read(config, sl_json_item(list, i), &item, SLOW_CODEC, keys, codec, error);
        for (size_t j = 0; j < i && status == SLOW_OK; j++)
            status = refuse_twice(codec, &config->codecs[j], &item, error);
    }
    return status;
}

/* ---- addresses ---- */

/* Copies the part in front of "://". */
static slow_status scheme_of(const char *address, char scheme[SCHEME_MAX], slow_error *error) {
    size_t size = strspn(address, "abcdefghijklmnopqrstuvwxyz0123456789+.-");
    if (size == 0 || size >= SCHEME_MAX || strncmp(address + size, "://", 3) != 0)
        return sl_error(error, SLOW_E_INVAL, NULL,
                        "\"%.64s\" is no address; expected scheme://host:port, such as udp://127.0.0.1:4100", address);
    memcpy(scheme, address, size);
    scheme[size] = '\0';
    return SLOW_OK;
}

/* An address of this transport, by scheme and by its own check. */
static slow_status address_check(const slow_plugin *transport, const char *address, bool listen, uint32_t *flags,
                                 slow_error *error) {
    char scheme[SCHEME_MAX];
    const slow_transport_ops *ops = transport->ops;
    slow_error why = {.text = ""};
    *flags = 0;
    slow_status status = scheme_of(address, scheme, error);
    if (status != SLOW_OK)
        return status;
    if (strcmp(scheme, ops->scheme) != 0)
        return sl_error(error, SLOW_E_INVAL, NULL, "\"%.64s\" is not for %s; expected %s://...", address, transport->id,
                        ops->scheme);
    status = ops->check(address, listen, flags, &why);
    if (status == SLOW_OK)
        return SLOW_OK;
    if (why.text[0] == '\0')
        return sl_error(error, status, NULL, "\"%.64s\" is refused by %s", address, transport->id);
    return sl_error(error, status, NULL, "%s", why.text);
}

slow_status sl_config_check_join(const slow_plugin *transport, const char *address, slow_error *error) {
    uint32_t flags;
    return address_check(transport, address, false, &flags, error);
}

slow_status sl_config_check_listen(const sl_config *config, const slow_plugin *transport, const char *address,
                                   slow_error *error) {
    uint32_t flags;
    const slow_security_ops *security = config->security.plugin->ops;
    bool encrypts = security->tag_size > 0, keeps_out = encrypts && (config->identity != NULL || config->has_secret);
    slow_status status = address_check(transport, address, true, &flags, error);
    if (status != SLOW_OK || keeps_out || config->insecure || (flags & SLOW_LINK_LOCAL))
        return status;
    if (encrypts)
        return sl_error(
            error, SLOW_E_INVAL, NULL,
            "%.64s can be reached from outside, and without a network key and \"identity\" anybody may join; "
            "set one of them or both, listen on loopback, or set \"insecure\": true under \"security\"",
            address);
    return sl_error(error, SLOW_E_INVAL, NULL,
                    "%.64s can be reached from outside, and %s does not encrypt; listen on loopback, or set "
                    "\"insecure\": true under \"security\" (slow-router: --insecure)",
                    address, config->security.plugin->id);
}

slow_status sl_config_transport_for(const sl_config *config, const char *address, sl_config_plugin *use,
                                    slow_error *error) {
    char scheme[SCHEME_MAX], id[SCHEME_MAX + sizeof "transport-"];
    const sl_json_text nowhere = {.name = NULL};
    const sl_json_at at = sl_json_at_root(&nowhere);
    *use = (sl_config_plugin){0};
    slow_status status = scheme_of(address, scheme, error);
    if (status != SLOW_OK)
        return status;
    snprintf(id, sizeof id, "transport-%s", scheme);
    status = sl_module_find((const char *const *)config->plugin_dirs, id, SLOW_TRANSPORT, &use->plugin, error);
    if (status == SLOW_OK)
        status = sl_option_new(use->plugin, NULL, NULL, &at, &use->options, error);
    if (status == SLOW_OK && (use->path = strdup(id)) == NULL)
        status = sl_error(error, SLOW_E_NOMEM, NULL, "no memory");
    if (status != SLOW_OK)
        sl_config_plugin_free(use);
    return status;
}

/* ---- transports ---- */

/* Port 0 is any free port: two of those are two listeners. */
static bool port_is_any(const char *address) {
    size_t size = strlen(address);
    return size > 2 && strcmp(address + size - 2, ":0") == 0;
}

/* The transport that listens on this address, or NULL. */
static const sl_config_transport *listener_of(const sl_config *config, const char *address) {
    for (size_t i = 0; i < config->transport_count; i++)
        for (size_t j = 0; j < config->transports[i].listen_count; j++)
            if (strcmp(config->transports[i].listen[j], address) == 0)
                return &config->transports[i];
    return NULL;
}

static slow_status read_listen(sl_config *config, sl_config_transport *transport, const sl_json *list,
                               const sl_json_at *at, slow_error *error) {
    slow_status status = sl_config_check_list(list, at, 0, "addresses", error);
    if (status != SLOW_OK)
        return status;
    transport->listen = room_for(list, sizeof *transport->listen);
    if (transport->listen == NULL)
        return no_memory(at, error);
    for (size_t i = 0; i < sl_json_count(list) && status == SLOW_OK; i++) {
        sl_json_at item = sl_json_at_index(at, i);
        char *address = NULL;
        slow_error why;
        status = sl_config_read_string(sl_json_item(list, i), &item, "an address to listen on", &address, error);
        if (status != SLOW_OK)
            break;
        if (!port_is_any(address) && listener_of(config, address) != NULL)
            status = sl_json_error(&item, error, SLOW_E_INVAL,
                                   "%.64s is listened on already; expected each address once", address);
        else if ((status = sl_config_check_listen(config, transport->use.plugin, address, &why)) != SLOW_OK)
            status = sl_json_error(&item, error, status, "%s", why.text);
        transport->listen[transport->listen_count++] = address;
    }
    return status;
}

static slow_status read_transport(sl_config *config, const sl_json *value, const sl_json_at *at,
                                  sl_config_transport *transport, slow_error *error) {
    static const char *const keys[] = {"plugin", "listen", NULL};
    slow_status status = use_read(config, value, at, SLOW_TRANSPORT, keys, &transport->use, error);
    if (status != SLOW_OK)
        return status;
    const char *scheme = ((const slow_transport_ops *)transport->use.plugin->ops)->scheme;
    for (sl_config_transport *earlier = config->transports; earlier < transport; earlier++)
        if (strcmp(((const slow_transport_ops *)earlier->use.plugin->ops)->scheme, scheme) == 0)
            return sl_json_error(at, error, SLOW_E_INVAL,
                                 "%s:// belongs to %s already; expected one plugin for each scheme, with all addresses "
                                 "in its \"listen\"",
                                 scheme, earlier->use.path);
    const sl_json *listen = sl_json_get(value, "listen");
    sl_json_at listen_at = sl_json_at_key(at, "listen");
    return listen == NULL ? SLOW_OK : read_listen(config, transport, listen, &listen_at, error);
}

slow_status sl_config_read_transports(sl_config *config, const sl_json *list, const sl_json_at *at, slow_error *error) {
    slow_status status = sl_config_check_list(list, at, 0, "transport plugins", error);
    if (status != SLOW_OK)
        return status;
    config->transports = room_for(list, sizeof *config->transports);
    if (config->transports == NULL)
        return no_memory(at, error);
    for (size_t i = 0; i < sl_json_count(list) && status == SLOW_OK; i++) {
        sl_json_at item = sl_json_at_index(at, i);
        status =
            read_transport(config, sl_json_item(list, i), &item, &config->transports[config->transport_count++], error);
    }
    return status;
}

/* ---- joins ---- */

/* The address is one that some transport connects to: a listed one, or the one its scheme names. */
static slow_status join_check(const sl_config *config, const char *address, slow_error *error) {
    char scheme[SCHEME_MAX];
    slow_status status = scheme_of(address, scheme, error);
    if (status != SLOW_OK)
        return status;
    for (size_t i = 0; i < config->transport_count; i++) {
        const slow_plugin *transport = config->transports[i].use.plugin;
        if (strcmp(((const slow_transport_ops *)transport->ops)->scheme, scheme) == 0)
            return sl_config_check_join(transport, address, error);
    }
    sl_config_plugin use;
    status = sl_config_transport_for(config, address, &use, error);
    if (status != SLOW_OK)
        return status;
    status = sl_config_check_join(use.plugin, address, error);
    sl_config_plugin_free(&use);
    return status;
}

static slow_status read_cost(const sl_json *object, const sl_json_at *at, sl_config_join *join, slow_error *error) {
    static const slow_option bias = {.key = "cost_bias", .type = SLOW_OPT_INT, .min = 0, .max = 60000};
    const sl_json *value = sl_json_get(object, "cost_bias");
    sl_json_at value_at = sl_json_at_key(at, "cost_bias");
    int64_t cost_bias = 0;
    slow_status status = value == NULL ? SLOW_OK : sl_option_set(&bias, value, &value_at, &cost_bias, error);
    if (status != SLOW_OK)
        return status;
    join->cost_bias = (uint32_t)cost_bias;
    value = sl_json_get(object, "cost_factor");
    if (value == NULL)
        return SLOW_OK;
    value_at = sl_json_at_key(at, "cost_factor");
    double factor = sl_json_number(value); /* 0 when it is no number */
    if (!(factor >= 0.01 && factor <= 100))
        return sl_json_error(&value_at, error, SLOW_E_INVAL, "is wrong; expected a number, 0.01..100");
    join->cost_factor_ppm = (uint32_t)(factor * 1e6 + 0.5);
    return SLOW_OK;
}

static slow_status read_join(sl_config *config, const sl_json *value, const sl_json_at *at, sl_config_join *join,
                             slow_error *error) {
    static const char *const keys[] = {"address", "cost_bias", "cost_factor", NULL};
    static const char what[] = "an address to join, such as \"udp://192.0.2.1:4100\", or an object with \"address\"";
    sl_json_at address_at = *at;
    slow_error why;
    slow_status status = SLOW_OK;
    join->cost_factor_ppm = 1000000;
    if (sl_json_type(value) == SL_JSON_OBJECT) {
        if ((status = sl_option_check_keys(NULL, keys, value, at, error)) != SLOW_OK ||
            (status = read_cost(value, at, join, error)) != SLOW_OK)
            return status;
        address_at = sl_json_at_key(at, "address");
        value = sl_json_get(value, "address");
        if (value == NULL)
            return sl_json_error(&address_at, error, SLOW_E_INVAL,
                                 "missing; expected the address to join, such as \"udp://192.0.2.1:4100\"");
    }
    status = sl_config_read_string(value, &address_at, what, &join->address, error);
    if (status != SLOW_OK)
        return status;
    for (const sl_config_join *earlier = config->joins; earlier < join; earlier++)
        if (strcmp(earlier->address, join->address) == 0)
            return sl_json_error(&address_at, error, SLOW_E_INVAL,
                                 "%.64s is joined already; expected each address once", join->address);
    if (listener_of(config, join->address) != NULL)
        return sl_json_error(&address_at, error, SLOW_E_INVAL,
                             "%.64s is this junction's own listener; expected another junction's address",
                             join->address);
    status = join_check(config, join->address, &why);
    return status == SLOW_OK ? SLOW_OK : sl_json_error(&address_at, error, status, "%s", why.text);
}

slow_status sl_config_read_joins(sl_config *config, const sl_json *list, const sl_json_at *at, slow_error *error) {
    slow_status status = sl_config_check_list(list, at, 0, "addresses", error);
    if (status != SLOW_OK)
        return status;
    config->joins = room_for(list, sizeof *config->joins);
    if (config->joins == NULL)
        return no_memory(at, error);
    for (size_t i = 0; i < sl_json_count(list) && status == SLOW_OK; i++) {
        sl_json_at item = sl_json_at_index(at, i);
        status = read_join(config, sl_json_item(list, i), &item, &config->joins[config->join_count++], error);
    }
    return status;
}
