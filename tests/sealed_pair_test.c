/* What a relay can do to sealed pairs: S4 and S5 of the promises. sealed_peer_test.c has who gets a pair at all. */
#include "core/module.h"
#include "support/sealed_net.h"
#include <slow/codec.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const slow_module *slow_module_v1_codec_protobuf(void);

/* ---- what relays see ---- */

static void a_relay_sees_sealed_packages_and_no_canary(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true);
    const size_t sizes[] = {0, 1, 33, 1024, 1025, 5000, 100000};
    for (size_t i = 0; i < 7; i++) {
        send_to(a, &b->id, sizes[i]);
        send_to(b, &a->id, sizes[i]);
    }
    run(t, 2 * SL_SECOND);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(send_once(a, &b->id), SLOW_OK);
        assert_int_equal(send_once(b, &a->id), SLOW_OK);
    }
    run(t, SL_SECOND);
    assert_int_equal(a->delivered, 7);
    assert_int_equal(b->delivered, 7);
    assert_int_equal(a->taken_bytes, 107083);
    assert_int_equal(b->taken_bytes, 107083);
    assert_int_equal(a->once + b->once, 20);
    assert_true(t->sealed > 200);
    assert_int_equal(t->plain, 0);
    assert_int_equal(t->hits, 0);
    for (uint32_t i = 0; i < t->taped; i++) {
        const slow_package *p = &t->tape[i]->package;
        if (p->type == SLOW_SEALED)
            assert_true(p->kind == 0 && p->channel == 0 && p->message == 0 && p->offset == 0 && p->total == 0 &&
                        p->flags == 0 && p->payload.size <= SL_SEALED_MAX);
    }
    sl_peer_info info;
    assert_int_equal(sl_peers_info(&a->peers, &info, 1), 1);
    assert_true(info.sealed);
}

static void the_higher_end_knocks_and_gets_its_pair(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true);
    send_to(b, &a->id, 100);
    run(t, SL_SECOND);
    assert_int_equal(b->delivered, 1);
    assert_int_equal(a->taken, 1);
}

/* ---- what relays change ---- */

typedef struct flips {
    uint64_t bits, path, undecoded, dropped;
} flips;

