/* SPDX-License-Identifier: BSD-3-Clause */
#include "util/help.h"

#include "support/capture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

static capture_t output;

Test(help, block_has_number_topic_and_arguments)
{
    const char *text;

    capture_begin(&output);
    rsmi_help(RSMI_HELP_SHM_FULL, (size_t)123456, (size_t)789);
    text = capture_end(&output);
    cr_assert_not_null(strstr(text, "librsm message 105, SHM_FULL:"));
    cr_assert_not_null(strstr(text, "123456 bytes"));
    cr_assert_not_null(strstr(text, "789 bytes free"));
    cr_assert_eq(text[strlen(text) - 1], '\n');
    cr_assert_eq(capture_count(text, "-----\n"), 2, "%s", text);
}

Test(help, each_topic_appears_once)
{
    const char *text;

    capture_begin(&output);
    rsmi_help(RSMI_HELP_NO_DESCRIPTORS, (size_t)16);
    rsmi_help(RSMI_HELP_NO_DESCRIPTORS, (size_t)16);
    rsmi_help(RSMI_HELP_NO_TRANSPORT, "ib");
    text = capture_end(&output);
    cr_assert_eq(capture_count(text, "NO_DESCRIPTORS"), 1);
    cr_assert_eq(capture_count(text, "NO_TRANSPORT"), 1);
}

Test(help, only_the_speaker_speaks)
{
    const char *text;

    capture_begin(&output);
    rsmi_help_set_speaker(0);
    rsmi_help(RSMI_HELP_NO_TRANSPORT, "ib");
    text = capture_end(&output);
    cr_assert_str_empty(text);

    capture_begin(&output);
    rsmi_help_set_speaker(1);
    rsmi_help(RSMI_HELP_NO_TRANSPORT, "ib");
    text = capture_end(&output);
    cr_assert_not_null(strstr(text, "NO_TRANSPORT"));
}

Test(help, a_process_speaks_of_what_it_runs_out_of_itself)
{
    const char *text;

    capture_begin(&output);
    rsmi_help_set_speaker(0);
    rsmi_help(RSMI_HELP_NO_DESCRIPTORS, (size_t)16);
    rsmi_help(RSMI_HELP_SHM_FULL, (size_t)2, (size_t)1);
    text = capture_end(&output);
    cr_assert_eq(capture_count(text, "NO_DESCRIPTORS"), 1);
    cr_assert_eq(capture_count(text, "SHM_FULL"), 1);
}

Test(help, endless_value_leaves_the_block_closed)
{
    char value[10000];
    const char *text;

    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    capture_begin(&output);
    rsmi_help(RSMI_HELP_BAD_VALUE, "RSM_INFO", value, "y|n");
    text = capture_end(&output);
    cr_assert_eq(capture_count(text, "-----\n"), 2);
    cr_assert_eq(text[strlen(text) - 1], '\n');
}

Test(help, errno_stays)
{
    capture_begin(&output);
    errno = ENOTTY;
    rsmi_help(RSMI_HELP_NO_TRANSPORT, "ib");
    cr_expect_eq(errno, ENOTTY);
    (void)capture_end(&output);
}

static void *speak(void *arg)
{
    rsmi_help(RSMI_HELP_NO_TRANSPORT, "ib");
    return arg;
}

Test(help, many_threads_print_one_block)
{
    pthread_t threads[8];
    const char *text;
    int idx;

    capture_begin(&output);
    for (idx = 0; idx < 8; idx++) {
        cr_assert_eq(pthread_create(&threads[idx], NULL, speak, NULL), 0);
    }
    for (idx = 0; idx < 8; idx++) {
        (void)pthread_join(threads[idx], NULL);
    }
    text = capture_end(&output);
    cr_assert_eq(capture_count(text, "NO_TRANSPORT"), 1);
}
