/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes that do not tell the same whatever is shifted, torn or stale. */
#ifndef BENCH_PATTERN_H
#define BENCH_PATTERN_H

#include <stddef.h>
#include <stdint.h>

void bench_fill(unsigned char *memory, size_t size, uint64_t seed);

/* With BENCH_DAMAGE in the environment changes a byte that is going to be
 * compared: a validation that passes then would pass always. */
void bench_damage(unsigned char *memory, size_t size);

/* How many bytes are others than bench_fill() wrote, once damaged. */
size_t bench_differing(unsigned char *memory, size_t size, uint64_t seed);

#endif
