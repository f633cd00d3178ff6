/* SPDX-License-Identifier: BSD-3-Clause */
/* A program as they were written for the original system: it brings numbers
 * and types of its own, spells them its own way, and knows nothing of rsmx.h.
 * It has to compile without a diagnostic, in C and (old_source_cxx.cpp) in
 * C++, and to run on a job of one node. Every function is reached through a
 * pointer of exactly the type that the original header gave it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* What sources carried along because systems lacked it. */
typedef unsigned int uint_t;
typedef unsigned long ulong_t;

/* clang-format off */
#define RSM_PERM_READ	0400
#define RSM_PERM_WRITE	0200
#define RSM_PERM_RDWR	(RSM_PERM_READ|RSM_PERM_WRITE)
#define RSM_ACCESS_TRUSTED	0666
/* clang-format on */

#include <sys/rsm/rsm_common.h>
#include <sys/rsm/rsmapi_common.h>
#include <rsmapi.h>

typedef unsigned char uchar_t;

/* clang-format off */
#define RSM_PERM_READ	0400
#define RSM_PERM_RDWR	(RSM_PERM_READ|RSM_PERM_WRITE)
/* clang-format on */

#define SEGMENT_ID 0x400000
#define BUFSIZE    8192

static struct {
    int (*get_controller)(char *, rsmapi_controller_handle_t *);
    int (*get_controller_attr)(rsmapi_controller_handle_t,
                               rsmapi_controller_attr_t *);
    int (*release_controller)(rsmapi_controller_handle_t);
    int (*get_topology)(rsm_topology_t **);
    void (*free_topology)(rsm_topology_t *);
    int (*get_segmentid_range)(const char *, rsm_memseg_id_t *, uint32_t *);
    int (*create)(rsmapi_controller_handle_t, rsm_memseg_export_handle_t *,
                  void *, size_t, uint_t);
    int (*destroy)(rsm_memseg_export_handle_t);
    int (*publish)(rsm_memseg_export_handle_t, rsm_memseg_id_t *,
                   rsmapi_access_entry_t[], uint_t);
    int (*republish)(rsm_memseg_export_handle_t, rsmapi_access_entry_t[],
                     uint_t);
    int (*unpublish)(rsm_memseg_export_handle_t);
    int (*rebind)(rsm_memseg_export_handle_t, void *, offset_t, size_t);
    int (*connect)(rsmapi_controller_handle_t, rsm_node_id_t, rsm_memseg_id_t,
                   rsm_permission_t, rsm_memseg_import_handle_t *);
    int (*disconnect)(rsm_memseg_import_handle_t);
    int (*get8)(rsm_memseg_import_handle_t, off_t, uint8_t *, ulong_t);
    int (*get16)(rsm_memseg_import_handle_t, off_t, uint16_t *, ulong_t);
    int (*get32)(rsm_memseg_import_handle_t, off_t, uint32_t *, ulong_t);
    int (*get64)(rsm_memseg_import_handle_t, off_t, uint64_t *, ulong_t);
    int (*get)(rsm_memseg_import_handle_t, off_t, void *, size_t);
    int (*put8)(rsm_memseg_import_handle_t, off_t, uint8_t *, ulong_t);
    int (*put16)(rsm_memseg_import_handle_t, off_t, uint16_t *, ulong_t);
    int (*put32)(rsm_memseg_import_handle_t, off_t, uint32_t *, ulong_t);
    int (*put64)(rsm_memseg_import_handle_t, off_t, uint64_t *, ulong_t);
    int (*put)(rsm_memseg_import_handle_t, off_t, void *, size_t);
    int (*putv)(rsm_scat_gath_t *);
    int (*getv)(rsm_scat_gath_t *);
    int (*create_localmemory)(rsmapi_controller_handle_t,
                              rsm_localmemory_handle_t *, caddr_t, size_t);
    int (*free_localmemory)(rsmapi_controller_handle_t,
                            rsm_localmemory_handle_t);
    int (*map)(rsm_memseg_import_handle_t, void **, rsm_attribute_t,
               rsm_permission_t, off_t, size_t);
    int (*unmap)(rsm_memseg_import_handle_t);
    int (*init_barrier)(rsm_memseg_import_handle_t, rsm_barrier_type_t,
                        rsmapi_barrier_t *);
    int (*open_barrier)(rsmapi_barrier_t *);
    int (*order_barrier)(rsmapi_barrier_t *);
    int (*close_barrier)(rsmapi_barrier_t *);
    int (*destroy_barrier)(rsmapi_barrier_t *);
    int (*set_mode)(rsm_memseg_import_handle_t, rsm_barrier_mode_t);
    int (*get_mode)(rsm_memseg_import_handle_t, rsm_barrier_mode_t *);
    int (*post)(void *, uint_t);
    int (*wait)(void *, int);
    int (*wait_pollfd)(struct pollfd[], nfds_t, int, int *);
    int (*get_pollfd)(void *, struct pollfd *);
    int (*release_pollfd)(void *);
} rsm = {
    rsm_get_controller,
    rsm_get_controller_attr,
    rsm_release_controller,
    rsm_get_interconnect_topology,
    rsm_free_interconnect_topology,
    rsm_get_segmentid_range,
    rsm_memseg_export_create,
    rsm_memseg_export_destroy,
    rsm_memseg_export_publish,
    rsm_memseg_export_republish,
    rsm_memseg_export_unpublish,
    rsm_memseg_export_rebind,
    rsm_memseg_import_connect,
    rsm_memseg_import_disconnect,
    rsm_memseg_import_get8,
    rsm_memseg_import_get16,
    rsm_memseg_import_get32,
    rsm_memseg_import_get64,
    rsm_memseg_import_get,
    rsm_memseg_import_put8,
    rsm_memseg_import_put16,
    rsm_memseg_import_put32,
    rsm_memseg_import_put64,
    rsm_memseg_import_put,
    rsm_memseg_import_putv,
    rsm_memseg_import_getv,
    rsm_create_localmemory_handle,
    rsm_free_localmemory_handle,
    rsm_memseg_import_map,
    rsm_memseg_import_unmap,
    rsm_memseg_import_init_barrier,
    rsm_memseg_import_open_barrier,
    rsm_memseg_import_order_barrier,
    rsm_memseg_import_close_barrier,
    rsm_memseg_import_destroy_barrier,
    rsm_memseg_import_set_mode,
    rsm_memseg_import_get_mode,
    rsm_intr_signal_post,
    rsm_intr_signal_wait,
    rsm_intr_signal_wait_pollfd,
    rsm_memseg_get_pollfd,
    rsm_memseg_release_pollfd,
};

