/* send and recv.
 *
 * Payloads pass through as text, in both directions: jansson would write 1e2 as 100.0, and has no place for
 * an integer of 40 digits. So recv cuts the router's answer into its messages with a scanner that knows brackets and
 * strings, and prints each as it stands. */
#include "slowctl.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATH_SIZE = 1024, FILE_MAX = 17 * 1024 * 1024, RECV_BATCH = 256 };
static const double SEND_PATIENCE_S = 120; /* the router holds its answer while the mesh is slower than we are */
static const double POLL_S = 60, MARGIN_S = 10;

/* ---- send ---- */

static bool append(const request *r, char *path, const char *key, const char *value) {
    char *escaped = client_escape(r->client, value);
    size_t used = strlen(path);
    int size = snprintf(path + used, PATH_SIZE - used, "%c%s=%s", strchr(path, '?') == NULL ? '?' : '&', key,
                        escaped != NULL ? escaped : "");
    bool ok = escaped != NULL && size >= 0 && used + (size_t)size < PATH_SIZE;
    client_unescape(escaped);
    return ok;
}

static int make_path(const request *r, char *path) {
    const char *type = r->control != NULL ? "control" : r->binary ? "binary" : "json";
    strcpy(path, "/v1/send");
    if (append(r, path, "to", r->operands[0]) && append(r, path, "type", type) &&
        (r->control == NULL || append(r, path, "kind", r->control)) &&
        (r->channel == NULL || append(r, path, "channel", r->channel)) &&
        (r->priority == NULL || append(r, path, "priority", r->priority)))
        return EXIT_SUCCESS;
    return complain("the id or an option is too long");
}

static bool post(const request *r, const char *path, const char *bytes, size_t size) {
    return client_post(r->client, path, bytes, size, SEND_PATIENCE_S);
}

static int send_one(const request *r, const char *path, const char *bytes, size_t size) {
    if (!post(r, path, bytes, size)) {
        bool quotes = !r->binary && r->control == NULL && strstr(client_error(r->client), "not JSON") != NULL;
        return complain("%s%s", client_error(r->client),
                        quotes ? " (a string needs quotes: '\"text\"'; for bytes as they are: --binary)" : "");
    }
    if (r->json)
        puts(client_text(r->client));
    else
        printf("accepted for %s, as best effort\n", r->operands[0]);
    return EXIT_SUCCESS;
}

static int send_whole_file(const request *r, const char *path, FILE *file, const char *name) {
    char *bytes = malloc(FILE_MAX);
    if (bytes == NULL)
        return complain("no memory");
    size_t size = fread(bytes, 1, FILE_MAX, file);
    int code = ferror(file)       ? complain("%s: cannot be read: %s", name, strerror(errno))
               : size == FILE_MAX ? complain("%s: is larger than any message, 16 MiB", name)
                                  : send_one(r, path, bytes, size);
    free(bytes);
    return code;
}

