/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory is attached and detached, comes and goes, in any order: what an access
 * reaches is what is attached now. */
#include "mpi_test.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static MPI_Win win;

static size_t page_size;

static char *map_pages(char *at, size_t count)
{
    char *memory;

    memory =
        mmap(at, count * page_size, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | (at != NULL ? MAP_FIXED : 0), -1, 0);
    EXPECT((memory != MAP_FAILED) && ((at == NULL) || (memory == at)));
    return memory;
}

/* Collective: rank 1 writes a number and reads what rank 0 has there. */
static void exchange(char *there, int64_t number)
{
    MPI_Aint at = dynamic_address(0, there);
    int64_t value = -number, old = 0;

    if (mpi_rank == 0) {
        memcpy(there + 8, &value, 8);
    }
    mpi_sync();
    if (mpi_rank == 1) {
        MPI_OK(MPI_Put(&number, 1, MPI_INT64_T, 0, at, 1, MPI_INT64_T, win));
        MPI_OK(MPI_Get(&old, 1, MPI_INT64_T, 0, at + 8, 1, MPI_INT64_T, win));
        MPI_OK(MPI_Win_flush(0, win));
        EXPECT_EQ(old, -number);
    }
    mpi_sync();
    if (mpi_rank == 0) {
        memcpy(&value, there, 8);
        EXPECT_EQ(value, number);
    }
    mpi_sync();
}

static void attach(char *memory, size_t size)
{
    if (mpi_rank == 0) {
        MPI_OK(MPI_Win_attach(win, memory, (MPI_Aint)size));
    }
}

static void detach(char *memory)
{
    if (mpi_rank == 0) {
        MPI_OK(MPI_Win_detach(win, memory));
    }
}

/* A small region stays on the last page of a large one, which goes and comes
 * again as another mapping at the same address. */
MPI_TEST(pages, new_pages_are_reached, 2)
{
    char *memory, *small;

    page_size = (size_t)sysconf(_SC_PAGESIZE);
    memory = map_pages(NULL, 4);
    small = memory + 4 * page_size - 64;
    win = dynamic_open();
    MPI_OK(MPI_Win_lock_all(0, win));
    for (int i = 1; i < 20; ++i) {
        (void)mpi_case("round %d", i);
        if (i % 3 == 0) {
            attach(small, 64);
        }
        attach(memory, 3 * page_size + 100);
        if (i % 3 != 0) {
            attach(small, 64);
        }
        exchange(memory, i);
        exchange(memory + 3 * page_size, 100 + i);
        exchange(small, 200 + i);
        detach(memory);
        if (mpi_rank == 0) {
            EXPECT(munmap(memory, 3 * page_size) == 0);
            (void)map_pages(memory, 3);
        }
        exchange(small, 300 + i);
        attach(memory, 3 * page_size);
        exchange(memory, 400 + i);
        exchange(small, 500 + i);
        if (i % 2 == 0) {
            detach(small);
            exchange(memory + 2 * page_size, 600 + i);
            detach(memory);
        } else {
            detach(memory);
            exchange(small, 600 + i);
            detach(small);
        }
    }
    MPI_OK(MPI_Win_unlock_all(win));
    MPI_OK(MPI_Win_free(&win));
    munmap(memory, 4 * page_size);
}

/* Regions in halves of pages, attached and detached in any order; pages without
 * any are mapped anew. What is attached is reached, always. */
enum { HALVES = 16, STEPS = 250 };

typedef struct {
    int first, last; /* halves */
} part_t;

static bool used[HALVES]; /* by some part */

static void shuffle_attach(char *memory, const part_t *part)
{
    attach(memory + (size_t)part->first * page_size / 2,
           (size_t)(part->last - part->first + 1) * page_size / 2);
    for (int i = part->first; i <= part->last; ++i) {
        used[i] = true;
    }
}

/* Leaves a part of nothing. */
static void shuffle_detach(char *memory, part_t *part)
{
    detach(memory + (size_t)part->first * page_size / 2);
    for (int i = part->first; i <= part->last; ++i) {
        used[i] = false;
    }
    part->last = part->first - 1;
}

