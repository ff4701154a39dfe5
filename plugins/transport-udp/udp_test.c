/* udp_test.c - the suite for all transports, and what is UDP's own: trains, fallback, ICMP, strangers, the carrier.
 *
 * sendmmsg() and sendmsg() are wrapped (see CMakeLists.txt), so that the kernel can be made to refuse what it is told
 * to refuse; unless told, the calls go through. */
#include "tests/support/transport_suite.h"
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <malloc.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

const slow_module *slow_module_v1_transport_udp(void);

static const slow_plugin *udp(void) {
    return slow_module_v1_transport_udp()->plugins[0];
}

/* ---- a kernel that can be told what to refuse ---- */

static struct {
    int train_error;                         /* errno for a datagram with UDP_SEGMENT; 0 = none */
    int error;                               /* errno for every call */
    bool no_sendmmsg;                        /* ENOSYS */
    bool limited;                            /* takes only `room` datagrams more, then EAGAIN */
    unsigned room;                           /* datagrams */
    unsigned trains, singles, sendmsg_calls; /* that went */
} kernel;

int __real_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);

static bool is_train(const struct msghdr *message) {
    struct msghdr copy = *message;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&copy); c != NULL; c = CMSG_NXTHDR(&copy, c))
        if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_SEGMENT)
            return true;
    return false;
}

/* The errno with which a datagram is refused, or 0. */
static int verdict(const struct msghdr *message) {
    if (kernel.error != 0)
        return kernel.error;
    if (kernel.train_error != 0 && is_train(message))
        return kernel.train_error;
    if (!kernel.limited)
        return 0;
    if (kernel.room == 0)
        return EAGAIN;
    kernel.room--;
    return 0;
}

static void count(const struct msghdr *message) {
    unsigned *counter = is_train(message) ? &kernel.trains : &kernel.singles;
    (*counter)++;
}

int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags) {
    unsigned good = 0;
    if (kernel.no_sendmmsg) {
        errno = ENOSYS;
        return -1;
    }
    for (; good < n; good++) {
        int refused = verdict(&messages[good].msg_hdr);
        if (refused != 0 && good == 0) {
            errno = refused;
            return -1;
        }
        if (refused != 0)
            break;
        count(&messages[good].msg_hdr);
    }
    return __real_sendmmsg(fd, messages, good, flags);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags) {
    kernel.sendmsg_calls++;
    return __real_sendmsg(fd, message, flags);
}

static int setup(void **state) {
    (void)state;
    memset(&kernel, 0, sizeof kernel);
    return 0;
}

/* ---- two nodes ---- */

typedef struct pair {
    world *world;
    node *server, *client;
    heard_link *in, *out;
    char bound[128];
} pair;

static pair pair_open(const char *options) {
    pair p = {.world = world_new()};
    p.server = node_new(p.world, udp(), options);
    p.client = node_new(p.world, udp(), options);
    node_listen(p.server, "udp://127.0.0.1:0", p.bound);
    p.out = node_dial(p.client, p.bound);
    node_send(p.client, p.out, node_packet(p.client, 0, 100, 0));
    p.in = node_wait_link(p.server, 1);
    node_wait_frames(p.server, 1);
    return p;
}

static void pair_free(pair *p) {
    node_free(p->client);
    node_free(p->server);
    world_free(p->world);
}

static uint32_t port_of(const char *address) {
    return (uint32_t)strtoul(strrchr(address, ':') + 1, NULL, 10);
}

static struct sockaddr_in ipv4_of(const char *address) {
    char host[64] = {0};
    sscanf(address, "udp://%63[^:]", host);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port_of(address))};
    assert_int_equal(inet_pton(AF_INET, host, &at.sin_addr), 1);
    return at;
}

