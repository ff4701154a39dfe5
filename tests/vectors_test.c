/* The vectors of docs/vectors against the code that speaks on the wire: what it writes is the bytes, what it reads of the
 * bytes are the fields, and what the vectors say is refused, is. link_vectors_test.c has the frames of an open link;
 * vectors.py is the other reader of the same files. */
#include "core/delivery_wire.h"
#include "core/id.h"
#include "core/link_wire.h"
#include "core/loop_virtual.h"
#include "core/membership.h"
#include "plugins/routing-distance-vector/message.h"
#include "plugins/routing-link-state/message.h"
#include "tools/slow-conform/made_package.h"
#include "support/vectors.h"
#include <slow/plugin.h>
#include <slow/wire.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

const slow_module *slow_module_v1_codec_json(void);
const slow_module *slow_module_v1_codec_protobuf(void);

/* ---- credentials ---- */

static sl_key key_of(const json_t *vector, const char *name) {
    octets bytes = octets_of(vector, name);
    sl_key key = {.bytes = {0}};
    assert_true(bytes.size == 0 || bytes.size == sizeof key.bytes);
    memcpy(key.bytes, bytes.data, bytes.size);
    return key;
}

static void grant_is(const json_t *f, slow_bytes bytes, const char *name) {
    sl_grant grant;
    uint8_t again[SL_GRANT_SIZE];
    assert_true(sl_grant_read(bytes, &grant));
    is_hex((slow_bytes){grant.key.bytes, SL_KEY_SIZE}, f, "key", name);
    is_field(grant.roles, f, "roles", name);
    is_field(grant.not_before, f, "not_before", name);
    is_field(grant.not_after, f, "not_after", name);
    is_hex((slow_bytes){grant.issuer, sizeof grant.issuer}, f, "issuer", name);
    is_hex((slow_bytes){grant.signature, SL_SIGNATURE_SIZE}, f, "signature", name);
    sl_grant_write(&grant, again);
    assert_memory_equal(again, bytes.data, sizeof again);
}

typedef struct court {
    sl_world *world;
    sl_loop *loop;
    sl_stats stats;
} court;

static void court_open(court *c) {
    *c = (court){.world = sl_world_new(1)};
    c->loop = sl_loop_virtual_new(c->world);
    sl_loop_virtual_shift_wall(
        c->loop,
        1800000000000 - (int64_t)sl_wall_ms(c->loop)); /* within the certificates' time, and when all was signed */
}

static void court_close(court *c) {
    sl_loop_free(c->loop);
    sl_world_free(c->world);
}

/* By one who has `listed` for this id in its config, or trusts `authority`. */
static enum sl_refusal judged(court *c, const json_t *vector) {
    static const uint8_t seed[SL_KEY_SIZE] = {99};
    sl_identity judge;
    slow_id own = {.text = "judge", .size = 5};
    octets listed = octets_of(vector, "listed"), trusted = octets_of(vector, "authority");
    octets static_key = octets_of(vector, "static_key"), bytes = octets_of(vector, "bytes");
    sl_key authority = key_of(vector, "authority");
    sl_member found, member = {.key = key_of(vector, "listed"), .roles = SL_ROLE_RELAY};
    const char *id = text_of(vector, "id");
    assert_true(sl_id_set(&member.id, (slow_bytes){(const uint8_t *)id, strlen(id)}));
    sl_identity_from_seed(&judge, seed);
    sl_membership_setup setup = {.identity = &judge,
                                 .network = text_of(vector, "network"),
                                 .id = &own,
                                 .members = &member,
                                 .member_count = listed.size > 0,
                                 .listed = true,
                                 .authorities = &authority,
                                 .authority_count = trusted.size > 0};
    sl_membership *m = sl_membership_new(c->loop, &c->stats, &setup);
    assert_non_null(m);
    enum sl_refusal refusal =
        sl_membership_judge(m, text_of(vector, "context"), &member.id, bytes_of(&static_key), bytes_of(&bytes), &found);
    sl_membership_free(m);
    return refusal;
}

