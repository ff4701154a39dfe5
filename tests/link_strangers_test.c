/* What strangers get: S1 of the promises (with a network key, not one byte, whatever they send) and S7 (to an address that
 * has proved nothing never more than came from it); that they keep nobody out (S8); and that nothing dear is done for them.
 *
 * SLOW_LONG makes of a hundred thousand datagrams the million of the promise. */
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

enum { ALICE = 1, BOB, CAROL, DAVE, STRANGERS = 4096 };
static const char KEY[] = "c2xvdyBuZXR3b3JrIGtleSBmb3IgdGVzdHMgb25seSE=";
static const char OTHER_KEY[] = "c2xvdyBuZXR3b3JrIGtleSBvZiBzb21lYm9keSBlbHM=";

typedef struct scene {
    wire_net *net;
    sl_member members[4];
    station *alice, *bob;
    uint64_t random;
    datagram *own, *foreign; /* captured: of this network, and of another */
    size_t own_count, foreign_count;
    /* of strangers: bytes to alice, and from her */
    uint64_t in[STRANGERS], out[STRANGERS], out_in_all, in_in_all;
} scene;

static uint64_t below(scene *s, uint64_t bound) {
    return sl_splitmix(&s->random) % bound;
}

static int set_up(void **state) {
    scene *s = calloc(1, sizeof *s);
    const char *seed = getenv("SLOW_SEED");
    s->random = seed != NULL ? strtoull(seed, NULL, 10) : 1;
    print_message("seed %" PRIu64 "\n", s->random);
    s->net = wire_net_new(s->random);
    s->net->arg = s;
    s->members[0] = station_member("alice", ALICE, SL_ROLE_RELAY);
    s->members[1] = station_member("bob", BOB, SL_ROLE_RELAY);
    s->members[2] = station_member("carol", CAROL, SL_ROLE_RELAY);
    s->members[3] = station_member("dave", DAVE, SL_ROLE_RELAY);
    *state = s;
    return 0;
}

static int tear_down(void **state) {
    scene *s = *state;
    wire_net_free(s->net);
    free(s->own);
    free(s->foreign);
    free(s);
    return 0;
}

static station *start(scene *s, uint32_t place, const char *id, const char *key) {
    station_setup setup = {.id = id,
                           .seed = (uint8_t)place,
                           .network_key = key,
                           .security = slow_module_v1_security_noise,
                           .members = s->members,
                           .member_count = 4};
    return station_start(s->net, place, &setup);
}

/* What passes when two open a link and talk. */
static void capture(scene *s, station *a, station *b, datagram **out, size_t *count) {
    s->net->keep = true;
    s->net->kept_count = 0;
    station_join(b, a);
    for (uint32_t i = 0; i < 200; i++) {
        wire_net_run(s->net, 10 * SL_MS);
        station_send(a, "bob", 1000 + i);
        station_send(b, "alice", 1000 + i);
    }
    s->net->keep = false;
    *count = s->net->kept_count;
    *out = malloc(*count * sizeof **out);
    memcpy(*out, s->net->kept, *count * sizeof **out);
    assert_true(*count > 100);
}

/* Strangers are at 10.7.0.0/20, where nobody is: each a host of its own, or the cap for a host would answer for us. */
static bool stranger_of(const char *address, unsigned *stranger) {
    unsigned high, low;
    bool is = sscanf(address, "test://10.7.%u.%u:7", &high, &low) == 2;
    *stranger = is ? high * 256 + low : 0;
    return is;
}

static bool watch(void *arg, datagram *d) {
    scene *s = arg;
    unsigned stranger;
    if (stranger_of(d->to, &stranger)) {
        s->out[stranger] += d->size;
        s->out_in_all += d->size;
    }
    return true;
}

static void say(scene *s, unsigned stranger, const uint8_t *bytes, size_t size) {
    char from[STATION_ADDRESS];
    snprintf(from, sizeof from, "test://10.7.%u.%u:7", stranger / 256, stranger % 256);
    s->in[stranger] += size;
    s->in_in_all += size;
    wire_net_inject(s->net, from, s->alice->address, bytes, size);
}

static void fill(scene *s, uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)below(s, 256);
}

