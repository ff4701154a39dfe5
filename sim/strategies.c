#include "strategies.h"
#include "core/config.h"
#include "core/config_plugins.h"
#include "core/log.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "routing-"

void sim_json_put(sl_json_writer *w, const sl_json *value) {
    char number[40];
    switch (sl_json_type(value)) {
    case SL_JSON_NULL:
        sl_json_put_raw(w, "null", 4);
        break;
    case SL_JSON_BOOL:
        sl_json_put_bool(w, sl_json_true(value));
        break;
    case SL_JSON_INTEGER:
        sl_json_put_integer(w, sl_json_integer(value));
        break;
    case SL_JSON_REAL:
        snprintf(number, sizeof number, "%.17g", sl_json_number(value));
        sl_json_put_raw(w, number, strlen(number));
        break;
    case SL_JSON_STRING:
        sl_json_put_string(w, sl_json_string(value));
        break;
    case SL_JSON_ARRAY:
        sl_json_begin(w, '[');
        for (size_t i = 0; i < sl_json_count(value); i++)
            sim_json_put(w, sl_json_item(value, i));
        sl_json_end(w, ']');
        break;
    case SL_JSON_OBJECT:
        sl_json_begin(w, '{');
        for (void *i = sl_json_first(value); i != NULL; i = sl_json_next(value, i)) {
            sl_json_key(w, sl_json_key_of(i));
            sim_json_put(w, sl_json_get(value, sl_json_key_of(i)));
        }
        sl_json_end(w, '}');
        break;
    }
}

static void put_plugin(sl_json_writer *w, const char *name) {
    char whole[SIM_STRATEGY_NAME_BYTES];
    bool has_prefix = strncmp(name, PREFIX, strlen(PREFIX)) == 0;
    snprintf(whole, sizeof whole, "%s%.80s", has_prefix ? "" : PREFIX, name);
    sl_json_key(w, "plugin");
    sl_json_put_string(w, whole);
}

/* "KEY=VALUE": the value as JSON where it is, else as a string. */
static void put_option(sl_json_writer *w, const char *option) {
    size_t key_size = strcspn(option, "=");
    const char *value = option[key_size] == '=' ? option + key_size + 1 : "true";
    const sl_json_text text = {.text = value, .size = strlen(value)};
    char *key = strndup(option, key_size);
    sl_json *parsed = sl_json_parse(&text, NULL);
    if (key == NULL)
        abort();
    sl_json_key(w, key);
    if (parsed != NULL)
        sim_json_put(w, parsed);
    else
        sl_json_put_string(w, value);
    sl_json_free(parsed);
    free(key);
}

static bool is_overridden(const char *key, const char *const *options) {
    for (; options != NULL && *options != NULL; options++)
        if (strcspn(*options, "=") == strlen(key) && strncmp(*options, key, strlen(key)) == 0)
            return true;
    return false;
}

/* One strategy, with its whole name. What is neither a name nor an object goes on as it is, for the config to refuse. */
static void put_strategy(sl_json_writer *w, const sl_json *value, const char *const *options) {
    const char *name = sl_json_string(value);
    if (name == NULL && sl_json_type(value) != SL_JSON_OBJECT) {
        sim_json_put(w, value);
        return;
    }
    sl_json_begin(w, '{');
    if (name != NULL)
        put_plugin(w, name);
    for (void *i = sl_json_first(value); i != NULL; i = sl_json_next(value, i)) {
        const char *key = sl_json_key_of(i), *text = sl_json_string(sl_json_get(value, key));
        if (strcmp(key, "plugin") == 0 && text != NULL) {
            put_plugin(w, text);
        } else if (!is_overridden(key, options)) {
            sl_json_key(w, key);
            sim_json_put(w, sl_json_get(value, key));
        }
    }
    for (; options != NULL && *options != NULL; options++)
        put_option(w, *options);
    sl_json_end(w, '}');
}

/* Of each by itself, as if all stood at the same place. */
static slow_status check_each(const sl_config *config, const sl_json *list, const sl_json_at *at, slow_error *error) {
    slow_status status = SLOW_OK;
    for (size_t i = 0; i < sl_json_count(list) && status == SLOW_OK; i++) {
        sl_config_routing routing = {.preference = 0};
        status = sl_config_read_routing(config, sl_json_item(list, i), at, &routing, error);
        sl_config_plugin_free(&routing.use);
    }
    return status;
}

