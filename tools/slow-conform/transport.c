/* Transports: two instances of the plugin over the loopback of this machine (transport_bench.c). Here is what all of them do
 * on a good day: addresses, frames of all sizes, many links. What happens under pressure is in transport_pressure.c, and how
 * links and dials end in transport_ends.c.
 *
 * Nothing is lost on the loopback as long as no more is on its way than a socket's buffer holds, so a datagram that does not
 * arrive is a fault here. What a lossless transport alone can be held to is skipped where links are not SLOW_LINK_STREAM. */
#include "transport.h"
#include "transport_bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const conform_service services[] = {{SLOW_TRANSPORT_HOST_ID, &bench_transport_host}, {NULL, NULL}};

/* ---- a working day ---- */

#define DAY_NS (20 * BENCH_MS)

static bool has_link(void *arg) {
    const transport_bench *b = arg;
    return b->side[BENCH_CLIENT].link_count > 0 || b->side[BENCH_CLIENT].dials[1] != DIAL_OPEN;
}

static bool has_frame(void *arg) {
    const bench_side *side = arg;
    return side->frame_count > 0;
}

static void some_frames(bench_side *from, bench_link *link, bench_side *to) {
    slow_packet *packets[4];
    size_t taken = 0;
    for (uint32_t i = 0; i < 4; i++)
        packets[i] = bench_packet(from, i, 100 * (i + 1), 0);
    if (!link->down)
        bench_send(from, link, packets, 4, &taken);
    for (size_t i = taken; i < 4; i++)
        conform_packet_drop(packets[i]);
    bench_until(from->bench, has_frame, to, DAY_NS);
}

static void exercise(conform *c, conform_instance pair[2]) {
    transport_bench *b = calloc(1, sizeof *b);
    slow_error error;
    if (b == NULL)
        abort();
    b->lenient = true;
    bench_side *server = &b->side[BENCH_SERVER], *client = &b->side[BENCH_CLIENT];
    if (bench_adopt(b, c, pair) && bench_listen(server, b->address, b->bound, &error) == SLOW_OK) {
        if (bench_connect(client, b->bound) != 0)
            bench_until(b, has_link, b, DAY_NS);
        if (client->link_count > 0)
            some_frames(client, &client->links[0], server);
        if (server->link_count > 0)
            some_frames(server, &server->links[0], client);
        uint64_t cancelled = bench_connect(client, b->bound);
        if (cancelled != 0)
            bench_cancel(client, cancelled);
        if (client->link_count > 0)
            bench_close(client, &client->links[0]);
        CONFORM_CALL(c, "unlisten()", b->ops->unlisten(server->instance->self, b->address));
        conform_turn(pair, 2);
    }
    for (int i = 0; i < 2; i++) {
        free(b->side[i].frames);
        pair[i].layer = NULL;
    }
    free(b);
}

/* ---- addresses ---- */

static void refuse_or_take(transport_bench *b, const char *address, bool listen) {
    slow_error error = {0};
    uint32_t flags = 0;
    slow_status status;
    CONFORM_CALL(b->c, "check()", status = b->ops->check(address, listen, &flags, &error));
    if (status != SLOW_OK && error.text[0] == '\0')
        conform_fail(b->c, "slow/transport.h, slow_transport_ops.check()",
                     "an error text is filled in whenever the status is not SLOW_OK",
                     "gave %d and no text for \"%.80s\"", (int)status, address);
    if (status == SLOW_OK && strncmp(address, b->ops->scheme, strlen(b->ops->scheme)) != 0)
        conform_fail(b->c, "slow/transport.h, slow_transport_ops.check()", "is this an address of ours",
                     "took \"%.80s\", though its scheme is %s", address, b->ops->scheme);
}

static void addresses_are_checked(conform *c) {
    static const char *const strange[] = {"",
                                          "carrier-pigeon://192.0.2.1:4100",
                                          "%s",
                                          "%s:",
                                          "%s://",
                                          "%s:///",
                                          "%s://:",
                                          "%s://[",
                                          "%s://[::1",
                                          "%s://:::",
                                          "%s://127.0.0.1:99999999999999999999",
                                          "%s://\n"};
    enum { LONG = 5000 };
    char text[LONG + 64];
    transport_bench *b = bench_listening(c);
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        const char *rest = strncmp(strange[i], "%s", 2) == 0 ? strange[i] + 2 : strange[i];
        snprintf(text, sizeof text, "%s%s", rest == strange[i] ? "" : b->ops->scheme, rest);
        refuse_or_take(b, text, true);
        refuse_or_take(b, text, false);
    }
    for (size_t size = 1; size < LONG; size += 1 + size / 3) {
        int used = snprintf(text, sizeof text, "%s://", b->ops->scheme);
        memset(text + used, 'a', size);
        snprintf(text + used + size, sizeof text - (size_t)used - size, ":1");
        refuse_or_take(b, text, true);
        refuse_or_take(b, text, false);
    }
    slow_error error = {0};
    uint32_t flags = 0;
    slow_status status;
    CONFORM_CALL(c, "check()", status = b->ops->check(b->bound, false, &flags, &error));
    if (status != SLOW_OK)
        conform_fail(c, "slow/transport.h, slow_transport_ops.listen()", "`bound` gets the address in use",
                     "refuses to connect to %s, which it gave: %s", b->bound, error.text);
    bench_free(b);
}

