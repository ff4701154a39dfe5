/* Who is who, as a config says it: what is right arrives, and each mistake is named. Files are made in a folder of the test's
 * own; plugins are made up, as in config_test.c. */
#include "core/config.h"
#include "core/config_security.h"
#include "core/id.h"
#include "core/module.h"
#include "core/option.h"
#include <setjmp.h>
#include <slow/codec.h>
#include <slow/routing.h>
#include <slow/security.h>
#include <slow/transport.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

/* ---- plugins ---- */

static slow_status fake_create(const slow_host *host, const void *config, void **self, slow_error *error) {
    (void)host;
    (void)config;
    (void)self;
    (void)error;
    fail_msg("a config check must not make an instance");
    return SLOW_E_FAIL;
}

static void fake_destroy(void *self) {
    (void)self;
}

static const slow_option sealed_table[] = {
    {.key = "network_key", .type = SLOW_OPT_STRING, .flags = SLOW_OPT_SECRET_FILE}, {.key = NULL}};
static const slow_routing_ops routing_ops = {.struct_size = sizeof routing_ops, .protocol = "fake/1"};
static const slow_codec_ops codec_ops = {.struct_size = sizeof codec_ops, .name = "fake"};
static const slow_security_ops open_ops = {.struct_size = sizeof open_ops};
static const slow_security_ops sealed_ops = {.struct_size = sizeof sealed_ops, .tag_size = 16};

#define FAKE(name, text, a_kind, table, size, its_ops)           \
    static const slow_plugin name = {.struct_size = sizeof name, \
                                     .kind = a_kind,             \
                                     .id = text,                 \
                                     .options = table,           \
                                     .config_size = size,        \
                                     .create = fake_create,      \
                                     .destroy = fake_destroy,    \
                                     .ops = &its_ops}
FAKE(vector, "routing-distance-vector", SLOW_ROUTING, NULL, 0, routing_ops);
FAKE(json, "codec-json", SLOW_CODEC, NULL, 0, codec_ops);
FAKE(protobuf, "codec-protobuf", SLOW_CODEC, NULL, 0, codec_ops);
FAKE(none, "security-none", SLOW_SECURITY, NULL, 0, open_ops);
FAKE(sealed, "security-sealed", SLOW_SECURITY, sealed_table, sizeof(char *), sealed_ops);

/* Whose addresses stay on this machine, and whose do not. */
static slow_status local_check(const char *address, bool listen, uint32_t *flags, slow_error *error) {
    (void)address;
    (void)listen;
    (void)error;
    *flags = SLOW_LINK_LOCAL;
    return SLOW_OK;
}
static slow_status wide_check(const char *address, bool listen, uint32_t *flags, slow_error *error) {
    (void)address;
    (void)listen;
    (void)error;
    *flags = 0;
    return SLOW_OK;
}
static const slow_transport_ops local_ops = {.struct_size = sizeof local_ops, .scheme = "local", .check = local_check};
static const slow_transport_ops wide_ops = {.struct_size = sizeof wide_ops, .scheme = "wide", .check = wide_check};
FAKE(local, "transport-local", SLOW_TRANSPORT, NULL, 0, local_ops);
FAKE(wide, "transport-wide", SLOW_TRANSPORT, NULL, 0, wide_ops);

static const slow_plugin *const plugins[] = {&vector, &json, &protobuf, &none, &sealed, NULL};
static const slow_module module = {
    .struct_size = sizeof module, .abi_major = SLOW_ABI_MAJOR, .build = "test", .plugins = plugins};

static const slow_module *module_entry(void) {
    return &module;
}

const slow_module_fn slow_static_modules[] = {module_entry, NULL};

/* ---- a folder of files ---- */

/* Alice's key is made from 1, Bob's from 2, Carol's from 3, the authority's from 9. */
typedef struct rig {
    char before[256], folder[64];
    char alice[SL_KEY_TEXT], bob[SL_KEY_TEXT], carol[SL_KEY_TEXT], root[SL_KEY_TEXT];
} rig;

static const char *const files[] = {"alice.key",  "net.key",  "root.key",    "open.key",    "bad.key",
                                    "alice.cert", "bob.cert", "office.cert", "alicia.cert", "other.cert",
                                    "torn.cert",  "revoked",  "revoked.bad", "revoked.own", "pipe"};

