/* SPDX-License-Identifier: BSD-3-Clause */
/* rsm_get_segmentid_range: the file of reserved identifiers. */
#define _GNU_SOURCE
#include "multi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int file = -1;

/* A file without a name, so that none is left behind. */
static void write_file(const char *text)
{
    char path[32];

    if (file < 0) {
        file = memfd_create("segmentid", 0);
        cr_assert_geq(file, 0);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
        setenv("RSM_SEGMENTID_FILE", path, 1);
    }
    cr_assert_eq(ftruncate(file, 0), 0);
    cr_assert_eq(pwrite(file, text, strlen(text), 0), (ssize_t)strlen(text));
}

static void expect_range(const char *appid, rsm_memseg_id_t base,
                         uint32_t count)
{
    rsm_memseg_id_t found_base = 0;
    uint32_t found_count = 0;

    MULTI_OK(rsm_get_segmentid_range(appid, &found_base, &found_count));
    cr_assert_eq(found_base, base, "%s starts at 0x%x", appid, found_base);
    cr_assert_eq(found_count, count, "%s has %u", appid, found_count);
}

static void expect_error(const char *appid, int code)
{
    rsm_memseg_id_t base = 77;
    uint32_t count = 88;

    MULTI_CODE(rsm_get_segmentid_range(appid, &base, &count), code);
    cr_assert_eq(base, 77, "written in spite of the error");
    cr_assert_eq(count, 88, "written in spite of the error");
}

MULTI_TEST_ONCE(segmentid, finds_the_range_of_an_application, 1)
{
    write_file("# comment\n"
               "reserved app1 0x400000 100\n"
               "   # indented comment\n"
               "\treserve\tapp2   500000\t 32 \n"
               "RESERVED App3 0x600000 1\n");
    expect_range("app1", 0x400000, 100);
    expect_range("app2", 0x500000, 32);
    expect_range("app3", 0x600000, 1);
    expect_range("APP1", 0x400000, 100);
}

MULTI_TEST_ONCE(segmentid, first_match_decides, 1)
{
    write_file("reserved app 0x400000 1\nreserved app 0x500000 2\n");
    expect_range("app", 0x400000, 1);
}

MULTI_TEST_ONCE(segmentid, last_line_may_lack_its_end, 1)
{
    write_file("reserved app 0x400000 1");
    expect_range("app", 0x400000, 1);
}

MULTI_TEST_ONCE(segmentid, unknown_application_is_told, 1)
{
    write_file("reserved app1 0x400000 100\n");
    expect_error("app", RSMERR_BAD_APPID);
    expect_error("app11", RSMERR_BAD_APPID);
    expect_error("", RSMERR_BAD_APPID);
    write_file("");
    expect_error("app1", RSMERR_BAD_APPID);
}

MULTI_TEST_ONCE(segmentid, malformed_lines_are_told, 1)
{
    write_file("reserved app1 0x400000\nreserved app2 0x400000 1\n");
    expect_error("app2", RSMERR_BAD_CONF);
    write_file("\nreserved app2 0x400000 1\n");
    expect_error("app2", RSMERR_BAD_CONF);
    write_file("granted app2 0x400000 1\n");
    expect_error("app2", RSMERR_BAD_CONF);
    write_file("reserved app2 0x1ffffffff 1\n");
    expect_error("app2", RSMERR_BAD_CONF);
    write_file("reserved app2 0x400000 many\n");
    expect_error("app2", RSMERR_BAD_CONF);
}

MULTI_TEST_ONCE(segmentid, lines_after_the_match_do_not_count, 1)
{
    write_file("reserved app 0x400000 1\nnonsense\n");
    expect_range("app", 0x400000, 1);
}

MULTI_TEST_ONCE(segmentid, missing_file_is_told, 1)
{
    setenv("RSM_SEGMENTID_FILE", "/proc/self/no-such-file", 1);
    expect_error("app", RSMERR_BAD_CONF);
}

MULTI_TEST_ONCE(segmentid, null_arguments_are_bad_addresses, 1)
{
    rsm_memseg_id_t base;
    uint32_t count;

    write_file("reserved app 0x400000 1\n");
    MULTI_CODE(rsm_get_segmentid_range(NULL, &base, &count), RSMERR_BAD_ADDR);
    MULTI_CODE(rsm_get_segmentid_range("app", NULL, &count), RSMERR_BAD_ADDR);
    MULTI_CODE(rsm_get_segmentid_range("app", &base, NULL), RSMERR_BAD_ADDR);
}
