/* Who is let in, and for which reason each of the others is not. */
#include "membership.h"
#include <slow/wire.h>
#include "id.h"
#include "loop_virtual.h"
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

enum { ALICE = 1, BOB, EVE, ROOT = 9, OTHER_ROOT };
static const uint64_t BEGAN_S = 1600000000; /* the virtual wall clock */
static const uint8_t key_a[32] = {'a'}, key_b[32] = {'b'};
static const slow_bytes static_a = {key_a, 32}, static_b = {key_b, 32};

typedef struct rig {
    sl_world *world;
    sl_loop *loop;
    sl_stats stats;
} rig;

static int set_up(void **state) {
    rig *r = calloc(1, sizeof *r);
    r->world = sl_world_new(1);
    r->loop = sl_loop_virtual_new(r->world);
    *state = r;
    return 0;
}

static int tear_down(void **state) {
    rig *r = *state;
    sl_loop_free(r->loop);
    sl_world_free(r->world);
    free(r);
    return 0;
}

static sl_identity identity_of(uint8_t number) {
    sl_identity identity;
    const uint8_t seed[SL_KEY_SIZE] = {number};
    sl_identity_from_seed(&identity, seed);
    return identity;
}

static slow_id id_of(const char *text) {
    slow_id id;
    assert_true(sl_id_set(&id, (slow_bytes){(const uint8_t *)text, strlen(text)}));
    return id;
}

static slow_bytes bytes_of(const char *text) {
    return (slow_bytes){(const uint8_t *)text, strlen(text)};
}

static sl_grant grant_of(uint8_t root, uint8_t number, const char *id, const char *network, uint8_t roles) {
    sl_identity authority = identity_of(root);
    sl_certificate c = {
        .id = id_of(id),
        .grant = {.key = identity_of(number).key, .roles = roles, .not_before = BEGAN_S, .not_after = BEGAN_S + 100}};
    strcpy(c.network, network);
    sl_certificate_sign(&c, &authority);
    return c.grant;
}

/* One who knows: by a list of members (NULL-terminated ids of numbers 1..), and by an authority. */
typedef struct who {
    uint8_t number, authority; /* 0 = none */
    const char *id, *network;
    const sl_member *members;
    size_t member_count;
    bool listed;
    const sl_grant *grant;
} who;

static sl_membership *make(rig *r, const who *w) {
    sl_identity identity = identity_of(w->number);
    sl_key authority = identity_of(w->authority).key;
    slow_id id = id_of(w->id);
    sl_membership_setup setup = {.identity = w->number != 0 ? &identity : NULL,
                                 .network = w->network != NULL ? w->network : "plant",
                                 .id = &id,
                                 .members = w->members,
                                 .member_count = w->member_count,
                                 .listed = w->listed,
                                 .authorities = &authority,
                                 .authority_count = w->authority != 0,
                                 .grant = w->grant};
    sl_membership *m = sl_membership_new(r->loop, &r->stats, &setup);
    assert_non_null(m);
    return m;
}

static enum sl_refusal judge(sl_membership *judge, sl_membership *shown, const char *id, sl_member *member) {
    slow_id claimed = id_of(id);
    return sl_membership_judge(judge, "link", &claimed, static_a, sl_membership_credentials(shown, "link", static_a),
                               member);
}

static enum sl_refusal verify(sl_membership *m, const char *id, const char *statement, slow_bytes proof,
                              sl_member *member, uint32_t *cost) {
    slow_id origin = id_of(id);
    return sl_membership_verify(m, &origin, bytes_of(statement), proof, member, cost);
}

static sl_member member(uint8_t number, const char *id, uint8_t roles) {
    return (sl_member){.id = id_of(id), .key = identity_of(number).key, .roles = roles};
}

/* ---- by the config ---- */

