/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Handles, attributes, access lists and requests of the Remote Shared Memory
 * API.
 *
 * Programs include <rsmapi.h>, which includes this header.
 */
#ifndef _SYS_RSM_RSMAPI_COMMON_H
#define _SYS_RSM_RSMAPI_COMMON_H

#include <sys/rsm/rsm_common.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup rsm_objects Handles and requests
 *
 * Handles are opaque. A handle that has been given back, one of another kind,
 * or a value that never was a handle is recognised and costs an error, not a
 * crash. A handle belongs to the process that obtained it.
 * @{
 */

/** Local interconnect controller, from #rsm_get_controller. */
typedef struct __rsmapi_controller_handle *rsmapi_controller_handle_t;

/** Memory offered to others, from #rsm_memseg_export_create. */
typedef struct __rsm_memseg_export_handle *rsm_memseg_export_handle_t;

/** Connection to somebody's memory, from #rsm_memseg_import_connect. */
typedef struct __rsm_memseg_import_handle *rsm_memseg_import_handle_t;

/** Prepared local buffer, from #rsm_create_localmemory_handle. */
typedef struct __rsm_localmemory_handle *rsm_localmemory_handle_t;

/** Who says when an access is complete; see #rsm_memseg_import_set_mode. */
typedef enum {
    RSM_BARRIER_MODE_EXPLICIT, /**< the program, by closing a barrier */
    RSM_BARRIER_MODE_IMPLICIT  /**< the library, before each call returns */
} rsm_barrier_mode_t;

/** Where #rsm_memseg_import_map puts the mapping. */
typedef enum {
    RSM_MAP_NONE = 0x0,    /**< wherever the system likes */
    RSM_MAP_FIXED = 0x1,   /**< exactly at the address given */
    RSM_MAP_RESERVED = 0x2 /**< no meaning; ignored */
} rsm_attribute_t;

/** What a controller can do. Sizes are in bytes. */
typedef struct {
    uint_t attr_direct_access_sizes;     /**< RSM_DASn: widths of an access */
    uint_t attr_atomic_sizes;            /**< RSM_DASn: widths never torn */
    size_t attr_page_size;               /**< alignment of exported memory */
    size_t attr_max_export_segment_size; /**< largest segment */
    size_t attr_tot_export_segment_size; /**< all segments together */
    ulong_t attr_max_export_segments;    /**< how many segments */
    size_t attr_max_import_map_size;     /**< largest mapping */
    size_t attr_tot_import_map_size;     /**< all mappings together */
    ulong_t attr_max_import_segments;    /**< how many connections */
} rsmapi_controller_attr_t;

/** One row of an access list: what processes of one node may do. */
typedef struct {
    rsm_node_id_t ae_node; /**< the importing node */
    rsm_permission_t
        ae_permission; /**< owner, group, others: 4 read, 2 write */
} rsmapi_access_entry_t;

/**
 * A barrier. The program owns the memory, the library its contents; it is to
 * be copied neither while initialised nor shared with another process.
 */
typedef struct {
    void *seg;
    uint16_t gnum;
    void *privdata;
} rsmapi_barrier_t;

/**
 * @name Kinds of local memory in a scatter-gather piece
 * @{
 */
#define RSM_HANDLE_TYPE 0x01 /**< #rsm_iovec_t::local is a handle  */
#define RSM_VA_TYPE     0x02 /**< #rsm_iovec_t::local is an address */
/** @} */

/** One piece of a scatter-gather request. */
typedef struct {
    int io_type; /**< #RSM_HANDLE_TYPE or #RSM_VA_TYPE */
    union {
        rsm_localmemory_handle_t handle; /**< prepared local memory */
        caddr_t vaddr;                   /**< any local address */
    } local;                             /**< where the local bytes are */
    size_t local_offset;                 /**< bytes to add to #local */
    size_t remote_offset;   /**< bytes from the start of the segment */
    size_t transfer_length; /**< bytes to move */
} rsm_iovec_t;

/** A scatter-gather request: pieces of local memory and one segment. */
typedef struct {
    rsm_node_id_t local_nodeid; /**< ignored */
    ulong_t io_request_count;   /**< pieces, 1 to #RSM_MAX_SGIOREQS */
    ulong_t io_residual_count;  /**< [out] pieces that were not completed */
    uint_t flags;               /**< #RSM_IMPLICIT_SIGPOST and its companion */
    rsm_memseg_import_handle_t remote_handle; /**< the imported segment */
    rsm_iovec_t *iovec;                       /**< the pieces */
} rsm_scat_gath_t;

/**
 * @name Flags of rsm_memseg_export_create()
 * @{
 */
#define RSM_ALLOW_REBIND        0x01 /**< memory can be exchanged later */
#define RSM_CREATE_SEG_DONTWAIT 0x02 /**< fail instead of waiting */
/** @} */

/**
 * @name Flags of events
 * @{
 */
#define RSM_IMPLICIT_SIGPOST      0x01 /**< post when the vector is done */
#define RSM_SIGPOST_NO_ACCUMULATE 0x02 /**< drop if one is pending already */
/** @} */

/** @} */

#ifdef __cplusplus
}
#endif

#endif /* _SYS_RSM_RSMAPI_COMMON_H */
