/* SPDX-License-Identifier: BSD-3-Clause */
/* Accesses that go through UCX. Where other processes take part each thread
 * inside is counted before it looks at the import, so that the one who ends the
 * import knows whether something may still be under way. On RSMI_PATH_SHM
 * nothing ever is: see core/near.h. */
#include "core/near.h"

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
    (void)atomic_fetch_add_explicit(&import->far->active, 1,
                                    memory_order_seq_cst);
    atomic_thread_fence(memory_order_seq_cst);
    if (!rsmi_import_stands(import)) {
        (void)atomic_fetch_sub(&import->far->active, 1);
        return false;
    }
    return true;
}

/* Something has been left on its way that a flush has to see to the end. */
static void transfer_unsettle(rsmi_far_t *far)
{
    (void)atomic_fetch_add_explicit(&far->started, 1, memory_order_seq_cst);
}

/* What UCX says is not the last word: the exporter must have been there when
 * everything was done. */
static int transfer_rc(rsmi_import_t *import, int rc)
{
    if (!rsmi_import_stands(import)) {
        rc = RSMERR_CONN_ABORTED;
    } else if (rc == RSMERR_CONN_ABORTED) {
        /* UCX knew first; every other call is to say the same. */
        atomic_store(&import->door.generation_at, &rsmi_import_ended);
    }
    return rc;
}

static int transfer_leave(rsmi_import_t *import, int rc)
{
    rc = transfer_rc(import, rc);
    (void)atomic_fetch_sub(&import->far->active, 1);
    return rc;
}

RSMI_COLD int rsmi_transfer_failed(rsmi_import_t *import, int rc)
{
    return transfer_rc(import, rc);
}

bool rsmi_transfer_is_idle(const rsmi_far_t *far)
{
    return (far == NULL) ||
           ((atomic_load_explicit(&far->active, memory_order_seq_cst) == 0) &&
            (atomic_load(&far->settled) == atomic_load(&far->started)));
}

