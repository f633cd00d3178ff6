/* SPDX-License-Identifier: BSD-3-Clause */
/* Importers that die among their gets. UCX 1.13 aborts a target whose answer
 * cannot be sent, as is the second one to a process that has just died: the
 * first was sent, and brought the news. So a thread asks for one at a time. */
#include "fabric_target.h"

#define SIZE   ((size_t)1 << 20)
#define PIECE  8192
#define ROUNDS 80

TestSuite(fabric_greedy, .init = target_forget_environment, .timeout = 60);

static int get_all(const target_t *target)
{
    static unsigned char buffer[SIZE];
    rsmi_fabric_wait_t wait = wait_ms(10000);
    int rc = RSM_SUCCESS;
    size_t at;

    for (at = 0; (at < SIZE) && (rc == RSM_SUCCESS); at += PIECE) {
        rc = rsmi_fabric_get(target->key, target->card.remote + at, buffer + at,
                             PIECE, &wait);
    }
    return rc;
}

static void be_greedy(target_t *target)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (rsmi_fabric_open() != RSM_SUCCESS) {
        _exit(1);
    }
    target_connect(target, &path_tcp);
    target_warm_up(target);
    while (get_all(target) == RSM_SUCCESS) {
    }
    _exit(1);
}

Test(fabric_greedy, importers_that_die_take_no_target_with_them)
{
    target_t target;
    pid_t pid;
    int round;

    target_start(&target, &path_tcp, SIZE);
    for (round = 0; round < ROUNDS; ++round) {
        pid = fork();
        cr_assert_geq(pid, 0);
        if (pid == 0) {
            be_greedy(&target);
        }
        (void)poll(NULL, 0, 60 + round % 40);
        (void)kill(pid, SIGKILL);
        cr_assert_eq(waitpid(pid, NULL, 0), pid);
        cr_assert_eq(waitpid(target.pid, NULL, WNOHANG), 0,
                     "the target died with importer %d", round);
    }
    cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
    target_connect(&target, &path_tcp);
    cr_assert_eq(get_all(&target), RSM_SUCCESS);
    target_end(&target);
}
