#include "address.h"
#include <arpa/inet.h>
#include <string.h>

enum { IPV6_NET = 8 }; /* bytes */

/* What stands in brackets, without its zone. */
static bool ipv6_of(const char *address, struct in6_addr *out) {
    char text[INET6_ADDRSTRLEN];
    const char *begin = strchr(address, '[');
    size_t size = begin == NULL ? 0 : strcspn(begin + 1, "]%");
    if (size == 0 || size >= sizeof text)
        return false;
    memcpy(text, begin + 1, size);
    text[size] = '\0';
    return inet_pton(AF_INET6, text, out) == 1 && !IN6_IS_ADDR_V4MAPPED(out);
}

size_t sl_address_host(const char *address) {
    const char *colon = strrchr(address, ':'), *bracket = strrchr(address, ']');
    return colon == NULL || (bracket != NULL && colon < bracket) || colon[1] == '/' ? strlen(address)
                                                                                    : (size_t)(colon - address);
}

bool sl_address_same_net(const char *a, const char *b) {
    struct in6_addr at_a, at_b;
    if (ipv6_of(a, &at_a) && ipv6_of(b, &at_b))
        return memcmp(&at_a, &at_b, IPV6_NET) == 0;
    size_t size = sl_address_host(a);
    return size == sl_address_host(b) && memcmp(a, b, size) == 0;
}
