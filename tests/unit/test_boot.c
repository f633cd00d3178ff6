/* SPDX-License-Identifier: BSD-3-Clause */
#include "boot/boot.h"
#include "boot/boot_provider.h"

#include "rsmapi.h"
#include "util/config.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a callback was told. */
typedef struct {
    atomic_int calls;
    int rc;
    size_t size;
    unsigned char record[RSMI_BOOT_RECORD_MAX];
} told_t;

static void told(int rc, const void *record, size_t size, void *arg)
{
    told_t *told_p = arg;

    told_p->rc = rc;
    told_p->size = size;
    if (rc == RSM_SUCCESS) {
        memcpy(told_p->record, record, size);
    }
    atomic_fetch_add(&told_p->calls, 1);
}

static int fetch(uint32_t rank, int64_t ms, told_t *told_p)
{
    memset(told_p, 0, sizeof(*told_p));
    rsmi_boot_fetch(rank, rsmi_deadline_in_ms(ms), told, told_p);
    cr_assert_eq(told_p->calls, 1);
    return told_p->rc;
}

/* ---- who started us ---- */

static void forget_launchers(void)
{
    static const char *const names[] = {
        "PMIX_NAMESPACE",
        "PMIX_RANK",
        "PMI_RANK",
        "PMI_SIZE",
        "PMI_ID",
        "PMI_PORT",
        "SLURM_PROCID",
        "SLURM_NTASKS",
        "SLURM_STEP_ID",
        "SLURM_STEP_NUM_TASKS",
        "FLUX_TASK_RANK",
        "FLUX_JOB_SIZE",
        "MV2_COMM_WORLD_RANK",
        "MV2_COMM_WORLD_SIZE",
        "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_SIZE",
        "PALS_RANKID",
    };
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)unsetenv(names[i]);
    }
    rsmi_config.boot = RSMI_BOOT_AUTO;
}