/* Sends a train of 40 both ways, one with a last frame that is shorter. Returns in how many calls the first came. */
static uint64_t train_arrives(const char *options) {
    pair p = pair_open(options);
    node_send(p.client, p.out, node_packet(p.client, 10, 40 * 1400, 1400));
    node_wait_frames(p.server, 41);
    node_send(p.server, p.in, node_packet(p.server, 90, 40 * 1400 - 7, 1400));
    node_wait_frames(p.client, 40);
    for (uint32_t i = 0; i < 40; i++) {
        assert_true(frame_is(&p.server->frames[1 + i], 1400, 10 + i));
        assert_true(frame_is(&p.client->frames[i], i < 39 ? 1400 : 1393, 90 + i));
    }
    uint64_t calls = p.in->calls - 1;
    pair_free(&p);
    return calls;
}

static void a_train_arrives_as_its_frames(void **state) {
    (void)state;
    uint64_t calls = train_arrives(NULL);
    if (kernel.trains > 0)
        assert_int_equal(calls, 1);
    else
        print_message("[  NOTE    ] this kernel has no UDP_SEGMENT: trains went as single datagrams\n");
}

static void a_train_arrives_without_gro(void **state) {
    (void)state;
    train_arrives("{\"gro\": false}");
}

static void a_train_arrives_without_gso(void **state) {
    (void)state;
    train_arrives("{\"gso\": false}");
    assert_int_equal(kernel.trains, 0);
    assert_int_equal(kernel.singles, 81);
}

static void a_train_that_is_refused_goes_frame_by_frame(void **state) {
    static const int errors[] = {EINVAL, EIO, EMSGSIZE};
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        memset(&kernel, 0, sizeof kernel);
        kernel.train_error = errors[i];
        train_arrives(NULL);
        assert_int_equal(kernel.trains, 0);
        assert_int_equal(kernel.singles, 81);
    }
}

static void without_sendmmsg_frames_go_by_sendmsg(void **state) {
    (void)state;
    kernel.no_sendmmsg = true;
    train_arrives("{\"gso\": false}");
    assert_int_equal(kernel.sendmsg_calls, 81);
}

static void a_train_beyond_the_kernels_limits_goes_in_pieces(void **state) {
    (void)state;
    pair p = pair_open(NULL);
    node_send(p.client, p.out, node_packet(p.client, 1, 200 * 10, 10)); /* more than 64 frames */
    node_wait_frames(p.server, 201);
    node_send(p.client, p.out, node_packet(p.client, 500, 50 * 1400, 1400)); /* more than 64 KiB */
    node_wait_frames(p.server, 251);
    for (uint32_t i = 0; i < 250; i++)
        assert_true(frame_is(&p.server->frames[1 + i], i < 200 ? 10 : 1400, i < 200 ? 1 + i : 300 + i));
    pair_free(&p);
}

static void a_train_cut_by_a_full_socket_is_finished_before_anything_else(void **state) {
    (void)state;
    pair p = pair_open("{\"gso\": false}");
    slow_packet *batch[3];
    size_t taken = 99;
    for (uint32_t i = 0; i < 3; i++)
        batch[i] = node_packet(p.client, 100 + 10 * i, 10 * 500, 500);
    kernel.limited = true;
    kernel.room = 14;
    assert_int_equal(p.client->ops->send(p.client->self, p.out->cookie, batch, 3, &taken), SLOW_E_AGAIN);
    assert_int_equal(taken, 2); /* the second was cut, and is the transport's */
    kernel.room = 0;
    assert_int_equal(p.client->ops->send(p.client->self, p.out->cookie, batch + 2, 1, &taken), SLOW_E_AGAIN);
    assert_int_equal(taken, 0);
    world_settle(p.world);
    assert_int_equal(p.out->writable, 0);
    kernel.limited = false;
    node_wait_frames(p.server, 21);
    assert_int_equal(p.out->writable, 1);
    node_send(p.client, p.out, batch[2]);
    node_wait_frames(p.server, 31);
    for (uint32_t i = 0; i < 30; i++)
        assert_true(frame_is(&p.server->frames[1 + i], 500, 100 + i));
    pair_free(&p);
}

