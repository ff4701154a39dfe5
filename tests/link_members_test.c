/* Nobody gets in without a credential: S2 of the promises, for links, by thirteen ways to try it; and what becomes of those
 * who were members once. Each attacker runs our own code, judges nobody, and both dials and is dialled. */
#include "support/station.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const slow_module *slow_module_v1_security_noise(void);
const slow_module *slow_module_v1_security_none(void);

enum { ALICE = 1, BOB, MALLORY, AUTHORITY = 9 }; /* places, and seeds of identities */
static const char KEY[] = "c2xvdyBuZXR3b3JrIGtleSBmb3IgdGVzdHMgb25seSE=";
static const char OTHER_KEY[] = "c2xvdyBuZXR3b3JrIGtleSBvZiBzb21lYm9keSBlbHM=";

typedef struct scene {
    wire_net *net;
    sl_member members[2];
    sl_key authority, revoked;
    sl_grant grants[4]; /* by place */
    station *alice, *mallory;
    uint8_t stolen[SL_CREDENTIALS_MAX];
    size_t stolen_size;
} scene;

static int set_up(void **state) {
    scene *s = calloc(1, sizeof *s);
    const char *seed = getenv("SLOW_SEED");
    uint64_t number = seed != NULL ? strtoull(seed, NULL, 10) : 1;
    print_message("seed %" PRIu64 "\n", number);
    s->net = wire_net_new(number);
    s->members[0] = station_member("alice", ALICE, SL_ROLE_RELAY);
    s->members[1] = station_member("bob", BOB, SL_ROLE_RELAY);
    s->authority = station_key(AUTHORITY);
    s->grants[ALICE] = station_grant(s->net, AUTHORITY, "alice", ALICE, SL_ROLE_RELAY, -60, 86400);
    s->grants[BOB] = station_grant(s->net, AUTHORITY, "bob", BOB, SL_ROLE_RELAY, -60, 86400);
    *state = s;
    return 0;
}

static int tear_down(void **state) {
    scene *s = *state;
    wire_net_free(s->net);
    free(s);
    return 0;
}

/* Who is let in by the list, or by the authority. */
static station_setup by_list(const scene *s, const char *id, uint8_t seed) {
    return (station_setup){.id = id,
                           .seed = seed,
                           .network_key = KEY,
                           .security = slow_module_v1_security_noise,
                           .members = s->members,
                           .member_count = 2};
}

static station_setup by_authority(const scene *s, const char *id, uint8_t seed, const sl_grant *grant) {
    return (station_setup){.id = id,
                           .seed = seed,
                           .network_key = KEY,
                           .security = slow_module_v1_security_noise,
                           .authority = &s->authority,
                           .grant = grant};
}

static enum sl_refusal welcome_anybody(void *arg, const sl_claim *theirs, slow_bytes proved, sl_member *member) {
    (void)arg;
    (void)proved;
    *member = (sl_member){.id = theirs->id, .roles = SL_ROLE_RELAY};
    return SL_WELCOME;
}

static void try_both_ways(scene *s, slow_time duration) {
    if (s->mallory->membership != NULL)
        s->mallory->links.env.opening.gate.judge = welcome_anybody;
    station_join(s->mallory, s->alice);
    station_join(s->alice, s->mallory);
    wire_net_run(s->net, duration);
}

static void assert_nobody_came(const scene *s) {
    print_message("counted: 1 ways, %" PRIu64 " dials, %" PRIu64 " links\n", s->alice->stats.count[SL_dials],
                  s->alice->stats.count[SL_links_opened] + s->alice->ups);
    assert_int_equal(station_links_up(s->alice), 0);
    assert_int_equal(s->alice->ups, 0);
    assert_true(s->alice->stats.count[SL_links_opened] == 0);
    assert_true(s->alice->stats.count[SL_dials] > 2);
}

