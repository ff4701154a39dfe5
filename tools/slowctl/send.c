/* send: a message, or a file of lines, and what became of them.
 *
 * Payloads pass through as text, and so do the router's answers: jansson would write 1e2 as 100.0. Lines go some at a time,
 * as many as can be read without waiting and the router takes at once, so a pipe's lines go when they come, and of a file
 * many are under way together. The router keeps their order, and the pace; an answer has the outcome of each. */
#include "slowctl.h"
#include "table.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PATH_SIZE = 1024,
    FILE_SIZE_MAX = 17 * 1024 * 1024,
    LINES_AT_ONCE = 1024,
    BYTES_AT_ONCE = 1024 * 1024,
};
static const double PATIENCE_S = 120; /* the router holds its answer while the mesh is slower than we are */
static const double TTL_S = 30, GRACE_S = 10, PROGRESS_S = 2;

/* ---- the request ---- */

static bool append(const request *r, char *path, const char *key, const char *value) {
    char *escaped = client_escape(r->client, value);
    size_t used = strlen(path);
    int size = snprintf(path + used, PATH_SIZE - used, "%c%s=%s", strchr(path, '?') == NULL ? '?' : '&', key,
                        escaped != NULL ? escaped : "");
    bool ok = escaped != NULL && size >= 0 && used + (size_t)size < PATH_SIZE;
    client_unescape(escaped);
    return ok;
}

static bool append_if(const request *r, char *path, bool condition, const char *key, const char *value) {
    return !condition || append(r, path, key, value);
}

static int make_path(const request *r, char *path) {
    const char *type = r->control != NULL ? "control" : r->binary ? "binary" : "json";
    char ttl_ms[32];
    snprintf(ttl_ms, sizeof ttl_ms, "%.0f", r->ttl_s * 1000);
    strcpy(path, "/v1/send");
    if (append(r, path, "to", r->operands[0]) && append(r, path, "type", type) &&
        append_if(r, path, r->control != NULL, "kind", r->control) &&
        append_if(r, path, r->channel != NULL, "channel", r->channel) &&
        append_if(r, path, r->priority != NULL, "priority", r->priority) &&
        append_if(r, path, r->best_effort, "reliable", "false") && append_if(r, path, r->no_wait, "no_wait", "true") &&
        append_if(r, path, r->ordered, "order", "ordered") && append_if(r, path, r->latest, "order", "latest") &&
        append_if(r, path, r->fail_fast, "fail_fast", "true") && append_if(r, path, r->ttl_s >= 0, "ttl_ms", ttl_ms) &&
        append_if(r, path, r->trace, "trace", "true") && append_if(r, path, r->lines, "lines", "true"))
        return EXIT_SUCCESS;
    return complain("the id or an option is too long");
}

static bool post(const request *r, const char *path, const char *bytes, size_t size) {
    double ttl_s = r->ttl_s >= 0 ? r->ttl_s : TTL_S;
    return client_post(r->client, path, bytes, size, ttl_s + GRACE_S + PATIENCE_S);
}

/* ---- the way of a message ---- */

/* Where it begins in the router's answer; NULL = it is not there. Within a string its quotes would have backslashes. */
static const char *trace_in(const char *text) {
    return strstr(text, ",\"trace\":[");
}

static void print_hops_as_lines(const char *trace) {
    const char *at = strchr(trace, '[') + 1;
    while (*at == '{') {
        const char *end = object_end(at);
        printf("{\"message\":1,%.*s\n", (int)(end - at) - 1, at + 1);
        at = *end == ',' ? end + 1 : end;
    }
}

static void add_hop(table *t, long long attempt, long long place, const char *id) {
    table_add(t, "%lld", attempt);
    table_add(t, "%lld", place);
    table_add(t, "%s", id);
}

static void add_silent(table *t, long long attempt, long long place, const char *id) {
    add_hop(t, attempt, place, id);
    for (int i = 0; i < 2; i++)
        table_add(t, "-");
    table_add(t, "silent");
}