static void a_member_of_the_config_is_welcome_under_its_id_and_no_other(void **state) {
    rig *r = *state;
    const sl_member list[] = {member(BOB, "bob", SL_ROLE_LEAF), member(ALICE, "alice", SL_ROLE_RELAY)};
    sl_membership *alice = make(r, &(who){.number = ALICE, .id = "alice", .members = list, .member_count = 2});
    sl_membership *bob = make(r, &(who){.number = BOB, .id = "bob", .members = list, .member_count = 2});
    sl_membership *eve = make(r, &(who){.number = EVE, .id = "bob", .members = list, .member_count = 2});
    sl_membership *mallory = make(r, &(who){.number = EVE, .id = "mallory", .members = list, .member_count = 2});
    sl_membership *renamed = make(r, &(who){.number = BOB, .id = "robert", .members = list, .member_count = 2});
    sl_membership *imposter = make(r, &(who){.number = BOB, .id = "alice", .members = list, .member_count = 2});
    sl_member m;
    assert_int_equal(judge(alice, bob, "bob", &m), SL_WELCOME);
    assert_int_equal(m.roles, SL_ROLE_LEAF);
    assert_true(sl_key_equal(&m.key, &list[0].key) && m.until == 0);
    assert_int_equal(judge(bob, alice, "alice", &m), SL_WELCOME);
    assert_int_equal(judge(alice, eve, "bob", &m), SL_REFUSED_OTHER_KEY);
    assert_int_equal(judge(alice, mallory, "mallory", &m), SL_REFUSED_UNLISTED);
    assert_int_equal(judge(alice, renamed, "robert", &m), SL_REFUSED_OTHER_KEY);
    assert_int_equal(judge(alice, imposter, "alice", &m), SL_REFUSED_OTHER_KEY); /* our own id */
    assert_int_equal(judge(alice, bob, "alice", &m), SL_REFUSED_OTHER_KEY);
    assert_int_equal(r->stats.count[SL_refused_other_key], 4);
    assert_int_equal(r->stats.count[SL_refused_unlisted], 1);
    sl_membership_self(bob, &m);
    assert_int_equal(m.roles, SL_ROLE_LEAF);
    sl_membership_free(alice);
    sl_membership_free(bob);
    sl_membership_free(eve);
    sl_membership_free(mallory);
    sl_membership_free(renamed);
    sl_membership_free(imposter);
}

static void whom_the_config_binds_no_certificate_unbinds(void **state) {
    rig *r = *state;
    const sl_member list[] = {member(BOB, "bob", SL_ROLE_LEAF)};
    sl_grant stolen = grant_of(ROOT, EVE, "bob", "plant", SL_ROLE_RELAY);
    sl_grant second = grant_of(ROOT, BOB, "robert", "plant", SL_ROLE_RELAY);
    sl_grant wider = grant_of(ROOT, BOB, "bob", "plant", SL_ROLE_RELAY | SL_ROLE_ADMIN);
    sl_membership *alice =
        make(r, &(who){.number = ALICE, .id = "alice", .members = list, .member_count = 1, .authority = ROOT});
    sl_membership *eve = make(r, &(who){.number = EVE, .id = "bob", .grant = &stolen});
    sl_membership *renamed = make(r, &(who){.number = BOB, .id = "robert", .grant = &second});
    sl_membership *bob = make(r, &(who){.number = BOB, .id = "bob", .grant = &wider});
    sl_member m;
    assert_int_equal(judge(alice, eve, "bob", &m), SL_REFUSED_OTHER_KEY);
    assert_int_equal(judge(alice, renamed, "robert", &m), SL_REFUSED_OTHER_KEY);
    assert_int_equal(judge(alice, bob, "bob", &m), SL_WELCOME);
    assert_int_equal(m.roles, SL_ROLE_LEAF);
    sl_membership_free(alice);
    sl_membership_free(eve);
    sl_membership_free(renamed);
    sl_membership_free(bob);
}

/* ---- by an authority ---- */

static void a_certificate_lets_its_key_in_while_it_is_valid(void **state) {
    rig *r = *state;
    sl_grant grant = grant_of(ROOT, BOB, "bob", "plant", SL_ROLE_LEAF);
    sl_membership *alice = make(r, &(who){.number = ALICE, .id = "alice", .authority = ROOT});
    sl_membership *bob = make(r, &(who){.number = BOB, .id = "bob", .grant = &grant});
    sl_member m;
    sl_loop_virtual_shift_wall(r->loop, -1);
    assert_int_equal(judge(alice, bob, "bob", &m), SL_REFUSED_NOT_YET);
    sl_loop_virtual_shift_wall(r->loop, 1);
    assert_int_equal(judge(alice, bob, "bob", &m), SL_WELCOME);
    assert_int_equal(m.roles, SL_ROLE_LEAF);
    assert_int_equal(m.until, BEGAN_S + 100);
    sl_loop_virtual_shift_wall(r->loop, 100999);
    assert_int_equal(judge(alice, bob, "bob", &m), SL_WELCOME);
    assert_int_equal(sl_membership_still(alice, &m), SL_WELCOME);
    sl_loop_virtual_shift_wall(r->loop, 1);
    assert_int_equal(sl_membership_still(alice, &m), SL_REFUSED_EXPIRED);
    assert_int_equal(judge(alice, bob, "bob", &m), SL_REFUSED_EXPIRED);
    assert_int_equal(r->stats.count[SL_refused_expired], 1); /* still() counts nothing */
    sl_membership_self(bob, &m);
    assert_int_equal(m.until, BEGAN_S + 100);
    sl_membership_free(alice);
    sl_membership_free(bob);
}