static void transfer_settle(rsmi_far_t *far, uint64_t upto)
{
    uint64_t settled = atomic_load(&far->settled);

    while ((settled < upto) &&
           !atomic_compare_exchange_weak(&far->settled, &settled, upto)) {
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
    if (atomic_exchange(&import->far->failures, failures) != failures) {
        rc = (rc == RSM_SUCCESS) ? RSMERR_BARRIER_FAILURE : rc;
    }
    return rc;
}

/* An exporter of another host, whose life page we cannot see, shows by the seal
 * that its segment still stood when everything before had landed. 0: there is
 * no need to see it. */
static uint64_t transfer_seal_at(const rsmi_import_t *import)
{
    return (import->peer->life.base == NULL)
               ? import->far->remote + import->size
               : 0;
}

/* Everything before the @p upto-th transfer has landed, or else @p rc. Then the
 * question may still be on its way, with a look at the segment, and with bytes
 * that another thread's flush may have taken for settled before they were sent:
 * the exporter has to keep the addresses. */
static int transfer_conclude(rsmi_import_t *import, uint64_t upto, int rc,
                             const rsmi_fabric_look_t *seal)
{
    if (rc != RSM_SUCCESS) {
        transfer_unsettle(import->far);
    } else {
        transfer_settle(import->far, upto);
    }
    if ((rc == RSM_SUCCESS) && (seal->remote != 0) &&
        (seal->word != import->far->seal)) {
        rc = RSMERR_CONN_ABORTED;
    }
    return transfer_failures(import, rc);
}

static int transfer_complete(rsmi_import_t *import)
{
    rsmi_far_t *far = import->far;
    uint64_t upto = atomic_load(&far->started);
    rsmi_fabric_look_t seal = {.remote = transfer_seal_at(import)};
    rsmi_fabric_wait_t wait;
    int rc;

    transfer_wait(import, &wait);
    rc = (seal.remote != 0) ? rsmi_fabric_flush_and_get(far->key, seal.remote,
                                                        &seal.word, &wait)
                            : rsmi_fabric_flush(far->way, &wait);
    return transfer_conclude(import, upto, rc, &seal);
}

/* A put that is complete when it returns. */
static int transfer_put_through(rsmi_import_t *import, size_t offset,
                                const void *src, size_t len)
{
    rsmi_far_t *far = import->far;
    rsmi_fabric_look_t seal = {.remote = transfer_seal_at(import)};
    rsmi_fabric_wait_t wait;
    uint64_t upto;
    int rc;

    transfer_wait(import, &wait);
    transfer_unsettle(far);
    upto = atomic_load(&far->started);
    rc = rsmi_fabric_put_through(far->key, far->remote + offset, src, len,
                                 &seal, &wait);
    return transfer_conclude(import, upto, rc, &seal);
}

int rsmi_transfer_put(rsmi_import_t *import, size_t offset, const void *src,
                      size_t len, bool is_implicit)
{
    const rsmi_far_t *far = import->far;
    rsmi_fabric_wait_t wait;
    int rc;

    if (import->path == RSMI_PATH_SHM) {
        return rsmi_near_put(import, offset, src, len);
    }
    if (!transfer_enter(import)) {
        return RSMERR_CONN_ABORTED;
    }
    if (is_implicit) {
        return transfer_leave(import,
                              transfer_put_through(import, offset, src, len));
    }
    transfer_wait(import, &wait);
    rc = rsmi_fabric_put(far->key, far->remote + offset, src, len, &wait);
    transfer_unsettle(import->far);
    return transfer_leave(import, rc);
}

/* In implicit mode one piece may only be there when those before are. */
static bool transfer_needs_turns(const rsmi_far_t *far, bool is_implicit)
{
    return is_implicit && !rsmi_fabric_has_order(far->key);
}

/* One question behind all of them sees to those of implicit mode: whether they
 * are complete when it fails nobody knows, and none of them counts. */
int rsmi_transfer_putv(rsmi_import_t *import, rsmi_fabric_put_t *puts,
                       size_t count, bool is_implicit, size_t *done_p)
{
    rsmi_far_t *far = import->far;
    rsmi_fabric_wait_t wait;
    size_t idx;
    int rc, end;

    *done_p = 0;
    if (transfer_needs_turns(far, is_implicit)) {
        return RSM_SUCCESS;
    }
    if (!transfer_enter(import)) {
        return RSMERR_CONN_ABORTED;
    }
    for (idx = 0; idx < count; ++idx) {
        puts[idx].remote += far->remote;
    }
    transfer_wait(import, &wait);
    rc = rsmi_fabric_putv(far->key, puts, count, is_implicit, &wait, done_p);
    transfer_unsettle(far);
    if (is_implicit && (*done_p != 0)) {
        end = transfer_complete(import);
        *done_p = (end == RSM_SUCCESS) ? *done_p : 0;
        rc = (rc == RSM_SUCCESS) ? end : rc;
    }
    rc = transfer_leave(import, rc);
    *done_p -= (rc != RSM_SUCCESS) && (*done_p == count);
    return rc;
}

/* Puts of an open span come first: programs written for hardware with loads
 * and stores read back what they wrote. */
static int transfer_before_get(rsmi_import_t *import)
{
    const rsmi_far_t *far = import->far;

    return (atomic_load(&far->settled) == atomic_load(&far->started))
               ? RSM_SUCCESS
               : transfer_complete(import);
}

int rsmi_transfer_get(rsmi_import_t *import, size_t offset, void *dst,
                      size_t len)
{
    rsmi_far_t *far = import->far;
    rsmi_fabric_wait_t wait;
    int rc;

    if (import->path == RSMI_PATH_SHM) {
        return rsmi_near_get(import, offset, dst, len);
    }
    if (!transfer_enter(import)) {
        return RSMERR_CONN_ABORTED;
    }
    rc = transfer_before_get(import);
    if (rc == RSM_SUCCESS) {
        transfer_wait(import, &wait);
        rc = rsmi_fabric_get(far->key, far->remote + offset, dst, len, &wait);
        if (rc != RSM_SUCCESS) {
            transfer_unsettle(far);
        }
    }
    return transfer_leave(import, rc);
}

/* What was the last to be complete is not, when the segment has gone since. */
int rsmi_transfer_getv(rsmi_import_t *import, rsmi_fabric_get_t *gets,
                       size_t count, size_t *done_p)
{
    rsmi_far_t *far = import->far;
    rsmi_fabric_wait_t wait;
    size_t idx;
    int rc;

    *done_p = 0;
    if (!transfer_enter(import)) {
        return RSMERR_CONN_ABORTED;
    }
    for (idx = 0; idx < count; ++idx) {
        gets[idx].remote += far->remote;
    }
    rc = transfer_before_get(import);
    if (rc == RSM_SUCCESS) {
        transfer_wait(import, &wait);
        rc = rsmi_fabric_getv(far->key, gets, count, &wait, done_p);
        if (rc != RSM_SUCCESS) {
            transfer_unsettle(far);
        }
    }
    rc = transfer_leave(import, rc);
    *done_p -= (rc != RSM_SUCCESS) && (*done_p == count);
    return rc;
}

int rsmi_transfer_atomic(rsmi_import_t *import, rsmi_atomic_op_t op,
                         unsigned width, size_t offset, uint64_t operand,
                         uint64_t compare, uint64_t *old_p)
{
    rsmi_far_t *far = import->far;
    rsmi_fabric_wait_t wait;
    int rc;

    if (import->path == RSMI_PATH_SHM) {
        return rsmi_near_atomic(import, op, width, offset, operand, compare,
                                old_p);
    }
    if (!transfer_enter(import)) {
        return RSMERR_CONN_ABORTED;
    }
    transfer_wait(import, &wait);
    rc = rsmi_fabric_atomic(far->key, op, width, far->remote + offset, operand,
                            compare, old_p, &wait);
    if (rc != RSM_SUCCESS) {
        transfer_unsettle(far);
    }
    return transfer_leave(import, rc);
}

/* A put behind UCX's fence leaves this process only when the answers to those
 * before it have come, which takes calls of ours; but programs order a flag and
 * then watch their own memory without calling anything. So to order is to
 * flush. */
int rsmi_transfer_flush(rsmi_import_t *import)
{
    if (import->path == RSMI_PATH_SHM) {
        return rsmi_span_settle(&import->door, true);
    }
    if (!transfer_enter(import)) {
        return RSMERR_CONN_ABORTED;
    }
    return transfer_leave(import, transfer_complete(import));
}
