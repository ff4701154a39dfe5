/* image.h - a copy of memory, and where it differs now. For a module's static data: see image.c. */
#ifndef IMAGE_H
#define IMAGE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct image {
    const volatile uint8_t *at;
    uint8_t *copy;
    size_t size;
} image;

image image_take(const void *at, size_t size);
/* True when a byte is another now; *where is the first. */
bool image_changed(const image *, size_t *where);
void image_free(image *);
#endif
