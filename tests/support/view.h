/* SPDX-License-Identifier: BSD-3-Clause */
/* Mapped segments. Where loads and stores cannot reach a segment, map says
 * MAP_FAILED and the rest of a test is void; with the direct path it has to
 * work. */
#ifndef RSM_TESTS_VIEW_H
#define RSM_TESTS_VIEW_H

#include "multi.h"

#define SIZE ((size_t)4 * MULTI_PAGE)

/* NULL where mapping is not possible. */
static inline unsigned char *view_map(const multi_import_t *import,
                                      rsm_permission_t perm, off_t offset,
                                      size_t length)
{
    void *address = NULL;
    int rc = rsm_memseg_import_map(import->handle, &address, RSM_MAP_NONE, perm,
                                   offset, length);

    if (rc == RSMERR_MAP_FAILED && multi_path() != MULTI_PATH_DIRECT)
        return NULL;
    cr_assert_eq(rc, RSM_SUCCESS, "map: %s", rsmx_error_name(rc));
    cr_assert_not_null(address);
    return address;
}

/* Rank 0 owns a segment filled with seed 1; rank 1 checks; rank 0 judges. */
static inline void view_with_segment(rsm_permission_t perm,
                                     void (*check)(multi_import_t *),
                                     void (*judge)(const unsigned char *))
{
    multi_segment_t segment;
    multi_import_t import;

    if (multi.rank == 0) {
        multi_publish(&segment, SIZE, MULTI_ID(0));
        multi_fill(segment.memory, SIZE, 1);
    }
    multi_sync();
    if (multi.rank == 1) {
        multi_connect(&import, 0, MULTI_ID(0), perm);
        check(&import);
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0) {
        if (judge != NULL)
            judge(segment.memory);
        multi_withdraw(&segment);
    }
}

#endif
