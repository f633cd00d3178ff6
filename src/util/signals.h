/* SPDX-License-Identifier: BSD-3-Clause */
/* Signals belong to the application's threads. Threads that we or the
 * libraries below us start are made with all of them blocked, but for those
 * that a thread causes itself: a crash must not become a hang. */
#ifndef RSMI_SIGNALS_H
#define RSMI_SIGNALS_H

#include <pthread.h>
#include <signal.h>

static inline void rsmi_signals_block(sigset_t *old_p)
{
    sigset_t all;

    (void)sigfillset(&all);
    (void)sigdelset(&all, SIGSEGV);
    (void)sigdelset(&all, SIGBUS);
    (void)sigdelset(&all, SIGFPE);
    (void)sigdelset(&all, SIGILL);
    (void)sigdelset(&all, SIGABRT);
    (void)pthread_sigmask(SIG_SETMASK, &all, old_p);
}

static inline void rsmi_signals_restore(const sigset_t *old)
{
    (void)pthread_sigmask(SIG_SETMASK, old, NULL);
}

#endif
