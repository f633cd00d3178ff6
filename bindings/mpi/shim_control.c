/* SPDX-License-Identifier: BSD-3-Clause */
/* Control blocks come from *arenas*, exported pages that last as long as the
 * process: a window costs its peers no connection of its own for them. */
#include "shim_job.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ARENA_BYTES = 256 * 1024, ARENA_CLASSES = 32 };

typedef struct arena_block {
    struct arena_block *next;
} arena_block_t;

typedef struct arena {
    struct arena *next;
    char *memory;
    size_t size;
    size_t used;
    rsm_memseg_id_t segment;
} arena_t;

/* Somebody else's arena. */
typedef struct reached {
    struct reached *next;
    rsm_node_id_t node;
    rsm_memseg_id_t segment;
    rsm_memseg_import_handle_t import;
    rsmapi_barrier_t barrier; /* asks whether the node is alive */
    void *mapping;
} reached_t;

/* Guards everything below. */
static pthread_mutex_t control_lock = PTHREAD_MUTEX_INITIALIZER;
static arena_t *arenas;
static arena_block_t *arena_free[ARENA_CLASSES]; /* by power of two */
static reached_t *reached;

static int control_class(int ranks)
{
    size_t need =
        sizeof(rsmi_control_t) + (size_t)ranks * sizeof(rsmi_signals_t);
    int class = 6;

    while (((size_t)1 << class) < need) {
        ++class;
    }
    return class;
}

static arena_t *arena_of(const void *block)
{
    arena_t *arena = arenas;

    while ((arena != NULL) &&
           ((uintptr_t)block - (uintptr_t)arena->memory >= arena->size)) {
        arena = arena->next;
    }
    return arena;
}

static int arena_add(size_t least)
{
    size_t size = (least > ARENA_BYTES) ? least : ARENA_BYTES;
    rsm_memseg_export_handle_t export;
    arena_t *arena;
    size_t head;
    int rc;

    arena = calloc(1, sizeof(*arena));
    if (arena == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    arena->size = size;
    arena->memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (arena->memory == MAP_FAILED) {
        free(arena);
        return RSMERR_INSUFFICIENT_MEM;
    }
    rc = rsmi_memory_export(arena->memory, size, &export, &arena->segment,
                            &head);
    if (rc != RSM_SUCCESS) {
        (void)munmap(arena->memory, size);
        free(arena);
        return rc;
    }
    arena->next = arenas;
    arenas = arena;
    return RSM_SUCCESS;
}

static int arena_take(int class, void **block_p)
{
    size_t size = (size_t)1 << class;
    int rc;

    if (arena_free[class] != NULL) {
        *block_p = arena_free[class];
        arena_free[class] = arena_free[class]->next;
        return RSM_SUCCESS;
    }
    if ((arenas == NULL) || (arenas->size - arenas->used < size)) {
        rc = arena_add(size);
        if (rc != RSM_SUCCESS) {
            return rc;
        }
    }
    *block_p = arenas->memory + arenas->used;
    arenas->used += size;
    return RSM_SUCCESS;
}

int rsmi_control_allocate(int ranks, rsmi_control_t **control_p,
                          rsmi_place_t *place_p)
{
    int class = control_class(ranks);
    arena_t *arena;
    void *block;
    int rc;

    if (class >= ARENA_CLASSES) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    pthread_mutex_lock(&control_lock);
    rc = arena_take(class, &block);
    if (rc == RSM_SUCCESS) {
        memset(block, 0, (size_t)1 << class);
        arena = arena_of(block);
        place_p->segment = arena->segment;
        place_p->offset = (uint32_t)((char *)block - arena->memory);
        *control_p = block;
    }
    pthread_mutex_unlock(&control_lock);
    return rc;
}

void rsmi_control_free(int ranks, rsmi_control_t *control)
{
    int class = control_class(ranks);
    arena_block_t *block = (void *)control;

    if (control == NULL) {
        return;
    }
    pthread_mutex_lock(&control_lock);
    block->next = arena_free[class];
    arena_free[class] = block;
    pthread_mutex_unlock(&control_lock);
}

static reached_t *control_find(rsm_node_id_t node, rsm_memseg_id_t segment)
{
    reached_t *there = reached;

    while ((there != NULL) &&
           ((there->node != node) || (there->segment != segment))) {
        there = there->next;
    }
    return there;
}

static int control_connect(rsm_node_id_t node, rsm_memseg_id_t segment,
                           reached_t **reached_p)
{
    reached_t *there;
    int rc;

    there = calloc(1, sizeof(*there));
    if (there == NULL) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    rc = rsmi_memory_import(node, segment, &there->import, &there->mapping);
    if (rc != RSM_SUCCESS) {
        free(there);
        return rc;
    }
    rc = rsm_memseg_import_init_barrier(there->import, RSM_BAR_DEFAULT,
                                        &there->barrier);
    if (rc != RSM_SUCCESS) {
        rsmi_memory_forget(there->import);
        free(there);
        return rc;
    }
    there->node = node;
    there->segment = segment;
    there->next = reached;
    reached = there;
    *reached_p = there;
    return RSM_SUCCESS;
}

int rsmi_control_reach(rsmi_place_t place, rsmi_target_t *target)
{
    reached_t *there;
    int rc = RSM_SUCCESS;

    pthread_mutex_lock(&control_lock);
    there = control_find(target->node, place.segment);
    if (there == NULL) {
        rc = control_connect(target->node, place.segment, &there);
    }
    if (rc == RSM_SUCCESS) {
        target->control_import = there->import;
        target->control_offset = place.offset;
        if (there->mapping != NULL) {
            target->control = (void *)((char *)there->mapping + place.offset);
        }
    }
    pthread_mutex_unlock(&control_lock);
    return rc;
}

bool rsmi_control_is_alive(rsm_node_id_t node)
{
    reached_t *there;
    bool is_alive = true;

    pthread_mutex_lock(&control_lock);
    for (there = reached; there != NULL; there = there->next) {
        if (there->node == node) {
            (void)rsm_memseg_import_open_barrier(&there->barrier);
            is_alive = rsm_memseg_import_close_barrier(&there->barrier) !=
                       RSMERR_CONN_ABORTED;
            break;
        }
    }
    pthread_mutex_unlock(&control_lock);
    return is_alive;
}
