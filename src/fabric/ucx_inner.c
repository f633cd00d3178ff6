/* SPDX-License-Identifier: BSD-3-Clause */
/* UCX's own copy between two places of this process, without its protocols: an
 * endpoint of UCT, the layer below UCP, on the transport "self". UCP takes several
 * times as long to come to it as it takes itself (figures: src/README.md).
 *
 * UCT's functions are reached by tables whose layout belongs to one version of
 * UCX, so that there is such an endpoint only where the library that runs is of
 * the version that this one was compiled with. Without it UCP does it all. */
#include "fabric/ucx_self.h"

#include "util/log.h"
#include "util/signals.h"

#include <ucs/async/async_fwd.h>

#include <limits.h>
#include <string.h>

#define INNER_NAME    "self"
#define INNER_DEVICE  "memory"
#define INNER_ADDRESS 64 /* bytes that an address or a key may have */

#define INNER_CAPS (UCT_IFACE_FLAG_PUT_SHORT | UCT_IFACE_FLAG_ATOMIC_CPU)
#define INNER_OPS                                               \
    (UCS_BIT(UCT_ATOMIC_OP_ADD) | UCS_BIT(UCT_ATOMIC_OP_SWAP) | \
     UCS_BIT(UCT_ATOMIC_OP_CSWAP))

bool rsmi_fabric_is_ucp_only;

/* Of the version that this was compiled with. */
static bool inner_is_known(void)
{
    unsigned major, minor, release;

    ucp_get_version(&major, &minor, &release);
    return (major == UCP_API_MAJOR) && (minor == UCP_API_MINOR);
}

static ucs_status_t inner_find(uct_component_h *component_p)
{
    uct_component_attr_t attr = {.field_mask = UCT_COMPONENT_ATTR_FIELD_NAME};
    ucs_status_t status;
    uct_component_h *components;
    unsigned count, idx;

    status = uct_query_components(&components, &count);
    if (status != UCS_OK) {
        return status;
    }
    status = UCS_ERR_NO_DEVICE;
    for (idx = 0; (idx < count) && (status != UCS_OK); ++idx) {
        if ((uct_component_query(components[idx], &attr) == UCS_OK) &&
            (strcmp(attr.name, INNER_NAME) == 0)) {
            *component_p = components[idx];
            status = UCS_OK;
        }
    }
    uct_release_component_list(components);
    return status;
}

/* A number, which needs no releasing. */
static ucs_status_t inner_open_key(rsmi_fabric_inner_t *inner,
                                   uct_component_h component)
{
    unsigned char packed[INNER_ADDRESS];
    uct_rkey_bundle_t bundle;
    ucs_status_t status;
    void *start;
    size_t size;

    rsmi_fabric_home_range(&start, &size);
    status = uct_md_mem_reg(inner->md, start, size, UCT_MD_MEM_ACCESS_ALL,
                            &inner->mem);
    if (status != UCS_OK) {
        inner->mem = NULL;
        return status;
    }
    status = uct_md_mkey_pack(inner->md, inner->mem, packed);
    if (status == UCS_OK) {
        status = uct_rkey_unpack(component, packed, &bundle);
    }
    if (status == UCS_OK) {
        inner->key = bundle.rkey;
    }
    return status;
}

static ucs_status_t inner_open_domain(rsmi_fabric_inner_t *inner)
{
    uct_component_h component;
    uct_md_config_t *config;
    uct_md_attr_t attr;
    ucs_status_t status;

    status = inner_find(&component);
    if (status != UCS_OK) {
        return status;
    }
    status = uct_md_config_read(component, NULL, NULL, &config);
    if (status != UCS_OK) {
        return status;
    }
    status = uct_md_open(component, INNER_NAME, config, &inner->md);
    uct_config_release(config);
    if (status != UCS_OK) {
        return status;
    }
    status = uct_md_query(inner->md, &attr);
    if (status != UCS_OK) {
        return status;
    }
    return (attr.rkey_packed_size <= INNER_ADDRESS)
               ? inner_open_key(inner, component)
               : UCS_ERR_UNSUPPORTED;
}