/* "2026-01-31T12:34:56.123456Z": the time of the day is enough for a person. */
static void add_report(table *t, const json_t *hop) {
    const char *time = text_of(hop, "time"), *of_day = strchr(time, 'T');
    const char *fate = text_of(hop, "fate"), *next = text_of(hop, "next");
    long long offset = number_of(hop, "offset");
    char became[160], from[48] = "";
    if (offset > 0)
        snprintf(from, sizeof from, " (from byte %lld)", offset);
    if (strcmp(fate, "passed") == 0)
        snprintf(became, sizeof became, "to %s%s", next, from);
    else if (strcmp(fate, "arrived") == 0)
        snprintf(became, sizeof became, "arrived%s", from);
    else
        snprintf(became, sizeof became, "dropped: %.*s %s%s%s%s", (int)strcspn(fate, "_"), fate,
                 strchr(fate, '_') != NULL ? strchr(fate, '_') + 1 : "", *next != '-' ? ", to " : "",
                 *next != '-' ? next : "", from);
    add_hop(t, number_of(hop, "attempt"), number_of(hop, "place"), text_of(hop, "id"));
    table_add(t, "%s", of_day != NULL ? of_day + 1 : time);
    table_add(t, "%.3f ms", json_number_value(json_object_get(hop, "queued_ms")));
    table_add(t, "%s", became);
}

/* A place of which nothing was heard has a line, too: up to the farthest one heard of, and where that sent it on. */
static void print_hops(const json_t *hops) {
    size_t i;
    const json_t *hop;
    long long attempt = 0, place = 0; /* that come next */
    const char *next = NULL;          /* who should be there */
    table t;
    table_begin(&t, (const char *const[]){">TRY", ">HOP", "JUNCTION", "TIME", ">QUEUED", "BECAME OF IT", NULL});
    json_array_foreach(hops, i, hop) {
        bool passed = strcmp(text_of(hop, "fate"), "passed") == 0;
        if (number_of(hop, "attempt") != attempt) {
            if (next != NULL)
                add_silent(&t, attempt, place, next);
            attempt = number_of(hop, "attempt");
            place = 0;
            next = NULL;
        }
        for (; place < number_of(hop, "place"); place++, next = NULL)
            add_silent(&t, attempt, place, next != NULL ? next : "?");
        add_report(&t, hop);
        place = number_of(hop, "place") + 1;
        next = passed ? text_of(hop, "next") : NULL;
    }
    if (next != NULL)
        add_silent(&t, attempt, place, next);
    table_end(&t, 0);
    if (attempt == 0)
        puts("nothing of it was sent so far");
}

static void print_trace(const request *r, const json_t *answer) {
    const char *trace = trace_in(client_text(r->client));
    if (trace != NULL && r->json)
        print_hops_as_lines(trace);
    else if (trace != NULL)
        print_hops(json_object_get(answer, "trace"));
}

/* ---- one message ---- */

static void print_outcome(const request *r, const json_t *answer, const char *outcome) {
    const char *from = strstr(client_text(r->client), ",\"outcome\":"), *trace = trace_in(client_text(r->client));
    if (r->json && trace != NULL)
        printf("{\"message\":1%.*s}\n", (int)(trace - from), from);
    else if (r->json)
        printf("{\"message\":1%s\n", from);
    else if (strcmp(outcome, "delivered") == 0)
        printf("delivered to %s in %.3f ms\n", r->operands[0], json_number_value(json_object_get(answer, "rtt_ms")));
    else
        printf("%s to %s: %s\n", strcmp(outcome, "unknown") == 0 ? "perhaps delivered" : "not delivered",
               r->operands[0], text_of(answer, "reason"));
}

static void print_accepted(const request *r) {
    const char *text = client_text(r->client), *trace = trace_in(text);
    if (!r->json)
        printf("accepted for %s%s\n", r->operands[0], r->best_effort ? ", as best effort" : "");
    else if (trace != NULL)
        printf("%.*s}\n", (int)(trace - text), text);
    else
        puts(text);
}

