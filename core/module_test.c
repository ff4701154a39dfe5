/* Against the modules that tests/modules/ builds, one for each way to be refused. */
#include "core/module.h"
#include <setjmp.h>
#include <slow/codec.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

/* Where the fixtures are: tests/modules of the build. */
static const char *fixtures(char out[512]) {
    const char *build = getenv("SLOW_BUILD");
    snprintf(out, 512, "%s/tests/modules", build != NULL ? build : ".");
    return out;
}

static slow_status find(const char *id, uint32_t kind, const slow_plugin **plugin, slow_error *error) {
    char folder[512];
    const char *const directories[] = {"/nowhere", fixtures(folder), NULL};
    return sl_module_find(directories, id, kind, plugin, error);
}

static void a_plugin_is_found_by_its_id(void **state) {
    (void)state;
    const slow_plugin *plugin = NULL, *again = NULL;
    slow_error error = {.text = ""};
    if (find("codec-good", SLOW_CODEC, &plugin, &error) != SLOW_OK)
        fail_msg("%s", error.text);
    assert_string_equal(plugin->id, "codec-good");
    assert_string_equal(((const slow_codec_ops *)plugin->ops)->name, "good");
    assert_int_equal(find("codec-good", 0, &again, NULL), SLOW_OK);
    assert_ptr_equal(again, plugin);
}

