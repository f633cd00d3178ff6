/* SPDX-License-Identifier: BSD-3-Clause */
/* Views of what is there: devices (controllers), topology (host and nodes). */
#include "rsm_info.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int report_no_library(info_t *info, const char *call, int rc)
{
    char error[CHECK_TEXT_MAX];

    info_format_error(error, sizeof(error), call, rc);
    info_text(info, "error", "%s", error);
    return EXIT_FAILURE;
}

/* "8 16 32 64" */
static void format_widths(char *buffer, size_t size, uint_t widths)
{
    static const char *const names[] = {"8", "16", "32", "64"};
    size_t len = 0;
    size_t idx;

    buffer[0] = '\0';
    for (idx = 0; idx < RSMI_COUNT_OF(names); idx++) {
        if ((widths & (1u << idx)) != 0) {
            len += (size_t)snprintf(buffer + len, size - len, "%s%s",
                                    (len > 0) ? " " : "", names[idx]);
        }
    }
}

static int devices_print_attr(info_t *info, char *name)
{
    rsmapi_controller_handle_t controller;
    rsmapi_controller_attr_t attr;
    char widths[32];
    int rc;

    rc = rsm_get_controller(name, &controller);
    if (rc != RSM_SUCCESS) {
        return report_no_library(info, "rsm_get_controller", rc);
    }
    rc = rsm_get_controller_attr(controller, &attr);
    (void)rsm_release_controller(controller);
    if (rc != RSM_SUCCESS) {
        return report_no_library(info, "rsm_get_controller_attr", rc);
    }

    format_widths(widths, sizeof(widths), attr.attr_direct_access_sizes);
    info_text(info, "direct_access_bits", "%s", widths);
    format_widths(widths, sizeof(widths), attr.attr_atomic_sizes);
    info_text(info, "atomic_bits", "%s", widths);
    info_bytes(info, "page_size", attr.attr_page_size);
    info_bytes(info, "max_export_size", attr.attr_max_export_segment_size);
    info_bytes(info, "total_export_size", attr.attr_tot_export_segment_size);
    info_number(info, "max_exports", attr.attr_max_export_segments);
    info_bytes(info, "max_map_size", attr.attr_max_import_map_size);
    info_bytes(info, "total_map_size", attr.attr_tot_import_map_size);
    info_number(info, "max_imports", attr.attr_max_import_segments);
    return EXIT_SUCCESS;
}

int view_devices(info_t *info)
{
    info_controller_t list[INFO_CONTROLLERS_MAX];
    int status = EXIT_SUCCESS;
    size_t count, idx;
    int rc;

    info_begin(info, "devices", "devices");
    rc = info_list_controllers(list, &count);
    if (rc != RSM_SUCCESS) {
        status = report_no_library(info, "rsm_get_interconnect_topology", rc);
        count = 0;
    }

    info_begin_list(info, "controllers", NULL);
    for (idx = 0; idx < count; idx++) {
        info_begin(info, NULL, list[idx].name);
        if (info->is_json) {
            info_text(info, "name", "%s", list[idx].name);
        }
        info_flag(info, "in_topology", list[idx].is_in_topology);
        if (devices_print_attr(info, list[idx].name) != EXIT_SUCCESS) {
            status = EXIT_FAILURE;
        }
        info_end(info);
    }
    info_end(info);
    info_end(info);
    return status;
}

static void topology_print_host(info_t *info)
{
    char host[256] = "";
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_size = sysconf(_SC_PAGESIZE);
    long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
    cpu_set_t allowed;

    info_begin(info, "host", "host");
    (void)gethostname(host, sizeof(host) - 1);
    info_text(info, "name", "%s", host);
    if (online > 0) {
        info_number(info, "processors", (uint64_t)online);
    }
    if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
        info_number(info, "allowed_processors", (uint64_t)CPU_COUNT(&allowed));
    }
    if ((pages > 0) && (page_size > 0)) {
        info_bytes(info, "memory", (uint64_t)pages * (uint64_t)page_size);
        info_bytes(info, "page_size", (uint64_t)page_size);
    }
    if (cache > 0) {
        info_bytes(info, "level3_cache", (uint64_t)cache);
    }
    info_end(info);
}

static void topology_print_link(info_t *info, const rsm_remote_cntlr_t *remote)
{
    bool is_active = (remote->connection_state == RSM_CONNECTION_ACTIVE);
    char title[32];

    if (!info->is_json) {
        (void)snprintf(title, sizeof(title), "to node %u",
                       (unsigned)remote->remote_nodeid);
        info_text(info, title, "%s at 0x%llx, %s", remote->remote_cntlrname,
                  (unsigned long long)remote->remote_hwaddr,
                  is_active ? "active" : "not active");
        return;
    }
    info_begin(info, NULL, NULL);
    info_number(info, "node", remote->remote_nodeid);
    info_text(info, "controller", "%s", remote->remote_cntlrname);
    info_number(info, "hardware_address", remote->remote_hwaddr);
    info_flag(info, "active", is_active);
    info_end(info);
}

static void topology_print_controller(info_t *info,
                                      const rsm_connections_t *connections)
{
    char title[MAXNAMELEN + 64];
    int idx;

    (void)snprintf(title, sizeof(title), "controller %s, %d links",
                   connections->hdr.cntlr_name,
                   connections->hdr.remote_cntlr_count);
    info_begin(info, NULL, title);
    if (info->is_json) {
        info_text(info, "name", "%s", connections->hdr.cntlr_name);
        info_number(info, "hardware_address", connections->hdr.local_hwaddr);
    }
    info_begin_list(info, "links", NULL);
    for (idx = 0; idx < connections->hdr.remote_cntlr_count; idx++) {
        topology_print_link(info, &connections->remote_cntlr[idx]);
    }
    info_end(info);
    info_end(info);
}

int view_topology(info_t *info)
{
    int status = EXIT_SUCCESS;
    rsm_topology_t *topology = NULL;
    uint32_t nodes;
    uint_t idx;
    int rc;

    info_begin(info, "topology", "topology");
    topology_print_host(info);
    rc = rsm_get_interconnect_topology(&topology);
    if (rc != RSM_SUCCESS) {
        status = report_no_library(info, "rsm_get_interconnect_topology", rc);
        info_end(info);
        return status;
    }

    info_number(info, "node", topology->topology_hdr.local_nodeid);
    rc = rsmx_get_node_count(&nodes);
    if (rc == RSM_SUCCESS) {
        info_number(info, "nodes", nodes);
    } else {
        status = report_no_library(info, "rsmx_get_node_count", rc);
    }
    info_begin_list(info, "controllers", NULL);
    for (idx = 0; idx < topology->topology_hdr.local_cntlr_count; idx++) {
        topology_print_controller(info, topology->connections[idx]);
    }
    info_end(info);
    info_end(info);
    rsm_free_interconnect_topology(topology);
    return status;
}
