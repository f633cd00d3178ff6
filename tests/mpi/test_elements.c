/* SPDX-License-Identifier: BSD-3-Clause */
/* What types consist of, where that is not what it seems: a gap inside a
 * predefined type, blocks that hold nothing, logical values of any length. And
 * that nothing is left of types that are gone. */
#include "mpi_test.h"

#include <malloc.h>

typedef struct {
    short value;
    int index;
} short_int_t;

enum { PAIRS = 3, PACKED = sizeof(short) + sizeof(int), UNTOUCHED = 0x55 };

/* A short and an int with nothing between. */
static MPI_Datatype packed_pair(void)
{
    const int lengths[2] = {1, 1};
    const MPI_Aint places[2] = {0, sizeof(short)};
    const MPI_Datatype types[2] = {MPI_SHORT, MPI_INT};
    MPI_Datatype parts, pair;

    MPI_OK(MPI_Type_create_struct(2, lengths, places, types, &parts));
    MPI_OK(MPI_Type_create_resized(parts, 0, PACKED, &pair));
    MPI_OK(MPI_Type_commit(&pair));
    MPI_OK(MPI_Type_free(&parts));
    return pair;
}

static void packed_set(char *to, short value, int index)
{
    memcpy(to, &value, sizeof(value));
    memcpy(to + sizeof(value), &index, sizeof(index));
}

MPI_TEST(elements, pairs_match_their_parts, 2)
{
    MPI_Datatype packed = packed_pair();
    char out[PAIRS * PACKED], in[PAIRS * PACKED] = {0};
    int peer = 1 - mpi_rank;
    const short_int_t *got;
    window_t w;

    for (int i = 0; i < PAIRS; ++i) {
        packed_set(out + i * PACKED, (short)(7 + i), -40 - i);
    }
    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, sizeof(*got) * PAIRS, 1);
        (void)mpi_case("%s", window_kind_name(kind));
        memset(w.base, UNTOUCHED, sizeof(*got) * PAIRS);
        MPI_OK(MPI_Win_fence(0, w.win));
        MPI_OK(MPI_Put(out, PAIRS, packed, peer, window_at(&w, peer, 0), PAIRS,
                       MPI_SHORT_INT, w.win));
        MPI_OK(MPI_Win_fence(0, w.win));
        got = (const void *)w.base;
        for (int i = 0; i < PAIRS; ++i) {
            EXPECT_EQ(got[i].value, 7 + i);
            EXPECT_EQ(got[i].index, -40 - i);
        }
        MPI_OK(MPI_Get(in, PAIRS, packed, peer, window_at(&w, peer, 0), PAIRS,
                       MPI_SHORT_INT, w.win));
        MPI_OK(MPI_Win_fence(0, w.win));
        EXPECT(memcmp(in, out, sizeof(in)) == 0);
        window_close(&w);
    }
    MPI_OK(MPI_Type_free(&packed));
}

/* No ints, and two doubles: a type of doubles. */
static MPI_Datatype doubles_with_nothing(void)
{
    const int lengths[2] = {1, 2};
    const MPI_Aint places[2] = {0, 0};
    MPI_Datatype types[2] = {MPI_DATATYPE_NULL, MPI_DOUBLE}, all;

    MPI_OK(MPI_Type_vector(0, 1, 1, MPI_INT, &types[0]));
    MPI_OK(MPI_Type_create_struct(2, lengths, places, types, &all));
    MPI_OK(MPI_Type_commit(&all));
    MPI_OK(MPI_Type_free(&types[0]));
    return all;
}

