/* SPDX-License-Identifier: BSD-3-Clause */
/* One line of text about what happened: time, host, rank, pid, level,
 * component, message. Messages are lower case, without a full stop, values
 * after words. The first function that knows what went wrong logs it. */
#ifndef RSMI_LOG_H
#define RSMI_LOG_H

#include "util/compiler.h"

#include <stdbool.h>

typedef enum {
    RSMI_LOG_ERROR,
    RSMI_LOG_WARN,
    RSMI_LOG_INFO,
    RSMI_LOG_DEBUG,
    RSMI_LOG_TRACE
} rsmi_log_level_t;

/* Messages of a level above this one are dropped before they are formatted. */
extern int rsmi_log_level;

/* Direct lines to @p path (NULL or "": standard error; %h %p %r in the path
 * become host, pid, rank; a path with %r is opened when the rank is known). An
 * unwritable path is reported and standard error used. May be called again,
 * also while other threads log; open, set_rank and close themselves are called
 * by one thread at a time. */
void rsmi_log_open(rsmi_log_level_t level, const char *path);

/* Rank printed in each line from now on; -1 before it is known. */
void rsmi_log_set_rank(int rank);

void rsmi_log_close(void);

/* One write(2) of one line; no lock, no allocation, errno stays as it is (and
 * is what %m in @p format stands for). Long messages end in "...". */
void rsmi_log_write(rsmi_log_level_t level, const char *component,
                    const char *format, ...) RSMI_PRINTF(3, 4);

#define rsmi_log(level, component, ...)                        \
    do {                                                       \
        if (rsmi_unlikely((int)(level) <= rsmi_log_level)) {   \
            rsmi_log_write((level), (component), __VA_ARGS__); \
        }                                                      \
    } while (0)

#define rsmi_error(component, ...) \
    rsmi_log(RSMI_LOG_ERROR, component, __VA_ARGS__)
#define rsmi_warn(component, ...) \
    rsmi_log(RSMI_LOG_WARN, component, __VA_ARGS__)
#define rsmi_info(component, ...) \
    rsmi_log(RSMI_LOG_INFO, component, __VA_ARGS__)
#define rsmi_debug(component, ...) \
    rsmi_log(RSMI_LOG_DEBUG, component, __VA_ARGS__)
#define rsmi_trace(component, ...) \
    rsmi_log(RSMI_LOG_TRACE, component, __VA_ARGS__)

#endif
