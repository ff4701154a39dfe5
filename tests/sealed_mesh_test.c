/* Whole junctions in a line, whose ends seal what they say: what the junction between them gets to see, in the bytes that
 * lie in front of its forwarding; and best effort, which waits for its pair. The links are in plain here, so that nothing
 * but the seal of the pair stands between the relay and the messages. */
#include "core/loop_libevent.h"
#include "core/loop_virtual.h"
#include "sim/mesh.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ENDS = 2 };
static const char CANARY[] = "\"the canary that no relay may see\"";
static const sl_log no_log = {.level = SLOW_LOG_ERROR};

const slow_module *slow_module_v1_security_noise(void);

/* An end's security: what a junction has by its config. */
typedef struct end {
    sl_identity identity;
    slow_id id;
    sl_membership *membership;
    sl_instance *instance;
} end;

typedef struct line {
    sim_mesh *mesh;
    end ends[ENDS];
    const slow_codec_ops *codec; /* the relay's own */
    slow_codec_ops spying;
    uint64_t seen, hits, taken, canaries;
} line;

static line *the_line; /* a codec's functions get nothing of ours */

static bool has_canary(slow_bytes bytes) {
    return memmem(bytes.data, bytes.size, CANARY + 1, 8) != NULL ||
           memmem(bytes.data, bytes.size, "AAAAAAAA", 8) != NULL;
}

static slow_status spy(void *self, slow_bytes package, slow_route_view *view) {
    the_line->seen++;
    the_line->hits += has_canary(package);
    return the_line->codec->peek(self, package, view);
}

static void free_config(const slow_plugin *plugin, void *config) {
    (void)plugin;
    free(config);
}

static void seal(line *l, int which, uint32_t place) {
    sl_junction *j = l->mesh->nodes[place].junction;
    end *e = &l->ends[which];
    sl_member members[ENDS];
    for (int i = 0; i < ENDS; i++)
        members[i] = (sl_member){.id = l->ends[i].id, .key = l->ends[i].identity.key, .roles = SL_ROLE_RELAY};
    sl_membership_setup setup = {.identity = &e->identity,
                                 .network = j->claim.network,
                                 .id = &e->id,
                                 .members = members,
                                 .member_count = ENDS,
                                 .listed = true};
    e->membership = sl_membership_new(j->loop, &j->stats, &setup);
    const slow_plugin *plugin = slow_module_v1_security_noise()->plugins[0];
    sl_instance_env env = {.loop = j->loop, .pool = j->pool, .log = &no_log};
    slow_error error;
    assert_int_equal(sl_instance_new(plugin, calloc(1, plugin->config_size), free_config, &env, &e->instance, &error),
                     SLOW_OK);
    assert_int_equal(sl_instance_start(e->instance, &error), SLOW_OK);
    sl_pair_seal_env pairs = {.security = sl_instance_ops(e->instance),
                              .security_self = sl_instance_self(e->instance),
                              .membership = e->membership,
                              .network = j->claim.network,
                              .self = &j->claim.id};
    sl_delivery_seal(&j->delivery, &pairs, &no_log);
}

static void on_message(void *arg, sim_node *node, const sl_message *message) {
    line *l = arg;
    (void)node;
    l->taken++;
    l->canaries += has_canary(message->payload);
}

