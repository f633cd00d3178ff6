/* SPDX-License-Identifier: BSD-3-Clause */
/* A library and the bare machine on the same pages of the same two processes,
 * batch by batch in turn: the other programs measure one after the other, and
 * on a machine that is shared with others, or with pages that lie elsewhere in
 * the caches, the same copy differs by a factor of two between them. */
#ifndef CMP_COMMON_BESIDE_H
#define CMP_COMMON_BESIDE_H

#include "common_run.h"

typedef enum {
    CMP_PUT,
    CMP_GET,
    CMP_PUT_BW,
    CMP_GET_BW,
    CMP_FETCH_ADD,
    CMP_COMPARE_SWAP,
    CMP_ACCUMULATE,
    CMP_CONNECT, /* of those who know what that is */
    CMP_VISIBLE
} cmp_test_t;

/* Nanoseconds for so many steps. */
typedef int64_t (*cmp_timer_t)(cmp_t *cmp, cmp_test_t test, size_t size,
                               unsigned long steps);

/* Who takes part. */
typedef struct {
    const char *name;
    cmp_timer_t time;
} cmp_runner_t;

#define CMP_RUNNERS_MAX 8

/* All tests of a way that is a constant of the caller. */
static CMP_INLINE int64_t cmp_time(cmp_t *cmp, const cmp_way_t *way,
                                   cmp_test_t test, size_t size,
                                   unsigned long steps)
{
    switch (test) {
    case CMP_PUT:
        return cmp_batch(cmp, way, cmp_step_put, size, steps);
    case CMP_GET:
        return cmp_batch(cmp, way, cmp_step_get, size, steps);
    case CMP_PUT_BW:
        return cmp_batch(cmp, way, cmp_step_put_window, size, steps);
    case CMP_GET_BW:
        return cmp_batch(cmp, way, cmp_step_get_window, size, steps);
    case CMP_FETCH_ADD:
        return (way->fetch_add == NULL)
                   ? 0
                   : cmp_batch(cmp, way, cmp_step_fetch_add, size, steps);
    case CMP_COMPARE_SWAP:
        return (way->compare_swap == NULL)
                   ? 0
                   : cmp_batch(cmp, way, cmp_step_compare_swap, size, steps);
    case CMP_ACCUMULATE:
        return (way->accumulate == NULL)
                   ? 0
                   : cmp_batch(cmp, way, cmp_step_accumulate, size, steps);
    case CMP_CONNECT:
        return 0;
    case CMP_VISIBLE:
        return cmp_exchange(cmp, way, steps, false);
    }
    return 0;
}

/* One test, all runners in turn; each comes after each of the others if their
 * number is a prime. The first one's speed says how many steps a batch has. Both
 * processes call it. */
void cmp_run_turns(cmp_t *cmp, cmp_test_t test, const char *what, size_t size,
                   const cmp_runner_t *runners, size_t count);

/* @p window is the other side's shown memory, mapped; @p time does the
 * library's operations on the same. Both processes call it. */
void cmp_run_beside(cmp_t *cmp, unsigned char *window, cmp_timer_t time);

#endif