static void a_link_can_be_closed_while_its_train_is_cut(void **state) {
    (void)state;
    pair p = pair_open("{\"gso\": false}");
    slow_packet *packet = node_packet(p.client, 1, 10 * 500, 500);
    size_t taken;
    kernel.limited = true;
    kernel.room = 4;
    assert_int_equal(p.client->ops->send(p.client->self, p.out->cookie, &packet, 1, &taken), SLOW_E_AGAIN);
    assert_int_equal(taken, 1);
    node_close(p.client, p.out);
    kernel.limited = false;
    node_wait_frames(p.server, 5);
    pair_free(&p); /* which wants no packet left */
}

static void after_a_full_socket_all_links_of_a_listener_are_writable(void **state) {
    (void)state;
    pair p = pair_open(NULL);
    heard_link *other = node_dial(p.client, p.bound);
    node_send(p.client, other, node_packet(p.client, 1, 100, 0));
    node_wait_link(p.server, 2);
    slow_packet *packet = node_packet(p.server, 1, 100, 0);
    size_t taken;
    kernel.limited = true;
    assert_int_equal(p.server->ops->send(p.server->self, p.in->cookie, &packet, 1, &taken), SLOW_E_AGAIN);
    assert_int_equal(taken, 0);
    kernel.limited = false;
    while (p.server->links[0].writable == 0 || p.server->links[1].writable == 0)
        world_turn(p.world);
    node_send(p.server, p.in, packet);
    node_wait_frames(p.client, 1);
    pair_free(&p);
}

static void what_the_kernel_refuses_is_lost_and_the_link_lives(void **state) {
    (void)state;
    pair p = pair_open(NULL);
    kernel.error = EPERM;
    node_send(p.client, p.out, node_packet(p.client, 1, 40 * 100, 100));
    kernel.error = ENOBUFS;
    node_send(p.client, p.out, node_packet(p.client, 1, 100, 0));
    kernel.error = 0;
    node_send(p.client, p.out, node_packet(p.client, 2, 100, 0));
    node_wait_frames(p.server, 2);
    assert_true(frame_is(&p.server->frames[1], 100, 2));
    pair_free(&p);
}

/* ---- dead peers ---- */

static void a_closed_port_takes_a_dialled_link_down(void **state) {
    char address[64];
    (void)state;
    int closed = closed_address("udp", SOCK_DGRAM, address);
    world *w = world_new();
    node *client = node_new(w, udp(), NULL);
    heard_link *out = node_dial(client, address);
    node_send(client, out, node_packet(client, 1, 100, 0));
    node_wait_down(client, out);
    assert_int_equal(out->why, SLOW_E_CLOSED);
    node_free(client);
    world_free(w);
    close(closed);
}

static void a_peer_that_dies_goes_down_alone(void **state) {
    (void)state;
    pair p = pair_open(NULL);
    node *other = node_new(p.world, udp(), NULL);
    heard_link *alive = node_dial(other, p.bound);
    node_send(other, alive, node_packet(other, 1, 100, 0));
    node_wait_link(p.server, 2);
    node_close(p.client, p.out); /* its socket is closed, as when the process dies */
    node_send(p.server, &p.server->links[0], node_packet(p.server, 1, 100, 0));
    for (uint32_t i = 0; i < 20; i++) { /* these meet the socket's error of the other */
        node_send(p.server, &p.server->links[1], node_packet(p.server, i, 100, 0));
        world_turn(p.world);
    }
    node_wait_down(p.server, &p.server->links[0]);
    node_wait_frames(other, 20);
    for (uint32_t i = 0; i < 20; i++)
        assert_true(frame_is(&other->frames[i], 100, i));
    assert_false(p.server->links[1].down);
    node_free(other);
    pair_free(&p);
}

static void a_dead_peer_goes_down_when_a_train_is_sent_to_it(void **state) {
    (void)state;
    pair p = pair_open(NULL);
    node_close(p.client, p.out);
    node_send(p.server, p.in, node_packet(p.server, 1, 40 * 1000, 1000));
    node_wait_down(p.server, p.in);
    pair_free(&p);
}

