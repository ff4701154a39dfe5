#include "keys.h"
#include "end.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_MOST = 128 };
static const char *const parties[PARTIES] = {BENCH_RELAY, BENCH_ALICE, BENCH_BOB};

static void key_path(const keys *k, const char *name, char out[PATH_MOST]) {
    snprintf(out, PATH_MOST, "%s/%s.key", k->folder, name);
}

bool keys_make(keys *k, const char *folder) {
    char path[PATH_MOST];
    slow_error error = {.code = SLOW_OK};
    *k = (keys){.folder = folder};
    key_path(k, "network", path);
    slow_status status = slow_network_key_make(path, &error);
    for (size_t i = 0; i < PARTIES && status == SLOW_OK; i++) {
        k->of[i] = (slow_key_info)SLOW_KEY_INFO_INIT;
        key_path(k, parties[i], path);
        status = slow_key_make(path, &k->of[i], &error);
    }
    if (status != SLOW_OK)
        bench_error("no keys can be made: %s", error.text);
    return status == SLOW_OK;
}

void keys_remove(const keys *k) {
    char path[PATH_MOST];
    key_path(k, "network", path);
    unlink(path);
    for (size_t i = 0; i < PARTIES; i++) {
        key_path(k, parties[i], path);
        unlink(path);
    }
}

void keys_config(const keys *k, const char *id, enum sealing sealing, const char *more, char out[CONFIG_MOST]) {
    if (sealing == PLAIN) {
        snprintf(out, CONFIG_MOST, "{\"id\": \"%s\"%s}\n", id, more);
        return;
    }
    int size = snprintf(out, CONFIG_MOST,
                        "{\"id\": \"%s\",\n"
                        " \"security\": {\"plugin\": \"security-noise\", \"network_key\": \"%s/network.key\","
                        " \"identity\": \"%s/%s.key\",%s\n  \"members\": [",
                        id, k->folder, k->folder, id,
                        sealing == SEALED_SODIUM && strcmp(id, BENCH_RELAY) == 0 ? " \"accelerate\": false," : "");
    for (size_t i = 0; i < PARTIES; i++)
        size += snprintf(out + size, (size_t)(CONFIG_MOST - size), "%s{\"id\": \"%s\", \"key\": \"%s\"}",
                         i > 0 ? ", " : "", parties[i], k->of[i].key);
    snprintf(out + size, (size_t)(CONFIG_MOST - size), "]}%s}\n", more);
}
