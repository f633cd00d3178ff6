/* SPDX-License-Identifier: BSD-3-Clause */
/* The service thread: one loop around epoll. What it watches is a *source*, a
 * descriptor with a function to call. */
#ifndef RSMI_SERVICE_H
#define RSMI_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct rsmi_source {
    int fd;
    void (*ready)(struct rsmi_source *source, uint32_t events);
} rsmi_source_t;

/* The caller has blocked the signals that the thread is not to take.
 * RSMERR_INSUFFICIENT_RESOURCES, RSMERR_INSUFFICIENT_MEM. */
int rsmi_service_start(void);

/* The thread is gone when this returns. */
void rsmi_service_stop(void);

/* Gives back what it used. Not at the end of the process, where threads of the
 * bootstrap may still try to wake it. */
void rsmi_service_close(void);

/* Any thread. @p events: EPOLLIN, EPOLLOUT. */
int rsmi_service_watch(rsmi_source_t *source, uint32_t events);
void rsmi_service_change(rsmi_source_t *source, uint32_t events);

/* Service thread only: the source may be freed when this returns. */
void rsmi_service_forget(rsmi_source_t *source);

/* Have @p func run by the service thread, soon and in order. Any thread.
 * RSMERR_INSUFFICIENT_MEM. */
int rsmi_service_call(void (*func)(void *arg), void *arg);

#endif
