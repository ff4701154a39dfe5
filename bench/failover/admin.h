/* Asking all junctions' admin sockets. A Unix socket is found by its path, whatever network namespace it was made in, so one
 * process sees them all. */
#ifndef BENCH_FAILOVER_ADMIN_H
#define BENCH_FAILOVER_ADMIN_H

#include <jansson.h>

typedef struct admin admin;

admin *admin_open(const char *folder, int nodes); /* junction k's is FOLDER/k.sock */
void admin_close(admin *);
/* `body` NULL = GET. NULL: no answer, or not one of JSON. */
json_t *admin_ask(admin *, int node, const char *path, const char *body, long timeout_ms);

#endif
