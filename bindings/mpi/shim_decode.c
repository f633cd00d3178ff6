/* SPDX-License-Identifier: BSD-3-Clause */
/* Constructors of datatypes, each as the runs that it repeats. A component is
 * taken apart once, however often the constructor uses it. */
#include "shim_type.h"

#include <stdlib.h>
#include <string.h>

/* A constructor and its arguments. */
typedef struct {
    int combiner;
    int integer_count, address_count, type_count;
    int *integers;
    MPI_Aint *addresses;
    MPI_Datatype *types;
} decode_call_t;

static bool decode_is_leaf(int combiner)
{
    return (combiner == MPI_COMBINER_NAMED) ||
           (combiner == MPI_COMBINER_F90_INTEGER) ||
           (combiner == MPI_COMBINER_F90_REAL) ||
           (combiner == MPI_COMBINER_F90_COMPLEX);
}

static void decode_free_call(decode_call_t *call)
{
    int integers, addresses, types, combiner, i;

    for (i = 0; (call->types != NULL) && (i < call->type_count); ++i) {
        if ((PMPI_Type_get_envelope(call->types[i], &integers, &addresses,
                                    &types, &combiner) == MPI_SUCCESS) &&
            !decode_is_leaf(combiner)) {
            (void)PMPI_Type_free(&call->types[i]);
        }
    }
    free(call->integers);
    free(call->addresses);
    free(call->types);
}

static int decode_read_call(MPI_Datatype handle, decode_call_t *call)
{
    int error;

    memset(call, 0, sizeof(*call));
    error = PMPI_Type_get_envelope(handle, &call->integer_count,
                                   &call->address_count, &call->type_count,
                                   &call->combiner);
    if ((error != MPI_SUCCESS) || decode_is_leaf(call->combiner)) {
        return error;
    }
    call->integers =
        calloc((size_t)call->integer_count + 1, sizeof(*call->integers));
    call->addresses =
        calloc((size_t)call->address_count + 1, sizeof(*call->addresses));
    call->types = calloc((size_t)call->type_count + 1, sizeof(*call->types));
    if ((call->integers == NULL) || (call->addresses == NULL) ||
        (call->types == NULL)) {
        call->type_count = 0;
        decode_free_call(call);
        return MPI_ERR_NO_MEM;
    }
    error = PMPI_Type_get_contents(
        handle, call->integer_count, call->address_count, call->type_count,
        call->integers, call->addresses, call->types);
    if (error != MPI_SUCCESS) {
        call->type_count = 0;
        decode_free_call(call);
    }
    return error;
}

static void decode_element(rsmi_type_t *type, const rsmi_type_t *part)
{
    if (part->element == MPI_DATATYPE_NULL) {
        return;
    }
    if (type->element == MPI_DATATYPE_NULL) {
        type->element = part->element;
        type->element_class = part->element_class;
        type->element_size = part->element_size;
    } else if ((type->element != part->element) ||
               (part->element_class == RSMI_CLASS_MIXED)) {
        type->element_class = RSMI_CLASS_MIXED;
    }
}

/* Of predefined types only pairs have a gap, in front of their integer. */
static int decode_pair(MPI_Aint offset, MPI_Aint extent, int size,
                       rsmi_type_t *type)
{
    const MPI_Aint second = sizeof(int);
    rsmi_piece_t piece = {offset, 0, (size_t)(size - second), 1};
    int error;

    error = rsmi_type_add(type, &piece);
    piece.offset = offset + extent - second;
    piece.size = sizeof(int);
    return (error == MPI_SUCCESS) ? rsmi_type_add(type, &piece) : error;
}

static int decode_leaf(MPI_Datatype handle, MPI_Aint offset, rsmi_type_t *type)
{
    rsmi_type_t leaf = {.element = handle};
    MPI_Aint lb = 0, extent = 0;
    rsmi_piece_t piece;
    int size, error;

    error = PMPI_Type_get_true_extent(handle, &lb, &extent);
    if (error == MPI_SUCCESS) {
        error = PMPI_Type_size(handle, &size);
    }
    if (error != MPI_SUCCESS) {
        return MPI_ERR_TYPE;
    }
    leaf.element_class = rsmi_type_classify(handle);
    leaf.element_size = (size_t)extent;
    if (extent > 0) { /* MPI_LB and MPI_UB are nothing */
        decode_element(type, &leaf);
    }
    if (size < extent) {
        type->has_gaps = true;
        if (type->is_exact) {
            return decode_pair(offset + lb, extent, size, type);
        }
    }
    piece = (rsmi_piece_t){offset + lb, 0, (size_t)extent, 1};
    return rsmi_type_add(type, &piece);
}

/* --- components --------------------------------------------------------------- */

