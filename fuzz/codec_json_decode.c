/* Any bytes as a package of codec-json, and then as a message inside one.
 *
 * What decode() accepts comes back the same from encode() and decode(). And what encode() embeds, whatever a hostile
 * source passed off as a JSON message, comes out of the package as it went in and changes nothing around it. */
#include "tools/slow-conform/codec_checks.h"
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const slow_module *slow_module_v1_codec_json(void);

static void must_hold(const char *wrong) {
    if (wrong == NULL)
        return;
    fprintf(stderr, "does not hold: %s\n", wrong);
    abort();
}

static void embed(suite_codec *codec, slow_bytes payload) {
    static const uint8_t id[] = "a";
    const slow_package p = {.struct_size = sizeof p,
                            .type = SLOW_JSON,
                            .hop_limit = 1,
                            .hops = 1,
                            .src = {id, 1},
                            .dst = {id, 1},
                            .total = (uint32_t)payload.size,
                            .payload = payload};
    size_t size = 0;
    slow_status status = codec->ops->encode(NULL, &p, NULL, 0, &size);
    if (status == SLOW_E_NOSPACE)
        must_hold(suite_round_trip(codec, &p));
    else if (status != SLOW_E_INVAL)
        must_hold("encode() says what the contract names");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    suite_codec codec = {.ops = slow_module_v1_codec_json()->plugins[0]->ops};
    must_hold(suite_any_bytes(&codec, (slow_bytes){data, size}));
    if (size <= SLOW_PAYLOAD_MAX)
        embed(&codec, (slow_bytes){data, size});
    return 0;
}
