/* What slow/router.h promises: the config, the plugins and the log of a junction, for the program around it.
 *
 * It is here, and not in slow-router, because the checks, the option tables and the JSON writer are the core's: a
 * program that wants to be another slow-router needs none of the core's headers for it. Flags are turned into a
 * config's text and go the way of every config from there, so there is one set of checks and one set of errors. */
#include "config.h"
#include "config_security.h"
#include "id.h"
#include "json.h"
#include "junction.h"
#include "log.h"
#include "loop_libevent.h"
#include "module.h"
#include "option.h"
#include <inttypes.h>
#include <slow/router.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

extern const char sl_default_config[]; /* etc/default.json, made into C by the build */

/* ---- config ---- */

_Static_assert(sizeof((slow_config_info *)NULL)->warnings == SL_CONFIG_WARNINGS * SL_CONFIG_WARNING,
               "as slow/router.h says");

static void tell(const sl_config *config, uint64_t now_s, slow_config_info *info) {
    if (info == NULL)
        return;
    slow_config_info all = {
        .struct_size = info->struct_size,
        .log_level = config->log_level,
        .log_json = config->log_json,
        .has_admin = config->admin_socket != NULL,
    };
    all.warning_count = (uint32_t)sl_config_warnings(config, now_s, all.warnings);
    memcpy(all.id, config->id.text, config->id.size);
    snprintf(all.network, sizeof all.network, "%s", config->network);
    snprintf(all.admin_socket, sizeof all.admin_socket, "%s", config->admin_socket != NULL ? config->admin_socket : "");
    memcpy(info, &all, info->struct_size < sizeof all ? info->struct_size : sizeof all);
}

slow_status slow_config_check(const char *path, slow_config_info *info, slow_error *error) {
    sl_config *config;
    uint64_t now_s = sl_loop_libevent_wall_ms() / 1000;
    slow_status status = sl_config_read(path, &config, error);
    if (status == SLOW_OK)
        status = sl_config_check_time(config, now_s, error);
    if (status == SLOW_OK)
        tell(config, now_s, info);
    sl_config_free(config);
    return status;
}

slow_status slow_config_check_text(const char *name, const char *text, size_t size, slow_config_info *info,
                                   slow_error *error) {
    sl_config *config;
    uint64_t now_s = sl_loop_libevent_wall_ms() / 1000;
    slow_status status = sl_config_parse(name, text, size, &config, error);
    if (status == SLOW_OK)
        status = sl_config_check_time(config, now_s, error);
    if (status == SLOW_OK)
        tell(config, now_s, info);
    sl_config_free(config);
    return status;
}

/* Takes the config. */
static slow_status config_try(sl_config *config, const slow_options *options, slow_error *error) {
    const sl_log log = {.sink = options->log,
                        .arg = options->log_arg,
                        .level = options->log_level >= 0 ? options->log_level : config->log_level};
    const sl_calls calls = {.calling = options->calling, .arg = options->calling_arg, .only_create = true};
    sl_junction *junction = NULL;
    sl_loop *loop = sl_loop_libevent_new(NULL);
    if (loop == NULL) {
        sl_config_free(config);
        return sl_error(error, SLOW_E_NOMEM, NULL, "no memory or no file descriptor; try `ulimit -n`");
    }
    slow_status status = sl_junction_new(loop, config, &log, &calls, NULL, &junction, error);
    if (status == SLOW_OK)
        sl_junction_free(junction);
    sl_loop_free(loop);
    return status;
}

static const slow_options no_options = SLOW_OPTIONS_INIT;

static slow_status options_check(const slow_options *options, slow_error *error) {
    if (options == NULL || SLOW_HAS_FIELD(options, calling_arg))
        return SLOW_OK;
    return sl_error(error, SLOW_E_INVAL, "slow_options", "struct_size is %u; start from SLOW_OPTIONS_INIT",
                    (unsigned)options->struct_size);
}

