/* What a cable does to frames, as JSON: members of an object that may have others. */
#include "action.h"
#include "core/option.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const sim_faults sim_faults_as_they_are = {
    .loss_ppm = SIM_ANY, .duplicate_ppm = SIM_ANY, .reorder_ppm = SIM_ANY, .jitter_ns = UINT64_MAX, .rate = UINT64_MAX};

const char *const sim_faults_keys[] = {"loss", "duplicate", "reorder", "jitter", "rate", NULL};

slow_status sim_share_read(const sl_json *object, const sl_json_at *at, const char *key, uint32_t *ppm,
                           slow_error *error) {
    const sl_json *value = sl_json_get(object, key);
    sl_json_at here = sl_json_at_key(at, key);
    if (value == NULL)
        return SLOW_OK;
    double share = sl_json_number(value);
    bool number = sl_json_type(value) == SL_JSON_INTEGER || sl_json_type(value) == SL_JSON_REAL;
    if (!number || !(share >= 0 && share <= 1))
        return sl_json_error(&here, error, SLOW_E_INVAL, "is wrong; expected a share, 0..1, such as 0.01");
    *ppm = (uint32_t)(share * 1e6 + 0.5);
    return SLOW_OK;
}

slow_status sim_faults_read(const sl_json *object, const sl_json_at *at, sim_faults *faults, slow_error *error) {
    static const slow_option jitter = {
        .key = "jitter", .type = SLOW_OPT_DURATION, .min = 0, .max = INT64_C(60000000000)};
    static const slow_option rate = {.key = "rate", .type = SLOW_OPT_INT, .min = 0, .max = INT64_C(1000000000000)};
    sl_json_at jitter_at = sl_json_at_key(at, jitter.key), rate_at = sl_json_at_key(at, rate.key);
    const sl_json *jitter_value = sl_json_get(object, jitter.key), *rate_value = sl_json_get(object, rate.key);
    int64_t bytes = 0;
    slow_status status = sim_share_read(object, at, "loss", &faults->loss_ppm, error);
    if (status == SLOW_OK)
        status = sim_share_read(object, at, "duplicate", &faults->duplicate_ppm, error);
    if (status == SLOW_OK)
        status = sim_share_read(object, at, "reorder", &faults->reorder_ppm, error);
    if (status == SLOW_OK && jitter_value != NULL)
        status = sl_option_set(&jitter, jitter_value, &jitter_at, &faults->jitter_ns, error);
    if (status != SLOW_OK || rate_value == NULL)
        return status;
    status = sl_option_set(&rate, rate_value, &rate_at, &bytes, error);
    faults->rate = (uint64_t)bytes;
    return status;
}

void sim_share_write(const char *key, uint32_t ppm, sl_json_writer *w) {
    char number[32];
    if (ppm == SIM_ANY)
        return;
    sl_json_key(w, key);
    snprintf(number, sizeof number, "%u.%06u", ppm / 1000000, ppm % 1000000);
    sl_json_put_raw(w, number, strlen(number));
}

static void write_jitter(slow_time ns, sl_json_writer *w) {
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64 "ns", ns);
    sl_json_key(w, "jitter");
    sl_json_put_string(w, text);
}

void sim_faults_write(const sim_faults *faults, sl_json_writer *w) {
    sim_share_write("loss", faults->loss_ppm, w);
    sim_share_write("duplicate", faults->duplicate_ppm, w);
    sim_share_write("reorder", faults->reorder_ppm, w);
    if (faults->jitter_ns != UINT64_MAX)
        write_jitter(faults->jitter_ns, w);
    if (faults->rate != UINT64_MAX) {
        sl_json_key(w, "rate");
        sl_json_put_unsigned(w, faults->rate);
    }
}
