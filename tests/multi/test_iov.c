/* SPDX-License-Identifier: BSD-3-Clause */
/* Scatter and gather. */
#include "vector.h"

#include <string.h>

#define SIZE ((size_t)8 * MULTI_PAGE)

/* Rank 0 owns the segment; rank 1 gets a connection and local memory. */
static void with_vectors(rsm_permission_t perm,
                         void (*check)(multi_import_t *, unsigned char *),
                         void (*judge)(unsigned char *))
{
    unsigned char *local = multi_pages(SIZE);
    multi_segment_t segment;
    multi_import_t import;

    if (multi.rank == 0) {
        multi_publish(&segment, SIZE, MULTI_ID(0));
        multi_fill(segment.memory, SIZE, 1);
    }
    multi_sync();
    if (multi.rank == 1) {
        multi_fill(local, SIZE, 2);
        multi_connect(&import, 0, MULTI_ID(0), perm);
        check(&import, local);
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0) {
        judge(segment.memory);
        multi_withdraw(&segment);
    }
    multi_free_pages(local, SIZE);
}

static void judge_untouched(unsigned char *memory)
{
    cr_assert(multi_is_filled(memory, SIZE, 1), "a refused vector wrote");
}

static void check_single(multi_import_t *import, unsigned char *local)
{
    rsm_iovec_t piece = piece_of(local, 100, 200, 300);
    rsm_scat_gath_t vector = vector_of(import->handle, &piece, 1);
    unsigned char copy[300];

    MULTI_OK(rsm_memseg_import_putv(&vector));
    cr_assert_eq(vector.io_residual_count, 0);
    memcpy(copy, local + 100, sizeof(copy));
    memset(local, 0, SIZE);
    vector.io_residual_count = 777;
    MULTI_OK(rsm_memseg_import_getv(&vector));
    cr_assert_eq(vector.io_residual_count, 0);
    cr_assert_eq(memcmp(local + 100, copy, sizeof(copy)), 0);
    cr_assert(multi_is_all(local, 100, 0));
    cr_assert(multi_is_all(local + 400, SIZE - 400, 0));
}

static void judge_single(unsigned char *memory)
{
    static unsigned char model[SIZE];
    static unsigned char source[SIZE];

    multi_fill(model, SIZE, 1);
    multi_fill(source, SIZE, 2);
    memcpy(model + 200, source + 100, 300);
    cr_assert_eq(memcmp(memory, model, SIZE), 0);
}

MULTI_TEST(iov, single_piece_moves_both_ways, 2)
{
    with_vectors(RSM_PERM_RDWR, check_single, judge_single);
}

/* Sixteen pieces, addresses and handles by turns, lengths from nothing to
 * more than a page, in no order of place. */
static rsm_iovec_t sixteen(size_t i, unsigned char *local,
                           rsm_localmemory_handle_t handle)
{
    size_t place = i * 7 % 16;
    size_t length = i * i * 8 % 2000;
    rsm_iovec_t piece =
        piece_of(local, place * 2000 + i, (15 - place) * 2000 + 3, length);

    if (i % 2 == 1 && handle != NULL) {
        piece.io_type = RSM_HANDLE_TYPE;
        piece.local.handle = handle;
    }
    return piece;
}

static void check_sixteen(multi_import_t *import, unsigned char *local)
{
    rsm_localmemory_handle_t handle = NULL;
    static unsigned char original[SIZE];
    rsm_iovec_t pieces[16];
    rsm_scat_gath_t vector = vector_of(import->handle, pieces, 16);
    size_t i;

    MULTI_OK(rsm_create_localmemory_handle(multi_controller(), &handle,
                                           (caddr_t)local, SIZE));
    for (i = 0; i < 16; i++)
        pieces[i] = sixteen(i, local, handle);
    MULTI_OK(rsm_memseg_import_putv(&vector));
    cr_assert_eq(vector.io_residual_count, 0);
    memcpy(original, local, SIZE);
    for (i = 0; i < 16; i++)
        memset(local + pieces[i].local_offset, 0, pieces[i].transfer_length);
    MULTI_OK(rsm_memseg_import_getv(&vector));
    cr_assert_eq(vector.io_residual_count, 0);
    cr_assert_eq(memcmp(local, original, SIZE), 0);
    MULTI_OK(rsm_free_localmemory_handle(multi_controller(), handle));
}

