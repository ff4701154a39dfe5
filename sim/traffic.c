#include "traffic.h"
#include "core/loop.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEVER UINT64_MAX
#define CAME UINT32_MAX

/* "{"n":12,"p":"..."}": the number, and as many bytes as the rule says. */
static void payload_write(char *out, size_t size, uint64_t number) {
    int used = snprintf(out, size + 1, "{\"n\":%" PRIu64 ",\"p\":\"", number);
    memset(out + used, 'x', size - (size_t)used - 2);
    memcpy(out + size - 2, "\"}", 3);
}

static bool payload_read(const sl_message *message, uint64_t *number) {
    static const char begin[] = "{\"n\":";
    const uint8_t *at = message->payload.data, *end = at + message->payload.size;
    if (message->payload.size < sizeof begin || memcmp(at, begin, sizeof begin - 1) != 0)
        return false;
    *number = 0;
    for (at += sizeof begin - 1; at < end && *at >= '0' && *at <= '9'; at++)
        *number = *number * 10 + (uint64_t)(*at - '0');
    return true;
}

/* The first parcel that left then, or later. */
static uint32_t parcel_at(const sim_traffic_play *traffic, slow_time at_ns) {
    uint32_t low = 0, high = traffic->parcel_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (traffic->parcels[middle].at_ns < at_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void take_parcel(sim_traffic_play *traffic, const sim_node *node, const sl_message *message) {
    const sim_node *from = sim_mesh_node_of(node->mesh, &message->peer);
    slow_time at_ns = sim_mesh_sent_at(message);
    for (uint32_t i = parcel_at(traffic, at_ns); i < traffic->parcel_count && from != NULL; i++) {
        sim_parcel *parcel = &traffic->parcels[i];
        if (parcel->at_ns != at_ns)
            return;
        if (parcel->from == from->place && parcel->to == node->place && !parcel->arrived) {
            parcel->arrived = true;
            return;
        }
    }
}

static void take(void *arg, sim_node *node, const sl_message *message) {
    sim_traffic_play *traffic = arg;
    uint64_t number;
    if (traffic->watch != NULL)
        traffic->watch(traffic->arg, node, message);
    if (sim_mesh_sent_at(message) != 0)
        take_parcel(traffic, node, message);
    if (!payload_read(message, &number) || number >= traffic->sent)
        return;
    uint32_t *whom = &traffic->for_whom[number];
    if (*whom == CAME) {
        traffic->duplicates++;
    } else if (*whom != node->place) {
        traffic->strays++;
    } else {
        *whom = CAME;
        traffic->delivered++;
    }
}

static slow_time up_to(uint64_t *random, slow_time most_ns) {
    return most_ns == 0 ? 0 : sl_splitmix(random) % (most_ns + 1);
}

static void pace(void *arg, const sl_message *message, slow_time *read_ns, slow_time *accept_ns) {
    sim_traffic_play *traffic = arg;
    const sim_promise *promise = sim_check_promised(traffic->mesh->check, message);
    if (promise == NULL)
        return;
    *read_ns = up_to(&traffic->pace, promise->read_ns);
    *accept_ns = up_to(&traffic->pace, promise->accept_ns);
}

sim_traffic_play *sim_traffic_new(sim_mesh *mesh, const sim_scenario *scenario) {
    sim_traffic_play *traffic = calloc(1, sizeof *traffic);
    slow_time *next = calloc(scenario->traffic_count + 1, sizeof *next);
    if (traffic == NULL || next == NULL)
        abort();
    *traffic = (sim_traffic_play){
        .mesh = mesh, .scenario = scenario, .next_ns = next, .random = scenario->seed + 2, .pace = scenario->seed + 3};
    for (uint32_t i = 0; i < scenario->traffic_count; i++)
        next[i] = scenario->traffic[i].begin_ns < scenario->traffic[i].until_ns ? scenario->traffic[i].begin_ns : NEVER;
    mesh->on_message = take;
    mesh->arg = traffic;
    mesh->pace = pace;
    mesh->pace_arg = traffic;
    return traffic;
}

void sim_traffic_free(sim_traffic_play *traffic) {
    if (traffic == NULL)
        return;
    free(traffic->next_ns);
    free(traffic->for_whom);
    free(traffic->parcels);
    free(traffic);
}

slow_time sim_traffic_next(const sim_traffic_play *traffic) {
    slow_time next = NEVER;
    for (uint32_t i = 0; i < traffic->scenario->traffic_count; i++)
        if (traffic->next_ns[i] < next)
            next = traffic->next_ns[i];
    return next;
}

static uint32_t whom(sim_traffic_play *traffic, uint32_t node) {
    return node != SIM_ANY ? node : (uint32_t)(sl_splitmix(&traffic->random) % traffic->mesh->count);
}

static void send_reliable(sim_traffic_play *traffic, const sim_traffic_rule *rule, uint32_t from, uint32_t to) {
    sim_mesh *mesh = traffic->mesh;
    sim_promise promise = rule->promise;
    promise.from = from;
    promise.to = to;
    promise.size = rule->size;
    uint32_t number = sim_check_promise(mesh->check, &promise);
    char *text = sim_promise_write(number, rule->size);
    sl_message message = {.type = SLOW_JSON,
                          .channel = promise.channel,
                          .flags = SLOW_RELIABLE | promise.order,
                          .ttl_ns = promise.ttl_ns,
                          .payload = {(const uint8_t *)text, rule->size}};
    if (sim_mesh_send_message(mesh, from, to, &message) != SLOW_OK)
        sim_check_refused(mesh->check);
    free(text);
}

static void send_one(sim_traffic_play *traffic, const sim_traffic_rule *rule) {
    uint32_t from = whom(traffic, rule->from), to = whom(traffic, rule->to);
    sim_mesh *mesh = traffic->mesh;
    /* From one to itself nothing travels; from nobody neither, and best effort not to nobody. */
    if (from == to || mesh->nodes[from].junction == NULL || sim_mesh_is_frozen(mesh, from))
        return;
    if (rule->reliable) {
        send_reliable(traffic, rule, from, to);
        return;
    }
    if (mesh->nodes[to].junction == NULL)
        return;
    if (traffic->sent == traffic->capacity) {
        traffic->capacity = traffic->capacity == 0 ? 256 : traffic->capacity * 2;
        traffic->for_whom = realloc(traffic->for_whom, traffic->capacity * sizeof *traffic->for_whom);
        if (traffic->for_whom == NULL)
            abort();
    }
    char *text = malloc((size_t)rule->size + 1);
    if (text == NULL)
        abort();
    payload_write(text, rule->size, traffic->sent);
    traffic->for_whom[traffic->sent++] = to;
    if (sim_mesh_send(mesh, from, to, text) != SLOW_OK)
        traffic->sent--;
    free(text);
}

void sim_traffic_send(sim_traffic_play *traffic, slow_time now) {
    for (uint32_t i = 0; i < traffic->scenario->traffic_count; i++) {
        const sim_traffic_rule *rule = &traffic->scenario->traffic[i];
        if (traffic->next_ns[i] > now)
            continue;
        send_one(traffic, rule);
        traffic->next_ns[i] =
            traffic->next_ns[i] + rule->every_ns < rule->until_ns ? traffic->next_ns[i] + rule->every_ns : NEVER;
    }
}

bool sim_traffic_parcel(sim_traffic_play *traffic, const sim_parcel *parcel) {
    sim_mesh *mesh = traffic->mesh;
    if (parcel->from == parcel->to || mesh->nodes[parcel->from].junction == NULL ||
        mesh->nodes[parcel->to].junction == NULL || sim_mesh_is_frozen(mesh, parcel->from))
        return false;
    if (traffic->parcel_count == traffic->parcel_capacity) {
        traffic->parcel_capacity = traffic->parcel_capacity == 0 ? 64 : traffic->parcel_capacity * 2;
        traffic->parcels = realloc(traffic->parcels, traffic->parcel_capacity * sizeof *traffic->parcels);
        if (traffic->parcels == NULL)
            abort();
    }
    traffic->parcels[traffic->parcel_count++] = *parcel; /* before it is sent: it can arrive at once */
    if (sim_mesh_send_bytes(mesh, parcel->from, parcel->to, parcel->size, 1) == SLOW_OK)
        return true;
    traffic->parcel_count--;
    return false;
}

const sim_parcel *sim_traffic_missed(const sim_traffic_play *traffic) {
    for (uint32_t i = 0; i < traffic->parcel_count; i++)
        if (traffic->parcels[i].arrives && !traffic->parcels[i].arrived)
            return &traffic->parcels[i];
    return NULL;
}
