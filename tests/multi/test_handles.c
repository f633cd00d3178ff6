/* SPDX-License-Identifier: BSD-3-Clause */
/* Every function gets every kind of wrong handle: it answers with the
 * documented error, and right handles are none the worse for it. */
#include "multi.h"

#include <string.h>

/* Right values for everything but the handle under test. */
static struct {
    rsmapi_controller_handle_t controller;
    rsm_memseg_export_handle_t segment;
    rsm_memseg_import_handle_t import;
    rsm_localmemory_handle_t local;
    unsigned char *memory;
} right;

typedef int (*call_t)(void *handle);

static _Alignas(8) unsigned char buffer[64];

#define CALL(name, expression)    \
    static int name(void *handle) \
    {                             \
        return expression;        \
    }

/* Controllers. */
static int controller_attr(void *handle)
{
    rsmapi_controller_attr_t attr;

    return rsm_get_controller_attr(handle, &attr);
}

CALL(controller_release, rsm_release_controller(handle))

static int controller_create(void *handle)
{
    rsm_memseg_export_handle_t segment = NULL;

    return rsm_memseg_export_create(handle, &segment, right.memory, MULTI_PAGE,
                                    0);
}

static int controller_connect(void *handle)
{
    rsm_memseg_import_handle_t import = NULL;

    return rsm_memseg_import_connect(handle, multi_self(), MULTI_ID(0),
                                     RSM_PERM_RDWR, &import);
}

static int controller_localmem(void *handle)
{
    rsm_localmemory_handle_t local = NULL;

    return rsm_create_localmemory_handle(handle, &local, (caddr_t)right.memory,
                                         MULTI_PAGE);
}

CALL(controller_free_localmem, rsm_free_localmemory_handle(handle, right.local))

static const call_t controller_calls[] = {
    controller_attr,    controller_release,  controller_create,
    controller_connect, controller_localmem, controller_free_localmem};

/* Export segments. */
static int export_publish(void *handle)
{
    rsm_memseg_id_t id = MULTI_ID(5);

    return rsm_memseg_export_publish(handle, &id, NULL, 0);
}

static int export_count(void *handle)
{
    uint32_t count;

    return rsmx_export_get_importer_count(handle, &count);
}

CALL(export_destroy, rsm_memseg_export_destroy(handle))
CALL(export_republish, rsm_memseg_export_republish(handle, NULL, 0))
CALL(export_unpublish, rsm_memseg_export_unpublish(handle))
CALL(export_rebind,
     rsm_memseg_export_rebind(handle, right.memory, 0, MULTI_PAGE))

static const call_t export_calls[] = {export_publish,   export_count,
                                      export_destroy,   export_republish,
                                      export_unpublish, export_rebind};

/* Import segments. */
CALL(import_disconnect, rsm_memseg_import_disconnect(handle))
CALL(import_get, rsm_memseg_import_get(handle, 0, buffer, 8))
CALL(import_get8, rsm_memseg_import_get8(handle, 0, (void *)buffer, 1))
CALL(import_get16, rsm_memseg_import_get16(handle, 0, (void *)buffer, 1))
CALL(import_get32, rsm_memseg_import_get32(handle, 0, (void *)buffer, 1))
CALL(import_get64, rsm_memseg_import_get64(handle, 0, (void *)buffer, 1))
CALL(import_put, rsm_memseg_import_put(handle, 0, buffer, 8))
CALL(import_put8, rsm_memseg_import_put8(handle, 0, (void *)buffer, 1))
CALL(import_put16, rsm_memseg_import_put16(handle, 0, (void *)buffer, 1))
CALL(import_put32, rsm_memseg_import_put32(handle, 0, (void *)buffer, 1))
CALL(import_put64, rsm_memseg_import_put64(handle, 0, (void *)buffer, 1))
CALL(import_unmap, rsm_memseg_import_unmap(handle))
CALL(import_set_mode,
     rsm_memseg_import_set_mode(handle, RSM_BARRIER_MODE_IMPLICIT))
CALL(import_add32, rsmx_import_fetch_add32(handle, 0, 1, NULL))
CALL(import_swap32, rsmx_import_swap32(handle, 0, 1, NULL))
CALL(import_and32, rsmx_import_fetch_and32(handle, 0, 1, NULL))
CALL(import_or32, rsmx_import_fetch_or32(handle, 0, 1, NULL))
CALL(import_xor32, rsmx_import_fetch_xor32(handle, 0, 1, NULL))
CALL(import_cas32, rsmx_import_compare_swap32(handle, 0, 1, 1, NULL))
CALL(import_add64, rsmx_import_fetch_add64(handle, 0, 1, NULL))
CALL(import_swap64, rsmx_import_swap64(handle, 0, 1, NULL))
CALL(import_and64, rsmx_import_fetch_and64(handle, 0, 1, NULL))
CALL(import_or64, rsmx_import_fetch_or64(handle, 0, 1, NULL))
CALL(import_xor64, rsmx_import_fetch_xor64(handle, 0, 1, NULL))
CALL(import_cas64, rsmx_import_compare_swap64(handle, 0, 1, 1, NULL))

