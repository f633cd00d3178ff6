/* SPDX-License-Identifier: BSD-3-Clause */
/* rsmx: atomic operations on an import. Through UCX they are carried out by
 * the target's processor too, so all importers and the exporter itself are
 * atomic to each other. */
#include "api/guard.h"
#include "core/near.h"
#include "rsmx.h"

typedef uint32_t __attribute__((may_alias)) atomic_word32_t;
typedef uint64_t __attribute__((may_alias)) atomic_word64_t;

/* Of a size that travels in a register. */
typedef struct {
    rsmi_atomic_op_t op;
    unsigned width;
} atomic_what_t;

#define ATOMIC_APPLY(type, at)                                                 \
    switch (op) {                                                              \
    case RSMI_ATOMIC_ADD:                                                      \
        return __atomic_fetch_add((type *)(at), (type)operand,                 \
                                  __ATOMIC_SEQ_CST);                           \
    case RSMI_ATOMIC_SWAP:                                                     \
        return __atomic_exchange_n((type *)(at), (type)operand,                \
                                   __ATOMIC_SEQ_CST);                          \
    case RSMI_ATOMIC_AND:                                                      \
        return __atomic_fetch_and((type *)(at), (type)operand,                 \
                                  __ATOMIC_SEQ_CST);                           \
    case RSMI_ATOMIC_OR:                                                       \
        return __atomic_fetch_or((type *)(at), (type)operand,                  \
                                 __ATOMIC_SEQ_CST);                            \
    case RSMI_ATOMIC_XOR:                                                      \
        return __atomic_fetch_xor((type *)(at), (type)operand,                 \
                                  __ATOMIC_SEQ_CST);                           \
    case RSMI_ATOMIC_CSWAP:                                                    \
    default: {                                                                 \
        type found = (type)compare;                                            \
        (void)__atomic_compare_exchange_n((type *)(at), &found, (type)operand, \
                                          false, __ATOMIC_SEQ_CST,             \
                                          __ATOMIC_SEQ_CST);                   \
        return found;                                                          \
    }                                                                          \
    }

RSMI_INLINE uint64_t atomic_apply(char *at, rsmi_atomic_op_t op, unsigned width,
                                  uint64_t operand, uint64_t compare)
{
    if (width == 4) {
        ATOMIC_APPLY(atomic_word32_t, at)
    }
    ATOMIC_APPLY(atomic_word64_t, at)
}

RSMI_INLINE void atomic_answer(void *old, unsigned width, uint64_t found)
{
    if (old == NULL) {
        return;
    }
    if (width == 4) {
        *(uint32_t *)old = (uint32_t)found;
    } else {
        *(uint64_t *)old = found;
    }
}

/* Leaves the guarded section. */
static RSMI_COLD int atomic_transfer(rsmi_import_t *import, atomic_what_t what,
                                     size_t offset, uint64_t operand,
                                     uint64_t compare, void *old)
{
    uint64_t found = 0;
    int rc;

    rsmi_handle_hold(&import->object);
    rsmi_guard_leave();
    rc = rsmi_transfer_atomic(import, what.op, what.width, offset, operand,
                              compare, &found);
    rsmi_handle_put(&import->object);
    if (rc == RSM_SUCCESS) {
        atomic_answer(old, what.width, found);
    }
    return rc;
}

/* Whatever is not plain, and what there is to say about it. */
static RSMI_COLD int atomic_special(rsm_memseg_import_handle_t handle,
                                    off_t offset, atomic_what_t what,
                                    uint64_t operand, uint64_t compare,
                                    void *old)
{
    rsmi_import_t *import;
    uint64_t found;
    int rc;

    rsmi_guard_enter(handle);
    import = rsmi_handle_find(handle, RSMI_KIND_IMPORT);
    if (import == NULL) {
        rc = RSMERR_BAD_SEG_HNDL;
        goto out;
    }
    if (((uint64_t)offset & (what.width - 1)) != 0) {
        rc = RSMERR_BAD_MEM_ALIGNMENT;
        goto out;
    }
    rc = rsmi_span_check(import, offset, what.width, RSM_PERM_RDWR);
    if (rc != RSM_SUCCESS) {
        goto out;
    }
    if (import->door.view == NULL) {
        return atomic_transfer(import, what, (size_t)offset, operand, compare,
                               old);
    }
    found = atomic_apply(import->door.view + offset, what.op, what.width,
                         operand, compare);
    rc = rsmi_span_settle_atomic(&import->door);
    if (rc == RSM_SUCCESS) {
        atomic_answer(old, what.width, found);
    }
out:
    rsmi_guard_leave();
    return rc;
}

