/* Copies memory byte by byte, and is built without sanitizers: between a module's variables lies what an address sanitizer
 * put there to be never read. */
#include "image.h"
#include <stdlib.h>

image image_take(const void *at, size_t size) {
    image i = {.at = at, .copy = malloc(size + 1), .size = size};
    if (i.copy == NULL)
        abort();
    for (size_t byte = 0; byte < size; byte++)
        i.copy[byte] = i.at[byte];
    return i;
}

bool image_changed(const image *i, size_t *where) {
    for (*where = 0; *where < i->size; ++*where)
        if (i->at[*where] != i->copy[*where])
            return true;
    return false;
}

void image_free(image *i) {
    free(i->copy);
}