static void put(const char *name, const char *text, mode_t mode) {
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(name, mode), 0);
}

static sl_identity identity_of(uint8_t number) {
    sl_identity identity;
    const uint8_t seed[SL_KEY_SIZE] = {number};
    sl_identity_from_seed(&identity, seed);
    return identity;
}

static void put_key(const char *name, uint8_t number, mode_t mode) {
    char text[SL_KEY_TEXT + 1];
    const uint8_t seed[SL_KEY_SIZE] = {number};
    sodium_bin2base64(text, sizeof text, seed, sizeof seed, sodium_base64_VARIANT_ORIGINAL);
    put(name, text, mode);
}

static void put_certificate(const char *name, uint8_t root, uint8_t number, const char *network, const char *id) {
    char text[SL_CERTIFICATE_TEXT_MAX];
    sl_identity authority = identity_of(root);
    sl_certificate c = {
        .grant = {
            .key = identity_of(number).key, .roles = SL_ROLE_LEAF, .not_before = 1600000000, .not_after = 1700000000}};
    strcpy(c.network, network);
    assert_true(sl_id_set(&c.id, (slow_bytes){(const uint8_t *)id, strlen(id)}));
    sl_certificate_sign(&c, &authority);
    assert_true(sl_certificate_write(&c, text, sizeof text) > 0);
    put(name, text, 0644);
}

static void key_text(uint8_t number, char out[SL_KEY_TEXT]) {
    sl_identity identity = identity_of(number);
    sl_key_text(&identity.key, out);
}

static int set_up(void **state) {
    rig *r = calloc(1, sizeof *r);
    char text[512];
    *state = r;
    strcpy(r->folder, "/tmp/slow-members-XXXXXX");
    if (sodium_init() < 0 || getcwd(r->before, sizeof r->before) == NULL || mkdtemp(r->folder) == NULL ||
        chdir(r->folder) != 0)
        return -1;
    key_text(1, r->alice);
    key_text(2, r->bob);
    key_text(3, r->carol);
    key_text(9, r->root);
    put_key("alice.key", 1, 0600);
    put_key("net.key", 77, 0600);
    put_key("root.key", 9, 0600);
    put_key("open.key", 1, 0640);
    put("bad.key", "not a key\n", 0600);
    put_certificate("alice.cert", 9, 1, "slow", "alice");
    put_certificate("bob.cert", 9, 2, "slow", "alice");
    put_certificate("office.cert", 9, 1, "office", "alice");
    put_certificate("alicia.cert", 9, 1, "slow", "alicia");
    put_certificate("other.cert", 8, 1, "slow", "alice");
    put("torn.cert", "-----BEGIN SLOW CERTIFICATE-----\nAAAA\n-----END SLOW CERTIFICATE-----\n", 0644);
    snprintf(text, sizeof text, "# who is out\n\n%s # since May\r\n  %s", r->bob, r->carol);
    put("revoked", text, 0644);
    snprintf(text, sizeof text, "%s\nbob\n", r->bob);
    put("revoked.bad", text, 0644);
    snprintf(text, sizeof text, "%s\n", r->alice);
    put("revoked.own", text, 0644);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    return 0;
}

static int tear_down(void **state) {
    rig *r = *state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        unlink(files[i]);
    int status = chdir(r->before);
    rmdir(r->folder);
    free(r);
    return status;
}

/* A config of alice's, with this under "security"; A, B, C and R stand for the public keys, behind an @. */
static slow_status parse(const rig *r, const char *security, sl_config **config, slow_error *error) {
    char text[2048];
    size_t used = (size_t)snprintf(text, sizeof text, "{\"id\": \"alice\",\n\"security\": ");
    for (const char *at = security; *at != '\0'; at++) {
        const char *key = at[0] != '@'   ? NULL
                          : at[1] == 'A' ? r->alice
                          : at[1] == 'B' ? r->bob
                          : at[1] == 'C' ? r->carol
                                         : r->root;
        used += (size_t)snprintf(text + used, sizeof text - used, key != NULL ? "%s" : "%.1s", key != NULL ? key : at);
        at += key != NULL;
    }
    used += (size_t)snprintf(text + used, sizeof text - used, "}");
    *config = NULL;
    error->text[0] = '\0';
    return sl_config_parse("a.json", text, used, config, error);
}

