/* SPDX-License-Identifier: BSD-3-Clause */
/* Every number, size, offset and name of the public interface. Programs were
 * compiled with them, so a change here breaks programs. The assertions hold
 * when this file compiles; run, the program prints what it holds and checks
 * that each function can be linked. */
#include <rsmx.h>

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#if !defined(__LP64__)
#error "the layout below is that of machines with 64-bit pointers"
#endif

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* clang-format off */

#define VALUES \
    VALUE(RSM_VERSION, 5) \
    VALUE(RSM_CONNECTION_ACTIVE, 3) \
    VALUE(RSM_PERM_NONE, 0) \
    VALUE(RSM_PERM_READ, 256) \
    VALUE(RSM_PERM_WRITE, 128) \
    VALUE(RSM_PERM_RDWR, 384) \
    VALUE(RSM_MAX_SGIOREQS, 16) \
    VALUE(RSM_HANDLE_TYPE, 1) \
    VALUE(RSM_VA_TYPE, 2) \
    VALUE(RSM_ALLOW_REBIND, 1) \
    VALUE(RSM_CREATE_SEG_DONTWAIT, 2) \
    VALUE(RSM_IMPLICIT_SIGPOST, 1) \
    VALUE(RSM_SIGPOST_NO_ACCUMULATE, 2) \
    VALUE(RSM_DAS8, 1) \
    VALUE(RSM_DAS16, 2) \
    VALUE(RSM_DAS32, 4) \
    VALUE(RSM_DAS64, 8) \
    VALUE(RSM_BARRIER_SEGMENT, 0x01) \
    VALUE(RSM_BARRIER_NODE, 0x02) \
    VALUE(RSM_BARRIER_SEGMENT_THREAD, 0x11) \
    VALUE(RSM_BARRIER_NODE_THREAD, 0x12) \
    VALUE(RSM_BAR_DEFAULT, 0x01) \
    VALUE(RSM_BARRIER_MODE_EXPLICIT, 0) \
    VALUE(RSM_BARRIER_MODE_IMPLICIT, 1) \
    VALUE(RSM_MAP_NONE, 0) \
    VALUE(RSM_MAP_FIXED, 1) \
    VALUE(RSM_MAP_RESERVED, 2) \
    VALUE(RSM_DRIVER_PRIVATE_ID_BASE, 0) \
    VALUE(RSM_DRIVER_PRIVATE_ID_END, 0x0fffff) \
    VALUE(RSM_CLUSTER_TRANSPORT_ID_BASE, 0x100000) \
    VALUE(RSM_CLUSTER_TRANSPORT_ID_END, 0x1fffff) \
    VALUE(RSM_RSMLIB_ID_BASE, 0x200000) \
    VALUE(RSM_RSMLIB_ID_END, 0x2fffff) \
    VALUE(RSM_DLPI_ID_BASE, 0x300000) \
    VALUE(RSM_DLPI_ID_END, 0x3fffff) \
    VALUE(RSM_HPC_ID_BASE, 0x400000) \
    VALUE(RSM_HPC_ID_END, 0x4fffff) \
    VALUE(RSM_OPS_ID_BASE, 0x500000) \
    VALUE(RSM_OPS_ID_END, 0x5fffff) \
    VALUE(RSM_USER_APP_ID_BASE, 0x80000000) \
    VALUE(RSM_USER_APP_ID_END, 0xffffffff) \
    VALUE(MAXNAMELEN, 256) \
    VALUE(POLLRDNORM, 0x40)

