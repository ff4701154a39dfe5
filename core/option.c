/* What a config may say to a plugin is data: the plugin's option table. This file is the only reader of such tables, so
 * every plugin's options are checked alike, and complained of alike: what was wrong, what was expected, the nearest
 * right word. The core's own scalar keys are read with tables of the same kind.
 *
 * A default stands in the table as text, and goes through the same reader as what a person writes: a default that is
 * out of range is found when the plugin is first used, and --describe cannot show one value while the code takes
 * another. In the table it stands as it would in the config, less the quotes of a string, an enum or a duration.
 *
 * Of a secret's file the plugin gets the content, in memory for secrets: the check of the file's mode is in one place, and
 * no plugin reads files for it.
 *
 * A range of min == max == 0 is no range: INT then takes any int64_t, DURATION anything from 0, STRING any length.
 *
 * Rejected: numbers in quotes, "yes" for true, durations without a unit in a string, and keys in another case. Each has
 * one spelling; a wrong one gets the right one as its answer. */
#include "option.h"
#include "identity.h"
#include "log.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct duration_unit {
    const char *name;
    uint64_t size_ns;
} duration_unit;

/* From the largest down. */
static const duration_unit duration_units[] = {
    {"h", UINT64_C(3600000000000)}, {"min", UINT64_C(60000000000)}, {"s", UINT64_C(1000000000)},
    {"ms", UINT64_C(1000000)},      {"us", UINT64_C(1000)},         {"ns", UINT64_C(1)},
};
enum { DURATION_UNITS = sizeof duration_units / sizeof duration_units[0] };

/* A table may come from a plugin made with other ideas than ours: nothing is written outside of its struct. */
static size_t option_size(const slow_option *option) {
    switch (option->type) {
    case SLOW_OPT_BOOL:
        return sizeof(bool);
    case SLOW_OPT_INT:
    case SLOW_OPT_ENUM:
        return sizeof(int64_t);
    case SLOW_OPT_DURATION:
        return sizeof(slow_time);
    case SLOW_OPT_STRING:
        return sizeof(char *);
    default:
        return 0;
    }
}

static bool option_has_range(const slow_option *option) {
    return option->min != 0 || option->max != 0;
}

/* ---- nearest ---- */

enum { WORD_MAX = 48 };

/* Edits between two words, each a letter put in, left out, changed or swapped with its neighbour (optimal string
 * alignment), without regard to case. */
static size_t word_distance(const char *a, size_t a_size, const char *b, size_t b_size) {
    size_t rows[3][WORD_MAX + 1]; /* two rows back, the row before, this row: in turns */
    for (size_t j = 0; j <= b_size; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t *row = rows[i % 3], *before = rows[(i + 2) % 3], *two_before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            size_t least = before[j - 1] + (x != y);
            if (before[j] + 1 < least)
                least = before[j] + 1;
            if (row[j - 1] + 1 < least)
                least = row[j - 1] + 1;
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) && y == tolower((unsigned char)a[i - 2]) &&
                two_before[j - 2] + 1 < least)
                least = two_before[j - 2] + 1;
            row[j] = least;
        }
    }
    return rows[a_size % 3][b_size];
}

bool sl_nearest_try(sl_nearest *nearest, const char *candidate) {
    size_t shared = 0; /* a "transport-" that both have does not make wss a near tcp */
    for (size_t i = 0; nearest->wrong[i] == candidate[i] && candidate[i] != '\0'; i++)
        if (candidate[i] == '-')
            shared = i + 1;
    const char *wrong = nearest->wrong + shared, *right = candidate + shared;
    size_t wrong_size = strlen(wrong), size = strlen(right);
    if (wrong_size > WORD_MAX || size > WORD_MAX)
        return false;
    size_t distance = word_distance(wrong, wrong_size, right, size);
    if (distance > (size + 1) / 3 || (nearest->best != NULL && distance >= nearest->distance))
        return false;
    nearest->best = candidate;
    nearest->distance = distance;
    return true;
}

/* ---- keys ---- */

