/* A poll loop of your own: each junction has a thread, and gives you two file descriptors, one for messages and one for
 * outcomes. They stand in poll(), epoll or any other loop beside your own, here a pipe. */
#include <slow/junction.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINES, MESSAGES, OUTCOMES, SOURCES };

typedef struct program {
    slow_junction *alice, *bob;
    int lines[2]; /* a pipe: what stands in it is sent */
    bool heard, delivered;
    slow_error error;
} program;

static void send_line(program *p) {
    char line[64];
    slow_ticket ticket;
    ssize_t size = read(p->lines[0], line, sizeof line);
    if (size > 0)
        slow_send_binary(p->alice, "bob", line, (size_t)size, NULL, &ticket, &p->error);
}

static void hear(program *p) {
    slow_message *message;
    while (slow_recv(p->bob, &message, 0) == SLOW_OK) { /* 0: whatever is there, without waiting */
        printf("bob hears %s from %s\n", (const char *)message->data, message->from);
        p->heard = strcmp((const char *)message->data, "hello") == 0;
        slow_message_free(message);
    }
}

static void take_outcomes(program *p) {
    slow_outcome outcome;
    while (slow_next_outcome(p->alice, &outcome) == SLOW_OK) {
        printf("message %u: %s\n", (unsigned)outcome.ticket, outcome.text);
        p->delivered = outcome.outcome == SLOW_DELIVERED;
    }
}

static void serve(program *p) {
    struct pollfd sources[SOURCES] = {
        [LINES] = {.fd = p->lines[0], .events = POLLIN},
        [MESSAGES] = {.fd = slow_junction_fd(p->bob), .events = POLLIN},
        [OUTCOMES] = {.fd = slow_outcome_fd(p->alice), .events = POLLIN},
    };
    while ((!p->heard || !p->delivered) && p->error.code == SLOW_OK && poll(sources, SOURCES, 10000) > 0) {
        if (sources[LINES].revents != 0)
            send_line(p);
        if (sources[MESSAGES].revents != 0)
            hear(p);
        if (sources[OUTCOMES].revents != 0)
            take_outcomes(p);
    }
}

static bool begin(program *p) {
    char address[SLOW_ADDRESS_SIZE];
    return pipe(p->lines) == 0 && write(p->lines[1], "hello", 5) == 5 &&
           (p->alice = slow_junction_new("alice", NULL, &p->error)) != NULL &&
           (p->bob = slow_junction_new("bob", NULL, &p->error)) != NULL &&
           slow_junction_listen(p->bob, "udp://127.0.0.1:0", address, &p->error) == SLOW_OK &&
           slow_junction_join(p->alice, address, &p->error) == SLOW_OK;
}

int main(void) {
    program p = {.lines = {-1, -1}};
    if (begin(&p))
        serve(&p);
    if (p.error.text[0] != '\0')
        fprintf(stderr, "poll: %s\n", p.error.text);
    slow_junction_free(p.alice);
    slow_junction_free(p.bob);
    close(p.lines[0]);
    close(p.lines[1]);
    return p.heard && p.delivered ? 0 : 1;
}
