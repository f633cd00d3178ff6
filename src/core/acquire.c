/* SPDX-License-Identifier: BSD-3-Clause */
/* From a range of the application to pieces of backings: what lies where, and
 * what has to be shared first. */
#include "core/backing_table.h"
#include "rsmapi.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* --- pieces --------------------------------------------------------------- */

static int pieces_add(rsmi_pieces_t *pieces, rsmi_backing_t *backing,
                      char *addr, size_t size)
{
    rsmi_piece_t *grown, *last;

    last = (pieces->count > 0) ? &pieces->pieces[pieces->count - 1] : NULL;
    if ((backing == NULL) && (last != NULL) && (last->backing == NULL)) {
        last->size += size; /* foreign neighbours need not be told apart */
        return RSM_SUCCESS;
    }
    grown = realloc(pieces->pieces, (pieces->count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    pieces->pieces = grown;
    last = &grown[pieces->count++];
    last->backing = backing;
    last->addr = addr;
    last->size = size;
    last->offset = 0;
    if (backing != NULL) {
        last->offset = (size_t)(addr - backing->addr);
        ++backing->references;
    }
    return RSM_SUCCESS;
}

void rsmi_backing_release(rsmi_pieces_t *pieces)
{
    rsmi_backing_t *backing;
    size_t idx;

    for (idx = pieces->count; idx-- > 0;) {
        backing = pieces->pieces[idx].backing;
        if ((backing != NULL) && (--backing->references == 0) &&
            !backing->is_kept) {
            rsmi_backing_destroy(backing);
        }
    }
    free(pieces->pieces);
    pieces->pieces = NULL;
    pieces->count = 0;
}

typedef struct {
    rsmi_pieces_t plan; /* pieces without references; private: to be made */
    bool *is_private;
} acquire_t;

/* First pass: what lies where. Neighbouring private areas become one piece. */
static int acquire_area(const rsmi_mem_area_t *area, rsmi_backing_t *backing,
                        void *arg)
{
    acquire_t *acquire = arg;
    rsmi_pieces_t *plan = &acquire->plan;
    rsmi_piece_t *grown;
    bool *flags;

    if ((area->prot & (PROT_READ | PROT_WRITE)) != (PROT_READ | PROT_WRITE)) {
        return RSMERR_PERM_DENIED;
    }
    if ((plan->count > 0) &&
        (plan->pieces[plan->count - 1].backing == backing) &&
        (acquire->is_private[plan->count - 1] == !area->is_shared)) {
        plan->pieces[plan->count - 1].size += area->size;
        return RSM_SUCCESS;
    }
    grown = realloc(plan->pieces, (plan->count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    plan->pieces = grown;
    flags = realloc(acquire->is_private, (plan->count + 1) * sizeof(*flags));
    if (flags == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    acquire->is_private = flags;
    grown[plan->count].backing = backing;
    grown[plan->count].addr = area->start;
    grown[plan->count].size = area->size;
    flags[plan->count] = !area->is_shared;
    ++plan->count;
    return RSM_SUCCESS;
}

/* From the running frame up to the first one of the thread: after a fork these
 * frames would be those of the parent and of the child at once. Of a stack that
 * the program has made for itself only the page of this frame is known. */
static bool acquire_is_stack(const void *addr, size_t size)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    uintptr_t start = (uintptr_t)addr;
    pthread_attr_t attributes;
    size_t stack_size;
    void *stack;

    if (start <= here) {
        return size > here - start;
    }
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) {
        return false;
    }
    (void)pthread_attr_getstack(&attributes, &stack, &stack_size);
    (void)pthread_attr_destroy(&attributes);
    return (here >= (uintptr_t)stack) &&
           (start < (uintptr_t)stack + stack_size);
}

static int acquire_survey(void *addr, size_t size, acquire_t *acquire)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    memset(acquire, 0, sizeof(*acquire));
    if (acquire_is_stack(addr, size)) {
        return RSMERR_BAD_ADDR;
    }
    return rsmi_backing_survey(addr, size, acquire_area, acquire);
}

static void acquire_clear(acquire_t *acquire)
{
    free(acquire->plan.pieces);
    free(acquire->is_private);
}

/* Second pass: share what is private still. */
static int acquire_carry_out(const acquire_t *acquire, rsmi_pieces_t *pieces_p)
    RSMI_REQUIRES(rsmi_memory_lock)
{
    const rsmi_piece_t *plan;
    rsmi_backing_t *backing;
    size_t idx;
    int rc;

    for (idx = 0; idx < acquire->plan.count; ++idx) {
        plan = &acquire->plan.pieces[idx];
        backing = plan->backing;
        if (acquire->is_private[idx]) {
            rsmi_backing_forget(plan->addr, plan->size);
            rc = rsmi_backing_create(plan->addr, plan->size, &backing);
            if (rc != RSM_SUCCESS) {
                return rc;
            }
        }
        rc = pieces_add(pieces_p, backing, plan->addr, plan->size);
        if (rc != RSM_SUCCESS) {
            if (acquire->is_private[idx]) {
                rsmi_backing_destroy(backing);
            }
            return rc;
        }
    }
    return RSM_SUCCESS;
}

int rsmi_backing_acquire(void *addr, size_t size, rsmi_pieces_t *pieces_p)
{
    acquire_t acquire;
    int rc;

    pieces_p->pieces = NULL;
    pieces_p->count = 0;
    rc = acquire_survey(addr, size, &acquire);
    if (rc == RSM_SUCCESS) {
        rc = acquire_carry_out(&acquire, pieces_p);
        if (rc != RSM_SUCCESS) {
            rsmi_backing_release(pieces_p);
        }
    }
    acquire_clear(&acquire);
    return rc;
}

int rsmi_backing_examine(void *addr, size_t size)
{
    acquire_t acquire;
    int rc;

    rc = acquire_survey(addr, size, &acquire);
    acquire_clear(&acquire);
    return rc;
}