static sl_config *good(const rig *r, const char *security) {
    sl_config *config;
    slow_error error;
    if (parse(r, security, &config, &error) != SLOW_OK)
        fail_msg("refused: %s", error.text);
    return config;
}

/* ---- what is right ---- */

static void everything_arrives(void **state) {
    const rig *r = *state;
    sl_config *c =
        good(r, "{\"plugin\": \"security-sealed\", \"network_key\": \"net.key\", \"identity\": \"alice.key\","
                " \"members\": [{\"id\": \"bob\", \"key\": \"@B\"}, {\"id\": \"carol\", \"key\": \"@C\","
                " \"roles\": [\"admin\", \"leaf\"]}], \"authority\": [\"@R\"],"
                " \"certificate\": \"alice.cert\", \"revoked\": \"revoked\", \"end_to_end\": false}");
    sl_identity alice = identity_of(1), bob = identity_of(2), carol = identity_of(3), root = identity_of(9);
    assert_true(sl_key_equal(&c->identity->key, &alice.key));
    assert_memory_equal(c->identity->secret, alice.secret, sizeof alice.secret);
    assert_int_equal(c->member_count, 2);
    assert_true(c->listed);
    assert_true(sl_id_is(&c->members[0].id, (const uint8_t *)"bob", 3));
    assert_true(sl_key_equal(&c->members[0].key, &bob.key));
    assert_int_equal(c->members[0].roles, SL_ROLE_RELAY);
    assert_int_equal(c->members[1].roles, SL_ROLE_LEAF | SL_ROLE_ADMIN);
    assert_int_equal(c->authority_count, 1);
    assert_true(sl_key_equal(&c->authorities[0], &root.key));
    assert_int_equal(c->grant->not_after, 1700000000);
    assert_int_equal(c->revoked_count, 2);
    assert_true(sl_key_equal(&c->revoked[0], &bob.key) && sl_key_equal(&c->revoked[1], &carol.key));
    assert_string_equal(c->revoked_file, "revoked");
    assert_false(c->end_to_end);
    sl_config_free(c);
}

static void an_identity_alone_seals_end_to_end(void **state) {
    sl_config *c = good(*state, "{\"plugin\": \"security-sealed\", \"identity\": \"alice.key\"}");
    assert_true(c->end_to_end);
    assert_false(c->listed);
    sl_config_free(c);
    c = good(*state, "{\"plugin\": \"security-sealed\"}");
    assert_null(c->identity);
    assert_false(c->end_to_end);
    sl_identity alice = identity_of(1);
    assert_int_equal(sl_config_set_identity(c, &alice), SLOW_OK); /* as tests and the simulator do */
    assert_int_equal(sl_config_set_identity(c, &alice), SLOW_OK);
    assert_true(c->end_to_end && sl_key_equal(&c->identity->key, &alice.key));
    sl_config_free(c);
}

/* ---- what is wrong ---- */

#define SEALED "{\"plugin\": \"security-sealed\", \"identity\": \"alice.key\", "

