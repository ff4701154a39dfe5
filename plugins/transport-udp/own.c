/* own.c - a link that came to a listening address gets a socket of its own, once its peer has answered.
 *
 * On a listener's socket all peers share one buffer of the kernel, and it is filled by who sends the most: a neighbour
 * that sends faster than the router finds time to read costs the others their frames, probes too, and then their links.
 * No order of reading mends that, since the buffer overflows while nobody reads (a member's million packages beside four
 * busy loops on two cores: 330,000 datagrams dropped, and two honest neighbours' links lost 16 times). So a second socket
 * is bound to the same address and connected to the peer: the kernel prefers it for that peer's datagrams, and who floods
 * loses his own. What all of them may fill is bounded by net.ipv4.udp_mem.
 *
 * Both sockets need SO_REUSEPORT. The listener gets it after it was bound: so two programs that want one port still meet
 * EADDRINUSE, and later the kernel admits only a socket of the same user that asks for it. Rejected: SO_REUSEADDR, by
 * which any user could come in. Where a privilege for the port was given up meanwhile, bind() is refused, and the link
 * goes on with the listener's socket.
 *
 * Between bind() and connect() anybody's datagrams may be put into the new socket, and what the peer sent before is still
 * in the old one. So from whichever socket a datagram is read, its source decides whose it is (read.c), and the link stays
 * in the listener's table: nothing is lost, or taken for another's. When the link ends, its peer is a stranger again.
 *
 * When: at the first datagram that comes after the core has sent something. A stranger whom the core does not answer costs
 * none, so the core's bounds on openings bound these sockets, too; and `own_sockets` does, lest links take all descriptors
 * that the process may have, and since kernels before 6.13 look through all sockets of an address for each datagram. Who
 * found none left gets one when he is heard after another has ended. */
#include "udp.h"
#include <sys/socket.h>
#include <unistd.h>

static bool share_port(int fd) {
    int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0;
}

/* A socket beside the listener's, bound to the address to which the peer sends and connected to the peer; or -1. */
static int connected(int listener, const address *local, const address *remote) {
    int fd = socket(local->at.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && share_port(listener) && share_port(fd) && bind(fd, &local->at.any, local->size) == 0 &&
        connect(fd, &remote->at.any, remote->size) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool may_have_own(const udp_link *link) {
    const udp_socket *s = link->socket;
    bool answered = link->head_next > 0;
    return s->listens && answered && !link->shares && s->cut_link != link &&
           s->udp->own_count < (size_t)s->udp->config->own_sockets;
}

void udp_own_socket(udp_link *link) {
    udp_socket *listener = link->socket, *own;
    slow_error ignored;
    if (!may_have_own(link))
        return;
    int fd = connected(listener->fd, &link->local, &link->peer.remote);
    if (fd < 0 || udp_socket_open(listener->udp, fd, &link->local, &own, &ignored) != SLOW_OK) {
        if (fd >= 0)
            close(fd);
        link->shares = true;
        return;
    }
    own->listener = listener;
    own->only = link;
    link->socket = own;
    listener->udp->own_count++;
}
