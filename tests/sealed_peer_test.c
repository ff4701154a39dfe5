/* Who gets a sealed pair, who does not, and what it costs to ask for one. */
#include "core/peer_seal.h"
#include "support/sealed_net.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What came of one way to try it. */
static void counted(uint64_t pairs, uint64_t messages) {
    print_message("counted: 1 ways, %" PRIu64 " pairs, %" PRIu64 " messages taken\n", pairs, messages);
}

/* ---- who is who ---- */

static void who_answers_in_anothers_name_gets_no_pair(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true), *m = node_new(t, "b", 'c', true);
    b->away = true; /* c stands on the way, and answers for b */
    send_to(a, &b->id, 100);
    run(t, 20 * SL_SECOND);
    assert_true(a->stats.count[SL_drop_open_refused] >= 2);
    assert_true(a->stats.count[SL_drop_open_refused] <= 12); /* at OPEN1's pace, whatever it says */
    assert_int_equal(a->stats.count[SL_refused_other_key], a->stats.count[SL_drop_open_refused]);
    counted(a->peers.pairs + m->peers.pairs, m->taken);
    assert_int_equal(a->peers.pairs + m->peers.pairs, 0);
    assert_int_equal(m->taken, 0);
    send_to(m, &a->id, 100); /* and calls in its name: the higher end knocks */
    run(t, 5 * SL_SECOND);
    assert_int_equal(a->taken, 0);
    m->away = true;
    b->away = false;
    run(t, 10 * SL_SECOND);
    assert_int_equal(a->delivered, 1);
    assert_int_equal(b->taken, 1);
}

static void who_opens_in_anothers_name_gets_no_pair(void **state) {
    net *t = *state;
    node *b = node_new(t, "b", 'b', true), *m = node_new(t, "a", 'c', true);
    send_for(m, &b->id, 100, 10 * SL_SECOND);
    run(t, 15 * SL_SECOND);
    assert_true(b->stats.count[SL_drop_open_refused] >= 1);
    counted(b->peers.pairs, b->taken);
    assert_int_equal(b->taken + b->peers.pairs, 0);
    assert_int_equal(m->delivered, 0);
}

static bool plain_answer(net *t, letter *l) {
    if (opens(&l->package) && l->package.kind == SL_KIND_OPEN1) {
        sl_open open;
        letter *answer = letter_of(&l->package);
        assert_true(sl_open_read(l->package.payload, SL_KIND_OPEN1, &open));
        answer->package.src = kept(answer->src, l->package.dst);
        answer->package.dst = kept(answer->dst, l->package.src);
        answer->package.kind = SL_KIND_OPEN2;
        open = (sl_open){.mine = 77, .yours = open.mine};
        answer->package.payload.size = sl_open_write(answer->payload, SL_KIND_OPEN2, &open);
        hear(t, &answer->package);
        free(answer);
    }
    return true;
}

static void a_forged_plain_answer_ends_nothing(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true);
    t->relay = plain_answer;
    send_to(a, &b->id, 100);
    run(t, SL_SECOND);
    assert_int_equal(a->stats.count[SL_drop_open_plain], 1);
    assert_int_equal(a->delivered, 1);
    assert_int_equal(b->taken, 1);
}

static void with_plain_peer(net *t, node *sealed, node *plain) {
    send_for(sealed, &plain->id, 100, 10 * SL_SECOND);
    send_for(plain, &sealed->id, 100, 10 * SL_SECOND);
    run(t, 9900 * SL_MS);
    assert_int_equal(sealed->not_delivered, 0); /* not before the deadline: it may show its identity */
    run(t, 20 * SL_SECOND);
    assert_int_equal(sealed->not_delivered, 1);
    assert_int_equal(sealed->reason, SL_REASON_UNSEALED);
    assert_int_equal(plain->not_delivered, 1);
    assert_int_equal(plain->reason, SL_REASON_EXPIRED);
    counted(sealed->peers.pairs, sealed->taken + plain->taken);
    assert_int_equal(sealed->taken + plain->taken, 0);
    assert_true(sealed->stats.count[SL_drop_open_plain] > 0);
    assert_int_equal(t->plain, 0);
    assert_int_equal(t->hits, 0);
}

static void a_plain_higher_end_gets_nothing_and_the_sender_is_told_why(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true);
    with_plain_peer(t, a, node_new(t, "b", 'b', false));
}