/* One to eight bytes or bits are others, or the end is missing, or something follows. */
static size_t mutate(scene *s, uint8_t *bytes, size_t from, size_t size) {
    uint64_t changes = 1 + below(s, 8);
    for (uint64_t i = 0; i < changes && from < size; i++) {
        size_t at = from + below(s, size - from);
        if (below(s, 2))
            bytes[at] ^= (uint8_t)(1u << below(s, 8));
        else
            bytes[at] = (uint8_t)below(s, 256);
    }
    if (below(s, 4) == 0)
        return 1 + below(s, size);
    if (below(s, 8) == 0 && size < STATION_FRAME) {
        size_t more = below(s, STATION_FRAME - size);
        fill(s, bytes + size, more);
        return size + more;
    }
    return size;
}

/* Where things lie in an INIT: kind 4, index 4, cookie 8, size 2, handshake. */
enum { INIT_INDEX = 4, INIT_COOKIE = 8, INIT_HANDSHAKE = 18, NOISE_FIRST = 60 };

static void spoil_init(scene *s, uint8_t *bytes) {
    bytes[INIT_HANDSHAKE + below(s, NOISE_FIRST)] ^= (uint8_t)(1 + below(s, 255));
}

/* One by the book, that nobody has heard yet: what somebody can make who has the keys of that station. */
static uint32_t fresh_init(const station *of, uint8_t *bytes) {
    slow_error error;
    sl_opening *opening = sl_opening_dial(&of->links.env.opening, &error);
    assert_non_null(opening);
    uint32_t size = opening->size;
    memcpy(bytes, opening->frame, size);
    sl_opening_free(opening, &of->links.env.opening);
    return size;
}

static const datagram *first_init(const datagram *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (list[i].bytes[0] == SL_FRAME_INIT)
            return &list[i];
    fail_msg("no INIT was captured");
    return NULL;
}

static size_t strange_datagram(scene *s, uint8_t *bytes) {
    size_t size;
    const datagram *d;
    switch (below(s, 6)) {
    case 0: /* noise */
        size = 1 + below(s, STATION_FRAME);
        fill(s, bytes, size);
        return size;
    case 1: /* noise that looks like a frame */
        size = 4 + below(s, STATION_FRAME - 4);
        fill(s, bytes, size);
        memset(bytes, 0, 4);
        bytes[0] = (uint8_t)below(s, 13);
        return size;
    case 2: { /* an INIT by the book, with a handshake of any bytes */
        uint8_t handshake[1024];
        size_t handshake_size = below(s, 3) ? NOISE_FIRST : below(s, sizeof handshake);
        fill(s, handshake, handshake_size);
        sl_init init = {.index = (uint32_t)below(s, UINT32_MAX) + 1,
                        .cookie = below(s, 2) ? 0 : below(s, UINT64_MAX),
                        .handshake = {handshake, handshake_size}};
        return sl_init_write(&init, bytes, STATION_FRAME);
    }
    case 3: /* another network's, as it is or changed */
        d = &s->foreign[below(s, s->foreign_count)];
        memcpy(bytes, d->bytes, d->size);
        return below(s, 2) ? d->size : mutate(s, bytes, 0, d->size);
    case 4: /* an INIT of this network, that was answered once; as it is, or as if it were another, or with a cookie */
        d = first_init(s->own, s->own_count);
        memcpy(bytes, d->bytes, d->size);
        if (below(s, 2))
            fill(s, bytes + INIT_INDEX, 4);
        if (below(s, 2))
            fill(s, bytes + INIT_COOKIE, 8);
        return d->size;
    default: /* this network's, as it is or changed */
        d = &s->own[below(s, s->own_count)];
        memcpy(bytes, d->bytes, d->size);
        return below(s, 2) ? d->size : mutate(s, bytes, 0, d->size);
    }
}

