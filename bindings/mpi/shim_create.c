/* SPDX-License-Identifier: BSD-3-Clause */
/* How a window comes to be and ends. All ranks offer what they have, tell each
 * other, and connect; then they agree. If one of them could not, the window is
 * for the MPI library, and what has been made so far is given back. */
#include "shim_dynamic.h"
#include "shim_job.h"
#include "shim_remote.h"

#include <rsmx.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* What a rank tells the others. */
typedef struct {
    int32_t rc;
    uint32_t node;
    rsmi_place_t control;
    uint32_t segment; /* 0: none */
    int32_t disp_unit;
    uint64_t head;
    int64_t bytes;
    bool is_unclear; /* what it says about who is to serve the window */
    cpu_set_t cores; /* on which it may run */
} create_offer_t;

/* The info key rsm_serve. */
typedef enum { CREATE_SERVE, CREATE_LEAVE, CREATE_UNCLEAR } create_wish_t;

/* In place of a result: a rank wants the MPI library to have this window. More
 * than any result, it is what all of them agree on. */
#define CREATE_LEFT INT32_MAX

/* Waiting costs others nothing while each rank has a core of its own. */
enum { CREATE_SPINS_ALONE = 2000, CREATE_SPINS_CROWDED = 20 };

/* Ranks of other jobs have librsm node numbers that say nothing here. */
static int create_check_ranks(MPI_Comm comm, int size)
{
    MPI_Group world = MPI_GROUP_NULL, group = MPI_GROUP_NULL;
    int *ranks, *all;
    int i, error, rc = RSM_SUCCESS;

    ranks = malloc(2 * (size_t)size * sizeof(*ranks));
    if (ranks == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    all = ranks + size;
    for (i = 0; i < size; ++i) {
        ranks[i] = i;
    }
    error = PMPI_Comm_group(MPI_COMM_WORLD, &world);
    if (error == MPI_SUCCESS) {
        error = PMPI_Comm_group(comm, &group);
    }
    if (error == MPI_SUCCESS) {
        error = PMPI_Group_translate_ranks(group, size, ranks, world, all);
    }
    for (i = 0; i < size; ++i) {
        if ((error != MPI_SUCCESS) || (all[i] == MPI_UNDEFINED)) {
            rc = RSMERR_REMOTE_NODE_UNREACHABLE;
        }
    }
    if (group != MPI_GROUP_NULL) {
        (void)PMPI_Group_free(&group);
    }
    if (world != MPI_GROUP_NULL) {
        (void)PMPI_Group_free(&world);
    }
    free(ranks);
    return rc;
}

static create_wish_t create_wish(MPI_Info info,
                                 char value[MPI_MAX_INFO_VAL + 1])
{
    int is_there = 0;

    if (info != MPI_INFO_NULL) {
        (void)PMPI_Info_get(info, "rsm_serve", MPI_MAX_INFO_VAL, value,
                            &is_there);
    }
    if ((is_there == 0) || (strcmp(value, "true") == 0)) {
        return CREATE_SERVE;
    }
    return (strcmp(value, "false") == 0) ? CREATE_LEAVE : CREATE_UNCLEAR;
}

/* Of the ranks that are not clear the first one says so, with its first
 * window: it is likely to make more of them in the same way. */
static void create_complain(const rsmi_recipe_t *recipe,
                            const rsmi_window_t *window,
                            const create_offer_t *offers)
{
    static atomic_flag has_complained = ATOMIC_FLAG_INIT;
    char value[MPI_MAX_INFO_VAL + 1] = "";
    int first = 0;

    while ((first < window->size) && !offers[first].is_unclear) {
        ++first;
    }
    if ((first != window->rank) || atomic_flag_test_and_set(&has_complained)) {
        return;
    }
    (void)create_wish(recipe->info, value);
    (void)fprintf(stderr,
                  "rsm: info key rsm_serve=%s of rank %d is neither true nor "
                  "false and counts as true; with false the window is left to "
                  "the MPI library\n",
                  value, first);
}

static int create_offer(const rsmi_recipe_t *recipe, rsmi_window_t *window,
                        create_offer_t *offer)
{
    char value[MPI_MAX_INFO_VAL + 1] = "";
    create_wish_t wish = create_wish(recipe->info, value);
    rsm_memseg_id_t segment = 0;
    size_t head = 0;
    int rc = (wish == CREATE_LEAVE) ? CREATE_LEFT : recipe->rc;

    if (rc == RSM_SUCCESS) {
        rc = rsmi_job()->rc;
    }
    if (rc == RSM_SUCCESS) {
        rc = create_check_ranks(recipe->comm, window->size);
    }
    if (rc == RSM_SUCCESS) {
        rc = rsmi_control_allocate(window->size,
                                   &window->targets[window->rank].control,
                                   &offer->control);
    }
    if ((rc == RSM_SUCCESS) && (recipe->flavor == MPI_WIN_FLAVOR_DYNAMIC) &&
        (!rsmi_attached_prepare(window) || !rsmi_dynamic_prepare(window))) {
        rc = RSMERR_INSUFFICIENT_MEM;
    }
    if ((rc == RSM_SUCCESS) && (recipe->exported != NULL)) {
        rc = rsmi_memory_export(recipe->exported, recipe->exported_size,
                                &window->export, &segment, &head);
    }
    offer->rc = rc;
    offer->is_unclear = wish == CREATE_UNCLEAR;
    offer->node = rsmi_job()->node;
    offer->segment = segment;
    offer->head = head;
    offer->bytes = recipe->bytes;
    offer->disp_unit = recipe->disp_unit;
    if (sched_getaffinity(0, sizeof(offer->cores), &offer->cores) != 0) {
        memset(&offer->cores, 0xff,
               sizeof(offer->cores)); /* too many to tell */
    }
    return rc;
}

static int create_connect(rsmi_window_t *window, int rank,
                          const create_offer_t *offer)
{
    rsmi_target_t *target = &window->targets[rank];
    int rc;

    rc = rsmi_control_reach(offer->control, target);
    if ((rc == RSM_SUCCESS) && (offer->segment != 0)) {
        rc = rsmi_memory_import(offer->node, offer->segment, &target->import,
                                &target->mapping);
    }
    if ((rc != RSM_SUCCESS) || (target->import == NULL)) {
        return rc;
    }
    target->head = offer->head;
    if (target->mapping != NULL) {
        target->addr = (char *)target->mapping + offer->head;
        return RSM_SUCCESS;
    }
    window->has_far = true;
    return rsmi_remote_open(target);
}

/* Shared memory is for loads and stores. */
static bool create_needs_mapping(const rsmi_window_t *window, int rank)
{
    const rsmi_target_t *target = &window->targets[rank];

    return (window->flavor == MPI_WIN_FLAVOR_SHARED) &&
           ((target->control == NULL) || (target->far != NULL));
}

static int create_connect_all(const rsmi_recipe_t *recipe,
                              rsmi_window_t *window,
                              const create_offer_t *offers)
{
    char *shared;
    int i, rc;

    for (i = 0; i < window->size; ++i) {
        window->targets[i].node = offers[i].node;
        window->targets[i].size = offers[i].bytes;
        window->targets[i].disp_unit = offers[i].disp_unit;
        if (i == window->rank) {
            window->targets[i].addr =
                (recipe->exported != NULL) ? recipe->exported : recipe->base;
            continue;
        }
        rc = create_connect(window, i, &offers[i]);
        if (rc != RSM_SUCCESS) {
            return rc;
        }
    }

    for (i = 0; i < window->size; ++i) {
        if (create_needs_mapping(window, i)) {
            return RSMERR_MAP_FAILED;
        }
    }

    /* Rank 0 has brought the pages for everybody. */
    shared = window->targets[0].addr;
    for (i = 0; (recipe->offsets != NULL) && (i < window->size); ++i) {
        window->targets[i].addr =
            (shared == NULL) ? NULL : shared + recipe->offsets[i];
        window->targets[i].holder = window->targets[0].import;
    }
    window->base = window->targets[window->rank].addr;
    return RSM_SUCCESS;
}

/* Any window of the MPI library on this communicator will do. One of shared
 * memory costs least, and is the only kind that Open MPI 4.1 makes for a single
 * process; a failure must not reach the program's error handler. */
static bool create_carrier(MPI_Comm comm, MPI_Win *carrier)
{
    MPI_Errhandler handler;
    void *base = NULL;
    int error;

    (void)PMPI_Comm_get_errhandler(comm, &handler);
    (void)PMPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN);
    error = PMPI_Win_allocate_shared(0, 1, MPI_INFO_NULL, comm, &base, carrier);
    if (error != MPI_SUCCESS) {
        error = PMPI_Win_create(NULL, 0, 1, MPI_INFO_NULL, comm, carrier);
    }
    (void)PMPI_Comm_set_errhandler(comm, handler);
    (void)PMPI_Errhandler_free(&handler);
    return error == MPI_SUCCESS;
}

