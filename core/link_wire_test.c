/* The bytes of link frames, written down once here, and what a reader refuses. */
#include "link_wire.h"
#include "id.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(literal)                                  \
    (slow_bytes) {                                      \
        (const uint8_t *)(literal), sizeof(literal) - 1 \
    }

static const slow_bytes hello = {(const uint8_t *)"hello", 5};

static void assert_bytes(const uint8_t *bytes, size_t size, slow_bytes expected) {
    assert_int_equal(size, expected.size);
    assert_memory_equal(bytes, expected.data, size);
}

static void assert_same(slow_bytes a, slow_bytes b) {
    assert_bytes(a.data, a.size, b);
}

/* ---- the opening's frames ---- */

static void an_init_is_padded_with_zeros_to_1200_bytes(void **state) {
    (void)state;
    uint8_t out[2000];
    sl_init init = {.index = 0x01020304, .cookie = 0x1112131415161718, .handshake = hello}, back;
    assert_int_equal(sl_init_write(&init, out, sizeof out), 1200);
    assert_memory_equal(out,
                        "\x01\0\0\0"
                        "\x01\x02\x03\x04\x11\x12\x13\x14\x15\x16\x17\x18"
                        "\0\x05"
                        "hello",
                        23);
    for (size_t i = 23; i < 1200; i++)
        assert_int_equal(out[i], 0);
    assert_true(sl_init_read((slow_bytes){out, 1200}, SL_INIT_SIZE, &back));
    assert_int_equal(back.index, init.index);
    assert_true(back.cookie == init.cookie);
    assert_same(back.handshake, hello);
    assert_int_equal(sl_init_write(&init, out, 1199), 0);
}

static void a_short_init_is_refused_where_it_could_amplify(void **state) {
    (void)state;
    uint8_t out[1200];
    sl_init init = {.index = 1, .handshake = hello}, back;
    sl_init_write(&init, out, sizeof out);
    assert_false(sl_init_read((slow_bytes){out, 1199}, SL_INIT_SIZE, &back));
    assert_true(sl_init_read((slow_bytes){out, 23}, 0, &back)); /* a stream's peer is where it says it is */
    for (size_t size = 0; size < 23; size++)
        assert_false(sl_init_read((slow_bytes){out, size}, 0, &back));
}

static void the_other_frames_of_an_opening_are_as_long_as_they_are(void **state) {
    (void)state;
    uint8_t out[64];
    sl_cookie cookie = {.peer_index = 1, .cookie = 2};
    sl_resp resp = {.index = 1, .peer_index = 2, .tag = 3, .handshake = hello};
    sl_fin fin = {.peer_index = 1, .echo = 2, .tag = 3, .handshake = hello};
    assert_bytes(out, sl_cookie_write(&cookie, out, sizeof out),
                 BYTES("\x02\0\0\0"
                       "\0\0\0\x01"
                       "\0\0\0\0\0\0\0\x02"));
    assert_bytes(out, sl_resp_write(&resp, out, sizeof out),
                 BYTES("\x03\0\0\0"
                       "\0\0\0\x01"
                       "\0\0\0\x02"
                       "\0\0\0\0\0\0\0\x03"
                       "hello"));
    assert_bytes(out, sl_fin_write(&fin, out, sizeof out),
                 BYTES("\x04\0\0\0"
                       "\0\0\0\x01"
                       "\0\0\0\0\0\0\0\x02"
                       "\0\0\0\0\0\0\0\x03"
                       "hello"));
    assert_int_equal(sl_cookie_write(&cookie, out, 15), 0);
    assert_int_equal(sl_resp_write(&resp, out, 24), 0);
    assert_int_equal(sl_fin_write(&fin, out, 28), 0);
}

