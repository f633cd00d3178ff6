/* SPDX-License-Identifier: BSD-3-Clause */
/* Values of variables: text to data, one function for each kind of the table
 * in config_vars.def. */
#ifndef RSMI_CONFIG_PARSE_H
#define RSMI_CONFIG_PARSE_H

#include <stdbool.h>

/* Turns @p text into the value at @p field, which has the type that config.h
 * gives for the kind. False when the text is malformed or outside @p range,
 * which is the row's; nothing has then been stored. Kinds that are text
 * themselves store the pointer. */
typedef bool (*rsmi_config_parse_func_t)(const char *text, const char *range,
                                         void *field);

bool rsmi_config_parse_bool(const char *text, const char *range, void *field);
bool rsmi_config_parse_choice(const char *text, const char *range, void *field);
bool rsmi_config_parse_number(const char *text, const char *range, void *field);
bool rsmi_config_parse_time(const char *text, const char *range, void *field);
bool rsmi_config_parse_path(const char *text, const char *range, void *field);
bool rsmi_config_parse_cpulist(const char *text, const char *range,
                               void *field);
bool rsmi_config_parse_aliases(const char *text, const char *range,
                               void *field);

#endif
