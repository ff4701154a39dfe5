/* address.c - `scheme://host:port`, read strictly.
 *
 * A person types addresses, so each refusal says which part was wrong and what would be right. Strict means: no port
 * that is left out or guessed, no "0x7f.1", no "127.1" (inet_aton() would take both), no IPv6 address without
 * brackets, no IPv4 address dressed as IPv6. The core compares printed hosts to tell whether two links join the same
 * two machines, so one machine must not have two spellings: what is printed comes from inet_ntop(), which follows RFC
 * 5952, and a scope is printed as the interface's number.
 *
 * A link-local address means nothing without its interface: [fe80::1%eth0]. The interface's name is looked up late, by
 * address_scope(), because a config is checked on machines that do not have the interface. */
#include "address.h"
#include "error.h"
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <slow/transport.h>
#include <string.h>
#include <strings.h>

static slow_status port_parse(const char *text, const char *digits, bool listen, uint16_t *port, slow_error *error) {
    size_t size = strlen(digits);
    if (size == 0 || strspn(digits, "0123456789") != size)
        return error_set(error, SLOW_E_INVAL, text,
                         "port '%.20s' is not a number: write HOST:PORT, e.g. 192.0.2.1:4100", digits);
    uint32_t value = 0;
    for (const char *at = digits; *at != '\0' && value <= UINT16_MAX; at++)
        value = value * 10 + (uint32_t)(*at - '0');
    if (size > 5 || value > UINT16_MAX || (value == 0 && !listen))
        return error_set(error, SLOW_E_INVAL, text, "port %.20s is not in %s65535", digits, listen ? "0.." : "1..");
    *port = (uint16_t)value;
    return SLOW_OK;
}

/* RFC 1123 host names, and the underscore that many use. One that ends in a number is a mistyped IPv4 address. */
static bool name_is_good(const char *name) {
    size_t label = 0;
    bool numeric = false;
    for (const char *at = name; *at != '\0'; at++) {
        if (*at == '.') {
            if (label == 0)
                return false;
            label = 0;
            continue;
        }
        bool digit = *at >= '0' && *at <= '9';
        bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || *at == '_' || *at == '-';
        if ((!digit && !letter) || (label == 0 && *at == '-'))
            return false;
        numeric = digit && (label == 0 || numeric);
        if (++label > 63)
            return false;
    }
    return name[0] != '\0' && !numeric;
}

static slow_status v6_parse(const char *text, char *host, bool listen, address_spec *spec, slow_error *error) {
    char *percent = strchr(host, '%');
    if (percent != NULL) {
        *percent = '\0';
        size_t size = strlen(percent + 1);
        if (size == 0 || size >= sizeof spec->scope)
            return error_set(error, SLOW_E_INVAL, text, "'%.40s' names no interface: write e.g. [fe80::1%%eth0]",
                             percent + 1);
        memcpy(spec->scope, percent + 1, size + 1);
    }
    struct sockaddr_in6 *v6 = &spec->numeric.at.v6;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(spec->port);
    spec->numeric.size = sizeof *v6;
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
        return error_set(error, SLOW_E_INVAL, text, "'%.60s' is not an IPv6 address, which is what stands in brackets",
                         host);
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        return error_set(error, SLOW_E_INVAL, text, "write the IPv4 address itself, without ::ffff: and brackets");
    if (IN6_IS_ADDR_MULTICAST(&v6->sin6_addr))
        return error_set(error, SLOW_E_INVAL, text, "a multicast address is no place to %s",
                         listen ? "listen on" : "connect to");
    if (IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr) != (percent != NULL))
        return percent == NULL
                   ? error_set(error, SLOW_E_INVAL, text,
                               "a link-local address needs its interface: write e.g. [%.40s%%eth0]", host)
                   : error_set(error, SLOW_E_INVAL, text,
                               "only link-local addresses (fe80::) take an interface: leave out %%%s", spec->scope);
    return SLOW_OK;
}

static slow_status v4_check(const char *text, const struct in_addr *in, bool listen, slow_error *error) {
    uint32_t value = ntohl(in->s_addr);
    if (IN_MULTICAST(value) || value == INADDR_BROADCAST)
        return error_set(error, SLOW_E_INVAL, text, "a %s address is no place to %s",
                         value == INADDR_BROADCAST ? "broadcast" : "multicast", listen ? "listen on" : "connect to");
    return SLOW_OK;
}

static slow_status host_parse(const char *text, bool listen, address_spec *spec, slow_error *error) {
    const char *host = spec->name;
    struct sockaddr_in *v4 = &spec->numeric.at.v4;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(spec->port);
        spec->numeric.size = sizeof *v4;
        spec->host = ADDRESS_NUMERIC;
        return v4_check(text, &v4->sin_addr, listen, error);
    }
    if (strchr(host, ':') != NULL)
        return error_set(error, SLOW_E_INVAL, text, "an IPv6 address stands in brackets: [%.60s]:%u", host, spec->port);
    if (strcmp(host, "*") == 0) {
        spec->host = ADDRESS_EVERY;
        return listen ? SLOW_OK
                      : error_set(error, SLOW_E_INVAL, text, "* is only to listen on: name the junction to connect to");
    }
    if (!name_is_good(host))
        return error_set(error, SLOW_E_INVAL, text, "'%.60s' is neither an IP address nor a host name", host);
    spec->host = strcasecmp(host, "localhost") == 0 ? ADDRESS_LOCALHOST : ADDRESS_NAME;
    if (listen && spec->host == ADDRESS_NAME)
        return error_set(
            error, SLOW_E_INVAL, text,
            "to listen, give a numeric address of this machine, localhost, or * for all; not the name %.60s", host);
    return SLOW_OK;
}

