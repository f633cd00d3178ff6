/* SPDX-License-Identifier: BSD-3-Clause */
/* Which transports and devices this host has, asked of UCT: making a UCX
 * context of each family only to look inside would cost milliseconds and, for
 * a family that is missing, lines on standard error. */
#include "fabric/fabric_internal.h"

#include "util/help.h"
#include "util/log.h"

#include <uct/api/uct.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The settings that decide, from the environment or UCX's own file. */
typedef struct {
    char tls[1024];
    char devices[UCT_DEVICE_TYPE_LAST][1024];
} discover_config_t;

typedef struct {
    const discover_config_t *config;
    rsmi_fabric_domain_t *domains;
} discover_t;

static void discover_take(const char *line, const char *name, char *value_p,
                          size_t size)
{
    size_t len = strlen(name);

    if ((strncmp(line, name, len) == 0) && (line[len] == '=')) {
        (void)snprintf(value_p, size, "%s", line + len + 1);
        value_p[strcspn(value_p, "\n")] = '\0';
    }
}

/* UCX has no call that tells a setting, but it prints them. */
static int discover_read_config(discover_config_t *config_p)
{
    ucp_config_t *config;
    ucs_status_t status;
    char *text = NULL;
    char *line;
    char *rest;
    size_t size;
    FILE *stream;
    int i;

    strcpy(config_p->tls, "all");
    for (i = 0; i < UCT_DEVICE_TYPE_LAST; ++i) {
        strcpy(config_p->devices[i], "all");
    }

    status = ucp_config_read(NULL, NULL, &config);
    if (status != UCS_OK) {
        rsmi_error("fabric", "ucp_config_read failed: %s",
                   ucs_status_string(status));
        return rsmi_fabric_setup_error(status);
    }

    stream = open_memstream(&text, &size);
    if (stream != NULL) {
        ucp_config_print(config, stream, NULL, UCS_CONFIG_PRINT_CONFIG);
        (void)fclose(stream);
    }
    ucp_config_release(config);
    if (text == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }

    for (line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        discover_take(line, "UCX_TLS", config_p->tls, sizeof(config_p->tls));
        discover_take(line, "UCX_NET_DEVICES",
                      config_p->devices[UCT_DEVICE_TYPE_NET],
                      sizeof(config_p->devices[0]));
        discover_take(line, "UCX_SHM_DEVICES",
                      config_p->devices[UCT_DEVICE_TYPE_SHM],
                      sizeof(config_p->devices[0]));
        discover_take(line, "UCX_ACC_DEVICES",
                      config_p->devices[UCT_DEVICE_TYPE_ACC],
                      sizeof(config_p->devices[0]));
        discover_take(line, "UCX_SELF_DEVICES",
                      config_p->devices[UCT_DEVICE_TYPE_SELF],
                      sizeof(config_p->devices[0]));
    }

    free(text);
    return RSM_SUCCESS;
}

/* Append @p word to the list in @p text unless it is there or does not fit. */
static void discover_append(char *text, size_t size, char separator,
                            const char *word)
{
    size_t len = strlen(word);
    size_t used = strlen(text);
    const char *at;

    for (at = text; (at = strstr(at, word)) != NULL; at += len) {
        if (((at == text) || (at[-1] == separator)) &&
            ((at[len] == '\0') || (at[len] == separator))) {
            return;
        }
    }

    if (used + len + 2 <= size) {
        (void)snprintf(text + used, size - used, "%s%s",
                       (used > 0) ? (char[]){separator, '\0'} : "", word);
    }
}

/* One transport on one device: into each domain that it belongs to. */
static void discover_resource(const discover_t *discover,
                              const uct_tl_resource_desc_t *resource)
{
    const discover_config_t *config = discover->config;
    rsmi_fabric_domain_t *domain;
    rsmi_fabric_allowance_t allowance;
    char name[UCT_TL_NAME_MAX + sizeof(":aux")];
    int kind;

    allowance = rsmi_fabric_tls_allow(config->tls, resource->tl_name);
    if ((allowance == FABRIC_TL_DENIED) ||
        (resource->dev_type >= UCT_DEVICE_TYPE_LAST) ||
        !rsmi_fabric_tls_has_device(config->devices[resource->dev_type],
                                    resource->dev_name)) {
        return;
    }

    (void)snprintf(name, sizeof(name), "%s%s", resource->tl_name,
                   (allowance == FABRIC_TL_AUXILIARY) ? ":aux" : "");
    for (kind = 0; kind < RSMI_FABRIC_KINDS; ++kind) {
        domain = &discover->domains[kind];
        if (!rsmi_fabric_tls_in_kind((rsmi_fabric_kind_t)kind,
                                     resource->tl_name)) {
            continue;
        }

        discover_append(domain->tls, sizeof(domain->tls), ',', name);
        domain->info.pins_memory |=
            !rsmi_fabric_tls_is_software(resource->tl_name);
        if ((allowance != FABRIC_TL_ALLOWED) ||
            (resource->dev_type == UCT_DEVICE_TYPE_SELF)) {
            continue;
        }

        /* Accelerators come along, but alone they lead to no other process. */
        domain->info.is_present |=
            (resource->dev_type == UCT_DEVICE_TYPE_NET) ||
            (resource->dev_type == UCT_DEVICE_TYPE_SHM);
        discover_append(domain->info.transports,
                        sizeof(domain->info.transports), ' ',
                        resource->tl_name);
        discover_append(domain->info.devices, sizeof(domain->info.devices), ' ',
                        resource->dev_name);
    }
}

