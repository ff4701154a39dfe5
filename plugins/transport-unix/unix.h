/* unix.h - what the files of this transport share: an instance has listeners, links, and dials that are due. */
#ifndef UNIX_H
#define UNIX_H
#include <slow/transport.h>
#include <sys/stat.h>
#include <sys/un.h>

#define UNIX_SCHEME "unix"
#define UNIX_PREFIX "unix://"
#define UNIX_FRAME_MAX 65535u /* bytes */
#define UNIX_ADDRESS_SIZE 128u

enum unix_access { UNIX_OWNER, UNIX_GROUP, UNIX_EVERYONE };

typedef struct unix_config {
    int64_t mtu;    /* bytes */
    int64_t access; /* enum unix_access: who may connect to the socket's file */
} unix_config;

typedef struct unix_transport unix_transport;

typedef struct unix_listener {
    struct unix_listener *next;
    unix_transport *transport;
    int fd;
    slow_watch *watch;
    bool paused;
    dev_t device; /* of the socket's file: is it still ours? */
    ino_t inode;
    char address[UNIX_ADDRESS_SIZE];
    struct sockaddr_un at;
} unix_listener;

typedef struct unix_link {
    struct unix_link *next, **here;
    unix_transport *transport;
    int fd;
    slow_watch *watch;
    slow_link id;
    bool blocked;    /* the kernel takes nothing: writable() is owed */
    bool broken;     /* nothing is sent any more; its end is read soon */
    slow_status why; /* of that */
} unix_link;

/* A connect() that is made when the timer fires. */
typedef struct unix_dial {
    struct unix_dial *next;
    uint64_t id;
    struct sockaddr_un to;
} unix_dial;

struct unix_transport {
    const slow_host *host;
    const slow_io *io;
    const slow_transport_host *up;
    const unix_config *config;
    unix_listener *listeners;
    unix_link *links;
    unix_dial *dials;
    slow_timer *soon;    /* for the dials */
    slow_timer *resume;  /* for the listeners that are paused */
    slow_time warned_at; /* of that; 0 = never */
    struct unix_buffer *buffer;
};

/* unix.c */
/* Fills the error in, when there is one, and returns the code; what it quotes becomes one line. */
__attribute__((format(printf, 4, 5))) slow_status unix_error(slow_error *, slow_status code, const char *where,
                                                             const char *format, ...);
/* The path behind unix://, strictly; the error says what was expected. [any] */
slow_status unix_parse(const char *address, struct sockaddr_un *, slow_error *);

/* listener.c */
slow_status unix_listen(void *self, const char *address, char bound[UNIX_ADDRESS_SIZE], slow_error *);
void unix_unlisten(void *self, const char *address);
void unix_listeners_close(unix_transport *);
void unix_resume(void *transport);

/* link.c */
struct unix_buffer *unix_buffer_new(void); /* NULL = no memory; free() ends it */
/* Takes the connected socket, also on failure; link_up(). False = no memory, and the core was told nothing. */
bool unix_link_open(unix_transport *, int fd, const char *local, const char *remote, uint64_t dial);
slow_status unix_send(void *self, void *cookie, slow_packet *const *, size_t n, size_t *taken);
void unix_close(void *self, void *cookie);
#endif
