/* Bounds, and where packages went.
 *
 * A junction with strategies that have a table does one thing with each package that comes: it is for us, goes on over one
 * link, or is dropped for one reason. So its own counters have to add up, at any time. (One that chooses may send several
 * copies, and one that translates may find a package to be broken after it counted it as sent on.) Between junctions no
 * package comes from nowhere; and where no cable lost anything and no link ever went down, all that was sent arrived. */
#include "check_state.h"
#include <inttypes.h>

enum { BOUNDS_EVERY = 256 }; /* changes of routes at a place */
/* What a strategy may hold: something, and so much for each destination and for each neighbour that speaks of it. */
enum { MEMORY_BASE = 1024 * 1024, MEMORY_DESTINATION = 512, MEMORY_WORD = 64 };

/* ---- bounds ---- */

static void bound(sim_check *check, uint32_t place, const char *what, uint64_t is, uint64_t most) {
    if (is > most && check_breach(check, SIM_BOUNDS))
        check_tell(check, "%s of %s: %" PRIu64 ", and at most %" PRIu64 " are allowed", what, check_name(check, place),
                   is, most);
}

static void bounds_look(sim_check *check, uint32_t place) {
    const sl_junction *junction = check->mesh->nodes[place].junction;
    const sl_neighbours *neighbours = &junction->links.neighbours;
    uint64_t links = 0;
    bound(check, place, "routes", junction->forward->table.count, SL_ROUTES_MAX);
    bound(check, place, "neighbours", neighbours->count, SL_NEIGHBOURS_MAX);
    bound(check, place, "messages that wait", junction->delivery.count, SL_QUEUED_COUNT);
    bound(check, place, "bytes of messages that wait", junction->delivery.queued, SL_QUEUED_MAX);
    bound(check, place, "queries", junction->path.count, SL_QUERIES_MAX);
    for (uint32_t i = 0; i < neighbours->count; i++)
        for (uint32_t k = 0; k < neighbours->sorted[i]->link_count; k++, links++)
            bound(check, place, "bytes that wait for a link", neighbours->sorted[i]->links[k]->out.bytes,
                  SL_OUTBOX_QUOTA);
    for (uint32_t i = 0; i < junction->routing.count; i++) {
        const sl_strategy *strategy = &junction->routing.strategies[i];
        const slow_routing_inspect *inspect = check_inspect(strategy);
        if (inspect == NULL || !SLOW_HAS(inspect, memory) || !SLOW_HAS(inspect, destinations))
            continue;
        uint64_t destinations = inspect->destinations(strategy->self);
        bound(check, place, "destinations", destinations, SL_ROUTES_MAX);
        bound(check, place, "bytes of a strategy", inspect->memory(strategy->self),
              MEMORY_BASE + destinations * (MEMORY_DESTINATION + MEMORY_WORD * (uint64_t)neighbours->count));
    }
}

void check_bounds(sim_check *check, uint32_t place) {
    if (++check->places[place].changes % BOUNDS_EVERY == 0)
        bounds_look(check, place);
}

/* ---- packages ---- */

static void junction_adds_up(sim_check *check, uint32_t place) {
    static const enum sl_counter dropped[] = {
        SL_drop_package_malformed, SL_drop_package_own,       SL_drop_package_duplicate, SL_drop_package_dead_end,
        SL_drop_package_no_route,  SL_drop_package_hop_limit, SL_drop_package_revoked,
    };
    const sl_stats *stats = &check->mesh->nodes[place].junction->stats;
    uint64_t in = stats->count[SL_packages_in], done = check->places[place].arrived;
    if (check->places[place].ever_chose || stats->count[SL_packages_translated] > 0)
        return;
    done += stats->count[SL_packages_forwarded];
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
        done += stats->count[dropped[i]];
    if (in != done && check_breach(check, SIM_PACKAGES))
        check_tell(check, "%" PRIu64 " packages came to %s, and %" PRIu64 " were delivered, sent on or dropped", in,
                   check_name(check, place), done);
}

static void network_adds_up(sim_check *check) {
    const sim_mesh *mesh = check->mesh;
    uint64_t lost = 0, duplicated = 0;
    for (uint32_t c = 1; c <= sim_network_cables(mesh->network); c++) {
        const sim_cable *cable = sim_network_cable_at(mesh->network, c);
        lost += cable->lost + cable->queue_full;
        duplicated += cable->packages_duplicated;
    }
    uint64_t out = sim_mesh_counted(mesh, SL_packages_out), in = sim_mesh_counted(mesh, SL_packages_in);
    uint64_t sent = sim_mesh_counted(mesh, SL_messages_sent), received = sim_mesh_counted(mesh, SL_messages_received);
    bool clean = lost == 0 && duplicated == 0 && sim_mesh_counted(mesh, SL_links_lost) == 0 && !check->lost_any;
    if ((in > out + duplicated || (clean && in != out)) && check_breach(check, SIM_PACKAGES))
        check_tell(check, "junctions sent %" PRIu64 " packages over links, and %" PRIu64 " came", out, in);
    if (received > sent && check_breach(check, SIM_PACKAGES))
        check_tell(check, "junctions sent %" PRIu64 " messages, and took %" PRIu64, sent, received);
}

void check_account(sim_check *check) {
    for (uint32_t place = 0; place < check->count; place++)
        if (check->places[place].present) {
            bounds_look(check, place);
            junction_adds_up(check, place);
        }
    network_adds_up(check);
}