slow_status slow_config_try(const char *path, const slow_options *options, slow_error *error) {
    sl_config *config;
    slow_status status = options_check(options, error);
    if (status == SLOW_OK)
        status = sl_config_read(path, &config, error);
    return status == SLOW_OK ? config_try(config, options != NULL ? options : &no_options, error) : status;
}

slow_status slow_config_try_text(const char *name, const char *text, size_t size, const slow_options *options,
                                 slow_error *error) {
    sl_config *config;
    slow_status status = options_check(options, error);
    if (status == SLOW_OK)
        status = sl_config_parse(name, text, size, &config, error);
    return status == SLOW_OK ? config_try(config, options != NULL ? options : &no_options, error) : status;
}

/* ---- flags ---- */

static void put_string(sl_json_writer *w, const char *key, const char *text) {
    if (text == NULL)
        return;
    sl_json_key(w, key);
    sl_json_put_string(w, text);
}

static void put_list(sl_json_writer *w, const char *key, const char *const *list) {
    if (list == NULL)
        return;
    sl_json_key(w, key);
    sl_json_begin(w, '[');
    for (; *list != NULL; list++)
        sl_json_put_string(w, *list);
    sl_json_end(w, ']');
}

/* The bytes in front of "://"; 0 = none. */
static size_t scheme_size(const char *address) {
    const char *end = strstr(address, "://");
    return end == NULL ? 0 : (size_t)(end - address);
}

static bool same_scheme(const char *a, const char *b) {
    return scheme_size(a) == scheme_size(b) && memcmp(a, b, scheme_size(a)) == 0;
}

static bool scheme_is_new(const char *const *first, const char *const *at) {
    while (first != at && !same_scheme(*first, *at))
        first++;
    return first == at;
}

/* One transport for each scheme that is listened on. */
static slow_status put_transports(sl_json_writer *w, const char *const *listen, slow_error *error) {
    char plugin[64];
    sl_json_key(w, "transports");
    sl_json_begin(w, '[');
    for (const char *const *at = listen; *at != NULL; at++) {
        size_t size = scheme_size(*at);
        if (size == 0 || size > 32)
            return sl_error(error, SLOW_E_INVAL, *at, "is no address; expected one such as udp://127.0.0.1:4100");
        if (!scheme_is_new(listen, at))
            continue;
        snprintf(plugin, sizeof plugin, "transport-%.*s", (int)size, *at);
        sl_json_begin(w, '{');
        put_string(w, "plugin", plugin);
        sl_json_key(w, "listen");
        sl_json_begin(w, '[');
        for (const char *const *same = at; *same != NULL; same++)
            if (same_scheme(*same, *at))
                sl_json_put_string(w, *same);
        sl_json_end(w, ']');
        sl_json_end(w, '}');
    }
    sl_json_end(w, ']');
    return SLOW_OK;
}

/* "insecure" stands beside the plugin's name, and that is the default config's to say. */
static void put_insecure(sl_json_writer *w) {
    const sl_json_text text = {.text = sl_default_config, .size = strlen(sl_default_config)};
    sl_json *standard = sl_json_parse(&text, NULL);
    if (standard == NULL) {
        w->failed = true;
        return;
    }
    sl_json_key(w, "security");
    sl_json_begin(w, '{');
    put_string(w, "plugin", sl_json_string(sl_json_get(sl_json_get(standard, "security"), "plugin")));
    sl_json_key(w, "insecure");
    sl_json_put_bool(w, true);
    sl_json_end(w, '}');
    sl_json_free(standard);
}

/* The writer would mend what is not UTF-8, and a junction of another name would start. */
static slow_status check_name(const char *what, const char *name, slow_error *error) {
    slow_id checked;
    if (name == NULL || sl_id_set(&checked, (slow_bytes){(const uint8_t *)name, strlen(name)}))
        return SLOW_OK;
    return sl_error(error, SLOW_E_INVAL, what,
                    "%s: has %zu bytes; expected 1..63 bytes of UTF-8 without control characters", what, strlen(name));
}

