/* slow/static.h - a program with plugins linked in: no plugin directory, nothing opened at run time.
 *
 * Link libslow.a and the plugins' code, compiled with SLOW_STATIC=1, and name the plugins in one source file, with `_` for
 * `-`:
 *
 *     #define PLUGINS(X) X(transport_udp) X(routing_distance_vector) X(codec_protobuf) X(codec_json) X(security_none)
 *     SLOW_STATIC_PLUGINS(PLUGINS)
 *
 * These are looked through before any directory. A config that names a plugin which is not among them still finds it
 * where plugins are installed. Not with libslow.so: that has a list of its own, made when it was built. */
#ifndef SLOW_STATIC_H
#define SLOW_STATIC_H
#include <slow/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Ends with NULL. libslow.a has one in an object file of its own, which yields to that of the program. */
extern const slow_module_fn slow_static_modules[];

#ifdef __cplusplus
}
#endif

/* What SLOW_STATIC_PLUGINS() makes of a plugin's name. */
#define SLOW_STATIC_DECLARE(name) SLOW_EXTERN_C const slow_module *slow_module_v1_##name(void);
/* And in the list itself. */
#define SLOW_STATIC_ENTRY(name) slow_module_v1_##name,
/* Once in a program, at file scope. `list` is a macro that applies its argument to each plugin's name. */
#define SLOW_STATIC_PLUGINS(list) \
    list(SLOW_STATIC_DECLARE) const slow_module_fn slow_static_modules[] = {list(SLOW_STATIC_ENTRY) NULL};
#endif
