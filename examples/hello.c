/* Two junctions in one process: one asks, the other answers. In real life each is in a program of its own, on any two
 * machines, and they need not be neighbours: every junction in between passes messages on. */
#include <slow/junction.h>
#include <stdio.h>

#define SECOND UINT64_C(1000000000)

/* On bob's thread. */
static void answer(void *bob, const slow_message *message) {
    printf("bob hears %s from %s\n", (const char *)message->data, message->from);
    slow_send_json(bob, message->from, "{\"hello\": \"yourself\"}", NULL, NULL, NULL);
}

static slow_junction *bob_begin(char address[128], slow_error *error) {
    slow_junction *bob = slow_junction_new("bob", NULL, error);
    if (bob == NULL || slow_junction_listen(bob, "udp://127.0.0.1:0", address, error) != SLOW_OK)
        return bob;
    slow_on_message(bob, answer, bob);
    return bob;
}

static slow_status alice_asks(slow_junction *alice, const char *address, slow_error *error) {
    slow_message *message;
    slow_status status = slow_junction_join(alice, address, error);
    if (status == SLOW_OK) /* reliable: it is sent as soon as there is a route, and again until bob took it */
        status = slow_send_json(alice, "bob", "{\"hello\": \"world\"}", NULL, NULL, error);
    if (status != SLOW_OK)
        return status;
    status = slow_recv(alice, &message, 10 * SECOND);
    if (status != SLOW_OK) {
        snprintf(error->text, sizeof error->text, "no answer: %s", slow_status_text(status));
        return status;
    }
    printf("alice hears %s from %s\n", (const char *)message->data, message->from);
    slow_message_free(message);
    return SLOW_OK;
}

int main(void) {
    char address[128] = "";
    slow_error error = {.text = ""};
    slow_junction *bob = bob_begin(address, &error);
    slow_junction *alice = address[0] == '\0' ? NULL : slow_junction_new("alice", NULL, &error);
    bool good = alice != NULL && alice_asks(alice, address, &error) == SLOW_OK;
    if (!good)
        fprintf(stderr, "hello: %s\n", error.text);
    slow_junction_free(alice);
    slow_junction_free(bob);
    return good ? 0 : 1;
}
