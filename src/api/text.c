/* SPDX-License-Identifier: BSD-3-Clause */
/* Results as words. */
#include "rsmx.h"

#include "util/compiler.h"

#include <stddef.h>

typedef struct {
    int code;
    const char *name;
    const char *text;
} text_row_t;

#define TEXT_ROW(code, text) \
    {                        \
        code, #code, text    \
    }

/* In ascending order of the numbers, which have gaps. */
static const text_row_t text_table[] = {
    TEXT_ROW(RSM_SUCCESS, "success"),
    TEXT_ROW(RSMERR_BAD_LIBRARY_VERSION,
             "the library and its plug-in have different versions"),
    TEXT_ROW(RSMERR_BAD_TOPOLOGY_PTR, "the pointer for the topology is NULL"),
    TEXT_ROW(RSMERR_BAD_CTLR_HNDL, "not a handle of a controller"),
    TEXT_ROW(RSMERR_CTLR_NOT_PRESENT, "there is no such controller"),
    TEXT_ROW(RSMERR_BAD_SEG_HNDL,
             "not a handle of a segment of the right kind"),
    TEXT_ROW(RSMERR_SEG_ALREADY_PUBLISHED, "the segment is already published"),
    TEXT_ROW(RSMERR_SEG_NOT_PUBLISHED, "no such segment is published"),
    TEXT_ROW(RSMERR_SEG_NOT_PUBLISHED_TO_NODE,
             "the segment is not published to this node"),
    TEXT_ROW(RSMERR_SEG_ALREADY_MAPPED, "the import already has a mapping"),
    TEXT_ROW(RSMERR_SEG_STILL_MAPPED, "the import has to be unmapped first"),
    TEXT_ROW(RSMERR_SEG_NOT_MAPPED, "the import has no mapping"),
    TEXT_ROW(RSMERR_NOT_CREATOR,
             "only the process that created the segment may do this"),
    TEXT_ROW(RSMERR_BAD_BARRIER_PTR, "the pointer to the barrier is NULL"),
    TEXT_ROW(RSMERR_BAD_SGIO, "the scatter-gather structure is invalid"),
    TEXT_ROW(RSMERR_BAD_LOCALMEM_HNDL, "not a handle of local memory"),
    TEXT_ROW(RSMERR_BAD_ADDR, "the address is invalid"),
    TEXT_ROW(RSMERR_BAD_MEM_ALIGNMENT,
             "an address, offset or length is not aligned as it has to be"),
    TEXT_ROW(RSMERR_BAD_OFFSET, "the offset lies outside of the segment"),
    TEXT_ROW(RSMERR_MISALIGNED_OFFSET, "the offset is not aligned"),
    TEXT_ROW(RSMERR_BAD_LENGTH, "the length is invalid"),
    TEXT_ROW(RSMERR_BAD_ACL, "the access list is invalid"),
    TEXT_ROW(RSMERR_BAD_SEGID, "the pointer to the segment identifier is NULL"),
    TEXT_ROW(RSMERR_RESERVED_SEGID,
             "the segment identifier lies in a reserved range"),
    TEXT_ROW(RSMERR_SEGID_IN_USE,
             "the segment identifier is in use on this node"),
    TEXT_ROW(RSMERR_BAD_MODE, "the barrier mode is invalid"),
    TEXT_ROW(RSMERR_BAD_PERMS, "the permissions are invalid"),
    TEXT_ROW(RSMERR_PERM_DENIED, "permission denied"),
    TEXT_ROW(RSMERR_LOCKS_NOT_SUPPORTED, "lock segments are not supported"),
    TEXT_ROW(RSMERR_LOCKS_NOT_ENABLED, "locks are not enabled"),
    TEXT_ROW(RSMERR_REBIND_NOT_ALLOWED,
             "the segment was created without permission to rebind"),
    TEXT_ROW(RSMERR_INSUFFICIENT_RESOURCES, "not enough resources"),
    TEXT_ROW(RSMERR_INSUFFICIENT_MEM, "not enough memory"),
    TEXT_ROW(RSMERR_MAP_FAILED, "the segment cannot be mapped"),
    TEXT_ROW(RSMERR_POLLFD_IN_USE, "the poll descriptor is still referenced"),
    TEXT_ROW(RSMERR_BARRIER_UNINITIALIZED, "the barrier was never initialised"),
    TEXT_ROW(RSMERR_BARRIER_OPEN_FAILED, "the barrier could not be opened"),
    TEXT_ROW(RSMERR_BARRIER_NOT_OPENED, "the barrier is not open"),
    TEXT_ROW(
        RSMERR_BARRIER_FAILURE,
        "an access covered by the barrier failed or cannot be vouched for"),
    TEXT_ROW(RSMERR_REMOTE_NODE_UNREACHABLE,
             "the remote node cannot be reached"),
    TEXT_ROW(RSMERR_CONN_ABORTED, "the connection to the exporter is broken"),
    TEXT_ROW(RSMERR_INTERRUPTED, "interrupted by a signal"),
    TEXT_ROW(RSMERR_TIMEOUT, "the time ran out"),
    TEXT_ROW(RSMERR_BAD_APPID, "the application has no range of identifiers"),
    TEXT_ROW(RSMERR_BAD_CONF,
             "the configuration is missing, unreadable or malformed"),
    TEXT_ROW(RSMERR_SEG_NOT_CONNECTED, "the segment is not connected"),
    TEXT_ROW(RSMERR_INTERNAL_ERROR, "the library cannot be used in this "
                                    "process or has met a fault of its own"),
    TEXT_ROW(RSMERR_BAD_DRIVER_VERSION, "driver interface: bad driver version"),
    TEXT_ROW(RSMERR_UNSUPPORTED_VERSION,
             "driver interface: unsupported version"),
    TEXT_ROW(RSMERR_DRIVER_NAME_IN_USE, "driver interface: driver name in use"),
    TEXT_ROW(RSMERR_DRIVER_NOT_REGISTERED,
             "driver interface: driver not registered"),
    TEXT_ROW(RSMERR_DRIVER_THREAD_RUNNING,
             "driver interface: driver thread running"),
    TEXT_ROW(RSMERR_NEED_THREAD_INIT, "driver interface: need thread init"),
    TEXT_ROW(RSMERR_THREAD_NOT_INITED, "driver interface: thread not inited"),
    TEXT_ROW(RSMERR_CTLRS_REGISTERED,
             "driver interface: controllers registered"),
    TEXT_ROW(RSMERR_CTLR_NOT_REGISTERED,
             "driver interface: controller not registered"),
    TEXT_ROW(RSMERR_CTLR_ALREADY_REGISTERED,
             "driver interface: controller already registered"),
    TEXT_ROW(RSMERR_CTLR_IN_USE, "driver interface: controller in use"),
    TEXT_ROW(RSMERR_NAME_TOO_LONG, "driver interface: name too long"),
    TEXT_ROW(RSMERR_SEG_PUBLISHED, "driver interface: segment published"),
    TEXT_ROW(RSMERR_SEG_NOT_PUBLISHED_TO_RSM_ADDR,
             "driver interface: segment not published to RSM address"),
    TEXT_ROW(RSMERR_SEG_IN_USE, "driver interface: segment in use"),
    TEXT_ROW(RSMERR_BAD_SENDQ_HNDL, "driver interface: bad send queue handle"),
    TEXT_ROW(RSMERR_BAD_ARGS_ERRORS, "the arguments of the wait are invalid"),
    TEXT_ROW(RSMERR_BAD_MSTYPE, "driver interface: bad mstype"),
    TEXT_ROW(RSMERR_NO_BACKING_MEM, "driver interface: no backing memory"),
    TEXT_ROW(RSMERR_NOT_MEM, "driver interface: not memory"),
    TEXT_ROW(RSMERR_MEM_ALREADY_BOUND,
             "driver interface: memory already bound"),
    TEXT_ROW(RSMERR_MEM_NOT_BOUND, "driver interface: memory not bound"),
    TEXT_ROW(RSMERR_HANDLER_NOT_REGISTERED,
             "driver interface: handler not registered"),
    TEXT_ROW(RSMERR_NO_HANDLER, "driver interface: no handler"),
    TEXT_ROW(RSMERR_UNBIND_REBIND_NOT_ALLOWED,
             "driver interface: unbind rebind not allowed"),
    TEXT_ROW(RSMERR_CALLBACKS_NOT_SUPPORTED,
             "driver interface: callbacks not supported"),
    TEXT_ROW(RSMERR_UNSUPPORTED_OPERATION,
             "driver interface: unsupported operation"),
    TEXT_ROW(RSMERR_RSM_ADDR_UNREACHABLE,
             "driver interface: RSM address unreachable"),
    TEXT_ROW(RSMERR_UNKNOWN_RSM_ADDR, "driver interface: unknown RSM address"),
    TEXT_ROW(RSMERR_BAD_BARRIER_HNDL, "driver interface: bad barrier handle"),
    TEXT_ROW(RSMERR_COMM_ERR_MAYBE_DELIVERED,
             "driver interface: communication error maybe delivered"),
    TEXT_ROW(RSMERR_COMM_ERR_NOT_DELIVERED,
             "driver interface: communication error not delivered"),
    TEXT_ROW(RSMERR_QUEUE_FENCE_UP, "driver interface: queue fence up"),
    TEXT_ROW(RSMERR_QUEUE_FULL, "driver interface: queue full"),
};

static const text_row_t *text_find(int code)
{
    size_t low = 0, high = RSMI_COUNT_OF(text_table), middle;

    while (low < high) {
        middle = low + (high - low) / 2;
        if (text_table[middle].code == code) {
            return &text_table[middle];
        }
        if (text_table[middle].code < code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

RSMI_EXPORT const char *rsmx_error_name(int code)
{
    const text_row_t *row = text_find(code);

    return (row != NULL) ? row->name : "RSMERR_UNKNOWN";
}

RSMI_EXPORT const char *rsmx_strerror(int code)
{
    const text_row_t *row = text_find(code);

    return (row != NULL) ? row->text : "not a result of this library";
}
