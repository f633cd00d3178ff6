/* SPDX-License-Identifier: BSD-3-Clause */
#include "util/log.h"

#include "support/capture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static capture_t output;
static char folder[64];

static void make_folder(void)
{
    (void)strcpy(folder, "/tmp/rsm-log-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static void remove_folder(void)
{
    char command[128];

    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    cr_expect_eq(system(command), 0);
}

static const char *read_file(const char *name)
{
    static char text[1 << 20];
    char path[128];
    ssize_t len;
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    fd = open(path, O_RDONLY);
    cr_assert_geq(fd, 0, "%s is missing", path);
    len = read(fd, text, sizeof(text) - 1);
    text[(len > 0) ? len : 0] = '\0';
    (void)close(fd);
    return text;
}

static void open_file(const char *name)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    rsmi_log_open(RSMI_LOG_INFO, path);
}

static void assert_matches(const char *text, const char *pattern)
{
    regex_t regex;

    cr_assert_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    cr_assert_eq(regexec(&regex, text, 0, NULL, 0), 0, "\"%s\" is not %s", text,
                 pattern);
    regfree(&regex);
}

TestSuite(log_file, .init = make_folder, .fini = remove_folder);

Test(log, line_has_all_fields_in_order)
{
    capture_begin(&output);
    rsmi_error("boot", "process %d is gone", 7);
    (void)capture_end(&output);
    assert_matches(output.text,
                   "^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:"
                   "[0-6][0-9]\\.[0-9]{6}Z [^ ]+ - [0-9]+ error boot: "
                   "process 7 is gone\n$");

    rsmi_log_set_rank(12);
    capture_begin(&output);
    rsmi_warn("core", "%s", "late");
    (void)capture_end(&output);
    assert_matches(output.text, "Z [^ ]+ 12 [0-9]+ warn core: late\n$");
}

Test(log, date_is_that_of_the_c_library)
{
    char date[32];
    struct tm parts;
    time_t before, after;

    do { /* again when midnight struck in between */
        before = time(NULL) / 86400;
        capture_begin(&output);
        rsmi_error("log", "x");
        (void)capture_end(&output);
        after = time(NULL) / 86400;
    } while (before != after);
    before *= 86400;
    cr_assert_not_null(gmtime_r(&before, &parts));
    (void)strftime(date, sizeof(date), "%Y-%m-%dT", &parts);
    cr_assert_eq(strncmp(output.text, date, strlen(date)), 0, "%s",
                 output.text);
}

Test(log, levels_above_the_limit_are_dropped)
{
    capture_begin(&output);
    rsmi_info("x", "default is warn");
    rsmi_log_open(RSMI_LOG_DEBUG, NULL);
    rsmi_debug("x", "now said");
    rsmi_trace("x", "still not");
    rsmi_log_open(RSMI_LOG_ERROR, "");
    rsmi_warn("x", "no longer");
    (void)capture_end(&output);
    cr_assert_eq(capture_count(output.text, "\n"), 1);
    cr_assert_not_null(strstr(output.text, "debug x: now said"));
}

Test(log, dropped_messages_are_not_evaluated)
{
    int count = 0;

    rsmi_trace("x", "%d", ++count);
    cr_assert_eq(count, 0);
}

Test(log, long_message_is_one_cut_line)
{
    char text[5000];

    memset(text, 'y', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    capture_begin(&output);
    rsmi_error("x", "%s", text);
    (void)capture_end(&output);
    cr_assert_eq(capture_count(output.text, "\n"), 1);
    cr_assert_leq(strlen(output.text), 1024);
    assert_matches(output.text, "y\\.\\.\\.\n$");
}

Test(log, message_that_just_fits_is_whole)
{
    char text[1025];
    size_t prefix, len;

    capture_begin(&output);
    rsmi_error("x", "%s", "");
    prefix = strlen(capture_end(&output)) - 1;

    for (len = 1024 - prefix - 4; len < 1024 - prefix + 4; len++) {
        memset(text, 'z', len);
        text[len] = '\0';
        capture_begin(&output);
        rsmi_error("x", "%s", text);
        (void)capture_end(&output);
        cr_expect_eq(capture_count(output.text, "\n"), 1);
        cr_expect_leq(strlen(output.text), 1024);
        cr_expect(strstr(output.text, "...\n") ||
                  (strlen(output.text) == prefix + len + 1));
    }
}

Test(log, foreign_text_cannot_forge_lines)
{
    capture_begin(&output);
    rsmi_error("x", "%s", "a\nb\tc\033[0m");
    (void)capture_end(&output);
    cr_assert_eq(capture_count(output.text, "\n"), 1);
    cr_assert_not_null(strstr(output.text, "x: a b c [0m\n"));
}

Test(log, errno_stays_and_is_m)
{
    capture_begin(&output);
    errno = ENOSPC;
    rsmi_error("x", "failed: %m");
    cr_expect_eq(errno, ENOSPC);
    (void)capture_end(&output);
    cr_assert_not_null(strstr(output.text, "failed: No space left on device"));
}

Test(log_file, lines_are_appended)
{
    open_file("log");
    rsmi_info("x", "first");
    rsmi_log_close();
    open_file("log");
    rsmi_info("x", "second");
    rsmi_log_close();
    cr_assert_eq(capture_count(read_file("log"), "\n"), 2);
    cr_assert_not_null(strstr(read_file("log"), "second"));
}

Test(log_file, name_patterns_are_replaced)
{
    char name[128];
    char host[65] = "";

    (void)gethostname(host, sizeof(host) - 1);
    host[strcspn(host, ".")] = '\0';
    rsmi_log_set_rank(3);
    open_file("%h-%p-%r-100%%-%z-%");
    rsmi_info("x", "here");
    rsmi_log_close();
    (void)snprintf(name, sizeof(name), "%s-%d-3-100%%-%%z-%%", host,
                   (int)getpid());
    cr_assert_not_null(strstr(read_file(name), "x: here\n"));
}

Test(log_file, rank_in_the_name_is_waited_for)
{
    capture_begin(&output);
    open_file("log.%r");
    rsmi_info("x", "early");
    rsmi_log_set_rank(5);
    rsmi_info("x", "late");
    rsmi_log_close();
    (void)capture_end(&output);
    cr_assert_not_null(strstr(output.text, "early"));
    cr_assert_null(strstr(output.text, "late"));
    cr_assert_null(strstr(read_file("log.5"), "early"));
    cr_assert_not_null(strstr(read_file("log.5"), "late"));
}

Test(log_file, unwritable_path_is_reported_and_left)
{
    capture_begin(&output);
    open_file("missing/log");
    rsmi_info("x", "after");
    (void)capture_end(&output);
    cr_assert_not_null(strstr(output.text, "missing/log"));
    cr_assert_not_null(strstr(output.text, "No such file or directory"));
    cr_assert_not_null(strstr(output.text, "x: after\n"));
}

Test(log_file, endless_path_is_reported_and_left)
{
    char path[10000];

    memset(path, 'p', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    capture_begin(&output);
    rsmi_log_open(RSMI_LOG_INFO, path);
    rsmi_info("x", "after");
    (void)capture_end(&output);
    cr_assert_not_null(strstr(output.text, "too long"));
    cr_assert_not_null(strstr(output.text, "x: after\n"));
}

static void expect_private(int fd)
{
    int flags = fcntl(fd, F_GETFD);

    cr_expect((flags < 0) || (flags & FD_CLOEXEC));
}

Test(log_file, descriptor_is_closed_and_not_inherited)
{
    int first = dup(STDERR_FILENO);
    int idx, fd;

    (void)close(first);
    for (idx = 0; idx < 10; idx++) {
        open_file((idx % 2 == 0) ? "a" : "b");
        expect_private(first);
        expect_private(first + 1);
    }
    rsmi_log_close();
    fd = dup(STDERR_FILENO);
    cr_assert_eq(fd, first, "descriptor %d is still open", first);
}

#define LINES 2000

static void *write_lines(void *arg)
{
    int idx;

    for (idx = 0; idx < LINES; idx++) {
        rsmi_info("x", "thread %c line %d end", *(char *)arg, idx);
    }
    return NULL;
}

Test(log_file, threads_and_reopening_lose_no_line)
{
    static char names[] = "abcd";
    pthread_t threads[4];
    size_t lines = 0;
    int idx;

    open_file("log0");
    for (idx = 0; idx < 4; idx++) {
        cr_assert_eq(
            pthread_create(&threads[idx], NULL, write_lines, &names[idx]), 0);
    }
    for (idx = 0; idx < 200; idx++) {
        open_file((idx % 2 == 0) ? "log1" : "log0");
    }
    for (idx = 0; idx < 4; idx++) {
        (void)pthread_join(threads[idx], NULL);
    }
    rsmi_log_close();
    lines += capture_count(read_file("log0"), " end\n");
    lines += capture_count(read_file("log1"), " end\n");
    cr_assert_eq(lines, 4 * LINES);
}
