/* SPDX-License-Identifier: BSD-3-Clause */
/* How the processes of a job find each other. Two providers: PMIx under a
 * launcher, and "single" for a program started by hand. Nothing here ever
 * waits for a process that has not called the library: there is no fence. */
#ifndef RSMI_BOOT_H
#define RSMI_BOOT_H

#include "util/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Largest record that a process can publish about itself, bytes. */
#define RSMI_BOOT_RECORD_MAX 1024

typedef struct {
    uint32_t rank;       /* of this process in its job */
    uint32_t size;       /* processes of the job */
    uint32_t local_rank; /* among those on this host */
    uint32_t local_size;
    const char *launcher; /* "pmix" or "single" */
} rsmi_boot_job_t;

/* Called from a thread of the provider when the launcher has gone. */
typedef void (*rsmi_boot_lost_func_t)(void);

/* Find out who started us and connect to it.
 * RSMERR_REMOTE_NODE_UNREACHABLE when a launcher is there that offers no
 * PMIx, or its server refuses us (a help message has been printed);
 * RSMERR_INSUFFICIENT_MEM. */
int rsmi_boot_open(rsmi_boot_lost_func_t lost, rsmi_boot_job_t *job_p);

/* Leave the launcher, which takes 1 ms, or 2 s when it does not answer. Once,
 * at exit: Open MPI 4 cannot start in a process that has left, and its mpirun
 * reports an error for a process that ends without having left. Does nothing
 * in a child made by fork(). */
void rsmi_boot_close(void);

/* Whether the launcher placed @p rank on our host. */
bool rsmi_boot_is_local(uint32_t rank);

/* Make @p record readable for every process of the job. Once per process.
 * Returns when the launcher has acknowledged it; waits for nobody else.
 * RSMERR_REMOTE_NODE_UNREACHABLE when the launcher has gone. */
int rsmi_boot_publish(const void *record, size_t size);

/* A record has come (rc RSM_SUCCESS; @p record is valid during the call), or
 * it has not: RSMERR_SEG_NOT_PUBLISHED, the process has published none so
 * far; RSMERR_REMOTE_NODE_UNREACHABLE, there is no such process any more. */
typedef void (*rsmi_boot_record_func_t)(int rc, const void *record, size_t size,
                                        void *arg);

/* Ask for the record of @p rank. @p func is called exactly once, from
 * the calling thread, before the call returns and no later than @p deadline
 * (give or take 100 ms).
 *
 * The call waits for the launcher's answer: microseconds when the record came
 * before, about 1 ms otherwise. It waits at most 1 s for a process of this
 * host, at most 0.1 s for one of another host and at most 20 ms while an
 * earlier question about the process is still unanswered; then @p func is
 * told RSMERR_SEG_NOT_PUBLISHED. A call made after the other process's
 * rsmi_boot_publish() has returned finds the record. */
void rsmi_boot_fetch(uint32_t rank, rsmi_time_t deadline,
                     rsmi_boot_record_func_t func, void *arg);

/* The same for a thread that must not wait. @p func is called exactly once,
 * now or later, from this or a thread of the launcher's client library, where
 * it must neither wait nor call this module. There is no deadline: a launcher
 * that never answers is noticed by rsmi_boot_close() only, and @p arg must
 * stay valid till then.
 *
 * RSMERR_SEG_NOT_PUBLISHED may be the answer to a question that was already
 * on its way before the call; who knows better asks again. */
void rsmi_boot_fetch_nowait(uint32_t rank, rsmi_boot_record_func_t func,
                            void *arg);

#endif
