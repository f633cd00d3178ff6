/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Additions to the Remote Shared Memory API.
 *
 * Everything here begins with rsmx_ or RSMX_ and exists in this library only.
 * A program that includes just <rsmapi.h> sees none of it. Descriptions follow
 * the same pattern as there.
 */
#ifndef RSMX_H
#define RSMX_H

#include <rsmapi.h>
#include <rsm_version.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup rsmx_text Text and version
 *
 * Results as words, and which library this is. None of these functions starts
 * the library or can fail.
 * @{
 */

/**
 * Name of a result.
 *
 * For 5 the text is "RSMERR_BAD_SEG_HNDL". The text is constant and never NULL;
 * a number that is no result gives "RSMERR_UNKNOWN".
 *
 * @param[in] code  result of a library function
 *
 * @threads     Safe from any thread, in signal handlers and after fork().
 *
 * @source      Our addition.
 * @see         rsmx_strerror(3), rsm_errors(7)
 */
const char *rsmx_error_name(int code);

/**
 * Meaning of a result in one sentence.
 *
 * The sentence begins in lower case and has no full stop, so that it can follow
 * a colon. The text is constant and never NULL, whatever the number.
 *
 * @param[in] code  result of a library function
 *
 * @threads     Safe from any thread, in signal handlers and after fork().
 *
 * @source      Our addition.
 * @see         rsmx_error_name(3), rsm_errors(7)
 */
const char *rsmx_strerror(int code);

/**
 * Version of the library the program runs with.
 *
 * The text looks like "1.0.0". #RSMX_VERSION_STRING is the version of the
 * headers that the program was compiled with.
 *
 * @threads     Safe from any thread, in signal handlers and after fork().
 *
 * @source      Our addition.
 * @see         rsm_info(1)
 */
const char *rsmx_version(void);
/** @} */

/**
 * @defgroup rsmx_nodes The job
 *
 * Who am I, and how many are we, without walking through a topology.
 * @{
 */

/**
 * Number of this node.
 *
 * Equals the rank of this process in its job plus RSM_NODE_BASE. Starts the
 * library if need be.
 *
 * @param[out] node  the number
 *
 * @completion  The answer is there when the call returns; it does not change.
 * @ordering    None.
 * @progress    Never waits for another node.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the number is in @p node
 * @retval RSMERR_BAD_ADDR             @p node is NULL
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
 * @source      Our addition.
 * @see         rsmx_get_node_count(3), rsm_get_interconnect_topology(3)
 */
int rsmx_get_node_id(rsm_node_id_t *node);

/**
 * Number of nodes in the job.
 *
 * Counts the processes that the launcher started, whether or not they use RSM
 * or still run. Starts the library if need be.
 *
 * @param[out] count  how many nodes
 *
 * @completion  The answer is there when the call returns; it does not change.
 * @ordering    None.
 * @progress    Never waits for another node.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the number is in @p count
 * @retval RSMERR_BAD_ADDR             @p count is NULL
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
 * @source      Our addition.
 * @see         rsmx_get_node_id(3)
 */
int rsmx_get_node_count(uint32_t *count);
/** @} */

/**
 * @defgroup rsmx_segments Segments and connections
 *
 * What the library knows about a segment and the original interface does not
 * tell.
 * @{
 */

/**
 * Size of an imported segment.
 *
 * The size is fixed while the segment exists; the answer is given for a broken
 * connection, too.
 *
 * @param[in] im_memseg  connection
 * @param[out] size      bytes
 *
 * @completion  The answer is there when the call returns.
 * @ordering    None.
 * @progress    Needs nothing from other processes.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS          the size is in @p size
 * @retval RSMERR_BAD_SEG_HNDL  @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_ADDR      @p size is NULL
 *
 * @source      Our addition.
 * @see         rsm_memseg_import_connect(3)
 */
int rsmx_import_get_size(rsm_memseg_import_handle_t im_memseg, size_t *size);

/**
 * Permissions of a connection.
 *
 * They are those that connect asked for and got; a later republish does not
 * change them.
 *
 * @param[in] im_memseg  connection
 * @param[out] perm      #RSM_PERM_NONE, #RSM_PERM_READ, #RSM_PERM_WRITE or
 *                       #RSM_PERM_RDWR
 *
 * @completion  The answer is there when the call returns.
 * @ordering    None.
 * @progress    Needs nothing from other processes.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS          the permissions are in @p perm
 * @retval RSMERR_BAD_SEG_HNDL  @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_ADDR      @p perm is NULL
 *
 * @source      Our addition.
 * @see         rsm_memseg_import_connect(3)
 */
int rsmx_import_get_permission(rsm_memseg_import_handle_t im_memseg,
                               rsm_permission_t *perm);

/**
 * Number of connections to a segment.
 *
 * Counts connections, so that a process with two import handles counts twice.
 * One that was disconnected, and those of a process that has ended, stop
 * counting when this process is told, a moment later.
 *
 * @param[in] memseg  segment, published or not
 * @param[out] count  connections alive at this moment
 *
 * @completion  The answer may be out of date when the call returns.
 * @ordering    None.
 * @progress    Needs nothing from other processes.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS          the number is in @p count
 * @retval RSMERR_BAD_SEG_HNDL  @p memseg is not a live export handle
 * @retval RSMERR_BAD_ADDR      @p count is NULL
 *
 * @source      Our addition.
 * @see         rsm_memseg_export_publish(3)
 */
int rsmx_export_get_importer_count(rsm_memseg_export_handle_t memseg,
                                   uint32_t *count);
/** @} */

/**
 * @defgroup rsmx_memory Memory to be exported
 *
 * A segment may consist of any memory. Exporting what a program allocated
 * itself copies it, because its pages have to become shared ones; memory from
 * here consists of shared pages from the start, and exporting it, or any whole
 * pages of it, takes the same short time whatever its size.
 * @{
 */

/**
 * Allocate memory whose export copies nothing.
 *
 * The memory starts on a page boundary, is rounded up to whole pages, and holds
 * zeros. It is ordinary memory to the program in all other respects. All of it,
 * parts of it and overlapping parts may be exported, several times and one after
 * another; rebind a segment to it or away from it as with other memory. It counts
 * as shared memory of the host (/dev/shm).
 *
 * @param[in] size   bytes
 * @param[out] addr  start of the memory
 *
 * @completion  The memory is there, every page of it, when the call returns.
 * @ordering    None.
 * @progress    Never waits for another node.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the memory was allocated
 * @retval RSMERR_BAD_ADDR             @p addr is NULL
 * @retval RSMERR_BAD_LENGTH           @p size is zero
 * @retval RSMERR_BAD_CONF             first call of the process: an RSM_*
 *                                     variable is malformed
 * @retval RSMERR_REMOTE_NODE_UNREACHABLE
 *                                     first call: a launcher is there, but it
 *                                     offers no PMIx server or refuses this
 *                                     process
 * @retval RSMERR_INSUFFICIENT_MEM     no memory, or no room in /dev/shm
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     no file descriptor to be had
 * @retval RSMERR_INTERNAL_ERROR       the process is a child of fork(), or has
 *                                     begun to exit
 *
 * @source      Our addition.
 * @see         rsmx_memory_free(3), rsm_memseg_export_create(3)
 */
int rsmx_memory_alloc(size_t size, void **addr);

/**
 * Give allocated memory back.
 *
 * The addresses are unmapped, whatever lies there. Segments that consist of
 * some of the memory have to be destroyed, or rebound to other memory, first.
 *
 * @param[in] addr  start of the memory, as rsmx_memory_alloc() gave it
 *
 * @completion  When the call returns the memory is gone.
 * @ordering    None.
 * @progress    Never waits for another node.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS            the memory is free
 * @retval RSMERR_INTERNAL_ERROR  the process is a child of fork(), whose copy
 *                                of the memory lasts as long as itself
 * @retval RSMERR_BAD_ADDR        @p addr is not the start of such memory
 * @retval RSMERR_SEG_IN_USE      a segment consists of some of it; nothing has
 *                                changed
 *
 * @source      Our addition.
 * @see         rsmx_memory_alloc(3), rsm_memseg_export_destroy(3)
 */
int rsmx_memory_free(void *addr);
/** @} */

/**
 * @defgroup rsmx_atomics Atomic operations
 *
 * One element of a segment is read, changed and written back in one step. The
 * operations of all importers exclude each other, and so do the exporter's own
 * C11 atomic operations on the same memory; plain puts and stores do not take
 * part. Elements have to be naturally aligned. No barrier is needed, in
 * whichever mode: an operation is complete in the exporter's memory when the
 * call returns.
 *
 * The conditions of an operation are looked at in the order listed.
 * #RSMERR_CONN_ABORTED can also be the result of an operation that was already
 * on its way.
 * @{
 */

/**
 * Add to a four-byte element of a segment.
 *
 * Replaces the element at @p offset by its sum with @p value, modulo 2 to the
 * power of 32. One step for every importer, for the exporter's own atomic
 * operations on that memory, and in either barrier mode.
 *
 * @param[in] im_memseg  connection with #RSM_PERM_RDWR
 * @param[in] offset     first byte of the element, a multiple of 4
 * @param[in] value      operand
 * @param[out] old       the former value, or NULL
 *
 * @completion  When the call returns the operation is complete in the
 *              exporter's memory, in both barrier modes.
 * @ordering    Comes after puts that are complete or kept in order before it by
 *              a barrier. On one host sequentially consistent with all other
 *              atomic operations.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the operation took place
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_MEM_ALIGNMENT    @p offset is not a multiple of 4
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost; whether the operation
 *                                     took place is not known
 * @retval RSMERR_PERM_DENIED          the connection does not carry both
 *                                     permissions
 * @retval RSMERR_BAD_OFFSET           @p offset is negative or past the end, or
 *                                     the element lies outside an explicit
 *                                     mapping
 * @retval RSMERR_BAD_LENGTH           the element leaves the segment
 * @retval RSMERR_BARRIER_FAILURE      the operation failed or may have failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the
 *                                     operation on
 *
 * @source      Our addition.
 * @see         rsm_ordering(7)
 */
int rsmx_import_fetch_add32(rsm_memseg_import_handle_t im_memseg, off_t offset,
                            uint32_t value, uint32_t *old);

/**
 * Exchange a four-byte element of a segment.
 *
 * Replaces the element at @p offset by @p value. One step for every importer,
 * for the exporter's own atomic operations on that memory, and in either
 * barrier mode.
 *
 * @param[in] im_memseg  connection with #RSM_PERM_RDWR
 * @param[in] offset     first byte of the element, a multiple of 4
 * @param[in] value      operand
 * @param[out] old       the former value, or NULL
 *
 * @completion  When the call returns the operation is complete in the
 *              exporter's memory, in both barrier modes.
 * @ordering    Comes after puts that are complete or kept in order before it by
 *              a barrier. On one host sequentially consistent with all other
 *              atomic operations.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the operation took place
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_MEM_ALIGNMENT    @p offset is not a multiple of 4
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost; whether the operation
 *                                     took place is not known
 * @retval RSMERR_PERM_DENIED          the connection does not carry both
 *                                     permissions
 * @retval RSMERR_BAD_OFFSET           @p offset is negative or past the end, or
 *                                     the element lies outside an explicit
 *                                     mapping
 * @retval RSMERR_BAD_LENGTH           the element leaves the segment
 * @retval RSMERR_BARRIER_FAILURE      the operation failed or may have failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the
 *                                     operation on
 *
 * @source      Our addition.
 * @see         rsm_ordering(7)
 */
int rsmx_import_swap32(rsm_memseg_import_handle_t im_memseg, off_t offset,
                       uint32_t value, uint32_t *old);

/**
 * Clear bits in a four-byte element of a segment.
 *
 * Replaces the element at @p offset by its bitwise AND with @p value. One step
 * for every importer, for the exporter's own atomic operations on that memory,
 * and in either barrier mode.
 *
 * @param[in] im_memseg  connection with #RSM_PERM_RDWR
 * @param[in] offset     first byte of the element, a multiple of 4
 * @param[in] value      operand
 * @param[out] old       the former value, or NULL
 *
 * @completion  When the call returns the operation is complete in the
 *              exporter's memory, in both barrier modes.
 * @ordering    Comes after puts that are complete or kept in order before it by
 *              a barrier. On one host sequentially consistent with all other
 *              atomic operations.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the operation took place
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_MEM_ALIGNMENT    @p offset is not a multiple of 4
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost; whether the operation
 *                                     took place is not known
 * @retval RSMERR_PERM_DENIED          the connection does not carry both
 *                                     permissions
 * @retval RSMERR_BAD_OFFSET           @p offset is negative or past the end, or
 *                                     the element lies outside an explicit
 *                                     mapping
 * @retval RSMERR_BAD_LENGTH           the element leaves the segment
 * @retval RSMERR_BARRIER_FAILURE      the operation failed or may have failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the
 *                                     operation on
 *
 * @source      Our addition.
 * @see         rsm_ordering(7)
 */
int rsmx_import_fetch_and32(rsm_memseg_import_handle_t im_memseg, off_t offset,
                            uint32_t value, uint32_t *old);

/**
 * Set bits in a four-byte element of a segment.
 *
 * Replaces the element at @p offset by its bitwise OR with @p value. One step
 * for every importer, for the exporter's own atomic operations on that memory,
 * and in either barrier mode.
 *
 * @param[in] im_memseg  connection with #RSM_PERM_RDWR
 * @param[in] offset     first byte of the element, a multiple of 4
 * @param[in] value      operand
 * @param[out] old       the former value, or NULL
 *
 * @completion  When the call returns the operation is complete in the
 *              exporter's memory, in both barrier modes.
 * @ordering    Comes after puts that are complete or kept in order before it by
 *              a barrier. On one host sequentially consistent with all other
 *              atomic operations.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the operation took place
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_MEM_ALIGNMENT    @p offset is not a multiple of 4
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost; whether the operation
 *                                     took place is not known
 * @retval RSMERR_PERM_DENIED          the connection does not carry both
 *                                     permissions
 * @retval RSMERR_BAD_OFFSET           @p offset is negative or past the end, or
 *                                     the element lies outside an explicit
 *                                     mapping
 * @retval RSMERR_BAD_LENGTH           the element leaves the segment
 * @retval RSMERR_BARRIER_FAILURE      the operation failed or may have failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the
 *                                     operation on
 *
 * @source      Our addition.
 * @see         rsm_ordering(7)
 */
int rsmx_import_fetch_or32(rsm_memseg_import_handle_t im_memseg, off_t offset,
                           uint32_t value, uint32_t *old);

/**
 * Flip bits in a four-byte element of a segment.
 *
 * Replaces the element at @p offset by its bitwise exclusive OR with @p value.
 * One step for every importer, for the exporter's own atomic operations on that
 * memory, and in either barrier mode.
 *
 * @param[in] im_memseg  connection with #RSM_PERM_RDWR
 * @param[in] offset     first byte of the element, a multiple of 4
 * @param[in] value      operand
 * @param[out] old       the former value, or NULL
 *
 * @completion  When the call returns the operation is complete in the
 *              exporter's memory, in both barrier modes.
 * @ordering    Comes after puts that are complete or kept in order before it by
 *              a barrier. On one host sequentially consistent with all other
 *              atomic operations.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the operation took place
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_MEM_ALIGNMENT    @p offset is not a multiple of 4
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost; whether the operation
 *                                     took place is not known
 * @retval RSMERR_PERM_DENIED          the connection does not carry both
 *                                     permissions
 * @retval RSMERR_BAD_OFFSET           @p offset is negative or past the end, or
 *                                     the element lies outside an explicit
 *                                     mapping
 * @retval RSMERR_BAD_LENGTH           the element leaves the segment
 * @retval RSMERR_BARRIER_FAILURE      the operation failed or may have failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the
 *                                     operation on
 *
 * @source      Our addition.
 * @see         rsm_ordering(7)
 */
int rsmx_import_fetch_xor32(rsm_memseg_import_handle_t im_memseg, off_t offset,
                            uint32_t value, uint32_t *old);

/**
 * Exchange a four-byte element of a segment if it is as expected.
 *
 * Replaces the element at @p offset by @p desired if it equals @p expected. The
 * exchange took place just when the former value equals @p expected. One step
 * for every importer, for the exporter's own atomic operations on that memory,
 * and in either barrier mode.
 *
 * @param[in] im_memseg  connection with #RSM_PERM_RDWR
 * @param[in] offset     first byte of the element, a multiple of 4
 * @param[in] expected   value to be replaced
 * @param[in] desired    value to put there
 * @param[out] old       the former value, or NULL
 *
 * @completion  When the call returns the operation is complete in the
 *              exporter's memory, in both barrier modes.
 * @ordering    Comes after puts that are complete or kept in order before it by
 *              a barrier. On one host sequentially consistent with all other
 *              atomic operations.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the element was compared, and exchanged
 *                                     if equal
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_MEM_ALIGNMENT    @p offset is not a multiple of 4
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost; whether the operation
 *                                     took place is not known
 * @retval RSMERR_PERM_DENIED          the connection does not carry both
 *                                     permissions
 * @retval RSMERR_BAD_OFFSET           @p offset is negative or past the end, or
 *                                     the element lies outside an explicit
 *                                     mapping
 * @retval RSMERR_BAD_LENGTH           the element leaves the segment
 * @retval RSMERR_BARRIER_FAILURE      the operation failed or may have failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the
 *                                     operation on
 *
 * @source      Our addition.
 * @see         rsm_ordering(7)
 */
int rsmx_import_compare_swap32(rsm_memseg_import_handle_t im_memseg,
                               off_t offset, uint32_t expected,
                               uint32_t desired, uint32_t *old);

/**
 * Add to an eight-byte element of a segment.
 *
 * Replaces the element at @p offset by its sum with @p value, modulo 2 to the
 * power of 64. One step for every importer, for the exporter's own atomic
 * operations on that memory, and in either barrier mode.
 *
 * @param[in] im_memseg  connection with #RSM_PERM_RDWR
 * @param[in] offset     first byte of the element, a multiple of 8
 * @param[in] value      operand
 * @param[out] old       the former value, or NULL
 *
 * @completion  When the call returns the operation is complete in the
 *              exporter's memory, in both barrier modes.
 * @ordering    Comes after puts that are complete or kept in order before it by
 *              a barrier. On one host sequentially consistent with all other
 *              atomic operations.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the operation took place
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_MEM_ALIGNMENT    @p offset is not a multiple of 8
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost; whether the operation
 *                                     took place is not known
 * @retval RSMERR_PERM_DENIED          the connection does not carry both
 *                                     permissions
 * @retval RSMERR_BAD_OFFSET           @p offset is negative or past the end, or
 *                                     the element lies outside an explicit
 *                                     mapping
 * @retval RSMERR_BAD_LENGTH           the element leaves the segment
 * @retval RSMERR_BARRIER_FAILURE      the operation failed or may have failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the
 *                                     operation on
 *
 * @source      Our addition.
 * @see         rsm_ordering(7)
 */
int rsmx_import_fetch_add64(rsm_memseg_import_handle_t im_memseg, off_t offset,
                            uint64_t value, uint64_t *old);

/**
 * Exchange an eight-byte element of a segment.
 *
 * Replaces the element at @p offset by @p value. One step for every importer,
 * for the exporter's own atomic operations on that memory, and in either
 * barrier mode.
 *
 * @param[in] im_memseg  connection with #RSM_PERM_RDWR
 * @param[in] offset     first byte of the element, a multiple of 8
 * @param[in] value      operand
 * @param[out] old       the former value, or NULL
 *
 * @completion  When the call returns the operation is complete in the
 *              exporter's memory, in both barrier modes.
 * @ordering    Comes after puts that are complete or kept in order before it by
 *              a barrier. On one host sequentially consistent with all other
 *              atomic operations.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the operation took place
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_MEM_ALIGNMENT    @p offset is not a multiple of 8
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost; whether the operation
 *                                     took place is not known
 * @retval RSMERR_PERM_DENIED          the connection does not carry both
 *                                     permissions
 * @retval RSMERR_BAD_OFFSET           @p offset is negative or past the end, or
 *                                     the element lies outside an explicit
 *                                     mapping
 * @retval RSMERR_BAD_LENGTH           the element leaves the segment
 * @retval RSMERR_BARRIER_FAILURE      the operation failed or may have failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the
 *                                     operation on
 *
 * @source      Our addition.
 * @see         rsm_ordering(7)
 */
int rsmx_import_swap64(rsm_memseg_import_handle_t im_memseg, off_t offset,
                       uint64_t value, uint64_t *old);

/**
 * Clear bits in an eight-byte element of a segment.
 *
 * Replaces the element at @p offset by its bitwise AND with @p value. One step
 * for every importer, for the exporter's own atomic operations on that memory,
 * and in either barrier mode.
 *
 * @param[in] im_memseg  connection with #RSM_PERM_RDWR
 * @param[in] offset     first byte of the element, a multiple of 8
 * @param[in] value      operand
 * @param[out] old       the former value, or NULL
 *
 * @completion  When the call returns the operation is complete in the
 *              exporter's memory, in both barrier modes.
 * @ordering    Comes after puts that are complete or kept in order before it by
 *              a barrier. On one host sequentially consistent with all other
 *              atomic operations.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the operation took place
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_MEM_ALIGNMENT    @p offset is not a multiple of 8
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost; whether the operation
 *                                     took place is not known
 * @retval RSMERR_PERM_DENIED          the connection does not carry both
 *                                     permissions
 * @retval RSMERR_BAD_OFFSET           @p offset is negative or past the end, or
 *                                     the element lies outside an explicit
 *                                     mapping
 * @retval RSMERR_BAD_LENGTH           the element leaves the segment
 * @retval RSMERR_BARRIER_FAILURE      the operation failed or may have failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the
 *                                     operation on
 *
 * @source      Our addition.
 * @see         rsm_ordering(7)
 */
int rsmx_import_fetch_and64(rsm_memseg_import_handle_t im_memseg, off_t offset,
                            uint64_t value, uint64_t *old);

/**
 * Set bits in an eight-byte element of a segment.
 *
 * Replaces the element at @p offset by its bitwise OR with @p value. One step
 * for every importer, for the exporter's own atomic operations on that memory,
 * and in either barrier mode.
 *
 * @param[in] im_memseg  connection with #RSM_PERM_RDWR
 * @param[in] offset     first byte of the element, a multiple of 8
 * @param[in] value      operand
 * @param[out] old       the former value, or NULL
 *
 * @completion  When the call returns the operation is complete in the
 *              exporter's memory, in both barrier modes.
 * @ordering    Comes after puts that are complete or kept in order before it by
 *              a barrier. On one host sequentially consistent with all other
 *              atomic operations.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the operation took place
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_MEM_ALIGNMENT    @p offset is not a multiple of 8
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost; whether the operation
 *                                     took place is not known
 * @retval RSMERR_PERM_DENIED          the connection does not carry both
 *                                     permissions
 * @retval RSMERR_BAD_OFFSET           @p offset is negative or past the end, or
 *                                     the element lies outside an explicit
 *                                     mapping
 * @retval RSMERR_BAD_LENGTH           the element leaves the segment
 * @retval RSMERR_BARRIER_FAILURE      the operation failed or may have failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the
 *                                     operation on
 *
 * @source      Our addition.
 * @see         rsm_ordering(7)
 */
int rsmx_import_fetch_or64(rsm_memseg_import_handle_t im_memseg, off_t offset,
                           uint64_t value, uint64_t *old);

/**
 * Flip bits in an eight-byte element of a segment.
 *
 * Replaces the element at @p offset by its bitwise exclusive OR with @p value.
 * One step for every importer, for the exporter's own atomic operations on that
 * memory, and in either barrier mode.
 *
 * @param[in] im_memseg  connection with #RSM_PERM_RDWR
 * @param[in] offset     first byte of the element, a multiple of 8
 * @param[in] value      operand
 * @param[out] old       the former value, or NULL
 *
 * @completion  When the call returns the operation is complete in the
 *              exporter's memory, in both barrier modes.
 * @ordering    Comes after puts that are complete or kept in order before it by
 *              a barrier. On one host sequentially consistent with all other
 *              atomic operations.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the operation took place
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_MEM_ALIGNMENT    @p offset is not a multiple of 8
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost; whether the operation
 *                                     took place is not known
 * @retval RSMERR_PERM_DENIED          the connection does not carry both
 *                                     permissions
 * @retval RSMERR_BAD_OFFSET           @p offset is negative or past the end, or
 *                                     the element lies outside an explicit
 *                                     mapping
 * @retval RSMERR_BAD_LENGTH           the element leaves the segment
 * @retval RSMERR_BARRIER_FAILURE      the operation failed or may have failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the
 *                                     operation on
 *
 * @source      Our addition.
 * @see         rsm_ordering(7)
 */
int rsmx_import_fetch_xor64(rsm_memseg_import_handle_t im_memseg, off_t offset,
                            uint64_t value, uint64_t *old);

/**
 * Exchange an eight-byte element of a segment if it is as expected.
 *
 * Replaces the element at @p offset by @p desired if it equals @p expected. The
 * exchange took place just when the former value equals @p expected. One step
 * for every importer, for the exporter's own atomic operations on that memory,
 * and in either barrier mode.
 *
 * @param[in] im_memseg  connection with #RSM_PERM_RDWR
 * @param[in] offset     first byte of the element, a multiple of 8
 * @param[in] expected   value to be replaced
 * @param[in] desired    value to put there
 * @param[out] old       the former value, or NULL
 *
 * @completion  When the call returns the operation is complete in the
 *              exporter's memory, in both barrier modes.
 * @ordering    Comes after puts that are complete or kept in order before it by
 *              a barrier. On one host sequentially consistent with all other
 *              atomic operations.
 * @progress    Needs nothing from the exporting program; its service thread or
 *              the hardware does the work.
 * @threads     Safe from any thread; see rsm_threads(7).
 *
 * @retval RSM_SUCCESS                 the element was compared, and exchanged
 *                                     if equal
 * @retval RSMERR_BAD_SEG_HNDL         @p im_memseg is not a live import handle
 * @retval RSMERR_BAD_MEM_ALIGNMENT    @p offset is not a multiple of 8
 * @retval RSMERR_CONN_ABORTED         the segment was withdrawn, or the
 *                                     exporter is lost; whether the operation
 *                                     took place is not known
 * @retval RSMERR_PERM_DENIED          the connection does not carry both
 *                                     permissions
 * @retval RSMERR_BAD_OFFSET           @p offset is negative or past the end, or
 *                                     the element lies outside an explicit
 *                                     mapping
 * @retval RSMERR_BAD_LENGTH           the element leaves the segment
 * @retval RSMERR_BARRIER_FAILURE      the operation failed or may have failed
 * @retval RSMERR_INSUFFICIENT_RESOURCES
 *                                     the interconnect cannot take the
 *                                     operation on
 *
 * @source      Our addition.
 * @see         rsm_ordering(7)
 */
int rsmx_import_compare_swap64(rsm_memseg_import_handle_t im_memseg,
                               off_t offset, uint64_t expected,
                               uint64_t desired, uint64_t *old);
/** @} */

#ifdef __cplusplus
}
#endif

#endif /* RSMX_H */