void rsmi_window_report(const rsmi_recipe_t *recipe, const char *verdict)
{
    static const char *const flavors[] = {"create", "allocate", "dynamic",
                                          "shared"};
    static const int numbers[] = {
        MPI_WIN_FLAVOR_CREATE, MPI_WIN_FLAVOR_ALLOCATE, MPI_WIN_FLAVOR_DYNAMIC,
        MPI_WIN_FLAVOR_SHARED};
    int rank, size;
    size_t i = 0;

    (void)PMPI_Comm_rank(recipe->comm, &rank);
    (void)PMPI_Comm_size(recipe->comm, &size);
    if (rank != 0) {
        return;
    }
    while ((i < 3) && (numbers[i] != recipe->flavor)) {
        ++i;
    }
    (void)fprintf(stderr,
                  "rsm: MPI window (%s, ranks %d, bytes at rank 0 %lld): %s\n",
                  flavors[i], size, (long long)recipe->bytes, verdict);
}

static void create_report(const rsmi_recipe_t *recipe, int rc)
{
    char verdict[256];

    if (!rsmi_job()->is_talkative &&
        ((rc == RSM_SUCCESS) || (rc == CREATE_LEFT) ||
         !rsmi_job()->is_required)) {
        return;
    }
    if (rc == RSM_SUCCESS) {
        rsmi_window_report(recipe, "served by librsm");
        return;
    }
    if (rc == CREATE_LEFT) {
        rsmi_window_report(recipe, "left to the MPI library, as the info key "
                                   "rsm_serve of some rank wants it");
        return;
    }
    (void)snprintf(
        verdict, sizeof(verdict), "%s, because of %s at some rank (%s)",
        rsmi_job()->is_required ? "refused" : "left to the MPI library",
        rsmx_error_name(rc), rsmx_strerror(rc));
    rsmi_window_report(recipe, verdict);
}

