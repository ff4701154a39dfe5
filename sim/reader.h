/* reader.h - the application at a place of the mesh, as far as reliable messages go: what is offered waits until it is read,
 * in its order, and what was read is accepted a while later; mesh.h's pace() says how long each takes.
 *
 * What waits can be taken back by its sender; what was read cannot. The application dies with its junction: what it had not
 * read, nobody ever reads. */
#ifndef SIM_READER_H
#define SIM_READER_H
#include "core/delivery.h"

struct sim_node;
typedef struct sim_reader sim_reader;

/* Aborts where there is no memory. */
sim_reader *sim_reader_new(struct sim_node *);
void sim_reader_free(sim_reader *); /* before its junction */
void sim_reader_offer(sim_reader *, const sl_message *);
bool sim_reader_withdraw(sim_reader *, sl_arrival *);
/* Messages that were offered and are not accepted. */
uint32_t sim_reader_count(const sim_reader *);
#endif
