/* SPDX-License-Identifier: BSD-3-Clause */
/* librsm's ways of moving data, for compare_rsm.c alone: they are constants of
 * that program, so that what is measured holds no call through a pointer. */
#ifndef CMP_COMPARE_RSM_WAYS_H
#define CMP_COMPARE_RSM_WAYS_H

#include <rsmapi.h>
#include <rsmx.h>
#include <string.h>

#include "common_beside_ucx.h"
#include "common_rsm.h"
#include "common_run.h"

typedef struct {
    rsm_memseg_import_handle_t handle;
    rsmapi_barrier_t barrier;
} import_t;

static import_t implicit, explicit, mapped;
static unsigned char *window; /* the other side's memory, mapped */

static inline void rsm_put(cmp_t *cmp, size_t offset, size_t size)
{
    cmp_must(rsm_memseg_import_put(implicit.handle, (off_t)offset,
                                   cmp->local + offset, size),
             "rsm_memseg_import_put");
}

static inline void rsm_get(cmp_t *cmp, size_t offset, size_t size)
{
    cmp_must(rsm_memseg_import_get(implicit.handle, (off_t)offset,
                                   cmp->local + offset, size),
             "rsm_memseg_import_get");
}

static inline uint64_t rsm_fetch_add(cmp_t *cmp, size_t offset, uint64_t value)
{
    uint64_t old = 0;

    (void)cmp;
    cmp_must(
        rsmx_import_fetch_add64(implicit.handle, (off_t)offset, value, &old),
        "rsmx_import_fetch_add64");
    return old;
}

static inline uint64_t rsm_compare_swap(cmp_t *cmp, size_t offset,
                                        uint64_t expected, uint64_t desired)
{
    uint64_t old = 0;

    (void)cmp;
    cmp_must(rsmx_import_compare_swap64(implicit.handle, (off_t)offset,
                                        expected, desired, &old),
             "rsmx_import_compare_swap64");
    return old;
}

/* Elements instead of bytes: whole words, and the rest as bytes. */
static inline void rsm_put_elements(cmp_t *cmp, size_t offset, size_t size)
{
    uint64_t *words = (uint64_t *)(void *)(cmp->local + offset);

    cmp_must(rsm_memseg_import_put64(implicit.handle, (off_t)offset, words,
                                     size / sizeof(uint64_t)),
             "rsm_memseg_import_put64");
    if (size % sizeof(uint64_t) != 0) {
        size_t whole = size - size % sizeof(uint64_t);

        rsm_put(cmp, offset + whole, size - whole);
    }
}

static inline void rsm_get_elements(cmp_t *cmp, size_t offset, size_t size)
{
    uint64_t *words = (uint64_t *)(void *)(cmp->local + offset);

    cmp_must(rsm_memseg_import_get64(implicit.handle, (off_t)offset, words,
                                     size / sizeof(uint64_t)),
             "rsm_memseg_import_get64");
    if (size % sizeof(uint64_t) != 0) {
        size_t whole = size - size % sizeof(uint64_t);

        rsm_get(cmp, offset + whole, size - whole);
    }
}

static inline void rsm_open_barrier(cmp_t *cmp)
{
    (void)cmp;
    cmp_must(rsm_memseg_import_open_barrier(&explicit.barrier),
             "rsm_memseg_import_open_barrier");
}

static inline void rsm_close_barrier(cmp_t *cmp)
{
    (void)cmp;
    cmp_must(rsm_memseg_import_close_barrier(&explicit.barrier),
             "rsm_memseg_import_close_barrier");
}

static inline void rsm_put_explicit(cmp_t *cmp, size_t offset, size_t size)
{
    cmp_must(rsm_memseg_import_put(explicit.handle, (off_t)offset,
                                   cmp->local + offset, size),
             "rsm_memseg_import_put");
}

static inline void rsm_get_explicit(cmp_t *cmp, size_t offset, size_t size)
{
    cmp_must(rsm_memseg_import_get(explicit.handle, (off_t)offset,
                                   cmp->local + offset, size),
             "rsm_memseg_import_get");
}

