/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The Remote Shared Memory API.
 *
 * A process offers part of its memory to other processes, which read and write
 * it without its help. Sources written for the API of the same name on Solaris
 * compile unchanged.
 *
 * The usual course of things:
 *
 *     exporter                               importer
 *     rsm_get_controller                     rsm_get_controller
 *     rsm_memseg_export_create
 *     rsm_memseg_export_publish ...........> rsm_memseg_import_connect
 *                                            rsm_memseg_import_init_barrier
 *     (uses its memory)                      rsm_memseg_import_put, _get
 *     rsm_intr_signal_wait <................ rsm_intr_signal_post
 *                                            rsm_memseg_import_destroy_barrier
 *                                            rsm_memseg_import_disconnect
 *     rsm_memseg_export_unpublish
 *     rsm_memseg_export_destroy
 *     rsm_release_controller                 rsm_release_controller
 *
 * There is nothing to call at the beginning or at the end: the first call of a
 * process starts the library, and the end of the process stops it.
 *
 * Every function that can fail returns #RSM_SUCCESS or one of the results that
 * it lists, in the order in which the conditions are looked at, and writes its
 * output on success only unless it says otherwise. Each description answers
 * four questions under fixed headings: *completion*, when is the data there and
 * when may a buffer be reused; *ordering*, relative to what; *progress*, what
 * the other side has to do; *threads*, who may call. *Source* tells what comes
 * from the manual of the original system and what we decided.
 *
 * After fork() the child cannot use the library: functions that take a handle
 * of a segment or a controller fail as if it were none, those that change a
 * publication with #RSMERR_NOT_CREATOR, all others with
 * #RSMERR_INTERNAL_ERROR.
 *
 * The same is explained at more length in rsm_overview(7), rsm_ordering(7),
 * rsm_threads(7), rsm_errors(7) and in a page of section 3 for each function.
 */
#ifndef _RSMAPI_H
#define _RSMAPI_H

