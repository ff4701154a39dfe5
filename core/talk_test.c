/* What two neighbours speak, told while their links are open: lists that are lost, late, repeated or wrong, over one link
 * and over two, and what begins and ends by them. */
#include "link_test.h"
#include "neighbour.h"

/* An end with its neighbours, and what its strategies would have been told. */
typedef struct side {
    end *end;
    sl_neighbours neighbours;
    char told[512];
    unsigned ups;
    unsigned begun; /* how often something was met */
    unsigned heard; /* of messages that are numbers, "#0" and on */
    bool in_order;
    uint32_t costs; /* signatures, each message */
} side;

typedef struct pair {
    rig *rig;
    side a, b;
    wire *wa[SL_NEIGHBOUR_LINKS], *wb[SL_NEIGHBOUR_LINKS];
    unsigned links;
    uint32_t flags; /* SLOW_LINK_STREAM, or datagrams */
    int lose;       /* frames of this kind are lost; 0 = none */
    unsigned seen[SL_FRAME_PROTOCOLS_ACK + 1];
} pair;

/* ---- what is told ---- */

static void tell(side *s, const char *what, const char *about) {
    size_t used = strlen(s->told);
    snprintf(s->told + used, sizeof s->told - used, "%s%s %s", used > 0 ? ", " : "", what, about);
}

static void was_told(side *s, const char *expected) {
    assert_string_equal(s->told, expected);
    s->told[0] = '\0';
}

static void on_up(void *arg, sl_neighbour *n) {
    side *s = arg;
    s->ups++;
    tell(s, "up", n->id.text);
    for (unsigned i = 0; i < s->neighbours.places; i++)
        if (sl_neighbour_speaks(n, s->neighbours.names[i]))
            tell(s, "with", s->neighbours.names[i]);
}
static void on_changed(void *arg, sl_neighbour *n) {
    (void)arg;
    (void)n;
}
static void on_down(void *arg, sl_neighbour *n, slow_link adjacency) {
    side *s = arg;
    assert_true(adjacency != 0);
    tell(s, "down", n->id.text);
    for (unsigned i = 0; i < s->neighbours.places; i++)
        if (sl_neighbour_speaks(n, s->neighbours.names[i]))
            tell(s, "without", s->neighbours.names[i]);
}
static void on_message(void *arg, sl_neighbour *n, const char *protocol, slow_bytes message) {
    side *s = arg;
    char text[64];
    sl_neighbour_spend(n, s->costs);
    if (message.size > 0 && message.data[0] == '#') {
        snprintf(text, sizeof text, "#%u", s->heard);
        s->in_order = (s->heard++ == 0 || s->in_order) && strlen(text) == message.size &&
                      memcmp(text, message.data, message.size) == 0;
        return;
    }
    snprintf(text, sizeof text, "%s \"%.*s\"", protocol, (int)message.size, (const char *)message.data);
    tell(arg, "heard", text);
}
static void on_met(void *arg, sl_neighbour *n, const char *protocol) {
    assert_true(sl_neighbour_speaks(n, protocol));
    ((side *)arg)->begun++;
    tell(arg, "met", protocol);
}
static void on_parted(void *arg, sl_neighbour *n, const char *protocol) {
    (void)n;
    tell(arg, "parted", protocol);
}

/* ---- links ---- */

static enum sl_close_reason opened_here(void *arg, sl_link *link) {
    return sl_neighbours_opened(&((side *)arg)->neighbours, link);
}
static void closed_here(void *arg, sl_link *link, enum sl_close_reason reason, bool was_up) {
    if (was_up)
        sl_neighbours_closed(&((side *)arg)->neighbours, link, reason);
}
static void route_here(void *arg, sl_link *link, const sl_route_frame *route) {
    sl_neighbours_route(&((side *)arg)->neighbours, link, route);
}
static void route_ack_here(void *arg, sl_link *link, const sl_route_frame *ack) {
    sl_neighbours_route_ack(&((side *)arg)->neighbours, link, ack);
}
static void protocols_here(void *arg, sl_link *link, const sl_protocols *protocols) {
    sl_neighbours_protocols(&((side *)arg)->neighbours, link, protocols);
}
static void protocols_ack_here(void *arg, sl_link *link, uint32_t generation) {
    sl_neighbours_protocols_ack(&((side *)arg)->neighbours, link, generation);
}
static void fill_here(void *arg, sl_link *link) {
    sl_neighbours_fill(&((side *)arg)->neighbours, link);
}