static void refused(scene *s, const station_setup *defender, const station_setup *attacker, enum sl_counter counter) {
    s->alice = station_start(s->net, ALICE, defender);
    s->mallory = station_start(s->net, MALLORY, attacker);
    try_both_ways(s, 20 * SL_SECOND);
    assert_nobody_came(s);
    assert_true(s->alice->stats.count[counter] > 1);
    print_message("%s\n", s->alice->line);
}

/* ---- the thirteen ---- */

static void another_network_key(void **state) {
    scene *s = *state;
    station_setup alice = by_list(s, "alice", ALICE), mallory = by_list(s, "bob", BOB);
    mallory.network_key = OTHER_KEY;
    refused(s, &alice, &mallory, SL_drop_opening_malformed);
    assert_true(s->alice->stats.count[SL_links_refused] == 0);
    assert_true(s->alice->stats.count[SL_refused_network_key] > 1);
    assert_non_null(strstr(s->alice->line, "not sealed with our network key"));
    assert_string_equal(s->alice->links.joins.first->last_error,
                        "no answer: is a junction there, and is the network key the same at both ends?");
}

static void a_network_key_where_there_is_none_is_asked_about(void **state) {
    scene *s = *state;
    for (int stream = 0; stream < 2; stream++) {
        station_setup alice = by_list(s, "alice", ALICE), bob = by_list(s, "bob", BOB);
        bob.network_key = NULL;
        s->net->stream = stream;
        s->alice = station_start(s->net, ALICE, &alice);
        s->mallory = station_start(s->net, MALLORY, &bob);
        station_join(s->mallory, s->alice);
        station_join(s->alice, s->mallory);
        wire_net_run(s->net, 20 * SL_SECOND);
        assert_non_null(strstr(s->mallory->line, "it has a network key, and we have none"));
        assert_string_equal(s->mallory->links.joins.first->last_error,
                            "no answer: is a junction there, and has it a network key, which we have not?");
        station_stop(s->alice);
        station_stop(s->mallory);
    }
}

static void another_network(void **state) {
    scene *s = *state;
    station_setup alice = by_list(s, "alice", ALICE), mallory = by_list(s, "bob", BOB);
    mallory.network = "other";
    refused(s, &alice, &mallory, SL_refused_network);
    assert_true(s->alice->stats.count[SL_refused_signature] == 0);
    assert_non_null(strstr(s->alice->line, "another network: ours is \"net\", theirs is \"other\""));
}

static void who_is_not_listed(void **state) {
    scene *s = *state;
    station_setup alice = by_list(s, "alice", ALICE), mallory = by_list(s, "mallory", MALLORY);
    refused(s, &alice, &mallory, SL_refused_unlisted);
}

static void an_expired_certificate(void **state) {
    scene *s = *state;
    sl_grant grant = station_grant(s->net, AUTHORITY, "bob", BOB, SL_ROLE_RELAY, -7200, -3600);
    station_setup alice = by_authority(s, "alice", ALICE, &s->grants[ALICE]);
    station_setup mallory = by_authority(s, "bob", BOB, &grant);
    refused(s, &alice, &mallory, SL_refused_expired);
}

static void a_certificate_of_the_future(void **state) {
    scene *s = *state;
    sl_grant grant = station_grant(s->net, AUTHORITY, "bob", BOB, SL_ROLE_RELAY, 3600, 7200);
    station_setup alice = by_authority(s, "alice", ALICE, &s->grants[ALICE]);
    station_setup mallory = by_authority(s, "bob", BOB, &grant);
    refused(s, &alice, &mallory, SL_refused_not_yet);
}

static void a_revoked_key(void **state) {
    scene *s = *state;
    station_setup alice = by_authority(s, "alice", ALICE, &s->grants[ALICE]);
    station_setup mallory = by_authority(s, "bob", BOB, &s->grants[BOB]);
    s->revoked = station_key(BOB);
    alice.revoked = &s->revoked;
    alice.revoked_count = 1;
    refused(s, &alice, &mallory, SL_refused_revoked);
}

