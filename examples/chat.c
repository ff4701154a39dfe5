/* A chat over the mesh, in the terminal: what is typed as "bob: hello" goes to bob, what arrives is printed.
 *
 *     chat --id alice --listen udp://127.0.0.1:4100
 *     chat --id bob --join udp://127.0.0.1:4100
 *
 * A chat line is its text, as a binary message. The junction runs on a thread of its own, and its file descriptors, one for
 * messages and one for outcomes, stand in poll() beside that of the terminal: one loop serves keyboard and mesh together. */
#include <slow/junction.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage[] = "usage: chat --id NAME [--listen ADDRESS]... [--join ADDRESS]...\n"
                            "An address is like udp://127.0.0.1:4100 or tcp://192.0.2.1:4100.\n"
                            "Type NAME: TEXT to send. Ctrl-D ends.\n";

/* Line by line from a file descriptor, so that poll() knows of all that is unread. */
typedef struct keyboard {
    char text[4096];
    size_t size;
} keyboard;

static void say(slow_junction *junction, char *line) {
    slow_error error;
    char *colon = strchr(line, ':');
    if (line[0] == '\0')
        return;
    if (colon == NULL) {
        fprintf(stderr, "chat: to whom? Type NAME: TEXT\n");
        return;
    }
    *colon = '\0';
    const char *text = colon + 1 + strspn(colon + 1, " ");
    slow_ticket ticket; /* so that there is an outcome to be told */
    if (slow_send_binary(junction, line, text, strlen(text), NULL, &ticket, &error) != SLOW_OK)
        fprintf(stderr, "chat: %s\n", error.text);
    else if (slow_junction_wait(junction, line, 0) != SLOW_OK)
        fprintf(stderr, "chat: no way to %s yet; it is sent if there is one within 30 s\n", line);
}

static void tell_outcomes(slow_junction *junction) {
    slow_outcome outcome;
    while (slow_next_outcome(junction, &outcome) == SLOW_OK)
        if (outcome.outcome != SLOW_DELIVERED)
            fprintf(stderr, "chat: %s: %s\n",
                    outcome.outcome == SLOW_UNKNOWN ? "perhaps not delivered" : "not delivered", outcome.text);
}

/* False at the end of the input. */
static bool keyboard_read(keyboard *keys, slow_junction *junction) {
    ssize_t got = read(STDIN_FILENO, keys->text + keys->size, sizeof keys->text - 1 - keys->size);
    if (got <= 0)
        return false;
    keys->size += (size_t)got;
    keys->text[keys->size] = '\0';
    char *line = keys->text, *end;
    while ((end = strchr(line, '\n')) != NULL) {
        *end = '\0';
        say(junction, line);
        line = end + 1;
    }
    keys->size -= (size_t)(line - keys->text);
    memmove(keys->text, line, keys->size);
    if (keys->size < sizeof keys->text - 1)
        return true;
    fprintf(stderr, "chat: a line has at most %zu bytes\n", sizeof keys->text - 2);
    keys->size = 0;
    return true;
}

/* Text from elsewhere: what would steer the terminal (C0 and DEL, and C1 in UTF-8) is not printed. */
static void print_message(const slow_message *message) {
    printf("%s: ", message->from);
    for (size_t i = 0; i < message->size; i++) {
        uint8_t byte = message->data[i], before = i > 0 ? message->data[i - 1] : 0;
        bool steers = byte < 0x20 || byte == 0x7f || (before == 0xc2 && byte < 0xa0);
        putchar(steers ? '?' : byte);
    }
    putchar('\n');
    fflush(stdout);
}

static void hear(slow_junction *junction) {
    slow_message *message;
    while (slow_recv(junction, &message, 0) == SLOW_OK) {
        print_message(message);
        slow_message_free(message);
    }
}

static void chat(slow_junction *junction) {
    keyboard keys = {.size = 0};
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                           {.fd = slow_junction_fd(junction), .events = POLLIN},
                           {.fd = slow_outcome_fd(junction), .events = POLLIN}};
    bool typing = true;
    while (typing && poll(fds, 3, -1) >= 0) {
        if (fds[0].revents != 0)
            typing = keyboard_read(&keys, junction);
        hear(junction);
        tell_outcomes(junction);
    }
}

/* Does what the options after --id say. */
static slow_status connect_all(slow_junction *junction, int count, char **words, slow_error *error) {
    char bound[128];
    slow_status status = SLOW_OK;
    for (int i = 1; i + 1 < count && status == SLOW_OK; i += 2)
        if (strcmp(words[i], "--join") == 0)
            status = slow_junction_join(junction, words[i + 1], error);
        else if (strcmp(words[i], "--listen") == 0) {
            status = slow_junction_listen(junction, words[i + 1], bound, error);
            if (status == SLOW_OK)
                fprintf(stderr, "chat: listening on %s\n", bound);
        }
    return status;
}

/* The value of --id; NULL when the words are not pairs of an option that there is and its value. */
static const char *find_id(int count, char **words) {
    const char *id = NULL;
    for (int i = 1; i < count; i += 2) {
        bool known =
            strcmp(words[i], "--id") == 0 || strcmp(words[i], "--join") == 0 || strcmp(words[i], "--listen") == 0;
        if (!known || i + 1 == count)
            return NULL;
        if (strcmp(words[i], "--id") == 0)
            id = words[i + 1];
    }
    return id;
}

int main(int count, char **words) {
    slow_error error;
    const char *id = find_id(count, words);
    if (id == NULL) {
        fputs(usage, stderr);
        return 2;
    }
    slow_junction *junction = slow_junction_new(id, NULL, &error);
    bool good = junction != NULL && connect_all(junction, count, words, &error) == SLOW_OK;
    if (good)
        chat(junction);
    else
        fprintf(stderr, "chat: %s\n", error.text);
    slow_junction_free(junction);
    return good ? 0 : 1;
}