static void credentials_are(const json_t *vector, const char *name) {
    const json_t *f = json_object_get(vector, "fields"), *granted = json_object_get(f, "grant");
    octets bytes = octets_of(vector, "bytes"), seed = octets_of(vector, "seed");
    octets static_key = octets_of(vector, "static_key");
    const char *text = text_of(vector, "id");
    sl_identity identity;
    slow_id id;
    sl_grant grant;
    court c;
    court_open(&c);
    is_hex((slow_bytes){bytes.data, SL_KEY_SIZE}, f, "key", name);
    slow_reader r = slow_reader_of((slow_bytes){bytes.data + SL_KEY_SIZE, 8});
    is_field(slow_read_u64(&r), f, "issued", name);
    is_hex((slow_bytes){bytes.data + SL_KEY_SIZE + 8, SL_SIGNATURE_SIZE}, f, "signature", name);
    if (granted != NULL) {
        slow_bytes part = {bytes.data + bytes.size - SL_GRANT_SIZE, SL_GRANT_SIZE};
        grant_is(granted, part, name);
        assert_true(sl_grant_read(part, &grant));
    }
    assert_true(sl_id_set(&id, (slow_bytes){(const uint8_t *)text, strlen(text)}));
    sl_identity_from_seed(&identity, seed.data);
    sl_membership_setup own = {.identity = &identity,
                               .network = text_of(vector, "network"),
                               .id = &id,
                               .listed = true,
                               .grant = granted != NULL ? &grant : NULL};
    sl_membership *m = sl_membership_new(c.loop, &c.stats, &own);
    assert_non_null(m);
    is_octets(sl_membership_credentials(m, text_of(vector, "context"), bytes_of(&static_key)), &bytes, name);
    sl_membership_free(m);
    is_number(judged(&c, vector), SL_WELCOME, "refusal", name);
    court_close(&c);
}

static void credentials_are_refused(const json_t *vector, const char *name) {
    court c;
    court_open(&c);
    if (judged(&c, vector) == SL_WELCOME)
        fail_msg("%s: was taken", name);
    court_close(&c);
}

static void credentials_are_as_specified(void **state) {
    (void)state;
    vectors_each("credentials", "accepted", credentials_are);
    vectors_each("credentials", "refused", credentials_are_refused);
}

/* ---- the opening ---- */

/* The payload of the first message, where there is no security to seal it. */
static void greeting_is(const json_t *f, slow_bytes payload, const char *name) {
    uint8_t out[SL_GREETING_SIZE];
    octets bytes = {.size = payload.size};
    sl_greeting got, greeting = {number_of(f, "time_ms"), (uint32_t)number_of(f, "index")};
    memcpy(bytes.data, payload.data, payload.size);
    sl_greeting_write(&greeting, out);
    is_octets((slow_bytes){out, sizeof out}, &bytes, name);
    assert_true(sl_greeting_read(payload, &got));
    is_field(got.time_ms, f, "time_ms", name);
    is_field(got.index, f, "index", name);
    assert_false(sl_greeting_read((slow_bytes){out, sizeof out - 1}, &got));
}

static void init_is(const json_t *f, const octets *frame, const char *name) {
    uint8_t out[VECTOR_MAX];
    sl_init got;
    octets handshake = octets_of(f, "handshake");
    sl_init init = {(uint32_t)number_of(f, "index"), hex64_of(f, "cookie"), bytes_of(&handshake)};
    is_octets((slow_bytes){out, sl_init_write(&init, out, sizeof out)}, frame, name);
    assert_true(sl_init_read(bytes_of(frame), SL_INIT_SIZE, &got));
    is_field(got.index, f, "index", name);
    is_hex64(got.cookie, f, "cookie", name);
    is_hex(got.handshake, f, "handshake", name);
    if (json_object_get(f, "greeting") != NULL)
        greeting_is(json_object_get(f, "greeting"), got.handshake, name);
}

static void cookie_is(const json_t *f, const octets *frame, const char *name) {
    uint8_t out[VECTOR_MAX];
    sl_cookie got, cookie = {(uint32_t)number_of(f, "peer_index"), hex64_of(f, "cookie")};
    is_octets((slow_bytes){out, sl_cookie_write(&cookie, out, sizeof out)}, frame, name);
    assert_true(sl_cookie_read(bytes_of(frame), &got));
    is_field(got.peer_index, f, "peer_index", name);
    is_hex64(got.cookie, f, "cookie", name);
}