static void a_certificate_of_elsewhere_is_none(void **state) {
    rig *r = *state;
    const struct {
        const char *name;
        sl_grant grant;
        uint8_t number;
        enum sl_refusal expected;
    } cases[] = {
        {"another authority", grant_of(OTHER_ROOT, BOB, "bob", "plant", SL_ROLE_RELAY), BOB, SL_REFUSED_AUTHORITY},
        {"another network", grant_of(ROOT, BOB, "bob", "office", SL_ROLE_RELAY), BOB, SL_REFUSED_AUTHORITY},
        {"another id", grant_of(ROOT, BOB, "robert", "plant", SL_ROLE_RELAY), BOB, SL_REFUSED_AUTHORITY},
        {"somebody else's", grant_of(ROOT, BOB, "bob", "plant", SL_ROLE_RELAY), EVE, SL_REFUSED_OTHER_KEY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sl_membership *alice = make(r, &(who){.number = ALICE, .id = "alice", .authority = ROOT});
        sl_membership *bob = make(r, &(who){.number = cases[i].number, .id = "bob", .grant = &cases[i].grant});
        sl_member m;
        print_message("%s\n", cases[i].name);
        assert_int_equal(judge(alice, bob, "bob", &m), cases[i].expected);
        /* A proof's key is that of its certificate. */
        assert_int_equal(verify(alice, "bob", "s", sl_membership_sign(bob, bytes_of("s")), &m, NULL),
                         cases[i].number == BOB ? cases[i].expected : SL_REFUSED_SIGNATURE);
        sl_membership_free(alice);
        sl_membership_free(bob);
    }
}

static void a_forged_certificate_with_our_authoritys_name_is_refused(void **state) {
    rig *r = *state;
    sl_grant grant = grant_of(OTHER_ROOT, BOB, "bob", "plant", SL_ROLE_RELAY);
    memcpy(grant.issuer, identity_of(ROOT).key.bytes, sizeof grant.issuer);
    sl_membership *alice = make(r, &(who){.number = ALICE, .id = "alice", .authority = ROOT});
    sl_membership *bob = make(r, &(who){.number = BOB, .id = "bob", .grant = &grant});
    sl_member m;
    for (int i = 0; i < 2; i++) /* and it is not believed the second time */
        assert_int_equal(judge(alice, bob, "bob", &m), SL_REFUSED_AUTHORITY);
    sl_membership_free(alice);
    sl_membership_free(bob);
}

/* ---- by fingerprint ---- */

static void a_fingerprint_is_a_credential_where_nothing_else_is_configured(void **state) {
    rig *r = *state;
    char own[SLOW_ID_MAX + 1] = "", wrong[SLOW_ID_MAX + 1] = "";
    slow_id id;
    sl_key key = identity_of(BOB).key;
    sl_member m;
    uint32_t cost = 0;
    sl_key_fingerprint(&key, &id);
    memcpy(own, id.text, id.size);
    memcpy(wrong, id.text, id.size);
    wrong[0] = wrong[0] == 'a' ? 'b' : 'a';
    sl_membership *bob = make(r, &(who){.number = BOB, .id = own}),
                  *named = make(r, &(who){.number = BOB, .id = wrong});
    sl_membership *open = make(r, &(who){.number = ALICE, .id = "alice"});
    sl_membership *listed = make(r, &(who){.number = ALICE, .id = "alice", .listed = true});
    sl_membership *authorised = make(r, &(who){.number = ALICE, .id = "alice", .authority = ROOT});
    assert_int_equal(judge(open, bob, own, &m), SL_WELCOME);
    assert_int_equal(m.roles, SL_ROLE_RELAY);
    assert_int_equal(judge(open, named, wrong, &m), SL_REFUSED_UNLISTED);
    assert_int_equal(judge(listed, bob, own, &m), SL_REFUSED_UNLISTED);
    assert_int_equal(judge(authorised, bob, own, &m), SL_REFUSED_UNLISTED);
    slow_bytes proof = sl_membership_sign(bob, bytes_of("s"));
    assert_int_equal(proof.size, 1 + 32 + 64);
    assert_int_equal(verify(open, own, "s", proof, &m, &cost), SL_WELCOME);
    assert_int_equal(cost, 1);
    assert_int_equal(verify(open, wrong, "s", proof, &m, NULL), SL_REFUSED_UNLISTED);
    sl_membership_free(bob);
    sl_membership_free(named);
    sl_membership_free(open);
    sl_membership_free(listed);
    sl_membership_free(authorised);
}

/* ---- what is shown ---- */

static uint64_t issued_in(slow_bytes credentials) {
    slow_reader r = slow_reader_of(credentials);
    slow_read_bytes(&r, SL_KEY_SIZE);
    return slow_read_u64(&r);
}

static void shift_s(rig *r, int64_t by) {
    sl_loop_virtual_shift_wall(r->loop, by * 1000);
}

static void credentials_are_of_use_for_thirty_days(void **state) {
    rig *r = *state;
    const sl_member list[] = {member(BOB, "bob", SL_ROLE_RELAY)};
    const struct {
        int64_t later_s;
        enum sl_refusal refusal;
    } cases[] = {{0, SL_WELCOME},
                 {30 * 86400, SL_WELCOME},
                 {30 * 86400 + 1, SL_REFUSED_STALE},
                 {-86400, SL_WELCOME},
                 {-86401, SL_REFUSED_STALE}};
    sl_membership *alice = make(r, &(who){.number = ALICE, .id = "alice", .members = list, .member_count = 1});
    sl_membership *bob = make(r, &(who){.number = BOB, .id = "bob"});
    slow_id id = id_of("bob");
    sl_member m;
    slow_bytes credentials = sl_membership_credentials(bob, "link", static_a);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        shift_s(r, cases[i].later_s);
        assert_int_equal(sl_membership_judge(alice, "link", &id, static_a, credentials, &m), cases[i].refusal);
        shift_s(r, -cases[i].later_s);
    }
    assert_int_equal(r->stats.count[SL_refused_stale], 2);
    uint8_t changed[SL_CREDENTIALS_MAX]; /* and nobody else can make them younger */
    memcpy(changed, credentials.data, credentials.size);
    changed[SL_KEY_SIZE + 7] ^= 1;
    assert_int_equal(sl_membership_judge(alice, "link", &id, static_a, (slow_bytes){changed, credentials.size}, &m),
                     SL_REFUSED_SIGNATURE);
    sl_membership_free(alice);
    sl_membership_free(bob);
}

