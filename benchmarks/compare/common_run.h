/* SPDX-License-Identifier: BSD-3-Clause */
/* The loops under the clock, the same for every peer. They are inline, and so
 * are the operations of a way that is a constant of the program: on shared
 * memory a call through a pointer would be a good part of what is measured.
 *
 * A figure is the mean of a batch: the clock is read before and after it, and
 * a batch lasts long enough (-u) for that not to show. */
#ifndef CMP_COMMON_RUN_H
#define CMP_COMMON_RUN_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

#define CMP_INLINE inline __attribute__((always_inline))

/* Steps of a batch where both sides have to agree on it. */
#define CMP_JOINT_STEPS    200
#define CMP_ONE_CORE_STEPS 20
#define CMP_WAKES          10     /* of a batch; each after a pause */
#define CMP_PAUSE_NS       300000 /* long enough for a waiter to fall asleep */
#define CMP_BATCHES_MAX    1000

typedef void (*cmp_step_t)(cmp_t *cmp, const cmp_way_t *way, size_t size);

static CMP_INLINE void cmp_begin(cmp_t *cmp, const cmp_way_t *way)
{
    if (way->begin != NULL) {
        way->begin(cmp);
    }
}

static CMP_INLINE void cmp_end(cmp_t *cmp, const cmp_way_t *way)
{
    if (way->end != NULL) {
        way->end(cmp);
    }
}

/* ---- steps ---- */

typedef void (*cmp_move_t)(cmp_t *cmp, size_t offset, size_t size);

/* Messages lie side by side. */
static CMP_INLINE void cmp_moves(cmp_t *cmp, const cmp_way_t *way,
                                 cmp_move_t move, size_t size, size_t count)
{
    size_t i;

    cmp_begin(cmp, way);
    for (i = 0; i < count; ++i) {
        move(cmp, CMP_DATA + i * size, size);
    }
    cmp_end(cmp, way);
}

/* Large ones are fewer. */
static inline size_t cmp_window(size_t size)
{
    size_t most = CMP_AREA / size;

    return (most < CMP_WINDOW) ? most : CMP_WINDOW;
}

static CMP_INLINE void cmp_step_put(cmp_t *cmp, const cmp_way_t *way,
                                    size_t size)
{
    cmp_moves(cmp, way, way->put, size, 1);
}

static CMP_INLINE void cmp_step_get(cmp_t *cmp, const cmp_way_t *way,
                                    size_t size)
{
    cmp_moves(cmp, way, way->get, size, 1);
}

static CMP_INLINE void cmp_step_put_window(cmp_t *cmp, const cmp_way_t *way,
                                           size_t size)
{
    cmp_moves(cmp, way, way->put, size, cmp_window(size));
}

static CMP_INLINE void cmp_step_get_window(cmp_t *cmp, const cmp_way_t *way,
                                           size_t size)
{
    cmp_moves(cmp, way, way->get, size, cmp_window(size));
}

static CMP_INLINE void cmp_step_fetch_add(cmp_t *cmp, const cmp_way_t *way,
                                          size_t size)
{
    (void)size;
    (void)way->fetch_add(cmp, CMP_WORD, 1);
}

static CMP_INLINE void cmp_step_compare_swap(cmp_t *cmp, const cmp_way_t *way,
                                             size_t size)
{
    (void)size;
    (void)way->compare_swap(cmp, CMP_WORD, 0, 0);
}

static CMP_INLINE void cmp_step_fetch_add32(cmp_t *cmp, const cmp_way_t *way,
                                            size_t size)
{
    (void)size;
    (void)way->fetch_add32(cmp, CMP_WORD, 1);
}

static CMP_INLINE void cmp_step_compare_swap32(cmp_t *cmp, const cmp_way_t *way,
                                               size_t size)
{
    (void)size;
    (void)way->compare_swap32(cmp, CMP_WORD, 0, 0);
}

