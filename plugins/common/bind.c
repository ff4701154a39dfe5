/* bind.c - from a listening address to bound sockets.
 *
 * IPv6 sockets are V6ONLY: a dual-stack socket would show IPv4 peers as ::ffff:192.0.2.1, a second spelling of one
 * machine, and whether it can be had at all depends on a sysctl. So "*" and "localhost" are two sockets, on one port. A
 * machine without IPv6 gets the first alone.
 *
 * With port 0 the kernel picks a port for the first socket, which may be taken for the second: then both are given back
 * and another port is tried, a few times. */
#include "bind.h"
#include "error.h"
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT_TRIES 16

static size_t wanted_addresses(const address_spec *spec, address out[BIND_SOCKETS]) {
    if (spec->host == ADDRESS_NUMERIC) {
        out[0] = spec->numeric;
        return 1;
    }
    bool every = spec->host == ADDRESS_EVERY;
    out[0] = (address){
        .size = sizeof out[0].at.v4,
        .at.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(every ? INADDR_ANY : INADDR_LOOPBACK)},
    };
    out[1] = (address){
        .size = sizeof out[1].at.v6,
        .at.v6 = {.sin6_family = AF_INET6, .sin6_addr = every ? in6addr_any : in6addr_loopback},
    };
    return 2;
}

/* A socket bound to *local, which gets the real port; or -1 and errno. */
static int bind_one(int type, address *local) {
    int on = 1, saved;
    int fd = socket(local->at.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (local->at.any.sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
        goto fail;
    if (type == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        goto fail;
    if (bind(fd, &local->at.any, local->size) != 0 || getsockname(fd, &local->at.any, &local->size) != 0)
        goto fail;
    return fd;
fail:
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* All sockets on one port. False and errno when one cannot be had. */
static bool bind_all(int type, const address_spec *spec, bound *out) {
    address want[BIND_SOCKETS];
    size_t count = wanted_addresses(spec, want);
    uint16_t port = spec->port;
    out->count = 0;
    for (size_t i = 0; i < count; i++) {
        address_set_port(&want[i], port);
        int fd = bind_one(type, &want[i]);
        if (fd < 0 && i > 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
            break;
        if (fd < 0) {
            int saved = errno;
            while (out->count > 0)
                close(out->fd[--out->count]);
            errno = saved;
            return false;
        }
        out->fd[out->count] = fd;
        out->local[out->count++] = want[i];
        port = address_port(&want[i]);
    }
    return true;
}

static slow_status bind_error(const char *text, uint16_t port, slow_error *error) {
    switch (errno) {
    case EADDRINUSE:
        return error_set(error, SLOW_E_FAIL, text,
                         "port %u is in use: stop the program that has it, or take another port", port);
    case EADDRNOTAVAIL:
        return error_set(error, SLOW_E_FAIL, text,
                         "this machine has no such address: take one that `ip addr` shows, or *");
    case EACCES:
        return error_set(error, SLOW_E_FAIL, text, "not allowed to take port %u: ports below 1024 need a privilege",
                         port);
    default:
        return error_set(error, SLOW_E_FAIL, text, "cannot listen: %s", strerror(errno));
    }
}

slow_status bind_open(const char *scheme, const char *text, int type, bound *out, slow_error *error) {
    address_spec spec;
    slow_status status = address_parse(scheme, text, true, &spec, error);
    if (status == SLOW_OK)
        status = address_scope(&spec, text, error);
    if (status != SLOW_OK)
        return status;
    bool done = bind_all(type, &spec, out);
    for (int tries = 1; !done && spec.port == 0 && errno == EADDRINUSE && tries < PORT_TRIES; tries++)
        done = bind_all(type, &spec, out);
    if (!done)
        return bind_error(text, spec.port, error);
    if (spec.host == ADDRESS_NUMERIC)
        address_print(&out->local[0], scheme, out->text);
    else
        snprintf(out->text, sizeof out->text, "%s://%s:%u", scheme, spec.host == ADDRESS_EVERY ? "*" : "localhost",
                 address_port(&out->local[0]));
    return SLOW_OK;
}