/* Appends to a text that is cut at its end. */
static void text_add(char *text, size_t capacity, const char *format, const char *word) {
    size_t used = strlen(text);
    snprintf(text + used, capacity - used, format, word);
}

static slow_status key_error(const slow_option *options, const char *const *others, const char *key,
                             const sl_json_at *at, slow_error *error) {
    sl_nearest nearest = {.wrong = key};
    char known[160] = "";
    for (; others != NULL && *others != NULL; others++) {
        sl_nearest_try(&nearest, *others);
        text_add(known, sizeof known, known[0] == '\0' ? "%s" : ", %s", *others);
    }
    for (; options != NULL && options->key != NULL; options++) {
        sl_nearest_try(&nearest, options->key);
        text_add(known, sizeof known, known[0] == '\0' ? "%s" : ", %s", options->key);
    }
    if (nearest.best != NULL)
        return sl_json_error(at, error, SLOW_E_INVAL, "unknown key; did you mean \"%s\"?", nearest.best);
    return sl_json_error(at, error, SLOW_E_INVAL, "unknown key; expected one of %s", known);
}

slow_status sl_option_check_keys(const slow_option *options, const char *const *others, const sl_json *object,
                                 const sl_json_at *at, slow_error *error) {
    for (void *i = sl_json_first(object); i != NULL; i = sl_json_next(object, i)) {
        const char *key = sl_json_key_of(i);
        bool known = strncmp(key, "//", 2) == 0;
        for (const char *const *other = others; !known && other != NULL && *other != NULL; other++)
            known = strcmp(key, *other) == 0;
        for (const slow_option *option = options; !known && option != NULL && option->key != NULL; option++)
            known = strcmp(key, option->key) == 0;
        if (!known) {
            sl_json_at key_at = sl_json_at_key(at, key);
            return key_error(options, others, key, &key_at, error);
        }
    }
    return SLOW_OK;
}

/* ---- what is expected ---- */

static void duration_print(uint64_t ns, char *out, size_t capacity) {
    size_t unit = 0;
    while (ns == 0 ? strcmp(duration_units[unit].name, "s") != 0 : ns % duration_units[unit].size_ns != 0)
        unit++;
    snprintf(out, capacity, "%" PRIu64 "%s", ns / duration_units[unit].size_ns, duration_units[unit].name);
}

static void expected_enum(const slow_option *option, char *out, size_t capacity) {
    out[0] = '\0';
    for (size_t i = 0; option->choices[i] != NULL; i++)
        text_add(out, capacity,
                 i == 0                           ? "\"%s\""
                 : option->choices[i + 1] == NULL ? " or \"%s\""
                                                  : ", \"%s\"",
                 option->choices[i]);
}

static void expected_string(const slow_option *option, char *out, size_t capacity) {
    if (option->max != 0)
        snprintf(out, capacity, "a string of %" PRId64 "..%" PRId64 " bytes", option->min, option->max);
    else if (option->min != 0)
        snprintf(out, capacity, "a string of at least %" PRId64 " bytes", option->min);
    else
        snprintf(out, capacity, "a string");
}

/* "an integer, 1..255": for errors and for the documentation. */
static void option_expected(const slow_option *option, char *out, size_t capacity) {
    char min[32], max[32];
    switch (option->type) {
    case SLOW_OPT_BOOL:
        snprintf(out, capacity, "true or false");
        break;
    case SLOW_OPT_INT:
        if (option_has_range(option))
            snprintf(out, capacity, "an integer, %" PRId64 "..%" PRId64, option->min, option->max);
        else
            snprintf(out, capacity, "an integer");
        break;
    case SLOW_OPT_DURATION:
        duration_print((uint64_t)option->min, min, sizeof min);
        duration_print((uint64_t)option->max, max, sizeof max);
        if (option_has_range(option))
            snprintf(out, capacity, "a duration, %s..%s", min, max);
        else
            snprintf(out, capacity, "a duration");
        break;
    case SLOW_OPT_ENUM:
        expected_enum(option, out, capacity);
        break;
    default:
        expected_string(option, out, capacity);
    }
}

