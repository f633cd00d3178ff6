/* SPDX-License-Identifier: BSD-3-Clause */
#include "common_beside.h"

#include "common_bare.h"

#define WARMING_STEPS 8
#define WARMING_BYTES (64ul << 20)

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

static unsigned long steps_of(cmp_t *cmp, const cmp_runner_t *runner,
                              cmp_test_t test, size_t size)
{
    int64_t wanted = cmp->options.batch_ns;
    unsigned long steps = 1;
    int64_t took;

    while ((took = runner->time(cmp, test, size, steps)) < wanted / 2) {
        steps *= 2;
    }
    took = (took > 0) ? took : 1;
    steps = (unsigned long)((double)steps * (double)wanted / (double)took);
    return (steps > 0) ? steps : 1;
}

/* Steps before each batch, for what the others have left in the caches or taken
 * out of them: pieces that fit there take some rounds to come back whole. */
static unsigned long warming(size_t bytes, unsigned long steps)
{
    size_t most = (bytes > 0) ? WARMING_BYTES / bytes : WARMING_STEPS;

    return 1 + steps / 4 + ((most < WARMING_STEPS) ? most : WARMING_STEPS);
}

static void turn(cmp_t *cmp, cmp_test_t test, cmp_row_t row,
                 const cmp_runner_t *runners, size_t count)
{
    static double values[CMP_RUNNERS_MAX][CMP_BATCHES_MAX];
    bool is_joint = (test == CMP_VISIBLE);
    bool is_rate = (test == CMP_PUT_BW) || (test == CMP_GET_BW);
    size_t bytes = row.size * (is_rate ? cmp_window(row.size) : 1);
    unsigned int batches = cmp->options.batches;
    unsigned long steps =
        is_joint ? CMP_JOINT_STEPS : steps_of(cmp, runners, test, row.size);
    unsigned long warm = warming(bytes, steps);
    unsigned int i;
    size_t place, k;

    for (i = 0; i < batches; ++i) {
        for (place = 0; place < count; ++place) {
            double took;

            k = (i + place * (1 + i % (count - 1))) % count;

            (void)runners[k].time(cmp, test, row.size, warm);
            took = (double)runners[k].time(cmp, test, row.size, steps) /
                   (double)steps;
            values[k][i] = is_rate ? (double)bytes * 1e3 / took
                                   : took / (is_joint ? 2e3 : 1e3);
        }
    }
    for (k = 0; (k < count) && (cmp->rank == 0); ++k) {
        row.way = runners[k].name;
        cmp_print(cmp, &row, values[k], batches);
    }
}

void cmp_run_turns(cmp_t *cmp, cmp_test_t test, const char *what, size_t size,
                   const cmp_runner_t *runners, size_t count)
{
    bool is_rate = (test == CMP_PUT_BW) || (test == CMP_GET_BW);
    cmp_row_t row = {
        .what = what, .unit = is_rate ? "MB/s" : "us", .size = size};

    if (cmp_wants(cmp, what) && ((cmp->rank == 0) || (test == CMP_VISIBLE))) {
        turn(cmp, test, row, runners, count);
    }
    cmp->peer->meet(cmp);
}

/* The first is the library, the second stands for the bare machine alone where
 * there is but one way to do it. */
static cmp_runner_t machine[] = {{"beside", NULL},
                                 {"bare plain", time_plain},
                                 {"bare memcpy", time_libc},
#ifdef CMP_HAS_WAYS
                                 {"bare string", time_string},
                                 {"bare streaming", time_streaming}
#endif
};

#define MACHINE      (sizeof(machine) / sizeof(machine[0]))
#define MACHINE_BARE 2

void cmp_run_beside(cmp_t *cmp, unsigned char *window, cmp_timer_t time)
{
    unsigned int i;

    if (!cmp_wants_way(cmp, machine[0].name)) {
        return;
    }
    target = window;
    machine[0].time = time;
    cmp->peer->meet(cmp);
    for (i = 0; i < cmp->options.size_count; ++i) {
        size_t size = cmp->options.sizes[i];

        cmp_run_turns(cmp, CMP_PUT, "put", size, machine, MACHINE);
        cmp_run_turns(cmp, CMP_GET, "get", size, machine, MACHINE);
        cmp_run_turns(cmp, CMP_PUT_BW, "put_bw", size, machine, MACHINE);
        cmp_run_turns(cmp, CMP_GET_BW, "get_bw", size, machine, MACHINE);
    }
    cmp_run_turns(cmp, CMP_FETCH_ADD, "fetch_add", 8, machine, MACHINE_BARE);
    cmp_run_turns(cmp, CMP_COMPARE_SWAP, "compare_swap", 8, machine,
                  MACHINE_BARE);
    cmp_run_turns(cmp, CMP_VISIBLE, "visible", 0, machine, MACHINE_BARE);
}
