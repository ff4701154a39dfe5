/* siphash.h - SipHash-2-4 (Aumasson and Bernstein, 2012): a hash for tables whose keys strangers choose. Without the key, which
 * is the instance's own, nobody finds ids that collide.
 *
 * libsodium has it too; but a routing strategy imports nothing but what is pure of the C library, so that it can be seen that
 * it is a state machine and no more. */
#ifndef PLUGIN_SIPHASH_H
#define PLUGIN_SIPHASH_H
#include <slow/base.h>

#define SIPHASH_KEY 16u /* bytes */

uint64_t siphash(slow_bytes, const uint8_t key[SIPHASH_KEY]);
#endif
