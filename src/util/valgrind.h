/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether the process runs under valgrind; false where its header was not there
 * when the library was built. The header is all that is needed. */
#ifndef RSMI_VALGRIND_H
#define RSMI_VALGRIND_H

#include <stdbool.h>

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif

static inline bool rsmi_is_valgrind(void)
{
#ifdef RUNNING_ON_VALGRIND
    return RUNNING_ON_VALGRIND != 0;
#else
    return false;
#endif
}

#endif
