/* What is told of a path is a hint, and nobody has to believe or to read all of it. */
#include "path.h"
#include "loop_virtual.h"
#include <setjmp.h>
#include <slow/wire.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void count_line(void *arg, int level, const char *who, const char *text) {
    (void)level;
    (void)who;
    assert_non_null(strstr(text, "relay dropped package 7 to bob: "));
    ++*(unsigned *)arg;
}

/* A relay's ERROR about package 7 to `dst`. */
static void hear_error(sl_path *path, const char *dst, size_t size, uint8_t reason) {
    uint8_t bytes[300];
    slow_writer w = slow_writer_of(bytes, sizeof bytes);
    slow_write_u64(&w, 7);
    slow_write_u8(&w, reason);
    slow_write_short(&w, dst, size);
    slow_package package = {.type = SLOW_CONTROL,
                            .kind = SL_KIND_ERROR,
                            .src = {(const uint8_t *)"relay", 5},
                            .payload = {bytes, slow_writer_size(&w)}};
    sl_path_control(path, &package);
}

static void errors_about_what_cannot_be_are_ignored_and_others_logged_a_few_times(void **state) {
    (void)state;
    static const char long_id[64] = "1234567890123456789012345678901234567890123456789012345678901234";
    unsigned lines = 0;
    sl_world *world = sl_world_new(1);
    sl_loop *loop = sl_loop_virtual_new(world);
    const sl_log log = {.sink = count_line, .arg = &lines, .level = SLOW_LOG_DEBUG};
    sl_path path;
    sl_delivery nobody = {.loop = loop}; /* with no peers */
    sl_path_init(&path, loop, &log, NULL, &nobody);
    hear_error(&path, "b\nb", 3, SL_DROP_NO_ROUTE);
    hear_error(&path, "b\xff", 2, SL_DROP_NO_ROUTE);
    hear_error(&path, "", 0, SL_DROP_NO_ROUTE);
    hear_error(&path, long_id, sizeof long_id, SL_DROP_NO_ROUTE);
    hear_error(&path, "bob", 3, 0);
    hear_error(&path, "bob", 3, SL_DROP_QUEUE_FULL + 1);
    assert_int_equal(lines, 0);
    for (int i = 0; i < 100; i++)
        hear_error(&path, "bob", 3, SL_DROP_HOP_LIMIT);
    assert_int_equal(lines, 5);
    sl_path_free(&path);
    sl_loop_free(loop);
    sl_world_free(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_about_what_cannot_be_are_ignored_and_others_logged_a_few_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
