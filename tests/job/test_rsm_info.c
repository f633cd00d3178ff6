/* SPDX-License-Identifier: BSD-3-Clause */
/* rsm_info as people and scripts use it: exit status and output. */
#include "support/capture.h"
#include "support/json.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#define INFO_WORDS_MAX 16

static const char *const views[] = {"version", "build",    "config",
                                    "devices", "topology", "check"};

#define VIEW_COUNT (sizeof(views) / sizeof(views[0]))

typedef struct {
    int status; /* exit status; 128 and the signal when one killed it */
    char out[CAPTURE_MAX];
    char err[CAPTURE_MAX];
} info_result_t;

static info_result_t result;

static const char *info_path(void)
{
    const char *path = getenv("RSM_TEST_INFO_TOOL");

    return (path != NULL) ? path : RSM_TEST_TOOL_DIR "/rsm_info";
}

static void info_collect(int fd, char *text)
{
    ssize_t len = pread(fd, text, CAPTURE_MAX - 1, 0);

    text[(len > 0) ? len : 0] = '\0';
    (void)close(fd);
}

/* Runs a command line that ends with NULL. */
static void info_spawn(const char *const *words)
{
    int out = memfd_create("out", MFD_CLOEXEC);
    int err = memfd_create("err", MFD_CLOEXEC);
    posix_spawn_file_actions_t actions;
    int status;
    pid_t pid;

    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    cr_assert_eq(posix_spawnp(&pid, words[0], &actions, NULL,
                              (char *const *)(void *)words, environ),
                 0, "cannot start %s", words[0]);
    (void)posix_spawn_file_actions_destroy(&actions);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    result.status =
        WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    info_collect(out, result.out);
    info_collect(err, result.err);
}

/* Runs the tool with the words given, up to NULL. */
static void info_run(const char *word, ...)
{
    const char *words[INFO_WORDS_MAX] = {info_path()};
    size_t count = 1;
    va_list args;

    va_start(args, word);
    for (; (word != NULL) && (count < INFO_WORDS_MAX - 1);
         word = va_arg(args, const char *)) {
        words[count++] = word;
    }
    va_end(args);
    words[count] = NULL;
    info_spawn(words);
}

static void expect_status(int status)
{
    cr_assert_eq(result.status, status, "exit status %d\n%s\n%s", result.status,
                 result.out, result.err);
}

static void expect_out(const char *part)
{
    cr_assert_not_null(strstr(result.out, part), "\"%s\" is not in\n%s", part,
                       result.out);
}

static void expect_not_out(const char *part)
{
    cr_assert_null(strstr(result.out, part), "\"%s\" is in\n%s", part,
                   result.out);
}

static void expect_json(void)
{
    cr_assert(json_is_valid(result.out), "not JSON:\n%s", result.out);
}

/* One sentence on standard error, nothing else. */
static void expect_refusal(const char *part)
{
    expect_status(2);
    cr_assert_str_empty(result.out);
    cr_assert_eq(capture_count(result.err, "\n"), 1, "%s", result.err);
    cr_assert_not_null(strstr(result.err, part), "\"%s\" is not in %s", part,
                       result.err);
}

TestSuite(rsm_info, .timeout = 120);

Test(rsm_info, help_names_every_view)
{
    size_t idx;

    info_run("--help", NULL);
    expect_status(0);
    expect_out("Usage: rsm_info");
    for (idx = 0; idx < VIEW_COUNT; idx++) {
        expect_out(views[idx]);
    }
}

Test(rsm_info, version_is_one_line)
{
    info_run("--version", NULL);
    expect_status(0);
    cr_assert_eq(strncmp(result.out, "rsm_info ", 9), 0);
    cr_assert_eq(capture_count(result.out, "\n"), 1);
}

Test(rsm_info, every_view_alone_as_text)
{
    char title[32];
    size_t idx;

    for (idx = 0; idx < VIEW_COUNT; idx++) {
        info_run(views[idx], NULL);
        expect_status(0);
        (void)snprintf(title, sizeof(title), "%s\n  ", views[idx]);
        cr_assert_eq(strncmp(result.out, title, strlen(title)), 0, "%s",
                     result.out);
    }
}

Test(rsm_info, every_view_alone_as_json)
{
    char key[32];
    size_t idx, other;

    for (idx = 0; idx < VIEW_COUNT; idx++) {
        info_run(views[idx], "--json", NULL);
        expect_status(0);
        expect_json();
        for (other = 0; other < VIEW_COUNT; other++) {
            (void)snprintf(key, sizeof(key), "\n  \"%s\": {", views[other]);
            cr_expect_eq(capture_count(result.out, key), (other == idx),
                         "%s in %s", views[other], result.out);
        }
    }
}

Test(rsm_info, all_views_without_a_word)
{
    char key[32];
    size_t idx;

    info_run("--json", NULL);
    expect_status(0);
    expect_json();
    for (idx = 0; idx < VIEW_COUNT; idx++) {
        (void)snprintf(key, sizeof(key), "\n  \"%s\": {", views[idx]);
        expect_out(key);
    }
}

Test(rsm_info, view_given_twice_is_printed_once)
{
    info_run("version", "--json", "version", NULL);
    expect_status(0);
    cr_assert_eq(capture_count(result.out, "\"librsm\""), 1);
}

