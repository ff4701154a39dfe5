#include "measure.h"
#include "strategies.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_plain(const char *text) {
    return strcmp(text, "true") == 0 || strcmp(text, "false") == 0 ||
           (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0' && (text[0] != '0' || text[1] == '\0'));
}

static slow_status refuse(slow_error *error, const char *format, const char *what) {
    *error = (slow_error){.code = SLOW_E_INVAL};
    snprintf(error->text, sizeof error->text, format, what);
    return SLOW_E_INVAL;
}

slow_status sim_strategy_read(const char *text, const sim_choice *base, sim_strategy *strategy, slow_error *error) {
    static const char prefix[] = "routing-";
    char words[256], id[128], *rest = words;
    sl_json_writer out = {.text = NULL};
    if (strncmp(text, prefix, sizeof prefix - 1) == 0)
        text += sizeof prefix - 1;
    if (text[0] == '\0' || strlen(text) >= sizeof strategy->name)
        return refuse(error, "\"%.80s\" is no strategy; expected NAME or NAME:OPTION=VALUE", text);
    *strategy = (sim_strategy){.name = ""};
    snprintf(strategy->name, sizeof strategy->name, "%s", text);
    snprintf(words, sizeof words, "%s", text);
    snprintf(id, sizeof id, "%s%s", prefix, strsep(&rest, ":"));
    sl_json_begin(&out, '{');
    sl_json_key(&out, "plugin");
    sl_json_put_string(&out, id);
    while (rest != NULL) {
        char *value = strsep(&rest, ":"), *key = strsep(&value, "=");
        if (value == NULL || key[0] == '\0') {
            sl_json_writer_free(&out);
            return refuse(error, "in the strategy \"%.80s\" an option is no OPTION=VALUE; expected NAME:OPTION=VALUE",
                          text);
        }
        sl_json_key(&out, key);
        if (is_plain(value))
            sl_json_put_raw(&out, value, strlen(value));
        else
            sl_json_put_string(&out, value);
    }
    sl_json_end(&out, '}');
    char *json = sl_json_take(&out, NULL);
    if (json == NULL)
        return refuse(error, "\"%.80s\" is no UTF-8", text);
    snprintf(strategy->routing, sizeof strategy->routing, "%s", json);
    free(json);
    slow_status status = sim_strategies_parse(strategy->routing, base->options, base->plugin_dirs, &json, error);
    if (status == SLOW_OK)
        free(json);
    return status;
}
