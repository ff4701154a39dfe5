/* slowctl.h - what a command is given, and the commands. */
#ifndef SLOWCTL_H
#define SLOWCTL_H
#include "client.h"

/* USAGE: a mistake on the command line, or in what it says. UNKNOWN: a message that may have been delivered, or not. */
enum { EXIT_USAGE = 2, EXIT_UNKNOWN = 3 };

/* Options have the values of the command line, or those that main.c starts from. */
typedef struct request {
    client *client; /* NULL for a command that needs no router */
    bool json;
    char *const *operands; /* behind the command's name */
    int operand_count;
    long count;        /* -c, -n; 0 = not given */
    double timeout_s;  /* negative = not given */
    double interval_s; /* -i */
    bool binary, lines, follow;
    bool no_wait, best_effort, ordered, latest, fail_fast, trace;
    double ttl_s;                                                 /* negative = not given */
    const char *control, *channel, *priority, *file, *preference; /* NULL = not given */
    const char *network, *id, *key, *roles, *days, *output;       /* of authority; NULL = not given */
} request;

/* Each returns the exit code, and has printed why it is not 0. */
int show_status(const request *);
int show_neighbours(const request *);
int show_routes(const request *);
int show_peers(const request *);
int show_plugins(const request *);
int routing(const request *);
int join_address(const request *);
int leave_address(const request *);
int path_ping(const request *);
int path_trace(const request *);
int members(const request *);
int identity_keygen(const request *);
int identity_show(const request *);
int identity_network_key(const request *);
int authority(const request *);
int message_send(const request *);
int message_recv(const request *);

/* "slowctl: ..." on stderr. Returns 1. */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same for a mistake on the command line; `about` may be "". Returns 2. */
int mistake(const char *what, const char *about);

/* Prints the answer to the last question, as it stands or by `print`; or why there is none, where !ok. */
int finish(const request *, bool ok, void (*print)(const json_t *));
double now_s(void);
/* Behind the object that begins at `at`; the text is known to be JSON. */
const char *object_end(const char *at);
/* Members of an answer: "-" and 0 where there is none. */
const char *text_of(const json_t *object, const char *key);
long long number_of(const json_t *object, const char *key);
#endif
