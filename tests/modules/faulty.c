/* A routing strategy that does not survive a call of its life, or does not come back from it: tests/faulty_test.sh. Each
 * build is faulty in one call. */
#include <signal.h>
#include <slow/routing.h>
#include <stdlib.h>
#include <unistd.h>

enum call { IN_CREATE, IN_START, IN_DESTROY };

/* Not to be optimised into anything shorter. */
static uint64_t recurse(volatile uint64_t depth) {
    volatile uint8_t room[512];
    room[depth % sizeof room] = (uint8_t)depth;
    return depth == UINT64_MAX ? 0 : recurse(depth + 1) + room[depth % sizeof room];
}

static void fault(enum call call) {
    static const char kind[] = FAULT;
    volatile uintptr_t nowhere = 16; /* or the compiler would see it coming */
    if (call != FAULT_IN)
        return;
    switch (kind[0]) {
    case 'c': /* crash */
        *(volatile int *)nowhere = 1;
        break;
    case 'r':
        recurse(0);
        break;
    case 'e':
        exit(3);
    case 'f': /* and leaves a process behind, with all that was open, for longer than anybody has patience */
        if (fork() == 0) {
            alarm(15);
            pause();
            _exit(0);
        }
        break;
    default: /* hang */
        for (;;)
            pause();
    }
}

static slow_status create(const slow_host *host, const void *config, void **self, slow_error *error) {
    (void)config;
    (void)error;
    *self = (void *)(uintptr_t)host;
    fault(IN_CREATE);
    return SLOW_OK;
}

static slow_status start(void *self, slow_error *error) {
    (void)self;
    (void)error;
    fault(IN_START);
    return SLOW_OK;
}

static void destroy(void *self) {
    (void)self;
    fault(IN_DESTROY);
}

static void neighbour(void *self, const slow_neighbour *n) {
    (void)self;
    (void)n;
}

static void neighbour_down(void *self, slow_link link) {
    (void)self;
    (void)link;
}

static slow_status message(void *self, slow_link from, slow_bytes bytes) {
    (void)self;
    (void)from;
    (void)bytes;
    return SLOW_OK;
}

static const slow_routing_ops ops = {
    .struct_size = sizeof ops,
    .protocol = "faulty/1",
    .neighbour_up = neighbour,
    .neighbour_changed = neighbour,
    .neighbour_down = neighbour_down,
    .message = message,
};

static const slow_plugin plugin = {
    .struct_size = sizeof plugin,
    .kind = SLOW_ROUTING,
    .id = PLUGIN_ID,
    .version = "1",
    .summary = "Does not survive its own life",
    .license = "MIT",
    .create = create,
    .start = start,
    .destroy = destroy,
    .ops = &ops,
};

static const slow_plugin *const plugins[] = {&plugin, NULL};
static const slow_module module = {
    .struct_size = sizeof module, .abi_major = SLOW_ABI_MAJOR, .build = "test", .plugins = plugins};

SLOW_MODULE(faulty, &module)
