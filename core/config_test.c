/* The config reader against plugins that are made up here: this program brings its own slow_static_modules, so nothing
 * depends on what lies in which directory. The files in etc/ and the real plugins meet in etc_test.c. */
#include "core/config.h"
#include "core/module.h"
#include "core/option.h"
#include <setjmp.h>
#include <slow/codec.h>
#include <slow/routing.h>
#include <slow/security.h>
#include <slow/transport.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* Hosts that begin with "local" are on this machine; a port must be there. */
static slow_status fake_check(const char *address, bool listen, uint32_t *flags, slow_error *error) {
    const char *host = strstr(address, "://") + 3;
    if (strchr(host, ':') == NULL) {
        *error = (slow_error){.code = SLOW_E_INVAL};
        snprintf(error->text, sizeof error->text, "\"%s\" has no port%s", address, listen ? " to listen on" : "");
        return SLOW_E_INVAL;
    }
    if (strcmp(host, "silent:1") == 0)
        return SLOW_E_INVAL;
    *flags = strncmp(host, "local", 5) == 0 ? SLOW_LINK_LOCAL : 0;
    return SLOW_OK;
}

typedef struct pace_options {
    slow_time pace;
    const char *label;
} pace_options;
static const slow_option pace_table[] = {
    {.key = "pace",
     .type = SLOW_OPT_DURATION,
     .offset = offsetof(pace_options, pace),
     .default_text = "2s",
     .min = 1000000,
     .max = 10000000000},
    {.key = "label", .type = SLOW_OPT_STRING, .offset = offsetof(pace_options, label)},
    {.key = NULL},
};
static const slow_option key_table[] = {{.key = "key", .type = SLOW_OPT_STRING, .flags = SLOW_OPT_REQUIRED, .min = 1},
                                        {.key = NULL}};

static const slow_transport_ops udp_ops = {.struct_size = sizeof udp_ops, .scheme = "udp", .check = fake_check};
static const slow_transport_ops tcp_ops = {.struct_size = sizeof tcp_ops, .scheme = "tcp", .check = fake_check};
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
FAKE(udp, "transport-udp", SLOW_TRANSPORT, pace_table, sizeof(pace_options), udp_ops);
FAKE(fast, "transport-fast", SLOW_TRANSPORT, NULL, 0, udp_ops); /* another plugin for the same scheme */
FAKE(tcp, "transport-tcp", SLOW_TRANSPORT, NULL, 0, tcp_ops);
FAKE(vector, "routing-distance-vector", SLOW_ROUTING, pace_table, sizeof(pace_options), routing_ops);
FAKE(flooding, "routing-flooding", SLOW_ROUTING, NULL, 0, routing_ops);
FAKE(json, "codec-json", SLOW_CODEC, NULL, 0, codec_ops);
FAKE(protobuf, "codec-protobuf", SLOW_CODEC, NULL, 0, codec_ops);
FAKE(none, "security-none", SLOW_SECURITY, NULL, 0, open_ops);
FAKE(sealed, "security-sealed", SLOW_SECURITY, key_table, sizeof(char *), sealed_ops);

static const slow_plugin *const plugins[] = {&udp,  &fast,     &tcp,  &vector, &flooding,
                                             &json, &protobuf, &none, &sealed, NULL};
static const slow_module module = {
    .struct_size = sizeof module, .abi_major = SLOW_ABI_MAJOR, .build = "test", .plugins = plugins};

static const slow_module *module_entry(void) {
    return &module;
}

const slow_module_fn slow_static_modules[] = {module_entry, NULL};

/* ---- helpers ---- */

static sl_config *good(const char *text) {
    sl_config *config = NULL;
    slow_error error = {.text = ""};
    if (sl_config_parse("a.json", text, strlen(text), &config, &error) != SLOW_OK)
        fail_msg("refused: %s", error.text);
    return config;
}

static void assert_refused(const char *text, const char *line) {
    sl_config *config = (sl_config *)(uintptr_t)text;
    slow_error error = {.text = ""};
    slow_status status = sl_config_parse("a.json", text, strlen(text), &config, &error);
    assert_string_equal(status == SLOW_OK ? "accepted" : error.text, line);
    assert_int_equal(error.code, status);
    assert_null(config);
}