static int import_map(void *handle)
{
    void *address = NULL;

    return rsm_memseg_import_map(handle, &address, RSM_MAP_NONE, RSM_PERM_READ,
                                 0, MULTI_PAGE);
}

static int import_init_barrier(void *handle)
{
    rsmapi_barrier_t barrier;

    return rsm_memseg_import_init_barrier(handle, RSM_BARRIER_SEGMENT,
                                          &barrier);
}

static int import_get_mode(void *handle)
{
    rsm_barrier_mode_t mode;

    return rsm_memseg_import_get_mode(handle, &mode);
}

static int import_size(void *handle)
{
    size_t size;

    return rsmx_import_get_size(handle, &size);
}

static int import_permission(void *handle)
{
    rsm_permission_t perm;

    return rsmx_import_get_permission(handle, &perm);
}

static int import_vector(void *handle, int (*function)(rsm_scat_gath_t *))
{
    rsm_iovec_t piece = {.io_type = RSM_VA_TYPE,
                         .local.vaddr = (caddr_t)buffer,
                         .transfer_length = 8};
    rsm_scat_gath_t vector = {
        .io_request_count = 1, .remote_handle = handle, .iovec = &piece};

    return function(&vector);
}

CALL(import_putv, import_vector(handle, rsm_memseg_import_putv))
CALL(import_getv, import_vector(handle, rsm_memseg_import_getv))

static const call_t import_calls[] = {
    import_disconnect, import_get,        import_get8,         import_get16,
    import_get32,      import_get64,      import_put,          import_put8,
    import_put16,      import_put32,      import_put64,        import_unmap,
    import_set_mode,   import_add32,      import_swap32,       import_and32,
    import_or32,       import_xor32,      import_cas32,        import_add64,
    import_swap64,     import_and64,      import_or64,         import_xor64,
    import_cas64,      import_map,        import_init_barrier, import_get_mode,
    import_size,       import_permission, import_putv,         import_getv};

/* Either kind of segment. */
CALL(either_post, rsm_intr_signal_post(handle, 0))
CALL(either_wait, rsm_intr_signal_wait(handle, 0))
CALL(either_release_pollfd, rsm_memseg_release_pollfd(handle))

static int either_get_pollfd(void *handle)
{
    struct pollfd entry;

    return rsm_memseg_get_pollfd(handle, &entry);
}

static const call_t either_calls[] = {either_post, either_wait,
                                      either_release_pollfd, either_get_pollfd};

CALL(local_free, rsm_free_localmemory_handle(right.controller, handle))

static const call_t local_calls[] = {local_free};

static void set_up(void)
{
    rsm_memseg_id_t id = MULTI_ID(0);

    right.controller = multi_controller();
    right.memory = multi_pages(MULTI_PAGE);
    MULTI_OK(rsm_memseg_export_create(right.controller, &right.segment,
                                      right.memory, MULTI_PAGE,
                                      RSM_ALLOW_REBIND));
    MULTI_OK(rsm_memseg_export_publish(right.segment, &id, NULL, 0));
    right.import = multi_connect_bare(0, id, RSM_PERM_RDWR);
    MULTI_OK(rsm_create_localmemory_handle(right.controller, &right.local,
                                           (caddr_t)right.memory, MULTI_PAGE));
}

static void tear_down(void)
{
    MULTI_OK(rsm_free_localmemory_handle(right.controller, right.local));
    MULTI_OK(rsm_memseg_import_disconnect(right.import));
    MULTI_OK(rsm_memseg_export_destroy(right.segment));
    cr_assert(multi_is_all(right.memory, MULTI_PAGE, 0), "memory was changed");
    multi_free_pages(right.memory, MULTI_PAGE);
}

static void expect(const call_t *calls, size_t count, void *handle, int code)
{
    size_t i;

    for (i = 0; i < count; i++) {
        int rc = calls[i](handle);

        cr_assert_eq(rc, code, "call %zu with %p: %s, expected %s", i, handle,
                     rsmx_error_name(rc), rsmx_error_name(code));
    }
}

#define EXPECT(calls, handle, code) \
    expect(calls, sizeof(calls) / sizeof((calls)[0]), handle, code)

/* As an argument of every function. */
static void expect_useless(void *handle)
{
    EXPECT(controller_calls, handle, RSMERR_BAD_CTLR_HNDL);
    EXPECT(export_calls, handle, RSMERR_BAD_SEG_HNDL);
    EXPECT(import_calls, handle, RSMERR_BAD_SEG_HNDL);
    EXPECT(either_calls, handle, RSMERR_BAD_SEG_HNDL);
    EXPECT(local_calls, handle, RSMERR_BAD_LOCALMEM_HNDL);
}

