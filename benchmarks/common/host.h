/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the processes run: what a figure means depends on whether they have
 * cores of their own. The processes tell each other a bench_host_t each, by
 * whatever means they have. */
#ifndef BENCH_HOST_H
#define BENCH_HOST_H

#include <stdint.h>

#include "output.h"

#define BENCH_PROCESSORS_MAX 1024
#define BENCH_HOST_NOTES     3 /* at most so many */

typedef struct {
    char name[64];
    uint64_t threads; /* that are busy while there is something to measure */
    uint64_t processors[BENCH_PROCESSORS_MAX / 64]; /* they may run on */
} bench_host_t;

/* The process's rank in its job before any library has started; 0 without a
 * launcher. */
unsigned int bench_launched_rank(void);

/* The calling thread, and those that it starts, to one core. On a machine with
 * fewer the scheduler decides. */
void bench_pin(int core);

void bench_host_self(bench_host_t *host, size_t threads);

/* More threads than processors somewhere: who waits has to yield, or nobody
 * gets on. */
bool bench_host_is_crowded(const bench_host_t *hosts, size_t count);

bool bench_host_is_one(const bench_host_t *hosts, size_t count);

/* Lines for the head of the table; how many. */
size_t bench_host_notes(const bench_host_t *hosts, size_t count,
                        bench_note_t *notes);

#endif