#define RESULTS \
    VALUE(RSM_SUCCESS, 0) \
    VALUE(RSMERR_BAD_LIBRARY_VERSION, 1) \
    VALUE(RSMERR_BAD_TOPOLOGY_PTR, 2) \
    VALUE(RSMERR_BAD_CTLR_HNDL, 3) \
    VALUE(RSMERR_CTLR_NOT_PRESENT, 4) \
    VALUE(RSMERR_BAD_SEG_HNDL, 5) \
    VALUE(RSMERR_SEG_ALREADY_PUBLISHED, 6) \
    VALUE(RSMERR_SEG_NOT_PUBLISHED, 7) \
    VALUE(RSMERR_SEG_NOT_PUBLISHED_TO_NODE, 8) \
    VALUE(RSMERR_SEG_ALREADY_MAPPED, 9) \
    VALUE(RSMERR_SEG_STILL_MAPPED, 10) \
    VALUE(RSMERR_SEG_NOT_MAPPED, 11) \
    VALUE(RSMERR_NOT_CREATOR, 12) \
    VALUE(RSMERR_BAD_BARRIER_PTR, 13) \
    VALUE(RSMERR_BAD_SGIO, 14) \
    VALUE(RSMERR_BAD_LOCALMEM_HNDL, 15) \
    VALUE(RSMERR_BAD_ADDR, 16) \
    VALUE(RSMERR_BAD_MEM_ALIGNMENT, 17) \
    VALUE(RSMERR_BAD_OFFSET, 18) \
    VALUE(RSMERR_MISALIGNED_OFFSET, 19) \
    VALUE(RSMERR_BAD_LENGTH, 20) \
    VALUE(RSMERR_BAD_ACL, 21) \
    VALUE(RSMERR_BAD_SEGID, 22) \
    VALUE(RSMERR_RESERVED_SEGID, 23) \
    VALUE(RSMERR_SEGID_IN_USE, 24) \
    VALUE(RSMERR_BAD_MODE, 25) \
    VALUE(RSMERR_BAD_PERMS, 26) \
    VALUE(RSMERR_PERM_DENIED, 27) \
    VALUE(RSMERR_LOCKS_NOT_SUPPORTED, 28) \
    VALUE(RSMERR_LOCKS_NOT_ENABLED, 29) \
    VALUE(RSMERR_REBIND_NOT_ALLOWED, 30) \
    VALUE(RSMERR_INSUFFICIENT_RESOURCES, 31) \
    VALUE(RSMERR_INSUFFICIENT_MEM, 32) \
    VALUE(RSMERR_MAP_FAILED, 33) \
    VALUE(RSMERR_POLLFD_IN_USE, 34) \
    VALUE(RSMERR_BARRIER_UNINITIALIZED, 35) \
    VALUE(RSMERR_BARRIER_OPEN_FAILED, 36) \
    VALUE(RSMERR_BARRIER_NOT_OPENED, 37) \
    VALUE(RSMERR_BARRIER_FAILURE, 38) \
    VALUE(RSMERR_REMOTE_NODE_UNREACHABLE, 39) \
    VALUE(RSMERR_CONN_ABORTED, 40) \
    VALUE(RSMERR_INTERRUPTED, 41) \
    VALUE(RSMERR_TIMEOUT, 42) \
    VALUE(RSMERR_BAD_APPID, 43) \
    VALUE(RSMERR_BAD_CONF, 44) \
    VALUE(RSMERR_SEG_NOT_CONNECTED, 45) \
    VALUE(RSMERR_INTERNAL_ERROR, 100) \
    VALUE(RSMERR_BAD_DRIVER_VERSION, 101) \
    VALUE(RSMERR_UNSUPPORTED_VERSION, 102) \
    VALUE(RSMERR_DRIVER_NAME_IN_USE, 103) \
    VALUE(RSMERR_DRIVER_NOT_REGISTERED, 104) \
    VALUE(RSMERR_DRIVER_THREAD_RUNNING, 105) \
    VALUE(RSMERR_NEED_THREAD_INIT, 106) \
    VALUE(RSMERR_THREAD_NOT_INITED, 107) \
    VALUE(RSMERR_CTLRS_REGISTERED, 108) \
    VALUE(RSMERR_CTLR_NOT_REGISTERED, 109) \
    VALUE(RSMERR_CTLR_ALREADY_REGISTERED, 110) \
    VALUE(RSMERR_CTLR_IN_USE, 111) \
    VALUE(RSMERR_NAME_TOO_LONG, 112) \
    VALUE(RSMERR_SEG_PUBLISHED, 113) \
    VALUE(RSMERR_SEG_NOT_PUBLISHED_TO_RSM_ADDR, 114) \
    VALUE(RSMERR_SEG_IN_USE, 115) \
    VALUE(RSMERR_BAD_SENDQ_HNDL, 116) \
    VALUE(RSMERR_BAD_ARGS_ERRORS, 117) \
    VALUE(RSMERR_BAD_MSTYPE, 118) \
    VALUE(RSMERR_NO_BACKING_MEM, 119) \
    VALUE(RSMERR_NOT_MEM, 120) \
    VALUE(RSMERR_MEM_ALREADY_BOUND, 121) \
    VALUE(RSMERR_MEM_NOT_BOUND, 122) \
    VALUE(RSMERR_HANDLER_NOT_REGISTERED, 123) \
    VALUE(RSMERR_NO_HANDLER, 124) \
    VALUE(RSMERR_UNBIND_REBIND_NOT_ALLOWED, 125) \
    VALUE(RSMERR_CALLBACKS_NOT_SUPPORTED, 126) \
    VALUE(RSMERR_UNSUPPORTED_OPERATION, 127) \
    VALUE(RSMERR_RSM_ADDR_UNREACHABLE, 128) \
    VALUE(RSMERR_UNKNOWN_RSM_ADDR, 129) \
    VALUE(RSMERR_BAD_BARRIER_HNDL, 130) \
    VALUE(RSMERR_COMM_ERR_MAYBE_DELIVERED, 131) \
    VALUE(RSMERR_COMM_ERR_NOT_DELIVERED, 132) \
    VALUE(RSMERR_QUEUE_FENCE_UP, 133) \
    VALUE(RSMERR_QUEUE_FULL, 134)