static slow_status value_error(const slow_option *option, const sl_json *value, const sl_json_at *at,
                               slow_error *error) {
    char expected[128], shown[80];
    option_expected(option, expected, sizeof expected);
    switch (sl_json_type(value)) {
    case SL_JSON_INTEGER:
        snprintf(shown, sizeof shown, "%" PRId64, sl_json_integer(value));
        break;
    case SL_JSON_REAL:
        snprintf(shown, sizeof shown, "%g", sl_json_number(value));
        break;
    case SL_JSON_STRING:
        snprintf(shown, sizeof shown, "\"%.40s\"%s", sl_json_string(value),
                 strlen(sl_json_string(value)) > 40 ? "..." : "");
        break;
    default:
        snprintf(shown, sizeof shown, "%s", sl_json_type_name(value));
    }
    bool duration = option->type == SLOW_OPT_DURATION;
    sl_nearest nearest = {.wrong = sl_json_string(value)};
    for (size_t i = 0; option->type == SLOW_OPT_ENUM && nearest.wrong != NULL && option->choices[i] != NULL; i++)
        sl_nearest_try(&nearest, option->choices[i]);
    return sl_json_error(at, error, SLOW_E_INVAL, "%s is wrong; expected %s%s%s%s%s", shown, expected,
                         duration ? ", such as \"250ms\", \"2s\", \"5min\", \"1h\" or a number of seconds" : "",
                         nearest.best != NULL ? "; did you mean \"" : "", nearest.best != NULL ? nearest.best : "",
                         nearest.best != NULL ? "\"?" : "");
}

/* ---- values ---- */

static bool in_range(const slow_option *option, int64_t value) {
    return !option_has_range(option) || (value >= option->min && value <= option->max);
}

/* "250ms": digits, then a unit. */
static bool duration_parse(const char *text, uint64_t *ns) {
    uint64_t count = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (count > (uint64_t)INT64_MAX / 10 - 1)
            return false;
        count = count * 10 + (uint64_t)(*at - '0');
    }
    for (size_t i = 0; at != text && i < DURATION_UNITS; i++)
        if (strcmp(at, duration_units[i].name) == 0 && count <= (uint64_t)INT64_MAX / duration_units[i].size_ns) {
            *ns = count * duration_units[i].size_ns;
            return true;
        }
    return false;
}

static bool duration_of(const sl_json *value, slow_time *ns) {
    if (sl_json_type(value) == SL_JSON_STRING)
        return duration_parse(sl_json_string(value), ns);
    double seconds = sl_json_number(value);
    if ((sl_json_type(value) != SL_JSON_INTEGER && sl_json_type(value) != SL_JSON_REAL) || !(seconds >= 0) ||
        seconds > 9e9)
        return false;
    *ns = sl_json_type(value) == SL_JSON_INTEGER ? (uint64_t)sl_json_integer(value) * UINT64_C(1000000000)
                                                 : (uint64_t)(seconds * 1e9 + 0.5);
    return true;
}

static bool string_fits(const slow_option *option, const sl_json *value) {
    if (sl_json_type(value) != SL_JSON_STRING)
        return false;
    size_t size = strlen(sl_json_string(value));
    return size >= (uint64_t)option->min && (option->max == 0 || size <= (uint64_t)option->max);
}

/* False = not one of the choices. */
static bool choice_of(const slow_option *option, const sl_json *value, int64_t *choice) {
    if (sl_json_type(value) != SL_JSON_STRING)
        return false;
    for (*choice = 0; option->choices[*choice] != NULL; ++*choice)
        if (strcmp(option->choices[*choice], sl_json_string(value)) == 0)
            return true;
    return false;
}

/* The member at `offset` may lie anywhere in the plugin's struct: memcpy asks for no alignment. */
static void member_store(const slow_option *option, void *config, const void *value) {
    memcpy((char *)config + option->offset, value, option_size(option));
}

static char *member_string(const slow_option *option, const void *config) {
    char *text;
    memcpy(&text, (const char *)config + option->offset, sizeof text);
    return text;
}

