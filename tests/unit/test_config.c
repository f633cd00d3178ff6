/* SPDX-License-Identifier: BSD-3-Clause */
#include "util/config.h"
#include "util/config_parse.h"
#include "util/help.h"
#include "util/nearest.h"

#include "support/capture.h"

#include <sys/rsm/rsm_common.h>

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

static capture_t output;

/* Loads and returns what was said meanwhile. */
static const char *load(bool warn, int expected_rc)
{
    int rc;

    capture_begin(&output);
    rc = rsmi_config_load(warn);
    (void)capture_end(&output);
    cr_assert_eq(rc, expected_rc, "rc %d, output %s", rc, output.text);
    return output.text;
}

static void forget_environment(void)
{
    rsmi_config_row_t row;
    size_t idx;

    for (idx = 0; idx < rsmi_config_count(); idx++) {
        rsmi_config_row(idx, &row);
        (void)unsetenv(row.name);
    }
}

TestSuite(config, .init = forget_environment);

Test(config, defaults_without_environment)
{
    cr_assert_str_empty(load(true, RSM_SUCCESS));
    cr_assert_eq(rsmi_config.log_level, 1);
    cr_assert_str_empty(rsmi_config.log_file);
    cr_assert_not(rsmi_config.info);
    cr_assert(rsmi_config.direct);
    cr_assert_eq(rsmi_config.node_base, 0);
    cr_assert_eq(rsmi_config.boot, RSMI_BOOT_AUTO);
    cr_assert_eq(rsmi_config.timeout, 30000);
    cr_assert_eq(rsmi_config.fence_timeout, 1000);
    cr_assert_eq(rsmi_config.peer_timeout, 10000);
    cr_assert_eq(rsmi_config.lost_action, RSMI_LOST_END);
    cr_assert_str_empty(rsmi_config.service_cpus);
    cr_assert_str_empty(rsmi_config.controller_alias);
    cr_assert_str_eq(rsmi_config.segmentid_file, "/etc/rsm/rsm.segmentid");
}

Test(config, every_default_has_the_accepted_form)
{
    rsmi_config_row_t row;
    size_t idx;

    for (idx = 0; idx < rsmi_config_count(); idx++) {
        rsmi_config_row(idx, &row);
        cr_expect(row.is_valid, "%s = \"%s\"", row.name, row.value);
        cr_expect_str_eq(row.value, row.initial);
        cr_expect_not(row.is_set);
        cr_expect_eq(strncmp(row.name, "RSM_", 4), 0);
        cr_expect_str_not_empty(row.help);
    }
}

Test(config, values_of_the_environment_are_taken)
{
    setenv("RSM_LOG_LEVEL", "Trace", 1);
    setenv("RSM_LOG_FILE", "/tmp/%h.log", 1);
    setenv("RSM_INFO", "on", 1);
    setenv("RSM_DIRECT", "0", 1);
    setenv("RSM_NODE_BASE", "1", 1);
    setenv("RSM_BOOT", "single", 1);
    setenv("RSM_TIMEOUT", "250ms", 1);
    setenv("RSM_FENCE_TIMEOUT", "2", 1);
    setenv("RSM_PEER_TIMEOUT", "1h", 1);
    setenv("RSM_LAUNCHER_LOST", "continue", 1);
    setenv("RSM_SERVICE_CPUS", "0-3,8", 1);
    setenv("RSM_CONTROLLER_ALIAS", "sci0=ucx0", 1);
    cr_assert_str_empty(load(true, RSM_SUCCESS));
    cr_assert_eq(rsmi_config.log_level, 4);
    cr_assert_str_eq(rsmi_config.log_file, "/tmp/%h.log");
    cr_assert(rsmi_config.info);
    cr_assert_not(rsmi_config.direct);
    cr_assert_eq(rsmi_config.node_base, 1);
    cr_assert_eq(rsmi_config.boot, RSMI_BOOT_SINGLE);
    cr_assert_eq(rsmi_config.timeout, 250);
    cr_assert_eq(rsmi_config.fence_timeout, 2000);
    cr_assert_eq(rsmi_config.peer_timeout, 3600000);
    cr_assert_eq(rsmi_config.lost_action, RSMI_LOST_CONTINUE);
    cr_assert_str_eq(rsmi_config.service_cpus, "0-3,8");
    cr_assert_str_eq(rsmi_config.controller_alias, "sci0=ucx0");
}

Test(config, text_outlives_the_environment)
{
    setenv("RSM_LOG_FILE", "/first", 1);
    cr_assert_eq(rsmi_config_load(false), RSM_SUCCESS);
    setenv("RSM_LOG_FILE", "/second", 1);
    cr_assert_str_eq(rsmi_config.log_file, "/first");
    cr_assert_eq(rsmi_config_load(false), RSM_SUCCESS);
    cr_assert_str_eq(rsmi_config.log_file, "/second");
}