static bool same(slow_bytes a, slow_bytes b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* All that a tag covers. What else a package has is the path's. */
static bool only_path_differs(const slow_package *a, const slow_package *b) {
    return a->type == b->type && same(a->src, b->src) && same(a->dst, b->dst) && a->session == b->session &&
           a->packet == b->packet && same(a->payload, b->payload);
}

typedef struct scratch {
    slow_arena arena;
    size_t used;
    _Alignas(16) uint8_t bytes[8192];
} scratch;

static void *scratch_alloc(slow_arena *arena, size_t size) {
    scratch *s = (scratch *)arena;
    size_t at = (s->used + 15) & ~(size_t)15;
    if (size > sizeof s->bytes - at)
        return NULL;
    s->used = at + size;
    return s->bytes + at;
}

/* Every bit of the package as it lies on a link. */
static void flip_all(net *t, const slow_package *package, flips *f) {
    const slow_codec_ops *codec = slow_module_v1_codec_protobuf()->plugins[0]->ops;
    static scratch s = {.arena = {.struct_size = sizeof s.arena, .alloc = scratch_alloc}};
    node *to = node_of(t, package->dst);
    uint8_t bytes[2048];
    size_t size;
    slow_package whole = *package, changed;
    whole.struct_size = sizeof whole;
    assert_int_equal(codec->encode(NULL, &whole, bytes, sizeof bytes, &size), SLOW_OK);
    for (size_t bit = 0; bit < 8 * size; bit++, f->bits++) {
        s.used = 0;
        changed = (slow_package){.struct_size = sizeof changed};
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (codec->decode(NULL, (slow_bytes){bytes, size}, &s.arena, &changed) != SLOW_OK) {
            f->undecoded++;
        } else if (only_path_differs(package, &changed)) {
            f->path++;
        } else {
            node *reader = node_of(t, changed.dst);
            uint32_t taken = to->taken + to->once;
            uint64_t before = 0, after = 0;
            for (int i = 0; i < SL_COUNTER_COUNT && reader != NULL; i++)
                before += to->stats.count[i] + (reader != to ? reader->stats.count[i] : 0);
            hear(t, &changed);
            for (int i = 0; i < SL_COUNTER_COUNT && reader != NULL; i++)
                after += to->stats.count[i] + (reader != to ? reader->stats.count[i] : 0);
            assert_int_equal(to->taken + to->once, taken);
            if (reader != NULL)
                assert_int_equal(after, before + 1);
            f->dropped++;
        }
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static flips flipped;

static bool flipping_relay(net *t, letter *l) {
    if (l->package.type == SLOW_SEALED)
        flip_all(t, &l->package, &flipped);
    return true;
}

static void every_bit_of_1000_packages_flipped_is_dropped_and_counted_or_of_the_path(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true);
    flipped = (flips){0};
    pair(t, a, b);
    t->relay = flipping_relay;
    uint32_t sealed = t->sealed;
    for (size_t i = 0; t->sealed < sealed + 1000; i++) {
        send_to(a, &b->id, i == 7 ? 2000 : i % 40);
        assert_int_equal(send_once(a, &b->id), SLOW_OK);
        run(t, 50 * SL_MS);
    }
    run(t, SL_SECOND);
    print_message("%u packages, %" PRIu64 " bits: %" PRIu64 " no package, %" PRIu64 " dropped, %" PRIu64
                  " of the path\n",
                  t->sealed - sealed, flipped.bits, flipped.undecoded, flipped.dropped, flipped.path);
    assert_int_equal(a->delivered, b->taken);
    assert_int_equal(a->not_delivered + a->unknown, 0);
    assert_true(flipped.dropped > 100000 && flipped.path > 1000);
    assert_true(b->stats.count[SL_drop_package_forged] > 100000);
    assert_int_equal(t->hits, 0);
    assert_int_equal(a->peers.pairs + b->peers.pairs, 2);
}

static letter *swapped;

/* Puts the payload of one sealed package into the next one, and sends it the same way and back. */
static bool swapping_relay(net *t, letter *l) {
    if (l->package.type != SLOW_SEALED)
        return true;
    if (swapped != NULL) {
        letter *mixed = letter_of(&l->package), *reflected = letter_of(&l->package);
        mixed->package.payload = kept(mixed->payload, swapped->package.payload);
        reflected->package.src = kept(reflected->src, l->package.dst);
        reflected->package.dst = kept(reflected->dst, l->package.src);
        hear(t, &mixed->package);
        hear(t, &reflected->package);
        for (uint32_t i = 0; i < 2; i++) { /* what its reader takes for a package of its own pair */
            reflected->package.session = t->tape[i]->package.session;
            hear(t, &reflected->package);
        }
        free(mixed);
        free(reflected);
        free(swapped);
    }
    swapped = letter_of(&l->package);
    return true;
}

static void swapped_and_reflected_payloads_are_dropped(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true);
    pair(t, a, b);
    t->relay = swapping_relay;
    for (uint32_t i = 0; i < 100; i++) {
        send_to(a, &b->id, 100);
        send_to(b, &a->id, 100);
        run(t, 20 * SL_MS);
    }
    run(t, SL_SECOND);
    free(swapped);
    swapped = NULL;
    assert_int_equal(a->delivered, 101);
    assert_int_equal(b->delivered, 100);
    print_message("counted: %" PRIu64 " packages changed or replayed, %u taken that should not be\n",
                  a->stats.count[SL_drop_package_forged] + b->stats.count[SL_drop_package_forged],
                  a->taken + b->taken - 201);
    assert_int_equal(b->taken, 101);
    assert_int_equal(a->taken, 100);
    assert_true(a->stats.count[SL_drop_package_forged] > 100 && b->stats.count[SL_drop_package_forged] > 100);
}

/* ---- copies ---- */

static uint64_t dropped(const node *n) {
    return n->stats.count[SL_drop_package_forged] + n->stats.count[SL_drop_package_repeated];
}

static bool doubling_relay(net *t, letter *l) {
    post(t, letter_of(&l->package));
    return true;
}
static void a_copy_is_never_taken_twice(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true);
    t->relay = doubling_relay;
    pair(t, a, b);
    for (uint32_t i = 0; i < 100; i++) {
        send_to(a, &b->id, 500);
        send_to(b, &a->id, 500);
        assert_int_equal(send_once(a, &b->id), SLOW_OK);
        assert_int_equal(send_once(b, &a->id), SLOW_OK);
        run(t, 20 * SL_MS);
    }
    run(t, SL_SECOND);
    uint32_t taken = a->taken + b->taken, once = a->once + b->once;
    assert_int_equal(taken, 201);
    assert_int_equal(once, 200);
    assert_true(dropped(a) > 300 && dropped(b) > 300);
    uint64_t pairs = a->peers.pairs + b->peers.pairs, copies = dropped(a) + dropped(b) + 6 * (uint64_t)t->taped;
    t->relay = NULL;
    replay(t); /* at once */
    run(t, 30 * SL_SECOND);
    replay(t); /* later */
    run(t, 30 * SL_SECOND);
    assert_int_equal(a->peers.pairs + b->peers.pairs, pairs);
    restart(b);
    replay(t);
    run(t, 30 * SL_SECOND);
    replay(t);
    run(t, 30 * SL_SECOND);
    restart(a);
    replay(t);
    run(t, 700 * SL_SECOND);
    replay(t); /* when nobody has a pair any more */
    run(t, 30 * SL_SECOND);
    print_message("counted: %" PRIu64 " packages changed or replayed, %u taken that should not be\n", copies,
                  a->taken + b->taken - taken + a->once + b->once - once);
    assert_int_equal(a->taken + b->taken, taken);
    assert_int_equal(a->once + b->once, once);
    send_to(a, &b->id, 10);
    run(t, 5 * SL_SECOND);
    assert_int_equal(b->taken, 102);
}

