/* SPDX-License-Identifier: BSD-3-Clause */
#include "api/guard.h"

#include <limits.h>

RSMI_EXPORT int rsm_intr_signal_post(void *memseg, uint_t flags)
{
    rsmi_import_t *import = rsmi_handle_get(memseg, RSMI_KIND_IMPORT);
    rsmi_export_t *segment;
    int rc;

    if (import != NULL) {
        rc = rsmi_import_post(import, flags & RSM_SIGPOST_NO_ACCUMULATE);
        rsmi_handle_put(&import->object);
        return rc;
    }
    segment = rsmi_handle_get(memseg, RSMI_KIND_EXPORT);
    if (segment == NULL) {
        return RSMERR_BAD_SEG_HNDL;
    }
    rsmi_export_notify(segment, (flags & RSM_SIGPOST_NO_ACCUMULATE) != 0);
    rsmi_handle_put(&segment->object);
    return RSM_SUCCESS;
}

static rsmi_time_t signal_deadline(int timeout)
{
    return (timeout < 0) ? RSMI_NEVER : rsmi_deadline_in_ms(timeout);
}

RSMI_EXPORT int rsm_intr_signal_wait(void *memseg, int timeout)
{
    rsmi_either_t either;
    int rc;

    if (!rsmi_get_either(memseg, &either)) {
        return RSMERR_BAD_SEG_HNDL;
    }
    rc = rsmi_event_wait(either.event, signal_deadline(timeout));
    rsmi_handle_put(either.object);
    return rc;
}

RSMI_EXPORT int rsm_memseg_get_pollfd(void *memseg, struct pollfd *pollfd)
{
    rsmi_either_t either;
    int fd, rc;

    if (!rsmi_get_either(memseg, &either)) {
        return RSMERR_BAD_SEG_HNDL;
    }
    if (pollfd == NULL) {
        rc = RSMERR_BAD_ADDR;
    } else {
        rc = rsmi_event_get_descriptor(either.event, &fd);
    }
    if (rc == RSM_SUCCESS) {
        pollfd->fd = fd;
        pollfd->events = POLLRDNORM;
    }
    rsmi_handle_put(either.object);
    return rc;
}

RSMI_EXPORT int rsm_memseg_release_pollfd(void *memseg)
{
    rsmi_either_t either;

    if (!rsmi_get_either(memseg, &either)) {
        return RSMERR_BAD_SEG_HNDL;
    }
    rsmi_event_release_descriptor(either.event);
    rsmi_handle_put(either.object);
    return RSM_SUCCESS;
}

RSMI_EXPORT int rsm_intr_signal_wait_pollfd(struct pollfd fds[], nfds_t nfds,
                                            int timeout, int *numfdsp)
{
    int ready = 0, rc;

    if (rsmi_runtime_is_forked()) {
        return RSMERR_INTERNAL_ERROR; /* the pipes are the parent's */
    }
    if (numfdsp != NULL) {
        *numfdsp = 0;
    }
    if (nfds > UINT_MAX) { /* the kernel would look at the lower half only */
        return RSMERR_BAD_ARGS_ERRORS;
    }
    rc = rsmi_event_poll(fds, nfds, signal_deadline(timeout), &ready);
    if ((rc == RSM_SUCCESS) && (numfdsp != NULL)) {
        *numfdsp = ready;
    }
    return rc;
}