/* @p door is closed, and the section that found it so goes on. If it is UCX
 * that does it, in this process, there is nothing special about it. */
static __attribute__((noinline)) int atomic_near(const rsmi_door_t *door,
                                                 off_t offset,
                                                 atomic_what_t what,
                                                 uint64_t operand,
                                                 uint64_t compare, void *old)
{
    rsmi_guard_reader_t *self = &rsmi_guard_self;
    rsmi_import_t *import = rsmi_near_import(door);
    size_t start = (size_t)offset, size = 0;
    rsm_memseg_import_handle_t handle;
    uint64_t found;
    int rc;

    if (rsmi_likely(door->is_far)) {
        size = atomic_load_explicit(&import->far->atomic_size,
                                    memory_order_relaxed);
    }
    if (rsmi_unlikely((start >= size) || ((start & (what.width - 1)) != 0))) {
        handle = rsmi_guard_retreat_from(self);
        return atomic_special(handle, offset, what, operand, compare, old);
    }
    rc = rsmi_near_atomic(import, what.op, what.width, start, operand, compare,
                          &found);
    rsmi_guard_retreat(self);
    if (rsmi_likely(rc == RSM_SUCCESS)) {
        atomic_answer(old, what.width, found);
    }
    return rc;
}

/* Calls nothing and saves no registers: what is special ends in a jump. */
RSMI_INLINE int atomic_door(rsm_memseg_import_handle_t handle, off_t offset,
                            atomic_what_t what, uint64_t operand,
                            uint64_t compare, void *old)
{
    rsmi_guard_reader_t *self = &rsmi_guard_self;
    size_t start = (size_t)offset;
    const rsmi_door_t *door;
    uint64_t found;
    int rc;

    door = rsmi_handle_door(self, handle);
    if (rsmi_unlikely((start >= atomic_load_explicit(&door->atomic_size,
                                                     memory_order_relaxed)) ||
                      ((start & (what.width - 1)) != 0))) {
        return atomic_near(door, offset, what, operand, compare, old);
    }
    found =
        atomic_apply(door->view + start, what.op, what.width, operand, compare);
    rc = rsmi_span_settle_atomic(door);
    rsmi_guard_retreat(self);
    if (rsmi_likely(rc == RSM_SUCCESS)) {
        atomic_answer(old, what.width, found);
    }
    return rc;
}

#define ATOMIC_DEFINE(name, op, type, width)                                 \
    RSMI_EXPORT int rsmx_import_##name(rsm_memseg_import_handle_t im_memseg, \
                                       off_t offset, type value, type *old)  \
    {                                                                        \
        return atomic_door(im_memseg, offset, (atomic_what_t){op, width},    \
                           value, 0, old);                                   \
    }

#define ATOMIC_DEFINE_COMPARE(name, type, width)                               \
    RSMI_EXPORT int rsmx_import_##name(rsm_memseg_import_handle_t im_memseg,   \
                                       off_t offset, type expected,            \
                                       type desired, type *old)                \
    {                                                                          \
        return atomic_door(im_memseg, offset,                                  \
                           (atomic_what_t){RSMI_ATOMIC_CSWAP, width}, desired, \
                           expected, old);                                     \
    }

ATOMIC_DEFINE(fetch_add32, RSMI_ATOMIC_ADD, uint32_t, 4)
ATOMIC_DEFINE(fetch_add64, RSMI_ATOMIC_ADD, uint64_t, 8)
ATOMIC_DEFINE(swap32, RSMI_ATOMIC_SWAP, uint32_t, 4)
ATOMIC_DEFINE(swap64, RSMI_ATOMIC_SWAP, uint64_t, 8)
ATOMIC_DEFINE(fetch_and32, RSMI_ATOMIC_AND, uint32_t, 4)
ATOMIC_DEFINE(fetch_and64, RSMI_ATOMIC_AND, uint64_t, 8)
ATOMIC_DEFINE(fetch_or32, RSMI_ATOMIC_OR, uint32_t, 4)
ATOMIC_DEFINE(fetch_or64, RSMI_ATOMIC_OR, uint64_t, 8)
ATOMIC_DEFINE(fetch_xor32, RSMI_ATOMIC_XOR, uint32_t, 4)
ATOMIC_DEFINE(fetch_xor64, RSMI_ATOMIC_XOR, uint64_t, 8)
ATOMIC_DEFINE_COMPARE(compare_swap32, uint32_t, 4)
ATOMIC_DEFINE_COMPARE(compare_swap64, uint64_t, 8)