static CMP_INLINE void cmp_step_accumulate(cmp_t *cmp, const cmp_way_t *way,
                                           size_t size)
{
    cmp_moves(cmp, way, way->accumulate, size, 1);
}

/* ---- batches ---- */

static CMP_INLINE int64_t cmp_batch(cmp_t *cmp, const cmp_way_t *way,
                                    cmp_step_t step, size_t size,
                                    unsigned long steps)
{
    int64_t start = bench_now_ns();
    unsigned long i;

    for (i = 0; i < steps; ++i) {
        step(cmp, way, size);
    }
    return bench_now_ns() - start;
}

/* How many steps a batch has. It warms up what is measured, too. */
static CMP_INLINE unsigned long cmp_steps(cmp_t *cmp, const cmp_way_t *way,
                                          cmp_step_t step, size_t size)
{
    int64_t wanted = cmp->options.batch_ns;
    unsigned long steps = 1;

    if (way->attend != NULL) {
        (void)cmp_batch(cmp, way, step, size, CMP_JOINT_STEPS);
        return CMP_JOINT_STEPS;
    }
    for (;;) {
        int64_t took = cmp_batch(cmp, way, step, size, steps);

        if (took >= wanted / 2) {
            double exact = (double)steps * (double)wanted / (double)took;

            return (exact < 1.0) ? 1 : (unsigned long)exact;
        }
        steps *= 2;
    }
}

static CMP_INLINE void cmp_measure(cmp_t *cmp, const cmp_way_t *way,
                                   cmp_step_t step, cmp_row_t row, size_t bytes)
{
    double values[CMP_BATCHES_MAX];
    unsigned int batches = cmp->options.batches;
    unsigned long steps;
    unsigned long i;

    row.way = way->name;
    if (cmp->rank != 0) {
        for (i = 0;
             (way->attend != NULL) && (i < (batches + 1ul) * CMP_JOINT_STEPS);
             ++i) {
            way->attend(cmp);
        }
        cmp->peer->meet(cmp);
        return;
    }

    steps = cmp_steps(cmp, way, step, row.size);
    for (i = 0; i < batches; ++i) {
        double took =
            (double)cmp_batch(cmp, way, step, row.size, steps) / (double)steps;

        values[i] = (bytes > 0) ? (double)bytes * 1e3 / took : took / 1e3;
    }
    cmp_print(cmp, &row, values, batches);
    cmp->peer->meet(cmp);
}

/* ---- one side writes, the other one sees ---- */

static CMP_INLINE void cmp_await_turn(cmp_t *cmp, const cmp_way_t *way,
                                      bool is_yielding)
{
    _Atomic uint64_t *flag = (_Atomic uint64_t *)(cmp->shown + CMP_FLAG);

    while (atomic_load_explicit(flag, memory_order_acquire) != cmp->turn) {
        if (way->progress != NULL) {
            way->progress(cmp);
        }
        if (is_yielding) {
            sched_yield();
        }
    }
}

static CMP_INLINE void cmp_take_turn(cmp_t *cmp, const cmp_way_t *way)
{
    *(uint64_t *)(cmp->local + CMP_FLAG) = cmp->turn;
    cmp_begin(cmp, way);
    way->put(cmp, CMP_FLAG, sizeof(uint64_t));
    cmp_end(cmp, way);
}

/* There and back, @p steps times: nanoseconds. */
static CMP_INLINE int64_t cmp_exchange(cmp_t *cmp, const cmp_way_t *way,
                                       unsigned long steps, bool is_yielding)
{
    int64_t start = bench_now_ns();
    unsigned long i;

    for (i = 0; i < steps; ++i) {
        ++cmp->turn;
        if (cmp->rank == 0) {
            cmp_take_turn(cmp, way);
            cmp_await_turn(cmp, way, is_yielding);
        } else {
            cmp_await_turn(cmp, way, is_yielding);
            cmp_take_turn(cmp, way);
        }
    }
    return bench_now_ns() - start;
}

/* One way on two cores, polled without a pause; there and back on one core,
 * polled with sched_yield. */
