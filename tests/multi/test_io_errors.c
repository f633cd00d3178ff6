/* SPDX-License-Identifier: BSD-3-Clause */
/* What put and get refuse, and in which order they look. */
#include "multi.h"

#include <limits.h>
#include <string.h>

#define SIZE ((off_t)2 * MULTI_PAGE)

typedef int (*transfer_t)(rsm_memseg_import_handle_t, off_t, void *, size_t);

/* One signature for all: elements of the sized ones are counted by count. */
#define WRAP(name, type)                                                      \
    static int wrap_##name(rsm_memseg_import_handle_t import, off_t offset,   \
                           void *data, size_t count)                          \
    {                                                                         \
        return rsm_memseg_import_##name(import, offset, (type *)data, count); \
    }
WRAP(put, void)
WRAP(put8, uint8_t)
WRAP(put16, uint16_t)
WRAP(put32, uint32_t)
WRAP(put64, uint64_t)
WRAP(get, void)
WRAP(get8, uint8_t)
WRAP(get16, uint16_t)
WRAP(get32, uint32_t)
WRAP(get64, uint64_t)

static const struct {
    const char *name;
    transfer_t transfer;
    unsigned width;
    bool is_put;
} transfers[] = {
    {"put", wrap_put, 1, true},      {"put8", wrap_put8, 1, true},
    {"put16", wrap_put16, 2, true},  {"put32", wrap_put32, 4, true},
    {"put64", wrap_put64, 8, true},  {"get", wrap_get, 1, false},
    {"get8", wrap_get8, 1, false},   {"get16", wrap_get16, 2, false},
    {"get32", wrap_get32, 4, false}, {"get64", wrap_get64, 8, false},
};

enum { TRANSFERS = sizeof(transfers) / sizeof(transfers[0]) };

static _Alignas(8) unsigned char buffer[64];

static void expect(size_t i, rsm_memseg_import_handle_t import, off_t offset,
                   void *data, size_t count, int code)
{
    int rc = transfers[i].transfer(import, offset, data, count);

    cr_assert_eq(rc, code, "%s offset %ld count %zu: %s, expected %s",
                 transfers[i].name, (long)offset, count, rsmx_error_name(rc),
                 rsmx_error_name(code));
}

/* A segment of rank 0, a connection of rank 1, both given up at the end. */
static void with_import(rsm_permission_t perm,
                        void (*check)(multi_import_t *import))
{
    multi_segment_t segment;
    multi_import_t import;

    if (multi.rank == 0) {
        multi_publish(&segment, (size_t)SIZE, MULTI_ID(0));
        multi_fill(segment.memory, (size_t)SIZE, 5);
    }
    multi_sync();
    if (multi.rank == 1) {
        multi_connect(&import, 0, MULTI_ID(0), perm);
        check(&import);
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0) {
        cr_assert(multi_is_filled(segment.memory, (size_t)SIZE, 5),
                  "a refused put wrote");
        multi_withdraw(&segment);
    }
}

static void check_ranges(multi_import_t *import)
{
    size_t i;

    memset(buffer, 'b', sizeof(buffer));
    for (i = 0; i < TRANSFERS; i++) {
        rsm_memseg_import_handle_t handle = import->handle;
        off_t width = (off_t)transfers[i].width;

        expect(i, handle, 0, buffer, 0, RSM_SUCCESS);
        expect(i, handle, SIZE, buffer, 0, RSM_SUCCESS);
        expect(i, handle, SIZE - width, buffer, 2, RSMERR_BAD_LENGTH);
        expect(i, handle, SIZE, buffer, 1, RSMERR_BAD_LENGTH);
        expect(i, handle, 0, buffer, (size_t)(SIZE / width) + 1,
               RSMERR_BAD_LENGTH);
        expect(i, handle, SIZE + width, buffer, 0, RSMERR_BAD_OFFSET);
        expect(i, handle, SIZE + width, buffer, 1, RSMERR_BAD_OFFSET);
        expect(i, handle, -width, buffer, 0, RSMERR_BAD_OFFSET);
        expect(i, handle, -width, buffer, 1, RSMERR_BAD_OFFSET);
        expect(i, handle, -width, buffer, 2, RSMERR_BAD_OFFSET);
        expect(i, handle, LONG_MIN, buffer, 1, RSMERR_BAD_OFFSET);
        expect(i, handle, LONG_MAX - 7, buffer, 1, RSMERR_BAD_OFFSET);
        expect(i, handle, width, buffer, SIZE_MAX, RSMERR_BAD_LENGTH);
        expect(i, handle, width, buffer, SIZE_MAX / 2 + 1, RSMERR_BAD_LENGTH);
        expect(i, handle, width, buffer, SIZE_MAX / 4 + 1, RSMERR_BAD_LENGTH);
        expect(i, handle, width, buffer, SIZE_MAX / 8 + 1, RSMERR_BAD_LENGTH);
        expect(i, handle, width, buffer, SIZE_MAX / (size_t)width,
               RSMERR_BAD_LENGTH);
    }
    cr_assert(multi_is_all(buffer, sizeof(buffer), 'b'), "a refused get wrote");
}

MULTI_TEST(io, ranges_are_checked_without_overflow, 2)
{
    with_import(RSM_PERM_RDWR, check_ranges);
}

