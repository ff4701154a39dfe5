/* Callbacks: the junction's own thread calls, and the program's threads do something else. A callback may send, and must
 * not wait: everything that this junction does waits for it. */
#include <slow/junction.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Written by a callback, read by main() after sem_wait(). */
typedef struct result {
    sem_t there;
    bool good;
} result;

/* On bob's thread. When it returns, the message is delivered. */
static void answer(void *bob, const slow_message *message) {
    slow_send_binary(bob, message->from, message->data, message->size, NULL, NULL, NULL);
}

/* On alice's thread, as the next one. The message is borrowed. */
static void take_answer(void *arg, const slow_message *message) {
    result *answered = arg;
    answered->good = message->type == SLOW_BINARY && message->size == 5 && memcmp(message->data, "\0ping", 5) == 0;
    printf("%s answers with %zu bytes\n", message->from, message->size);
    sem_post(&answered->there);
}

static void take_outcome(void *arg, const slow_outcome *outcome) {
    result *ended = arg;
    ended->good = outcome->outcome == SLOW_DELIVERED;
    printf("outcome: %s\n", outcome->text);
    sem_post(&ended->there);
}

static bool came(result *what) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    return sem_timedwait(&what->there, &until) == 0 && what->good;
}

static bool ask(slow_junction *alice, slow_junction *bob, result *answered, result *ended, slow_error *error) {
    char address[SLOW_ADDRESS_SIZE];
    slow_ticket ticket; /* whoever wants no outcome gives NULL instead */
    if (slow_on_message(bob, answer, bob) != SLOW_OK || slow_on_message(alice, take_answer, answered) != SLOW_OK ||
        slow_on_outcome(alice, take_outcome, ended) != SLOW_OK ||
        slow_junction_listen(bob, "udp://127.0.0.1:0", address, error) != SLOW_OK ||
        slow_junction_join(alice, address, error) != SLOW_OK ||
        slow_send_binary(alice, "bob", "\0ping", 5, NULL, &ticket, error) != SLOW_OK)
        return false;
    return came(ended) && came(answered);
}

int main(void) {
    slow_error error = {.text = ""};
    result answered = {.good = false}, ended = {.good = false};
    sem_init(&answered.there, 0, 0);
    sem_init(&ended.there, 0, 0);
    slow_junction *alice = slow_junction_new("alice", NULL, &error), *bob = slow_junction_new("bob", NULL, &error);
    bool good = alice != NULL && bob != NULL && ask(alice, bob, &answered, &ended, &error);
    if (error.text[0] != '\0')
        fprintf(stderr, "callback: %s\n", error.text);
    slow_junction_free(alice); /* from here on nobody is called any more */
    slow_junction_free(bob);
    return good ? 0 : 1;
}
