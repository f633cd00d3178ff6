/* SPDX-License-Identifier: BSD-3-Clause */
/* Vectors of many pieces, against what single accesses would have done. */
#include "crew.h"
#include "vector.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SIZE  ((size_t)64 * MULTI_PAGE)
#define MOST  RSM_MAX_SGIOREQS
#define SEEDS 200

/* Rank 0 owns the segment; rank 1 is at work. */
static void with_segment(void (*check)(multi_import_t *))
{
    multi_segment_t segment;
    multi_import_t import;

    if (multi.rank == 0) {
        multi_publish(&segment, SIZE, MULTI_ID(0));
        multi_fill(segment.memory, SIZE, 1);
    }
    multi_sync();
    if (multi.rank == 1) {
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
        check(&import);
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
}

/* --- any pieces, and one of them wrong --- */

typedef struct {
    unsigned char *local;   /* what the library works on */
    unsigned char *model;   /* what should be there */
    unsigned char *segment; /* and in the segment */
    rsm_localmemory_handle_t handle;
    unsigned state;
} trial_t;

static unsigned any(trial_t *trial, unsigned below)
{
    return (unsigned)rand_r(&trial->state) % below;
}

/* None, few, up to some pages; anywhere, misaligned, over one another. */
static rsm_iovec_t any_piece(trial_t *trial)
{
    static const unsigned most[] = {1, 9, 65, 1000, 8193, 20000};
    size_t length = any(trial, most[any(trial, 6)]);
    rsm_iovec_t piece =
        piece_of(trial->local, any(trial, SIZE - (unsigned)length),
                 any(trial, SIZE - (unsigned)length), length);

    if (any(trial, 4) == 0) {
        piece.io_type = RSM_HANDLE_TYPE;
        piece.local.handle = trial->handle;
    }
    return piece;
}

static void play(trial_t *trial, const rsm_iovec_t *piece, bool is_put)
{
    unsigned char *local = trial->model + piece->local_offset;
    unsigned char *remote = trial->segment + piece->remote_offset;

    memmove(is_put ? remote : local, is_put ? local : remote,
            piece->transfer_length);
}

static void check_trial(trial_t *trial, const multi_import_t *import,
                        bool is_put)
{
    size_t i, count = 1 + any(trial, MOST), wrong = any(trial, 2 * MOST);
    rsm_iovec_t pieces[MOST];
    rsm_scat_gath_t vector = vector_of(import->handle, pieces, count);
    int rc;

    for (i = 0; i < count; i++)
        pieces[i] = any_piece(trial);
    if (wrong < count)
        pieces[wrong].remote_offset = SIZE + 1 + any(trial, 1000);
    for (i = 0; i < count && i < wrong; i++)
        play(trial, &pieces[i], is_put);
    rc = is_put ? rsm_memseg_import_putv(&vector)
                : rsm_memseg_import_getv(&vector);
    cr_assert_eq(rc, wrong < count ? RSMERR_BAD_OFFSET : RSM_SUCCESS, "%s",
                 rsmx_error_name(rc));
    cr_assert_eq(vector.io_residual_count, count - i,
                 "%lu of %zu left, not %zu", vector.io_residual_count, count,
                 count - i);
    cr_assert_eq(memcmp(trial->local, trial->model, SIZE), 0);
}

static void check_any(multi_import_t *import, rsm_barrier_mode_t mode)
{
    trial_t trial = {.local = multi_pages(SIZE),
                     .model = malloc(SIZE),
                     .segment = malloc(SIZE)};
    unsigned seed;

    multi_fill(trial.local, SIZE, 2);
    multi_fill(trial.model, SIZE, 2);
    multi_fill(trial.segment, SIZE, 1);
    MULTI_OK(rsm_create_localmemory_handle(multi_controller(), &trial.handle,
                                           (caddr_t)trial.local, SIZE));
    MULTI_OK(rsm_memseg_import_set_mode(import->handle, mode));
    MULTI_OK(rsm_memseg_import_open_barrier(&import->barrier));
    for (seed = 0; seed < SEEDS; seed++) {
        trial.state = seed;
        check_trial(&trial, import, seed % 2 == 0);
    }
    MULTI_OK(rsm_memseg_import_close_barrier(&import->barrier));
    MULTI_OK(rsm_memseg_import_get(import->handle, 0, trial.local, SIZE));
    cr_assert_eq(memcmp(trial.local, trial.segment, SIZE), 0);
    MULTI_OK(rsm_free_localmemory_handle(multi_controller(), trial.handle));
    multi_free_pages(trial.local, SIZE);
    free(trial.model);
    free(trial.segment);
}

static void check_any_implicit(multi_import_t *import)
{
    check_any(import, RSM_BARRIER_MODE_IMPLICIT);
}

static void check_any_explicit(multi_import_t *import)
{
    check_any(import, RSM_BARRIER_MODE_EXPLICIT);
}

MULTI_TEST(iov_many, any_pieces_as_single_accesses, 2)
{
    with_segment(check_any_implicit);
}

MULTI_TEST(iov_many, any_pieces_in_explicit_mode, 2)
{
    with_segment(check_any_explicit);
}

/* --- threads --- */

#define ROUNDS 100
#define PIECE  ((size_t)8192)

/* Together they ask for much more than a socket has room for. */
static void *get_much(void *arg)
{
    worker_t *worker = arg;
    unsigned char *data = malloc(MOST * PIECE);
    unsigned char *model = malloc(SIZE);
    rsm_iovec_t pieces[MOST];
    rsm_scat_gath_t vector = vector_of(worker->import->handle, pieces, MOST);
    size_t i;
    int round;

    multi_fill(model, SIZE, 1);
    for (round = 0; round < ROUNDS && worker->code == RSM_SUCCESS; round++) {
        for (i = 0; i < MOST; i++)
            pieces[i] = piece_of(data, i * PIECE,
                                 (i * 5 + worker->index + (size_t)round) *
                                     1237 % (SIZE - PIECE),
                                 PIECE - worker->index);
        memset(data, 0, MOST * PIECE);
        worker->code = rsm_memseg_import_getv(&vector);
        for (i = 0; i < MOST && worker->code == RSM_SUCCESS; i++)
            if (memcmp(data + i * PIECE, model + pieces[i].remote_offset,
                       pieces[i].transfer_length) != 0)
                worker->code = RSMERR_INTERNAL_ERROR;
    }
    free(data);
    free(model);
    return NULL;
}

static void check_threads(multi_import_t *import)
{
    worker_t workers[THREADS];
    unsigned i;

    for (i = 0; i < THREADS; i++)
        workers[i].import = import;
    crew_run(get_much, workers, NULL);
}

MULTI_TEST(iov_many, threads_get_much_at_once, 2)
{
    with_segment(check_threads);
}

/* --- order --- */

#define VECTORS 200 /* of a word only one byte changes */
#define STRIDE  (2 * PIECE)
#define LONG    16000 /* bytes of every fifth piece */

static size_t length_of(size_t piece)
{
    return piece % 5 == 2 ? LONG : sizeof(uint64_t);
}

/* Where pieces begin and end, and the last one as a whole. */
static uint64_t word_at(const unsigned char *memory, size_t piece, bool is_end)
{
    size_t at = piece * STRIDE;

    if (is_end)
        at += length_of(piece) - sizeof(uint64_t);
    return atomic_load((const _Atomic uint64_t *)(const void *)(memory + at));
}

static void watch(const unsigned char *memory)
{
    uint64_t round;
    size_t i;

    for (round = 1; round <= VECTORS; round++) {
        while (word_at(memory, MOST - 1, false) < round)
            sched_yield();
        for (i = 0; i < MOST; i++) {
            cr_assert_geq(word_at(memory, i, false), round, "piece %zu", i);
            cr_assert_geq(word_at(memory, i, true), round, "piece %zu", i);
        }
    }
}

static void put_rounds(multi_import_t *import)
{
    unsigned char *local = multi_pages(SIZE);
    rsm_iovec_t pieces[MOST];
    rsm_scat_gath_t vector = vector_of(import->handle, pieces, MOST);
    uint64_t round;
    size_t i, at;

    for (i = 0; i < MOST; i++)
        pieces[i] = piece_of(local, i * STRIDE, i * STRIDE, length_of(i));
    for (round = 1; round <= VECTORS; round++) {
        for (at = 0; at < SIZE; at += sizeof(round))
            memcpy(local + at, &round, sizeof(round));
        MULTI_OK(rsm_memseg_import_putv(&vector));
    }
    multi_free_pages(local, SIZE);
}

/* Who sees the last piece of a vector in implicit mode sees all of them. */
MULTI_TEST(iov_many, the_last_piece_is_a_flag, 2)
{
    multi_segment_t segment;
    multi_import_t import;

    if (multi.rank == 0)
        multi_publish(&segment, SIZE, MULTI_ID(0));
    multi_sync();
    if (multi.rank == 0) {
        watch(segment.memory);
    } else {
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
        put_rounds(&import);
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
}

/* --- withdrawal --- */

/* Vectors go on while the segment goes: they say so, and how much is left. */
MULTI_TEST(iov_many, a_withdrawal_ends_vectors, 2)
{
    unsigned char *local = multi_pages(SIZE);
    rsm_iovec_t pieces[MOST];
    multi_segment_t segment;
    multi_import_t import;
    rsm_scat_gath_t vector;
    int round, rc = RSM_SUCCESS;
    size_t i;

    for (round = 0; round < 6; round++) {
        if (multi.rank == 0)
            multi_publish(&segment, SIZE, MULTI_ID(0));
        multi_sync();
        if (multi.rank == 1)
            multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
        multi_sync();
        if (multi.rank == 0) {
            multi_pause();
            multi_withdraw(&segment);
        } else {
            vector = vector_of(import.handle, pieces, MOST);
            for (i = 0; i < MOST; i++)
                pieces[i] = piece_of(local, i * PIECE, i * PIECE, PIECE);
            do {
                rc = round % 2 == 0 ? rsm_memseg_import_getv(&vector)
                                    : rsm_memseg_import_putv(&vector);
                cr_assert_eq(rc == RSM_SUCCESS, vector.io_residual_count == 0);
            } while (rc == RSM_SUCCESS);
            MULTI_CODE(rc, RSMERR_CONN_ABORTED);
            cr_assert_leq(vector.io_residual_count, MOST);
            multi_disconnect(&import);
        }
        multi_sync();
    }
    multi_free_pages(local, SIZE);
}