Test(rsm_info, wrong_words_are_refused_with_the_nearest)
{
    info_run("--jsno", NULL);
    expect_refusal("did you mean \"--json\"?");
    info_run("version", "tolopogy", NULL);
    expect_refusal("did you mean \"topology\"?");
    info_run("watermelon", NULL);
    expect_refusal("\"rsm_info --help\"");
    info_run("-x", NULL);
    expect_refusal("no option \"-x\"");
    info_run("--", "--json", NULL);
    expect_refusal("no view \"--json\"");
    info_run("", NULL);
    expect_refusal("no view \"\"");
}

Test(rsm_info, config_shows_what_is_set)
{
    setenv("RSM_TIMEOUT", "7s", 1);
    setenv("RSM_TIMEUOT", "8s", 1);
    setenv("UCX_LOG_LEVEL", "error", 1);
    info_run("config", NULL);
    expect_status(0);
    expect_out("RSM_TIMEOUT=7s");
    expect_out("default is \"30s\"");
    expect_out("RSM_TIMEUOT=8s");
    expect_out("nearest known name: RSM_TIMEOUT");
    expect_out("UCX_LOG_LEVEL=error");
    expect_out("RSM_SEGMENTID_FILE=/etc/rsm/rsm.segmentid");
}

Test(rsm_info, json_survives_any_bytes)
{
    setenv("RSM_LOG_FILE", "\"\\\n\t\001\177\303\251\377\355\240\200", 1);
    info_run("config", "--json", NULL);
    expect_status(0);
    expect_json();
    expect_out("\\\"\\\\\\u000a\\u0009\\u0001\\u007f\303\251\\ufffd");
}

Test(rsm_info, devices_have_loopback_first)
{
    info_run("devices", NULL);
    expect_status(0);
    cr_assert_eq(strncmp(result.out, "devices\n  loopback\n", 19), 0, "%s",
                 result.out);
    expect_out("ucx0");
    expect_out("4.0 KiB");
}

Test(rsm_info, check_passes)
{
    info_run("check", NULL);
    expect_status(0);
    expect_out(" 0 failed");
    expect_out("pass  start");
    expect_out("pass  through loopback");
    expect_out("pass  through ucx0");
    expect_not_out("fail  ");

    info_run("check", "--json", NULL);
    expect_status(0);
    expect_json();
    expect_out("\"failed\": 0");
    expect_out("\"remedy\": ");
}

Test(rsm_info, check_passes_without_shared_memory)
{
    setenv("UCX_TLS", "tcp,self", 1);
    info_run("check", NULL);
    expect_status(0);
    expect_out("warn  transports");
    expect_out("UCX_TLS is \"tcp,self\"");
    expect_not_out("shm0");
}

Test(rsm_info, check_passes_in_a_job)
{
    const char *const words[] = {
        RSM_TEST_MPIEXEC, "--oversubscribe", "--bind-to", "none", "-n", "2",
        info_path(),      "check",           NULL};

    setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
    setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    info_spawn(words);
    expect_status(0);
    expect_out("PMIx, rank 1 of job");
    expect_out("node 1 of 2");
    cr_assert_eq(capture_count(result.out, " 0 failed"), 2, "%s", result.out);
}

Test(rsm_info, check_tells_of_binding)
{
    const char *const words[] = {"taskset",   "-c",    "0",
                                 info_path(), "check", NULL};

    info_spawn(words);
    expect_status(0);
    expect_out("warn  processors");
}

Test(rsm_info, check_fails_on_a_malformed_variable)
{
    setenv("RSM_TIMEOUT", "soon", 1);
    info_run("check", NULL);
    expect_status(1);
    expect_out("fail  variables");
    expect_out("RSM_TIMEOUT has the value \"soon\"");
    expect_out("fail  start");
    expect_out("RSMERR_BAD_CONF");
    cr_assert_not_null(strstr(result.err, "BAD_VALUE"), "%s", result.err);

    info_run("check", "--json", NULL);
    expect_status(1);
    expect_json();
}

Test(rsm_info, check_fails_under_a_launcher_without_pmix)
{
    setenv("PMI_RANK", "0", 1);
    setenv("PMI_SIZE", "4", 1);
    info_run("check", NULL);
    expect_status(1);
    expect_out("fail  launcher");
    expect_out("RSM_BOOT=single");

    setenv("RSM_BOOT", "single", 1);
    info_run("check", NULL);
    expect_status(0);
    expect_out("pass  launcher");
}

Test(rsm_info, views_report_a_library_that_does_not_start)
{
    setenv("RSM_BOOT", "somehow", 1);
    info_run("devices", "topology", "--json", NULL);
    expect_status(1);
    expect_json();
    cr_assert_eq(capture_count(result.out, "RSMERR_BAD_CONF"), 2, "%s",
                 result.out);
}

Test(rsm_info, full_disk_is_a_failure)
{
    char command[4200];

    (void)snprintf(command, sizeof(command), "%s version > /dev/full",
                   info_path());
    const char *const words[] = {"sh", "-c", command, NULL};
    info_spawn(words);
    expect_status(1);
    cr_assert_not_null(strstr(result.err, "standard output"));
}
