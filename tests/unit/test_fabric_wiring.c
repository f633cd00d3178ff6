/* SPDX-License-Identifier: BSD-3-Clause */
/* Importers that die in their first exchange with an exporter: whatever the
 * instant, the exporter lives on and serves the next. */
#include "fabric/fabric_internal.h"

#include "fabric_target.h"

#include <time.h>

TestSuite(fabric_wiring, .init = target_forget_environment, .timeout = 60);

static int importer_begins[2]; /* a pipe */

static void nap_us(long us)
{
    struct timespec span = {.tv_sec = us / 1000000,
                            .tv_nsec = us % 1000000 * 1000};

    (void)nanosleep(&span, NULL);
}

/* An importer's first exchange, each step given up at the deadline. Not by
 * Criterion's assertions, which only the test's own process may use. */
static bool importer_reach(target_t *target, const rsmi_fabric_wait_t *wait)
{
    uint64_t word = 0;

    return (rsmi_fabric_wire(target->peer, target_tell, target, wait) ==
            RSM_SUCCESS) &&
           (rsmi_fabric_key_open(target->peer, target->card.key,
                                 target->card.key_size,
                                 &target->key) == RSM_SUCCESS) &&
           (rsmi_fabric_get(target->key, target->card.remote, &word,
                            sizeof(word), wait) == RSM_SUCCESS) &&
           (word == 1);
}

static void importer_open(target_t *target)
{
    if ((rsmi_fabric_open() != RSM_SUCCESS) ||
        (rsmi_fabric_connect(path_tcp.kind, target->card.address,
                             target->card.address_size,
                             &target->peer) != RSM_SUCCESS)) {
        _exit(1);
    }
}

/* Tells that it begins, gives up after a while, leaves the target time to answer,
 * and dies. */
static void importer_die(target_t *target, rsmi_time_t give_up_ns, long linger)
{
    rsmi_fabric_wait_t wait = {0};

    importer_open(target);
    if (write(importer_begins[1], "", 1) != 1) {
        _exit(1);
    }
    wait.deadline = rsmi_clock_now() + give_up_ns;
    (void)importer_reach(target, &wait);
    nap_us(linger);
    (void)raise(SIGKILL);
}

static pid_t importer_start(target_t *target, rsmi_time_t give_up_ns,
                            long linger)
{
    char byte;
    pid_t pid;

    pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        importer_die(target, give_up_ns, linger);
        _exit(1);
    }
    cr_assert_eq(read(importer_begins[0], &byte, 1), 1);
    return pid;
}

static void importer_end(target_t *target, pid_t pid, int signal)
{
    int status;

    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFSIGNALED(status) && (WTERMSIG(status) == signal),
              "the importer ended with %d", status);
    cr_assert_eq(waitpid(target->pid, &status, WNOHANG), 0,
                 "the exporter ended with %d", status);
}

/* The target is there and serves who comes last. */
static void importer_succeed(target_t *target)
{
    rsmi_fabric_wait_t wait = wait_ms(10000);

    ((uint64_t *)target->memory)[0] = 1;
    cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
    cr_assert_eq(rsmi_fabric_connect(path_tcp.kind, target->card.address,
                                     target->card.address_size, &target->peer),
                 RSM_SUCCESS);
    cr_assert(importer_reach(target, &wait));
    target_end(target);
}

/* Importers to kill in a test; UCX's own wiring does not outlive the third. */
static int importer_count(void)
{
    const char *text = getenv("RSM_TEST_TRIALS");

    return (text != NULL) ? atoi(text) : 60;
}

Test(fabric_wiring, an_exporter_outlives_importers_that_give_up_and_die)
{
    int count = importer_count();
    target_t target;
    pid_t pid;
    int i;

    cr_assert_eq(pipe(importer_begins), 0);
    target_start(&target, &path_tcp, 4096);
    for (i = 0; i < count; ++i) {
        pid = importer_start(&target, (rsmi_time_t)(i % 60) * 10000, 2000);
        importer_end(&target, pid, SIGKILL);
    }
    importer_succeed(&target);
}

