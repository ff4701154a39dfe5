/* udp.h - what the files of this transport share: an instance has sockets, a socket has links.
 *
 *   udp ─┬─ socket (listening) ─── peers: remote address → link, link, …
 *        ├─ socket (own)       ─── only: one of these links
 *        ├─ socket (dialled)   ─── only: link
 *        └─ read_buffer, one for all
 */
#ifndef UDP_H
#define UDP_H
#include "../common/bind.h"
#include "../common/carrier.h"
#include "../common/dial.h"
#include "peers.h"
#include <slow/plugin.h>

#define UDP_SCHEME "udp"
#define UDP_LINKS_MAX 65536u  /* the core's own caps are far below */
#define UDP_TRAIN_FRAMES 64u  /* UDP_MAX_SEGMENTS of the kernels that first had GSO */
#define UDP_TRAIN_SIZE 65000u /* bytes; with its headers a train has to fit 65,535 */

typedef struct udp_config {
    int64_t mtu, send_buffer, receive_buffer; /* bytes */
    int64_t own_sockets;
    bool gso, gro;
} udp_config;

typedef struct udp udp;
typedef struct udp_socket udp_socket;
struct read_buffer;

/* The beginning of a frame that was sent, which an ICMP error has to quote. */
#define UDP_HEAD_SIZE 16u
#define UDP_HEADS 4u
typedef struct udp_head {
    uint8_t bytes[UDP_HEAD_SIZE];
    uint8_t size;
} udp_head;

typedef struct udp_link {
    peer peer; /* first: its remote address, and its place in the listening socket's table */
    udp_socket *socket;
    slow_link id;
    address local;
    uint32_t flags;
    bool gso;     /* trains go as trains, until the kernel refuses one on this path */
    bool carried; /* its interface was seen up, so that losing it means something */
    bool heard;   /* anything ever came */
    bool shares;  /* the kernel refused it a socket of its own */
    bool dying;   /* in the list of those whose link_down() is due */
    slow_status why;
    struct udp_link *next_dying;
    udp_head heads[UDP_HEADS];
    uint32_t head_next;
} udp_link;

struct udp_socket {
    udp_socket *next;
    udp *udp;
    int fd;
    slow_watch *watch;
    address local;
    bool wildcard;         /* bound to every address: each datagram says to which it came, and from which it goes */
    bool listens;          /* else it is connected, and has one link */
    udp_socket *listener;  /* in whose table its links are: itself, or the one to which its link came; NULL = dialled */
    char name[128];        /* as given to listen() */
    char text[128];        /* with the real port */
    bool retired;          /* after unlisten(): takes no more strangers, and goes with its last link */
    peers peers;           /* listening */
    udp_link *only;        /* connected */
    unsigned short_rounds; /* of reading, in a row, as far as they count */
    bool blocked;          /* the kernel takes nothing: writable() is owed */
    udp_link *cut_link;    /* whose train was cut by that */
    slow_packet *cut;      /* or NULL: there was none */
    uint32_t cut_at;       /* bytes of it that went */
};

struct udp {
    const slow_host *host;
    const slow_io *io;
    const slow_transport_host *up;
    const udp_config *config;
    bool gso, gro, sendmmsg; /* what this kernel can do, as far as is known */
    carrier *carrier;
    dials dials;
    udp_socket *sockets;
    size_t link_count, own_count;
    udp_link *dying;
    slow_timer *soon; /* for the dying */
    struct read_buffer *read_buffer;
    uint8_t hash_key[PEER_KEY_SIZE];
};

/* link.c */
udp_link *udp_link_new(udp_socket *, const address *remote, const address *local); /* NULL = no memory, or too many */
/* link_up(); false when the core refused it, and the link is freed. */
bool udp_link_born(udp_link *, uint64_t dial_id);
void udp_link_die(udp_link *, slow_status why); /* link_down() comes in a coming turn */
void udp_bury(void *udp);                       /* that turn */
void udp_link_free(udp_link *);
void udp_carrier_changed(void *udp);

/* own.c */
void udp_own_socket(udp_link *); /* when its time has come, and where it can be; else the link stays where it is */

/* socket.c */
slow_status udp_socket_open(udp *, int fd, const address *local, udp_socket **, slow_error *); /* takes fd if OK */
void udp_socket_close(udp_socket *);                                                           /* it has no links */
void udp_socket_empty(udp_socket *); /* frees all links, and the socket; tells nobody */
void udp_socket_ready(void *socket, int fd, unsigned events);
void udp_probe(udp *); /* finds out what the kernel can do */

/* read.c, write.c, icmp.c */
struct read_buffer *udp_read_buffer_new(void);
void udp_read(udp_socket *);
slow_status udp_send(void *self, void *cookie, slow_packet *const *, size_t n, size_t *taken);
void udp_write_ready(udp_socket *);
slow_status udp_write_rest(udp_socket *); /* of a train that was cut; SLOW_E_AGAIN: the kernel still takes no more */
void udp_icmp(udp_socket *);              /* empties the error queue, and clears the socket's error */
#endif