/* ---- good ones ---- */

static void an_id_alone_is_a_config(void **state) {
    (void)state;
    sl_config *c = good("{\"id\": \"alice\"}");
    assert_int_equal(c->id.size, 5);
    assert_memory_equal(c->id.text, "alice\0", 6);
    assert_string_equal(c->network, "slow");
    assert_null(c->plugin_dirs);
    assert_int_equal(c->transport_count, 0);
    assert_int_equal(c->join_count, 0);
    assert_int_equal(c->routing_count, 1);
    assert_ptr_equal(c->routings[0].use.plugin, &vector);
    assert_int_equal(c->routings[0].preference, 100);
    assert_int_equal(c->codec_count, 2);
    assert_ptr_equal(c->codecs[0].plugin, &protobuf);
    assert_ptr_equal(c->codecs[1].plugin, &json);
    assert_ptr_equal(c->security.plugin, &none);
    assert_false(c->insecure);
    assert_int_equal(c->hop_limit, 64);
    assert_null(c->admin_socket);
    assert_int_equal(c->log_level, SLOW_LOG_INFO);
    assert_false(c->log_json);
    sl_config_free(c);
}

static void every_key_arrives_where_it_belongs(void **state) {
    (void)state;
    sl_config *c =
        good("{\"// what\": \"everything\", \"id\": \"caf\xc3\xa9\", \"network\": \"lab\", \"plugin_dirs\": [\"a\", "
             "\"b/c\"],"
             "\"security\": {\"plugin\": \"security-none\", \"insecure\": true, \"// why\": \"a trusted wire\"},"
             "\"transports\": [{\"plugin\": \"transport-udp\", \"listen\": [\"udp://local:1\", \"udp://wide:2\"],"
             "                  \"pace\": \"5ms\", \"label\": \"x\"}, \"transport-tcp\"],"
             "\"join\": [\"udp://far:1\", {\"address\": \"tcp://far:2\", \"cost_bias\": 50, \"cost_factor\": 1.5}],"
             "\"routing\": [{\"plugin\": \"routing-flooding\", \"preference\": 7}, \"routing-distance-vector\"],"
             "\"codecs\": [\"codec-json\", {\"plugin\": \"codec-protobuf\"}], \"hop_limit\": 255,"
             "\"admin\": {\"socket\": \"/run/a.sock\"}, \"log\": {\"level\": \"debug\", \"format\": \"json\"}}");
    assert_int_equal(c->id.size, 5);
    assert_string_equal(c->network, "lab");
    assert_string_equal(c->plugin_dirs[0], "a");
    assert_string_equal(c->plugin_dirs[1], "b/c");
    assert_null(c->plugin_dirs[2]);
    assert_true(c->insecure);
    assert_int_equal(c->transport_count, 2);
    assert_string_equal(c->transports[0].use.path, "transports[0]");
    assert_int_equal(c->transports[0].listen_count, 2);
    assert_string_equal(c->transports[0].listen[1], "udp://wide:2");
    const pace_options *options = c->transports[0].use.options;
    assert_int_equal(options->pace, 5000000);
    assert_string_equal(options->label, "x");
    assert_ptr_equal(c->transports[1].use.plugin, &tcp);
    assert_null(c->transports[1].use.options);
    assert_int_equal(c->join_count, 2);
    assert_string_equal(c->joins[0].address, "udp://far:1");
    assert_int_equal(c->joins[0].cost_bias, 0);
    assert_int_equal(c->joins[0].cost_factor_ppm, 1000000);
    assert_string_equal(c->joins[1].address, "tcp://far:2");
    assert_int_equal(c->joins[1].cost_bias, 50);
    assert_int_equal(c->joins[1].cost_factor_ppm, 1500000);
    assert_int_equal(c->routing_count, 2);
    assert_ptr_equal(c->routings[0].use.plugin, &flooding);
    assert_int_equal(c->routings[0].preference, 7);
    assert_int_equal(c->routings[1].preference, 100);
    assert_ptr_equal(c->codecs[0].plugin, &json);
    assert_string_equal(c->codecs[1].path, "codecs[1]");
    assert_int_equal(c->hop_limit, 255);
    assert_string_equal(c->admin_socket, "/run/a.sock");
    assert_int_equal(c->log_level, SLOW_LOG_DEBUG);
    assert_true(c->log_json);
    sl_config_free(c);
}

