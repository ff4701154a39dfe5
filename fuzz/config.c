/* Any bytes as a config. A config is its operator's, not a stranger's, but the reader must never crash on one, and must
 * always say what is wrong. The plugins are linked in: this program's own sl_static_modules. */
#include "core/config.h"
#include "core/module.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PLUGINS(X)   \
    X(transport_udp) \
    X(transport_tcp) \
    X(routing_distance_vector) X(routing_flooding) X(codec_json) X(codec_protobuf) X(security_none)
#define X(name) const slow_module *slow_module_v1_##name(void);
PLUGINS(X)
#undef X
#define X(name) slow_module_v1_##name,
const slow_module_fn sl_static_modules[] = {PLUGINS(X) NULL};
#undef X

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sl_config *config = NULL;
    slow_error error = {.text = ""};
    slow_status status = sl_config_parse("fuzz", (const char *)data, size, &config, &error);
    if (status == SLOW_OK
            ? config == NULL
            : config != NULL || error.code != status || error.text[0] == '\0' || strpbrk(error.text, "\r\n") != NULL)
        abort();
    sl_config_free(config);
    return 0;
}
