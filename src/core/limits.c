/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/limits.h"

#include "ctrl/life.h"
#include "fabric/fabric.h"
#include "mem/mem.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

size_t rsmi_limits_page_size(void)
{
    return rsmi_mem_page_size();
}

static size_t limits_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);

    return (pages > 0) ? (size_t)pages * rsmi_mem_page_size() : SIZE_MAX;
}

/* What the address space of a process can hold at most. */
static size_t limits_address_space(void)
{
    struct rlimit limit;

    if ((getrlimit(RLIMIT_AS, &limit) == 0) &&
        (limit.rlim_cur != RLIM_INFINITY)) {
        return limit.rlim_cur;
    }
    return (size_t)1 << 46;
}

static bool limits_uses_shm(const rsmi_controller_t *controller)
{
    rsmi_fabric_info_t info;

    rsmi_fabric_query(RSMI_FABRIC_SHM, &info);
    return info.is_present && ((controller->paths & RSMI_PATH_SAME_HOST) != 0);
}

/* Exported pages lie in /dev/shm where UCX has shared memory; the size of
 * that file system, not what is free at the moment: attributes are constant. */
size_t rsmi_limits_segment_size(const rsmi_controller_t *controller)
{
    size_t most = limits_memory(), room;
    struct statvfs status;

    if (limits_uses_shm(controller) && (statvfs("/dev/shm", &status) == 0)) {
        room = (size_t)status.f_blocks * status.f_frsize;
        if ((room > 0) && (room < most)) {
            most = room;
        }
    }
    return most & ~(rsmi_mem_page_size() - 1);
}

void rsmi_limits_get(const rsmi_controller_t *controller,
                     rsmapi_controller_attr_t *attr_p)
{
    memset(attr_p, 0, sizeof(*attr_p));
    attr_p->attr_direct_access_sizes =
        RSM_DAS8 | RSM_DAS16 | RSM_DAS32 | RSM_DAS64;
    attr_p->attr_atomic_sizes = RSM_DAS8 | RSM_DAS16 | RSM_DAS32 | RSM_DAS64;
    attr_p->attr_page_size = rsmi_mem_page_size();
    attr_p->attr_max_export_segment_size = rsmi_limits_segment_size(controller);
    attr_p->attr_tot_export_segment_size = attr_p->attr_max_export_segment_size;
    attr_p->attr_max_export_segments = rsmi_life_slots();
    attr_p->attr_max_import_map_size = limits_address_space();
    attr_p->attr_tot_import_map_size = limits_address_space();
    attr_p->attr_max_import_segments = rsmi_life_slots();
}