static void a_dead_peer_goes_down_over_ipv6(void **state) {
    char bound[128];
    (void)state;
    if (!machine_has_ipv6()) {
        print_message("[  SKIPPED ] no IPv6 on this machine: ICMPv6 is NOT tested\n");
        skip();
    }
    world *w = world_new();
    node *server = node_new(w, udp(), NULL), *client = node_new(w, udp(), NULL);
    node_listen(server, "udp://[::1]:0", bound);
    heard_link *out = node_dial(client, bound);
    node_send(client, out, node_packet(client, 1, 100, 0));
    heard_link *in = node_wait_link(server, 1);
    node_close(client, out);
    node_send(server, in, node_packet(server, 1, 100, 0));
    node_wait_down(server, in);
    node_free(client);
    node_free(server);
    world_free(w);
}

static uint16_t checksum(const uint8_t *bytes, size_t size) {
    uint32_t sum = 0;
    for (size_t i = 0; i < size; i += 2)
        sum += (uint32_t)bytes[i] << 8 | (i + 1 < size ? bytes[i + 1] : 0u);
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

/* ICMP "port unreachable" to `victim`, about a datagram of it to `peer` that began with `quote`. */
static void forge(int fd, struct sockaddr_in victim, struct sockaddr_in peer, const uint8_t *quote, size_t size) {
    uint8_t bytes[256] = {0};
    struct icmphdr icmp = {.type = ICMP_DEST_UNREACH, .code = ICMP_PORT_UNREACH};
    struct iphdr ip = {.version = 4,
                       .ihl = 5,
                       .ttl = 64,
                       .protocol = IPPROTO_UDP,
                       .tot_len = htons((uint16_t)(28 + size)),
                       .saddr = victim.sin_addr.s_addr,
                       .daddr = peer.sin_addr.s_addr};
    struct udphdr header = {
        .source = victim.sin_port, .dest = peer.sin_port, .len = htons((uint16_t)(8 + size)), .check = htons(1)};
    ip.check = checksum((const uint8_t *)&ip, sizeof ip);
    memcpy(bytes + 8, &ip, sizeof ip);
    memcpy(bytes + 28, &header, sizeof header);
    memcpy(bytes + 36, quote, size);
    memcpy(bytes, &icmp, sizeof icmp);
    icmp.checksum = checksum(bytes, 36 + size);
    memcpy(bytes, &icmp, sizeof icmp);
    victim.sin_port = 0;
    assert_int_equal(sendto(fd, bytes, 36 + size, 0, (struct sockaddr *)&victim, sizeof victim), 36 + size);
}

/* The first bytes of what node_packet() makes. */
static void head_of(node *n, uint32_t index, uint8_t out[64]) {
    slow_packet *packet = node_packet(n, index, 64, 0);
    memcpy(out, slow_packet_data(packet), 64);
    node_drop(packet);
}

static void a_forged_icmp_error_takes_no_link_down(void **state) {
    (void)state;
    int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
    if (fd < 0) {
        print_message("[  SKIPPED ] no raw sockets here (run it as root): forged ICMP is NOT tested\n");
        skip();
    }
    pair p = pair_open(NULL);
    uint8_t quote[64];
    node_send(p.server, p.in, node_packet(p.server, 7, 64, 0));
    node_wait_frames(p.client, 1);
    head_of(p.server, 9, quote); /* not what was sent */
    struct sockaddr_in server = ipv4_of(p.bound), client = ipv4_of(p.out->local);
    for (size_t size = 0; size <= 64; size += 8) {
        forge(fd, server, client, quote, size);
        forge(fd, client, server, quote, size);
    }
    world_settle(p.world);
    node_send(p.client, p.out, node_packet(p.client, 3, 64, 0));
    node_send(p.server, p.in, node_packet(p.server, 7, 64, 0));
    node_wait_frames(p.server, 2);
    node_wait_frames(p.client, 2);
    assert_false(p.in->down);
    assert_false(p.out->down);
    head_of(p.server, 7, quote); /* what was sent: the test can tell the difference */
    forge(fd, server, client, quote, 64);
    node_wait_down(p.server, p.in);
    close(fd);
    pair_free(&p);
}

/* ---- strangers ---- */

static void a_thousand_refused_strangers_leave_no_state(void **state) {
    char bound[128];
    (void)state;
    world *w = world_new();
    node *server = node_new(w, udp(), NULL);
    server->refuse = true;
    node_listen(server, "udp://127.0.0.1:0", bound);
    struct sockaddr_in to = ipv4_of(bound);
    size_t before = 0;
    for (uint32_t i = 0; i < 1100; i++) {
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(sendto(fd, "stranger", 8, 0, (struct sockaddr *)&to, sizeof to), 8);
        close(fd);
        while (server->ups <= i)
            world_turn(w);
        if (i == 100) { /* when what is kept for re-use has been made */
            world_settle(w);
            before = mallinfo2().uordblks;
        }
    }
    world_settle(w);
    size_t after = mallinfo2().uordblks;
    assert_int_equal(server->ups, 1100);
    assert_int_equal(server->link_count, 0);
    assert_int_equal(server->frame_count, 0);
    assert_true(after <= before + 32768); /* a link each would be eight times that */
    node_free(server);
    world_free(w);
}

static void an_empty_datagram_is_nothing(void **state) {
    (void)state;
    pair p = pair_open(NULL);
    struct sockaddr_in to = ipv4_of(p.bound);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(sendto(fd, "", 0, 0, (struct sockaddr *)&to, sizeof to), 0);
    close(fd);
    node_send(p.client, p.out, node_packet(p.client, 1, 10, 0));
    node_wait_frames(p.server, 2);
    assert_int_equal(p.server->ups, 1);
    pair_free(&p);
}

static void another_address_does_not_get_into_a_dialled_link(void **state) {
    (void)state;
    pair p = pair_open(NULL);
    struct sockaddr_in to = ipv4_of(p.out->local);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sendto(fd, "stranger", 8, 0, (struct sockaddr *)&to, sizeof to);
    close(fd);
    node_send(p.server, p.in, node_packet(p.server, 1, 10, 0));
    node_wait_frames(p.client, 1);
    assert_true(frame_is(&p.client->frames[0], 10, 1));
    pair_free(&p);
}

static void a_wildcard_listener_answers_from_the_address_that_was_asked(void **state) {
    char bound[128], address[128];
    (void)state;
    world *w = world_new();
    node *server = node_new(w, udp(), NULL), *client = node_new(w, udp(), NULL);
    node_listen(server, "udp://*:0", bound);
    const char *hosts[] = {"127.0.0.3", "[::1]"};
    for (uint32_t i = 0; i < (machine_has_ipv6() ? 2u : 1u); i++) {
        snprintf(address, sizeof address, "udp://%s:%u", hosts[i], port_of(bound));
        heard_link *out = node_dial(client, address);
        node_send(client, out, node_packet(client, i, 100, 0));
        heard_link *in = node_wait_link(server, i + 1);
        assert_string_equal(in->local, address);
        node_send(server, in, node_packet(server, 50 + i, 40 * 500, 500));
        node_wait_frames(client, (i + 1) * 40);
        assert_true(frame_is(&client->frames[i * 40], 500, 50 + i));
    }
    node_free(client);
    node_free(server);
    world_free(w);
}

/* ---- the carrier ---- */

static bool run(const char *command) {
    return system(command) == 0;
}

/* The kernel tells of a new carrier up to a second late. */
static bool sa_is_running(void *arg) {
    struct ifaddrs *list;
    bool running = false;
    (void)arg;
    assert_int_equal(getifaddrs(&list), 0);
    for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next)
        if (strcmp(i->ifa_name, "sa") == 0 && (i->ifa_flags & IFF_RUNNING) != 0)
            running = true;
    freeifaddrs(list);
    return running;
}