static void credentials_are_signed_once_and_anew_after_ten_days(void **state) {
    rig *r = *state;
    sl_membership *bob = make(r, &(who){.number = BOB, .id = "bob"});
    uint64_t first = issued_in(sl_membership_credentials(bob, "link", static_a));
    for (int i = 0; i < 100; i++) {
        shift_s(r, 8000);
        assert_int_equal(issued_in(sl_membership_credentials(bob, "link", static_a)), first);
        sl_membership_credentials(bob, "pair", static_a);
    }
    assert_int_equal(r->stats.count[SL_credentials_signed], 2);
    shift_s(r, 10 * 86400 - 100 * 8000);
    assert_int_equal(issued_in(sl_membership_credentials(bob, "link", static_a)), first + 10 * 86400);
    assert_int_equal(r->stats.count[SL_credentials_signed], 3);
    sl_membership_credentials(bob, "link", static_b);
    assert_int_equal(r->stats.count[SL_credentials_signed], 4);
    shift_s(r, -3600); /* a clock that was set right: what is of the future is of no use */
    assert_int_equal(issued_in(sl_membership_credentials(bob, "link", static_b)), first + 10 * 86400 - 3600);
    sl_membership_free(bob);
}

static void credentials_are_for_one_handshake_in_one_place(void **state) {
    rig *r = *state;
    const sl_member list[] = {member(BOB, "bob", SL_ROLE_RELAY), member(EVE, "eve", SL_ROLE_RELAY)};
    sl_membership *alice = make(r, &(who){.number = ALICE, .id = "alice", .members = list, .member_count = 2});
    sl_membership *bob = make(r, &(who){.number = BOB, .id = "bob"});
    sl_membership *elsewhere =
        make(r, &(who){.number = BOB, .id = "bob", .network = "office", .members = list, .member_count = 2});
    sl_member m;
    slow_id id = id_of("bob"), eve = id_of("eve");
    uint8_t shown[SL_CREDENTIALS_MAX + 1];
    slow_bytes credentials = sl_membership_credentials(bob, "link", static_a);
    assert_int_equal(credentials.size, 32 + 8 + 64 + 1);
    memcpy(shown, credentials.data, credentials.size);
    slow_bytes copy = {shown, credentials.size};
    assert_int_equal(sl_membership_judge(alice, "link", &id, static_a, copy, &m), SL_WELCOME);
    assert_int_equal(sl_membership_judge(alice, "pair", &id, static_a, copy, &m), SL_REFUSED_SIGNATURE);
    assert_int_equal(sl_membership_judge(alice, "link", &id, static_b, copy, &m), SL_REFUSED_SIGNATURE);
    assert_int_equal(sl_membership_judge(elsewhere, "link", &id, static_a, copy, &m), SL_REFUSED_SIGNATURE);
    assert_int_equal(sl_membership_judge(alice, "link", &eve, static_a, copy, &m), SL_REFUSED_OTHER_KEY);
    memcpy(shown, list[1].key.bytes, SL_KEY_SIZE); /* her key, with his signature */
    assert_int_equal(sl_membership_judge(alice, "link", &eve, static_a, copy, &m), SL_REFUSED_SIGNATURE);
    assert_int_equal(sl_membership_judge(alice, "link", &id, static_a, (slow_bytes){NULL, 0}, &m),
                     SL_REFUSED_NO_IDENTITY);
    for (size_t size = 1; size < copy.size; size++)
        assert_int_equal(sl_membership_judge(alice, "link", &id, static_a, (slow_bytes){shown, size}, &m),
                         SL_REFUSED_MALFORMED);
    shown[copy.size] = 0;
    assert_int_equal(sl_membership_judge(alice, "link", &id, static_a, (slow_bytes){shown, copy.size + 1}, &m),
                     SL_REFUSED_MALFORMED);
    sl_membership_free(alice);
    sl_membership_free(bob);
    sl_membership_free(elsewhere);
}

