/* SPDX-License-Identifier: BSD-3-Clause */
/* The RSM_* variables. config_vars.def holds one row for each; storage,
 * parser, rsm_info, the manual page rsm_environment(7) and the warning about
 * unknown names are all made from it. */
#ifndef RSMI_CONFIG_H
#define RSMI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    RSMI_BOOT_AUTO,
    RSMI_BOOT_PMIX,
    RSMI_BOOT_SINGLE
} rsmi_boot_kind_t;
typedef enum { RSMI_LOST_END, RSMI_LOST_CONTINUE } rsmi_lost_action_t;

/* Kinds of value, and how they are stored:
 *   bool     bool; y yes on true 1, n no off false 0
 *   choice   int, index of the word in the row's list
 *   number   int64_t; k, m, g, t after the digits multiply by powers of 1024
 *   time     int64_t milliseconds, rounded up; us, ms, s, m, h after the
 *            digits, seconds without
 *   path     const char *; ignored in programs that run with other rights than
 *            their caller's (set-user-ID), who could overwrite files with it
 *   cpulist  const char *, checked to be like 0-3,8 or empty
 *   aliases  const char *, checked to be like sci0=ucx0,wrsm0=ucx0 or empty
 * Case does not count in words and units. */
#define RSMI_CONFIG_TYPE_bool    bool
#define RSMI_CONFIG_TYPE_choice  int
#define RSMI_CONFIG_TYPE_number  int64_t
#define RSMI_CONFIG_TYPE_time    int64_t
#define RSMI_CONFIG_TYPE_path    const char *
#define RSMI_CONFIG_TYPE_cpulist const char *
#define RSMI_CONFIG_TYPE_aliases const char *

typedef struct {
#define RSMI_VAR(field, name, kind, initial, range, level, help) \
    RSMI_CONFIG_TYPE_##kind field;
#include "util/config_vars.def"
#undef RSMI_VAR
} rsmi_config_t;

/* Values in force. Constant once rsmi_config_load() has succeeded. */
extern rsmi_config_t rsmi_config;

/* Read the environment. RSMERR_BAD_CONF when a value is malformed: the help
 * message naming variable, value and accepted form has then been printed, and
 * the default is in force. Unknown RSM_* names (other than RSM_MPI*, RSM_TEST_*
 * and RSM_BENCH_*, which belong to others) are warned about with the nearest
 * known name, when @p warn is set. RSMERR_INSUFFICIENT_MEM. Not thread safe;
 * may be called again, which invalidates the strings of rsmi_config. */
int rsmi_config_load(bool warn);

/* One row as text, for rsm_info and its JSON. */
typedef struct {
    const char *name;    /* RSM_LOG_LEVEL */
    const char *kind;    /* "bool", "choice", ... */
    const char *initial; /* default as text */
    const char *range;   /* accepted values as text */
    const char *level;   /* "user", "tuning", "developer" */
    const char *help;
    const char *value; /* what the environment says, or the default */
    bool is_set;       /* the environment says it */
    bool is_valid;     /* the value has the accepted form */
} rsmi_config_row_t;

size_t rsmi_config_count(void);

/* Reads the environment anew, whether or not anything has been loaded. */
void rsmi_config_row(size_t idx, rsmi_config_row_t *row_p);

/* The next variable of the environment that bears our prefix and is none of
 * ours: "NAME=VALUE", and in *@p nearest_p the known name it resembles or
 * NULL. NULL after the last one. *@p cursor_p is 0 at first. */
const char *rsmi_config_next_unknown(size_t *cursor_p, const char **nearest_p);

#endif