static void a_plain_lower_end_gets_nothing_and_the_sender_is_told_why(void **state) {
    net *t = *state;
    node *d = node_new(t, "d", 'd', true);
    with_plain_peer(t, d, node_new(t, "c", 'c', false));
}

static void plain_packages_are_dropped(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true);
    pair(t, a, b);
    uint64_t session = 0;
    for (uint32_t i = 0; i < t->taped; i++)
        if (t->tape[i]->package.type == SLOW_SEALED && t->tape[i]->src[0] == 'a')
            session = t->tape[i]->package.session;
    slow_package package = {.type = SLOW_BINARY,
                            .flags = SLOW_RELIABLE,
                            .message = 9,
                            .packet = 99,
                            .session = session,
                            .src = sl_id_bytes(&a->id),
                            .dst = sl_id_bytes(&b->id)};
    uint32_t taken = b->taken;
    hear(t, &package);
    package.type = SLOW_CONTROL;
    package.flags = 0;
    package.kind = SL_KIND_ASK;
    hear(t, &package);
    package.kind = SL_KIND_STATE;
    hear(t, &package);
    counted(b->peers.pairs - 1, b->taken - taken);
    assert_int_equal(b->stats.count[SL_drop_package_plain], 3);
    assert_int_equal(b->taken, taken);
}

/* ---- what it costs ---- */

static void openings_are_read_within_their_budget(void **state) {
    net *t = *state;
    node *b = node_new(t, "b", 'b', true);
    const slow_id ways[] = {id_of("w0"), id_of("w1"), id_of("w2"), id_of("w3"), id_of("w4"), id_of("w5")};
    sl_open open = {.handshake = {(const uint8_t *)CANARY, sizeof CANARY}};
    uint8_t bytes[SLOW_PAYLOAD_MAX];
    slow_id liar = id_of("a");
    for (uint32_t i = 0; i < 6000; i++) {
        open.mine = i + 1;
        slow_package package = {.type = SLOW_CONTROL,
                                .kind = SL_KIND_OPEN1,
                                .src = sl_id_bytes(&liar),
                                .dst = sl_id_bytes(&b->id),
                                .payload = {bytes, sl_open_write(bytes, SL_KIND_OPEN1, &open)}};
        sl_peers_receive(&b->peers, &package, i < 1000 ? &ways[0] : &ways[i % 6]);
        if (i == 999)
            assert_int_equal(b->stats.count[SL_drop_open_forged], SL_OPENS_A_LINK);
    }
    assert_int_equal(b->stats.count[SL_drop_open_forged], SL_OPENS);
    assert_int_equal(b->stats.count[SL_drop_open_link_budget] + b->stats.count[SL_drop_open_budget], 6000 - SL_OPENS);
    run(t, 60 * SL_SECOND);
    assert_int_equal(b->peers.count, 0);
    assert_int_equal(b->peers.limits.halves, 0);
}

/* A member's OPEN1 in another's name. */
static void open_as(node *liar, const slow_id *as, node *to, uint64_t number, const slow_id *way) {
    sl_pair_seal_env env = env_of(liar);
    uint8_t bytes[SLOW_PAYLOAD_MAX];
    sl_open open = {.mine = number};
    env.self = as;
    sl_pair_seal *seal = sl_pair_seal_new(&env, &to->id, number, 0);
    assert_true(sl_pair_seal_write(seal, SL_KIND_OPEN1, &open));
    open.handshake = sl_pair_seal_written(seal);
    slow_package package = {.type = SLOW_CONTROL,
                            .kind = SL_KIND_OPEN1,
                            .src = sl_id_bytes(as),
                            .dst = sl_id_bytes(&to->id),
                            .payload = {bytes, sl_open_write(bytes, SL_KIND_OPEN1, &open)}};
    sl_peers_receive(&to->peers, &package, way);
    sl_pair_seal_free(seal);
}

/* A member who is not on the way makes up openings in a's name, as fast as they are heard; each lasts longer than a's own
 * takes. */