static void someone_elses_certificate(void **state) {
    scene *s = *state;
    station_setup alice = by_authority(s, "alice", ALICE, &s->grants[ALICE]);
    station_setup mallory = by_authority(s, "bob", MALLORY, &s->grants[BOB]);
    refused(s, &alice, &mallory, SL_refused_other_key);
    assert_int_equal(s->alice->worst, SLOW_LOG_ERROR); /* loudly */
    assert_non_null(strstr(s->alice->line, "; its certificate is for another key"));
}

static slow_bytes stolen_credentials(void *arg) {
    const scene *s = arg;
    return (slow_bytes){s->stolen, s->stolen_size};
}

/* A member shows another's credentials, which it was shown itself, beside its own static key. */
static void someone_elses_credentials_with_another_static_key(void **state) {
    scene *s = *state;
    station_setup alice = by_authority(s, "alice", ALICE, &s->grants[ALICE]);
    station_setup bob = by_authority(s, "bob", BOB, &s->grants[BOB]);
    station *victim = station_start(s->net, BOB, &bob);
    const slow_security_ops *ops = sl_instance_ops(victim->security);
    slow_bytes shown =
        sl_membership_credentials(victim->membership, "link", ops->static_key(sl_instance_self(victim->security)));
    memcpy(s->stolen, shown.data, shown.size);
    s->stolen_size = shown.size;
    station_stop(victim);
    bob.seed = MALLORY;
    s->alice = station_start(s->net, ALICE, &alice);
    s->mallory = station_start(s->net, MALLORY, &bob);
    s->mallory->links.env.opening.gate.arg = s;
    s->mallory->links.env.opening.gate.credentials = stolen_credentials;
    try_both_ways(s, 20 * SL_SECOND);
    assert_nobody_came(s);
    assert_true(s->alice->stats.count[SL_refused_signature] > 1);
}

static size_t kept_of_kind(const wire_net *net, uint8_t kind, size_t from) {
    while (from < net->kept_count && net->kept[from].bytes[0] != kind)
        from++;
    return from;
}

/* All three messages of an opening that went well, again: from where they came, and from elsewhere; to the same life of the
 * junction and to its next. */
static void the_messages_of_an_earlier_opening(void **state) {
    scene *s = *state;
    station_setup alice = by_list(s, "alice", ALICE), bob = by_list(s, "bob", BOB);
    s->alice = station_start(s->net, ALICE, &alice);
    s->mallory = station_start(s->net, MALLORY, &bob);
    s->net->keep = true;
    station_join(s->mallory, s->alice);
    wire_net_run(s->net, SL_SECOND);
    assert_non_null(station_neighbour(s->alice, "bob"));
    s->net->keep = false;
    station_stop(s->mallory);
    wire_net_run(s->net, 10 * SL_SECOND);
    assert_int_equal(station_links_up(s->alice), 0);
    for (int life = 0; life < 2; life++) {
        uint64_t opened = s->alice->stats.count[SL_links_opened];
        for (int elsewhere = 0; elsewhere < 2; elsewhere++)
            for (uint8_t kind = SL_FRAME_INIT; kind <= SL_FRAME_FIN; kind++)
                for (size_t i = kept_of_kind(s->net, kind, 0); i < s->net->kept_count;
                     i = kept_of_kind(s->net, kind, i + 1))
                    wire_net_inject(s->net, elsewhere ? "test://10.0.0.7:7" : s->net->kept[i].from, s->alice->address,
                                    s->net->kept[i].bytes, s->net->kept[i].size);
        wire_net_run(s->net, 10 * SL_SECOND);
        print_message("counted: 1 ways, %" PRIu64 " links\n", s->alice->stats.count[SL_links_opened] - opened);
        assert_true(s->alice->stats.count[SL_links_opened] == opened);
        assert_int_equal(station_links_up(s->alice), 0);
        assert_int_equal(s->alice->links.env.half_open.count, 0);
        station_stop(s->alice);
        s->alice = station_start(s->net, ALICE, &alice);
    }
}