static void shuffle_remap(char *memory, int page)
{
    if ((mpi_rank == 0) && !used[2 * page] && !used[2 * page + 1]) {
        EXPECT(munmap(memory + (size_t)page * page_size, page_size) == 0);
        (void)map_pages(memory + (size_t)page * page_size, 1);
    }
}

/* A place from which on a random number of halves is free. */
static bool shuffle_find(part_t *part)
{
    part->first = rand() % HALVES;
    part->last = part->first - 1;
    for (int left = 1 + rand() % 6; left > 0; --left) {
        if ((part->last + 1 == HALVES) || used[part->last + 1]) {
            break;
        }
        ++part->last;
    }
    return part->last >= part->first;
}

MPI_TEST(pages, come_and_go_in_any_order, 2)
{
    part_t parts[HALVES] = {{0, 0}}, *part;
    char *memory;

    page_size = (size_t)sysconf(_SC_PAGESIZE);
    memory = map_pages(NULL, HALVES / 2);
    srand(17);
    for (int i = 0; i < HALVES; ++i) {
        parts[i].last = -1;
    }
    win = dynamic_open();
    MPI_OK(MPI_Win_lock_all(0, win));
    for (int step = 1; step <= STEPS; ++step) {
        (void)mpi_case("step %d", step);
        part = &parts[rand() % HALVES];
        if (part->last >= part->first) {
            shuffle_detach(memory, part);
        } else if (shuffle_find(part)) {
            shuffle_attach(memory, part);
        }
        shuffle_remap(memory, rand() % (HALVES / 2));
        for (int i = rand() % 3; i < HALVES; i += 3) {
            if (used[i]) {
                exchange(memory + (size_t)i * page_size / 2 + 32,
                         step * 100 + i);
            }
        }
    }
    for (int i = 0; i < HALVES; ++i) {
        if (parts[i].last >= parts[i].first) {
            shuffle_detach(memory, &parts[i]);
        }
    }
    MPI_OK(MPI_Win_unlock_all(win));
    MPI_OK(MPI_Win_free(&win));
    munmap(memory, HALVES / 2 * page_size);
}

static int count_mappings(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    int count = 0, c;

    EXPECT(maps != NULL);
    while ((c = getc(maps)) != EOF) {
        count += c == '\n';
    }
    fclose(maps);
    return count;
}

/* Thousands on the same pages are mapped once for each page, and for each edge
 * of pages that one of them lies across. What has no size takes no part. */