/* As a config would check it, with the errors' place in the scenario. */
static slow_status check(const char *json, size_t size, const sl_json_at *at, bool same_place,
                         const char *const *plugin_dirs, slow_error *error) {
    const sl_json_text text = {.text = json, .size = size};
    slow_status status = SLOW_E_NOMEM;
    size_t count = 0;
    sl_json *value = sl_json_parse(&text, error);
    sl_config *config = calloc(1, sizeof *config);
    if (config == NULL || value == NULL)
        goto out;
    while (plugin_dirs != NULL && plugin_dirs[count] != NULL)
        count++;
    config->plugin_dirs = calloc(count + 1, sizeof *config->plugin_dirs);
    for (size_t i = 0; i < count; i++)
        if ((config->plugin_dirs[i] = strdup(plugin_dirs[i])) == NULL)
            abort();
    status = same_place ? check_each(config, value, at, error) : sl_config_read_routings(config, value, at, error);
out:
    sl_config_free(config);
    sl_json_free(value);
    return status;
}

static char *put_list(const sl_json *value, const char *const *options, size_t *size) {
    sl_json_writer w = {0};
    bool list = sl_json_type(value) == SL_JSON_ARRAY;
    sl_json_begin(&w, '[');
    for (size_t i = 0; i < (list ? sl_json_count(value) : 1); i++)
        put_strategy(&w, list ? sl_json_item(value, i) : value, options);
    sl_json_end(&w, ']');
    char *json = sl_json_take(&w, size);
    if (json == NULL)
        abort();
    return json;
}

slow_status sim_strategies_read(const sl_json *value, const sl_json_at *at, const char *const *options,
                                const char *const *plugin_dirs, char **json, slow_error *error) {
    static const sl_json_text command_line = {.name = NULL};
    const sl_json_at root = sl_json_at_root(&command_line), option = sl_json_at_key(&root, "--option");
    size_t size = 0;
    *json = put_list(value, NULL, &size);
    slow_status status = check(*json, size, at, false, plugin_dirs, error);
    if (status == SLOW_OK && options != NULL && *options != NULL) { /* what is wrong now is wrong there */
        free(*json);
        *json = put_list(value, options, &size);
        status = check(*json, size, &option, true, plugin_dirs, error);
    }
    if (status == SLOW_OK)
        return SLOW_OK;
    free(*json);
    *json = NULL;
    return status;
}

/* One strategy was written, no list: where it stands in the list that was made of it says nothing to a person. */
static void without_place(slow_error *error) {
    static const char *const places[] = {"--routing[0].plugin: ", "--routing[0]."};
    for (size_t i = 0; error != NULL && i < sizeof places / sizeof places[0]; i++) {
        size_t size = strlen(places[i]);
        char rest[sizeof error->text];
        if (strncmp(error->text, places[i], size) != 0)
            continue;
        snprintf(rest, sizeof rest, "%s", error->text + size);
        snprintf(error->text, sizeof error->text, "--routing: %.*s", (int)(sizeof rest - sizeof "--routing: "), rest);
        return;
    }
}

slow_status sim_strategies_parse(const char *text, const char *const *options, const char *const *plugin_dirs,
                                 char **json, slow_error *error) {
    const char *written = text != NULL ? text : "distance-vector";
    bool is_json = written[0] == '[' || written[0] == '{' || written[0] == '"';
    const sl_json_text source = {.name = "--routing", .text = written, .size = strlen(written)};
    static const sl_json_text command_line = {.name = NULL};
    const sl_json_at outside = sl_json_at_root(&command_line);
    sl_json *value = is_json ? sl_json_parse(&source, error) : sl_json_new_string(written);
    sl_json_at at = sl_json_at_key(&outside, "--routing");
    *json = NULL;
    if (value == NULL)
        return is_json ? SLOW_E_INVAL : sl_error(error, SLOW_E_INVAL, NULL, "--routing: is not UTF-8");
    slow_status status = sim_strategies_read(value, &at, options, plugin_dirs, json, error);
    sl_json_free(value);
    if (status != SLOW_OK && written[0] != '[')
        without_place(error);
    return status;
}

void sim_strategies_names(const char *json, char *out, size_t capacity) {
    const sl_json_text text = {.text = json, .size = strlen(json)};
    sl_json *list = sl_json_parse(&text, NULL);
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sl_json_count(list) && used < capacity; i++) {
        const char *name = sl_json_string(sl_json_get(sl_json_item(list, i), "plugin"));
        if (name != NULL)
            used += (size_t)snprintf(out + used, capacity - used, "%s%s", i == 0 ? "" : "+",
                                     strncmp(name, PREFIX, strlen(PREFIX)) == 0 ? name + strlen(PREFIX) : name);
    }
    sl_json_free(list);
}

void sim_strategies_id(const char *json, char out[SIM_STRATEGY_NAME_BYTES]) {
    const sl_json_text text = {.text = json, .size = strlen(json)};
    sl_json *list = sl_json_parse(&text, NULL);
    const sl_json *first = sl_json_item(list, 0);
    const char *id = first == NULL ? NULL : sl_json_string(sl_json_get(first, "plugin"));
    snprintf(out, SIM_STRATEGY_NAME_BYTES, "%s", id != NULL ? id : "");
    sl_json_free(list);
}
