/* SPDX-License-Identifier: BSD-3-Clause */
/* ARMCI, on which Global Arrays are built, on MPI's one-sided calls: pieces of
 * matrices, lists of places, counters, mutexes. */
#include <armci.h>
#include <mpi.h>

#include <stdio.h>
#include <stdlib.h>

#define SIDE 32

static int rank;
static int size;

static void say(const char *name, double value)
{
    double total = 0;

    MPI_Reduce(&value, &total, 1, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
    if (rank == 0) {
        printf("%s %.1f\n", name, total);
        fflush(stdout);
    }
}

static double sum(const double *values, int count)
{
    double total = 0;

    for (int i = 0; i < count; ++i) {
        total += values[i] * (i % 7 + 1);
    }
    return total;
}

static void use_strided(double **parts)
{
    int right = (rank + 1) % size;
    double patch[8 * 8];
    double back[8 * 8];
    double scale = 0.5;
    int count[2] = {8 * sizeof(double), 8};
    int local[1] = {8 * sizeof(double)};
    int remote[1] = {SIDE * sizeof(double)};

    for (int i = 0; i < 64; ++i) {
        patch[i] = i + 100 * rank;
    }
    ARMCI_PutS(patch, local, parts[right] + 5 * SIDE + 3, remote, count, 1,
               right);
    ARMCI_Barrier();
    ARMCI_AccS(ARMCI_ACC_DBL, &scale, patch, local, parts[0] + 20 * SIDE + 9,
               remote, count, 1, 0);
    ARMCI_Barrier();
    ARMCI_GetS(parts[right] + 5 * SIDE + 3, remote, back, local, count, 1,
               right);
    say("strided", sum(back, 64));
    ARMCI_Access_begin(parts[rank]);
    say("matrix", sum(parts[rank], SIDE * SIDE));
    ARMCI_Access_end(parts[rank]);
    ARMCI_Barrier();
}

static void use_vectors(double **parts)
{
    int left = (rank + size - 1) % size;
    double values[4] = {1.5 + rank, 2.5, 3.5, 4.5};
    void *sources[4];
    void *targets[4];
    armci_giov_t list = {.src_ptr_array = sources,
                         .dst_ptr_array = targets,
                         .ptr_array_len = 4,
                         .bytes = sizeof(double)};

    for (int i = 0; i < 4; ++i) {
        sources[i] = &values[i];
        targets[i] = parts[left] + 300 + 11 * i;
    }
    ARMCI_PutV(&list, 1, left);
    ARMCI_Barrier();
    ARMCI_Access_begin(parts[rank]);
    say("vectors", sum(parts[rank] + 300, 40));
    ARMCI_Access_end(parts[rank]);
    ARMCI_Barrier();
}

static void use_counters(void)
{
    void **counters = malloc(sizeof(void *) * (size_t)size);
    long old = 0;
    int value = 0;
    int drawn = 0;

    ARMCI_Malloc(counters, 64);
    ARMCI_Access_begin(counters[rank]);
    *(long *)counters[rank] = 0;
    ((int *)counters[rank])[8] = 0;
    ARMCI_Access_end(counters[rank]);
    ARMCI_Barrier();
    for (int i = 0; i < 50; ++i) {
        ARMCI_Rmw(ARMCI_FETCH_AND_ADD_LONG, &old, counters[0], 1, 0);
        drawn += old < 50L * size;
    }
    say("drawn", drawn);
    ARMCI_Create_mutexes(1);
    for (int i = 0; i < 20; ++i) {
        ARMCI_Lock(0, 0);
        ARMCI_Get((int *)counters[0] + 8, &value, sizeof(value), 0);
        ++value;
        ARMCI_Put(&value, (int *)counters[0] + 8, sizeof(value), 0);
        ARMCI_Fence(0);
        ARMCI_Unlock(0, 0);
    }
    ARMCI_Barrier();
    ARMCI_Destroy_mutexes();
    ARMCI_Get(counters[0], &old, sizeof(old), 0);
    say("counter", (double)old);
    ARMCI_Get((int *)counters[0] + 8, &value, sizeof(value), 0);
    say("locked", value);
    ARMCI_Barrier();
    ARMCI_Free(counters[rank]);
    free(counters);
}

int main(int argc, char **argv)
{
    double **parts;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    ARMCI_Init();
    parts = malloc(sizeof(double *) * (size_t)size);
    ARMCI_Malloc((void **)parts, SIDE * SIDE * sizeof(double));
    ARMCI_Access_begin(parts[rank]);
    for (int i = 0; i < SIDE * SIDE; ++i) {
        parts[rank][i] = 0;
    }
    ARMCI_Access_end(parts[rank]);
    ARMCI_Barrier();
    use_strided(parts);
    use_vectors(parts);
    use_counters();
    ARMCI_Free(parts[rank]);
    free(parts);
    ARMCI_Finalize();
    MPI_Finalize();
    return 0;
}