MPI_TEST(pages, small_ones_share_pages, 2)
{
    enum { COUNT = 4000, SIZE = 48 };
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    int pages = (int)(COUNT * SIZE / page) + 2;
    char *memory = mmap(NULL, COUNT * SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MPI_Aint at = dynamic_address(1 - mpi_rank, memory);
    int64_t value;
    int before;

    EXPECT(memory != MAP_FAILED);
    win = dynamic_open();
    for (int i = 0; i < COUNT; ++i) {
        MPI_OK(MPI_Win_attach(win, memory + (i * 7 % COUNT) * SIZE, SIZE));
        MPI_OK(MPI_Win_attach(win, memory + (i * 7 % COUNT) * SIZE + 8, 0));
    }
    mpi_sync();
    before = count_mappings();
    MPI_OK(MPI_Win_lock_all(0, win));
    for (int i = 0; i < COUNT; ++i) {
        value = i;
        MPI_OK(MPI_Put(&value, 1, MPI_INT64_T, 1 - mpi_rank, at + i * SIZE, 1,
                       MPI_INT64_T, win));
    }
    MPI_OK(MPI_Win_unlock_all(win));
    EXPECT(count_mappings() - before <= 5 * pages);
    mpi_sync();
    for (int i = 0; i < COUNT; ++i) {
        memcpy(&value, memory + i * SIZE, 8);
        EXPECT_EQ(value, i);
    }
    for (int i = 0; i < COUNT; ++i) {
        MPI_OK(MPI_Win_detach(win, memory + i * SIZE + 8));
        MPI_OK(MPI_Win_detach(win, memory + i * SIZE));
    }
    MPI_OK(MPI_Win_free(&win));
    munmap(memory, COUNT * SIZE);
}

/* --- sizes of zero, and mistakes ------------------------------------------------ */

/* They are attached and detached, and in nobody's way. */
MPI_TEST(pages, those_without_size_stand_between, 2)
{
    enum { COUNT = 3000 };
    char *memory = calloc(COUNT, 16);
    MPI_Aint at = dynamic_address(0, memory);
    static int64_t all[COUNT * 2];

    EXPECT(memory != NULL);
    win = dynamic_open();
    MPI_OK(MPI_Win_lock_all(0, win));
    attach(memory, 8);
    for (int i = 0; i < 16 * COUNT; i += 5) {
        attach(memory + i, 0);
    }
    attach(memory + 8, 16 * COUNT - 8);
    attach(memory + 8, 0);
    exchange(memory, 1);
    exchange(memory + 16 * (COUNT - 1), 2);
    exchange(memory + 8, 3);
    for (int i = 0; i < 2 * COUNT; ++i) {
        all[i] = 5 * i;
    }
    if (mpi_rank == 0) {
        MPI_OK(MPI_Put(all, 2 * COUNT, MPI_INT64_T, 0, at, 2 * COUNT,
                       MPI_INT64_T, win));
        MPI_OK(MPI_Win_flush(0, win));
        EXPECT(memcmp(memory, all, sizeof(all)) == 0);
    }
    for (int i = 16 * COUNT - 5; i >= 0; i -= 5) {
        detach(memory + i);
    }
    /* Of two at one address either one goes first. */
    detach(memory + 8);
    detach(memory + 8);
    detach(memory);
    if ((mpi_rank == 0) && mpi_case("mistake")) {
        MPI_FAILS(MPI_Win_detach(win, memory), MPI_ERR_RMA_ATTACH);
        MPI_FAILS(MPI_Win_detach(win, memory + 8), MPI_ERR_RMA_ATTACH);
        MPI_FAILS(MPI_Win_detach(win, memory + 10), MPI_ERR_RMA_ATTACH);
    }
    MPI_OK(MPI_Win_unlock_all(win));
    MPI_OK(MPI_Win_free(&win));
    free(memory);
}

/* What is attached stays so. */
MPI_TEST(pages, mistakes_change_nothing, 2)
{
    char *memory = calloc(1024, 1);

    EXPECT(memory != NULL);
    win = dynamic_open();
    MPI_OK(MPI_Win_lock_all(0, win));
    attach(memory + 64, 64);
    attach(memory + 192, 64);
    if ((mpi_rank == 0) && mpi_case("mistake")) {
        MPI_FAILS(MPI_Win_attach(win, memory + 64, 64), MPI_ERR_RMA_ATTACH);
        MPI_FAILS(MPI_Win_attach(win, memory, 256), MPI_ERR_RMA_ATTACH);
        MPI_FAILS(MPI_Win_attach(win, memory, 65), MPI_ERR_RMA_ATTACH);
        MPI_FAILS(MPI_Win_attach(win, memory + 127, 10), MPI_ERR_RMA_ATTACH);
        MPI_FAILS(MPI_Win_attach(win, memory + 191, 2), MPI_ERR_RMA_ATTACH);
        MPI_FAILS(MPI_Win_attach(win, memory, INTPTR_MAX), MPI_ERR_RMA_ATTACH);
        MPI_FAILS(MPI_Win_attach(win, NULL, 8), MPI_ERR_RMA_ATTACH);
        MPI_FAILS(MPI_Win_detach(win, memory), MPI_ERR_RMA_ATTACH);
        MPI_FAILS(MPI_Win_detach(win, memory + 65), MPI_ERR_RMA_ATTACH);
        MPI_FAILS(MPI_Win_detach(win, memory + 128), MPI_ERR_RMA_ATTACH);
    }
    exchange(memory + 64, 1);
    exchange(memory + 64 + 48, 2);
    exchange(memory + 192, 3);
    detach(memory + 64);
    if ((mpi_rank == 0) && mpi_case("mistake")) {
        MPI_FAILS(MPI_Win_detach(win, memory + 64), MPI_ERR_RMA_ATTACH);
    }
    exchange(memory + 192 + 48, 4);
    attach(memory, 192);
    exchange(memory + 128 - 8, 5);
    exchange(memory + 192 - 8, 6); /* from one into the other */
    detach(memory);
    detach(memory + 192);
    MPI_OK(MPI_Win_unlock_all(win));
    MPI_OK(MPI_Win_free(&win));
    free(memory);
}
