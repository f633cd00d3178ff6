/* SPDX-License-Identifier: BSD-3-Clause */
/* A handle that comes back before MPI_Win_free has returned (back_free.c) belongs
 * to the window that has it now. 77: the MPI library gave none back. */
#include "back_free.h"

#include <mpi.h>

#include <stdio.h>
#include <stdlib.h>

enum { BACK_TURNS = 20, BACK_SKIPPED = 77 };

int main(int argc, char **argv)
{
    static long memory[512];
    MPI_Win win;
    int i;

    MPI_Init(&argc, &argv);
    for (i = 0; i < BACK_TURNS; ++i) {
        MPI_Win_create(memory, sizeof(memory), 1, MPI_INFO_NULL, MPI_COMM_SELF,
                       &win);
        MPI_Win_free(&win);
    }
    MPI_Finalize();
    printf("came back: %d, taken for another: %d\n", back_count, back_wrong);
    if (back_count == 0) {
        return BACK_SKIPPED;
    }
    return (back_wrong == 0) ? EXIT_SUCCESS : EXIT_FAILURE;
}