static void side_open(rig *g, end *e, side *s) {
    static const slow_codec_ops json = {.struct_size = sizeof json, .name = "json"};
    const sl_neighbour_events events = {.arg = s,
                                        .up = on_up,
                                        .changed = on_changed,
                                        .down = on_down,
                                        .message = on_message,
                                        .met = on_met,
                                        .parted = on_parted};
    s->end = e;
    e->codec.ops = &json;
    sl_neighbours_init(&s->neighbours, g->loop, &e->log, &e->stats, &e->claim, &events);
    e->env.events = (sl_link_events){.arg = s,
                                     .opened = opened_here,
                                     .closed = closed_here,
                                     .bundle = on_bundle,
                                     .route = route_here,
                                     .route_ack = route_ack_here,
                                     .protocols = protocols_here,
                                     .protocols_ack = protocols_ack_here,
                                     .fill = fill_here,
                                     .cost = on_link,
                                     .dirty = on_link};
}

/* What a side speaks, as the routing host writes it. */
static void speak(side *s, const char *protocol, uint8_t number) {
    sl_protocols *ours = &s->end->claim.protocols;
    uint8_t place = ours->names.count++;
    snprintf(ours->names.name[place], SL_NAME_SIZE, "%s", protocol);
    ours->number[place] = number;
}

static void takes_up(side *s, const char *protocol, uint8_t number) {
    speak(s, protocol, number);
    s->end->claim.protocols.generation++;
    sl_talk_changed(&s->neighbours);
}

static void takes_away_last(side *s) {
    s->end->claim.protocols.names.count--;
    s->end->claim.protocols.generation++;
    sl_talk_changed(&s->neighbours);
}

static void open_link(pair *p) {
    unsigned i = p->links++;
    char there[32], here[32];
    snprintf(there, sizeof there, "test://10.0.%u.2:2", i);
    snprintf(here, sizeof here, "test://10.0.%u.1:1", i);
    p->wa[i] = link_new(p->a.end, there, 1, p->flags);
    p->wb[i] = link_new(p->b.end, here, 0, p->flags | SLOW_LINK_INBOUND);
    pass(p->wa[i], p->wb[i]);
    pass(p->wb[i], p->wa[i]);
    give(p->wb[i], p->wa[i]->sent[1], p->wa[i]->sizes[1]);
    assert_int_equal(p->wa[i]->link->state, SL_LINK_UP);
    assert_int_equal(p->wb[i]->link->state, SL_LINK_UP);
    for (uint32_t k = 2; k < p->wa[i]->count; k++) /* behind FIN there are others already */
        give(p->wb[i], p->wa[i]->sent[k], p->wa[i]->sizes[k]);
    for (uint32_t k = 1; k < p->wb[i]->count; k++)
        give(p->wa[i], p->wb[i]->sent[k], p->wb[i]->sizes[k]);
    p->wa[i]->count = p->wb[i]->count = 0;
}

static pair *pair_new(rig *g) {
    pair *p = calloc(1, sizeof *p);
    assert_non_null(p);
    p->rig = g;
    side_open(g, &g->a, &p->a);
    side_open(g, &g->b, &p->b);
    return p;
}

static void pair_free(pair *p) {
    for (unsigned i = 0; i < p->links; i++) {
        sl_link_close(p->wa[i]->link, SL_CLOSE_GOODBYE, false);
        sl_link_close(p->wb[i]->link, SL_CLOSE_GOODBYE, false);
    }
    sl_neighbours_free(&p->a.neighbours);
    sl_neighbours_free(&p->b.neighbours);
    free(p);
}

/* All that the one has said goes to the other, but for what is lost. True: something went. */
static bool carry(pair *p, wire *from, wire *to) {
    uint32_t count = from->count;
    uint8_t sent[SENT][2048]; /* a copy: what it says meanwhile comes behind */
    uint32_t sizes[SENT];
    memcpy(sent, from->sent, sizeof sent);
    memcpy(sizes, from->sizes, sizeof sizes);
    from->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        p->seen[sent[i][0]]++;
        if (sent[i][0] != p->lose)
            give(to, sent[i], sizes[i]);
    }
    return count > 0;
}

/* Until nobody has anything to say; in no time. */
static void talk(pair *p) {
    bool more = true;
    while (more) {
        more = false;
        for (unsigned i = 0; i < p->links; i++) {
            sl_link_flush(p->wa[i]->link);
            sl_link_flush(p->wb[i]->link);
        }
        for (unsigned i = 0; i < p->links; i++) {
            more |= carry(p, p->wa[i], p->wb[i]);
            more |= carry(p, p->wb[i], p->wa[i]);
        }
    }
}

