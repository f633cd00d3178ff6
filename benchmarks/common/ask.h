/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions of process 0 and answers of the others. Who has nothing to do
 * sleeps in rsm_intr_signal_wait(). */
#ifndef BENCH_ASK_H
#define BENCH_ASK_H

#include "team.h"

typedef enum {
    BENCH_ASK_FILL = 1, /* write the pattern of a seed into the data area */
    BENCH_ASK_CHECK,    /* how many bytes differ from the pattern of a seed */
    BENCH_ASK_CLEAR,    /* write zeros */
    BENCH_ASK_WORD,     /* the first eight bytes of the data area */
    BENCH_ASK_YIELD,    /* whether waits have to yield */
    BENCH_ASK_RUN,      /* what the program's own function does */
    BENCH_ASK_END       /* no more questions; not answered */
} bench_ask_t;

/* Ask number @p other, and wait for its answer; or do the one after the
 * other, to do something meanwhile. @p part: which thread's part of the data
 * area is meant. */
uint64_t bench_ask(bench_t *bench, size_t other, bench_ask_t what, size_t part,
                   size_t size, uint64_t seed);
void bench_ask_begin(bench_t *bench, size_t other, bench_ask_t what,
                     size_t part, size_t size, uint64_t seed);
const struct bench_answer *bench_ask_end(bench_t *bench, size_t other);

/* The other side, until BENCH_ASK_END. */
void bench_serve(bench_t *bench);

/* Everybody calls it, and it returns at about the same time to all. */
void bench_meet(bench_t *bench);

/* Waits for an event; ends the process when number @p other does not live. */
void bench_await_signal(bench_t *bench, size_t other);

#endif