static void resp_is(const json_t *f, const octets *frame, const char *name) {
    uint8_t out[VECTOR_MAX];
    sl_resp got;
    octets handshake = octets_of(f, "handshake");
    sl_resp resp = {(uint32_t)number_of(f, "index"), (uint32_t)number_of(f, "peer_index"), hex64_of(f, "tag"),
                    bytes_of(&handshake)};
    is_octets((slow_bytes){out, sl_resp_write(&resp, out, sizeof out)}, frame, name);
    assert_true(sl_resp_read(bytes_of(frame), &got));
    is_field(got.index, f, "index", name);
    is_field(got.peer_index, f, "peer_index", name);
    is_hex64(got.tag, f, "tag", name);
    is_hex(got.handshake, f, "handshake", name);
}

static void fin_is(const json_t *f, const octets *frame, const char *name) {
    uint8_t out[VECTOR_MAX];
    sl_fin got;
    octets handshake = octets_of(f, "handshake");
    sl_fin fin = {(uint32_t)number_of(f, "peer_index"), hex64_of(f, "echo"), hex64_of(f, "tag"), bytes_of(&handshake)};
    is_octets((slow_bytes){out, sl_fin_write(&fin, out, sizeof out)}, frame, name);
    assert_true(sl_fin_read(bytes_of(frame), &got));
    is_field(got.peer_index, f, "peer_index", name);
    is_hex64(got.echo, f, "echo", name);
    is_hex64(got.tag, f, "tag", name);
    is_hex(got.handshake, f, "handshake", name);
}

static void opening_is(const json_t *vector, const char *name) {
    const json_t *f = json_object_get(vector, "fields");
    octets frame = frame_of(vector);
    if (is_frame(vector, "INIT"))
        init_is(f, &frame, name);
    else if (is_frame(vector, "COOKIE"))
        cookie_is(f, &frame, name);
    else if (is_frame(vector, "RESP"))
        resp_is(f, &frame, name);
    else
        fin_is(f, &frame, name);
}

static void opening_is_refused(const json_t *vector, const char *name) {
    octets frame = frame_of(vector);
    bool taken = is_frame(vector, "INIT")     ? sl_init_read(bytes_of(&frame), SL_INIT_SIZE, &(sl_init){0})
                 : is_frame(vector, "COOKIE") ? sl_cookie_read(bytes_of(&frame), &(sl_cookie){0})
                 : is_frame(vector, "RESP")   ? sl_resp_read(bytes_of(&frame), &(sl_resp){0})
                                              : sl_fin_read(bytes_of(&frame), &(sl_fin){0});
    if (taken)
        fail_msg("%s: was taken", name);
}

static void frames_of_the_opening_are_as_specified(void **state) {
    (void)state;
    vectors_each("opening", "accepted", opening_is);
    vectors_each("opening", "refused", opening_is_refused);
}

/* ---- claims ---- */

static sl_names names_of(const json_t *fields, const char *key) {
    const json_t *list = json_object_get(fields, key);
    sl_names names = {.count = (uint8_t)json_array_size(list)};
    for (size_t i = 0; i < names.count; i++)
        snprintf(names.name[i], SL_NAME_SIZE, "%s", json_string_value(json_array_get(list, i)));
    return names;
}

/* Of a list that never changed there are no numbers, and its places count. */
static sl_protocols protocols_of(const json_t *fields) {
    const json_t *numbers = json_object_get(fields, "numbers");
    sl_protocols protocols = {.names = names_of(fields, "protocols"),
                              .generation = numbers == NULL ? 0 : (uint32_t)number_of(fields, "generation")};
    for (uint8_t i = 0; i < protocols.names.count; i++)
        protocols.number[i] = numbers == NULL ? i : (uint8_t)json_integer_value(json_array_get(numbers, i));
    return protocols;
}