static void talk_for(pair *p, slow_time duration) {
    for (slow_time until = sl_world_now(p->rig->world) + duration; sl_world_now(p->rig->world) < until;) {
        wait_for(p->rig, 10 * SL_MS);
        talk(p);
    }
}

static sl_neighbour *other(const side *s) {
    return s->neighbours.sorted[0];
}

static void says(side *s, const char *protocol, const char *text) {
    assert_int_equal(sl_neighbour_send(other(s), protocol, (slow_bytes){(const uint8_t *)text, strlen(text)}), SLOW_OK);
}

/* Both speak p from the start, over one link. */
static pair *pair_over(rig *g, uint32_t flags) {
    pair *p = pair_new(g);
    p->flags = flags;
    speak(&p->a, "p", 0);
    speak(&p->b, "p", 0);
    open_link(p);
    talk(p);
    was_told(&p->a, "up bob, with p");
    was_told(&p->b, "up alice, with p");
    return p;
}

static pair *pair_that_speaks_p(rig *g) {
    return pair_over(g, 0);
}

/* ---- lists ---- */

static void what_both_take_up_begins_at_both(void **state) {
    pair *p = pair_that_speaks_p(*state);
    takes_up(&p->a, "q", 1);
    talk(p);
    was_told(&p->a, "");
    was_told(&p->b, "");
    takes_up(&p->b, "q", 9);
    was_told(&p->b, "met q");
    says(&p->b, "q", "first");
    talk(p);
    was_told(&p->a, "met q, heard q \"first\"");
    says(&p->a, "q", "second");
    says(&p->a, "p", "third");
    talk(p);
    was_told(&p->b, "heard p \"third\", heard q \"second\"");
    assert_int_equal(p->a.end->stats.count[SL_drop_route_protocol], 0);
    assert_int_equal(p->b.end->stats.count[SL_drop_route_protocol], 0);
    pair_free(p);
}

static void a_list_is_told_until_it_is_known_to_have_come(void **state) {
    pair *p = pair_new(*state);
    speak(&p->a, "p", 0);
    speak(&p->b, "q", 0);
    open_link(p);
    talk(p);
    was_told(&p->b, "up alice");
    p->a.told[0] = '\0';
    p->lose = SL_FRAME_PROTOCOLS;
    takes_up(&p->a, "q", 1);
    was_told(&p->a, "met q");
    says(&p->a, "q", "early");
    talk_for(p, SL_SECOND);
    assert_in_range(p->seen[SL_FRAME_PROTOCOLS], 3, 10); /* ever more seldom */
    assert_true(p->b.end->stats.count[SL_drop_route_protocol] > 0);
    was_told(&p->b, "");
    p->lose = SL_FRAME_PROTOCOLS_ACK;
    talk_for(p, 2 * SL_SECOND);
    was_told(&p->b, "met q, heard q \"early\"");
    assert_true(p->seen[SL_FRAME_PROTOCOLS_ACK] > 1); /* each one is answered */
    p->lose = 0;
    talk_for(p, 2 * SL_SECOND);
    p->seen[SL_FRAME_PROTOCOLS] = 0;
    talk_for(p, 5 * SL_SECOND);
    assert_int_equal(p->seen[SL_FRAME_PROTOCOLS], 0);
    was_told(&p->b, "");
    pair_free(p);
}

/* A whole frame from bob, as only he could send it. */
static void bob_sends(pair *p, enum sl_frame_kind kind, const uint8_t *body, size_t size) {
    uint8_t frame[600];
    wire *to = p->wa[0];
    slow_writer w = slow_writer_of(frame, sizeof frame);
    slow_write_u32(&w, (uint32_t)kind << 24);
    slow_write_u32(&w, to->link->index);
    slow_write_u64(&w, to->link->highest_number + 1);
    slow_write_bytes(&w, body, size);
    slow_write_u64(&w, to->link->tag);
    give(to, frame, slow_writer_size(&w));
}

static void bob_lists(pair *p, uint32_t generation, const char *second) {
    sl_protocols list = {.names = {.count = second == NULL ? 1 : 2, .name = {"p"}}, .number = {0, 1}};
    uint8_t body[SL_PROTOCOLS_MAX];
    list.generation = generation;
    if (second != NULL)
        snprintf(list.names.name[1], SL_NAME_SIZE, "%s", second);
    bob_sends(p, SL_FRAME_PROTOCOLS, body, sl_protocols_write(&list, body));
}

static void a_list_that_comes_late_or_twice_changes_nothing(void **state) {
    pair *p = pair_that_speaks_p(*state);
    takes_up(&p->a, "q", 1);
    talk(p);
    bob_lists(p, 5, "q");
    was_told(&p->a, "met q");
    bob_lists(p, 4, NULL);
    bob_lists(p, 5, NULL);
    bob_lists(p, 0, NULL);
    was_told(&p->a, "");
    bob_lists(p, UINT32_MAX, NULL);
    was_told(&p->a, "parted q");
    pair_free(p);
}