static void one_word_changes_the_routing(void **state) {
    (void)state;
    sl_config *c = good("{\"id\": \"a\", \"routing\": [{\"plugin\": \"routing-flooding\"}]}");
    assert_ptr_equal(c->routings[0].use.plugin, &flooding);
    sl_config_free(c);
}

static void two_listeners_may_ask_for_any_port(void **state) {
    (void)state;
    sl_config *c = good("{\"id\": \"a\", \"transports\": [{\"plugin\": \"transport-udp\", \"listen\": "
                        "[\"udp://local:0\", \"udp://local:0\"]}]}");
    assert_int_equal(c->transports[0].listen_count, 2);
    sl_config_free(c);
}

static void insecure_links_may_be_listened_for_anywhere(void **state) {
    (void)state;
    sl_config *c = good("{\"id\": \"a\", \"security\": {\"plugin\": \"security-sealed\", \"insecure\": true, "
                        "\"key\": \"k\"}, \"transports\": "
                        "[{\"plugin\": \"transport-udp\", \"listen\": [\"udp://wide:1\"]}]}");
    assert_string_equal(*(char **)c->security.options, "k");
    sl_config_free(c);
}

static void options_that_were_taken_are_not_freed_twice(void **state) {
    (void)state;
    sl_config *c = good("{\"id\": \"a\"}");
    const slow_plugin *plugin = c->routings[0].use.plugin;
    void *options = c->routings[0].use.options;
    c->routings[0].use.options = NULL;
    sl_config_free(c);
    assert_int_equal(((pace_options *)options)->pace, 2000000000);
    sl_option_free(plugin, options);
}

static void the_default_takes_an_id_and_a_network(void **state) {
    (void)state;
    static const char *const directories[] = {"x", NULL};
    sl_config *c = NULL;
    slow_error error;
    assert_int_equal(sl_config_default("quo\"te", "lab", directories, &c, &error), SLOW_OK);
    assert_memory_equal(c->id.text, "quo\"te", 7);
    assert_string_equal(c->network, "lab");
    assert_string_equal(c->plugin_dirs[0], "x");
    sl_config_free(c);
    assert_int_equal(sl_config_default("a", NULL, NULL, &c, &error), SLOW_OK);
    assert_string_equal(c->network, "slow");
    sl_config_free(c);
    assert_int_equal(sl_config_default("", NULL, NULL, &c, &error), SLOW_E_INVAL);
    assert_string_equal(error.text, "id: expected 1..63 bytes of UTF-8 without control characters");
    assert_null(c);
    assert_int_equal(sl_config_default("a", "\xff", NULL, &c, &error), SLOW_E_INVAL);
    assert_string_equal(error.text, "network: expected 1..63 bytes of UTF-8 without control characters");
    assert_null(c);
}

static void a_strategy_can_be_added_later(void **state) {
    (void)state;
    sl_config *c = good("{\"id\": \"a\"}");
    sl_config_routing routing;
    slow_error error;
    static const char text[] = "{\"plugin\": \"routing-distance-vector\", \"preference\": 300, \"pace\": 1}";
    assert_int_equal(sl_config_routing_parse(c, NULL, text, sizeof text - 1, &routing, &error), SLOW_OK);
    assert_ptr_equal(routing.use.plugin, &vector);
    assert_int_equal(routing.preference, 300);
    assert_int_equal(((pace_options *)routing.use.options)->pace, 1000000000);
    sl_config_plugin_free(&routing.use);
    static const char wrong[] = "{\"plugin\": \"routing-flooding\", \"preferance\": 300}";
    assert_int_equal(sl_config_routing_parse(c, NULL, wrong, sizeof wrong - 1, &routing, &error), SLOW_E_INVAL);
    assert_string_equal(error.text, "preferance: unknown key; did you mean \"preference\"?");
    assert_null(routing.use.plugin);
    assert_int_equal(sl_config_routing_parse(c, NULL, "{", 1, &routing, &error), SLOW_E_INVAL);
    sl_config_free(c);
}

