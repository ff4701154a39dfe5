/* config_security.h - the keys of "security" that are the core's: who this junction is, and who the others may be. */
#ifndef SL_CONFIG_SECURITY_H
#define SL_CONFIG_SECURITY_H
#include "config_plugins.h"

/* Reads them, after the plugin, the id and the network. `value` is what stands under "security". */
slow_status sl_config_read_membership(sl_config *, const sl_json *value, const sl_json_at *, slow_error *);
void sl_config_membership_free(sl_config *);
/* An identity that stands in no file, for tests and the simulator; its copy is the config's. The other members of sl_config
 * can be set as well, to memory from malloc(). SLOW_E_NOMEM. */
slow_status sl_config_set_identity(sl_config *, const sl_identity *);
/* A file of revoked keys, one a line; *keys is the caller's to free(). [any] */
slow_status sl_config_read_revoked(const char *path, sl_key **keys, size_t *count, slow_error *);
/* What needs the time: has our certificate expired? Error as of the config. */
slow_status sl_config_check_time(const sl_config *, uint64_t now_s, slow_error *);
/* What is no mistake and still will not work as somebody hopes: up to SL_CONFIG_WARNINGS lines for the log. Of a config whose
 * options were taken already, too. */
enum { SL_CONFIG_WARNINGS = 8, SL_CONFIG_WARNING = 224 };
size_t sl_config_warnings(const sl_config *, uint64_t now_s, char lines[SL_CONFIG_WARNINGS][SL_CONFIG_WARNING]);
#endif