static void each_mistake_is_named(void **state) {
    static const struct {
        const char *security, *line;
    } cases[] = {
        {"{\"plugin\": \"security-none\", \"identity\": \"alice.key\"}",
         "identity: means nothing with security-none, which proves nobody's key; expected a plugin that does"},
        {"{\"plugin\": \"security-none\", \"members\": []}", "members: means nothing with security-none, which proves"},
        {"{\"plugin\": \"security-sealed\", \"members\": []}",
         "members: means nothing without \"identity\"; expected the file of this junction's key beside it"},
        {"{\"plugin\": \"security-sealed\", \"authority\": [\"@R\"]}", "authority: means nothing without \"identity\""},
        {"{\"plugin\": \"security-sealed\", \"certificate\": \"alice.cert\"}", "certificate: means nothing without"},
        {"{\"plugin\": \"security-sealed\", \"revoked\": \"revoked\"}", "revoked: means nothing without \"identity\""},
        {"{\"plugin\": \"security-sealed\", \"end_to_end\": true}", "end_to_end: means nothing without \"identity\""},
        {"{\"plugin\": \"security-sealed\", \"identity\": 5}", "identity: 5 is wrong; expected a string of"},
        {"{\"plugin\": \"security-sealed\", \"identity\": \"nowhere.key\"}",
         "identity: nowhere.key: cannot be opened: No such file or directory"},
        {"{\"plugin\": \"security-sealed\", \"identity\": \"open.key\"}",
         "identity: others can read or change this secret (mode 0640): chmod 600 open.key"},
        {"{\"plugin\": \"security-sealed\", \"identity\": \"bad.key\"}",
         "identity: bad.key: is no identity; expected 32 bytes in base64 on one line"},
        {"{\"plugin\": \"security-sealed\", \"identity\": \"@A\"}",
         "identity: a key itself stands here; expected the "},
        {"{\"plugin\": \"security-sealed\", \"identity\": \"net.key\", \"network_key\": \"net.key\"}",
         "identity: is the key that every member has; expected a key of this junction's own"},
        {"{\"plugin\": \"security-sealed\", \"network_key\": \"bad.key\"}",
         "network_key: bad.key: is no key; expected 32"},
        {"{\"plugin\": \"security-sealed\", \"network_key\": \"open.key\"}", "network_key: others can read or change"},
        {"{\"plugin\": \"security-sealed\", \"identiy\": \"alice.key\"}",
         "identiy: unknown key; did you mean \"identity\"?"},
        {SEALED "\"members\": {}}", "members: is an object; expected a list of members"},
        {SEALED "\"members\": [5]}", "members[0]: is an integer; expected an object with \"id\" and \"key\""},
        {SEALED "\"members\": [{\"id\": \"bob\"}]}", "members[0].key: missing; expected a public key, 44 characters"},
        {SEALED "\"members\": [{\"key\": \"@B\"}]}", "members[0].id: missing; expected the id of a junction"},
        {SEALED "\"members\": [{\"id\": \"\", \"key\": \"@B\"}]}", "members[0].id: is no id; expected the id of a"},
        {SEALED "\"members\": [{\"id\": \"bob\", \"key\": \"abc\"}]}", "members[0].key: is no key; expected a public"},
        {SEALED "\"members\": [{\"id\": \"bob\", \"key\": 1}]}",
         "members[0].key: is an integer; expected a public key"},
        {SEALED "\"members\": [{\"id\": \"bob\", \"key\": \"@B\", \"role\": []}]}",
         "members[0].role: unknown key; did you mean \"roles\"?"},
        {SEALED "\"members\": [{\"id\": \"bob\", \"key\": \"@B\", \"roles\": []}]}",
         "members[0].roles: is empty; expected"},
        {SEALED "\"members\": [{\"id\": \"bob\", \"key\": \"@B\", \"roles\": [\"king\"]}]}",
         "members[0].roles[0]: is no role; expected \"relay\", \"leaf\" or \"admin\""},
        {SEALED "\"members\": [{\"id\": \"bob\", \"key\": \"@B\", \"roles\": [\"leaf\", \"relay\"]}]}",
         "members[0].roles: a member is a relay or a leaf, not both; expected roles, such as"},
        {SEALED "\"members\": [{\"id\": \"bob\", \"key\": \"@B\", \"roles\": [\"admin\"]}]}",
         "members[0].roles: a member is a relay or a leaf, not neither; expected roles, such as"},
        {SEALED "\"members\": [{\"id\": \"bob\", \"key\": \"@B\"}, {\"id\": \"bob\", \"key\": \"@C\"}]}",
         "members[1].id: bob stands already in members[0]; expected each member once"},
        {SEALED "\"members\": [{\"id\": \"bob\", \"key\": \"@B\"}, {\"id\": \"carol\", \"key\": \"@B\"}]}",
         "members[1].key: is that of members[0], bob; expected a key of its own for each member"},
        {SEALED "\"members\": [{\"id\": \"alice\", \"key\": \"@B\"}]}",
         "members[0].key: is not that of this junction's identity; expected its own, or another id"},
        {SEALED "\"members\": [{\"id\": \"bob\", \"key\": \"@A\"}]}",
         "members[0].id: has this junction's own key; expected this junction's id, or the key of bob"},
        {SEALED "\"authority\": \"@R\"}", "authority: is a string; expected a list of public keys of authorities"},
        {SEALED "\"authority\": [\"@R\", \"@R\"]}", "authority[1]: stands already at [0]; expected each key once"},
        {SEALED "\"authority\": [\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"]}",
         "authority[0]: is not a public key; is it a secret?"}, /* of small order */
        {SEALED "\"network_key\": \"root.key\", \"authority\": [\"@R\"]}",
         "authority[0]: has the network key for its secret, so that every member could let in anybody; expected "
         "another"},
        {SEALED "\"certificate\": \"nowhere\"}", "certificate: nowhere: cannot be read: No such file or directory"},
        {SEALED "\"certificate\": \"pipe\"}",
         "certificate: pipe: is a pipe or a device; expected a certificate in a file"},
        {SEALED "\"revoked\": \"pipe\"}", "revoked: pipe: is a pipe or a device; expected a list of keys in a file"},
        {SEALED "\"certificate\": \"alice.key\"}",
         "certificate: is no certificate; expected it to begin with the line"},
        {SEALED "\"certificate\": \"torn.cert\"}", "certificate: is a damaged certificate; expected all of what"},
        {SEALED "\"certificate\": \"bob.cert\"}", "certificate: is for the key @B, not for this junction's identity"},
        {SEALED "\"certificate\": \"office.cert\"}",
         "certificate: is for the network \"office\"; this junction's is \"slow\""},
        {SEALED "\"certificate\": \"alicia.cert\"}",
         "certificate: is for the id \"alicia\"; this junction's is \"alice\""},
        {SEALED "\"authority\": [\"@R\"], \"certificate\": \"other.cert\"}",
         "certificate: is signed by none of the keys of \"authority\"; expected one that is"},
        {SEALED "\"revoked\": \"nowhere\"}", "revoked: nowhere: cannot be read: No such file or directory"},
        {SEALED "\"revoked\": \"revoked.bad\"}", "revoked: revoked.bad:2: is no public key; expected 44 characters"},
        {SEALED "\"revoked\": \"revoked.own\"}", "revoked: names this junction's own key: nobody would let it in;"},
        {SEALED "\"end_to_end\": 1}", "end_to_end: 1 is wrong; expected true or false"},
    };
    const rig *r = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sl_config *config;
        slow_error error;
        char expected[512] = "a.json:2: security.";
        size_t used = strlen(expected);
        for (const char *at = cases[i].line; *at != '\0'; at++)
            if (at[0] == '@' && at[1] == 'B')
                used += (size_t)sprintf(expected + used, "%s", r->bob), at++;
            else
                expected[used++] = *at;
        expected[used] = '\0';
        slow_status status = parse(r, cases[i].security, &config, &error);
        if (status == SLOW_OK || strncmp(error.text, expected, strlen(expected)) != 0)
            fail_msg("case %zu: expected %s\n  got %s", i, expected, status == SLOW_OK ? "accepted" : error.text);
        assert_null(config);
    }
}

