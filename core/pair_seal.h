/* pair_seal.h - the session of a pair: its handshake, and the sealing and opening of packages with what came of that.
 *
 * One is made for each opening at the lower end, and for each half at the higher; it moves into the pair when that begins,
 * and is closed with it (pairing.h says when). It knows which key is at the other end, and that membership let it in.
 *
 *     lower   OPEN1 = first message                    the prologue names the opening: network, both ids, the lower
 *     higher  OPEN2 = second, with a hello             end's number, and the pair that it still has
 *     lower   judges, then OPEN3 = third, with a hello
 *     higher  judges
 *
 * What stands in the open beside a handshake (the numbers, `alone`) is believed only where the hello says the same.
 * `was` is in the prologue because what it prevents is worth an attack: a relay that holds back OPEN3 and takes `was` out
 * of the next OPEN1 makes the higher end say that it was alone, and then lets the old pair begin; what was delivered there
 * would be sent again. The security plan's prologue ends before it.
 *
 * Packages are sealed under their packet number. A number is used for one package only, or again when the link took nothing
 * of it: no byte of that first sealing ever left the junction. What came is remembered in a window of its own, since the
 * receiver's set of numbers forgets the lowest, and best effort has nothing else that tells a copy. The window is looked at
 * before opening and moved after, so a forged package changes nothing. */
#ifndef SL_PAIR_SEAL_H
#define SL_PAIR_SEAL_H
#include "delivery_wire.h"
#include "log.h"
#include "membership.h"
#include "sealed_wire.h"
#include <slow/security.h>

/* What all seals of a junction share; everything is borrowed. */
typedef struct sl_pair_seal_env {
    const slow_security_ops *security; /* with an AEAD */
    void *security_self;
    sl_membership *membership;
    const char *network;
    const slow_id *self;
} sl_pair_seal_env;

typedef struct sl_pair_seal sl_pair_seal;

/* For an opening of `lower_number`, whose OPEN1 says `was`. NULL = no memory. */
sl_pair_seal *sl_pair_seal_new(const sl_pair_seal_env *, const slow_id *peer, uint64_t lower_number, uint64_t was);
void sl_pair_seal_free(sl_pair_seal *); /* keys are wiped; NULL is allowed */

/* Makes the handshake of our next OPEN; of OPEN2 and OPEN3 its numbers go into the hello. False: no memory. */
bool sl_pair_seal_write(sl_pair_seal *, enum sl_pair_kind, const sl_open *);
/* It, for as long as it may have to be repeated; then empty. */
slow_bytes sl_pair_seal_written(const sl_pair_seal *);
enum sl_pair_heard {
    SL_PAIR_GOOD,
    SL_PAIR_FORGED, /* not of the peer's making, or not of this handshake: nothing changed, another one may be */
    SL_PAIR_REFUSED /* *why says what membership said, or SL_WELCOME: its hello is wrong. Another OPEN2 may be read */
};
enum sl_pair_heard sl_pair_seal_read(sl_pair_seal *, enum sl_pair_kind, const sl_open *, enum sl_refusal *why);
/* Is this the handshake of the OPEN1 that it read? */
bool sl_pair_seal_is_of(const sl_pair_seal *, slow_bytes open1);

/* `package` has all its fields, src, dst, session and packet too. The sealed one is a view of it and of `room`. */
void sl_pair_seal_close(sl_pair_seal *, const slow_package *package, uint8_t room[SL_SEALED_MAX], slow_package *sealed);
enum sl_pair_opened {
    SL_PAIR_OPENED,
    SL_PAIR_REPEATED, /* or too old to be told from a copy */
    SL_PAIR_BROKEN,   /* the tag is not the peer's for this */
    SL_PAIR_MALFORMED /* the peer's, and nothing that can be read */
};
enum sl_pair_opened sl_pair_seal_open(sl_pair_seal *, const slow_package *sealed, uint8_t room[SL_SEALED_MAX],
                                      slow_package *package);

/* Who is at the other end, once it was let in. */
const sl_member *sl_pair_seal_member(const sl_pair_seal *);
/* May whoever is at the other end still be here? */
enum sl_refusal sl_pair_seal_still(const sl_pair_seal *);
#endif
