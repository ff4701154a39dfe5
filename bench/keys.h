/* keys.h - who the relay and its two ends are: the configs of rows that are sealed.
 *
 * Each has an identity and a list of all three, and they share a network key: files in the benchmark's folder, made once for
 * all rows. */
#ifndef BENCH_KEYS_H
#define BENCH_KEYS_H
#include <slow/identity.h>
#include <stdbool.h>

#define BENCH_RELAY "relay-00"
#define BENCH_ALICE "alice-01"
#define BENCH_BOB "bob-0002"

/* SEALED_SODIUM: the relay's security-noise has libsodium alone; the ends' have what is fastest. */
enum sealing { PLAIN, SEALED, SEALED_SODIUM };

enum { PARTIES = 3, CONFIG_MOST = 2048 };
typedef struct keys {
    const char *folder;
    slow_key_info of[PARTIES];
} keys;

/* False: an error was printed; keys_remove() is still due. */
bool keys_make(keys *, const char *folder);
void keys_remove(const keys *);
/* A config of that id with `more`, JSON members after a comma, or "". */
void keys_config(const keys *, const char *id, enum sealing, const char *more, char out[CONFIG_MOST]);
#endif