/* In a network namespace of its own: a link over a veth goes down with its interface. The exit code tells what failed.
 * */
static int carrier_child(void) {
    if (unshare(CLONE_NEWNET) != 0 || !run("ip link set lo up") ||
        !run("ip link add sa type veth peer name sb 2>/dev/null") || !run("ip addr add 10.77.0.1/24 dev sa") ||
        !run("ip link set sa up && ip link set sb up"))
        return 77;
    world *w = world_new();
    node *client = node_new(w, udp(), NULL);
    world_until_true(w, sa_is_running, NULL, "the veth's carrier");
    world_settle(w);
    heard_link *out = node_dial(client, "udp://10.77.0.2:4100");
    world_settle(w);
    if (out->down || (out->flags & SLOW_LINK_LOCAL) != 0)
        return 1;
    run("ip link add sc type veth peer name sd && ip link set sc up && ip link set sc down"); /* somebody else's */
    world_settle(w);
    if (out->down)
        return 2;
    run("ip link set sb down"); /* the other end of the cable */
    node_wait_down(client, out);
    run("ip link set sb up");
    world_until_true(w, sa_is_running, NULL, "the veth's carrier again");
    heard_link *again = node_dial(client, "udp://10.77.0.2:4100");
    world_settle(w);
    if (again->down)
        return 3;
    run("ip addr del 10.77.0.1/24 dev sa");
    node_wait_down(client, again);
    node_free(client);
    world_free(w);
    return 0;
}

