/* SPDX-License-Identifier: BSD-3-Clause */
/* What is asked of the running library: its controllers, and a round trip
 * through one of them. */
#include "rsm_info.h"

#include "util/clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define TRIP_BYTES     (UINT64_C(1) << 20)
#define TRIP_ROUNDS    1000
#define TRIP_LARGE     8
#define TRIP_PATIENCE  INT64_C(1000) /* ms for one kind of measurement */
#define TRIP_SIGNAL_MS 5000

int info_list_controllers(info_controller_t *list, size_t *count_p)
{
    rsm_topology_t *topology;
    size_t count = 1;
    uint_t idx;
    int rc;

    rc = rsm_get_interconnect_topology(&topology);
    if (rc != RSM_SUCCESS) {
        return rc;
    }

    memset(list, 0, INFO_CONTROLLERS_MAX * sizeof(*list));
    (void)strcpy(list[0].name, "loopback");
    for (idx = 0; (idx < topology->topology_hdr.local_cntlr_count) &&
                  (count < INFO_CONTROLLERS_MAX);
         idx++) {
        (void)snprintf(list[count].name, sizeof(list[count].name), "%s",
                       topology->connections[idx]->hdr.cntlr_name);
        list[count++].is_in_topology = true;
    }
    rsm_free_interconnect_topology(topology);
    *count_p = count;
    return RSM_SUCCESS;
}

void info_format_error(char *buffer, size_t size, const char *call, int rc)
{
    (void)snprintf(buffer, size, "%s returned %s: %s", call,
                   rsmx_error_name(rc), rsmx_strerror(rc));
}

/* Everything a round trip holds, undone by trip_end() in reverse order. */
typedef struct {
    rsmapi_controller_handle_t controller;
    rsm_memseg_export_handle_t seg;
    rsm_memseg_import_handle_t imp;
    bool is_published;
    bool has_barrier;
    rsmapi_barrier_t barrier; /* implicit mode wants one */
    unsigned char *memory;    /* exported */
    unsigned char *buffer;
    char *error;
    size_t error_size;
} trip_t;

/* Passes @p rc on; notes the first failure. */
static int trip_note(trip_t *trip, const char *call, int rc)
{
    if ((rc != RSM_SUCCESS) && (trip->error[0] == '\0')) {
        info_format_error(trip->error, trip->error_size, call, rc);
    }
    return rc;
}

