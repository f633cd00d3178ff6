/* SPDX-License-Identifier: BSD-3-Clause */
/* Accesses that go through UCX. Each thread inside is counted before it looks
 * at the import, so that the one who ends the import knows whether something
 * may still be under way. */
#include "core/import.h"

#include "util/config.h"

static bool transfer_is_lost(const void *arg)
{
    return !rsmi_import_stands(arg);
}

static void transfer_wait(const rsmi_import_t *import,
                          rsmi_fabric_wait_t *wait_p)
{
    wait_p->deadline = rsmi_deadline_in_ms(rsmi_config.timeout);
    wait_p->is_lost = transfer_is_lost;
    wait_p->arg = import;
}

/* False: the import is over, and nothing was begun. */
static bool transfer_enter(rsmi_import_t *import)
{
    (void)atomic_fetch_add_explicit(&import->active, 1, memory_order_seq_cst);
    atomic_thread_fence(memory_order_seq_cst);
    if (!rsmi_import_stands(import)) {
        (void)atomic_fetch_sub(&import->active, 1);
        return false;
    }
    return true;
}

/* Something has been left on its way that a flush has to see to the end. */
static void transfer_unsettle(rsmi_import_t *import)
{
    (void)atomic_fetch_add_explicit(&import->started, 1, memory_order_seq_cst);
}

/* What UCX says is not the last word: the exporter must have been there when
 * everything was done. */
static int transfer_leave(rsmi_import_t *import, int rc)
{
    if (!rsmi_import_stands(import)) {
        rc = RSMERR_CONN_ABORTED;
    } else if (rc == RSMERR_CONN_ABORTED) {
        /* UCX knew first; every other call is to say the same. */
        atomic_store(&import->door.generation_at, &rsmi_import_ended);
    }
    (void)atomic_fetch_sub(&import->active, 1);
    return rc;
}

bool rsmi_transfer_is_idle(rsmi_import_t *import)
{
    return (atomic_load_explicit(&import->active, memory_order_seq_cst) == 0) &&
           (atomic_load(&import->settled) == atomic_load(&import->started));
}

static void transfer_settle(rsmi_import_t *import, uint64_t upto)
{
    uint64_t settled = atomic_load(&import->settled);

    while ((settled < upto) &&
           !atomic_compare_exchange_weak(&import->settled, &settled, upto)) {
    }
}

/* UCX reports a failed transfer to the next flush of the peer, which may be
 * another import's: each import of the peer gets to know it once. */
static int transfer_failures(rsmi_import_t *import, int rc)
{
    uint64_t failures;

    if (rc == RSMERR_BARRIER_FAILURE) {
        (void)atomic_fetch_add(&import->peer->failures, 1);
    }
    if (rc == RSMERR_INSUFFICIENT_RESOURCES) {
        rc = RSMERR_BARRIER_FAILURE; /* cannot be vouched for */
    }
    failures = atomic_load(&import->peer->failures);
    if (atomic_exchange(&import->failures, failures) != failures) {
        rc = (rc == RSM_SUCCESS) ? RSMERR_BARRIER_FAILURE : rc;
    }
    return rc;
}

/* An exporter of another host, whose life page we cannot see, shows by the seal
 * that its segment still stood when everything before had landed. */
static int transfer_see_seal(rsmi_import_t *import,
                             const rsmi_fabric_wait_t *wait)
{
    uint64_t seal;
    int rc;

    rc = rsmi_fabric_flush_and_get(import->key, import->remote + import->size,
                                   &seal, wait);
    if ((rc == RSM_SUCCESS) && (seal != import->seal)) {
        rc = RSMERR_CONN_ABORTED;
    }
    return rc;
}

static int transfer_complete(rsmi_import_t *import)
{
    uint64_t upto = atomic_load(&import->started);
    rsmi_fabric_wait_t wait;
    int rc;

    transfer_wait(import, &wait);
    rc = (import->peer->life.base == NULL)
             ? transfer_see_seal(import, &wait)
             : rsmi_fabric_flush(import->way, &wait);
    if (rc == RSM_SUCCESS) {
        transfer_settle(import, upto);
    }
    return transfer_failures(import, rc);
}

int rsmi_transfer_put(rsmi_import_t *import, size_t offset, const void *src,
                      size_t len, bool is_implicit)
{
    rsmi_fabric_wait_t wait;
    int rc;

    if (!transfer_enter(import)) {
        return RSMERR_CONN_ABORTED;
    }
    transfer_wait(import, &wait);
    rc = rsmi_fabric_put(import->key, import->remote + offset, src, len, &wait);
    transfer_unsettle(import);
    if ((rc == RSM_SUCCESS) && is_implicit) {
        rc = transfer_complete(import);
    }
    return transfer_leave(import, rc);
}

/* Puts of an open span come first: programs written for hardware with loads
 * and stores read back what they wrote. */
int rsmi_transfer_get(rsmi_import_t *import, size_t offset, void *dst,
                      size_t len)
{
    rsmi_fabric_wait_t wait;
    int rc = RSM_SUCCESS;

    if (!transfer_enter(import)) {
        return RSMERR_CONN_ABORTED;
    }
    if (atomic_load(&import->settled) != atomic_load(&import->started)) {
        rc = transfer_complete(import);
    }
    if (rc == RSM_SUCCESS) {
        transfer_wait(import, &wait);
        rc = rsmi_fabric_get(import->key, import->remote + offset, dst, len,
                             &wait);
        if (rc != RSM_SUCCESS) {
            transfer_unsettle(import);
        }
    }
    return transfer_leave(import, rc);
}

int rsmi_transfer_atomic(rsmi_import_t *import, rsmi_atomic_op_t op,
                         unsigned width, size_t offset, uint64_t operand,
                         uint64_t compare, uint64_t *old_p)
{
    rsmi_fabric_wait_t wait;
    int rc;

    if (!transfer_enter(import)) {
        return RSMERR_CONN_ABORTED;
    }
    transfer_wait(import, &wait);
    rc = rsmi_fabric_atomic(import->key, op, width, import->remote + offset,
                            operand, compare, old_p, &wait);
    if (rc != RSM_SUCCESS) {
        transfer_unsettle(import);
    }
    return transfer_leave(import, rc);
}

/* A put behind a fence leaves this process only when the answers to those
 * before it have come, which takes calls of ours; but programs order a flag and
 * then watch their own memory without calling anything. Over shared memory
 * nothing has to come back, so there the fence is enough. */
int rsmi_transfer_order(rsmi_import_t *import)
{
    rsmi_fabric_wait_t wait;
    int rc;

    if (import->path != RSMI_PATH_SHM) {
        return rsmi_transfer_flush(import);
    }
    if (!transfer_enter(import)) {
        return RSMERR_CONN_ABORTED;
    }
    transfer_wait(import, &wait);
    rc = transfer_failures(import, rsmi_fabric_order(import->way, &wait));
    return transfer_leave(import, rc);
}

int rsmi_transfer_flush(rsmi_import_t *import)
{
    if (!transfer_enter(import)) {
        return RSMERR_CONN_ABORTED;
    }
    return transfer_leave(import, transfer_complete(import));
}
