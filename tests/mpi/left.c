/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows that the program wants the MPI library to have. Each flavor is made,
 * used and freed; who serves it, RSM_INFO tells the test.
 *
 *   left VALUE [RANK]   rsm_serve=VALUE, at that rank alone or at all */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

#define WORDS 512

static int rank, size;

static void must(int is_right, const char *what)
{
    if (!is_right) {
        fprintf(stderr, "rank %d: %s is wrong\n", rank, what);
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
}

/* Rank 0 says what the window says about who serves it, also after it has been
 * told something else. */
static void show_info(MPI_Win win)
{
    char value[MPI_MAX_INFO_VAL + 1];
    MPI_Info info;
    int i, is_there;

    for (i = 0; i < 2; ++i) {
        MPI_Win_get_info(win, &info);
        MPI_Info_get(info, "rsm_serve", MPI_MAX_INFO_VAL, value, &is_there);
        if (rank == 0) {
            fprintf(stderr, "rsm_serve is %s\n",
                    is_there ? value : "not known");
        }
        MPI_Info_set(info, "rsm_serve", "false");
        MPI_Win_set_info(win, info);
        MPI_Info_free(&info);
    }
}

/* Each rank writes its number to the next one's first word. */
static void use(MPI_Win win, const int *memory, MPI_Aint disp, const char *what)
{
    int number = rank + 1;

    show_info(win);
    MPI_Win_fence(0, win);
    MPI_Put(&number, 1, MPI_INT, (rank + 1) % size, disp, 1, MPI_INT, win);
    MPI_Win_fence(0, win);
    must(memory[0] == (rank + size - 1) % size + 1, what);
    MPI_Win_free(&win);
}

static void use_dynamic(MPI_Info info, int *memory)
{
    MPI_Aint own, other;
    MPI_Win win;

    MPI_Win_create_dynamic(info, MPI_COMM_WORLD, &win);
    MPI_Win_attach(win, memory, WORDS * sizeof(*memory));
    MPI_Get_address(memory, &own);
    MPI_Sendrecv(&own, 1, MPI_AINT, (rank + size - 1) % size, 0, &other, 1,
                 MPI_AINT, (rank + 1) % size, 0, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
    use(win, memory, other, "a dynamic window");
}

int main(int argc, char **argv)
{
    MPI_Info info = MPI_INFO_NULL;
    int *memory;
    MPI_Win win;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    must((argc == 2) || (argc == 3), "the command");
    if ((argc == 2) || (atoi(argv[2]) == rank)) {
        MPI_Info_create(&info);
        MPI_Info_set(info, "rsm_serve", argv[1]);
    }

    memory = calloc(WORDS, sizeof(*memory));
    MPI_Win_create(memory, WORDS * sizeof(*memory), sizeof(*memory), info,
                   MPI_COMM_WORLD, &win);
    use(win, memory, 0, "a created window");
    memory[0] = 0;
    use_dynamic(info, memory);
    free(memory);

    MPI_Win_allocate(WORDS * sizeof(*memory), sizeof(*memory), info,
                     MPI_COMM_WORLD, &memory, &win);
    use(win, memory, 0, "an allocated window");
    MPI_Win_allocate_shared(WORDS * sizeof(*memory), sizeof(*memory), info,
                            MPI_COMM_WORLD, &memory, &win);
    use(win, memory, 0, "a shared window");

    if (info != MPI_INFO_NULL) {
        MPI_Info_free(&info);
    }
    if (rank == 0) {
        fprintf(stderr, "ok\n"); /* behind what was said of the windows */
    }
    MPI_Finalize();
    return EXIT_SUCCESS;
}