static sl_claim claim_of(const json_t *f, const octets *credentials) {
    sl_claim claim = {.version = (uint16_t)number_of(f, "version"),
                      .start = hex64_of(f, "start"),
                      .codecs = names_of(f, "codecs"),
                      .frame_max = (uint32_t)number_of(f, "frame_max"),
                      .features = (uint32_t)number_of(f, "features"),
                      .credentials = bytes_of(credentials)};
    const char *id = text_of(f, "id");
    claim.protocols = protocols_of(f);
    snprintf(claim.network, sizeof claim.network, "%s", text_of(f, "network"));
    assert_true(sl_id_set(&claim.id, (slow_bytes){(const uint8_t *)id, strlen(id)}));
    return claim;
}

static void are_names(const sl_names *got, const sl_names *expected, const char *name) {
    is_number(got->count, expected->count, "count of names", name);
    for (size_t i = 0; i < got->count; i++)
        assert_string_equal(got->name[i], expected->name[i]);
}

static void claim_is(const json_t *vector, const char *name) {
    const json_t *f = json_object_get(vector, "fields");
    octets bytes = octets_of(vector, "bytes"), credentials = octets_of(f, "credentials"), all = bytes;
    sl_claim got, claim = claim_of(f, &credentials);
    uint8_t out[VECTOR_MAX];
    is_octets((slow_bytes){out, sl_claim_write(&claim, out, sizeof out)}, &bytes, name);
    if (json_object_get(vector, "trailing") != NULL) {
        octets trailing = octets_of(vector, "trailing");
        memcpy(all.data + all.size, trailing.data, trailing.size);
        all.size += trailing.size;
    }
    assert_true(sl_claim_read(bytes_of(&all), &got));
    is_field(got.version, f, "version", name);
    assert_string_equal(got.network, claim.network);
    assert_true(sl_id_equal(&got.id, &claim.id));
    is_hex64(got.start, f, "start", name);
    are_names(&got.codecs, &claim.codecs, name);
    are_names(&got.protocols.names, &claim.protocols.names, name);
    is_number(got.protocols.generation, claim.protocols.generation, "generation", name);
    assert_memory_equal(got.protocols.number, claim.protocols.number, claim.protocols.names.count);
    is_field(got.frame_max, f, "frame_max", name);
    is_field(got.features, f, "features", name);
    is_hex(got.credentials, f, "credentials", name);
}

static void claim_is_refused(const json_t *vector, const char *name) {
    octets bytes = octets_of(vector, "bytes");
    sl_claim claim;
    if (sl_claim_read(bytes_of(&bytes), &claim))
        fail_msg("%s: was taken", name);
}

static void claims_are_as_specified(void **state) {
    (void)state;
    vectors_each("claims", "accepted", claim_is);
    vectors_each("claims", "refused", claim_is_refused);
}

/* ---- packages ---- */

static uint8_t type_of(const json_t *fields) {
    static const char *const names[] = {
        [SLOW_JSON] = "json", [SLOW_BINARY] = "binary", [SLOW_CONTROL] = "control", [SLOW_SEALED] = "sealed"};
    for (uint8_t type = SLOW_JSON; type <= SLOW_SEALED; type++)
        if (strcmp(names[type], text_of(fields, "type")) == 0)
            return type;
    fail_msg("a vector has no type");
    return 0;
}

static slow_bytes id_of(const json_t *fields, const char *key) {
    const char *text = text_of(fields, key);
    return (slow_bytes){(const uint8_t *)text, strlen(text)};
}

static void package_in(const slow_codec_ops *codec, const slow_package *package, const octets *bytes,
                       const char *name) {
    static suite_arena arena;
    uint8_t out[VECTOR_MAX];
    size_t size = 0;
    slow_package got = {.struct_size = sizeof got};
    is_number((uint64_t)codec->encode(NULL, package, out, sizeof out, &size), SLOW_OK, codec->name, name);
    is_octets((slow_bytes){out, size}, bytes, name);
    slow_status status = codec->decode(NULL, bytes_of(bytes), suite_arena_open(&arena, sizeof arena.memory), &got);
    is_number((uint64_t)status, SLOW_OK, codec->name, name);
    if (!suite_equal(package, &got))
        fail_msg("%s: %s reads something else", name, codec->name);
}

