/* read.c - bytes in: 64 KiB a read into one buffer of the instance, cut into frames where they lie.
 *
 *   stream:  size u16, frame, size u16, frame, ...      size 1..65,535, big endian
 *
 * A frame that is not whole yet is kept by its link, in a buffer of its own (the tail), and the next read goes first
 * into what it still lacks and then into the common buffer (readv), so that bytes are copied once at most, and a peer
 * that sends byte by byte costs no more than the bytes. Half a prefix is put back in front of the common buffer.
 *
 * A tail is as large as its frame only for a peer that has sent as much already: till then it doubles from 2 KiB. So
 * two bytes that announce 64 KiB do not make us set them aside, and a stranger who stalls holds no more than twice
 * what it sent, or 2 KiB, until the core's five seconds are over.
 *
 * A size of 0 is nothing that a junction sends, so the stream is not one of ours, or it lost its step: that link is
 * down (SLOW_E_MALFORMED), for a stream cannot be entered in the middle. */
#include "tcp.h"
#include <errno.h>
#include <slow/wire.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#define READS 8u    /* in one turn, should the core never say AGAIN */
#define SLICES 256u /* in one receive() */
#define TAIL_FIRST 2048u

typedef struct batch {
    tcp_link *link;
    size_t count;
    bool enough; /* the core said AGAIN */
    slow_slice slices[SLICES];
} batch;

void tcp_tail_free(tcp_tail *tail) {
    free(tail->bytes);
    *tail = (tcp_tail){.bytes = NULL};
}

static void hand_up(batch *b) {
    tcp *t = b->link->tcp;
    if (b->count > 0 && t->up->receive(t->host, b->link->id, b->slices, b->count) == SLOW_E_AGAIN)
        b->enough = true;
    b->count = 0;
}

static void add(batch *b, uint8_t *frame, uint32_t size) {
    if (b->count == SLICES)
        hand_up(b);
    b->slices[b->count++] = (slow_slice){.data = frame, .size = size};
}

static uint32_t whole_size(const uint8_t prefix[TCP_PREFIX_SIZE]) {
    slow_reader r = slow_reader_of((slow_bytes){prefix, TCP_PREFIX_SIZE});
    return TCP_PREFIX_SIZE + slow_read_u16(&r);
}

/* Makes room for the frame, or for a part of it; false = no memory. */
static bool tail_room(tcp_link *link, uint32_t whole) {
    tcp_tail *tail = &link->tail;
    uint64_t earned = link->received * 2 > TAIL_FIRST ? link->received * 2 : TAIL_FIRST;
    uint32_t capacity = whole < earned ? whole : (uint32_t)earned;
    uint8_t *bytes = realloc(tail->bytes, capacity);
    if (bytes == NULL)
        return false;
    tail->bytes = bytes;
    tail->capacity = capacity;
    return true;
}

/* Keeps the beginning of a frame, which is less than the whole. */
static slow_status tail_keep(tcp_link *link, const uint8_t *bytes, uint32_t size) {
    tcp_tail *tail = &link->tail;
    if (size >= TCP_PREFIX_SIZE) {
        if (!tail_room(link, whole_size(bytes)))
            return SLOW_E_NOMEM;
        memcpy(tail->bytes, bytes, size);
    } else if (size > 0) {
        tail->first = bytes[0];
    }
    tail->size = size;
    return SLOW_OK;
}

/* Cuts what came into frames, hands them up, and keeps the rest. */
static slow_status cut(batch *b, uint8_t *bytes, uint32_t size) {
    uint32_t at = 0;
    while (size - at >= TCP_PREFIX_SIZE) {
        uint32_t whole = whole_size(bytes + at);
        if (whole == TCP_PREFIX_SIZE)
            return SLOW_E_MALFORMED;
        if (size - at < whole)
            break;
        add(b, bytes + at + TCP_PREFIX_SIZE, whole - TCP_PREFIX_SIZE);
        at += whole;
    }
    hand_up(b);
    return tail_keep(b->link, bytes + at, size - at);
}

/* What to read into: what the tail lacks, and the common buffer where the tail's frame ends before it. Returns the
 * size. */
static size_t targets(tcp_link *link, struct iovec parts[2], int *count) {
    tcp_tail *tail = &link->tail;
    uint8_t *scratch = link->tcp->scratch;
    *count = 0;
    if (tail->bytes != NULL) {
        uint32_t left = tail->capacity - tail->size;
        parts[(*count)++] = (struct iovec){tail->bytes + tail->size, left};
        if (tail->capacity < whole_size(tail->bytes))
            return left;
        parts[(*count)++] = (struct iovec){scratch, TCP_READ_SIZE};
        return left + TCP_READ_SIZE;
    }
    if (tail->size > 0)
        *scratch++ = tail->first;
    parts[(*count)++] = (struct iovec){scratch, TCP_READ_SIZE};
    return TCP_READ_SIZE;
}

/* `size` bytes came into the targets. */
static slow_status take(batch *b, size_t size) {
    tcp_link *link = b->link;
    tcp_tail *tail = &link->tail;
    uint8_t *scratch = link->tcp->scratch, *whole = NULL;
    link->received += size;
    if (tail->bytes != NULL) {
        size_t left = tail->capacity - tail->size;
        size_t into = size < left ? size : left;
        tail->size += (uint32_t)into;
        size -= into;
        if (tail->size < whole_size(tail->bytes))
            return tail->size < tail->capacity || tail_room(link, whole_size(tail->bytes)) ? SLOW_OK : SLOW_E_NOMEM;
        whole = tail->bytes;
        add(b, whole + TCP_PREFIX_SIZE, tail->size - TCP_PREFIX_SIZE);
        *tail = (tcp_tail){.bytes = NULL};
    }
    slow_status status = cut(b, scratch, tail->size + (uint32_t)size);
    hand_up(b);
    free(whole);
    return status;
}

void tcp_read(tcp_link *link) {
    batch b = {.link = link};
    for (unsigned reads = 0; reads < READS && !b.enough; reads++) {
        struct iovec parts[2];
        int count;
        size_t wanted = targets(link, parts, &count);
        ssize_t got = readv(link->fd, parts, count);
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
            return;
        if (got <= 0) {
            tcp_link_die(link, got < 0 && errno == ETIMEDOUT ? SLOW_E_TIMEOUT : SLOW_E_CLOSED);
            return;
        }
        slow_status status = take(&b, (size_t)got);
        if (status != SLOW_OK) {
            tcp_link_die(link, status);
            return;
        }
        if ((size_t)got < wanted)
            return;
    }
}
