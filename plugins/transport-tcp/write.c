/* write.c - frames out: a batch in one system call, each with its size in the packet's headroom in front of it.
 *
 * The prefix is written in front of the frame, so prefix and frame are one piece and a batch of 64 packets is 64 pieces
 * of one sendmsg(). A packet may be on its way over several links at once; all write the same two bytes there.
 *
 * Nothing is queued here but the one packet that the kernel cut in the middle. Whatever more we took would be out of
 * reach of the core, which lets a control frame overtake packages as long as they are its own: over a slow path 256 KiB
 * behind the socket's own 128 KiB would be seconds. */
#include "tcp.h"
#include <errno.h>
#include <slow/wire.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define PIECES 64u /* in one sendmsg() */

static struct iovec piece_of(const slow_packet *packet) {
    uint8_t *prefix = slow_packet_data(packet) - TCP_PREFIX_SIZE;
    slow_writer w = slow_writer_of(prefix, TCP_PREFIX_SIZE);
    slow_write_u16(&w, (uint16_t)packet->size);
    return (struct iovec){prefix, TCP_PREFIX_SIZE + packet->size};
}

static bool is_frame(const slow_packet *packet) {
    return packet->size > 0 && packet->size <= TCP_FRAME_MAX && packet->offset >= TCP_PREFIX_SIZE;
}

/* The bytes that the kernel took; 0 when it takes none; -1 when the connection is broken. */
static ssize_t put(tcp_link *link, struct iovec *pieces, size_t count) {
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = count};
    ssize_t sent = sendmsg(link->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0)
        return sent;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS || errno == ENOMEM)
        return 0;
    tcp_link_die(link, errno == ETIMEDOUT ? SLOW_E_TIMEOUT : SLOW_E_CLOSED);
    return -1;
}

static void block(tcp_link *link) {
    link->blocked = true;
    link->tcp->io->modify(link->watch, SLOW_IO_READ | SLOW_IO_WRITE);
}

/* Drops what went as a whole, and keeps the packet that was cut. Returns how many packets these are. */
static size_t settle(tcp_link *link, slow_packet *const *packets, size_t size) {
    size_t i = 0;
    for (; size > 0; i++) {
        size_t whole = TCP_PREFIX_SIZE + packets[i]->size;
        if (size < whole) {
            link->cut = packets[i];
            link->cut_at = (uint32_t)size;
            return i + 1;
        }
        size -= whole;
        link->tcp->host->packet_drop(packets[i]);
    }
    return i;
}

slow_status tcp_send(void *self, void *cookie, slow_packet *const *packets, size_t n, size_t *taken) {
    tcp_link *link = cookie;
    (void)self;
    *taken = 0;
    while (*taken < n && !link->blocked && !link->dying) {
        struct iovec pieces[PIECES];
        size_t count = 0, wanted = 0;
        for (; count < PIECES && *taken + count < n; count++) {
            if (!is_frame(packets[*taken + count])) {
                tcp_link_die(link, SLOW_E_TOOBIG);
                break;
            }
            pieces[count] = piece_of(packets[*taken + count]);
            wanted += pieces[count].iov_len;
        }
        ssize_t sent = count > 0 ? put(link, pieces, count) : -1;
        if (sent < 0)
            break;
        *taken += settle(link, packets + *taken, (size_t)sent);
        if ((size_t)sent < wanted)
            block(link);
    }
    return link->blocked || link->dying ? SLOW_E_AGAIN : SLOW_OK;
}

void tcp_write_rest(tcp_link *link) {
    if (link->cut == NULL || link->dying)
        return;
    struct iovec piece = piece_of(link->cut);
    piece.iov_base = (uint8_t *)piece.iov_base + link->cut_at;
    piece.iov_len -= link->cut_at;
    ssize_t sent = put(link, &piece, 1);
    if (sent <= 0)
        return;
    link->cut_at += (uint32_t)sent;
    if ((size_t)sent < piece.iov_len)
        return;
    link->tcp->host->packet_drop(link->cut);
    link->cut = NULL;
}

void tcp_write_ready(tcp_link *link) {
    tcp *t = link->tcp;
    tcp_write_rest(link);
    if (link->cut != NULL || link->dying)
        return;
    link->blocked = false;
    t->io->modify(link->watch, SLOW_IO_READ);
    t->up->writable(t->host, link->id);
}