static int send_one(const request *r, const char *path, const char *bytes, size_t size) {
    bool waits = !r->no_wait && !r->best_effort;
    if (!post(r, path, bytes, size)) {
        bool quotes = !r->binary && r->control == NULL && strstr(client_error(r->client), "not JSON") != NULL;
        complain("%s%s", client_error(r->client),
                 quotes ? " (a string needs quotes: '\"text\"'; for bytes as they are: --binary)" : "");
        return client_is_mistaken(r->client) ? EXIT_USAGE : EXIT_FAILURE;
    }
    json_t *answer = client_json(r->client);
    const char *outcome = answer != NULL ? text_of(answer, "outcome") : "-";
    bool delivered = strcmp(outcome, "delivered") == 0, is_unknown = strcmp(outcome, "unknown") == 0;
    if (answer == NULL || (waits && strcmp(outcome, "-") == 0)) {
        json_decref(answer);
        return complain("the router's answer is not understood; is it of another version?");
    }
    if (waits)
        print_outcome(r, answer, outcome);
    else
        print_accepted(r);
    print_trace(r, answer);
    json_decref(answer);
    return delivered || !waits ? EXIT_SUCCESS : is_unknown ? EXIT_UNKNOWN : EXIT_FAILURE;
}

static int send_whole_file(const request *r, const char *path, int fd, const char *name) {
    char *bytes = malloc(FILE_SIZE_MAX);
    size_t size = 0;
    ssize_t got = 1;
    if (bytes == NULL)
        return complain("no memory");
    while (size < FILE_SIZE_MAX && (got = read(fd, bytes + size, FILE_SIZE_MAX - size)) > 0)
        size += (size_t)got;
    int code = got < 0                 ? complain("%s: cannot be read: %s", name, strerror(errno))
               : size == FILE_SIZE_MAX ? complain("%s: is larger than any message, 16 MiB", name)
                                       : send_one(r, path, bytes, size);
    free(bytes);
    return code;
}

/* ---- lines ---- */

typedef struct stream {
    const request *request;
    const char *path, *name;
    char *bytes; /* read, and not sent */
    size_t size, capacity;
    long lines; /* sent, with those that are empty */
    long accepted, delivered, lost, unknown;
    double began_s;
    bool progress; /* a line of it is on the terminal */
} stream;

static void show_progress(stream *s) {
    if (!isatty(STDERR_FILENO) || now_s() - s->began_s < PROGRESS_S)
        return;
    s->progress = true;
    fprintf(stderr, "\r%ld lines: %ld delivered, %ld not, %ld unknown ", s->lines, s->delivered + s->accepted, s->lost,
            s->unknown);
}

static void clear_progress(stream *s) {
    if (s->progress)
        fputs("\r\033[K", stderr);
    s->progress = false;
}

/* {"message":LINE,"outcome":...}, its line counted from the first of those that were sent together. Of anything else
 * nothing is counted, so its lines are missing in the end. */
static void report_line(stream *s, const char *object, size_t size) {
    static const char head[] = "{\"message\":", outcome[] = ",\"outcome\":\"";
    char *rest;
    if (strncmp(object, head, strlen(head)) != 0)
        return;
    long line = strtol(object + strlen(head), &rest, 10);
    line = s->lines + (line > 0 && line <= LINES_AT_ONCE ? line : 0);
    bool counted = strncmp(rest, outcome, strlen(outcome)) == 0;
    char what = counted ? rest[strlen(outcome)] : 'a';
    s->accepted += what == 'a';
    s->delivered += what == 'd';
    s->lost += what == 'n';
    s->unknown += what == 'u';
    if (s->request->json)
        printf("%s%ld%.*s\n", head, line, (int)(object + size - rest), rest);
    if (what != 'n' && what != 'u')
        return;
    json_t *answer = json_loadb(object, size, 0, NULL);
    clear_progress(s);
    complain("%s:%ld: %s: %s", s->name, line, what == 'n' ? "not delivered" : "perhaps delivered",
             text_of(answer, "reason"));
    json_decref(answer);
}

static bool send_chunk(stream *s, size_t size, long lines) {
    static const char list[] = ",\"messages\":[";
    if (!post(s->request, s->path, s->bytes, size)) {
        clear_progress(s);
        complain("%s:%ld: %s", s->name, s->lines + 1, client_error(s->request->client));
        return false;
    }
    const char *at = strstr(client_text(s->request->client), list);
    for (at = at != NULL ? at + strlen(list) : ""; *at == '{';) {
        const char *end = object_end(at);
        report_line(s, at, (size_t)(end - at));
        at = *end == ',' ? end + 1 : end;
    }
    fflush(stdout);
    s->lines += lines;
    s->size -= size;
    memmove(s->bytes, s->bytes + size, s->size);
    show_progress(s);
    return true;
}

