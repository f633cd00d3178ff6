/* SPDX-License-Identifier: BSD-3-Clause */
/* What no library can beat: two processes and the machine. A put is a copy
 * into shared pages, in each way that this processor has; a signal is a byte
 * in a pipe. Starts its second process itself. */
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common_bare.h"
#include "common_peer.h"
#include "common_run.h"
#include "common_two.h"

#define SWITCHES 1000

static int pipes[2][2]; /* to the first process, to the second */

/* ---- copies, and the bare instructions ---- */

static const cmp_way_t way_plain = {.name = "plain",
                                    .put = put_plain,
                                    .get = get_plain,
                                    .fetch_add = bare_fetch_add,
                                    .compare_swap = bare_compare_swap};
static const cmp_way_t way_libc = {
    .name = "memcpy", .put = put_libc, .get = get_libc};
#ifdef CMP_HAS_WAYS
static const cmp_way_t way_string = {
    .name = "string", .put = put_string, .get = get_string};
static const cmp_way_t way_streaming = {
    .name = "streaming", .put = put_streaming, .get = get_streaming};
#endif

/* ---- signals: a byte in a pipe ---- */

static void pipe_post(cmp_t *cmp)
{
    char byte = 0;

    if (write(pipes[1 - cmp->rank][1], &byte, 1) != 1) {
        cmp_fail(cmp, "cannot write to the pipe");
    }
}

static void pipe_wait(cmp_t *cmp)
{
    char byte;

    if (read(pipes[cmp->rank][0], &byte, 1) != 1) {
        cmp_fail(cmp, "cannot read from the pipe");
    }
}

/* ---- threads ---- */

static void *lane_open(cmp_t *cmp, unsigned int idx)
{
    (void)idx;
    return cmp;
}

static void lane_close(void *lane)
{
    (void)lane;
}

static void lane_put(void *lane, size_t offset)
{
    put_plain(lane, offset, sizeof(uint64_t));
}

static void lane_end(void *lane)
{
    (void)lane;
}

/* ---- round trips ---- */

static int64_t socket_once(cmp_t *cmp)
{
    unsigned char message[64] = {0};
    int64_t start = bench_now_ns();

    cmp_send(cmp, message, sizeof(message));
    cmp_receive(cmp, message, sizeof(message));
    return bench_now_ns() - start;
}

static void socket_attend(cmp_t *cmp)
{
    unsigned char message[64];

    cmp_receive(cmp, message, sizeof(message));
    cmp_send(cmp, message, sizeof(message));
}

static int64_t clock_once(cmp_t *cmp)
{
    int64_t start = bench_now_ns();
    unsigned int i;

    (void)cmp;
    for (i = 0; i < SWITCHES; ++i) {
        (void)bench_now_ns();
    }
    return (bench_now_ns() - start) / SWITCHES;
}

static const cmp_special_t specials[] = {
    {.what = "clock", .times = 1, .once = clock_once},
    {.what = "round_trip",
     .times = 100,
     .once = socket_once,
     .attend = socket_attend},
    {.what = NULL}};

static const cmp_peer_t peer = {.name = "floor",
                                .meet = cmp_meet,
                                .post = pipe_post,
                                .wait = pipe_wait,
                                .lane_open = lane_open,
                                .lane_close = lane_close,
                                .lane_put = lane_put,
                                .lane_end = lane_end,
                                .specials = specials};

static unsigned char *shared_pages(cmp_t *cmp)
{
    void *memory = mmap(NULL, CMP_MEMORY, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        cmp_fail(cmp, "no shared memory");
    }
    memset(memory, 0, CMP_MEMORY);
    return memory;
}

int main(int argc, char **argv)
{
    cmp_t cmp = {.program = "compare_floor", .peer = &peer};
    unsigned char *areas[2];

    cmp_parse(&cmp, argc, argv);
    areas[0] = shared_pages(&cmp);
    areas[1] = shared_pages(&cmp);
    if ((pipe(pipes[0]) != 0) || (pipe(pipes[1]) != 0)) {
        cmp_fail(&cmp, "no pipe");
    }
    cmp_fork(&cmp);
    cmp.shown = areas[cmp.rank];
    target = areas[1 - cmp.rank];
    cmp.local = cmp_memory(CMP_MEMORY);

    cmp_run_way(&cmp, &way_plain);
    cmp_run_way(&cmp, &way_libc);
#ifdef CMP_HAS_WAYS
    cmp_run_way(&cmp, &way_string);
    cmp_run_way(&cmp, &way_streaming);
#endif
    cmp_run_peer(&cmp, &way_plain);
    if (cmp.rank == 0) {
        cmp_print_done(&cmp);
    }
    cmp_join(&cmp);
}
