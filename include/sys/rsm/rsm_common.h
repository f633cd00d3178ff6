/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What every part of the Remote Shared Memory API has in common: numbers of
 * nodes and segments, permissions, ranges of segment identifiers, results.
 *
 * Programs include <rsmapi.h>, which includes this header.
 */
#ifndef _SYS_RSM_RSM_COMMON_H
#define _SYS_RSM_RSM_COMMON_H

#include <sys/rsm/rsm_types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The formatter would put blanks into macros that must keep their spelling. */
/* clang-format off */

/**
 * @defgroup rsm_common Numbers, permissions and results
 *
 * A *node* is one process of the job; its number is its rank. A *segment* is
 * memory that one node has published under an identifier unique on that node.
 * The pair of both numbers is the address of a segment; programs hand it on by
 * means of their own or agree on it beforehand.
 *
 * Every function of the library returns one of the results below, zero for
 * success. `errno` takes no part in the interface.
 * @{
 */

/** Version of the interface that these headers describe. */
#define RSM_VERSION 5

/** Hardware address of an interconnect controller. */
typedef uint64_t rsm_addr_t;

/** Number of a node. */
typedef uint32_t rsm_node_id_t;

/** Identifier of a segment, unique on the node that publishes it. */
typedef uint32_t rsm_memseg_id_t;

/** Permission bits, three octal digits in the manner of a file's mode. */
typedef uint32_t rsm_permission_t;

/**
 * @name Permissions
 * For #rsm_memseg_import_connect and #rsm_memseg_import_map. As
 * `ae_permission` of an access list these values speak of the exporter's own
 * user only; 0666 is what opens a segment to every user.
 *
 * Old programs define some of these names once more, which is legal as long as
 * the bodies are the same token for token.
 * @{
 */
#define RSM_PERM_NONE  0                                /**< no access       */
#define RSM_PERM_READ  0400                             /**< get             */
#define RSM_PERM_WRITE 0200                             /**< put             */
#define RSM_PERM_RDWR  (RSM_PERM_READ|RSM_PERM_WRITE)   /**< get and put     */
/** @} */

/** Largest number of pieces in one scatter-gather request. */
#define RSM_MAX_SGIOREQS 16

/**
 * @name Ranges of segment identifiers
 * A program chooses identifiers between #RSM_HPC_ID_BASE and 0x7FFFFFFF. Those
 * below belong to system software and those from #RSM_USER_APP_ID_BASE on are
 * given out by the library to segments published with identifier 0.
 * @{
 */
#define RSM_DRIVER_PRIVATE_ID_BASE    0          /**< drivers                */
#define RSM_DRIVER_PRIVATE_ID_END     0x0FFFFF   /**< last of them           */
#define RSM_CLUSTER_TRANSPORT_ID_BASE 0x100000   /**< cluster software       */
#define RSM_CLUSTER_TRANSPORT_ID_END  0x1FFFFF   /**< last of them           */
#define RSM_RSMLIB_ID_BASE            0x200000   /**< this library           */
#define RSM_RSMLIB_ID_END             0x2FFFFF   /**< last of them           */
#define RSM_DLPI_ID_BASE              0x300000   /**< network drivers        */
#define RSM_DLPI_ID_END               0x3FFFFF   /**< last of them           */
#define RSM_HPC_ID_BASE               0x400000   /**< parallel programs      */
#define RSM_HPC_ID_END                0x4FFFFF   /**< last of them           */
#define RSM_OPS_ID_BASE               0x500000   /**< data bases             */
#define RSM_OPS_ID_END                0x5FFFFF   /**< last of them           */
#define RSM_USER_APP_ID_BASE          0x80000000 /**< given out by library   */
#define RSM_USER_APP_ID_END           0xFFFFFFFF /**< last of them           */
/** @} */

/** Widths of one direct access; their values are bits and can be combined. */
typedef enum {
    RSM_DAS8 = 0x1,  /**< one byte    */
    RSM_DAS16 = 0x2, /**< two bytes   */
    RSM_DAS32 = 0x4, /**< four bytes  */
    RSM_DAS64 = 0x8  /**< eight bytes */
} rsm_access_size_t;

/**
 * What a barrier covers. Every value gives the same barrier: it covers all
 * accesses of this process through one import handle.
 */