static void a_list_that_cannot_be_is_dropped_and_counted(void **state) {
    static const uint8_t nine[] = {0,   0, 0,   9, 9,   1, 'a', 1, 'b', 1, 'c', 1, 'd', 1, 'e', 1,
                                   'f', 1, 'g', 1, 'h', 1, 'i', 0, 1,   2, 3,   4, 5,   6, 7,   8},
                         cut[] = {0, 0, 0, 9, 2, 1, 'p', 1, 'q', 0},
                         one_number[] = {0, 0, 0, 9, 2, 1, 'p', 1, 'q', 1, 1},
                         one_name[] = {0, 0, 0, 9, 2, 1, 'q', 1, 'q', 0, 1}, empty[] = {0, 0, 0, 9, 1, 0, 0},
                         control[] = {0, 0, 0, 9, 1, 1, '\n', 0}, nothing[] = {0};
    const slow_bytes bad[] = {{nine, sizeof nine},
                              {cut, sizeof cut},
                              {one_number, sizeof one_number},
                              {one_name, sizeof one_name},
                              {empty, sizeof empty},
                              {control, sizeof control},
                              {nothing, 0},
                              {nothing, 1}};
    pair *p = pair_that_speaks_p(*state);
    takes_up(&p->a, "q", 1);
    talk(p);
    p->seen[SL_FRAME_PROTOCOLS_ACK] = 0;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        bob_sends(p, SL_FRAME_PROTOCOLS, bad[i].data, bad[i].size);
        assert_int_equal(p->a.end->stats.count[SL_drop_route_malformed], i + 1);
    }
    bob_sends(p, SL_FRAME_PROTOCOLS_ACK, nothing, 1);
    assert_int_equal(p->a.end->stats.count[SL_drop_route_malformed], sizeof bad / sizeof bad[0] + 1);
    talk(p);
    was_told(&p->a, "");
    assert_int_equal(p->seen[SL_FRAME_PROTOCOLS_ACK], 0);
    assert_int_equal(p->wa[0]->link->state, SL_LINK_UP);
    pair_free(p);
}

static void nobody_can_acknowledge_what_was_not_said(void **state) {
    static const uint8_t future[] = {0, 0, 1, 0};
    pair *p = pair_that_speaks_p(*state);
    bob_sends(p, SL_FRAME_PROTOCOLS_ACK, future, sizeof future);
    takes_up(&p->a, "q", 1);
    p->seen[SL_FRAME_PROTOCOLS] = 0;
    talk(p);
    assert_int_equal(p->seen[SL_FRAME_PROTOCOLS], 1);
    pair_free(p);
}

/* ---- ends and new beginnings ---- */

static void last_words_come_before_the_end(void **state) {
    pair *p = pair_that_speaks_p(*state);
    takes_up(&p->a, "q", 1);
    takes_up(&p->b, "q", 1);
    talk(p);
    p->a.told[0] = p->b.told[0] = '\0';
    says(&p->a, "q", "bye");
    takes_away_last(&p->a);
    was_told(&p->a, "parted q");
    assert_int_equal(sl_neighbour_send(other(&p->a), "q", (slow_bytes){NULL, 0}), SLOW_E_UNSUPPORTED);
    talk(p);
    was_told(&p->b, "heard q \"bye\", parted q");
    assert_false(sl_neighbour_speaks(other(&p->b), "q"));
    says(&p->b, "p", "still here");
    talk(p);
    was_told(&p->a, "heard p \"still here\"");
    pair_free(p);
}

static void what_came_back_is_new_though_its_absence_was_not_heard_of(void **state) {
    pair *p = pair_that_speaks_p(*state);
    takes_up(&p->a, "q", 1);
    takes_up(&p->b, "q", 1);
    talk(p);
    says(&p->a, "q", "old");
    talk(p);
    p->a.told[0] = p->b.told[0] = '\0';
    for (uint8_t round = 0; round < 5; round++) {
        takes_away_last(&p->a);
        takes_up(&p->a, "q", (uint8_t)(2 + round)); /* in one turn: one list is told, the newer */
        was_told(&p->a, "parted q, met q");
        says(&p->a, "q", "new");
        talk(p);
        was_told(&p->b, "parted q, met q, heard q \"new\"");
        int place_a = 1, place_b = 1;
        assert_string_equal(p->a.neighbours.names[place_a], "q");
        assert_int_equal(other(&p->a)->talks[place_a].channel.epoch, other(&p->b)->talks[place_b].channel.epoch);
    }
    pair_free(p);
}

