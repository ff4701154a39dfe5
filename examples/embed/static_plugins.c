/* Static plugins: one program, and no plugin directory. It is linked with libslow.a and with its plugins, and names them. */
#include <slow/junction.h>
#include <slow/static.h>
#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

/* What the default config names, and a transport. */
#define PLUGINS(X) X(transport_udp) X(routing_distance_vector) X(codec_protobuf) X(codec_json) X(security_none)
SLOW_STATIC_PLUGINS(PLUGINS)

/* What this program has mapped: is one of Slow's shared objects among it? */
static bool uses_shared_objects(void) {
    char line[4096];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
        found = found || strstr(line, "/slow/1/") != NULL || strstr(line, "libslow.so") != NULL;
    return maps == NULL || fclose(maps) != 0 || found;
}

static bool exchange(slow_junction *alice, slow_junction *bob, slow_error *error) {
    char address[SLOW_ADDRESS_SIZE];
    slow_message *message;
    if (slow_junction_listen(bob, "udp://127.0.0.1:0", address, error) != SLOW_OK ||
        slow_junction_join(alice, address, error) != SLOW_OK ||
        slow_send_json(alice, "bob", "\"all in one\"", NULL, NULL, error) != SLOW_OK ||
        slow_recv(bob, &message, 10 * SECOND) != SLOW_OK)
        return false;
    printf("bob hears %s from %s\n", (const char *)message->data, message->from);
    slow_message_free(message);
    return !uses_shared_objects();
}

int main(void) {
    slow_error error = {.text = ""};
    slow_junction *alice = slow_junction_new("alice", NULL, &error), *bob = slow_junction_new("bob", NULL, &error);
    bool good = alice != NULL && bob != NULL && exchange(alice, bob, &error);
    if (error.text[0] != '\0')
        fprintf(stderr, "static_plugins: %s\n", error.text);
    slow_junction_free(alice);
    slow_junction_free(bob);
    return good ? 0 : 1;
}