#define TYPES \
    TYPE(uint_t, 4, 0) \
    TYPE(ulong_t, 8, 0) \
    TYPE(uchar_t, 1, 0) \
    TYPE(offset_t, 8, 1) \
    TYPE(rsm_addr_t, 8, 0) \
    TYPE(rsm_node_id_t, 4, 0) \
    TYPE(rsm_memseg_id_t, 4, 0) \
    TYPE(rsm_permission_t, 4, 0)

#define SIZES \
    SIZE(rsmapi_controller_handle_t, 8) \
    SIZE(rsm_memseg_export_handle_t, 8) \
    SIZE(rsm_memseg_import_handle_t, 8) \
    SIZE(rsm_localmemory_handle_t, 8) \
    SIZE(caddr_t, 8) \
    SIZE(rsm_access_size_t, 4) \
    SIZE(rsm_barrier_type_t, 4) \
    SIZE(rsm_barrier_mode_t, 4) \
    SIZE(rsm_attribute_t, 4) \
    SIZE(rsm_barrier_component_t, 8) \
    SIZE(rsm_barrier_t, 32) \
    SIZE(rsmapi_controller_attr_t, 64) \
    SIZE(rsmapi_access_entry_t, 8) \
    SIZE(rsmapi_barrier_t, 24) \
    SIZE(rsm_iovec_t, 40) \
    SIZE(rsm_scat_gath_t, 48) \
    SIZE(rsm_topology_hdr_t, 8) \
    SIZE(rsm_connections_hdr_t, 272) \
    SIZE(rsm_remote_cntlr_t, 280) \
    SIZE(rsm_connections_t, 552) \
    SIZE(rsm_topology_t, 16)

