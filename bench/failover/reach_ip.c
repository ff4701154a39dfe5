/* IP routers: rounds of UDP packets from every node's router address to every other's, forwarded by the kernels. A round in
 * which each pair's packet arrived is a yes, at the time of its last arrival; one that still misses a packet after GRACE_MS
 * is a no: long enough for a busy machine. Rounds are judged in order.
 *
 * One process has a socket in each namespace, so that a clock does for both ends. FOLDER/namespaces has their names in the
 * order of the nodes; node k's router address is 10.99.0.(k + 1).
 *
 * A loop is seen by packets that ran out of hops. The kernel counts them as InHdrErrors (net/ipv4/ip_forward.c,
 * too_many_hops); the count of ICMP messages sent about it would be a lower bound, since their rate is limited. */
#include "reach.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORT = 9977, ROUNDS = 512, GRACE_MS = 500, BATCH = 64, MAGIC = 0x51a7 };

typedef struct packet {
    uint32_t magic, round;
    int32_t from, to;
} packet;

typedef struct round {
    double sent_ms, last_ms;
    uint64_t arrived[NODES_MOST]; /* [from]: a bit for each to */
} round_of_packets;

struct reach {
    const topology *topology;
    double interval_ms, due_ms;
    int socket[NODES_MOST], snmp[NODES_MOST];
    round_of_packets rounds[ROUNDS];
    uint32_t next, judged; /* rounds judged <= r < next are under way */
};

/* ---- opening ---- */

static struct sockaddr_in router_address(int node) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(0x0a630001u + (uint32_t)node)};
}

/* In the namespace: the socket, and its own file of counters. */
static bool node_open(reach *r, int node, const char *namespace) {
    struct sockaddr_in own = router_address(node);
    char path[256];
    snprintf(path, sizeof path, "/run/netns/%s", namespace);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool entered = fd >= 0 && setns(fd, CLONE_NEWNET) == 0;
    if (fd >= 0)
        close(fd);
    if (!entered)
        return false;
    r->socket[node] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    r->snmp[node] = open("/proc/thread-self/net/snmp", O_RDONLY | O_CLOEXEC);
    return r->socket[node] >= 0 && r->snmp[node] >= 0 &&
           bind(r->socket[node], (struct sockaddr *)&own, sizeof own) == 0;
}

static void ip_close(reach *r) {
    for (int k = 0; k < NODES_MOST; k++) {
        if (r->socket[k] >= 0)
            close(r->socket[k]);
        if (r->snmp[k] >= 0)
            close(r->snmp[k]);
    }
    free(r);
}

static reach *ip_open(const topology *t, const reach_options *options) {
    char path[256], namespace[128];
    reach *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->topology = t;
    r->interval_ms = options->interval_ms;
    for (int k = 0; k < NODES_MOST; k++)
        r->socket[k] = r->snmp[k] = -1;
    snprintf(path, sizeof path, "%s/namespaces", options->folder);
    FILE *names = fopen(path, "r");
    int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), opened = 0;
    while (names != NULL && opened < t->nodes && fscanf(names, "%127s", namespace) == 1 &&
           node_open(r, opened, namespace))
        opened++;
    bool back = own >= 0 && setns(own, CLONE_NEWNET) == 0;
    if (names != NULL)
        fclose(names);
    if (own >= 0)
        close(own);
    if (back && opened == t->nodes)
        return r;
    fprintf(stderr,
            "failover-probe: cannot open a socket in namespace %d of %s; expected %d names of namespaces, with the "
            "router's address, and the right to enter them\n",
            opened, path, t->nodes);
    ip_close(r);
    return NULL;
}

/* ---- sending and receiving ---- */

static void node_send(reach *r, int from) {
    struct sockaddr_in to[NODES_MOST];
    packet packets[NODES_MOST];
    struct iovec bytes[NODES_MOST];
    struct mmsghdr all[NODES_MOST];
    unsigned count = 0, sent = 0;
    for (int k = 0; k < r->topology->nodes; k++) {
        if (!topology_counts(r->topology, from, k))
            continue;
        to[count] = router_address(k);
        packets[count] = (packet){.magic = MAGIC, .round = r->next, .from = from, .to = k};
        bytes[count] = (struct iovec){&packets[count], sizeof packets[count]};
        all[count] = (struct mmsghdr){
            .msg_hdr = {
                .msg_name = &to[count], .msg_namelen = sizeof to[count], .msg_iov = &bytes[count], .msg_iovlen = 1}};
        count++;
    }
    while (sent < count) {
        int done = sendmmsg(r->socket[from], all + sent, count - sent, 0);
        sent += done > 0 ? (unsigned)done : 1; /* one without a route is lost, as the round will show */
    }
}