slow_status address_parse(const char *scheme, const char *text, bool listen, address_spec *spec, slow_error *error) {
    size_t scheme_size = strlen(scheme);
    memset(spec, 0, sizeof *spec);
    if (strncmp(text, scheme, scheme_size) != 0 || strncmp(text + scheme_size, "://", 3) != 0)
        return error_set(error, SLOW_E_INVAL, text, "not an address of this transport: write %s://HOST:PORT", scheme);
    const char *host = text + scheme_size + 3;
    bool brackets = host[0] == '[';
    const char *end = brackets ? strchr(++host, ']') : strrchr(host, ':');
    const char *colon = brackets && end != NULL ? end + 1 : end;
    if (colon == NULL || *colon != ':')
        return error_set(error, SLOW_E_INVAL, text, "no port: write %s://%s:PORT", scheme,
                         brackets ? "[ADDRESS]" : "HOST");
    size_t size = (size_t)(end - host);
    if (size == 0 || size >= sizeof spec->name)
        return error_set(error, SLOW_E_INVAL, text, "the host has %zu bytes: expected 1..%zu", size,
                         sizeof spec->name - 1);
    memcpy(spec->name, host, size);
    slow_status status = port_parse(text, colon + 1, listen, &spec->port, error);
    if (status == SLOW_OK)
        status = brackets ? v6_parse(text, spec->name, listen, spec, error) : host_parse(text, listen, spec, error);
    if (status == SLOW_OK && !listen && spec->host == ADDRESS_NUMERIC && address_is_wildcard(&spec->numeric))
        return error_set(error, SLOW_E_INVAL, text, "%s is only to listen on: name the junction to connect to",
                         spec->name);
    return status;
}

slow_status address_check(const char *scheme, const char *text, bool listen, uint32_t *flags, slow_error *error) {
    address_spec spec;
    slow_status status = address_parse(scheme, text, listen, &spec, error);
    if (status != SLOW_OK)
        return status;
    bool local = spec.host == ADDRESS_LOCALHOST || (spec.host == ADDRESS_NUMERIC && address_is_loopback(&spec.numeric));
    *flags = local ? SLOW_LINK_LOCAL : 0;
    return SLOW_OK;
}

slow_status address_scope(address_spec *spec, const char *text, slow_error *error) {
    if (spec->scope[0] == '\0')
        return SLOW_OK;
    size_t digits = strspn(spec->scope, "0123456789");
    uint32_t index = 0;
    if (spec->scope[digits] != '\0')
        index = if_nametoindex(spec->scope);
    else if (digits < 10)
        for (size_t i = 0; i < digits; i++)
            index = index * 10 + (uint32_t)(spec->scope[i] - '0');
    if (index == 0)
        return error_set(error, SLOW_E_INVAL, text, "no interface '%s' on this machine", spec->scope);
    spec->numeric.at.v6.sin6_scope_id = index;
    return SLOW_OK;
}

bool address_of(const void *bytes, size_t size, address *out) {
    memset(out, 0, sizeof *out);
    if (size < sizeof out->at.any.sa_family || size > sizeof out->at)
        return false;
    memcpy(&out->at, bytes, size);
    out->size = (socklen_t)size;
    return (out->at.any.sa_family == AF_INET && size >= sizeof out->at.v4) ||
           (out->at.any.sa_family == AF_INET6 && size >= sizeof out->at.v6);
}

uint16_t address_port(const address *a) {
    return ntohs(a->at.any.sa_family == AF_INET6 ? a->at.v6.sin6_port : a->at.v4.sin_port);
}

void address_set_port(address *a, uint16_t port) {
    if (a->at.any.sa_family == AF_INET6)
        a->at.v6.sin6_port = htons(port);
    else
        a->at.v4.sin_port = htons(port);
}

bool address_equal_host(const address *a, const address *b) {
    if (a->at.any.sa_family != b->at.any.sa_family)
        return false;
    if (a->at.any.sa_family == AF_INET)
        return a->at.v4.sin_addr.s_addr == b->at.v4.sin_addr.s_addr;
    return memcmp(&a->at.v6.sin6_addr, &b->at.v6.sin6_addr, sizeof a->at.v6.sin6_addr) == 0 &&
           a->at.v6.sin6_scope_id == b->at.v6.sin6_scope_id;
}

bool address_equal(const address *a, const address *b) {
    return address_equal_host(a, b) && address_port(a) == address_port(b);
}

bool address_is_loopback(const address *a) {
    if (a->at.any.sa_family == AF_INET)
        return ntohl(a->at.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return IN6_IS_ADDR_LOOPBACK(&a->at.v6.sin6_addr);
}

bool address_is_wildcard(const address *a) {
    if (a->at.any.sa_family == AF_INET)
        return a->at.v4.sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&a->at.v6.sin6_addr);
}

void address_print(const address *a, const char *scheme, char out[ADDRESS_TEXT]) {
    char host[INET6_ADDRSTRLEN] = "?", scope[12] = "";
    if (a->at.any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &a->at.v4.sin_addr, host, sizeof host);
        snprintf(out, ADDRESS_TEXT, "%s://%s:%u", scheme, host, address_port(a));
        return;
    }
    inet_ntop(AF_INET6, &a->at.v6.sin6_addr, host, sizeof host);
    if (a->at.v6.sin6_scope_id != 0)
        snprintf(scope, sizeof scope, "%%%u", a->at.v6.sin6_scope_id);
    snprintf(out, ADDRESS_TEXT, "%s://[%s%s]:%u", scheme, host, scope, address_port(a));
}
