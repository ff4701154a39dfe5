/* link.c - how a link over TCP is born, dies, and is closed in good order.
 *
 * Keep-alive is left off, and no time limit is set while a link lives: the core probes all links alike and knows much
 * sooner. Nagle's algorithm is off, for the core coalesces what goes out in one turn. TCP_NOTSENT_LOWAT keeps what
 * waits in the kernel unsent to 128 KiB, so that what is urgent does not queue behind megabytes, and the core's
 * bundles grow instead.
 *
 * close() sends a FIN behind what was taken. Unread bytes of the peer would make the kernel send a reset instead, which
 * overtakes what we sent; so what has come is read and thrown away first. The kernel finishes on its own, at most for
 * TCP_USER_TIMEOUT, when the peer has stopped reading. */
#include "tcp.h"
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOTSENT_LOWAT (128 * 1024)
#define CLOSE_TIMEOUT_MS 5000
#define DRAIN_READS 16

static void option(int fd, int level, int name, int value) {
    setsockopt(fd, level, name, &value, sizeof value); /* a refusal makes it slower, and no more */
}

static void ready(void *arg, int fd, unsigned events) {
    tcp_link *link = arg;
    (void)fd;
    if ((events & SLOW_IO_WRITE) != 0 && link->blocked)
        tcp_write_ready(link);
    if ((events & SLOW_IO_READ) != 0 && !link->dying)
        tcp_read(link);
}

static slow_link tell_up(tcp_link *link, uint64_t dial_id) {
    tcp *t = link->tcp;
    char local[ADDRESS_TEXT], remote[ADDRESS_TEXT];
    address_print(&link->local, TCP_SCHEME, local);
    address_print(&link->remote, TCP_SCHEME, remote);
    slow_link_info info = {
        .struct_size = sizeof info,
        .dial = dial_id,
        .local = local,
        .remote = remote,
        .mtu = (uint32_t)t->config->mtu,
        .flags = link->flags,
    };
    return t->up->link_up(t->host, link, &info);
}

void tcp_link_open(tcp *t, int fd, const address *remote, uint64_t dial_id) {
    tcp_link *link = calloc(1, sizeof *link);
    address local = {.size = sizeof local.at};
    if (link == NULL || getsockname(fd, &local.at.any, &local.size) != 0)
        goto refused;
    bool here = address_is_loopback(remote) || carrier_is_ours(t->carrier, remote);
    *link = (tcp_link){
        .tcp = t,
        .fd = fd,
        .local = local,
        .remote = *remote,
        .flags = SLOW_LINK_STREAM | (here ? SLOW_LINK_LOCAL : 0u) | (dial_id == 0 ? SLOW_LINK_INBOUND : 0u),
        .carried = !here && carrier_is_up(t->carrier, &local),
    };
    option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOTSENT_LOWAT);
    link->watch = t->io->watch(t->host, fd, SLOW_IO_READ, ready, link);
    if (link->watch == NULL)
        goto refused;
    link->id = tell_up(link, dial_id);
    if (link->id == 0)
        goto refused;
    link->next = t->links;
    link->here = &t->links;
    if (link->next != NULL)
        link->next->here = &link->next;
    t->links = link;
    return;
refused:
    if (link != NULL)
        t->io->unwatch(link->watch);
    close(fd);
    free(link);
}

void tcp_link_die(tcp_link *link, slow_status why) {
    tcp *t = link->tcp;
    if (link->dying)
        return;
    link->dying = true;
    link->why = why;
    link->next_dying = t->dying;
    t->dying = link;
    t->io->modify(link->watch, 0); /* else its error would wake us until then */
    t->host->timer_at(t->soon, t->host->now(t->host));
}

void tcp_bury(void *arg) {
    tcp *t = arg;
    while (t->dying != NULL) {
        tcp_link *link = t->dying;
        slow_link id = link->id;
        slow_status why = link->why;
        tcp_link_free(link);
        t->up->link_down(t->host, id, why);
    }
}

void tcp_link_free(tcp_link *link) {
    tcp *t = link->tcp;
    for (tcp_link **at = &t->dying; link->dying && *at != NULL; at = &(*at)->next_dying)
        if (*at == link) {
            *at = link->next_dying;
            break;
        }
    *link->here = link->next;
    if (link->next != NULL)
        link->next->here = link->here;
    t->io->unwatch(link->watch);
    close(link->fd);
    t->host->packet_drop(link->cut);
    tcp_tail_free(&link->tail);
    free(link);
}

void tcp_close(void *self, void *cookie) {
    tcp *t = self;
    tcp_link *link = cookie;
    tcp_write_rest(link);
    shutdown(link->fd, SHUT_WR);
    for (int reads = 0; reads < DRAIN_READS; reads++)
        if (recv(link->fd, t->scratch, TCP_READ_SIZE, MSG_DONTWAIT) <= 0)
            break;
    option(link->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, CLOSE_TIMEOUT_MS);
    tcp_link_free(link);
}

void tcp_carrier_changed(void *arg) {
    tcp *t = arg;
    for (tcp_link *link = t->links; link != NULL; link = link->next) {
        bool up = carrier_is_up(t->carrier, &link->local);
        if (link->carried && !up)
            tcp_link_die(link, SLOW_E_CLOSED);
        link->carried = up && (link->flags & SLOW_LINK_LOCAL) == 0;
    }
}
