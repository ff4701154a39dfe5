/* Any bytes as an address of the transports over IP: what is accepted is printed in one way, which is accepted again and
 * printed the same; what is refused has a reason of one line. And any bytes as the kernel's socket address. The first byte:
 * whether to listen there, and which of the two. */
#include "plugins/common/address.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds)
        abort();
}

static void comes_back(const address *a, bool listen) {
    char text[ADDRESS_TEXT], again[ADDRESS_TEXT];
    address_spec spec;
    slow_error error = {.text = ""};
    address_print(a, "udp", text);
    must(strlen(text) < sizeof text);
    if (address_parse("udp", text, listen, &spec, &error) != SLOW_OK)
        return; /* port 0, or an IPv4 address dressed as IPv6 */
    must(spec.host == ADDRESS_NUMERIC);
    if (address_scope(&spec, text, &error) != SLOW_OK)
        return; /* an interface that is not there */
    address_print(&spec.numeric, "udp", again);
    must(strcmp(text, again) == 0 && address_equal_host(a, &spec.numeric));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    address_spec spec;
    address of_kernel;
    slow_error error = {.text = ""};
    uint32_t flags = 0;
    if (size == 0)
        return 0;
    bool listen = data[0] & 1;
    if (data[0] & 2) {
        if (address_of(data + 1, size - 1, &of_kernel))
            comes_back(&of_kernel, listen);
        return 0;
    }
    char *text = malloc(size);
    must(text != NULL);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    slow_status status = address_parse("udp", text, listen, &spec, &error);
    must(status == SLOW_OK || (error.text[0] != '\0' && strpbrk(error.text, "\r\n") == NULL));
    must(address_check("udp", text, listen, &flags, &error) == status);
    if (status == SLOW_OK && spec.host == ADDRESS_NUMERIC && spec.scope[0] == '\0')
        comes_back(&spec.numeric, listen);
    free(text);
    return 0;
}
