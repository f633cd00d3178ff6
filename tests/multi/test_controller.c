/* SPDX-License-Identifier: BSD-3-Clause */
/* Controllers: names, references, attributes, aliases. */
#include "multi.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char ucx_name[] = "ucx0";
static char loopback_name[] = "loopback";

MULTI_TEST_ONCE(controller, counts_gets_and_releases, 1)
{
    rsmapi_controller_handle_t first = NULL;
    rsmapi_controller_handle_t second = NULL;

    MULTI_OK(rsm_get_controller(ucx_name, &first));
    MULTI_OK(rsm_get_controller(ucx_name, &second));
    cr_assert_not_null(first);
    cr_assert_eq(first, second, "the same name gives the same handle");

    MULTI_OK(rsm_release_controller(first));
    MULTI_OK(rsm_release_controller(second));
    MULTI_CODE(rsm_release_controller(first), RSMERR_BAD_CTLR_HNDL);
}

MULTI_TEST_ONCE(controller, can_be_got_again_after_release, 1)
{
    rsmapi_controller_handle_t stale = NULL;
    rsmapi_controller_handle_t fresh = NULL;
    rsmapi_controller_attr_t attr;

    MULTI_OK(rsm_get_controller(ucx_name, &stale));
    MULTI_OK(rsm_release_controller(stale));
    MULTI_OK(rsm_get_controller(ucx_name, &fresh));
    MULTI_OK(rsm_get_controller_attr(fresh, &attr));
    MULTI_OK(rsm_release_controller(fresh));
    MULTI_CODE(rsm_get_controller_attr(fresh, &attr), RSMERR_BAD_CTLR_HNDL);
}

MULTI_TEST_ONCE(controller, loopback_goes_by_several_names, 1)
{
    static char capitals[] = "LoopBack";
    static char with_unit[] = "loopback7";
    char *names[] = {NULL, capitals, with_unit};
    rsmapi_controller_handle_t loopback = NULL;
    size_t i;

    MULTI_OK(rsm_get_controller(loopback_name, &loopback));
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        rsmapi_controller_handle_t same = NULL;

        MULTI_OK(rsm_get_controller(names[i], &same));
        cr_assert_eq(same, loopback, "%s", names[i]);
        MULTI_OK(rsm_release_controller(same));
    }
    MULTI_OK(rsm_release_controller(loopback));
}

MULTI_TEST_ONCE(controller, name_ignores_case, 1)
{
    static char capitals[] = "UCX0";
    rsmapi_controller_handle_t lower = NULL;
    rsmapi_controller_handle_t upper = NULL;

    MULTI_OK(rsm_get_controller(ucx_name, &lower));
    MULTI_OK(rsm_get_controller(capitals, &upper));
    cr_assert_eq(lower, upper);
    MULTI_OK(rsm_release_controller(lower));
    MULTI_OK(rsm_release_controller(upper));
}

MULTI_TEST_ONCE(controller, unknown_name_is_refused, 1)
{
    static char empty[] = "";
    static char other_unit[] = "ucx1";
    static char other_type[] = "sci0";
    static char only_digits[] = "0";
    static char longer[] = "ucx0 ";
    char endless[4096];
    char *names[] = {empty,       other_unit, other_type,
                     only_digits, longer,     endless};
    rsmapi_controller_handle_t untouched =
        (rsmapi_controller_handle_t)(void *)names;
    rsmapi_controller_handle_t handle = untouched;
    size_t i;

    memset(endless, 'u', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = '\0';
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        MULTI_CODE(rsm_get_controller(names[i], &handle),
                   RSMERR_CTLR_NOT_PRESENT);
        cr_assert_eq(handle, untouched, "the result was written");
    }
    MULTI_CODE(rsm_get_controller(ucx_name, NULL), RSMERR_BAD_CTLR_HNDL);
    MULTI_CODE(rsm_get_controller(other_type, NULL), RSMERR_BAD_CTLR_HNDL);
}

MULTI_TEST(controller, attributes_are_truthful, 1)
{
    char *names[] = {ucx_name, loopback_name};
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        rsmapi_controller_handle_t handle = NULL;
        rsmapi_controller_attr_t attr;

        memset(&attr, 0, sizeof(attr));
        MULTI_OK(rsm_get_controller(names[i], &handle));
        MULTI_OK(rsm_get_controller_attr(handle, &attr));
        cr_assert_eq(attr.attr_page_size, (size_t)sysconf(_SC_PAGESIZE));
        cr_assert_eq(attr.attr_direct_access_sizes,
                     (uint_t)(RSM_DAS8 | RSM_DAS16 | RSM_DAS32 | RSM_DAS64));
        cr_assert_eq(attr.attr_atomic_sizes & (uint_t)(RSM_DAS32 | RSM_DAS64),
                     (uint_t)(RSM_DAS32 | RSM_DAS64),
                     "rsmx.h has atomics of both widths");
        cr_assert_geq(attr.attr_max_export_segment_size, 1u << 20);
        cr_assert_geq(attr.attr_tot_export_segment_size,
                      attr.attr_max_export_segment_size);
        cr_assert_geq(attr.attr_max_export_segments, 256);
        cr_assert_geq(attr.attr_max_import_map_size, 1u << 20);
        cr_assert_geq(attr.attr_tot_import_map_size,
                      attr.attr_max_import_map_size);
        cr_assert_geq(attr.attr_max_import_segments, 256);
        MULTI_OK(rsm_release_controller(handle));
    }
}

