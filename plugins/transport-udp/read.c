/* read.c - datagrams in: recvmmsg() into one buffer of the instance, cut into frames, handed up by link.
 *
 * With UDP_GRO the kernel hands over up to 64 KiB of datagrams of one peer and one size at once, and tells the size;
 * that and not recvmmsg() is what makes UDP fast, for the way of a datagram through the stack costs some 3
 * microseconds, of which the system call is 5 %. Frames of one link that are adjacent go up in one receive(), as views
 * of the buffer.
 *
 * One call of ready() reads until the core says AGAIN, or the socket is empty, or a few rounds are done: strangers'
 * datagrams are refused one by one and never meet the core's budget, so a flood of them must not hold the loop. What is
 * left makes the socket ready again in the next turn. What was read already is handed up in any case, also after AGAIN
 * of another link of the socket. So a round reads few datagrams where they are long, and one more with each round in which
 * they were short: sixteen trains are a megabyte, and who sends such would get milliseconds of every turn, which on a
 * processor that others want, too, grow to tenths of a second, and end the links of others.
 *
 * The source address says whose a datagram is, on a link's own socket as well (own.c). Only a dialled socket was open to
 * nobody else at any time, so there is no need to look. */
#include "udp.h"
#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define DATAGRAMS 16u /* in one recvmmsg() */
#define TRAINS 4u     /* the same, where each may be a train */
#define DATAGRAM_SIZE 65536u
#define ROUNDS 4u   /* in one turn */
#define SLICES 256u /* in one receive() */
#define CONTROL_SIZE (CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct in6_pktinfo)))

struct read_buffer {
    struct mmsghdr messages[DATAGRAMS];
    struct iovec parts[DATAGRAMS];
    address from[DATAGRAMS];
    _Alignas(struct cmsghdr) uint8_t control[DATAGRAMS][CONTROL_SIZE];
    uint8_t bytes[DATAGRAMS][DATAGRAM_SIZE]; /* last: what is never read is never touched */
};

/* Frames of one link that wait to be handed up. */
typedef struct batch {
    udp_link *link;
    size_t count;
    bool enough; /* the core said AGAIN */
    slow_slice slices[SLICES];
} batch;

struct read_buffer *udp_read_buffer_new(void) {
    struct read_buffer *b = malloc(sizeof *b);
    if (b == NULL)
        return NULL;
    memset(b, 0, offsetof(struct read_buffer, bytes));
    for (size_t i = 0; i < DATAGRAMS; i++) {
        b->parts[i] = (struct iovec){b->bytes[i], DATAGRAM_SIZE};
        b->messages[i].msg_hdr = (struct msghdr){
            .msg_name = &b->from[i].at, .msg_iov = &b->parts[i], .msg_iovlen = 1, .msg_control = b->control[i]};
    }
    return b;
}

static void prepare(struct read_buffer *b, size_t count) {
    for (size_t i = 0; i < count; i++) {
        b->messages[i].msg_hdr.msg_namelen = sizeof b->from[i].at;
        b->messages[i].msg_hdr.msg_controllen = CONTROL_SIZE;
    }
}

/* The size of each datagram in a train, or 0; and the address of ours to which it came, where the socket asks. */
static uint32_t control_read(struct msghdr *message, address *local) {
    int segment = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        const void *data = CMSG_DATA(c);
        if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
            memcpy(&segment, data, sizeof segment);
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, data, sizeof info);
            local->at.v4.sin_addr = info.ipi_spec_dst;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, data, sizeof info);
            local->at.v6.sin6_addr = info.ipi6_addr;
            if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
                local->at.v6.sin6_scope_id = info.ipi6_ifindex;
        }
    }
    return segment > 0 ? (uint32_t)segment : 0;
}

static void hand_up(udp *u, batch *b) {
    if (b->count > 0 && u->up->receive(u->host, b->link->id, b->slices, b->count) == SLOW_E_AGAIN)
        b->enough = true;
    b->count = 0;
}

/* The link of a datagram; a new one for an address that has none. NULL: refused. */
static udp_link *link_of(udp_socket *s, const address *from, const address *local) {
    udp_socket *listener = s->listener;
    if (listener == NULL || (s->only != NULL && address_equal(&s->only->peer.remote, from)))
        return s->only;
    udp_link *known = (udp_link *)peers_find(&listener->peers, from);
    if (known != NULL) {
        udp_own_socket(known);
        return known;
    }
    udp_link *link = listener->retired ? NULL : udp_link_new(listener, from, local);
    return link != NULL && udp_link_born(link, 0) ? link : NULL;
}

static void cut(udp *u, batch *b, uint8_t *bytes, uint32_t size, uint32_t segment) {
    if (segment == 0)
        segment = size;
    for (uint32_t at = 0; at < size; at += segment) {
        if (b->count == SLICES)
            hand_up(u, b);
        b->slices[b->count++] = (slow_slice){.data = bytes + at, .size = size - at < segment ? size - at : segment};
    }
}

static void take_datagram(udp_socket *s, batch *b, struct mmsghdr *message, const address *from) {
    udp *u = s->udp;
    uint8_t *bytes = message->msg_hdr.msg_iov->iov_base;
    address local = s->local;
    uint32_t segment = control_read(&message->msg_hdr, &local);
    if (message->msg_len == 0 || (message->msg_hdr.msg_flags & MSG_TRUNC) != 0)
        return;
    bool same = b->link != NULL && (s->listener == NULL || address_equal(&b->link->peer.remote, from));
    if (!same) {
        hand_up(u, b);
        b->link = link_of(s, from, &local);
    }
    if (b->link == NULL)
        return;
    b->link->heard = true;
    cut(u, b, bytes, message->msg_len, segment);
}

void udp_read(udp_socket *s) {
    udp *u = s->udp;
    struct read_buffer *buffer = u->read_buffer;
    batch b = {.link = NULL};
    for (unsigned round = 0; round < ROUNDS && !b.enough; round++) {
        unsigned most = TRAINS + s->short_rounds;
        size_t bytes = 0;
        prepare(buffer, most);
        int got = recvmmsg(s->fd, buffer->messages, most, MSG_DONTWAIT, NULL);
        if (got < 0 && (errno != EAGAIN || round == 0)) {
            udp_icmp(s); /* an error of the socket, or it woke us for its error queue alone */
            continue;
        }
        for (int i = 0; i < got; i++) {
            buffer->from[i].size = buffer->messages[i].msg_hdr.msg_namelen;
            take_datagram(s, &b, &buffer->messages[i], &buffer->from[i]);
            bytes += buffer->messages[i].msg_len;
        }
        hand_up(u, &b);
        if (bytes >= DATAGRAM_SIZE)
            s->short_rounds = 0;
        else if (most < DATAGRAMS)
            s->short_rounds++;
        if (got < (int)most)
            return;
    }
}