static void where_nobody_has_an_identity_everybody_is_welcome(void **state) {
    rig *r = *state;
    sl_membership *open = make(r, &(who){.number = 0, .id = "alice"});
    sl_member m;
    assert_false(sl_membership_is_closed(open));
    assert_int_equal(sl_membership_credentials(open, "link", static_a).size, 0);
    assert_int_equal(sl_membership_sign(open, bytes_of("s")).size, 0);
    slow_id id = id_of("bob");
    assert_int_equal(sl_membership_judge(open, "link", &id, static_a, (slow_bytes){NULL, 0}, &m), SL_WELCOME);
    assert_true(sl_id_equal(&m.id, &id));
    assert_int_equal(verify(open, "bob", "s", (slow_bytes){NULL, 0}, NULL, NULL), SL_WELCOME);
    assert_int_equal(sl_membership_still(open, &m), SL_WELCOME);
    sl_membership_free(open);
}

/* ---- proofs ---- */

static void a_proof_is_of_its_origin_and_its_statement(void **state) {
    rig *r = *state;
    const sl_member list[] = {member(ALICE, "alice", SL_ROLE_RELAY), member(BOB, "bob", SL_ROLE_RELAY),
                              member(EVE, "eve", SL_ROLE_RELAY)};
    sl_membership *alice = make(r, &(who){.number = ALICE, .id = "alice", .members = list, .member_count = 3});
    sl_membership *bob = make(r, &(who){.number = BOB, .id = "bob", .members = list, .member_count = 3});
    sl_member m;
    uint32_t cost = 0;
    uint8_t bytes[SL_PROOF_MAX];
    slow_bytes proof = sl_membership_sign(bob, bytes_of("statement"));
    assert_int_equal(proof.size, 1 + 64);
    memcpy(bytes, proof.data, proof.size);
    slow_bytes copy = {bytes, proof.size};
    assert_int_equal(verify(alice, "bob", "statement", copy, &m, &cost), SL_WELCOME);
    assert_int_equal(cost, 1);
    assert_int_equal(verify(alice, "bob", "statement", copy, &m, &cost), SL_WELCOME);
    assert_int_equal(cost, 1); /* remembered */
    assert_int_equal(verify(alice, "bob", "another", copy, &m, &cost), SL_REFUSED_SIGNATURE);
    assert_int_equal(verify(alice, "eve", "statement", copy, &m, &cost), SL_REFUSED_SIGNATURE);
    assert_int_equal(verify(alice, "alice", "statement", copy, &m, &cost), SL_REFUSED_SIGNATURE);
    assert_int_equal(cost, 4);
    assert_int_equal(verify(alice, "nobody", "statement", copy, &m, &cost), SL_REFUSED_UNLISTED);
    assert_int_equal(verify(bob, "bob", "statement", copy, &m, &cost), SL_WELCOME); /* our own, come back */
    assert_int_equal(verify(alice, "bob", "statement", (slow_bytes){NULL, 0}, &m, &cost), SL_REFUSED_NO_IDENTITY);
    for (size_t size = 1; size < copy.size; size++)
        assert_int_equal(verify(alice, "bob", "statement", (slow_bytes){bytes, size}, &m, &cost), SL_REFUSED_MALFORMED);
    bytes[0] = 7;
    assert_int_equal(verify(alice, "bob", "statement", copy, &m, &cost), SL_REFUSED_MALFORMED);
    sl_membership_free(alice);
    sl_membership_free(bob);
}

