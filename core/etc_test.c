/* Every file in etc/ is a config that the plugins as built accept, once what stands in angle brackets is filled in, and the
 * files that it names are there. */
#include "core/config.h"
#include "core/file.h"
#include <slow/identity.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- keys, in a folder of the test's own ---- */

typedef struct keys {
    char before[512], folder[64];
    slow_key_info alice, bob, carol, root;
} keys;

static const char *const files[] = {"alice.key", "bob.key",    "carol.key", "root.key",
                                    "plant.key", "alice.cert", "revoked"};

static bool make_empty(const char *path) {
    FILE *file = fopen(path, "w");
    return file != NULL && fclose(file) == 0;
}

static bool make_files(keys *k) {
    char text[SLOW_CERTIFICATE_TEXT];
    k->alice = k->bob = k->carol = k->root = (slow_key_info)SLOW_KEY_INFO_INIT;
    if (slow_key_make("alice.key", &k->alice, NULL) != SLOW_OK || slow_key_make("bob.key", &k->bob, NULL) != SLOW_OK ||
        slow_key_make("carol.key", &k->carol, NULL) != SLOW_OK || slow_key_make("root.key", &k->root, NULL) != SLOW_OK)
        return false;
    const slow_certificate_request request = {
        .struct_size = sizeof request, .network = "plant", .id = "alice", .key = k->alice.key, .valid_s = 3600};
    return slow_network_key_make("plant.key", NULL) == SLOW_OK &&
           slow_authority_sign("root.key", &request, text, NULL, NULL) == SLOW_OK &&
           slow_certificate_write("alice.cert", text, NULL) == SLOW_OK && make_empty("revoked");
}

static int set_up(void **state) {
    keys *k = calloc(1, sizeof *k);
    *state = k;
    strcpy(k->folder, "/tmp/slow-etc-XXXXXX");
    return getcwd(k->before, sizeof k->before) == NULL || mkdtemp(k->folder) == NULL || chdir(k->folder) != 0 ||
           !make_files(k);
}

static int tear_down(void **state) {
    keys *k = *state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        unlink(files[i]);
    int status = chdir(k->before);
    rmdir(k->folder);
    free(k);
    return status;
}

/* What a person does with the angle brackets. */
static char *fill_in(const keys *k, const char *text) {
    const struct {
        const char *mark, *key;
    } marks[] = {{"\"<public key of alice>\"", k->alice.key},
                 {"\"<public key of bob>\"", k->bob.key},
                 {"\"<public key of carol>\"", k->carol.key},
                 {"\"<public key of the authority>\"", k->root.key}};
    char *out = malloc(2 * strlen(text) + 1), *at = out;
    while (*text != '\0') {
        size_t i = 0;
        while (i < 4 && strncmp(text, marks[i].mark, strlen(marks[i].mark)) != 0)
            i++;
        if (i == 4) {
            *at++ = *text++;
            continue;
        }
        at += sprintf(at, "\"%s\"", marks[i].key);
        text += strlen(marks[i].mark);
    }
    *at = '\0';
    return out;
}

static slow_status read_sample(const keys *k, const char *path, sl_config **config, slow_error *error) {
    char *text;
    size_t size;
    assert_int_equal(sl_file_read(path, 1 << 20, "a sample", &text, &size, error), SLOW_OK);
    char *filled = fill_in(k, text);
    slow_status status = sl_config_parse(path, filled, strlen(filled), config, error);
    free(filled);
    free(text);
    return status;
}

/* ---- etc/ ---- */

static const char *source_folder(void) {
    const char *source = getenv("SLOW_SOURCE");
    return source != NULL ? source : ".";
}