/* Bob asks anew where alice was, and is answered with what she answered before, as if it were to this question. */
static void an_earlier_answer_to_a_new_question(void **state) {
    scene *s = *state;
    station_setup alice = by_list(s, "alice", ALICE), bob = by_list(s, "bob", BOB);
    s->mallory = station_start(s->net, ALICE, &alice);
    s->alice = station_start(s->net, BOB, &bob);
    s->net->keep = true;
    station_join(s->alice, s->mallory);
    wire_net_run(s->net, SL_SECOND);
    s->net->keep = false;
    assert_non_null(station_neighbour(s->alice, "alice"));
    datagram answer = s->net->kept[kept_of_kind(s->net, SL_FRAME_RESP, 0)];
    assert_int_equal(answer.bytes[0], SL_FRAME_RESP);
    station_stop(s->mallory);
    station_stop(s->alice);
    s->net->kept_count = 0;
    s->net->keep = true;
    s->mallory = station_start(s->net, ALICE, &alice); /* for its address alone */
    s->alice = station_start(s->net, BOB, &bob);
    station_join(s->alice, s->mallory);
    station_stop(s->mallory);
    for (int i = 0; i < 40; i++) {
        wire_net_run(s->net, 500 * SL_MS);
        const datagram *init = &s->net->kept[s->net->kept_count - 1];
        assert_int_equal(init->bytes[0], SL_FRAME_INIT);
        memcpy(answer.bytes + 8, init->bytes + 4, 4); /* peer_index */
        wire_net_inject(s->net, init->to, init->from, answer.bytes, answer.size);
    }
    assert_nobody_came(s);
    assert_true(s->alice->stats.count[SL_drop_opening_malformed] > 20);
    assert_true(s->net->kept_count > 10); /* it goes on asking meanwhile */
}

/* What alice says to mallory comes back to her, under the kind of every message: to the port that said it, and to the one
 * that listens. */
static void its_own_messages(void **state) {
    scene *s = *state;
    station_setup alice = by_list(s, "alice", ALICE), mallory = by_list(s, "bob", BOB);
    s->alice = station_start(s->net, ALICE, &alice);
    s->mallory = station_start(s->net, MALLORY, &mallory); /* an address to dial; the wire answers for it */
    s->net->keep = true;
    station_join(s->alice, s->mallory);
    station_stop(s->mallory);
    size_t at = 0;
    for (int round = 0; round < 500; round++) {
        wire_net_run(s->net, 50 * SL_MS);
        for (size_t end = s->net->kept_count; at < end; at++) {
            datagram d = s->net->kept[at];
            for (uint8_t kind = SL_FRAME_INIT; kind <= SL_FRAME_FIN; kind++) {
                uint8_t bytes[STATION_FRAME];
                memcpy(bytes, d.bytes, d.size);
                bytes[0] = kind;
                wire_net_inject(s->net, d.to, d.from, bytes, d.size);
                wire_net_inject(s->net, d.to, s->alice->address, bytes, d.size);
            }
        }
    }
    print_message("%zu frames reflected\n", at);
    assert_true(at > 20);
    assert_nobody_came(s);
}

static void its_own_id_and_key(void **state) {
    scene *s = *state;
    station_setup alice = by_list(s, "alice", ALICE);
    refused(s, &alice, &alice, SL_links_refused);
    assert_non_null(strstr(s->alice->line, "the id is our own"));
}

static void a_plain_junction(void **state) {
    scene *s = *state;
    station_setup alice = by_list(s, "alice", ALICE);
    station_setup mallory = {.id = "bob", .security = slow_module_v1_security_none};
    refused(s, &alice, &mallory, SL_drop_opening_malformed);
    assert_true(s->alice->stats.count[SL_links_refused] == 0);
}