#define TRIP_TRY(trip, call, arguments) \
    (trip_note((trip), #call, call arguments) != RSM_SUCCESS)

static bool trip_begin(trip_t *trip, char *name)
{
    rsmapi_access_entry_t access = {0, RSM_PERM_RDWR};
    rsm_memseg_id_t id = 0;

    trip->memory = mmap(NULL, TRIP_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    trip->buffer = malloc(TRIP_BYTES);
    if ((trip->memory == MAP_FAILED) || (trip->buffer == NULL)) {
        (void)snprintf(trip->error, trip->error_size, "no memory is left");
        return false;
    }

    if (TRIP_TRY(trip, rsmx_get_node_id, (&access.ae_node)) ||
        TRIP_TRY(trip, rsm_get_controller, (name, &trip->controller)) ||
        TRIP_TRY(trip, rsm_memseg_export_create,
                 (trip->controller, &trip->seg, trip->memory, TRIP_BYTES, 0)) ||
        TRIP_TRY(trip, rsm_memseg_export_publish,
                 (trip->seg, &id, &access, 1))) {
        return false;
    }
    trip->is_published = true;
    if (TRIP_TRY(trip, rsm_memseg_import_connect,
                 (trip->controller, access.ae_node, id, RSM_PERM_RDWR,
                  &trip->imp)) ||
        TRIP_TRY(trip, rsm_memseg_import_init_barrier,
                 (trip->imp, RSM_BAR_DEFAULT, &trip->barrier))) {
        return false;
    }
    trip->has_barrier = true;
    return true;
}

static void trip_end(trip_t *trip)
{
    if (trip->has_barrier) {
        (void)TRIP_TRY(trip, rsm_memseg_import_destroy_barrier,
                       (&trip->barrier));
    }
    if (trip->imp != NULL) {
        (void)TRIP_TRY(trip, rsm_memseg_import_disconnect, (trip->imp));
    }
    if (trip->is_published) {
        (void)TRIP_TRY(trip, rsm_memseg_export_unpublish, (trip->seg));
    }
    if (trip->seg != NULL) {
        (void)TRIP_TRY(trip, rsm_memseg_export_destroy, (trip->seg));
    }
    if (trip->controller != NULL) {
        (void)TRIP_TRY(trip, rsm_release_controller, (trip->controller));
    }
    if (trip->memory != MAP_FAILED) {
        (void)munmap(trip->memory, TRIP_BYTES);
    }
    free(trip->buffer);
}

/* Data must arrive, come back, and be what it was. */
static bool trip_move(trip_t *trip)
{
    uint64_t old = 0;
    uint64_t word;
    size_t idx;

    for (idx = 0; idx < TRIP_BYTES; idx++) {
        trip->buffer[idx] = (unsigned char)(idx * 31 + (idx >> 8));
    }
    if (TRIP_TRY(trip, rsm_memseg_import_put,
                 (trip->imp, 0, trip->buffer, TRIP_BYTES))) {
        return false;
    }
    if (memcmp(trip->memory, trip->buffer, TRIP_BYTES) != 0) {
        (void)snprintf(trip->error, trip->error_size,
                       "rsm_memseg_import_put stored other bytes than given");
        return false;
    }

    memset(trip->buffer, 0, TRIP_BYTES);
    if (TRIP_TRY(trip, rsm_memseg_import_get,
                 (trip->imp, 0, trip->buffer, TRIP_BYTES))) {
        return false;
    }
    if (memcmp(trip->memory, trip->buffer, TRIP_BYTES) != 0) {
        (void)snprintf(trip->error, trip->error_size,
                       "rsm_memseg_import_get fetched other bytes than stored");
        return false;
    }

    memcpy(&word, trip->memory, sizeof(word));
    if (TRIP_TRY(trip, rsmx_import_fetch_add64, (trip->imp, 0, 1, &old))) {
        return false;
    }
    if (old != word) {
        (void)snprintf(trip->error, trip->error_size,
                       "rsmx_import_fetch_add64 saw another value than stored");
        return false;
    }
    return !TRIP_TRY(trip, rsm_intr_signal_post, (trip->imp, 0)) &&
           !TRIP_TRY(trip, rsm_intr_signal_wait, (trip->seg, TRIP_SIGNAL_MS));
}

/* Nanoseconds of one access of @p size bytes; negative when one failed. */
static double trip_time(trip_t *trip, bool is_put, size_t size, int rounds)
{
    rsmi_time_t deadline = rsmi_deadline_in_ms(TRIP_PATIENCE);
    rsmi_time_t start = rsmi_clock_now();
    int done = 0;

    while ((done < rounds) &&
           ((done == 0) || !rsmi_deadline_passed(deadline))) {
        if (is_put ? TRIP_TRY(trip, rsm_memseg_import_put,
                              (trip->imp, 0, trip->buffer, size))
                   : TRIP_TRY(trip, rsm_memseg_import_get,
                              (trip->imp, 0, trip->buffer, size))) {
            return -1;
        }
        done++;
    }
    return (double)(rsmi_clock_now() - start) / done;
}

static bool trip_measure(trip_t *trip, info_trip_t *trip_p)
{
    double bytes = (double)TRIP_BYTES;

    trip_p->put_us = trip_time(trip, true, 8, TRIP_ROUNDS) / 1e3;
    trip_p->get_us = trip_time(trip, false, 8, TRIP_ROUNDS) / 1e3;
    trip_p->put_mbs =
        bytes * 1e3 / trip_time(trip, true, TRIP_BYTES, TRIP_LARGE);
    trip_p->get_mbs =
        bytes * 1e3 / trip_time(trip, false, TRIP_BYTES, TRIP_LARGE);
    return trip->error[0] == '\0';
}

int info_round_trip(char *name, info_trip_t *trip_p, char *error, size_t size)
{
    trip_t trip = {.memory = MAP_FAILED, .error = error, .error_size = size};
    bool is_good;

    error[0] = '\0';
    is_good = trip_begin(&trip, name) && trip_move(&trip) &&
              trip_measure(&trip, trip_p);
    trip_end(&trip);
    return (is_good && (error[0] == '\0')) ? 0 : -1;
}
