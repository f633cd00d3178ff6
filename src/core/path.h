/* SPDX-License-Identifier: BSD-3-Clause */
/* Ways to the data, one bit each. Importer and exporter each have a set of
 * them (what their controllers, hosts and settings allow); the exporter takes
 * the first that both have, in this order. */
#ifndef RSMI_PATH_H
#define RSMI_PATH_H

typedef enum {
    RSMI_PATH_DIRECT = 1 << 0, /* the importer maps the pages */
    RSMI_PATH_SHM = 1 << 1,    /* it maps them, and UCX does the access */
    RSMI_PATH_NET = 1 << 2,    /* UCX without shared memory */
    RSMI_PATH_TCP = 1 << 3,    /* UCX over tcp alone */
    RSMI_PATH_IB = 1 << 4      /* UCX over verbs alone */
} rsmi_path_t;

#define RSMI_PATH_SAME_HOST (RSMI_PATH_DIRECT | RSMI_PATH_SHM)
#define RSMI_PATH_ALL                                                   \
    (RSMI_PATH_DIRECT | RSMI_PATH_SHM | RSMI_PATH_NET | RSMI_PATH_TCP | \
     RSMI_PATH_IB)

#endif
