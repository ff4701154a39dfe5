/* Every file in etc/ is a config that the plugins as built accept. */
#include "core/config.h"
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char *source_folder(void) {
    const char *source = getenv("SLOW_SOURCE");
    return source != NULL ? source : ".";
}

/* default.json is no junction's config: it lacks the id, and nothing else. */
static bool is_right(const char *name) {
    char path[1024], expected[1200];
    sl_config *config = NULL;
    slow_error error = {.text = ""};
    snprintf(path, sizeof path, "%s/etc/%s", source_folder(), name);
    slow_status status = sl_config_read(path, &config, &error);
    sl_config_free(config);
    if (strcmp(name, "default.json") == 0) {
        snprintf(expected, sizeof expected, "etc/%s:1: id: missing; ", name);
        return status == SLOW_E_INVAL && strstr(error.text, expected) != NULL;
    }
    if (status != SLOW_OK)
        printf("  %s\n", error.text);
    return status == SLOW_OK;
}

static void every_sample_is_accepted(void **state) {
    (void)state;
    char folder[1024];
    size_t seen = 0, wrong = 0;
    snprintf(folder, sizeof folder, "%s/etc", source_folder());
    DIR *entries = opendir(folder);
    assert_non_null(entries);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, ".json") != 0)
            continue;
        seen++;
        wrong += !is_right(entry->d_name);
    }
    closedir(entries);
    assert_true(seen >= 8);
    assert_int_equal(wrong, 0);
}

/* The example shows every key, so that nobody has to read the source to find one. */
static void the_example_shows_everything(void **state) {
    (void)state;
    char path[1024];
    sl_config *config = NULL;
    slow_error error = {.text = ""};
    snprintf(path, sizeof path, "%s/etc/example.json", source_folder());
    if (sl_config_read(path, &config, &error) != SLOW_OK)
        fail_msg("%s", error.text);
    assert_non_null(config->plugin_dirs);
    assert_int_equal(config->transport_count, 2);
    assert_int_equal(config->transports[0].listen_count, 1);
    assert_int_equal(config->join_count, 2);
    assert_int_equal(config->joins[1].cost_bias, 50);
    assert_int_equal(config->joins[1].cost_factor_ppm, 1500000);
    assert_string_equal(config->admin_socket, "slow-alice.sock");
    sl_config_free(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_is_accepted),
        cmocka_unit_test(the_example_shows_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
