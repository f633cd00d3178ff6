/* SPDX-License-Identifier: BSD-3-Clause */
/* MPI in the same process, started before, between and after. Once per
 * launch: Open MPI starts only once for each process that mpirun knows. */
#include "multi.h"

#include <mpi.h>

/* Both ranks write into each other's memory. */
static void exchange_words(uint64_t value)
{
    multi_segment_t segment;
    multi_import_t import;

    multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    multi_connect(&import, 1 - multi.rank, MULTI_ID(0), RSM_PERM_RDWR);
    multi_put64(&import, 0, value + multi.rank);
    multi_disconnect(&import);
    multi_sync();
    cr_assert_eq(multi_load64(segment.memory), value + 1 - multi.rank);
    multi_withdraw(&segment);
    multi_sync();
}

/* Numbers agree, and MPI moves data. */
static void check_mpi(void)
{
    int rank = -1;
    int size = -1;
    int sum = 0;
    int one = 1;

    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    cr_assert_eq(multi_self(), (rsm_node_id_t)rank);
    cr_assert_eq(multi.size, (uint32_t)size);
    MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    cr_assert_eq(sum, size);
}

MULTI_TEST(with_mpi, library_starts_after_mpi, 2)
{
    MPI_Init(NULL, NULL);
    exchange_words(10);
    check_mpi();
    MPI_Finalize();
}

MULTI_TEST(with_mpi, library_starts_before_mpi, 2)
{
    exchange_words(10);
    MPI_Init(NULL, NULL);
    check_mpi();
    exchange_words(20);
    MPI_Finalize();
}

MULTI_TEST(with_mpi, library_outlives_mpi, 2)
{
    MPI_Init(NULL, NULL);
    exchange_words(10);
    MPI_Finalize();
    exchange_words(20);
}

MULTI_TEST(with_mpi, library_starts_when_mpi_is_over, 2)
{
    MPI_Init(NULL, NULL);
    MPI_Finalize();
    exchange_words(10);
}

MULTI_TEST(with_mpi, connections_live_across_all_of_mpi, 2)
{
    multi_segment_t segment;
    multi_import_t import;

    multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    multi_connect(&import, 1 - multi.rank, MULTI_ID(0), RSM_PERM_RDWR);
    MPI_Init(NULL, NULL);
    multi_put64(&import, 0, 1);
    check_mpi();
    MPI_Finalize();
    multi_put64(&import, 8, 2);
    MULTI_OK(rsm_intr_signal_post(import.handle, 0));
    MULTI_OK(rsm_intr_signal_wait(segment.handle, MULTI_PATIENCE));
    cr_assert_eq(multi_load64(segment.memory), 1);
    cr_assert_eq(multi_load64(segment.memory + 8), 2);
    multi_disconnect(&import);
    multi_sync();
    multi_withdraw(&segment);
}

MULTI_TEST(with_mpi, full_thread_support_is_no_obstacle, 2)
{
    int provided = 0;

    MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &provided);
    exchange_words(10);
    check_mpi();
    exchange_words(20);
    MPI_Finalize();
}

/* Memory that MPI has a window over can be exported, and the reverse. */
MULTI_TEST(with_mpi, memory_serves_window_and_segment, 2)
{
    multi_segment_t segment;
    multi_import_t import;
    uint64_t word = 0;
    MPI_Win window;

    MPI_Init(NULL, NULL);
    multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    multi_connect(&import, 1 - multi.rank, MULTI_ID(0), RSM_PERM_RDWR);
    MPI_Win_create(segment.memory, MULTI_PAGE, 1, MPI_INFO_NULL, MPI_COMM_WORLD,
                   &window);
    multi_put64(&import, 0, 100 + multi.rank);
    MPI_Win_fence(0, window);
    MPI_Get(&word, 8, MPI_BYTE, 1 - (int)multi.rank, 0, 8, MPI_BYTE, window);
    MPI_Win_fence(0, window);
    cr_assert_eq(word, 100 + multi.rank, "MPI does not see the put");
    word = 200 + multi.rank;
    MPI_Put(&word, 8, MPI_BYTE, 1 - (int)multi.rank, 8, 8, MPI_BYTE, window);
    MPI_Win_fence(0, window);
    cr_assert_eq(multi_get64(&import, 8), 200 + multi.rank,
                 "get does not see MPI's put");
    MPI_Win_free(&window);
    multi_disconnect(&import);
    multi_sync();
    multi_withdraw(&segment);
    MPI_Finalize();
}