static void a_scheme_finds_its_transport(void **state) {
    (void)state;
    sl_config *c = good("{\"id\": \"a\"}");
    sl_config_plugin use;
    slow_error error;
    assert_int_equal(sl_config_transport_for(c, "udp://local:1", &use, &error), SLOW_OK);
    assert_ptr_equal(use.plugin, &udp);
    assert_int_equal(((pace_options *)use.options)->pace, 2000000000);
    assert_int_equal(sl_config_check_listen(c, use.plugin, "udp://local:1", &error), SLOW_OK);
    assert_int_equal(sl_config_check_listen(c, use.plugin, "udp://wide:1", &error), SLOW_E_INVAL);
    assert_int_equal(sl_config_check_join(use.plugin, "udp://wide:1", &error), SLOW_OK);
    assert_int_equal(sl_config_check_join(use.plugin, "tcp://wide:1", &error), SLOW_E_INVAL);
    assert_string_equal(error.text, "\"tcp://wide:1\" is not for transport-udp; expected udp://...");
    sl_config_plugin_free(&use);
    assert_int_equal(sl_config_transport_for(c, "ftp://x:1", &use, &error), SLOW_E_INVAL);
    static const char begin[] = "no plugin \"transport-ftp\"; looked for transport-ftp.so in ";
    assert_true(strncmp(error.text, begin, sizeof begin - 1) == 0);
    assert_null(use.plugin);
    assert_int_equal(sl_config_transport_for(c, "x:1", &use, &error), SLOW_E_INVAL);
    sl_config_free(c);
}

/* ---- mistakes ---- */

#define ID "\"id\": \"a\", "
#define UDP(rest) "{" ID "\"transports\": [{\"plugin\": \"transport-udp\", " rest "}]}"
#define LISTEN(list) UDP("\"listen\": " list)
#define JOIN(list) "{" ID "\"join\": " list "}"

