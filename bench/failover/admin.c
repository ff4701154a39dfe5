#include "admin.h"

#include "topology.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MOST = 256 * 1024 };

struct admin {
    CURL *curl[NODES_MOST];
    char answer[ANSWER_MOST];
    size_t answer_size;
};

static size_t take(char *bytes, size_t unit, size_t count, void *arg) {
    admin *a = arg;
    size_t size = unit * count;
    if (size >= ANSWER_MOST - a->answer_size)
        return 0;
    memcpy(a->answer + a->answer_size, bytes, size);
    a->answer_size += size;
    return size;
}

admin *admin_open(const char *folder, int nodes) {
    admin *a = calloc(1, sizeof *a);
    for (int k = 0; a != NULL && k < nodes; k++) {
        char socket_path[256];
        a->curl[k] = curl_easy_init();
        if (a->curl[k] == NULL) {
            admin_close(a);
            return NULL;
        }
        snprintf(socket_path, sizeof socket_path, "%s/%d.sock", folder, k);
        curl_easy_setopt(a->curl[k], CURLOPT_UNIX_SOCKET_PATH, socket_path);
        curl_easy_setopt(a->curl[k], CURLOPT_WRITEFUNCTION, take);
        curl_easy_setopt(a->curl[k], CURLOPT_WRITEDATA, a);
        curl_easy_setopt(a->curl[k], CURLOPT_NOSIGNAL, 1L);
    }
    return a;
}

void admin_close(admin *a) {
    for (int k = 0; a != NULL && k < NODES_MOST; k++)
        curl_easy_cleanup(a->curl[k]);
    free(a);
}

json_t *admin_ask(admin *a, int node, const char *path, const char *body, long timeout_ms) {
    char url[128];
    long code = 0;
    snprintf(url, sizeof url, "http://junction%s", path);
    a->answer_size = 0;
    curl_easy_setopt(a->curl[node], CURLOPT_URL, url);
    curl_easy_setopt(a->curl[node], CURLOPT_TIMEOUT_MS, timeout_ms);
    if (body != NULL)
        curl_easy_setopt(a->curl[node], CURLOPT_POSTFIELDS, body);
    else
        curl_easy_setopt(a->curl[node], CURLOPT_HTTPGET, 1L);
    if (curl_easy_perform(a->curl[node]) != CURLE_OK)
        return NULL;
    curl_easy_getinfo(a->curl[node], CURLINFO_RESPONSE_CODE, &code);
    return code == 200 ? json_loadb(a->answer, a->answer_size, 0, NULL) : NULL;
}
