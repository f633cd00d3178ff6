/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/ucx_self.h"

#include "util/log.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* A packed key as UCX 1.13 lays it out: 64 bits that say which memory domains
 * follow, the kind of memory, then for each domain a length byte and as many
 * bytes. ucp_ep_rkey_unpack() takes no length and believes all of it. */
#define KEY_HEADER 9
#define KEY_MOST   4096

/* UCS_MEMORY_TYPE_HOST; we register no other. */
#define KEY_MEMORY_TYPE 0

static bool key_is_sound(const rsmi_fabric_domain_t *domain,
                         const unsigned char *blob, size_t size)
{
    size_t at = KEY_HEADER;
    uint64_t map;

    if ((size < KEY_HEADER) || (size > KEY_MOST)) {
        return false;
    }

    memcpy(&map, blob, sizeof(map));
    if (blob[sizeof(map)] != KEY_MEMORY_TYPE) {
        return false;
    }

    for (; map != 0; map &= map - 1) {
        if (at >= size) {
            return false;
        }
        at += 1 + (size_t)blob[at];
    }

    if (at != size) {
        return false;
    }

    /* Keys to shared memory come from this very host and are all alike: to
     * memory that UCX allocated, or, without any domain, to other memory. */
    return (domain->kind != RSMI_FABRIC_SHM) || (domain->key_size == 0) ||
           (size == KEY_HEADER) || (size == domain->key_size);
}

/* Where UCX can show the memory itself, its puts and gets are copies. */
static bool key_can_point(ucp_rkey_h rkey)
{
    void *addr;

    return ucp_rkey_ptr(rkey, 0, &addr) == UCS_OK;
}

int rsmi_fabric_key_open(rsmi_fabric_peer_t *peer, const void *blob,
                         size_t size, rsmi_fabric_key_t **key_p)
{
    rsmi_fabric_domain_t *domain = peer->domain;
    rsmi_fabric_key_t *key;
    unsigned char *copy;
    ucs_status_t status;
    int rc = RSM_SUCCESS;

    if (!key_is_sound(domain, blob, size)) {
        rsmi_info("fabric", "refused a malformed key of %zu bytes", size);
        return RSMERR_REMOTE_NODE_UNREACHABLE;
    }

    /* The last length byte says how far UCX reads; it may look a little
     * further for fields that newer versions add. */
    copy = calloc(1, size + KEY_MOST);
    key = calloc(1, sizeof(*key));
    if ((copy == NULL) || (key == NULL)) {
        rc = RSMERR_INSUFFICIENT_MEM;
        goto out;
    }

    memcpy(copy, blob, size);
    rsmi_fabric_lock(domain);
    /* To take in a key is a first message to the target already. */
    if (rsmi_fabric_peer_is_broken(peer) || (peer->ep == NULL) ||
        !peer->is_greeted) {
        rc = RSMERR_CONN_ABORTED;
        goto out_unlock;
    }

    status = ucp_ep_rkey_unpack(peer->ep, copy, &key->rkey);
    if (status != UCS_OK) {
        rsmi_info("fabric", "ucp_ep_rkey_unpack failed: %s",
                  ucs_status_string(status));
        rc = rsmi_fabric_setup_error(status);
        goto out_unlock;
    }

    key->peer = peer;
    key->references = 1;
    key->is_direct =
        (domain->kind == RSMI_FABRIC_SELF) ||
        ((domain->kind == RSMI_FABRIC_SHM) && key_can_point(key->rkey));
    atomic_store_explicit(key->is_direct ? &peer->has_direct
                                         : &peer->has_emulated,
                          true, memory_order_relaxed);
    ++peer->references;
    DL_APPEND(domain->keys, key);
    *key_p = key;
    key = NULL;

out_unlock:
    rsmi_fabric_unlock(domain);
out:
    free(key);
    free(copy);
    return rc;
}

void rsmi_fabric_key_unref(rsmi_fabric_key_t *key) RSMI_NO_ANALYSIS
{
    if (--key->references == 0) {
        ++key->peer->domain->dead_keys;
    }
}

void rsmi_fabric_key_reap(rsmi_fabric_domain_t *domain)
{
    rsmi_fabric_key_t *key;
    rsmi_fabric_key_t *next;

    if (domain->dead_keys == 0) {
        return;
    }

    DL_FOREACH_SAFE(domain->keys, key, next)
    {
        if (key->references == 0) {
            DL_DELETE(domain->keys, key);
            ucp_rkey_destroy(key->rkey);
            rsmi_fabric_peer_unref(key->peer);
            free(key);
        }
    }

    domain->dead_keys = 0;
}

void rsmi_fabric_key_close(rsmi_fabric_key_t *key)
{
    rsmi_fabric_domain_t *domain;

    if (key == NULL) {
        return;
    }

    domain = key->peer->domain;
    rsmi_fabric_lock(domain);
    rsmi_fabric_key_unref(key);
    rsmi_fabric_key_reap(domain);
    rsmi_fabric_unlock(domain);
}

void rsmi_fabric_key_free_all(rsmi_fabric_domain_t *domain)
{
    rsmi_fabric_peer_t *peer;
    rsmi_fabric_key_t *key;

    DL_FOREACH(domain->peers, peer)
    {
        rsmi_fabric_home_close(peer);
    }
    while (domain->keys != NULL) {
        key = domain->keys;
        DL_DELETE(domain->keys, key);
        ucp_rkey_destroy(key->rkey);
        free(key);
    }

    domain->dead_keys = 0;
}
