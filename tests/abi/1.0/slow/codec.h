/* slow/codec.h - package <-> bytes, nothing else. A codec is pure: it uses no host call but log(), and its calls are [any]
 * once it was created.
 *
 * Input is hostile. Whatever the bytes are, decode() and peek() return, touch nothing outside `in` and the arena, and
 * refuse what they cannot read with SLOW_E_MALFORMED. What decode() accepts, peek() accepts, with the same routing
 * fields: one walker MUST serve both, or two junctions disagree about where a package goes. */
#ifndef SLOW_CODEC_H
#define SLOW_CODEC_H
#include "package.h"
#include "plugin.h"
#include <string.h>

/* Scratch memory for one decode(), with a hard cap; all of it is freed by the host when it is done with the package. */
typedef struct slow_arena {
    uint32_t struct_size;                             /* set by the host */
    void *(*alloc)(struct slow_arena *, size_t size); /* aligned for any type; NULL = over the cap */
} slow_arena;

/* How decode() gives a package out: what both sides know of is copied, and `to` keeps its size. The host's struct may be shorter
 * than that of the SDK by which the codec was compiled: `*to = *from` would write behind its end. */
static inline void slow_package_copy(slow_package *to, const slow_package *from) {
    uint32_t size = to->struct_size;
    memcpy((void *)to, (const void *)from, size < sizeof *from ? size : sizeof *from);
    to->struct_size = size;
}

/* What a codec does: slow_plugin.ops of a SLOW_CODEC. */
typedef struct slow_codec_ops {
    uint32_t struct_size;   /* sizeof, as the plugin was compiled */
    const char *name;       /* on the wire when a link opens: "json", "protobuf", "com.example.x"; <= 31 bytes */
    const char *media_type; /* "application/json"; for people */
    /* Writes at most `capacity` bytes and sets *size. SLOW_E_NOSPACE: nothing of use was written, and *size is what is
     * needed. SLOW_E_INVAL: the package breaks a limit of slow/package.h. A package of SLOW_PAYLOAD_MAX needs at most
     * SLOW_FRAME_FLOOR - 64 bytes. */
    slow_status (*encode)(void *self, const slow_package *, uint8_t *out, size_t capacity, size_t *size);
    /* Reads one package that fills `in`. The result points into `in` and into the arena, and is given out by
     * slow_package_copy(). SLOW_E_MALFORMED, or SLOW_E_NOMEM when the arena is full. */
    slow_status (*decode)(void *self, slow_bytes in, slow_arena *, slow_package *out);
    /* The forwarding fast path: both this and advance(), or neither. Reads the routing fields and stops. A codec without
     * it still forwards: the core decodes and encodes. SLOW_E_MALFORMED. */
    slow_status (*peek)(void *self, slow_bytes in, slow_route_view *out);
    /* Adds one to `hops` at view->patch, in place, and never changes the size. The view is that of peek() on the same bytes. */
    void (*advance)(void *self, uint8_t *package, size_t size, const slow_route_view *);
} slow_codec_ops;
#endif
