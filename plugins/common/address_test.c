/* address_test.c - which addresses are taken, how they are printed, and what a refusal says. */
#include "address.h"
#include "bind.h"
#include <setjmp.h>
#include <slow/transport.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

static void numeric_addresses_are_printed_in_one_canonical_way(void **state) {
    static const char *const cases[][2] = {
        {"x://192.0.2.1:4100", "x://192.0.2.1:4100"},
        {"x://192.0.2.1:04100", "x://192.0.2.1:4100"},
        {"x://[2001:DB8:0:0:0:0:0:1]:1", "x://[2001:db8::1]:1"},
        {"x://[2001:db8::0.1.0.2]:65535", "x://[2001:db8::1:2]:65535"},
        {"x://[::1]:80", "x://[::1]:80"},
        {"x://[fe80::1%7]:80", "x://[fe80::1%7]:80"},
        {"x://[fe80::1%lo]:80", "x://[fe80::1%1]:80"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        address_spec spec;
        slow_error error;
        char text[ADDRESS_TEXT];
        assert_int_equal(address_parse("x", cases[i][0], false, &spec, &error), SLOW_OK);
        assert_int_equal(spec.host, ADDRESS_NUMERIC);
        assert_int_equal(address_scope(&spec, cases[i][0], &error), SLOW_OK);
        address_print(&spec.numeric, "x", text);
        assert_string_equal(text, cases[i][1]);
    }
}

static void a_refusal_says_what_was_wrong_and_what_is_right(void **state) {
    static const struct {
        const char *text;
        bool listen;
        const char *says;
    } cases[] = {
        {"y://192.0.2.1:1", false, "x://HOST:PORT"},
        {"x:/192.0.2.1:1", false, "x://HOST:PORT"},
        {"", false, "x://HOST:PORT"},
        {"x://", false, "no port"},
        {"x://192.0.2.1", false, "no port"},
        {"x://[::1]", false, "no port"},
        {"x://[::1", false, "no port"},
        {"x://[::1]80", false, "no port"},
        {"x://192.0.2.1:", false, "port '' is not a number"},
        {"x://192.0.2.1:80a", false, "port '80a' is not a number"},
        {"x://192.0.2.1:-1", false, "port '-1' is not a number"},
        {"x://192.0.2.1: 1", false, "is not a number"},
        {"x://192.0.2.1:70000", false, "port 70000 is not in 1..65535"},
        {"x://192.0.2.1:70000", true, "port 70000 is not in 0..65535"},
        {"x://192.0.2.1:99999999999999999999", false, "is not in 1..65535"},
        {"x://192.0.2.1:000000000000001", false, "is not in 1..65535"},
        {"x://192.0.2.1:0", false, "port 0 is not in 1..65535"},
        {"x://:80", false, "0 bytes"},
        {"x://[]:80", false, "0 bytes"},
        {"x://::1:80", false, "[::1]:80"},
        {"x://[192.0.2.1]:80", false, "not an IPv6 address"},
        {"x://[::g]:80", false, "not an IPv6 address"},
        {"x://[::ffff:192.0.2.1]:80", false, "IPv4 address itself"},
        {"x://[ff02::1]:80", true, "multicast"},
        {"x://224.0.0.1:80", false, "multicast"},
        {"x://255.255.255.255:80", false, "broadcast"},
        {"x://[fe80::1]:80", false, "[fe80::1%eth0]"},
        {"x://[fe80::1%]:80", false, "names no interface"},
        {"x://[fe80::1%an-interface-of-a-long-name]:80", false, "names no interface"},
        {"x://[2001:db8::1%eth0]:80", false, "leave out %eth0"},
        {"x://0.0.0.0:80", false, "only to listen on"},
        {"x://[::]:80", false, "only to listen on"},
        {"x://*:80", false, "only to listen on"},
        {"x://junction.example:80", true, "numeric address"},
        {"x://300.1.1.1:80", false, "neither an IP address nor a host name"},
        {"x://127.1:80", false, "neither an IP address nor a host name"},
        {"x://192.0.2.1.:80", false, "neither an IP address nor a host name"},
        {"x://-a:80", false, "neither an IP address nor a host name"},
        {"x://a..b:80", false, "neither an IP address nor a host name"},
        {"x://a b:80", false, "neither an IP address nor a host name"},
        {"x://user@host:80", false, "neither an IP address nor a host name"},
        {"x://host/path:80", false, "neither an IP address nor a host name"},
        {"x://h\xc3\xb6st:80", false, "neither an IP address nor a host name"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t flags;
        slow_error error = {.code = 0};
        assert_int_equal(address_check("x", cases[i].text, cases[i].listen, &flags, &error), SLOW_E_INVAL);
        assert_int_equal(error.code, SLOW_E_INVAL);
        assert_string_equal(error.where, cases[i].text);
        if (strstr(error.text, cases[i].says) == NULL)
            fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].text, error.text, cases[i].says);
    }
}