static int set_up(void **state) {
    const char *text = getenv("SLOW_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 1;
    line *l = calloc(1, sizeof *l);
    print_message("seed %" PRIu64 "\n", seed);
    l->mesh = sim_mesh_new(seed, 3);
    l->mesh->on_message = on_message;
    l->mesh->arg = l;
    sim_network_cable(l->mesh->network, 0, 1, 5 * SL_MS);
    sim_network_cable(l->mesh->network, 1, 2, 5 * SL_MS);
    sim_mesh_start_all(l->mesh);
    for (int i = 0; i < ENDS; i++) {
        uint8_t key[SL_KEY_SIZE] = {(uint8_t)(i + 1)};
        sl_identity_from_seed(&l->ends[i].identity, key);
        l->ends[i].id = sim_mesh_id(l->mesh, 2 * (uint32_t)i);
    }
    sl_codec *codec = &l->mesh->nodes[1].junction->codecs[0];
    l->codec = codec->ops;
    l->spying = *codec->ops;
    assert_non_null(l->codec->peek);
    l->spying.peek = spy;
    codec->ops = &l->spying;
    the_line = l;
    *state = l;
    return 0;
}

static int tear_down(void **state) {
    line *l = *state;
    for (uint32_t i = 0; i < ENDS; i++) {
        sl_junction *j = l->mesh->nodes[2 * i].junction;
        sl_peers_abandon(&j->delivery.peers);
        if (l->ends[i].instance == NULL)
            continue;
        sl_peers_free(&j->delivery.peers); /* before what they are sealed with */
        j->delivery.peers.buckets = NULL;
        j->delivery.peers.bucket_count = 0;
        assert_int_equal(sl_instance_free(l->ends[i].instance), 0);
        sl_membership_free(l->ends[i].membership);
    }
    sim_mesh_free(l->mesh);
    free(l);
    return 0;
}

static void send(line *l, uint32_t from, uint32_t to, bool reliable, size_t size) {
    char *text = malloc(size + sizeof CANARY);
    memset(text, 'A', size + sizeof CANARY);
    memcpy(text, CANARY, sizeof CANARY - 1);
    sl_message message = {.type = size > sizeof CANARY ? SLOW_BINARY : SLOW_JSON,
                          .flags = reliable ? SLOW_RELIABLE : 0,
                          .payload = {(uint8_t *)text, size > sizeof CANARY ? size : sizeof CANARY - 1}};
    assert_int_equal(sim_mesh_send_message(l->mesh, from, to, &message), SLOW_OK);
    free(text);
}

static uint64_t counted(const line *l, uint32_t place, enum sl_counter counter) {
    return l->mesh->nodes[place].junction->stats.count[counter];
}

static void send_some(line *l) {
    for (int i = 0; i < 20; i++) {
        send(l, 0, 2, true, 0);
        send(l, 2, 0, true, 3000);
        send(l, 0, 2, false, 5000);
        send(l, 2, 0, false, 0);
        sim_mesh_run(l->mesh, 50 * SL_MS);
    }
    sim_mesh_run(l->mesh, 2 * SL_SECOND);
}

/* The same without a seal, or this would show nothing. */
static void in_plain_the_relay_reads_everything(void **state) {
    line *l = *state;
    sim_mesh_run(l->mesh, 2 * SL_SECOND);
    send_some(l);
    assert_int_equal(l->canaries, 80);
    assert_true(l->hits >= 80);
}

static void sealed_it_reads_nothing(void **state) {
    line *l = *state;
    seal(l, 0, 0);
    seal(l, 1, 2);
    sim_mesh_run(l->mesh, 2 * SL_SECOND);
    send_some(l);
    print_message("%" PRIu64 " packages at the relay, %" PRIu64 " canaries\n", l->seen, l->hits);
    assert_int_equal(l->canaries, 80);
    assert_int_equal(l->hits, 0);
    assert_true(l->seen > 200);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(counted(l, i, SL_drop_package_forged) + counted(l, i, SL_drop_package_plain), 0);
}

static void best_effort_waits_for_its_pair_and_is_given_up_without_one(void **state) {
    line *l = *state;
    seal(l, 0, 0); /* the other end has no identity */
    sim_mesh_run(l->mesh, 2 * SL_SECOND);
    send(l, 0, 2, false, 0);
    send(l, 0, 2, false, 3000);
    sim_mesh_run(l->mesh, 4 * SL_SECOND);
    assert_int_equal(counted(l, 0, SL_drop_message_expired), 0);
    sim_mesh_run(l->mesh, 2 * SL_SECOND);
    assert_int_equal(counted(l, 0, SL_drop_message_expired), 2);
    assert_int_equal(l->taken, 0);
    assert_int_equal(l->hits, 0);
    assert_true(counted(l, 0, SL_drop_open_plain) > 0);
    send(l, 2, 0, false, 0); /* and what it says in plain is not taken */
    sim_mesh_run(l->mesh, 2 * SL_SECOND);
    assert_int_equal(l->taken, 0);
    assert_int_equal(counted(l, 0, SL_drop_package_plain), 1);
    sim_mesh_run(l->mesh, 60 * SL_SECOND);
    assert_int_equal(l->mesh->nodes[0].junction->delivery.peers.count, 0);
}

/* Many of them between few reliable ones: none of those is taken for lost. */
static void a_flood_of_best_effort_costs_reliable_messages_no_repetition(void **state) {
    line *l = *state;
    seal(l, 0, 0);
    seal(l, 1, 2);
    sim_mesh_run(l->mesh, 2 * SL_SECOND);
    send(l, 0, 2, true, 100);
    sim_mesh_run(l->mesh, SL_SECOND);
    for (int i = 0; i < 10; i++) {
        for (int k = 0; k < 100; k++) {
            send(l, 0, 2, true, 100);
            sim_mesh_run(l->mesh, 0); /* one after the other, all in this instant */
            send(l, 0, 2, false, 100);
            sim_mesh_run(l->mesh, 0);
        }
        sim_mesh_run(l->mesh, 200 * SL_MS);
    }
    sim_mesh_run(l->mesh, 2 * SL_SECOND);
    sl_peer_info info;
    assert_int_equal(sl_peers_info(&l->mesh->nodes[0].junction->delivery.peers, &info, 1), 1);
    assert_int_equal(l->taken, 2001);
    assert_int_equal(info.sender.retransmitted, 0);
    assert_int_equal(info.sender.recovery.lost, 0);
}

/* ---- by the config ---- */

static bool seals_by(const char *security) {
    char path[] = "/tmp/slow-sealed-XXXXXX", file[sizeof path + 16], text[1024];
    const char *build = getenv("SLOW_BUILD");
    slow_error error = {.text = ""};
    sl_config *config;
    sl_junction *j;
    uint8_t key[SL_KEY_SIZE];
    assert_non_null(build);
    assert_non_null(mkdtemp(path));
    snprintf(file, sizeof file, "%s/key", path);
    assert_int_equal(sl_secret_make_key(file, key, &error), SLOW_OK);
    snprintf(text, sizeof text,
             "{\"id\": \"a\", \"plugin_dirs\": [\"%s/lib/slow/1\"], \"transports\": [], \"routing\": "
             "[\"routing-flooding\"], "
             "\"security\": {\"plugin\": %s}}",
             build, security);
    char *hole = strstr(text, "FILE");
    if (hole != NULL) {
        memmove(hole + strlen(file), hole + 4, strlen(hole + 4) + 1);
        memcpy(hole, file, strlen(file));
    }
    sl_loop *loop = sl_loop_libevent_new(NULL);
    if (sl_config_parse("test", text, strlen(text), &config, &error) != SLOW_OK ||
        sl_junction_new(loop, config, &no_log, NULL, NULL, &j, &error) != SLOW_OK)
        fail_msg("%s", error.text);
    bool sealed = j->delivery.peers.sealed;
    sl_junction_free(j);
    sl_loop_free(loop);
    unlink(file);
    rmdir(path);
    return sealed;
}

static void a_junction_with_an_identity_seals_unless_it_is_told_not_to(void **state) {
    (void)state;
    assert_true(seals_by("\"security-noise\", \"identity\": \"FILE\", \"members\": []"));
    assert_false(seals_by("\"security-noise\", \"identity\": \"FILE\", \"members\": [], \"end_to_end\": false"));
    assert_false(seals_by("\"security-none\""));
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(in_plain_the_relay_reads_everything),
        CASE(sealed_it_reads_nothing),
        CASE(best_effort_waits_for_its_pair_and_is_given_up_without_one),
        CASE(a_flood_of_best_effort_costs_reliable_messages_no_repetition),
        cmocka_unit_test(a_junction_with_an_identity_seals_unless_it_is_told_not_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
