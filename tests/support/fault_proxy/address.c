#include "address.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool address_read(address *a, const char *text) {
    char host[ADDRESS_TEXT_SIZE];
    const char *colon = strrchr(text, ':'), *begin = text, *end = colon;
    if (colon == NULL || strspn(colon + 1, "0123456789") != strlen(colon + 1) || colon[1] == '\0' || strlen(colon) > 6)
        return false;
    if (*text == '[') {
        begin++;
        if (*--end != ']')
            return false;
    }
    if (end <= begin || (size_t)(end - begin) >= sizeof host)
        return false;
    snprintf(host, sizeof host, "%.*s", (int)(end - begin), begin);
    const struct addrinfo numeric = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                                     .ai_family = *text == '[' ? AF_INET6 : AF_INET,
                                     .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found;
    if (strtoul(colon + 1, NULL, 10) > UINT16_MAX || getaddrinfo(host, colon + 1, &numeric, &found) != 0)
        return false;
    *a = (address){.size = found->ai_addrlen};
    memcpy(&a->at, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return true;
}

void address_write(const address *a, char text[ADDRESS_TEXT_SIZE]) {
    char host[INET6_ADDRSTRLEN] = "?";
    if (a->at.ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&a->at;
        inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof host);
        snprintf(text, ADDRESS_TEXT_SIZE, "[%s]:%u", host, ntohs(six->sin6_port));
    } else {
        const struct sockaddr_in *four = (const struct sockaddr_in *)&a->at;
        inet_ntop(AF_INET, &four->sin_addr, host, sizeof host);
        snprintf(text, ADDRESS_TEXT_SIZE, "%s:%u", host, ntohs(four->sin_port));
    }
}

int address_bind(const address *a, int kind, address *bound) {
    int fd = socket(a->at.ss_family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0)
        return -1;
    *bound = (address){.size = sizeof bound->at};
    /* A proxy that starts anew has its port again, whatever connections it left. */
    if ((kind == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) ||
        bind(fd, (const struct sockaddr *)&a->at, a->size) != 0 || (kind == SOCK_STREAM && listen(fd, 64) != 0) ||
        getsockname(fd, (struct sockaddr *)&bound->at, &bound->size) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}
