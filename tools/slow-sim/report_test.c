/* The page: whatever stands in the data stays data, it is well-formed, and it needs nothing from anywhere. */
#include "report.h"
#include "core/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char HOSTILE[] = "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>&amp;";

static char *page_of(const char *data) {
    char *page = NULL;
    size_t size;
    FILE *out = open_memstream(&page, &size);
    assert_non_null(out);
    assert_true(report_write(out, data));
    fclose(out);
    return page;
}

/* As a topology's name comes to it. */
static char *hostile_page(void) {
    sl_json_writer out = {.text = NULL};
    sl_json_begin(&out, '{');
    sl_json_key(&out, "name");
    sl_json_put_string(&out, HOSTILE);
    sl_json_end(&out, '}');
    char *data = sl_json_take(&out, NULL);
    assert_non_null(data);
    char *page = page_of(data);
    free(data);
    return page;
}

static unsigned count_of(const char *text, const char *word) {
    unsigned count = 0;
    for (; (text = strstr(text, word)) != NULL; text++)
        count++;
    return count;
}

static void a_name_cannot_leave_the_data(void **state) {
    static const char begin[] = "id=\"data\">";
    char *page = hostile_page();
    slow_error error;
    (void)state;
    assert_int_equal(count_of(page, "<script"), 2);
    assert_int_equal(count_of(page, "</script>"), 2);
    assert_null(strstr(page, "<img"));
    assert_null(strstr(page, "<!--"));
    const char *data = strstr(page, begin) + sizeof begin - 1;
    sl_json_text text = {.name = "data", .text = data, .size = (size_t)(strstr(data, "</script>") - data)};
    sl_json *value = sl_json_parse(&text, &error);
    assert_non_null(value);
    assert_string_equal(sl_json_string(sl_json_get(value, "name")), HOSTILE);
    sl_json_free(value);
    free(page);
}

static void the_page_asks_nobody_for_anything(void **state) {
    static const char *const doors[] = {"://",       "src=",           "href=",  "@import", "url(",
                                        "fetch(",    "XMLHttp",        "<link",  "eval(",   "Function(",
                                        "innerHTML", "document.write", "import("};
    char *page = page_of("{}");
    (void)state;
    for (size_t i = 0; i < sizeof doors / sizeof doors[0]; i++)
        if (strstr(page, doors[i]) != NULL)
            fail_msg("the page has \"%s\"", doors[i]);
    free(page);
}

/* ---- every element that begins ends, in its place ---- */

enum { DEPTH = 64, NAME = 16 };

static bool is_void(const char *name) {
    return strcmp(name, "meta") == 0 || strcmp(name, "input") == 0 || strcmp(name, "br") == 0;
}

/* The name behind "<" or "</"; returns what follows the tag. */
static const char *read_tag(const char *at, char name[NAME]) {
    size_t size = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789");
    assert_in_range(size, 1, NAME - 1);
    memcpy(name, at, size);
    name[size] = '\0';
    at = strchr(at, '>');
    assert_non_null(at);
    return at + 1;
}

static void its_elements_are_nested(void **state) {
    char open[DEPTH][NAME], name[NAME];
    int depth = 0;
    char *page = hostile_page();
    (void)state;
    assert_memory_equal(page, "<!doctype html>", 15);
    for (const char *at = strchr(page + 15, '<'); at != NULL; at = strchr(at, '<')) {
        if (at[1] == '/') {
            at = read_tag(at + 2, name);
            assert_true(depth > 0);
            assert_string_equal(open[--depth], name);
            continue;
        }
        at = read_tag(at + 1, name);
        if (is_void(name))
            continue;
        assert_in_range(depth, 0, DEPTH - 1);
        strcpy(open[depth++], name);
        if (strcmp(name, "script") == 0) /* what is in it is no markup */
            at = strstr(at, "</script>");
        else if (strcmp(name, "style") == 0)
            at = strstr(at, "</style>");
    }
    assert_int_equal(depth, 0);
    free(page);
}

/* Each getElementById() of the script, at("..."), finds an element. */
static void the_script_finds_its_elements(void **state) {
    static const char call[] = "at(\"";
    char *page = page_of("{}"), wanted[64];
    unsigned found = 0;
    (void)state;
    for (const char *at = strstr(page, call); at != NULL; at = strstr(at, call)) {
        at += sizeof call - 1;
        snprintf(wanted, sizeof wanted, " id=\"%.*s\"", (int)strcspn(at, "\""), at);
        if (strstr(page, wanted) == NULL)
            fail_msg("there is no element with%s", wanted);
        found++;
    }
    assert_true(found > 20);
    free(page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_cannot_leave_the_data),
        cmocka_unit_test(the_page_asks_nobody_for_anything),
        cmocka_unit_test(its_elements_are_nested),
        cmocka_unit_test(the_script_finds_its_elements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
