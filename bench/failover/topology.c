#include "topology.h"

#include <stdio.h>

bool topology_read(topology *t, const char *path) {
    FILE *file = fopen(path, "r");
    bool good = file != NULL;
    int a, b, fields = 0;
    t->nodes = t->cables = 0;
    t->cut = t->dead = -1;
    while (good && (fields = fscanf(file, "%d %d", &a, &b)) == 2) {
        good = t->cables < CABLES_MOST && a >= 0 && a < NODES_MOST && b >= 0 && b < NODES_MOST && a != b;
        if (!good)
            break;
        t->ends[t->cables][0] = a;
        t->ends[t->cables++][1] = b;
        t->nodes = a >= t->nodes ? a + 1 : t->nodes;
        t->nodes = b >= t->nodes ? b + 1 : t->nodes;
    }
    if (file != NULL)
        fclose(file);
    if (good && fields == EOF && t->cables > 0)
        return true;
    fprintf(stderr,
            "failover-probe: %s: cable %d is unreadable; expected lines of two numbers below %d, 1 to %d of them\n",
            path, t->cables, NODES_MOST, CABLES_MOST);
    return false;
}

bool topology_joins(const topology *t, int a, int b) {
    for (int c = 0; c < t->cables; c++)
        if (c != t->cut && ((t->ends[c][0] == a && t->ends[c][1] == b) || (t->ends[c][0] == b && t->ends[c][1] == a)))
            return true;
    return false;
}

bool topology_counts(const topology *t, int from, int to) {
    return from != to && from != t->dead && to != t->dead;
}
