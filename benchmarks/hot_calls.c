/* SPDX-License-Identifier: BSD-3-Clause */
/* Every call that programs make millions of times, made again and again to a
 * segment of this process's own, for ci/check_instructions to count their
 * instructions. Under callgrind, told to collect inside hot_*() only, each
 * line of the table below becomes one profile, named "CALL MODE", with what
 * this program does and what the library does kept apart; alone, the program
 * shows that all calls succeed. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rsmapi.h>
#include <rsmx.h>
#include <valgrind/callgrind.h>

#define SEGMENT_ID   0x400011
#define SEGMENT_SIZE 65536
#define CALLS        100 /* ci/check_instructions divides by it */

typedef struct {
    rsm_memseg_import_handle_t import;
    rsmapi_barrier_t barrier;
    rsmapi_barrier_t other; /* closed between the calls that are counted */
    rsm_scat_gath_t request;
    rsm_iovec_t piece;
    union {
        uint8_t u8;
        uint16_t u16;
        uint32_t u32;
        uint64_t u64;
        unsigned char bytes[64];
    } local;
    int rc;
} hot_t;

static void must(int rc, const char *call)
{
    if (rc != RSM_SUCCESS) {
        fprintf(stderr, "hot_calls: %s: %s\n", call, rsmx_strerror(rc));
        exit(EXIT_FAILURE);
    }
}

/* One function for each line of the table. It keeps the result so that the
 * call comes back to it: a jump at its end would leave the profile. */
#define HOT(name, call)                \
    static void hot_##name(hot_t *hot) \
    {                                  \
        hot->rc = (call);              \
    }

HOT(put8, rsm_memseg_import_put8(hot->import, 64, &hot->local.u8, 1))
HOT(put16, rsm_memseg_import_put16(hot->import, 64, &hot->local.u16, 1))
HOT(put32, rsm_memseg_import_put32(hot->import, 64, &hot->local.u32, 1))
HOT(put64, rsm_memseg_import_put64(hot->import, 64, &hot->local.u64, 1))
HOT(get8, rsm_memseg_import_get8(hot->import, 64, &hot->local.u8, 1))
HOT(get16, rsm_memseg_import_get16(hot->import, 64, &hot->local.u16, 1))
HOT(get32, rsm_memseg_import_get32(hot->import, 64, &hot->local.u32, 1))
HOT(get64, rsm_memseg_import_get64(hot->import, 64, &hot->local.u64, 1))
HOT(put_8_bytes, rsm_memseg_import_put(hot->import, 64, hot->local.bytes, 8))
HOT(get_8_bytes, rsm_memseg_import_get(hot->import, 64, hot->local.bytes, 8))
HOT(put_64_bytes, rsm_memseg_import_put(hot->import, 64, hot->local.bytes, 64))
HOT(get_64_bytes, rsm_memseg_import_get(hot->import, 64, hot->local.bytes, 64))
HOT(putv_1_piece, rsm_memseg_import_putv(&hot->request))
HOT(getv_1_piece, rsm_memseg_import_getv(&hot->request))
HOT(fetch_add32, rsmx_import_fetch_add32(hot->import, 64, 1, &hot->local.u32))
HOT(fetch_add64, rsmx_import_fetch_add64(hot->import, 64, 1, &hot->local.u64))
HOT(compare_swap32,
    rsmx_import_compare_swap32(hot->import, 64, 1, 1, &hot->local.u32))
HOT(compare_swap64,
    rsmx_import_compare_swap64(hot->import, 64, 1, 1, &hot->local.u64))
HOT(order, rsm_memseg_import_order_barrier(&hot->barrier))

static void hot_open_close(hot_t *hot)
{
    hot->rc = rsm_memseg_import_open_barrier(&hot->other);
    if (hot->rc == RSM_SUCCESS) {
        hot->rc = rsm_memseg_import_close_barrier(&hot->other);
    }
}

