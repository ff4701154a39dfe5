#include "core/json.h"
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static slow_status compact(const char *text, char *out, slow_error *error) {
    size_t size = 0;
    slow_status status = sl_json_compact(text, strlen(text), out, &size, error);
    out[size] = '\0';
    return status;
}

static void only_insignificant_space_is_stripped(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {" { \"a\" : [ 1 , 2.0 ,\t1E2 ] , \"b c\" : \" x \" }\r\n", "{\"a\":[1,2.0,1E2],\"b c\":\" x \"}"},
        {"123456789012345678901234567890", "123456789012345678901234567890"},
        {"\"\\u00e9 \\\" \\\\\"", "\"\\u00e9 \\\" \\\\\""},
        {"\"\\u0000\"", "\"\\u0000\""},
        {" null ", "null"},
        {"[-0, -0.0, 1e-7]", "[-0,-0.0,1e-7]"},
        {"\"caf\xc3\xa9\"", "\"caf\xc3\xa9\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[128];
        assert_int_equal(compact(cases[i][0], out, NULL), SLOW_OK);
        assert_string_equal(out, cases[i][1]);
    }
}

static void a_message_can_be_compacted_in_place(void **state) {
    (void)state;
    char text[] = " [ 1 , \"a b\" ] ";
    assert_int_equal(compact(text, text, NULL), SLOW_OK);
    assert_string_equal(text, "[1,\"a b\"]");
}

static void what_is_not_json_is_refused_with_its_place(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"", "line 1: not JSON at column 1: the text is empty"},
        {"{\"a\":1,\n\"a\":2}", "line 2: duplicate key \"a\"; a key can stand once in an object"},
        {"[1,\n2 3]", "line 2: not JSON at column 3: ']' expected near '3'"},
        {"\"\xff\"", "line 1: not JSON at column 1: unable to decode byte 0xff near '\"'"},
        {"1 2", "line 1: not JSON at column 3: end of file expected near '2' (something follows the end)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[128] = "untouched";
        size_t size = 9;
        slow_error error;
        assert_int_equal(sl_json_compact(cases[i][0], strlen(cases[i][0]), out, &size, &error), SLOW_E_INVAL);
        assert_string_equal(error.text, cases[i][1]);
        assert_string_equal(out, "untouched");
    }
    char out[1];
    size_t size = 0;
    slow_error error;
    assert_int_equal(sl_json_compact(NULL, 0, out, &size, &error), SLOW_E_INVAL); /* as an empty payload is */
    assert_string_equal(error.text, cases[0][1]);
}

/* ---- JSONTestSuite ---- */

static char *file_text(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(*size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, *size, file), *size);
    text[*size] = '\0';
    fclose(file);
    return text;
}

/* Refused by choice are three of the good: a duplicate key (twice), and U+0000 in a key. */
static const size_t refused_by_choice = 3;

/* What is accepted must come out the same when it goes in again. */
static bool accepted(const char *path) {
    size_t size = 0, out_size = 0, again_size = 0;
    char *text = file_text(path, &size), *out = malloc(size + 1), *again = malloc(size + 1);
    assert_true(out != NULL && again != NULL);
    slow_error error = {.text = ""};
    bool good = sl_json_compact(text, size, out, &out_size, &error) == SLOW_OK;
    if (good) {
        assert_int_equal(sl_json_compact(out, out_size, again, &again_size, NULL), SLOW_OK);
        assert_int_equal(again_size, out_size);
        assert_memory_equal(again, out, out_size);
    } else {
        assert_true(strlen(error.text) > 0);
    }
    free(again);
    free(out);
    free(text);
    return good;
}

static void the_public_test_suite_of_parsers_is_passed(void **state) {
    (void)state;
    const char *testdata = getenv("SLOW_TESTDATA");
    char folder[1024];
    snprintf(folder, sizeof folder, "%s/jsontestsuite/test_parsing", testdata != NULL ? testdata : "");
    DIR *entries = testdata != NULL ? opendir(folder) : NULL;
    if (entries == NULL) {
        fprintf(stderr, "SKIPPED: no JSONTestSuite: set SLOW_TESTDATA to the folder that holds jsontestsuite/\n");
        skip();
    }
    size_t yes[2] = {0}, no[2] = {0}, maybe[2] = {0}; /* refused, accepted */
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        char path[2048];
        size_t *count = entry->d_name[0] == 'y' ? yes : entry->d_name[0] == 'n' ? no : maybe;
        if (entry->d_name[0] == '.' || entry->d_name[1] != '_')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        bool good = accepted(path);
        count[good]++;
        if ((count == yes && !good) || (count == no && good))
            printf("  against the suite: %s is %s\n", entry->d_name, good ? "accepted" : "refused");
    }
    closedir(entries);
    printf("  y_ %zu of %zu accepted, n_ %zu of %zu refused, i_ %zu accepted and %zu refused\n", yes[1],
           yes[0] + yes[1], no[0], no[0] + no[1], maybe[1], maybe[0]);
    assert_true(yes[0] == refused_by_choice && yes[1] == 92);
    assert_true(no[0] == 188 && no[1] == 0);
    assert_true(maybe[0] + maybe[1] > 0);
}