/* A copy; of a secret's file the content. */
static slow_status string_new(const slow_option *option, const char *text, const sl_json_at *at, char **out,
                              slow_error *error) {
    slow_error why;
    if ((option->flags & SLOW_OPT_SECRET_FILE) == 0) {
        *out = strdup(text);
        return *out != NULL ? SLOW_OK : sl_json_error(at, error, SLOW_E_NOMEM, "no memory");
    }
    slow_status status = sl_secret_read_key_text(text, "key", out, &why);
    return status == SLOW_OK ? SLOW_OK : sl_json_error(at, error, status, "%s", why.text);
}

static void string_free(const slow_option *option, const void *config) {
    if (option->flags & SLOW_OPT_SECRET_FILE)
        sl_secret_free(member_string(option, config));
    else
        free(member_string(option, config));
}

slow_status sl_option_set(const slow_option *option, const sl_json *value, const sl_json_at *at, void *config,
                          slow_error *error) {
    bool right = false, truth = sl_json_true(value);
    int64_t integer = sl_json_integer(value);
    slow_time ns = 0;
    switch (option->type) {
    case SLOW_OPT_BOOL:
        right = sl_json_type(value) == SL_JSON_BOOL;
        if (right)
            member_store(option, config, &truth);
        break;
    case SLOW_OPT_INT:
        right = sl_json_type(value) == SL_JSON_INTEGER && in_range(option, integer);
        if (right)
            member_store(option, config, &integer);
        break;
    case SLOW_OPT_DURATION:
        right = duration_of(value, &ns) && in_range(option, (int64_t)ns);
        if (right)
            member_store(option, config, &ns);
        break;
    case SLOW_OPT_ENUM:
        right = choice_of(option, value, &integer);
        if (right)
            member_store(option, config, &integer);
        break;
    default:
        right = string_fits(option, value);
        if (right) {
            char *copy = NULL;
            slow_status status = string_new(option, sl_json_string(value), at, &copy, error);
            if (status != SLOW_OK)
                return status;
            string_free(option, config);
            member_store(option, config, &copy);
        }
    }
    return right ? SLOW_OK : value_error(option, value, at, error);
}

/* ---- whole structs ---- */

/* The default as the value that would stand in a config; NULL = no memory, or a table that is wrong. */
static sl_json *default_value(const slow_option *option) {
    const char *text = option->default_text;
    bool bare = option->type == SLOW_OPT_BOOL || option->type == SLOW_OPT_INT ||
                (option->type == SLOW_OPT_DURATION && strspn(text, "0123456789.") == strlen(text));
    return bare ? sl_json_parse(&(sl_json_text){.text = text, .size = strlen(text)}, NULL) : sl_json_new_string(text);
}

static slow_status option_default(const slow_option *option, const sl_json_at *at, void *config, slow_error *error) {
    if (option->default_text == NULL)
        return SLOW_OK;
    sl_json *value = default_value(option);
    slow_error why = {.text = "unreadable"};
    sl_json_at nowhere = sl_json_at_root(&(sl_json_text){.name = NULL});
    slow_status status = value == NULL ? SLOW_E_INVAL : sl_option_set(option, value, &nowhere, config, &why);
    sl_json_free(value);
    return status == SLOW_OK ? SLOW_OK
                             : sl_json_error(at, error, status, "the plugin's own default \"%s\" is wrong: %s",
                                             option->default_text, why.text);
}

static slow_status option_fill_one(const slow_option *option, size_t config_size, const sl_json *object,
                                   const sl_json_at *at, void *config, slow_error *error) {
    size_t size = option_size(option);
    if (size == 0 || option->offset > config_size || size > config_size - option->offset ||
        (option->type == SLOW_OPT_ENUM && option->choices == NULL))
        return sl_json_error(at, error, SLOW_E_UNSUPPORTED, "the plugin's option table is wrong here; %s",
                             size == 0 ? "this build does not know the type: take a newer one"
                                       : "the plugin needs mending");
    const sl_json *value = object == NULL ? NULL : sl_json_get(object, option->key);
    if (value != NULL)
        return sl_option_set(option, value, at, config, error);
    if (option->flags & SLOW_OPT_REQUIRED) {
        char expected[128];
        option_expected(option, expected, sizeof expected);
        return sl_json_error(at, error, SLOW_E_INVAL, "missing; expected %s", expected);
    }
    return option_default(option, at, config, error);
}