static rsmapi_controller_handle_t ctrl;
static rsmapi_controller_attr_t attr;
static rsm_memseg_export_handle_t exp_seg;
static rsm_memseg_import_handle_t imp_seg;
static rsmapi_access_entry_t access_list[2];
static rsm_memseg_id_t segid = SEGMENT_ID;
static rsm_node_id_t my_node;
static char *pool;
static char *buf;
static char *buf2;

static int failures;

/* The result of a call, and what it should have been. */
static void expect(const char *call, int result, int wanted)
{
    if (result != wanted) {
        printf("%s: result %d, expected %d\n", call, result, wanted);
        failures++;
    }
}

#define EXPECT(call, wanted) expect(#call, (call), (wanted))
#define OK(call)             expect(#call, (call), RSM_SUCCESS)

static void find_controller(char *name)
{
    rsm_topology_t *topo = NULL;

    OK(rsm.get_topology(&topo));
    if (topo == NULL) {
        return;
    }
    my_node = topo->topology_hdr.local_nodeid;
    if (topo->topology_hdr.local_cntlr_count > 0) {
        rsm_connections_t *conn = topo->connections[0];

        strcpy(name, conn->hdr.cntlr_name);
        if (conn->hdr.remote_cntlr_count > 0 &&
            conn->remote_cntlr[0].connection_state != RSM_CONNECTION_ACTIVE) {
            printf("the first link is down\n");
        }
    } else {
        printf("no controller is listed\n");
        failures++;
    }
    rsm.free_topology(topo);
}