static slow_package package_of(const json_t *f, octets *hint, octets *payload) {
    *hint = octets_of(f, "hint");
    *payload = octets_of(f, "payload");
    return (slow_package){.struct_size = sizeof(slow_package),
                          .type = type_of(f),
                          .priority = (uint8_t)number_of(f, "priority"),
                          .hop_limit = (uint8_t)number_of(f, "hop_limit"),
                          .hops = (uint8_t)number_of(f, "hops"),
                          .flags = (uint16_t)number_of(f, "flags"),
                          .kind = (uint16_t)number_of(f, "kind"),
                          .channel = (uint8_t)number_of(f, "channel"),
                          .src = id_of(f, "src"),
                          .dst = id_of(f, "dst"),
                          .session = hex64_of(f, "session"),
                          .packet = number_of(f, "packet"),
                          .message = number_of(f, "message"),
                          .offset = (uint32_t)number_of(f, "offset"),
                          .total = (uint32_t)number_of(f, "total"),
                          .hint = bytes_of(hint),
                          .payload = bytes_of(payload)};
}

static octets text_octets(const json_t *vector, const char *key) {
    const char *text = text_of(vector, key);
    octets out = {.size = strlen(text)};
    assert_true(out.size <= sizeof out.data);
    memcpy(out.data, text, out.size);
    return out;
}

static void package_is(const json_t *vector, const char *name) {
    octets hint, payload, protobuf = octets_of(vector, "protobuf"), text = text_octets(vector, "json");
    slow_package package = package_of(json_object_get(vector, "fields"), &hint, &payload);
    package_in(slow_module_v1_codec_protobuf()->plugins[0]->ops, &package, &protobuf, name);
    package_in(slow_module_v1_codec_json()->plugins[0]->ops, &package, &text, name);
}

/* Another writer's bytes, in one of the codecs. */
static void package_is_read(const json_t *vector, const char *name) {
    static suite_arena arena;
    bool in_json = json_object_get(vector, "json") != NULL;
    octets hint, payload, bytes = in_json ? text_octets(vector, "json") : octets_of(vector, "protobuf");
    slow_package package = package_of(json_object_get(vector, "fields"), &hint, &payload);
    slow_package got = {.struct_size = sizeof got};
    const slow_module *module = in_json ? slow_module_v1_codec_json() : slow_module_v1_codec_protobuf();
    const slow_codec_ops *codec = module->plugins[0]->ops;
    slow_status status = codec->decode(NULL, bytes_of(&bytes), suite_arena_open(&arena, sizeof arena.memory), &got);
    is_number((uint64_t)status, SLOW_OK, codec->name, name);
    if (!suite_equal(&package, &got))
        fail_msg("%s: %s reads something else", name, codec->name);
}

static void packages_are_refused(const json_t *list, const slow_codec_ops *codec, bool text) {
    static suite_arena arena;
    size_t i;
    json_t *vector;
    assert_true(json_array_size(list) > 0);
    json_array_foreach(list, i, vector) {
        octets bytes = text ? text_octets(vector, "text") : octets_of(vector, "bytes");
        slow_package got = {.struct_size = sizeof got};
        slow_status status = codec->decode(NULL, bytes_of(&bytes), suite_arena_open(&arena, sizeof arena.memory), &got);
        if (status != SLOW_E_MALFORMED)
            fail_msg("%s: %s was taken, or refused for another reason: %d", codec->name, text_of(vector, "name"),
                     (int)status);
    }
}

static void packages_are_as_specified_in_both_codecs(void **state) {
    (void)state;
    json_t *file = vectors_open("packages"), *refused = json_object_get(file, "refused");
    vectors_each("packages", "accepted", package_is);
    vectors_each("packages", "read", package_is_read);
    packages_are_refused(json_object_get(refused, "json"), slow_module_v1_codec_json()->plugins[0]->ops, true);
    packages_are_refused(json_object_get(refused, "protobuf"), slow_module_v1_codec_protobuf()->plugins[0]->ops, false);
    json_decref(file);
}

/* ---- the strategy distance-vector/1 ---- */

static uint64_t number_or_0(const json_t *fields, const char *key) {
    return json_object_get(fields, key) != NULL ? number_of(fields, key) : 0;
}

