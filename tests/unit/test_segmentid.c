/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/segmentid.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/rsm-segmentid-XXXXXX";
static rsm_memseg_id_t base;
static uint32_t length;

static void start(void)
{
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    (void)close(fd);
    base = 0xdead;
    length = 0xbeef;
}

static void stop(void)
{
    (void)unlink(path);
}

TestSuite(segmentid, .init = start, .fini = stop);

static int find(const char *text, const char *appid)
{
    FILE *file = fopen(path, "w");

    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
    return rsmi_segmentid_find(path, appid, &base, &length);
}

static void expect_range(const char *text, rsm_memseg_id_t low, uint32_t count)
{
    cr_assert_eq(find(text, "app"), RSM_SUCCESS, "%s", text);
    cr_assert_eq(base, low);
    cr_assert_eq(length, count);
}

static void expect_refusal(const char *text, int code)
{
    cr_assert_eq(find(text, "app"), code, "%s", text);
    cr_assert_eq(base, 0xdead, "written on failure");
    cr_assert_eq(length, 0xbeef);
}

Test(segmentid, one_line_has_four_words)
{
    expect_range("reserved app 0x600000 100\n", 0x600000, 100);
    expect_range("reserve app 600000 1\n", 0x600000, 1);
    expect_range("RESERVED APP 0XFFFFFFFF 4294967295", UINT32_MAX, UINT32_MAX);
    expect_range("  reserved\tapp \t 1 0  \r\n", 1, 0);
    expect_range("reserved app 10 20 and more words\n", 0x10, 20);
}

Test(segmentid, comments_and_other_applications_are_passed_over)
{
    expect_range("# app\n  # reserved app 1 1\nreserved other 1 1\n"
                 "nonsense others 1 1\nreserved app 5 6\nreserved app 7 8\n",
                 5, 6);
}

Test(segmentid, an_application_that_is_not_listed)
{
    expect_refusal("", RSMERR_BAD_APPID);
    expect_refusal("# reserved app 1 1\n", RSMERR_BAD_APPID);
    expect_refusal("reserved application 1 1\n", RSMERR_BAD_APPID);
}

Test(segmentid, lines_that_make_no_sense)
{
    expect_refusal("\n", RSMERR_BAD_CONF);
    expect_refusal("reserved\n", RSMERR_BAD_CONF);
    expect_refusal("reserved app\n", RSMERR_BAD_CONF);
    expect_refusal("reserved app 1\n", RSMERR_BAD_CONF);
    expect_refusal("taken app 1 1\n", RSMERR_BAD_CONF);
}

Test(segmentid, numbers_that_are_none)
{
    const char *const bad[] = {
        "-1 1",          "+1 1",  "1g 1", "0x 1",
        "0x100000000 1", "g 1",   "1 -1", "1 0x10",
        "1 4294967296",  "1 1.5", "1 a",  "1 99999999999999999999999"};
    char text[80];
    size_t idx;

    for (idx = 0; idx < sizeof(bad) / sizeof(bad[0]); ++idx) {
        (void)snprintf(text, sizeof(text), "reserved app %s\n", bad[idx]);
        expect_refusal(text, RSMERR_BAD_CONF);
    }
}

Test(segmentid, a_long_line_is_read_as_a_whole)
{
    static char text[100000];

    (void)memset(text, ' ', sizeof(text));
    (void)strcpy(text + sizeof(text) - 40, "reserved app 1 2\n");
    expect_range(text, 1, 2);
}

Test(segmentid, files_that_cannot_be_read)
{
    cr_assert_eq(rsmi_segmentid_find("/nonexistent", "app", &base, &length),
                 RSMERR_BAD_CONF);
    cr_assert_eq(rsmi_segmentid_find("/", "app", &base, &length),
                 RSMERR_BAD_CONF);
}
