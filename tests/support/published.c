#include "published.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

json_t *published_open(const char *path) {
    char name[512];
    json_error_t why;
    const char *folder = getenv("SLOW_TESTDATA");
    snprintf(name, sizeof name, "%s/%s", folder != NULL ? folder : ".", path);
    if (access(name, F_OK) != 0) {
        print_message("SKIPPED: no %s; set SLOW_TESTDATA to the folder of test data\n", name);
        skip();
    }
    json_t *file = json_load_file(name, 0, &why);
    if (file == NULL)
        fail_msg("%s:%d: %s", name, why.line, why.text);
    return file;
}
