/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/service.h"

#include "ctrl/life.h"
#include "rsmapi.h"
#include "topo/topo.h"
#include "util/config.h"
#include "util/lock.h"
#include "util/log.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <utlist.h>

typedef struct service_call {
    void (*func)(void *arg);
    void *arg;
    struct service_call *next;
} service_call_t;

static struct {
    int epoll;
    rsmi_source_t wake; /* an eventfd: there are calls, or it is time to stop */
    pthread_t thread;
    sem_t started;
    int start_rc;
    _Atomic bool is_stopping;
    rsmi_lock_t lock;
    service_call_t *calls RSMI_GUARDED_FIELD(lock);
} service = {.epoll = -1, .wake = {.fd = -1}, .lock = RSMI_LOCK_INIT};

static void service_wake(void)
{
    const uint64_t one = 1;

    /* Cannot fail but by overflow, which would wake the thread as well. */
    if (write(service.wake.fd, &one, sizeof(one)) != sizeof(one)) {
        rsmi_debug("service", "wake: %s", strerror(errno));
    }
}

static void service_run_calls(rsmi_source_t *source, uint32_t events)
{
    service_call_t *calls, *call, *next;
    uint64_t count;

    (void)events;
    if (read(source->fd, &count, sizeof(count)) != sizeof(count)) {
        return;
    }
    rsmi_lock(&service.lock);
    calls = service.calls;
    service.calls = NULL;
    rsmi_unlock(&service.lock);

    LL_FOREACH_SAFE(calls, call, next)
    {
        call->func(call->arg);
        free(call);
    }
}

int rsmi_service_call(void (*func)(void *arg), void *arg)
{
    service_call_t *call = malloc(sizeof(*call));

    if (call == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    call->func = func;
    call->arg = arg;
    rsmi_lock(&service.lock);
    LL_APPEND(service.calls, call);
    rsmi_unlock(&service.lock);
    service_wake();
    return RSM_SUCCESS;
}

static int service_control(int operation, rsmi_source_t *source,
                           uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    if (epoll_ctl(service.epoll, operation, source->fd, &event) != 0) {
        rsmi_warn("service", "epoll_ctl: %s", strerror(errno));
        return (errno == ENOMEM) ? RSMERR_INSUFFICIENT_MEM
                                 : RSMERR_INSUFFICIENT_RESOURCES;
    }
    return RSM_SUCCESS;
}

int rsmi_service_watch(rsmi_source_t *source, uint32_t events)
{
    return service_control(EPOLL_CTL_ADD, source, events);
}

void rsmi_service_change(rsmi_source_t *source, uint32_t events)
{
    (void)service_control(EPOLL_CTL_MOD, source, events);
}

void rsmi_service_forget(rsmi_source_t *source)
{
    (void)epoll_ctl(service.epoll, EPOLL_CTL_DEL, source->fd, NULL);
}

static void service_bind(void)
{
    const char *list = rsmi_config.service_cpus;

    if ((list[0] != '\0') && (rsmi_topo_bind_thread(list) != RSM_SUCCESS)) {
        rsmi_warn("service",
                  "RSM_SERVICE_CPUS %s cannot be used; the service "
                  "thread runs where the process may",
                  list);
    }
}

/* One event at a time: a function may take away any other source. */
static void *service_main(void *arg)
{
    struct epoll_event event;
    rsmi_source_t *source;
    int got;

    (void)arg;
    (void)prctl(PR_SET_NAME, "rsm-service", 0, 0, 0);
    service_bind();
    service.start_rc = rsmi_life_hold();
    (void)sem_post(&service.started);

    while (!atomic_load(&service.is_stopping)) {
        got = epoll_wait(service.epoll, &event, 1, -1);
        if (got == 1) {
            source = event.data.ptr;
            source->ready(source, event.events);
        }
    }
    rsmi_life_let_go();
    return NULL;
}

static int service_start_thread(void)
{
    int error;

    atomic_store(&service.is_stopping, false);
    (void)sem_init(&service.started, 0, 0);
    error = pthread_create(&service.thread, NULL, service_main, NULL);
    if (error != 0) {
        rsmi_error("service", "pthread_create: %s", strerror(error));
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
    while (sem_wait(&service.started) != 0) {
        /* interrupted by a handler of the application */
    }
    if (service.start_rc != RSM_SUCCESS) {
        atomic_store(&service.is_stopping, true);
        service_wake();
        (void)pthread_join(service.thread, NULL);
    }
    return service.start_rc;
}

int rsmi_service_start(void)
{
    int rc = RSMERR_INSUFFICIENT_RESOURCES;

    service.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (service.epoll < 0) {
        goto err;
    }
    service.wake.ready = service_run_calls;
    service.wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (service.wake.fd < 0) {
        goto err_epoll;
    }
    rc = rsmi_service_watch(&service.wake, EPOLLIN);
    if (rc != RSM_SUCCESS) {
        goto err_wake;
    }
    rc = service_start_thread();
    if (rc != RSM_SUCCESS) {
        goto err_wake;
    }
    return RSM_SUCCESS;

err_wake:
    (void)close(service.wake.fd);
err_epoll:
    (void)close(service.epoll);
err:
    service.wake.fd = -1;
    service.epoll = -1;
    return rc;
}

void rsmi_service_stop(void)
{
    if (service.epoll >= 0) {
        atomic_store(&service.is_stopping, true);
        service_wake();
        (void)pthread_join(service.thread, NULL);
    }
}

void rsmi_service_close(void)
{
    service_call_t *call, *next;

    (void)close(service.wake.fd);
    (void)close(service.epoll);
    service.wake.fd = -1;
    service.epoll = -1;
    rsmi_lock(&service.lock);
    LL_FOREACH_SAFE(service.calls, call, next)
    {
        free(call);
    }
    service.calls = NULL;
    rsmi_unlock(&service.lock);
}
