/* module.h - loads the plugin under test into this process, and makes its configs. See module.c. */
#ifndef MODULE_H
#define MODULE_H
#include "conform.h"

/* Loads, shakes hands as the core does, and fills in c->handle, module, plugin, kind, config and foreign. The error says what
 * the core would say. */
slow_status module_load(conform *, slow_error *);
const conform_kind *module_kind(uint32_t kind); /* NULL = unknown */
#endif
