/* A module of the next ABI major: it has that major's entry symbol alone. The core must not call it. */
#include <stdlib.h>

__attribute__((visibility("default"))) const void *slow_module_v2(void);
const void *slow_module_v2(void) {
    abort();
}