static void strangers_get_not_one_byte(void **state) {
    scene *s = *state;
    uint8_t bytes[STATION_FRAME];
    uint32_t count = getenv("SLOW_LONG") != NULL ? 1000000 : 100000;
    s->alice = start(s, ALICE, "alice", OTHER_KEY);
    s->bob = start(s, BOB, "bob", OTHER_KEY);
    capture(s, s->alice, s->bob, &s->foreign, &s->foreign_count);
    station_stop(s->alice);
    station_stop(s->bob);
    s->alice = start(s, ALICE, "alice", KEY);
    s->bob = start(s, BOB, "bob", KEY);
    capture(s, s->alice, s->bob, &s->own, &s->own_count);
    wire_net_run(s->net, SL_SECOND);
    s->net->pass = watch;
    sl_link *link = station_neighbour(s->alice, "bob")->best;
    uint64_t opened = s->alice->stats.count[SL_links_opened], pool = sl_pool_bytes(s->alice->pool);
    for (uint32_t i = 0; i < count; i++) {
        size_t size = strange_datagram(s, bytes);
        uint64_t before = link->highest_number;
        say(s, (unsigned)below(s, STRANGERS), bytes, size);
        assert_true(link->highest_number == before);
        if (s->out_in_all > 0)
            fail_msg("datagram %u, of kind %u and %zu bytes, was answered with %" PRIu64 " bytes", i, bytes[0], size,
                     s->out_in_all);
        if (i % 16 == 0) /* and in bob's name: for the link that stands */
            wire_net_inject(s->net, link->remote, s->alice->address, bytes, size);
        if (i % 100 == 0)
            wire_net_run(s->net, SL_MS);
    }
    print_message("%u datagrams, %" PRIu64 " bytes in, %" PRIu64 " bytes out\n", count, s->in_in_all, s->out_in_all);
    assert_int_equal(s->alice->links.env.half_open.count, 0);
    assert_true(s->alice->stats.count[SL_links_opened] == opened);
    assert_true(sl_pool_bytes(s->alice->pool) <= pool + 65536);
    assert_int_equal(s->alice->downs, 0);
    assert_int_equal(s->alice->links.links.used, 1);
    memset(s->alice->got, 0, sizeof s->alice->got);
    assert_true(station_send(s->bob, "alice", 7));
    wire_net_run(s->net, SL_SECOND);
    assert_int_equal(s->alice->got[7], 1);
    for (uint32_t i = 0; i < STATION_NUMBERS; i++) /* nothing old or made up was taken beside it */
        assert_true(s->alice->got[i] == (i == 7));
}

static bool hold_back(void *arg, datagram *d) {
    (void)arg;
    (void)d;
    return false;
}

/* An INIT that never came where it should. */
static void record_unheard_init(scene *s, uint8_t *bytes) {
    s->net->pass = hold_back;
    s->net->keep = true;
    station_join(s->bob, s->alice);
    wire_net_run(s->net, 10 * SL_MS);
    s->net->keep = false;
    const datagram *init = first_init(s->net->kept, s->net->kept_count);
    memcpy(bytes, init->bytes, init->size);
    assert_int_equal(init->size, SL_INIT_SIZE);
}

static void a_recorded_init_is_answered_once_and_not_for_long(void **state) {
    scene *s = *state;
    uint8_t bytes[STATION_FRAME], late[STATION_FRAME];
    s->alice = start(s, ALICE, "alice", KEY);
    s->bob = start(s, BOB, "bob", KEY);
    record_unheard_init(s, bytes);
    s->net->pass = watch;
    fresh_init(s->bob, late);
    say(s, 0, bytes, SL_INIT_SIZE);
    wire_net_run(s->net, SL_SECOND);
    uint64_t once = s->out_in_all;
    assert_true(once > 0 && once <= SL_INIT_SIZE);
    for (unsigned i = 1; i < 3000; i++) { /* for 25 minutes, so that every list has turned */
        say(s, i, bytes, SL_INIT_SIZE);
        wire_net_run(s->net, SL_SECOND / 2);
        if (s->out_in_all != once)
            fail_msg("after %u replays it was answered again", i);
        if (i == 580)
            assert_int_equal(s->alice->stats.count[SL_drop_opening_time], 0);
    }
    say(s, 3000, late, SL_INIT_SIZE); /* nobody heard it, and it is old */
    assert_true(s->out_in_all == once);
    print_message("one answer of %" PRIu64 " bytes; then %" PRIu64 " replays and %" PRIu64 " too old, %" PRIu64
                  " bytes\n",
                  once, s->alice->stats.count[SL_drop_opening_replayed], s->alice->stats.count[SL_drop_opening_time],
                  s->out_in_all - once);
    assert_true(s->alice->stats.count[SL_drop_opening_replayed] > 500);
    assert_true(s->alice->stats.count[SL_drop_opening_time] > 2000);
}

static void clocks_that_do_not_agree_are_told_to_the_operator(void **state) {
    scene *s = *state;
    s->alice = start(s, ALICE, "alice", KEY);
    s->bob = start(s, BOB, "bob", KEY);
    sl_loop_virtual_shift_wall(s->bob->loop, -301000);
    station_join(s->bob, s->alice);
    wire_net_run(s->net, SL_SECOND);
    assert_null(station_neighbour(s->alice, "bob"));
    assert_non_null(strstr(s->alice->line, "301 s behind our clock, expected at most 300"));
    sl_loop_virtual_shift_wall(s->bob->loop, 2000);
    wire_net_run(s->net, 20 * SL_SECOND);
    assert_non_null(station_neighbour(s->alice, "bob"));
}

