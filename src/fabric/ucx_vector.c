/* SPDX-License-Identifier: BSD-3-Clause */
/* Puts of a vector. Where they are letters, a message costs as much as some
 * thousand bytes, so that as many pieces go in one as it has room for. */
#include "fabric/fabric_internal.h"

#include <string.h>

#define VECTOR_HEAD sizeof(rsmi_fabric_part_t)

/* --- target: service thread ------------------------------------------------ */

bool rsmi_fabric_write_pieces(const rsmi_fabric_ranges_t *ranges,
                              const void *pieces, size_t length)
{
    const unsigned char *at = pieces;
    rsmi_fabric_part_t part;

    while (length >= VECTOR_HEAD) {
        memcpy(&part, at, VECTOR_HEAD);
        at += VECTOR_HEAD;
        length -= VECTOR_HEAD;
        if ((part.size == 0) || (part.size > length) ||
            !rsmi_fabric_range_has(ranges, part.remote, part.size)) {
            return false;
        }
        memcpy((void *)(uintptr_t)part.remote, at, part.size);
        at += part.size;
        length -= part.size;
    }
    return length == 0;
}

/* --- importer -------------------------------------------------------------- */

/* Letters arrive in the order in which they left. */
bool rsmi_fabric_has_order(const rsmi_fabric_key_t *key)
{
    return !key->is_direct && rsmi_fabric_has_mail(key->peer);
}

/* How many of the next ones one letter takes; 0: the next one goes by itself. */
static size_t vector_count(const rsmi_fabric_key_t *key,
                           const rsmi_fabric_put_t *puts, size_t count)
{
    size_t most = key->peer->domain->get_piece;
    size_t run = 0, size = 0;

    while ((run < count) && (run < FABRIC_PARTS_MOST) && !key->is_direct &&
           (puts[run].len != 0) &&
           rsmi_fabric_is_letter(key->peer, puts[run].len) &&
           rsmi_fabric_is_letter(key->peer, size + puts[run].len) &&
           ((run + 1) * VECTOR_HEAD + size + puts[run].len <= most)) {
        size += puts[run].len;
        ++run;
    }
    return (run > 1) ? run : 0;
}

static int vector_send(rsmi_fabric_key_t *key, const rsmi_fabric_put_t *puts,
                       size_t count, const rsmi_fabric_wait_t *wait)
{
    rsmi_fabric_domain_t *domain = key->peer->domain;
    unsigned char pieces[FABRIC_PIECES_SIZE];
    rsmi_fabric_part_t part;
    size_t size = 0, idx;
    int rc;

    for (idx = 0; idx < count; ++idx) {
        part = (rsmi_fabric_part_t){puts[idx].remote, puts[idx].len};
        memcpy(pieces + size, &part, VECTOR_HEAD);
        size += VECTOR_HEAD;
        memcpy(pieces + size, puts[idx].src, puts[idx].len);
        size += puts[idx].len;
    }
    rsmi_fabric_lock(domain);
    rc = rsmi_fabric_peer_enter(domain, key->peer, wait);
    if (rc == RSM_SUCCESS) {
        rc = rsmi_fabric_mail_put(domain, key, 0, pieces, size, wait);
    }
    rsmi_fabric_unlock(domain);
    return rc;
}

/* The next ones; *@p run_p is how many. */
static int vector_next(rsmi_fabric_key_t *key, const rsmi_fabric_put_t *puts,
                       size_t count, const rsmi_fabric_wait_t *wait,
                       size_t *run_p)
{
    *run_p = vector_count(key, puts, count);
    if (*run_p != 0) {
        return vector_send(key, puts, *run_p, wait);
    }
    *run_p = 1;
    return rsmi_fabric_put(key, puts->remote, puts->src, puts->len, wait);
}

/* What waits for room in the socket can be overtaken. */
static int vector_wait_sent(rsmi_fabric_key_t *key,
                            const rsmi_fabric_wait_t *wait)
{
    rsmi_fabric_domain_t *domain = key->peer->domain;
    uint64_t before;
    int rc;

    rsmi_fabric_lock(domain);
    rc = rsmi_fabric_peer_enter(domain, key->peer, wait);
    if (rc == RSM_SUCCESS) {
        rc = rsmi_fabric_mail_wait_turn(domain, key->peer, wait, &before);
    }
    rsmi_fabric_unlock(domain);
    return rc;
}

int rsmi_fabric_putv(rsmi_fabric_key_t *key, const rsmi_fabric_put_t *puts,
                     size_t count, bool in_order,
                     const rsmi_fabric_wait_t *wait, size_t *done_p)
{
    rsmi_time_t patience = wait->deadline - rsmi_clock_now();
    rsmi_fabric_wait_t left = *wait;
    size_t done = 0, run;
    int rc = RSM_SUCCESS;

    while ((done < count) && (rc == RSM_SUCCESS)) {
        if (in_order && (done != 0)) {
            rc = vector_wait_sent(key, &left);
        }
        if (rc == RSM_SUCCESS) {
            rc = vector_next(key, puts + done, count - done, &left, &run);
            done += (rc == RSM_SUCCESS) ? run : 0;
        }
        rsmi_fabric_wait_renew(&left, patience);
    }
    *done_p = done;
    return rc;
}
