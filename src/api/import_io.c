/* SPDX-License-Identifier: BSD-3-Clause */
/* get and put: ten front doors, one routine, specialised by the compiler. */
#include "api/guard.h"
#include "api/move.h"
#include "core/near.h"

/* Access through UCX waits for other processes: outside of the guarded
 * section, with a reference instead. Leaves the section. */
static RSMI_COLD int io_transfer(rsmi_import_t *import, size_t offset,
                                 void *data, size_t len, bool is_put)
{
    bool is_implicit = rsmi_span_is_implicit(import);
    int rc;

    rsmi_handle_hold(&import->object);
    rsmi_guard_leave();
    if (len == 0) {
        rc = RSM_SUCCESS;
    } else if (is_put) {
        rc = rsmi_transfer_put(import, offset, data, len, is_implicit);
    } else {
        rc = rsmi_transfer_get(import, offset, data, len);
    }
    rsmi_handle_put(&import->object);
    return rc;
}

RSMI_INLINE int io_check(rsmi_import_t *import, off_t offset, const void *data,
                         size_t count, size_t width, bool is_put)
{
    rsm_permission_t perm = is_put ? RSM_PERM_WRITE : RSM_PERM_READ;
    int rc;

    if (rsmi_unlikely(data == NULL)) {
        return RSMERR_BAD_ADDR;
    }
    if (rsmi_unlikely((((uintptr_t)data | (uintptr_t)offset) & (width - 1)) !=
                      0)) {
        return RSMERR_BAD_MEM_ALIGNMENT;
    }
    if (rsmi_unlikely(count > SIZE_MAX / width)) {
        count = SIZE_MAX / width; /* leaves every segment */
    }
    rc = rsmi_span_check(import, offset, count * width, perm);
    if (rsmi_unlikely(rc != RSM_SUCCESS)) {
        return rc;
    }
    if (rsmi_unlikely(rsmi_span_is_implicit(import) &&
                      (atomic_load_explicit(&import->barriers,
                                            memory_order_relaxed) == 0))) {
        return RSMERR_BARRIER_UNINITIALIZED;
    }
    return RSM_SUCCESS;
}

RSMI_INLINE void io_move(char *remote, void *data, size_t count, size_t width,
                         bool is_put)
{
    if (is_put) {
        rsmi_move(remote, data, count, width);
    } else {
        rsmi_move(data, remote, count, width);
    }
}

/* What is special about an access, and whatever there is to say. */
static RSMI_COLD int io_special(rsm_memseg_import_handle_t handle, off_t offset,
                                void *data, size_t count, size_t width,
                                bool is_put)
{
    rsmi_import_t *import;
    int rc;

    rsmi_guard_enter(handle);
    import = rsmi_handle_find(handle, RSMI_KIND_IMPORT);
    if (import == NULL) {
        rc = RSMERR_BAD_SEG_HNDL;
        goto out;
    }
    rc = io_check(import, offset, data, count, width, is_put);
    if (rc != RSM_SUCCESS) {
        goto out;
    }
    if (import->door.view == NULL) {
        return io_transfer(import, (size_t)offset, data, count * width, is_put);
    }
    io_move(import->door.view + offset, data, count, width, is_put);
    rc = rsmi_span_end(&import->door, is_put);
out:
    rsmi_guard_leave();
    return rc;
}

/* An access that found @p door closed, still inside the section that this
 * began. If it is UCX that copies, in this process, there is nothing special
 * about it. */
RSMI_INLINE int io_near(const rsmi_door_t *door, off_t offset, void *data,
                        size_t count, size_t width, bool is_put)
{
    rsmi_guard_reader_t *self = &rsmi_guard_self;
    rsmi_import_t *import = rsmi_near_import(door);
    size_t start = (size_t)offset, size = 0;
    rsm_memseg_import_handle_t handle;
    int rc;

    if (rsmi_likely(door->is_far)) {
        size = rsmi_near_size(import->far, is_put);
    }
    /* None at all are more than there are, less one. */
    if (rsmi_unlikely((start >= size) ||
                      (count - 1 >= (size - start) / width) || (data == NULL) ||
                      ((((uintptr_t)data | start) & (width - 1)) != 0))) {
        handle = rsmi_guard_retreat_from(self);
        return io_special(handle, offset, data, count, width, is_put);
    }
    rc = is_put ? rsmi_near_put(import, start, data, count * width)
                : rsmi_near_get(import, start, data, count * width);
    rsmi_guard_retreat(self);
    return rc;
}

