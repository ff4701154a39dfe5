/* keys.h - an identity for each junction of a simulated network, and an authority that vouches for all of them.
 *
 * Keys come from the seed and the place, so a junction that restarts is who it was, and a trace plays again. Nothing is
 * read from files: what they would have said is put into the config. The certificates are for all time, since the clocks of
 * simulated junctions jump. */
#ifndef SIM_KEYS_H
#define SIM_KEYS_H
#include "core/config.h"

void sim_keys_identity(uint64_t seed, uint32_t place, sl_identity *);
void sim_keys_authority(uint64_t seed, sl_identity *);
/* Makes the junction of a config, which has a security plugin with keys, the member that its id says. False: no memory. */
bool sim_keys_give(sl_config *, uint64_t seed, uint32_t place);
#endif
