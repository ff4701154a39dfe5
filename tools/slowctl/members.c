/* Who may be in the network of a running router, who is, and what was refused. */
#include "slowctl.h"
#include "table.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

static const double PATIENCE_S = 10;

static void add_roles(table *t, const json_t *who) {
    char text[64] = "";
    size_t i;
    const json_t *role;
    json_array_foreach(json_object_get(who, "roles"), i, role) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s", used > 0 ? "," : "", json_string_value(role));
    }
    table_add(t, "%s", text);
}

/* "-" = it has no end. */
static void until_text(const json_t *who, char text[32]) {
    time_t when = (time_t)number_of(who, "until");
    struct tm parts;
    strcpy(text, "-");
    if (when != 0 && gmtime_r(&when, &parts) != NULL)
        strftime(text, 32, "%Y-%m-%d %H:%M", &parts);
}

static void add_until(table *t, const json_t *who) {
    char text[32];
    until_text(who, text);
    table_add(t, "%s", text);
}

/* Is somebody with this key in the list? */
static bool has_key(const json_t *list, const char *key) {
    size_t i;
    const json_t *who;
    json_array_foreach(list, i, who) if (strcmp(text_of(who, "key"), key) == 0) return true;
    return false;
}

/* What lets it in, or keeps it out. */
static const char *by_what(const json_t *answer, const json_t *who) {
    if (json_is_true(json_object_get(who, "revoked")))
        return "revoked";
    if (has_key(json_object_get(answer, "members"), text_of(who, "key")))
        return "members";
    return json_array_size(json_object_get(answer, "authority")) > 0 ? "certificate" : "fingerprint";
}

static void add_row(table *t, const json_t *answer, const json_t *who) {
    const char *key = text_of(who, "key");
    bool itself = strcmp(key, text_of(answer, "key")) == 0;
    table_add(t, "%s", text_of(who, "id"));
    table_add(t, "%s", key);
    add_roles(t, who);
    add_until(t, who);
    table_add(t, "%s", by_what(answer, who));
    table_add(t, "%s", itself ? "itself" : has_key(json_object_get(answer, "linked"), key) ? "yes" : "no");
    table_add(t, "%s", itself ? "itself" : has_key(json_object_get(answer, "paired"), key) ? "yes" : "no");
}

static void print_refused(const json_t *answer) {
    const char *reason;
    json_t *count;
    bool any = false;
    json_object_foreach(json_object_get(answer, "refused"), reason, count) if (json_integer_value(count) > 0) {
        printf("%s %s %lld", any ? "," : "refused:", reason, (long long)json_integer_value(count));
        any = true;
    }
    puts(any ? "" : "refused: nobody");
}

/* Everybody once: those of the config, then who else is linked, then who else is paired. */
static void print_members(const json_t *answer) {
    static const char *const lists[] = {"members", "linked", "paired"};
    size_t i;
    const json_t *who;
    char until[32];
    table t;
    if (!json_is_true(json_object_get(answer, "closed"))) {
        puts("this junction has no identity: everybody may be its neighbour");
        return;
    }
    printf("%s in the network %s, key %s, fingerprint %s\n", text_of(answer, "id"), text_of(answer, "network"),
           text_of(answer, "key"), text_of(answer, "fingerprint"));
    until_text(answer, until);
    if (strcmp(until, "-") != 0)
        printf("its own certificate runs out at %s UTC\n", until);
    json_array_foreach(json_object_get(answer, "authority"), i, who) printf("authority %s\n", json_string_value(who));
    table_begin(&t, (const char *const[]){"ID", "KEY", "ROLES", "UNTIL", "BY", "LINKED", "PAIRED", NULL});
    for (size_t list = 0; list < 3; list++)
        json_array_foreach(json_object_get(answer, lists[list]), i, who) {
            bool shown = false;
            for (size_t earlier = 0; earlier < list; earlier++)
                shown |= has_key(json_object_get(answer, lists[earlier]), text_of(who, "key"));
            if (!shown)
                add_row(&t, answer, who);
        }
    table_end(&t, 0);
    printf("revoked keys: %lld\n", number_of(answer, "revoked"));
    print_refused(answer);
}

int members(const request *r) {
    if (r->operand_count == 0)
        return finish(r, client_get(r->client, "/v1/members", PATIENCE_S), print_members);
    if (strcmp(r->operands[0], "reload") != 0)
        return mistake("expected slowctl members [reload], not members ", r->operands[0]);
    return finish(r, client_post(r->client, "/v1/members/reload", "", 0, PATIENCE_S), print_members);
}
