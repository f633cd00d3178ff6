/* SPDX-License-Identifier: BSD-3-Clause */
/* The exporter does its own things: it sits in a system call or computes, and
 * makes no library call. Everything of the importers works all the same. */
#define _GNU_SOURCE
#include "multi.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SIZE ((size_t)64 * MULTI_PAGE)

/* All an importer can want of an exporter that is not there. It ends by
 * writing the word that the exporter looks at. */
static void use_absent_exporter(void)
{
    unsigned char *data = multi_pages(SIZE);
    multi_import_t import;
    uint64_t old = 99;
    int64_t start = multi_clock_ms();
    int i;

    for (i = 0; i < 3; i++) {
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
        multi_fill(data, SIZE, (uint32_t)i);
        MULTI_OK(rsm_memseg_import_put(import.handle, 8, data, SIZE - 8));
        memset(data, 0, SIZE);
        MULTI_OK(rsm_memseg_import_get(import.handle, 8, data, SIZE - 8));
        cr_assert(multi_is_filled(data, SIZE - 8, (uint32_t)i));
        MULTI_OK(rsmx_import_fetch_add64(import.handle, 0, 0, &old));
        cr_assert_eq(old, 0);
        MULTI_OK(rsm_memseg_import_set_mode(import.handle,
                                            RSM_BARRIER_MODE_EXPLICIT));
        MULTI_OK(rsm_memseg_import_open_barrier(&import.barrier));
        MULTI_OK(rsm_memseg_import_put(import.handle, 8, data, SIZE - 8));
        MULTI_OK(rsm_memseg_import_order_barrier(&import.barrier));
        MULTI_OK(rsm_memseg_import_close_barrier(&import.barrier));
        MULTI_OK(rsm_intr_signal_post(import.handle, 0));
        MULTI_OK(rsm_memseg_import_set_mode(import.handle,
                                            RSM_BARRIER_MODE_IMPLICIT));
        if (i == 2)
            multi_put64(&import, 0, 1);
        multi_disconnect(&import);
    }
    cr_assert_lt(multi_clock_ms() - start, 2000, "the exporter was needed");
    multi_free_pages(data, SIZE);
}

static void begin(multi_segment_t *segment)
{
    if (multi.rank == 0)
        multi_publish(segment, SIZE, MULTI_ID(0));
    multi_sync();
}

static void end(multi_segment_t *segment)
{
    int i;

    multi_sync();
    if (multi.rank != 0)
        return;
    for (i = 0; i < 3; i++)
        MULTI_OK(rsm_intr_signal_wait(segment->handle, MULTI_PATIENCE));
    MULTI_CODE(rsm_intr_signal_wait(segment->handle, 0), RSMERR_TIMEOUT);
    cr_assert_eq(multi_load64(segment->memory), 1);
    cr_assert(multi_is_filled(segment->memory + 8, SIZE - 8, 2));
    multi_withdraw(segment);
}

/* Plain loads and no call whatever. */
MULTI_TEST(passive, exporter_may_compute, 2)
{
    multi_segment_t segment;
    int64_t deadline;

    begin(&segment);
    if (multi.rank == 0) {
        deadline = multi_clock_ms() + MULTI_PATIENCE;
        while (multi_load64(segment.memory) == 0)
            cr_assert_lt(multi_clock_ms(), deadline, "the word never came");
    } else
        use_absent_exporter();
    end(&segment);
}

/* Rank 0 blocks in read() on a FIFO that rank 1 ends when it is through. */
MULTI_TEST(passive, exporter_may_block_in_read, 2)
{
    multi_segment_t segment;
    char path[64];
    char byte = 0;
    int ends[2] = {-1, -1};
    int fd;

    if (multi.rank == 0)
        cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    snprintf(path, sizeof(path), "/proc/%d/fd/%d",
             (int)multi_share(0, (uint64_t)getpid()),
             (int)multi_share(0, (uint64_t)ends[1]));
    begin(&segment);
    if (multi.rank == 0)
        cr_assert_eq(read(ends[0], &byte, 1), 1);
    else {
        fd = open(path, O_WRONLY | O_CLOEXEC);
        cr_assert_geq(fd, 0);
        use_absent_exporter();
        cr_assert_eq(write(fd, "x", 1), 1);
        close(fd);
    }
    end(&segment);
}

/* Sleeping in plain poll() without anything to poll. */
MULTI_TEST(passive, exporter_may_sleep, 2)
{
    multi_segment_t segment;

    begin(&segment);
    if (multi.rank == 0) {
        while (multi_load64(segment.memory) == 0)
            poll(NULL, 0, 100);
    } else
        use_absent_exporter();
    end(&segment);
}

/* Both are passive towards each other: each blocks in its own wait. */
MULTI_TEST(passive, importer_may_be_absent_too, 2)
{
    multi_segment_t segment;
    multi_import_t import;
    int64_t start;

    if (multi.rank == 0)
        multi_publish(&segment, MULTI_PAGE, MULTI_ID(0));
    else
        multi_connect(&import, 0, MULTI_ID(0), RSM_PERM_RDWR);
    multi_sync();
    if (multi.rank == 0) {
        /* Rank 1 sits in its rendezvous: a foreign system call. */
        start = multi_clock_ms();
        MULTI_OK(rsm_intr_signal_post(segment.handle, 0));
        MULTI_OK(rsm_memseg_export_unpublish(segment.handle));
        cr_assert_lt(multi_clock_ms() - start, 900, "the importer was needed");
    }
    multi_sync();
    if (multi.rank == 1) {
        MULTI_OK(rsm_intr_signal_wait(import.handle, 0));
        multi_disconnect(&import);
    }
    multi_sync();
    if (multi.rank == 0)
        multi_withdraw(&segment);
}