Test(config, malformed_value_is_an_error_with_the_accepted_form)
{
    const char *text;

    setenv("RSM_TIMEOUT", "30 parsecs", 1);
    text = load(false, RSMERR_BAD_CONF);
    cr_assert_not_null(strstr(text, "librsm message 101, BAD_VALUE"));
    cr_assert_not_null(strstr(text, "RSM_TIMEOUT"));
    cr_assert_not_null(strstr(text, "30 parsecs"));
    cr_assert_not_null(strstr(text, "10ms..1h"));
    cr_assert_eq(rsmi_config.timeout, 30000);
}

Test(config, every_malformed_value_is_named)
{
    const char *text;

    setenv("RSM_INFO", "maybe", 1);
    setenv("RSM_BOOT", "", 1);
    setenv("RSM_NODE_BASE", "2", 1);
    text = load(false, RSMERR_BAD_CONF);
    cr_assert_not_null(strstr(text, "RSM_INFO"));
    cr_assert_not_null(strstr(text, "RSM_BOOT"));
    cr_assert_not_null(strstr(text, "RSM_NODE_BASE"));
}

Test(config, unknown_name_is_warned_about_with_the_nearest)
{
    const char *text;

    setenv("RSM_LOG_LEVLE", "info", 1);
    text = load(true, RSM_SUCCESS);
    cr_assert_not_null(strstr(text, "102, UNKNOWN_VARIABLE"));
    cr_assert_not_null(strstr(text, "RSM_LOG_LEVLE"));
    cr_assert_not_null(strstr(text, "Nearest known name: RSM_LOG_LEVEL."));
}

Test(config, every_unknown_name_is_named_once)
{
    const char *text;

    setenv("RSM_TIMEUOT", "1s", 1);
    setenv("RSM_WATERMELON_PATCH", "y", 1);
    text = load(true, RSM_SUCCESS);
    cr_assert_eq(capture_count(text, "RSM_TIMEUOT"), 1);
    cr_assert_eq(capture_count(text, "RSM_WATERMELON_PATCH"), 1);
    cr_assert_not_null(strstr(text, "none"));
}

Test(config, unknown_names_are_silent_when_not_asked)
{
    setenv("RSM_TIMEUOT", "1s", 1);
    cr_assert_str_empty(load(false, RSM_SUCCESS));
}

Test(config, names_of_the_neighbours_are_left_alone)
{
    setenv("RSM_MPI_VERBOSE", "1", 1);
    setenv("RSM_TEST_RANKS", "1", 1);
    setenv("RSM_BENCH_SIZE", "1", 1);
    setenv("RSMX_THING", "1", 1);
    setenv("XRSM_INFO", "1", 1);
    cr_assert_str_empty(load(true, RSM_SUCCESS));
}

Test(config, row_tells_what_the_environment_says)
{
    rsmi_config_row_t row;
    size_t idx;

    setenv("RSM_INFO", "perhaps", 1);
    for (idx = 0; idx < rsmi_config_count(); idx++) {
        rsmi_config_row(idx, &row);
        if (strcmp(row.name, "RSM_INFO") == 0) {
            break;
        }
    }
    cr_assert_lt(idx, rsmi_config_count());
    cr_assert_str_eq(row.value, "perhaps");
    cr_assert_str_eq(row.kind, "bool");
    cr_assert_str_eq(row.level, "user");
    cr_assert(row.is_set);
    cr_assert_not(row.is_valid);
}

/* --- parsers -------------------------------------------------------------- */

Test(config_parse, bool_accepts_the_usual_words_only)
{
    static const char *const yes[] = {"y", "yes", "on", "1", "true", "YES"};
    static const char *const no[] = {"n", "no", "off", "0", "false", "Off"};
    static const char *const bad[] = {"", " y", "y ", "2", "ye", "try", "01"};
    size_t idx;
    bool flag;

    for (idx = 0; idx < sizeof(yes) / sizeof(yes[0]); idx++) {
        flag = false;
        cr_expect(rsmi_config_parse_bool(yes[idx], "y|n", &flag) && flag);
    }
    for (idx = 0; idx < sizeof(no) / sizeof(no[0]); idx++) {
        flag = true;
        cr_expect(rsmi_config_parse_bool(no[idx], "y|n", &flag) && !flag);
    }
    for (idx = 0; idx < sizeof(bad) / sizeof(bad[0]); idx++) {
        cr_expect_not(rsmi_config_parse_bool(bad[idx], "y|n", &flag), "\"%s\"",
                      bad[idx]);
    }
}

Test(config_parse, choice_is_a_whole_word_of_the_list)
{
    int word = -1;

    cr_expect(rsmi_config_parse_choice("auto", "auto|pmix|single", &word));
    cr_expect_eq(word, 0);
    cr_expect(rsmi_config_parse_choice("single", "auto|pmix|single", &word));
    cr_expect_eq(word, 2);
    word = -1;
    cr_expect_not(rsmi_config_parse_choice("", "auto|pmix", &word));
    cr_expect_not(rsmi_config_parse_choice("aut", "auto|pmix", &word));
    cr_expect_not(rsmi_config_parse_choice("autos", "auto|pmix", &word));
    cr_expect_not(rsmi_config_parse_choice("auto|pmix", "auto|pmix", &word));
    cr_expect_eq(word, -1);
}