static CMP_INLINE void cmp_measure_flag(cmp_t *cmp, const cmp_way_t *way,
                                        bool is_one_core)
{
    cmp_row_t row = {.way = way->name,
                     .what = is_one_core ? "answer" : "visible",
                     .unit = "us"};
    unsigned long steps = is_one_core ? CMP_ONE_CORE_STEPS : CMP_JOINT_STEPS;
    double ways = is_one_core ? 1.0 : 2.0;
    double values[CMP_BATCHES_MAX];
    unsigned int i;

    (void)cmp_exchange(cmp, way, steps, is_one_core);
    for (i = 0; i < cmp->options.batches; ++i) {
        values[i] = (double)cmp_exchange(cmp, way, steps, is_one_core) / 1e3 /
                    ways / (double)steps;
    }
    if (cmp->rank == 0) {
        cmp_print(cmp, &row, values, cmp->options.batches);
    }
    cmp->peer->meet(cmp);
}

/* ---- is the way what it says? ---- */

static CMP_INLINE void cmp_check_fetch_add(cmp_t *cmp, const cmp_way_t *way)
{
    uint64_t base = way->fetch_add(cmp, CMP_WORD, 5);

    if (way->fetch_add(cmp, CMP_WORD, -5ul) != base + 5) {
        cmp_fail(cmp, "fetch_add has a wrong result");
    }
}

static CMP_INLINE void cmp_check_compare_swap(cmp_t *cmp, const cmp_way_t *way)
{
    uint64_t old = way->compare_swap(cmp, CMP_WORD, 0, 0);

    if ((way->compare_swap(cmp, CMP_WORD, old, 9) != old) ||
        (way->compare_swap(cmp, CMP_WORD, 1, 0) != 9) ||
        (way->compare_swap(cmp, CMP_WORD, 9, 0) != 9)) {
        cmp_fail(cmp, "compare_swap has a wrong result");
    }
}

static CMP_INLINE void cmp_check_fetch_add32(cmp_t *cmp, const cmp_way_t *way)
{
    uint32_t base = way->fetch_add32(cmp, CMP_WORD, 5);

    if (way->fetch_add32(cmp, CMP_WORD, -5u) != base + 5) {
        cmp_fail(cmp, "fetch_add of 4 bytes has a wrong result");
    }
}

static CMP_INLINE void cmp_check_compare_swap32(cmp_t *cmp,
                                                const cmp_way_t *way)
{
    uint32_t old = way->compare_swap32(cmp, CMP_WORD, 0, 0);

    if ((way->compare_swap32(cmp, CMP_WORD, old, 9) != old) ||
        (way->compare_swap32(cmp, CMP_WORD, 1, 0) != 9) ||
        (way->compare_swap32(cmp, CMP_WORD, 9, 0) != 9)) {
        cmp_fail(cmp, "compare_swap of 4 bytes has a wrong result");
    }
}

/* Ones to ones: these doubles stay what hardware is fast with. */
static CMP_INLINE void cmp_check_accumulate(cmp_t *cmp, const cmp_way_t *way)
{
    double *local = (double *)(void *)(cmp->local + CMP_DATA);
    size_t i;

    for (i = 0; i < CMP_SUM / sizeof(double); ++i) {
        local[i] = 1.0;
    }
    cmp_step_put(cmp, way, CMP_SUM);
    cmp_step_accumulate(cmp, way, CMP_SUM);
    cmp_step_get(cmp, way, CMP_SUM);
    for (i = 0; i < CMP_SUM / sizeof(double); ++i) {
        if (local[i] != 2.0) {
            cmp_fail(cmp, "an accumulate has a wrong result");
        }
    }
}