static void what_was_written_is_read(void **state) {
    (void)state;
    uint8_t out[64];
    sl_cookie cookie = {.peer_index = 7, .cookie = UINT64_MAX}, cookie_back;
    sl_resp resp = {.index = 1, .peer_index = 2, .tag = UINT64_MAX - 1, .handshake = hello}, resp_back;
    sl_fin fin = {.peer_index = 1, .echo = 2, .tag = 3}, fin_back;
    slow_bytes frame = {out, sl_cookie_write(&cookie, out, sizeof out)};
    assert_true(sl_cookie_read(frame, &cookie_back));
    assert_int_equal(cookie_back.peer_index, 7);
    assert_true(cookie_back.cookie == UINT64_MAX);
    frame.size = sl_resp_write(&resp, out, sizeof out);
    assert_true(sl_resp_read(frame, &resp_back));
    assert_int_equal(resp_back.index, 1);
    assert_int_equal(resp_back.peer_index, 2);
    assert_true(resp_back.tag == UINT64_MAX - 1);
    assert_same(resp_back.handshake, hello);
    frame.size = sl_fin_write(&fin, out, sizeof out);
    assert_true(sl_fin_read(frame, &fin_back));
    assert_int_equal(fin_back.peer_index, 1);
    assert_true(fin_back.echo == 2 && fin_back.tag == 3);
    assert_int_equal(fin_back.handshake.size, 0);
}

static void truncated_frames_are_refused(void **state) {
    (void)state;
    uint8_t out[64];
    sl_cookie cookie = {.peer_index = 1};
    sl_resp resp = {.index = 1};
    sl_fin fin = {.peer_index = 1};
    size_t size = sl_cookie_write(&cookie, out, sizeof out);
    assert_int_equal(size, 16);
    while (size-- > 0)
        assert_false(sl_cookie_read((slow_bytes){out, size}, &cookie));
    size = sl_resp_write(&resp, out, sizeof out);
    assert_int_equal(size, 20);
    while (size-- > 0)
        assert_false(sl_resp_read((slow_bytes){out, size}, &resp));
    size = sl_fin_write(&fin, out, sizeof out);
    assert_int_equal(size, 24);
    while (size-- > 0)
        assert_false(sl_fin_read((slow_bytes){out, size}, &fin));
}

static void another_kind_and_bytes_that_should_be_zero_are_refused(void **state) {
    (void)state;
    uint8_t out[64];
    sl_resp resp = {.index = 1}, back;
    slow_bytes frame = {out, sl_resp_write(&resp, out, sizeof out)};
    assert_true(sl_resp_read(frame, &back));
    for (size_t i = 0; i < 4; i++) {
        out[i] ^= 0x80;
        assert_false(sl_resp_read(frame, &back));
        out[i] ^= 0x80;
    }
}

static void index_zero_is_nobodys(void **state) {
    (void)state;
    uint8_t out[1200];
    sl_init init = {.index = 0};
    sl_resp resp = {.index = 0, .peer_index = 1};
    assert_false(sl_init_read((slow_bytes){out, sl_init_write(&init, out, sizeof out)}, 0, &init));
    assert_false(sl_resp_read((slow_bytes){out, sl_resp_write(&resp, out, sizeof out)}, &resp));
}

/* ---- claims ---- */

static sl_claim a_claim(void) {
    return (sl_claim){.version = SL_LINK_VERSION,
                      .network = "net",
                      .id = {.size = 5, .text = "alice"},
                      .start = 0x0102030405060708,
                      .codecs = {.count = 2, .name = {"protobuf", "json"}},
                      .protocols.names = {.count = 1, .name = {"distance-vector/1"}},
                      .frame_max = 65535,
                      .features = 0};
}

#define CLAIM_HEAD \
    "\0\x01"       \
    "\x03"         \
    "net"          \
    "\x05"         \
    "alice"        \
    "\x01\x02\x03\x04\x05\x06\x07\x08"
#define CLAIM_TAIL \
    "\0\0\xff\xff" \
    "\0\0\0\0"     \
    "\0\0"
#define CLAIM_BYTES       \
    CLAIM_HEAD "\x02\x08" \
               "protobuf" \
               "\x04"     \
               "json"     \
               "\x01\x11" \
               "distance-vector/1" CLAIM_TAIL

static void a_claim_is_written_as_specified(void **state) {
    (void)state;
    uint8_t out[SL_CLAIM_MAX];
    sl_claim claim = a_claim();
    assert_bytes(out, sl_claim_write(&claim, out, sizeof out), BYTES(CLAIM_BYTES));
    assert_int_equal(sl_claim_write(&claim, out, sizeof(CLAIM_BYTES) - 2), 0);
}

