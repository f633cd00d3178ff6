/* SPDX-License-Identifier: BSD-3-Clause */
#include "shim_type.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

rsmi_table_t rsmi_types = RSMI_TABLE_EMPTY;

static int type_keyval = MPI_KEYVAL_INVALID; /* made with the first type */

/* To be used again and never given back; the lock guards the list. */
static pthread_mutex_t type_lock = PTHREAD_MUTEX_INITIALIZER;
static rsmi_type_t *type_spare;

static void type_delete(rsmi_type_t *type)
{
    free(type->pieces.at);
    type->pieces.at = NULL;
    if (type->exact != NULL) {
        free(type->exact->pieces.at);
        free(type->exact);
        type->exact = NULL;
    }
    /* A reader may be looking at it. */
    pthread_mutex_lock(&type_lock);
    type->next = type_spare;
    type_spare = type;
    pthread_mutex_unlock(&type_lock);
}

/* The program has freed the datatype; its handle may come back as another. */
static int type_forget(MPI_Datatype handle, int keyval, void *value, void *arg)
{
    rsmi_type_t *type = value;

    (void)handle;
    (void)keyval;
    (void)arg;
    rsmi_table_remove(&rsmi_types, &type->entry);
    type_delete(type);
    return MPI_SUCCESS;
}

static int type_attach(MPI_Datatype handle, rsmi_type_t *type)
{
    int error = MPI_SUCCESS;

    if (type_keyval == MPI_KEYVAL_INVALID) {
        error = PMPI_Type_create_keyval(MPI_TYPE_NULL_COPY_FN, type_forget,
                                        &type_keyval, NULL);
    }
    return (error == MPI_SUCCESS)
               ? PMPI_Type_set_attr(handle, type_keyval, type)
               : error;
}

/* Gaps at the end make a type of one run sparse, unless nothing follows; that
 * case is not worth a second flag. The bytes of any number of dense ones can be
 * counted, so that those who multiply need not look. */
static void type_finish(rsmi_type_t *type)
{
    const rsmi_piece_t *piece = type->pieces.at;

    type->is_dense = (type->size == 0) ||
                     ((type->pieces.count == 1) && (piece->count == 1) &&
                      (piece->offset == 0) && (piece->size == type->size) &&
                      (type->size <= SIZE_MAX / INT_MAX) &&
                      (type->extent == (MPI_Aint)type->size));
}

/* What programs keep counters, locks and pointers in. */
static void type_find_word(MPI_Datatype handle, rsmi_type_t *type)
{
    bool is_word =
        type->is_dense && (type->element == handle) &&
        (type->element_class != RSMI_CLASS_PAIR) &&
        (type->element_size == type->size) &&
        ((type->size == sizeof(uint32_t)) || (type->size == sizeof(uint64_t)));

    type->word = is_word ? (uint8_t)type->size : 0;
    type->is_counter = is_word && (type->element_class == RSMI_CLASS_INTEGER);
}

/* The same once more, for copying. */
static int type_describe_exact(MPI_Datatype handle, rsmi_type_t *type)
{
    rsmi_type_t *exact;

    exact = calloc(1, sizeof(*exact));
    if (exact == NULL) {
        return MPI_ERR_NO_MEM;
    }
    type->exact = exact;
    exact->size = type->size;
    exact->extent = type->extent;
    exact->element = MPI_DATATYPE_NULL;
    exact->is_exact = true;
    return rsmi_type_decode(handle, 0, exact);
}

