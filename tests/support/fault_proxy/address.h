/* address.h - 127.0.0.1:4100 or [::1]:4100, as the kernel has it and as a person writes it. */
#ifndef FAULT_PROXY_ADDRESS_H
#define FAULT_PROXY_ADDRESS_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { ADDRESS_TEXT_SIZE = 64 };

typedef struct address {
    struct sockaddr_storage at;
    socklen_t size;
} address;

/* False when it is none. Names are not looked up. */
bool address_read(address *, const char *text);
void address_write(const address *, char text[ADDRESS_TEXT_SIZE]);
/* A socket of this kind (SOCK_STREAM listens) bound to it, that does not block; `bound` is then where. -1 with errno. */
int address_bind(const address *, int kind, address *bound);
#endif
