/* SPDX-License-Identifier: BSD-3-Clause */
#include "ask.h"

#include <stdatomic.h>
#include <string.h>

#include <rsmx.h>

#include "bench.h"

#define LOOK_AROUND_MS 500 /* how often a waiting side looks for the other */

void bench_await_signal(bench_t *bench, size_t other)
{
    int rc;

    while ((rc = rsm_intr_signal_wait(bench->segment, LOOK_AROUND_MS)) !=
           RSM_SUCCESS) {
        if (rc != RSMERR_INTERRUPTED) {
            bench_must((rc == RSMERR_TIMEOUT) ? RSM_SUCCESS : rc,
                       "rsm_intr_signal_wait");
            bench_look_for(bench, other);
        }
    }
}

/* ---- process 0 ---- */

void bench_ask_begin(bench_t *bench, size_t other, bench_ask_t what,
                     size_t part, size_t size, uint64_t seed)
{
    uint64_t question[] = {what, part, size, seed};
    rsm_memseg_import_handle_t board = bench->boards[other].import;

    ++bench->answers_due;
    ++bench->events_due;
    bench->board->answers[other].is_there = 0;
    /* In implicit mode: it is there before the signal is. */
    bench_must(rsm_memseg_import_put64(board, 0, question, 4),
               "rsm_memseg_import_put64");
    bench_must(rsm_intr_signal_post(board, 0), "rsm_intr_signal_post");
}

const struct bench_answer *bench_ask_end(bench_t *bench, size_t other)
{
    const struct bench_answer *answer = &bench->board->answers[other];
    const volatile uint64_t *is_there = &answer->is_there;

    while (*is_there == 0) {
        bench_await_signal(bench, other);
        --bench->events_due; /* somebody's */
    }
    atomic_thread_fence(memory_order_acquire);

    /* An answer is seen before its event comes; leave none to the program. */
    --bench->answers_due;
    while ((bench->answers_due == 0) && (bench->events_due > 0)) {
        bench_await_signal(bench, other);
        --bench->events_due;
    }
    return answer;
}

uint64_t bench_ask(bench_t *bench, size_t other, bench_ask_t what, size_t part,
                   size_t size, uint64_t seed)
{
    bench_ask_begin(bench, other, what, part, size, seed);
    return bench_ask_end(bench, other)->value;
}

/* ---- the others ---- */

static uint64_t serve_one(bench_t *bench, bench_ask_t what)
{
    unsigned char *area =
        bench->exported + bench->head +
        bench->board->part * (bench->area / bench->options.threads);
    size_t size = bench->board->size;
    uint64_t seed = bench->board->seed;
    uint64_t word = 0;

    switch (what) {
    case BENCH_ASK_FILL:
        bench_fill(area, size, seed);
        break;
    case BENCH_ASK_CHECK:
        return bench_differing(area, size, seed);
    case BENCH_ASK_CLEAR:
        memset(area, 0, size);
        break;
    case BENCH_ASK_WORD:
        bench_damage(area, sizeof(word));
        memcpy(&word, area, sizeof(word));
        break;
    case BENCH_ASK_YIELD:
        bench->is_crowded = (size != 0);
        break;
    default:
        return bench->actions->join(bench, size, seed);
    }
    return word;
}

void bench_serve(bench_t *bench)
{
    rsm_memseg_import_handle_t home = bench->boards[0].import;
    off_t place = (off_t)(offsetof(bench_board_t, answers) +
                          bench->self * sizeof(struct bench_answer));
    const size_t rest = offsetof(struct bench_answer, value);
    struct bench_answer answer = {.is_there = 1};

    for (;;) {
        bench_ask_t what;

        bench_await_signal(bench, 0);
        what = (bench_ask_t)bench->board->what;
        if (what == BENCH_ASK_END) {
            return;
        }
        bench->span = (bench_span_t){0, 0};
        answer.value = serve_one(bench, what);
        answer.span = bench->span;
        atomic_thread_fence(memory_order_seq_cst);
        bench_must(rsm_memseg_import_put(home, place + (off_t)rest,
                                         &answer.value, sizeof(answer) - rest),
                   "rsm_memseg_import_put");
        bench_must(rsm_memseg_import_put64(home, place, &answer.is_there, 1),
                   "rsm_memseg_import_put64");
        bench_must(rsm_intr_signal_post(home, 0), "rsm_intr_signal_post");
    }
}

/* ---- all together ---- */

void bench_meet(bench_t *bench)
{
    uint64_t wanted = ++bench->meetings * bench->count;
    _Atomic uint64_t *own = (_Atomic uint64_t *)&bench->board->arrived;
    bench_wait_t wait = bench_wait_begin(bench->is_crowded);
    const off_t place = offsetof(bench_board_t, arrived);
    rsm_memseg_import_handle_t home;
    uint64_t arrived;
    size_t i;

    if (bench->self == 0) {
        atomic_fetch_add(own, 1);
        while (atomic_load(own) < wanted) {
            if (bench_wait(&wait)) {
                for (i = 1; i < bench->count; ++i) {
                    bench_look_for(bench, i);
                }
            }
        }
        return;
    }

    home = bench->boards[0].import;
    bench_must(rsmx_import_fetch_add64(home, place, 1, NULL),
               "rsmx_import_fetch_add64");
    for (;;) {
        bench_must(rsm_memseg_import_get64(home, place, &arrived, 1),
                   "rsm_memseg_import_get64");
        if (arrived >= wanted) {
            return;
        }
        (void)bench_wait(&wait);
    }
}