static int part_begin(MPI_Datatype handle, bool is_exact, rsmi_type_t *part)
{
    MPI_Aint lb, extent;
    int error;

    memset(part, 0, sizeof(*part));
    part->element = MPI_DATATYPE_NULL;
    part->is_exact = is_exact;
    error = PMPI_Type_get_extent(handle, &lb, &extent);
    if (error != MPI_SUCCESS) {
        return MPI_ERR_TYPE;
    }
    part->extent = extent;
    error = rsmi_type_decode(handle, 0, part);
    if (error != MPI_SUCCESS) {
        free(part->pieces.at);
        return error;
    }
    part->is_dense = (part->pieces.count == 1) &&
                     (part->pieces.at[0].count == 1) &&
                     (part->pieces.at[0].offset == 0) &&
                     ((MPI_Aint)part->pieces.at[0].size == extent);
    return MPI_SUCCESS;
}

/* @p length of the component in a row, from @p offset on. */
static int part_block(const rsmi_type_t *part, MPI_Aint offset, MPI_Aint length,
                      rsmi_type_t *type)
{
    int error = MPI_SUCCESS;
    rsmi_piece_t piece;
    MPI_Aint i;
    size_t k;

    if (part->is_dense) {
        piece = (rsmi_piece_t){offset, 0, (size_t)(length * part->extent), 1};
        return (length > 0) ? rsmi_type_add(type, &piece) : MPI_SUCCESS;
    }
    if ((part->pieces.count == 1) && (part->pieces.at[0].count == 1) &&
        (length > 1)) {
        piece = part->pieces.at[0];
        piece.offset += offset;
        piece.count = (size_t)length;
        piece.stride = part->extent;
        return rsmi_type_add(type, &piece);
    }
    for (i = 0; i < length; ++i) {
        for (k = 0; (k < part->pieces.count) && (error == MPI_SUCCESS); ++k) {
            piece = part->pieces.at[k];
            piece.offset += offset + i * part->extent;
            error = rsmi_type_add(type, &piece);
        }
    }
    return error;
}

/* @p count blocks, @p stride bytes apart. */
static int part_vector(const rsmi_type_t *part, MPI_Aint offset, int count,
                       int length, MPI_Aint stride, rsmi_type_t *type)
{
    MPI_Aint whole = length * part->extent;
    int error = MPI_SUCCESS, i;
    rsmi_piece_t piece;

    if (part->is_dense && (count > 0) && (length > 0)) {
        piece = (rsmi_piece_t){offset, stride, (size_t)whole, (size_t)count};
        if (stride == whole) {
            piece.size *= piece.count;
            piece.count = 1;
        }
        return rsmi_type_add(type, &piece);
    }
    for (i = 0; (i < count) && (error == MPI_SUCCESS); ++i) {
        error = part_block(part, offset + i * stride, length, type);
    }
    return error;
}

/* --- arrays ------------------------------------------------------------------- */

/* The indices [start, start+count) of one dimension, every @p step, which this
 * process has; dimensions from slow to fast. */
typedef struct {
    MPI_Aint whole; /* elements of the array in this dimension */
    MPI_Aint start, length, step;
} decode_dimension_t;

/* Element strides shrink from dimension to dimension; the fastest is runs. */
static int decode_array(const rsmi_type_t *part, MPI_Aint offset,
                        const decode_dimension_t *dims, int count,
                        rsmi_type_t *type)
{
    MPI_Aint stride = part->extent, first, index, length;
    int error = MPI_SUCCESS, k;

    for (k = 1; k < count; ++k) {
        stride *= dims[k].whole;
    }
    for (first = dims->start;
         (first < dims->whole) && (dims->length > 0) && (error == MPI_SUCCESS);
         first += dims->step) {
        length = dims->length;
        if (length > dims->whole - first) {
            length = dims->whole - first;
        }
        if (count == 1) {
            error = part_block(part, offset + first * stride, length, type);
            continue;
        }
        for (index = first; (index < first + length) && (error == MPI_SUCCESS);
             ++index) {
            error = decode_array(part, offset + index * stride, dims + 1,
                                 count - 1, type);
        }
    }
    return error;
}

static int decode_subarray(const decode_call_t *call, const rsmi_type_t *part,
                           MPI_Aint offset, rsmi_type_t *type)
{
    const int *args = call->integers;
    int count = args[0], order = args[1 + 3 * count], i, from;
    decode_dimension_t *dims;
    int error;

    dims = calloc((size_t)count + 1, sizeof(*dims));
    if (dims == NULL) {
        return MPI_ERR_NO_MEM;
    }
    for (i = 0; i < count; ++i) {
        from = (order == MPI_ORDER_C) ? i : count - 1 - i;
        dims[i].whole = args[1 + from];
        dims[i].length = args[1 + count + from];
        dims[i].start = args[1 + 2 * count + from];
        dims[i].step = dims[i].whole + 1; /* just once */
    }
    error = decode_array(part, offset, dims, count, type);
    free(dims);
    return error;
}

