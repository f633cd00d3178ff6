/* SPDX-License-Identifier: BSD-3-Clause */
/* What hwloc knows about this host. Loading takes 2 to 4 ms on a small host
 * and more on a big one, so it is put off until somebody asks, and only cores,
 * caches and memory are looked for. */
#include "topo/topo.h"

#include "rsmapi.h"
#include "topo/topo_kernel.h"
#include "util/lock.h"
#include "util/log.h"

#include <errno.h>
#include <hwloc.h>
#include <hwloc/linux.h>
#include <string.h>
#include <unistd.h>

static rsmi_lock_t topo_lock = RSMI_LOCK_INIT;

static struct {
    hwloc_topology_t hwloc; /* NULL when it could not be loaded */
    rsmi_topo_t snapshot;
    bool is_read;
    int rc; /* of the reading */
} topo RSMI_GUARDED_BY(topo_lock);

static int topo_load(hwloc_topology_t *hwloc_p)
{
    hwloc_topology_t hwloc;

    if (hwloc_topology_init(&hwloc) != 0) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    (void)hwloc_topology_set_all_types_filter(hwloc,
                                              HWLOC_TYPE_FILTER_KEEP_NONE);
    (void)hwloc_topology_set_cache_types_filter(hwloc,
                                                HWLOC_TYPE_FILTER_KEEP_ALL);
    (void)hwloc_topology_set_type_filter(hwloc, HWLOC_OBJ_CORE,
                                         HWLOC_TYPE_FILTER_KEEP_ALL);
    /* Processors outside our control group belong to the host all the same. */
    (void)hwloc_topology_set_flags(hwloc,
                                   HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
    if (hwloc_topology_load(hwloc) != 0) {
        rsmi_warn("topo", "hwloc_topology_load: %s", strerror(errno));
        hwloc_topology_destroy(hwloc);
        return RSMERR_INSUFFICIENT_MEM;
    }

    *hwloc_p = hwloc;
    return RSM_SUCCESS;
}

/* The processors that mpirun or taskset left to the process: those of its
 * first thread, because others may have been bound by the program. */
static hwloc_bitmap_t topo_read_allowed(hwloc_topology_t hwloc)
{
    hwloc_bitmap_t set = hwloc_bitmap_alloc();

    if ((set != NULL) &&
        (hwloc_linux_get_tid_cpubind(hwloc, getpid(), set) != 0)) {
        (void)hwloc_bitmap_copy(set, hwloc_topology_get_allowed_cpuset(hwloc));
    }
    return set;
}

static void topo_describe_allowed(hwloc_const_bitmap_t set, rsmi_topo_t *topo_p)
{
    int first, end;

    topo_p->allowed = (unsigned)hwloc_bitmap_weight(set);
    for (first = hwloc_bitmap_first(set); first >= 0;
         first = hwloc_bitmap_next(set, end - 1)) {
        end = hwloc_bitmap_next_unset(set, first);
        if (end < 0) {
            break; /* an endless set; no kernel gives one */
        }
        rsmi_topo_append_range(topo_p->allowed_list,
                               sizeof(topo_p->allowed_list), (unsigned)first,
                               (unsigned)(end - 1));
    }
}

static void topo_describe_caches(hwloc_obj_t processor, rsmi_topo_t *topo_p)
{
    hwloc_obj_t obj;

    for (obj = processor; obj != NULL; obj = obj->parent) {
        if (!hwloc_obj_type_is_dcache(obj->type)) {
            continue;
        }
        topo_p->shared_cache = (size_t)obj->attr->cache.size;
        if (obj->type == HWLOC_OBJ_L2CACHE) {
            topo_p->core_cache = (size_t)obj->attr->cache.size;
        }
    }
}

static unsigned topo_count(hwloc_topology_t hwloc, hwloc_obj_type_t type,
                           unsigned otherwise)
{
    const int count = hwloc_get_nbobjs_by_type(hwloc, type);

    return (count > 0) ? (unsigned)count : otherwise;
}

static int topo_describe(hwloc_topology_t hwloc, rsmi_topo_t *topo_p)
{
    hwloc_bitmap_t allowed = topo_read_allowed(hwloc);

    if (allowed == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    memset(topo_p, 0, sizeof(*topo_p));
    topo_p->processors = topo_count(hwloc, HWLOC_OBJ_PU, 1);
    topo_p->cores = topo_count(hwloc, HWLOC_OBJ_CORE, topo_p->processors);
    topo_p->numa_nodes = topo_count(hwloc, HWLOC_OBJ_NUMANODE, 1);
    topo_p->memory = (size_t)hwloc_get_root_obj(hwloc)->total_memory;
    topo_p->huge_page = rsmi_topo_huge_page();
    topo_describe_allowed(allowed, topo_p);
    topo_describe_caches(hwloc_get_pu_obj_by_os_index(
                             hwloc, (unsigned)hwloc_bitmap_first(allowed)),
                         topo_p);
    hwloc_bitmap_free(allowed);
    return RSM_SUCCESS;
}

static void topo_read(void) RSMI_REQUIRES(topo_lock)
{
    if (topo.is_read) {
        return;
    }
    topo.rc = topo_load(&topo.hwloc);
    if (topo.rc == RSM_SUCCESS) {
        topo.rc = topo_describe(topo.hwloc, &topo.snapshot);
    }
    if (topo.rc != RSM_SUCCESS) {
        rsmi_topo_read_kernel(&topo.snapshot);
    }
    topo.is_read = true;
}

int rsmi_topo_get(rsmi_topo_t *topo_p)
{
    int rc;

    rsmi_lock(&topo_lock);
    topo_read();
    *topo_p = topo.snapshot;
    rc = topo.rc;
    rsmi_unlock(&topo_lock);
    return rc;
}

static void topo_add_range(unsigned first, unsigned last, void *arg)
{
    (void)hwloc_bitmap_set_range(arg, first, (int)last);
}

/* Processors outside the process's own mask are good, as long as its control
 * group has them: mpirun binds a process to one core, and the thread may be
 * wanted on another. */
static int topo_bind(hwloc_bitmap_t set) RSMI_REQUIRES(topo_lock)
{
    topo_read();
    if (topo.hwloc == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    (void)hwloc_bitmap_and(set, set,
                           hwloc_topology_get_allowed_cpuset(topo.hwloc));
    if (hwloc_bitmap_iszero(set)) {
        return RSMERR_BAD_CONF;
    }
    if (hwloc_set_cpubind(topo.hwloc, set, HWLOC_CPUBIND_THREAD) != 0) {
        rsmi_debug("topo", "hwloc_set_cpubind: %s", strerror(errno));
        return RSMERR_BAD_CONF;
    }
    return RSM_SUCCESS;
}

int rsmi_topo_bind_thread(const char *list)
{
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    int rc = RSMERR_BAD_CONF;

    if (set == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    if (rsmi_topo_parse_list(list, topo_add_range, set)) {
        rsmi_lock(&topo_lock);
        rc = topo_bind(set);
        rsmi_unlock(&topo_lock);
    }
    hwloc_bitmap_free(set);
    return rc;
}

void rsmi_topo_close(void)
{
    rsmi_lock(&topo_lock);
    if (topo.hwloc != NULL) {
        hwloc_topology_destroy(topo.hwloc);
        topo.hwloc = NULL;
    }
    topo.is_read = false;
    rsmi_unlock(&topo_lock);
}
