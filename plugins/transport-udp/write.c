/* write.c - frames out: batches through sendmmsg(), trains through UDP_SEGMENT, falling back by steps.
 *
 * A packet is sent in pieces: a lone frame is one; a train is one where the kernel segments it (UDP_SEGMENT: at most
 * 64 frames, at most 64 KiB), and as many as it has frames where it does not. So that fallback is the same loop with
 * another piece size. Whether a kernel has GSO is found at start; that a device or a path does not do it is found when
 * a train is refused: EINVAL when a frame with its headers exceeds the path's MTU, EIO where checksums cannot be
 * offloaded, EMSGSIZE. Then that link goes on without.
 *
 * When the kernel takes no more in the middle of a train, the packet counts as taken, and the rest goes first when the
 * socket is writable. Giving it back would send its beginning twice; dropping the rest would lose forty frames for a
 * full queue. The socket is the link's own or shared by all links of a listener; either way nothing else goes before.
 *
 * What the kernel refuses otherwise is lost, as on the wire: ENOBUFS (a full device queue, told because of IP_RECVERR),
 * EPERM (a packet filter), no route. An error of the socket itself is the echo of an earlier datagram, perhaps another
 * peer's: it is looked up in the error queue (icmp.c), and the datagram is tried again. */
#include "udp.h"
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#define PIECES 32u /* in one sendmmsg() */
#define CONTROL_SIZE (CMSG_SPACE(sizeof(uint16_t)) + CMSG_SPACE(sizeof(struct in6_pktinfo)))

/* Where in a batch of packets the next piece begins. */
typedef struct cursor {
    slow_packet *const *packets;
    size_t count, packet;
    uint32_t at; /* bytes of that packet that went */
} cursor;

typedef struct outbox {
    struct mmsghdr messages[PIECES];
    struct iovec parts[PIECES];
    _Alignas(struct cmsghdr) uint8_t control[PIECES][CONTROL_SIZE];
} outbox;

static uint32_t piece_size(const udp_link *link, const slow_packet *packet, uint32_t at) {
    uint32_t left = packet->size - at;
    if (packet->segment == 0)
        return left;
    uint32_t frames = link->gso ? UDP_TRAIN_SIZE / packet->segment : 1;
    if (frames > UDP_TRAIN_FRAMES)
        frames = UDP_TRAIN_FRAMES;
    uint32_t most = packet->segment * (frames > 0 ? frames : 1);
    return left < most ? left : most;
}

static void advance(cursor *c, uint32_t size) {
    c->at += size;
    if (c->at >= c->packets[c->packet]->size) {
        c->packet++;
        c->at = 0;
    }
}

static void *control_add(struct msghdr *message, int level, int type, size_t size) {
    struct cmsghdr *c = (struct cmsghdr *)(void *)((uint8_t *)message->msg_control + message->msg_controllen);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(size);
    message->msg_controllen += CMSG_SPACE(size);
    return CMSG_DATA(c);
}

/* From which of our addresses: a peer takes answers only from the one to which it sent. */
static void control_source(struct msghdr *message, const address *local) {
    if (local->at.any.sa_family == AF_INET) {
        struct in_pktinfo info = {.ipi_spec_dst = local->at.v4.sin_addr};
        memcpy(control_add(message, IPPROTO_IP, IP_PKTINFO, sizeof info), &info, sizeof info);
    } else {
        struct in6_pktinfo info = {.ipi6_addr = local->at.v6.sin6_addr, .ipi6_ifindex = local->at.v6.sin6_scope_id};
        memcpy(control_add(message, IPPROTO_IPV6, IPV6_PKTINFO, sizeof info), &info, sizeof info);
    }
}

static void piece_write(udp_link *link, outbox *out, size_t i, const slow_packet *packet, uint32_t at, uint32_t size) {
    struct msghdr *message = &out->messages[i].msg_hdr;
    out->parts[i] = (struct iovec){slow_packet_data(packet) + at, size};
    *message = (struct msghdr){.msg_iov = &out->parts[i], .msg_iovlen = 1, .msg_control = out->control[i]};
    if (link->socket->listens) {
        message->msg_name = &link->peer.remote.at;
        message->msg_namelen = link->peer.remote.size;
    }
    memset(out->control[i], 0, CONTROL_SIZE);
    if (link->socket->wildcard)
        control_source(message, &link->local);
    if (packet->segment != 0 && size > packet->segment) {
        uint16_t segment = (uint16_t)packet->segment;
        memcpy(control_add(message, SOL_UDP, UDP_SEGMENT, sizeof segment), &segment, sizeof segment);
    }
    if (message->msg_controllen == 0)
        message->msg_control = NULL;
}