/* default.json is no junction's config: it lacks the id, and nothing else. */
static bool is_right(const keys *k, const char *name) {
    char path[1024], expected[1200];
    sl_config *config = NULL;
    slow_error error = {.text = ""};
    snprintf(path, sizeof path, "%s/etc/%s", source_folder(), name);
    slow_status status = read_sample(k, path, &config, &error);
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
        wrong += !is_right(*state, entry->d_name);
    }
    closedir(entries);
    assert_true(seen >= 11);
    assert_int_equal(wrong, 0);
}

/* The example shows every key, so that nobody has to read the source to find one. */
static void the_example_shows_everything(void **state) {
    char path[1024];
    sl_config *config = NULL;
    slow_error error = {.text = ""};
    snprintf(path, sizeof path, "%s/etc/example.json", source_folder());
    if (read_sample(*state, path, &config, &error) != SLOW_OK)
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

/* As its comments say: the slashes go off, and the plugin is another one. (alice.cert is of the network plant.) */
static char *uncommented(const char *text) {
    static const struct {
        const char *from, *to;
    } changes[] = {{"\"//network_key", "\"network_key"}, {"\"//identity", "\"identity"},
                   {"\"//members", "\"members"},         {"\"//authority", "\"authority"},
                   {"\"//certificate", "\"certificate"}, {"\"//revoked", "\"revoked"},
                   {"\"//end_to_end", "\"end_to_end"},   {"\"security-none\"", "\"security-noise\""},
                   {"\"slow\",", "\"plant\","}};
    enum { CHANGES = sizeof changes / sizeof changes[0] };
    char *out = malloc(2 * strlen(text) + 1), *at = out;
    size_t done = 0;
    while (*text != '\0') {
        size_t i = 0;
        while (i < CHANGES && strncmp(text, changes[i].from, strlen(changes[i].from)) != 0)
            i++;
        if (i == CHANGES) {
            *at++ = *text++;
            continue;
        }
        at += sprintf(at, "%s", changes[i].to);
        text += strlen(changes[i].from);
        done++;
    }
    *at = '\0';
    assert_int_equal(done, CHANGES);
    return out;
}

static void what_the_example_has_behind_slashes_can_be_used(void **state) {
    char path[1024], *text;
    size_t size;
    sl_config *config = NULL;
    slow_error error = {.text = ""};
    snprintf(path, sizeof path, "%s/etc/example.json", source_folder());
    assert_int_equal(sl_file_read(path, 1 << 20, "a sample", &text, &size, &error), SLOW_OK);
    char *used = uncommented(text), *filled = fill_in(*state, used);
    if (sl_config_parse("example.json", filled, strlen(filled), &config, &error) != SLOW_OK)
        fail_msg("%s", error.text);
    assert_true(config->has_secret && config->end_to_end);
    assert_non_null(config->identity);
    assert_non_null(config->grant);
    assert_int_equal(config->member_count, 1);
    assert_int_equal(config->authority_count, 1);
    sl_config_free(config);
    free(filled);
    free(used);
    free(text);
}

static void a_closed_network_is_closed(void **state) {
    static const char *const samples[] = {"closed-authority.json", "closed-members.json"};
    for (size_t i = 0; i < 2; i++) {
        char path[1024];
        sl_config *config = NULL;
        slow_error error = {.text = ""};
        snprintf(path, sizeof path, "%s/etc/%s", source_folder(), samples[i]);
        assert_int_equal(sl_config_read(path, &config, &error), SLOW_E_INVAL); /* nobody's key is taken by mistake */
        assert_non_null(strstr(error.text, "is no key; expected a public key"));
        assert_int_equal(read_sample(*state, path, &config, &error), SLOW_OK);
        assert_non_null(config->identity);
        assert_true(config->listed && config->end_to_end);
        assert_int_equal(config->member_count, i == 0 ? 0 : 3);
        assert_int_equal(config->grant != NULL, i == 0);
        sl_config_free(config);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_is_accepted),
        cmocka_unit_test(the_example_shows_everything),
        cmocka_unit_test(what_the_example_has_behind_slashes_can_be_used),
        cmocka_unit_test(a_closed_network_is_closed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
