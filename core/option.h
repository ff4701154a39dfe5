/* option.h - a plugin's option table at work: JSON members in, the plugin's config struct out, and documentation. */
#ifndef SL_OPTION_H
#define SL_OPTION_H
#include "json.h"
#include <slow/plugin.h>

/* Refuses a member of `object` that is neither an option nor one of `others` (ends with NULL), and names the nearest
 * right key. Both lists may be NULL. A key that begins with // is a comment, and always right. */
slow_status sl_option_check_keys(const slow_option *, const char *const *others, const sl_json *object,
                                 const sl_json_at *, slow_error *);
/* Checks one value and writes it into the config struct. The string that stood there before is freed. */
slow_status sl_option_set(const slow_option *, const sl_json *value, const sl_json_at *, void *config, slow_error *);
/* Fills a struct of config_size bytes: each option from its member of `object` (NULL = an empty one), else its default,
 * else zero. On failure the struct is all zero, and there is nothing to free. */
slow_status sl_option_fill(const slow_option *, size_t config_size, const sl_json *object, const sl_json_at *,
                           void *config, slow_error *);
/* Frees the strings in a struct, and sets them to NULL. */
void sl_option_clear(const slow_option *, void *config);

/* The config struct of one instance of a plugin, keys checked; `*config` is NULL for a plugin that has no options. */
slow_status sl_option_new(const slow_plugin *, const char *const *others, const sl_json *object, const sl_json_at *,
                          void **config, slow_error *);
void sl_option_free(const slow_plugin *, void *config); /* NULL is allowed; fits sl_instance_new() */

/* Prints what --describe shows, line by line: the plugin, then each option with type, range, default and help. */
void sl_option_describe(const slow_plugin *, void (*line)(void *arg, const char *text), void *arg);

/* The candidate nearest to what somebody wrote, if one is near enough to be meant. Start from {.wrong = text}. */
typedef struct sl_nearest {
    const char *wrong, *best; /* best: as given to sl_nearest_try(); NULL = none was near */
    size_t distance;
} sl_nearest;
/* True when the candidate is the nearest so far. */
bool sl_nearest_try(sl_nearest *, const char *candidate);
#endif
