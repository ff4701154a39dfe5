/* slow-sim compare: strategies beside each other on one or several networks, as a page to look at. */
#include "experiment.h"
#include "report.h"
#include "slow_sim.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATHS = 100 }; /* of each kind, for the map */

/* What was asked, so that a reader can do it again. */
static void put_command(const experiment *e, int argc, char **argv, sl_json_writer *out) {
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (stream == NULL)
        abort();
    fprintf(stream, "slow-sim %s", e->command);
    for (int i = 1; i < argc; i++)
        fprintf(stream, strpbrk(argv[i], " '\"\\$`;&|<>()*?") != NULL ? " '%s'" : " %s", argv[i]);
    fclose(stream);
    sl_json_key(out, "command");
    sl_json_put_text(out, text, size);
    free(text);
}

/* One network under all strategies, as an object of the page's and one for each strategy of the figures. */
static int compare_one(const experiment *e, int number, sl_json_writer *page, sl_json_writer *figures) {
    int code = EXIT_SUCCESS;
    sim_topology *topology = experiment_topology(e, number);
    if (topology == NULL)
        return EXIT_USAGE;
    sl_json_begin(page, '{');
    sim_map_write(topology, page);
    sl_json_key(page, "runs");
    sl_json_begin(page, '[');
    for (uint32_t i = 0; i < e->strategy_count && code != EXIT_USAGE; i++) {
        sim_figures *found = experiment_run(e, topology, i, PATHS);
        if (found == NULL) {
            code = EXIT_USAGE;
            break;
        }
        sim_figures_write_drawings(found, page);
        sim_figures_write(found, figures);
        code |= experiment_verdict(e, found);
        sim_figures_free(found);
    }
    sl_json_end(page, ']');
    sl_json_end(page, '}');
    sim_topology_free(topology);
    return code;
}

static int cannot_write(const experiment *e) {
    complain("--html: %s cannot be written: %s", e->html, strerror(errno));
    return EXIT_USAGE;
}

/* Before minutes are spent on figures that could not be put anywhere. What is in the file stays until the page is made. */
static int try_page(const experiment *e) {
    FILE *out = fopen(e->html, "a");
    return out == NULL || fclose(out) != 0 ? cannot_write(e) : 0;
}

static int write_page(const experiment *e, sl_json_writer *page) {
    char *data = sl_json_take(page, NULL);
    if (data == NULL)
        abort();
    FILE *out = fopen(e->html, "w");
    bool written = out != NULL && report_write(out, data);
    if (out != NULL && fclose(out) != 0)
        written = false;
    free(data);
    return written ? EXIT_SUCCESS : cannot_write(e);
}

int compare_command(int argc, char **argv) {
    experiment e;
    int code = experiment_read(&e, "compare", argc, argv);
    if (code != 0)
        return code < 0 ? EXIT_SUCCESS : code;
    if (e.html == NULL && !e.json) {
        complain("where to? Expected --html FILE, or --json; see slow-sim compare --help");
        return EXIT_USAGE;
    }
    if (e.html != NULL && (code = try_page(&e)) != 0)
        return code;
    sl_json_writer page = {.text = NULL}, figures = {.text = NULL};
    sl_json_begin(&page, '{');
    put_command(&e, argc, argv, &page);
    sl_json_key(&page, "topologies");
    sl_json_begin(&page, '[');
    sl_json_begin(&figures, '[');
    for (int i = 0; i < e.topology_count && code != EXIT_USAGE; i++) {
        int one = compare_one(&e, i, &page, &figures);
        code = one == EXIT_USAGE ? one : code | one;
    }
    sl_json_end(&figures, ']');
    sl_json_end(&page, ']');
    sl_json_end(&page, '}');
    if (code != EXIT_USAGE && e.html != NULL && write_page(&e, &page) != EXIT_SUCCESS)
        code = EXIT_USAGE;
    char *text = sl_json_take(&figures, NULL);
    if (code != EXIT_USAGE && e.json && text != NULL)
        puts(text);
    else if (code != EXIT_USAGE && !e.json)
        printf("%s: open it in a browser\n", e.html);
    free(text);
    sl_json_writer_free(&page);
    return code;
}
