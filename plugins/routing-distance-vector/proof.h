/* proof.h - what origins have signed, and who has been shown it: rule 12. */
#ifndef DV_PROOF_H
#define DV_PROOF_H
#include "neighbour.h"

/* Did the origin sign that stamp? Asks the host. */
bool dv_proof_verify(const struct dv *, slow_bytes id, struct dv_stamp, slow_bytes proof);
/* The newest stamp of a destination that its origin is known to have signed; epoch 0 = none. */
struct dv_stamp dv_proven(const struct dv *, uint32_t number, slow_bytes *proof);
/* Does that not hold any more, its key being revoked? Not so when there is none. */
bool dv_proof_is_void(const struct dv *, uint32_t number);
/* Nothing has to be proven here, or it follows from what is: the stamp, or a newer one of the same epoch. */
bool dv_is_proven(const struct dv *, uint32_t number, struct dv_stamp);
/* Keeps a proof that is true, if it is newer than what there is; `from`, who has it, may be NULL. */
void dv_proof_keep(struct dv *, struct dv_neighbour *from, uint32_t number, struct dv_stamp, slow_bytes proof);
/* A neighbour shows one of a destination that we know. True: it is proven. */
bool dv_proof_heard(struct dv *, struct dv_neighbour *from, uint32_t number, struct dv_stamp, slow_bytes proof);
/* May this neighbour say so, and did the origin sign the number of the word, or a newer one? `number` may be DV_NONE. */
bool dv_origin_counts(struct dv *, struct dv_neighbour *from, uint32_t number, const struct dv_record *origin);
/* Did it sign what an UPDATE says, or is that of an older epoch, where any number is as good as another? */
bool dv_update_counts(const struct dv *, uint32_t number, struct dv_stamp);
/* Fills in the proof of an ORIGIN that is about to be sent. */
void dv_proof_attach(struct dv *, struct dv_neighbour *, uint32_t number, struct dv_record *origin);
/* Before an UPDATE about a destination: shows the newest proof to a neighbour that may not have it. */
void dv_proof_show(struct dv *, struct dv_neighbour *, uint32_t number);
/* Before a request for a stamp of that epoch: shows the proof, unless the neighbour has one of that epoch. */
void dv_proof_show_epoch(struct dv *, struct dv_neighbour *, uint32_t number, uint64_t epoch);
#endif