/* The one forgot epochs that the other remembers: the newer counts, and both begin once more. */
static void ends_that_remember_differently_find_together(void **state) {
    pair *p = pair_that_speaks_p(*state);
    takes_up(&p->a, "q", 1);
    takes_up(&p->b, "q", 1);
    talk(p);
    takes_away_last(&p->a);
    talk(p);
    other(&p->b)->talks[1].epoch = 40;
    p->a.told[0] = p->b.told[0] = '\0';
    takes_up(&p->a, "q", 2);
    says(&p->a, "q", "hello");
    talk_for(p, SL_SECOND);
    was_told(&p->b, "met q");
    was_told(&p->a, "met q, parted q, met q");
    assert_int_equal(other(&p->a)->talks[1].channel.epoch, 41);
    says(&p->a, "q", "hello");
    talk(p);
    was_told(&p->b, "heard q \"hello\"");
    pair_free(p);
}

static void more_protocols_than_places_come_and_go(void **state) {
    pair *p = pair_that_speaks_p(*state);
    for (uint8_t i = 1; i < 30; i++) {
        char name[8];
        snprintf(name, sizeof name, "q%u", i % 12u);
        takes_up(&p->a, name, i);
        takes_up(&p->b, name, i);
        talk(p);
        p->a.told[0] = p->b.told[0] = '\0';
        says(&p->a, name, "x");
        says(&p->b, "p", "y");
        talk(p);
        assert_non_null(strstr(p->b.told, "heard q"));
        was_told(&p->a, "heard p \"y\"");
        takes_away_last(&p->a);
        takes_away_last(&p->b);
        talk(p);
        p->a.told[0] = p->b.told[0] = '\0';
    }
    pair_free(p);
}

/* ---- links ---- */

static void a_list_that_died_with_its_link_is_said_at_once_on_the_next(void **state) {
    pair *p = pair_that_speaks_p(*state);
    open_link(p);
    talk(p);
    unsigned best = other(&p->a)->best == p->wa[0]->link ? 0 : 1;
    takes_up(&p->b, "q", 1);
    talk(p);
    p->lose = SL_FRAME_PROTOCOLS;
    takes_up(&p->a, "q", 1);
    talk(p);
    was_told(&p->b, "");
    p->lose = 0;
    sl_link_close(p->wa[best]->link, SL_CLOSE_BROKEN, false);
    talk(p);
    was_told(&p->b, "met q");
    was_told(&p->a, "met q");
    pair_free(p);
}

static void an_old_claim_takes_nothing_back(void **state) {
    pair *p = pair_that_speaks_p(*state);
    sl_claim old = p->a.end->claim;
    takes_up(&p->b, "q", 1);
    takes_up(&p->a, "q", 1);
    talk(p);
    p->a.told[0] = p->b.told[0] = '\0';
    sl_claim new = p->a.end->claim;
    p->a.end->claim = old; /* said long ago, and its link opens only now */
    p->links = 1;
    open_link(p);
    p->a.end->claim = new;
    talk(p);
    was_told(&p->b, "");
    assert_true(sl_neighbour_speaks(other(&p->b), "q"));
    pair_free(p);
}

/* Alice's FIN is lost: for her the second link is open, and bob has never seen the claim that was in it. */
static void a_claim_that_was_lost_is_no_telling(void **state) {
    pair *p = pair_that_speaks_p(*state);
    takes_up(&p->b, "q", 1);
    talk(p);
    p->lose = SL_FRAME_PROTOCOLS;
    takes_up(&p->a, "q", 1);
    talk(p);
    wire *a = link_new(p->a.end, "test://10.0.9.2:2", 1, 0), *b = link_new(p->b.end, "test://10.0.9.1:1", 0, 0);
    pass(a, b);
    pass(b, a);
    assert_int_equal(a->link->state, SL_LINK_UP);
    assert_int_equal(b->link->state, SL_LINK_OPENING);
    sl_link_close(a->link, SL_CLOSE_BROKEN, false);
    sl_link_close(b->link, SL_CLOSE_BROKEN, false);
    p->lose = 0;
    p->b.told[0] = '\0';
    talk_for(p, SL_SECOND);
    was_told(&p->b, "met q");
    pair_free(p);
}