static void discover_md(const discover_t *discover, uct_component_h component,
                        const char *md_name)
{
    uct_tl_resource_desc_t *resources;
    uct_md_config_t *config;
    ucs_status_t status;
    unsigned count;
    unsigned i;
    uct_md_h md;

    if (uct_md_config_read(component, NULL, NULL, &config) != UCS_OK) {
        return;
    }

    status = uct_md_open(component, md_name, config, &md);
    uct_config_release(config);
    if (status != UCS_OK) {
        return;
    }

    if (uct_md_query_tl_resources(md, &resources, &count) == UCS_OK) {
        for (i = 0; i < count; ++i) {
            discover_resource(discover, &resources[i]);
        }
        uct_release_tl_resource_list(resources);
    }

    uct_md_close(md);
}

static void discover_component(const discover_t *discover,
                               uct_component_h component)
{
    uct_component_attr_t attr = {
        .field_mask = UCT_COMPONENT_ATTR_FIELD_MD_RESOURCE_COUNT};
    unsigned i;

    if ((uct_component_query(component, &attr) != UCS_OK) ||
        (attr.md_resource_count == 0)) {
        return;
    }

    attr.field_mask = UCT_COMPONENT_ATTR_FIELD_MD_RESOURCES;
    attr.md_resources =
        calloc(attr.md_resource_count, sizeof(*attr.md_resources));
    if (attr.md_resources == NULL) {
        return;
    }

    if (uct_component_query(component, &attr) == UCS_OK) {
        for (i = 0; i < attr.md_resource_count; ++i) {
            discover_md(discover, component, attr.md_resources[i].md_name);
        }
    }

    free(attr.md_resources);
}

/* Each shared-memory transport costs a worker half a MiB of shared memory and
 * one serves as well as two, so posix is taken where it exists: System V
 * segments are limited to 4096 in a whole system. */
static void discover_prefer_posix(rsmi_fabric_domain_t *domain)
{
    if (rsmi_fabric_tls_allow(domain->tls, "posix") == FABRIC_TL_ALLOWED) {
        strcpy(domain->tls, "posix");
        strcpy(domain->info.transports, "posix");
    }
}

/* Always there, and no way to anybody else: UCX_TLS has no say in it. */
static void discover_self(rsmi_fabric_domain_t *domain)
{
    strcpy(domain->tls, "self");
    strcpy(domain->info.transports, "self");
    strcpy(domain->info.devices, "memory");
    domain->info.is_present = true;
}

int rsmi_fabric_discover(rsmi_fabric_domain_t *domains)
{
    discover_config_t config;
    discover_t discover = {&config, domains};
    uct_component_h *components;
    ucs_status_t status;
    bool is_any = false;
    unsigned count;
    unsigned i;
    int rc;

    rc = discover_read_config(&config);
    if (rc != RSM_SUCCESS) {
        return rc;
    }

    status = uct_query_components(&components, &count);
    if (status != UCS_OK) {
        rsmi_error("fabric", "uct_query_components failed: %s",
                   ucs_status_string(status));
        return rsmi_fabric_setup_error(status);
    }

    for (i = 0; i < count; ++i) {
        discover_component(&discover, components[i]);
    }
    uct_release_component_list(components);

    discover_prefer_posix(&domains[RSMI_FABRIC_SHM]);
    discover_self(&domains[RSMI_FABRIC_SELF]);
    for (i = 0; i < RSMI_FABRIC_SELF; ++i) {
        is_any |= domains[i].info.is_present;
        rsmi_debug("fabric", "domain %u present %d tls \"%s\" devices \"%s\"",
                   i, domains[i].info.is_present, domains[i].tls,
                   domains[i].info.devices);
    }

    if (!is_any) {
        rsmi_help(RSMI_HELP_NO_TRANSPORT, config.tls);
        return RSMERR_INSUFFICIENT_RESOURCES;
    }

    return RSM_SUCCESS;
}
