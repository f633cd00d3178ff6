/* SPDX-License-Identifier: BSD-3-Clause */
/* "Did you mean ...?" for names that people type. */
#ifndef RSMI_NEAREST_H
#define RSMI_NEAREST_H

#include <stddef.h>

/* The one of @p count @p names that takes the fewest typing mistakes (letters
 * missing, added, changed, swapped; case does not count) to become @p word;
 * NULL when even that one takes more than a third of its letters. */
const char *rsmi_nearest(const char *word, const char *const *names,
                         size_t count);

#endif
