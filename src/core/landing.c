/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/landing.h"

#include "mem/mem.h"
#include "rsmapi.h"
#include "util/log.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <unistd.h>

#define LANDING_PROT (PROT_READ | PROT_WRITE)

static _Atomic uint64_t landing_seals;

static size_t landing_whole(const rsmi_landing_t *landing)
{
    return landing->size + (size_t)sysconf(_SC_PAGESIZE);
}

static void landing_set_seal(rsmi_landing_t *landing)
{
    landing->seal = atomic_fetch_add(&landing_seals, 1) + 1;
    rsmi_mem_blank(landing->addr + landing->size,
                   landing_whole(landing) - landing->size, LANDING_PROT);
    memcpy(landing->addr + landing->size, &landing->seal,
           sizeof(landing->seal));
}

rsmi_fabric_kind_t rsmi_landing_domain(rsmi_path_t path)
{
    switch (path) {
    case RSMI_PATH_TCP:
        return RSMI_FABRIC_TCP;
    case RSMI_PATH_IB:
        return RSMI_FABRIC_IB;
    case RSMI_PATH_SHM:
        return RSMI_FABRIC_SELF;
    case RSMI_PATH_DIRECT:
    case RSMI_PATH_NET:
    default:
        return RSMI_FABRIC_NET;
    }
}

typedef struct {
    const char *from;
    char *to;
} landing_copy_t;

/* Foreign memory may consist of several mappings. */
static int landing_show_area(const rsmi_mem_area_t *area, void *arg)
{
    landing_copy_t *copy = arg;

    if (!area->is_shared) {
        return RSMERR_BAD_ADDR; /* replaced since it was exported */
    }
    return rsmi_mem_show_again(copy->to + (area->start - copy->from),
                               area->start, area->size, LANDING_PROT);
}

static int landing_show(char *to, const rsmi_piece_t *piece)
{
    landing_copy_t copy = {piece->addr, to};

    if (piece->backing != NULL) {
        return rsmi_mem_show(
            to, piece->size, rsmi_backing_fd(piece->backing),
            (off_t)(rsmi_backing_offset(piece->backing) + piece->offset),
            LANDING_PROT);
    }
    return rsmi_mem_survey(piece->addr, piece->size, landing_show_area, &copy);
}

int rsmi_landing_change(rsmi_landing_t *landing, const rsmi_pieces_t *pieces)
{
    char *to = landing->addr;
    size_t idx;
    int rc;

    for (idx = 0; idx < pieces->count; ++idx) {
        rc = landing_show(to, &pieces->pieces[idx]);
        if (rc != RSM_SUCCESS) {
            return rc;
        }
        to += pieces->pieces[idx].size;
    }
    return RSM_SUCCESS;
}

int rsmi_landing_open(const rsmi_pieces_t *pieces, size_t size,
                      rsmi_landing_t **landing_p)
{
    rsmi_landing_t *landing;
    int rc = RSMERR_INSUFFICIENT_MEM;

    landing = calloc(1, sizeof(*landing));
    if (landing == NULL) {
        goto err;
    }
    landing->size = size;
    landing->addr = rsmi_mem_reserve(landing_whole(landing));
    if (landing->addr == NULL) {
        goto err_free;
    }
    rc = rsmi_landing_change(landing, pieces);
    if (rc != RSM_SUCCESS) {
        goto err_unmap;
    }
    landing_set_seal(landing);
    *landing_p = landing;
    return RSM_SUCCESS;

err_unmap:
    rsmi_mem_unmap(landing->addr, landing_whole(landing));
err_free:
    free(landing);
err:
    return rc;
}

int rsmi_landing_key(rsmi_landing_t *landing, rsmi_path_t path, void **key_p,
                     size_t *key_size_p)
{
    rsmi_fabric_kind_t kind = rsmi_landing_domain(path);
    int rc;

    if (landing->mems[kind] == NULL) {
        rc = rsmi_fabric_register(kind, landing->addr, landing_whole(landing),
                                  &landing->mems[kind]);
        if (rc != RSM_SUCCESS) {
            return rc;
        }
    }
    return rsmi_fabric_pack(landing->mems[kind], key_p, key_size_p);
}

bool rsmi_landing_can_change(const rsmi_landing_t *landing)
{
    rsmi_fabric_info_t info;
    int kind;

    for (kind = 0; kind < RSMI_FABRIC_KINDS; ++kind) {
        if (landing->mems[kind] != NULL) {
            rsmi_fabric_query((rsmi_fabric_kind_t)kind, &info);
            if (info.pins_memory) {
                return false;
            }
        }
    }
    return true;
}

void rsmi_landing_blank(rsmi_landing_t *landing)
{
    rsmi_mem_blank(landing->addr, landing_whole(landing), LANDING_PROT);
}

void rsmi_landing_close(rsmi_landing_t *landing, bool is_clean)
{
    int kind;

    for (kind = 0; kind < RSMI_FABRIC_KINDS; ++kind) {
        rsmi_fabric_release(landing->mems[kind]);
    }
    if (is_clean) {
        rsmi_mem_unmap(landing->addr, landing_whole(landing));
    } else {
        rsmi_debug("core",
                   "%zu bytes of addresses stay blank for a silent "
                   "importer",
                   landing->size);
        rsmi_landing_blank(landing);
    }
    free(landing);
}
