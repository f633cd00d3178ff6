/* SPDX-License-Identifier: BSD-3-Clause */
/* One-sided memory as the small programs of this folder use it. app_rsm.c
 * makes it of librsm and app_mpi.c of MPI alone, so that the programs are the
 * same to the last line and differ in what they are linked with.
 *
 * Every rank shows memory of one size. Puts complete with app_flush(); those
 * after app_order() arrive after those before it. Waiting means looking at
 * one's own memory. */
#ifndef APP_H
#define APP_H

#include <stdint.h>

#include "common.h"

typedef struct {
    cmp_t cmp; /* rank, and who prints and complains */
    uint32_t ranks;
    unsigned char *memory; /* our own */
    size_t size;

    /* Options; each program has defaults of its own. */
    size_t extent;
    uint64_t rounds;
    const char *picture;
} app_t;

/* Reads -n EXTENT, -i ROUNDS, -o PICTURE, -k KIND of memory, -p (bind the
 * processes to the first two cores); starts the library. Sets rank and ranks. */
void app_start(app_t *app, int argc, char **argv);

/* Together: memory of @p size bytes for each, zero. And its end. */
void app_open(app_t *app, size_t size);
void app_close(app_t *app);

void app_put(app_t *app, uint32_t rank, size_t offset, const void *from,
             size_t size);
void app_order(app_t *app, uint32_t rank);
void app_flush(app_t *app, uint32_t rank);
void app_get(app_t *app, uint32_t rank, size_t offset, void *to, size_t size);

/* Atomic, and complete when all ranks have called app_barrier(). */
void app_xor(app_t *app, uint32_t rank, size_t offset, uint64_t value);

void app_barrier(app_t *app);

/* Lets the library work; called while a program waits. */
void app_progress(app_t *app);

/* ---- the same for both, in app.c ---- */

/* Waits until a word of our own memory is at least @p value. */
void app_await(app_t *app, size_t offset, uint64_t value);

/* The sum over all ranks; every rank has the word at @p offset, which was
 * zero, to spare for it. */
uint64_t app_sum(app_t *app, size_t offset, uint64_t value);

/* The result; only one that was computed rightly counts. */
void app_print(const app_t *app, const char *what, const char *unit,
               double value, bool is_right);
void app_read_options(app_t *app, int argc, char **argv);

#endif
