/* SPDX-License-Identifier: BSD-3-Clause */
/* The programs' memory made of MPI alone: one window, locked for everybody
 * once, and flushed. -k create takes memory of the program, as an export
 * does; -k allocate (the default) lets MPI choose it. */
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"

#define LOOKS       64  /* at the memory between two calls of MPI */
#define PENDING_MAX 512 /* updates; HPCC allows 1024 */

static MPI_Win win;
static bool is_created;

static const cmp_peer_t peer = {.name = "mpi"};

void app_start(app_t *app, int argc, char **argv)
{
    int rank, ranks;

    app->cmp.peer = &peer;
    app_read_options(app, argc, argv);
    MPI_Init(NULL, NULL);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    app->cmp.rank = (unsigned int)rank;
    app->ranks = (uint32_t)ranks;
}

void app_open(app_t *app, size_t size)
{
    app->size = size;
    is_created =
        (app->cmp.kind != NULL) && (strcmp(app->cmp.kind, "create") == 0);
    if (is_created) {
        app->memory = cmp_memory(size);
        MPI_Win_create(app->memory, (MPI_Aint)size, 1, MPI_INFO_NULL,
                       MPI_COMM_WORLD, &win);
    } else {
        MPI_Win_allocate((MPI_Aint)size, 1, MPI_INFO_NULL, MPI_COMM_WORLD,
                         &app->memory, &win);
        memset(app->memory, 0, size);
    }
    MPI_Win_lock_all(MPI_MODE_NOCHECK, win);
    app_barrier(app);
}

void app_close(app_t *app)
{
    app_barrier(app);
    MPI_Win_unlock_all(win);
    MPI_Win_free(&win);
    if (is_created) {
        free(app->memory);
    }
    MPI_Finalize();
}

void app_put(app_t *app, uint32_t rank, size_t offset, const void *from,
             size_t size)
{
    (void)app;
    MPI_Put(from, (int)size, MPI_BYTE, (int)rank, (MPI_Aint)offset, (int)size,
            MPI_BYTE, win);
}

/* MPI's puts have no order but that of their completion. */
void app_order(app_t *app, uint32_t rank)
{
    (void)app;
    MPI_Win_flush((int)rank, win);
}

void app_flush(app_t *app, uint32_t rank)
{
    (void)app;
    MPI_Win_flush((int)rank, win);
}

void app_get(app_t *app, uint32_t rank, size_t offset, void *to, size_t size)
{
    (void)app;
    MPI_Get(to, (int)size, MPI_BYTE, (int)rank, (MPI_Aint)offset, (int)size,
            MPI_BYTE, win);
    MPI_Win_flush((int)rank, win);
}

/* The values have to stay until MPI has read them. */
void app_xor(app_t *app, uint32_t rank, size_t offset, uint64_t value)
{
    static uint64_t values[PENDING_MAX];
    static unsigned int pending;

    (void)app;
    if (pending == PENDING_MAX) {
        MPI_Win_flush_local_all(win);
        pending = 0;
    }
    values[pending] = value;
    MPI_Accumulate(&values[pending++], 1, MPI_UINT64_T, (int)rank,
                   (MPI_Aint)offset, 1, MPI_UINT64_T, MPI_BXOR, win);
}

void app_barrier(app_t *app)
{
    (void)app;
    MPI_Win_flush_all(win);
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Win_sync(win);
}

void app_progress(app_t *app)
{
    static unsigned int looks;
    int is_there;

    (void)app;
    if (++looks % LOOKS == 0) {
        MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &is_there,
                   MPI_STATUS_IGNORE);
    }
}