/* Connections first, then our own memory: nobody is cut off. */
static void create_disconnect(rsmi_window_t *window)
{
    int i;

    for (i = 0; i < window->size; ++i) {
        rsmi_dynamic_forget(&window->targets[i]);
        rsmi_remote_close(&window->targets[i]);
        if (window->targets[i].import != NULL) {
            rsmi_memory_forget(window->targets[i].import);
            window->targets[i].import = NULL;
        }
    }
}

static void create_withdraw(rsmi_window_t *window)
{
    rsmi_attached_withdraw(window);
    /* Nobody wants the contents back: librsm is to find other pages there. */
    if (window->allocated != NULL) {
        (void)mmap(window->allocated, window->allocated_size, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
                   0);
    }
    if (window->export != NULL) {
        rsmi_memory_withdraw(window->export);
    }
    if (window->allocated != NULL) {
        (void)munmap(window->allocated, window->allocated_size);
    }
    rsmi_control_free(window->size, window->targets[window->rank].control);
    if (window->info != MPI_INFO_NULL) {
        (void)PMPI_Info_free(&window->info);
    }
    if (window->group != MPI_GROUP_NULL) {
        (void)PMPI_Group_free(&window->group);
    }
    rsmi_window_delete(window);
}

/* Says what it has and reaches what the others have. */
static int create_parts(const rsmi_recipe_t *recipe, rsmi_window_t *window,
                        create_offer_t *offers, int *rc_p)
{
    create_offer_t own;
    int i, error;

    memset(&own, 0, sizeof(own));
    (void)create_offer(recipe, window, &own);
    error = PMPI_Allgather(&own, (int)sizeof(own), MPI_BYTE, offers,
                           (int)sizeof(own), MPI_BYTE, recipe->comm);
    *rc_p = RSM_SUCCESS;
    for (i = 0; (error == MPI_SUCCESS) && (i < window->size); ++i) {
        *rc_p = (offers[i].rc > *rc_p) ? offers[i].rc : *rc_p;
    }
    if (error == MPI_SUCCESS) {
        create_complain(recipe, window, offers);
    }
    return error;
}

