/* SPDX-License-Identifier: BSD-3-Clause */
/* A crew of threads for tests. Threads report by a code: assertions are for
 * the main thread. */
#ifndef RSM_TESTS_CREW_H
#define RSM_TESTS_CREW_H

#include "multi.h"

#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 4 };

/* What a thread works with; code is the first result it did not expect. */
typedef struct {
    unsigned index;
    multi_import_t *import;
    int code;
    uint64_t done;
} worker_t;

/* Set when the main thread is through with what it does meanwhile. */
static atomic_bool is_over;

/* One thread for each worker, all of them waited for. */
static inline void crew_run(void *(*function)(void *),
                            worker_t workers[THREADS], void (*meanwhile)(void))
{
    pthread_t threads[THREADS];
    unsigned i;

    atomic_store(&is_over, false);
    for (i = 0; i < THREADS; i++) {
        workers[i].index = i;
        workers[i].code = RSM_SUCCESS;
        workers[i].done = 0;
        cr_assert_eq(pthread_create(&threads[i], NULL, function, &workers[i]),
                     0);
    }
    if (meanwhile != NULL)
        meanwhile();
    atomic_store(&is_over, true);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (i = 0; i < THREADS; i++)
        cr_assert_eq(workers[i].code, RSM_SUCCESS, "thread %u: %s", i,
                     rsmx_error_name(workers[i].code));
}

#endif
