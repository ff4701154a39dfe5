/* link.c - a link over a Unix socket: its birth and its end, frames in and frames out, in batches.
 *
 * One packet of the socket is one frame, in both directions: up to 64 frames go out by one sendmmsg(), up to 16 come in by
 * one recvmmsg(), into one buffer of the instance, and go up as they lie there. Packets of no bytes are nothing that a
 * junction sends, and the kernel says the end of the connection by the same sign; so both are the end.
 *
 * A link ends in one place only, where its end is read, for what the peer sent before it went is still to be delivered:
 *
 *  - when the peer closed with our frames unread, the kernel tells that first (ECONNRESET) and then gives out what it sent,
 *    and the end;
 *  - when sending finds out that the connection is broken, we shut down our side of it: reading then comes to the same
 *    end. Until then the link takes no more (SLOW_E_AGAIN).
 *
 * So link_down() never comes inside of send(), with no list of links that are to die.
 *
 * Nothing is queued here: what the kernel does not take stays the core's, which lets urgent frames overtake. Unix sockets
 * take a packet as a whole or not at all. close() need not wait for anything, since what was taken lies in the peer's queue. */
#include "unix.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SENDS 64u    /* in one sendmmsg() */
#define RECEIVES 16u /* in one recvmmsg() */
#define ROUNDS 4u    /* in one turn, should the core never say AGAIN */

struct unix_buffer {
    struct mmsghdr messages[RECEIVES];
    struct iovec parts[RECEIVES];
    uint8_t bytes[RECEIVES][UNIX_FRAME_MAX]; /* last: what is never read is never touched */
};

struct unix_buffer *unix_buffer_new(void) {
    struct unix_buffer *b = malloc(sizeof *b);
    if (b == NULL)
        return NULL;
    memset(b, 0, offsetof(struct unix_buffer, bytes));
    for (size_t i = 0; i < RECEIVES; i++) {
        b->parts[i] = (struct iovec){b->bytes[i], UNIX_FRAME_MAX};
        b->messages[i].msg_hdr = (struct msghdr){.msg_iov = &b->parts[i], .msg_iovlen = 1};
    }
    return b;
}

static void link_free(unix_link *link) {
    *link->here = link->next;
    if (link->next != NULL)
        link->next->here = link->here;
    link->transport->io->unwatch(link->watch);
    close(link->fd);
    free(link);
}

static void link_end(unix_link *link, slow_status why) {
    unix_transport *t = link->transport;
    slow_link id = link->id;
    link_free(link);
    t->up->link_down(t->host, id, why);
}

/* Its end is read in a coming turn. */
static void link_break(unix_link *link, slow_status why) {
    link->broken = true;
    link->why = why;
    shutdown(link->fd, SHUT_RDWR);
    link->transport->io->modify(link->watch, SLOW_IO_READ);
}

/* ---- frames in */

/* What of the batch is frames; *end when the connection's end was among it. */
static size_t frames_of(struct unix_buffer *b, size_t got, slow_slice *slices, bool *end, slow_status *why) {
    for (size_t i = 0; i < got; i++) {
        const struct mmsghdr *message = &b->messages[i];
        bool cut = (message->msg_hdr.msg_flags & MSG_TRUNC) != 0;
        if (message->msg_len == 0 || cut) {
            *end = true;
            *why = cut ? SLOW_E_TOOBIG : SLOW_E_CLOSED;
            return i;
        }
        slices[i] = (slow_slice){.data = b->bytes[i], .size = message->msg_len};
    }
    return got;
}

static void read_frames(unix_link *link) {
    unix_transport *t = link->transport;
    bool end = false, enough = false;
    slow_status why = SLOW_E_CLOSED;
    for (unsigned round = 0; round < ROUNDS && !end && !enough; round++) {
        slow_slice slices[RECEIVES];
        int got = recvmmsg(link->fd, t->buffer->messages, RECEIVES, MSG_DONTWAIT, NULL);
        if (got < 0 && (errno == ECONNRESET || errno == EINTR))
            continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOMEM || errno == ENOBUFS))
            return;
        size_t count = got < 0 ? 0 : frames_of(t->buffer, (size_t)got, slices, &end, &why);
        end = end || got < 0;
        if (count > 0)
            enough = t->up->receive(t->host, link->id, slices, count) == SLOW_E_AGAIN;
        if (!end && got < (int)RECEIVES)
            return;
    }
    if (end)
        link_end(link, link->broken ? link->why : why);
}

static void ready(void *arg, int fd, unsigned events) {
    unix_link *link = arg;
    unix_transport *t = link->transport;
    (void)fd;
    if ((events & SLOW_IO_WRITE) != 0 && link->blocked) {
        link->blocked = false;
        t->io->modify(link->watch, SLOW_IO_READ);
        t->up->writable(t->host, link->id);
    }
    if ((events & SLOW_IO_READ) != 0)
        read_frames(link);
}

/* ---- frames out */

/* How many the kernel took, of at most SENDS. */
static size_t put(unix_link *link, slow_packet *const *packets, size_t count) {
    struct mmsghdr messages[SENDS];
    struct iovec parts[SENDS];
    for (size_t i = 0; i < count; i++) {
        parts[i] = (struct iovec){slow_packet_data(packets[i]), packets[i]->size};
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
    }
    int sent = sendmmsg(link->fd, messages, (unsigned)count, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0)
        return (size_t)sent;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS || errno == ENOMEM)
        return 0;
    link_break(link, errno == EMSGSIZE ? SLOW_E_TOOBIG : SLOW_E_CLOSED);
    return 0;
}

slow_status unix_send(void *self, void *cookie, slow_packet *const *packets, size_t n, size_t *taken) {
    unix_transport *t = self;
    unix_link *link = cookie;
    *taken = 0;
    while (*taken < n && !link->blocked && !link->broken) {
        size_t count = n - *taken < SENDS ? n - *taken : SENDS;
        size_t sent = put(link, packets + *taken, count);
        for (size_t i = 0; i < sent; i++)
            t->host->packet_drop(packets[*taken + i]);
        *taken += sent;
        if (sent < count && !link->broken) {
            link->blocked = true;
            t->io->modify(link->watch, SLOW_IO_READ | SLOW_IO_WRITE);
        }
    }
    return *taken < n ? SLOW_E_AGAIN : SLOW_OK;
}

/* ---- birth, and the end that the core wants */

bool unix_link_open(unix_transport *t, int fd, const char *local, const char *remote, uint64_t dial) {
    bool told = false;
    unix_link *link = calloc(1, sizeof *link);
    if (link == NULL)
        goto refused;
    *link = (unix_link){.transport = t, .fd = fd};
    link->watch = t->io->watch(t->host, fd, SLOW_IO_READ, ready, link);
    if (link->watch == NULL)
        goto refused;
    slow_link_info info = {
        .struct_size = sizeof info,
        .dial = dial,
        .local = local,
        .remote = remote,
        .mtu = (uint32_t)t->config->mtu,
        .flags = SLOW_LINK_STREAM | SLOW_LINK_LOCAL | (dial == 0 ? SLOW_LINK_INBOUND : 0u),
    };
    link->id = t->up->link_up(t->host, link, &info);
    told = true;
    if (link->id == 0)
        goto refused;
    link->next = t->links;
    link->here = &t->links;
    if (link->next != NULL)
        link->next->here = &link->next;
    t->links = link;
    return true;
refused:
    if (link != NULL)
        t->io->unwatch(link->watch);
    close(fd);
    free(link);
    return told;
}

void unix_close(void *self, void *cookie) {
    (void)self;
    link_free(cookie);
}