MPI_TEST(elements, empty_blocks_say_nothing, 2)
{
    MPI_Datatype type = doubles_with_nothing();
    const double out[2] = {2, 3};
    int peer = 1 - mpi_rank;
    double got[3];
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        window_open(&w, kind, MPI_COMM_WORLD, sizeof(got), 1);
        (void)mpi_case("%s", window_kind_name(kind));
        MPI_OK(MPI_Win_set_errhandler(w.win, MPI_ERRORS_RETURN));
        for (int i = 0; i < 3; ++i) {
            got[i] = 1;
        }
        memcpy(w.base, got, sizeof(got));
        MPI_OK(MPI_Win_fence(0, w.win));
        MPI_OK(MPI_Put(out, 1, type, peer, window_at(&w, peer, sizeof(got[0])),
                       1, type, w.win));
        MPI_OK(MPI_Win_fence(0, w.win));
        memcpy(got, w.base, sizeof(got));
        EXPECT(got[0] == 1 && got[1] == 2 && got[2] == 3);
        mpi_sync();
        if (mpi_case("%s/accumulate", window_kind_name(kind))) {
            MPI_OK(MPI_Accumulate(out, 1, type, peer,
                                  window_at(&w, peer, sizeof(got[0])), 1, type,
                                  MPI_SUM, w.win));
            MPI_OK(MPI_Win_fence(0, w.win));
            memcpy(got, w.base, sizeof(got));
            EXPECT(got[0] == 1 && got[1] == 4 && got[2] == 6);
        }
        window_close(&w);
    }
    MPI_OK(MPI_Type_free(&type));
}

/* Fortran's .TRUE. of some length, which C knows as an integer. */
static void check_logical(MPI_Datatype type, const char *name)
{
    const int64_t yes = 1, no = 0;
    int peer = 1 - mpi_rank;
    int64_t got;
    window_t w;

    EACH_KIND(kind, MPI_COMM_WORLD)
    {
        if (!mpi_case("%s/%s", window_kind_name(kind), name)) {
            continue;
        }
        window_open(&w, kind, MPI_COMM_WORLD, sizeof(got), 1);
        MPI_OK(MPI_Win_set_errhandler(w.win, MPI_ERRORS_RETURN));
        MPI_OK(MPI_Win_fence(0, w.win));
        MPI_OK(MPI_Accumulate(&yes, 1, type, peer, window_at(&w, peer, 0), 1,
                              type, MPI_LOR, w.win));
        MPI_OK(MPI_Win_fence(0, w.win));
        memcpy(&got, w.base, sizeof(got));
        EXPECT_EQ(got, 1);
        mpi_sync();
        MPI_OK(MPI_Accumulate(&no, 1, type, peer, window_at(&w, peer, 0), 1,
                              type, MPI_LAND, w.win));
        MPI_OK(MPI_Win_fence(0, w.win));
        memcpy(&got, w.base, sizeof(got));
        EXPECT_EQ(got, 0);
        window_close(&w);
    }
}

MPI_TEST(elements, logicals_have_any_length, 2)
{
    check_logical(MPI_LOGICAL, "MPI_LOGICAL");
    check_logical(MPI_LOGICAL1, "MPI_LOGICAL1");
    check_logical(MPI_LOGICAL2, "MPI_LOGICAL2");
    check_logical(MPI_LOGICAL4, "MPI_LOGICAL4");
    check_logical(MPI_LOGICAL8, "MPI_LOGICAL8");
}

/* What is remembered of a type goes when the type goes, however many there are
 * at a time. */
MPI_TEST(elements, types_come_and_go_by_hundreds, 2)
{
    enum { TYPES = 300, ROUNDS = 100, SLACK = 200 * 1024 };
    MPI_Datatype types[TYPES];
    size_t used = 0;
    int out[4] = {0};
    window_t w;

    window_open(&w, KIND_ALLOCATE, MPI_COMM_WORLD, sizeof(out), 1);
    MPI_OK(MPI_Win_lock_all(0, w.win));
    for (int round = 0; round < ROUNDS; ++round) {
        for (int i = 0; i < TYPES; ++i) {
            MPI_OK(MPI_Type_vector(2, 1, 2 + i, MPI_INT, &types[i]));
            MPI_OK(MPI_Type_commit(&types[i]));
            MPI_OK(
                MPI_Put(out, 0, types[i], 1 - mpi_rank, 0, 0, types[i], w.win));
        }
        for (int i = 0; i < TYPES; ++i) {
            MPI_OK(MPI_Type_free(&types[i]));
        }
        if (round == 2) { /* by now everything is there that is used again */
            used = mallinfo2().uordblks;
        }
    }
    EXPECT(mallinfo2().uordblks < used + SLACK);
    MPI_OK(MPI_Win_unlock_all(w.win));
    window_close(&w);
}
