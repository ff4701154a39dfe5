/* tcp.h - what the files of this transport share: an instance has listeners, links, and dials under way. */
#ifndef TCP_H
#define TCP_H
#include "../common/bind.h"
#include "../common/carrier.h"
#include "../common/dial.h"
#include <slow/plugin.h>

#define TCP_SCHEME "tcp"
#define TCP_PREFIX_SIZE 2u   /* bytes in front of each frame: its size, big endian */
#define TCP_FRAME_MAX 65535u /* bytes */
#define TCP_READ_SIZE 65536u /* bytes that one read asks for */

typedef struct tcp_config {
    int64_t mtu; /* bytes */
} tcp_config;

typedef struct tcp tcp;
typedef struct tcp_link tcp_link;

typedef struct tcp_listener {
    struct tcp_listener *next;
    tcp *tcp;
    int fd;
    slow_watch *watch;
    bool paused;
    char name[128]; /* as given to listen() */
} tcp_listener;

/* A connect() that is under way. */
typedef struct tcp_attempt {
    tcp *tcp;
    dial *dial;
    int fd;
    slow_watch *watch;
    address to;
} tcp_attempt;

/* The beginning of a frame whose rest has not come yet: its prefix, then what came of it. */
typedef struct tcp_tail {
    uint8_t *bytes;          /* NULL while size < TCP_PREFIX_SIZE */
    uint32_t size, capacity; /* bytes */
    uint8_t first;           /* the byte, when size is 1 */
} tcp_tail;

struct tcp_link {
    tcp_link *next, **here;
    tcp *tcp;
    int fd;
    slow_watch *watch;
    slow_link id;
    address local, remote;
    uint32_t flags;
    bool carried; /* its interface was seen up, so that losing it means something */
    bool dying;   /* in the list of those whose link_down() is due */
    slow_status why;
    tcp_link *next_dying;
    tcp_tail tail;
    uint64_t received; /* bytes */
    bool blocked;      /* the kernel takes nothing: writable() is owed */
    slow_packet *cut;  /* a packet that was cut by that, or NULL */
    uint32_t cut_at;   /* bytes of it that went, with its prefix */
};

struct tcp {
    const slow_host *host;
    const slow_io *io;
    const slow_transport_host *up;
    const tcp_config *config;
    carrier *carrier;
    dials dials;
    tcp_listener *listeners;
    tcp_link *links, *dying;
    slow_timer *soon;    /* for the dying */
    slow_timer *resume;  /* for the listeners that are paused */
    slow_time warned_at; /* of that; 0 = never */
    uint8_t *scratch;    /* one for all links: room for one byte, then TCP_READ_SIZE */
};

/* link.c */
/* Takes the connected socket, also on failure; link_up(). */
void tcp_link_open(tcp *, int fd, const address *remote, uint64_t dial_id);
void tcp_link_die(tcp_link *, slow_status why); /* link_down() comes in a coming turn */
void tcp_bury(void *tcp);                       /* that turn */
void tcp_link_free(tcp_link *);
void tcp_close(void *self, void *cookie);
void tcp_carrier_changed(void *tcp);

/* listener.c */
slow_status tcp_listen(void *self, const char *name, char bound[128], slow_error *);
void tcp_unlisten(void *self, const char *name);
void tcp_listeners_close(tcp *);
void tcp_resume(void *tcp);

/* dialler.c */
slow_status tcp_attempt_start(void *self, dial *, const address *to, slow_error *);
void tcp_attempt_abandon(void *self, dial *);

/* read.c, write.c */
void tcp_read(tcp_link *);
void tcp_tail_free(tcp_tail *);
slow_status tcp_send(void *self, void *cookie, slow_packet *const *, size_t n, size_t *taken);
void tcp_write_ready(tcp_link *);
void tcp_write_rest(tcp_link *); /* of a packet that was cut */
#endif