typedef enum {
    RSM_BARRIER_SEGMENT = 0x01,        /**< accesses to one segment          */
    RSM_BARRIER_NODE = 0x02,           /**< accesses to one node             */
    RSM_BARRIER_SEGMENT_THREAD = 0x11, /**< of one thread, to one segment    */
    RSM_BARRIER_NODE_THREAD = 0x12     /**< of one thread, to one node       */
} rsm_barrier_type_t;

/**
 * The barrier type that manuals of RSMAPI name as the one to use and that no
 * header of the original system defined.
 */
#ifndef RSM_BAR_DEFAULT
#define RSM_BAR_DEFAULT RSM_BARRIER_SEGMENT
#endif

/** One word of a driver's barrier; programs have no use for it. */
typedef union {
    uint64_t u64;
    int64_t i64;
    uint32_t u32[2];
    int32_t i32[2];
    uint16_t u16[4];
    int16_t i16[4];
    uint8_t u8[8];
    int8_t i8[8];
    uchar_t uc[8];
    char c[8];
    void *vp;
} rsm_barrier_component_t;

/** Barrier of an interconnect driver; programs use #rsmapi_barrier_t. */
typedef struct {
    rsm_barrier_component_t comp[4];
} rsm_barrier_t;

/**
 * @name Results of the library
 * rsmx_error_name() and rsmx_strerror() turn them into text.
 * @{
 */
#define RSM_SUCCESS 0 /**< done */

#define RSMERR_BAD_LIBRARY_VERSION       1 /**< versions do not fit together */
#define RSMERR_BAD_TOPOLOGY_PTR          2 /**< no place for the topology */
#define RSMERR_BAD_CTLR_HNDL             3 /**< not a controller handle */
#define RSMERR_CTLR_NOT_PRESENT          4 /**< no controller of this name */
#define RSMERR_BAD_SEG_HNDL              5 /**< not a handle of that kind */
#define RSMERR_SEG_ALREADY_PUBLISHED     6 /**< published already */
#define RSMERR_SEG_NOT_PUBLISHED         7 /**< no such published segment */
#define RSMERR_SEG_NOT_PUBLISHED_TO_NODE 8 /**< published, not to this node */
#define RSMERR_SEG_ALREADY_MAPPED        9 /**< the handle has a mapping */
#define RSMERR_SEG_STILL_MAPPED          10 /**< unmap it first */
#define RSMERR_SEG_NOT_MAPPED            11 /**< the handle has no mapping */
#define RSMERR_NOT_CREATOR               12 /**< another process created it */
#define RSMERR_BAD_BARRIER_PTR           13 /**< no barrier given */
#define RSMERR_BAD_SGIO                  14 /**< malformed request */
#define RSMERR_BAD_LOCALMEM_HNDL         15 /**< not a local memory handle */
#define RSMERR_BAD_ADDR                  16 /**< address missing or invalid */
#define RSMERR_BAD_MEM_ALIGNMENT         17 /**< not aligned as it has to be */
#define RSMERR_BAD_OFFSET                18 /**< offset outside the segment */
#define RSMERR_MISALIGNED_OFFSET         19 /**< not aligned; never returned */
#define RSMERR_BAD_LENGTH                20 /**< length zero or too large */
#define RSMERR_BAD_ACL                   21 /**< malformed access list */
#define RSMERR_BAD_SEGID                 22 /**< no place for the identifier */
#define RSMERR_RESERVED_SEGID            23 /**< identifier is reserved */
#define RSMERR_SEGID_IN_USE              24 /**< identifier is taken */
#define RSMERR_BAD_MODE                  25 /**< no such barrier mode */
#define RSMERR_BAD_PERMS                 26 /**< permissions beyond the grant */
#define RSMERR_PERM_DENIED               27 /**< access is not allowed */
#define RSMERR_LOCKS_NOT_SUPPORTED       28 /**< no lock segments */
#define RSMERR_LOCKS_NOT_ENABLED         29 /**< lock segments switched off */
#define RSMERR_REBIND_NOT_ALLOWED        30 /**< RSM_ALLOW_REBIND missing */
#define RSMERR_INSUFFICIENT_RESOURCES    31 /**< a limit has been reached */
#define RSMERR_INSUFFICIENT_MEM          32 /**< out of memory */
#define RSMERR_MAP_FAILED                33 /**< could not be mapped */
#define RSMERR_POLLFD_IN_USE             34 /**< poll descriptor not released */
#define RSMERR_BARRIER_UNINITIALIZED     35 /**< barrier not initialised */
#define RSMERR_BARRIER_OPEN_FAILED       36 /**< barrier could not be opened */
#define RSMERR_BARRIER_NOT_OPENED        37 /**< barrier is not open */
#define RSMERR_BARRIER_FAILURE           38 /**< a covered access failed */
#define RSMERR_REMOTE_NODE_UNREACHABLE   39 /**< node cannot be reached */
#define RSMERR_CONN_ABORTED              40 /**< connection was broken */
#define RSMERR_INTERRUPTED               41 /**< a signal was handled */
#define RSMERR_TIMEOUT                   42 /**< time ran out */
#define RSMERR_BAD_APPID                 43 /**< application is not listed */
#define RSMERR_BAD_CONF                  44 /**< configuration is malformed */
#define RSMERR_SEG_NOT_CONNECTED         45 /**< segment is not connected */
#define RSMERR_INTERNAL_ERROR            100 /**< the library failed */
/** @} */

