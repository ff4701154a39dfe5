/* What goes through a mesh, as JSON: rules of traffic, what packages suffer, and which rule of delivery is broken. */
#include "core/loop.h"
#include "core/option.h"
#include "mesh.h"
#include "scenario.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BEST_EFFORT_MOST = 60000 };
static const slow_time UNSET = UINT64_MAX;
static const slow_time LATE_BY_NS = 45 * SL_SECOND;

static const char *const orders[] = {"unordered", "ordered", "latest", NULL};
static const uint16_t order_flags[] = {0, SLOW_ORDERED, SLOW_LATEST};

static slow_status expect_object(const sl_json *value, const sl_json_at *at, const char *example, slow_error *error) {
    return sl_json_type(value) == SL_JSON_OBJECT
               ? SLOW_OK
               : sl_json_error(at, error, SLOW_E_INVAL, "is %s; expected an object such as %s",
                               sl_json_type_name(value), example);
}

static void put_time(sl_json_writer *w, const char *key, slow_time ns) {
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64 "ns", ns);
    sl_json_key(w, key);
    sl_json_put_string(w, text);
}

/* ---- traffic ---- */

typedef struct numbers {
    slow_time every_ns, begin_ns, until_ns, ttl_ns, read_ns, accept_ns;
    int64_t size, order, channel;
    bool reliable, arrives;
} numbers;

#define DURATION(name, member, text) \
    { .key = name, .type = SLOW_OPT_DURATION, .offset = offsetof(numbers, member), .default_text = text }

static const slow_option rule_options[] = {
    {.key = "every",
     .type = SLOW_OPT_DURATION,
     .offset = offsetof(numbers, every_ns),
     .default_text = "100ms",
     .min = 10000,
     .max = INT64_C(86400000000000)},
    DURATION("begin", begin_ns, "0s"),
    DURATION("until", until_ns, "0s"),
    {.key = "size",
     .type = SLOW_OPT_INT,
     .offset = offsetof(numbers, size),
     .default_text = "32",
     .min = SIM_PROMISE_LEAST,
     .max = SL_MESSAGE_MAX},
    {.key = "reliable", .type = SLOW_OPT_BOOL, .offset = offsetof(numbers, reliable)},
    {.key = "order",
     .type = SLOW_OPT_ENUM,
     .offset = offsetof(numbers, order),
     .choices = orders,
     .default_text = "unordered"},
    {.key = "channel",
     .type = SLOW_OPT_INT,
     .offset = offsetof(numbers, channel),
     .default_text = "0",
     .min = 0,
     .max = 63},
    {.key = "ttl",
     .type = SLOW_OPT_DURATION,
     .offset = offsetof(numbers, ttl_ns),
     .default_text = "30s",
     .min = 1000000,
     .max = INT64_C(86400000000000)},
    DURATION("read", read_ns, "0s"),
    DURATION("accept", accept_ns, "0s"),
    {.key = "arrives", .type = SLOW_OPT_BOOL, .offset = offsetof(numbers, arrives)},
    {.key = NULL},
};

static slow_status read_whom(const sl_json *rule, const sl_json_at *at, const char *key, const sim_topology *topology,
                             uint32_t *node, slow_error *error) {
    const sl_json *value = sl_json_get(rule, key);
    sl_json_at here = sl_json_at_key(at, key);
    const char *name = sl_json_string(value);
    *node = SIM_ANY;
    if (value == NULL || (name != NULL && strcmp(name, "any") == 0))
        return SLOW_OK;
    return sim_action_node(value, &here, topology, node, error);
}

/* What is promised is said of what is reliable, and best effort has a limit of its own. */
static slow_status check_kind(const sl_json *value, const sl_json_at *at, const numbers *n, slow_error *error) {
    static const char *const promises[] = {"order", "channel", "ttl", "read", "accept", "arrives"};
    sl_json_at size_at = sl_json_at_key(at, "size");
    if (n->reliable)
        return SLOW_OK;
    for (size_t i = 0; i < sizeof promises / sizeof *promises; i++) {
        sl_json_at here = sl_json_at_key(at, promises[i]);
        if (sl_json_get(value, promises[i]) != NULL)
            return sl_json_error(&here, error, SLOW_E_INVAL,
                                 "stands at best effort, of which nothing is promised; expected \"reliable\": true");
    }
    if (n->size <= BEST_EFFORT_MOST)
        return SLOW_OK;
    return sl_json_error(&size_at, error, SLOW_E_TOOBIG, "%" PRId64 " is wrong; expected at most %d of best effort",
                         n->size, BEST_EFFORT_MOST);
}