static void a_collection_of_naughty_strings_comes_through_unchanged(void **state) {
    (void)state;
    const char *testdata = getenv("SLOW_TESTDATA");
    char path[1024];
    snprintf(path, sizeof path, "%s/corpora/blns.json", testdata != NULL ? testdata : "");
    FILE *file = testdata != NULL ? fopen(path, "rb") : NULL;
    if (file == NULL) {
        fprintf(stderr, "SKIPPED: no naughty strings: set SLOW_TESTDATA to the folder that holds corpora/\n");
        skip();
    }
    fclose(file);
    assert_true(accepted(path));
}

/* ---- where a value stands ---- */

static const char places[] = "\n"                             /* 1 */
                             "{\n"                            /* 2 */
                             "  \"id\": \"a]}\\\"\",\n"       /* 3 */
                             "  \"routing\":\n"               /* 4 */
                             "  [\n"                          /* 5 */
                             "    {\"x\": [1, {\"y\": 2}],\n" /* 6 */
                             "     \"k\\u0065y\": 3},\n"      /* 7 */
                             "    true,\n"                    /* 8 */
                             "    [[],\n"                     /* 9 */
                             "     -1.5e3]\n"                 /* 10 */
                             "  ],\n"                         /* 11 */
                             "  \"log\": {}\n"                /* 12 */
                             "}\n";

static void a_path_is_printed_and_its_line_is_found(void **state) {
    (void)state;
    const sl_json_text text = {.name = "a.json", .text = places, .size = sizeof places - 1};
    sl_json_at root = sl_json_at_root(&text), id = sl_json_at_key(&root, "id");
    sl_json_at routing = sl_json_at_key(&root, "routing"), first = sl_json_at_index(&routing, 0);
    sl_json_at escaped = sl_json_at_key(&first, "key"), absent = sl_json_at_key(&first, "none");
    sl_json_at second = sl_json_at_index(&routing, 1), third = sl_json_at_index(&routing, 2);
    sl_json_at inner = sl_json_at_index(&third, 1), log = sl_json_at_key(&root, "log"),
               past = sl_json_at_key(&log, "x");
    const struct {
        const sl_json_at *at;
        const char *path;
        size_t line;
    } cases[] = {
        {&root, "", 2},
        {&id, "id", 3},
        {&routing, "routing", 4},
        {&first, "routing[0]", 6},
        {&escaped, "routing[0].key", 7},
        {&absent, "routing[0].none", 6},
        {&second, "routing[1]", 8},
        {&inner, "routing[2][1]", 10},
        {&past, "log.x", 12},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[64];
        sl_json_path(cases[i].at, path, sizeof path);
        assert_string_equal(path, cases[i].path);
        assert_int_equal(sl_json_line(cases[i].at), cases[i].line);
    }
}

/* Where white space is missing, nothing may be taken for part of what stands next to it. */
static void a_line_is_found_in_dense_text(void **state) {
    (void)state;
    static const char dense[] =
        "{\"a\":[1,{},\"]\",[[],{\"x\":-1e5}],true,\"\\\\\",null],\"b\":{\"c\":{}},\n\"d\":[{},{}\n]}";
    const sl_json_text text = {.name = "a.json", .text = dense, .size = sizeof dense - 1};
    sl_json_at root = sl_json_at_root(&text), b = sl_json_at_key(&root, "b"), d = sl_json_at_key(&root, "d");
    sl_json_at past = sl_json_at_index(&d, 2), none = sl_json_at_key(&root, "e");
    assert_int_equal(sl_json_line(&b), 1);
    assert_int_equal(sl_json_line(&d), 2);
    assert_int_equal(sl_json_line(&past), 2);
    assert_int_equal(sl_json_line(&none), 1);
}

