/* How links and dials end: by close() in every state, by the other end, by a dial that fails or is cancelled, by refusal, and
 * with the instance itself. That nothing is told after an end is judged by the bench, whenever it happens. */
#include "transport.h"
#include "transport_bench.h"

enum { FRAME = 600, SOME = 40, MANY = 20000 };

#define OPS_TABLE "slow/transport.h, slow_transport_ops."

static void some_frames(bench_side *side, bench_link *link, uint32_t index) {
    for (uint32_t i = 0; i < SOME; i++)
        bench_send_frame(side, link, index + i, FRAME);
}

/* Until it does not fit. The other end reads nothing meanwhile. */
static void block(bench_side *side, bench_link *link) {
    for (uint32_t i = 0; i < MANY; i++) {
        slow_packet *packet = bench_packet(side, i, FRAME, 0);
        size_t taken;
        bench_send(side, link, &packet, 1, &taken);
        if (taken > 0)
            continue;
        conform_packet_drop(packet);
        return;
    }
}

/* ---- close() ---- */

enum close_state { CLOSE_FRESH, CLOSE_QUIET, CLOSE_UNREAD, CLOSE_BLOCKED, CLOSE_LEFT, CLOSE_BOTH, CLOSE_STATES };

static const char *const states[CLOSE_STATES] = {
    [CLOSE_FRESH] = "of a link that has just come up",           [CLOSE_QUIET] = "of a link that is quiet",
    [CLOSE_UNREAD] = "of a link with frames that were not read", [CLOSE_BLOCKED] = "of a link that takes no more",
    [CLOSE_LEFT] = "of a link whose other end has been closed",  [CLOSE_BOTH] = "at both ends",
};

static void close_in_state(conform *c, enum close_state state, int closer) {
    transport_bench *b = state == CLOSE_FRESH ? bench_listening(c) : bench_connected(c);
    if (state == CLOSE_FRESH) {
        b->out = bench_dial(&b->side[BENCH_CLIENT], b->bound);
        closer = BENCH_CLIENT;
    }
    bench_side *near = &b->side[closer], *far = &b->side[!closer];
    bench_link *link = closer == BENCH_CLIENT ? b->out : b->in, *other = closer == BENCH_CLIENT ? b->in : b->out;
    if (state == CLOSE_UNREAD)
        some_frames(far, other, 1);
    if (state == CLOSE_BLOCKED)
        block(near, link);
    if (state == CLOSE_LEFT || state == CLOSE_BOTH)
        bench_close(far, other);
    if (state == CLOSE_LEFT)
        bench_turn_alone(near);
    bench_close(near, link);
    bench_settle(b);
    conform_note(c, "%s", "over a new link, after close() of another");
    link = bench_dial(&b->side[BENCH_CLIENT], b->bound);
    size_t frames = b->side[BENCH_SERVER].frame_count;
    bench_send_frame(&b->side[BENCH_CLIENT], link, 7, FRAME);
    bench_wait_frames(&b->side[BENCH_SERVER], frames + 1, "of a new link");
    bench_free(b);
}

void links_close_in_every_state(conform *c) {
    for (int state = 0; state < CLOSE_STATES; state++)
        for (int closer = 0; closer < 2; closer++) {
            conform_note(c, "with close() %s", states[state]);
            close_in_state(c, (enum close_state)state, closer);
        }
}

/* And what the other end has sent lies unread. */
void what_was_taken_is_sent_before_the_close(conform *c) {
    transport_bench *b = bench_connected(c);
    bench_side *server = &b->side[BENCH_SERVER], *client = &b->side[BENCH_CLIENT];
    slow_packet *packets[SOME];
    size_t taken;
    some_frames(server, b->in, 1);
    for (uint32_t i = 0; i < SOME; i++)
        packets[i] = bench_packet(client, 1 + i, FRAME, 0);
    bench_send(client, b->out, packets, SOME, &taken);
    for (size_t i = taken; i < SOME; i++)
        conform_packet_drop(packets[i]);
    bench_close(client, b->out);
    conform_note(c, "%s", "which send() had taken before close()");
    bench_wait_frames(server, 1 + taken, "what send() took is still written where that does not wait");
    bench_in_order(server, 1, taken, 1, FRAME);
    bench_free(b);
}