static void judge_sixteen(unsigned char *memory)
{
    static unsigned char model[SIZE];
    static unsigned char source[SIZE];
    size_t i;

    multi_fill(model, SIZE, 1);
    multi_fill(source, SIZE, 2);
    for (i = 0; i < 16; i++) {
        rsm_iovec_t piece = sixteen(i, source, NULL);

        memcpy(model + piece.remote_offset, source + piece.local_offset,
               piece.transfer_length);
    }
    cr_assert_eq(memcmp(memory, model, SIZE), 0);
}

MULTI_TEST(iov, sixteen_mixed_pieces_move_both_ways, 2)
{
    with_vectors(RSM_PERM_RDWR, check_sixteen, judge_sixteen);
}

static void check_explicit(multi_import_t *import, unsigned char *local)
{
    MULTI_OK(
        rsm_memseg_import_set_mode(import->handle, RSM_BARRIER_MODE_EXPLICIT));
    MULTI_OK(rsm_memseg_import_open_barrier(&import->barrier));
    check_sixteen(import, local);
    MULTI_OK(rsm_memseg_import_close_barrier(&import->barrier));
}

MULTI_TEST(iov, explicit_mode_moves_the_same_bytes, 2)
{
    with_vectors(RSM_PERM_RDWR, check_explicit, judge_sixteen);
}

static void check_no_barrier(multi_import_t *import, unsigned char *local)
{
    rsm_iovec_t piece = piece_of(local, 100, 200, 300);
    rsm_scat_gath_t vector;

    vector =
        vector_of(multi_connect_bare(0, MULTI_ID(0), RSM_PERM_RDWR), &piece, 1);
    (void)import;
    MULTI_OK(rsm_memseg_import_putv(&vector));
    MULTI_OK(rsm_memseg_import_getv(&vector));
    MULTI_OK(rsm_memseg_import_disconnect(vector.remote_handle));
}

MULTI_TEST(iov, needs_no_barrier, 2)
{
    with_vectors(RSM_PERM_RDWR, check_no_barrier, judge_single);
}

typedef int (*vector_function_t)(rsm_scat_gath_t *);

static const vector_function_t functions[] = {rsm_memseg_import_putv,
                                              rsm_memseg_import_getv};

static void expect(rsm_scat_gath_t vector, int code, ulong_t residual)
{
    size_t i;

    for (i = 0; i < 2; i++) {
        vector.io_residual_count = 777;
        MULTI_CODE(functions[i](&vector), code);
        cr_assert_eq(vector.io_residual_count, residual, "%s: residual %lu",
                     rsmx_error_name(code), vector.io_residual_count);
    }
}

static void check_errors(multi_import_t *import, unsigned char *local)
{
    rsm_iovec_t pieces[17];
    rsm_scat_gath_t vector = vector_of(import->handle, pieces, 1);
    size_t i;

    for (i = 0; i < 17; i++)
        pieces[i] = piece_of(local, 0, 0, 8);
    MULTI_CODE(rsm_memseg_import_putv(NULL), RSMERR_BAD_SGIO);
    MULTI_CODE(rsm_memseg_import_getv(NULL), RSMERR_BAD_SGIO);
    expect(vector_of(NULL, NULL, 0), RSMERR_BAD_SEG_HNDL, 0);
    expect(vector_of(NULL, pieces, 3), RSMERR_BAD_SEG_HNDL, 3);
    expect(vector_of(import->handle, pieces, 0), RSMERR_BAD_SGIO, 0);
    expect(vector_of(import->handle, pieces, 17), RSMERR_BAD_SGIO, 17);
    expect(vector_of(import->handle, NULL, 2), RSMERR_BAD_SGIO, 2);

    pieces[0].io_type = 0;
    expect(vector, RSMERR_BAD_SGIO, 1);
    pieces[0].io_type = RSM_HANDLE_TYPE | RSM_VA_TYPE;
    expect(vector, RSMERR_BAD_SGIO, 1);
    pieces[0].io_type = RSM_HANDLE_TYPE;
    pieces[0].local.handle = NULL;
    expect(vector, RSMERR_BAD_SGIO, 1);
    pieces[0].local.handle = (rsm_localmemory_handle_t)(void *)local;
    expect(vector, RSMERR_BAD_SGIO, 1);

    pieces[0] = piece_of(NULL, 0, 0, 8);
    expect(vector, RSMERR_BAD_ADDR, 1);
    pieces[0] = piece_of(local, 0, SIZE + 1, 8);
    expect(vector, RSMERR_BAD_OFFSET, 1);
    pieces[0] = piece_of(local, 0, SIZE_MAX, 8);
    expect(vector, RSMERR_BAD_OFFSET, 1);
    pieces[0] = piece_of(local, 0, SIZE - 4, 8);
    expect(vector, RSMERR_BAD_LENGTH, 1);
    pieces[0] = piece_of(local, 0, 8, SIZE_MAX);
    expect(vector, RSMERR_BAD_LENGTH, 1);
}

