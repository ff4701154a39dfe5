/* slow/wire.h - a bounds-checked byte reader and writer, inline, for everything that crosses a link.
 *
 * Both have a sticky error: after the first read or write that does not fit, every further one does nothing and reads
 * zero. So a parser reads all its fields and asks once, at the end. Integers are big endian; a varint is that of Protocol
 * Buffers (base 128, least significant group first), at most 10 bytes. */
#ifndef SLOW_WIRE_H
#define SLOW_WIRE_H
#include "base.h"
#include <string.h>

/* Reads from borrowed bytes. Never crosses the ABI: each side has its own. */
typedef struct slow_reader {
    const uint8_t *at;  /* the next byte */
    const uint8_t *end; /* behind the last one */
    bool failed;        /* something did not fit; nothing is read any more */
} slow_reader;

/* A reader at the first byte. */
static inline slow_reader slow_reader_of(slow_bytes bytes) {
    slow_reader r = {bytes.data, bytes.size > 0 ? bytes.data + bytes.size : bytes.data, false};
    return r;
}

/* Bytes not read yet; 0 after an error. */
static inline size_t slow_reader_left(const slow_reader *r) {
    return r->failed ? 0 : (size_t)(r->end - r->at);
}

/* True when nothing failed so far. */
static inline bool slow_reader_ok(const slow_reader *r) {
    return !r->failed;
}

/* `size` bytes, borrowed from the input; NULL when there are fewer. */
static inline const uint8_t *slow_read_bytes(slow_reader *r, size_t size) {
    if (r->failed || (size_t)(r->end - r->at) < size) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *bytes = r->at;
    r->at += size;
    return bytes;
}

/* An integer of `size` bytes, 0..8. */
static inline uint64_t slow_read_uint(slow_reader *r, size_t size) {
    const uint8_t *bytes = slow_read_bytes(r, size);
    uint64_t value = 0;
    if (bytes == NULL)
        return 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* One byte. */
static inline uint8_t slow_read_u8(slow_reader *r) {
    return (uint8_t)slow_read_uint(r, 1);
}

/* Two bytes. */
static inline uint16_t slow_read_u16(slow_reader *r) {
    return (uint16_t)slow_read_uint(r, 2);
}

/* Four bytes. */
static inline uint32_t slow_read_u32(slow_reader *r) {
    return (uint32_t)slow_read_uint(r, 4);
}

/* Eight bytes. */
static inline uint64_t slow_read_u64(slow_reader *r) {
    return slow_read_uint(r, 8);
}

/* A varint; one that is longer than 10 bytes or does not fit 64 bits fails. */
static inline uint64_t slow_read_varint(slow_reader *r) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t byte = slow_read_u8(r);
        if (r->failed)
            return 0;
        if (shift == 63 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    r->failed = true;
    return 0;
}

/* A length in one byte, then that many bytes. */
static inline slow_bytes slow_read_short(slow_reader *r) {
    slow_bytes bytes = {NULL, 0};
    size_t size = slow_read_u8(r);
    bytes.data = slow_read_bytes(r, size);
    if (bytes.data != NULL)
        bytes.size = size;
    return bytes;
}

/* Writes into borrowed bytes. Never crosses the ABI: each side has its own. */
typedef struct slow_writer {
    uint8_t *start; /* the first byte written */
    uint8_t *at;    /* the next one */
    uint8_t *end;   /* behind the last one that there is room for */
    bool failed;    /* something did not fit; nothing is written any more */
} slow_writer;

/* A writer at the first of `capacity` bytes. */
static inline slow_writer slow_writer_of(uint8_t *out, size_t capacity) {
    slow_writer w = {out, out, capacity > 0 ? out + capacity : out, false};
    return w;
}

/* Bytes written so far. */
static inline size_t slow_writer_size(const slow_writer *w) {
    return (size_t)(w->at - w->start);
}

/* True when all fitted so far. */
static inline bool slow_writer_ok(const slow_writer *w) {
    return !w->failed;
}

/* Room for `size` bytes, to be filled by the caller; NULL when there is none. */
static inline uint8_t *slow_write_room(slow_writer *w, size_t size) {
    if (w->failed || (size_t)(w->end - w->at) < size) {
        w->failed = true;
        return NULL;
    }
    uint8_t *room = w->at;
    w->at += size;
    return room;
}

/* Copies `size` bytes. */
static inline void slow_write_bytes(slow_writer *w, const void *bytes, size_t size) {
    if (w->failed || (size_t)(w->end - w->at) < size) {
        w->failed = true;
        return;
    }
    if (size > 0)
        memcpy(w->at, bytes, size);
    w->at += size;
}

/* The lowest `size` bytes of an integer, 0..8 of them. */
static inline void slow_write_uint(slow_writer *w, uint64_t value, size_t size) {
    uint8_t *room = slow_write_room(w, size);
    if (room == NULL)
        return;
    for (size_t i = size; i-- > 0; value >>= 8)
        room[i] = (uint8_t)value;
}

/* One byte. */
static inline void slow_write_u8(slow_writer *w, uint8_t value) {
    slow_write_bytes(w, &value, 1);
}

/* Two bytes. */
static inline void slow_write_u16(slow_writer *w, uint16_t value) {
    slow_write_uint(w, value, 2);
}

/* Four bytes. */
static inline void slow_write_u32(slow_writer *w, uint32_t value) {
    slow_write_uint(w, value, 4);
}

/* Eight bytes. */
static inline void slow_write_u64(slow_writer *w, uint64_t value) {
    slow_write_uint(w, value, 8);
}

/* Bytes that the value has as a varint, 1..10. */
static inline size_t slow_varint_size(uint64_t value) {
    size_t size = 1;
    while (value >= 0x80) {
        value >>= 7;
        size++;
    }
    return size;
}

/* A varint, no longer than it has to be. */
static inline void slow_write_varint(slow_writer *w, uint64_t value) {
    while (value >= 0x80) {
        slow_write_u8(w, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    slow_write_u8(w, (uint8_t)value);
}

/* A length in one byte, then the bytes; more than 255 of them fail. */
static inline void slow_write_short(slow_writer *w, const void *bytes, size_t size) {
    if (size > 255)
        w->failed = true;
    slow_write_u8(w, (uint8_t)size);
    slow_write_bytes(w, bytes, size);
}
#endif