static void report_line(const request *r, const char *name, long number, bool ok) {
    if (r->json) {
        json_t *line = ok ? json_pack("{s:I,s:b}", "line", (json_int_t)number, "accepted", 1)
                          : json_pack("{s:I,s:b,s:s}", "line", (json_int_t)number, "accepted", 0, "error",
                                      client_error(r->client));
        json_dumpf(line, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(line);
    }
    if (!ok)
        complain("%s:%ld: %s", name, number, client_error(r->client));
}

/* A line that is refused does not stop the others; a router that is gone does. Empty lines are no messages. */
static int send_lines(const request *r, const char *path, FILE *file, const char *name) {
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    long number = 0, sent = 0, refused = 0;
    while ((size = getline(&line, &capacity, file)) >= 0) {
        number++;
        while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r'))
            size--;
        if (size == 0)
            continue;
        bool ok = post(r, path, line, (size_t)size);
        report_line(r, name, number, ok);
        sent += ok;
        refused += !ok;
        if (!ok && !client_was_answered(r->client))
            break;
    }
    if (ferror(file)) {
        complain("%s: cannot be read: %s", name, strerror(errno));
        refused++;
    }
    free(line);
    if (!r->json)
        printf("%ld messages accepted for %s, as best effort\n", sent, r->operands[0]);
    return refused == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int send_file(const request *r, const char *path) {
    bool standard = r->file == NULL || strcmp(r->file, "-") == 0;
    const char *name = standard ? "stdin" : r->file;
    FILE *file = standard ? stdin : fopen(r->file, "re");
    if (file == NULL)
        return complain("%s: cannot be read: %s", name, strerror(errno));
    int code = r->lines ? send_lines(r, path, file, name) : send_whole_file(r, path, file, name);
    if (!standard)
        fclose(file);
    return code;
}

int message_send(const request *r) {
    char path[PATH_SIZE];
    bool text = r->operand_count == 2;
    if (text && (r->file != NULL || r->lines))
        return complain("the message is given twice: as TEXT, and by -f or --lines");
    if (r->binary && r->control != NULL)
        return complain("a message is either --binary or --control KIND; the bytes of both are sent as they are");
    int code = make_path(r, path);
    if (code != EXIT_SUCCESS)
        return code;
    return text ? send_one(r, path, r->operands[1], strlen(r->operands[1])) : send_file(r, path);
}

/* ---- recv ---- */

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Behind the object that begins at `at`; the text is known to be JSON. */
static const char *object_end(const char *at) {
    size_t depth = 0;
    do {
        if (*at == '"')
            for (at++; *at != '\0' && *at != '"'; at++)
                at += *at == '\\' && at[1] != '\0';
        else if (*at == '{' || *at == '[')
            depth++;
        else if (*at == '}' || *at == ']')
            depth--;
        at += *at != '\0';
    } while (depth > 0 && *at != '\0');
    return at;
}

/* The payload is a message's last member. Inside of a string its key would have a backslash in front of each quote. */
static void print_message(const request *r, const char *object, size_t size) {
    static const char key[] = ",\"payload\":";
    json_error_t why;
    const char *payload = memmem(object, size, key, strlen(key));
    json_t *head = NULL;
    if (r->json || payload == NULL) {
        printf("%.*s\n", (int)size, object);
        return;
    }
    payload += strlen(key);
    head = json_loadb(object, size, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &why);
    const char *from = json_string_value(json_object_get(head, "from"));
    const char *type = json_string_value(json_object_get(head, "type"));
    printf("%s %s", from != NULL ? from : "?", type != NULL ? type : "?");
    if (json_object_get(head, "kind") != NULL)
        printf(" 0x%04x", (unsigned)json_number_value(json_object_get(head, "kind")));
    printf(" %.*s\n", (int)(object + size - 1 - payload), payload);
    json_decref(head);
}

/* Prints the messages of an answer, and returns how many there were; -1 = it is no such answer. */
static long print_messages(const request *r) {
    static const char begin[] = "{\"messages\":[";
    const char *at = client_text(r->client);
    long count = 0;
    if (strncmp(at, begin, strlen(begin)) != 0)
        return -1;
    for (at += strlen(begin); *at == '{'; count++) {
        const char *end = object_end(at);
        print_message(r, at, (size_t)(end - at));
        at = *end == ',' ? end + 1 : end;
    }
    fflush(stdout);
    return count;
}

static bool ask(const request *r, long count, double wait_s) {
    json_t *body = json_pack("{s:I,s:I}", "n", (json_int_t)count, "timeout_ms", (json_int_t)(wait_s * 1000));
    return client_post_json(r->client, "/v1/recv", body, wait_s + MARGIN_S);
}

/* 0 = without a limit. */
static long wanted_of(const request *r) {
    return r->count > 0 ? r->count : r->follow ? 0 : 1;
}

int message_recv(const request *r) {
    const double until_s = now_s() + r->timeout_s;
    const long wanted = wanted_of(r);
    long got = 0;
    for (bool first = true; wanted == 0 || got < wanted; first = false) {
        double left_s = r->timeout_s < 0 ? POLL_S : until_s - now_s();
        if (left_s <= 0 && !first)
            break;
        left_s = left_s < 0 ? 0 : left_s > POLL_S ? POLL_S : left_s;
        long ask_for = wanted == 0 || wanted - got > RECV_BATCH ? RECV_BATCH : wanted - got;
        if (!ask(r, ask_for, left_s))
            return complain("%s", client_error(r->client));
        long count = print_messages(r);
        if (count < 0)
            return complain("the router's answer is not understood; is it of another version?");
        if (ferror(stdout))
            return complain("the output cannot be written");
        got += count;
    }
    if (wanted == 0 || got == wanted)
        return EXIT_SUCCESS;
    return complain("%ld of %ld messages came within %g s", got, wanted, r->timeout_s);
}