static void a_plain_junction_refuses_one_with_keys(void **state) {
    scene *s = *state;
    station_setup alice = {.id = "alice", .security = slow_module_v1_security_none};
    station_setup mallory = by_list(s, "bob", BOB);
    s->alice = station_start(s->net, ALICE, &alice);
    s->mallory = station_start(s->net, MALLORY, &mallory);
    station_join(s->mallory, s->alice);
    station_join(s->alice, s->mallory);
    wire_net_run(s->net, 20 * SL_SECOND);
    assert_int_equal(station_links_up(s->alice) + station_links_up(s->mallory), 0);
}

static void an_older_version(void **state) {
    scene *s = *state;
    station_setup alice = by_list(s, "alice", ALICE), mallory = by_list(s, "bob", BOB);
    s->alice = station_start(s->net, ALICE, &alice);
    s->mallory = station_start(s->net, MALLORY, &mallory);
    s->mallory->claim.version = SL_LINK_VERSION - 1;
    try_both_ways(s, 20 * SL_SECOND);
    assert_nobody_came(s);
    assert_non_null(strstr(s->alice->line, "another protocol version"));
}

/* A key of the network, and no identity beside it. */
static void no_credentials_at_all(void **state) {
    scene *s = *state;
    station_setup alice = by_list(s, "alice", ALICE), mallory = by_list(s, "bob", 0);
    refused(s, &alice, &mallory, SL_refused_no_identity);
}

/* ---- and who has one gets in: the same scenes without what was wrong in them ---- */

static void whoever_has_a_credential_gets_in(void **state) {
    scene *s = *state;
    for (int authority = 0; authority < 2; authority++) {
        station_setup a = authority ? by_authority(s, "alice", ALICE, &s->grants[ALICE]) : by_list(s, "alice", ALICE);
        station_setup b = authority ? by_authority(s, "bob", BOB, &s->grants[BOB]) : by_list(s, "bob", BOB);
        s->net->stream = authority;
        station *alice = station_start(s->net, ALICE, &a), *bob = station_start(s->net, BOB, &b);
        station_join(bob, alice);
        wire_net_run(s->net, SL_SECOND);
        const sl_neighbour *n = station_neighbour(alice, "bob");
        assert_non_null(n);
        assert_true(sl_key_equal(&n->best->member.key, &bob->identity.key));
        assert_int_equal(n->best->member.roles, SL_ROLE_RELAY);
        assert_non_null(station_neighbour(bob, "alice"));
        assert_true(station_send(bob, "alice", 7) && station_send(alice, "bob", 8));
        wire_net_run(s->net, SL_SECOND);
        assert_int_equal(alice->got[7], 1);
        assert_int_equal(bob->got[8], 1);
        station_stop(alice);
        station_stop(bob);
    }
}

/* ---- refused without a word ---- */

static void a_refused_initiator_hears_nothing_more_and_gives_up_by_itself(void **state) {
    scene *s = *state;
    station_setup alice = by_list(s, "alice", ALICE), mallory = by_list(s, "mallory", MALLORY);
    s->alice = station_start(s->net, ALICE, &alice);
    s->mallory = station_start(s->net, MALLORY, &mallory);
    s->mallory->links.env.opening.gate.judge = welcome_anybody;
    s->net->keep = true;
    station_join(s->mallory, s->alice);
    wire_net_run(s->net, 60 * SL_SECOND);
    size_t answers = 0, openings = 0;
    for (size_t i = 0; i < s->net->kept_count; i++) {
        const datagram *d = &s->net->kept[i];
        bool of_alice = strcmp(d->from, s->alice->address) == 0;
        answers += of_alice;
        assert_true(!of_alice || d->bytes[0] == SL_FRAME_RESP);
        openings += d->bytes[0] == SL_FRAME_INIT;
    }
    print_message("%zu INITs, %zu answers; %s\n", openings, answers, s->mallory->line);
    assert_true(answers <= openings);
    assert_int_equal(s->mallory->ups, 0); /* to its own layers, too, there never was a neighbour */
    const sl_join *join = s->mallory->links.joins.first;
    assert_non_null(strstr(join->last_error, "did not answer our credentials"));
    assert_true(join->tries > 5 && openings < 60);
}