/* ---- nobody is kept out ---- */

enum { BESIEGERS = 1024 };

/* Says an INIT from that many hosts in turn, each time one that `make` gives, and does with cookies what one should. */
typedef struct siege {
    scene *s;
    const station *maker; /* NULL: `bytes` again and again */
    uint8_t bytes[STATION_FRAME], from[BESIEGERS][SL_INIT_SIZE];
    uint64_t answers, cookies;
} siege;

static bool besiege_watch(void *arg, datagram *d) {
    siege *g = arg;
    unsigned stranger;
    if (!stranger_of(d->to, &stranger) || stranger >= BESIEGERS)
        return true;
    g->answers += d->bytes[0] == SL_FRAME_RESP;
    if (d->bytes[0] != SL_FRAME_COOKIE)
        return true;
    g->cookies++;
    memcpy(g->from[stranger] + INIT_COOKIE, d->bytes + 8, 8);
    datagram again = {.at = d->at, .size = SL_INIT_SIZE};
    memcpy(again.from, d->to, sizeof again.from);
    memcpy(again.to, d->from, sizeof again.to);
    memcpy(again.bytes, g->from[stranger], SL_INIT_SIZE);
    wire_net_fly(g->s->net, &again, SL_MS);
    return true;
}

/* How long carol takes to get in, who comes after 3 s of that. */
static slow_time besiege(siege *g, unsigned per_second) {
    scene *s = g->s;
    station *carol = NULL;
    slow_time began = 0;
    s->net->arg = g;
    s->net->pass = besiege_watch;
    for (unsigned i = 0; i < 30 * per_second; i++) {
        uint8_t *init = g->from[i % BESIEGERS];
        if (g->maker != NULL)
            fresh_init(g->maker, init);
        else
            memcpy(init, g->bytes, SL_INIT_SIZE);
        say(s, i % BESIEGERS, init, SL_INIT_SIZE);
        wire_net_run(s->net, SL_SECOND / per_second);
        if (carol == NULL && i >= 3 * per_second) {
            carol = start(s, CAROL, "carol", KEY);
            station_join(carol, s->alice);
            began = sl_world_now(s->net->world);
        }
        if (carol != NULL && station_neighbour(s->alice, "carol") != NULL)
            break;
    }
    assert_non_null(carol);
    assert_non_null(station_neighbour(s->alice, "carol"));
    slow_time took = sl_world_now(s->net->world) - began;
    print_message("%" PRIu64 " answers, %" PRIu64 " cookies; she took %" PRIu64 " ms\n", g->answers, g->cookies,
                  took / SL_MS);
    return took;
}

static void a_recording_keeps_nobody_out(void **state) {
    scene *s = *state;
    siege *g = calloc(1, sizeof *g);
    g->s = s;
    s->alice = start(s, ALICE, "alice", KEY);
    s->bob = start(s, BOB, "bob", KEY);
    record_unheard_init(s, g->bytes);
    station_stop(s->bob);
    assert_true(besiege(g, 150) < 200 * SL_MS);
    assert_int_equal(g->answers, 1);
    assert_int_equal(g->cookies, 0);
    free(g);
}

static void nor_does_who_has_the_network_key(void **state) {
    scene *s = *state;
    siege *g = calloc(1, sizeof *g);
    g->s = s;
    s->alice = start(s, ALICE, "alice", KEY);
    s->bob = start(s, BOB, "bob", KEY);
    g->maker = s->bob;
    assert_true(besiege(g, 400) < SL_SECOND);
    assert_true(g->answers > 256 && g->cookies > 256);
    free(g);
}

