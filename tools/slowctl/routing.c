/* The routing strategies of a running router: which there are, one more, another preference, one less. */
#include "slowctl.h"
#include "table.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double PATIENCE_S = 10;
static const char PREFIX[] = "routing-";

/* Every plugin of the kind has the prefix in its id; a person may leave it out. */
static const char *short_name(const char *id) {
    return strncmp(id, PREFIX, sizeof PREFIX - 1) == 0 ? id + sizeof PREFIX - 1 : id;
}

static json_t *full_name(const char *name) {
    return json_sprintf("%s%s", PREFIX, short_name(name));
}

/* ---- the table ---- */

static void add_known(table *t, const json_t *strategy, const char *key, const char *unit) {
    const json_t *value = json_object_get(strategy, key);
    if (json_is_integer(value))
        table_add(t, "%lld%s", (long long)json_integer_value(value), unit);
    else
        table_add(t, "-");
}

static void print_strategies(const json_t *answer) {
    size_t i;
    const json_t *strategy;
    table t;
    table_begin(&t, (const char *const[]){"STRATEGY", "PROTOCOL", ">PREFERENCE", "CHOOSES", ">ROUTES", ">IN USE",
                                          ">NEIGHBOURS", ">KNOWN", ">PENDING", ">MEMORY", NULL});
    json_array_foreach(json_object_get(answer, "routing"), i, strategy) {
        table_add(&t, "%s", short_name(text_of(strategy, "plugin")));
        table_add(&t, "%s", text_of(strategy, "protocol"));
        table_add(&t, "%lld", number_of(strategy, "preference"));
        table_add(&t, "%s", json_is_true(json_object_get(strategy, "chooses")) ? "yes" : "no");
        table_add(&t, "%lld", number_of(strategy, "destinations"));
        table_add(&t, "%lld", number_of(strategy, "in_use"));
        table_add(&t, "%zu", json_array_size(json_object_get(strategy, "neighbours")));
        add_known(&t, strategy, "known", "");
        add_known(&t, strategy, "pending", "");
        add_known(&t, strategy, "memory_bytes", " B");
    }
    table_end(&t, 0);
}

/* ---- changes ---- */

static bool read_preference(const char *text, long *out) {
    char *end;
    *out = strtol(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && *out <= 65535;
}

static int post(const request *r, const char *path, json_t *body) {
    return finish(r, client_post_json(r->client, path, body, PATIENCE_S), print_strategies);
}

/* A value is JSON where it can be read as that (5, true, "5"), and a text otherwise (2s, or a name). */
static bool add_option(json_t *body, const char *word) {
    const char *equals = strchr(word, '=');
    char key[64];
    size_t size = equals == NULL ? 0 : (size_t)(equals - word);
    if (size == 0 || size >= sizeof key)
        return false;
    memcpy(key, word, size);
    key[size] = '\0';
    if (json_object_get(body, key) != NULL)
        return false;
    json_t *value = json_loads(equals + 1, JSON_DECODE_ANY, NULL);
    return json_object_set_new(body, key, value != NULL ? value : json_string(equals + 1)) == 0;
}

static int add(const request *r) {
    long preference;
    json_t *body = json_object();
    json_object_set_new(body, "plugin", full_name(r->operands[1]));
    if (r->preference != NULL) {
        if (!read_preference(r->preference, &preference)) {
            json_decref(body);
            return mistake("expected a preference from 0 to 65535, not ", r->preference);
        }
        json_object_set_new(body, "preference", json_integer(preference));
    }
    for (int i = 2; i < r->operand_count; i++)
        if (!add_option(body, r->operands[i])) {
            json_decref(body);
            return mistake("expected KEY=VALUE, each key once, not ", r->operands[i]);
        }
    return post(r, "/v1/routing/add", body);
}

static int prefer(const request *r) {
    long preference;
    if (!read_preference(r->operands[2], &preference))
        return mistake("expected a preference from 0 to 65535, not ", r->operands[2]);
    return post(r, "/v1/routing/prefer",
                json_pack("{s:o,s:I}", "plugin", full_name(r->operands[1]), "preference", (json_int_t)preference));
}

static int take_away(const request *r) {
    return post(r, "/v1/routing/remove", json_pack("{s:o}", "plugin", full_name(r->operands[1])));
}

int routing(const request *r) {
    static const struct {
        const char *name, *usage;
        int least, most; /* operands, the name included */
        int (*run)(const request *);
    } steps[] = {{"add", "add NAME [--preference N] [KEY=VALUE...]", 2, 64, add},
                 {"prefer", "prefer NAME N", 3, 3, prefer},
                 {"remove", "remove NAME", 2, 2, take_away}};
    if (r->operand_count == 0 && r->preference == NULL)
        return finish(r, client_get(r->client, "/v1/routing", PATIENCE_S), print_strategies);
    for (size_t i = 0; r->operand_count > 0 && i < sizeof steps / sizeof steps[0]; i++) {
        if (strcmp(steps[i].name, r->operands[0]) != 0)
            continue;
        if (r->operand_count < steps[i].least || r->operand_count > steps[i].most ||
            (r->preference != NULL && steps[i].run != add))
            return mistake("expected slowctl routing ", steps[i].usage);
        return steps[i].run(r);
    }
    return mistake("expected slowctl routing [add|prefer|remove], not ",
                   r->operand_count > 0 ? r->operands[0] : "--preference");
}
