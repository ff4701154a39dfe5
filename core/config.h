/* config.h - a junction's configuration: JSON text in, checked values out, or one error that a person can act on.
 *
 * Every plugin named is found and its options are checked against its option table before anything starts. An error has
 * the form FILE:LINE: PATH: what was wrong, what was expected, and the nearest right key. */
#ifndef SL_CONFIG_H
#define SL_CONFIG_H
#include "config_plugins.h"

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
#endif
