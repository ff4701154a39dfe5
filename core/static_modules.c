/* The plugins that are linked in. core/static_modules.inc is made by CMake: one X(name) for each, or none. */
#include "module.h"

#define X(name) const slow_module *slow_module_v1_##name(void);
#include "static_modules.inc"
#undef X

const slow_module_fn slow_static_modules[] = {
#define X(name) slow_module_v1_##name,
#include "static_modules.inc"
#undef X
    NULL,
};
