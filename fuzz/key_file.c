/* Any bytes as the files of keys that an operator writes, or pastes together: a secret's, and the list of revoked keys. What is
 * refused has a reason of one line, which does not show a byte of the secret; a key that was read is written as text that is
 * read as the same key. The files are in memory, with the mode that a secret has to have. */
#include "core/config_security.h"
#include "core/identity.h"
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds)
        abort();
}

static void try_secret(const char *path) {
    uint8_t key[SL_KEY_SIZE], again[SL_KEY_SIZE];
    char text[SL_KEY_TEXT];
    slow_error error = {.text = ""};
    if (sl_secret_read_key(path, "identity", key, &error) != SLOW_OK) {
        must(error.text[0] != '\0' && strpbrk(error.text, "\r\n") == NULL && strstr(error.text, path) != NULL);
        return;
    }
    must(sodium_bin2base64(text, sizeof text, key, sizeof key, sodium_base64_VARIANT_ORIGINAL) != NULL);
    must(sl_secret_parse_key(text, again) && memcmp(key, again, sizeof key) == 0);
}

static void try_revoked(const char *path, size_t size) {
    sl_key *keys = NULL, again;
    size_t count = 0;
    char text[SL_KEY_TEXT];
    slow_error error = {.text = ""};
    if (sl_config_read_revoked(path, &keys, &count, &error) != SLOW_OK) {
        must(keys == NULL && error.text[0] != '\0' && strpbrk(error.text, "\r\n") == NULL);
        return;
    }
    must(count <= size / (SL_KEY_TEXT - 1));
    for (size_t i = 0; i < count; i++) {
        sl_key_text(&keys[i], text);
        must(sl_key_parse(text, strlen(text), &again) && sl_key_equal(&keys[i], &again));
    }
    free(keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[32];
    int fd = sodium_init() < 0 ? -1 : memfd_create("key", MFD_CLOEXEC);
    must(fd >= 0 && fchmod(fd, 0600) == 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    try_secret(path);
    try_revoked(path, size);
    close(fd);
    return 0;
}