static void an_expired_certificate_is_an_error_with_its_place(void **state) {
    sl_config *c = good(*state, SEALED "\"certificate\": \"alice.cert\"}");
    slow_error error;
    assert_int_equal(sl_config_check_time(c, 1700000000, &error), SLOW_OK);
    assert_int_equal(sl_config_check_time(c, 1700000001, &error), SLOW_E_INVAL);
    assert_string_equal(error.text,
                        "a.json:2: security.certificate: ran out on 2023-11-14 22:13:20 UTC; expected a new one "
                        "from the authority (slowctl authority sign)");
    sl_config_free(c);
}

/* ---- what is allowed, and said ---- */

static void what_will_not_work_is_warned_of(void **state) {
    static const struct {
        const char *security, *warning[4];
    } cases[] = {
        {"\"security-none\"", {NULL}},
        {"{\"plugin\": \"security-sealed\", \"network_key\": \"net.key\"}", {"there is no \"identity\": whoever has"}},
        {"{\"plugin\": \"security-sealed\"}", {"there is neither \"identity\" nor network key"}},
        {SEALED "\"members\": [{\"id\": \"alice\", \"key\": \"@A\"}, {\"id\": \"bob\", \"key\": \"@B\"}]}",
         {"there is no network key: a port answers strangers"}},
        {SEALED "\"network_key\": \"net.key\", \"members\": [{\"id\": \"alice\", \"key\": \"@A\"}, "
                "{\"id\": \"bob\", \"key\": \"@B\"}]}",
         {NULL}},
        {SEALED "\"members\": []}",
         {"nobody can join", "there is no network key", "this junction's id has no credential"}},
        {SEALED "\"members\": [{\"id\": \"alice\", \"key\": \"@A\"}]}", {"nobody can join", "there is no network key"}},
        {SEALED "\"authority\": []}",
         {"nobody can join", "there is no network key", "this junction's id has no credential"}},
        {SEALED "\"network_key\": \"net.key\"}", {"this junction's id has no credential"}},
        {SEALED "\"end_to_end\": true}", {"there are neither \"members\" nor", "this junction's id has no credential"}},
        {SEALED "\"authority\": [\"@R\"], \"certificate\": \"alice.cert\"}", {"there is no network key"}},
        {SEALED "\"authority\": [\"@R\"], \"certificate\": \"alice.cert\", \"end_to_end\": false}",
         {"there is no network key", "\"end_to_end\" is false"}},
        {SEALED "\"authority\": [\"@A\", \"@R\"], \"certificate\": \"alice.cert\", \"network_key\": \"net.key\"}",
         {"this junction's \"identity\" is an authority's key, too"}},
        {SEALED "\"authority\": [\"@R\"]}", {"there is no network key", "this junction's id has no credential"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char lines[SL_CONFIG_WARNINGS][SL_CONFIG_WARNING];
        sl_config *c = good(*state, cases[i].security);
        sl_option_free(c->security.plugin, c->security.options); /* as of a junction that has started */
        c->security.options = NULL;
        size_t count = sl_config_warnings(c, 1650000000, lines), expected = 0;
        for (; cases[i].warning[expected] != NULL; expected++)
            if (expected >= count ||
                strncmp(lines[expected], cases[i].warning[expected], strlen(cases[i].warning[expected])) != 0)
                fail_msg("case %zu: expected %s", i, cases[i].warning[expected]);
        if (count != expected)
            fail_msg("case %zu: also %s", i, lines[expected]);
        sl_config_free(c);
    }
}

static void a_certificate_that_is_young_or_old_is_warned_of_with_its_date(void **state) {
    char lines[SL_CONFIG_WARNINGS][SL_CONFIG_WARNING];
    sl_config *c = good(*state, SEALED "\"network_key\": \"net.key\", \"authority\": [\"@R\"], "
                                       "\"certificate\": \"alice.cert\"}");
    assert_int_equal(sl_config_warnings(c, 1599999999, lines), 1);
    assert_non_null(strstr(lines[0], "not valid before 2020-09-13 12:26:40 UTC"));
    assert_int_equal(sl_config_warnings(c, 1700000000 - 7 * 86400, lines), 0);
    assert_int_equal(sl_config_warnings(c, 1700000000 - 86400, lines), 1);
    assert_non_null(strstr(lines[0], "within a week, on 2023-11-14 22:13:20 UTC"));
    sl_config_free(c);
}

/* ---- where it may listen ---- */

static void only_what_keeps_somebody_out_listens_beyond_this_machine(void **state) {
    static const struct {
        const char *security, *refusal;
    } cases[] = {
        {"\"security-none\"", "wide://1 can be reached from outside, and security-none does not encrypt"},
        {"\"security-sealed\"", "wide://1 can be reached from outside, and without a network key and \"identity\""},
        {"{\"plugin\": \"security-sealed\", \"insecure\": true}", NULL},
        {"{\"plugin\": \"security-sealed\", \"network_key\": \"net.key\"}", NULL},
        {"{\"plugin\": \"security-sealed\", \"identity\": \"alice.key\"}", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        slow_error error;
        sl_config *c = good(*state, cases[i].security);
        assert_int_equal(sl_config_check_listen(c, &local, "local://1", &error), SLOW_OK);
        slow_status status = sl_config_check_listen(c, &wide, "wide://1", &error);
        assert_int_equal(status, cases[i].refusal == NULL ? SLOW_OK : SLOW_E_INVAL);
        if (cases[i].refusal != NULL && strncmp(error.text, cases[i].refusal, strlen(cases[i].refusal)) != 0)
            fail_msg("case %zu: %s", i, error.text);
        sl_config_free(c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_arrives),
        cmocka_unit_test(an_identity_alone_seals_end_to_end),
        cmocka_unit_test(each_mistake_is_named),
        cmocka_unit_test(an_expired_certificate_is_an_error_with_its_place),
        cmocka_unit_test(what_will_not_work_is_warned_of),
        cmocka_unit_test(a_certificate_that_is_young_or_old_is_warned_of_with_its_date),
        cmocka_unit_test(only_what_keeps_somebody_out_listens_beyond_this_machine),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
