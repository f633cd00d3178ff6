/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_NUMBER_H
#define BENCH_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

/* Reads a number with k, m or g behind it, and moves @p text behind that. False
 * if there is none, or one that is too large. */
bool bench_number_read(const char **text, size_t *number_p);

#endif
