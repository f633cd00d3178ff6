/* SPDX-License-Identifier: BSD-3-Clause */
/* Two processes and the memory they show each other. They use nothing but
 * the library that is measured: no MPI, no socket.
 *
 * A segment begins with a page for questions and answers; the data area
 * follows. The first process asks by writing a question and posting a signal;
 * the second one answers in its own memory and posts one back. Questions have
 * an import handle of their own, so that the measured one can be in any mode
 * and mapped. */
#ifndef BENCH_PAIR_H
#define BENCH_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rsmapi.h>

#include "options.h"

struct bench_program;

typedef enum {
    BENCH_ASK_FILL = 1, /* write the pattern of a seed into the data area */
    BENCH_ASK_CHECK,    /* how many bytes differ from the pattern of a seed */
    BENCH_ASK_CLEAR,    /* write zeros */
    BENCH_ASK_END       /* no more questions; not answered */
} bench_ask_t;

typedef struct {
    const struct bench_program *program;
    bench_options_t options;
    rsmapi_controller_handle_t controller;
    rsm_node_id_t self;
    rsm_node_id_t peer;
    bool is_first;

    size_t page;
    unsigned char *exported; /* one page, then the data area */
    size_t area;             /* bytes of a data area */
    rsm_memseg_export_handle_t segment;

    rsm_memseg_import_handle_t asking;
    rsmapi_barrier_t asking_barrier;

    /* The measured connection. */
    rsm_memseg_import_handle_t data;
    rsmapi_barrier_t barrier;
    bool is_explicit;      /* barriers are ours to open and close */
    unsigned char *mapped; /* the peer's data area with -w map */
    unsigned char *local;  /* a buffer as large as the data area */

    double *samples; /* room for all iterations, with -f or -z */
} bench_pair_t;

/* End the process with the name of the call when rc is an error. */
void bench_must(const bench_pair_t *pair, int rc, const char *call);

/* Refuses any other number of processes than two. */
void bench_pair_open(bench_pair_t *pair);
void bench_pair_close(bench_pair_t *pair);

/* The first process's side, and the second one's. */
uint64_t bench_ask(bench_pair_t *pair, bench_ask_t what, size_t size,
                   uint64_t seed);
void bench_serve(bench_pair_t *pair);

/* Bytes that do not tell the same whatever is shifted, torn or stale. */
void bench_fill(unsigned char *memory, size_t size, uint64_t seed);
size_t bench_differing(const unsigned char *memory, size_t size, uint64_t seed);

/* How many messages of @p size bytes lie side by side in the data area, at
 * most a window of them. */
size_t bench_slots(const bench_pair_t *pair, size_t size);

/* Transfers between the local buffer and the same place in the peer's data
 * area, and the barriers around them. They are what the clock sees, hence
 * inline. */
static inline int bench_begin(bench_pair_t *pair)
{
    return pair->is_explicit ? rsm_memseg_import_open_barrier(&pair->barrier)
                             : RSM_SUCCESS;
}

static inline int bench_end(bench_pair_t *pair)
{
    return pair->is_explicit ? rsm_memseg_import_close_barrier(&pair->barrier)
                             : RSM_SUCCESS;
}

static inline int bench_put(bench_pair_t *pair, size_t offset, size_t size)
{
    if (pair->mapped != NULL) {
        memcpy(pair->mapped + offset, pair->local + offset, size);
        return RSM_SUCCESS;
    }
    return rsm_memseg_import_put(pair->data, (off_t)(pair->page + offset),
                                 pair->local + offset, size);
}

static inline int bench_get(bench_pair_t *pair, size_t offset, size_t size)
{
    if (pair->mapped != NULL) {
        memcpy(pair->local + offset, pair->mapped + offset, size);
        return RSM_SUCCESS;
    }
    return rsm_memseg_import_get(pair->data, (off_t)(pair->page + offset),
                                 pair->local + offset, size);
}

#endif
