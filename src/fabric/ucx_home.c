/* SPDX-License-Identifier: BSD-3-Clause */
/* A key to all memory of this process, for its endpoint to itself. By it a get
 * becomes a put: where both ends are memory of this process either says the
 * same, and UCX carries out a put in a third of the instructions, as it makes
 * no request for it. */
#include "fabric/ucx_self.h"

#include "util/log.h"

#include <unistd.h>

#define HOME_END ((size_t)INTPTR_MAX)

void rsmi_fabric_home_range(void **start_p, size_t *size_p)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    *start_p = (void *)page; /* NOLINT(performance-no-int-to-ptr) */
    *size_p = HOME_END + 1 - 2 * page;
}

static ucs_status_t home_open(rsmi_fabric_domain_t *domain,
                              rsmi_fabric_peer_t *peer)
{
    ucp_mem_map_params_t params = {
        .field_mask =
            UCP_MEM_MAP_PARAM_FIELD_ADDRESS | UCP_MEM_MAP_PARAM_FIELD_LENGTH,
    };
    ucs_status_t status;
    void *blob;
    size_t size;

    rsmi_fabric_home_range(&params.address, &params.length);
    status = ucp_mem_map(domain->context, &params, &peer->home_mem);
    if (status != UCS_OK) {
        return status;
    }
    status = ucp_rkey_pack(domain->context, peer->home_mem, &blob, &size);
    if (status != UCS_OK) {
        return status;
    }
    status = ucp_ep_rkey_unpack(peer->ep, blob, &peer->home_key);
    ucp_rkey_buffer_release(blob);
    return status;
}

/* A request of ours, if we have room for it. */
static uint32_t home_atomic_mask(ucp_context_h context)
{
    ucp_context_attr_t attr = {.field_mask = UCP_ATTR_FIELD_REQUEST_SIZE};
    uint32_t mask = UCP_OP_ATTR_FIELD_DATATYPE | UCP_OP_ATTR_FIELD_REPLY_BUFFER;

    if ((ucp_context_query(context, &attr) == UCS_OK) &&
        (attr.request_size <= FABRIC_SELF_REQUEST)) {
        mask |= UCP_OP_ATTR_FIELD_REQUEST;
    }
    return mask;
}

/* Without it gets are what they are called. */
void rsmi_fabric_home_open(rsmi_fabric_domain_t *domain,
                           rsmi_fabric_peer_t *peer)
{
    ucs_status_t status = home_open(domain, peer);

    peer->atomic_mask = home_atomic_mask(domain->context);
    if (status == UCS_OK) {
        peer->home = peer->home_key;
    } else {
        rsmi_info("fabric", "no key to this process's own memory: %s",
                  ucs_status_string(status));
        rsmi_fabric_home_close(peer);
    }
    rsmi_fabric_inner_open(&peer->inner);
}

void rsmi_fabric_home_close(rsmi_fabric_peer_t *peer)
{
    rsmi_fabric_inner_close(&peer->inner);
    peer->home = NULL;
    if (peer->home_key != NULL) {
        ucp_rkey_destroy(peer->home_key);
        peer->home_key = NULL;
    }
    if (peer->home_mem != NULL) {
        (void)ucp_mem_unmap(peer->domain->context, peer->home_mem);
        peer->home_mem = NULL;
    }
}
