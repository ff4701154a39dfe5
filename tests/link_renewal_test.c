/* Fresh keys while packages pass: a dialler opens a second link and retires the first. And what was sent once is delivered
 * once, whatever is sent again: S4 of the promises. */
#include "support/station.h"
#include <inttypes.h>
#include <setjmp.h>
#include <slow/wire.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const slow_module *slow_module_v1_security_noise(void);
const slow_module *slow_module_v1_security_none(void);

enum { ALICE = 1, BOB };

typedef struct scene {
    wire_net *net;
    sl_member members[2];
    station *alice, *bob; /* bob dials */
    uint32_t sent;        /* packages, each way */
    slow_time lose_until; /* frames of openings are lost until then */
} scene;

static station *start(scene *s, uint32_t place, const char *id, slow_time renew_after) {
    station_setup setup = {.id = id,
                           .seed = (uint8_t)place,
                           .security = slow_module_v1_security_noise,
                           .members = s->members,
                           .member_count = 2,
                           .renew_after = renew_after};
    return station_start(s->net, place, &setup);
}

static int set_up(void **state) {
    scene *s = calloc(1, sizeof *s);
    const char *seed = getenv("SLOW_SEED");
    uint64_t number = seed != NULL ? strtoull(seed, NULL, 10) : 1;
    print_message("seed %" PRIu64 "\n", number);
    s->net = wire_net_new(number);
    s->members[0] = station_member("alice", ALICE, SL_ROLE_RELAY);
    s->members[1] = station_member("bob", BOB, SL_ROLE_RELAY);
    *state = s;
    return 0;
}

static int tear_down(void **state) {
    scene *s = *state;
    wire_net_free(s->net);
    free(s);
    return 0;
}

static void link_up(scene *s, slow_time renew_after) {
    s->alice = start(s, ALICE, "alice", renew_after);
    s->bob = start(s, BOB, "bob", renew_after);
    station_join(s->bob, s->alice);
    wire_net_run(s->net, SL_SECOND);
    assert_non_null(station_neighbour(s->alice, "bob"));
    assert_non_null(station_neighbour(s->bob, "alice"));
}

/* A package each way every so often. */
static void traffic(scene *s, slow_time duration, slow_time every) {
    slow_time end = sl_world_now(s->net->world) + duration;
    while (sl_world_now(s->net->world) < end) {
        assert_true(station_send(s->alice, "bob", s->sent));
        assert_true(station_send(s->bob, "alice", s->sent));
        s->sent++;
        wire_net_run(s->net, every);
    }
}

static void assert_all_came_once(scene *s) {
    wire_net_run(s->net, SL_SECOND);
    for (uint32_t i = 0; i < s->sent; i++)
        if (s->alice->got[i] != 1 || s->bob->got[i] != 1)
            fail_msg("package %u came %u times to alice and %u times to bob", i, s->alice->got[i], s->bob->got[i]);
    assert_true(s->alice->got_in_all == s->sent && s->bob->got_in_all == s->sent);
}

static void assert_nobody_noticed(const scene *s) {
    const station *ends[] = {s->alice, s->bob};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ends[i]->ups, 1);
        assert_int_equal(ends[i]->downs, 0);
        assert_int_equal(ends[i]->changes, 0); /* not even another cost */
        assert_int_equal(station_links_up(ends[i]), 1);
    }
}

/* ---- renewal ---- */

static void renew_under_traffic(scene *s, slow_time every) {
    link_up(s, 10 * SL_SECOND);
    traffic(s, 60 * SL_SECOND, every);
    wire_net_run(s->net, 6 * SL_SECOND);
    assert_all_came_once(s);
    print_message("%" PRIu64 " renewals, %u packages each way\n", s->bob->stats.count[SL_links_renewed], s->sent);
    assert_in_range(s->bob->stats.count[SL_links_renewed], 4, 10);
    assert_true(s->alice->stats.count[SL_links_renewed] == 0);
    assert_true(s->bob->stats.count[SL_drop_package_link_down] + s->alice->stats.count[SL_drop_package_link_down] == 0);
}

