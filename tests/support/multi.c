/* SPDX-License-Identifier: BSD-3-Clause */
#include "multi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "meet.h"

/* Present in builds with AddressSanitizer. */
extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

multi_t multi;

static rsmapi_controller_handle_t shared_controller;

int64_t multi_clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Long enough to give the processor away when ranks outnumber cores. */
void multi_pause(void)
{
    const struct timespec moment = {.tv_sec = 0, .tv_nsec = 20000};

    nanosleep(&moment, NULL);
}

void multi_skip(const char *reason)
{
    fprintf(stderr, "skipped: %s\n", reason);
    cr_skip("%s", reason);
}

void multi_start(uint32_t ranks)
{
    const char *rank = getenv("PMIX_RANK");
    const char *size = getenv("OMPI_COMM_WORLD_SIZE");
    char reason[64];

    multi.size = ranks;
    multi.rank = rank != NULL ? (uint32_t)strtoul(rank, NULL, 10) : 0;
    if ((rank == NULL && ranks > 1) ||
        (size != NULL && strtoul(size, NULL, 10) != ranks)) {
        snprintf(reason, sizeof(reason), "start with mpirun -n %u", ranks);
        multi_skip(reason);
    }
    cr_assert_null(meet_start(multi.rank, multi.size, MULTI_PATIENCE));
}

void multi_end(void)
{
    if (shared_controller != NULL)
        MULTI_OK(rsm_release_controller(shared_controller));
    shared_controller = NULL;
    if (__lsan_do_recoverable_leak_check != NULL)
        cr_assert_eq(__lsan_do_recoverable_leak_check(), 0, "memory leaked");
    multi_sync();
    meet_stop();
}

void multi_sync(void)
{
    uint64_t values[MULTI_RANKS_MAX] = {0};
    const char *error = meet(values, 2 * MULTI_PATIENCE);

    cr_assert_null(error, "ranks did not meet: %s", error);
}

uint64_t multi_share(uint32_t root, uint64_t value)
{
    uint64_t values[MULTI_RANKS_MAX] = {0};
    const char *error;

    values[multi.rank] = value;
    error = meet(values, 2 * MULTI_PATIENCE);
    cr_assert_null(error, "ranks did not meet: %s", error);
    return values[root];
}

rsm_node_id_t multi_self(void)
{
    rsm_node_id_t self = 0;

    MULTI_OK(rsmx_get_node_id(&self));
    return self;
}

rsm_node_id_t multi_node(uint32_t rank)
{
    return multi_self() - multi.rank + rank;
}

multi_path_t multi_path(void)
{
    const char *direct = getenv("RSM_DIRECT");
    const char *transports = getenv("UCX_TLS");

    if (transports != NULL && strstr(transports, "tcp") != NULL)
        return MULTI_PATH_NET;
    if (direct != NULL && strcasecmp(direct, "n") == 0)
        return MULTI_PATH_UCX;
    return MULTI_PATH_DIRECT;
}

rsmapi_controller_handle_t multi_controller(void)
{
    static char name[] = "ucx0";

    if (shared_controller == NULL)
        MULTI_OK(rsm_get_controller(name, &shared_controller));
    return shared_controller;
}

void *multi_pages(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    cr_assert_neq(memory, MAP_FAILED, "%zu bytes: %s", size, strerror(errno));
    return memory;
}

void multi_free_pages(void *memory, size_t size)
{
    cr_assert_eq(munmap(memory, size), 0);
}

/* A different byte for neighbours and for places that are a power of two
 * apart, so that misplaced data do not look right. */
static unsigned char fill_byte(size_t place, uint32_t seed)
{
    uint64_t mix = (place + 1) * 0x9e3779b97f4a7c15u + seed * 0x2545f491u;

    return (unsigned char)(mix >> 40);
}

void multi_fill(void *memory, size_t size, uint32_t seed)
{
    unsigned char *bytes = memory;
    size_t i;

    for (i = 0; i < size; i++)
        bytes[i] = fill_byte(i, seed);
}

bool multi_is_filled(const void *memory, size_t size, uint32_t seed)
{
    const unsigned char *bytes = memory;
    size_t i;

    for (i = 0; i < size; i++) {
        if (bytes[i] != fill_byte(i, seed))
            return false;
    }
    return true;
}

bool multi_is_all(const void *memory, size_t size, unsigned char value)
{
    const unsigned char *bytes = memory;
    size_t i;

    for (i = 0; i < size; i++) {
        if (bytes[i] != value)
            return false;
    }
    return true;
}

void multi_create(multi_segment_t *segment, size_t size, uint_t flags)
{
    *segment = (multi_segment_t){.memory = multi_pages(size), .size = size};
    MULTI_OK(rsm_memseg_export_create(multi_controller(), &segment->handle,
                                      segment->memory, size, flags));
}

void multi_publish(multi_segment_t *segment, size_t size, rsm_memseg_id_t id)
{
    multi_create(segment, size, RSM_ALLOW_REBIND);
    segment->id = id;
    MULTI_OK(rsm_memseg_export_publish(segment->handle, &segment->id, NULL, 0));
}

void multi_withdraw(multi_segment_t *segment)
{
    MULTI_OK(rsm_memseg_export_destroy(segment->handle));
    multi_free_pages(segment->memory, segment->size);
    *segment = (multi_segment_t){0};
}

void multi_await_importers(const multi_segment_t *segment, uint32_t count)
{
    uint32_t now = 0;

    MULTI_WAIT(rsmx_export_get_importer_count(segment->handle, &now) ==
                   RSM_SUCCESS &&
               now == count);
}

rsm_memseg_import_handle_t multi_connect_bare(uint32_t rank, rsm_memseg_id_t id,
                                              rsm_permission_t perm)
{
    int64_t deadline = multi_clock_ms() + MULTI_PATIENCE;
    rsm_memseg_import_handle_t handle = NULL;
    int rc;

    for (;;) {
        rc = rsm_memseg_import_connect(multi_controller(), multi_node(rank), id,
                                       perm, &handle);
        if (rc != RSMERR_SEG_NOT_PUBLISHED || multi_clock_ms() > deadline)
            break;
        multi_pause();
    }
    cr_assert_eq(rc, RSM_SUCCESS, "connect to rank %u segment 0x%x: %s", rank,
                 id, rsmx_error_name(rc));
    cr_assert_not_null(handle);
    return handle;
}

void multi_connect(multi_import_t *import, uint32_t rank, rsm_memseg_id_t id,
                   rsm_permission_t perm)
{
    memset(import, 0, sizeof(*import));
    import->handle = multi_connect_bare(rank, id, perm);
    MULTI_OK(rsm_memseg_import_init_barrier(import->handle, RSM_BARRIER_SEGMENT,
                                            &import->barrier));
}

void multi_disconnect(multi_import_t *import)
{
    MULTI_OK(rsm_memseg_import_destroy_barrier(&import->barrier));
    MULTI_OK(rsm_memseg_import_disconnect(import->handle));
    import->handle = NULL;
}

void multi_put64(const multi_import_t *import, off_t offset, uint64_t value)
{
    MULTI_OK(rsm_memseg_import_put64(import->handle, offset, &value, 1));
}

uint64_t multi_get64(const multi_import_t *import, off_t offset)
{
    uint64_t value = 0;

    MULTI_OK(rsm_memseg_import_get64(import->handle, offset, &value, 1));
    return value;
}