static void an_error_is_one_line_that_fits(void **state) {
    (void)state;
    char name[300], word[300];
    memset(name, 'd', sizeof name - 1);
    memcpy(name + sizeof name - 8, "/a.json", 8);
    memset(word, 'w', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    for (size_t i = 0; i + 1 < sizeof word - 1; i += 2)
        memcpy(word + i, "\xc3\xa9", 2);
    const sl_json_text text = {.name = name, .text = "{}", .size = 2};
    sl_json_at root = sl_json_at_root(&text), at = sl_json_at_key(&root, "line\nend");
    slow_error error;
    assert_int_equal(sl_json_error(&at, &error, SLOW_E_INVAL, "%s", word), SLOW_E_INVAL);
    assert_int_equal(error.code, SLOW_E_INVAL);
    assert_non_null(strstr(error.text, "/a.json:1: line?end: "));
    assert_true(strncmp(error.text, "...ddd", 6) == 0);
    size_t size = strlen(error.text);
    assert_true(size < sizeof error.text && size > sizeof error.text - 8);
    assert_string_equal(error.text + size - 3, "...");
    assert_int_equal((unsigned char)error.text[size - 4], 0xa9); /* a whole character in front of the dots */
    assert_null(strpbrk(error.text, "\n\r\t"));
}

/* ---- writing ---- */

static void the_writer_puts_commas_and_escapes(void **state) {
    (void)state;
    sl_json_writer w = {0};
    sl_json_begin(&w, '{');
    sl_json_key(&w, "a\"b");
    sl_json_begin(&w, '[');
    sl_json_put_integer(&w, INT64_MIN);
    sl_json_put_unsigned(&w, UINT64_MAX);
    sl_json_put_bool(&w, true);
    sl_json_put_bool(&w, false);
    sl_json_put_string(&w, NULL);
    sl_json_begin(&w, '{');
    sl_json_end(&w, '}');
    sl_json_begin(&w, '[');
    sl_json_end(&w, ']');
    sl_json_end(&w, ']');
    sl_json_key(&w, "text");
    sl_json_put_text(&w, "\n\\\x01\xc3\xa9\xff\x00z", 8);
    sl_json_key(&w, "raw");
    sl_json_put_raw(&w, "{\"x\":1.0}", 9);
    sl_json_end(&w, '}');
    size_t size = 0;
    char *text = sl_json_take(&w, &size);
    static const char expected[] = "{\"a\\\"b\":[-9223372036854775808,18446744073709551615,true,false,null,{},[]],"
                                   "\"text\":\"\\u000a\\\\\\u0001\xc3\xa9\xef\xbf\xbd\\u0000z\",\"raw\":{\"x\":1.0}}";
    assert_string_equal(text, expected);
    assert_int_equal(size, sizeof expected - 1);
    char out[sizeof expected];
    assert_int_equal(compact(text, out, NULL), SLOW_OK);
    assert_string_equal(out, expected);
    free(text);
}

/* RFC 4648, 10 */
static void base64_is_that_of_the_rfc(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"", "\"\""},
        {"f", "\"Zg==\""},
        {"fo", "\"Zm8=\""},
        {"foo", "\"Zm9v\""},
        {"foob", "\"Zm9vYg==\""},
        {"fooba", "\"Zm9vYmE=\""},
        {"foobar", "\"Zm9vYmFy\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sl_json_writer w = {0};
        sl_json_put_base64(&w, (slow_bytes){(const uint8_t *)cases[i][0], strlen(cases[i][0])});
        char *text = sl_json_take(&w, NULL);
        assert_string_equal(text, cases[i][1]);
        free(text);
    }
}

static void a_long_text_grows_the_buffer(void **state) {
    (void)state;
    sl_json_writer w = {0};
    sl_json_begin(&w, '[');
    for (int i = 0; i < 5000; i++)
        sl_json_put_integer(&w, i % 10);
    sl_json_end(&w, ']');
    assert_int_equal(w.size, 10001);
    const sl_json_text text = {.text = w.text, .size = w.size};
    sl_json *list = sl_json_parse(&text, NULL);
    assert_int_equal(sl_json_count(list), 5000);
    assert_int_equal(sl_json_integer(sl_json_item(list, 4999)), 9);
    assert_null(sl_json_item(list, 5000));
    sl_json_free(list);
    sl_json_writer_free(&w);
    assert_null(w.text);
}

static void a_message_nests_at_most_64_deep(void **state) {
    (void)state;
    char text[131], out[131];
    slow_error error;
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    text[130] = '\0';
    assert_int_equal(compact(text, out, &error), SLOW_E_INVAL);
    assert_non_null(strstr(error.text, "at most 64"));
    text[129] = '\0';
    assert_int_equal(compact(text + 1, out, NULL), SLOW_OK);
    memset(text, '[', 100);
    text[0] = text[100] = '"'; /* a string is not deep */
    text[101] = '\0';
    assert_int_equal(compact(text, out, NULL), SLOW_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_insignificant_space_is_stripped),
        cmocka_unit_test(a_message_can_be_compacted_in_place),
        cmocka_unit_test(a_message_nests_at_most_64_deep),
        cmocka_unit_test(what_is_not_json_is_refused_with_its_place),
        cmocka_unit_test(the_public_test_suite_of_parsers_is_passed),
        cmocka_unit_test(a_collection_of_naughty_strings_comes_through_unchanged),
        cmocka_unit_test(a_path_is_printed_and_its_line_is_found),
        cmocka_unit_test(a_line_is_found_in_dense_text),
        cmocka_unit_test(an_error_is_one_line_that_fits),
        cmocka_unit_test(the_writer_puts_commas_and_escapes),
        cmocka_unit_test(base64_is_that_of_the_rfc),
        cmocka_unit_test(a_long_text_grows_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