static void a_proof_with_a_certificate_needs_no_list(void **state) {
    rig *r = *state;
    sl_grant grant = grant_of(ROOT, BOB, "bob", "plant", SL_ROLE_LEAF);
    const sl_member list[] = {member(BOB, "bob", SL_ROLE_RELAY)};
    sl_membership *alice = make(r, &(who){.number = ALICE, .id = "alice", .authority = ROOT});
    sl_membership *lister = make(r, &(who){.number = ALICE, .id = "alice", .members = list, .member_count = 1});
    sl_membership *bob = make(r, &(who){.number = BOB, .id = "bob", .grant = &grant});
    sl_member m;
    uint32_t cost = 0;
    slow_bytes proof = sl_membership_sign(bob, bytes_of("s"));
    assert_int_equal(proof.size, SL_PROOF_MAX);
    assert_int_equal(verify(alice, "bob", "s", proof, &m, &cost), SL_WELCOME);
    assert_int_equal(cost, 2);
    assert_int_equal(m.roles, SL_ROLE_LEAF);
    assert_int_equal(verify(alice, "bob", "t", sl_membership_sign(bob, bytes_of("t")), &m, &cost), SL_WELCOME);
    assert_int_equal(cost, 3); /* the grant is known */
    assert_int_equal(verify(lister, "bob", "t", sl_membership_sign(bob, bytes_of("t")), &m, &cost), SL_WELCOME);
    assert_int_equal(m.roles, SL_ROLE_RELAY);
    sl_loop_virtual_shift_wall(r->loop, 101000);
    assert_int_equal(verify(alice, "bob", "t", sl_membership_sign(bob, bytes_of("t")), &m, &cost), SL_REFUSED_EXPIRED);
    sl_membership_free(alice);
    sl_membership_free(lister);
    sl_membership_free(bob);
}

static void a_statement_has_a_limit(void **state) {
    rig *r = *state;
    const sl_member list[] = {member(BOB, "bob", SL_ROLE_RELAY)};
    sl_membership *bob = make(r, &(who){.number = BOB, .id = "bob", .members = list, .member_count = 1});
    uint8_t statement[SL_STATEMENT_MAX + 1] = {0};
    slow_id id = id_of("bob");
    slow_bytes proof = sl_membership_sign(bob, (slow_bytes){statement, SL_STATEMENT_MAX});
    assert_int_equal(proof.size, 65);
    assert_int_equal(sl_membership_verify(bob, &id, (slow_bytes){statement, SL_STATEMENT_MAX}, proof, NULL, NULL),
                     SL_WELCOME);
    assert_int_equal(sl_membership_verify(bob, &id, (slow_bytes){statement, SL_STATEMENT_MAX + 1}, proof, NULL, NULL),
                     SL_REFUSED_MALFORMED);
    assert_int_equal(sl_membership_sign(bob, (slow_bytes){statement, SL_STATEMENT_MAX + 1}).size, 0);
    sl_membership_free(bob);
}