typedef int (*io_near_func_t)(const rsmi_door_t *door, off_t offset, void *data,
                              size_t count);

/* Any number of elements between plain memory and a view. The connection is
 * looked at once, afterwards: what went to a withdrawn segment's pages went to
 * nobody, and is reported. */
RSMI_INLINE int io_access(rsm_memseg_import_handle_t handle, off_t offset,
                          void *data, size_t count, size_t width, bool is_put,
                          io_near_func_t near)
{
    rsmi_guard_reader_t *self = &rsmi_guard_self;
    size_t start = (size_t)offset, size;
    const rsmi_door_t *door;
    int rc;

    door = rsmi_handle_door(self, handle);
    size = rsmi_span_size(door, is_put);
    if (rsmi_unlikely((start >= size) || (count > (size - start) / width) ||
                      (data == NULL) ||
                      ((((uintptr_t)data | start) & (width - 1)) != 0))) {
        return near(door, offset, data, count);
    }
    io_move(door->view + start, data, count, width, is_put);
    rc = rsmi_span_end(door, is_put);
    rsmi_guard_retreat(self);
    return rc;
}

/* Two routines for each width and direction, outside of the front doors, which
 * stay small. */
#define IO_DEFINE(name, width, is_put)                                   \
    static __attribute__((noinline)) int io_near_##name(                 \
        const rsmi_door_t *door, off_t offset, void *data, size_t count) \
    {                                                                    \
        return io_near(door, offset, data, count, width, is_put);        \
    }                                                                    \
    static __attribute__((noinline)) int io_##name(                      \
        rsm_memseg_import_handle_t handle, off_t offset, void *data,     \
        size_t count)                                                    \
    {                                                                    \
        return io_access(handle, offset, data, count, width, is_put,     \
                         io_near_##name);                                \
    }

typedef int (*io_func_t)(rsm_memseg_import_handle_t handle, off_t offset,
                         void *data, size_t count);

IO_DEFINE(get8, 1, false)
IO_DEFINE(get16, 2, false)
IO_DEFINE(get32, 4, false)
IO_DEFINE(get64, 8, false)
IO_DEFINE(put8, 1, true)
IO_DEFINE(put16, 2, true)
IO_DEFINE(put32, 4, true)
IO_DEFINE(put64, 8, true)

/* The case that counts, one word between plain memory and a view: it calls
 * nothing and saves no registers. Whatever is special about it closes the door
 * and goes to @p near, or @p general. The connection is looked at once,
 * afterwards: what went to a withdrawn segment's pages went to nobody, and is
 * reported. */
RSMI_INLINE int io_word(rsm_memseg_import_handle_t handle, off_t offset,
                        void *data, size_t count, size_t width, bool is_put,
                        io_func_t general, io_near_func_t near)
{
    rsmi_guard_reader_t *self = &rsmi_guard_self;
    size_t start = (size_t)offset;
    const rsmi_door_t *door;
    int rc;

    if (rsmi_unlikely((count != 1) || (data == NULL) ||
                      ((((uintptr_t)data | start) & (width - 1)) != 0))) {
        return general(handle, offset, data, count);
    }
    door = rsmi_handle_door(self, handle);
    if (rsmi_unlikely(start >= rsmi_span_size(door, is_put))) {
        return near(door, offset, data, count);
    }
    io_move(door->view + start, data, 1, width, is_put);
    rc = rsmi_span_end(door, is_put);
    rsmi_guard_retreat(self);
    return rc;
}

/* The same for a few bytes. */
RSMI_INLINE int io_bytes(rsm_memseg_import_handle_t handle, off_t offset,
                         void *data, size_t count, bool is_put,
                         io_func_t general, io_near_func_t near)
{
    rsmi_guard_reader_t *self = &rsmi_guard_self;
    size_t start = (size_t)offset, size;
    const rsmi_door_t *door;
    int rc;

    if (rsmi_unlikely((count > RSMI_COPY_FEW) || (data == NULL))) {
        return general(handle, offset, data, count);
    }
    door = rsmi_handle_door(self, handle);
    size = rsmi_span_size(door, is_put);
    if (rsmi_unlikely((start >= size) || (count > size - start))) {
        return near(door, offset, data, count);
    }
    if (is_put) {
        rsmi_copy_few(door->view + start, data, count);
    } else {
        rsmi_copy_few(data, door->view + start, count);
    }
    rc = rsmi_span_end(door, is_put);
    rsmi_guard_retreat(self);
    return rc;
}

RSMI_HOT int rsm_memseg_import_get8(rsm_memseg_import_handle_t im_memseg,
                                    off_t offset, uint8_t *datap,
                                    ulong_t rep_cnt)
{
    return io_bytes(im_memseg, offset, datap, rep_cnt, false, io_get8,
                    io_near_get8);
}

RSMI_HOT int rsm_memseg_import_get16(rsm_memseg_import_handle_t im_memseg,
                                     off_t offset, uint16_t *datap,
                                     ulong_t rep_cnt)
{
    return io_word(im_memseg, offset, datap, rep_cnt, 2, false, io_get16,
                   io_near_get16);
}

RSMI_HOT int rsm_memseg_import_get32(rsm_memseg_import_handle_t im_memseg,
                                     off_t offset, uint32_t *datap,
                                     ulong_t rep_cnt)
{
    return io_word(im_memseg, offset, datap, rep_cnt, 4, false, io_get32,
                   io_near_get32);
}

RSMI_HOT int rsm_memseg_import_get64(rsm_memseg_import_handle_t im_memseg,
                                     off_t offset, uint64_t *datap,
                                     ulong_t rep_cnt)
{
    return io_word(im_memseg, offset, datap, rep_cnt, 8, false, io_get64,
                   io_near_get64);
}

RSMI_HOT int rsm_memseg_import_get(rsm_memseg_import_handle_t im_memseg,
                                   off_t offset, void *dst_addr, size_t length)
{
    return io_bytes(im_memseg, offset, dst_addr, length, false, io_get8,
                    io_near_get8);
}

RSMI_HOT int rsm_memseg_import_put8(rsm_memseg_import_handle_t im_memseg,
                                    off_t offset, uint8_t *datap,
                                    ulong_t rep_cnt)
{
    return io_bytes(im_memseg, offset, datap, rep_cnt, true, io_put8,
                    io_near_put8);
}

RSMI_HOT int rsm_memseg_import_put16(rsm_memseg_import_handle_t im_memseg,
                                     off_t offset, uint16_t *datap,
                                     ulong_t rep_cnt)
{
    return io_word(im_memseg, offset, datap, rep_cnt, 2, true, io_put16,
                   io_near_put16);
}

RSMI_HOT int rsm_memseg_import_put32(rsm_memseg_import_handle_t im_memseg,
                                     off_t offset, uint32_t *datap,
                                     ulong_t rep_cnt)
{
    return io_word(im_memseg, offset, datap, rep_cnt, 4, true, io_put32,
                   io_near_put32);
}

RSMI_HOT int rsm_memseg_import_put64(rsm_memseg_import_handle_t im_memseg,
                                     off_t offset, uint64_t *datap,
                                     ulong_t rep_cnt)
{
    return io_word(im_memseg, offset, datap, rep_cnt, 8, true, io_put64,
                   io_near_put64);
}

RSMI_HOT int rsm_memseg_import_put(rsm_memseg_import_handle_t im_memseg,
                                   off_t offset, void *src_addr, size_t length)
{
    return io_bytes(im_memseg, offset, src_addr, length, true, io_put8,
                    io_near_put8);
}
