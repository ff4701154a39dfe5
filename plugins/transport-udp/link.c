/* link.c - how a link over UDP is born and dies.
 *
 * Born: at once after connect(), since UDP has no handshake of its own and the core's opening decides; or with the
 * first datagram from an address that has none yet, if the core takes it. It is put in the table only once the core
 * took it, so a stranger that is refused leaves nothing behind, not even an entry that has to be removed.
 *
 * Dies: by close(); or because the peer's port is closed (icmp.c), or the interface lost its carrier. The latter is
 * told from a timer in a coming turn, never from inside send(). A carrier says something only about a link whose
 * interface was seen up: a link over a loopback, or from an address that no interface shows, is left to the probes. */
#include "udp.h"
#include "../common/error.h"
#include <stdlib.h>

udp_link *udp_link_new(udp_socket *s, const address *remote, const address *local) {
    udp *u = s->udp;
    udp_link *link = u->link_count < UDP_LINKS_MAX ? calloc(1, sizeof *link) : NULL;
    if (link == NULL)
        return NULL;
    link->peer.remote = *remote;
    link->socket = s;
    link->local = *local;
    link->gso = u->gso;
    bool here = address_is_loopback(remote) || carrier_is_ours(u->carrier, remote);
    link->flags = (here ? SLOW_LINK_LOCAL : 0u) | (s->listens ? SLOW_LINK_INBOUND : 0u);
    link->carried = !here && carrier_is_up(u->carrier, local);
    u->link_count++;
    return link;
}

bool udp_link_born(udp_link *link, uint64_t dial_id) {
    udp_socket *s = link->socket;
    udp *u = s->udp;
    char local[ADDRESS_TEXT], remote[ADDRESS_TEXT];
    address_print(&link->local, UDP_SCHEME, local);
    address_print(&link->peer.remote, UDP_SCHEME, remote);
    slow_link_info info = {
        .struct_size = sizeof info,
        .dial = dial_id,
        .local = local,
        .remote = remote,
        .mtu = (uint32_t)u->config->mtu,
        .flags = link->flags,
    };
    link->id = u->up->link_up(u->host, link, &info);
    if (link->id == 0) {
        udp_link_free(link);
        return false;
    }
    if (!s->listens)
        s->only = link;
    else if (!peers_add(&s->peers, &link->peer))
        udp_link_die(link, SLOW_E_NOMEM);
    return true;
}

void udp_link_die(udp_link *link, slow_status why) {
    udp *u = link->socket->udp;
    if (link->dying)
        return;
    link->dying = true;
    link->why = why;
    link->next_dying = u->dying;
    u->dying = link;
    u->host->timer_at(u->soon, u->host->now(u->host));
}

void udp_bury(void *arg) {
    udp *u = arg;
    while (u->dying != NULL) {
        udp_link *link = u->dying;
        slow_link id = link->id;
        slow_status why = link->why;
        udp_link_free(link);
        u->up->link_down(u->host, id, why);
    }
}

/* The link, and a socket that was there for it alone. */
void udp_link_free(udp_link *link) {
    udp_socket *s = link->socket, *listener = s->listener;
    udp *u = s->udp;
    for (udp_link **at = &u->dying; link->dying && *at != NULL; at = &(*at)->next_dying)
        if (*at == link) {
            *at = link->next_dying;
            break;
        }
    if (s->cut_link == link) {
        u->host->packet_drop(s->cut);
        s->cut = NULL;
        s->cut_link = NULL;
    }
    if (listener == NULL && !link->heard)
        dial_unlucky(&u->dials);
    if (listener != NULL)
        peers_remove(&listener->peers, &link->peer);
    u->link_count--;
    free(link);
    if (!s->listens)
        udp_socket_close(s);
    if (listener != NULL && listener->retired && listener->peers.count == 0)
        udp_socket_close(listener);
}

static void check_carrier(udp_link *link) {
    bool up = carrier_is_up(link->socket->udp->carrier, &link->local);
    if (link->carried && !up)
        udp_link_die(link, SLOW_E_CLOSED);
    link->carried = up && (link->flags & SLOW_LINK_LOCAL) == 0;
}

void udp_carrier_changed(void *arg) {
    udp *u = arg;
    for (udp_socket *s = u->sockets; s != NULL; s = s->next) {
        if (s->only != NULL)
            check_carrier(s->only);
        for (size_t i = 0; i < s->peers.bucket_count; i++)
            for (peer *p = s->peers.buckets[i]; p != NULL; p = p->chain)
                check_carrier((udp_link *)p);
    }
}
