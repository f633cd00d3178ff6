/* SPDX-License-Identifier: BSD-3-Clause */
/* Types nested at random. What a put leaves in the target is what MPI_Pack at
 * the origin and MPI_Unpack with the target's type leave in plain memory. */
#include "mpi_test.h"

enum { BYTES = 1 << 16, WORDS = BYTES / 8, TYPES = 200, COUNT_MAX = 200 };

static uint64_t seed;

static int random_below(int bound)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int)((seed >> 33) % (uint64_t)bound);
}

static MPI_Datatype random_array(MPI_Datatype part)
{
    const int sizes[2] = {3, 4}, order[2] = {MPI_ORDER_C, MPI_ORDER_FORTRAN};
    const int kinds[2] = {MPI_DISTRIBUTE_CYCLIC, MPI_DISTRIBUTE_BLOCK};
    const int grid[2] = {2, 2};
    int lengths[2], starts[2], blocks[2] = {1, MPI_DISTRIBUTE_DFLT_DARG};
    MPI_Datatype type;

    if (random_below(2) == 0) {
        blocks[0] += random_below(2);
        MPI_OK(MPI_Type_create_darray(4, random_below(4), 2, sizes, kinds,
                                      blocks, grid, order[random_below(2)],
                                      part, &type));
        return type;
    }
    for (int i = 0; i < 2; ++i) {
        lengths[i] = 1 + random_below(2);
        starts[i] = random_below(2);
    }
    MPI_OK(MPI_Type_create_subarray(2, sizes, lengths, starts,
                                    order[random_below(2)], part, &type));
    return type;
}

/* Blocks do not overlap: a target may hold each word once. */
static MPI_Datatype random_blocks(MPI_Datatype part, MPI_Aint extent)
{
    const int lengths[3] = {random_below(2), 1, random_below(3)};
    const int places[3] = {6, 0, 2};
    const MPI_Aint bytes[3] = {6 * extent, 8, 8 + 2 * extent};
    const MPI_Datatype types[3] = {part, part, part};
    MPI_Datatype type;

    switch (random_below(4)) {
    case 0:
        MPI_OK(MPI_Type_indexed(3, lengths, places, part, &type));
        break;
    case 1:
        MPI_OK(MPI_Type_create_hindexed(2, lengths, bytes, part, &type));
        break;
    case 2:
        MPI_OK(MPI_Type_create_indexed_block(2, 1, places, part, &type));
        break;
    default:
        MPI_OK(MPI_Type_create_struct(2, lengths + 1, bytes + 1, types, &type));
        break;
    }
    return type;
}

static MPI_Datatype random_step(MPI_Datatype part)
{
    MPI_Aint lb, extent;
    MPI_Datatype type;
    int count = 1 + random_below(3);

    MPI_OK(MPI_Type_get_extent(part, &lb, &extent));
    switch (random_below(5)) {
    case 0:
        MPI_OK(MPI_Type_contiguous(count, part, &type));
        break;
    case 1:
        MPI_OK(MPI_Type_vector(count, 1 + random_below(2), 2 + random_below(2),
                               part, &type));
        break;
    case 2:
        MPI_OK(MPI_Type_create_hvector(count, 1, 2 * extent + 8, part, &type));
        break;
    case 3:
        type = random_array(part);
        break;
    default:
        type = random_blocks(part, extent);
        break;
    }
    return type;
}

static MPI_Datatype random_type(int depth)
{
    MPI_Datatype part = MPI_INT64_T, type = MPI_INT64_T;
    MPI_Aint lb, extent;

    for (int i = 0; i < depth; ++i) {
        type = random_step(part);
        if (part != MPI_INT64_T) {
            MPI_OK(MPI_Type_free(&part));
        }
        part = type;
    }
    MPI_OK(MPI_Type_get_extent(part, &lb, &extent));
    MPI_OK(
        MPI_Type_create_resized(part, lb, extent + 8 * random_below(3), &type));
    MPI_OK(MPI_Type_free(&part));
    MPI_OK(MPI_Type_commit(&type));
    return type;
}

/* How many of one type hold as much as how many of the other. */
static bool counts_are_small(MPI_Datatype from, MPI_Datatype to, int counts[2])
{
    MPI_Aint lb[2], extent[2];
    int sizes[2];

    MPI_OK(MPI_Type_size(from, &sizes[0]));
    MPI_OK(MPI_Type_size(to, &sizes[1]));
    MPI_OK(MPI_Type_get_extent(from, &lb[0], &extent[0]));
    MPI_OK(MPI_Type_get_extent(to, &lb[1], &extent[1]));
    counts[0] = sizes[1] / 8;
    counts[1] = sizes[0] / 8;
    for (int i = 0; i < 2; ++i) {
        if ((counts[i] == 0) || (counts[i] > COUNT_MAX) || (lb[i] < 0) ||
            (extent[i] * (counts[i] + 1) > BYTES / 2)) {
            return false;
        }
    }
    return true;
}

static int64_t out[WORDS], in[WORDS], expected[WORDS];
static char packed[BYTES], back[BYTES];

static void check_pair(const window_t *w, MPI_Datatype from, MPI_Datatype to,
                       const int counts[2])
{
    int peer = 1 - mpi_rank, size = 0, end = 0;

    for (int i = 0; i < WORDS; ++i) {
        out[i] = i + 1;
        expected[i] = -1;
        in[i] = -2;
    }
    memset(w->base, 0xFF, BYTES);
    MPI_OK(MPI_Pack(out, counts[0], from, packed, BYTES, &size, MPI_COMM_SELF));
    MPI_OK(
        MPI_Unpack(packed, size, &end, expected, counts[1], to, MPI_COMM_SELF));
    MPI_OK(MPI_Win_fence(0, w->win));
    MPI_OK(MPI_Put(out, counts[0], from, peer, window_at(w, peer, 0), counts[1],
                   to, w->win));
    MPI_OK(MPI_Win_fence(0, w->win));
    EXPECT(memcmp(w->base, expected, BYTES) == 0);
    MPI_OK(MPI_Get(in, counts[0], from, peer, window_at(w, peer, 0), counts[1],
                   to, w->win));
    MPI_OK(MPI_Win_fence(0, w->win));
    end = 0;
    MPI_OK(MPI_Pack(in, counts[0], from, back, BYTES, &end, MPI_COMM_SELF));
    EXPECT(memcmp(back, packed, (size_t)size) == 0);
}

MPI_TEST(random, types_move_what_pack_does, 2)
{
    MPI_Datatype from, to;
    int counts[2], done;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, BYTES, 1);
        done = 0;
        for (int i = 0; i < TYPES; ++i) {
            seed = (uint64_t)i; /* the same at both ranks */
            from = random_type(1 + random_below(3));
            to = random_type(1 + random_below(3));
            if (counts_are_small(from, to, counts) &&
                mpi_case("%s/%d", window_kind_name(kind), i)) {
                check_pair(&w, from, to, counts);
                ++done;
            }
            MPI_OK(MPI_Type_free(&from));
            MPI_OK(MPI_Type_free(&to));
        }
        EXPECT(done > TYPES / 2);
        window_close(&w);
    }
}
