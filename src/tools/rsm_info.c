/* SPDX-License-Identifier: BSD-3-Clause */
/* rsm_info: what this copy of librsm is, how it is set up, what it finds on
 * this host, and whether it works here. */
#include "rsm_info.h"

#include "util/nearest.h"

#include <stdlib.h>
#include <string.h>

#define STATUS_USAGE 2

typedef struct {
    const char *name;
    int (*func)(info_t *info);
    const char *help;
} info_view_t;

static const info_view_t info_views[] = {
    {"version", view_version, "versions of this program and of the library"},
    {"build", view_build, "how they were built"},
    {"config", view_config, "every variable: value, default, meaning"},
    {"devices", view_devices, "the controllers and what they can do"},
    {"topology", view_topology, "this host, and which nodes can be reached"},
    {"check", view_check, "whether everything works here, and what to mend"},
};

#define VIEW_COUNT RSMI_COUNT_OF(info_views)

typedef struct {
    bool is_json;
    bool wants_help;
    bool wants_version;
    bool wants_view[VIEW_COUNT];
    bool wants_any_view;
} info_options_t;

static void print_help(void)
{
    size_t idx;

    printf("Usage: rsm_info [--json] [VIEW...]\n\n"
           "Says what librsm is and finds on this host. Views (all when none "
           "is given):\n\n");
    for (idx = 0; idx < VIEW_COUNT; idx++) {
        printf("  %-10s %s\n", info_views[idx].name, info_views[idx].help);
    }
    printf("\n"
           "  --json     print one JSON object with a member for each view\n"
           "  --help     print this text\n"
           "  --version  print the version\n\n"
           "Started by mpirun, it says what a process of a job finds.\n"
           "Exit status: 0 all is well, 1 a check failed or the library does "
           "not start,\n2 the command line is wrong.\n");
}

static int refuse(const char *kind, const char *word, const char *nearest)
{
    if (nearest != NULL) {
        fprintf(stderr,
                "rsm_info: there is no %s \"%s\"; did you mean "
                "\"%s\"?\n",
                kind, word, nearest);
    } else {
        fprintf(stderr,
                "rsm_info: there is no %s \"%s\"; \"rsm_info --help\" lists "
                "what there is.\n",
                kind, word);
    }
    return STATUS_USAGE;
}

static int parse_option(const char *word, info_options_t *options)
{
    static const char *const names[] = {"--json", "--help", "--version"};

    if (strcmp(word, "--json") == 0) {
        options->is_json = true;
    } else if ((strcmp(word, "--help") == 0) || (strcmp(word, "-h") == 0)) {
        options->wants_help = true;
    } else if ((strcmp(word, "--version") == 0) || (strcmp(word, "-V") == 0)) {
        options->wants_version = true;
    } else {
        return refuse("option", word,
                      rsmi_nearest(word, names, RSMI_COUNT_OF(names)));
    }
    return 0;
}

static int parse_view(const char *word, info_options_t *options)
{
    const char *names[VIEW_COUNT];
    size_t idx;

    for (idx = 0; idx < VIEW_COUNT; idx++) {
        names[idx] = info_views[idx].name;
        if (strcmp(word, names[idx]) == 0) {
            options->wants_view[idx] = true;
            options->wants_any_view = true;
            return 0;
        }
    }
    return refuse("view", word, rsmi_nearest(word, names, VIEW_COUNT));
}

static int parse(int argc, char **argv, info_options_t *options)
{
    bool is_end = false; /* "--" was seen */
    int status = 0;
    int idx;

    for (idx = 1; (idx < argc) && (status == 0); idx++) {
        if (!is_end && (strcmp(argv[idx], "--") == 0)) {
            is_end = true;
        } else if (!is_end && (argv[idx][0] == '-')) {
            status = parse_option(argv[idx], options);
        } else {
            status = parse_view(argv[idx], options);
        }
    }
    return status;
}

static int run_views(const info_options_t *options)
{
    int status = EXIT_SUCCESS;
    bool is_first = true;
    info_t info;
    size_t idx;

    info_open(&info, stdout, options->is_json);
    for (idx = 0; idx < VIEW_COUNT; idx++) {
        if (options->wants_any_view && !options->wants_view[idx]) {
            continue;
        }
        if (!is_first && !options->is_json) {
            putchar('\n');
        }
        is_first = false;
        if (info_views[idx].func(&info) != EXIT_SUCCESS) {
            status = EXIT_FAILURE;
        }
    }
    if (!info_close(&info)) {
        perror("rsm_info: standard output");
        status = EXIT_FAILURE;
    }
    return status;
}

int main(int argc, char **argv)
{
    info_options_t options = {0};
    int status = parse(argc, argv, &options);

    if (status != 0) {
        return status;
    }
    if (options.wants_help) {
        print_help();
        return EXIT_SUCCESS;
    }
    if (options.wants_version) {
        printf("rsm_info %s\n", RSMX_VERSION_STRING);
        return EXIT_SUCCESS;
    }
    return run_views(&options);
}