static void a_refused_answerer_gets_no_fin(void **state) {
    scene *s = *state;
    station_setup alice = by_list(s, "alice", ALICE), mallory = by_list(s, "mallory", MALLORY);
    s->alice = station_start(s->net, ALICE, &alice);
    s->mallory = station_start(s->net, MALLORY, &mallory);
    s->mallory->links.env.opening.gate.judge = welcome_anybody;
    s->net->keep = true;
    station_join(s->alice, s->mallory);
    wire_net_run(s->net, 20 * SL_SECOND);
    assert_true(s->alice->stats.count[SL_refused_unlisted] > 1);
    assert_int_equal(kept_of_kind(s->net, SL_FRAME_FIN, 0), s->net->kept_count);
    assert_nobody_came(s);
}

/* ---- one id, one key ---- */

static void of_two_keys_with_good_certificates_for_one_id_the_second_is_refused(void **state) {
    scene *s = *state;
    sl_grant second = station_grant(s->net, AUTHORITY, "bob", MALLORY, SL_ROLE_RELAY, -60, 86400);
    station_setup a = by_authority(s, "alice", ALICE, &s->grants[ALICE]);
    station_setup b = by_authority(s, "bob", BOB, &s->grants[BOB]);
    station_setup m = by_authority(s, "bob", MALLORY, &second);
    s->alice = station_start(s->net, ALICE, &a);
    station *bob = station_start(s->net, BOB, &b);
    station_join(bob, s->alice);
    wire_net_run(s->net, SL_SECOND);
    s->mallory = station_start(s->net, MALLORY, &m);
    station_join(s->mallory, s->alice);
    wire_net_run(s->net, 10 * SL_SECOND);
    assert_int_equal(station_links_up(s->alice), 1);
    assert_true(sl_key_equal(&station_neighbour(s->alice, "bob")->best->member.key, &bob->identity.key));
    assert_int_equal(s->alice->downs, 0);
    assert_true(s->alice->stats.count[SL_refused_other_key] > 1);
    assert_int_equal(s->alice->worst, SLOW_LOG_ERROR);
    char text[SL_KEY_TEXT], told[160];
    sl_key_text(&bob->identity.key, text);
    snprintf(told, sizeof told, "; the id is held by the key %s, at test://10.0.0.2:", text);
    assert_non_null(strstr(s->alice->line, told));
    station_stop(bob); /* a key may be changed for another when the old one is gone */
    wire_net_run(s->net, 20 * SL_SECOND);
    assert_non_null(station_neighbour(s->alice, "bob"));
}

/* Whom the list binds has the key that is listed; the log says which, or whose the key that was shown is. */
static void a_key_that_the_list_binds_otherwise_is_named(void **state) {
    scene *s = *state;
    static const char *const words[] = {"; our config binds the id to the key ",
                                        "; our config binds that key to the id bob"};
    for (int i = 0; i < 2; i++) {
        station_setup alice = by_list(s, "alice", ALICE);
        station_setup mallory = by_list(s, i == 0 ? "bob" : "mallory", i == 0 ? MALLORY : BOB);
        mallory.member_count = 0;
        refused(s, &alice, &mallory, SL_refused_other_key);
        assert_non_null(strstr(s->alice->line, words[i]));
        station_stop(s->alice);
        station_stop(s->mallory);
    }
}

