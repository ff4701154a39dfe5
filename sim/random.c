/* What a scenario has drawn for it: kinds of actions that need nothing but a place, and strategies for those that change
 * which ones run. */
#include "scenario.h"
#include "core/option.h"
#include "strategies.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const enum sim_action_kind drawable[] = {SIM_CUT,   SIM_RESTORE, SIM_ONE_WAY,   SIM_FLAP,
                                                SIM_COST,  SIM_FAULTS,  SIM_KILL,      SIM_RESTART,
                                                SIM_CLOCK, SIM_HEAL,    SIM_PARTITION, SIM_ROUTING};
enum { DRAWABLE = sizeof drawable / sizeof drawable[0], STRATEGIES_MAX = 16 };

static slow_status read_kinds(const sl_json *value, const sl_json_at *at, sim_random *random, slow_error *error) {
    if (value == NULL)
        return sl_json_error(at, error, SLOW_E_INVAL, "missing; expected kinds such as \"cut\", \"restore\"");
    if (sl_json_type(value) != SL_JSON_ARRAY)
        return sl_json_error(at, error, SLOW_E_INVAL, "is %s; expected a list of kinds of actions",
                             sl_json_type_name(value));
    for (size_t i = 0; i < sl_json_count(value); i++) {
        const char *name = sl_json_string(sl_json_item(value, i));
        sl_json_at item = sl_json_at_index(at, i);
        bool known = false;
        for (size_t k = 0; name != NULL && k < DRAWABLE; k++)
            if (strcmp(sim_action_name(drawable[k]), name) == 0) {
                random->kinds |= 1u << drawable[k];
                known = true;
            }
        if (!known)
            return sl_json_error(&item, error, SLOW_E_INVAL,
                                 "cannot be drawn; expected one of cut, restore, one_way, flap, cost, faults, kill, "
                                 "restart, clock, heal, partition, routing");
    }
    return random->kinds != 0
               ? SLOW_OK
               : sl_json_error(at, error, SLOW_E_INVAL, "is empty; expected kinds such as \"cut\", \"restore\"");
}

/* Each by itself, as an action adds it. */
static slow_status read_strategies(const sl_json *value, const sl_json_at *at, const char *const *plugin_dirs,
                                   sim_random *random, slow_error *error) {
    bool drawn = (random->kinds >> SIM_ROUTING & 1) != 0;
    size_t count = sl_json_count(value);
    if (value == NULL && !drawn)
        return SLOW_OK;
    if (value == NULL)
        return sl_json_error(at, error, SLOW_E_INVAL,
                             "missing; expected those of which \"routing\" adds, prefers and "
                             "removes one, such as [\"distance-vector\", \"flooding\"]");
    if (sl_json_type(value) != SL_JSON_ARRAY || count == 0 || count > STRATEGIES_MAX)
        return sl_json_error(at, error, SLOW_E_INVAL, "is wrong; expected a list of 1..%d strategies", STRATEGIES_MAX);
    random->strategies = calloc(count, sizeof *random->strategies);
    if (random->strategies == NULL)
        abort();
    for (size_t i = 0; i < count; i++) {
        sl_json_at item = sl_json_at_index(at, i);
        slow_status status =
            sim_strategies_read(sl_json_item(value, i), &item, NULL, plugin_dirs, &random->strategies[i], error);
        if (status != SLOW_OK)
            return status;
        random->strategy_count++;
    }
    return SLOW_OK;
}

slow_status sim_random_read(const sl_json *value, const sl_json_at *at, const char *const *plugin_dirs,
                            sim_random *random, slow_error *error) {
    static const slow_option options[] = {
        {.key = "from", .type = SLOW_OPT_DURATION, .offset = offsetof(sim_random, from_ns), .default_text = "0s"},
        {.key = "until",
         .type = SLOW_OPT_DURATION,
         .flags = SLOW_OPT_REQUIRED,
         .offset = offsetof(sim_random, until_ns)},
        {.key = "every",
         .type = SLOW_OPT_DURATION,
         .flags = SLOW_OPT_REQUIRED,
         .offset = offsetof(sim_random, every_ns),
         .min = 1000000,
         .max = INT64_C(86400000000000)},
        {.key = NULL},
    };
    static const char *const others[] = {"kinds", "strategies", NULL};
    sl_json_at kinds_at = sl_json_at_key(at, others[0]), strategies_at = sl_json_at_key(at, others[1]);
    if (sl_json_type(value) != SL_JSON_OBJECT)
        return sl_json_error(at, error, SLOW_E_INVAL,
                             "is %s; expected an object such as {\"until\": \"60s\", \"every\": \"2s\", \"kinds\": "
                             "[\"cut\"]}",
                             sl_json_type_name(value));
    slow_status status = sl_option_check_keys(options, others, value, at, error);
    if (status == SLOW_OK)
        status = sl_option_fill(options, sizeof *random, value, at, random, error);
    if (status == SLOW_OK)
        status = read_kinds(sl_json_get(value, others[0]), &kinds_at, random, error);
    if (status == SLOW_OK)
        status = read_strategies(sl_json_get(value, others[1]), &strategies_at, plugin_dirs, random, error);
    return status;
}

void sim_random_clear(sim_random *random) {
    for (uint32_t i = 0; i < random->strategy_count; i++)
        free(random->strategies[i]);
    free(random->strategies);
    *random = (sim_random){.every_ns = 0};
}
