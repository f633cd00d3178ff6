/* SPDX-License-Identifier: BSD-3-Clause */
/* The processes of a job and the memory they show each other. They use
 * nothing but the library that is measured: no MPI, no socket.
 *
 * A segment begins with a board for questions and answers; the data area
 * follows. Boards are reached through import handles of their own, so that
 * the measured ones can be in any mode and mapped. */
#ifndef BENCH_TEAM_H
#define BENCH_TEAM_H

#include <stddef.h>
#include <stdint.h>

#include <rsmapi.h>

#include "host.h"
#include "link.h"

#define BENCH_SEGMENT_ID 0x400010
#define BENCH_SAME_USER  0600
#define BENCH_START_MS   20000 /* how long others may take to start */

/* From when to when, of one host's clock. */
typedef struct {
    int64_t begin;
    int64_t end;
} bench_span_t;

/* The first pages of a segment. */
typedef struct {
    /* Written by process 0. */
    uint64_t what; /* bench_ask_t */
    uint64_t part;
    uint64_t size;
    uint64_t seed;
    /* Board of process 0: how often somebody has come to a meeting. */
    uint64_t arrived;
    uint64_t stop; /* for the programs: written by process 0, too */
    _Alignas(64) bench_host_t host; /* written by the owner */
    /* Board of process 0: one for each process, written by it. */
    struct bench_answer {
        _Alignas(64) uint64_t is_there;
        uint64_t value;
        bench_span_t span; /* when it did what it was asked */
    } answers[];
} bench_board_t;

/* A connection to somebody's board. */
typedef struct {
    rsm_memseg_import_handle_t import;
    rsmapi_barrier_t barrier;
} bench_way_to_t;

struct bench_actions;

typedef struct bench {
    const bench_program_t *program;
    const struct bench_actions *actions;
    bench_options_t options;
    bool is_one_host; /* process 0: all are on one */
    bool is_crowded;  /* waits have to yield */

    rsmapi_controller_handle_t controller;
    rsm_node_id_t *nodes; /* by number of the process */
    size_t count;
    size_t self;
    size_t partner;

    size_t page;
    size_t head; /* bytes of a board, whole pages */
    size_t area; /* bytes of a data area */
    unsigned char *exported;
    bench_board_t *board; /* ours: the beginning of it */
    rsm_memseg_export_handle_t segment;
    unsigned char *local; /* as large as the data area */

    bench_way_to_t *boards; /* process 0: of all others; they: of process 0 */
    bench_link_t link;      /* to the partner's data area */

    double first_connect_us; /* process 0 */
    size_t answers_due;      /* process 0: to questions */
    size_t events_due;
    uint64_t meetings; /* how often everybody met */
    bench_span_t span; /* when this process did what it was asked */
} bench_t;

/* Refuses numbers of processes that do not make up the pairs. */
void bench_team_open(bench_t *bench);
void bench_team_close(bench_t *bench);

/* Lines for the head of the table; how many. */
#define BENCH_TEAM_NOTES (BENCH_HOST_NOTES + 3)
size_t bench_team_notes(bench_t *bench, bench_note_t *notes);

/* End the process with the name of the call when rc is an error. */
void bench_must(int rc, const char *call);

/* Memory of whole pages, filled with zeros. */
void *bench_pages(const bench_t *bench, size_t size);

/* Ends the process with a sentence when number @p other is gone. */
void bench_look_for(bench_t *bench, size_t other);

/* What several measured at the same time: from the first beginning to the last
 * end where all read the same clock; the longest time where they do not. */
void bench_span_join(bench_span_t *all, bench_span_t more, bool is_one_clock);

static inline double bench_span_us(const bench_span_t *span)
{
    return (double)((span->end > span->begin) ? span->end - span->begin : 1) /
           1e3;
}

static inline size_t bench_round_up(size_t size, size_t unit)
{
    return (size + unit - 1) / unit * unit;
}

#endif