static void no_package_is_lost_when_a_link_is_renewed(void **state) {
    scene *s = *state;
    renew_under_traffic(s, SL_MS);
}

static void nor_on_a_stream_nor_a_long_way(void **state) {
    scene *s = *state;
    s->net->stream = true;
    s->net->latency_ns = 120 * SL_MS;
    renew_under_traffic(s, 3 * SL_MS);
}

/* What the opening measures is more than the way takes. */
static bool slow_openings(void *arg, datagram *d) {
    scene *s = arg;
    if (d->bytes[0] > SL_FRAME_FIN)
        return true;
    wire_net_fly(s->net, d, 9 * s->net->latency_ns);
    return false;
}

static void once_an_hour_or_so_and_nobody_above_notices(void **state) {
    scene *s = *state;
    link_up(s, 0);
    s->net->pass = slow_openings;
    s->net->arg = s;
    uint32_t index = station_neighbour(s->alice, "bob")->best->index;
    slow_time began = sl_world_now(s->net->world);
    while (s->bob->stats.count[SL_links_renewed] == 0 && sl_world_now(s->net->world) - began < 7200 * SL_SECOND)
        wire_net_run(s->net, SL_SECOND);
    slow_time after_s = (sl_world_now(s->net->world) - began) / SL_SECOND;
    print_message("after %" PRIu64 " s\n", after_s);
    assert_in_range(after_s, 2690, 4510);
    wire_net_run(s->net, 10 * SL_SECOND);
    assert_nobody_noticed(s);
    assert_int_not_equal(station_neighbour(s->alice, "bob")->best->index, index);
    wire_net_run(s->net, 12 * 3600 * SL_SECOND);
    assert_in_range(s->bob->stats.count[SL_links_renewed], 9, 17);
}

/* No opening gets through for a while. */
static bool no_opening(void *arg, datagram *d) {
    const scene *s = arg;
    return d->at >= s->lose_until || d->bytes[0] > SL_FRAME_FIN;
}

static void a_renewal_that_fails_costs_nothing_and_is_tried_again(void **state) {
    scene *s = *state;
    link_up(s, 10 * SL_SECOND);
    s->net->pass = no_opening;
    s->net->arg = s;
    s->lose_until = sl_world_now(s->net->world) + 60 * SL_SECOND;
    traffic(s, 55 * SL_SECOND, 5 * SL_MS);
    assert_true(s->bob->stats.count[SL_links_renewed] == 0);
    assert_true(s->bob->stats.count[SL_dials] >= 2);
    traffic(s, 120 * SL_SECOND, 10 * SL_MS);
    assert_true(s->bob->stats.count[SL_links_renewed] >= 1);
    assert_all_came_once(s);
    wire_net_run(s->net, 6 * SL_SECOND);
    assert_int_equal(s->alice->downs + s->bob->downs, 0);
}

static void a_link_that_dies_while_it_is_renewed_is_replaced_by_the_next(void **state) {
    scene *s = *state;
    link_up(s, 10 * SL_SECOND);
    s->net->latency_ns = 150 * SL_MS;
    while (s->bob->links.joins.first->renewal == 0)
        wire_net_run(s->net, SL_MS / 10);
    const sl_neighbour *n = station_neighbour(s->bob, "alice");
    sl_link_gone(n->best);
    wire_net_run(s->net, 3 * SL_SECOND);
    assert_non_null(station_neighbour(s->bob, "alice"));
    assert_int_equal(s->bob->links.joins.first->state, SL_JOIN_LINKED);
    assert_int_equal(s->bob->stats.count[SL_dials], 2);
    wire_net_run(s->net, 10 * SL_SECOND);
    assert_non_null(station_neighbour(s->bob, "alice"));
}