Test(fabric_wiring, an_exporter_outlives_importers_that_are_killed)
{
    int count = importer_count();
    target_t target;
    pid_t pid;
    int i;

    cr_assert_eq(pipe(importer_begins), 0);
    target_start(&target, &path_tcp, 4096);
    for (i = 0; i < count; ++i) {
        pid = importer_start(&target, 1000000000, 0);
        nap_us((i * 7919) % 1500);
        (void)kill(pid, SIGKILL);
        importer_end(&target, pid, SIGKILL);
    }
    importer_succeed(&target);
}

/* The other way round: an importer is told, and goes on. */
static void importer_survive(target_t *target)
{
    rsmi_fabric_wait_t wait = {.deadline = rsmi_deadline_in_ms(5000)};

    importer_open(target);
    if (write(importer_begins[1], "", 1) != 1) {
        _exit(1);
    }
    if (importer_reach(target, &wait)) {
        /* The death came late; it is seen at the latest now. */
        while (rsmi_fabric_is_usable(target->peer) &&
               !rsmi_deadline_passed(wait.deadline)) {
            (void)importer_reach(target, &wait);
        }
    }
    rsmi_fabric_key_close(target->key);
    rsmi_fabric_disconnect(target->peer);
    rsmi_fabric_close();
    _exit(rsmi_deadline_passed(wait.deadline) ? 2 : 0);
}

Test(fabric_wiring, an_importer_outlives_exporters_that_are_killed)
{
    int count = importer_count() / 2;
    target_t target;
    char byte;
    int status;
    pid_t pid;
    int i;

    cr_assert_eq(pipe(importer_begins), 0);
    for (i = 0; i < count; ++i) {
        target_start(&target, &path_tcp, 4096);
        ((uint64_t *)target.memory)[0] = 1;
        pid = fork();
        cr_assert_geq(pid, 0);
        if (pid == 0) {
            importer_survive(&target);
        }
        cr_assert_eq(read(importer_begins[0], &byte, 1), 1);
        nap_us((i * 7919) % 1500);
        target_kill(&target);
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert_eq(status, 0, "the importer ended with 0x%x", status);
        close(target.socket);
        munmap(target.memory, target.size);
    }
}

/* One that takes its time is waited for as long as the caller wants, and found
 * again later. */
Test(fabric_wiring, a_stopped_exporter_can_be_tried_again)
{
    rsmi_fabric_wait_t wait = wait_ms(100);
    target_t target;

    target_start(&target, &path_tcp, 4096);
    target_stop(&target);
    importer_open(&target);
    cr_assert_eq(rsmi_fabric_wire(target.peer, target_tell, &target, &wait),
                 RSMERR_BARRIER_FAILURE);
    rsmi_fabric_disconnect(target.peer);
    (void)kill(target.pid, SIGCONT);
    target.peer = NULL;
    target.key = NULL;
    importer_succeed(&target);
}

/* A card that never arrived, and the endpoint it was for. */
static int card_is_lost(const rsmi_fabric_card_t *card, void *arg)
{
    (void)card;
    (void)arg;
    return RSMERR_CONN_ABORTED;
}

Test(fabric_wiring, lost_cards_do_not_put_endpoints_out_of_step)
{
    rsmi_fabric_wait_t wait = wait_ms(10000);
    rsmi_fabric_domain_t *domain;
    target_t target;
    int i;

    target_start(&target, &path_tcp, 4096);
    importer_open(&target);
    cr_assert_eq(rsmi_fabric_domain_get(RSMI_FABRIC_TCP, &domain), RSM_SUCCESS);
    for (i = 0; i < 3; ++i) {
        cr_assert_eq(rsmi_fabric_wire(target.peer, card_is_lost, NULL, &wait),
                     RSMERR_CONN_ABORTED);
        rsmi_lock(&domain->lock);
        rsmi_fabric_peer_abort(domain, target.peer);
        rsmi_unlock(&domain->lock);
        rsmi_fabric_disconnect(target.peer);
        importer_open(&target);
    }
    cr_assert_eq(target.peer->number, 3);
    importer_succeed(&target);
}