/* Block-cyclic: the grid of processes is in C order whatever the array's. */
static int decode_darray(const decode_call_t *call, const rsmi_type_t *part,
                         MPI_Aint offset, rsmi_type_t *type)
{
    const int *args = call->integers;
    int rank = args[1], count = args[2], order = args[3 + 4 * count];
    const int *wholes = args + 3, *kinds = wholes + count;
    const int *blocks = kinds + count, *grid = blocks + count;
    decode_dimension_t *dims, *dim;
    int i, place, error;
    MPI_Aint block;

    dims = calloc((size_t)count + 1, sizeof(*dims));
    if (dims == NULL) {
        return MPI_ERR_NO_MEM;
    }
    for (i = count - 1; i >= 0; --i) {
        place = rank % grid[i];
        rank /= grid[i];
        dim = &dims[(order == MPI_ORDER_C) ? i : count - 1 - i];
        block = blocks[i];
        if (kinds[i] == MPI_DISTRIBUTE_NONE) {
            block = wholes[i];
        } else if (block == MPI_DISTRIBUTE_DFLT_DARG) {
            block = (kinds[i] == MPI_DISTRIBUTE_BLOCK)
                        ? (wholes[i] + grid[i] - 1) / grid[i]
                        : 1;
        }
        dim->whole = wholes[i];
        dim->length = block;
        dim->start = place * block;
        dim->step = block * grid[i];
    }
    error = decode_array(part, offset, dims, count, type);
    free(dims);
    return error;
}

/* --- constructors ------------------------------------------------------------- */

/* Those that place blocks of one component, each at its own displacement. */
static int decode_blocks(const decode_call_t *call, const rsmi_type_t *part,
                         MPI_Aint offset, rsmi_type_t *type)
{
    const int *args = call->integers;
    int count = args[0], error = MPI_SUCCESS, i, length;
    MPI_Aint at;

    for (i = 0; (i < count) && (error == MPI_SUCCESS); ++i) {
        length = args[1];
        switch (call->combiner) {
        case MPI_COMBINER_INDEXED:
            length = args[1 + i];
            at = args[1 + count + i] * part->extent;
            break;
        case MPI_COMBINER_HINDEXED:
            length = args[1 + i];
            at = call->addresses[i];
            break;
        case MPI_COMBINER_INDEXED_BLOCK:
            at = args[2 + i] * part->extent;
            break;
        default: /* MPI_COMBINER_HINDEXED_BLOCK */
            at = call->addresses[i];
            break;
        }
        error = part_block(part, offset + at, length, type);
    }
    return error;
}

static int decode_one_part(const decode_call_t *call, const rsmi_type_t *part,
                           MPI_Aint offset, rsmi_type_t *type)
{
    const int *args = call->integers;

    switch (call->combiner) {
    case MPI_COMBINER_DUP:
    case MPI_COMBINER_RESIZED:
        return part_block(part, offset, 1, type);
    case MPI_COMBINER_CONTIGUOUS:
        return part_block(part, offset, args[0], type);
    case MPI_COMBINER_VECTOR:
        return part_vector(part, offset, args[0], args[1],
                           args[2] * part->extent, type);
    case MPI_COMBINER_HVECTOR:
        return part_vector(part, offset, args[0], args[1], call->addresses[0],
                           type);
    case MPI_COMBINER_INDEXED:
    case MPI_COMBINER_HINDEXED:
    case MPI_COMBINER_INDEXED_BLOCK:
    case MPI_COMBINER_HINDEXED_BLOCK:
        return decode_blocks(call, part, offset, type);
    case MPI_COMBINER_SUBARRAY:
        return decode_subarray(call, part, offset, type);
    case MPI_COMBINER_DARRAY:
        return decode_darray(call, part, offset, type);
    default:
        return MPI_ERR_TYPE;
    }
}

/* One component, or in a structure one for each block. */
static int decode_call(const decode_call_t *call, MPI_Aint offset,
                       rsmi_type_t *type)
{
    bool is_struct = call->combiner == MPI_COMBINER_STRUCT;
    int error = MPI_SUCCESS, i;
    rsmi_type_t part;

    for (i = 0; (i < call->type_count) && (error == MPI_SUCCESS); ++i) {
        error = part_begin(call->types[i], type->is_exact, &part);
        if (error != MPI_SUCCESS) {
            return error;
        }
        if (!is_struct) {
            error = decode_one_part(call, &part, offset, type);
        } else {
            error = part_block(&part, offset + call->addresses[i],
                               call->integers[1 + i], type);
        }
        if (!is_struct || (call->integers[1 + i] > 0)) {
            decode_element(type, &part);
        }
        type->has_gaps = type->has_gaps || part.has_gaps;
        free(part.pieces.at);
    }
    return error;
}

int rsmi_type_decode(MPI_Datatype handle, MPI_Aint offset, rsmi_type_t *type)
{
    decode_call_t call;
    int error;

    error = decode_read_call(handle, &call);
    if (error != MPI_SUCCESS) {
        return error;
    }
    if (decode_is_leaf(call.combiner)) {
        return decode_leaf(handle, offset, type);
    }
    error = decode_call(&call, offset, type);
    decode_free_call(&call);
    if (type->pieces.count == 0) { /* blocks of no length, of whatever type */
        type->element = MPI_DATATYPE_NULL;
        type->element_class = RSMI_CLASS_OTHER;
    }
    return error;
}