static void links_say_who_they_join(conform *c) {
    transport_bench *b = bench_connected(c);
    if (strcmp(b->out->remote, b->bound) != 0)
        conform_fail(c, "slow/transport.h, slow_link_info.remote", "printable addresses MUST be numeric and canonical",
                     "called the other end %s, which listens at %s", b->out->remote, b->bound);
    if (strncmp(b->in->remote, b->ops->scheme, strlen(b->ops->scheme)) != 0)
        conform_fail(c, "slow/transport.h", "an address is scheme://host:port",
                     "called a peer \"%s\"; its scheme is %s", b->in->remote, b->ops->scheme);
    if (((b->in->flags ^ b->out->flags) & (SLOW_LINK_STREAM | SLOW_LINK_LOCAL)) != 0)
        conform_fail(c, "slow/transport.h, slow_link_info.flags",
                     "SLOW_LINK_STREAM and SLOW_LINK_LOCAL are of both ends",
                     "gave 0x%x to one end of a link and 0x%x to the other", b->in->flags, b->out->flags);
    bench_free(b);
}

/* ---- frames ---- */

static void frames_of_all_sizes_go_both_ways(conform *c) {
    static const uint32_t sizes[] = {1, 2, 3, 4, 63, 64, 100, 1279, 1280, 1400, 2047, SLOW_FRAME_FLOOR};
    transport_bench *b = bench_connected(c);
    bench_side *server = &b->side[BENCH_SERVER], *client = &b->side[BENCH_CLIENT];
    uint32_t count = sizeof sizes / sizeof sizes[0];
    for (uint32_t i = 0; i <= count; i++) {
        uint32_t size = i < count ? sizes[i] : b->out->mtu;
        conform_note(c, "with a frame of %u bytes", size);
        bench_send_frame(client, b->out, i + 1, size);
        bench_wait_frames(server, i + 2, "the client's");
        bench_in_order(server, i + 1, 1, i + 1, size);
        bench_send_frame(server, b->in, i + 1, size);
        bench_wait_frames(client, i + 1, "the server's");
        bench_in_order(client, i, 1, i + 1, size);
    }
    bench_free(b);
}

static void many_links_are_told_apart(conform *c) {
    enum { PEERS = 30 };
    transport_bench *b = bench_listening(c);
    bench_side *server = &b->side[BENCH_SERVER], *client = &b->side[BENCH_CLIENT];
    for (uint32_t i = 0; i < PEERS; i++) {
        bench_dial(client, b->bound);
        bench_send_frame(client, &client->links[i], i, 40);
        bench_wait_link(server, i + 1);
        bench_wait_frames(server, i + 1, "the first of one of many links");
        bench_in_order(server, i, 1, i, 40);
    }
    for (uint32_t i = 0; i < PEERS; i++) {
        bench_send_frame(server, &server->links[i], i, 50);
        bench_wait_frames(client, i + 1, "an answer over one of many links");
        if (client->frames[i].link != client->links[i].id)
            conform_fail(
                c, "slow/transport.h, slow_transport_host.receive()", "frames come with the link that they came over",
                "brought the frame of link %u as one of link %llu", i + 1, (unsigned long long)client->frames[i].link);
    }
    bench_free(b);
}

static const conform_test tests[] = {
    {.name = "transport-addresses", .run = addresses_are_checked},
    {.name = "transport-link-info", .run = links_say_who_they_join},
    {.name = "transport-frames", .run = frames_of_all_sizes_go_both_ways},
    {.name = "transport-many-links", .run = many_links_are_told_apart},
    {.name = "transport-batch", .run = a_batch_is_taken_in_order},
    {.name = "transport-trains", .run = trains_arrive_as_frames},
    {.name = "transport-partial-send", .run = what_does_not_fit_is_sent_later},
    {.name = "transport-back-pressure", .run = what_nobody_reads_is_not_taken},
    {.name = "transport-reads-no-more", .run = who_has_enough_gets_no_more},
    {.name = "transport-close-in-every-state", .run = links_close_in_every_state},
    {.name = "transport-close-sends", .run = what_was_taken_is_sent_before_the_close},
    {.name = "transport-link-down", .run = the_other_end_is_told},
    {.name = "transport-dial-failed", .run = dials_fail_where_nobody_listens},
    {.name = "transport-dial-cancelled", .run = dials_that_are_cancelled_are_not_heard_of},
    {.name = "transport-link-refused", .run = links_that_are_refused_are_forgotten},
    {.name = "transport-unlisten", .run = links_outlive_their_listener},
    {.name = "transport-ends-at-any-time", .run = an_instance_ends_at_any_time},
    {.name = NULL},
};

const conform_kind conform_transport = {
    .kind = SLOW_TRANSPORT, .real_time = true, .tests = tests, .services = services, .exercise = exercise};
