/* SPDX-License-Identifier: BSD-3-Clause */
#include "util/config_parse.h"
#include "util/compiler.h"

#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct {
    const char *name;
    int64_t factor;
} config_unit_t;

static const config_unit_t config_number_units[] = {
    {"", 1},
    {"k", INT64_C(1) << 10},
    {"m", INT64_C(1) << 20},
    {"g", INT64_C(1) << 30},
    {"t", INT64_C(1) << 40},
    {NULL, 0},
};

/* in microseconds */
static const config_unit_t config_time_units[] = {
    {"", 1000000},  {"us", 1},       {"ms", 1000},
    {"s", 1000000}, {"m", 60000000}, {"h", INT64_C(3600000000)},
    {NULL, 0},
};

bool rsmi_config_parse_bool(const char *text, const char *range, void *field)
{
    static const char *const words[] = {"n",  "y", "no", "yes",   "off",
                                        "on", "0", "1",  "false", "true"};
    size_t idx;

    (void)range;
    for (idx = 0; idx < RSMI_COUNT_OF(words); idx++) {
        if (strcasecmp(text, words[idx]) == 0) {
            *(bool *)field = (idx % 2 == 1);
            return true;
        }
    }
    return false;
}

bool rsmi_config_parse_choice(const char *text, const char *range, void *field)
{
    size_t len;
    int idx;

    for (idx = 0;; idx++) {
        len = strcspn(range, "|");
        if ((len == strlen(text)) && (strncasecmp(text, range, len) == 0)) {
            *(int *)field = idx;
            return true;
        }
        if (range[len] == '\0') {
            return false;
        }
        range += len + 1;
    }
}

/* Digits and a unit, up to @p end. */
static bool config_scan(const char *text, const char *end,
                        const config_unit_t *unit, int64_t *value_p)
{
    int64_t value = 0;

    if ((text == end) || !isdigit((unsigned char)*text)) {
        return false;
    }
    for (; (text < end) && isdigit((unsigned char)*text); text++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *text - '0', &value)) {
            return false;
        }
    }

    for (; unit->name != NULL; unit++) {
        if ((strlen(unit->name) == (size_t)(end - text)) &&
            (strncasecmp(unit->name, text, (size_t)(end - text)) == 0)) {
            return !__builtin_mul_overflow(value, unit->factor, value_p);
        }
    }
    return false;
}

/* @p range is "least..most", in the same notation as the value. */
static bool config_scan_in_range(const char *text, const char *range,
                                 const config_unit_t *units, int64_t *value_p)
{
    const char *dots = strstr(range, "..");
    int64_t least, most;

    return config_scan(text, text + strlen(text), units, value_p) &&
           (dots != NULL) && config_scan(range, dots, units, &least) &&
           config_scan(dots + 2, range + strlen(range), units, &most) &&
           (*value_p >= least) && (*value_p <= most);
}

bool rsmi_config_parse_number(const char *text, const char *range, void *field)
{
    int64_t value;

    if (!config_scan_in_range(text, range, config_number_units, &value)) {
        return false;
    }
    *(int64_t *)field = value;
    return true;
}

bool rsmi_config_parse_time(const char *text, const char *range, void *field)
{
    int64_t value;

    if (!config_scan_in_range(text, range, config_time_units, &value)) {
        return false;
    }
    *(int64_t *)field = (value + 999) / 1000;
    return true;
}

bool rsmi_config_parse_path(const char *text, const char *range, void *field)
{
    (void)range;
    *(const char **)field = text;
    return true;
}

/* One processor number; how many digits it has. Six are more processors than
 * any kernel supports. */
static size_t config_cpu_digits(const char *text)
{
    size_t len = strspn(text, "0123456789");

    return (len <= 6) ? len : 0;
}

/* "8" or "0-3": how many letters it has, 0 when it is neither. */
static size_t config_scan_cpus(const char *text)
{
    size_t len = config_cpu_digits(text);
    size_t last;

    if ((len == 0) || (text[len] != '-')) {
        return len;
    }
    last = config_cpu_digits(text + len + 1);
    if ((last == 0) ||
        (strtol(text + len + 1, NULL, 10) < strtol(text, NULL, 10))) {
        return 0;
    }
    return len + 1 + last;
}

/* "sci0=ucx0": how many letters it has, 0 when it is something else. */
static size_t config_scan_alias(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_-.";
    size_t alias = strspn(text, letters);
    size_t target;

    if ((alias == 0) || (text[alias] != '=')) {
        return 0;
    }
    target = strspn(text + alias + 1, letters);
    return (target != 0) ? alias + 1 + target : 0;
}

/* Nothing, or items with commas between them. */
static bool config_is_list(const char *text, size_t (*scan)(const char *text))
{
    size_t len;

    if (*text == '\0') {
        return true;
    }
    for (;; text++) {
        len = scan(text);
        text += len;
        if ((len == 0) || (*text == '\0')) {
            return len != 0;
        }
        if (*text != ',') {
            return false;
        }
    }
}

bool rsmi_config_parse_cpulist(const char *text, const char *range, void *field)
{
    return config_is_list(text, config_scan_cpus) &&
           rsmi_config_parse_path(text, range, field);
}

bool rsmi_config_parse_aliases(const char *text, const char *range, void *field)
{
    return config_is_list(text, config_scan_alias) &&
           rsmi_config_parse_path(text, range, field);
}
