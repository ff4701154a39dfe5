/* Any bytes as a message in JSON, and as an id. What is a message comes out shorter or the same, is one again, and comes out
 * unchanged; jansson, behind the same door, reads it too. An id that is accepted is one for all who ask. */
#include "core/id.h"
#include "core/json.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds) {
    if (!holds)
        abort();
}

static void try_message(const char *text, size_t size) {
    char *out = malloc(size + 1), *again = malloc(size + 1);
    size_t out_size = 0, again_size = 0;
    slow_error error = {.text = ""};
    must(out != NULL && again != NULL);
    if (sl_json_compact(text, size, out, &out_size, &error) == SLOW_OK) {
        must(out_size > 0 && out_size <= size);
        must(sl_json_compact(out, out_size, again, &again_size, &error) == SLOW_OK);
        must(again_size == out_size && memcmp(again, out, out_size) == 0);
        const sl_json_text compact = {.name = "compact", .text = out, .size = out_size};
        sl_json *value = sl_json_parse(&compact, &error);
        sl_json_free(value); /* a number that no double holds is none for jansson */
    } else
        must(error.text[0] != '\0' && strpbrk(error.text, "\r\n") == NULL);
    free(again);
    free(out);
}

static void try_id(slow_bytes text) {
    slow_id id = {.size = 0}, same = {.size = 0};
    slow_error error = {.text = ""};
    slow_status status = sl_id_parse((const char *)text.data, text.size, &id, &error);
    must((status == SLOW_OK) == sl_id_set(&same, text));
    if (status == SLOW_OK)
        must(sl_id_equal(&id, &same) && sl_id_is(&id, text.data, text.size) && sl_id_compare(&id, &same) == 0);
    else
        must(error.text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    try_message((const char *)data, size);
    try_id((slow_bytes){data, size});
    return 0;
}