static void who_floods_in_anothers_name_from_elsewhere_does_not_keep_it_out(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true), *c = node_new(t, "c", 'c', true);
    const slow_id ways[] = {id_of("w0"), id_of("w1")};
    t->latency = 200 * SL_MS;
    send_to(a, &b->id, 100);
    for (uint32_t i = 0; i < 200; i++) {
        open_as(c, &a->id, b, i + 1, &ways[i % 2]);
        run(t, 10 * SL_MS);
    }
    assert_int_equal(a->delivered, 1);
    assert_int_equal(b->stats.count[SL_drop_open_forged], 0);
}

static bool note_number(net *t, letter *l) {
    sl_open open;
    if (opens(&l->package) && l->package.kind == SL_KIND_OPEN1 &&
        sl_open_read(l->package.payload, SL_KIND_OPEN1, &open))
        t->number = open.mine;
    return true;
}

static void who_saw_an_opening_cannot_take_its_number(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true), *c = node_new(t, "c", 'c', true);
    const slow_id way = id_of("w0");
    t->latency = 100 * SL_MS;
    t->relay = note_number;
    send_for(a, &b->id, 100, 20 * SL_SECOND);
    for (uint32_t i = 0; i < 100; i++) {
        run(t, 20 * SL_MS);
        open_as(c, &a->id, b, t->number, &way);
    }
    assert_int_equal(a->delivered, 1);
    assert_int_equal(b->taken, 1);
}

/* Nor keep the higher end from saying that it wants a pair. */
static void who_keeps_opening_in_anothers_name_does_not_stop_the_knocks(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true), *c = node_new(t, "c", 'c', true);
    const slow_id way = id_of("w0");
    for (uint32_t i = 0; i < 100; i++) {
        open_as(c, &a->id, b, i + 1, &way);
        if (i == 10)
            send_for(b, &a->id, 100, 20 * SL_SECOND);
        run(t, 20 * SL_MS);
    }
    assert_int_equal(b->delivered, 1);
}

static void openings_of_one_way_are_a_share_of_all(void **state) {
    net *t = *state;
    node *b = node_new(t, "b", 'b', true), *c = node_new(t, "c", 'c', true);
    const slow_id way = id_of("w0"), other = id_of("w1");
    for (uint32_t i = 0; i < 2 * SL_HALVES_A_WAY; i++) {
        char text[SLOW_ID_MAX];
        snprintf(text, sizeof text, "a%03u", i);
        slow_id as = id_of(text);
        open_as(c, &as, b, i + 1, &way);
        run(t, 25 * SL_MS);
    }
    assert_int_equal(b->peers.limits.halves, SL_HALVES_A_WAY);
    const slow_id a = id_of("a");
    open_as(c, &a, b, 1, &other);
    assert_int_equal(b->peers.limits.halves, SL_HALVES_A_WAY + 1);
    run(t, 60 * SL_SECOND);
    assert_int_equal(b->peers.limits.halves, 0);
    assert_int_equal(b->peers.limits.halves_of[0], 0);
}

/* Names that nobody has, and that come after ours: the lower end opens, whoever knocks, and waits for an answer for 20 s. */
static void knocks_of_one_way_are_a_share_of_all(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *c = node_new(t, "c", 'c', true);
    const slow_id way = id_of("w0");
    for (uint32_t i = 0; i < 2 * SL_OPENINGS_UNASKED; i++) {
        char text[SLOW_ID_MAX];
        snprintf(text, sizeof text, "z%03u", i);
        slow_id as = id_of(text);
        slow_package package = {
            .type = SLOW_CONTROL, .kind = SL_KIND_KNOCK, .src = sl_id_bytes(&as), .dst = sl_id_bytes(&a->id)};
        if (i % 2 != 0) { /* a package of a pair that is not there says the same */
            package.type = SLOW_SEALED;
            package.session = package.packet = i;
        }
        sl_peers_receive(&a->peers, &package, &way);
        run(t, 25 * SL_MS);
    }
    assert_int_equal(a->peers.limits.unasked, SL_UNASKED_A_WAY);
    send_for(c, &a->id, 100, 5 * SL_SECOND);
    run(t, 5 * SL_SECOND);
    assert_int_equal(c->delivered, 1);
    run(t, 60 * SL_SECOND);
    assert_int_equal(a->peers.limits.unasked, 0);
    for (uint32_t i = 0; i < 256; i++)
        assert_int_equal(a->peers.limits.unasked_of[i], 0);
}