static bool is_down(void *arg) {
    return ((const bench_link *)arg)->down;
}

void the_other_end_is_told(conform *c) {
    for (int closer = 0; closer < 2; closer++) {
        transport_bench *b = bench_connected(c);
        if ((b->out->flags & SLOW_LINK_STREAM) == 0)
            conform_skip(c, "links are not SLOW_LINK_STREAM: nobody tells of an end");
        bench_close(&b->side[closer], closer == BENCH_CLIENT ? b->out : b->in);
        if (!bench_until(b, is_down, closer == BENCH_CLIENT ? b->in : b->out, BENCH_PATIENCE))
            conform_fail(c, "slow/transport.h, slow_transport_host.link_down()", "the link is gone",
                         "had not called it 5 s after the %s had closed the link",
                         closer == BENCH_CLIENT ? "dialling end" : "listening end");
        bench_settle(b);
        bench_free(b);
    }
}

/* ---- dials ---- */

typedef struct asked {
    const bench_side *side;
    uint64_t dial;
} asked;

static bool is_answered(void *arg) {
    const asked *a = arg;
    return a->side->dials[a->dial] != DIAL_OPEN;
}

/* On an address that was somebody's a moment ago. A datagram's link may come up all the same: nobody is asked. */
void dials_fail_where_nobody_listens(conform *c) {
    transport_bench *b = bench_listening(c);
    bench_side *client = &b->side[BENCH_CLIENT];
    CONFORM_CALL(c, "unlisten()", b->ops->unlisten(b->side[BENCH_SERVER].instance->self, b->address));
    for (int i = 0; i < 3; i++) {
        asked a = {client, bench_connect(client, b->bound)};
        if (a.dial != 0 && !bench_until(b, is_answered, &a, BENCH_PATIENCE))
            conform_fail(c, OPS_TABLE "connect()", "it ends in link_up() with this dial, or in dial_failed()",
                         "had called neither 5 s after it was to connect to %s, where nobody listens", b->bound);
        if (a.dial != 0 && client->dials[a.dial] == DIAL_UP &&
            (client->links[client->link_count - 1].flags & SLOW_LINK_STREAM) != 0)
            conform_fail(c, "slow/transport.h, slow_transport_host.dial_failed()", "refused, timed out, no such name",
                         "called link_up() for %s, where nobody listens", b->bound);
    }
    bench_settle(b);
    bench_free(b);
}

/* At once, after a turn, and while another dial to the same address goes on. */
void dials_that_are_cancelled_are_not_heard_of(conform *c) {
    transport_bench *b = bench_listening(c);
    bench_side *client = &b->side[BENCH_CLIENT];
    for (int turns = 0; turns < 3; turns++) {
        asked gone = {client, bench_connect(client, b->bound)}, stays = {client, bench_connect(client, b->bound)};
        if (gone.dial == 0 || stays.dial == 0)
            conform_fail(c, OPS_TABLE "connect()", "one attempt",
                         "failed at once for %s, on which another instance listens", b->bound);
        for (int i = 0; i < turns; i++)
            bench_turn_alone(client);
        if (client->dials[gone.dial] == DIAL_OPEN)
            bench_cancel(client, gone.dial);
        if (!bench_until(b, is_answered, &stays, BENCH_PATIENCE))
            conform_fail(c, OPS_TABLE "cancel()", "of one dial: others go on",
                         "had not answered another dial to the same address 5 s after cancel() of the first");
        bench_settle(b);
    }
    conform_note(c, "%s", "where nobody listens");
    CONFORM_CALL(c, "unlisten()", b->ops->unlisten(b->side[BENCH_SERVER].instance->self, b->address));
    for (int turns = 0; turns < 2; turns++) {
        uint64_t dial = bench_connect(client, b->bound);
        for (int i = 0; i < turns; i++)
            bench_turn_alone(client);
        if (dial != 0 && client->dials[dial] == DIAL_OPEN)
            bench_cancel(client, dial);
        bench_settle(b);
    }
    bench_free(b);
}

