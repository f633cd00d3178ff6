/* SPDX-License-Identifier: BSD-3-Clause */
/* The worker that other processes address. One thread uses it, asleep in
 * epoll on the descriptor that we give it. That is not UCX's own: a message
 * that waits for room in a peer's queue has no event, UCX then refuses to be
 * armed, and if that peer was killed or stopped this may last. Hence an epoll
 * descriptor around UCX's and a timer, by which the worker is polled, ever
 * more seldom, until it can be armed again. */
#include "fabric/fabric_internal.h"

#include "util/log.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* Rounds of progress before other duties of the thread get their turn. */
#define SERVICE_ROUNDS 256

/* How long the worker is polled after its last event: falling asleep and being
 * woken costs more than a short wait, and whoever has asked once tends to ask
 * again. An importer that waits for each answer comes back after a round trip,
 * so a pause of at most LINGER_MOST shows that polling that long pays. */
#define SERVICE_LINGER_LEAST_NS 3000
#define SERVICE_LINGER_MOST_NS  200000

/* Meanwhile others may have the processor now and then. When one took it, the
 * next message is served sooner by a thread that it has to wake, for which the
 * kernel interrupts others, than by one that waits for its next time slice. Who
 * took it once may be falling asleep himself; who takes it again each time
 * means to compute, and is asked ever more seldom. */
#define SERVICE_YIELD_EVERY_NS   20000
#define SERVICE_YIELD_LONG_NS    10000
#define SERVICE_CROWDED_FIRST_NS 200000
#define SERVICE_CROWDED_LAST_NS  10000000

/* Polling this long is interrupted for the thread's other duties. */
#define SERVICE_TURN_NS 500000

/* How often UCX may refuse to be armed before it is left to the timer. */
#define SERVICE_REFUSALS 16

#define SERVICE_POLL_FIRST_NS 20000
#define SERVICE_POLL_LAST_NS  2000000

static int service_make_descriptor(rsmi_fabric_service_t *service, int ucx_fd)
{
    struct epoll_event event = {.events = EPOLLIN};

    service->timer_fd =
        timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (service->timer_fd < 0) {
        goto err;
    }

    service->fd = epoll_create1(EPOLL_CLOEXEC);
    if (service->fd < 0) {
        goto err_close_timer;
    }

    if ((epoll_ctl(service->fd, EPOLL_CTL_ADD, ucx_fd, &event) != 0) ||
        (epoll_ctl(service->fd, EPOLL_CTL_ADD, service->timer_fd, &event) !=
         0)) {
        goto err_close;
    }

    return RSM_SUCCESS;

err_close:
    (void)close(service->fd);
err_close_timer:
    (void)close(service->timer_fd);
err:
    rsmi_error("fabric", "cannot make the service descriptor: %s",
               strerror(errno));
    return RSMERR_INSUFFICIENT_RESOURCES;
}

static int service_create(rsmi_fabric_domain_t *domain)
{
    rsmi_fabric_service_t *service = &domain->service;
    ucs_status_t status;
    ucp_worker_h worker;
    int ucx_fd;
    int rc;

    rc = rsmi_fabric_worker_create(domain, UCS_THREAD_MODE_SINGLE, &worker,
                                   &ucx_fd);
    if (rc != RSM_SUCCESS) {
        return rc;
    }

    rc = service_make_descriptor(service, ucx_fd);
    if (rc != RSM_SUCCESS) {
        goto err_destroy;
    }

    service->worker = worker;
    status =
        rsmi_fabric_must_wire(domain) ? rsmi_fabric_mail_serve(domain) : UCS_OK;
    if (status != UCS_OK) {
        rc = rsmi_fabric_setup_error(status);
        goto err_close;
    }

    status = ucp_worker_get_address(worker, &service->address,
                                    &service->address_size);
    if (status != UCS_OK) {
        rsmi_error("fabric", "ucp_worker_get_address failed: %s",
                   ucs_status_string(status));
        rc = rsmi_fabric_setup_error(status);
        goto err_close;
    }

    return RSM_SUCCESS;

err_close:
    service->worker = NULL;
    (void)close(service->fd);
    (void)close(service->timer_fd);
err_destroy:
    ucp_worker_destroy(worker);
    return rc;
}

int rsmi_fabric_service_open(rsmi_fabric_kind_t kind, const void **address_p,
                             size_t *size_p, int *fd_p)
{
    rsmi_fabric_domain_t *domain;
    int rc;

    rc = rsmi_fabric_domain_get(kind, &domain);
    if (rc != RSM_SUCCESS) {
        return rc;
    }

    if (domain->service.worker == NULL) {
        rc = service_create(domain);
        if (rc != RSM_SUCCESS) {
            return rc;
        }

        /* Arms the descriptor for the first time. */
        rsmi_fabric_service_progress(kind);
    }

    *address_p = domain->service.address;
    *size_p = domain->service.address_size;
    *fd_p = domain->service.fd;
    return RSM_SUCCESS;
}