static void round_send(reach *r) {
    double now = now_ms();
    r->rounds[r->next % ROUNDS] = (round_of_packets){.sent_ms = now, .last_ms = now};
    for (int from = 0; from < r->topology->nodes; from++)
        node_send(r, from);
    r->next++;
    r->due_ms += r->interval_ms;
    if (now - r->due_ms > r->interval_ms)
        r->due_ms = now; /* we were late: no burst */
}

static void packet_arrived(reach *r, int node, const packet *p) {
    if (p->magic != MAGIC || p->to != node || p->from < 0 || p->from >= NODES_MOST || p->round < r->judged ||
        p->round >= r->next)
        return;
    round_of_packets *round = &r->rounds[p->round % ROUNDS];
    round->arrived[p->from] |= UINT64_C(1) << node;
    round->last_ms = now_ms();
}

static void node_receive(reach *r, int node) {
    packet packets[BATCH];
    struct iovec bytes[BATCH];
    struct mmsghdr all[BATCH];
    int count = BATCH;
    while (count == BATCH) {
        for (int i = 0; i < BATCH; i++) {
            bytes[i] = (struct iovec){&packets[i], sizeof packets[i]};
            all[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &bytes[i], .msg_iovlen = 1}};
        }
        count = recvmmsg(r->socket[node], all, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < count; i++)
            if (all[i].msg_len == sizeof packets[i])
                packet_arrived(r, node, &packets[i]);
    }
}

/* ---- judging ---- */

static bool round_is_full(const reach *r, const round_of_packets *round) {
    for (int from = 0; from < r->topology->nodes; from++)
        for (int to = 0; to < r->topology->nodes; to++)
            if (topology_counts(r->topology, from, to) && (round->arrived[from] >> to & 1) == 0)
                return false;
    return true;
}

static verdict judge(reach *r, double *at_ms) {
    const round_of_packets *round = &r->rounds[r->judged % ROUNDS];
    if (r->judged == r->next)
        return VERDICT_NONE_YET;
    if (round_is_full(r, round)) {
        *at_ms = round->last_ms;
        r->judged++;
        return VERDICT_ALL;
    }
    if (now_ms() - round->sent_ms < GRACE_MS)
        return VERDICT_NONE_YET;
    *at_ms = now_ms();
    r->judged++;
    return VERDICT_NOT_ALL;
}

static verdict ip_look(reach *r, double *at_ms) {
    struct pollfd wait[NODES_MOST];
    for (int k = 0; k < r->topology->nodes; k++)
        wait[k] = (struct pollfd){.fd = r->socket[k], .events = POLLIN};
    if (now_ms() >= r->due_ms && r->next - r->judged < ROUNDS)
        round_send(r);
    if (poll(wait, (nfds_t)r->topology->nodes, 1) > 0)
        for (int k = 0; k < r->topology->nodes; k++)
            if (wait[k].revents != 0)
                node_receive(r, k);
    return judge(r, at_ms);
}

static void ip_forget(reach *r) {
    r->judged = r->next;
    r->due_ms = now_ms();
}

/* Lines "Ip: Forwarding DefaultTTL InReceives InHdrErrors ..." and "Ip: 1 64 2345 0 ...". */
static uint64_t ip_looped(reach *r) {
    uint64_t sum = 0;
    for (int k = 0; k < r->topology->nodes; k++) {
        char text[4096];
        unsigned long long expired;
        ssize_t size = pread(r->snmp[k], text, sizeof text - 1, 0);
        text[size > 0 ? size : 0] = '\0';
        const char *values = strstr(text, "\nIp: ");
        if (values != NULL && sscanf(values, "\nIp: %*u %*u %*u %llu", &expired) == 1)
            sum += expired;
    }
    return sum;
}

static bool ip_confirm(reach *r) {
    (void)r; /* packets have shown it already */
    return true;
}

const reach_kind reach_ip = {
    .sees_each_break = true,
    .open = ip_open,
    .look = ip_look,
    .forget = ip_forget,
    .looped = ip_looped,
    .confirm = ip_confirm,
    .close = ip_close,
};
