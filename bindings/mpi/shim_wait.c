/* SPDX-License-Identifier: BSD-3-Clause */
/* Waiting for other ranks. With a core for each rank what is awaited comes
 * within a microsecond; with fewer, whoever has it to do needs this core. */
#include "shim_job.h"
#include "shim_remote.h"

#include <sched.h>
#include <time.h>

enum {
    WAIT_YIELDS = 2000,   /* turns before sleeping */
    WAIT_PROGRESS = 16,   /* every so many turns the MPI library has one */
    WAIT_SLEEP_US = 20,   /* grows ... */
    WAIT_SLEEP_MAX = 500, /* ... to this */
    WAIT_CHECK = 256,     /* every so many sleeps: is everybody alive? */
    WAIT_LOOKS = 4096     /* the same for looks, which do not sleep */
};

static void wait_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield" ::: "memory");
#else
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

/* A peer may be waiting for a message of ours before it does what we wait for;
 * MPI promises that it gets one which we have started to send. */
static void wait_progress(void)
{
    int flag;

    (void)PMPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_SELF, &flag,
                      MPI_STATUS_IGNORE);
}

static int wait_check(const rsmi_window_t *window, int rank)
{
    int i;

    for (i = 0; i < window->size; ++i) {
        if (((rank == i) || (rank < 0)) && (i != window->rank) &&
            !rsmi_control_is_alive(window->targets[i].node)) {
            return MPI_ERR_OTHER;
        }
    }
    return MPI_SUCCESS;
}

static void wait_sleep(unsigned count)
{
    unsigned us = WAIT_SLEEP_US + count * WAIT_SLEEP_US / 8;
    struct timespec time = {0, 0};

    time.tv_nsec = 1000L * ((us < WAIT_SLEEP_MAX) ? us : WAIT_SLEEP_MAX);
    (void)nanosleep(&time, NULL);
}

int rsmi_wait_turn(rsmi_wait_t *wait, const rsmi_window_t *window, int rank)
{
    unsigned turn = wait->turns++;
    unsigned spins = window->spins;

    if (turn < spins) {
        wait_relax();
        return MPI_SUCCESS;
    }
    turn -= spins;
    if ((turn + 1) % WAIT_PROGRESS == 0) {
        wait_progress();
    }
    if (turn < WAIT_YIELDS) {
        (void)sched_yield();
        return MPI_SUCCESS;
    }
    turn -= WAIT_YIELDS;
    wait_sleep(turn);
    return ((turn + 1) % WAIT_CHECK == 0) ? wait_check(window, rank)
                                          : MPI_SUCCESS;
}

int rsmi_wait_look(rsmi_wait_t *wait, const rsmi_window_t *window)
{
    unsigned turn = wait->turns++;

    if (turn % WAIT_PROGRESS == 0) {
        wait_progress();
    }
    (void)sched_yield();
    return ((turn + 1) % WAIT_LOOKS == 0) ? wait_check(window, -1)
                                          : MPI_SUCCESS;
}

/* In round k everybody tells the one 2^k ranks further on; after the last round
 * each has heard, over others, of all. Counters only grow, so that one who is
 * in the next barrier already disturbs nobody. */
int rsmi_wait_all(rsmi_window_t *window)
{
    rsmi_control_t *own = window->targets[window->rank].control;
    uint64_t number = ++window->barrier;
    int distance, partner, k, error;
    rsmi_wait_t wait = {0};

    for (k = 0, distance = 1; distance < window->size; ++k, distance *= 2) {
        partner = (window->rank + distance) % window->size;
        error = rsmi_remote_store(&window->targets[partner],
                                  offsetof(rsmi_control_t, rounds) +
                                      (size_t)k * sizeof(own->rounds[0]),
                                  number);
        if (error != MPI_SUCCESS) {
            return error;
        }
        while (atomic_load_explicit(&own->rounds[k], memory_order_acquire) <
               number) {
            error = rsmi_wait_turn(&wait, window, -1);
            if (error != MPI_SUCCESS) {
                return error;
            }
        }
    }
    return MPI_SUCCESS;
}

/* Where ranks share cores, each round above may take a switch from one to the
 * next. Here the last one to come finds that all have, and goes on. */
static int wait_crowd(rsmi_window_t *window)
{
    rsmi_target_t *first = &window->targets[0];
    uint64_t wanted = ++window->fence * (uint64_t)window->size;
    rsmi_wait_t wait = {0};
    int error = MPI_SUCCESS;

    (void)atomic_fetch_add(&first->control->arrivals, 1);
    while ((error == MPI_SUCCESS) &&
           (atomic_load_explicit(&first->control->arrivals,
                                 memory_order_acquire) < wanted)) {
        error = rsmi_wait_turn(&wait, window, -1);
    }
    return error;
}

int rsmi_wait_fence(rsmi_window_t *window)
{
    return window->is_crowded ? wait_crowd(window) : rsmi_wait_all(window);
}