/* The same the other way round: a link that opens with an old claim leaves it open what bob knows. */
static void an_old_claim_has_the_list_told_again(void **state) {
    pair *p = pair_that_speaks_p(*state);
    sl_claim old = p->a.end->claim;
    takes_up(&p->a, "q", 1);
    talk(p);
    sl_claim new = p->a.end->claim;
    p->a.end->claim = old;
    open_link(p);
    p->a.end->claim = new;
    p->seen[SL_FRAME_PROTOCOLS] = 0;
    talk(p);
    assert_int_equal(p->seen[SL_FRAME_PROTOCOLS], 1);
    pair_free(p);
}

static void a_claim_tells_what_was_taken_up_before_it(void **state) {
    pair *p = pair_new(*state);
    speak(&p->a, "p", 0);
    speak(&p->b, "p", 0);
    takes_up(&p->a, "q", 7);
    takes_up(&p->b, "q", 3);
    open_link(p);
    talk(p);
    was_told(&p->a, "up bob, with p, with q");
    was_told(&p->b, "up alice, with p, with q");
    assert_int_equal(p->seen[SL_FRAME_PROTOCOLS], 0);
    says(&p->a, "q", "seven");
    says(&p->b, "q", "three");
    talk(p);
    was_told(&p->a, "heard q \"three\"");
    was_told(&p->b, "heard q \"seven\"");
    sl_link_close(p->wa[0]->link, SL_CLOSE_BROKEN, false);
    was_told(&p->a, "down bob, without p, without q"); /* what ends is still known */
    pair_free(p);
}

/* Alice holds bob down after flaps; for bob she is up. What he takes up meanwhile is known when the hold ends, and what he
 * said in it is said anew. */
static void held_down(rig *g, uint32_t flags) {
    pair *p = pair_over(g, flags);
    takes_up(&p->a, "q", 1);
    talk(p);
    for (unsigned flap = 0; flap < 2; flap++) {
        sl_link_close(p->wa[flap]->link, SL_CLOSE_BROKEN, false);
        sl_link_close(p->wb[flap]->link, SL_CLOSE_GOODBYE, false);
        open_link(p);
    }
    talk(p);
    assert_int_equal(other(&p->a)->adjacency, 0);
    assert_int_not_equal(other(&p->b)->adjacency, 0);
    p->a.told[0] = p->b.told[0] = '\0';
    takes_up(&p->b, "q", 1);
    was_told(&p->b, "met q");
    says(&p->b, "q", "unheard");
    talk(p);
    was_told(&p->a, "");
    talk_for(p, 1500 * SL_MS);
    was_told(&p->a, "up bob, with p, with q");
    assert_non_null(strstr(p->b.told, "parted q, met q"));
    p->b.told[0] = '\0';
    says(&p->b, "q", "heard");
    talk(p);
    was_told(&p->a, "heard q \"heard\"");
    pair_free(p);
}

static void a_neighbour_that_is_held_down_is_understood_afterwards(void **state) {
    held_down(*state, 0);
}

static void and_on_a_stream_where_nothing_is_repeated(void **state) {
    held_down(*state, SLOW_LINK_STREAM);
}

/* One end took a namesake for its neighbour, and the neighbour comes back, which never noticed: it has a link all along. */
static void who_comes_back_after_a_namesake_is_understood(void **state) {
    pair *p = pair_over(*state, SLOW_LINK_STREAM);
    says(&p->b, "p", "before");
    talk(p);
    was_told(&p->a, "heard p \"before\"");
    other(&p->a)->start++; /* the namesake's */
    open_link(p);
    sl_link_close(p->wb[0]->link, SL_CLOSE_REPLACED, false);
    talk(p);
    was_told(&p->a, "down bob, without p, up bob, with p");
    says(&p->a, "p", "from here");
    talk(p);
    assert_non_null(strstr(p->b.told, "parted p, met p, heard p \"from here\""));
    says(&p->b, "p", "from there");
    talk(p);
    was_told(&p->a, "heard p \"from there\"");
    pair_free(p);
}

/* ---- one who makes us check too many signatures ---- */

/* For a second bob does not read what alice says. */
static void bob_has_read_too_much(pair *p) {
    sl_neighbour_spend(other(&p->b), SL_BUDGET_AT_ONCE + 1000);
    assert_true(sl_budget_is_spent(&other(&p->b)->budget, sl_now(p->rig->loop)));
}

/* The last `count` messages, in order, and each once. */
static void were_heard(side *s, unsigned count) {
    assert_int_equal(s->heard, count);
    assert_true(count == 0 || s->in_order);
}

static void says_many(side *s, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        char text[16];
        snprintf(text, sizeof text, "#%u", i);
        says(s, "p", text);
    }
}