static void all_four_links_of_a_neighbour_are_renewed(void **state) {
    scene *s = *state;
    char address[STATION_ADDRESS];
    link_up(s, 10 * SL_SECOND);
    for (int port = 2; port <= 6; port++) {
        snprintf(address, sizeof address, "test://10.0.0.%d:%d", ALICE, port);
        assert_int_equal(sl_links_join(&s->bob->links, s->bob->port, address, 1000000, 0, NULL), SLOW_OK);
    }
    wire_net_run(s->net, SL_SECOND);
    assert_int_equal(station_links_up(s->bob), SL_NEIGHBOUR_LINKS); /* the fifth and the sixth are too many */
    traffic(s, 60 * SL_SECOND, 2 * SL_MS);
    assert_all_came_once(s);
    print_message("%" PRIu64 " renewals\n", s->bob->stats.count[SL_links_renewed]);
    assert_in_range(s->bob->stats.count[SL_links_renewed], 16, 40);
    assert_int_equal(s->alice->downs + s->bob->downs, 0);
    const sl_neighbour *n = station_neighbour(s->alice, "bob");
    uint32_t living = 0;
    for (uint32_t i = 0; i < n->link_count; i++)
        living += n->links[i]->retire_at == 0;
    assert_int_equal(living, SL_NEIGHBOUR_LINKS);
}

static void who_leaves_ends_the_link_that_retires_as_well(void **state) {
    scene *s = *state;
    link_up(s, 10 * SL_SECOND);
    while (s->bob->stats.count[SL_links_renewed] == 0)
        wire_net_run(s->net, SL_MS);
    assert_int_equal(station_links_up(s->bob), 2);
    assert_int_equal(sl_links_leave(&s->bob->links, s->alice->address, NULL), SLOW_OK);
    wire_net_run(s->net, 2 * SL_MS);
    assert_int_equal(station_links_up(s->bob), 0);
    assert_int_equal(station_links_up(s->alice), 0);
}

static void without_an_aead_nothing_is_renewed(void **state) {
    scene *s = *state;
    station_setup a = {.id = "alice", .security = slow_module_v1_security_none}, b = a;
    b.id = "bob";
    s->alice = station_start(s->net, ALICE, &a);
    s->bob = station_start(s->net, BOB, &b);
    station_join(s->bob, s->alice);
    wire_net_run(s->net, 3 * 3600 * SL_SECOND);
    assert_int_equal(s->bob->stats.count[SL_dials], 1);
}

/* ---- replay ---- */

/* Each frame comes three times: as it should, at once again, and later, among others. */
static bool twice(void *arg, datagram *d) {
    scene *s = arg;
    wire_net_fly(s->net, d, s->net->latency_ns);
    wire_net_fly(s->net, d, 7 * s->net->latency_ns);
    return true;
}

/* Everything that ever passed, once more; where `index` is not 0, each later frame bears it. */
static void replay(scene *s, uint32_t index) {
    uint64_t alice = s->alice->got_in_all, bob = s->bob->got_in_all;
    bool (*pass)(void *, datagram *) = s->net->pass;
    s->net->keep = false;
    s->net->pass = NULL;
    for (size_t i = 0; i < s->net->kept_count; i++) {
        datagram d = s->net->kept[i];
        if (index != 0 && d.bytes[0] > SL_FRAME_FIN) {
            slow_writer w = slow_writer_of(d.bytes + 4, 4);
            slow_write_u32(&w, index);
        }
        wire_net_inject(s->net, d.from, d.to, d.bytes, d.size);
    }
    wire_net_run(s->net, SL_SECOND);
    s->net->pass = pass;
    s->net->keep = true;
    print_message("counted: %zu datagrams replayed, %" PRIu64 " delivered again\n", s->net->kept_count,
                  s->alice->got_in_all - alice + s->bob->got_in_all - bob);
    assert_true(s->alice->got_in_all == alice && s->bob->got_in_all == bob);
}

static void skip_to_the_next_key(station *s, const char *to) {
    sl_link *link = station_neighbour(s, to)->best;
    link->sent_number = (link->sent_number | 0xfffff) - 50;
}