/* Sends what there is of whole lines; at the end, a last one without its line end, too. */
static bool send_read(stream *s, bool end) {
    for (;;) {
        size_t size = 0;
        long lines = 0;
        const char *line_end;
        while (lines < LINES_AT_ONCE && (line_end = memchr(s->bytes + size, '\n', s->size - size)) != NULL) {
            size_t with = (size_t)(line_end - s->bytes) + 1;
            if (lines > 0 && with > BYTES_AT_ONCE)
                break;
            size = with;
            lines++;
        }
        if (lines == 0 && end && s->size > 0) {
            size = s->size;
            lines = 1;
        }
        if (lines == 0)
            return true;
        if (!send_chunk(s, size, lines))
            return false;
    }
}

static bool make_room(stream *s) {
    if (s->capacity - s->size >= BYTES_AT_ONCE)
        return true;
    size_t capacity = s->capacity + 2 * BYTES_AT_ONCE;
    char *bytes = capacity <= 2 * FILE_SIZE_MAX ? realloc(s->bytes, capacity) : NULL;
    if (bytes == NULL)
        return false;
    s->bytes = bytes;
    s->capacity = capacity;
    return true;
}

static int summarise(stream *s, bool whole) {
    clear_progress(s);
    if (!s->request->json && (s->request->no_wait || s->request->best_effort))
        printf("%ld messages accepted for %s%s\n", s->accepted, s->request->operands[0],
               s->request->best_effort ? ", as best effort" : "");
    else if (!s->request->json)
        printf("%ld messages to %s: %ld delivered, %ld not delivered, %ld unknown\n",
               s->delivered + s->lost + s->unknown, s->request->operands[0], s->delivered, s->lost, s->unknown);
    if (!whole || s->lost > 0)
        return EXIT_FAILURE;
    return s->unknown > 0 ? EXIT_UNKNOWN : EXIT_SUCCESS;
}

/* A line that is not delivered does not stop the others; a router that is gone does. Empty lines are no messages. */
static int send_lines(const request *r, const char *path, int fd, const char *name) {
    stream s = {.request = r, .path = path, .name = name, .began_s = now_s()};
    ssize_t got = 1;
    bool whole = true;
    while (whole && got > 0) {
        if (!make_room(&s)) {
            complain("%s:%ld: a line is larger than any message, 16 MiB", name, s.lines + 1);
            whole = false;
            break;
        }
        got = read(fd, s.bytes + s.size, s.capacity - s.size);
        if (got < 0)
            complain("%s: cannot be read: %s", name, strerror(errno));
        s.size += got > 0 ? (size_t)got : 0;
        whole = got >= 0 && send_read(&s, got == 0);
    }
    free(s.bytes);
    return summarise(&s, whole);
}

/* ---- the command ---- */

static int send_file(const request *r, const char *path) {
    bool standard = r->file == NULL || strcmp(r->file, "-") == 0;
    const char *name = standard ? "stdin" : r->file;
    int fd = standard ? STDIN_FILENO : open(r->file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return complain("%s: cannot be read: %s", name, strerror(errno));
    int code = r->lines ? send_lines(r, path, fd, name) : send_whole_file(r, path, fd, name);
    if (!standard)
        close(fd);
    return code;
}

int message_send(const request *r) {
    char path[PATH_SIZE];
    bool text = r->operand_count == 2;
    if (text && (r->file != NULL || r->lines))
        return mistake("the message is given twice: as TEXT, and by -f or --lines", "");
    if (r->binary && r->control != NULL)
        return mistake("a message is either --binary or --control KIND; the bytes of both are sent as they are", "");
    if (r->trace && (r->lines || r->no_wait))
        return mistake("--trace is for one message and waits for what becomes of it; not with --",
                       r->lines ? "lines" : "no-wait");
    if (r->ordered && r->latest)
        return mistake("a message is either --ordered or --latest", "");
    int code = make_path(r, path);
    if (code != EXIT_SUCCESS)
        return code;
    return text ? send_one(r, path, r->operands[1], strlen(r->operands[1])) : send_file(r, path);
}