static void check_alignment(multi_import_t *import)
{
    size_t i;
    unsigned off;

    for (i = 0; i < TRANSFERS; i++) {
        for (off = 1; off < transfers[i].width; off++) {
            expect(i, import->handle, 0, buffer + off, 1,
                   RSMERR_BAD_MEM_ALIGNMENT);
            expect(i, import->handle, 0, buffer + off, 0,
                   RSMERR_BAD_MEM_ALIGNMENT);
            expect(i, import->handle, off, buffer, 1, RSMERR_BAD_MEM_ALIGNMENT);
            expect(i, import->handle, SIZE + off, buffer, 1,
                   RSMERR_BAD_MEM_ALIGNMENT);
            expect(i, import->handle, -(off_t)off, buffer, 1,
                   RSMERR_BAD_MEM_ALIGNMENT);
        }
    }
}

MULTI_TEST(io, misalignment_is_told_before_the_range, 2)
{
    with_import(RSM_PERM_RDWR, check_alignment);
}

static void check_null(multi_import_t *import)
{
    size_t i;

    for (i = 0; i < TRANSFERS; i++) {
        expect(i, NULL, -1, NULL, SIZE_MAX, RSMERR_BAD_SEG_HNDL);
        expect(i, import->handle, -1, NULL, SIZE_MAX, RSMERR_BAD_ADDR);
        expect(i, import->handle, 0, NULL, 0, RSMERR_BAD_ADDR);
    }
}

MULTI_TEST(io, null_pointers_are_told_first, 2)
{
    with_import(RSM_PERM_RDWR, check_null);
}

static void check_read_only(multi_import_t *import)
{
    size_t i;

    for (i = 0; i < TRANSFERS; i++) {
        int code = transfers[i].is_put ? RSMERR_PERM_DENIED : RSM_SUCCESS;

        expect(i, import->handle, 0, buffer, 1, code);
        if (transfers[i].is_put) {
            expect(i, import->handle, 0, buffer, 0, code);
            expect(i, import->handle, SIZE + 8, buffer, 1, code);
        }
    }
}

MULTI_TEST(io, reading_connection_can_get_only, 2)
{
    with_import(RSM_PERM_READ, check_read_only);
}

static void check_write_only(multi_import_t *import)
{
    size_t i;

    multi_fill(buffer, sizeof(buffer), 5);
    for (i = 0; i < TRANSFERS; i++) {
        int code = transfers[i].is_put ? RSM_SUCCESS : RSMERR_PERM_DENIED;

        expect(i, import->handle, 0, buffer, 1, code);
        if (!transfers[i].is_put) {
            expect(i, import->handle, 0, buffer, 0, code);
            expect(i, import->handle, SIZE + 8, buffer, 1, code);
        }
    }
    cr_assert(multi_is_filled(buffer, sizeof(buffer), 5));
}

MULTI_TEST(io, writing_connection_can_put_only, 2)
{
    with_import(RSM_PERM_WRITE, check_write_only);
}

/* Implicit mode wants a barrier all the same; a range error goes first. */
static void check_barrier(multi_import_t *import)
{
    rsm_memseg_import_handle_t bare =
        multi_connect_bare(0, MULTI_ID(0), RSM_PERM_RDWR);
    rsm_barrier_mode_t mode = RSM_BARRIER_MODE_EXPLICIT;
    size_t i;

    (void)import;
    MULTI_OK(rsm_memseg_import_get_mode(bare, &mode));
    cr_assert_eq(mode, RSM_BARRIER_MODE_IMPLICIT);
    for (i = 0; i < TRANSFERS; i++) {
        expect(i, bare, 0, buffer, 1, RSMERR_BARRIER_UNINITIALIZED);
        expect(i, bare, 0, buffer, 0, RSMERR_BARRIER_UNINITIALIZED);
        expect(i, bare, SIZE, buffer, 1, RSMERR_BAD_LENGTH);
        expect(i, bare, SIZE + 8, buffer, 1, RSMERR_BAD_OFFSET);
        expect(i, bare, 0, NULL, 1, RSMERR_BAD_ADDR);
    }
    MULTI_OK(rsm_memseg_import_set_mode(bare, RSM_BARRIER_MODE_EXPLICIT));
    for (i = 0; i < TRANSFERS; i++) {
        if (!transfers[i].is_put)
            expect(i, bare, 0, buffer, 1, RSM_SUCCESS);
    }
    MULTI_OK(rsm_memseg_import_disconnect(bare));
}

MULTI_TEST(io, implicit_mode_needs_a_barrier, 2)
{
    with_import(RSM_PERM_RDWR, check_barrier);
}

/* After a forced disconnect arguments are still judged first. */
MULTI_TEST(io, aborted_connection_keeps_the_order, 2)
{
    multi_segment_t segment;
    multi_import_t import;
    size_t i;

    if (multi.rank == 0)
        multi_publish(&segment, (size_t)SIZE, MULTI_ID(0));
    else
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_READ);
    multi_sync();
    if (multi.rank == 0)
        MULTI_OK(rsm_memseg_export_unpublish(segment.handle));
    multi_sync();
    if (multi.rank == 1) {
        for (i = 0; i < TRANSFERS; i++) {
            expect(i, import.handle, 0, NULL, 1, RSMERR_BAD_ADDR);
            if (transfers[i].width > 1) {
                expect(i, import.handle, 0, buffer + 1, 1,
                       RSMERR_BAD_MEM_ALIGNMENT);
                expect(i, import.handle, 1, buffer, 1,
                       RSMERR_BAD_MEM_ALIGNMENT);
            }
            expect(i, import.handle, SIZE + 8, buffer, 1, RSMERR_CONN_ABORTED);
            expect(i, import.handle, 0, buffer, 1, RSMERR_CONN_ABORTED);
        }
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
}
