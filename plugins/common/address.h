/* address.h - what stands behind `scheme://host:port` in the transports over IP: parsed, compared and printed.
 *
 * Nothing here looks a name up or opens anything, except address_scope(), which asks the kernel for the number of an
 * interface. */
#ifndef PLUGIN_ADDRESS_H
#define PLUGIN_ADDRESS_H
#include <netinet/in.h>
#include <slow/base.h>

/* An IPv4 or IPv6 address with its port, as the kernel wants it. */
typedef struct address {
    socklen_t size; /* bytes of the member of `at` in use */
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;
} address;

enum address_host {
    ADDRESS_NUMERIC,
    ADDRESS_NAME,
    ADDRESS_LOCALHOST, /* a name to dial; to listen on, 127.0.0.1 and ::1 */
    ADDRESS_EVERY,     /* "*", to listen on: 0.0.0.0 and :: */
};

typedef struct address_spec {
    enum address_host host;
    uint16_t port;
    char name[254];  /* as it stood there; for a look-up */
    char scope[16];  /* of a link-local address: the interface's name or number; may be empty */
    address numeric; /* ADDRESS_NUMERIC; without its scope until address_scope() */
} address_spec;

#define ADDRESS_TEXT 96u /* bytes that hold any printed address, with its end */

/* Strict. The error says what was expected. [any] */
slow_status address_parse(const char *scheme, const char *text, bool listen, address_spec *, slow_error *);
/* The same, as slow_transport_ops.check() wants it. [any] */
slow_status address_check(const char *scheme, const char *text, bool listen, uint32_t *flags, slow_error *);
/* Fills the scope in, where there is one. */
slow_status address_scope(address_spec *, const char *text, slow_error *);

/* False when these are not the bytes of an IPv4 or IPv6 socket address. */
bool address_of(const void *bytes, size_t size, address *);
uint16_t address_port(const address *);
void address_set_port(address *, uint16_t port);
bool address_equal(const address *, const address *);
bool address_equal_host(const address *, const address *); /* ports aside */
bool address_is_loopback(const address *);
bool address_is_wildcard(const address *);
/* Numeric and canonical (RFC 5952): udp://192.0.2.1:4100, udp://[fe80::1%2]:4100. */
void address_print(const address *, const char *scheme, char out[ADDRESS_TEXT]);
#endif
