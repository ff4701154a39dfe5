/* Any bytes as a config. A config is its operator's, not a stranger's, but the reader must never crash on one, and must
 * always say what is wrong. The plugins are linked in: this program's own slow_static_modules. Files that a config can name
 * lie in memory, behind the numbers below: /proc/self/fd/100 and so on. */
#include "core/certificate.h"
#include "core/config.h"
#include "core/module.h"
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PLUGINS(X)             \
    X(transport_udp)           \
    X(transport_tcp)           \
    X(routing_distance_vector) \
    X(routing_flooding) X(codec_json) X(codec_protobuf) X(security_none) X(security_noise)
#define X(name) const slow_module *slow_module_v1_##name(void);
PLUGINS(X)
#undef X
#define X(name) slow_module_v1_##name,
const slow_module_fn slow_static_modules[] = {PLUGINS(X) NULL};
#undef X

enum { IDENTITY = 100, NETWORK_KEY, CERTIFICATE, REVOKED };

static void file_make(int number, const char *text) {
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || fchmod(fd, 0600) != 0 || write(fd, text, strlen(text)) < 0 || dup2(fd, number) < 0)
        abort();
    close(fd);
}

/* Once a process: they are there as long as it is. */
static void files_make(void) {
    static const uint8_t alice[SL_KEY_SIZE] = {1}, root[SL_KEY_SIZE] = {9};
    char text[SL_CERTIFICATE_TEXT_MAX], key[SL_KEY_TEXT];
    sl_identity own, authority;
    sl_certificate c = {.network = "slow",
                        .id = {.size = 5, .text = "alice"},
                        .grant = {.roles = SL_ROLE_RELAY, .not_after = UINT32_MAX}};
    if (fcntl(IDENTITY, F_GETFD) >= 0 || sodium_init() < 0)
        return;
    sl_identity_from_seed(&own, alice);
    sl_identity_from_seed(&authority, root);
    c.grant.key = own.key;
    sl_certificate_sign(&c, &authority);
    sl_certificate_write(&c, text, sizeof text);
    file_make(IDENTITY, "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
    file_make(NETWORK_KEY, "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
    file_make(CERTIFICATE, text);
    sl_key_text(&authority.key, key);
    file_make(REVOKED, key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    files_make();
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
