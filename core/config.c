/* A junction's configuration, as a whole.
 *
 * One JSON object. Its keys are the rows of `sections`; each value is read and checked at once, in the order of the
 * table, and the first thing that is wrong is the error: one line, with file, line and path. Nothing starts on a config
 * with a mistake in it, and nothing is repaired by guessing.
 *
 *   id            1..63 bytes; the only key that must be there
 *   network       1..63 bytes; only junctions of one network link up
 *   plugin_dirs   directories to look for plugins in, before the standard ones; relative to where the program runs
 *   security      a plugin; "insecure": true lets a junction that anybody can join listen beyond loopback; who this one is and
 *                 who the others may be: see config_security.c
 *   transports    plugins, each with "listen": addresses (none = it only connects)
 *   join          addresses, or objects with "address", "cost_bias" (0.1 ms, 0..60000) and "cost_factor" (0.01..100)
 *   routing       plugins, each with "preference" (0..65535, higher wins, 100 when not given)
 *   codecs        plugins, the preferred one first
 *   hop_limit     1..255 links
 *   admin         "socket": the path of the control API's Unix socket
 *   log           "level": error, warn, info, debug; "format": text, json
 *
 * A plugin is named in one way: by its full id, as "plugin" in an object, with its options beside it. Where there is
 * nothing more to say, the id alone stands for the object: "codec-json" for {"plugin": "codec-json"}. (Options under a
 * key of their own were rejected: one more level to get wrong, for the sake of the four words above.)
 *
 * A key that is missing is taken from etc/default.json, whole: a "log" with a level alone does not inherit the format
 * of the default's "log". Keys that begin with // are comments, in every object. */
#include "config.h"
#include "config_security.h"
#include "file.h"
#include "id.h"
#include "log.h"
#include "option.h"
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

extern const char sl_default_config[]; /* etc/default.json, made into C by the build */

enum { CONFIG_SIZE_MAX = 1 << 20, SOCKET_PATH_MAX = sizeof((struct sockaddr_un *)NULL)->sun_path - 1 };

/* ---- sections ---- */

#define NAME_EXPECTED "expected 1..63 bytes of UTF-8 without control characters"

static slow_status read_name(const sl_json *value, const sl_json_at *at, slow_id *name, slow_error *error) {
    const char *text = sl_json_string(value);
    if (text == NULL)
        return sl_json_error(at, error, SLOW_E_INVAL, "is %s; expected a string of 1..63 bytes",
                             sl_json_type_name(value));
    if (sl_id_set(name, (slow_bytes){(const uint8_t *)text, strlen(text)}))
        return SLOW_OK;
    return sl_json_error(at, error, SLOW_E_INVAL, "is a string of %zu bytes; " NAME_EXPECTED, strlen(text));
}

static slow_status read_id(sl_config *config, const sl_json *value, const sl_json_at *at, slow_error *error) {
    return read_name(value, at, &config->id, error);
}

static slow_status read_network(sl_config *config, const sl_json *value, const sl_json_at *at, slow_error *error) {
    slow_id name = {0};
    slow_status status = read_name(value, at, &name, error);
    if (status == SLOW_OK)
        memcpy(config->network, name.text, name.size); /* the byte behind is 0 since calloc() */
    return status;
}

static slow_status read_plugin_dirs(sl_config *config, const sl_json *value, const sl_json_at *at, slow_error *error) {
    slow_status status = sl_config_check_list(value, at, 0, "directories", error);
    if (status != SLOW_OK)
        return status;
    size_t count = sl_json_count(value);
    config->plugin_dirs = calloc(count + 1, sizeof *config->plugin_dirs);
    if (config->plugin_dirs == NULL)
        return sl_json_error(at, error, SLOW_E_NOMEM, "no memory");
    for (size_t i = 0; i < count && status == SLOW_OK; i++) {
        sl_json_at item = sl_json_at_index(at, i);
        status = sl_config_read_string(sl_json_item(value, i), &item, "the path of a directory",
                                       &config->plugin_dirs[i], error);
    }
    return status;
}

static slow_status read_security(sl_config *config, const sl_json *value, const sl_json_at *at, slow_error *error) {
    slow_status status = sl_config_read_security(config, value, at, error);
    return status == SLOW_OK ? sl_config_read_membership(config, value, at, error) : status;
}

static slow_status read_hop_limit(sl_config *config, const sl_json *value, const sl_json_at *at, slow_error *error) {
    static const slow_option hop_limit = {.key = "hop_limit", .type = SLOW_OPT_INT, .min = 1, .max = 255};
    int64_t links = 0;
    slow_status status = sl_option_set(&hop_limit, value, at, &links, error);
    config->hop_limit = (uint8_t)links;
    return status;
}

