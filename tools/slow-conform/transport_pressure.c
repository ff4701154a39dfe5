/* More than fits: batches, sends that take a part, a reader that does not read, and one that has enough. */
#include "transport.h"
#include "transport_bench.h"
#include <string.h>

enum {
    BATCH = 32,
    FRAME = 1000,                /* bytes */
    ENOUGH = 64 * 1024 * 1024,   /* bytes that no socket buffers */
    KEPT_MAX = 16 * 1024 * 1024, /* bytes of the plugin's own, for what it has taken and not written */
    TURN_MAX = 512 * 1024,       /* bytes in a turn after SLOW_E_AGAIN: what one read of a large buffer may bring */
};

#define SEND "slow/transport.h, slow_transport_ops.send()"

static void packets_make(bench_side *side, slow_packet **packets, uint32_t n, uint32_t index) {
    for (uint32_t i = 0; i < n; i++)
        packets[i] = bench_packet(side, index + i, FRAME, 0);
}

static bool is_stream(const transport_bench *b) {
    return (b->out->flags & SLOW_LINK_STREAM) != 0;
}

/* The caller keeps a reference of each: what send() did to the bytes is then to be seen. */
void a_batch_is_taken_in_order(conform *c) {
    transport_bench *b = bench_connected(c);
    bench_side *server = &b->side[BENCH_SERVER], *client = &b->side[BENCH_CLIENT];
    slow_packet *packets[BATCH];
    uint8_t before[BATCH][FRAME];
    for (int round = 0; round < 4; round++) {
        size_t arrived = server->frame_count;
        packets_make(client, packets, BATCH, 1);
        for (int i = 0; i < BATCH; i++) {
            memcpy(before[i], slow_packet_data(packets[i]), FRAME);
            client->instance->host.table.packet_ref(packets[i]);
        }
        bench_send_all(client, b->out, packets, BATCH);
        bench_wait_frames(server, arrived + BATCH, "a batch of 32");
        bench_in_order(server, arrived, BATCH, 1, FRAME);
        for (int i = 0; i < BATCH; i++) {
            if (packets[i]->size != FRAME || memcmp(slow_packet_data(packets[i]), before[i], FRAME) != 0)
                conform_fail(c, "slow/packet.h, slow_packet", "the frame bytes are read-only to a transport",
                             "changed the bytes of a packet in send()");
            conform_packet_drop(packets[i]);
        }
    }
    bench_settle(b);
    if (client->instance->host.out.packets > 0)
        conform_fail(c, SEND, "*taken packets are now the transport's (one reference each)",
                     "still held %u packets after all frames had arrived", client->instance->host.out.packets);
    bench_free(b);
}

void trains_arrive_as_frames(conform *c) {
    enum { SEGMENT = 300, LAST = 100 };
    transport_bench *b = bench_connected(c);
    bench_side *server = &b->side[BENCH_SERVER], *client = &b->side[BENCH_CLIENT];
    uint32_t most = b->ops->max_segments;
    if (most < 2)
        conform_skip(c, "the transport takes no trains: max_segments is below 2");
    for (uint32_t frames = 2; frames <= most && frames <= 20; frames++) {
        size_t arrived = server->frame_count;
        slow_packet *train = bench_packet(client, 1, SEGMENT * (frames - 1) + LAST, SEGMENT);
        conform_note(c, "with a train of %u frames", frames);
        bench_send_all(client, b->out, &train, 1);
        bench_wait_frames(server, arrived + frames, "those of a train");
        bench_in_order(server, arrived, frames - 1, 1, SEGMENT);
        bench_in_order(server, arrived + frames - 1, 1, frames, LAST);
    }
    bench_free(b);
}

/* Sends to a server that does not read, until no more is taken. Returns how many frames were. */
static uint32_t fill(transport_bench *b, uint32_t index) {
    bench_side *client = &b->side[BENCH_CLIENT];
    uint32_t sent = 0;
    for (;;) {
        slow_packet *packets[BATCH];
        size_t taken;
        packets_make(client, packets, BATCH, index + sent);
        slow_status status = bench_send(client, b->out, packets, BATCH, &taken);
        for (size_t i = taken; i < BATCH; i++)
            conform_packet_drop(packets[i]);
        sent += (uint32_t)taken;
        if (taken < BATCH || status == SLOW_E_AGAIN)
            return sent;
        if ((uint64_t)sent * FRAME > ENOUGH)
            conform_fail(b->c, SEND, "takes a prefix of the batch, the rest stay the caller's: SLOW_E_AGAIN",
                         "took %u MiB of frames that the other end did not read, and had still not enough",
                         (unsigned)(ENOUGH >> 20));
        bench_turn_alone(client);
    }
}

