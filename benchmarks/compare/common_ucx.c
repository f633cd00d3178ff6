/* SPDX-License-Identifier: BSD-3-Clause */
#include "common_ucx.h"

#include <string.h>

cmp_ucx_t cmp_ucx;

static unsigned char packed_rkey[CMP_UCX_ADDRESS_MAX];
static unsigned char peer_address[CMP_UCX_ADDRESS_MAX];

void cmp_ucx_unpack(void)
{
    ucp_rkey_h rkey;
    void *address;

    cmp_ucx_must(ucp_ep_rkey_unpack(cmp_ucx.link.ep, packed_rkey, &rkey),
                 "ucp_ep_rkey_unpack");
    (void)ucp_rkey_ptr(rkey, cmp_ucx.base, &address);
    ucp_rkey_destroy(rkey);
}

/* ---- links ---- */

void cmp_ucx_worker_open(cmp_ucx_link_t *link)
{
    ucp_worker_params_t params = {.field_mask =
                                      UCP_WORKER_PARAM_FIELD_THREAD_MODE,
                                  .thread_mode = UCS_THREAD_MODE_SERIALIZED};

    cmp_ucx_must(ucp_worker_create(cmp_ucx.context, &params, &link->worker),
                 "ucp_worker_create");
}

void cmp_ucx_link_open(cmp_ucx_link_t *link)
{
    ucp_ep_params_t params = {.field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS,
                              .address = (const ucp_address_t *)peer_address};

    cmp_ucx_must(ucp_ep_create(link->worker, &params, &link->ep),
                 "ucp_ep_create");
    cmp_ucx_must(ucp_ep_rkey_unpack(link->ep, packed_rkey, &link->rkey),
                 "ucp_ep_rkey_unpack");
}

void cmp_ucx_link_close(cmp_ucx_link_t *link)
{
    ucp_rkey_destroy(link->rkey);
    cmp_ucx_finish(link, ucp_ep_close_nbx(link->ep, &cmp_ucx_plain),
                   "ucp_ep_close_nbx");
}

/* ---- context ---- */

static ucp_config_t *config_of(const char *tls)
{
    ucp_config_t *config;

    cmp_ucx_must(ucp_config_read(NULL, NULL, &config), "ucp_config_read");
    if (tls != NULL) {
        cmp_ucx_must(ucp_config_modify(config, "TLS", tls),
                     "ucp_config_modify");
    }
    return config;
}

void cmp_ucx_open(cmp_t *cmp, const char *tls, uint64_t features,
                  cmp_ucx_exchange_t exchange)
{
    ucp_params_t params = {.field_mask = UCP_PARAM_FIELD_FEATURES |
                                         UCP_PARAM_FIELD_MT_WORKERS_SHARED,
                           .features = features,
                           .mt_workers_shared = 1};
    ucp_config_t *config = config_of(tls);
    ucp_address_t *address;
    size_t len;

    cmp_ucx_must(ucp_init(&params, config, &cmp_ucx.context), "ucp_init");
    ucp_config_release(config);
    cmp_ucx_worker_open(&cmp_ucx.link);
    cmp_ucx_must(ucp_worker_get_address(cmp_ucx.link.worker, &address, &len),
                 "ucp_worker_get_address");
    exchange(cmp, address, len, peer_address);
    ucp_worker_release_address(cmp_ucx.link.worker, address);
}

void cmp_ucx_close(void)
{
    ucp_worker_destroy(cmp_ucx.link.worker);
    ucp_cleanup(cmp_ucx.context);
}

/* ---- memory ---- */

void cmp_ucx_show(cmp_t *cmp, bool is_allocated, cmp_ucx_exchange_t exchange)
{
    ucp_mem_map_params_t params = {
        .field_mask = UCP_MEM_MAP_PARAM_FIELD_LENGTH |
                      (is_allocated ? UCP_MEM_MAP_PARAM_FIELD_FLAGS
                                    : UCP_MEM_MAP_PARAM_FIELD_ADDRESS),
        .length = CMP_MEMORY,
        .flags = UCP_MEM_MAP_ALLOCATE,
        .address = is_allocated ? NULL : cmp_memory(CMP_MEMORY)};
    ucp_mem_attr_t attr = {.field_mask = UCP_MEM_ATTR_FIELD_ADDRESS};
    unsigned char theirs[CMP_UCX_ADDRESS_MAX];
    uint64_t address;
    void *packed;
    size_t len;

    cmp_ucx_must(ucp_mem_map(cmp_ucx.context, &params, &cmp_ucx.memory),
                 "ucp_mem_map");
    cmp_ucx_must(ucp_mem_query(cmp_ucx.memory, &attr), "ucp_mem_query");
    cmp_ucx.shown = attr.address;
    memset(cmp_ucx.shown, 0, CMP_MEMORY);
    cmp_ucx_must(ucp_rkey_pack(cmp_ucx.context, cmp_ucx.memory, &packed, &len),
                 "ucp_rkey_pack");
    exchange(cmp, packed, len, packed_rkey);
    ucp_rkey_buffer_release(packed);
    address = (uint64_t)cmp_ucx.shown;
    exchange(cmp, &address, sizeof(address), theirs);
    memcpy(&cmp_ucx.base, theirs, sizeof(cmp_ucx.base));
    cmp_ucx_link_open(&cmp_ucx.link);
}

void cmp_ucx_hide(cmp_t *cmp, bool is_allocated)
{
    cmp->peer->meet(cmp);
    cmp_ucx_link_close(&cmp_ucx.link);
    cmp->peer->meet(cmp);
    cmp_ucx_must(ucp_mem_unmap(cmp_ucx.context, cmp_ucx.memory),
                 "ucp_mem_unmap");
    if (!is_allocated) {
        free(cmp_ucx.shown);
    }
}
