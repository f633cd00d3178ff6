/* SPDX-License-Identifier: BSD-3-Clause */
/* Importers that are killed in the middle of what they do, and a target that
 * must not die with them. */
#ifndef FABRIC_DEATHS_H
#define FABRIC_DEATHS_H

#include "fabric_target.h"

#include <pthread.h>

#define DEATHS 40

/* Threads of an importer that go on until it is killed. */
static inline void deaths_importer(target_t *target, void *(*function)(void *),
                                   int threads)
{
    pthread_t thread;
    int i;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (rsmi_fabric_open() != RSM_SUCCESS) {
        _exit(1);
    }
    target_connect(target, &path_tcp);
    target_warm_up(target);
    for (i = 0; i < threads; ++i) {
        if (pthread_create(&thread, NULL, function, target) != 0) {
            _exit(1);
        }
    }
    (void)poll(NULL, 0, -1);
}

/* Every third importer is deaf for a while before it dies. Leaves the test
 * connected to the target. */
static inline void deaths_begin(target_t *target, size_t size,
                                void *(*function)(void *), int threads)
{
    pid_t pid;
    int round;

    target_start(target, &path_tcp, size);
    for (round = 0; round < DEATHS; ++round) {
        pid = fork();
        cr_assert_geq(pid, 0);
        if (pid == 0) {
            deaths_importer(target, function, threads);
        }
        (void)poll(NULL, 0, 60 + round % 40);
        if (round % 3 == 2) {
            (void)kill(pid, SIGSTOP);
            (void)poll(NULL, 0, 50);
        }
        (void)kill(pid, SIGKILL);
        cr_assert_eq(waitpid(pid, NULL, 0), pid);
        cr_assert_eq(waitpid(target->pid, NULL, WNOHANG), 0,
                     "the target died with importer %d", round);
    }
    cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
    target_connect(target, &path_tcp);
}

#endif