static void record_is(const json_t *vector, const char *name) {
    static const char *const kinds[] = {[DV_ORIGIN] = "ORIGIN",
                                        [DV_UPDATE] = "UPDATE",
                                        [DV_FORGET] = "FORGET",
                                        [DV_REQUEST] = "REQUEST",
                                        [DV_PROOF] = "PROOF"};
    const json_t *f = json_object_get(vector, "fields");
    octets bytes = octets_of(vector, "bytes"), proof = {.size = 0}, out;
    if (json_object_get(f, "proof") != NULL)
        proof = octets_of(f, "proof");
    struct dv_record got, record = {.handle = (uint32_t)number_or_0(f, "handle"),
                                    .ttl = (uint8_t)number_or_0(f, "ttl"),
                                    .word = {{number_or_0(f, "epoch"), (uint32_t)number_or_0(f, "seq")},
                                             (uint32_t)number_or_0(f, "metric")},
                                    .proven = (uint32_t)number_or_0(f, "proven"),
                                    .proof = bytes_of(&proof)};
    if (json_object_get(f, "id") != NULL)
        record.id = id_of(f, "id");
    for (record.kind = DV_ORIGIN; strcmp(kinds[record.kind], text_of(vector, "record")) != 0; record.kind++)
        assert_true(record.kind < DV_PROOF);
    slow_writer w = slow_writer_of(out.data, sizeof out.data);
    assert_true(dv_record_write(&w, &record));
    is_octets((slow_bytes){out.data, slow_writer_size(&w)}, &bytes, name);
    slow_reader r = slow_reader_of(bytes_of(&bytes));
    assert_true(dv_record_read(&r, &got));
    is_number(slow_reader_left(&r), 0, "what is left", name);
    is_number(got.kind, record.kind, "kind", name);
    is_number(got.handle, record.handle, "handle", name);
    is_number(got.word.stamp.epoch, record.word.stamp.epoch, "epoch", name);
    is_number(got.word.stamp.seq, record.word.stamp.seq, "seq", name);
    is_number(got.proven, record.proven, "proven", name);
    is_number(got.ttl, record.ttl, "ttl", name);
    is_number(got.id.size, record.id.size, "size of the id", name);
    assert_true(got.id.size == 0 || memcmp(got.id.data, record.id.data, got.id.size) == 0);
    is_octets(got.proof, &proof, name);
    if (json_object_get(f, "metric") != NULL)
        is_field(got.word.metric, f, "metric", name);
}

static void record_is_refused(const json_t *vector, const char *name) {
    octets bytes = octets_of(vector, "bytes");
    slow_reader r = slow_reader_of(bytes_of(&bytes));
    struct dv_record record;
    if (dv_record_read(&r, &record))
        fail_msg("%s: was taken", name);
}

static void records_of_distance_vector_are_as_specified(void **state) {
    (void)state;
    vectors_each("distance-vector", "accepted", record_is);
    vectors_each("distance-vector", "refused", record_is_refused);
}

/* ---- the strategy link-state/1 */

static slow_bytes links_of(const json_t *fields, octets *out) {
    size_t i;
    const json_t *links = json_object_get(fields, "links");
    json_t *link;
    slow_writer w = slow_writer_of(out->data, LS_LINKS_MAX);
    json_array_foreach(links, i, link) assert_true(
        ls_link_write(&w, id_of(link, "id"), (uint16_t)number_of(link, "cost"), json_object_get(link, "leaf") != NULL));
    out->size = slow_writer_size(&w);
    return bytes_of(out);
}

