/* bare-relay: what the kernel alone allows. bare-relay KIND PORT [PORT + 1 is the other side]
 *
 *   udp    recv() and send(), a datagram a message
 *   mmsg   recvmmsg() and sendmmsg() of up to 64
 *   gso    UDP_GRO in, UDP_SEGMENT out
 *   tcp    64 KiB reads and writes
 *
 * No framing, no look-up, no queue: it is the floor under every other row, and no router could be it. Bytes go both ways,
 * so that a round trip can be taken. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER = 64 * 1024, DATAGRAM = 2048, BATCH = 64, SOCKET_BUFFER = 4 * 1024 * 1024 };

typedef struct side {
    int fd;
    bool known; /* the end's address: datagrams are connected to it */
} side;

static void die(const char *what) {
    fprintf(stderr, "bare-relay: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int bound(int type, uint16_t port) {
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1, size = SOCKET_BUFFER;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (type == SOCK_DGRAM) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    }
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("bind");
    return fd;
}

static int accepted(uint16_t port) {
    int one = 1, listener = bound(SOCK_STREAM, port);
    if (listen(listener, 1) < 0)
        die("listen");
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        die("accept");
    close(listener);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* The first datagram of an end is one byte, and goes back. */
static void greet(side *s) {
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    uint8_t byte;
    if (recvfrom(s->fd, &byte, 1, 0, (struct sockaddr *)&from, &size) < 0 ||
        connect(s->fd, (struct sockaddr *)&from, size) < 0 || send(s->fd, &byte, 1, 0) < 0)
        die("greet");
    s->known = true;
}

/* ---- each moves what is there, and returns when nothing is left ---- */

static void move_udp(int in, int out) {
    uint8_t bytes[DATAGRAM];
    ssize_t got;
    while ((got = recv(in, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        send(out, bytes, (size_t)got, 0);
}

static void move_mmsg(int in, int out) {
    static uint8_t bytes[BATCH][DATAGRAM];
    struct mmsghdr messages[BATCH] = {0};
    struct iovec parts[BATCH];
    int got;
    do {
        for (int i = 0; i < BATCH; i++) {
            parts[i] = (struct iovec){bytes[i], DATAGRAM};
            messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
        }
        got = recvmmsg(in, messages, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < got; i++)
            parts[i].iov_len = messages[i].msg_len;
        for (int done = 0, sent; done < got; done += sent)
            if ((sent = sendmmsg(out, messages + done, (unsigned)(got - done), 0)) <= 0)
                break;
    } while (got == BATCH);
}

static void move_gso(int in, int out) {
    static uint8_t bytes[BUFFER];
    for (;;) {
        _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))] = {0};
        struct iovec part = {bytes, sizeof bytes};
        struct msghdr message = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        ssize_t got = recvmsg(in, &message, MSG_DONTWAIT);
        if (got <= 0)
            return;
        int segment = 0;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        if (head != NULL && head->cmsg_type == UDP_GRO)
            memcpy(&segment, CMSG_DATA(head), sizeof segment);
        part.iov_len = (size_t)got;
        message.msg_controllen = 0;
        if (segment > 0 && segment < got) {
            uint16_t size = (uint16_t)segment;
            message.msg_controllen = CMSG_SPACE(sizeof size);
            head = CMSG_FIRSTHDR(&message);
            head->cmsg_level = SOL_UDP;
            head->cmsg_type = UDP_SEGMENT;
            head->cmsg_len = CMSG_LEN(sizeof size);
            memcpy(CMSG_DATA(head), &size, sizeof size);
        }
        sendmsg(out, &message, 0);
    }
}

static void move_tcp(int in, int out) {
    static uint8_t bytes[BUFFER];
    ssize_t got = recv(in, bytes, sizeof bytes, MSG_DONTWAIT), sent;
    if (got == 0)
        exit(0);
    for (ssize_t at = 0; at < got; at += sent)
        if ((sent = send(out, bytes + at, (size_t)(got - at), MSG_NOSIGNAL)) <= 0)
            exit(0);
}

static const struct kind {
    const char *name;
    int type;
    bool gro;
    void (*move)(int in, int out);
} kinds[] = {
    {"udp", SOCK_DGRAM, false, move_udp},
    {"mmsg", SOCK_DGRAM, false, move_mmsg},
    {"gso", SOCK_DGRAM, true, move_gso},
    {"tcp", SOCK_STREAM, false, move_tcp},
};

static void relay(const struct kind *k, side sides[2]) {
    for (;;) {
        struct pollfd p[2] = {{.fd = sides[0].fd, .events = POLLIN}, {.fd = sides[1].fd, .events = POLLIN}};
        if (poll(p, 2, -1) < 0)
            die("poll");
        for (int i = 0; i < 2; i++) {
            if (p[i].revents == 0)
                continue;
            if (!sides[i].known)
                greet(&sides[i]);
            else
                k->move(sides[i].fd, sides[1 - i].fd);
        }
    }
}

int main(int argc, char **argv) {
    const struct kind *k = NULL;
    int one = 1;
    for (size_t i = 0; argc == 3 && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(argv[1], kinds[i].name) == 0)
            k = &kinds[i];
    if (k == NULL) {
        fprintf(stderr, "usage: bare-relay udp|mmsg|gso|tcp PORT\n");
        return 2;
    }
    uint16_t port = (uint16_t)atoi(argv[2]);
    side sides[2];
    for (int i = 0; i < 2; i++) {
        bool stream = k->type == SOCK_STREAM;
        sides[i] = (side){.fd = stream ? accepted((uint16_t)(port + i)) : bound(k->type, (uint16_t)(port + i)),
                          .known = stream};
        if (k->gro && setsockopt(sides[i].fd, SOL_UDP, UDP_GRO, &one, sizeof one) < 0)
            die("UDP_GRO");
    }
    relay(k, sides);
    return 0;
}
