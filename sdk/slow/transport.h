/* slow/transport.h - a transport owns sockets and moves whole frames in batches. It knows no routes and no codecs.
 *
 * An address is `scheme://host:port` or, where the transport has no ports, `scheme://host`. Everything between `://` and
 * the last `:` outside of brackets is the host; the core compares hosts to tell whether two links join the same two
 * machines, so printable addresses MUST be numeric and canonical (udp://192.0.2.1:4100, udp://[2001:db8::1]:4100).
 *
 * A link is born by link_up(), of a connect() or by itself when a peer came, and dies by link_down() or close().
 * Whether a peer may stay is for the core to say: on a datagram socket link_up() comes with the first datagram of an
 * address that has no link yet, so a stranger can cause one call a datagram, and no more state than the core allows. */
#ifndef SLOW_TRANSPORT_H
#define SLOW_TRANSPORT_H
#include "plugin.h"

#define SLOW_FRAME_FLOOR 2048u /* bytes: every transport takes and gives frames up to this size, whatever its MTU */

/* ---- services of the host for transports ---- */

typedef struct slow_watch slow_watch; /* the host's */
/* Bits of `events`. */
enum {
    SLOW_IO_READ = 1,  /* readable, at its end, or broken */
    SLOW_IO_WRITE = 2, /* writable, or broken */
};
/* For host->service(): the slow_io. */
#define SLOW_IO_ID "slow.io/1"
/* File descriptors. All [loop]; level-triggered. Absent in the simulator. */
typedef struct slow_io {
    uint32_t struct_size; /* set by the host */
    /* ready() is called in each turn in which one of the events is there. The descriptor stays the plugin's. NULL = no memory. */
    slow_watch *(*watch)(const slow_host *, int fd, unsigned events, void (*ready)(void *arg, int fd, unsigned events),
                         void *arg);
    slow_status (*modify)(slow_watch *, unsigned events); /* 0 = none for now */
    void (*unwatch)(slow_watch *);                        /* MUST come before close(fd); NULL is allowed */
} slow_io;

/* For host->service(): the slow_resolve. */
#define SLOW_RESOLVE_ID "slow.resolve/1"
/* Looking up names without ever blocking the loop. All [loop]. Absent in the simulator. */
typedef struct slow_resolve {
    uint32_t struct_size; /* set by the host */
    /* Returns the request, for cancel(); NULL = no memory, and then `done` does not come. Else it comes once, on the loop, never
     * inside start(), unless it was cancelled; on failure n is 0 and the error says why. `addresses` are sockaddr bytes with
     * the port filled in, in the order to try, borrowed. `name` is copied. */
    void *(*start)(const slow_host *, const char *name, uint16_t port,
                   void (*done)(void *arg, const slow_bytes *addresses, size_t n, const slow_error *), void *arg);
    void (*cancel)(void *request); /* only for a request whose `done` has not come */
} slow_resolve;

/* Bits of slow_link_info.flags. */
enum {
    SLOW_LINK_STREAM = 1,  /* ordered and lossless: no counter, no retransmission needed */
    SLOW_LINK_INBOUND = 2, /* the peer came to us */
    SLOW_LINK_LOCAL = 4,   /* the peer is on this machine */
};
/* What a transport says of a link. */
typedef struct slow_link_info {
    uint32_t struct_size;       /* set by the transport */
    uint64_t dial;              /* the connect() that it answers; 0 = the peer came to us */
    const char *local, *remote; /* printable addresses; copied */
    uint32_t mtu;               /* bytes: to which size frames are filled, best without fragmentation on the path */
    uint32_t flags;             /* SLOW_LINK_... */
} slow_link_info;

/* For host->service(): the slow_transport_host. */
#define SLOW_TRANSPORT_HOST_ID "slow.transport-host/1"
/* What a transport tells the core. All [loop]. */
typedef struct slow_transport_host {
    uint32_t struct_size; /* set by the host */
    /* A link exists. `cookie` is handed back in send() and close(). 0 = refused: the transport forgets the peer. */
    slow_link (*link_up)(const slow_host *, void *cookie, const slow_link_info *);
    /* The link is gone: reset, refused, interface or carrier lost. The cookie is dead on return. */
    void (*link_down)(const slow_host *, slow_link, slow_status why);
    /* Frames as views of the transport's own read buffer, borrowed for the call, writable. A batch is in the order of
     * arrival. SLOW_E_AGAIN: all were taken, but read no more from this link in this turn. */
    slow_status (*receive)(const slow_host *, slow_link, slow_slice *, size_t n);
    void (*writable)(const slow_host *, slow_link); /* after a short send(); 0 = all links of this instance */
    void (*link_changed)(const slow_host *, slow_link, const slow_link_info *); /* e.g. another MTU */
    void (*dial_failed)(const slow_host *, uint64_t dial, const slow_error *);  /* refused, timed out, no such name */
    void (*discovered)(const slow_host *, const char *address);                 /* e.g. by a multicast beacon */
} slow_transport_host;

/* ---- what a transport does ---- */

/* slow_plugin.ops of a SLOW_TRANSPORT. All but flush are there in every transport. */
typedef struct slow_transport_ops {
    uint32_t struct_size;  /* sizeof, as the plugin was compiled */
    const char *scheme;    /* "udp": the part in front of :// */
    uint32_t max_segments; /* frames in one packet that send() takes; 1 = no trains */
    /* Pure, [any]; no instance, no look-up, nothing opened. Is this an address of ours to listen on, or to connect to?
     * On success *flags gets SLOW_LINK_LOCAL when nobody off this machine can reach it (loopback), else 0. */
    slow_status (*check)(const char *address, bool listen, uint32_t *flags, slow_error *);
    /* [loop] from here on. `bound` gets the address in use, with the real port where 0 was asked for. */
    slow_status (*listen)(void *self, const char *address, char bound[SLOW_ADDRESS_SIZE], slow_error *);
    void (*unlisten)(void *self, const char *address); /* as given to listen(); its links live on where they can */
    /* One attempt, with no time limit of its own below the core's (5 s). It ends in link_up() with this `dial`, or in
     * dial_failed(), never inside the call; an error returned here is the end of it, too. */
    slow_status (*connect)(void *self, uint64_t dial, const char *address, slow_error *);
    void (*cancel)(void *self, uint64_t dial); /* no link_up() and no dial_failed() comes for it after this */
    /* Takes a prefix of the batch: *taken packets are now the transport's (one reference each), the rest stay the
     * caller's, and writable() follows. The status tells of the link, not of a packet: SLOW_OK or SLOW_E_AGAIN. An
     * error of the socket comes by link_down(), later. A datagram that the kernel refuses is lost, as on the wire. */
    slow_status (*send)(void *self, void *cookie, slow_packet *const *, size_t n, size_t *taken);
    void (*flush)(void *self); /* optional: after the turn's last send(), for a shared socket */
    /* What send() took is still written where that does not wait. No link_down() follows; the cookie is dead after it,
     * after link_down(), and after a link_up() that gave 0. */
    void (*close)(void *self, void *cookie);
} slow_transport_ops;
#endif