static CMP_INLINE void cmp_check(cmp_t *cmp, const cmp_way_t *way)
{
    const size_t size = 12345;
    unsigned char *local = cmp->local + CMP_DATA;

    if (cmp->rank == 0) {
        bench_fill(local, size, ++cmp->turn);
        cmp_step_put(cmp, way, size);
        cmp->peer->meet(cmp);
        memset(local, 0, size);
        cmp_step_get(cmp, way, size);
        if (bench_differing(local, size, cmp->turn)) {
            cmp_fail(cmp, "what came back is not what was put");
        }
    } else {
        ++cmp->turn;
        if (way->attend != NULL) {
            way->attend(cmp);
        }
        cmp->peer->meet(cmp);
        if (bench_differing(cmp->shown + CMP_DATA, size, cmp->turn)) {
            cmp_fail(cmp, "what arrived is not what was put");
        }
        if (way->attend != NULL) {
            way->attend(cmp);
        }
    }
    cmp->peer->meet(cmp);
}

/* ---- everything of one way ---- */

static CMP_INLINE void cmp_run_test(cmp_t *cmp, const cmp_way_t *way,
                                    cmp_step_t step, const char *what,
                                    size_t size, size_t bytes)
{
    if (cmp_wants(cmp, what)) {
        cmp_measure(cmp, way, step,
                    (cmp_row_t){.what = what,
                                .unit = (bytes > 0) ? "MB/s" : "us",
                                .size = size},
                    bytes);
    }
}

static CMP_INLINE void cmp_run_sizes(cmp_t *cmp, const cmp_way_t *way)
{
    unsigned int i;

    for (i = 0; i < cmp->options.size_count; ++i) {
        size_t size = cmp->options.sizes[i];
        size_t bytes = size * cmp_window(size);

        if (way->is_brief && (size != 8)) {
            continue;
        }
        cmp_run_test(cmp, way, cmp_step_put, "put", size, 0);
        cmp_run_test(cmp, way, cmp_step_get, "get", size, 0);
        if (!way->is_brief) {
            cmp_run_test(cmp, way, cmp_step_put_window, "put_bw", size, bytes);
            cmp_run_test(cmp, way, cmp_step_get_window, "get_bw", size, bytes);
        }
    }
}

/* Operations that only some peers have; each begins with a check, by the one
 * who measures. */
#define CMP_RUN_OPTIONAL(name, row_what, row_size)                             \
    if ((way->name != NULL) && cmp_wants(cmp, #name)) {                        \
        if (cmp->rank == 0) {                                                  \
            cmp_check_##name(cmp, way);                                        \
        }                                                                      \
        cmp->peer->meet(cmp);                                                  \
        cmp_measure(                                                           \
            cmp, way, cmp_step_##name,                                         \
            (cmp_row_t){.what = (row_what), .unit = "us", .size = (row_size)}, \
            0);                                                                \
    }

static CMP_INLINE void cmp_run_optional(cmp_t *cmp, const cmp_way_t *way)
{
    CMP_RUN_OPTIONAL(fetch_add, "fetch_add", 8)
    CMP_RUN_OPTIONAL(compare_swap, "compare_swap", 8)
    CMP_RUN_OPTIONAL(fetch_add32, "fetch_add", 4)
    CMP_RUN_OPTIONAL(compare_swap32, "compare_swap", 4)
    CMP_RUN_OPTIONAL(accumulate, "accumulate", CMP_SUM)
}

static CMP_INLINE void cmp_run_way(cmp_t *cmp, const cmp_way_t *way)
{
    if (!cmp_wants_way(cmp, way->name)) {
        return;
    }
    if (way->open != NULL) {
        way->open(cmp);
    }
    cmp->peer->meet(cmp);
    cmp_check(cmp, way);
    cmp_run_sizes(cmp, way);
    cmp_run_optional(cmp, way);
    if (!way->is_brief && cmp_wants(cmp, "visible")) {
        cmp_measure_flag(cmp, way, false);
    }
    if (!way->is_brief && (cmp->options.tests != NULL) &&
        cmp_wants(cmp, "answer")) {
        cmp_measure_flag(cmp, way, true);
    }
    if (way->close != NULL) {
        way->close(cmp);
    }
}

#endif