static void a_claim_is_read_as_it_was_written(void **state) {
    (void)state;
    sl_claim expected = a_claim(), claim;
    assert_true(sl_claim_read(BYTES(CLAIM_BYTES), &claim));
    assert_int_equal(claim.version, 1);
    assert_string_equal(claim.network, "net");
    assert_true(sl_id_equal(&claim.id, &expected.id));
    assert_true(claim.start == expected.start);
    assert_int_equal(claim.codecs.count, 2);
    assert_string_equal(claim.codecs.name[0], "protobuf");
    assert_string_equal(claim.codecs.name[1], "json");
    assert_int_equal(claim.protocols.names.count, 1);
    assert_string_equal(claim.protocols.names.name[0], "distance-vector/1");
    assert_int_equal(claim.frame_max, 65535);
    assert_int_equal(claim.features, 0);
    assert_int_equal(claim.credentials.size, 0);
}

static void a_later_version_may_append_to_a_claim(void **state) {
    (void)state;
    sl_claim claim;
    assert_true(sl_claim_read(BYTES(CLAIM_BYTES "something new"), &claim));
    assert_int_equal(claim.credentials.size, 0);
}

static void a_truncated_claim_is_refused(void **state) {
    (void)state;
    sl_claim claim;
    for (size_t size = 0; size < sizeof(CLAIM_BYTES) - 1; size++)
        assert_false(sl_claim_read((slow_bytes){(const uint8_t *)CLAIM_BYTES, size}, &claim));
}

static void credentials_are_carried(void **state) {
    (void)state;
    uint8_t out[SL_CLAIM_MAX];
    sl_claim claim = a_claim(), back;
    claim.credentials = hello;
    size_t size = sl_claim_write(&claim, out, sizeof out);
    assert_true(sl_claim_read((slow_bytes){out, size}, &back));
    assert_same(back.credentials, hello);
    assert_false(sl_claim_read((slow_bytes){out, size - 1}, &back));
}

static void names_that_could_not_stand_in_a_log_are_refused(void **state) {
    (void)state;
    sl_claim claim;
#define WITH_CODEC(codec) CLAIM_HEAD "\x01" codec "\0" CLAIM_TAIL
    assert_true(sl_claim_read(BYTES(WITH_CODEC("\x04"
                                               "json")),
                              &claim));
    assert_true(sl_claim_read(BYTES(WITH_CODEC("\x1f"
                                               "1234567890123456789012345678901")),
                              &claim));
    assert_false(sl_claim_read(BYTES(WITH_CODEC("\x20"
                                                "12345678901234567890123456789012")),
                               &claim));
    assert_false(sl_claim_read(BYTES(WITH_CODEC("\0")), &claim));
    assert_false(sl_claim_read(BYTES(WITH_CODEC("\x04"
                                                "js n")),
                               &claim));
    assert_false(sl_claim_read(BYTES(WITH_CODEC("\x04"
                                                "js\nn")),
                               &claim));
    assert_false(sl_claim_read(BYTES(WITH_CODEC("\x04"
                                                "js\0n")),
                               &claim));
    assert_false(sl_claim_read(BYTES(WITH_CODEC("\x04"
                                                "js\x7fn")),
                               &claim));
    assert_false(sl_claim_read(BYTES(WITH_CODEC("\x04"
                                                "js\xc3\xa9")),
                               &claim));
#undef WITH_CODEC
}

static void ids_and_networks_are_checked(void **state) {
    (void)state;
    sl_claim claim = a_claim(), back;
    uint8_t out[SL_CLAIM_MAX];
    memset(claim.network, 'n', 63);
    memset(claim.id.text, 'i', 63);
    claim.id.size = 63;
    assert_true(sl_claim_read((slow_bytes){out, sl_claim_write(&claim, out, sizeof out)}, &back));
    assert_int_equal(strlen(back.network), 63);
    assert_true(sl_id_equal(&back.id, &claim.id));
    claim.id.text[5] = '\n';
    assert_false(sl_claim_read((slow_bytes){out, sl_claim_write(&claim, out, sizeof out)}, &back));
    claim = a_claim();
    claim.id.size = 0;
    assert_false(sl_claim_read((slow_bytes){out, sl_claim_write(&claim, out, sizeof out)}, &back));
    claim = a_claim();
    claim.network[0] = '\0';
    assert_false(sl_claim_read((slow_bytes){out, sl_claim_write(&claim, out, sizeof out)}, &back));
}

