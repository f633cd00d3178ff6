/* SPDX-License-Identifier: BSD-3-Clause */
/* What the system allows this process. */
#ifndef RSMI_LIMIT_H
#define RSMI_LIMIT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

/* Descriptors it may have; SIZE_MAX: any number. */
static inline size_t rsmi_limit_descriptors(void)
{
    struct rlimit limit;

    if ((getrlimit(RLIMIT_NOFILE, &limit) != 0) ||
        (limit.rlim_cur == RLIM_INFINITY)) {
        return SIZE_MAX;
    }
    return limit.rlim_cur;
}

#endif
