/* SPDX-License-Identifier: BSD-3-Clause */
/* putv and getv: up to RSM_MAX_SGIOREQS pieces between local memory and one
 * import. What the pieces name is looked at before the first is moved; their
 * ranges as their turn comes, so that the residual count is exact. */
#include "api/guard.h"
#include "core/localmem.h"
#include "core/near.h"
#include "util/copy.h"

typedef struct {
    rsmi_import_t *import;
    const rsm_iovec_t *pieces;
    rsmi_localmem_t *locals[RSM_MAX_SGIOREQS]; /* with references */
    bool is_put;
    bool is_implicit;
} iov_t;

static int iov_hold_locals(iov_t *iov, size_t count)
{
    size_t idx;

    for (idx = 0; idx < count; ++idx) {
        if (iov->pieces[idx].io_type == RSM_VA_TYPE) {
            continue;
        }
        if (iov->pieces[idx].io_type != RSM_HANDLE_TYPE) {
            return RSMERR_BAD_SGIO;
        }
        iov->locals[idx] =
            rsmi_handle_get(iov->pieces[idx].local.handle, RSMI_KIND_LOCALMEM);
        if (iov->locals[idx] == NULL) {
            return RSMERR_BAD_SGIO;
        }
    }
    return RSM_SUCCESS;
}

static void iov_put_locals(iov_t *iov)
{
    size_t idx;

    for (idx = 0; idx < RSM_MAX_SGIOREQS; ++idx) {
        if (iov->locals[idx] != NULL) {
            rsmi_handle_put(&iov->locals[idx]->object);
        }
    }
}

/* The local end of a piece. */
static int iov_local(const iov_t *iov, size_t idx, char **local_p)
{
    const rsm_iovec_t *piece = &iov->pieces[idx];
    const rsmi_localmem_t *localmem = iov->locals[idx];

    if (localmem == NULL) {
        *local_p = piece->local.vaddr + piece->local_offset;
        return (piece->local.vaddr == NULL) ? RSMERR_BAD_ADDR : RSM_SUCCESS;
    }
    if (piece->local_offset > localmem->size) {
        return RSMERR_BAD_OFFSET;
    }
    if (piece->transfer_length > localmem->size - piece->local_offset) {
        return RSMERR_BAD_LENGTH;
    }
    *local_p = localmem->addr + piece->local_offset;
    return RSM_SUCCESS;
}

/* In implicit mode a piece ends with the same statement as a put or a get. */
static int iov_move(const iov_t *iov, char *local, size_t offset, size_t len)
{
    rsmi_import_t *import = iov->import;

    if (import->door.view == NULL) {
        if (len == 0) {
            return RSM_SUCCESS;
        }
        return iov->is_put ? rsmi_transfer_put(import, offset, local, len,
                                               iov->is_implicit)
                           : rsmi_transfer_get(import, offset, local, len);
    }
    if (iov->is_put) {
        rsmi_copy(import->door.view + offset, local, len);
    } else {
        rsmi_copy(local, import->door.view + offset, len);
    }
    return iov->is_implicit ? rsmi_span_settle(&import->door, iov->is_put)
                            : RSM_SUCCESS;
}

static int iov_piece(const iov_t *iov, size_t idx)
{
    const rsm_iovec_t *piece = &iov->pieces[idx];
    char *local;
    int rc;

    rc = iov_local(iov, idx, &local);
    if (rc == RSM_SUCCESS) {
        rc = rsmi_span_check(iov->import, (off_t)piece->remote_offset,
                             piece->transfer_length,
                             iov->is_put ? RSM_PERM_WRITE : RSM_PERM_READ);
    }
    if (rc == RSM_SUCCESS) {
        rc = iov_move(iov, local, piece->remote_offset, piece->transfer_length);
    }
    return rc;
}

/* The local ends of pieces from the @p first on, up to one that there is
 * something to say about. How many. */
static size_t iov_sound(const iov_t *iov, size_t first, size_t count,
                        char **locals)
{
    rsm_permission_t perm = iov->is_put ? RSM_PERM_WRITE : RSM_PERM_READ;
    const rsm_iovec_t *piece;
    size_t idx;

    for (idx = first; idx < count; ++idx) {
        piece = &iov->pieces[idx];
        if ((iov_local(iov, idx, &locals[idx - first]) != RSM_SUCCESS) ||
            (rsmi_span_check(iov->import, (off_t)piece->remote_offset,
                             piece->transfer_length, perm) != RSM_SUCCESS)) {
            break;
        }
    }
    return idx - first;
}

