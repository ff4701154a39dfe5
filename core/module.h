/* module.h - the one door to dlopen: finds a plugin's module by the plugin's id, shakes hands, and keeps it mapped.
 *
 * A module is looked for by name in the directories given, in order; nothing is loaded that was not named. (Directories
 * are read only when there is no such file, for the "did you mean" of the error.) It is never unmapped, so a plugin's
 * static data outlives every junction. Refused, with both sides named: another ABI major, a minor above ours, no entry
 * symbol, a kind or an id that is not what the name promises, and what dlopen refuses. */
#ifndef SL_MODULE_H
#define SL_MODULE_H
#include <slow/plugin.h>
#include <slow/static.h>

/* `directories` ends with NULL (or is NULL); after it the standard places are tried: ../lib/slow/1 beside the running
 * program, slow/1 beside libslow, the installed directory. `kind` 0 = any. The error's `where` is the file. [any] */
slow_status sl_module_find(const char *const *directories, const char *id, uint32_t kind, const slow_plugin **,
                           slow_error *);
const char *sl_kind_name(uint32_t kind); /* "transport", "routing", "codec", "security" */

/* The plugins that are linked into the program are slow_static_modules of slow/static.h, which the build fills from
 * SLOW_STATIC_PLUGINS, and a program that defines it itself with its own. */
#endif