static const struct {
    const char *name;
    void (*call)(hot_t *hot);
} hot_rows[] = {
#define ROW(name)         \
    {                     \
#name, hot_##name \
    }
    ROW(put8),         ROW(put16),          ROW(put32),
    ROW(put64),        ROW(get8),           ROW(get16),
    ROW(get32),        ROW(get64),          ROW(put_8_bytes),
    ROW(get_8_bytes),  ROW(put_64_bytes),   ROW(get_64_bytes),
    ROW(putv_1_piece), ROW(getv_1_piece),   ROW(fetch_add32),
    ROW(fetch_add64),  ROW(compare_swap32), ROW(compare_swap64),
    ROW(order),        ROW(open_close),
};

/* Once for what the first call does, then for the profile. */
static void count_row(hot_t *hot, size_t row, const char *mode)
{
    char title[64];
    int i;

    hot_rows[row].call(hot);
    CALLGRIND_ZERO_STATS;
    for (i = 0; (i < CALLS) && (hot->rc == RSM_SUCCESS); ++i) {
        hot_rows[row].call(hot);
    }
    snprintf(title, sizeof(title), "%s %s", hot_rows[row].name, mode);
    CALLGRIND_DUMP_STATS_AT(title);
    must(hot->rc, title);
    printf("%s: %d calls\n", title, CALLS);
}

static void count_mode(hot_t *hot, rsm_barrier_mode_t mode, const char *name)
{
    size_t i;

    must(rsm_memseg_import_set_mode(hot->import, mode), "set_mode");
    must(rsm_memseg_import_open_barrier(&hot->barrier), "open_barrier");
    for (i = 0; i < sizeof(hot_rows) / sizeof(hot_rows[0]); ++i) {
        count_row(hot, i, name);
    }
    must(rsm_memseg_import_close_barrier(&hot->barrier), "close_barrier");
}

static void connect_to_self(hot_t *hot, rsmapi_controller_handle_t controller,
                            rsm_node_id_t self)
{
    must(rsm_memseg_import_connect(controller, self, SEGMENT_ID, RSM_PERM_RDWR,
                                   &hot->import),
         "connect");
    must(rsm_memseg_import_init_barrier(hot->import, RSM_BARRIER_SEGMENT,
                                        &hot->barrier),
         "init_barrier");
    must(rsm_memseg_import_init_barrier(hot->import, RSM_BARRIER_SEGMENT,
                                        &hot->other),
         "init_barrier");
    hot->piece = (rsm_iovec_t){.io_type = RSM_VA_TYPE,
                               .local.vaddr = (caddr_t)hot->local.bytes,
                               .remote_offset = 64,
                               .transfer_length = 8};
    hot->request = (rsm_scat_gath_t){.local_nodeid = self,
                                     .io_request_count = 1,
                                     .remote_handle = hot->import,
                                     .iovec = &hot->piece};
}

int main(void)
{
    static hot_t hot;
    rsm_memseg_id_t id = SEGMENT_ID;
    rsmapi_access_entry_t access = {.ae_permission = 0600};
    rsmapi_controller_handle_t controller;
    rsm_memseg_export_handle_t segment;
    void *memory = NULL;

    must(rsmx_get_node_id(&access.ae_node), "get_node_id");
    must(rsm_get_controller((char *)"loopback", &controller), "get_controller");
    if (posix_memalign(&memory, (size_t)sysconf(_SC_PAGESIZE), SEGMENT_SIZE) !=
        0) {
        must(RSMERR_INSUFFICIENT_MEM, "posix_memalign");
    }
    memset(memory, 0, SEGMENT_SIZE);
    must(
        rsm_memseg_export_create(controller, &segment, memory, SEGMENT_SIZE, 0),
        "export_create");
    must(rsm_memseg_export_publish(segment, &id, &access, 1), "publish");
    connect_to_self(&hot, controller, access.ae_node);

    count_mode(&hot, RSM_BARRIER_MODE_IMPLICIT, "implicit");
    count_mode(&hot, RSM_BARRIER_MODE_EXPLICIT, "explicit");

    must(rsm_memseg_import_destroy_barrier(&hot.other), "destroy_barrier");
    must(rsm_memseg_import_destroy_barrier(&hot.barrier), "destroy_barrier");
    must(rsm_memseg_import_disconnect(hot.import), "disconnect");
    must(rsm_memseg_export_destroy(segment), "export_destroy");
    must(rsm_release_controller(controller), "release_controller");
    free(memory);
    return EXIT_SUCCESS;
}