/* Whoever sees one frame and forges an address ends no opening with it. */
static void an_init_in_the_name_of_a_dialler_does_not_end_its_opening(void **state) {
    scene *s = *state;
    uint8_t bytes[STATION_FRAME];
    s->alice = start(s, ALICE, "alice", KEY);
    s->bob = start(s, BOB, "bob", KEY);
    station *carol = start(s, CAROL, "carol", KEY);
    s->net->latency_ns = 50 * SL_MS;
    s->net->keep = true;
    station_join(carol, s->alice);
    wire_net_run(s->net, SL_MS);
    const datagram *init = first_init(s->net->kept, s->net->kept_count);
    char from[STATION_ADDRESS];
    memcpy(from, init->from, sizeof from);
    wire_net_run(s->net, 60 * SL_MS); /* it came, and the answer is on its way */
    s->net->keep = false;
    assert_int_equal(s->alice->links.env.half_open.count, 1);
    for (unsigned i = 0; i < 20; i++) {
        fresh_init(s->bob, bytes);
        wire_net_inject(s->net, from, s->alice->address, bytes, SL_INIT_SIZE);
        wire_net_inject(s->net, from, s->alice->address, init->bytes, init->size);
    }
    wire_net_run(s->net, 100 * SL_MS);
    assert_non_null(station_neighbour(s->alice, "carol"));
}

/* ---- no amplification ---- */

/* INITs that are good, said again and again, from many addresses or few, whole and cut, in calm and under load, with FINs
 * that guess, and the rest. */
static void amplify(scene *s, uint32_t count) {
    uint8_t bytes[STATION_FRAME], fresh[64][STATION_FRAME];
    for (unsigned i = 0; i < 64; i++)
        fresh_init(s->bob, fresh[i]);
    s->net->pass = watch;
    for (uint32_t i = 0; i < count; i++) {
        const datagram *d = &s->own[below(s, s->own_count)];
        bool opening = below(s, 3) > 0;
        while (opening && d->bytes[0] != SL_FRAME_INIT)
            d = &s->own[below(s, s->own_count)];
        memcpy(bytes, d->bytes, d->size);
        size_t size = d->size;
        if (below(s, 4) == 0)
            size = mutate(s, bytes, 0, size);
        else if (opening && below(s, 2)) /* another index: another opening */
            memcpy(bytes, fresh[below(s, 64)], SL_INIT_SIZE);
        say(s, (unsigned)below(s, below(s, 2) ? 8 : STRANGERS), bytes, size);
        if (below(s, 64) == 0)
            wire_net_run(s->net, below(s, 500) * SL_MS);
    }
    wire_net_run(s->net, 10 * SL_SECOND);
    double worst = 0;
    for (unsigned i = 0; i < STRANGERS; i++) {
        if (s->out[i] > s->in[i])
            fail_msg("stranger %u: %" PRIu64 " bytes in, %" PRIu64 " out", i, s->in[i], s->out[i]);
        if (s->in[i] > 0 && (double)s->out[i] / (double)s->in[i] > worst)
            worst = (double)s->out[i] / (double)s->in[i];
    }
    print_message("%u datagrams, %" PRIu64 " bytes in, %" PRIu64 " out; at the worst %.2f to an address\n", count,
                  s->in_in_all, s->out_in_all, worst);
    assert_true(s->out_in_all > 0 && worst > 0.01); /* it did answer */
    assert_int_equal(s->alice->links.env.half_open.count, 0);
    assert_int_equal(s->alice->downs, 0);
}

static void an_unproved_address_never_gets_more_than_it_sent(void **state) {
    scene *s = *state;
    s->alice = start(s, ALICE, "alice", NULL);
    s->bob = start(s, BOB, "bob", NULL);
    capture(s, s->alice, s->bob, &s->own, &s->own_count);
    amplify(s, 20000);
}

static void nor_without_security(void **state) {
    scene *s = *state;
    station_setup a = {.id = "alice", .security = slow_module_v1_security_none}, b = a;
    b.id = "bob";
    s->alice = station_start(s->net, ALICE, &a);
    s->bob = station_start(s->net, BOB, &b);
    capture(s, s->alice, s->bob, &s->own, &s->own_count);
    amplify(s, 20000);
}

static unsigned inits_kept(const wire_net *net) {
    unsigned count = 0;
    for (size_t i = 0; i < net->kept_count; i++)
        count += net->kept[i].bytes[0] == SL_FRAME_INIT;
    return count;
}