static void every_mistake_is_one_line_that_helps(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        /* the text as a whole */
        {"", "a.json:1: not JSON at column 1: the text is empty"},
        {"[]", "a.json:1: is a list; expected an object such as {\"id\": \"alice\"}"},
        {"{\"id\": \"a\",}", "a.json:1: not JSON at column 12: string or '}' expected near '}'"},
        {"{\"id\": \"a\",\n\n \"id\": \"b\"}", "a.json:3: duplicate key \"id\"; a key can stand once in an object"},
        {"{\"//\": 1, \"//\": 2}",
         "a.json:1: duplicate key \"//\"; give each comment a key of its own, such as \"// 2\""},
        {"{\"id\": \"a\\u0000\"}", "a.json:1: \\u0000 is not allowed here"},
        {"{}", "a.json:1: id: missing; expected the junction's own name, such as \"id\": \"alice\""},
        /* keys */
        {"{" ID "\n\"transport\": []}", "a.json:2: transport: unknown key; did you mean \"transports\"?"},
        {"{" ID "\"codec\": []}", "a.json:1: codec: unknown key; did you mean \"codecs\"?"},
        {"{" ID "\"hoplimit\": 3}", "a.json:1: hoplimit: unknown key; did you mean \"hop_limit\"?"},
        {"{" ID "\"colour\": 3}", "a.json:1: colour: unknown key; expected one of id, network, plugin_dirs, security, "
                                  "transports, join, routing, codecs, hop_limit, admin, log"},
        {"{" ID "\"routing\": [\n{\"plugin\": \"routing-flooding\",\n\"preferance\": 1}]}",
         "a.json:3: routing[0].preferance: unknown key; did you mean \"preference\"?"},
        {UDP("\n\"lisen\": []"), "a.json:2: transports[0].lisen: unknown key; did you mean \"listen\"?"},
        {UDP("\"pase\": 1"), "a.json:1: transports[0].pase: unknown key; did you mean \"pace\"?"},
        {"{" ID "\"log\": {\"levle\": \"info\"}}", "a.json:1: log.levle: unknown key; did you mean \"level\"?"},
        {"{" ID "\"admin\": {\"sock\": \"x\"}}", "a.json:1: admin.sock: unknown key; did you mean \"socket\"?"},
        {"{" ID "\"codecs\": [{\"plugn\": \"codec-json\"}]}",
         "a.json:1: codecs[0].plugn: unknown key; did you mean \"plugin\"?"},
        {JOIN("[{\"adress\": \"udp://x:1\"}]"), "a.json:1: join[0].adress: unknown key; did you mean \"address\"?"},
        /* types */
        {"{\"id\": 7}", "a.json:1: id: is an integer; expected a string of 1..63 bytes"},
        {"{" ID "\"network\": null}", "a.json:1: network: is null; expected a string of 1..63 bytes"},
        {"{" ID "\"plugin_dirs\": \"x\"}", "a.json:1: plugin_dirs: is a string; expected a list of directories"},
        {"{" ID "\"plugin_dirs\": [\"\"]}", "a.json:1: plugin_dirs[0]: is empty; expected the path of a directory"},
        {"{" ID "\"transports\": {}}", "a.json:1: transports: is an object; expected a list of transport plugins"},
        {"{" ID "\"codecs\": [7]}", "a.json:1: codecs[0]: is an integer; expected an object with \"plugin\", or just "
                                    "the id of a codec plugin"},
        {"{" ID "\"codecs\": [{\"plugin\": true}]}",
         "a.json:1: codecs[0].plugin: is a boolean; expected the id of a codec plugin"},
        {"{" ID "\"security\": {}}", "a.json:1: security.plugin: missing; expected the id of a security plugin"},
        {"{" ID "\"security\": {\"plugin\": \"security-none\", \"insecure\": 1}}",
         "a.json:1: security.insecure: 1 is wrong; expected true or false"},
        {"{" ID "\"log\": \"debug\"}", "a.json:1: log: is a string; expected an object with \"level\""},
        {"{" ID "\"admin\": \"x.sock\"}", "a.json:1: admin: is a string; expected an object with \"socket\""},
        {LISTEN("\"udp://local:1\""), "a.json:1: transports[0].listen: is a string; expected a list of addresses"},
        {LISTEN("[4100]"), "a.json:1: transports[0].listen[0]: is an integer; expected an address to listen on"},
        {JOIN("[[]]"), "a.json:1: join[0]: is a list; expected an address to join, such as \"udp://192.0.2.1:4100\", "
                       "or an object with \"address\""},
        {JOIN("[{}]"),
         "a.json:1: join[0].address: missing; expected the address to join, such as \"udp://192.0.2.1:4100\""},
        /* ranges */
        {"{" ID "\"hop_limit\": 0}", "a.json:1: hop_limit: 0 is wrong; expected an integer, 1..255"},
        {"{" ID "\"hop_limit\": 256}", "a.json:1: hop_limit: 256 is wrong; expected an integer, 1..255"},
        {"{" ID "\"routing\": [{\"plugin\": \"routing-flooding\", \"preference\": -1}]}",
         "a.json:1: routing[0].preference: -1 is wrong; expected an integer, 0..65535"},
        {JOIN("[{\"address\": \"udp://x:1\", \"cost_bias\": 60001}]"),
         "a.json:1: join[0].cost_bias: 60001 is wrong; expected an integer, 0..60000"},
        {JOIN("[{\"address\": \"udp://x:1\", \"cost_factor\": 0}]"),
         "a.json:1: join[0].cost_factor: is wrong; expected a number, 0.01..100"},
        {JOIN("[{\"address\": \"udp://x:1\", \"cost_factor\": \"2\"}]"),
         "a.json:1: join[0].cost_factor: is wrong; expected a number, 0.01..100"},
        {UDP("\"pace\": \"1h\""), "a.json:1: transports[0].pace: \"1h\" is wrong; expected a duration, 1ms..10s, such "
                                  "as \"250ms\", \"2s\", \"5min\", \"1h\" or a number of seconds"},
        {"{" ID "\"log\": {\"level\": \"warning\"}}", "a.json:1: log.level: \"warning\" is wrong; expected \"error\", "
                                                      "\"warn\", \"info\" or \"debug\""},
        {"{" ID "\"log\": {\"level\": \"inof\"}}", "a.json:1: log.level: \"inof\" is wrong; expected \"error\", "
                                                   "\"warn\", \"info\" or \"debug\"; did you mean \"info\"?"},
        {"{" ID "\"log\": {\"format\": \"xml\"}}",
         "a.json:1: log.format: \"xml\" is wrong; expected \"text\" or \"json\""},
        {"{" ID "\"routing\": []}", "a.json:1: routing: is empty; expected at least one of routing plugins"},
        {"{" ID "\"codecs\": []}", "a.json:1: codecs: is empty; expected at least one of codec plugins"},
        /* plugins */
        {"{" ID "\"codecs\": [\"transport-udp\"]}",
         "a.json:1: codecs[0]: transport-udp is a transport plugin; expected a codec plugin"},
        {"{" ID "\"codecs\": [\"../codec\"]}", "a.json:1: codecs[0]: \"../codec\" is no plugin id; expected 1..63 "
                                               "letters, digits, '-', '_' and '.'"},
        {"{" ID "\"codecs\": [\"codec-json\", \"codec-json\"]}",
         "a.json:1: codecs[1]: codec-json stands already as codecs[0]; expected each plugin once"},
        {"{" ID "\"routing\": [\"routing-flooding\",\n{\"plugin\": \"routing-flooding\"}]}",
         "a.json:2: routing[1]: routing-flooding stands already as routing[0]; expected each plugin once"},
        {"{" ID "\"transports\": [\"transport-udp\", \"transport-fast\"]}",
         "a.json:1: transports[1]: udp:// belongs to transports[0] already; expected one plugin for each scheme, with "
         "all addresses in its \"listen\""},
        {"{" ID "\"security\": \"security-sealed\"}",
         "a.json:1: security.key: missing; expected a string of at least 1 bytes"},
        /* addresses */
        {LISTEN("[\"local:1\"]"), "a.json:1: transports[0].listen[0]: \"local:1\" is no address; expected "
                                  "scheme://host:port, such as udp://127.0.0.1:4100"},
        {LISTEN("[\"tcp://local:1\"]"),
         "a.json:1: transports[0].listen[0]: \"tcp://local:1\" is not for transport-udp; expected udp://..."},
        {LISTEN("[\n\"udp://local\"]"), "a.json:2: transports[0].listen[0]: \"udp://local\" has no port to listen on"},
        {LISTEN("[\"udp://silent:1\"]"),
         "a.json:1: transports[0].listen[0]: \"udp://silent:1\" is refused by transport-udp"},
        {LISTEN("[\"udp://local:1\",\n\"udp://local:1\"]"),
         "a.json:2: transports[0].listen[1]: udp://local:1 is listened on already; expected each address once"},
        {LISTEN("[\"udp://wide:1\"]"),
         "a.json:1: transports[0].listen[0]: udp://wide:1 can be reached from outside, and security-none does not "
         "encrypt; listen on loopback, or set \"insecure\": true under \"security\" (slow-router: --insecure)"},
        {JOIN("[\"udp://x\"]"), "a.json:1: join[0]: \"udp://x\" has no port"},
        {JOIN("[\"udp://x:1\",\n\"udp://x:1\"]"),
         "a.json:2: join[1]: udp://x:1 is joined already; expected each address once"},
        {"{" ID "\"transports\": [{\"plugin\": \"transport-udp\", \"listen\": [\"udp://local:1\"]}],\n"
         "\"join\": [{\"address\": \"udp://local:1\"}]}",
         "a.json:2: join[0].address: udp://local:1 is this junction's own listener; expected another junction's "
         "address"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(cases[i][0], cases[i][1]);
}

/* What comes after the id in these lines depends on the machine: the directories that were looked in. */
static void a_plugin_that_is_missing_has_a_nearest(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"{" ID "\"plugin_dirs\": [\"d1\", \"d2\"], \"routing\": [\n\"routing-floding\"]}",
         "a.json:2: routing[0]: no plugin \"routing-floding\"; did you mean \"routing-flooding\"? looked for "
         "routing-floding.so in d1, d2, "},
        {"{" ID "\"codecs\": [{\"plugin\": \"json\"}]}",
         "a.json:1: codecs[0].plugin: no plugin \"json\"; did you mean \"codec-json\"? looked for json.so in "},
        {"{" ID "\"join\": [\"quicksilver://x:1\"]}",
         "a.json:1: join[0]: no plugin \"transport-quicksilver\"; looked for transport-quicksilver.so in "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sl_config *config = NULL;
        slow_error error;
        assert_int_equal(sl_config_parse("a.json", cases[i][0], strlen(cases[i][0]), &config, &error), SLOW_E_INVAL);
        error.text[strlen(cases[i][1])] = '\0';
        assert_string_equal(error.text, cases[i][1]);
    }
}