#define OFFSETS \
    OFFSET(rsmapi_controller_attr_t, attr_direct_access_sizes, 0) \
    OFFSET(rsmapi_controller_attr_t, attr_atomic_sizes, 4) \
    OFFSET(rsmapi_controller_attr_t, attr_page_size, 8) \
    OFFSET(rsmapi_controller_attr_t, attr_max_export_segment_size, 16) \
    OFFSET(rsmapi_controller_attr_t, attr_tot_export_segment_size, 24) \
    OFFSET(rsmapi_controller_attr_t, attr_max_export_segments, 32) \
    OFFSET(rsmapi_controller_attr_t, attr_max_import_map_size, 40) \
    OFFSET(rsmapi_controller_attr_t, attr_tot_import_map_size, 48) \
    OFFSET(rsmapi_controller_attr_t, attr_max_import_segments, 56) \
    OFFSET(rsmapi_access_entry_t, ae_node, 0) \
    OFFSET(rsmapi_access_entry_t, ae_permission, 4) \
    OFFSET(rsmapi_barrier_t, seg, 0) \
    OFFSET(rsmapi_barrier_t, gnum, 8) \
    OFFSET(rsmapi_barrier_t, privdata, 16) \
    OFFSET(rsm_iovec_t, io_type, 0) \
    OFFSET(rsm_iovec_t, local, 8) \
    OFFSET(rsm_iovec_t, local_offset, 16) \
    OFFSET(rsm_iovec_t, remote_offset, 24) \
    OFFSET(rsm_iovec_t, transfer_length, 32) \
    OFFSET(rsm_scat_gath_t, local_nodeid, 0) \
    OFFSET(rsm_scat_gath_t, io_request_count, 8) \
    OFFSET(rsm_scat_gath_t, io_residual_count, 16) \
    OFFSET(rsm_scat_gath_t, flags, 24) \
    OFFSET(rsm_scat_gath_t, remote_handle, 32) \
    OFFSET(rsm_scat_gath_t, iovec, 40) \
    OFFSET(rsm_topology_hdr_t, local_nodeid, 0) \
    OFFSET(rsm_topology_hdr_t, local_cntlr_count, 4) \
    OFFSET(rsm_connections_hdr_t, cntlr_name, 0) \
    OFFSET(rsm_connections_hdr_t, local_hwaddr, 256) \
    OFFSET(rsm_connections_hdr_t, remote_cntlr_count, 264) \
    OFFSET(rsm_remote_cntlr_t, remote_nodeid, 0) \
    OFFSET(rsm_remote_cntlr_t, remote_cntlrname, 4) \
    OFFSET(rsm_remote_cntlr_t, remote_hwaddr, 264) \
    OFFSET(rsm_remote_cntlr_t, connection_state, 272) \
    OFFSET(rsm_connections_t, hdr, 0) \
    OFFSET(rsm_connections_t, remote_cntlr, 272) \
    OFFSET(rsm_topology_t, topology_hdr, 0) \
    OFFSET(rsm_topology_t, connections, 8)

#define FUNCTIONS \
    FUNCTION(rsm_create_localmemory_handle) \
    FUNCTION(rsm_free_interconnect_topology) \
    FUNCTION(rsm_free_localmemory_handle) \
    FUNCTION(rsm_get_controller) \
    FUNCTION(rsm_get_controller_attr) \
    FUNCTION(rsm_get_interconnect_topology) \
    FUNCTION(rsm_get_segmentid_range) \
    FUNCTION(rsm_intr_signal_post) \
    FUNCTION(rsm_intr_signal_wait) \
    FUNCTION(rsm_intr_signal_wait_pollfd) \
    FUNCTION(rsm_memseg_export_create) \
    FUNCTION(rsm_memseg_export_destroy) \
    FUNCTION(rsm_memseg_export_publish) \
    FUNCTION(rsm_memseg_export_rebind) \
    FUNCTION(rsm_memseg_export_republish) \
    FUNCTION(rsm_memseg_export_unpublish) \
    FUNCTION(rsm_memseg_get_pollfd) \
    FUNCTION(rsm_memseg_import_close_barrier) \
    FUNCTION(rsm_memseg_import_connect) \
    FUNCTION(rsm_memseg_import_destroy_barrier) \
    FUNCTION(rsm_memseg_import_disconnect) \
    FUNCTION(rsm_memseg_import_get) \
    FUNCTION(rsm_memseg_import_get16) \
    FUNCTION(rsm_memseg_import_get32) \
    FUNCTION(rsm_memseg_import_get64) \
    FUNCTION(rsm_memseg_import_get8) \
    FUNCTION(rsm_memseg_import_get_mode) \
    FUNCTION(rsm_memseg_import_getv) \
    FUNCTION(rsm_memseg_import_init_barrier) \
    FUNCTION(rsm_memseg_import_map) \
    FUNCTION(rsm_memseg_import_open_barrier) \
    FUNCTION(rsm_memseg_import_order_barrier) \
    FUNCTION(rsm_memseg_import_put) \
    FUNCTION(rsm_memseg_import_put16) \
    FUNCTION(rsm_memseg_import_put32) \
    FUNCTION(rsm_memseg_import_put64) \
    FUNCTION(rsm_memseg_import_put8) \
    FUNCTION(rsm_memseg_import_putv) \
    FUNCTION(rsm_memseg_import_set_mode) \
    FUNCTION(rsm_memseg_import_unmap) \
    FUNCTION(rsm_memseg_release_pollfd) \
    FUNCTION(rsm_release_controller) \
    FUNCTION(rsmx_error_name) \
    FUNCTION(rsmx_export_get_importer_count) \
    FUNCTION(rsmx_memory_alloc)              \
    FUNCTION(rsmx_memory_free)               \
    FUNCTION(rsmx_get_node_count) \
    FUNCTION(rsmx_get_node_id) \
    FUNCTION(rsmx_import_compare_swap32) \
    FUNCTION(rsmx_import_compare_swap64) \
    FUNCTION(rsmx_import_fetch_add32) \
    FUNCTION(rsmx_import_fetch_add64) \
    FUNCTION(rsmx_import_fetch_and32) \
    FUNCTION(rsmx_import_fetch_and64) \
    FUNCTION(rsmx_import_fetch_or32) \
    FUNCTION(rsmx_import_fetch_or64) \
    FUNCTION(rsmx_import_fetch_xor32) \
    FUNCTION(rsmx_import_fetch_xor64) \
    FUNCTION(rsmx_import_get_permission) \
    FUNCTION(rsmx_import_get_size) \
    FUNCTION(rsmx_import_swap32) \
    FUNCTION(rsmx_import_swap64) \
    FUNCTION(rsmx_strerror) \
    FUNCTION(rsmx_version)