/* Each OPEN1 of a is answered first with this many answers of no worth. */
static void answer_rubbish(net *t, const letter *l, uint32_t count) {
    sl_open open;
    if (!opens(&l->package) || l->package.kind != SL_KIND_OPEN1 ||
        !sl_open_read(l->package.payload, SL_KIND_OPEN1, &open))
        return;
    for (uint32_t i = 0; i < count; i++) {
        letter *f = letter_of(&l->package);
        const uint8_t rubbish[200] = {1};
        const sl_open answer = {.mine = 77, .yours = open.mine, .handshake = {rubbish, sizeof rubbish}};
        f->package.src = kept(f->src, l->package.dst);
        f->package.dst = kept(f->dst, l->package.src);
        f->package.kind = SL_KIND_OPEN2;
        f->package.payload = (slow_bytes){f->payload, sl_open_write(f->payload, SL_KIND_OPEN2, &answer)};
        post_in(t, f, SL_MS);
    }
}

static bool rubbish_first(net *t, letter *l) {
    answer_rubbish(t, l, 16);
    return true;
}

static void forged_answers_do_not_use_up_the_opening(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true);
    t->relay = rubbish_first;
    send_for(a, &b->id, 100, 60 * SL_SECOND);
    run(t, SL_SECOND);
    assert_int_equal(a->delivered, 1);
    assert_int_equal(b->taken, 1);
    assert_int_equal(a->stats.count[SL_drop_open_forged], 16);
}

/* A member who is nearer answers each OPEN1, with a handshake that is good, before the peer can. */
static bool member_first(net *t, letter *l) {
    if (!opens(&l->package) || l->package.kind != SL_KIND_OPEN1)
        return true;
    node *liar = &t->nodes[2];
    sl_pair_seal_env env = env_of(liar);
    uint8_t bytes[SLOW_PAYLOAD_MAX];
    slow_id lower, as;
    sl_open open, answer;
    enum sl_refusal why;
    assert_true(sl_id_set(&lower, l->package.src) && sl_id_set(&as, l->package.dst));
    assert_true(sl_open_read(l->package.payload, SL_KIND_OPEN1, &open));
    env.self = &as;
    sl_pair_seal *seal = sl_pair_seal_new(&env, &lower, open.mine, open.yours);
    assert_int_equal(sl_pair_seal_read(seal, SL_KIND_OPEN1, &open, &why), SL_PAIR_GOOD);
    answer = (sl_open){.mine = 77, .yours = open.mine};
    assert_true(sl_pair_seal_write(seal, SL_KIND_OPEN2, &answer));
    answer.handshake = sl_pair_seal_written(seal);
    slow_package package = {.type = SLOW_CONTROL,
                            .kind = SL_KIND_OPEN2,
                            .src = sl_id_bytes(&as),
                            .dst = sl_id_bytes(&lower),
                            .payload = {bytes, sl_open_write(bytes, SL_KIND_OPEN2, &answer)}};
    post_in(t, letter_of(&package), SL_MS);
    sl_pair_seal_free(seal);
    return true;
}

static void a_refused_answer_does_not_use_up_the_opening(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true);
    node_new(t, "c", 'c', true);
    t->relay = member_first;
    send_for(a, &b->id, 100, 60 * SL_SECOND);
    run(t, SL_SECOND);
    assert_int_equal(a->stats.count[SL_refused_other_key], 1);
    assert_int_equal(a->delivered, 1);
    assert_int_equal(b->taken, 1);
}

/* Packages of pairs that never were, in names that nobody has: each would begin an opening. */
static void sealed_packages_of_strangers_are_heard_within_the_same_budget(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true);
    const slow_id way = id_of("w0");
    for (uint32_t i = 0; i < 200; i++) {
        char text[SLOW_ID_MAX];
        snprintf(text, sizeof text, "b%03u", i);
        slow_id id = id_of(text);
        slow_package package = {.type = SLOW_SEALED,
                                .src = sl_id_bytes(&id),
                                .dst = sl_id_bytes(&a->id),
                                .session = 5,
                                .packet = 1,
                                .payload = {(const uint8_t *)CANARY, sizeof CANARY}};
        sl_peers_receive(&a->peers, &package, &way);
    }
    assert_int_equal(a->peers.count, SL_OPENS_A_LINK);
    assert_int_equal(a->stats.count[SL_drop_open_link_budget], 200 - SL_OPENS_A_LINK);
}