static void what_is_not_right_is_refused_with_both_sides_named(void **state) {
    (void)state;
    static const struct {
        const char *id;
        uint32_t kind;
        const char *text; /* behind "FILE: " */
    } cases[] = {
        {"codec-abi-two", SLOW_CODEC, "made for plugin ABI 2, this program has ABI 1; build it against this SDK"},
        {"codec-relabelled", SLOW_CODEC, "made for plugin ABI 3, this program has ABI 1; build it against this SDK"},
        {"codec-newer", SLOW_CODEC, "needs plugin ABI 1.1, this program has 1.0; take a newer Slow"},
        {"codec-no-entry", SLOW_CODEC, "no symbol slow_module_v1: this is no Slow plugin"},
        {"codec-no-table", SLOW_CODEC, "slow_module_v1() gives no table of plugins"},
        {"codec-other-id", SLOW_CODEC,
         "holds the plugin codec-another, not codec-other-id; a file is named after its plugin"},
        {"codec-short", SLOW_CODEC, "its slow_codec_ops is too short; the plugin needs mending"},
        {"codec-half", SLOW_CODEC, "it has no decode(); the plugin needs mending"},
        {"codec-half-fast", SLOW_CODEC, "it has no peek(); the plugin needs mending"},
        {"codec-good", SLOW_ROUTING, "codec-good is a codec plugin; expected a routing plugin"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char in_file[64];
        const slow_plugin *plugin = NULL;
        slow_error error = {.text = ""};
        assert_int_not_equal(find(cases[i].id, cases[i].kind, &plugin, &error), SLOW_OK);
        snprintf(in_file, sizeof in_file, "/%s.so: ", cases[i].id);
        const char *after_file = strstr(error.text, in_file);
        assert_string_equal(after_file != NULL ? after_file + strlen(in_file) : error.text, cases[i].text);
        assert_null(plugin);
        assert_true(strlen(error.where) > 0);
    }
}

/* A folder for files that only this test makes. */
typedef struct scratch {
    char folder[64], file[128];
} scratch;

static void scratch_make(scratch *s, const char *id) {
    snprintf(s->folder, sizeof s->folder, "/tmp/slow-module-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->file, sizeof s->file, "%s/%s.so", s->folder, id);
}

static void scratch_write(const scratch *s, const void *bytes, size_t size) {
    FILE *file = fopen(s->file, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* Looks for the id in the scratch folder, and removes it: a failing assertion then leaves nothing. */
static slow_status scratch_find(const scratch *s, const char *id, slow_error *error) {
    const char *const directories[] = {s->folder, NULL};
    const slow_plugin *plugin = NULL;
    slow_status status = sl_module_find(directories, id, SLOW_CODEC, &plugin, error);
    unlink(s->file);
    rmdir(s->folder);
    return status;
}

static void a_file_that_is_no_elf_is_refused(void **state) {
    (void)state;
    scratch s;
    slow_error error;
    char expected[256];
    scratch_make(&s, "codec-text");
    scratch_write(&s, "#!/bin/sh\necho this is a script, and long enough for an ELF header to be looked for\n", 85);
    assert_int_equal(scratch_find(&s, "codec-text", &error), SLOW_E_FAIL);
    snprintf(expected, sizeof expected, "%s: invalid ELF header", s.file);
    assert_string_equal(error.text, expected);
}

static void a_truncated_module_is_refused(void **state) {
    (void)state;
    char folder[512], path[600], bytes[256];
    scratch s;
    slow_error error;
    snprintf(path, sizeof path, "%s/codec-good.so", fixtures(folder));
    FILE *whole = fopen(path, "rb");
    assert_non_null(whole);
    assert_int_equal(fread(bytes, 1, sizeof bytes, whole), sizeof bytes);
    fclose(whole);
    scratch_make(&s, "codec-good");
    scratch_write(&s, bytes, sizeof bytes);
    assert_int_equal(scratch_find(&s, "codec-good", &error), SLOW_E_FAIL);
    /* The rest is the dynamic linker's own wording. The name stands once, in front. */
    assert_true(strncmp(error.text, s.file, strlen(s.file)) == 0);
    assert_true(strncmp(error.text + strlen(s.file), ": ", 2) == 0 && strlen(error.text) > strlen(s.file) + 4);
    assert_null(strstr(error.text + 1, s.file));
}

static void a_fifo_does_not_hold_us_up(void **state) {
    (void)state;
    scratch s;
    slow_error error;
    char expected[256];
    scratch_make(&s, "codec-pipe");
    assert_int_equal(mkfifo(s.file, 0600), 0);
    assert_int_equal(scratch_find(&s, "codec-pipe", &error), SLOW_E_INVAL);
    snprintf(expected, sizeof expected, "%s: is no regular file", s.file);
    assert_string_equal(error.text, expected);
}

static void a_missing_plugin_lists_the_places(void **state) {
    (void)state;
    static const char *const directories[] = {"/nowhere", "else", NULL};
    const slow_plugin *plugin = NULL;
    slow_error error;
    assert_int_equal(sl_module_find(directories, "quartz-clock", 0, &plugin, &error), SLOW_E_INVAL);
    static const char begin[] = "no plugin \"quartz-clock\"; looked for quartz-clock.so in /nowhere, else, ";
    assert_true(strncmp(error.text, begin, sizeof begin - 1) == 0);
    assert_non_null(strstr(error.text, "/../lib/slow/1")); /* beside the program */
    assert_int_equal(sl_module_find(NULL, "quartz-clock", 0, &plugin, &error), SLOW_E_INVAL);
}

static void a_misspelt_plugin_has_a_nearest(void **state) {
    (void)state;
    const slow_plugin *plugin = NULL;
    slow_error error;
    assert_int_equal(find("codec-godo", SLOW_CODEC, &plugin, &error), SLOW_E_INVAL);
    assert_non_null(strstr(error.text, "no plugin \"codec-godo\"; did you mean \"codec-good\"? "));
    assert_int_equal(find("good", SLOW_CODEC, &plugin, &error), SLOW_E_INVAL);
    assert_non_null(strstr(error.text, "no plugin \"good\"; did you mean \"codec-good\"? "));
}

static void an_id_cannot_leave_its_directory(void **state) {
    (void)state;
    static const char *const bad[] = {"",    ".",   "../codec-good",
                                      "a/b", "a b", "0123456789012345678901234567890123456789012345678901234567890123"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const slow_plugin *plugin = NULL;
        slow_error error;
        assert_int_equal(find(bad[i], 0, &plugin, &error), SLOW_E_INVAL);
        assert_non_null(strstr(error.text, "is no plugin id; expected 1..63 letters"));
    }
}

static void kinds_have_names(void **state) {
    (void)state;
    assert_string_equal(sl_kind_name(SLOW_TRANSPORT), "transport");
    assert_string_equal(sl_kind_name(SLOW_SECURITY), "security");
    assert_string_equal(sl_kind_name(0), "unknown");
    assert_string_equal(sl_kind_name(UINT32_MAX), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plugin_is_found_by_its_id),
        cmocka_unit_test(what_is_not_right_is_refused_with_both_sides_named),
        cmocka_unit_test(a_file_that_is_no_elf_is_refused),
        cmocka_unit_test(a_truncated_module_is_refused),
        cmocka_unit_test(a_fifo_does_not_hold_us_up),
        cmocka_unit_test(a_missing_plugin_lists_the_places),
        cmocka_unit_test(a_misspelt_plugin_has_a_nearest),
        cmocka_unit_test(an_id_cannot_leave_its_directory),
        cmocka_unit_test(kinds_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
