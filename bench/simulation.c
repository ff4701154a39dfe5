/* simulation.c - how fast the simulator is: a cold start and one cut of a made network, with every check on.
 *
 *     simulation [JUNCTIONS [DEGREE [ROUTING]]]
 *
 * A line for each part: wall time, virtual time, turns, frames, what strategies said, and memory. The trace hash at the
 * end is the same for everybody who runs it with the same arguments. */
#include "sim/check.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static double wall_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static long memory_mb(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;
}

static void report(const sim_mesh *mesh, const char *what, double *began) {
    const sim_traffic *routing = &sim_network_traffic(mesh->network)[SIM_TRAFFIC_ROUTING];
    double now = wall_s();
    printf("%-12s %6.2f s wall, %8.3f s virtual, whole at %8.3f s, %9" PRIu64 " frames, %9" PRIu64
           " of routing, %10" PRIu64 " bytes, %5ld MB\n",
           what, now - *began, (double)sl_world_now(mesh->world) / 1e9,
           (double)sim_check_whole_since(mesh->check) / 1e9, sim_network_frames(mesh->network), routing->frames,
           routing->bytes, memory_mb());
    *began = now;
}

static bool rest(sim_mesh *mesh, double *began) {
    sim_stretch stretch;
    bool settled = sim_check_settle(mesh->check, 60 * SL_SECOND);
    report(mesh, "settled", began);
    sim_verdict v = sim_check_rest(mesh->check, &stretch);
    report(mesh, "looked at", began);
    printf("%" PRIu64 " pairs, %" PRIu64 " missing, %" PRIu64 " stale, %" PRIu64
           " suboptimal, stretch %.4f at most %.4f%s\n",
           v.connected, v.missing, v.stale, v.suboptimal, stretch.mean, stretch.most, settled ? "" : ", not settled");
    if (sim_check_failure(mesh->check)->found)
        printf("%s: %s\n", sim_rule_name(sim_check_failure(mesh->check)->rule), sim_check_failure(mesh->check)->text);
    return !sim_check_failure(mesh->check)->found && settled;
}

int main(int argc, char **argv) {
    uint32_t junctions = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000;
    uint32_t degree = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 4;
    const char *routing = argc > 3 ? argv[3] : "routing-distance-vector";
    double began = wall_s(), first = began;
    sim_mesh *mesh = sim_mesh_new(1, junctions);
    if (mesh == NULL || sim_check_new(mesh, NULL) == NULL)
        return 1;
    snprintf(mesh->routing, sizeof mesh->routing, "[\"%s\"]", routing);
    sim_mesh_random(mesh, degree);
    sim_mesh_start_all(mesh);
    report(mesh, "started", &began);
    bool good = rest(mesh, &began);
    sim_network_cut(mesh->network, sim_network_cables(mesh->network), true);
    good = rest(mesh, &began) && good;
    printf("%.2f s in all, %.2f s of it on the CPU, trace %016" PRIx64 "\n", wall_s() - first, cpu_s(),
           sl_world_trace(mesh->world));
    sim_check_free(mesh->check);
    sim_mesh_free(mesh);
    return !good;
}
