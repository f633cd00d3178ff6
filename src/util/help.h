/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages about what only the user can mend: what failed, the observed
 * cause, what to do, which variable or command. help.def holds the texts,
 * RSMI_HELP(topic, number, text); the text may take printf arguments. Each is
 * printed once per process and, where a job has many processes on a host,
 * only by the first of them. */
#ifndef RSMI_HELP_H
#define RSMI_HELP_H

typedef enum {
#define RSMI_HELP(topic, number, text) RSMI_HELP_##topic,
#include "util/help.def"
#undef RSMI_HELP
    RSMI_HELP_TOPICS
} rsmi_help_t;

/* @p topic decides which arguments follow; help.def says which. */
void rsmi_help(rsmi_help_t topic, ...);

/* Whether this process is the one of its host that speaks; true at first. */
void rsmi_help_set_speaker(int is_speaker);

#endif