slow_status sim_traffic_rule_read(const sl_json *value, const sl_json_at *at, const sim_topology *topology,
                                  sim_traffic_rule *rule, slow_error *error) {
    static const char *const others[] = {"from", "to", NULL};
    numbers n;
    slow_status status = expect_object(value, at, "{\"from\": 0, \"to\": \"any\", \"every\": \"100ms\"}", error);
    if (status == SLOW_OK)
        status = sl_option_check_keys(rule_options, others, value, at, error);
    if (status == SLOW_OK)
        status = sl_option_fill(rule_options, sizeof n, value, at, &n, error);
    if (status == SLOW_OK)
        status = check_kind(value, at, &n, error);
    if (status == SLOW_OK)
        status = read_whom(value, at, "from", topology, &rule->from, error);
    if (status == SLOW_OK)
        status = read_whom(value, at, "to", topology, &rule->to, error);
    if (status != SLOW_OK)
        return status;
    rule->size = (uint32_t)n.size;
    rule->every_ns = n.every_ns;
    rule->begin_ns = n.begin_ns;
    rule->until_ns = n.until_ns == 0 ? UNSET : n.until_ns;
    rule->reliable = n.reliable;
    rule->promise = (sim_promise){.channel = (uint8_t)n.channel,
                                  .order = order_flags[n.order],
                                  .arrives = n.arrives,
                                  .ttl_ns = n.ttl_ns,
                                  .read_ns = n.read_ns,
                                  .accept_ns = n.accept_ns};
    return SLOW_OK;
}

static void put_number(sl_json_writer *w, const char *key, uint64_t number) {
    sl_json_key(w, key);
    sl_json_put_unsigned(w, number);
}

static void put_promise(const sim_promise *promise, sl_json_writer *w) {
    sl_json_key(w, "reliable");
    sl_json_put_bool(w, true);
    sl_json_key(w, "order");
    sl_json_put_string(w, orders[promise->order == SLOW_LATEST ? 2 : promise->order == SLOW_ORDERED ? 1 : 0]);
    put_number(w, "channel", promise->channel);
    put_time(w, "ttl", promise->ttl_ns);
    put_time(w, "read", promise->read_ns);
    put_time(w, "accept", promise->accept_ns);
    sl_json_key(w, "arrives");
    sl_json_put_bool(w, promise->arrives);
}

void sim_traffic_rule_write(const sim_traffic_rule *rule, sl_json_writer *w) {
    sl_json_begin(w, '{');
    if (rule->from != SIM_ANY)
        put_number(w, "from", rule->from);
    if (rule->to != SIM_ANY)
        put_number(w, "to", rule->to);
    put_time(w, "every", rule->every_ns);
    put_time(w, "begin", rule->begin_ns);
    put_time(w, "until", rule->until_ns);
    put_number(w, "size", rule->size);
    if (rule->reliable)
        put_promise(&rule->promise, w);
    sl_json_end(w, '}');
}

/* ---- packages ---- */

slow_status sim_package_faults_read(const sl_json *value, const sl_json_at *at, sim_package_faults *faults,
                                    slow_error *error) {
    static const slow_option options[] = {
        {.key = "late_by",
         .type = SLOW_OPT_DURATION,
         .offset = offsetof(sim_package_faults, late_by_ns),
         .default_text = "45s",
         .min = 1000000000,
         .max = INT64_C(3600000000000)},
        {.key = "jitter",
         .type = SLOW_OPT_DURATION,
         .offset = offsetof(sim_package_faults, jitter_ns),
         .default_text = "0s",
         .min = 0,
         .max = INT64_C(60000000000)},
        {.key = "from",
         .type = SLOW_OPT_DURATION,
         .offset = offsetof(sim_package_faults, from_ns),
         .default_text = "0s"},
        {.key = "until",
         .type = SLOW_OPT_DURATION,
         .offset = offsetof(sim_package_faults, until_ns),
         .default_text = "0s"},
        {.key = NULL},
    };
    static const char *const shares[] = {"loss", "duplicate", "late", NULL};
    *faults = (sim_package_faults){.late_by_ns = LATE_BY_NS};
    slow_status status = expect_object(value, at, "{\"loss\": 0.3, \"late\": 0.01}", error);
    if (status == SLOW_OK)
        status = sl_option_check_keys(options, shares, value, at, error);
    if (status == SLOW_OK)
        status = sl_option_fill(options, sizeof *faults, value, at, faults, error);
    if (status == SLOW_OK)
        status = sim_share_read(value, at, "loss", &faults->loss_ppm, error);
    if (status == SLOW_OK)
        status = sim_share_read(value, at, "duplicate", &faults->duplicate_ppm, error);
    if (status == SLOW_OK)
        status = sim_share_read(value, at, "late", &faults->late_ppm, error);
    if (faults->until_ns == 0)
        faults->until_ns = UNSET;
    return status;
}