/* As many pieces as fit, from the cursor on. */
static unsigned fill(udp_link *link, outbox *out, cursor c) {
    unsigned count = 0;
    while (count < PIECES && c.packet < c.count) {
        const slow_packet *packet = c.packets[c.packet];
        uint32_t size = piece_size(link, packet, c.at);
        piece_write(link, out, count++, packet, c.at, size);
        advance(&c, size);
    }
    return count;
}

/* Returns how many went, or -1 and errno. */
static int put(udp_socket *s, outbox *out, unsigned count) {
    if (s->udp->sendmmsg) {
        int sent = sendmmsg(s->fd, out->messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0 || errno != ENOSYS)
            return sent;
        s->udp->sendmmsg = false;
    }
    for (unsigned i = 0; i < count; i++)
        if (sendmsg(s->fd, &out->messages[i].msg_hdr, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
            return i > 0 ? (int)i : -1;
    return (int)count;
}

static void remember(udp_link *link, const outbox *out, size_t i) {
    udp_head *head = &link->heads[link->head_next++ % UDP_HEADS];
    head->size = (uint8_t)(out->parts[i].iov_len < UDP_HEAD_SIZE ? out->parts[i].iov_len : UDP_HEAD_SIZE);
    memcpy(head->bytes, out->parts[i].iov_base, head->size);
}

/* Sends from the cursor on, until the end or until the kernel takes no more (SLOW_E_AGAIN). */
static slow_status push(udp_link *link, cursor *c) {
    udp_socket *s = link->socket;
    outbox out;
    bool again = false; /* this piece met an error of the socket before */
    while (c->packet < c->count) {
        unsigned count = fill(link, &out, *c);
        int sent = put(s, &out, count);
        for (int i = 0; i < sent; i++) {
            remember(link, &out, (size_t)i);
            advance(c, (uint32_t)out.parts[i].iov_len);
        }
        if (sent > 0) {
            again = false;
            continue;
        }
        bool train = c->packets[c->packet]->segment != 0 && out.parts[0].iov_len > c->packets[c->packet]->segment;
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return SLOW_E_AGAIN;
        if (train && (errno == EINVAL || errno == EIO || errno == EMSGSIZE)) {
            link->gso = false;
        } else if (!again) {
            again = true;
            udp_icmp(s);
        } else {
            again = false;
            advance(c, (uint32_t)out.parts[0].iov_len);
        }
    }
    return SLOW_OK;
}

static void block(udp_link *link, const cursor *c) {
    udp_socket *s = link->socket;
    s->blocked = true;
    if (c->at > 0) {
        s->cut_link = link;
        s->cut = c->packets[c->packet];
        s->cut_at = c->at;
    }
    s->udp->io->modify(s->watch, SLOW_IO_READ | SLOW_IO_WRITE);
}

slow_status udp_send(void *self, void *cookie, slow_packet *const *packets, size_t n, size_t *taken) {
    udp *u = self;
    udp_link *link = cookie;
    cursor c = {.packets = packets, .count = n};
    *taken = 0;
    if (link->socket->blocked)
        return SLOW_E_AGAIN;
    slow_status status = push(link, &c);
    *taken = c.packet + (c.at > 0 ? 1 : 0);
    if (status != SLOW_OK)
        block(link, &c);
    for (size_t i = 0; i < c.packet; i++)
        u->host->packet_drop(packets[i]);
    return status;
}

slow_status udp_write_rest(udp_socket *s) {
    slow_packet *packet = s->cut;
    if (packet == NULL)
        return SLOW_OK;
    cursor c = {.packets = &packet, .count = 1, .at = s->cut_at};
    slow_status status = push(s->cut_link, &c);
    s->cut_at = c.at;
    if (status != SLOW_OK)
        return status;
    s->udp->host->packet_drop(packet);
    s->cut = NULL;
    s->cut_link = NULL;
    return SLOW_OK;
}

void udp_write_ready(udp_socket *s) {
    udp *u = s->udp;
    if (udp_write_rest(s) != SLOW_OK)
        return;
    s->blocked = false;
    u->io->modify(s->watch, SLOW_IO_READ);
    u->up->writable(u->host, s->only != NULL ? s->only->id : 0);
}