static ucs_status_t inner_open_iface(rsmi_fabric_inner_t *inner)
{
    const uct_iface_params_t params = {
        .field_mask =
            UCT_IFACE_PARAM_FIELD_OPEN_MODE | UCT_IFACE_PARAM_FIELD_DEVICE,
        .open_mode = UCT_IFACE_OPEN_MODE_DEVICE,
        .mode.device = {.tl_name = INNER_NAME, .dev_name = INNER_DEVICE},
    };
    uct_iface_config_t *config;
    ucs_status_t status;

    status =
        ucs_async_context_create(UCS_ASYNC_MODE_THREAD_SPINLOCK, &inner->async);
    if (status == UCS_OK) {
        status = uct_worker_create(inner->async, UCS_THREAD_MODE_SERIALIZED,
                                   &inner->worker);
    }
    if (status == UCS_OK) {
        status = uct_md_iface_config_read(inner->md, INNER_NAME, NULL, NULL,
                                          &config);
    }
    if (status == UCS_OK) {
        status = uct_iface_open(inner->md, inner->worker, &params, config,
                                &inner->iface);
        uct_config_release(config);
    }
    return status;
}

static bool inner_can(const uct_iface_attr_t *attr)
{
    return ((attr->cap.flags & INNER_CAPS) == INNER_CAPS) &&
           ((attr->cap.atomic32.fop_flags & INNER_OPS) == INNER_OPS) &&
           ((attr->cap.atomic64.fop_flags & INNER_OPS) == INNER_OPS) &&
           (attr->device_addr_len <= INNER_ADDRESS) &&
           (attr->iface_addr_len <= INNER_ADDRESS);
}

static ucs_status_t inner_connect(rsmi_fabric_inner_t *inner, size_t *most_p)
{
    unsigned char device[INNER_ADDRESS], iface[INNER_ADDRESS];
    const uct_ep_params_t params = {
        .field_mask = UCT_EP_PARAM_FIELD_IFACE | UCT_EP_PARAM_FIELD_DEV_ADDR |
                      UCT_EP_PARAM_FIELD_IFACE_ADDR,
        .iface = inner->iface,
        .dev_addr = (const uct_device_addr_t *)device,
        .iface_addr = (const uct_iface_addr_t *)iface,
    };
    uct_iface_attr_t attr;
    ucs_status_t status;

    status = uct_iface_query(inner->iface, &attr);
    if ((status == UCS_OK) && !inner_can(&attr)) {
        status = UCS_ERR_UNSUPPORTED;
    }
    if (status == UCS_OK) {
        status = uct_iface_get_device_address(inner->iface,
                                              (uct_device_addr_t *)device);
    }
    if (status == UCS_OK) {
        status = uct_iface_get_address(inner->iface, (uct_iface_addr_t *)iface);
    }
    if (status == UCS_OK) {
        *most_p = (attr.cap.put.max_short < UINT_MAX) ? attr.cap.put.max_short
                                                      : UINT_MAX;
        status = uct_ep_create(&params, &inner->ep);
    }
    return status;
}

void rsmi_fabric_inner_open(rsmi_fabric_inner_t *inner)
{
    ucs_status_t status = UCS_ERR_UNSUPPORTED;
    sigset_t signals;
    size_t most = 0;

    rsmi_signals_block(&signals); /* UCX may start threads */
    if (!rsmi_fabric_is_ucp_only && inner_is_known()) {
        status = inner_open_domain(inner);
    }
    if (status == UCS_OK) {
        status = inner_open_iface(inner);
    }
    if (status == UCS_OK) {
        status = inner_connect(inner, &most);
    }
    rsmi_signals_restore(&signals);
    if (status == UCS_OK) {
        inner->most = most;
    } else {
        rsmi_info("fabric", "no way through UCT to this process itself: %s",
                  ucs_status_string(status));
        rsmi_fabric_inner_close(inner);
    }
}

void rsmi_fabric_inner_close(rsmi_fabric_inner_t *inner)
{
    if (inner->ep != NULL) {
        uct_ep_destroy(inner->ep);
    }
    if (inner->iface != NULL) {
        uct_iface_close(inner->iface);
    }
    if (inner->worker != NULL) {
        uct_worker_destroy(inner->worker);
    }
    if (inner->async != NULL) {
        ucs_async_context_destroy(inner->async);
    }
    if (inner->mem != NULL) {
        (void)uct_md_mem_dereg(inner->md, inner->mem);
    }
    if (inner->md != NULL) {
        uct_md_close(inner->md);
    }
    *inner = (rsmi_fabric_inner_t){.most = 0};
}
