#include "core/option.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct sample {
    bool on;
    int64_t count, colour, free_number;
    slow_time period;
    const char *name, *key_file;
} sample;

static const char *const colours[] = {"red", "green", "blue", NULL};
static const slow_option options[] = {
    {.key = "on", .type = SLOW_OPT_BOOL, .offset = offsetof(sample, on), .default_text = "true", .help = "Is it on?"},
    {.key = "count",
     .type = SLOW_OPT_INT,
     .offset = offsetof(sample, count),
     .default_text = "7",
     .min = -5,
     .max = 10},
    {.key = "period",
     .type = SLOW_OPT_DURATION,
     .offset = offsetof(sample, period),
     .default_text = "250ms",
     .min = 10000000,
     .max = 3600000000000,
     .flags = SLOW_OPT_RELOADABLE,
     .help = "How often."},
    {.key = "name",
     .type = SLOW_OPT_STRING,
     .offset = offsetof(sample, name),
     .default_text = "bob",
     .min = 1,
     .max = 8},
    {.key = "key_file", .type = SLOW_OPT_STRING, .offset = offsetof(sample, key_file), .flags = SLOW_OPT_SECRET_FILE},
    {.key = "colour",
     .type = SLOW_OPT_ENUM,
     .offset = offsetof(sample, colour),
     .default_text = "green",
     .choices = colours},
    {.key = "free_number", .type = SLOW_OPT_INT, .offset = offsetof(sample, free_number)},
    {.key = NULL},
};
static const slow_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = SLOW_CODEC,
    .id = "codec-sample",
    .version = "1.2.3",
    .summary = "A sample",
    .license = "MIT",
    .options = options,
    .config_size = sizeof(sample),
};

/* The config of `of`, filled from a JSON text (NULL = no object). */
static slow_status fill(const slow_plugin *of, const char *json, void **config, slow_error *error) {
    static const char *const others[] = {"plugin", NULL};
    const sl_json_text text = {.name = "a.json", .text = json, .size = json != NULL ? strlen(json) : 0};
    const sl_json_at at = sl_json_at_root(&text);
    sl_json *object = NULL;
    if (json != NULL) {
        object = sl_json_parse(&text, error);
        assert_non_null(object);
    }
    slow_status status = sl_option_new(of, others, object, &at, config, error);
    sl_json_free(object);
    return status;
}

static void defaults_stand_where_nothing_is_said(void **state) {
    (void)state;
    void *config = NULL;
    assert_int_equal(fill(&plugin, NULL, &config, NULL), SLOW_OK);
    const sample *s = config;
    assert_true(s->on);
    assert_int_equal(s->count, 7);
    assert_int_equal(s->period, 250000000);
    assert_string_equal(s->name, "bob");
    assert_null(s->key_file);
    assert_int_equal(s->colour, 1);
    assert_int_equal(s->free_number, 0);
    sl_option_free(&plugin, config);
}

static void what_is_said_counts(void **state) {
    (void)state;
    void *config = NULL;
    assert_int_equal(fill(&plugin,
                          "{\"plugin\": \"x\", \"// on\": 1, \"on\": false, \"count\": -5, \"period\": \"1h\","
                          " \"name\": \"12345678\", \"colour\": \"red\","
                          " \"free_number\": -9223372036854775808}",
                          &config, NULL),
                     SLOW_OK);
    const sample *s = config;
    assert_false(s->on);
    assert_int_equal(s->count, -5);
    assert_int_equal(s->period, UINT64_C(3600000000000));
    assert_string_equal(s->name, "12345678");
    assert_int_equal(s->colour, 0);
    assert_true(s->free_number == INT64_MIN);
    sl_option_free(&plugin, config);
}

static const char a_key[] = "TM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvs=";

