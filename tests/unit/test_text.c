/* SPDX-License-Identifier: BSD-3-Clause */
#include "rsmx.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define LAST 1000 /* well beyond the last number */

static bool is_known(int code)
{
    return strcmp(rsmx_error_name(code), "RSMERR_UNKNOWN") != 0;
}

Test(text, names_are_those_of_the_header)
{
    cr_assert_str_eq(rsmx_error_name(RSM_SUCCESS), "RSM_SUCCESS");
    cr_assert_str_eq(rsmx_error_name(RSMERR_BAD_LIBRARY_VERSION),
                     "RSMERR_BAD_LIBRARY_VERSION");
    cr_assert_str_eq(rsmx_error_name(RSMERR_BAD_SEG_HNDL),
                     "RSMERR_BAD_SEG_HNDL");
    cr_assert_str_eq(rsmx_error_name(RSMERR_CONN_ABORTED),
                     "RSMERR_CONN_ABORTED");
    cr_assert_str_eq(rsmx_error_name(RSMERR_BAD_CONF), "RSMERR_BAD_CONF");
    cr_assert_str_eq(rsmx_error_name(RSMERR_INTERNAL_ERROR),
                     "RSMERR_INTERNAL_ERROR");
    cr_assert_str_eq(rsmx_error_name(RSMERR_QUEUE_FULL), "RSMERR_QUEUE_FULL");
}

/* A table out of order would hide some of them from the search. */
Test(text, every_number_has_a_name_of_its_own)
{
    int one, other, known = 0;

    for (one = 0; one < LAST; ++one) {
        if (!is_known(one)) {
            continue;
        }
        ++known;
        for (other = one + 1; other < LAST; ++other) {
            cr_assert(!is_known(other) || (strcmp(rsmx_error_name(one),
                                                  rsmx_error_name(other)) != 0),
                      "%d and %d", one, other);
        }
    }
    cr_assert_geq(known, 77);
}

Test(text, sentences_have_no_full_stop)
{
    const char *text;
    int code;

    for (code = 0; code < LAST; ++code) {
        text = rsmx_strerror(code);
        cr_assert_gt(strlen(text), 5, "%d", code);
        cr_assert(isalpha((unsigned char)text[strlen(text) - 1]), "%s", text);
        cr_assert(!is_known(code) || (strcmp(text, rsmx_strerror(LAST)) != 0),
                  "%d has no sentence", code);
    }
}

Test(text, numbers_that_are_none)
{
    const int numbers[] = {-1, INT_MIN, INT_MAX, LAST, 77777};
    size_t idx;

    for (idx = 0; idx < sizeof(numbers) / sizeof(numbers[0]); ++idx) {
        cr_assert_str_eq(rsmx_error_name(numbers[idx]), "RSMERR_UNKNOWN");
        cr_assert_str_eq(rsmx_strerror(numbers[idx]),
                         "not a result of this library");
    }
}

Test(text, the_version_has_three_numbers)
{
    int major, minor, patch, end = 0;

    cr_assert_eq(
        sscanf(rsmx_version(), "%d.%d.%d%n", &major, &minor, &patch, &end), 3);
    cr_assert_eq(rsmx_version()[end], '\0');
}