static void link_state_is(const json_t *vector, const char *name) {
    static const char *const kinds[] = {
        [LS_LSA] = "LSA", [LS_STAMP] = "STAMP", [LS_END] = "END", [LS_ASK] = "ASK", [LS_GO] = "GO"};
    const json_t *f = json_object_get(vector, "fields");
    octets bytes = octets_of(vector, "bytes"), proof = {.size = 0}, links, out;
    if (json_object_get(f, "proof") != NULL)
        proof = octets_of(f, "proof");
    struct ls_record got, record = {.fragment = (uint8_t)number_or_0(f, "fragment"),
                                    .age = (uint16_t)number_or_0(f, "age"),
                                    .stamp = {number_or_0(f, "epoch"), (uint32_t)number_or_0(f, "seq")},
                                    .proof = bytes_of(&proof),
                                    .links = links_of(f, &links)};
    if (json_object_get(f, "id") != NULL)
        record.id = id_of(f, "id");
    for (record.kind = LS_LSA; strcmp(kinds[record.kind], text_of(vector, "record")) != 0; record.kind++)
        assert_true(record.kind < LS_GO);
    slow_writer w = slow_writer_of(out.data, sizeof out.data);
    assert_true(ls_record_write(&w, &record));
    is_octets((slow_bytes){out.data, slow_writer_size(&w)}, &bytes, name);
    slow_reader r = slow_reader_of(bytes_of(&bytes));
    assert_true(ls_record_read(&r, &got));
    is_number(slow_reader_left(&r), 0, "what is left", name);
    is_number(got.kind, record.kind, "kind", name);
    is_number(got.fragment, record.fragment, "fragment", name);
    is_number(got.stamp.epoch, record.stamp.epoch, "epoch", name);
    is_number(got.stamp.seq, record.stamp.seq, "seq", name);
    is_number(got.age, record.age, "age", name);
    is_number(got.id.size, record.id.size, "size of the id", name);
    assert_true(got.id.size == 0 || memcmp(got.id.data, record.id.data, got.id.size) == 0);
    is_octets(got.proof, &proof, name);
    is_octets(got.links, &links, name);
}

static void link_state_is_refused(const json_t *vector, const char *name) {
    octets bytes = octets_of(vector, "bytes");
    slow_reader r = slow_reader_of(bytes_of(&bytes));
    struct ls_record record;
    if (ls_record_read(&r, &record))
        fail_msg("%s: was taken", name);
}

static void records_of_link_state_are_as_specified(void **state) {
    (void)state;
    vectors_each("link-state", "accepted", link_state_is);
    vectors_each("link-state", "refused", link_state_is_refused);
}

/* ---- TRACE_HOP ---- */

static void trace_hop_is(const json_t *vector, const char *name) {
    static const char *const fates[SL_HOP_FATES] = {"passed",    "arrived",    "no_route",
                                                    "hop_limit", "queue_full", "link_down"};
    const json_t *f = json_object_get(vector, "fields");
    octets bytes = octets_of(vector, "bytes");
    uint8_t out[SLOW_PAYLOAD_MAX];
    sl_hop_report got, report = {.session = hex64_of(f, "session"),
                                 .packet = number_of(f, "packet"),
                                 .place = (uint8_t)number_of(f, "place"),
                                 .wall_us = number_of(f, "wall_us"),
                                 .delay_us = (uint32_t)number_of(f, "delay_us")};
    if (text_of(f, "next")[0] != '\0')
        assert_true(sl_id_set(&report.next, id_of(f, "next")));
    while (strcmp(fates[report.fate], text_of(f, "fate")) != 0)
        assert_true(++report.fate < SL_HOP_FATES);
    is_octets((slow_bytes){out, sl_hop_report_write(out, &report)}, &bytes, name);
    assert_true(sl_hop_report_read(bytes_of(&bytes), &got));
    is_hex64(got.session, f, "session", name);
    is_field(got.packet, f, "packet", name);
    is_field(got.place, f, "place", name);
    is_number(got.fate, report.fate, "fate", name);
    is_number(got.wall_us, report.wall_us, "wall_us", name);
    is_field(got.delay_us, f, "delay_us", name);
    assert_true(sl_id_equal(&got.next, &report.next));
}

static void trace_hop_is_refused(const json_t *vector, const char *name) {
    octets bytes = octets_of(vector, "bytes");
    sl_hop_report report;
    if (sl_hop_report_read(bytes_of(&bytes), &report))
        fail_msg("%s: was taken", name);
}

static void reports_of_hops_are_as_specified(void **state) {
    (void)state;
    vectors_each("trace-hop", "accepted", trace_hop_is);
    vectors_each("trace-hop", "refused", trace_hop_is_refused);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_the_opening_are_as_specified),
        cmocka_unit_test(claims_are_as_specified),
        cmocka_unit_test(credentials_are_as_specified),
        cmocka_unit_test(packages_are_as_specified_in_both_codecs),
        cmocka_unit_test(records_of_distance_vector_are_as_specified),
        cmocka_unit_test(records_of_link_state_are_as_specified),
        cmocka_unit_test(reports_of_hops_are_as_specified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
