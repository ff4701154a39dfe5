/* Any bytes as what a router answers slowctl. The router is its user's own, mostly; the socket may still be somebody else's,
 * and a member's words stand in every answer: ids, reasons, payloads. So each command's reader is fed, behind a client that
 * answers each question with the next piece of the input: the pieces end with a NUL, and after the last one the router is
 * gone. The first byte chooses the command, the second its options. */
#include "tools/slowctl/slowctl.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct client {
    const uint8_t *input;
    size_t left;
    char *text; /* of exactly the answer's size, and its end */
    size_t size;
};

/* ---- what main.c has for the commands ---- */

int complain(const char *format, ...) {
    char line[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    return EXIT_FAILURE;
}

int mistake(const char *what, const char *about) {
    return complain("%s%s", what, about);
}

/* ---- client.h, without a router ---- */

static bool next_answer(client *c) {
    const uint8_t *end = c->left > 0 ? memchr(c->input, '\0', c->left) : NULL;
    free(c->text);
    c->text = NULL;
    c->size = 0;
    if (c->left == 0)
        return false;
    c->size = end != NULL ? (size_t)(end - c->input) : c->left;
    c->text = malloc(c->size + 1);
    if (c->text == NULL)
        abort();
    memcpy(c->text, c->input, c->size);
    c->text[c->size] = '\0';
    size_t used = c->size + (end != NULL);
    c->input += used;
    c->left -= used;
    return true;
}

bool client_get(client *c, const char *path, double timeout_s) {
    (void)path;
    (void)timeout_s;
    return next_answer(c);
}

bool client_post(client *c, const char *path, const void *body, size_t size, double timeout_s) {
    (void)path;
    (void)body;
    (void)size;
    (void)timeout_s;
    return next_answer(c);
}

bool client_post_json(client *c, const char *path, json_t *body, double timeout_s) {
    (void)path;
    (void)timeout_s;
    json_decref(body);
    return next_answer(c);
}

const char *client_text(const client *c) {
    return c->text != NULL ? c->text : "";
}

json_t *client_json(client *c) {
    return json_loadb(client_text(c), c->size, 0, NULL);
}

const char *client_error(const client *c) {
    (void)c;
    return "there is no such socket";
}

bool client_was_answered(const client *c) {
    (void)c;
    return false;
}

bool client_is_mistaken(const client *c) {
    (void)c;
    return false;
}

char *client_escape(client *c, const char *text) {
    (void)c;
    return strdup(text);
}

void client_unescape(char *text) {
    free(text);
}

/* ---- the commands ---- */

enum { JSON = 1, LINES = 2, ONE_OPERAND = 4 };

/* What send --lines sends: a file in memory, and its name. */
static int lines_open(char *name, size_t size) {
    static const char text[] = "{\"a\": 1}\n\n\"x\"\n12";
    int fd = memfd_create("lines", MFD_CLOEXEC);
    if (fd < 0 || write(fd, text, sizeof text - 1) != (ssize_t)sizeof text - 1)
        abort();
    snprintf(name, size, "/dev/fd/%d", fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int (*const commands[])(const request *) = {
        show_status, show_neighbours, show_routes,  show_peers,   show_plugins,  routing, path_ping,
        path_trace,  message_send,    message_recv, join_address, leave_address, members};
    enum { COMMANDS = sizeof commands / sizeof commands[0], ROUTES = 2, ROUTING = 5, SEND = 8, RECV = 9, MEMBERS = 12 };
    static char bob[] = "bob", message[] = "1";
    char *operands[] = {bob, message, NULL}, file[32];
    if (size < 2)
        return 0;
    client c = {.input = data + 2, .left = size - 2};
    size_t command = data[0] % COMMANDS;
    bool lines = command == SEND && data[1] & LINES;
    request r = {.client = &c,
                 .json = data[1] & JSON,
                 .operands = operands,
                 .operand_count = 1,
                 .timeout_s = -1,
                 .ttl_s = -1,
                 .lines = lines,
                 .follow = command == RECV && data[1] & LINES};
    int fd = lines ? lines_open(file, sizeof file) : -1;
    if (lines)
        r.file = file;
    if (command <= ROUTING || command == RECV || command == MEMBERS)
        r.operand_count = command == ROUTES && data[1] & ONE_OPERAND;
    else if (command == SEND && !lines)
        r.operand_count = 2;
    if (freopen("/dev/null", "w", stdout) == NULL)
        abort();
    commands[command](&r);
    free(c.text);
    if (fd >= 0)
        close(fd);
    return 0;
}
