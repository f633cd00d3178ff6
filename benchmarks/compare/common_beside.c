/* SPDX-License-Identifier: BSD-3-Clause */
#include "common_beside.h"

#include "common_bare.h"

/* ---- the bare machine ---- */

/* One function for each way, so that the way is a constant of it. */
#define BESIDE_TIME(way)                                                \
    static int64_t time_##way(cmp_t *cmp, cmp_test_t test, size_t size, \
                              unsigned long steps)                      \
    {                                                                   \
        return cmp_time(cmp, &way, test, size, steps);                  \
    }

#define BESIDE_WAY(name)                                               \
    static const cmp_way_t name = {.put = put_##name,                  \
                                   .get = get_##name,                  \
                                   .fetch_add = bare_fetch_add,        \
                                   .compare_swap = bare_compare_swap}; \
    BESIDE_TIME(name)

BESIDE_WAY(plain)
BESIDE_WAY(libc)
#ifdef CMP_HAS_WAYS
BESIDE_WAY(string)
BESIDE_WAY(streaming)
#endif

/* ---- in turn ---- */

typedef struct {
    const char *name;
    cmp_timer_t time;
} runner_t;

/* The first is the library, the second stands for the bare machine alone where
 * there is but one way to do it. */
static runner_t runners[] = {{"beside", NULL},
                             {"bare plain", time_plain},
                             {"bare memcpy", time_libc},
#ifdef CMP_HAS_WAYS
                             {"bare string", time_string},
                             {"bare streaming", time_streaming}
#endif
};

#define RUNNERS      (sizeof(runners) / sizeof(runners[0]))
#define RUNNERS_BARE 2

static unsigned long steps_of(cmp_t *cmp, cmp_test_t test, size_t size)
{
    int64_t wanted = cmp->options.batch_ns;
    unsigned long steps = 1;
    int64_t took;

    while ((took = runners[0].time(cmp, test, size, steps)) < wanted / 2) {
        steps *= 2;
    }
    took = (took > 0) ? took : 1;
    steps = (unsigned long)((double)steps * (double)wanted / (double)took);
    return (steps > 0) ? steps : 1;
}

/* Some steps before each batch, for what another way of copying has left in the
 * caches or taken out of them; and each comes after each of the others, as
 * their number is a prime. */
static void run(cmp_t *cmp, cmp_test_t test, cmp_row_t row, size_t bytes,
                size_t count)
{
    static double values[RUNNERS][CMP_BATCHES_MAX];
    bool is_joint = (test == CMP_VISIBLE);
    unsigned int batches = cmp->options.batches;
    unsigned long steps =
        is_joint ? CMP_JOINT_STEPS : steps_of(cmp, test, row.size);
    unsigned int i;
    size_t turn, k;

    for (i = 0; i < batches; ++i) {
        for (turn = 0; turn < count; ++turn) {
            double took;

            k = (i + turn * (1 + i % (count - 1))) % count;

            (void)runners[k].time(cmp, test, row.size, 1 + steps / 4);
            took = (double)runners[k].time(cmp, test, row.size, steps) /
                   (double)steps;
            values[k][i] = (bytes > 0) ? (double)bytes * 1e3 / took
                                       : took / (is_joint ? 2e3 : 1e3);
        }
    }
    for (k = 0; (k < count) && (cmp->rank == 0); ++k) {
        row.way = runners[k].name;
        cmp_print(cmp, &row, values[k], batches);
    }
}

static void run_test(cmp_t *cmp, cmp_test_t test, const char *what, size_t size,
                     size_t bytes)
{
    bool is_atomic = (test == CMP_FETCH_ADD) || (test == CMP_COMPARE_SWAP);

    if ((cmp->rank == 0) && cmp_wants(cmp, what)) {
        run(cmp, test,
            (cmp_row_t){.what = what,
                        .unit = (bytes > 0) ? "MB/s" : "us",
                        .size = size},
            bytes, is_atomic ? RUNNERS_BARE : RUNNERS);
    }
    cmp->peer->meet(cmp);
}

void cmp_run_beside(cmp_t *cmp, unsigned char *window, cmp_timer_t time)
{
    unsigned int i;

    if (!cmp_wants_way(cmp, runners[0].name)) {
        return;
    }
    target = window;
    runners[0].time = time;
    cmp->peer->meet(cmp);
    for (i = 0; i < cmp->options.size_count; ++i) {
        size_t size = cmp->options.sizes[i];
        size_t bytes = size * cmp_window(size);

        run_test(cmp, CMP_PUT, "put", size, 0);
        run_test(cmp, CMP_GET, "get", size, 0);
        run_test(cmp, CMP_PUT_BW, "put_bw", size, bytes);
        run_test(cmp, CMP_GET_BW, "get_bw", size, bytes);
    }
    run_test(cmp, CMP_FETCH_ADD, "fetch_add", 8, 0);
    run_test(cmp, CMP_COMPARE_SWAP, "compare_swap", 8, 0);
    if (cmp_wants(cmp, "visible")) {
        run(cmp, CMP_VISIBLE, (cmp_row_t){.what = "visible", .unit = "us"}, 0,
            RUNNERS_BARE);
        cmp->peer->meet(cmp);
    }
}
