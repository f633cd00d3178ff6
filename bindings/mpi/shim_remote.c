/* SPDX-License-Identifier: BSD-3-Clause */
#include "shim_remote.h"

#include <rsmx.h>
#include <stdlib.h>

/* A span that is open all the time; closing it tells whether everything since
 * the last time has arrived. */
typedef struct rsmi_far {
    pthread_mutex_t lock; /* a barrier is for one thread at a time */
    rsmapi_barrier_t barrier;
    _Atomic bool is_pending; /* puts that may not be in a closed span */
} rsmi_far_t;

static int remote_result(int rc)
{
    return (rc == RSM_SUCCESS) ? MPI_SUCCESS : MPI_ERR_OTHER;
}

static off_t remote_offset(const rsmi_target_t *target, size_t field)
{
    return (off_t)target->control_offset + (off_t)field;
}

int rsmi_remote_far_add(const rsmi_target_t *target, size_t field,
                        uint64_t value, uint64_t *old_p)
{
    return remote_result(rsmx_import_fetch_add64(
        target->control_import, remote_offset(target, field), value, old_p));
}

int rsmi_remote_far_read(const rsmi_target_t *target, size_t field, void *to,
                         size_t size)
{
    return remote_result(rsm_memseg_import_get(
        target->control_import, remote_offset(target, field), to, size));
}

int rsmi_remote_far_swap(const rsmi_target_t *target, size_t field,
                         uint64_t value)
{
    return remote_result(rsmx_import_swap64(
        target->control_import, remote_offset(target, field), value, NULL));
}

int rsmi_remote_far_compare(const rsmi_target_t *target, size_t field,
                            uint64_t *expected, uint64_t desired)
{
    return remote_result(rsmx_import_compare_swap64(
        target->control_import, remote_offset(target, field), *expected,
        desired, expected));
}

int rsmi_remote_far_compare32(const rsmi_target_t *target, size_t field,
                              uint32_t *expected, uint32_t desired)
{
    return remote_result(rsmx_import_compare_swap32(
        target->control_import, remote_offset(target, field), *expected,
        desired, expected));
}

int rsmi_remote_far_swap32(const rsmi_target_t *target, size_t field,
                           uint32_t value)
{
    return remote_result(rsmx_import_swap32(
        target->control_import, remote_offset(target, field), value, NULL));
}

int rsmi_remote_open(rsmi_target_t *target)
{
    rsmi_far_t *far;
    int rc;

    far = calloc(1, sizeof(*far));
    if (far == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    rc = rsm_memseg_import_init_barrier(target->import, RSM_BAR_DEFAULT,
                                        &far->barrier);
    if (rc != RSM_SUCCESS) {
        goto err_free;
    }
    rc = rsm_memseg_import_set_mode(target->import, RSM_BARRIER_MODE_EXPLICIT);
    if (rc == RSM_SUCCESS) {
        rc = rsm_memseg_import_open_barrier(&far->barrier);
    }
    if (rc != RSM_SUCCESS) {
        goto err_destroy_barrier;
    }
    (void)pthread_mutex_init(&far->lock, NULL);
    target->far = far;
    return RSM_SUCCESS;

err_destroy_barrier:
    (void)rsm_memseg_import_destroy_barrier(&far->barrier);
err_free:
    free(far);
    return rc;
}

void rsmi_remote_close(rsmi_target_t *target)
{
    if (target->far == NULL) {
        return;
    }
    (void)rsm_memseg_import_destroy_barrier(&target->far->barrier);
    (void)pthread_mutex_destroy(&target->far->lock);
    free(target->far);
    target->far = NULL;
}

bool rsmi_remote_is_connected(const rsmi_target_t *target)
{
    char nothing = 0;

    return rsm_memseg_import_put(target->import, 0, &nothing, 0) == RSM_SUCCESS;
}

int rsmi_remote_put(rsmi_target_t *target, uint64_t offset, const void *from,
                    size_t size)
{
    int rc = rsm_memseg_import_put(target->import, (off_t)offset, (void *)from,
                                   size);

    /* Only then: a thread that closes the span meanwhile takes the mark away,
     * and need not have this put in it. */
    atomic_store(&target->far->is_pending, true);
    return remote_result(rc);
}

int rsmi_remote_get(rsmi_target_t *target, uint64_t offset, void *to,
                    size_t size)
{
    return remote_result(
        rsm_memseg_import_get(target->import, (off_t)offset, to, size));
}

/* A thread that finds nothing pending may find another one closing the span,
 * with puts of its own in it: it waits for that. */
static int remote_complete(rsmi_far_t *far)
{
    int rc = RSM_SUCCESS, again;

    pthread_mutex_lock(&far->lock);
    if (atomic_exchange(&far->is_pending, false)) {
        rc = rsm_memseg_import_close_barrier(&far->barrier);
        again = rsm_memseg_import_open_barrier(&far->barrier);
        rc = (rc == RSM_SUCCESS) ? again : rc;
    }
    pthread_mutex_unlock(&far->lock);
    return remote_result(rc);
}

int rsmi_remote_far_complete(rsmi_target_t *target)
{
    rsmi_target_t *region;
    int error, result;

    result = (target->far != NULL) ? remote_complete(target->far) : MPI_SUCCESS;
    for (region = atomic_load(&target->regions); region != NULL;
         region = region->next) {
        error = remote_complete(region->far);
        result = (error == MPI_SUCCESS) ? result : error;
    }
    return result;
}

int rsmi_remote_conclude_any(rsmi_target_t *target)
{
    int error = rsmi_remote_complete(target);

    return (error == MPI_SUCCESS) ? rsmi_remote_check(target) : error;
}

int rsmi_remote_complete_all(rsmi_window_t *window)
{
    int i, error, result = MPI_SUCCESS;

    if (!window->has_far && (window->flavor != MPI_WIN_FLAVOR_DYNAMIC)) {
        return MPI_SUCCESS;
    }
    for (i = 0; i < window->size; ++i) {
        error = rsmi_remote_complete(&window->targets[i]);
        result = (error == MPI_SUCCESS) ? result : error;
    }
    return result;
}

int rsmi_remote_check_all(const rsmi_window_t *window)
{
    int i, error, result = MPI_SUCCESS;

    for (i = 0; i < window->size; ++i) {
        error = rsmi_remote_check(&window->targets[i]);
        result = (error == MPI_SUCCESS) ? result : error;
    }
    return result;
}

int rsmi_remote_conclude_all(rsmi_window_t *window)
{
    int result = rsmi_remote_complete_all(window);
    int error = rsmi_remote_check_all(window);

    return (result == MPI_SUCCESS) ? error : result;
}
