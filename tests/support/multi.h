/* SPDX-License-Identifier: BSD-3-Clause */
/* What tests made of several processes share. Every rank of one mpirun launch
 * runs the same test: bodies branch on multi.rank and meet in multi_sync().
 *
 * The meeting point is a Unix socket of the tests' own and not the library
 * under test, so that a broken library shows up as a failed expectation and
 * never as a rendezvous that went wrong. Nothing here sleeps to be right:
 * waiting is polling with a deadline. */
#ifndef RSM_TESTS_MULTI_H
#define RSM_TESTS_MULTI_H

#include <criterion/criterion.h>

#include <rsmapi.h>
#include <rsmx.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MULTI_RANKS_MAX 16
#define MULTI_PATIENCE  10000 /* ms until a wait counts as failed */
#define MULTI_PAGE      4096

/* Identifiers that an application may choose; n counts from 0. */
#define MULTI_ID(n) ((rsm_memseg_id_t)(RSM_HPC_ID_BASE + (n)))

/* One launch `mpirun -n count`. The line has to start at column 0 and to fit
 * on one line: the build reads the list of tests from it. */
#define MULTI_TEST(suite, name, count)             \
    static void multi_body_##suite##_##name(void); \
    Test(suite, name, .timeout = 30)               \
    {                                              \
        multi_start(count);                        \
        multi_body_##suite##_##name();             \
        multi_end();                               \
    }                                              \
    static void multi_body_##suite##_##name(void)

/* The same, for what does not depend on the way to the data. */
#define MULTI_TEST_ONCE(suite, name, count) MULTI_TEST(suite, name, count)

/* The call returns just this code. */
#define MULTI_CODE(call, expected)                                        \
    do {                                                                  \
        int multi_rc_ = (call);                                           \
        cr_assert(multi_rc_ == (expected), "%s returned %s, expected %s", \
                  #call, rsmx_error_name(multi_rc_),                      \
                  rsmx_error_name(expected));                             \
    } while (0)

#define MULTI_OK(call) MULTI_CODE(call, RSM_SUCCESS)

/* Poll until the condition holds. */
#define MULTI_WAIT(condition)                                               \
    do {                                                                    \
        int64_t multi_end_ = multi_clock_ms() + MULTI_PATIENCE;             \
        while (!(condition)) {                                              \
            cr_assert(multi_clock_ms() < multi_end_, "never came true: %s", \
                      #condition);                                          \
            multi_pause();                                                  \
        }                                                                   \
    } while (0)

typedef enum {
    MULTI_PATH_DIRECT, /* loads and stores */
    MULTI_PATH_UCX,    /* RSM_DIRECT=n */
    MULTI_PATH_NET     /* UCX_TLS without shared memory */
} multi_path_t;

typedef struct {
    uint32_t rank;
    uint32_t size;
} multi_t;

typedef struct {
    rsm_memseg_export_handle_t handle;
    rsm_memseg_id_t id; /* 0: not published */
    unsigned char *memory;
    size_t size;
} multi_segment_t;

/* The barrier lies in here: do not copy one that is connected. */
typedef struct {
    rsm_memseg_import_handle_t handle;
    rsmapi_barrier_t barrier;
} multi_import_t;

extern multi_t multi;

void multi_start(uint32_t ranks);
void multi_end(void);

/* End the test as skipped on all ranks alike. Criterion tells neither reason
 * nor difference by its exit status: ctest looks for the line "skipped: ". */
void multi_skip(const char *reason);

/* Nobody returns before everybody has called. */
void multi_sync(void);

/* multi_sync() that also gives everyone the value of rank @p root. */
uint64_t multi_share(uint32_t root, uint64_t value);

/* Node number of a rank; starts the library. */
rsm_node_id_t multi_node(uint32_t rank);
rsm_node_id_t multi_self(void);
multi_path_t multi_path(void);

/* Controller "ucx0"; released by multi_end(). */
rsmapi_controller_handle_t multi_controller(void);

int64_t multi_clock_ms(void);
void multi_pause(void);

/* Anonymous private memory, page aligned, zero. */
void *multi_pages(size_t size);
void multi_free_pages(void *memory, size_t size);

/* Deterministic contents that differ for different seeds. */
void multi_fill(void *memory, size_t size, uint32_t seed);
bool multi_is_filled(const void *memory, size_t size, uint32_t seed);
bool multi_is_all(const void *memory, size_t size, unsigned char value);

/* A new segment over fresh pages. */
void multi_create(multi_segment_t *segment, size_t size, uint_t flags);

/* The same, published to all nodes; @p id 0 lets the library choose. */
void multi_publish(multi_segment_t *segment, size_t size, rsm_memseg_id_t id);
void multi_withdraw(multi_segment_t *segment);

/* Poll until so many connections are left. What an importer has sent before it
 * disconnected, signals for instance, has been taken in then. */
void multi_await_importers(const multi_segment_t *segment, uint32_t count);

/* Connect as soon as the segment is published. */
rsm_memseg_import_handle_t multi_connect_bare(uint32_t rank, rsm_memseg_id_t id,
                                              rsm_permission_t perm);

/* With a barrier, so that put and get work in implicit mode. */
void multi_connect(multi_import_t *import, uint32_t rank, rsm_memseg_id_t id,
                   rsm_permission_t perm);
void multi_disconnect(multi_import_t *import);

/* Shorthands for single words in implicit mode. */
void multi_put64(const multi_import_t *import, off_t offset, uint64_t value);
uint64_t multi_get64(const multi_import_t *import, off_t offset);

/* What another process stores into this word is seen here. */
static inline uint64_t multi_load64(const void *address)
{
    return __atomic_load_n((const uint64_t *)address, __ATOMIC_ACQUIRE);
}

static inline uint32_t multi_load32(const void *address)
{
    return __atomic_load_n((const uint32_t *)address, __ATOMIC_ACQUIRE);
}

#endif