/* ---- refusal ---- */

static bool was_refused(void *arg) {
    return ((const bench_side *)arg)->refused > 0;
}

/* By one end or the other. The bench gives no number for such a link, so any call about it is seen. */
void links_that_are_refused_are_forgotten(conform *c) {
    for (int end = 0; end < 2; end++) {
        transport_bench *b = bench_listening(c);
        bench_side *client = &b->side[BENCH_CLIENT];
        b->side[end].refuse = true;
        if (end == BENCH_SERVER)
            bench_send_frame(client, bench_dial(client, b->bound), 1, FRAME);
        else
            bench_connect(client, b->bound);
        if (!bench_until(b, was_refused, &b->side[end], BENCH_PATIENCE))
            conform_fail(c, "slow/transport.h, slow_transport_host.link_up()", "a link exists",
                         "had not called it 5 s after a dial");
        bench_settle(b);
        if (b->side[end].frame_count > 0)
            conform_fail(c, "slow/transport.h, slow_transport_host.link_up()",
                         "0 = refused: the transport forgets the peer",
                         "brought frames of a peer that had been refused");
        bench_free(b);
    }
}

/* ---- listeners ---- */

void links_outlive_their_listener(conform *c) {
    transport_bench *b = bench_connected(c);
    bench_side *server = &b->side[BENCH_SERVER], *client = &b->side[BENCH_CLIENT];
    char again[BENCH_ADDRESS];
    slow_error error;
    CONFORM_CALL(c, "unlisten()", b->ops->unlisten(server->instance->self, b->address));
    bench_settle(b);
    if (!b->in->down && !b->out->down) {
        conform_note(c, "%s", "over a link that was there before unlisten()");
        bench_send_frame(client, b->out, 1, FRAME);
        bench_wait_frames(server, 2, "the client's");
        bench_send_frame(server, b->in, 1, FRAME);
        bench_wait_frames(client, 1, "the server's");
    }
    conform_note(c, "%s", "after unlisten()");
    uint32_t ups = server->ups;
    asked a = {client, bench_connect(client, b->bound)};
    if (a.dial != 0)
        bench_until(b, is_answered, &a, BENCH_PATIENCE);
    if (a.dial != 0 && client->dials[a.dial] == DIAL_UP)
        bench_send_frame(client, &client->links[client->link_count - 1], 2, FRAME);
    bench_settle(b);
    if (server->ups != ups)
        conform_fail(c, OPS_TABLE "unlisten()", "ends what listen() began",
                     "called link_up() for a peer that came then");
    if (bench_listen(server, b->bound, again, &error) != SLOW_OK)
        conform_fail(c, OPS_TABLE "unlisten()", "ends what listen() began", "could not listen at %s again: %s",
                     b->bound, error.text);
    bench_free(b);
}

/* ---- the instance ---- */

void an_instance_ends_at_any_time(conform *c) {
    for (int state = 0; state < 4; state++) {
        transport_bench *b = state == 0 ? bench_listening(c) : bench_connected(c);
        bench_side *server = &b->side[BENCH_SERVER], *client = &b->side[BENCH_CLIENT];
        if (state == 1)
            some_frames(server, b->in, 1);
        if (state == 2)
            block(client, b->out);
        if (state == 3)
            bench_close(server, b->in);
        for (int i = 0; i < 3; i++)
            bench_connect(client, b->bound);
        if (state == 3)
            bench_turn_alone(client);
        conform_end(client->instance);
        bench_settle(b);
        bench_free(b);
    }
}