/* An object of the core's own, read by an option table like a plugin's. */
static slow_status read_object(const slow_option *options, size_t size, const sl_json *value, const sl_json_at *at,
                               void *out, slow_error *error) {
    if (sl_json_type(value) != SL_JSON_OBJECT)
        return sl_json_error(at, error, SLOW_E_INVAL, "is %s; expected an object with \"%s\"", sl_json_type_name(value),
                             options->key);
    slow_status status = sl_option_check_keys(options, NULL, value, at, error);
    return status == SLOW_OK ? sl_option_fill(options, size, value, at, out, error) : status;
}

static slow_status read_admin(sl_config *config, const sl_json *value, const sl_json_at *at, slow_error *error) {
    static const slow_option options[] = {
        {.key = "socket", .type = SLOW_OPT_STRING, .flags = SLOW_OPT_REQUIRED, .min = 1, .max = SOCKET_PATH_MAX},
        {.key = NULL},
    };
    return read_object(options, sizeof config->admin_socket, value, at, &config->admin_socket, error);
}

static slow_status read_log(sl_config *config, const sl_json *value, const sl_json_at *at, slow_error *error) {
    struct log_options {
        int64_t level, format;
    } options;
    static const char *const levels[] = {[SLOW_LOG_ERROR] = "error",
                                         [SLOW_LOG_WARN] = "warn",
                                         [SLOW_LOG_INFO] = "info",
                                         [SLOW_LOG_DEBUG] = "debug",
                                         [SLOW_LOG_DEBUG + 1] = NULL};
    static const char *const formats[] = {"text", "json", NULL};
    static const slow_option table[] = {
        {.key = "level",
         .type = SLOW_OPT_ENUM,
         .offset = offsetof(struct log_options, level),
         .default_text = "info",
         .choices = levels},
        {.key = "format",
         .type = SLOW_OPT_ENUM,
         .offset = offsetof(struct log_options, format),
         .default_text = "text",
         .choices = formats},
        {.key = NULL},
    };
    slow_status status = read_object(table, sizeof options, value, at, &options, error);
    if (status != SLOW_OK)
        return status;
    config->log_level = (int)options.level;
    config->log_json = options.format == 1;
    return SLOW_OK;
}

/* All keys of a config, in the order in which they are read. */
static const struct {
    const char *key;
    sl_config_section read;
} sections[] = {
    {"id", read_id},
    {"network", read_network},
    {"plugin_dirs", read_plugin_dirs},
    {"security", read_security},
    {"transports", sl_config_read_transports},
    {"join", sl_config_read_joins},
    {"routing", sl_config_read_routings},
    {"codecs", sl_config_read_codecs},
    {"hop_limit", read_hop_limit},
    {"admin", read_admin},
    {"log", read_log},
};
enum { SECTIONS = sizeof sections / sizeof sections[0] };

/* ---- the whole ---- */

/* A text and the object in it. `root` NULL after a failure. */
static slow_status parse_object(const sl_json_text *text, sl_json **root, slow_error *error) {
    sl_json_at at = sl_json_at_root(text);
    *root = sl_json_parse(text, error);
    if (*root == NULL)
        return SLOW_E_INVAL;
    if (sl_json_type(*root) == SL_JSON_OBJECT)
        return SLOW_OK;
    slow_status status = sl_json_error(
        &at, error, SLOW_E_INVAL, "is %s; expected an object such as {\"id\": \"alice\"}", sl_json_type_name(*root));
    sl_json_free(*root);
    *root = NULL;
    return status;
}

static slow_status check_keys(const sl_json *root, const sl_json_at *at, slow_error *error) {
    const char *keys[SECTIONS + 1];
    for (size_t i = 0; i < SECTIONS; i++)
        keys[i] = sections[i].key;
    keys[SECTIONS] = NULL;
    return sl_option_check_keys(NULL, keys, root, at, error);
}

/* Each section from what was written, else from the default. */
static slow_status read_sections(sl_config *config, const sl_json *written, const sl_json_at *written_at,
                                 const sl_json *standard, const sl_json_at *standard_at, slow_error *error) {
    for (size_t i = 0; i < SECTIONS; i++) {
        const char *key = sections[i].key;
        const sl_json *value = sl_json_get(written, key);
        sl_json_at at = sl_json_at_key(value != NULL ? written_at : standard_at, key);
        if (value == NULL)
            value = sl_json_get(standard, key);
        slow_status status = value == NULL ? SLOW_OK : sections[i].read(config, value, &at, error);
        if (status != SLOW_OK)
            return status;
    }
    if (config->id.size > 0)
        return SLOW_OK;
    sl_json_at at = sl_json_at_key(written_at, "id");
    return sl_json_error(&at, error, SLOW_E_INVAL,
                         "missing; expected the junction's own name, such as \"id\": \"alice\"");
}