static void no_datagram_is_delivered_twice(void **state) {
    scene *s = *state;
    s->net->keep = true;
    s->net->pass = twice;
    s->net->arg = s;
    link_up(s, 3600 * SL_SECOND);
    traffic(s, 2 * SL_SECOND, SL_MS);
    assert_all_came_once(s);
    replay(s, 0);

    skip_to_the_next_key(s->alice, "bob"); /* rekeyed by number: frames of both keys */
    skip_to_the_next_key(s->bob, "alice");
    traffic(s, 2 * SL_SECOND, SL_MS);
    assert_all_came_once(s);
    assert_true(station_neighbour(s->alice, "bob")->best->sent_number > 1 << 20);
    replay(s, 0);

    /* A fresh Diffie-Hellman, at once: to the new link's index, too. */
    sl_timer_at(s->bob->links.joins.first->timer, sl_world_now(s->net->world));
    traffic(s, 8 * SL_SECOND, 5 * SL_MS);
    assert_true(s->bob->stats.count[SL_links_renewed] == 1);
    assert_all_came_once(s);
    replay(s, station_neighbour(s->alice, "bob")->best->index);
    replay(s, station_neighbour(s->bob, "alice")->best->index);
    print_message("%zu datagrams, each replayed four times and more\n", s->net->kept_count);
}

static void a_restarted_junction_takes_nothing_of_its_past(void **state) {
    scene *s = *state;
    s->net->keep = true;
    link_up(s, 3600 * SL_SECOND);
    traffic(s, 2 * SL_SECOND, SL_MS);
    assert_all_came_once(s);
    station_stop(s->alice);
    s->alice = start(s, ALICE, "alice", 0);
    replay(s, 0);
    assert_true(s->alice->got_in_all == 0);
    wire_net_run(s->net, 5 * SL_SECOND);
    const sl_neighbour *n = station_neighbour(s->alice, "bob");
    assert_non_null(n);
    replay(s, n->best->index);
    replay(s, 0);
    assert_true(s->alice->got_in_all == 0);
    assert_non_null(station_neighbour(s->alice, "bob"));
}

static void a_frame_from_another_address_is_not_taken(void **state) {
    scene *s = *state;
    link_up(s, 3600 * SL_SECOND);
    s->net->keep = true;
    traffic(s, 100 * SL_MS, SL_MS);
    assert_all_came_once(s);
    uint64_t highest = station_neighbour(s->alice, "bob")->best->highest_number;
    assert_true(station_send(s->bob, "alice", s->sent)); /* while it is on its way, it comes from elsewhere, too */
    size_t before = s->net->kept_count;
    wire_net_run(s->net, 0);
    assert_true(s->net->kept_count > before);
    for (size_t i = before; i < s->net->kept_count; i++)
        wire_net_inject(s->net, "test://10.0.0.7:7", s->alice->address, s->net->kept[i].bytes, s->net->kept[i].size);
    assert_int_equal(s->alice->got[s->sent], 0);
    assert_true(station_neighbour(s->alice, "bob")->best->highest_number == highest);
    wire_net_run(s->net, SL_SECOND);
    assert_int_equal(s->alice->got[s->sent], 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(no_package_is_lost_when_a_link_is_renewed),
        TEST(nor_on_a_stream_nor_a_long_way),
        TEST(once_an_hour_or_so_and_nobody_above_notices),
        TEST(a_renewal_that_fails_costs_nothing_and_is_tried_again),
        TEST(a_link_that_dies_while_it_is_renewed_is_replaced_by_the_next),
        TEST(all_four_links_of_a_neighbour_are_renewed),
        TEST(who_leaves_ends_the_link_that_retires_as_well),
        TEST(without_an_aead_nothing_is_renewed),
        TEST(no_datagram_is_delivered_twice),
        TEST(a_restarted_junction_takes_nothing_of_its_past),
        TEST(a_frame_from_another_address_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