static int type_describe(MPI_Datatype handle, rsmi_type_t *type)
{
    MPI_Count size, lb, extent;
    MPI_Aint bound, true_extent;
    int error;

    error = PMPI_Type_size_x(handle, &size);
    if (error == MPI_SUCCESS) {
        error = PMPI_Type_get_extent_x(handle, &lb, &extent);
    }
    if (error == MPI_SUCCESS) {
        error = PMPI_Type_get_true_extent(handle, &bound, &true_extent);
    }
    if (error != MPI_SUCCESS) {
        return MPI_ERR_TYPE;
    }
    type->size = (size_t)size;
    type->extent = (MPI_Aint)extent;
    type->true_lb = bound;
    type->true_end = bound + true_extent;
    type->element = MPI_DATATYPE_NULL;
    type->element_class = RSMI_CLASS_OTHER;
    type->element_size = 0;
    type->pieces = (rsmi_pieces_t){NULL, 0, 0};
    type->has_gaps = false;

    error = rsmi_type_decode(handle, 0, type);
    type_finish(type);
    type_find_word(handle, type);
    if ((error == MPI_SUCCESS) && type->has_gaps) {
        error = type_describe_exact(handle, type);
    }
    return error;
}

static rsmi_type_t *type_new(void)
{
    rsmi_type_t *type;

    pthread_mutex_lock(&type_lock);
    type = type_spare;
    if (type != NULL) {
        type_spare = type->next;
    }
    pthread_mutex_unlock(&type_lock);
    return (type != NULL) ? type : calloc(1, sizeof(*type));
}

static int type_learn(MPI_Datatype handle, rsmi_type_t *type)
{
    int integers, addresses, types, combiner, error;

    error = PMPI_Type_get_envelope(handle, &integers, &addresses, &types,
                                   &combiner);
    if (error == MPI_SUCCESS) {
        error = type_describe(handle, type);
    }
    if (error != MPI_SUCCESS) {
        return error;
    }
    atomic_store(&type->entry.key, (void *)handle);
    if (!rsmi_table_add(&rsmi_types, &type->entry)) {
        atomic_store(&type->entry.key, NULL);
        return MPI_ERR_NO_MEM;
    }
    if (combiner == MPI_COMBINER_NAMED) {
        return MPI_SUCCESS;
    }
    error = type_attach(handle, type);
    if (error != MPI_SUCCESS) {
        rsmi_table_remove(&rsmi_types, &type->entry);
    }
    return error;
}

int rsmi_type_learn(MPI_Datatype handle, rsmi_type_t **type_p)
{
    static pthread_mutex_t learn_lock = PTHREAD_MUTEX_INITIALIZER;
    rsmi_type_t *type;
    int error = MPI_SUCCESS;

    if ((handle == MPI_DATATYPE_NULL) || ((const void *)handle == NULL)) {
        return MPI_ERR_TYPE;
    }
    /* Another thread may have learnt it by now. */
    pthread_mutex_lock(&learn_lock);
    type = rsmi_table_find(&rsmi_types, (const void *)handle);
    if (type == NULL) {
        type = type_new();
        error = (type == NULL) ? MPI_ERR_NO_MEM : type_learn(handle, type);
        if ((error != MPI_SUCCESS) && (type != NULL)) {
            type_delete(type);
        }
    }
    pthread_mutex_unlock(&learn_lock);
    if (error == MPI_SUCCESS) {
        *type_p = type;
    }
    return error;
}

int rsmi_type_add(rsmi_type_t *type, const rsmi_piece_t *piece)
{
    rsmi_pieces_t *pieces = &type->pieces;
    rsmi_piece_t *last, *at;
    size_t room;

    if ((piece->size == 0) || (piece->count == 0)) {
        return MPI_SUCCESS;
    }
    last = (pieces->count == 0) ? NULL : &pieces->at[pieces->count - 1];
    if ((last != NULL) && (last->count == 1) && (piece->count == 1) &&
        (last->offset + (MPI_Aint)last->size == piece->offset)) {
        last->size += piece->size;
        return MPI_SUCCESS;
    }
    if (pieces->count == pieces->room) {
        room = (pieces->room == 0) ? 1 : pieces->room * 2;
        at = realloc(pieces->at, room * sizeof(*at));
        if (at == NULL) {
            return MPI_ERR_NO_MEM;
        }
        pieces->at = at;
        pieces->room = room;
    }
    pieces->at[pieces->count++] = *piece;
    return MPI_SUCCESS;
}