static void a_claim_names_at_most_eight_codecs(void **state) {
    (void)state;
    uint8_t out[SL_CLAIM_MAX];
    sl_claim claim = a_claim(), back;
    for (claim.codecs.count = 0; claim.codecs.count < SL_NAMES_MAX; claim.codecs.count++)
        snprintf(claim.codecs.name[claim.codecs.count], SL_NAME_SIZE, "codec-%u", claim.codecs.count);
    size_t size = sl_claim_write(&claim, out, sizeof out);
    assert_true(sl_claim_read((slow_bytes){out, size}, &back));
    assert_string_equal(back.codecs.name[7], "codec-7");
#define EIGHT \
    "\x01"    \
    "a"       \
    "\x01"    \
    "b"       \
    "\x01"    \
    "c"       \
    "\x01"    \
    "d"       \
    "\x01"    \
    "e"       \
    "\x01"    \
    "f"       \
    "\x01"    \
    "g"       \
    "\x01"    \
    "h"
    assert_true(sl_claim_read(BYTES(CLAIM_HEAD "\x08" EIGHT "\0" CLAIM_TAIL), &back));
    assert_false(sl_claim_read(BYTES(CLAIM_HEAD "\x09" EIGHT "\x01"
                                                "i"
                                                "\0" CLAIM_TAIL),
                               &back));
#undef EIGHT
}

/* ---- later frames ---- */

static void a_probe_is_16_bytes(void **state) {
    (void)state;
    uint8_t out[SL_PROBE_SIZE];
    sl_probe probe = {
        .keep_ms = 0x0102, .want_ms = 0x0304, .stamp = 0x05060708, .echo = 0x090a0b0c, .held = 0x0d0e0f10};
    sl_probe back;
    sl_probe_write(&probe, out);
    assert_memory_equal(out, "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10", 16);
    assert_true(sl_probe_read((slow_bytes){out, 16}, &back));
    assert_memory_equal(&back, &probe, sizeof probe);
    assert_false(sl_probe_read((slow_bytes){out, 15}, &back));
}

static void a_route_is_a_header_and_a_message(void **state) {
    (void)state;
    uint8_t out[SL_ROUTE_HEADER + 5];
    sl_route_frame route = {.protocol = 1, .epoch = 2, .seq = 0x03040506}, back;
    sl_route_write(&route, out);
    assert_memory_equal(out, "\x01\x02\x03\x04\x05\x06", 6);
    memcpy(out + 6, "hello", 5);
    assert_true(sl_route_read((slow_bytes){out, 11}, &back));
    assert_int_equal(back.protocol, 1);
    assert_int_equal(back.epoch, 2);
    assert_int_equal(back.seq, 0x03040506);
    assert_same(back.message, hello);
    assert_true(sl_route_read((slow_bytes){out, 6}, &back));
    assert_int_equal(back.message.size, 0);
    assert_false(sl_route_read((slow_bytes){out, 5}, &back));
}

/* Strategies say no longer ones, and what they do with one may take more than a time that grows with its size. */
static void a_route_is_no_longer_than_strategies_may_say(void **state) {
    (void)state;
    uint8_t frame[SL_ROUTE_HEADER + SLOW_ROUTE_MESSAGE_MAX + 1] = {1};
    sl_route_frame back;
    assert_true(sl_route_read((slow_bytes){frame, sizeof frame - 1}, &back));
    assert_int_equal(back.message.size, SLOW_ROUTE_MESSAGE_MAX);
    assert_false(sl_route_read((slow_bytes){frame, sizeof frame}, &back));
}

static sl_protocols some_protocols(void) {
    return (sl_protocols){.names = {.count = 2, .name = {"p/1", "q/2"}}, .number = {3, 255}, .generation = 0x01020304};
}