/* Loses a fifth, repeats a fifth, and some of it up to 12 s later. */
static bool bad_relay(net *t, letter *l) {
    uint64_t chance = sl_world_random(t->world);
    if (chance % 5 == 0)
        post_in(t, letter_of(&l->package), t->latency + chance / 5 % (12 * SL_SECOND));
    if (chance / 7 % 5 == 0)
        return false;
    post_in(t, letter_of(&l->package), t->latency + chance / 35 % (20 * SL_MS));
    return false;
}

static void on_a_bad_way_with_restarts_every_outcome_is_true(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true);
    uint32_t sent = 0, told = 0;
    t->relay = bad_relay;
    for (uint32_t round = 0; round < 60; round++) {
        for (int i = 0; i < 5; i++) {
            send_for(a, &b->id, 700, 20 * SL_SECOND);
            send_for(b, &a->id, 700, 20 * SL_SECOND);
        }
        sent += 10;
        if (round % 20 == 7)
            restart(b);
        if (round % 20 == 17)
            restart(a);
        run(t, SL_SECOND);
    }
    run(t, 60 * SL_SECOND);
    told = a->delivered + a->not_delivered + a->unknown + b->delivered + b->not_delivered + b->unknown;
    print_message("%u messages: %u delivered, %u not, %u unknown; %u taken\n", sent, a->delivered + b->delivered,
                  a->not_delivered + b->not_delivered, a->unknown + b->unknown, a->taken + b->taken);
    assert_int_equal(told, sent);
    assert_true(b->taken >= a->delivered && b->taken <= a->delivered + a->unknown);
    assert_true(a->taken >= b->delivered && a->taken <= b->delivered + b->unknown);
    assert_true(a->delivered + b->delivered > sent / 2);
    assert_int_equal(t->plain + t->hits, 0);
}

/* The lower end's seal and the higher's, without a net. */
static void handshake(const sl_pair_seal_env *low, const sl_pair_seal_env *high, sl_pair_seal **a, sl_pair_seal **b) {
    sl_open open = {.mine = 5};
    enum sl_refusal why;
    *a = sl_pair_seal_new(low, high->self, 5, 0);
    *b = sl_pair_seal_new(high, low->self, 5, 0);
    for (int kind = SL_KIND_OPEN1; kind <= SL_KIND_OPEN3; kind++) {
        sl_pair_seal *writes = kind == SL_KIND_OPEN2 ? *b : *a, *reads = kind == SL_KIND_OPEN2 ? *a : *b;
        assert_true(sl_pair_seal_write(writes, (enum sl_pair_kind)kind, &open));
        open.handshake = sl_pair_seal_written(writes);
        assert_int_equal(sl_pair_seal_read(reads, (enum sl_pair_kind)kind, &open, &why), SL_PAIR_GOOD);
    }
}