MULTI_TEST(handles, null_is_recognised, 1)
{
    set_up();
    expect_useless(NULL);
    tear_down();
}

MULTI_TEST(handles, garbage_is_recognised, 1)
{
    static unsigned char readable[4096];
    const uintptr_t values[] = {1,
                                2,
                                8,
                                16,
                                0x1000,
                                0xffff,
                                0x10000,
                                0x10001,
                                0xdeadbeef,
                                0x100000000,
                                0x100000001,
                                0x7fffffffffff,
                                0x8000000000000000,
                                UINTPTR_MAX - 7,
                                UINTPTR_MAX};
    size_t i;

    set_up();
    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        expect_useless((void *)values[i]);
    for (i = 0; i < 256; i += 51) {
        memset(readable, (int)i, sizeof(readable));
        expect_useless(readable);
        expect_useless(readable + 1);
    }
    expect_useless(right.memory);
    tear_down();
}

/* Right handles with one bit turned. */
MULTI_TEST(handles, damage_is_recognised, 1)
{
    unsigned bit;

    set_up();
    for (bit = 0; bit < 64; bit++) {
        uintptr_t mask = (uintptr_t)1 << bit;

        EXPECT(export_calls, (void *)((uintptr_t)right.segment ^ mask),
               RSMERR_BAD_SEG_HNDL);
        EXPECT(import_calls, (void *)((uintptr_t)right.import ^ mask),
               RSMERR_BAD_SEG_HNDL);
        EXPECT(controller_calls, (void *)((uintptr_t)right.controller ^ mask),
               RSMERR_BAD_CTLR_HNDL);
        EXPECT(local_calls, (void *)((uintptr_t)right.local ^ mask),
               RSMERR_BAD_LOCALMEM_HNDL);
    }
    tear_down();
}

MULTI_TEST(handles, other_kinds_are_recognised, 1)
{
    set_up();
    EXPECT(controller_calls, right.segment, RSMERR_BAD_CTLR_HNDL);
    EXPECT(controller_calls, right.import, RSMERR_BAD_CTLR_HNDL);
    EXPECT(controller_calls, right.local, RSMERR_BAD_CTLR_HNDL);
    EXPECT(export_calls, right.controller, RSMERR_BAD_SEG_HNDL);
    EXPECT(export_calls, right.import, RSMERR_BAD_SEG_HNDL);
    EXPECT(export_calls, right.local, RSMERR_BAD_SEG_HNDL);
    EXPECT(import_calls, right.controller, RSMERR_BAD_SEG_HNDL);
    EXPECT(import_calls, right.segment, RSMERR_BAD_SEG_HNDL);
    EXPECT(import_calls, right.local, RSMERR_BAD_SEG_HNDL);
    EXPECT(either_calls, right.controller, RSMERR_BAD_SEG_HNDL);
    EXPECT(either_calls, right.local, RSMERR_BAD_SEG_HNDL);
    EXPECT(local_calls, right.controller, RSMERR_BAD_LOCALMEM_HNDL);
    EXPECT(local_calls, right.segment, RSMERR_BAD_LOCALMEM_HNDL);
    EXPECT(local_calls, right.import, RSMERR_BAD_LOCALMEM_HNDL);
    tear_down();
}

/* Stale handles stay stale, also when their place is taken again. */
MULTI_TEST(handles, stale_ones_are_recognised, 1)
{
    enum { ROUNDS = 30 };
    rsm_memseg_export_handle_t segments[ROUNDS];
    rsm_memseg_import_handle_t imports[ROUNDS];
    rsm_localmemory_handle_t locals[ROUNDS];
    int i;

    for (i = 0; i < ROUNDS; i++) {
        set_up();
        segments[i] = right.segment;
        imports[i] = right.import;
        locals[i] = right.local;
        tear_down();
    }
    set_up();
    for (i = 0; i < ROUNDS; i++) {
        EXPECT(export_calls, segments[i], RSMERR_BAD_SEG_HNDL);
        EXPECT(either_calls, segments[i], RSMERR_BAD_SEG_HNDL);
        EXPECT(import_calls, imports[i], RSMERR_BAD_SEG_HNDL);
        EXPECT(either_calls, imports[i], RSMERR_BAD_SEG_HNDL);
        EXPECT(local_calls, locals[i], RSMERR_BAD_LOCALMEM_HNDL);
    }
    tear_down();
}

MULTI_TEST(handles, stale_controller_is_recognised, 1)
{
    static char name[] = "loopback";
    rsmapi_controller_handle_t stale = NULL;

    set_up();
    MULTI_OK(rsm_get_controller(name, &stale));
    MULTI_OK(rsm_release_controller(stale));
    EXPECT(controller_calls, stale, RSMERR_BAD_CTLR_HNDL);
    tear_down();
}