static void names_are_bounded_and_readable(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t size; /* bytes, once jansson has read it */
    } bad[] = {{"", 0},
               {"tab\\t", 4},
               {"\\u0085", 2},
               {"\\u007f", 1},
               {"0123456789012345678901234567890123456789012345678901234567890123", 64}};
    static const char *const keys[] = {"id", "network"};
    char text[256], line[256];
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            snprintf(text, sizeof text, "{%s\"%s\": \"%s\"}", k == 0 ? "" : ID, keys[k], bad[i].text);
            snprintf(line, sizeof line,
                     "a.json:1: %s: is a string of %zu bytes; expected 1..63 bytes of UTF-8 without control characters",
                     keys[k], bad[i].size);
            assert_refused(text, line);
        }
        snprintf(text, sizeof text, "{%s\"%s\": \"%s\"}", k == 0 ? "" : ID, keys[k], bad[4].text + 1);
        sl_config_free(good(text));
    }
}

static void an_admin_socket_fits_the_kernels_address(void **state) {
    (void)state;
    char path[109], text[256];
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    snprintf(text, sizeof text, "{" ID "\"admin\": {\"socket\": \"%s\"}}", path);
    char line[256];
    snprintf(line, sizeof line, "a.json:1: admin.socket: \"%.40s\"... is wrong; expected a string of 1..107 bytes",
             path);
    assert_refused(text, line);
    snprintf(text, sizeof text, "{" ID "\"admin\": {\"socket\": \"%s\"}}", path + 1);
    sl_config *c = good(text);
    assert_string_equal(c->admin_socket, path + 1);
    sl_config_free(c);
}

