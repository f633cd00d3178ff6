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

/* @p word: the operation as UCX has it, or NULL. */
RSMI_INLINE int atomic_apply_near(rsmi_import_t *import, size_t start,
                                  atomic_what_t what,
                                  rsmi_fabric_self_word_t *word,
                                  uint64_t operand, uint64_t compare,
                                  uint64_t *found_p)
{
    uint64_t first = (what.op == RSMI_ATOMIC_CSWAP) ? compare : operand;
    uint32_t narrow_first = (uint32_t)first, narrow = (uint32_t)operand;
    int rc;

    if (word == NULL) {
        return rsmi_near_atomic(import, what.op, what.width, start, operand,
                                compare, found_p);
    }
    if (what.width == 4) {
        rc = rsmi_near_word(import, word, start, &narrow_first, &narrow);
        *found_p = narrow;
        return rc;
    }
    if (what.op == RSMI_ATOMIC_CSWAP) {
        *found_p = operand;
    }
    return rsmi_near_word(import, word, start, &first, found_p);
}

/* @p door is closed, and the section that found it so goes on. If it is UCX
 * that does it, in this process, there is nothing special about it. The offset
 * is a multiple of the width. */
RSMI_INLINE int atomic_near(const rsmi_door_t *door, off_t offset,
                            uint64_t compare, uint64_t operand, void *old,
                            atomic_what_t what, rsmi_fabric_self_word_t *word)
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
    if (rsmi_unlikely(start >= size)) {
        handle = rsmi_guard_retreat_from(self);
        return atomic_special(handle, offset, what, operand, compare, old);
    }
    rc = atomic_apply_near(import, start, what, word, operand, compare, &found);
    rsmi_guard_retreat(self);
    if (rsmi_likely(rc == RSM_SUCCESS)) {
        atomic_answer(old, what.width, found);
    }
    return rc;
}

/* The arguments in the order of the front doors', and of their width, so that
 * nothing need be done to them in front. */
typedef struct {
    int (*near32)(const rsmi_door_t *door, off_t offset, uint32_t compare,
                  uint32_t operand, void *old);
    int (*near64)(const rsmi_door_t *door, off_t offset, uint64_t compare,
                  uint64_t operand, void *old);
} atomic_near_t;

/* Calls nothing and saves no registers: what is special ends in a jump. */
RSMI_INLINE int atomic_door(rsm_memseg_import_handle_t handle, off_t offset,
                            atomic_what_t what, uint64_t operand,
                            uint64_t compare, void *old, atomic_near_t near)
{
    rsmi_guard_reader_t *self = &rsmi_guard_self;
    size_t start = (size_t)offset;
    const rsmi_door_t *door;
    uint64_t found;
    int rc;

    if (rsmi_unlikely((start & (what.width - 1)) != 0)) {
        return atomic_special(handle, offset, what, operand, compare, old);
    }
    door = rsmi_handle_door(self, handle);
    if (rsmi_unlikely(start >= atomic_load_explicit(&door->atomic_size,
                                                    memory_order_relaxed))) {
        return (what.width == 4)
                   ? near.near32(door, offset, (uint32_t)compare,
                                 (uint32_t)operand, old)
                   : near.near64(door, offset, compare, operand, old);
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

/* Each stays small, and has what is far outside of it. */
#define ATOMIC_NEAR(name, op, bits, word)                              \
    static __attribute__((noinline)) int atomic_near_##name##bits(     \
        const rsmi_door_t *door, off_t offset, uint##bits##_t compare, \
        uint##bits##_t operand, void *old)                             \
    {                                                                  \
        return atomic_near(door, offset, compare, operand, old,        \
                           (atomic_what_t){op, (bits) / 8}, word);     \
    }

#define ATOMIC_DEFINE(name, op, bits, word)                                    \
    ATOMIC_NEAR(name, op, bits, word)                                          \
    RSMI_HOT int rsmx_import_##name##bits(                                     \
        rsm_memseg_import_handle_t im_memseg, off_t offset,                    \
        uint##bits##_t value, uint##bits##_t *old)                             \
    {                                                                          \
        return atomic_door(                                                    \
            im_memseg, offset, (atomic_what_t){op, (bits) / 8}, value, 0, old, \
            (atomic_near_t){.near##bits = atomic_near_##name##bits});          \
    }

#define ATOMIC_DEFINE_COMPARE(name, op, bits, word)                           \
    ATOMIC_NEAR(name, op, bits, word)                                         \
    RSMI_HOT int rsmx_import_##name##bits(                                    \
        rsm_memseg_import_handle_t im_memseg, off_t offset,                   \
        uint##bits##_t expected, uint##bits##_t desired, uint##bits##_t *old) \
    {                                                                         \
        return atomic_door(                                                   \
            im_memseg, offset, (atomic_what_t){op, (bits) / 8}, desired,      \
            expected, old,                                                    \
            (atomic_near_t){.near##bits = atomic_near_##name##bits});         \
    }

ATOMIC_DEFINE(fetch_add, RSMI_ATOMIC_ADD, 32, rsmi_fabric_self_add32)
ATOMIC_DEFINE(fetch_add, RSMI_ATOMIC_ADD, 64, rsmi_fabric_self_add64)
ATOMIC_DEFINE(swap, RSMI_ATOMIC_SWAP, 32, rsmi_fabric_self_swap32)
ATOMIC_DEFINE(swap, RSMI_ATOMIC_SWAP, 64, rsmi_fabric_self_swap64)
ATOMIC_DEFINE(fetch_and, RSMI_ATOMIC_AND, 32, NULL)
ATOMIC_DEFINE(fetch_and, RSMI_ATOMIC_AND, 64, NULL)
ATOMIC_DEFINE(fetch_or, RSMI_ATOMIC_OR, 32, NULL)
ATOMIC_DEFINE(fetch_or, RSMI_ATOMIC_OR, 64, NULL)
ATOMIC_DEFINE(fetch_xor, RSMI_ATOMIC_XOR, 32, NULL)
ATOMIC_DEFINE(fetch_xor, RSMI_ATOMIC_XOR, 64, NULL)
ATOMIC_DEFINE_COMPARE(compare_swap, RSMI_ATOMIC_CSWAP, 32,
                      rsmi_fabric_self_cswap32)
ATOMIC_DEFINE_COMPARE(compare_swap, RSMI_ATOMIC_CSWAP, 64,
                      rsmi_fabric_self_cswap64)