void sim_package_faults_write(const sim_package_faults *faults, sl_json_writer *w) {
    sl_json_begin(w, '{');
    sim_share_write("loss", faults->loss_ppm, w);
    sim_share_write("duplicate", faults->duplicate_ppm, w);
    sim_share_write("late", faults->late_ppm, w);
    put_time(w, "late_by", faults->late_by_ns);
    put_time(w, "jitter", faults->jitter_ns);
    put_time(w, "from", faults->from_ns);
    put_time(w, "until", faults->until_ns);
    sl_json_end(w, '}');
}

/* ---- caps ---- */

typedef struct caps {
    int64_t pairs, receive;
} caps;

slow_status sim_caps_read(const sl_json *value, const sl_json_at *at, sim_scenario *scenario, slow_error *error) {
    static const slow_option options[] = {
        {.key = "pairs",
         .type = SLOW_OPT_INT,
         .offset = offsetof(caps, pairs),
         .default_text = "0",
         .min = 0,
         .max = SL_PAIRS_MAX},
        {.key = "receive",
         .type = SLOW_OPT_INT,
         .offset = offsetof(caps, receive),
         .default_text = "0",
         .min = 0,
         .max = SL_RECEIVE_BUDGET},
        {.key = NULL},
    };
    caps c;
    slow_status status = expect_object(value, at, "{\"pairs\": 8}", error);
    if (status == SLOW_OK)
        status = sl_option_check_keys(options, NULL, value, at, error);
    if (status == SLOW_OK)
        status = sl_option_fill(options, sizeof c, value, at, &c, error);
    if (status != SLOW_OK)
        return status;
    scenario->pairs_most = (uint32_t)c.pairs;
    scenario->receive_most = (uint64_t)c.receive;
    return SLOW_OK;
}

void sim_caps_write(const sim_scenario *scenario, sl_json_writer *w) {
    sl_json_key(w, "caps");
    sl_json_begin(w, '{');
    put_number(w, "pairs", scenario->pairs_most);
    put_number(w, "receive", scenario->receive_most);
    sl_json_end(w, '}');
}

/* ---- broken rules ---- */

static const char *const breaks[] = {"held-is-barred",   "no-order", "no-latest", "window", "resend",
                                     "numbers-by-start", "two-way",  "blind",     NULL};
static const sl_broken broken[] = {
    {.receiver = SL_BREAK_HELD_IS_BARRED},
    {.receiver = SL_BREAK_NO_ORDER},
    {.receiver = SL_BREAK_NO_LATEST},
    {.sender = SL_SENDER_WINDOW_OFF_BY_3},
    {.sender = SL_SENDER_RESENDS_INTO_A_NEW_PAIR},
    {.pairing = SL_BREAK_NUMBERS_BY_START},
    {.pairing = SL_BREAK_TWO_WAY},
    {.blind = true},
};

slow_status sim_broken_read(const sl_json *value, const sl_json_at *at, const char **name, slow_error *error) {
    static const slow_option option = {.key = "break", .type = SLOW_OPT_ENUM, .choices = breaks};
    int64_t which = 0;
    slow_status status = sl_option_set(&option, value, at, &which, error);
    if (status == SLOW_OK)
        *name = breaks[which];
    return status;
}

sl_broken sim_broken_of(const char *name) {
    for (size_t i = 0; name != NULL && breaks[i] != NULL; i++)
        if (strcmp(breaks[i], name) == 0)
            return broken[i];
    return (sl_broken){.receiver = SL_BREAK_NOTHING};
}
