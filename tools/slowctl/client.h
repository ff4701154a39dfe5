/* client.h - one router's admin socket, asked over HTTP. */
#ifndef SLOWCTL_CLIENT_H
#define SLOWCTL_CLIENT_H
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct client client;

/* `socket` lives as long as the client. NULL = no memory. */
client *client_new(const char *socket);
void client_free(client *); /* NULL is allowed */

/* Asks, and waits at most `timeout_s` for the whole answer. True: the answer was 200. */
bool client_get(client *, const char *path, double timeout_s);
bool client_post(client *, const char *path, const void *body, size_t size, double timeout_s);
/* A POST of a JSON object, which it takes (NULL = no memory). */
bool client_post_json(client *, const char *path, json_t *body, double timeout_s);

/* Of the last answer, until the next question. The text is terminated, and ends without a line end. */
const char *client_text(const client *);
json_t *client_json(client *);            /* a new reference; NULL: it is none, and client_error() says so */
const char *client_error(const client *); /* after false: one line */
/* After false: did the router answer at all? If not, asking again is of no use. */
bool client_was_answered(const client *);
/* After false: was it the question that is wrong, whatever the mesh is like? */
bool client_is_mistaken(const client *);
/* Percent-encoded for a query; to be freed by client_unescape(). NULL = no memory. */
char *client_escape(client *, const char *text);
void client_unescape(char *);
#endif
