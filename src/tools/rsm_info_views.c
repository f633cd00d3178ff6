/* SPDX-License-Identifier: BSD-3-Clause */
/* Views that need no running library: version, build, config. */
#include "rsm_info.h"

#include "rsm_build.h"
#include "util/config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

int view_version(info_t *info)
{
    struct utsname system;

    info_begin(info, "version", "version");
    info_text(info, "rsm_info", "%s", RSMX_VERSION_STRING);
    info_text(info, "librsm", "%s", rsmx_version());
    info_number(info, "rsmapi", RSM_VERSION);
    if (uname(&system) == 0) {
        info_text(info, "system", "%s %s %s", system.sysname, system.release,
                  system.machine);
    }
    info_end(info);
    return EXIT_SUCCESS;
}

static const char *or_none(const char *text)
{
    return (text[0] != '\0') ? text : "none";
}

int view_build(info_t *info)
{
    info_begin(info, "build", "build");
    info_text(info, "type", "%s", or_none(RSM_BUILD_TYPE));
    info_text(info, "compiler", "%s", RSM_BUILD_COMPILER);
    info_text(info, "flags", "%s", or_none(RSM_BUILD_FLAGS));
    info_text(info, "sanitizer", "%s", or_none(RSM_BUILD_SANITIZE));
    info_text(info, "target", "%s", RSM_BUILD_SYSTEM);
    info_text(info, "prefix", "%s", RSM_BUILD_PREFIX);
    info_text(info, "ucx", "%s", RSM_BUILD_UCX);
    info_text(info, "pmix", "%s", RSM_BUILD_PMIX);
    info_text(info, "hwloc", "%s", RSM_BUILD_HWLOC);
    info_end(info);
    return EXIT_SUCCESS;
}

static void config_print(info_t *info, const rsmi_config_row_t *row)
{
    const char *source = row->is_set ? "environment" : "default";

    if (info->is_json) {
        info_begin(info, NULL, NULL);
        info_text(info, "name", "%s", row->name);
        info_text(info, "value", "%s", row->value);
        info_text(info, "source", "%s", source);
        info_flag(info, "valid", row->is_valid);
        info_text(info, "default", "%s", row->initial);
        info_text(info, "accepts", "%s", row->range);
        info_text(info, "kind", "%s", row->kind);
        info_text(info, "level", "%s", row->level);
        info_text(info, "help", "%s", row->help);
        info_end(info);
        return;
    }

    (void)fprintf(info->stream, "  %s=%s\n      ", row->name, row->value);
    info_wrap(info, 6, "%s", row->help);
    (void)fprintf(info->stream, "      ");
    if (!row->is_valid) {
        info_wrap(info, 6, "THE VALUE IS NOT ACCEPTED; accepts %s", row->range);
    } else if (row->is_set) {
        info_wrap(info, 6, "%s, accepts %s; set, default is \"%s\"", row->level,
                  row->range, row->initial);
    } else {
        info_wrap(info, 6, "%s, accepts %s", row->level, row->range);
    }
}

/* UCX reads its own variables; we never change them. */
static void config_print_ucx(info_t *info)
{
    char **variable;
    size_t len;

    info_begin_list(info, "ucx", NULL);
    for (variable = environ; (variable != NULL) && (*variable != NULL);
         variable++) {
        if (strncmp(*variable, "UCX_", 4) != 0) {
            continue;
        }
        if (!info->is_json) {
            (void)fprintf(info->stream, "  %s\n      read by UCX\n", *variable);
            continue;
        }
        len = strcspn(*variable, "=");
        info_begin(info, NULL, NULL);
        info_text(info, "name", "%.*s", (int)len, *variable);
        info_text(info, "value", "%s",
                  *variable + len + ((*variable)[len] == '='));
        info_end(info);
    }
    info_end(info);
}

static void config_print_unknown(info_t *info)
{
    const char *variable;
    const char *nearest;
    size_t cursor = 0;

    info_begin_list(info, "unknown", NULL);
    while ((variable = rsmi_config_next_unknown(&cursor, &nearest)) != NULL) {
        if (info->is_json) {
            info_begin(info, NULL, NULL);
            info_text(info, "name", "%.*s", (int)strcspn(variable, "="),
                      variable);
            info_text(info, "nearest", "%s", (nearest != NULL) ? nearest : "");
            info_end(info);
        } else {
            (void)fprintf(info->stream,
                          "  %s\n      unknown and ignored; nearest known "
                          "name: %s\n",
                          variable, (nearest != NULL) ? nearest : "none");
        }
    }
    info_end(info);
}

int view_config(info_t *info)
{
    rsmi_config_row_t row;
    size_t idx;

    info_begin(info, "config", "config");
    info_begin_list(info, "variables", NULL);
    for (idx = 0; idx < rsmi_config_count(); idx++) {
        rsmi_config_row(idx, &row);
        config_print(info, &row);
    }
    info_end(info);
    config_print_ucx(info);
    config_print_unknown(info);
    info_end(info);
    return EXIT_SUCCESS;
}