Test(config_parse, number_knows_suffixes_and_range)
{
    int64_t value = -1;

    cr_expect(rsmi_config_parse_number("64k", "0..1m", &value));
    cr_expect_eq(value, 65536);
    cr_expect(rsmi_config_parse_number("1M", "0..1m", &value));
    cr_expect_eq(value, 1048576);
    cr_expect(rsmi_config_parse_number("0", "0..1", &value));
    cr_expect_eq(value, 0);
    value = -1;
    cr_expect_not(rsmi_config_parse_number("2", "0..1", &value));
    cr_expect_not(rsmi_config_parse_number("0", "1..2", &value));
    cr_expect_not(rsmi_config_parse_number("-1", "0..1", &value));
    cr_expect_not(rsmi_config_parse_number("+1", "0..1", &value));
    cr_expect_not(rsmi_config_parse_number("", "0..1", &value));
    cr_expect_not(rsmi_config_parse_number("k", "0..1m", &value));
    cr_expect_not(rsmi_config_parse_number("1kk", "0..1m", &value));
    cr_expect_not(rsmi_config_parse_number("0x1", "0..1m", &value));
    cr_expect_not(
        rsmi_config_parse_number("18446744073709551617", "0..8t", &value));
    cr_expect_not(
        rsmi_config_parse_number("9223372036854775807k", "0..8t", &value));
    cr_expect_eq(value, -1);
}

Test(config_parse, time_knows_units_and_rounds_up)
{
    int64_t ms = -1;

    cr_expect(rsmi_config_parse_time("3", "1us..1h", &ms));
    cr_expect_eq(ms, 3000);
    cr_expect(rsmi_config_parse_time("3s", "1us..1h", &ms));
    cr_expect_eq(ms, 3000);
    cr_expect(rsmi_config_parse_time("2m", "1us..1h", &ms));
    cr_expect_eq(ms, 120000);
    cr_expect(rsmi_config_parse_time("1h", "1us..1h", &ms));
    cr_expect_eq(ms, 3600000);
    cr_expect(rsmi_config_parse_time("1001us", "1us..1h", &ms));
    cr_expect_eq(ms, 2);
    ms = -1;
    cr_expect_not(rsmi_config_parse_time("9ms", "10ms..1h", &ms));
    cr_expect_not(rsmi_config_parse_time("61m", "10ms..1h", &ms));
    cr_expect_not(rsmi_config_parse_time("1.5s", "10ms..1h", &ms));
    cr_expect_not(rsmi_config_parse_time("1 s", "10ms..1h", &ms));
    cr_expect_not(rsmi_config_parse_time("1d", "10ms..1h", &ms));
    cr_expect_not(rsmi_config_parse_time("inf", "10ms..1h", &ms));
    cr_expect_eq(ms, -1);
}

Test(config_parse, lists_are_checked)
{
    static const char *const good_cpus[] = {"", "0", "0-3", "0-3,8", "7,1-1"};
    static const char *const bad_cpus[] = {",",  "0,",  "-1",    "3-1",    "a",
                                           "0-", "0 1", "1-2-3", "1234567"};
    static const char *const good_alias[] = {"", "a=b", "sci0=ucx0,w-0=tcp0"};
    static const char *const bad_alias[] = {"a",    "a=",    "=b",     ",",
                                            "a=b,", "a=b=c", "a=b c=d"};
    const char *text;
    size_t idx;

    for (idx = 0; idx < sizeof(good_cpus) / sizeof(text); idx++) {
        cr_expect(rsmi_config_parse_cpulist(good_cpus[idx], "", &text));
        cr_expect_str_eq(text, good_cpus[idx]);
    }
    for (idx = 0; idx < sizeof(bad_cpus) / sizeof(text); idx++) {
        cr_expect_not(rsmi_config_parse_cpulist(bad_cpus[idx], "", &text),
                      "\"%s\"", bad_cpus[idx]);
    }
    for (idx = 0; idx < sizeof(good_alias) / sizeof(text); idx++) {
        cr_expect(rsmi_config_parse_aliases(good_alias[idx], "", &text));
    }
    for (idx = 0; idx < sizeof(bad_alias) / sizeof(text); idx++) {
        cr_expect_not(rsmi_config_parse_aliases(bad_alias[idx], "", &text),
                      "\"%s\"", bad_alias[idx]);
    }
}

Test(nearest, finds_what_was_meant)
{
    static const char *const names[] = {"version", "build", "config", "devices",
                                        "check"};

    cr_expect_str_eq(rsmi_nearest("verison", names, 5), "version");
    cr_expect_str_eq(rsmi_nearest("CONFIG", names, 5), "config");
    cr_expect_str_eq(rsmi_nearest("device", names, 5), "devices");
    cr_expect_str_eq(rsmi_nearest("chekc", names, 5), "check");
    cr_expect_null(rsmi_nearest("watermelon", names, 5));
    cr_expect_null(rsmi_nearest("", names, 5));
    cr_expect_null(rsmi_nearest("check", names, 0));
}

Test(nearest, refuses_endless_words)
{
    static const char *const names[] = {"check"};
    char word[300];

    memset(word, 'c', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    cr_expect_null(rsmi_nearest(word, names, 1));
}
