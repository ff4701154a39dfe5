/* Runs a fuzz target over the files of a folder: its corpus, as an ordinary test. A folder without files is a failure,
 * since it would test nothing. Each input is handed over in memory of exactly its size, as libFuzzer does. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 20 };

static bool replay_file(const char *folder, const char *name) {
    char path[4096];
    uint8_t *data = malloc(INPUT_MAX);
    bool done = false;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (data == NULL || file == NULL)
        goto out;
    size_t size = fread(data, 1, INPUT_MAX, file);
    uint8_t *input = realloc(data, size > 0 ? size : 1);
    if (input != NULL)
        data = input;
    fprintf(stderr, "%s, %zu bytes\n", name, size); /* the last line before a crash names the input */
    LLVMFuzzerTestOneInput(data, size);
    done = true;
out:
    if (file != NULL)
        fclose(file);
    free(data);
    return done;
}

int main(int count, char **arguments) {
    unsigned replayed = 0, unreadable = 0;
    DIR *folder = count == 2 ? opendir(arguments[1]) : NULL;
    if (folder == NULL) {
        fprintf(stderr, "usage: %s FOLDER: runs this fuzz target over each file in it\n", arguments[0]);
        return 2;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        bool done = replay_file(arguments[1], entry->d_name);
        replayed += done;
        unreadable += !done;
    }
    closedir(folder);
    fprintf(stderr, "%u inputs replayed, %u could not be read\n", replayed, unreadable);
    return replayed > 0 && unreadable == 0 ? 0 : 1;
}
