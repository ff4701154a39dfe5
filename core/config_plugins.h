/* config_plugins.h - the sections of a config about plugins and addresses, for config.c, which stands on them. */
#ifndef SL_CONFIG_PLUGINS_H
#define SL_CONFIG_PLUGINS_H
#include "config.h"
#include "json.h"

/* Each reads one key's value into the config; what it has put there is freed by sl_config_free(), also after a failure.
 * The order of the calls matters: plugin_dirs and security come before transports, transports before joins. */
typedef slow_status (*sl_config_section)(sl_config *, const sl_json *, const sl_json_at *, slow_error *);
slow_status sl_config_read_transports(sl_config *, const sl_json *, const sl_json_at *, slow_error *);
slow_status sl_config_read_joins(sl_config *, const sl_json *, const sl_json_at *, slow_error *);
slow_status sl_config_read_routings(sl_config *, const sl_json *, const sl_json_at *, slow_error *);
slow_status sl_config_read_codecs(sl_config *, const sl_json *, const sl_json_at *, slow_error *);
slow_status sl_config_read_security(sl_config *, const sl_json *, const sl_json_at *, slow_error *);

slow_status sl_config_read_routing(const sl_config *, const sl_json *, const sl_json_at *, sl_config_routing *,
                                   slow_error *);
/* A list of at least `least` elements; "is not a list; expected WHAT" else. */
slow_status sl_config_check_list(const sl_json *, const sl_json_at *, size_t least, const char *what, slow_error *);
/* A string that is not empty, copied. */
slow_status sl_config_read_string(const sl_json *, const sl_json_at *, const char *what, char **, slow_error *);
#endif