slow_status sl_option_fill(const slow_option *options, size_t config_size, const sl_json *object, const sl_json_at *at,
                           void *config, slow_error *error) {
    slow_status status = SLOW_OK;
    const slow_option *option = options;
    memset(config, 0, config_size);
    for (; option != NULL && option->key != NULL; option++) {
        sl_json_at value_at = sl_json_at_key(at, option->key);
        status = option_fill_one(option, config_size, object, &value_at, config, error);
        if (status != SLOW_OK)
            break;
    }
    if (status != SLOW_OK) { /* back over what was filled in: further on the table itself may be wrong */
        while (option-- != options)
            if (option->type == SLOW_OPT_STRING)
                string_free(option, config);
        memset(config, 0, config_size);
    }
    return status;
}

void sl_option_clear(const slow_option *options, void *config) {
    for (const slow_option *option = options; option != NULL && option->key != NULL; option++)
        if (option->type == SLOW_OPT_STRING) {
            string_free(option, config);
            member_store(option, config, &(char *){NULL});
        }
}

slow_status sl_option_new(const slow_plugin *plugin, const char *const *others, const sl_json *object,
                          const sl_json_at *at, void **config, slow_error *error) {
    *config = NULL;
    slow_status status = object == NULL ? SLOW_OK : sl_option_check_keys(plugin->options, others, object, at, error);
    if (status != SLOW_OK || (plugin->config_size == 0 && plugin->options == NULL))
        return status;
    void *filled = calloc(1, plugin->config_size > 0 ? plugin->config_size : 1);
    if (filled == NULL)
        return sl_json_error(at, error, SLOW_E_NOMEM, "no memory");
    status = sl_option_fill(plugin->options, plugin->config_size, object, at, filled, error);
    if (status == SLOW_OK)
        *config = filled;
    else
        free(filled);
    return status;
}

void sl_option_free(const slow_plugin *plugin, void *config) {
    if (config != NULL)
        sl_option_clear(plugin->options, config);
    free(config);
}

/* ---- documentation ---- */

static void describe_option(const slow_option *option, void (*line)(void *, const char *), void *arg) {
    char expected[160], text[512];
    option_expected(option, expected, sizeof expected);
    bool quoted = option->type == SLOW_OPT_STRING || option->type == SLOW_OPT_ENUM;
    int used = snprintf(text, sizeof text, "  \"%s\": %s", option->key, expected);
    if (used > 0 && (size_t)used < sizeof text && option->default_text != NULL)
        snprintf(text + used, sizeof text - (size_t)used, quoted ? "; default \"%s\"" : "; default %s",
                 option->default_text);
    text_add(text, sizeof text, "%s", option->flags & SLOW_OPT_REQUIRED ? "; required" : "");
    text_add(text, sizeof text, "%s", option->flags & SLOW_OPT_RELOADABLE ? "; can change while running" : "");
    text_add(text, sizeof text, "%s", option->flags & SLOW_OPT_SECRET_FILE ? "; a file whose content is secret" : "");
    line(arg, text);
    if (option->help != NULL) {
        snprintf(text, sizeof text, "      %s", option->help);
        line(arg, text);
    }
}

void sl_option_describe(const slow_plugin *plugin, void (*line)(void *arg, const char *text), void *arg) {
    char text[512];
    snprintf(text, sizeof text, "%s %s: %s (%s)", plugin->id, plugin->version != NULL ? plugin->version : "?",
             plugin->summary != NULL ? plugin->summary : "no summary",
             plugin->license != NULL ? plugin->license : "no license given");
    line(arg, text);
    if (plugin->options == NULL || plugin->options->key == NULL)
        line(arg, "  no options");
    for (const slow_option *option = plugin->options; option != NULL && option->key != NULL; option++)
        describe_option(option, line, arg);
}
