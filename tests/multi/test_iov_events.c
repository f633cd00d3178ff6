/* SPDX-License-Identifier: BSD-3-Clause */
/* Vectors that post an event, and vectors of broken connections. */
#include "vector.h"

#define SIZE ((size_t)8 * MULTI_PAGE)

/* The event comes behind the data, in both modes and for getv too; after an
 * error there is none. */
static void check_signal_post(rsm_barrier_mode_t mode)
{
    enum { ROUNDS = 100 };
    static _Alignas(8) uint64_t words[1024];
    rsm_iovec_t piece = piece_of(words, 0, 0, sizeof(words));
    multi_segment_t segment;
    multi_import_t import;
    rsm_scat_gath_t vector;
    uint64_t round;

    if (multi.rank == 0) {
        multi_publish(&segment, SIZE, MULTI_ID(0));
        multi_connect(&import, 1, MULTI_ID(1), RSM_PERM_RDWR);
        for (round = 1; round <= ROUNDS; round++) {
            MULTI_OK(rsm_intr_signal_wait(segment.handle, MULTI_PATIENCE));
            cr_assert_eq(multi_load64(segment.memory), round);
            cr_assert_eq(multi_load64(segment.memory + sizeof(words) - 8),
                         round, "the event overtook the data");
            MULTI_OK(rsm_intr_signal_post(import.handle, 0));
        }
        MULTI_OK(rsm_intr_signal_wait(segment.handle, MULTI_PATIENCE));
        MULTI_CODE(rsm_intr_signal_wait(segment.handle, 50), RSMERR_TIMEOUT);
    } else {
        multi_publish(&segment, MULTI_PAGE, MULTI_ID(1));
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
        MULTI_OK(rsm_memseg_import_set_mode(import.handle, mode));
        MULTI_OK(rsm_memseg_import_open_barrier(&import.barrier));
        vector = vector_of(import.handle, &piece, 1);
        vector.flags = RSM_IMPLICIT_SIGPOST;
        for (round = 1; round <= ROUNDS; round++) {
            words[0] = words[1023] = round;
            MULTI_OK(rsm_memseg_import_putv(&vector));
            cr_assert_eq(vector.flags, RSM_IMPLICIT_SIGPOST);
            MULTI_OK(rsm_intr_signal_wait(segment.handle, MULTI_PATIENCE));
        }
        MULTI_OK(rsm_memseg_import_getv(&vector));
        piece.remote_offset = SIZE;
        MULTI_CODE(rsm_memseg_import_putv(&vector), RSMERR_BAD_LENGTH);
        MULTI_OK(rsm_memseg_import_close_barrier(&import.barrier));
    }
    multi_sync();
    multi_disconnect(&import);
    multi_sync();
    multi_withdraw(&segment);
}

MULTI_TEST(iov, event_follows_the_data, 2)
{
    check_signal_post(RSM_BARRIER_MODE_IMPLICIT);
}

MULTI_TEST(iov, event_follows_the_data_in_explicit_mode, 2)
{
    check_signal_post(RSM_BARRIER_MODE_EXPLICIT);
}

MULTI_TEST(iov, event_need_not_accumulate, 2)
{
    uint64_t word = 5;
    rsm_iovec_t piece = piece_of(&word, 0, 0, 8);
    multi_segment_t segment;
    multi_import_t import;
    rsm_scat_gath_t vector;
    int i;

    if (multi.rank == 0)
        multi_publish(&segment, SIZE, MULTI_ID(0));
    else {
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
        vector = vector_of(import.handle, &piece, 1);
        vector.flags = RSM_IMPLICIT_SIGPOST | RSM_SIGPOST_NO_ACCUMULATE;
        for (i = 0; i < 10; i++)
            MULTI_OK(rsm_memseg_import_putv(&vector));
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0) {
        multi_await_importers(&segment, 0);
        MULTI_OK(rsm_intr_signal_wait(segment.handle, MULTI_PATIENCE));
        MULTI_CODE(rsm_intr_signal_wait(segment.handle, 100), RSMERR_TIMEOUT);
        multi_withdraw(&segment);
    }
}

MULTI_TEST(iov, aborted_connection_is_told, 2)
{
    uint64_t word = 5;
    rsm_iovec_t piece = piece_of(&word, 0, 0, 8);
    multi_segment_t segment;
    multi_import_t import;
    rsm_scat_gath_t vector;

    if (multi.rank == 0)
        multi_publish(&segment, SIZE, MULTI_ID(0));
    else
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
    multi_sync();
    if (multi.rank == 0)
        MULTI_OK(rsm_memseg_export_unpublish(segment.handle));
    multi_sync();
    if (multi.rank == 1) {
        vector = vector_of(import.handle, &piece, 1);
        MULTI_CODE(rsm_memseg_import_putv(&vector), RSMERR_CONN_ABORTED);
        cr_assert_eq(vector.io_residual_count, 1);
        vector = vector_of(import.handle, &piece, 1);
        MULTI_CODE(rsm_memseg_import_getv(&vector), RSMERR_CONN_ABORTED);
        cr_assert_eq(vector.io_residual_count, 1);
        multi_disconnect(&import);
    } else {
        cr_assert_eq(multi_load64(segment.memory), 0);
        multi_withdraw(&segment);
    }
}