static void setup(void)
{
    char name[MAXNAMELEN];
    rsm_memseg_id_t base;
    uint32_t length;

    memset(name, 0, sizeof(name));
    find_controller(name);
    OK(rsm.get_controller(name, &ctrl));
    OK(rsm.get_controller_attr(ctrl, &attr));
    EXPECT(rsm.get_segmentid_range(NULL, &base, &length), RSMERR_BAD_ADDR);

    pool = (char *)calloc(3, BUFSIZE);
    if (pool == NULL) {
        printf("no memory\n");
        exit(1);
    }
    buf = pool + BUFSIZE - (ulong_t)pool % BUFSIZE;
    buf2 = buf + BUFSIZE;
    if (BUFSIZE % attr.attr_page_size != 0) {
        printf("the page size is %lu\n", (ulong_t)attr.attr_page_size);
        failures++;
    }

    access_list[0].ae_node = my_node;
    access_list[0].ae_permission = RSM_ACCESS_TRUSTED;
    OK(rsm.create(ctrl, &exp_seg, buf, BUFSIZE, RSM_ALLOW_REBIND));
    OK(rsm.publish(exp_seg, &segid, access_list, 1));
    OK(rsm.republish(exp_seg, access_list, 1));
    OK(rsm.connect(ctrl, my_node, segid, RSM_PERM_RDWR, &imp_seg));
}

static void transfer(void)
{
    rsmapi_barrier_t bar;
    rsm_barrier_mode_t mode;
    uint8_t b = 8;
    uint16_t s = 16;
    uint32_t w = 32;
    uint64_t l = 64;
    uchar_t text[6] = {'h', 'e', 'l', 'l', 'o', 0};

    memset(&bar, 0, sizeof(bar));
    EXPECT(rsm.put(imp_seg, 0, text, 6), RSMERR_BARRIER_UNINITIALIZED);
    OK(rsm.init_barrier(imp_seg, RSM_BAR_DEFAULT, &bar));
    OK(rsm.put8(imp_seg, 0, &b, 1));
    OK(rsm.put16(imp_seg, 2, &s, 1));
    OK(rsm.put32(imp_seg, 4, &w, 1));
    OK(rsm.put64(imp_seg, 8, &l, 1));
    OK(rsm.put(imp_seg, 16, text, sizeof(text)));
    b = 0, s = 0, w = 0, l = 0;
    OK(rsm.get8(imp_seg, 0, &b, 1));
    OK(rsm.get16(imp_seg, 2, &s, 1));
    OK(rsm.get32(imp_seg, 4, &w, 1));
    OK(rsm.get64(imp_seg, 8, &l, 1));
    if (b != 8 || s != 16 || w != 32 || l != 64 ||
        strcmp(buf + 16, "hello") != 0) {
        printf("what was put is not what was got\n");
        failures++;
    }

    OK(rsm.get_mode(imp_seg, &mode));
    if (mode != RSM_BARRIER_MODE_IMPLICIT) {
        printf("a new connection is not in implicit mode\n");
        failures++;
    }
    OK(rsm.set_mode(imp_seg, RSM_BARRIER_MODE_EXPLICIT));
    OK(rsm.open_barrier(&bar));
    OK(rsm.put(imp_seg, 32, text, sizeof(text)));
    OK(rsm.order_barrier(&bar));
    OK(rsm.get(imp_seg, 32, text, sizeof(text)));
    OK(rsm.close_barrier(&bar));
    OK(rsm.set_mode(imp_seg, RSM_BARRIER_MODE_IMPLICIT));
    OK(rsm.destroy_barrier(&bar));
}

