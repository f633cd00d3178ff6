/* SPDX-License-Identifier: BSD-3-Clause */
/* rsmx.h: texts and questions. */
#include "multi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

MULTI_TEST_ONCE(extension, every_code_has_a_name_and_a_text, 1)
{
    int named = 0;
    int code;

    for (code = 0; code <= 134; code++) {
        const char *name = rsmx_error_name(code);
        const char *text = rsmx_strerror(code);
        bool is_code = code <= 45 || (code >= 100 && code <= 134);

        cr_assert_not_null(name);
        cr_assert_not_null(text);
        cr_assert_gt(strlen(text), 3);
        cr_assert_neq(text[strlen(text) - 1], '.');
        cr_assert_eq(strcmp(name, "RSMERR_UNKNOWN") != 0, is_code, "%d is %s",
                     code, name);
        if (is_code)
            named++;
    }
    cr_assert_eq(named, 81);
    cr_assert_str_eq(rsmx_error_name(RSM_SUCCESS), "RSM_SUCCESS");
    cr_assert_str_eq(rsmx_error_name(5), "RSMERR_BAD_SEG_HNDL");
    cr_assert_str_eq(rsmx_error_name(45), "RSMERR_SEG_NOT_CONNECTED");
    cr_assert_str_eq(rsmx_error_name(100), "RSMERR_INTERNAL_ERROR");
    cr_assert_str_eq(rsmx_error_name(117), "RSMERR_BAD_ARGS_ERRORS");
    cr_assert_str_eq(rsmx_error_name(-1), "RSMERR_UNKNOWN");
    cr_assert_str_eq(rsmx_error_name(135), "RSMERR_UNKNOWN");
    cr_assert_not_null(rsmx_strerror(-1));
    cr_assert_not_null(rsmx_strerror(1 << 30));
}

MULTI_TEST_ONCE(extension, version_is_that_of_the_header, 1)
{
    char version[64];

    snprintf(version, sizeof(version), "%d.%d.%d", RSMX_VERSION_MAJOR,
             RSMX_VERSION_MINOR, RSMX_VERSION_PATCH);
    cr_assert_str_eq(rsmx_version(), version);
    cr_assert_str_eq(rsmx_version(), RSMX_VERSION_STRING);
}

MULTI_TEST_ONCE(extension, node_is_the_rank, 4)
{
    rsm_node_id_t node = 77;
    uint32_t count = 0;

    MULTI_OK(rsmx_get_node_id(&node));
    cr_assert_eq(node, multi.rank);
    MULTI_OK(rsmx_get_node_count(&count));
    cr_assert_eq(count, 4);
    MULTI_CODE(rsmx_get_node_id(NULL), RSMERR_BAD_ADDR);
    MULTI_CODE(rsmx_get_node_count(NULL), RSMERR_BAD_ADDR);
}

MULTI_TEST_ONCE(extension, node_numbers_can_begin_with_one, 2)
{
    multi_segment_t segment;
    multi_import_t import;
    rsm_node_id_t node = 77;

    setenv("RSM_NODE_BASE", "1", 1);
    MULTI_OK(rsmx_get_node_id(&node));
    cr_assert_eq(node, multi.rank + 1);
    multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    multi_connect(&import, 1 - multi.rank, MULTI_ID(0), RSM_PERM_RDWR);
    multi_put64(&import, 0, 6);
    multi_disconnect(&import);
    multi_sync();
    cr_assert_eq(multi_load64(segment.memory), 6);
    MULTI_CODE(rsm_memseg_import_connect(multi_controller(), 0, MULTI_ID(0),
                                         RSM_PERM_RDWR, &import.handle),
               RSMERR_REMOTE_NODE_UNREACHABLE);
    multi_sync();
    multi_withdraw(&segment);
}

MULTI_TEST(extension, importers_are_counted, 3)
{
    multi_segment_t segment;
    multi_import_t first;
    multi_import_t second;
    uint32_t count = 77;

    if (multi.rank == 0) {
        multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
        MULTI_OK(rsmx_export_get_importer_count(segment.handle, &count));
        cr_assert_eq(count, 0);
    } else {
        multi_connect(&first, 0, MULTI_ID(0), RSM_PERM_READ);
        multi_connect(&second, 0, MULTI_ID(0), RSM_PERM_RDWR);
    }
    multi_sync();
    if (multi.rank == 0) {
        MULTI_OK(rsmx_export_get_importer_count(segment.handle, &count));
        cr_assert_eq(count, 4, "%u connections", count);
    }
    multi_sync();
    if (multi.rank > 0)
        multi_disconnect(&first);
    multi_sync();
    if (multi.rank == 0) {
        MULTI_WAIT(rsmx_export_get_importer_count(segment.handle, &count) ==
                       RSM_SUCCESS &&
                   count == 2);
        MULTI_OK(rsm_memseg_export_unpublish(segment.handle));
        MULTI_OK(rsmx_export_get_importer_count(segment.handle, &count));
        cr_assert_eq(count, 0);
        MULTI_CODE(rsmx_export_get_importer_count(segment.handle, NULL),
                   RSMERR_BAD_ADDR);
        MULTI_CODE(rsmx_export_get_importer_count(NULL, &count),
                   RSMERR_BAD_SEG_HNDL);
    }
    multi_sync();
    if (multi.rank > 0)
        multi_disconnect(&second);
    else
        multi_withdraw(&segment);
}

MULTI_TEST(extension, import_questions_have_errors, 1)
{
    rsm_permission_t perm = 77;
    multi_segment_t segment;
    multi_import_t import;
    size_t size = 77;

    multi_publish(&segment, MULTI_PAGE, 0);
    multi_connect(&import, 0, segment.id, RSM_PERM_READ);
    MULTI_CODE(rsmx_import_get_size(NULL, NULL), RSMERR_BAD_SEG_HNDL);
    MULTI_CODE(rsmx_import_get_size(import.handle, NULL), RSMERR_BAD_ADDR);
    MULTI_CODE(rsmx_import_get_permission(NULL, NULL), RSMERR_BAD_SEG_HNDL);
    MULTI_CODE(rsmx_import_get_permission(import.handle, NULL),
               RSMERR_BAD_ADDR);
    MULTI_CODE(rsmx_import_get_size(NULL, &size), RSMERR_BAD_SEG_HNDL);
    MULTI_CODE(rsmx_import_get_permission(NULL, &perm), RSMERR_BAD_SEG_HNDL);
    cr_assert_eq(size, 77);
    cr_assert_eq(perm, 77);
    multi_disconnect(&import);
    multi_withdraw(&segment);
}
