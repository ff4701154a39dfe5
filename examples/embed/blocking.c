/* Blocking: each call returns when there is something to return, or when its time is over. */
#include <slow/junction.h>
#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

static bool tell_outcome(slow_junction *junction, slow_ticket ticket, uint32_t expected) {
    slow_outcome outcome;
    slow_status status = slow_wait_outcome(junction, ticket, 10 * SECOND, &outcome);
    printf("outcome: %s\n", status == SLOW_OK ? outcome.text : slow_status_text(status));
    return status == SLOW_OK && outcome.outcome == expected;
}

static bool bob_takes_one(slow_junction *bob, const char *expected) {
    slow_message *message;
    slow_status status = slow_recv(bob, &message, 10 * SECOND);
    if (status != SLOW_OK) {
        printf("bob heard nothing: %s\n", slow_status_text(status));
        return false;
    }
    printf("bob hears %s from %s\n", (const char *)message->data, message->from);
    bool good = strcmp((const char *)message->data, expected) == 0;
    slow_message_free(message); /* this is when alice's message is delivered, and not before */
    return good;
}

static bool exchange(slow_junction *alice, slow_junction *bob, slow_error *error) {
    char address[SLOW_ADDRESS_SIZE];
    slow_ticket to_bob, to_nobody;
    slow_send_options soon = SLOW_SEND_INIT;
    soon.ttl_ns = SECOND / 10;
    if (slow_junction_listen(bob, "udp://127.0.0.1:0", address, error) != SLOW_OK ||
        slow_junction_join(alice, address, error) != SLOW_OK ||
        slow_send_json(alice, "bob", "{\"dinner\": \"at eight\"}", NULL, &to_bob, error) != SLOW_OK ||
        slow_send_json(alice, "nobody", "{\"dinner\": \"at nine\"}", &soon, &to_nobody, error) != SLOW_OK)
        return false;
    return bob_takes_one(bob, "{\"dinner\":\"at eight\"}") && tell_outcome(alice, to_bob, SLOW_DELIVERED) &&
           tell_outcome(alice, to_nobody, SLOW_NOT_DELIVERED);
}

int main(void) {
    slow_error error = {.text = ""};
    slow_junction *alice = slow_junction_new("alice", NULL, &error), *bob = slow_junction_new("bob", NULL, &error);
    bool good = alice != NULL && bob != NULL && exchange(alice, bob, &error);
    if (error.text[0] != '\0')
        fprintf(stderr, "blocking: %s\n", error.text);
    slow_junction_free(alice);
    slow_junction_free(bob);
    return good ? 0 : 1;
}