MULTI_TEST_ONCE(controller, attribute_errors_come_in_order, 1)
{
    MULTI_CODE(rsm_get_controller_attr(NULL, NULL), RSMERR_BAD_CTLR_HNDL);
    MULTI_CODE(rsm_get_controller_attr(multi_controller(), NULL),
               RSMERR_BAD_ADDR);
    MULTI_CODE(rsm_release_controller(NULL), RSMERR_BAD_CTLR_HNDL);
}

MULTI_TEST_ONCE(controller, alias_names_the_same_controller, 1)
{
    static char alias[] = "sci0";
    static char other_alias[] = "wrsm3";
    static char not_an_alias[] = "sci1";
    rsmapi_controller_handle_t real = NULL;
    rsmapi_controller_handle_t named = NULL;

    setenv("RSM_CONTROLLER_ALIAS", "sci0=ucx0,wrsm3=loopback", 1);
    MULTI_OK(rsm_get_controller(ucx_name, &real));
    MULTI_OK(rsm_get_controller(alias, &named));
    cr_assert_eq(named, real);
    MULTI_OK(rsm_release_controller(real));
    MULTI_OK(rsm_release_controller(named));

    MULTI_OK(rsm_get_controller(loopback_name, &real));
    MULTI_OK(rsm_get_controller(other_alias, &named));
    cr_assert_eq(named, real);
    MULTI_OK(rsm_release_controller(real));
    MULTI_OK(rsm_release_controller(named));
    MULTI_CODE(rsm_get_controller(not_an_alias, &named),
               RSMERR_CTLR_NOT_PRESENT);
}

MULTI_TEST_ONCE(controller, bad_variable_makes_calls_fail, 1)
{
    rsmapi_controller_handle_t handle = NULL;

    setenv("RSM_TIMEOUT", "a long while", 1);
    MULTI_CODE(rsm_get_controller(ucx_name, &handle), RSMERR_BAD_CONF);
    cr_assert_null(handle);
}

/* Every controller that the topology lists carries data. */
MULTI_TEST(controller, each_listed_one_carries_data, 2)
{
    const size_t size = MULTI_PAGE;
    rsm_topology_t *topology = NULL;
    unsigned char *memory = multi_pages(size);
    uint_t count;
    uint_t i;

    multi_controller();
    multi_sync();
    MULTI_OK(rsm_get_interconnect_topology(&topology));
    count = topology->topology_hdr.local_cntlr_count;
    cr_assert_eq(multi_share(0, count), count, "ranks differ in controllers");
    for (i = 0; i < count; i++) {
        rsmapi_controller_handle_t controller = NULL;
        rsm_memseg_export_handle_t segment = NULL;
        rsm_memseg_import_handle_t import = NULL;
        rsm_memseg_id_t id = MULTI_ID(i);
        rsmapi_barrier_t barrier;

        MULTI_OK(rsm_get_controller(topology->connections[i]->hdr.cntlr_name,
                                    &controller));
        if (multi.rank == 0) {
            memset(memory, 0, size);
            MULTI_OK(rsm_memseg_export_create(controller, &segment, memory,
                                              size, 0));
            MULTI_OK(rsm_memseg_export_publish(segment, &id, NULL, 0));
        }
        multi_sync();
        if (multi.rank == 1) {
            MULTI_OK(rsm_memseg_import_connect(controller, multi_node(0), id,
                                               RSM_PERM_RDWR, &import));
            MULTI_OK(rsm_memseg_import_init_barrier(import, RSM_BARRIER_SEGMENT,
                                                    &barrier));
            multi_fill(memory, size, i);
            MULTI_OK(rsm_memseg_import_put(import, 0, memory, size));
            MULTI_OK(rsm_memseg_import_destroy_barrier(&barrier));
            MULTI_OK(rsm_memseg_import_disconnect(import));
        }
        multi_sync();
        cr_assert(multi_is_filled(memory, size, i), "through %s",
                  topology->connections[i]->hdr.cntlr_name);
        if (multi.rank == 0)
            MULTI_OK(rsm_memseg_export_destroy(segment));
        MULTI_OK(rsm_release_controller(controller));
    }
    rsm_free_interconnect_topology(topology);
    multi_free_pages(memory, size);
}