/* Each would have the lower end make a key, for any package of the pair ends the opening that the one before began. */
static void knocks_are_heard_within_the_same_budget(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true);
    const slow_id way = id_of("w");
    slow_package knock = {
        .type = SLOW_CONTROL, .kind = SL_KIND_KNOCK, .src = sl_id_bytes(&b->id), .dst = sl_id_bytes(&a->id)};
    pair(t, a, b);
    uint32_t openings = 0, taped = t->taped;
    for (uint32_t i = 0; i < 500; i++) {
        sl_peers_receive(&a->peers, &knock, &way);
        assert_int_equal(send_once(b, &a->id), SLOW_OK);
        run(t, SL_MS);
    }
    for (uint32_t i = taped; i < t->taped; i++)
        openings += t->tape[i]->package.kind == SL_KIND_OPEN1;
    assert_true(openings >= 1 && openings <= SL_OPENS_A_LINK);
    assert_int_equal(a->stats.count[SL_drop_open_link_budget], 500 - SL_OPENS_A_LINK);
    assert_int_equal(a->peers.pairs, 1);
}

static bool forging_relay(net *t, letter *l) {
    if (l->package.kind != SL_KIND_OPEN2 && l->package.kind != SL_KIND_OPEN3)
        return true;
    l->payload[l->package.payload.size - 1] ^= 1;
    for (int i = 0; i < 100; i++)
        post(t, letter_of(&l->package));
    l->payload[l->package.payload.size - 1] ^= 1;
    return true;
}

static void forged_answers_are_read_within_a_budget(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true);
    t->relay = forging_relay;
    send_to(a, &b->id, 100);
    run(t, 240 * SL_MS);
    assert_int_equal(a->stats.count[SL_drop_open_forged], 8 + SL_OPENS_A_LINK);
    t->relay = NULL;
    run(t, 5 * SL_SECOND);
    assert_int_equal(a->delivered, 1);
    assert_int_equal(b->taken, 1);
}

/* ---- who may be here no more ---- */

static void a_revoked_key_loses_its_pair_and_gets_no_other(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true), *c = node_new(t, "c", 'c', true);
    pair(t, a, b);
    send_to(c, &b->id, 10);
    run(t, SL_SECOND);
    assert_int_equal(b->peers.pairs, 2);
    sl_key revoked = a->identity.key;
    assert_int_equal(sl_membership_revoke(b->membership, &revoked, 1), SLOW_OK);
    sl_peers_recheck(&b->peers);
    assert_int_equal(b->peers.pairs, 1);
    assert_int_equal(b->stats.count[SL_pairs_ended_by_membership], 1);
    uint32_t taken = b->taken;
    send_for(a, &b->id, 10, 5 * SL_SECOND);
    send_for(b, &a->id, 10, 5 * SL_SECOND);
    run(t, 30 * SL_SECOND);
    counted(b->peers.pairs - 1, b->taken - taken); /* c's is the one that is left */
    assert_int_equal(b->taken, taken);
    assert_int_equal(b->not_delivered, 1);
    assert_true(b->stats.count[SL_refused_revoked] > 0);
    send_to(c, &b->id, 10);
    run(t, SL_SECOND);
    assert_int_equal(b->taken, taken + 1);
}

/* Nobody called recheck: whoever speaks is looked at once a second. */
static void a_pair_in_use_is_looked_at_by_itself(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true);
    pair(t, a, b);
    run(t, 2 * SL_SECOND);
    sl_key revoked = a->identity.key;
    uint32_t taken = b->taken;
    assert_int_equal(sl_membership_revoke(b->membership, &revoked, 1), SLOW_OK);
    send_for(a, &b->id, 10, 5 * SL_SECOND);
    run(t, 30 * SL_SECOND);
    assert_int_equal(b->taken, taken);
    assert_int_equal(b->stats.count[SL_pairs_ended_by_membership], 1);
}