/* Make the descriptor readable after @p delay_ns; 0: not at all. */
static void service_set_timer(rsmi_fabric_service_t *service, long delay_ns)
{
    struct itimerspec timer = {.it_value = {.tv_nsec = delay_ns}};

    if ((delay_ns != 0) || (service->delay_ns != 0)) {
        (void)timerfd_settime(service->timer_fd, 0, &timer, NULL);
    }
    service->delay_ns = delay_ns;
}

/* An event came: how long to wait for the next. */
static void service_note_event(rsmi_fabric_service_t *service, rsmi_time_t now)
{
    bool is_close = now - service->last_event <= SERVICE_LINGER_MOST_NS;

    service->linger_ns = (is_close && (now >= service->crowded_until))
                             ? SERVICE_LINGER_MOST_NS
                             : SERVICE_LINGER_LEAST_NS;
    service->last_event = now;
    service->next_yield = SERVICE_YIELD_EVERY_NS;
}

/* Somebody else wants the processor: still, when it is found soon after the
 * last time, measured by how long that was. */
static void service_note_crowd(rsmi_fabric_service_t *service, rsmi_time_t now)
{
    bool is_still = now - service->crowded_until <= service->crowded_ns;

    service->crowded_ns =
        is_still ? 2 * service->crowded_ns : SERVICE_CROWDED_FIRST_NS;
    if (service->crowded_ns > SERVICE_CROWDED_LAST_NS) {
        service->crowded_ns = SERVICE_CROWDED_LAST_NS;
    }
    service->crowded_until = now + service->crowded_ns;
    service->linger_ns = SERVICE_LINGER_LEAST_NS;
}

/* Whether polling may go on; false when others want the processor. */
static bool service_linger(rsmi_fabric_service_t *service, rsmi_time_t now)
{
    rsmi_time_t idle = now - service->last_event;

    if (idle > service->linger_ns) {
        return false;
    }
    if (idle < service->next_yield) {
        return true;
    }

    (void)sched_yield();
    service->next_yield = idle + SERVICE_YIELD_EVERY_NS;
    if (rsmi_clock_now() - now > SERVICE_YIELD_LONG_NS) {
        service_note_crowd(service, now);
    }
    return idle <= service->linger_ns;
}

/* Progress until nothing comes any more, or until it is the turn of others
 * (false); adds the number of rounds that did something. */
static bool service_drain(rsmi_fabric_service_t *service, unsigned *rounds)
{
    rsmi_time_t start = rsmi_clock_now();
    rsmi_time_t now;
    bool is_fresh = false;

    while (*rounds < SERVICE_ROUNDS) {
        if (ucp_worker_progress(service->worker) != 0) {
            ++*rounds;
            is_fresh = true;
        }
        if (rsmi_unlikely(service->has_news)) {
            rsmi_fabric_guests_look(service);
        }

        now = rsmi_clock_now();
        if (is_fresh) {
            service_note_event(service, now);
            is_fresh = false;
        }
        if (!service_linger(service, now)) {
            return true;
        }
        if (now - start > SERVICE_TURN_NS) {
            return false;
        }
    }

    return false;
}

void rsmi_fabric_service_progress(rsmi_fabric_kind_t kind)
{
    rsmi_fabric_service_t *service = &rsmi_fabric_domain_peek(kind)->service;
    unsigned refusals = 0;
    unsigned rounds = 0;
    unsigned before;
    long delay;

    if (service->worker == NULL) {
        return;
    }

    while (refusals < SERVICE_REFUSALS) {
        before = rounds;
        if (!service_drain(service, &rounds)) {
            /* Somebody who never stops: come back at once, but let the
             * thread's other descriptors have their turn. */
            service_set_timer(service, 1);
            return;
        }

        if (ucp_worker_arm(service->worker) != UCS_ERR_BUSY) {
            service_set_timer(service, 0);
            return;
        }
        refusals = (rounds == before) ? refusals + 1 : 0;
    }

    delay = (rounds == 0) ? 2 * service->delay_ns : 0;
    delay = (delay < SERVICE_POLL_FIRST_NS) ? SERVICE_POLL_FIRST_NS : delay;
    delay = (delay > SERVICE_POLL_LAST_NS) ? SERVICE_POLL_LAST_NS : delay;
    service_set_timer(service, delay);
}

void rsmi_fabric_service_close(rsmi_fabric_domain_t *domain)
{
    rsmi_fabric_service_t *service = &domain->service;

    if (service->worker != NULL) {
        ucp_worker_release_address(service->worker, service->address);
        (void)close(service->fd);
        (void)close(service->timer_fd);
        ucp_worker_destroy(service->worker);
        service->worker = NULL;
        rsmi_fabric_mail_close(service);
        rsmi_fabric_known_free_all(&service->guests);
    }
}