static void nothing_is_lost_of_one_who_is_not_read(pair *p, enum sl_counter counted) {
    says(&p->a, "p", "before");
    talk(p);
    was_told(&p->b, "heard p \"before\"");
    bob_has_read_too_much(p);
    p->seen[SL_FRAME_ROUTE] = 0;
    says_many(&p->a, 200);
    talk_for(p, 900 * SL_MS);
    were_heard(&p->b, 0);
    assert_true(p->b.end->stats.count[counted] >= SL_CHANNEL_FLIGHT);
    assert_true(p->seen[SL_FRAME_ROUTE] <=
                10 * SL_CHANNEL_FLIGHT); /* it asks for no more, and waits longer each time */
    assert_true(other(&p->b)->talks[0].held_count <= SL_CHANNEL_FLIGHT);
    says(&p->b, "p", "the other way");
    talk(p);
    was_told(&p->a, "heard p \"the other way\"");
    talk_for(p, 200 * SL_MS);
    were_heard(&p->b, 200);
    assert_int_equal(other(&p->a)->talks[0].channel.bytes, 0);
    says(&p->a, "p", "after");
    talk(p);
    was_told(&p->b, "heard p \"after\"");
}

static void on_datagrams_it_says_it_again(void **state) {
    pair *p = pair_that_speaks_p(*state);
    nothing_is_lost_of_one_who_is_not_read(p, SL_drop_route_unread);
    assert_int_equal(p->b.end->stats.count[SL_routes_held], 0);
    pair_free(p);
}

static void on_a_stream_it_is_kept_for_it(void **state) {
    pair *p = pair_over(*state, SLOW_LINK_STREAM);
    nothing_is_lost_of_one_who_is_not_read(p, SL_routes_held);
    assert_int_equal(p->b.end->stats.count[SL_drop_route_unread], 0);
    pair_free(p);
}

/* Each message costs what there is. */
static void it_is_read_no_faster_than_the_budget_grows(void **state) {
    pair *p = pair_over(*state, SLOW_LINK_STREAM);
    p->b.costs = 50;
    bob_has_read_too_much(p);
    says_many(&p->a, 40);
    talk_for(p, 2 * SL_SECOND);
    assert_in_range(p->b.heard, 18, 22); /* the first second for nothing; then one in 50 ms */
    talk_for(p, 2 * SL_SECOND);
    were_heard(&p->b, 40);
    pair_free(p);
}

static void what_waited_is_forgotten_when_the_other_end_begins_anew(void **state) {
    pair *p = pair_over(*state, SLOW_LINK_STREAM);
    bob_has_read_too_much(p);
    says(&p->a, "p", "old");
    talk(p);
    assert_int_equal(other(&p->b)->talks[0].held_count, 1);
    other(&p->a)->talks[0].channel.overflowed = true;
    sl_talk_timer(other(&p->a));
    talk_for(p, 20 * SL_MS);
    was_told(&p->a, "parted p, met p");
    says(&p->a, "p", "new");
    talk_for(p, 2 * SL_SECOND);
    was_told(&p->b, "parted p, met p, heard p \"new\"");
    pair_free(p);
}

static void what_waited_goes_with_its_neighbour(void **state) {
    pair *p = pair_over(*state, SLOW_LINK_STREAM);
    bob_has_read_too_much(p);
    says_many(&p->a, 10);
    talk(p);
    sl_link_close(p->wb[0]->link, SL_CLOSE_SILENT, false);
    was_told(&p->b, "down alice, without p");
    talk_for(p, 2 * SL_SECOND);
    were_heard(&p->b, 0);
    assert_true(sl_budget_ready_at(&other(&p->b)->budget) > 0); /* coming back would not make it new */
    pair_free(p);
}

/* For whoever begins anew the strategy forgets, and says all that it knows: 6,000 times in a moment is too often. */
enum { ANEW = 6000, ANEW_MOST = SL_BUDGET_AT_ONCE / SL_BUDGET_ANEW + 1 };

static void is_begun_anew_within_the_budget(pair *p, enum sl_frame_kind kind) {
    uint8_t epoch = other(&p->b)->talks[0].channel.epoch;
    for (uint32_t i = 0; i < ANEW; i++) {
        sl_route_frame frame = {.epoch = ++epoch, .seq = 1, .message = {(const uint8_t *)"x", 1}};
        if (kind == SL_FRAME_ROUTE)
            sl_neighbours_route(&p->b.neighbours, p->wb[0]->link, &frame);
        else
            sl_neighbours_route_ack(&p->b.neighbours, p->wb[0]->link, &frame);
    }
    assert_in_range(p->b.begun, 2, ANEW_MOST);
    talk_for(p, 2 * SL_SECOND);
    assert_in_range(p->b.begun, 3, ANEW_MOST + 2 * SL_SECOND / (SL_BUDGET_ANEW * SL_BUDGET_EACH_NS) + 1);
    p->a.told[0] = p->b.told[0] = '\0';
    says(&p->a, "p", "one"); /* lost, where the epochs differ */
    talk_for(p, 2 * SL_SECOND);
    p->a.told[0] = p->b.told[0] = '\0';
    says(&p->a, "p", "two");
    talk_for(p, 2 * SL_SECOND);
    was_told(&p->b, "heard p \"two\"");
    pair_free(p);
}