MULTI_TEST(iov, errors_leave_the_request_count, 2)
{
    with_vectors(RSM_PERM_RDWR, check_errors, judge_untouched);
}

static void check_range_of_handle(multi_import_t *import, unsigned char *local)
{
    rsm_localmemory_handle_t handle = NULL;
    rsm_iovec_t piece = piece_of(NULL, 0, 0, 100);
    rsm_scat_gath_t vector = vector_of(import->handle, &piece, 1);
    int rc;

    MULTI_OK(rsm_create_localmemory_handle(multi_controller(), &handle,
                                           (caddr_t)local, MULTI_PAGE));
    piece.io_type = RSM_HANDLE_TYPE;
    piece.local.handle = handle;
    piece.local_offset = MULTI_PAGE - 99;
    rc = rsm_memseg_import_putv(&vector);
    cr_assert(rc == RSMERR_BAD_LENGTH || rc == RSMERR_BAD_OFFSET,
              "left the registered memory: %s", rsmx_error_name(rc));
    piece.local_offset = SIZE_MAX - 10;
    rc = rsm_memseg_import_putv(&vector);
    cr_assert(rc == RSMERR_BAD_LENGTH || rc == RSMERR_BAD_OFFSET,
              "left the registered memory: %s", rsmx_error_name(rc));
    MULTI_OK(rsm_free_localmemory_handle(multi_controller(), handle));
    piece.local_offset = 0;
    MULTI_CODE(rsm_memseg_import_putv(&vector), RSMERR_BAD_SGIO);
}

MULTI_TEST(iov, stays_inside_local_memory_handles, 2)
{
    with_vectors(RSM_PERM_RDWR, check_range_of_handle, judge_untouched);
}

/* The first bad piece stops the vector; what went before is done. */
static void check_residual(multi_import_t *import, unsigned char *local)
{
    rsm_iovec_t pieces[5];
    rsm_scat_gath_t vector = vector_of(import->handle, pieces, 5);
    size_t i;

    for (i = 0; i < 5; i++)
        pieces[i] = piece_of(local, i * 100, i * 100, 100);
    pieces[3].remote_offset = SIZE + 100;
    MULTI_CODE(rsm_memseg_import_putv(&vector), RSMERR_BAD_OFFSET);
    cr_assert_eq(vector.io_residual_count, 2, "residual %lu",
                 vector.io_residual_count);
}

static void judge_residual(unsigned char *memory)
{
    static unsigned char model[SIZE];
    static unsigned char source[SIZE];

    multi_fill(model, SIZE, 1);
    multi_fill(source, SIZE, 2);
    memcpy(model, source, 300);
    cr_assert_eq(memcmp(memory, model, SIZE), 0);
}

MULTI_TEST(iov, residual_count_is_exact, 2)
{
    with_vectors(RSM_PERM_RDWR, check_residual, judge_residual);
}

static void check_read_only(multi_import_t *import, unsigned char *local)
{
    rsm_iovec_t piece = piece_of(local, 0, 0, 64);
    rsm_scat_gath_t vector = vector_of(import->handle, &piece, 1);

    MULTI_CODE(rsm_memseg_import_putv(&vector), RSMERR_PERM_DENIED);
    cr_assert_eq(vector.io_residual_count, 1);
    MULTI_OK(rsm_memseg_import_getv(&vector));
    cr_assert(multi_is_filled(local, 64, 1));
}

MULTI_TEST(iov, reading_connection_can_getv_only, 2)
{
    with_vectors(RSM_PERM_READ, check_read_only, judge_untouched);
}

static void check_write_only(multi_import_t *import, unsigned char *local)
{
    rsm_iovec_t piece = piece_of(local, 100, 200, 300);
    rsm_scat_gath_t vector = vector_of(import->handle, &piece, 1);

    MULTI_CODE(rsm_memseg_import_getv(&vector), RSMERR_PERM_DENIED);
    cr_assert(multi_is_filled(local, SIZE, 2));
    MULTI_OK(rsm_memseg_import_putv(&vector));
}

MULTI_TEST(iov, writing_connection_can_putv_only, 2)
{
    with_vectors(RSM_PERM_WRITE, check_write_only, judge_single);
}