/* Into the table, under a handle of the MPI library. */
static int create_list(const rsmi_recipe_t *recipe, rsmi_window_t *window,
                       MPI_Win *carrier_p)
{
    if (!create_carrier(recipe->comm, carrier_p)) {
        *carrier_p = MPI_WIN_NULL;
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
    return rsmi_window_list(window, *carrier_p) ? RSM_SUCCESS
                                                : RSMERR_INSUFFICIENT_MEM;
}

/* To free a carrier takes all ranks: where one has none it is left behind. */
static void create_unlist(rsmi_window_t *window, MPI_Win carrier,
                          bool all_have_one)
{
    rsmi_window_unlist(window);
    if (all_have_one) {
        (void)PMPI_Win_free(&carrier);
    }
}

/* Whether ranks of this host wait for each other's cores: there are fewer, or
 * all ranks together are bound to fewer. */
static bool create_shares_cores(const rsmi_window_t *window,
                                const create_offer_t *offers)
{
    int i, count = 0;
    cpu_set_t cores;

    CPU_ZERO(&cores);
    for (i = 0; i < window->size; ++i) {
        if (window->targets[i].control != NULL) {
            CPU_OR(&cores, &cores, &offers[i].cores);
            ++count;
        }
    }
    return rsmi_job()->is_crowded || (count > CPU_COUNT(&cores));
}

static bool create_is_near(const rsmi_window_t *window)
{
    int i;

    for (i = 0; i < window->size; ++i) {
        if (window->targets[i].control == NULL) {
            return false;
        }
    }
    return true;
}

/* The rest, to which all ranks come or none. */
static int create_whole(const rsmi_recipe_t *recipe, rsmi_window_t *window,
                        const create_offer_t *offers, int *rc_p)
{
    int own[3], all[3], error, rc;
    bool is_crowded;
    MPI_Win carrier;

    own[0] = create_connect_all(recipe, window, offers);
    is_crowded = create_shares_cores(window, offers);
    window->spins = is_crowded ? CREATE_SPINS_CROWDED : CREATE_SPINS_ALONE;
    rc = create_list(recipe, window, &carrier);
    own[0] = (own[0] == RSM_SUCCESS) ? rc : own[0];
    own[1] = carrier == MPI_WIN_NULL;
    own[2] = !is_crowded || !create_is_near(window);
    error = PMPI_Allreduce(own, all, 3, MPI_INT, MPI_MAX, recipe->comm);
    if ((error == MPI_SUCCESS) && (all[0] == RSM_SUCCESS)) {
        window->is_crowded = all[2] == 0;
        *rc_p = RSM_SUCCESS;
        return MPI_SUCCESS;
    }
    /* Some are connected to others, who are about to withdraw. */
    create_disconnect(window);
    create_unlist(window, carrier, (error == MPI_SUCCESS) && (all[1] == 0));
    if (error == MPI_SUCCESS) {
        *rc_p = all[0];
        error = PMPI_Barrier(recipe->comm);
    }
    return error;
}

static rsmi_window_t *create_object(const rsmi_recipe_t *recipe, int size)
{
    rsmi_window_t *window;

    window = rsmi_window_new(size);
    if (window == NULL) {
        return NULL;
    }
    (void)PMPI_Comm_rank(recipe->comm, &window->rank);
    (void)PMPI_Comm_group(recipe->comm, &window->group);
    window->flavor = recipe->flavor;
    window->model = MPI_WIN_UNIFIED;
    window->disp_unit = recipe->disp_unit;
    window->bytes = recipe->bytes;
    window->base = recipe->base;
    if (recipe->info != MPI_INFO_NULL) {
        (void)PMPI_Info_dup(recipe->info, &window->info);
    }
    if (window->info != MPI_INFO_NULL) {
        /* Whatever was said: the window is served, or there is none. */
        (void)PMPI_Info_set(window->info, "rsm_serve", "true");
    }
    return window;
}

static int create_with(const rsmi_recipe_t *recipe, rsmi_window_t *window,
                       create_offer_t *offers, int *rc_p)
{
    int rc = ((window == NULL) || (offers == NULL)) ? RSMERR_INSUFFICIENT_MEM
                                                    : RSM_SUCCESS;
    int error;

    error = rsmi_window_agree(recipe->comm, rc, rc_p);
    if ((error == MPI_SUCCESS) && (*rc_p == RSM_SUCCESS)) {
        error = create_parts(recipe, window, offers, rc_p);
    }
    if ((error == MPI_SUCCESS) && (*rc_p == RSM_SUCCESS)) {
        error = create_whole(recipe, window, offers, rc_p);
    }
    return error;
}

int rsmi_window_agree(MPI_Comm comm, int rc, int *rc_p)
{
    return PMPI_Allreduce(&rc, rc_p, 1, MPI_INT, MPI_MAX, comm);
}

int rsmi_window_refuse(const rsmi_recipe_t *recipe, int error, int rc)
{
    if (error != MPI_SUCCESS) {
        return error; /* it has called the handler itself */
    }
    create_report(recipe, rc);
    if (!rsmi_job()->is_required || (rc == CREATE_LEFT)) {
        return MPI_SUCCESS;
    }
    (void)PMPI_Comm_call_errhandler(recipe->comm, MPI_ERR_OTHER);
    return MPI_ERR_OTHER;
}

int rsmi_window_create(const rsmi_recipe_t *recipe, rsmi_window_t **window_p)
{
    create_offer_t *offers;
    rsmi_window_t *window;
    int size, error, rc = RSM_SUCCESS;

    *window_p = NULL;
    (void)PMPI_Comm_size(recipe->comm, &size);
    window = create_object(recipe, size);
    offers = calloc((size_t)size, sizeof(*offers));
    error = create_with(recipe, window, offers, &rc);
    free(offers);
    if ((error == MPI_SUCCESS) && (rc == RSM_SUCCESS)) {
        create_report(recipe, rc);
        window->allocated = recipe->allocated;
        window->allocated_size = recipe->allocated_size;
        *window_p = window;
        return MPI_SUCCESS;
    }
    if (window != NULL) {
        create_withdraw(window);
    }
    return rsmi_window_refuse(recipe, error, rc);
}

int rsmi_window_destroy(rsmi_window_t *window)
{
    MPI_Win carrier = rsmi_window_handle(window);
    int error;

    error = rsmi_wait_all(window);
    if (error != MPI_SUCCESS) {
        return rsmi_window_fail(window, error);
    }
    create_disconnect(window);
    error = rsmi_wait_all(window);
    if (error != MPI_SUCCESS) {
        /* Others may be connected to our memory for a while: it stays, and the
         * handle is that of a window of no size. */
        rsmi_window_unlist(window);
        (void)PMPI_Win_call_errhandler(carrier, error);
        return error;
    }
    /* Attributes are deleted here, by functions that may ask about the window;
     * the last of them is our own, which takes it out of the table. */
    error = PMPI_Win_free(&carrier);
    rsmi_window_unlist(window);
    create_withdraw(window);
    return error;
}
