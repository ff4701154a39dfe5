/* icmp.c - a peer whose port is closed is noticed at once, and nobody off the path can pretend that it is.
 *
 * When a junction dies and its machine lives, that machine answers each datagram with ICMP "port unreachable". On a
 * connected socket the kernel tells this as ECONNREFUSED of some later call; on a listening socket it tells nothing,
 * unless asked by IP_RECVERR (IPV6_RECVERR): then the message waits in the socket's error queue with the address to
 * which the datagram had gone, and the beginning of the datagram. The same error is also left on the socket, where it
 * would be taken for that of another peer. So all sockets ask, errno of a socket is only a reason to look here, and
 * the queue alone decides which link it was.
 *
 * ICMP is not authenticated, and off the path it is easily forged: of a connected socket one has to guess a port of 15
 * bits, of a listening one nothing that is secret. A believed forgery would end a healthy link, and repeated ones keep
 * it down through the core's damping. RFC 5927 tells TCP to check that the sequence number quoted is one in flight;
 * here the first 16 bytes of the datagram quoted have to be those of one of the last frames sent on that link. In the
 * core's frames these hold the receiver's random index and a counter, which only the path has seen. An error that
 * quotes less (RFC 792 asks only for 8 bytes, the UDP header; RFC 1812 and all present systems give more) is ignored,
 * and the probes find out half a second later.
 *
 * Host and network unreachable are ignored too: they come and go with somebody's routes. */
#include "udp.h"
#include <errno.h>
#include <linux/errqueue.h>
#include <string.h>
#include <sys/socket.h>

#define ERRORS_MAX 64 /* in one go */

static bool is_quoted(const udp_link *link, const uint8_t *quote, size_t size) {
    for (size_t i = 0; i < UDP_HEADS; i++) {
        const udp_head *head = &link->heads[i];
        if (head->size > 0 && head->size <= size && memcmp(head->bytes, quote, head->size) == 0)
            return true;
    }
    return false;
}

/* Does the message say that a port was closed, by ICMP? */
static bool is_refusal(struct msghdr *message) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        struct sock_extended_err error;
        bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
        bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
        if ((!v4 && !v6) || c->cmsg_len < CMSG_LEN(sizeof error))
            continue;
        memcpy(&error, CMSG_DATA(c), sizeof error);
        return error.ee_errno == ECONNREFUSED && error.ee_origin == (v4 ? SO_EE_ORIGIN_ICMP : SO_EE_ORIGIN_ICMP6);
    }
    return false;
}

void udp_icmp(udp_socket *s) {
    int ignored;
    socklen_t ignored_size = sizeof ignored;
    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &ignored, &ignored_size);
    for (int i = 0; i < ERRORS_MAX; i++) {
        uint8_t quote[UDP_HEAD_SIZE];
        _Alignas(struct cmsghdr) uint8_t control[512];
        address to = {.size = sizeof to.at};
        struct iovec part = {quote, sizeof quote};
        struct msghdr message = {.msg_name = &to.at,
                                 .msg_namelen = to.size,
                                 .msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof control};
        ssize_t size = recvmsg(s->fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
        if (size < 0)
            return;
        to.size = message.msg_namelen;
        udp_link *link = s->listens ? (udp_link *)peers_find(&s->peers, &to) : s->only;
        if (link != NULL && is_refusal(&message) && is_quoted(link, quote, (size_t)size))
            udp_link_die(link, SLOW_E_CLOSED);
    }
}
