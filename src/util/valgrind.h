/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether the process runs under valgrind; false where its header was not there
 * when the library was built (RSMI_HAS_VALGRIND). The header is all that is
 * needed. */
#ifndef RSMI_VALGRIND_H
#define RSMI_VALGRIND_H

#include <stdbool.h>

#ifdef RSMI_HAS_VALGRIND
#include <valgrind/valgrind.h>
#endif

static inline bool rsmi_is_valgrind(void)
{
#ifdef RSMI_HAS_VALGRIND
    return RUNNING_ON_VALGRIND != 0;
#else
    return false;
#endif
}

#endif