static void best_effort_stops_too(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true);
    pair(t, a, b);
    run(t, 2 * SL_SECOND);
    assert_int_equal(send_once(a, &b->id), SLOW_OK);
    run(t, SL_SECOND);
    assert_int_equal(b->once, 1);
    sl_key gone = b->identity.key;
    assert_int_equal(sl_membership_revoke(a->membership, &gone, 1), SLOW_OK);
    uint32_t sent = 0;
    for (uint32_t i = 0; i < 20; i++) {
        sent += send_once(a, &b->id) == SLOW_OK;
        run(t, 500 * SL_MS);
    }
    assert_true(sent <= 2); /* until the next look */
    assert_true(b->once <= 3);
    assert_int_equal(a->stats.count[SL_pairs_ended_by_membership], 1);
    assert_int_equal(a->peers.pairs, 0);
}

static void a_pair_that_rests_is_looked_at_once_a_minute(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true);
    pair(t, a, b);
    run(t, 5 * SL_SECOND);
    sl_key gone = b->identity.key;
    assert_int_equal(sl_membership_revoke(a->membership, &gone, 1), SLOW_OK);
    run(t, 61 * SL_SECOND);
    assert_int_equal(a->peers.pairs, 0);
    assert_int_equal(a->stats.count[SL_pairs_ended_by_membership], 1);
}

/* Who refuses is silent, so the other end can only be told where to look; at either end of an opening. */
static void who_is_refused_is_told_whose_log_says_why(void **state) {
    net *t = *state;
    node *a = node_new(t, "a", 'a', true), *b = node_new(t, "b", 'b', true), *c = node_new(t, "c", 'c', true);
    sl_key revoked[] = {a->identity.key, c->identity.key};
    assert_int_equal(sl_membership_revoke(b->membership, revoked, 2), SLOW_OK);
    send_for(a, &b->id, 10, 5 * SL_SECOND);
    send_for(c, &b->id, 10, 5 * SL_SECOND);
    run(t, 30 * SL_SECOND);
    assert_int_equal(a->unknown, 1); /* to the lower end it seemed open */
    assert_int_equal(a->opening, SL_OPENING_UNANSWERED);
    assert_int_equal(c->not_delivered, 1);
    assert_int_equal(c->opening, SL_OPENING_UNANSWERED);
    send_for(b, &a->id, 10, 5 * SL_SECOND);
    run(t, 30 * SL_SECOND);
    assert_int_equal(b->opening, SL_OPENING_REFUSED);
    b->opening = SL_OPENING_WELL;
    send_for(b, &c->id, 10, 5 * SL_SECOND);
    run(t, 30 * SL_SECOND);
    assert_int_equal(b->opening, SL_OPENING_REFUSED);
    send_to(a, &c->id, 10);
    run(t, SL_SECOND);
    assert_int_equal(a->delivered, 1);
    c->away = true;
    send_for(a, &c->id, 10, 5 * SL_SECOND);
    run(t, 30 * SL_SECOND);
    assert_int_equal(a->unknown, 2);
    assert_int_equal(a->opening, SL_OPENING_WELL); /* that pair was answered */
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(who_answers_in_anothers_name_gets_no_pair),
        CASE(who_opens_in_anothers_name_gets_no_pair),
        CASE(a_forged_plain_answer_ends_nothing),
        CASE(a_plain_higher_end_gets_nothing_and_the_sender_is_told_why),
        CASE(a_plain_lower_end_gets_nothing_and_the_sender_is_told_why),
        CASE(plain_packages_are_dropped),
        CASE(openings_are_read_within_their_budget),
        CASE(who_floods_in_anothers_name_from_elsewhere_does_not_keep_it_out),
        CASE(who_saw_an_opening_cannot_take_its_number),
        CASE(who_keeps_opening_in_anothers_name_does_not_stop_the_knocks),
        CASE(openings_of_one_way_are_a_share_of_all),
        CASE(knocks_of_one_way_are_a_share_of_all),
        CASE(forged_answers_do_not_use_up_the_opening),
        CASE(a_refused_answer_does_not_use_up_the_opening),
        CASE(sealed_packages_of_strangers_are_heard_within_the_same_budget),
        CASE(knocks_are_heard_within_the_same_budget),
        CASE(forged_answers_are_read_within_a_budget),
        CASE(a_revoked_key_loses_its_pair_and_gets_no_other),
        CASE(a_pair_in_use_is_looked_at_by_itself),
        CASE(best_effort_stops_too),
        CASE(a_pair_that_rests_is_looked_at_once_a_minute),
        CASE(who_is_refused_is_told_whose_log_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
