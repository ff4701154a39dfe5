/* peers_test.c - the table of peers against a plain list. */
#include "peers.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <arpa/inet.h>
#include <cmocka.h>

enum { PEERS = 5000 };

/* The i-th address: IPv4 and IPv6, neighbours in address, port and scope. */
static address address_number(uint32_t i) {
    address a = {.size = sizeof a.at.v4};
    if (i % 2 == 0) {
        a.at.v4.sin_family = AF_INET;
        a.at.v4.sin_addr.s_addr = htonl(0x0a000000 + i / 8);
    } else {
        a.size = sizeof a.at.v6;
        a.at.v6.sin6_family = AF_INET6;
        a.at.v6.sin6_addr.s6_addr[0] = 0xfe;
        a.at.v6.sin6_addr.s6_addr[1] = 0x80;
        a.at.v6.sin6_addr.s6_addr[15] = (uint8_t)(i / 64);
        a.at.v6.sin6_scope_id = i / 8 % 8;
        a.at.v6.sin6_addr.s6_addr[8] = (uint8_t)(i >> 12);
    }
    address_set_port(&a, (uint16_t)(4000 + i % 8));
    return a;
}

static void what_is_in_is_found_and_what_is_not_is_not(void **state) {
    static peer all[PEERS];
    static bool in[PEERS];
    peers table = {.key = "a key of sixteen"};
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    for (uint32_t i = 0; i < PEERS; i++)
        all[i].remote = address_number(i);
    size_t count = 0;
    for (uint32_t step = 0; step < 40000; step++) {
        uint32_t i = (uint32_t)rand_r(&seed) % PEERS;
        assert_true(peers_find(&table, &all[i].remote) == (in[i] ? &all[i] : NULL));
        if (in[i])
            peers_remove(&table, &all[i]);
        else
            assert_true(peers_add(&table, &all[i]));
        in[i] = !in[i];
        count += in[i] ? 1 : (size_t)-1;
        assert_int_equal(table.count, count);
    }
    for (uint32_t i = 0; i < PEERS; i++)
        assert_true(peers_find(&table, &all[i].remote) == (in[i] ? &all[i] : NULL));
    peers_free(&table);
    assert_null(peers_find(&table, &all[0].remote));
}

/* The longest chain of addresses that a stranger would choose to collide: they differ in the port alone. */
static size_t longest_chain(const char *key, uint32_t *fingerprint) {
    static peer all[4096];
    peers table = {.buckets = NULL};
    size_t longest = 0;
    memcpy(table.key, key, sizeof table.key);
    *fingerprint = 0;
    for (uint32_t i = 0; i < 4096; i++) {
        all[i].remote = address_number(0);
        address_set_port(&all[i].remote, (uint16_t)(1000 + i));
        assert_true(peers_add(&table, &all[i]));
    }
    for (size_t i = 0; i < table.bucket_count; i++) {
        size_t length = 0;
        for (const peer *p = table.buckets[i]; p != NULL; p = p->chain)
            length++;
        longest = length > longest ? length : longest;
        *fingerprint = *fingerprint * 31 + (uint32_t)length;
    }
    peers_free(&table);
    return longest;
}

static void chains_stay_short_and_depend_on_the_key(void **state) {
    uint32_t a, b;
    (void)state;
    assert_true(longest_chain("key number one..", &a) < 16);
    assert_true(longest_chain("key number two..", &b) < 16);
    assert_int_not_equal(a, b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_in_is_found_and_what_is_not_is_not),
        cmocka_unit_test(chains_stay_short_and_depend_on_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
