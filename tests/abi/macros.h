/* Every public macro that is more than a number, used once as an application or a plugin would: a header that compiles may
 * still have a macro in it that does not. In C and in C++. */
#include <slow/codec.h>
#include <slow/identity.h>
#include <slow/inspect.h>
#include <slow/junction.h>
#include <slow/packet.h>
#include <slow/router.h>
#include <slow/routing.h>
#include <slow/security.h>
#include <slow/static.h>
#include <slow/transport.h>
#include <slow/wire.h>

SLOW_EXTERN_C bool macros_has(const slow_routing_ops *ops, const slow_host *host);
bool macros_has(const slow_routing_ops *ops, const slow_host *host) {
    return SLOW_HAS(ops, choose) && SLOW_HAS_FIELD(host, service);
}

SLOW_EXTERN_C uint64_t macros_init(void);
uint64_t macros_init(void) {
    slow_options options = SLOW_OPTIONS_INIT;
    slow_send_options send = SLOW_SEND_INIT;
    slow_key_info key = SLOW_KEY_INFO_INIT;
    slow_certificate_info certificate = SLOW_CERTIFICATE_INFO_INIT;
    slow_config_info config = SLOW_CONFIG_INFO_INIT;
    slow_certificate_request request = SLOW_CERTIFICATE_REQUEST_INIT;
    slow_config_flags flags = SLOW_CONFIG_FLAGS_INIT;
    return options.struct_size + send.ttl_ns + key.struct_size + certificate.not_after + config.struct_size +
           request.struct_size + flags.struct_size + SLOW_NUMBER_MAX + SLOW_FOREVER + SLOW_CERTIFICATE_VALID_MAX +
           SLOW_EPOCH_AHEAD_MS;
}

SLOW_EXTERN_C uint64_t macros_wire(uint8_t *bytes, size_t size);
uint64_t macros_wire(uint8_t *bytes, size_t size) {
    slow_bytes written = {bytes, size};
    slow_writer w = slow_writer_of(bytes, size);
    slow_write_varint(&w, 300);
    slow_write_short(&w, "slow", 4);
    slow_write_u16(&w, 7);
    slow_reader r = slow_reader_of(written);
    return slow_read_varint(&r) + slow_read_short(&r).size + slow_read_u16(&r);
}

static const slow_plugin *const macros_plugins[] = {NULL};
static const slow_module macros_module = {sizeof(slow_module), SLOW_ABI_MAJOR, SLOW_ABI_MINOR, "test", macros_plugins};
SLOW_MODULE(macros, &macros_module)

#define MACROS_LINKED(X) X(transport_one) X(codec_two)
SLOW_STATIC_PLUGINS(MACROS_LINKED)