/* One identity at two machines: each start takes the other's place, and a third junction sees both. */
static void one_that_runs_twice_is_told_of(void **state) {
    scene *s = *state;
    station_setup a = by_list(s, "alice", ALICE), b = by_list(s, "bob", BOB);
    s->alice = station_start(s->net, ALICE, &a);
    station *first = station_start(s->net, BOB, &b), *second = station_start(s->net, MALLORY, &b);
    station_join(first, s->alice);
    wire_net_run(s->net, SL_SECOND);
    assert_non_null(station_neighbour(s->alice, "bob"));
    assert_string_equal(s->alice->line, "");
    station_join(second, s->alice);
    wire_net_run(s->net, 60 * SL_SECOND);
    print_message("%s\n", s->alice->line);
    assert_non_null(strstr(s->alice->line, "bob opens from two places in turn (test://10.0.0."));
    assert_non_null(strstr(s->alice->line, "): is it running twice?"));
}

static void one_that_restarts_again_and_again_runs_once(void **state) {
    scene *s = *state;
    station_setup a = by_list(s, "alice", ALICE), b = by_list(s, "bob", BOB);
    s->alice = station_start(s->net, ALICE, &a);
    for (int i = 0; i < 10; i++) {
        station *bob = station_start(s->net, BOB, &b);
        station_join(bob, s->alice);
        wire_net_run(s->net, SL_SECOND);
        assert_non_null(station_neighbour(s->alice, "bob"));
        station_stop(bob);
    }
    assert_null(strstr(s->alice->line, "two places"));
}

/* ---- members no more ---- */

static void a_certificate_that_runs_out_ends_the_link(void **state) {
    scene *s = *state;
    sl_grant grant = station_grant(s->net, AUTHORITY, "bob", BOB, SL_ROLE_RELAY, -60, 30);
    station_setup a = by_authority(s, "alice", ALICE, &s->grants[ALICE]), b = by_authority(s, "bob", BOB, &grant);
    s->alice = station_start(s->net, ALICE, &a);
    station *bob = station_start(s->net, BOB, &b);
    station_join(bob, s->alice);
    wire_net_run(s->net, 29 * SL_SECOND);
    assert_non_null(station_neighbour(s->alice, "bob"));
    wire_net_run(s->net, 4 * SL_SECOND); /* no later than a second or two after its time */
    assert_null(station_neighbour(s->alice, "bob"));
    assert_null(station_neighbour(bob, "alice"));
    assert_non_null(strstr(s->alice->line, "let out"));
    assert_non_null(strstr(bob->line, "our certificate ran out at "));
    wire_net_run(s->net, 60 * SL_SECOND);
    assert_int_equal(station_links_up(s->alice), 0);
    assert_true(s->alice->stats.count[SL_refused_expired] > 1);
}

static void shift_days(scene *s, station *other, int64_t days) {
    sl_loop_virtual_shift_wall(s->alice->loop, days * 86400 * 1000);
    sl_loop_virtual_shift_wall(other->loop, days * 86400 * 1000);
}

static slow_bytes nothing_to_show(void *arg) {
    (void)arg;
    return (slow_bytes){NULL, 0};
}

/* Who has got hold of a static key, and not of the identity that dates it, does not keep its link for ever by never renewing
 * it. */
static void a_link_ends_with_the_credentials_that_opened_it(void **state) {
    scene *s = *state;
    station_setup a = by_list(s, "alice", ALICE), b = by_list(s, "bob", BOB);
    s->alice = station_start(s->net, ALICE, &a);
    station *bob = station_start(s->net, BOB, &b);
    station_join(bob, s->alice);
    wire_net_run(s->net, 10 * SL_SECOND);
    shift_days(s, bob, 29);
    wire_net_run(s->net, 100 * SL_SECOND);
    assert_int_equal(s->alice->ups, 1);
    assert_int_equal(station_links_up(s->alice), 1);
    bob->links.env.opening.gate.credentials = nothing_to_show;
    shift_days(s, bob, 2);
    wire_net_run(s->net, 70 * SL_SECOND);
    assert_null(station_neighbour(s->alice, "bob"));
    assert_true(s->alice->stats.count[SL_refused_stale] == 1);
    assert_int_equal(s->alice->ups, 1);
    assert_true(s->alice->stats.count[SL_refused_no_identity] > 0);
}