static void a_refusal_is_one_line_whatever_it_quotes(void **state) {
    address_spec spec;
    slow_error error;
    (void)state;
    assert_int_equal(address_parse("x", "x://192.0.2.1:8\n0\x1b", false, &spec, &error), SLOW_E_INVAL);
    assert_non_null(strstr(error.text, "port '8?0?' is not a number"));
    assert_string_equal(error.where, "x://192.0.2.1:8?0?");
}

static void a_host_of_any_length_is_held_in_bounds(void **state) {
    char text[600];
    (void)state;
    for (size_t size = 1; size < 500; size++) {
        address_spec spec;
        slow_error error;
        memcpy(text, "x://", 4);
        for (size_t i = 0; i < size; i++)
            text[4 + i] = i % 60 == 59 ? '.' : 'a';
        memcpy(text + 4 + size, ":80", 4);
        bool good = size <= 253 && text[4 + size - 1] != '.';
        if (text[4 + size - 1] != '.')
            assert_int_equal(address_parse("x", text, false, &spec, &error), good ? SLOW_OK : SLOW_E_INVAL);
        if (good) {
            assert_int_equal(spec.host, ADDRESS_NAME);
            assert_int_equal(strlen(spec.name), size);
        }
    }
}

static void loopback_is_local(void **state) {
    static const struct {
        const char *text;
        bool listen;
        uint32_t flags;
    } cases[] = {
        {"x://127.0.0.1:1", false, SLOW_LINK_LOCAL},
        {"x://127.255.255.254:1", true, SLOW_LINK_LOCAL},
        {"x://[::1]:1", true, SLOW_LINK_LOCAL},
        {"x://localhost:1", false, SLOW_LINK_LOCAL},
        {"x://LocalHost:1", true, SLOW_LINK_LOCAL},
        {"x://128.0.0.1:1", false, 0},
        {"x://0.0.0.0:1", true, 0},
        {"x://*:1", true, 0},
        {"x://[::]:1", true, 0},
        {"x://localhost.example:1", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t flags = 99;
        slow_error error;
        assert_int_equal(address_check("x", cases[i].text, cases[i].listen, &flags, &error), SLOW_OK);
        assert_int_equal(flags, cases[i].flags);
    }
}

static void an_interface_that_is_not_there_is_an_error_only_when_it_is_needed(void **state) {
    address_spec spec;
    slow_error error;
    (void)state;
    assert_int_equal(address_parse("x", "x://[fe80::1%nowhere0]:1", false, &spec, &error), SLOW_OK);
    assert_int_equal(address_scope(&spec, "x://[fe80::1%nowhere0]:1", &error), SLOW_E_INVAL);
    assert_non_null(strstr(error.text, "nowhere0"));
}

static void what_is_no_socket_address_is_refused(void **state) {
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_storage other = {.ss_family = AF_UNIX};
    address a;
    (void)state;
    assert_true(address_of(&v4, sizeof v4, &a));
    assert_false(address_of(&v4, sizeof v4 - 1, &a));
    assert_false(address_of(&v4, 1, &a));
    assert_false(address_of(&v4, 0, &a));
    assert_false(address_of(&other, sizeof(struct sockaddr_in), &a));
    assert_false(address_of(&other, sizeof other, &a));
    v4.sin_family = AF_INET6;
    assert_false(address_of(&v4, sizeof v4, &a));
}

static void every_address_and_port_zero_is_one_port_for_both_families(void **state) {
    bound b;
    slow_error error;
    char expected[64];
    (void)state;
    assert_int_equal(bind_open("x", "x://*:0", SOCK_STREAM, &b, &error), SLOW_OK);
    assert_true(b.count >= 1);
    snprintf(expected, sizeof expected, "x://*:%u", address_port(&b.local[0]));
    assert_string_equal(b.text, expected);
    for (size_t i = 0; i < b.count; i++) {
        assert_int_equal(address_port(&b.local[i]), address_port(&b.local[0]));
        close(b.fd[i]);
    }
}

static void an_address_of_another_machine_cannot_be_listened_on(void **state) {
    bound b;
    slow_error error;
    (void)state;
    assert_int_equal(bind_open("x", "x://192.0.2.1:0", SOCK_DGRAM, &b, &error), SLOW_E_FAIL);
    assert_non_null(strstr(error.text, "no such address"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numeric_addresses_are_printed_in_one_canonical_way),
        cmocka_unit_test(a_refusal_says_what_was_wrong_and_what_is_right),
        cmocka_unit_test(a_refusal_is_one_line_whatever_it_quotes),
        cmocka_unit_test(a_host_of_any_length_is_held_in_bounds),
        cmocka_unit_test(loopback_is_local),
        cmocka_unit_test(an_interface_that_is_not_there_is_an_error_only_when_it_is_needed),
        cmocka_unit_test(what_is_no_socket_address_is_refused),
        cmocka_unit_test(every_address_and_port_zero_is_one_port_for_both_families),
        cmocka_unit_test(an_address_of_another_machine_cannot_be_listened_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