/* clang-format on */

#define VALUE(name, value) _Static_assert((name) == (value), #name);
VALUES
RESULTS
#undef VALUE

#define TYPE(name, size, is_signed)                \
    _Static_assert(sizeof(name) == (size), #name); \
    _Static_assert(((name)-1 < (name)1) == (is_signed), #name);
TYPES
#undef TYPE

#define SIZE(name, size) _Static_assert(sizeof(name) == (size), #name);
SIZES
#undef SIZE

#define OFFSET(type, member, offset) \
    _Static_assert(offsetof(type, member) == (offset), #type "." #member);
OFFSETS
#undef OFFSET

typedef void (*any_function_t)(void);

static const struct {
    const char *name;
    any_function_t function;
} functions[] = {
#define FUNCTION(name) {#name, (any_function_t)(name)},
    FUNCTIONS
#undef FUNCTION
};

static const struct {
    const char *name;
    int value;
} results[] = {
#define VALUE(name, value) {#name, name},
    RESULTS
#undef VALUE
};

static int complaints;

static void complain(const char *name, const char *what)
{
    printf("%s: %s\n", name, what);
    ++complaints;
}

static void print_numbers(void)
{
#define VALUE(name, value) \
    printf("%-38s 0x%" PRIx64 "\n", #name, (uint64_t)name);
    VALUES
    RESULTS
#undef VALUE
#define TYPE(name, size, is_signed) \
    printf("sizeof %-31s %zu\n", #name, sizeof(name));
    TYPES
#undef TYPE
#define SIZE(name, size) printf("sizeof %-31s %zu\n", #name, sizeof(name));
    SIZES
#undef SIZE
}

/* Each result has its own name and a sentence. */
static void check_texts(void)
{
    size_t i;

    for (i = 0; i < COUNT_OF(results); ++i) {
        const char *text = rsmx_strerror(results[i].value);

        if (strcmp(rsmx_error_name(results[i].value), results[i].name) != 0) {
            complain(results[i].name, "rsmx_error_name has another name");
        }
        if ((text == NULL) || (text[0] == '\0') ||
            (text[strlen(text) - 1] == '.')) {
            complain(results[i].name, "rsmx_strerror has no proper sentence");
        }
    }
    if (strcmp(rsmx_error_name(-1), "RSMERR_UNKNOWN") != 0) {
        complain("-1", "should be RSMERR_UNKNOWN");
    }
    if (rsmx_strerror(99) == NULL) {
        complain("99", "has no text");
    }
}

int main(void)
{
    size_t i;

    print_numbers();
    for (i = 0; i < COUNT_OF(functions); ++i) {
        if (functions[i].function == NULL) {
            complain(functions[i].name, "cannot be linked");
        }
    }
    check_texts();
    if (strcmp(rsmx_version(), RSMX_VERSION_STRING) != 0) {
        complain("rsmx_version", "library and headers differ");
    }
    printf("%zu functions, %zu results, %d complaints\n", COUNT_OF(functions),
           COUNT_OF(results), complaints);
    return complaints != 0;
}