/* ---- files ---- */

static void a_file_is_read_under_its_own_name(void **state) {
    (void)state;
    char path[] = "/tmp/slow-config-XXXXXX", line[128];
    static const char text[] = "{\n\"id\": 1}";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    sl_config *config = NULL;
    slow_error error;
    slow_status status = sl_config_read(path, &config, &error);
    assert_int_equal(ftruncate(fd, (1 << 20) + 1), 0);
    slow_error too_big;
    slow_status big_status = sl_config_read(path, &config, &too_big);
    close(fd);
    unlink(path);
    assert_int_equal(status, SLOW_E_INVAL);
    snprintf(line, sizeof line, "%s:2: id: is an integer; expected a string of 1..63 bytes", path);
    assert_string_equal(error.text, line);
    assert_int_equal(big_status, SLOW_E_TOOBIG);
    snprintf(line, sizeof line, "%s: is over 1048576 bytes long; expected a JSON file", path);
    assert_string_equal(too_big.text, line);
    assert_int_equal(sl_config_read("/nowhere/a.json", &config, &error), SLOW_E_FAIL);
    assert_string_equal(error.text, "/nowhere/a.json: cannot be read: No such file or directory");
    assert_int_equal(sl_config_read("/tmp", &config, &error), SLOW_E_FAIL);
    assert_string_equal(error.text, "/tmp: is a directory; expected a JSON file");
    assert_null(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_alone_is_a_config),
        cmocka_unit_test(every_key_arrives_where_it_belongs),
        cmocka_unit_test(one_word_changes_the_routing),
        cmocka_unit_test(two_listeners_may_ask_for_any_port),
        cmocka_unit_test(insecure_links_may_be_listened_for_anywhere),
        cmocka_unit_test(options_that_were_taken_are_not_freed_twice),
        cmocka_unit_test(the_default_takes_an_id_and_a_network),
        cmocka_unit_test(a_strategy_can_be_added_later),
        cmocka_unit_test(a_scheme_finds_its_transport),
        cmocka_unit_test(every_mistake_is_one_line_that_helps),
        cmocka_unit_test(a_plugin_that_is_missing_has_a_nearest),
        cmocka_unit_test(names_are_bounded_and_readable),
        cmocka_unit_test(an_admin_socket_fits_the_kernels_address),
        cmocka_unit_test(a_file_is_read_under_its_own_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
