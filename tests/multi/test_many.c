/* SPDX-License-Identifier: BSD-3-Clause */
/* Many segments between two nodes. */
#include "multi.h"

#include <stdlib.h>
#include <sys/resource.h>

#define PAGE     ((size_t)4096)
#define SEGMENTS 3000

static rsm_memseg_export_handle_t exports[SEGMENTS];
static multi_import_t imports[SEGMENTS];

/* Small segments use up descriptors neither here nor there. */
MULTI_TEST_ONCE(many, small_segments_need_no_descriptors, 2)
{
    unsigned char *memory = multi_pages(SEGMENTS * PAGE);
    struct rlimit limit;
    rsm_memseg_id_t id;
    int idx;

    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 256;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (idx = 0; idx < SEGMENTS; ++idx) {
        id = MULTI_ID(idx);
        *(uint64_t *)(memory + (size_t)idx * PAGE) = (uint64_t)idx;
        MULTI_OK(rsm_memseg_export_create(multi_controller(), &exports[idx],
                                          memory + (size_t)idx * PAGE, PAGE,
                                          0));
        MULTI_OK(rsm_memseg_export_publish(exports[idx], &id, NULL, 0));
    }
    multi_sync();
    for (idx = 0; idx < SEGMENTS; ++idx) {
        multi_connect(&imports[idx], 1 - multi.rank, MULTI_ID(idx),
                      RSM_PERM_RDWR);
        cr_assert_eq(multi_get64(&imports[idx], 0), (uint64_t)idx);
        multi_put64(&imports[idx], 8, (uint64_t)idx + 1);
    }
    multi_sync();
    for (idx = 0; idx < SEGMENTS; ++idx) {
        cr_assert_eq(multi_load64(memory + (size_t)idx * PAGE + 8),
                     (uint64_t)idx + 1);
        multi_disconnect(&imports[idx]);
    }
    multi_sync();
    for (idx = 0; idx < SEGMENTS; ++idx) {
        MULTI_OK(rsm_memseg_export_destroy(exports[idx]));
        cr_assert_eq(multi_load64(memory + (size_t)idx * PAGE + 8),
                     (uint64_t)idx + 1);
    }
    multi_free_pages(memory, SEGMENTS * PAGE);
}
