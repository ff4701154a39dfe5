/* strategies.h - which routing strategies a mesh runs: names as people write them, to the list that configs take. */
#ifndef SIM_STRATEGIES_H
#define SIM_STRATEGIES_H
#include "core/json.h"

/* Reads what "routing" may be (a name with or without "routing-", an object with "plugin", or a list of those) and gives
 * the list as configs have it, "KEY=VALUE"s put into each. The plugins are loaded, and their options checked. `options` and
 * `plugin_dirs` end with NULL, and may be NULL. */
slow_status sim_strategies_read(const sl_json *, const sl_json_at *, const char *const *options,
                                const char *const *plugin_dirs, char **json, slow_error *);
/* The same of a text, such as "link-state", which need not be JSON when it is a name; NULL = distance-vector. */
slow_status sim_strategies_parse(const char *text, const char *const *options, const char *const *plugin_dirs,
                                 char **json, slow_error *);
/* Their names without "routing-", joined by '+'. */
void sim_strategies_names(const char *json, char *out, size_t capacity);
enum { SIM_STRATEGY_NAME_BYTES = 96 };
/* The whole id of the first, "" when there is none. */
void sim_strategies_id(const char *json, char out[SIM_STRATEGY_NAME_BYTES]);
/* Any JSON value, as it is. */
void sim_json_put(sl_json_writer *, const sl_json *);
#endif