#include <poll.h>
#include <sys/param.h>
#include <sys/rsm/rsm_common.h>
#include <sys/rsm/rsmapi_common.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup rsm_controllers Controllers
 *
 * A controller is a way to other nodes. "ucx0" uses everything that UCX finds
 * on this host and is what nearly all programs want; "shm0", "tcp0" and "ib0",
 * where they exist, are limited to one kind of interconnect; "loopback" leads
 * to the own node only. Everything else is made through a controller, so
 * getting one comes first.
 * @{
 */

/**
 * Get a handle of a local interconnect controller.
 *
 * Looks for the controller called @p name: a type and a unit, such as "ucx0",
 * or "loopback". Without digits the unit is 0, and case does not count. Asking
 * again for the same controller gives the same handle once more; each success
 * needs one rsm_release_controller(). The first call of a process starts the
 * library.
 *
 * @param[in] name         name of the controller; NULL means "loopback"
 * @param[out] controller  the handle; written on success only
 *
 * @completion  The controller is ready for use when the call returns.
 * @ordering    None.
 * @progress    Never waits for another node.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the handle is in @p controller
 * @retval RSMERR_BAD_CTLR_HNDL        @p controller is NULL
 * @retval RSMERR_BAD_CONF             first call of the process: an RSM_*
 *                                     variable is malformed
 * @retval RSMERR_REMOTE_NODE_UNREACHABLE
 *                                     first call: a launcher is there, but it
 *                                     offers no PMIx server or refuses this
 *                                     process
 * @retval RSMERR_CTLR_NOT_PRESENT     this node has no controller of that name
 * @retval RSMERR_INSUFFICIENT_MEM     no memory
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     no file descriptor, thread or UCX
 *                                     transport to be had
 * @retval RSMERR_INTERNAL_ERROR       the process is a child of fork(), or has
 *                                     begun to exit
 *
 * @source      Manual page. NULL for "loopback" is what the original code does;
 *              aliases, the results of the first call and RSMERR_INTERNAL_ERROR
 *              are our decision.
 * @see         rsm_get_controller_attr(3), rsm_release_controller(3),
 *              rsm_get_interconnect_topology(3)
 */
int rsm_get_controller(char *name, rsmapi_controller_handle_t *controller);

/**
 * Ask what a controller can do.
 *
 * Copies page size, access widths and limits of the controller to @p attr. The
 * limits are never 0, so a program may compare its needs with them.
 *
 * @param[in] chdl   controller from rsm_get_controller()
 * @param[out] attr  the attributes; sizes in bytes, the rest counts
 *
 * @completion  The attributes are in @p attr when the call returns.
 * @ordering    None.
 * @progress    Needs nothing from other processes.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS           the attributes are in @p attr
 * @retval RSMERR_BAD_CTLR_HNDL  @p chdl is not a live controller handle
 * @retval RSMERR_BAD_ADDR       @p attr is NULL
 *
 * @source      Manual page. That the values are real ones is our decision.
 * @see         rsm_get_controller(3)
 */
int rsm_get_controller_attr(rsmapi_controller_handle_t chdl,
                            rsmapi_controller_attr_t *attr);

/**
 * Give one reference of a controller back.
 *
 * The last release makes the handle invalid. Segments made through the
 * controller and connections over it have to be given up before. The library
 * itself keeps running until the process ends.
 *
 * @param[in] controller  controller from rsm_get_controller()
 *
 * @completion  The reference is gone when the call returns.
 * @ordering    None.
 * @progress    Needs nothing from other processes.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS           one reference less
 * @retval RSMERR_BAD_CTLR_HNDL  @p controller is not a live controller handle
 *
 * @source      Manual page. Recognising NULL and stale handles is our decision.
 * @see         rsm_get_controller(3)
 */
int rsm_release_controller(rsmapi_controller_handle_t controller);
/** @} */

/**
 * @defgroup rsm_topology Topology and segment identifiers
 *
 * Programs find out here which node they are, how the controllers are called,
 * and where they lead. Which segments exist is not part of it: exporters and
 * importers agree on node and identifier by themselves. Connecting until the
 * result is no longer #RSMERR_SEG_NOT_PUBLISHED is the usual way to wait for an
 * exporter.
 * @{
 */

/** The one state of a link in which it can be used. */
#define RSM_CONNECTION_ACTIVE 3

/** Beginning of a topology. */
typedef struct rsm_topology_hdr {
    rsm_node_id_t local_nodeid; /**< this node */
    uint_t local_cntlr_count;   /**< controllers that follow */
} rsm_topology_hdr_t;

/* The arrays below have room for MAXNAMELEN characters. The number is written
 * out, so that a program with a MAXNAMELEN of its own sees the same layout. */

/** Beginning of the links of one controller. */
typedef struct rsm_connections_hdr {
    char cntlr_name[256];    /**< name for #rsm_get_controller */
    rsm_addr_t local_hwaddr; /**< its address */
    int remote_cntlr_count;  /**< links that follow */
} rsm_connections_hdr_t;

/** One link, named by the controller at its far end. */
typedef struct rsm_remote_cntlr {
    rsm_node_id_t remote_nodeid; /**< the node it leads to */
    char remote_cntlrname[256];  /**< name of the controller there */
    rsm_addr_t remote_hwaddr;    /**< its address */
    uint_t connection_state;     /**< #RSM_CONNECTION_ACTIVE, or not usable */
} rsm_remote_cntlr_t;

/** The links of one controller. */
typedef struct rsm_connection {
    rsm_connections_hdr_t hdr;          /**< says how many links follow */
    rsm_remote_cntlr_t remote_cntlr[1]; /**< hdr.remote_cntlr_count of them */
} rsm_connections_t;

/** A topology. */
typedef struct rsm_topology {
    rsm_topology_hdr_t topology_hdr;   /**< says how many pointers follow */
    rsm_connections_t *connections[1]; /**< one for each controller */
} rsm_topology_t;

/**
 * Take a snapshot of the controllers and of the nodes they lead to.
 *
 * Allocates a description of the local node, of its controllers except
 * "loopback", and for each controller of the remote controllers it has links
 * to. Links whose state is not #RSM_CONNECTION_ACTIVE must not be used. The
 * snapshot does not change; rsm_free_interconnect_topology() frees it.
 *
 * @param[out] topology_data  the snapshot; set to NULL when the call fails
 *
 * @completion  The snapshot is complete when the call returns.
 * @ordering    None.
 * @progress    Never waits for another node; a node counts as linked when the
 *              launcher placed it in the job and it has not been lost.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the snapshot is in @p topology_data
 * @retval RSMERR_BAD_TOPOLOGY_PTR     @p topology_data is NULL
 * @retval RSMERR_BAD_CONF             first call of the process: an RSM_*
 *                                     variable is malformed
 * @retval RSMERR_REMOTE_NODE_UNREACHABLE
 *                                     first call: a launcher is there, but it
 *                                     offers no PMIx server or refuses this
 *                                     process
 * @retval RSMERR_INSUFFICIENT_MEM     no memory
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     no file descriptor, thread or UCX
 *                                     transport to be had
 * @retval RSMERR_INTERNAL_ERROR       the process is a child of fork(), or has
 *                                     begun to exit
 *
 * @source      Manual page; the structures follow the original header. One node
 *              for each process of the job and the results of the first call
 *              are our decision.
 * @see         rsm_free_interconnect_topology(3), rsm_get_controller(3),
 *              rsm_overview(7)
 */
int rsm_get_interconnect_topology(rsm_topology_t **topology_data);

/**
 * Free a snapshot of the topology.
 *
 * All parts of the snapshot are freed together.
 *
 * @param[in] topology_data  from rsm_get_interconnect_topology(), or NULL
 *
 * @completion  The snapshot must not be touched any more once the call begins.
 * @ordering    None.
 * @progress    Needs nothing from other processes.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @source      Manual page. NULL is accepted as in the original code.
 * @see         rsm_get_interconnect_topology(3)
 */
void rsm_free_interconnect_topology(rsm_topology_t *topology_data);

/**
 * Look up the segment identifiers that are set aside for an application.
 *
 * Reads the file named by RSM_SEGMENTID_FILE (/etc/rsm/rsm.segmentid unless
 * set) and looks for a line about @p appid. The application may use @p baseid
 * and the @p length - 1 identifiers after it. The answer is advice: publishing
 * does not check it.
 *
 * @param[in] appid    name of the application; case does not count
 * @param[out] baseid  first identifier
 * @param[out] length  how many identifiers
 *
 * @completion  The answer is there when the call returns.
 * @ordering    None.
 * @progress    Needs nothing from other processes.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS            @p baseid and @p length are set
 * @retval RSMERR_BAD_ADDR        an argument is NULL
 * @retval RSMERR_BAD_CONF        the file cannot be read, or a line before the
 *                                one wanted, or that line itself, is malformed;
 *                                first call of the process: an RSM_* variable
 *                                is malformed
 * @retval RSMERR_BAD_APPID       the file says nothing about @p appid
 * @retval RSMERR_INTERNAL_ERROR  the process is a child of fork()
 *
 * @source      Manual page. Both keywords, "reserve" and "reserved", and the
 *              variable are our decision.
 * @see         rsm_memseg_export_publish(3), rsm_environment(7)
 */
int rsm_get_segmentid_range(const char *appid, rsm_memseg_id_t *baseid,
                            uint32_t *length);
/** @} */

/**
 * @defgroup rsm_export Exporting memory
 *
 * A segment is created over memory of the program, published to other nodes,
 * unpublished and destroyed. It is in one of two states:
 *
 *                 create                publish
 *       (none) -----------> created ---------------> published
 *                            |   ^                    |    |
 *                    destroy |   `----- unpublish ----'    | destroy
 *                            v                             v
 *                          (gone)                        (gone)
 *
 * Republish changes who may connect, rebind changes the memory; neither
 * disturbs connections. Unpublish, destroy and the end of the process cut
 * importers off: their next barrier or implicit access returns
 * #RSMERR_CONN_ABORTED, their mappings show pages that lead nowhere.
 * @{
 */

/**
 * Make a segment of memory of this process.
 *
 * Binds [@p vaddr, @p vaddr + @p size) to a new segment that nobody can import
 * before rsm_memseg_export_publish(). Contents stay as they are and the program
 * goes on using the memory by loads and stores. Private memory is moved to
 * shared pages while the call runs; what other threads write there meanwhile is
 * kept with the exceptions that rsm_threads(7) names.
 * The same memory may be part of several segments.
 *
 * @param[in] controller  controller to export through
 * @param[out] memseg     the segment
 * @param[in] vaddr       first byte, a multiple of the page size
 * @param[in] size        bytes, a multiple of the page size, not 0
 * @param[in] flags       0 or #RSM_ALLOW_REBIND, with or without
 *                        #RSM_CREATE_SEG_DONTWAIT; other bits are ignored
 *
 * @completion  The segment is ready to be published when the call returns.
 * @ordering    Stores made before the call are part of the segment's contents.
 * @progress    Needs nothing from other processes.
 * @threads     Safe from any thread; for other threads that write to the
 *              memory during the call see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the segment is in @p memseg
 * @retval RSMERR_BAD_CTLR_HNDL        @p controller is not a live controller
 *                                     handle
 * @retval RSMERR_BAD_SEG_HNDL         @p memseg is NULL
 * @retval RSMERR_BAD_ADDR             @p vaddr is NULL, part of the range is
 *                                     not mapped, or it holds the calling
 *                                     thread's stack
 * @retval RSMERR_BAD_LENGTH           @p size is 0 or above the controller's
 *                                     limit
 * @retval RSMERR_BAD_MEM_ALIGNMENT    @p vaddr or @p size is not a multiple of
 *                                     the page size, or the range begins or
 *                                     ends inside a huge page
 * @retval RSMERR_PERM_DENIED          part of the range is not both readable
 *                                     and writable
 * @retval RSMERR_INSUFFICIENT_MEM     no memory, or no room in /dev/shm
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     no file descriptor, or a limit has been
 *                                     reached
 *
 * @source      Manual page; the order of checks and RSMERR_BAD_MEM_ALIGNMENT
 *              for @p size follow the original code. What is done with the
 *              pages is our decision.
 * @see         rsm_memseg_export_publish(3), rsm_memseg_export_rebind(3),
 *              rsm_memseg_export_destroy(3)
 */
int rsm_memseg_export_create(rsmapi_controller_handle_t controller,
                             rsm_memseg_export_handle_t *memseg, void *vaddr,
                             size_t size, uint_t flags);

/**
 * Take a segment back for good.
 *
 * Unpublishes the segment if need be, cuts importers off, gives the program its
 * own private pages back with the present contents, and frees the handle.
 *
 * @param[in] memseg  segment in any state
 *
 * @completion  When the call returns no importer can change or see the memory
 *              any more, whatever it does. It takes at most RSM_FENCE_TIMEOUT
 *              longer when importers do not answer.
 * @ordering    Accesses that importers have completed before are in the memory;
 *              others may be there or not.
 * @progress    Asks importers' service threads, not their programs; does
 *              without those that are silent.
 * @threads     Safe from any thread, but no other thread may use the handle
 *              during the call; for those that write to the memory see
 *              rsm_threads(7).
 *
 * @retval RSM_SUCCESS           the segment is gone
 * @retval RSMERR_BAD_SEG_HNDL   @p memseg is not a live export handle of this
 *                               process
 * @retval RSMERR_POLLFD_IN_USE  a poll descriptor has not been released;
 *                               nothing has changed
 *
 * @source      Manual page. The bound on waiting and the fencing are our
 *              decision.
 * @see         rsm_memseg_export_create(3), rsm_memseg_export_unpublish(3)
 */
int rsm_memseg_export_destroy(rsm_memseg_export_handle_t memseg);

/**
 * Let other nodes import a segment.
 *
 * Makes the segment known under *@p segment_id on this node. An identifier of 0
 * asks the library for a free one from #RSM_USER_APP_ID_BASE on, which it
 * stores in *@p segment_id. The access list says which nodes may connect and
 * with what permissions; without a list every node may, with the permissions
 * 0777 less the umask that was in force when the segment was created.
 *
 * @param[in] memseg              segment that is not published
 * @param[in,out] segment_id      identifier wanted, 0x400000 to 0x7FFFFFFF, or
 *                                0
 * @param[in] access_list         rows of the list, copied; the first row about
 *                                a node counts
 * @param[in] access_list_length  number of rows; 0 without a list
 *
 * @completion  Other nodes can connect from the moment the call returns.
 * @ordering    Stores that the program made to the memory before the call are
 *              visible to every importer that connects.
 * @progress    Needs nothing from other processes. Never blocks.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the segment is published
 * @retval RSMERR_BAD_SEGID            @p segment_id is NULL
 * @retval RSMERR_BAD_SEG_HNDL         @p memseg is not a live export handle
 * @retval RSMERR_NOT_CREATOR          the process is a child of the one that
 *                                     created the segment
 * @retval RSMERR_BAD_ADDR             the list cannot be read
 * @retval RSMERR_BAD_ACL              the list is NULL and its length is not, a
 *                                     row names a node outside the job, a
 *                                     permission is above 0666, there are more
 *                                     rows than 65536 and than nodes;
 *                                     "loopback": more than one row or another
 *                                     node
 * @retval RSMERR_SEG_ALREADY_PUBLISHED
 *                                     the segment is published
 * @retval RSMERR_RESERVED_SEGID       the identifier is below 0x400000 or above
 *                                     0x7FFFFFFF, and not 0
 * @retval RSMERR_SEGID_IN_USE         this node has published another segment
 *                                     under the identifier
 * @retval RSMERR_INSUFFICIENT_MEM     no memory
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     no identifier is left, or a limit has
 *                                     been reached
 *
 * @source      Manual page; the range of identifiers follows the original code.
 *              That a list is bounded by the size of the job only is our
 *              decision.
 * @see         rsm_memseg_export_republish(3), rsm_memseg_export_unpublish(3),
 *              rsm_memseg_import_connect(3)
 */
int rsm_memseg_export_publish(rsm_memseg_export_handle_t memseg,
                              rsm_memseg_id_t *segment_id,
                              rsmapi_access_entry_t access_list[],
                              uint_t access_list_length);

/**
 * Replace the access list of a published segment.
 *
 * The new list decides about every connection made from now on. Connections
 * that exist keep what they were granted; the identifier stays.
 *
 * @param[in] memseg              published segment
 * @param[in] access_list         rows of the list, copied
 * @param[in] access_list_length  number of rows; 0 without a list
 *
 * @completion  The new list is in force when the call returns.
 * @ordering    None.
 * @progress    Needs nothing from other processes.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS               the list is in force
 * @retval RSMERR_BAD_SEG_HNDL       @p memseg is not a live export handle
 * @retval RSMERR_NOT_CREATOR        the process is a child of the one that
 *                                   created the segment
 * @retval RSMERR_SEG_NOT_PUBLISHED  the segment is not published
 * @retval RSMERR_BAD_ADDR             the list cannot be read
 * @retval RSMERR_BAD_ACL            the list is malformed, as for
 *                                   rsm_memseg_export_publish()
 * @retval RSMERR_INSUFFICIENT_MEM   no memory
 *
 * @source      Manual page.
 * @see         rsm_memseg_export_publish(3)
 */
int rsm_memseg_export_republish(rsm_memseg_export_handle_t memseg,
                                rsmapi_access_entry_t access_list[],
                                uint_t access_list_length);

/**
 * Take a segment back from its importers.
 *
 * Cuts every importer off and frees the identifier. The segment can be
 * published again, under any identifier; importers that were cut off stay so
 * and have to connect anew.
 *
 * @param[in] memseg  published segment
 *
 * @completion  When the call returns no importer can change or see the memory
 *              any more, whatever it does. It takes at most RSM_FENCE_TIMEOUT
 *              longer when importers do not answer.
 * @ordering    Accesses that importers have completed before are in the memory;
 *              others may be there or not, and their barriers report
 *              #RSMERR_CONN_ABORTED.
 * @progress    Asks importers' service threads, not their programs; does
 *              without those that are silent.
 * @threads     Safe from any thread; for other threads that write to the
 *              memory during the call see rsm_threads(7).
 *
 * @retval RSM_SUCCESS               the segment is not published any more
 * @retval RSMERR_BAD_SEG_HNDL       @p memseg is not a live export handle
 * @retval RSMERR_NOT_CREATOR        the process is a child of the one that
 *                                   created the segment
 * @retval RSMERR_SEG_NOT_PUBLISHED  the segment is not published
 *
 * @source      Manual page. Success in spite of poll descriptors, the bound on
 *              waiting and the fencing are our decision.
 * @see         rsm_memseg_export_publish(3), rsm_memseg_export_destroy(3)
 */
int rsm_memseg_export_unpublish(rsm_memseg_export_handle_t memseg);

/**
 * Put other memory behind a segment.
 *
 * From now on the segment consists of [@p vaddr, @p vaddr + @p size) with the
 * contents found there; nothing is copied from the old memory, which the
 * program gets back. Identifier, access list, connections and mappings go on.
 * What importers read or write during the call is undefined: keep them off.
 *
 * @param[in] memseg  segment made with #RSM_ALLOW_REBIND, published or not
 * @param[in] vaddr   first byte of the new memory, a multiple of the page size
 * @param[in] off     ignored
 * @param[in] size    bytes; just the size of the segment
 *
 * @completion  When the call returns accesses of importers reach the new memory
 *              only.
 * @ordering    None between the call and accesses of importers that run
 *              meanwhile.
 * @progress    Needs nothing from other processes.
 * @threads     Safe from any thread; for other threads that write to old or
 *              new memory during the call see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the new memory is in place
 * @retval RSMERR_BAD_SEG_HNDL         @p memseg is not a live export handle
 * @retval RSMERR_NOT_CREATOR          the process is a child of the one that
 *                                     created the segment
 * @retval RSMERR_BAD_ADDR             @p vaddr is NULL or not a multiple of the
 *                                     page size, part of the range is not
 *                                     mapped, or it holds the calling thread's
 *                                     stack
 * @retval RSMERR_REBIND_NOT_ALLOWED   the segment was made without
 *                                     #RSM_ALLOW_REBIND
 * @retval RSMERR_BAD_LENGTH           @p size is not the size of the segment
 * @retval RSMERR_BAD_MEM_ALIGNMENT    the range begins or ends inside a huge
 *                                     page
 * @retval RSMERR_PERM_DENIED          part of the range is not both readable
 *                                     and writable
 * @retval RSMERR_INSUFFICIENT_MEM     no memory, or no room in /dev/shm
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     no file descriptor, or importers see the
 *                                     old pages and cannot be shown the new
 *                                     ones: the memory is shared memory or part
 *                                     of another segment, too
 *
 * @source      Manual page; RSMERR_BAD_ADDR for a misaligned address follows
 *              the original code. Rebinding before publication is our decision.
 * @see         rsm_memseg_export_create(3)
 */
int rsm_memseg_export_rebind(rsm_memseg_export_handle_t memseg, void *vaddr,
                             offset_t off, size_t size);
/** @} */

/**
 * @defgroup rsm_import Connecting to segments
 *
 * An import handle is a connection to one segment with fixed permissions.
 * Once broken it never recovers, even if the exporter publishes again under
 * the same identifier: it has to be given up and connected anew.
 * @{
 */

/**
 * Connect to a segment of some node.
 *
 * Asks node @p node_id for its segment @p segment_id with the permissions @p
 * perm. The answer is all or nothing. Each connect gives a handle of its own,
 * in implicit barrier mode, without barrier, mapping or pending events. The own
 * node can be connected to.
 *
 * @param[in] controller  local controller with a link to the exporter's
 * @param[in] node_id     the exporting node
 * @param[in] segment_id  identifier of the segment there
 * @param[in] perm        #RSM_PERM_READ, #RSM_PERM_WRITE, #RSM_PERM_RDWR;
 *                        #RSM_PERM_NONE gives a handle good for events alone
 * @param[out] im_memseg  the connection; written on success only
 *
 * @completion  The segment can be accessed when the call returns.
 * @ordering    Stores that the exporter made before it published the segment
 *              are visible.
 * @progress    Needs nothing from the exporting program; its service thread
 *              answers. Waits at most RSM_TIMEOUT.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the connection is in @p im_memseg
 * @retval RSMERR_BAD_CTLR_HNDL        @p controller is not a live controller
 *                                     handle
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is NULL
 * @retval RSMERR_PERM_DENIED          @p perm has bits beyond 0600, or the
 *                                     access list does not grant all of them
 * @retval RSMERR_CTLR_NOT_PRESENT     "loopback" and another node
 * @retval RSMERR_REMOTE_NODE_UNREACHABLE
 *                                     the node is not in the job, its process
 *                                     has ended, the controller does not lead
 *                                     there, it runs another protocol version,
 *                                     or it did not answer in time
 * @retval RSMERR_SEG_NOT_PUBLISHED    the node has not published the segment,
 *                                     or has not started RSM so far
 * @retval RSMERR_SEG_NOT_PUBLISHED_TO_NODE
 *                                     the access list does not name this node,
 *                                     or the segment is one of another node's
 *                                     "loopback"
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter was lost, while the connection
 *                                     was made
 * @retval RSMERR_BAD_ADDR             the exporter has unmapped the memory
 *                                     since it made the segment
 * @retval RSMERR_INTERRUPTED          a signal was handled while waiting;
 *                                     nothing has changed
 * @retval RSMERR_INSUFFICIENT_MEM     no memory here or at the exporter
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     no file descriptor, or a limit has been
 *                                     reached, here or at the exporter
 * @retval RSMERR_INTERNAL_ERROR       the exporter's answer makes no sense
 *
 * @source      Manual page; RSMERR_PERM_DENIED for other bits and acceptance of
 *              0 follow the original code. The time limit is our decision.
 * @see         rsm_memseg_import_disconnect(3), rsm_memseg_export_publish(3),
 *              rsm_memseg_import_put(3)
 */
int rsm_memseg_import_connect(rsmapi_controller_handle_t controller,
                              rsm_node_id_t node_id, rsm_memseg_id_t segment_id,
                              rsm_permission_t perm,
                              rsm_memseg_import_handle_t *im_memseg);

/**
 * Give a connection up.
 *
 * Ends the connection and frees the handle. A handle whose connection was
 * broken has to be given up the same way. Barriers of the handle can only be
 * destroyed from then on.
 *
 * @param[in] im_memseg  connection without explicit mapping
 *
 * @completion  Puts that are not covered by a closed barrier may or may not
 *              arrive.
 * @ordering    None.
 * @progress    Never waits for the exporter.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS              the handle is gone
 * @retval RSMERR_BAD_SEG_HNDL      @p im_memseg is not a live import handle
 * @retval RSMERR_SEG_STILL_MAPPED  rsm_memseg_import_unmap() comes first
 * @retval RSMERR_POLLFD_IN_USE     a poll descriptor has not been released;
 *                                  nothing has changed
 *
 * @source      Manual page.
 * @see         rsm_memseg_import_connect(3), rsm_memseg_import_unmap(3)
 */
int rsm_memseg_import_disconnect(rsm_memseg_import_handle_t im_memseg);
/** @} */

/**
 * @defgroup rsm_access Reading and writing
 *
 * Offsets count bytes from the start of the segment, whatever the width of an
 * element; counts are elements. Local buffers are any memory and need no
 * preparation. In implicit mode, which a connection begins with, a barrier has
 * to be initialised once for the connection, and every call is complete when it
 * returns. In explicit mode the program puts barriers around its calls.
 * @{
 */

/**
 * Copy bytes from an imported segment.
 *
 * Reads @p rep_cnt elements of 8 bit each beginning @p offset bytes from the
 * segment's start. Nothing is swapped between byte orders. A count of 0 checks
 * the arguments and moves nothing.
 *
 * @param[in] im_memseg  connection with #RSM_PERM_READ
 * @param[in] offset     first byte to read, counted from the segment's start
 * @param[out] datap     where the elements go
 * @param[in] rep_cnt    number of elements
 *
 * @completion  When the call returns the data are in @p datap, in both barrier
 *              modes.
 * @ordering    Sees what this process has put through the same handle before.
 *              Otherwise unordered within a span.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the data are in @p datap
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_ADDR             @p datap is NULL
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost
 * @retval RSMERR_PERM_DENIED          the connection carries no permission to
 *                                     read
 * @retval RSMERR_BAD_OFFSET           @p offset is negative or past the end, or
 *                                     the range leaves an explicit mapping
 * @retval RSMERR_BAD_LENGTH           the range leaves the segment, or its size
 *                                     overflows
 * @retval RSMERR_BARRIER_UNINITIALIZED
 *                                     implicit mode, and the connection has no
 *                                     barrier
 * @retval RSMERR_BARRIER_FAILURE      the transfer failed or may have failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the transfer
 *                                     on
 *
 * @source      Manual page; alignment of @p offset follows the original code.
 *              Same-handle order and bounds errors are our decision.
 * @see         rsm_memseg_import_get(3), rsm_memseg_import_put8(3),
 *              rsm_ordering(7)
 */
int rsm_memseg_import_get8(rsm_memseg_import_handle_t im_memseg, off_t offset,
                           uint8_t *datap, ulong_t rep_cnt);

/**
 * Copy two-byte elements from an imported segment.
 *
 * Reads @p rep_cnt elements of 16 bit each beginning @p offset bytes from the
 * segment's start. No element is torn. Nothing is swapped between byte orders.
 * A count of 0 checks the arguments and moves nothing.
 *
 * @param[in] im_memseg  connection with #RSM_PERM_READ
 * @param[in] offset     first byte to read, counted from the segment's start; a
 *                       multiple of 2
 * @param[out] datap     where the elements go; a multiple of 2
 * @param[in] rep_cnt    number of elements
 *
 * @completion  When the call returns the data are in @p datap, in both barrier
 *              modes.
 * @ordering    Sees what this process has put through the same handle before.
 *              Otherwise unordered within a span.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the data are in @p datap
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_ADDR             @p datap is NULL
 * @retval RSMERR_BAD_MEM_ALIGNMENT    @p datap or @p offset is not a multiple
 *                                     of 2
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost
 * @retval RSMERR_PERM_DENIED          the connection carries no permission to
 *                                     read
 * @retval RSMERR_BAD_OFFSET           @p offset is negative or past the end, or
 *                                     the range leaves an explicit mapping
 * @retval RSMERR_BAD_LENGTH           the range leaves the segment, or its size
 *                                     overflows
 * @retval RSMERR_BARRIER_UNINITIALIZED
 *                                     implicit mode, and the connection has no
 *                                     barrier
 * @retval RSMERR_BARRIER_FAILURE      the transfer failed or may have failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the transfer
 *                                     on
 *
 * @source      Manual page; alignment of @p offset follows the original code.
 *              Same-handle order and bounds errors are our decision.
 * @see         rsm_memseg_import_get(3), rsm_memseg_import_put16(3),
 *              rsm_ordering(7)
 */
int rsm_memseg_import_get16(rsm_memseg_import_handle_t im_memseg, off_t offset,
                            uint16_t *datap, ulong_t rep_cnt);

/**
 * Copy four-byte elements from an imported segment.
 *
 * Reads @p rep_cnt elements of 32 bit each beginning @p offset bytes from the
 * segment's start. No element is torn. Nothing is swapped between byte orders.
 * A count of 0 checks the arguments and moves nothing.
 *
 * @param[in] im_memseg  connection with #RSM_PERM_READ
 * @param[in] offset     first byte to read, counted from the segment's start; a
 *                       multiple of 4
 * @param[out] datap     where the elements go; a multiple of 4
 * @param[in] rep_cnt    number of elements
 *
 * @completion  When the call returns the data are in @p datap, in both barrier
 *              modes.
 * @ordering    Sees what this process has put through the same handle before.
 *              Otherwise unordered within a span.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the data are in @p datap
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_ADDR             @p datap is NULL
 * @retval RSMERR_BAD_MEM_ALIGNMENT    @p datap or @p offset is not a multiple
 *                                     of 4
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost
 * @retval RSMERR_PERM_DENIED          the connection carries no permission to
 *                                     read
 * @retval RSMERR_BAD_OFFSET           @p offset is negative or past the end, or
 *                                     the range leaves an explicit mapping
 * @retval RSMERR_BAD_LENGTH           the range leaves the segment, or its size
 *                                     overflows
 * @retval RSMERR_BARRIER_UNINITIALIZED
 *                                     implicit mode, and the connection has no
 *                                     barrier
 * @retval RSMERR_BARRIER_FAILURE      the transfer failed or may have failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the transfer
 *                                     on
 *
 * @source      Manual page; alignment of @p offset follows the original code.
 *              Same-handle order and bounds errors are our decision.
 * @see         rsm_memseg_import_get(3), rsm_memseg_import_put32(3),
 *              rsm_ordering(7)
 */
int rsm_memseg_import_get32(rsm_memseg_import_handle_t im_memseg, off_t offset,
                            uint32_t *datap, ulong_t rep_cnt);

/**
 * Copy eight-byte elements from an imported segment.
 *
 * Reads @p rep_cnt elements of 64 bit each beginning @p offset bytes from the
 * segment's start. No element is torn. Nothing is swapped between byte orders.
 * A count of 0 checks the arguments and moves nothing.
 *
 * @param[in] im_memseg  connection with #RSM_PERM_READ
 * @param[in] offset     first byte to read, counted from the segment's start; a
 *                       multiple of 8
 * @param[out] datap     where the elements go; a multiple of 8
 * @param[in] rep_cnt    number of elements
 *
 * @completion  When the call returns the data are in @p datap, in both barrier
 *              modes.
 * @ordering    Sees what this process has put through the same handle before.
 *              Otherwise unordered within a span.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the data are in @p datap
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_ADDR             @p datap is NULL
 * @retval RSMERR_BAD_MEM_ALIGNMENT    @p datap or @p offset is not a multiple
 *                                     of 8
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost
 * @retval RSMERR_PERM_DENIED          the connection carries no permission to
 *                                     read
 * @retval RSMERR_BAD_OFFSET           @p offset is negative or past the end, or
 *                                     the range leaves an explicit mapping
 * @retval RSMERR_BAD_LENGTH           the range leaves the segment, or its size
 *                                     overflows
 * @retval RSMERR_BARRIER_UNINITIALIZED
 *                                     implicit mode, and the connection has no
 *                                     barrier
 * @retval RSMERR_BARRIER_FAILURE      the transfer failed or may have failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the transfer
 *                                     on
 *
 * @source      Manual page; alignment of @p offset follows the original code.
 *              Same-handle order and bounds errors are our decision.
 * @see         rsm_memseg_import_get(3), rsm_memseg_import_put64(3),
 *              rsm_ordering(7)
 */
int rsm_memseg_import_get64(rsm_memseg_import_handle_t im_memseg, off_t offset,
                            uint64_t *datap, ulong_t rep_cnt);

/**
 * Copy bytes from an imported segment to local memory.
 *
 * Reads @p length bytes beginning @p offset bytes from the segment's start. A
 * length of 0 checks the arguments and moves nothing.
 *
 * @param[in] im_memseg  connection with #RSM_PERM_READ
 * @param[in] offset     first byte to read, counted from the segment's start
 * @param[out] dst_addr  where the bytes go; any writable address will do
 * @param[in] length     how many bytes
 *
 * @completion  When the call returns the data are in @p dst_addr, in both
 *              barrier modes.
 * @ordering    Sees what this process has put through the same handle before.
 *              Otherwise unordered within a span.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the data are in @p dst_addr
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_ADDR             @p dst_addr is NULL
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost
 * @retval RSMERR_PERM_DENIED          the connection carries no permission to
 *                                     read
 * @retval RSMERR_BAD_OFFSET           @p offset is negative or past the end, or
 *                                     the range leaves an explicit mapping
 * @retval RSMERR_BAD_LENGTH           the range leaves the segment
 * @retval RSMERR_BARRIER_UNINITIALIZED
 *                                     implicit mode, and the connection has no
 *                                     barrier
 * @retval RSMERR_BARRIER_FAILURE      the transfer failed or may have failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the transfer
 *                                     on
 *
 * @source      Manual page. Same-handle order and bounds errors are our
 *              decision.
 * @see         rsm_memseg_import_getv(3), rsm_memseg_import_put(3),
 *              rsm_ordering(7)
 */
int rsm_memseg_import_get(rsm_memseg_import_handle_t im_memseg, off_t offset,
                          void *dst_addr, size_t length);

/**
 * Copy bytes into an imported segment.
 *
 * Writes @p rep_cnt elements of 8 bit each beginning @p offset bytes from the
 * segment's start. Nothing is swapped between byte orders. A count of 0 checks
 * the arguments and moves nothing.
 *
 * @param[in] im_memseg  connection with #RSM_PERM_WRITE
 * @param[in] offset     first byte to write, counted from the segment's start
 * @param[in] datap      the elements
 * @param[in] rep_cnt    number of elements
 *
 * @completion  When the call returns @p datap may be reused. In implicit mode
 *              the data are in the exporter's memory as well; in explicit mode
 *              they are there once a barrier around the call closes.
 * @ordering    Puts may land in any order unless an order or close barrier, or
 *              implicit mode, stands between them.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 done; in explicit mode: handed over
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_ADDR             @p datap is NULL
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost
 * @retval RSMERR_PERM_DENIED          the connection carries no permission to
 *                                     write
 * @retval RSMERR_BAD_OFFSET           @p offset is negative or past the end, or
 *                                     the range leaves an explicit mapping
 * @retval RSMERR_BAD_LENGTH           the range leaves the segment, or its size
 *                                     overflows
 * @retval RSMERR_BARRIER_UNINITIALIZED
 *                                     implicit mode, and the connection has no
 *                                     barrier
 * @retval RSMERR_BARRIER_FAILURE      the transfer failed or may have failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the transfer
 *                                     on
 *
 * @source      Manual page, whose prototype misprints @p datap; alignment of @p
 *              offset follows the original code. Bounds errors are our
 *              decision.
 * @see         rsm_memseg_import_put(3), rsm_memseg_import_get8(3),
 *              rsm_ordering(7)
 */
int rsm_memseg_import_put8(rsm_memseg_import_handle_t im_memseg, off_t offset,
                           uint8_t *datap, ulong_t rep_cnt);

/**
 * Copy two-byte elements into an imported segment.
 *
 * Writes @p rep_cnt elements of 16 bit each beginning @p offset bytes from the
 * segment's start. No element is torn. Nothing is swapped between byte orders.
 * A count of 0 checks the arguments and moves nothing.
 *
 * @param[in] im_memseg  connection with #RSM_PERM_WRITE
 * @param[in] offset     first byte to write, counted from the segment's start;
 *                       a multiple of 2
 * @param[in] datap      the elements; a multiple of 2
 * @param[in] rep_cnt    number of elements
 *
 * @completion  When the call returns @p datap may be reused. In implicit mode
 *              the data are in the exporter's memory as well; in explicit mode
 *              they are there once a barrier around the call closes.
 * @ordering    Puts may land in any order unless an order or close barrier, or
 *              implicit mode, stands between them.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 done; in explicit mode: handed over
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_ADDR             @p datap is NULL
 * @retval RSMERR_BAD_MEM_ALIGNMENT    @p datap or @p offset is not a multiple
 *                                     of 2
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost
 * @retval RSMERR_PERM_DENIED          the connection carries no permission to
 *                                     write
 * @retval RSMERR_BAD_OFFSET           @p offset is negative or past the end, or
 *                                     the range leaves an explicit mapping
 * @retval RSMERR_BAD_LENGTH           the range leaves the segment, or its size
 *                                     overflows
 * @retval RSMERR_BARRIER_UNINITIALIZED
 *                                     implicit mode, and the connection has no
 *                                     barrier
 * @retval RSMERR_BARRIER_FAILURE      the transfer failed or may have failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the transfer
 *                                     on
 *
 * @source      Manual page, whose prototype misprints @p datap; alignment of @p
 *              offset follows the original code. Bounds errors are our
 *              decision.
 * @see         rsm_memseg_import_put(3), rsm_memseg_import_get16(3),
 *              rsm_ordering(7)
 */
int rsm_memseg_import_put16(rsm_memseg_import_handle_t im_memseg, off_t offset,
                            uint16_t *datap, ulong_t rep_cnt);

/**
 * Copy four-byte elements into an imported segment.
 *
 * Writes @p rep_cnt elements of 32 bit each beginning @p offset bytes from the
 * segment's start. No element is torn. Nothing is swapped between byte orders.
 * A count of 0 checks the arguments and moves nothing.
 *
 * @param[in] im_memseg  connection with #RSM_PERM_WRITE
 * @param[in] offset     first byte to write, counted from the segment's start;
 *                       a multiple of 4
 * @param[in] datap      the elements; a multiple of 4
 * @param[in] rep_cnt    number of elements
 *
 * @completion  When the call returns @p datap may be reused. In implicit mode
 *              the data are in the exporter's memory as well; in explicit mode
 *              they are there once a barrier around the call closes.
 * @ordering    Puts may land in any order unless an order or close barrier, or
 *              implicit mode, stands between them.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 done; in explicit mode: handed over
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_ADDR             @p datap is NULL
 * @retval RSMERR_BAD_MEM_ALIGNMENT    @p datap or @p offset is not a multiple
 *                                     of 4
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost
 * @retval RSMERR_PERM_DENIED          the connection carries no permission to
 *                                     write
 * @retval RSMERR_BAD_OFFSET           @p offset is negative or past the end, or
 *                                     the range leaves an explicit mapping
 * @retval RSMERR_BAD_LENGTH           the range leaves the segment, or its size
 *                                     overflows
 * @retval RSMERR_BARRIER_UNINITIALIZED
 *                                     implicit mode, and the connection has no
 *                                     barrier
 * @retval RSMERR_BARRIER_FAILURE      the transfer failed or may have failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the transfer
 *                                     on
 *
 * @source      Manual page, whose prototype misprints @p datap; alignment of @p
 *              offset follows the original code. Bounds errors are our
 *              decision.
 * @see         rsm_memseg_import_put(3), rsm_memseg_import_get32(3),
 *              rsm_ordering(7)
 */
int rsm_memseg_import_put32(rsm_memseg_import_handle_t im_memseg, off_t offset,
                            uint32_t *datap, ulong_t rep_cnt);

/**
 * Copy eight-byte elements into an imported segment.
 *
 * Writes @p rep_cnt elements of 64 bit each beginning @p offset bytes from the
 * segment's start. No element is torn. Nothing is swapped between byte orders.
 * A count of 0 checks the arguments and moves nothing.
 *
 * @param[in] im_memseg  connection with #RSM_PERM_WRITE
 * @param[in] offset     first byte to write, counted from the segment's start;
 *                       a multiple of 8
 * @param[in] datap      the elements; a multiple of 8
 * @param[in] rep_cnt    number of elements
 *
 * @completion  When the call returns @p datap may be reused. In implicit mode
 *              the data are in the exporter's memory as well; in explicit mode
 *              they are there once a barrier around the call closes.
 * @ordering    Puts may land in any order unless an order or close barrier, or
 *              implicit mode, stands between them.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 done; in explicit mode: handed over
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_ADDR             @p datap is NULL
 * @retval RSMERR_BAD_MEM_ALIGNMENT    @p datap or @p offset is not a multiple
 *                                     of 8
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost
 * @retval RSMERR_PERM_DENIED          the connection carries no permission to
 *                                     write
 * @retval RSMERR_BAD_OFFSET           @p offset is negative or past the end, or
 *                                     the range leaves an explicit mapping
 * @retval RSMERR_BAD_LENGTH           the range leaves the segment, or its size
 *                                     overflows
 * @retval RSMERR_BARRIER_UNINITIALIZED
 *                                     implicit mode, and the connection has no
 *                                     barrier
 * @retval RSMERR_BARRIER_FAILURE      the transfer failed or may have failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the transfer
 *                                     on
 *
 * @source      Manual page, whose prototype misprints @p datap; alignment of @p
 *              offset follows the original code. Bounds errors are our
 *              decision.
 * @see         rsm_memseg_import_put(3), rsm_memseg_import_get64(3),
 *              rsm_ordering(7)
 */
int rsm_memseg_import_put64(rsm_memseg_import_handle_t im_memseg, off_t offset,
                            uint64_t *datap, ulong_t rep_cnt);

/**
 * Copy bytes from local memory into an imported segment.
 *
 * Writes @p length bytes taken from @p src_addr beginning @p offset bytes from
 * the segment's start. The segment does not have to be mapped. A length of 0
 * checks the arguments and moves nothing.
 *
 * @param[in] im_memseg  connection with #RSM_PERM_WRITE
 * @param[in] offset     first byte to write, counted from the segment's start
 * @param[in] src_addr   where the bytes are; any readable address will do
 * @param[in] length     how many bytes
 *
 * @completion  When the call returns @p src_addr may be reused. In implicit
 *              mode the data are in the exporter's memory as well; in explicit
 *              mode they are there once a barrier around the call closes.
 * @ordering    Puts may land in any order unless an order or close barrier, or
 *              implicit mode, stands between them.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 done; in explicit mode: handed over
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_ADDR             @p src_addr is NULL
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost
 * @retval RSMERR_PERM_DENIED          the connection carries no permission to
 *                                     write
 * @retval RSMERR_BAD_OFFSET           @p offset is negative or past the end, or
 *                                     the range leaves an explicit mapping
 * @retval RSMERR_BAD_LENGTH           the range leaves the segment
 * @retval RSMERR_BARRIER_UNINITIALIZED
 *                                     implicit mode, and the connection has no
 *                                     barrier
 * @retval RSMERR_BARRIER_FAILURE      the transfer failed or may have failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the transfer
 *                                     on
 *
 * @source      Manual page. Bounds errors are our decision.
 * @see         rsm_memseg_import_putv(3), rsm_memseg_import_get(3),
 *              rsm_memseg_import_close_barrier(3)
 */
int rsm_memseg_import_put(rsm_memseg_import_handle_t im_memseg, off_t offset,
                          void *src_addr, size_t length);
/** @} */

/**
 * @defgroup rsm_vector Scatter-gather
 *
 * One call moves up to #RSM_MAX_SGIOREQS pieces between local memory and one
 * segment. Pieces name local memory by address or by a handle made beforehand.
 * @{
 */

/**
 * Copy several pieces of local memory into an imported segment.
 *
 * Moves each piece of the list to the segment, in the order of the list. With
 * #RSM_IMPLICIT_SIGPOST in the flags the exporter gets one event after
 * everything has arrived; a failure of that event becomes the result.
 * `io_residual_count` is set in every case in which @p sg_io is not NULL: the
 * number of pieces that are not complete.
 *
 * @param[in,out] sg_io  the request: 1 to #RSM_MAX_SGIOREQS pieces and one
 *                       imported segment
 *
 * @completion  When the call returns the local memory may be reused. In
 *              implicit mode the data are in the exporter's memory as well; in
 *              explicit mode they are there once a barrier around the call
 *              closes, or at once if an event was asked for.
 * @ordering    In implicit mode the pieces arrive in the order of the list, and
 *              the first failure ends it; a piece that is not known to have
 *              arrived counts as not complete. In explicit mode pieces are
 *              unordered; the event never overtakes them.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 all pieces were moved,
 *                                     `io_residual_count` is 0
 * @retval RSMERR_BAD_SGIO             @p sg_io or its list is NULL, the number
 *                                     of pieces is not 1 to 16, a piece is of
 *                                     neither kind or names no live local
 *                                     memory handle
 * @retval RSMERR_BAD_SEG_HNDL         `remote_handle` is not a live import
 *                                     handle
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost
 * @retval RSMERR_PERM_DENIED          the connection carries no permission to
 *                                     write
 * @retval RSMERR_BAD_ADDR             the local address of a piece is NULL
 * @retval RSMERR_BAD_OFFSET           a piece begins past the end of the
 *                                     segment or leaves an explicit mapping
 * @retval RSMERR_BAD_LENGTH           a piece leaves the segment or its local
 *                                     memory handle, or its size overflows
 * @retval RSMERR_BARRIER_FAILURE      a transfer failed or may have failed
 * @retval RSMERR_REMOTE_NODE_UNREACHABLE
 *                                     the event could not be sent
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the transfer
 *                                     on
 *
 * @source      Manual page. An exact residual count in every case and the
 *              checks of each piece are our decision, as is that no barrier has
 *              to be initialised.
 * @see         rsm_create_localmemory_handle(3), rsm_memseg_import_put(3),
 *              rsm_intr_signal_post(3)
 */
int rsm_memseg_import_putv(rsm_scat_gath_t *sg_io);

/**
 * Copy several pieces of an imported segment to local memory.
 *
 * Moves each piece of the list from the segment, in the order of the list. With
 * #RSM_IMPLICIT_SIGPOST in the flags the exporter gets one event after
 * everything has arrived; a failure of that event becomes the result.
 * `io_residual_count` is set in every case in which @p sg_io is not NULL: the
 * number of pieces that are not complete.
 *
 * @param[in,out] sg_io  the request: 1 to #RSM_MAX_SGIOREQS pieces and one
 *                       imported segment
 *
 * @completion  When the call returns the data are in the local memory, in both
 *              barrier modes.
 * @ordering    In implicit mode the pieces are moved in the order of the list,
 *              and the first failure ends it. In explicit mode pieces are
 *              unordered; the event never overtakes them.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 all pieces were moved,
 *                                     `io_residual_count` is 0
 * @retval RSMERR_BAD_SGIO             @p sg_io or its list is NULL, the number
 *                                     of pieces is not 1 to 16, a piece is of
 *                                     neither kind or names no live local
 *                                     memory handle
 * @retval RSMERR_BAD_SEG_HNDL         `remote_handle` is not a live import
 *                                     handle
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost
 * @retval RSMERR_PERM_DENIED          the connection carries no permission to
 *                                     read
 * @retval RSMERR_BAD_ADDR             the local address of a piece is NULL
 * @retval RSMERR_BAD_OFFSET           a piece begins past the end of the
 *                                     segment or leaves an explicit mapping
 * @retval RSMERR_BAD_LENGTH           a piece leaves the segment or its local
 *                                     memory handle, or its size overflows
 * @retval RSMERR_BARRIER_FAILURE      a transfer failed or may have failed
 * @retval RSMERR_REMOTE_NODE_UNREACHABLE
 *                                     the event could not be sent
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the transfer
 *                                     on
 *
 * @source      Manual page. An exact residual count in every case and the
 *              checks of each piece are our decision, as is that no barrier has
 *              to be initialised.
 * @see         rsm_create_localmemory_handle(3), rsm_memseg_import_get(3),
 *              rsm_intr_signal_post(3)
 */
int rsm_memseg_import_getv(rsm_scat_gath_t *sg_io);

/**
 * Prepare local memory for repeated scatter-gather requests.
 *
 * Gives [@p local_vaddr, @p local_vaddr + @p length) a handle for pieces of
 * type #RSM_HANDLE_TYPE. The memory has to stay mapped as long as the handle
 * lives.
 *
 * @param[in] handle       controller the requests will go through
 * @param[out] l_handle    the local memory handle
 * @param[in] local_vaddr  first byte, a multiple of the page size
 * @param[in] length       bytes, not 0
 *
 * @completion  The handle can be used when the call returns.
 * @ordering    None.
 * @progress    Needs nothing from other processes.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS               the handle is in @p l_handle
 * @retval RSMERR_BAD_ADDR           @p local_vaddr is NULL, not a multiple of
 *                                   the page size, or not mapped
 * @retval RSMERR_BAD_CTLR_HNDL      @p handle is not a live controller handle
 * @retval RSMERR_BAD_LOCALMEM_HNDL  @p l_handle is NULL
 * @retval RSMERR_BAD_LENGTH         @p length is 0, or the range overflows
 * @retval RSMERR_INSUFFICIENT_MEM   no memory
 *
 * @source      Manual page; the order of checks follows the original code.
 * @see         rsm_free_localmemory_handle(3), rsm_memseg_import_putv(3)
 */
int rsm_create_localmemory_handle(rsmapi_controller_handle_t handle,
                                  rsm_localmemory_handle_t *l_handle,
                                  caddr_t local_vaddr, size_t length);

/**
 * Give a local memory handle up.
 *
 * The memory itself is the program's and stays as it is. No request may be
 * using the handle.
 *
 * @param[in] handle    controller the handle was made with
 * @param[in] l_handle  the local memory handle
 *
 * @completion  The handle is invalid when the call returns.
 * @ordering    None.
 * @progress    Needs nothing from other processes.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS               the handle is gone
 * @retval RSMERR_BAD_CTLR_HNDL      @p handle is not a live controller handle
 * @retval RSMERR_BAD_LOCALMEM_HNDL  @p l_handle is not a live local memory
 *                                   handle
 *
 * @source      Manual page.
 * @see         rsm_create_localmemory_handle(3)
 */
int rsm_free_localmemory_handle(rsmapi_controller_handle_t handle,
                                rsm_localmemory_handle_t l_handle);
/** @} */

/**
 * @defgroup rsm_mapping Mapping
 *
 * Loads and stores in place of get and put, where the exporter runs on the same
 * host. A program that is to run everywhere falls back to get and put when it
 * meets #RSMERR_MAP_FAILED.
 * @{
 */

/**
 * Map an imported segment for loads and stores.
 *
 * Works where the exporter's pages can be shared, which is on one host;
 * elsewhere the result is #RSMERR_MAP_FAILED and the program should use get and
 * put. A connection has one mapping at most, and while it exists get and put
 * are limited to its range.
 *
 * @param[in] im_memseg    connection
 * @param[in,out] address  where the mapping is; on entry a wish, with
 *                         #RSM_MAP_FIXED an order (a multiple of the page size)
 * @param[in] attr         #RSM_MAP_NONE or #RSM_MAP_FIXED; #RSM_MAP_RESERVED is
 *                         ignored
 * @param[in] perm         #RSM_PERM_READ, #RSM_PERM_WRITE or #RSM_PERM_RDWR,
 *                         within what connect granted
 * @param[in] offset       first byte of the segment, a multiple of the page
 *                         size
 * @param[in] length       bytes, not 0
 *
 * @completion  Stores are in the exporter's memory as soon as they are
 *              performed; a barrier's success says that they arrived there and
 *              nowhere else.
 * @ordering    That of the processor; order and close barriers are full fences.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                the mapping begins at *@p address
 * @retval RSMERR_BAD_SEG_HNDL        @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_ADDR            @p address is NULL
 * @retval RSMERR_SEG_ALREADY_MAPPED  the connection has a mapping
 * @retval RSMERR_CONN_ABORTED        the segment was withdrawn, or the exporter
 *                                    is lost
 * @retval RSMERR_BAD_PERMS           @p perm is none of the three, or more than
 *                                    connect granted
 * @retval RSMERR_BAD_LENGTH          @p length is 0, or the range leaves the
 *                                    segment
 * @retval RSMERR_BAD_OFFSET          @p offset is negative or past the end
 * @retval RSMERR_BAD_MEM_ALIGNMENT   @p offset, or *@p address with
 *                                    #RSM_MAP_FIXED, is not a multiple of the
 *                                    page size
 * @retval RSMERR_MAP_FAILED          the segment is not reachable by loads and
 *                                    stores, or the system refused
 *
 * @source      Manual page. Mapping after get and put, and which segments can
 *              be mapped, are our decision.
 * @see         rsm_memseg_import_unmap(3), rsm_memseg_import_connect(3),
 *              rsm_ordering(7)
 */
int rsm_memseg_import_map(rsm_memseg_import_handle_t im_memseg, void **address,
                          rsm_attribute_t attr, rsm_permission_t perm,
                          off_t offset, size_t length);

/**
 * Remove the mapping of an imported segment.
 *
 * The connection stays, and get and put reach the whole segment again. Works on
 * a connection that was broken, too.
 *
 * @param[in] im_memseg  connection with a mapping
 *
 * @completion  The range must not be touched any more once the call begins.
 * @ordering    None.
 * @progress    Needs nothing from other processes.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS            the mapping is gone
 * @retval RSMERR_BAD_SEG_HNDL    @p im_memseg is not a live import handle
 * @retval RSMERR_SEG_NOT_MAPPED  the connection has no mapping
 *
 * @source      Manual page. RSMERR_SEG_NOT_MAPPED follows the original code;
 *              success in spite of poll descriptors is our decision.
 * @see         rsm_memseg_import_map(3)
 */
int rsm_memseg_import_unmap(rsm_memseg_import_handle_t im_memseg);
/** @} */

/**
 * @defgroup rsm_barriers Barriers
 *
 * A barrier is a span of time: open, accesses, close. Close waits for the
 * accesses and says whether all of them arrived; order keeps those before it
 * ahead of those after it. A barrier is an object of the program, tied to one
 * connection when it is initialised:
 *
 *      init          open             close
 *     -----> closed ------> open ------------> closed ... destroy
 *                           |  ^
 *                           `--' order
 *
 * A conforming program initialises at least one barrier on each connection,
 * since the implicit mode works with it.
 * @{
 */

/**
 * Choose who says when accesses are complete.
 *
 * In #RSM_BARRIER_MODE_IMPLICIT, the mode of a new connection, each call
 * completes before it returns and reports its failure itself. In
 * #RSM_BARRIER_MODE_EXPLICIT the program opens and closes barriers around its
 * calls.
 *
 * @param[in] im_memseg  connection
 * @param[in] mode       the mode from the next call on
 *
 * @completion  The mode holds for calls that begin after this one returned.
 * @ordering    None; it completes no access.
 * @progress    Needs nothing from other processes.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS          the mode is in force
 * @retval RSMERR_BAD_SEG_HNDL  @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_MODE      @p mode is neither
 *
 * @source      Manual page. RSMERR_BAD_MODE follows the original code.
 * @see         rsm_memseg_import_get_mode(3),
 *              rsm_memseg_import_open_barrier(3), rsm_ordering(7)
 */
int rsm_memseg_import_set_mode(rsm_memseg_import_handle_t im_memseg,
                               rsm_barrier_mode_t mode);

/**
 * Ask for the barrier mode of a connection.
 *
 * Works on a connection that was broken, too.
 *
 * @param[in] im_memseg  connection
 * @param[out] mode      its mode
 *
 * @completion  The answer is there when the call returns.
 * @ordering    None.
 * @progress    Needs nothing from other processes.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS          the mode is in @p mode
 * @retval RSMERR_BAD_SEG_HNDL  @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_ADDR      @p mode is NULL
 *
 * @source      Manual page. RSMERR_BAD_ADDR is our decision.
 * @see         rsm_memseg_import_set_mode(3)
 */
int rsm_memseg_import_get_mode(rsm_memseg_import_handle_t im_memseg,
                               rsm_barrier_mode_t *mode);

/**
 * Tie a barrier to a connection.
 *
 * A connection may have any number of barriers. The one initialised last also
 * serves its implicit mode, in which get and put fail with
 * #RSMERR_BARRIER_UNINITIALIZED as long as there is none.
 *
 * @param[in] im_memseg  connection
 * @param[in] type       #RSM_BAR_DEFAULT; every value gives the same barrier
 * @param[out] barrier   memory of the program, which must not be moved or
 *                       copied before rsm_memseg_import_destroy_barrier()
 *
 * @completion  The barrier can be opened when the call returns.
 * @ordering    None.
 * @progress    Needs nothing from other processes.
 * @threads     Safe from any thread; one barrier is for one thread at a time.
 *
 * @retval RSM_SUCCESS              the barrier is initialised and not open
 * @retval RSMERR_BAD_SEG_HNDL      @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_BARRIER_PTR   @p barrier is NULL
 * @retval RSMERR_INSUFFICIENT_MEM  no memory
 *
 * @source      Manual page; disregard of @p type follows the original code.
 * @see         rsm_memseg_import_open_barrier(3),
 *              rsm_memseg_import_destroy_barrier(3)
 */
int rsm_memseg_import_init_barrier(rsm_memseg_import_handle_t im_memseg,
                                   rsm_barrier_type_t type,
                                   rsmapi_barrier_t *barrier);

/**
 * Begin a span of accesses.
 *
 * Everything that this process does through the connection until
 * rsm_memseg_import_close_barrier() belongs to the span, by whichever thread
 * and including stores through a mapping. Opening an open barrier begins the
 * span anew.
 *
 * @param[in] barrier  initialised barrier
 *
 * @completion  The span begins when the call returns. A broken connection is
 *              not reported here but by close.
 * @ordering    None.
 * @progress    Needs nothing from other processes.
 * @threads     Safe from any thread; one barrier is for one thread at a time.
 *
 * @retval RSM_SUCCESS                 the barrier is open
 * @retval RSMERR_BAD_BARRIER_PTR      @p barrier is NULL
 * @retval RSMERR_BARRIER_UNINITIALIZED
 *                                     @p barrier has not been initialised, or
 *                                     has been destroyed
 * @retval RSMERR_BAD_SEG_HNDL         the connection has been given up
 *
 * @source      Manual page. RSMERR_BARRIER_UNINITIALIZED follows the original
 *              code.
 * @see         rsm_memseg_import_close_barrier(3),
 *              rsm_memseg_import_order_barrier(3)
 */
int rsm_memseg_import_open_barrier(rsmapi_barrier_t *barrier);

/**
 * Order the accesses of a span.
 *
 * Writes of the span made before the call are in the exporter's memory before
 * anything that comes after it takes effect. The span stays open.
 *
 * @param[in] barrier  open barrier
 *
 * @completion  Not promised before close; what the call promises is order.
 * @ordering    Earlier writes come before later reads and writes through the
 *              connection.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; one barrier is for one thread at a time.
 *
 * @retval RSM_SUCCESS                 order is kept
 * @retval RSMERR_BAD_BARRIER_PTR      @p barrier is NULL
 * @retval RSMERR_BARRIER_UNINITIALIZED
 *                                     @p barrier has not been initialised, or
 *                                     has been destroyed
 * @retval RSMERR_BAD_SEG_HNDL         the connection has been given up
 * @retval RSMERR_BARRIER_NOT_OPENED   @p barrier is not open
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter was lost, since connect
 * @retval RSMERR_BARRIER_FAILURE      an access failed or may have failed; the
 *                                     whole span has to be done again
 *
 * @source      Manual page. RSMERR_CONN_ABORTED in every case of a broken
 *              connection is our decision.
 * @see         rsm_memseg_import_close_barrier(3), rsm_ordering(7)
 */
int rsm_memseg_import_order_barrier(rsmapi_barrier_t *barrier);

/**
 * End a span and learn whether its accesses arrived.
 *
 * Waits until every access of the span is complete at the exporter. Success
 * means that the exporter was alive, connected and had not withdrawn the
 * segment at an instant after the last of them was complete. The barrier is
 * closed in any case; after a failure of the span the program does all of it
 * again.
 *
 * @param[in] barrier  open barrier
 *
 * @completion  When the call succeeds all puts of the span are in the
 *              exporter's memory.
 * @ordering    Everything before the call comes before everything after it.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work. Waits at most RSM_TIMEOUT.
 * @threads     Safe from any thread; one barrier is for one thread at a time.
 *
 * @retval RSM_SUCCESS                 every access of the span is complete
 * @retval RSMERR_BAD_BARRIER_PTR      @p barrier is NULL
 * @retval RSMERR_BARRIER_UNINITIALIZED
 *                                     @p barrier has not been initialised, or
 *                                     has been destroyed
 * @retval RSMERR_BAD_SEG_HNDL         the connection has been given up
 * @retval RSMERR_BARRIER_NOT_OPENED   @p barrier is not open
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter was lost, since connect
 * @retval RSMERR_BARRIER_FAILURE      an access failed or may have failed; the
 *                                     whole span has to be done again
 *
 * @source      Manual page. The instant that success speaks of is our decision.
 * @see         rsm_memseg_import_open_barrier(3), rsm_ordering(7)
 */
int rsm_memseg_import_close_barrier(rsmapi_barrier_t *barrier);

/**
 * Give a barrier up.
 *
 * If the barrier served the implicit mode of its connection, another one of the
 * connection takes over if there is one. The memory may be reused afterwards.
 *
 * @param[in] barrier  initialised barrier, open or not
 *
 * @completion  Completes no access.
 * @ordering    None.
 * @progress    Needs nothing from other processes.
 * @threads     Safe from any thread; one barrier is for one thread at a time.
 *
 * @retval RSM_SUCCESS                 the barrier is gone
 * @retval RSMERR_BAD_BARRIER_PTR      @p barrier is NULL
 * @retval RSMERR_BARRIER_UNINITIALIZED
 *                                     @p barrier has not been initialised, or
 *                                     has been destroyed
 * @retval RSMERR_BAD_SEG_HNDL         the connection has been given up; the
 *                                     barrier is gone nevertheless
 *
 * @source      Manual page. Which barrier serves the implicit mode afterwards
 *              is our decision.
 * @see         rsm_memseg_import_init_barrier(3)
 */
int rsm_memseg_import_destroy_barrier(rsmapi_barrier_t *barrier);
/** @} */

/**
 * @defgroup rsm_events Events
 *
 * An event is a tap on the shoulder without contents: importers post to the
 * exporter, the exporter posts to all importers. Each handle counts the events
 * posted to it until they are taken one by one.
 * @{
 */

/**
 * Post an event to the other side of a segment.
 *
 * Through an import handle one event goes to the exported segment; through an
 * export handle one goes to each import handle connected to it. With
 * #RSM_SIGPOST_NO_ACCUMULATE the event is dropped where another one is pending.
 *
 * @param[in] memseg  import or export handle, converted to a pointer to void
 * @param[in] flags   0 or #RSM_SIGPOST_NO_ACCUMULATE
 *
 * @completion  The event is on its way when the call returns; whether somebody
 *              waits for it does not matter.
 * @ordering    Does not overtake data that this process completed before:
 *              implicit puts, closed barriers.
 * @progress    Needs nothing from the other program; its service thread counts
 *              the event.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the event is on its way; export handle:
 *                                     or there is no importer
 * @retval RSMERR_BAD_SEG_HNDL         @p memseg is neither a live import nor a
 *                                     live export handle
 * @retval RSMERR_CONN_ABORTED         import handle: the segment was withdrawn,
 *                                     or the exporter is lost
 * @retval RSMERR_REMOTE_NODE_UNREACHABLE
 *                                     import handle: the event could not be
 *                                     sent
 *
 * @source      Manual page. One event for each import handle and
 *              RSMERR_CONN_ABORTED for a withdrawn segment are our decision.
 * @see         rsm_intr_signal_wait(3), rsm_intr_signal_wait_pollfd(3)
 */
int rsm_intr_signal_post(void *memseg, uint_t flags);

/**
 * Wait for an event and take it.
 *
 * Each handle counts its own events; events posted before the call count.
 * Several threads may wait: each event serves one of them. A broken connection
 * does not end the wait.
 *
 * @param[in] memseg   import or export handle in any state, converted to a
 *                     pointer to void
 * @param[in] timeout  milliseconds; -1 waits without end, 0 does not wait
 *
 * @completion  One event less is pending when the call succeeds.
 * @ordering    What the poster completed before it posted is visible.
 * @progress    The wait ends by itself; the poster needs no answer.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 an event was taken
 * @retval RSMERR_BAD_SEG_HNDL         @p memseg is neither a live import nor a
 *                                     live export handle, or was given up
 *                                     during the wait
 * @retval RSMERR_TIMEOUT              no event came in time
 * @retval RSMERR_INTERRUPTED          a signal was handled while waiting
 * @retval RSMERR_INSUFFICIENT_MEM     no memory to wait with
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     no file descriptor to wait with
 *
 * @source      Manual page. That a thread which loses a race for an event goes
 *              on waiting is our decision.
 * @see         rsm_intr_signal_post(3), rsm_intr_signal_wait_pollfd(3)
 */
int rsm_intr_signal_wait(void *memseg, int timeout);

/**
 * Wait for events of several segments and for other descriptors.
 *
 * Works like poll(2), and takes one event of each segment whose descriptor is
 * ready. The descriptors come from rsm_memseg_get_pollfd() or are any others.
 *
 * @param[in,out] fds   descriptors; `revents` is set in each
 * @param[in] nfds      number of descriptors
 * @param[in] timeout   milliseconds; -1 waits without end, 0 does not wait
 * @param[out] numfdsp  number of descriptors that are ready, or NULL
 *
 * @completion  One event of each segment reported ready has been taken.
 * @ordering    What a poster completed before it posted is visible.
 * @progress    The wait ends by itself; posters need no answer.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 at least one descriptor is ready
 * @retval RSMERR_TIMEOUT              none became ready in time
 * @retval RSMERR_BAD_ARGS_ERRORS      poll(2) refuses the arguments: more
 *                                     descriptors than the process may have
 * @retval RSMERR_BAD_ADDR             @p fds is not a valid address
 * @retval RSMERR_INTERRUPTED          a signal was handled while waiting
 * @retval RSMERR_INSUFFICIENT_MEM     no memory
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the kernel asks to try again later
 * @retval RSMERR_INTERNAL_ERROR       the process is a child of fork()
 *
 * @source      Manual page. RSMERR_INTERNAL_ERROR is our decision.
 * @see         rsm_memseg_get_pollfd(3), rsm_intr_signal_wait(3), poll(2)
 */
int rsm_intr_signal_wait_pollfd(struct pollfd fds[], nfds_t nfds, int timeout,
                                int *numfdsp);

/**
 * Get a descriptor that says whether events are pending.
 *
 * Sets `fd` and `events` (to POLLRDNORM) and leaves `revents` alone. Every call
 * for a handle gives the same descriptor; each needs one
 * rsm_memseg_release_pollfd(), before which the segment can be neither
 * destroyed nor disconnected. The descriptor works with poll(2) and epoll(7),
 * which take no event. It must not be read, written or closed.
 *
 * @param[in] memseg   import or export handle, converted to a pointer to void
 * @param[out] pollfd  the descriptor and the event to wait for
 *
 * @completion  The descriptor is ready as long as an event is pending.
 * @ordering    None.
 * @progress    Needs nothing from other processes.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS              @p pollfd is set
 * @retval RSMERR_BAD_SEG_HNDL      @p memseg is neither a live import nor a
 *                                  live export handle
 * @retval RSMERR_BAD_ADDR          @p pollfd is NULL
 * @retval RSMERR_INSUFFICIENT_MEM  no memory, or no file descriptor
 *
 * @source      Manual page. Plain poll(2), unpublished segments and
 *              RSMERR_BAD_ADDR are our decision.
 * @see         rsm_memseg_release_pollfd(3), rsm_intr_signal_wait_pollfd(3)
 */
int rsm_memseg_get_pollfd(void *memseg, struct pollfd *pollfd);

/**
 * Give one use of a poll descriptor back.
 *
 * More releases than uses are harmless. After the last one the descriptor must
 * not be used any more.
 *
 * @param[in] memseg  import or export handle, converted to a pointer to void
 *
 * @completion  After the last release the segment can be destroyed or
 *              disconnected.
 * @ordering    None.
 * @progress    Needs nothing from other processes.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS          one use less
 * @retval RSMERR_BAD_SEG_HNDL  @p memseg is neither a live import nor a live
 *                              export handle
 *
 * @source      Manual page; surplus releases follow the original code.
 * @see         rsm_memseg_get_pollfd(3)
 */
int rsm_memseg_release_pollfd(void *memseg);
/** @} */

#ifdef __cplusplus
}
#endif

#endif /* _RSMAPI_H */
