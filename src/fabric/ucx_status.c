/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/fabric_internal.h"

/* UCX's numbers are small and negative, so the table is indexed by -status.
 * What is not listed is RSMERR_INTERNAL_ERROR when something is set up and
 * RSMERR_BARRIER_FAILURE when data is moved. */
typedef struct {
    int setup;
    int transfer;
} status_row_t;

#define STATUS_ROW(status, setup, transfer) \
    [-(status)] = {RSMERR_##setup, RSMERR_##transfer}

static const status_row_t status_table[] = {
    STATUS_ROW(UCS_ERR_NO_MEMORY, INSUFFICIENT_MEM, INSUFFICIENT_RESOURCES),
    STATUS_ROW(UCS_ERR_NO_RESOURCE, INSUFFICIENT_RESOURCES,
               INSUFFICIENT_RESOURCES),
    STATUS_ROW(UCS_ERR_EXCEEDS_LIMIT, INSUFFICIENT_RESOURCES,
               INSUFFICIENT_RESOURCES),
    STATUS_ROW(UCS_ERR_SHMEM_SEGMENT, INSUFFICIENT_RESOURCES,
               INSUFFICIENT_RESOURCES),
    STATUS_ROW(UCS_ERR_NO_DEVICE, INSUFFICIENT_RESOURCES, CONN_ABORTED),
    STATUS_ROW(UCS_ERR_IO_ERROR, INSUFFICIENT_RESOURCES, BARRIER_FAILURE),
    STATUS_ROW(UCS_ERR_INVALID_ADDR, REMOTE_NODE_UNREACHABLE, BARRIER_FAILURE),
    STATUS_ROW(UCS_ERR_UNREACHABLE, REMOTE_NODE_UNREACHABLE, CONN_ABORTED),
    STATUS_ROW(UCS_ERR_NOT_CONNECTED, REMOTE_NODE_UNREACHABLE, CONN_ABORTED),
    STATUS_ROW(UCS_ERR_CONNECTION_RESET, REMOTE_NODE_UNREACHABLE, CONN_ABORTED),
    STATUS_ROW(UCS_ERR_ENDPOINT_TIMEOUT, REMOTE_NODE_UNREACHABLE, CONN_ABORTED),
    STATUS_ROW(UCS_ERR_TIMED_OUT, REMOTE_NODE_UNREACHABLE, CONN_ABORTED),
    STATUS_ROW(UCS_ERR_REJECTED, REMOTE_NODE_UNREACHABLE, CONN_ABORTED),
    STATUS_ROW(UCS_ERR_CANCELED, INTERNAL_ERROR, CONN_ABORTED),
};

static const status_row_t *status_find(ucs_status_t status)
{
    size_t idx = (size_t)-status;

    if ((idx >= RSMI_COUNT_OF(status_table)) ||
        (status_table[idx].setup == RSM_SUCCESS)) {
        return NULL;
    }

    return &status_table[idx];
}

int rsmi_fabric_setup_error(ucs_status_t status)
{
    const status_row_t *row;

    if (status == UCS_OK) {
        return RSM_SUCCESS;
    }

    row = status_find(status);
    return (row != NULL) ? row->setup : RSMERR_INTERNAL_ERROR;
}

int rsmi_fabric_transfer_error(ucs_status_t status)
{
    const status_row_t *row;

    if (rsmi_likely(status == UCS_OK)) {
        return RSM_SUCCESS;
    }

    row = status_find(status);
    return (row != NULL) ? row->transfer : RSMERR_BARRIER_FAILURE;
}
