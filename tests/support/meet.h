/* SPDX-License-Identifier: BSD-3-Clause */
/* A meeting point for the ranks of one job on one host, made of an abstract
 * Unix socket: it leaves no file, and a rank that dies is noticed at once.
 * Depends on neither the library under test nor the test framework. */
#ifndef RSM_TESTS_MEET_H
#define RSM_TESTS_MEET_H

#include <stdint.h>

/* Rank 0 offers the meeting point, the others look for it.
 * NULL, or what went wrong. */
const char *meet_start(uint32_t rank, uint32_t size, int timeout_ms);
void meet_stop(void);

/* All ranks call; everyone contributes values[rank] and gets all of them.
 * NULL, or what went wrong. */
const char *meet(uint64_t *values, int timeout_ms);

#endif