/**
 * @name Results of interconnect drivers
 * Kept because they share the numbering. Programs meet only
 * #RSMERR_BAD_ARGS_ERRORS, from #rsm_intr_signal_wait_pollfd.
 * @{
 */
#define RSMERR_BAD_DRIVER_VERSION            101 /**< driver of other version */
#define RSMERR_UNSUPPORTED_VERSION           102 /**< version not supported */
#define RSMERR_DRIVER_NAME_IN_USE            103 /**< driver name is taken */
#define RSMERR_DRIVER_NOT_REGISTERED         104 /**< driver is unknown */
#define RSMERR_DRIVER_THREAD_RUNNING         105 /**< driver thread runs */
#define RSMERR_NEED_THREAD_INIT              106 /**< start the thread first */
#define RSMERR_THREAD_NOT_INITED             107 /**< thread was not started */
#define RSMERR_CTLRS_REGISTERED              108 /**< controllers remain */
#define RSMERR_CTLR_NOT_REGISTERED           109 /**< controller is unknown */
#define RSMERR_CTLR_ALREADY_REGISTERED       110 /**< controller is known */
#define RSMERR_CTLR_IN_USE                   111 /**< controller is in use */
#define RSMERR_NAME_TOO_LONG                 112 /**< name is too long */
#define RSMERR_SEG_PUBLISHED                 113 /**< segment is published */
#define RSMERR_SEG_NOT_PUBLISHED_TO_RSM_ADDR 114 /**< not to this address */
#define RSMERR_SEG_IN_USE                    115 /**< segment is in use */
#define RSMERR_BAD_SENDQ_HNDL                116 /**< not a send queue */
#define RSMERR_BAD_ARGS_ERRORS               117 /**< arguments make no sense */
#define RSMERR_BAD_MSTYPE                    118 /**< unknown kind of memory */
#define RSMERR_NO_BACKING_MEM                119 /**< no memory behind it */
#define RSMERR_NOT_MEM                       120 /**< this is not memory */
#define RSMERR_MEM_ALREADY_BOUND             121 /**< memory is bound */
#define RSMERR_MEM_NOT_BOUND                 122 /**< memory is not bound */
#define RSMERR_HANDLER_NOT_REGISTERED        123 /**< handler is unknown */
#define RSMERR_NO_HANDLER                    124 /**< there is no handler */
#define RSMERR_UNBIND_REBIND_NOT_ALLOWED     125 /**< memory stays bound */
#define RSMERR_CALLBACKS_NOT_SUPPORTED       126 /**< no call-backs */
#define RSMERR_UNSUPPORTED_OPERATION         127 /**< cannot do that */
#define RSMERR_RSM_ADDR_UNREACHABLE          128 /**< address out of reach */
#define RSMERR_UNKNOWN_RSM_ADDR              129 /**< address is unknown */
#define RSMERR_BAD_BARRIER_HNDL              130 /**< not a driver barrier */
#define RSMERR_COMM_ERR_MAYBE_DELIVERED      131 /**< lost, or the answer was */
#define RSMERR_COMM_ERR_NOT_DELIVERED        132 /**< message was lost */
#define RSMERR_QUEUE_FENCE_UP                133 /**< queue waits for a fence */
#define RSMERR_QUEUE_FULL                    134 /**< queue is full */
/** @} */

/** @} */

/* clang-format on */

#ifdef __cplusplus
}
#endif

#endif /* _SYS_RSM_RSM_COMMON_H */