/* ---- revocation ---- */

static void a_revoked_key_is_out_at_once_whatever_was_remembered(void **state) {
    rig *r = *state;
    sl_grant grant = grant_of(ROOT, BOB, "bob", "plant", SL_ROLE_RELAY);
    sl_membership *alice = make(r, &(who){.number = ALICE, .id = "alice", .authority = ROOT});
    sl_membership *bob = make(r, &(who){.number = BOB, .id = "bob", .grant = &grant});
    const sl_key keys[] = {identity_of(77).key, identity_of(BOB).key, identity_of(78).key};
    sl_member m;
    slow_bytes proof = sl_membership_sign(bob, bytes_of("s"));
    assert_int_equal(judge(alice, bob, "bob", &m), SL_WELCOME);
    assert_int_equal(verify(alice, "bob", "s", proof, &m, NULL), SL_WELCOME);
    assert_int_equal(sl_membership_revoke(alice, keys, 3), SLOW_OK);
    assert_false(sl_membership_has_pardoned(alice));
    assert_int_equal(sl_membership_revoke(alice, keys, 3), SLOW_OK);
    assert_false(sl_membership_has_pardoned(alice));
    assert_true(sl_membership_is_revoked(alice, &keys[1]));
    assert_int_equal(sl_membership_still(alice, &m), SL_REFUSED_REVOKED);
    assert_int_equal(judge(alice, bob, "bob", &m), SL_REFUSED_REVOKED);
    assert_int_equal(verify(alice, "bob", "s", proof, &m, NULL), SL_REFUSED_REVOKED);
    assert_int_equal(sl_membership_revoke(alice, NULL, 0), SLOW_OK);
    assert_true(sl_membership_has_pardoned(alice));
    assert_int_equal(judge(alice, bob, "bob", &m), SL_WELCOME);
    sl_membership_free(alice);
    sl_membership_free(bob);
}

/* The key of an authority that was stolen: nothing that it signed counts any more, but what the config says does. */
static void with_its_key_an_authority_is_revoked(void **state) {
    rig *r = *state;
    const sl_member list[] = {member(BOB, "bob", SL_ROLE_RELAY)};
    sl_grant grant = grant_of(ROOT, EVE, "eve", "plant", SL_ROLE_RELAY);
    sl_grant unused = grant_of(ROOT, BOB, "bob", "plant", SL_ROLE_RELAY);
    sl_membership *alice =
        make(r, &(who){.number = ALICE, .id = "alice", .authority = ROOT, .members = list, .member_count = 1});
    sl_membership *bob = make(r, &(who){.number = BOB, .id = "bob", .grant = &unused});
    sl_membership *eve = make(r, &(who){.number = EVE, .id = "eve", .grant = &grant});
    const sl_key root = identity_of(ROOT).key;
    sl_member b, e, ignored;
    slow_bytes proof = sl_membership_sign(eve, bytes_of("s"));
    assert_int_equal(judge(alice, bob, "bob", &b), SL_WELCOME);
    assert_int_equal(judge(alice, eve, "eve", &e), SL_WELCOME);
    assert_int_equal(verify(alice, "eve", "s", proof, NULL, NULL), SL_WELCOME);
    assert_int_equal(sl_membership_revoke(alice, &root, 1), SLOW_OK);
    assert_int_equal(sl_membership_still(alice, &e), SL_REFUSED_REVOKED);
    assert_int_equal(judge(alice, eve, "eve", &ignored), SL_REFUSED_REVOKED);
    assert_int_equal(verify(alice, "eve", "s", proof, NULL, NULL), SL_REFUSED_REVOKED);
    assert_int_equal(sl_membership_still(alice, &b), SL_WELCOME);
    assert_int_equal(judge(alice, bob, "bob", &ignored), SL_WELCOME);
    assert_int_equal(sl_membership_revoke(alice, NULL, 0), SLOW_OK);
    assert_int_equal(sl_membership_still(alice, &e), SL_WELCOME);
    assert_int_equal(judge(alice, eve, "eve", &ignored), SL_WELCOME);
    sl_membership_free(alice);
    sl_membership_free(bob);
    sl_membership_free(eve);
}

/* ---- a remote that tries ---- */

