/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of MPI's one-sided chapter share. They are written from the
 * standard (MPI-3.1, chapter 11) and know nothing of librsm: the same program
 * runs on the MPI library alone and with librsm_mpi in front of it, so that a
 * test which contradicts the MPI library is seen.
 *
 * One launch for each test: MPI starts only once in a process that mpirun
 * knows. Every rank runs the same body. */
#ifndef RSM_TESTS_MPI_TEST_H
#define RSM_TESTS_MPI_TEST_H

#include <criterion/criterion.h>

#include <mpi.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MPI_PATIENCE 15000 /* ms until a wait counts as failed */

/* One launch `mpirun -n count`. The line has to start at column 0 and to fit
 * on one line: the build reads the list of tests from it. */
#define MPI_TEST(suite, name, count) \
    MPI_TEST_AT(suite, name, count, MPI_THREAD_SINGLE)

/* The same with threads that all call MPI. */
#define MPI_TEST_THREADS(suite, name, count) \
    MPI_TEST_AT(suite, name, count, MPI_THREAD_MULTIPLE)

/* The same for what would take long over a network. */
#define MPI_TEST_LOCAL(suite, name, count) \
    MPI_TEST_AT(suite, name, count, MPI_THREAD_SINGLE)

/* The same for windows of shared memory alone. */
#define MPI_TEST_SHARED(suite, name, count) \
    MPI_TEST_AT(suite, name, count, MPI_THREAD_SINGLE)

/* The same for windows that librsm_mpi may hand on to the MPI library. */
#define MPI_TEST_EITHER(suite, name, count) \
    MPI_TEST_AT(suite, name, count, MPI_THREAD_SINGLE)

#define MPI_TEST_AT(suite, name, count, level)   \
    static void mpi_body_##suite##_##name(void); \
    Test(suite, name, .timeout = 40)             \
    {                                            \
        mpi_start(count, level);                 \
        mpi_body_##suite##_##name();             \
        mpi_end();                               \
    }                                            \
    static void mpi_body_##suite##_##name(void)

/* Criterion reports every assertion that holds to its runner, which is slow:
 * only what fails gets there. */
#define EXPECT(condition)                                          \
    do {                                                           \
        if (!(condition)) {                                        \
            cr_assert_fail("%s: %s", mpi_case_name(), #condition); \
        }                                                          \
    } while (0)

#define EXPECT_EQ(actual, expected)                                          \
    do {                                                                     \
        long long mpi_actual_ = (long long)(actual);                         \
        long long mpi_expected_ = (long long)(expected);                     \
        if (mpi_actual_ != mpi_expected_) {                                  \
            cr_assert_fail("%s: %s is %lld, not %lld (%s)", mpi_case_name(), \
                           #actual, mpi_actual_, mpi_expected_, #expected);  \
        }                                                                    \
    } while (0)

/* The call succeeds, for communicators and windows that return errors. */
#define MPI_OK(call) EXPECT_EQ(call, MPI_SUCCESS)

/* The call fails with an error of this class. */
#define MPI_FAILS(call, class) EXPECT_EQ(mpi_class(call), class)

/* Poll until the condition holds. */
#define MPI_AWAIT(condition)                                               \
    do {                                                                   \
        int64_t mpi_end_ = mpi_clock_ms() + MPI_PATIENCE;                  \
        while (!(condition)) {                                             \
            if (mpi_clock_ms() > mpi_end_) {                               \
                cr_assert_fail("%s: never came true: %s", mpi_case_name(), \
                               #condition);                                \
            }                                                              \
            mpi_pause();                                                   \
        }                                                                  \
    } while (0)

/* Whoever runs the tests can leave cases out: RSM_MPI_TEST_WITHOUT is a list of
 * shell patterns with blanks between. What a failure names is the case. */
bool mpi_case(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *mpi_case_name(void);

extern int mpi_rank; /* in MPI_COMM_WORLD */
extern int mpi_size;

void mpi_start(int ranks, int level);
void mpi_end(void);

void mpi_sync(void);
int mpi_class(int code);
int64_t mpi_clock_ms(void);
void mpi_pause(void);

/* Memory of a process that peers can get at, in the four ways to make it. */
typedef enum {
    KIND_CREATE,
    KIND_ALLOCATE,
    KIND_SHARED,
    KIND_DYNAMIC,
    KINDS
} window_kind_t;

typedef struct {
    MPI_Win win;
    window_kind_t kind;
    MPI_Comm comm;
    size_t size;         /* of this rank's memory */
    unsigned char *base; /* zero when the window opens */
    MPI_Aint *bases;     /* of each rank; dynamic windows */
    int *units;          /* of each rank */
} window_t;

const char *window_kind_name(window_kind_t kind);

/* Runs a body once for each kind that the communicator allows. */
#define EACH_KIND(kind, comm)                                              \
    for (window_kind_t kind = window_kind_after(-1, comm); (kind) < KINDS; \
         (kind) = window_kind_after((int)(kind), comm))
window_kind_t window_kind_after(int kind, MPI_Comm comm);

/* Collective. The unit is this rank's own; a dynamic window counts bytes. */
void window_open(window_t *window, window_kind_t kind, MPI_Comm comm,
                 size_t size, int unit);
void window_close(window_t *window);

/* Collective: a dynamic window, empty, that returns errors. */
MPI_Win dynamic_open(void);

/* Collective: of an address of each rank, that of @p rank, which need not be the
 * same for all. */
MPI_Aint dynamic_address(int rank, const void *mine);

/* Displacement of a byte of a rank's memory. */
MPI_Aint window_at(const window_t *window, int rank, size_t byte);

#endif
