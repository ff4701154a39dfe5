/* socket.c - a UDP socket: its options, and what is done when it is ready.
 *
 * IPv4 goes without the "do not fragment" bit, and IPv6 is fragmented by the sender: a junction fills its frames to the
 * configured MTU, which should fit the path, but the opening's and other lone frames may be larger, up to the frame
 * floor, and must arrive all the same. So the kernel does no path MTU discovery here (IP_PMTUDISC_DONT), whose ICMP
 * messages could be forged in any case. */
#include "udp.h"
#include "../common/error.h"
#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool option_on(int fd, int level, int name, int value) {
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

void udp_probe(udp *u) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    u->sendmmsg = true;
    u->gso = u->config->gso && fd >= 0 && option_on(fd, SOL_UDP, UDP_SEGMENT, (int)u->config->mtu);
    u->gro = u->config->gro && fd >= 0 && option_on(fd, SOL_UDP, UDP_GRO, 1);
    if (fd >= 0)
        close(fd);
}

/* What fails here makes the socket slower or a dead peer be noticed later, and no more. */
static void set_options(udp_socket *s) {
    udp *u = s->udp;
    bool v6 = s->local.at.any.sa_family == AF_INET6;
    option_on(s->fd, SOL_SOCKET, SO_SNDBUF, (int)u->config->send_buffer);
    option_on(s->fd, SOL_SOCKET, SO_RCVBUF, (int)u->config->receive_buffer);
    if (v6) {
        option_on(s->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
        option_on(s->fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
    } else {
        option_on(s->fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
        option_on(s->fd, IPPROTO_IP, IP_RECVERR, 1);
    }
    if (u->gro)
        option_on(s->fd, SOL_UDP, UDP_GRO, 1);
    if (s->wildcard)
        option_on(s->fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, 1);
}

slow_status udp_socket_open(udp *u, int fd, const address *local, udp_socket **out, slow_error *error) {
    udp_socket *s = calloc(1, sizeof *s);
    if (s == NULL)
        return error_set(error, SLOW_E_NOMEM, "", "no memory for a socket");
    s->udp = u;
    s->fd = fd;
    s->local = *local;
    s->wildcard = address_is_wildcard(local);
    memcpy(s->peers.key, u->hash_key, sizeof s->peers.key);
    set_options(s);
    s->watch = u->io->watch(u->host, fd, SLOW_IO_READ, udp_socket_ready, s);
    if (s->watch == NULL) {
        free(s);
        return error_set(error, SLOW_E_NOMEM, "", "the socket could not be watched: no memory");
    }
    s->next = u->sockets;
    u->sockets = s;
    *out = s;
    return SLOW_OK;
}

void udp_socket_close(udp_socket *s) {
    udp *u = s->udp;
    for (udp_socket **at = &u->sockets; *at != NULL; at = &(*at)->next)
        if (*at == s) {
            *at = s->next;
            break;
        }
    if (s->listener != NULL && !s->listens)
        u->own_count--;
    u->io->unwatch(s->watch);
    close(s->fd);
    peers_free(&s->peers);
    free(s);
}

void udp_socket_empty(udp_socket *s) {
    s->retired = true; /* so it goes with its last link */
    if (s->only != NULL) {
        udp_link_free(s->only);
        return;
    }
    for (size_t i = 0; i < s->peers.bucket_count; i++)
        while (s->peers.buckets[i] != NULL) {
            bool last = s->peers.count == 1;
            udp_link_free((udp_link *)s->peers.buckets[i]);
            if (last)
                return;
        }
    udp_socket_close(s);
}

void udp_socket_ready(void *arg, int fd, unsigned events) {
    udp_socket *s = arg;
    (void)fd;
    if ((events & SLOW_IO_WRITE) != 0 && s->blocked)
        udp_write_ready(s);
    if ((events & SLOW_IO_READ) != 0)
        udp_read(s);
}