static void a_link_goes_down_with_its_interface(void **state) {
    int status;
    (void)state;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(carrier_child());
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message(
            "[  SKIPPED ] no network namespace, ip or veth here (run it as root): the carrier is NOT tested\n");
        skip();
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_train_arrives_as_its_frames, setup),
        cmocka_unit_test_setup(a_train_arrives_without_gro, setup),
        cmocka_unit_test_setup(a_train_arrives_without_gso, setup),
        cmocka_unit_test_setup(a_train_that_is_refused_goes_frame_by_frame, setup),
        cmocka_unit_test_setup(without_sendmmsg_frames_go_by_sendmsg, setup),
        cmocka_unit_test_setup(a_train_beyond_the_kernels_limits_goes_in_pieces, setup),
        cmocka_unit_test_setup(a_train_cut_by_a_full_socket_is_finished_before_anything_else, setup),
        cmocka_unit_test_setup(a_link_can_be_closed_while_its_train_is_cut, setup),
        cmocka_unit_test_setup(after_a_full_socket_all_links_of_a_listener_are_writable, setup),
        cmocka_unit_test_setup(what_the_kernel_refuses_is_lost_and_the_link_lives, setup),
        cmocka_unit_test_setup(a_closed_port_takes_a_dialled_link_down, setup),
        cmocka_unit_test_setup(a_peer_that_dies_goes_down_alone, setup),
        cmocka_unit_test_setup(a_dead_peer_goes_down_when_a_train_is_sent_to_it, setup),
        cmocka_unit_test_setup(a_dead_peer_goes_down_over_ipv6, setup),
        cmocka_unit_test_setup(a_forged_icmp_error_takes_no_link_down, setup),
        cmocka_unit_test_setup(a_thousand_refused_strangers_leave_no_state, setup),
        cmocka_unit_test_setup(an_empty_datagram_is_nothing, setup),
        cmocka_unit_test_setup(another_address_does_not_get_into_a_dialled_link, setup),
        cmocka_unit_test_setup(a_wildcard_listener_answers_from_the_address_that_was_asked, setup),
        cmocka_unit_test_setup(a_link_goes_down_with_its_interface, setup),
    };
    int failed = transport_suite(udp(), SOCK_DGRAM);
    return failed + cmocka_run_group_tests_name("udp", tests, NULL, NULL);
}