static void who_begins_anew_without_end_is_not_read(void **state) {
    is_begun_anew_within_the_budget(pair_that_speaks_p(*state), SL_FRAME_ROUTE);
}

static void nor_on_a_stream(void **state) {
    is_begun_anew_within_the_budget(pair_over(*state, SLOW_LINK_STREAM), SL_FRAME_ROUTE);
}

static void nor_if_it_only_acknowledges(void **state) {
    is_begun_anew_within_the_budget(pair_over(*state, SLOW_LINK_STREAM), SL_FRAME_ROUTE_ACK);
}

/* Who says goodbye, or starts anew, is not held down as one whose link breaks is: so this is the end of it. */
static void who_comes_and_goes_without_end_waits_at_last(void **state) {
    pair *p = pair_that_speaks_p(*state);
    for (uint32_t i = 0; i < 180; i++) { /* LINKS is 400 */
        wait_for(p->rig, 25 * SL_MS);    /* more than 50 a second would be asked for cookies */
        if (i % 2 == 0)
            p->a.end->claim.start++;
        sl_link_close(p->wa[0]->link, SL_CLOSE_GOODBYE, false);
        sl_link_close(p->wb[0]->link, SL_CLOSE_GOODBYE, false);
        p->links = 0;
        open_link(p);
    }
    assert_in_range(p->b.ups, ANEW_MOST, ANEW_MOST + 180 * 25 / SL_BUDGET_ANEW + 1);
    talk_for(p, SL_SECOND);
    assert_int_not_equal(other(&p->b)->adjacency, 0);
    pair_free(p);
}

static void lists_that_change_without_end_are_read_within_the_budget(void **state) {
    pair *p = pair_that_speaks_p(*state);
    sl_protocols list = other(&p->b)->protocols;
    for (uint32_t i = 0; i < ANEW; i++) {
        list.generation++;
        list.number[0]++;
        sl_neighbours_protocols(&p->b.neighbours, p->wb[0]->link, &list);
    }
    assert_in_range(p->b.begun, 2, ANEW_MOST);
    talk_for(p, SL_SECOND);
    list.generation++; /* it is told again until somebody says that it came */
    list.number[0]++;
    sl_neighbours_protocols(&p->b.neighbours, p->wb[0]->link, &list);
    assert_int_equal(other(&p->b)->protocols.generation, list.generation);
    pair_free(p);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_both_take_up_begins_at_both),
        TEST(a_list_is_told_until_it_is_known_to_have_come),
        TEST(a_list_that_comes_late_or_twice_changes_nothing),
        TEST(a_list_that_cannot_be_is_dropped_and_counted),
        TEST(nobody_can_acknowledge_what_was_not_said),
        TEST(last_words_come_before_the_end),
        TEST(what_came_back_is_new_though_its_absence_was_not_heard_of),
        TEST(ends_that_remember_differently_find_together),
        TEST(more_protocols_than_places_come_and_go),
        TEST(a_list_that_died_with_its_link_is_said_at_once_on_the_next),
        TEST(an_old_claim_takes_nothing_back),
        TEST(a_claim_that_was_lost_is_no_telling),
        TEST(an_old_claim_has_the_list_told_again),
        TEST(a_claim_tells_what_was_taken_up_before_it),
        TEST(a_neighbour_that_is_held_down_is_understood_afterwards),
        TEST(and_on_a_stream_where_nothing_is_repeated),
        TEST(who_comes_back_after_a_namesake_is_understood),
        TEST(on_datagrams_it_says_it_again),
        TEST(on_a_stream_it_is_kept_for_it),
        TEST(it_is_read_no_faster_than_the_budget_grows),
        TEST(what_waited_is_forgotten_when_the_other_end_begins_anew),
        TEST(what_waited_goes_with_its_neighbour),
        TEST(who_begins_anew_without_end_is_not_read),
        TEST(nor_on_a_stream),
        TEST(nor_if_it_only_acknowledges),
        TEST(who_comes_and_goes_without_end_waits_at_last),
        TEST(lists_that_change_without_end_are_read_within_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