/* Between here and another process, sound pieces together, from the @p first on.
 * How many are done. */
static size_t iov_far(const iov_t *iov, size_t first, size_t count, int *rc_p)
{
    const rsm_iovec_t *pieces = iov->pieces + first;
    rsmi_fabric_put_t puts[RSM_MAX_SGIOREQS];
    rsmi_fabric_get_t gets[RSM_MAX_SGIOREQS];
    char *locals[RSM_MAX_SGIOREQS];
    size_t run = iov_sound(iov, first, count, locals);
    size_t idx, done = 0;

    /* A single one has a shorter way. */
    if (run < 2) {
        return 0;
    }
    for (idx = 0; idx < run; ++idx) {
        size_t len = pieces[idx].transfer_length;
        uint64_t remote = pieces[idx].remote_offset;

        puts[idx] = (rsmi_fabric_put_t){remote, locals[idx], len};
        gets[idx] = (rsmi_fabric_get_t){remote, locals[idx], len};
    }
    *rc_p = iov->is_put ? rsmi_transfer_putv(iov->import, puts, run,
                                             iov->is_implicit, &done)
                        : rsmi_transfer_getv(iov->import, gets, run, &done);
    return done;
}

/* The event must not overtake the data. */
static int iov_post(const iov_t *iov, uint_t flags)
{
    int rc = RSM_SUCCESS;

    if ((flags & RSM_IMPLICIT_SIGPOST) == 0) {
        return RSM_SUCCESS;
    }
    if (!iov->is_implicit && (iov->import->door.view == NULL)) {
        rc = rsmi_transfer_flush(iov->import);
    }
    if (rc == RSM_SUCCESS) {
        rsmi_door_fence();
        rc = rsmi_import_post(iov->import, flags & RSM_SIGPOST_NO_ACCUMULATE);
    }
    return rc;
}

/* What is wrong with the pieces as such. */
static bool iov_is_bad(const rsm_scat_gath_t *sg_io)
{
    return (sg_io->io_request_count == 0) ||
           (sg_io->io_request_count > RSM_MAX_SGIOREQS) ||
           (sg_io->iovec == NULL);
}

static int iov_run(rsm_scat_gath_t *sg_io, iov_t *iov)
{
    size_t idx, done;
    int rc;

    if (iov_is_bad(sg_io)) {
        return RSMERR_BAD_SGIO;
    }
    iov->pieces = sg_io->iovec;
    iov->is_implicit = rsmi_span_is_implicit(iov->import);
    rc = iov_hold_locals(iov, sg_io->io_request_count);
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    idx = sg_io->io_request_count - sg_io->io_residual_count;
    if (rsmi_transfer_is_answered(iov->import)) {
        done = iov_far(iov, idx, sg_io->io_request_count, &rc);
        sg_io->io_residual_count -= done;
        if (rc != RSM_SUCCESS) {
            return rc;
        }
        idx += done;
    }
    for (; idx < sg_io->io_request_count; ++idx) {
        rc = iov_piece(iov, idx);
        if (rc != RSM_SUCCESS) {
            return rc;
        }
        --sg_io->io_residual_count;
    }
    return iov_post(iov, sg_io->flags);
}

static RSMI_COLD int iov_special(rsm_scat_gath_t *sg_io, bool is_put)
{
    iov_t iov = {.is_put = is_put};
    int rc;

    iov.import = rsmi_get_import(sg_io->remote_handle);
    if (iov.import == NULL) {
        return RSMERR_BAD_SEG_HNDL;
    }
    rc = iov_run(sg_io, &iov);
    iov_put_locals(&iov);
    rsmi_handle_put(&iov.import->object);
    return rc;
}

/* Pieces between plain memory and a view, with nothing to be done at the end.
 * How many pieces are left is in the residual count: all but those that went
 * through the door. */
RSMI_INLINE bool iov_is_plain(const rsm_scat_gath_t *sg_io)
{
    size_t idx;

    if (iov_is_bad(sg_io) || ((sg_io->flags & RSM_IMPLICIT_SIGPOST) != 0)) {
        return false;
    }
    for (idx = 0; idx < sg_io->io_request_count; ++idx) {
        if (sg_io->iovec[idx].io_type != RSM_VA_TYPE) {
            return false;
        }
    }
    return true;
}