/* A file of a secret, and a config that names it; `more` comes behind. */
static void key_file_make(char path[64], mode_t mode, char *json, size_t capacity, const char *more) {
    strcpy(path, "/tmp/slow-option-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(dprintf(fd, "  %s\n", a_key), 2 + strlen(a_key) + 1);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    snprintf(json, capacity, "{\"name\": \"a\", \"key_file\": \"%s\"%s}", path, more);
}

static void of_a_secrets_file_the_plugin_gets_the_content(void **state) {
    (void)state;
    char path[64], json[160], expected[256];
    void *config = NULL;
    slow_error error;
    key_file_make(path, 0600, json, sizeof json, "");
    assert_int_equal(fill(&plugin, json, &config, &error), SLOW_OK);
    unlink(path);
    assert_string_equal(((const sample *)config)->key_file, a_key);
    sl_option_free(&plugin, config);
    assert_int_equal(fill(&plugin, json, &config, &error), SLOW_E_FAIL);
    snprintf(expected, sizeof expected, "a.json:1: key_file: %s: cannot be opened: No such file or directory", path);
    assert_string_equal(error.text, expected);
}

static void a_secrets_file_that_others_can_read_is_refused(void **state) {
    (void)state;
    char path[64], json[160], expected[256];
    void *config = NULL;
    slow_error error;
    key_file_make(path, 0644, json, sizeof json, "");
    slow_status status = fill(&plugin, json, &config, &error);
    unlink(path);
    assert_int_equal(status, SLOW_E_INVAL);
    snprintf(expected, sizeof expected,
             "a.json:1: key_file: others can read or change this secret (mode 0644): chmod 600 %s", path);
    assert_string_equal(error.text, expected);
    snprintf(json, sizeof json, "{\"key_file\": \"%s\"}", a_key); /* the key itself: not repeated in the error */
    assert_int_equal(fill(&plugin, json, &config, &error), SLOW_E_INVAL);
    assert_null(strstr(error.text, "TM0I"));
    assert_non_null(strstr(error.text, "a.json:1: key_file: a key itself stands here"));
}

static void durations_have_units_or_are_seconds(void **state) {
    (void)state;
    static const slow_option any = {.key = "t", .type = SLOW_OPT_DURATION};
    static const struct {
        const char *json;
        uint64_t ns;
    } good[] = {
        {"\"250ms\"", 250000000},
        {"\"2s\"", 2000000000},
        {"\"5min\"", UINT64_C(300000000000)},
        {"\"1h\"", UINT64_C(3600000000000)},
        {"\"30us\"", 30000},
        {"\"1ns\"", 1},
        {"\"0s\"", 0},
        {"2", 2000000000},
        {"0.25", 250000000},
        {"1.5", 1500000000},
        {"9000000000", UINT64_C(9000000000000000000)},
        {"\"2562047h\"", UINT64_C(9223369200000000000)},
    };
    static const char *const bad[] = {"\"2\"",      "\"s\"",        "\"\"",     "\"2 s\"",
                                      "\"-2s\"",    "\"2S\"",       "\"1.5s\"", "-1",
                                      "9000000001", "\"2562048h\"", "\"2sx\"",  "\"99999999999999999999ns\"",
                                      "true",       "null",         "[1]"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        const sl_json_text text = {.text = good[i].json, .size = strlen(good[i].json)};
        const sl_json_at at = sl_json_at_root(&text);
        sl_json *value = sl_json_parse(&text, NULL);
        slow_time ns = 99;
        assert_int_equal(sl_option_set(&any, value, &at, &ns, NULL), SLOW_OK);
        assert_int_equal(ns, good[i].ns);
        sl_json_free(value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const sl_json_text text = {.text = bad[i], .size = strlen(bad[i])};
        const sl_json_at at = sl_json_at_root(&text);
        sl_json *value = sl_json_parse(&text, NULL);
        slow_time ns = 99;
        assert_int_equal(sl_option_set(&any, value, &at, &ns, NULL), SLOW_E_INVAL);
        assert_int_equal(ns, 99);
        sl_json_free(value);
    }
}

static void a_mistake_is_told_with_what_was_expected(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"{\"on\": \"yes\"}", "a.json:1: on: \"yes\" is wrong; expected true or false"},
        {"{\"count\": 11}", "a.json:1: count: 11 is wrong; expected an integer, -5..10"},
        {"{\"count\": 1.0}", "a.json:1: count: 1 is wrong; expected an integer, -5..10"},
        {"{\"count\": \"1\"}", "a.json:1: count: \"1\" is wrong; expected an integer, -5..10"},
        {"{\"free_number\": []}", "a.json:1: free_number: a list is wrong; expected an integer"},
        {"{\"period\": \"9ms\"}", "a.json:1: period: \"9ms\" is wrong; expected a duration, 10ms..1h, such as "
                                  "\"250ms\", \"2s\", \"5min\", \"1h\" or a number of seconds"},
        {"{\"name\": \"\"}", "a.json:1: name: \"\" is wrong; expected a string of 1..8 bytes"},
        {"{\"name\": \"123456789\"}", "a.json:1: name: \"123456789\" is wrong; expected a string of 1..8 bytes"},
        {"{\"name\": null}", "a.json:1: name: null is wrong; expected a string of 1..8 bytes"},
        {"{\"key_file\": {}}", "a.json:1: key_file: an object is wrong; expected a string"},
        {"{\"colour\": \"gren\"}", "a.json:1: colour: \"gren\" is wrong; expected \"red\", \"green\" or \"blue\"; did "
                                   "you mean \"green\"?"},
        {"{\"colour\": \"mauve\"}", "a.json:1: colour: \"mauve\" is wrong; expected \"red\", \"green\" or \"blue\""},
        {"{\n\"cuont\": 1}", "a.json:2: cuont: unknown key; did you mean \"count\"?"},
        {"{\"zzzzzzzz\": 1}", "a.json:1: zzzzzzzz: unknown key; expected one of plugin, on, count, period, name, "
                              "key_file, colour, free_number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        slow_error error;
        void *config = &error;
        assert_int_equal(fill(&plugin, cases[i][0], &config, &error), SLOW_E_INVAL);
        assert_string_equal(error.text, cases[i][1]);
        assert_null(config);
    }
}

/* The strings filled in before the failure are freed: the sanitizer's leak check watches. */
static void a_late_mistake_leaves_nothing_behind(void **state) {
    (void)state;
    void *config = NULL;
    char path[64], json[160];
    key_file_make(path, 0600, json, sizeof json, ", \"free_number\": 0.5");
    slow_status status = fill(&plugin, json, &config, NULL);
    unlink(path);
    assert_int_equal(status, SLOW_E_INVAL);
    assert_null(config);
    sample s;
    memset(&s, 0xff, sizeof s);
    const sl_json_text text = {.name = NULL};
    const sl_json_at at = sl_json_at_root(&text);
    assert_int_equal(sl_option_fill(options, sizeof s, NULL, &at, &s, NULL), SLOW_OK);
    sl_option_clear(options, &s);
    assert_null(s.name);
    sl_option_clear(options, &s);
}

static void a_required_option_is_asked_for(void **state) {
    (void)state;
    static const slow_option table[] = {
        {.key = "path", .type = SLOW_OPT_STRING, .flags = SLOW_OPT_REQUIRED, .min = 1},
        {.key = NULL},
    };
    const slow_plugin needy = {.struct_size = sizeof needy, .options = table, .config_size = sizeof(char *)};
    slow_error error;
    void *config = NULL;
    assert_int_equal(fill(&needy, "\n\n{}", &config, &error), SLOW_E_INVAL);
    assert_string_equal(error.text, "a.json:3: path: missing; expected a string of at least 1 bytes");
}

/* A plugin that was made wrong is refused, and nothing is written outside of its struct. */
static void a_table_that_is_wrong_is_refused(void **state) {
    (void)state;
    static const slow_option past[] = {{.key = "a", .type = SLOW_OPT_INT, .offset = 1}, {.key = NULL}};
    static const slow_option far[] = {{.key = "a", .type = SLOW_OPT_INT, .offset = SIZE_MAX}, {.key = NULL}};
    static const slow_option type[] = {{.key = "a", .type = 99}, {.key = NULL}};
    static const slow_option choice[] = {{.key = "a", .type = SLOW_OPT_ENUM}, {.key = NULL}};
    static const slow_option unfit[] = {{.key = "a", .type = SLOW_OPT_INT, .default_text = "11", .min = 1, .max = 10},
                                        {.key = NULL}};
    static const slow_option garbled[] = {{.key = "a", .type = SLOW_OPT_BOOL, .default_text = "yes"}, {.key = NULL}};
    static const struct {
        const slow_option *table;
        const char *text;
    } cases[] = {
        {past, "a: the plugin's option table is wrong here; the plugin needs mending"},
        {far, "a: the plugin's option table is wrong here; the plugin needs mending"},
        {type, "a: the plugin's option table is wrong here; this build does not know the type: take a newer one"},
        {choice, "a: the plugin's option table is wrong here; the plugin needs mending"},
        {unfit, "a: the plugin's own default \"11\" is wrong: 11 is wrong; expected an integer, 1..10"},
        {garbled, "a: the plugin's own default \"yes\" is wrong: unreadable"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const slow_plugin broken = {.struct_size = sizeof broken, .options = cases[i].table, .config_size = 8};
        const sl_json_text text = {.name = NULL};
        const sl_json_at at = sl_json_at_root(&text);
        slow_error error;
        void *config = NULL;
        assert_int_not_equal(sl_option_new(&broken, NULL, NULL, &at, &config, &error), SLOW_OK);
        assert_string_equal(error.text, cases[i].text);
        assert_null(config);
    }
}

static void a_plugin_without_options_has_no_config(void **state) {
    (void)state;
    const slow_plugin plain = {.struct_size = sizeof plain};
    slow_error error;
    void *config = &error;
    assert_int_equal(fill(&plain, "{\"plugin\": \"x\"}", &config, &error), SLOW_OK);
    assert_null(config);
    sl_option_free(&plain, config);
    assert_int_equal(fill(&plain, "{\"x\": 1}", &config, &error), SLOW_E_INVAL);
    assert_string_equal(error.text, "a.json:1: x: unknown key; expected one of plugin");
}

static void the_nearest_word_is_one_that_was_meant(void **state) {
    (void)state;
    static const char *const words[] = {"preference", "plugin", "listen", "id", "log", "security", "kind-xyz"};
    static const char *const cases[][2] = {
        {"preferance", "preference"},
        {"Preference", "preference"},
        {"plugni", "plugin"},
        {"lsten", "listen"},
        {"di", "id"},
        {"secruity", "security"},
        {"logs", "log"},
        {"port", NULL},
        {"kind-ab", NULL},
        {"kind-xyzw", "kind-xyz"},
        {"", NULL},
        {"xyz", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sl_nearest nearest = {.wrong = cases[i][0]};
        for (size_t j = 0; j < sizeof words / sizeof words[0]; j++)
            sl_nearest_try(&nearest, words[j]);
        if (cases[i][1] == NULL)
            assert_null(nearest.best);
        else
            assert_string_equal(nearest.best, cases[i][1]);
    }
    char endless[500];
    memset(endless, 'p', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    sl_nearest nearest = {.wrong = endless};
    assert_false(sl_nearest_try(&nearest, "plugin"));
}

typedef struct page {
    char text[2048];
} page;

static void page_add(void *arg, const char *line) {
    page *p = arg;
    size_t used = strlen(p->text);
    snprintf(p->text + used, sizeof p->text - used, "%s\n", line);
}

static void the_table_prints_as_documentation(void **state) {
    (void)state;
    page p = {""};
    sl_option_describe(&plugin, page_add, &p);
    assert_string_equal(p.text, "codec-sample 1.2.3: A sample (MIT)\n"
                                "  \"on\": true or false; default true\n"
                                "      Is it on?\n"
                                "  \"count\": an integer, -5..10; default 7\n"
                                "  \"period\": a duration, 10ms..1h; default 250ms; can change while running\n"
                                "      How often.\n"
                                "  \"name\": a string of 1..8 bytes; default \"bob\"\n"
                                "  \"key_file\": a string; a file whose content is secret\n"
                                "  \"colour\": \"red\", \"green\" or \"blue\"; default \"green\"\n"
                                "  \"free_number\": an integer\n");
    const slow_plugin plain = {.struct_size = sizeof plain, .id = "codec-plain", .version = "1", .summary = "Plain"};
    p.text[0] = '\0';
    sl_option_describe(&plain, page_add, &p);
    assert_string_equal(p.text, "codec-plain 1: Plain (no license given)\n  no options\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_stand_where_nothing_is_said),
        cmocka_unit_test(what_is_said_counts),
        cmocka_unit_test(of_a_secrets_file_the_plugin_gets_the_content),
        cmocka_unit_test(a_secrets_file_that_others_can_read_is_refused),
        cmocka_unit_test(durations_have_units_or_are_seconds),
        cmocka_unit_test(a_mistake_is_told_with_what_was_expected),
        cmocka_unit_test(a_late_mistake_leaves_nothing_behind),
        cmocka_unit_test(a_required_option_is_asked_for),
        cmocka_unit_test(a_table_that_is_wrong_is_refused),
        cmocka_unit_test(a_plugin_without_options_has_no_config),
        cmocka_unit_test(the_nearest_word_is_one_that_was_meant),
        cmocka_unit_test(the_table_prints_as_documentation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