static void false_statements_push_out_nothing_that_is_true(void **state) {
    rig *r = *state;
    const sl_member list[] = {member(ALICE, "alice", SL_ROLE_RELAY), member(BOB, "bob", SL_ROLE_RELAY)};
    sl_membership *alice = make(r, &(who){.number = ALICE, .id = "alice", .members = list, .member_count = 2});
    sl_membership *bob = make(r, &(who){.number = BOB, .id = "bob", .members = list, .member_count = 2});
    sl_member m;
    uint32_t cost = 0;
    uint8_t bytes[SL_PROOF_MAX];
    slow_bytes proof = sl_membership_sign(bob, bytes_of("s"));
    assert_int_equal(verify(alice, "bob", "s", proof, &m, NULL), SL_WELCOME);
    memcpy(bytes, proof.data, proof.size);
    for (uint32_t i = 0; i < 2000; i++) {
        memcpy(bytes + 1, &i, sizeof i);
        assert_int_equal(verify(alice, "bob", "s", (slow_bytes){bytes, proof.size}, &m, &cost), SL_REFUSED_SIGNATURE);
    }
    assert_int_equal(cost, 2000);
    cost = 0;
    assert_int_equal(verify(alice, "bob", "s", proof, &m, &cost), SL_WELCOME);
    assert_int_equal(cost, 0);
    assert_int_equal(r->stats.count[SL_refused_signature], 2000);
    sl_membership_free(alice);
    sl_membership_free(bob);
}

static double ns_each(clock_t began, unsigned count) {
    return (double)(clock() - began) * 1e9 / CLOCKS_PER_SEC / count;
}

/* Figures, not limits: they stand in the log of the test. */
static void what_it_costs(void **state) {
    rig *r = *state;
    enum { TIMES = 500 };
    sl_grant grant = grant_of(ROOT, BOB, "bob", "plant", SL_ROLE_RELAY);
    sl_membership *alice = make(r, &(who){.number = ALICE, .id = "alice", .authority = ROOT});
    sl_membership *bob = make(r, &(who){.number = BOB, .id = "bob", .grant = &grant});
    sl_member m;
    uint8_t proofs[TIMES][SL_PROOF_MAX];
    clock_t began = clock();
    for (uint32_t i = 0; i < TIMES; i++) {
        slow_bytes proof = sl_membership_sign(bob, (slow_bytes){(const uint8_t *)&i, sizeof i});
        memcpy(proofs[i], proof.data, proof.size);
    }
    print_message("sign %.0f ns", ns_each(began, TIMES));
    slow_id id = id_of("bob");
    for (int round = 0; round < 2; round++) { /* the second: those that are still known are of one set */
        began = clock();
        for (uint32_t i = 0; i < TIMES; i++) {
            uint32_t n = round == 0 ? i : TIMES - 1;
            assert_int_equal(sl_membership_verify(alice, &id, (slow_bytes){(const uint8_t *)&n, sizeof n},
                                                  (slow_bytes){proofs[n], SL_PROOF_MAX}, &m, NULL),
                             SL_WELCOME);
        }
        print_message(round == 0 ? ", verify %.0f ns" : ", remembered %.0f ns\n", ns_each(began, TIMES));
    }
    assert_int_equal(r->stats.count[SL_signatures_checked], TIMES + 1);
    sl_membership_free(alice);
    sl_membership_free(bob);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_member_of_the_config_is_welcome_under_its_id_and_no_other),
        TEST(whom_the_config_binds_no_certificate_unbinds),
        TEST(a_certificate_lets_its_key_in_while_it_is_valid),
        TEST(a_certificate_of_elsewhere_is_none),
        TEST(a_forged_certificate_with_our_authoritys_name_is_refused),
        TEST(a_fingerprint_is_a_credential_where_nothing_else_is_configured),
        TEST(credentials_are_of_use_for_thirty_days),
        TEST(credentials_are_signed_once_and_anew_after_ten_days),
        TEST(credentials_are_for_one_handshake_in_one_place),
        TEST(where_nobody_has_an_identity_everybody_is_welcome),
        TEST(a_proof_is_of_its_origin_and_its_statement),
        TEST(a_proof_with_a_certificate_needs_no_list),
        TEST(a_statement_has_a_limit),
        TEST(a_revoked_key_is_out_at_once_whatever_was_remembered),
        TEST(with_its_key_an_authority_is_revoked),
        TEST(false_statements_push_out_nothing_that_is_true),
        TEST(what_it_costs),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