static slow_status write_flags(sl_json_writer *w, const slow_config_flags *flags, slow_error *error) {
    slow_status status = check_name("id", flags->id, error);
    if (status == SLOW_OK)
        status = check_name("network", flags->network, error);
    if (status != SLOW_OK)
        return status;
    sl_json_begin(w, '{');
    put_string(w, "id", flags->id);
    put_string(w, "network", flags->network);
    put_list(w, "plugin_dirs", flags->plugin_dirs);
    if (flags->listen != NULL)
        status = put_transports(w, flags->listen, error);
    put_list(w, "join", flags->join);
    if (flags->insecure)
        put_insecure(w);
    if (flags->admin_socket != NULL) {
        sl_json_key(w, "admin");
        sl_json_begin(w, '{');
        put_string(w, "socket", flags->admin_socket);
        sl_json_end(w, '}');
    }
    if (flags->log_level != NULL || flags->log_format != NULL) {
        sl_json_key(w, "log");
        sl_json_begin(w, '{');
        put_string(w, "level", flags->log_level);
        put_string(w, "format", flags->log_format);
        sl_json_end(w, '}');
    }
    sl_json_end(w, '}');
    return status;
}

char *slow_config_from_flags(const slow_config_flags *flags, slow_error *error) {
    sl_json_writer w = {0};
    if (!SLOW_HAS_FIELD(flags, insecure)) {
        sl_error(error, SLOW_E_INVAL, "slow_config_flags", "struct_size is %u; expected sizeof(slow_config_flags)",
                 (unsigned)flags->struct_size);
        return NULL;
    }
    if (write_flags(&w, flags, error) != SLOW_OK) {
        sl_json_writer_free(&w);
        return NULL;
    }
    char *text = sl_json_take(&w, NULL);
    if (text == NULL)
        sl_error(error, SLOW_E_NOMEM, NULL, "no memory");
    return text;
}

/* ---- plugins ---- */

slow_status slow_plugin_describe(const char *id, const char *const *plugin_dirs,
                                 void (*line)(void *arg, const char *text), void *arg, slow_error *error) {
    const slow_plugin *plugin;
    slow_status status = sl_module_find(plugin_dirs, id, 0, &plugin, error);
    if (status == SLOW_OK)
        sl_option_describe(plugin, line, arg);
    if (status == SLOW_OK && plugin->kind == SLOW_SECURITY)
        line(arg, "Beside these \"security\" takes keys that are the core's: insecure, identity, members, authority, "
                  "certificate, revoked, end_to_end; slow-router --genconf shows them.");
    return status;
}

/* ---- log ---- */

void slow_error_line(const slow_error *error, char *out, size_t capacity) {
    sl_error_line(error, out, capacity);
}

static size_t log_line_json(const char *time, int level, const char *who, const char *text, char *out,
                            size_t capacity) {
    sl_json_writer w = {0};
    size_t size;
    sl_json_begin(&w, '{');
    put_string(&w, "time", time);
    put_string(&w, "level", sl_log_level_name(level));
    put_string(&w, "who", who);
    put_string(&w, "text", text);
    sl_json_end(&w, '}');
    char *line = sl_json_take(&w, &size);
    /* Cut JSON is none: then nothing is better. */
    size = line == NULL ? 0 : (size_t)snprintf(out, capacity, "%s\n", line);
    free(line);
    return size < capacity ? size : 0;
}

size_t slow_log_line(bool json, uint64_t wall_ms, int level, const char *who, const char *text, char *out,
                     size_t capacity) {
    char time[40];
    struct tm parts;
    time_t seconds = (time_t)(wall_ms / 1000);
    gmtime_r(&seconds, &parts);
    size_t used = strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(time + used, sizeof time - used, ".%03" PRIu64 "Z", wall_ms % 1000);
    if (json)
        return log_line_json(time, level, who, text, out, capacity);
    int size = snprintf(out, capacity, "%s %-5s %s: %s\n", time, sl_log_level_name(level), who, text);
    if (size < 0 || capacity == 0)
        return 0;
    if ((size_t)size < capacity)
        return (size_t)size;
    out[capacity - 2] = '\n';
    return capacity - 1;
}