static void copies_from_before_a_rekey_are_known_and_numbers_go_on(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true);
    sl_pair_seal_env low = env_of(a), high = env_of(b);
    sl_pair_seal *from, *to;
    handshake(&low, &high, &from, &to);
    enum { COUNT = 12 };
    letter *sent[COUNT];
    const uint64_t rekey = UINT64_C(1) << 20;
    const uint64_t numbers[COUNT] = {1,         2,         rekey - 1, rekey,         rekey + 1, 2 * rekey - 3,
                                     2 * rekey, 3 * rekey, 4 * rekey, 4 * rekey + 1, 5 * rekey, 5 * rekey + 8000};
    slow_package package = {.type = SLOW_BINARY,
                            .message = 1,
                            .total = sizeof CANARY,
                            .src = sl_id_bytes(&a->id),
                            .dst = sl_id_bytes(&b->id),
                            .session = 5,
                            .payload = {(const uint8_t *)CANARY, sizeof CANARY}};
    for (int i = 0; i < COUNT; i++) {
        uint8_t room[SL_SEALED_MAX];
        slow_package sealed, opened;
        package.packet = numbers[i];
        sl_pair_seal_close(from, &package, room, &sealed);
        assert_false(has_canary(sealed.payload));
        sent[i] = letter_of(&sealed);
        assert_int_equal(sl_pair_seal_open(to, &sent[i]->package, room, &opened), SL_PAIR_OPENED);
        assert_true(same(opened.payload, package.payload));
        for (int k = 0; k <= i; k++)
            assert_int_equal(sl_pair_seal_open(to, &sent[k]->package, room, &opened), SL_PAIR_REPEATED);
    }
    for (int i = 0; i < COUNT; i++)
        free(sent[i]);
    sl_pair_seal_free(from);
    sl_pair_seal_free(to);
}

static int held_kind;
static bool was_taken_out;

/* Keeps all that is of a pair from the higher end, OPEN3 as well, and says in OPEN1 that there was no pair. */
static bool forgetting_relay(net *t, letter *l) {
    (void)t;
    if (l->package.type == SLOW_SEALED || l->package.kind == held_kind)
        return false;
    if (l->package.kind == SL_KIND_OPEN1 && memcmp(l->payload + 8, "\0\0\0\0\0\0\0\0", 8) != 0) {
        memset(l->payload + 8, 0, 8);
        was_taken_out = true;
    }
    return true;
}

/* pair_seal.h says what this is about. */
static void a_relay_cannot_take_the_old_pair_out_of_an_opening(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true);
    held_kind = SL_KIND_OPEN3;
    was_taken_out = false;
    t->relay = forgetting_relay;
    send_to(a, &b->id, 10);
    for (int i = 0; i < 200 && !was_taken_out; i++)
        run(t, 100 * SL_MS);
    run(t, 20 * SL_MS);
    assert_true(was_taken_out);
    assert_true(b->stats.count[SL_drop_open_forged] >= 1);
    t->relay = NULL;
    replay(t);
    run(t, 20 * SL_SECOND);
    replay(t);
    run(t, 60 * SL_SECOND);
    assert_true(b->taken <= 1);
    assert_int_equal(a->delivered + a->unknown + a->not_delivered, 1);
}

static int changed_kind;
static uint32_t changed_count;

/* What stands beside the handshake: for how long its author had no pair. */
static bool lying_relay(net *t, letter *l) {
    (void)t;
    if (opens(&l->package) && l->package.kind == changed_kind) {
        l->payload[8 + 8 + 3] ^= 1;
        changed_count++;
    }
    return true;
}

static void what_stands_beside_a_handshake_is_not_believed(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true);
    for (changed_kind = SL_KIND_OPEN2; changed_kind <= SL_KIND_OPEN3; changed_kind++) {
        node *reader = changed_kind == SL_KIND_OPEN2 ? a : b;
        t->relay = lying_relay;
        changed_count = 0;
        send_to(a, &b->id, 100);
        run(t, 3 * SL_SECOND);
        assert_true(changed_count > 1);
        assert_true(reader->stats.count[SL_drop_open_refused] >= 1);
        assert_int_equal(b->peers.pairs, 0);
        t->relay = NULL;
        run(t, 20 * SL_SECOND);
        assert_int_equal(b->peers.pairs, 1);
        assert_int_equal(a->delivered, (uint32_t)(changed_kind - SL_KIND_OPEN1));
        run(t, 700 * SL_SECOND); /* both forget it */
    }
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_relay_sees_sealed_packages_and_no_canary),
        CASE(the_higher_end_knocks_and_gets_its_pair),
        CASE(every_bit_of_1000_packages_flipped_is_dropped_and_counted_or_of_the_path),
        CASE(swapped_and_reflected_payloads_are_dropped),
        CASE(a_copy_is_never_taken_twice),
        CASE(on_a_bad_way_with_restarts_every_outcome_is_true),
        CASE(copies_from_before_a_rekey_are_known_and_numbers_go_on),
        CASE(a_relay_cannot_take_the_old_pair_out_of_an_opening),
        CASE(what_stands_beside_a_handshake_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
