/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctrl/life.h"

#include "rsmapi.h"
#include "util/fd.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file is sparse: a page of it costs memory once it is used. */
#define LIFE_SIZE        ((size_t)8 << 20)
#define LIFE_GENERATIONS 128 /* offset of the first generation word */

typedef struct {
    pthread_mutex_t mutex;
    char pad[LIFE_GENERATIONS - sizeof(pthread_mutex_t)];
    rsmi_life_generation_t generations[];
} life_page_t;

static struct {
    life_page_t *page;
    int fd; /* read only */
    uint32_t *free_slots;
    uint32_t free_count;
    uint32_t free_room;
    uint32_t used; /* slots from 0 that have ever been taken */
} life = {.fd = -1};

size_t rsmi_life_slots(void)
{
    return (LIFE_SIZE - LIFE_GENERATIONS) / sizeof(rsmi_life_generation_t);
}

/* glibc keeps the futex word of a mutex in its first int; the layout is part
 * of its public headers. */
static rsmi_life_word_t *life_word(life_page_t *page)
{
    return (rsmi_life_word_t *)&page->mutex.__data.__lock;
}

static int life_reopen_read_only(int fd)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static int life_init_mutex(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attr;
    int error;

    (void)pthread_mutexattr_init(&attr);
    (void)pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    (void)pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    error = pthread_mutex_init(mutex, &attr);
    (void)pthread_mutexattr_destroy(&attr);
    return error;
}

int rsmi_life_create(void)
{
    void *page;
    int fd, rc = RSMERR_INSUFFICIENT_RESOURCES;

    fd = rsmi_fd_raise(
        memfd_create("rsm-life", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (fd < 0) {
        goto err;
    }
    if ((ftruncate(fd, (off_t)LIFE_SIZE) != 0) ||
        (fchmod(fd, S_IRUSR | S_IWUSR) != 0)) {
        goto err_close;
    }
    (void)fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);

    page = mmap(NULL, LIFE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        rc = RSMERR_INSUFFICIENT_MEM;
        goto err_close;
    }
    life.fd = life_reopen_read_only(fd);
    if ((life.fd < 0) || (life_init_mutex(page) != 0)) {
        goto err_unmap;
    }
    (void)close(fd);
    life.page = page;
    return RSM_SUCCESS;

err_unmap:
    (void)munmap(page, LIFE_SIZE);
err_close:
    (void)close(fd);
err:
    rsmi_error("ctrl", "making the life page: %s", strerror(errno));
    return rc;
}

void rsmi_life_destroy(void)
{
    if (life.page == NULL) {
        return;
    }
    (void)munmap(life.page, LIFE_SIZE);
    (void)close(life.fd);
    free(life.free_slots);
    memset(&life, 0, sizeof(life));
    life.fd = -1;
}

int rsmi_life_hold(void)
{
    return (pthread_mutex_lock(&life.page->mutex) == 0) ? RSM_SUCCESS
                                                        : RSMERR_INTERNAL_ERROR;
}

void rsmi_life_let_go(void)
{
    (void)pthread_mutex_unlock(&life.page->mutex);
}

int rsmi_life_fd(void)
{
    return life.fd;
}

int rsmi_life_take_slot(uint32_t *slot_p, uint64_t *generation_p)
{
    uint32_t slot;

    if (life.free_count > 0) {
        slot = life.free_slots[--life.free_count];
    } else if (life.used < rsmi_life_slots()) {
        slot = life.used++;
    } else {
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
    *slot_p = slot;
    *generation_p = atomic_load_explicit(&life.page->generations[slot],
                                         memory_order_relaxed);
    return RSM_SUCCESS;
}

void rsmi_life_end_slot(uint32_t slot)
{
    /* Partner: the fence between data and word in an importer's put. */
    (void)atomic_fetch_add_explicit(&life.page->generations[slot], 1,
                                    memory_order_seq_cst);
    atomic_thread_fence(memory_order_seq_cst);
}

void rsmi_life_free_slot(uint32_t slot)
{
    uint32_t room, *grown;

    if (life.free_count == life.free_room) {
        room = (life.free_room == 0) ? 64 : 2 * life.free_room;
        grown = realloc(life.free_slots, room * sizeof(*grown));
        if (grown == NULL) {
            return; /* one word of many is not used again */
        }
        life.free_slots = grown;
        life.free_room = room;
    }
    life.free_slots[life.free_count++] = slot;
}

int rsmi_life_attach(int fd, rsmi_life_view_t *view_p)
{
    struct stat status;
    void *base;

    if ((fstat(fd, &status) != 0) || (status.st_size != (off_t)LIFE_SIZE)) {
        return RSMERR_CONN_ABORTED;
    }
    base = mmap(NULL, LIFE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    view_p->base = base;
    view_p->word = life_word(base);
    view_p->generations = ((const life_page_t *)base)->generations;
    return RSM_SUCCESS;
}

void rsmi_life_detach(rsmi_life_view_t *view)
{
    if (view->base != NULL) {
        (void)munmap(view->base, LIFE_SIZE);
        memset(view, 0, sizeof(*view));
    }
}