/* "single", "pmix" or "refused" for the variables in @p text, "A=1 B=2". */
static const char *detected(const char *text)
{
    const rsmi_boot_provider_t *provider = NULL;
    char copy[256], *word, *rest, *equals;
    int rc;

    forget_launchers();
    (void)snprintf(copy, sizeof(copy), "%s", text);
    for (word = strtok_r(copy, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        equals = strchr(word, '=');
        *equals = '\0';
        (void)setenv(word, equals + 1, 1);
    }
    rc = rsmi_boot_detect(&provider);
    forget_launchers();
    if (rc == RSM_SUCCESS) {
        return provider->name;
    }
    cr_expect_eq(rc, RSMERR_REMOTE_NODE_UNREACHABLE);
    cr_expect_null(provider);
    return "refused";
}

Test(boot_detect, a_process_started_by_hand_is_alone)
{
    cr_expect_str_eq(detected(""), "single");
}

Test(boot_detect, pmix_needs_namespace_and_rank)
{
    cr_expect_str_eq(detected("PMIX_NAMESPACE=job PMIX_RANK=0"), "pmix");
    cr_expect_str_eq(detected("PMIX_NAMESPACE=job"), "single");
    cr_expect_str_eq(detected("PMIX_RANK=0"), "single");
}

Test(boot_detect, pmix_wins_over_what_else_is_there)
{
    cr_expect_str_eq(detected("PMIX_NAMESPACE=job PMIX_RANK=1 PMI_RANK=1 "
                              "PMI_SIZE=2 SLURM_PROCID=1 SLURM_STEP_ID=0"),
                     "pmix");
}

Test(boot_detect, several_processes_without_pmix_are_refused)
{
    cr_expect_str_eq(detected("PMI_RANK=0 PMI_SIZE=2"), "refused");
    cr_expect_str_eq(detected("PMI_RANK=1 PMI_SIZE=2"), "refused");
    cr_expect_str_eq(detected("PMI_ID=0 PMI_PORT=host:1"), "refused");
    cr_expect_str_eq(detected("FLUX_TASK_RANK=0 FLUX_JOB_SIZE=3"), "refused");
    cr_expect_str_eq(detected("MV2_COMM_WORLD_RANK=0 MV2_COMM_WORLD_SIZE=2"),
                     "refused");
    cr_expect_str_eq(detected("OMPI_COMM_WORLD_RANK=0 "
                              "OMPI_COMM_WORLD_SIZE=2"),
                     "refused");
}

Test(boot_detect, one_process_without_pmix_is_alone)
{
    cr_expect_str_eq(detected("PMI_RANK=0 PMI_SIZE=1"), "single");
    cr_expect_str_eq(detected("SLURM_PROCID=0 SLURM_STEP_ID=0 SLURM_NTASKS=1"),
                     "single");
}

Test(boot_detect, slurm_counts_only_within_a_step)
{
    cr_expect_str_eq(detected("SLURM_PROCID=0 SLURM_NTASKS=4"), "single");
    cr_expect_str_eq(detected("SLURM_PROCID=0 SLURM_NTASKS=4 "
                              "SLURM_STEP_ID=0"),
                     "refused");
    cr_expect_str_eq(detected("SLURM_PROCID=0 SLURM_NTASKS=4 SLURM_STEP_ID=1 "
                              "SLURM_STEP_NUM_TASKS=1"),
                     "single");
}

Test(boot_detect, the_variable_decides_when_set)
{
    const rsmi_boot_provider_t *provider = NULL;

    forget_launchers();
    (void)setenv("PMI_RANK", "0", 1);
    (void)setenv("PMI_SIZE", "2", 1);
    (void)setenv("PMIX_NAMESPACE", "job", 1);
    (void)setenv("PMIX_RANK", "0", 1);
    rsmi_config.boot = RSMI_BOOT_SINGLE;
    cr_expect_eq(rsmi_boot_detect(&provider), RSM_SUCCESS);
    cr_expect_eq(provider, &rsmi_boot_single);

    forget_launchers();
    rsmi_config.boot = RSMI_BOOT_PMIX;
    cr_expect_eq(rsmi_boot_detect(&provider), RSMERR_REMOTE_NODE_UNREACHABLE);
}

/* ---- a job of one process ---- */

Test(boot_single, publishes_and_fetches_its_own_record)
{
    rsmi_boot_job_t job;
    told_t answer;

    forget_launchers();
    rsmi_config.boot = RSMI_BOOT_SINGLE;
    cr_assert_eq(rsmi_boot_open(NULL, &job), RSM_SUCCESS);
    cr_expect_eq(job.rank, 0);
    cr_expect_eq(job.size, 1);
    cr_expect_eq(job.local_rank, 0);
    cr_expect_eq(job.local_size, 1);
    cr_expect_str_eq(job.launcher, "single");
    cr_expect(rsmi_boot_is_local(0));
    cr_expect_not(rsmi_boot_is_local(1));

    cr_expect_eq(fetch(0, 1000, &answer), RSMERR_SEG_NOT_PUBLISHED);
    cr_assert_eq(rsmi_boot_publish("record", 7), RSM_SUCCESS);
    cr_assert_eq(fetch(0, 0, &answer), RSM_SUCCESS);
    cr_expect_eq(answer.size, 7);
    cr_expect_str_eq((char *)answer.record, "record");
    cr_expect_eq(fetch(1, 1000, &answer), RSMERR_REMOTE_NODE_UNREACHABLE);

    rsmi_boot_close();
    rsmi_boot_close();
    cr_expect_eq(fetch(0, 1000, &answer), RSMERR_REMOTE_NODE_UNREACHABLE);
}

Test(boot_single, closing_in_a_forked_child_does_nothing)
{
    rsmi_boot_job_t job;
    pid_t child;
    int status;

    forget_launchers();
    rsmi_config.boot = RSMI_BOOT_SINGLE;
    cr_assert_eq(rsmi_boot_open(NULL, &job), RSM_SUCCESS);
    child = fork();
    if (child == 0) {
        rsmi_boot_close();
        _exit(rsmi_boot_is_local(0) ? 0 : 1);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect_eq(status, 0);
    rsmi_boot_close();
}

/* ---- records, with a launcher of our own ---- */

static struct {
    atomic_uint asked;
    _Atomic uint64_t question; /* the last */
    bool answers_at_once;      /* that there is no record */
    bool is_local;
    bool has_ended;
    int ask_rc;
} launcher;

static bool launcher_is_local(uint32_t rank)
{
    (void)rank;
    return launcher.is_local;
}

static int launcher_ask(uint32_t rank, uint64_t question)
{
    (void)rank;
    atomic_store(&launcher.question, question);
    atomic_fetch_add(&launcher.asked, 1);
    if (launcher.answers_at_once) {
        rsmi_boot_records_answer(question, RSMERR_SEG_NOT_PUBLISHED, NULL, 0);
    }
    return launcher.ask_rc;
}

static bool launcher_has_ended(uint32_t rank)
{
    (void)rank;
    return launcher.has_ended;
}

static const rsmi_boot_provider_t launcher_provider = {
    .name = "test",
    .is_local = launcher_is_local,
    .ask = launcher_ask,
    .has_ended = launcher_has_ended,
};

static void launcher_open(void)
{
    cr_assert_eq(rsmi_boot_records_open(&launcher_provider, 4), RSM_SUCCESS);
}

typedef struct {
    pthread_t thread;
    told_t answer;
} asker_t;

static void *asker_main(void *arg)
{
    asker_t *asker = arg;

    rsmi_boot_fetch(1, rsmi_deadline_in_ms(20000), told, &asker->answer);
    return NULL;
}

static void asker_start(asker_t *asker)
{
    memset(asker, 0, sizeof(*asker));
    cr_assert_eq(pthread_create(&asker->thread, NULL, asker_main, asker), 0);
}

static int asker_join(asker_t *asker)
{
    cr_assert_eq(pthread_join(asker->thread, NULL), 0);
    cr_expect_eq(asker->answer.calls, 1);
    return asker->answer.rc;
}

static void await_questions(unsigned count)
{
    const rsmi_time_t deadline = rsmi_deadline_in_ms(10000);

    while (atomic_load(&launcher.asked) < count) {
        cr_assert_not(rsmi_deadline_passed(deadline));
        (void)usleep(100);
    }
}

Test(boot_records, a_record_is_asked_for_once_and_kept)
{
    told_t answer;
    asker_t asker;

    launcher.is_local = true;
    launcher_open();
    asker_start(&asker);
    await_questions(1);
    rsmi_boot_records_answer(launcher.question, RSM_SUCCESS, "abc", 4);
    cr_expect_eq(asker_join(&asker), RSM_SUCCESS);
    cr_expect_str_eq((char *)asker.answer.record, "abc");

    cr_expect_eq(fetch(1, 0, &answer), RSM_SUCCESS);
    cr_expect_eq(answer.size, 4);
    rsmi_boot_records_lost();
    cr_expect_eq(fetch(1, 0, &answer), RSM_SUCCESS, "known records survive");
    cr_expect_eq(launcher.asked, 1);
    rsmi_boot_records_close();
}

Test(boot_records, an_absent_record_is_asked_for_anew_each_time)
{
    told_t answer;

    launcher.answers_at_once = true;
    launcher_open();
    cr_expect_eq(fetch(1, 1000, &answer), RSMERR_SEG_NOT_PUBLISHED);
    cr_expect_eq(fetch(1, 1000, &answer), RSMERR_SEG_NOT_PUBLISHED);
    cr_expect_eq(launcher.asked, 2);
    rsmi_boot_records_close();
}

Test(boot_records, no_to_an_older_question_is_not_believed)
{
    asker_t first, second;

    launcher.is_local = true;
    launcher_open();
    asker_start(&first);
    await_questions(1);
    asker_start(&second);
    (void)usleep(50000); /* lets it attach; the outcome is the same if not */
    rsmi_boot_records_answer(launcher.question, RSMERR_SEG_NOT_PUBLISHED, NULL,
                             0);
    cr_expect_eq(asker_join(&first), RSMERR_SEG_NOT_PUBLISHED);
    await_questions(2);
    rsmi_boot_records_answer(launcher.question, RSM_SUCCESS, "abc", 4);
    cr_expect_eq(asker_join(&second), RSM_SUCCESS);
    rsmi_boot_records_close();
}

Test(boot_records, a_silent_launcher_costs_a_bounded_time)
{
    const rsmi_time_t begin = rsmi_clock_now();
    told_t answer;
    int i;

    launcher_open();
    for (i = 0; i < 5; i++) {
        cr_expect_eq(fetch(1, 60000, &answer), RSMERR_SEG_NOT_PUBLISHED);
    }
    cr_expect_leq(rsmi_clock_now() - begin, (int64_t)5000000000);
    cr_expect_eq(launcher.asked, 1, "one question stays with the launcher");

    rsmi_boot_records_answer(launcher.question, RSM_SUCCESS, "abc", 4);
    cr_expect_eq(fetch(1, 0, &answer), RSM_SUCCESS, "a late answer is noted");
    rsmi_boot_records_close();
}

Test(boot_records, a_deadline_that_has_passed_still_asks)
{
    told_t answer;

    launcher.is_local = true;
    launcher_open();
    cr_expect_eq(fetch(1, -5, &answer), RSMERR_SEG_NOT_PUBLISHED);
    rsmi_boot_records_answer(launcher.question, RSM_SUCCESS, "abc", 4);
    cr_expect_eq(fetch(1, -5, &answer), RSM_SUCCESS);
    rsmi_boot_records_close();
}

Test(boot_records, a_process_that_has_ended_is_unreachable)
{
    told_t answer;

    launcher.answers_at_once = true;
    launcher.has_ended = true;
    launcher_open();
    cr_expect_eq(fetch(1, 1000, &answer), RSMERR_REMOTE_NODE_UNREACHABLE);
    cr_expect_eq(fetch(1, 1000, &answer), RSMERR_REMOTE_NODE_UNREACHABLE);
    cr_expect_eq(launcher.asked, 1);
    rsmi_boot_records_close();
}

Test(boot_records, a_launcher_that_refuses_the_question_answers_it)
{
    told_t answer;

    launcher.ask_rc = RSMERR_REMOTE_NODE_UNREACHABLE;
    launcher_open();
    rsmi_boot_fetch_nowait(1, told, memset(&answer, 0, sizeof(answer)));
    cr_expect_eq(answer.calls, 1);
    cr_expect_eq(answer.rc, RSMERR_REMOTE_NODE_UNREACHABLE);
    rsmi_boot_records_close();
}

Test(boot_records, ranks_outside_the_job_are_unreachable)
{
    told_t answer;

    launcher_open();
    cr_expect_eq(fetch(4, 1000, &answer), RSMERR_REMOTE_NODE_UNREACHABLE);
    cr_expect_eq(fetch(UINT32_MAX, 1000, &answer),
                 RSMERR_REMOTE_NODE_UNREACHABLE);
    cr_expect_eq(launcher.asked, 0);
    rsmi_boot_records_close();
}

Test(boot_records, questions_without_waiting_share_one_answer)
{
    told_t answers[3];
    int i;

    memset(answers, 0, sizeof(answers));
    launcher_open();
    for (i = 0; i < 3; i++) {
        rsmi_boot_fetch_nowait(2, told, &answers[i]);
        cr_expect_eq(answers[i].calls, 0);
    }
    cr_expect_eq(launcher.asked, 1);
    rsmi_boot_records_answer(launcher.question, RSM_SUCCESS, "abc", 4);
    for (i = 0; i < 3; i++) {
        cr_expect_eq(answers[i].calls, 1);
        cr_expect_eq(answers[i].rc, RSM_SUCCESS);
    }
    rsmi_boot_records_close();
    cr_expect_eq(answers[0].calls, 1);
}

Test(boot_records, closing_answers_what_is_open)
{
    told_t answer;
    asker_t asker;
    uint64_t question;

    launcher.is_local = true;
    launcher_open();
    memset(&answer, 0, sizeof(answer));
    rsmi_boot_fetch_nowait(2, told, &answer);
    asker_start(&asker);
    await_questions(2);
    question = launcher.question;
    rsmi_boot_records_close();
    cr_expect_eq(answer.calls, 1);
    cr_expect_eq(answer.rc, RSMERR_REMOTE_NODE_UNREACHABLE);
    cr_expect_eq(asker_join(&asker), RSMERR_REMOTE_NODE_UNREACHABLE);

    /* An answer that comes after all, and one for an earlier life. */
    rsmi_boot_records_answer(question, RSM_SUCCESS, "abc", 4);
    launcher_open();
    rsmi_boot_records_answer(question, RSM_SUCCESS, "abc", 4);
    cr_expect_eq(fetch(1, -1, &answer), RSMERR_SEG_NOT_PUBLISHED);
    rsmi_boot_records_close();
}

Test(boot_records, losing_the_launcher_answers_what_is_open)
{
    told_t answer;
    asker_t asker;

    launcher.is_local = true;
    launcher_open();
    memset(&answer, 0, sizeof(answer));
    rsmi_boot_fetch_nowait(2, told, &answer);
    asker_start(&asker);
    await_questions(2);
    rsmi_boot_records_lost();
    cr_expect_eq(answer.calls, 1);
    cr_expect_eq(answer.rc, RSMERR_REMOTE_NODE_UNREACHABLE);
    cr_expect_eq(asker_join(&asker), RSMERR_REMOTE_NODE_UNREACHABLE);
    cr_expect_eq(fetch(3, 1000, &answer), RSMERR_REMOTE_NODE_UNREACHABLE);
    rsmi_boot_records_close();
}

Test(boot_records, records_of_impossible_size_are_ignored)
{
    static const unsigned char big[RSMI_BOOT_RECORD_MAX + 1];
    told_t answer;

    launcher_open();
    memset(&answer, 0, sizeof(answer));
    rsmi_boot_fetch_nowait(1, told, &answer);
    rsmi_boot_records_answer(launcher.question, RSM_SUCCESS, big, sizeof(big));
    cr_expect_eq(answer.rc, RSMERR_SEG_NOT_PUBLISHED);
    memset(&answer, 0, sizeof(answer));
    rsmi_boot_fetch_nowait(1, told, &answer);
    rsmi_boot_records_answer(launcher.question, RSM_SUCCESS, big, 0);
    cr_expect_eq(answer.rc, RSMERR_SEG_NOT_PUBLISHED);
    memset(&answer, 0, sizeof(answer));
    rsmi_boot_fetch_nowait(1, told, &answer);
    rsmi_boot_records_answer(launcher.question, RSM_SUCCESS, big,
                             RSMI_BOOT_RECORD_MAX);
    cr_expect_eq(answer.rc, RSM_SUCCESS);
    cr_expect_eq(answer.size, RSMI_BOOT_RECORD_MAX);
    rsmi_boot_records_close();
}
