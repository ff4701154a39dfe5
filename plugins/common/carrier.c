/* carrier.c - notices at once that an interface went down or lost its carrier, or that an address was taken away.
 *
 * A cable that is pulled is known to the kernel in microseconds, and to a probe only after half a second. rtnetlink(7)
 * tells of every change, but its messages say little in themselves, are many, and are lost when the socket's buffer
 * overflows (ENOBUFS). So the netlink socket is a doorbell and no more: whatever it says, it is emptied, the picture is
 * thrown away, and taken anew with getifaddrs() when somebody next asks. No message is parsed, an overflow costs
 * nothing, and a burst of a hundred messages is one look.
 *
 * A link is tied to an interface by its own local address: what `ip addr` shows on the interface is what the kernel
 * chose when it routed the connection, or what the peer sent to. Rejected: asking the routing table for each link
 * (RTM_GETROUTE), which tells of the route now and not of the one in use; IP_PKTINFO's interface of arrival, which may
 * be another than that of departure. Where the local address sits on a loopback interface, as on routers that number
 * themselves so, no interface can speak for the link, and probes decide.
 *
 * "Up" is IFF_UP and IFF_RUNNING: switched on by the administrator, and operational (RFC 2863), which is what is lost
 * with the carrier. A flap shorter than one turn of the loop goes unnoticed, and should: the link still works. */
#include "carrier.h"
#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct local_address {
    address at;
    bool up; /* and not a loopback */
} local_address;

struct carrier {
    const slow_io *io;
    void (*changed)(void *arg);
    void *arg;
    int fd; /* -1 where the kernel gives no netlink: then the first picture stays */
    slow_watch *watch;
    bool fresh;
    local_address *found;
    size_t count;
};

static void look(carrier *c) {
    struct ifaddrs *list = NULL;
    size_t room = 0;
    if (c->fresh || getifaddrs(&list) != 0)
        return;
    for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next)
        room++;
    local_address *found = calloc(room > 0 ? room : 1, sizeof *found);
    if (found == NULL)
        goto out;
    free(c->found);
    c->found = found;
    c->count = 0;
    c->fresh = true;
    for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
        const struct sockaddr *at = i->ifa_addr;
        if (at == NULL || (at->sa_family != AF_INET && at->sa_family != AF_INET6))
            continue;
        size_t size = at->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
        local_address *next = &c->found[c->count];
        if (!address_of(at, size, &next->at))
            continue;
        next->up = (i->ifa_flags & (IFF_UP | IFF_RUNNING | IFF_LOOPBACK)) == (IFF_UP | IFF_RUNNING);
        c->count++;
    }
out:
    freeifaddrs(list);
}

static const local_address *find(carrier *c, const address *wanted) {
    look(c);
    for (size_t i = 0; i < c->count; i++)
        if (address_equal_host(&c->found[i].at, wanted))
            return &c->found[i];
    return NULL;
}

bool carrier_is_ours(carrier *c, const address *wanted) {
    return find(c, wanted) != NULL;
}

bool carrier_is_up(carrier *c, const address *wanted) {
    const local_address *found = find(c, wanted);
    return found != NULL && found->up;
}

static void rung(void *arg, int fd, unsigned events) {
    carrier *c = arg;
    char ignored[8192];
    bool any = false;
    (void)events;
    for (int reads = 0; reads < 64; reads++) {
        ssize_t size = recv(fd, ignored, sizeof ignored, MSG_DONTWAIT);
        if (size < 0 && errno != ENOBUFS && errno != EINTR)
            break;
        any = true;
    }
    if (!any)
        return;
    c->fresh = false;
    c->changed(c->arg);
}

static int doorbell(void) {
    struct sockaddr_nl groups = {.nl_family = AF_NETLINK,
                                 .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&groups, sizeof groups) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

carrier *carrier_new(const slow_host *host, const slow_io *io, void (*changed)(void *), void *arg) {
    carrier *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    *c = (carrier){.io = io, .changed = changed, .arg = arg, .fd = doorbell()};
    if (c->fd < 0) {
        host->log(host, SLOW_LOG_WARN, "no rtnetlink here: a lost carrier is noticed by probes, half a second later");
        return c;
    }
    c->watch = io->watch(host, c->fd, SLOW_IO_READ, rung, c);
    if (c->watch != NULL)
        return c;
    carrier_free(c);
    return NULL;
}

void carrier_free(carrier *c) {
    if (c == NULL)
        return;
    c->io->unwatch(c->watch);
    if (c->fd >= 0)
        close(c->fd);
    free(c->found);
    free(c);
}