/* False: a special one. */
RSMI_INLINE bool iov_door_piece(const rsmi_door_t *door,
                                const rsm_iovec_t *piece, bool is_put,
                                int *rc_p)
{
    size_t size = rsmi_span_size(door, is_put);
    size_t start = (size_t)piece->remote_offset;
    size_t len = piece->transfer_length;
    char *local = piece->local.vaddr;

    if ((local == NULL) || (start >= size) || (len > size - start)) {
        return false;
    }
    local += piece->local_offset;
    if (is_put) {
        rsmi_copy(door->view + start, local, len);
    } else {
        rsmi_copy(local, door->view + start, len);
    }
    *rc_p = rsmi_span_end(door, is_put);
    return true;
}

/* Where it is UCX that copies, in this process, up to the first special piece;
 * how many are complete. Where it is another process, all pieces are special: no
 * size is in reach. */
RSMI_INLINE size_t iov_near(const rsmi_door_t *door,
                            const rsm_scat_gath_t *sg_io, bool is_put,
                            int *rc_p)
{
    rsmi_fabric_vector_t vector = {
        .next = sg_io->iovec, .end = sg_io->iovec + sg_io->io_request_count};
    rsmi_import_t *import = rsmi_near_import(door);

    if (rsmi_near_size(import->far, is_put) != 0) {
        *rc_p = rsmi_near_vector(import, &vector, is_put);
    }
    return (size_t)(vector.next - sg_io->iovec);
}

/* A special piece came after @p done others, in a section that goes on. */
RSMI_INLINE int iov_rest(const rsmi_door_t *door, rsm_scat_gath_t *sg_io,
                         size_t done, bool is_put)
{
    int rc = RSM_SUCCESS;

    if (rsmi_likely(door->is_far)) {
        done = iov_near(door, sg_io, is_put, &rc);
    }
    rsmi_guard_retreat(&rsmi_guard_self);
    sg_io->io_residual_count -= done;
    if (rsmi_unlikely((rc == RSM_SUCCESS) && (sg_io->io_residual_count != 0))) {
        return iov_special(sg_io, is_put);
    }
    return rc;
}

static __attribute__((noinline)) int iov_rest_put(const rsmi_door_t *door,
                                                  rsm_scat_gath_t *sg_io,
                                                  size_t done)
{
    return iov_rest(door, sg_io, done, true);
}

static __attribute__((noinline)) int iov_rest_get(const rsmi_door_t *door,
                                                  rsm_scat_gath_t *sg_io,
                                                  size_t done)
{
    return iov_rest(door, sg_io, done, false);
}

RSMI_INLINE int iov_access(rsm_scat_gath_t *sg_io, bool is_put)
{
    rsmi_guard_reader_t *self = &rsmi_guard_self;
    const rsmi_door_t *door;
    int rc = RSM_SUCCESS;
    size_t idx = 0;

    if (sg_io == NULL) {
        return RSMERR_BAD_SGIO;
    }
    sg_io->io_residual_count = sg_io->io_request_count;
    if (rsmi_unlikely(!iov_is_plain(sg_io))) {
        return iov_special(sg_io, is_put);
    }
    door = rsmi_handle_door(self, sg_io->remote_handle);
    do {
        if (rsmi_unlikely(
                !iov_door_piece(door, &sg_io->iovec[idx], is_put, &rc))) {
            return is_put ? iov_rest_put(door, sg_io, idx)
                          : iov_rest_get(door, sg_io, idx);
        }
        if (rsmi_unlikely(rc != RSM_SUCCESS)) {
            break; /* it got nowhere that counts */
        }
        ++idx;
    } while (idx < sg_io->io_request_count);
    rsmi_guard_retreat(self);
    sg_io->io_residual_count -= idx;
    return rc;
}

RSMI_EXPORT int rsm_memseg_import_putv(rsm_scat_gath_t *sg_io)
{
    return iov_access(sg_io, true);
}

RSMI_EXPORT int rsm_memseg_import_getv(rsm_scat_gath_t *sg_io)
{
    return iov_access(sg_io, false);
}