static transport_bench *stream_connected(conform *c) {
    transport_bench *b = bench_connected(c);
    if (!is_stream(b))
        conform_skip(c, "links are not SLOW_LINK_STREAM: what the other end does not read is lost");
    return b;
}

void what_does_not_fit_is_sent_later(conform *c) {
    transport_bench *b = stream_connected(c);
    bench_side *server = &b->side[BENCH_SERVER], *client = &b->side[BENCH_CLIENT];
    uint32_t index = 1;
    for (int round = 0; round < 3; round++) {
        slow_packet *packets[BATCH];
        uint32_t sent = fill(b, index);
        packets_make(client, packets, BATCH, index + sent);
        bench_send_all(client, b->out, packets, BATCH);
        sent += BATCH;
        bench_wait_frames(server, index + sent, "what send() took of batches that did not fit");
        bench_in_order(server, index, sent, index, FRAME);
        index += sent;
    }
    bench_settle(b);
    if (server->frame_count != index)
        conform_fail(c, SEND, "takes a prefix of the batch, the rest stay the caller's",
                     "brought %zu frames over; it had taken %u", server->frame_count, index);
    bench_free(b);
}

typedef struct readable {
    const bench_link *link;
} readable;

static bool may_write(void *arg) {
    return ((const readable *)arg)->link->writable > 0;
}

void what_nobody_reads_is_not_taken(conform *c) {
    transport_bench *b = stream_connected(c);
    bench_side *client = &b->side[BENCH_CLIENT];
    readable r = {b->out};
    uint32_t sent = fill(b, 1);
    uint64_t kept = (uint64_t)client->instance->host.out.packets * FRAME;
    if (kept > KEPT_MAX)
        conform_fail(c, SEND, "takes a prefix of the batch: what is urgent overtakes in the core's own queue",
                     "held %llu MiB in packets that the other end did not read", (unsigned long long)(kept >> 20));
    for (int i = 0; i < 20; i++) {
        slow_packet *packet = bench_packet(client, 1 + sent, FRAME, 0);
        size_t taken;
        bench_send(client, b->out, &packet, 1, &taken);
        sent += (uint32_t)taken;
        if (taken == 0)
            conform_packet_drop(packet);
        bench_turn_alone(client);
    }
    b->out->writable = 0;
    if (!bench_until(b, may_write, &r, BENCH_PATIENCE))
        conform_fail(c, "slow/transport.h, slow_transport_host.writable()", "after a short send()",
                     "had not called it 5 s after a short send(), while the peer was reading");
    bench_wait_frames(&b->side[BENCH_SERVER], 1 + sent, "what had been taken");
    bench_in_order(&b->side[BENCH_SERVER], 1, sent, 1, FRAME);
    bench_free(b);
}

/* The server's core says SLOW_E_AGAIN to each receive(). */
void who_has_enough_gets_no_more(conform *c) {
    transport_bench *b = bench_connected(c);
    bench_side *server = &b->side[BENCH_SERVER], *client = &b->side[BENCH_CLIENT];
    uint32_t sent = BATCH;
    server->says_again = true;
    if (is_stream(b)) {
        sent = fill(b, 1);
    } else {
        slow_packet *packets[BATCH];
        packets_make(client, packets, BATCH, 1);
        bench_send_all(client, b->out, packets, BATCH);
    }
    for (int turn = 0; turn < 200 && server->frame_count < 1 + sent; turn++) {
        bench_turn_alone(server);
        if (b->in->extra > TURN_MAX)
            conform_fail(c, "slow/transport.h, slow_transport_host.receive()",
                         "SLOW_E_AGAIN: all were taken, but read no more from this link in this turn",
                         "brought %llu KiB more in the same turn", (unsigned long long)(b->in->extra >> 10));
    }
    bench_wait_frames(server, 1 + sent, "those of a link whose core had said SLOW_E_AGAIN");
    bench_in_order(server, 1, sent, 1, FRAME);
    bench_free(b);
}