slow_status sl_config_parse(const char *name, const char *text, size_t size, sl_config **out, slow_error *error) {
    const sl_json_text texts[2] = {
        {.name = name, .text = text, .size = size},
        {.name = "built-in default.json", .text = sl_default_config, .size = strlen(sl_default_config)},
    };
    const sl_json_at at[2] = {sl_json_at_root(&texts[0]), sl_json_at_root(&texts[1])};
    sl_json *written = NULL, *standard = NULL;
    slow_status status = SLOW_E_NOMEM;
    *out = NULL;
    sl_config *config = calloc(1, sizeof *config);
    if (config == NULL) {
        sl_json_error(&at[0], error, status, "no memory");
        goto out;
    }
    if ((status = parse_object(&texts[0], &written, error)) != SLOW_OK ||
        (status = parse_object(&texts[1], &standard, error)) != SLOW_OK ||
        (status = check_keys(written, &at[0], error)) != SLOW_OK ||
        (status = read_sections(config, written, &at[0], standard, &at[1], error)) != SLOW_OK)
        goto out;
    *out = config;
    config = NULL;
out:
    sl_json_free(standard);
    sl_json_free(written);
    sl_config_free(config);
    return status;
}

slow_status sl_config_read(const char *path, sl_config **out, slow_error *error) {
    char *text = NULL;
    size_t size = 0;
    *out = NULL;
    slow_status status = sl_file_read(path, CONFIG_SIZE_MAX, "a JSON file", &text, &size, error);
    if (status == SLOW_OK)
        status = sl_config_parse(path, text, size, out, error);
    free(text);
    return status;
}

slow_status sl_config_default(const char *id, const char *network, const char *const *plugin_dirs, sl_config **out,
                              slow_error *error) {
    sl_json_writer w = {0};
    slow_id checked;
    *out = NULL;
    /* The writer would mend what is not UTF-8; the caller shall hear of it. */
    if (!sl_id_set(&checked, (slow_bytes){(const uint8_t *)id, strlen(id)}))
        return sl_error(error, SLOW_E_INVAL, "id", "id: " NAME_EXPECTED);
    if (network != NULL && !sl_id_set(&checked, (slow_bytes){(const uint8_t *)network, strlen(network)}))
        return sl_error(error, SLOW_E_INVAL, "network", "network: " NAME_EXPECTED);
    sl_json_begin(&w, '{');
    sl_json_key(&w, "id");
    sl_json_put_string(&w, id);
    if (network != NULL) {
        sl_json_key(&w, "network");
        sl_json_put_string(&w, network);
    }
    if (plugin_dirs != NULL) {
        sl_json_key(&w, "plugin_dirs");
        sl_json_begin(&w, '[');
        for (; *plugin_dirs != NULL; plugin_dirs++)
            sl_json_put_string(&w, *plugin_dirs);
        sl_json_end(&w, ']');
    }
    sl_json_end(&w, '}');
    size_t size = 0;
    char *text = sl_json_take(&w, &size);
    slow_status status =
        text == NULL ? sl_error(error, SLOW_E_NOMEM, NULL, "no memory") : sl_config_parse(NULL, text, size, out, error);
    free(text);
    return status;
}

slow_status sl_config_routing_parse(const sl_config *config, const char *name, const char *text, size_t size,
                                    sl_config_routing *out, slow_error *error) {
    const sl_json_text source = {.name = name, .text = text, .size = size};
    const sl_json_at at = sl_json_at_root(&source);
    *out = (sl_config_routing){0};
    sl_json *value = sl_json_parse(&source, error);
    if (value == NULL)
        return SLOW_E_INVAL;
    slow_status status = sl_config_read_routing(config, value, &at, out, error);
    if (status != SLOW_OK)
        sl_config_plugin_free(&out->use);
    sl_json_free(value);
    return status;
}

void sl_config_free(sl_config *config) {
    if (config == NULL)
        return;
    for (char **directory = config->plugin_dirs; directory != NULL && *directory != NULL; directory++)
        free(*directory);
    for (size_t i = 0; i < config->transport_count; i++) {
        for (size_t j = 0; j < config->transports[i].listen_count; j++)
            free(config->transports[i].listen[j]);
        free(config->transports[i].listen);
        sl_config_plugin_free(&config->transports[i].use);
    }
    for (size_t i = 0; i < config->join_count; i++)
        free(config->joins[i].address);
    for (size_t i = 0; i < config->routing_count; i++)
        sl_config_plugin_free(&config->routings[i].use);
    for (size_t i = 0; i < config->codec_count; i++)
        sl_config_plugin_free(&config->codecs[i]);
    sl_config_plugin_free(&config->security);
    sl_config_membership_free(config);
    free(config->plugin_dirs);
    free(config->transports);
    free(config->joins);
    free(config->routings);
    free(config->codecs);
    free(config->admin_socket);
    free(config);
}