static void a_revocation_ends_the_link_at_once(void **state) {
    scene *s = *state;
    station_setup a = by_list(s, "alice", ALICE), b = by_list(s, "bob", BOB);
    s->alice = station_start(s->net, ALICE, &a);
    station *bob = station_start(s->net, BOB, &b);
    station_join(bob, s->alice);
    wire_net_run(s->net, 10 * SL_SECOND);
    assert_non_null(station_neighbour(s->alice, "bob"));
    sl_key key = station_key(BOB);
    assert_int_equal(sl_membership_revoke(s->alice->membership, &key, 1), SLOW_OK);
    sl_links_recheck(&s->alice->links);
    wire_net_run(s->net, 2 * SL_MS);
    assert_null(station_neighbour(s->alice, "bob"));
    assert_null(station_neighbour(bob, "alice"));
    assert_int_equal(s->alice->stats.count[SL_refused_revoked], 1);
    assert_non_null(strstr(bob->links.joins.first->last_error, "it let us out: we are not a member there"));
    wire_net_run(s->net, 60 * SL_SECOND);
    assert_int_equal(station_links_up(s->alice), 0);
    assert_int_equal(bob->ups, 1);
}

/* Who is refused again and again uses up the lines that there are for that, and not this one. */
static void another_key_is_told_beside_any_noise(void **state) {
    scene *s = *state;
    station_setup alice = by_list(s, "alice", ALICE), noisy = by_list(s, "mallory", MALLORY);
    station_setup liar = by_list(s, "bob", MALLORY);
    s->alice = station_start(s->net, ALICE, &alice);
    for (unsigned i = 0; i < 20; i++) {
        s->mallory = station_start(s->net, MALLORY, &noisy);
        s->mallory->links.env.opening.gate.judge = welcome_anybody;
        station_join(s->mallory, s->alice);
        wire_net_run(s->net, 10 * SL_MS);
        station_stop(s->mallory);
    }
    assert_true(s->alice->stats.count[SL_refused_unlisted] >= 20);
    assert_int_equal(s->alice->worst, SLOW_LOG_WARN);
    s->mallory = station_start(s->net, MALLORY, &liar);
    s->mallory->links.env.opening.gate.judge = welcome_anybody;
    station_join(s->mallory, s->alice);
    wire_net_run(s->net, 10 * SL_MS);
    assert_int_equal(s->alice->worst, SLOW_LOG_ERROR);
    assert_non_null(strstr(s->alice->line, "refused bob"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(another_network_key),
        TEST(a_network_key_where_there_is_none_is_asked_about),
        TEST(another_network),
        TEST(who_is_not_listed),
        TEST(an_expired_certificate),
        TEST(a_certificate_of_the_future),
        TEST(a_revoked_key),
        TEST(someone_elses_certificate),
        TEST(someone_elses_credentials_with_another_static_key),
        TEST(the_messages_of_an_earlier_opening),
        TEST(an_earlier_answer_to_a_new_question),
        TEST(its_own_messages),
        TEST(its_own_id_and_key),
        TEST(a_plain_junction),
        TEST(a_plain_junction_refuses_one_with_keys),
        TEST(an_older_version),
        TEST(no_credentials_at_all),
        TEST(whoever_has_a_credential_gets_in),
        TEST(a_refused_initiator_hears_nothing_more_and_gives_up_by_itself),
        TEST(a_refused_answerer_gets_no_fin),
        TEST(of_two_keys_with_good_certificates_for_one_id_the_second_is_refused),
        TEST(a_key_that_the_list_binds_otherwise_is_named),
        TEST(one_that_runs_twice_is_told_of),
        TEST(one_that_restarts_again_and_again_runs_once),
        TEST(a_certificate_that_runs_out_ends_the_link),
        TEST(a_link_ends_with_the_credentials_that_opened_it),
        TEST(a_revocation_ends_the_link_at_once),
        TEST(another_key_is_told_beside_any_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