static void protocols_are_a_generation_names_and_numbers(void **state) {
    (void)state;
    uint8_t out[SL_PROTOCOLS_MAX];
    sl_protocols list = some_protocols(), back;
    const slow_bytes bytes = BYTES("\x01\x02\x03\x04\x02\x03p/1\x03q/2\x03\xff");
    assert_int_equal(sl_protocols_write(&list, out), bytes.size);
    assert_memory_equal(out, bytes.data, bytes.size);
    assert_true(sl_protocols_read(bytes, &back));
    assert_int_equal(back.generation, 0x01020304);
    assert_int_equal(sl_protocols_place(&back, "q/2"), 1);
    assert_int_equal(sl_protocols_place(&back, "q"), -1);
    assert_int_equal(sl_protocols_place_of_number(&back, 255), 1);
    assert_int_equal(sl_protocols_place_of_number(&back, 0), -1);
    for (size_t size = 0; size < bytes.size; size++)
        assert_false(sl_protocols_read((slow_bytes){bytes.data, size}, &back));
}

static void the_longest_list_of_protocols_fits(void **state) {
    (void)state;
    uint8_t out[SL_PROTOCOLS_MAX];
    sl_protocols list = {.names.count = SL_NAMES_MAX}, back;
    for (uint8_t i = 0; i < SL_NAMES_MAX; i++) {
        memset(list.names.name[i], 'a' + i, SL_NAME_SIZE - 1);
        list.number[i] = i;
    }
    assert_int_equal(sl_protocols_write(&list, out), SL_PROTOCOLS_MAX);
    assert_true(sl_protocols_read((slow_bytes){out, SL_PROTOCOLS_MAX}, &back));
}

static void a_claim_has_numbers_once_its_protocols_have_changed(void **state) {
    (void)state;
    uint8_t out[SL_CLAIM_MAX];
    sl_claim claim = a_claim(), back;
    assert_true(sl_claim_read((slow_bytes){out, sl_claim_write(&claim, out, sizeof out)}, &back));
    assert_int_equal(back.protocols.generation, 0);
    claim.protocols = some_protocols();
    size_t size = sl_claim_write(&claim, out, sizeof out);
    assert_true(sl_claim_read((slow_bytes){out, size}, &back));
    assert_int_equal(back.features, SL_FEATURE_NUMBERS);
    assert_int_equal(back.protocols.generation, claim.protocols.generation);
    assert_int_equal(sl_protocols_place_of_number(&back.protocols, 255), 1);
    for (size_t cut = 1; cut <= 6; cut++)
        assert_false(sl_claim_read((slow_bytes){out, size - cut}, &back));
}

static void every_reason_to_close_has_words(void **state) {
    (void)state;
    const char *unknown = sl_close_text(SL_CLOSE_REASONS);
    assert_non_null(unknown);
    assert_string_equal(sl_close_text((enum sl_close_reason)0), unknown);
    for (int reason = 1; reason < SL_CLOSE_REASONS; reason++) {
        assert_non_null(sl_close_text((enum sl_close_reason)reason));
        assert_string_not_equal(sl_close_text((enum sl_close_reason)reason), unknown);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_init_is_padded_with_zeros_to_1200_bytes),
        cmocka_unit_test(a_short_init_is_refused_where_it_could_amplify),
        cmocka_unit_test(the_other_frames_of_an_opening_are_as_long_as_they_are),
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(truncated_frames_are_refused),
        cmocka_unit_test(another_kind_and_bytes_that_should_be_zero_are_refused),
        cmocka_unit_test(index_zero_is_nobodys),
        cmocka_unit_test(a_claim_is_written_as_specified),
        cmocka_unit_test(a_claim_is_read_as_it_was_written),
        cmocka_unit_test(a_later_version_may_append_to_a_claim),
        cmocka_unit_test(a_truncated_claim_is_refused),
        cmocka_unit_test(credentials_are_carried),
        cmocka_unit_test(names_that_could_not_stand_in_a_log_are_refused),
        cmocka_unit_test(ids_and_networks_are_checked),
        cmocka_unit_test(a_claim_names_at_most_eight_codecs),
        cmocka_unit_test(a_probe_is_16_bytes),
        cmocka_unit_test(a_route_is_a_header_and_a_message),
        cmocka_unit_test(a_route_is_no_longer_than_strategies_may_say),
        cmocka_unit_test(protocols_are_a_generation_names_and_numbers),
        cmocka_unit_test(the_longest_list_of_protocols_fits),
        cmocka_unit_test(a_claim_has_numbers_once_its_protocols_have_changed),
        cmocka_unit_test(every_reason_to_close_has_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
