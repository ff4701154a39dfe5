/* recv. Payloads pass through as text: jansson would write 1e2 as 100.0, and has no place for
 * an integer of 40 digits. So recv cuts the router's answer into its messages with a scanner that knows brackets and
 * strings, and prints each as it stands. */
#include "slowctl.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RECV_BATCH = 256 };
static const double POLL_S = 60, MARGIN_S = 10;

double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

const char *object_end(const char *at) {
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
    printf(" %.*s\n", payload < object + size ? (int)(object + size - 1 - payload) : 0, payload);
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