static void scatter(void)
{
    static char local[16] = "by address";
    rsm_localmemory_handle_t lmem = NULL;
    rsm_iovec_t iov[2];
    rsm_scat_gath_t sg;

    strcpy(buf2, "by handle");
    OK(rsm.create_localmemory(ctrl, &lmem, (caddr_t)buf2, BUFSIZE));
    memset(iov, 0, sizeof(iov));
    iov[0].io_type = RSM_VA_TYPE;
    iov[0].local.vaddr = (caddr_t)local;
    iov[0].remote_offset = 64;
    iov[0].transfer_length = sizeof(local);
    iov[1].io_type = RSM_HANDLE_TYPE;
    iov[1].local.handle = lmem;
    iov[1].remote_offset = 128;
    iov[1].transfer_length = 10;
    memset(&sg, 0, sizeof(sg));
    sg.io_request_count = 2;
    sg.io_residual_count = 2;
    sg.flags = RSM_IMPLICIT_SIGPOST;
    sg.remote_handle = imp_seg;
    sg.iovec = iov;
    OK(rsm.putv(&sg));
    if (sg.io_residual_count != 0 || strcmp(buf + 64, "by address") != 0 ||
        strcmp(buf + 128, "by handle") != 0) {
        printf("scatter-gather did not deliver\n");
        failures++;
    }
    OK(rsm.wait(exp_seg, 10000));
    sg.flags = 0;
    OK(rsm.getv(&sg));
    sg.io_request_count = RSM_MAX_SGIOREQS + 1;
    EXPECT(rsm.getv(&sg), RSMERR_BAD_SGIO);
    OK(rsm.free_localmemory(ctrl, lmem));
}

static void map_window(void)
{
    void *addr = NULL;
    int rc;

    rc = rsm.map(imp_seg, &addr, RSM_MAP_NONE, RSM_PERM_RDWR, 0, BUFSIZE);
    if (rc == RSM_SUCCESS) {
        volatile char *window = (volatile char *)addr;

        window[256] = 1;
        if (buf[256] != 1) {
            printf("a store through the mapping did not arrive\n");
            failures++;
        }
        EXPECT(rsm.disconnect(imp_seg), RSMERR_SEG_STILL_MAPPED);
        OK(rsm.unmap(imp_seg));
    } else {
        EXPECT(rc, RSMERR_MAP_FAILED);
        EXPECT(rsm.unmap(imp_seg), RSMERR_SEG_NOT_MAPPED);
    }
}

static void events(void)
{
    struct pollfd fds[1];
    int ready = 0;

    EXPECT(rsm.wait((void *)exp_seg, 0), RSMERR_TIMEOUT);
    OK(rsm.post((void *)imp_seg, 0));
    OK(rsm.wait((void *)exp_seg, 10000));
    OK(rsm.get_pollfd((void *)imp_seg, &fds[0]));
    OK(rsm.post((void *)exp_seg, RSM_SIGPOST_NO_ACCUMULATE));
    OK(rsm.wait_pollfd(fds, 1, 10000, &ready));
    if (ready != 1 || fds[0].revents != POLLRDNORM) {
        printf("%d descriptors ready, events 0x%x\n", ready,
               (uint_t)fds[0].revents);
        failures++;
    }
    EXPECT(rsm.disconnect(imp_seg), RSMERR_POLLFD_IN_USE);
    OK(rsm.release_pollfd((void *)imp_seg));
}

static void teardown(void)
{
    OK(rsm.rebind(exp_seg, buf2, 0, BUFSIZE));
    OK(rsm.disconnect(imp_seg));
    OK(rsm.unpublish(exp_seg));
    OK(rsm.destroy(exp_seg));
    OK(rsm.release_controller(ctrl));
    EXPECT(rsm.release_controller(ctrl), RSMERR_BAD_CTLR_HNDL);
    free(pool);
}

int main(void)
{
    setup();
    if (failures == 0) {
        transfer();
        scatter();
        map_window();
        events();
        teardown();
    }
    printf("%d failures\n", failures);
    return failures != 0;
}