static inline void rsm_open_mapped(cmp_t *cmp)
{
    (void)cmp;
    cmp_must(rsm_memseg_import_open_barrier(&mapped.barrier),
             "rsm_memseg_import_open_barrier");
}

static inline void rsm_close_mapped(cmp_t *cmp)
{
    (void)cmp;
    cmp_must(rsm_memseg_import_close_barrier(&mapped.barrier),
             "rsm_memseg_import_close_barrier");
}

static inline void rsm_store(cmp_t *cmp, size_t offset, size_t size)
{
    memcpy(window + offset, cmp->local + offset, size);
}

static inline void rsm_load(cmp_t *cmp, size_t offset, size_t size)
{
    memcpy(cmp->local + offset, window + offset, size);
}

static const cmp_way_t way_implicit = {.name = "implicit",
                                       .put = rsm_put,
                                       .get = rsm_get,
                                       .fetch_add = rsm_fetch_add,
                                       .compare_swap = rsm_compare_swap};
static const cmp_way_t way_elements = {.name = "implicit64",
                                       .is_brief = true,
                                       .put = rsm_put_elements,
                                       .get = rsm_get_elements};
static const cmp_way_t way_explicit = {.name = "explicit",
                                       .begin = rsm_open_barrier,
                                       .end = rsm_close_barrier,
                                       .put = rsm_put_explicit,
                                       .get = rsm_get_explicit};
static const cmp_way_t way_mapped = {.name = "mapped",
                                     .begin = rsm_open_mapped,
                                     .end = rsm_close_mapped,
                                     .put = rsm_store,
                                     .get = rsm_load};

/* Windows in as few calls as RSMAPI has for them. The pieces are noted and go
 * when there is no room for more, or at the end. */
static struct {
    rsm_iovec_t pieces[RSM_MAX_SGIOREQS];
    ulong_t count;
    bool is_put;
} vector;

static void vector_go(void)
{
    rsm_scat_gath_t request = {.io_request_count = vector.count,
                               .remote_handle = explicit.handle,
                               .iovec = vector.pieces};

    vector.count = 0;
    if (vector.is_put) {
        cmp_must(rsm_memseg_import_putv(&request), "rsm_memseg_import_putv");
    } else {
        cmp_must(rsm_memseg_import_getv(&request), "rsm_memseg_import_getv");
    }
}

static inline void vector_add(cmp_t *cmp, size_t offset, size_t size,
                              bool is_put)
{
    rsm_iovec_t *piece = &vector.pieces[vector.count];

    piece->io_type = RSM_VA_TYPE;
    piece->local.vaddr = (caddr_t)cmp->local;
    piece->local_offset = offset;
    piece->remote_offset = offset;
    piece->transfer_length = size;
    vector.is_put = is_put;
    if (++vector.count == RSM_MAX_SGIOREQS) {
        vector_go();
    }
}

static inline void vector_put(cmp_t *cmp, size_t offset, size_t size)
{
    vector_add(cmp, offset, size, true);
}

static inline void vector_get(cmp_t *cmp, size_t offset, size_t size)
{
    vector_add(cmp, offset, size, false);
}

static inline void vector_end(cmp_t *cmp)
{
    if (vector.count != 0) {
        vector_go();
    }
    rsm_close_barrier(cmp);
}

static const cmp_way_t way_vector = {.name = "vector",
                                     .begin = rsm_open_barrier,
                                     .end = vector_end,
                                     .put = vector_put,
                                     .get = vector_get};

static int64_t time_implicit(cmp_t *cmp, cmp_test_t test, size_t size,
                             unsigned long steps)
{
    return cmp_time(cmp, &way_implicit, test, size, steps);
}

static int64_t time_explicit(cmp_t *cmp, cmp_test_t test, size_t size,
                             unsigned long steps)
{
    return cmp_time(cmp, &way_explicit, test, size, steps);
}

static int64_t time_vector(cmp_t *cmp, cmp_test_t test, size_t size,
                           unsigned long steps)
{
    return cmp_time(cmp, &way_vector, test, size, steps);
}

#endif
