/* SPDX-License-Identifier: BSD-3-Clause */
#include "util/config.h"
#include "util/compiler.h"
#include "util/config_parse.h"
#include "util/help.h"
#include "util/log.h"
#include "util/nearest.h"

#include <sys/rsm/rsm_common.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_NAME_MAX 64
#define CONFIG_FORM_MAX 256

rsmi_config_t rsmi_config;

typedef struct {
    rsmi_config_row_t row; /* without value */
    size_t offset;         /* of the field in rsmi_config_t */
    rsmi_config_parse_func_t parse;
} config_entry_t;

static const config_entry_t config_table[] = {
#define RSMI_VAR(field, name, kind, initial, range, level, help)     \
    {{name, #kind, initial, range, level, help, NULL, false, false}, \
     offsetof(rsmi_config_t, field),                                 \
     rsmi_config_parse_##kind},
#include "util/config_vars.def"
#undef RSMI_VAR
};

#define CONFIG_COUNT RSMI_COUNT_OF(config_table)

/* Copies of the values: the program may change its environment. */
static char *config_texts[CONFIG_COUNT];

static const char *config_getenv(const config_entry_t *entry)
{
    if (entry->parse == rsmi_config_parse_path) {
        return secure_getenv(entry->row.name);
    }
    return getenv(entry->row.name);
}

/* What a value must look like, in words. */
static const char *config_form(const config_entry_t *entry, char *form,
                               size_t size)
{
    const char *range = entry->row.range;

    if (entry->parse == rsmi_config_parse_bool) {
        return "y, yes, on, true, 1 or n, no, off, false, 0";
    }
    if (entry->parse == rsmi_config_parse_choice) {
        (void)snprintf(form, size, "one of %s", range);
    } else if (entry->parse == rsmi_config_parse_number) {
        (void)snprintf(form, size, "a number in the range %s", range);
    } else if (entry->parse == rsmi_config_parse_time) {
        (void)snprintf(form, size,
                       "a time in the range %s, with one of the units us, ms, "
                       "s, m, h (seconds without)",
                       range);
    } else {
        return range;
    }
    return form;
}

static void config_report_bad(const config_entry_t *entry, const char *text,
                              bool is_first)
{
    char form[CONFIG_FORM_MAX];
    const char *accepted = config_form(entry, form, sizeof(form));

    if (is_first) {
        rsmi_help(RSMI_HELP_BAD_VALUE, entry->row.name, text, accepted);
    } else { /* a help message appears once */
        rsmi_error("config", "variable %s has the value \"%s\", accepted is %s",
                   entry->row.name, text, accepted);
    }
}

/* Whether the @p len letters at @p name stand for a variable of another part
 * of the software, or for one of ours. */
static bool config_is_known(const char *name, size_t len)
{
    static const char *const foreign[] = {"RSM_MPI", "RSM_TEST_", "RSM_BENCH_"};
    size_t idx;

    for (idx = 0; idx < RSMI_COUNT_OF(foreign); idx++) {
        if (strncmp(name, foreign[idx], strlen(foreign[idx])) == 0) {
            return true;
        }
    }
    for (idx = 0; idx < CONFIG_COUNT; idx++) {
        if ((strlen(config_table[idx].row.name) == len) &&
            (strncmp(config_table[idx].row.name, name, len) == 0)) {
            return true;
        }
    }
    return false;
}

static const char *config_nearest(const char *name)
{
    const char *names[CONFIG_COUNT];
    size_t idx;

    for (idx = 0; idx < CONFIG_COUNT; idx++) {
        names[idx] = config_table[idx].row.name;
    }
    return rsmi_nearest(name, names, CONFIG_COUNT);
}

const char *rsmi_config_next_unknown(size_t *cursor_p, const char **nearest_p)
{
    char name[CONFIG_NAME_MAX];
    const char *variable;
    size_t len;

    while ((environ != NULL) && (environ[*cursor_p] != NULL)) {
        variable = environ[(*cursor_p)++];
        len = strcspn(variable, "=");
        if ((strncmp(variable, "RSM_", 4) == 0) &&
            !config_is_known(variable, len)) {
            (void)snprintf(name, sizeof(name), "%.*s", (int)len, variable);
            *nearest_p = config_nearest(name);
            return variable;
        }
    }
    return NULL;
}

static void config_warn_unknown(void)
{
    char name[CONFIG_NAME_MAX];
    const char *variable;
    const char *nearest;
    bool is_first = true;
    size_t cursor = 0;

    while ((variable = rsmi_config_next_unknown(&cursor, &nearest)) != NULL) {
        (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(variable, "="),
                       variable);
        if (nearest == NULL) {
            nearest = "none";
        }
        if (is_first) {
            rsmi_help(RSMI_HELP_UNKNOWN_VARIABLE, name, nearest);
        } else { /* a help message appears once */
            rsmi_warn("config", "variable %s is unknown, nearest known name %s",
                      name, nearest);
        }
        is_first = false;
    }
}

int rsmi_config_load(bool warn)
{
    int rc = RSM_SUCCESS;
    const config_entry_t *entry;
    const char *text;
    size_t idx;
    void *field;

    for (idx = 0; idx < CONFIG_COUNT; idx++) {
        entry = &config_table[idx];
        field = (char *)&rsmi_config + entry->offset;
        (void)entry->parse(entry->row.initial, entry->row.range, field);
        free(config_texts[idx]);
        config_texts[idx] = NULL;

        text = config_getenv(entry);
        if (text == NULL) {
            continue;
        }
        config_texts[idx] = strdup(text);
        if (config_texts[idx] == NULL) {
            return RSMERR_INSUFFICIENT_MEM;
        }
        if (!entry->parse(config_texts[idx], entry->row.range, field)) {
            config_report_bad(entry, text, rc == RSM_SUCCESS);
            rc = RSMERR_BAD_CONF;
        }
    }

    if (warn) {
        config_warn_unknown();
    }
    return rc;
}

size_t rsmi_config_count(void)
{
    return CONFIG_COUNT;
}

void rsmi_config_row(size_t idx, rsmi_config_row_t *row_p)
{
    const config_entry_t *entry = &config_table[idx];
    const char *text = config_getenv(entry);
    union { /* room for a value of any kind */
        bool flag;
        int word;
        int64_t number;
        const char *text;
    } scratch;

    *row_p = entry->row;
    row_p->is_set = (text != NULL);
    row_p->value = (text != NULL) ? text : entry->row.initial;
    row_p->is_valid = entry->parse(row_p->value, entry->row.range, &scratch);
}
