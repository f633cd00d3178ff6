/* SPDX-License-Identifier: BSD-3-Clause */
#include "pattern.h"

#include <stdlib.h>

static unsigned char pattern_byte(size_t idx, uint64_t seed)
{
    uint64_t mixed =
        (idx + 1) * 0x9e3779b97f4a7c15u + seed * 0xff51afd7ed558ccdu;

    return (unsigned char)(mixed >> 48);
}

void bench_fill(unsigned char *memory, size_t size, uint64_t seed)
{
    size_t i;

    for (i = 0; i < size; ++i) {
        memory[i] = pattern_byte(i, seed);
    }
}

void bench_damage(unsigned char *memory, size_t size)
{
    if ((size > 0) && (getenv("BENCH_DAMAGE") != NULL)) {
        memory[size / 2] ^= 0x10;
    }
}

size_t bench_differing(unsigned char *memory, size_t size, uint64_t seed)
{
    size_t differing = 0;
    size_t i;

    bench_damage(memory, size);
    for (i = 0; i < size; ++i) {
        differing += (memory[i] != pattern_byte(i, seed));
    }
    return differing;
}