/* COOKIEs are not authenticated: who sees an INIT can answer it as often as he likes, in the name of whom it was for. */
static void forged_cookies_make_a_dialler_say_one_init_more(void **state) {
    scene *s = *state;
    unsigned said[2];
    for (unsigned forged = 0; forged < 2; forged++) {
        uint8_t frame[64];
        s->bob = start(s, BOB, "bob", KEY);
        s->net->keep = true;
        s->net->kept_count = 0;
        assert_int_equal(sl_links_join(&s->bob->links, s->bob->port, "test://10.0.0.1:1", 1000000, 0, NULL), SLOW_OK);
        wire_net_run(s->net, SL_MS);
        datagram init = *first_init(s->net->kept, s->net->kept_count);
        for (unsigned i = 0; i < 4000; i++) {
            sl_init read;
            sl_init_read((slow_bytes){init.bytes, init.size}, SL_INIT_SIZE, &read);
            sl_cookie cookie = {.peer_index = read.index, .cookie = 1 + below(s, UINT64_MAX)};
            if (forged)
                wire_net_inject(s->net, init.to, init.from, frame, sl_cookie_write(&cookie, frame, sizeof frame));
            wire_net_run(s->net, SL_MS);
        }
        said[forged] = inits_kept(s->net);
        station_stop(s->bob);
    }
    print_message("%u INITs to nobody; %u when 4,000 forged cookies answer them\n", said[0], said[1]);
    assert_true(said[0] > 5);
    assert_int_equal(said[1], said[0] + 1);
}

/* ---- what strangers cost ---- */

typedef struct costs {
    slow_security_ops ops;
    const slow_security_ops *real;
    unsigned reads, writes; /* a write is a Diffie-Hellman, or two */
} costs;

static costs *counted; /* the table of a plugin has no room for an argument */

static slow_status count_read(slow_session *session, slow_bytes in, slow_bytes *payload, slow_bytes *key, bool *done) {
    counted->reads++;
    return counted->real->read(session, in, payload, key, done);
}
static slow_status count_write(slow_session *session, slow_bytes payload, uint8_t *out, size_t capacity, size_t *size,
                               bool *done) {
    counted->writes++;
    return counted->real->write(session, payload, out, capacity, size, done);
}

static void count_costs(station *s, costs *c) {
    c->real = s->links.env.opening.security;
    c->ops = *c->real;
    c->ops.read = count_read;
    c->ops.write = count_write;
    counted = c;
    s->links.env.opening.security = &c->ops;
}

static void nothing_dear_is_done_before_the_cookie_comes_back(void **state) {
    scene *s = *state;
    costs c = {.reads = 0};
    uint8_t bytes[STATION_FRAME];
    s->alice = start(s, ALICE, "alice", KEY);
    s->bob = start(s, BOB, "bob", KEY);
    capture(s, s->alice, s->bob, &s->own, &s->own_count);
    const datagram *init = s->own;
    assert_int_equal(init->bytes[0], SL_FRAME_INIT);
    wire_net_run(s->net, 2 * SL_SECOND);
    count_costs(s->alice, &c);
    s->net->pass = watch;
    memcpy(bytes, init->bytes, init->size);
    for (unsigned i = 0; i < 1000; i++) { /* who has not the key: no answer, no Diffie-Hellman, and no load */
        memcpy(bytes, init->bytes, init->size);
        spoil_init(s, bytes);
        say(s, i, bytes, init->size);
    }
    assert_int_equal(c.reads, 1000);
    assert_int_equal(c.writes, 0);
    assert_int_equal(s->out_in_all, 0);
    assert_true(s->alice->stats.count[SL_drop_opening_cookie] == 0);
    for (unsigned i = 0; i < 1000; i++) { /* who has it, and may be anywhere: fifty a second, then cookies */
        fresh_init(s->bob, bytes);
        say(s, i, bytes, init->size);
    }
    print_message("%u Diffie-Hellmans, %" PRIu64 " cookies\n", c.writes, s->alice->stats.count[SL_drop_opening_cookie]);
    assert_int_equal(c.writes, 50);
    assert_true(s->alice->stats.count[SL_drop_opening_cookie] == 950);
    s->alice->links.env.opening.security = c.real;
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(strangers_get_not_one_byte),
        TEST(a_recorded_init_is_answered_once_and_not_for_long),
        TEST(clocks_that_do_not_agree_are_told_to_the_operator),
        TEST(a_recording_keeps_nobody_out),
        TEST(nor_does_who_has_the_network_key),
        TEST(an_init_in_the_name_of_a_dialler_does_not_end_its_opening),
        TEST(an_unproved_address_never_gets_more_than_it_sent),
        TEST(nor_without_security),
        TEST(forged_cookies_make_a_dialler_say_one_init_more),
        TEST(nothing_dear_is_done_before_the_cookie_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
