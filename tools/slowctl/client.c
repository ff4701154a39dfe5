/* HTTP over a Unix socket, by libcurl: one connection that is kept for all questions of a command, so that a file of
 * lines costs one round trip a line and not three. Proxies from the environment are not for us. */
#include "client.h"
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

enum { ANSWER_MAX = 256 * 1024 * 1024 };

struct client {
    const char *socket;
    CURL *curl;
    struct curl_slist *headers;
    char *text;
    size_t size, capacity;
    long code; /* HTTP's; 0 = no answer */
    char error[512];
};

static size_t take(char *bytes, size_t unit, size_t count, void *arg) {
    client *c = arg;
    size_t size = unit * count, needed = c->size + size + 1;
    if (needed > ANSWER_MAX)
        return 0;
    if (needed > c->capacity) {
        size_t capacity = needed * 2;
        char *text = realloc(c->text, capacity);
        if (text == NULL)
            return 0;
        c->text = text;
        c->capacity = capacity;
    }
    memcpy(c->text + c->size, bytes, size);
    c->size += size;
    c->text[c->size] = '\0';
    return size;
}

client *client_new(const char *socket) {
    client *c = calloc(1, sizeof *c);
    if (c == NULL || curl_global_init(CURL_GLOBAL_NOTHING) != 0) {
        free(c);
        return NULL;
    }
    c->socket = socket;
    c->curl = curl_easy_init();
    c->headers = curl_slist_append(NULL, "Expect:"); /* no pause for "100 Continue" before a large body */
    if (c->curl == NULL || c->headers == NULL) {
        client_free(c);
        return NULL;
    }
    curl_easy_setopt(c->curl, CURLOPT_UNIX_SOCKET_PATH, socket);
    curl_easy_setopt(c->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->headers);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, c);
    return c;
}

void client_free(client *c) {
    if (c == NULL)
        return;
    curl_slist_free_all(c->headers);
    curl_easy_cleanup(c->curl);
    curl_global_cleanup();
    free(c->text);
    free(c);
}

/* What a person can do about it depends on why connect() failed. */
static void explain_connect(client *c) {
    long why = 0;
    curl_easy_getinfo(c->curl, CURLINFO_OS_ERRNO, &why);
    const char *hint = why == ENOENT         ? "there is no such socket; is slow-router running, and is this its "
                                               "config's admin.socket (or --admin)?"
                       : why == ECONNREFUSED ? "nobody serves it any more: the router that made it is gone"
                       : why == EACCES       ? "permission denied; only the router's user and group may use it"
                                             : strerror((int)why);
    snprintf(c->error, sizeof c->error, "%s: %s", c->socket, hint);
}

static void explain_failure(client *c, CURLcode failure, double timeout_s) {
    switch (failure) {
    case CURLE_COULDNT_CONNECT:
        explain_connect(c);
        break;
    case CURLE_OPERATION_TIMEDOUT:
        snprintf(c->error, sizeof c->error, "%s: no answer from the router within %g s", c->socket, timeout_s);
        break;
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        snprintf(c->error, sizeof c->error, "%s: the router went away before it answered", c->socket);
        break;
    default:
        snprintf(c->error, sizeof c->error, "%s: %s", c->socket, curl_easy_strerror(failure));
    }
}

/* The answer's own words, where it has some. */
static void explain_refusal(client *c) {
    json_t *answer = c->text != NULL ? json_loadb(c->text, c->size, 0, NULL) : NULL;
    const char *why = json_string_value(json_object_get(answer, "error"));
    if (why != NULL)
        snprintf(c->error, sizeof c->error, "%s", why);
    else
        snprintf(c->error, sizeof c->error, "%s: answered HTTP %ld, and not as a router does", c->socket, c->code);
    json_decref(answer);
}

static bool ask(client *c, const char *path, double timeout_s) {
    char url[1024];
    c->size = 0;
    c->code = 0;
    c->error[0] = '\0';
    if (strlen(c->socket) >= sizeof((struct sockaddr_un *)NULL)->sun_path) {
        snprintf(c->error, sizeof c->error, "%s: too long for the path of a Unix socket (%zu bytes at most)", c->socket,
                 sizeof((struct sockaddr_un *)NULL)->sun_path - 1);
        return false;
    }
    snprintf(url, sizeof url, "http://slow%s", path);
    curl_easy_setopt(c->curl, CURLOPT_URL, url);
    curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, (long)(timeout_s * 1000));
    CURLcode failure = curl_easy_perform(c->curl);
    if (failure != CURLE_OK) {
        explain_failure(c, failure, timeout_s);
        return false;
    }
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &c->code);
    while (c->size > 0 && c->text[c->size - 1] == '\n')
        c->text[--c->size] = '\0';
    if (c->code == 200)
        return true;
    explain_refusal(c);
    return false;
}

bool client_get(client *c, const char *path, double timeout_s) {
    curl_easy_setopt(c->curl, CURLOPT_HTTPGET, 1L);
    return ask(c, path, timeout_s);
}

bool client_post(client *c, const char *path, const void *body, size_t size, double timeout_s) {
    curl_easy_setopt(c->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
    return ask(c, path, timeout_s);
}

bool client_post_json(client *c, const char *path, json_t *body, double timeout_s) {
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    bool ok = false;
    json_decref(body);
    if (text != NULL)
        ok = client_post(c, path, text, strlen(text), timeout_s);
    else
        snprintf(c->error, sizeof c->error, "an argument is not UTF-8");
    free(text);
    return ok;
}

const char *client_text(const client *c) {
    return c->size > 0 ? c->text : "";
}

json_t *client_json(client *c) {
    json_t *answer = json_loadb(client_text(c), c->size, 0, NULL);
    if (answer == NULL)
        snprintf(c->error, sizeof c->error, "%s: answered, but not as a router does", c->socket);
    return answer;
}

const char *client_error(const client *c) {
    return c->error;
}

bool client_was_answered(const client *c) {
    return c->code != 0;
}

bool client_is_mistaken(const client *c) {
    return c->code == 400;
}

char *client_escape(client *c, const char *text) {
    return curl_easy_escape(c->curl, text, 0);
}

void client_unescape(char *text) {
    curl_free(text);
}
