/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests that start whole jobs from outside and look at what comes out: exit
 * status, both outputs, time, and what is left behind.
 *
 * A job is a shell command, because launchers, environments, limits and
 * namespaces are what shells are good at. The test process adopts orphans, so
 * that a process which outlives its job is found and fails the test. */
#ifndef RSM_TESTS_LAUNCH_H
#define RSM_TESTS_LAUNCH_H

#include <criterion/criterion.h>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOB_PATIENCE_MS 30000
#define JOB_OUTPUT_MAX  65536

/* Parts of commands. More ranks than cores is the normal state of a test
 * machine. With JOB_SURVIVE the others go on when a rank is killed. */
#define JOB_MPIRUN(ranks) \
    "'" RSM_TEST_MPIEXEC "' --oversubscribe --bind-to none -n " #ranks " "
#define JOB_SURVIVE(ranks) \
    "'" RSM_TEST_MPIEXEC   \
    "' --oversubscribe --bind-to none --enable-recovery -n " #ranks " "
#define JOB_HELPER(name)  "'" RSM_TEST_HELPER_DIR "/rsm_job_" name "' "
#define JOB_EXAMPLE(name) "'" RSM_TEST_HELPER_DIR "/../examples/" name "' "
#define JOB_BENCHMARK(name) \
    "'" RSM_TEST_HELPER_DIR "/../../benchmarks/" name "' "

typedef struct {
    char command[4096];
    pid_t pid;
    int out_fd, err_fd;
    int64_t started_ms;
    int status; /* exit status; 128 + number of the signal that ended it */
    int64_t ms; /* how long it ran */
    bool was_stuck;
    unsigned int orphans; /* processes that outlived it */
    char out[JOB_OUTPUT_MAX];
    char err[JOB_OUTPUT_MAX];
} job_t;

static inline int64_t job_clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline void job_pause(void)
{
    nanosleep(&(struct timespec){0, 2 * 1000 * 1000}, NULL);
}

/* What has been written so far. */
static inline void job_read(int fd, char *text)
{
    ssize_t length = pread(fd, text, JOB_OUTPUT_MAX - 1, 0);

    text[(length > 0) ? length : 0] = '\0';
}

static inline void job_look(job_t *job)
{
    job_read(job->out_fd, job->out);
    job_read(job->err_fd, job->err);
}

static inline void job_vstart(job_t *job, const char *format, va_list args)
{
    char *const argv[] = {"sh", "-c", job->command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    extern char **environ;

    memset(job, 0, sizeof(*job));
    vsnprintf(job->command, sizeof(job->command), format, args);
    job->out_fd = memfd_create("out", MFD_CLOEXEC);
    job->err_fd = memfd_create("err", MFD_CLOEXEC);
    cr_assert(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
    setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, job->out_fd, 1);
    posix_spawn_file_actions_adddup2(&actions, job->err_fd, 2);
    posix_spawnattr_init(&attributes);
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    job->started_ms = job_clock_ms();
    cr_assert(posix_spawnp(&job->pid, "sh", &actions, &attributes, argv,
                           environ) == 0);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
}

__attribute__((format(printf, 2, 3))) static inline void job_start(
    job_t *job, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    job_vstart(job, format, args);
    va_end(args);
}

/* Reaps orphans; true when no child is left. */
static inline bool job_reap(void)
{
    pid_t pid;

    do {
        pid = waitpid(-1, NULL, WNOHANG);
    } while (pid > 0);
    return pid < 0;
}

/* Ends and counts what is left of the job; all are children of ours now. */
static inline unsigned int job_sweep(void)
{
    int64_t deadline = job_clock_ms() + 3000;
    unsigned int swept = 0;
    FILE *children;
    char path[64];
    int pid;

    while (job_clock_ms() < deadline) {
        if (job_reap()) {
            return 0;
        }
        job_pause();
    }

    while (!job_reap()) {
        snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
        children = fopen(path, "re");
        while ((children != NULL) && (fscanf(children, "%d", &pid) == 1)) {
            kill(pid, SIGKILL);
            ++swept;
        }
        if (children != NULL) {
            fclose(children);
        }
        job_pause();
    }
    return swept;
}

static inline void job_wait(job_t *job)
{
    int64_t deadline = job->started_ms + JOB_PATIENCE_MS;
    int status = 0;

    while (waitpid(job->pid, &status, WNOHANG) == 0) {
        if (job_clock_ms() > deadline) {
            /* mpirun takes its ranks with it when it is asked politely. */
            kill(-job->pid, job->was_stuck ? SIGKILL : SIGTERM);
            job->was_stuck = true;
            deadline += 3000;
        }
        job_pause();
    }
    job->ms = job_clock_ms() - job->started_ms;
    job->status =
        WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    job->orphans = job_sweep();
    job_look(job);
    close(job->out_fd);
    close(job->err_fd);
}

__attribute__((format(printf, 2, 3))) static inline void job_run(
    job_t *job, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    job_vstart(job, format, args);
    va_end(args);
    job_wait(job);
}

/* Waits until a running job has written a text. */
static inline bool job_await(job_t *job, const char *text)
{
    int64_t deadline = job_clock_ms() + JOB_PATIENCE_MS / 2;

    for (;;) {
        job_look(job);
        if (strstr(job->out, text) != NULL) {
            return true;
        }
        if (job_clock_ms() > deadline) {
            return false;
        }
        job_pause();
    }
}

/* The number behind a word in the output, or -1. */
static inline long job_number(const job_t *job, const char *word)
{
    const char *at = strstr(job->out, word);

    return (at != NULL) ? strtol(at + strlen(word), NULL, 10) : -1;
}

/* How often a text occurs in the output. */
static inline unsigned int job_count(const job_t *job, const char *text)
{
    const char *at = job->out;
    unsigned int count = 0;

    while ((at = strstr(at, text)) != NULL) {
        at += strlen(text);
        ++count;
    }
    return count;
}

/* Whether a command succeeds: what the machine lacks is skipped. */
static inline bool job_can(const char *command)
{
    static job_t job;

    job_run(&job, "%s", command);
    return job.status == 0;
}

#define JOB_EXPECT(job, condition)                                             \
    cr_assert((condition),                                                     \
              "%s\n  command: %s\n  status %d, %lld ms%s, %u left\n"           \
              "--- out\n%s--- err\n%s---",                                     \
              #condition, (job)->command, (job)->status, (long long)(job)->ms, \
              (job)->was_stuck ? ", stuck" : "", (job)->orphans, (job)->out,   \
              (job)->err)

/* It came to its end by itself and left no process. */
#define JOB_ENDED(job) \
    JOB_EXPECT(job, !(job)->was_stuck && ((job)->orphans == 0))
#define JOB_SUCCEEDED(job)                   \
    do {                                     \
        JOB_ENDED(job);                      \
        JOB_EXPECT(job, (job)->status == 0); \
    } while (0)
#define JOB_SAYS(job, text) JOB_EXPECT(job, strstr((job)->out, (text)) != NULL)
#define JOB_COMPLAINS(job, text) \
    JOB_EXPECT(job, strstr((job)->err, (text)) != NULL)
#define JOB_IS_SILENT(job) JOB_EXPECT(job, (job)->err[0] == '\0')

#endif
