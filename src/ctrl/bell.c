/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctrl/bell.h"

#include "rsmapi.h"
#include "util/compiler.h"
#include "util/fd.h"
#include "util/lock.h"
#include "util/log.h"
#include "util/spin.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The file is sparse: a page of it costs memory once it is used. */
#define BELL_SIZE ((size_t)16 << 20)

/* Count of a closed bell; one less is the most that are counted. */
#define BELL_CLOSED UINT32_MAX

/* The longest sleep at a time. With a limit the kernel ends it for any signal
 * handler; without, it would start again after some. */
#define BELL_NAP_SECONDS 3600

static struct {
    rsmi_bell_t *bells;
    int fd;
    rsmi_lock_t lock;
    uint32_t *free_slots RSMI_GUARDED_FIELD(lock);
    uint32_t free_count RSMI_GUARDED_FIELD(lock);
    uint32_t free_room RSMI_GUARDED_FIELD(lock);
    uint32_t used RSMI_GUARDED_FIELD(lock); /* slots ever taken, from 0 */
} bell_page = {.fd = -1, .lock = RSMI_LOCK_INIT};

uint32_t rsmi_bell_slots(void)
{
    return BELL_SIZE / sizeof(rsmi_bell_t);
}

/* --- the page --------------------------------------------------------------- */

int rsmi_bell_create(void)
{
    void *base = MAP_FAILED;
    int fd;

    fd = rsmi_fd_raise(
        memfd_create("rsm-bells", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if ((fd >= 0) && (ftruncate(fd, (off_t)BELL_SIZE) == 0) &&
        (fchmod(fd, S_IRUSR | S_IWUSR) == 0)) {
        (void)fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
        base = mmap(NULL, BELL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (base == MAP_FAILED) {
        rsmi_error("ctrl", "making the page of event counters: %s",
                   strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        return RSMERR_INSUFFICIENT_RESOURCES;
    }
    bell_page.bells = base;
    bell_page.fd = fd;
    return RSM_SUCCESS;
}

void rsmi_bell_destroy(void)
{
    if (bell_page.bells == NULL) {
        return;
    }
    rsmi_lock(&bell_page.lock);
    (void)munmap(bell_page.bells, BELL_SIZE);
    (void)close(bell_page.fd);
    free(bell_page.free_slots);
    bell_page.bells = NULL;
    bell_page.fd = -1;
    bell_page.free_slots = NULL;
    bell_page.free_count = 0;
    bell_page.free_room = 0;
    bell_page.used = 0;
    rsmi_unlock(&bell_page.lock);
}

int rsmi_bell_fd(void)
{
    return bell_page.fd;
}

int rsmi_bell_attach(int fd, rsmi_bell_view_t *view_p)
{
    struct stat status;
    void *base;

    /* A page that its owner could cut off would be a trap. */
    if ((fstat(fd, &status) != 0) || (status.st_size != (off_t)BELL_SIZE) ||
        ((fcntl(fd, F_GET_SEALS) & F_SEAL_SHRINK) == 0)) {
        return RSMERR_CONN_ABORTED;
    }
    base = mmap(NULL, BELL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED) {
        return (errno == EACCES) ? RSMERR_CONN_ABORTED
                                 : RSMERR_INSUFFICIENT_MEM;
    }
    view_p->bells = base;
    return RSM_SUCCESS;
}

void rsmi_bell_detach(rsmi_bell_view_t *view)
{
    if (view->bells != NULL) {
        (void)munmap(view->bells, BELL_SIZE);
        view->bells = NULL;
    }
}

/* --- slots ------------------------------------------------------------------ */

/* The next generation, without events. */
static void bell_reset(rsmi_bell_t *bell)
{
    uint64_t generation = atomic_load(&bell->word) >> 32;

    atomic_store(&bell->sleepers, 0);
    atomic_store(&bell->is_watched, 0);
    atomic_store(&bell->word, (generation + 1) << 32);
}

rsmi_bell_t *rsmi_bell_take(rsmi_bell_t *own, uint32_t *slot_p)
{
    rsmi_bell_t *bell = own;

    *slot_p = RSMI_BELL_NONE;
    rsmi_lock(&bell_page.lock);
    if (bell_page.free_count > 0) {
        *slot_p = bell_page.free_slots[--bell_page.free_count];
    } else if ((bell_page.bells != NULL) &&
               (bell_page.used < rsmi_bell_slots())) {
        *slot_p = bell_page.used++;
    }
    if (*slot_p != RSMI_BELL_NONE) {
        bell = &bell_page.bells[*slot_p];
    }
    rsmi_unlock(&bell_page.lock);
    bell_reset(bell);
    return bell;
}

void rsmi_bell_give(uint32_t slot)
{
    uint32_t room, *grown;

    if (slot == RSMI_BELL_NONE) {
        return;
    }
    rsmi_lock(&bell_page.lock);
    if (bell_page.free_count == bell_page.free_room) {
        room = (bell_page.free_room == 0) ? 64 : 2 * bell_page.free_room;
        grown = realloc(bell_page.free_slots, room * sizeof(*grown));
        if (grown != NULL) {
            bell_page.free_slots = grown;
            bell_page.free_room = room;
        }
    }
    /* Without memory one bell of many is not used again. */
    if (bell_page.free_count < bell_page.free_room) {
        bell_page.free_slots[bell_page.free_count++] = slot;
    }
    rsmi_unlock(&bell_page.lock);
}

/* --- sleeping and waking ---------------------------------------------------- */

/* The half of the word that counts. */
static uint32_t *bell_futex(rsmi_bell_t *bell)
{
    uint32_t *halves = (uint32_t *)&bell->word;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return &halves[0];
#else
    return &halves[1];
#endif
}

/* Partner: the count is changed before sleepers are looked at, and a sleeper
 * says so before the kernel looks at the count. */
static void bell_wake(rsmi_bell_t *bell, uint64_t most)
{
    if (atomic_load(&bell->sleepers) > 0) {
        (void)syscall(SYS_futex, bell_futex(bell), FUTEX_WAKE,
                      (most < INT_MAX) ? (int)most : INT_MAX, NULL, NULL, 0);
    }
}

static int bell_nap(rsmi_bell_t *bell, rsmi_time_t deadline)
{
    struct timespec limit = {.tv_sec = BELL_NAP_SECONDS};
    rsmi_time_t left;
    int rc = RSM_SUCCESS;

    if (deadline != RSMI_NEVER) {
        left = deadline - rsmi_clock_now();
        if (left <= 0) {
            return RSMERR_TIMEOUT;
        }
        if (left < (rsmi_time_t)BELL_NAP_SECONDS * 1000000000) {
            limit.tv_sec = left / 1000000000;
            limit.tv_nsec = left % 1000000000;
        }
    }
    (void)atomic_fetch_add(&bell->sleepers, 1);
    if ((syscall(SYS_futex, bell_futex(bell), FUTEX_WAIT, 0, &limit, NULL, 0) !=
         0) &&
        (errno == EINTR)) {
        rc = RSMERR_INTERRUPTED;
    }
    (void)atomic_fetch_sub(&bell->sleepers, 1);
    return rc;
}

int rsmi_bell_sleep(rsmi_bell_t *bell, rsmi_time_t deadline)
{
    rsmi_spin_t spin = {0};

    do {
        if (rsmi_bell_count(bell) > 0) {
            return RSM_SUCCESS;
        }
        if (rsmi_deadline_passed(deadline)) {
            return RSMERR_TIMEOUT;
        }
    } while (rsmi_spin(&spin));
    return bell_nap(bell, deadline);
}

/* --- counting --------------------------------------------------------------- */

uint32_t rsmi_bell_generation(const rsmi_bell_t *bell)
{
    return (uint32_t)(atomic_load(&bell->word) >> 32);
}

uint32_t rsmi_bell_count(const rsmi_bell_t *bell)
{
    return (uint32_t)atomic_load(&bell->word);
}

bool rsmi_bell_try(rsmi_bell_t *bell)
{
    uint64_t word = atomic_load(&bell->word);

    do {
        if (((uint32_t)word == 0) || ((uint32_t)word == BELL_CLOSED)) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(&bell->word, &word, word - 1));
    return true;
}

/* A post that adds nothing writes the word all the same: whoever takes the
 * event that is there already shall see what was stored before the post. */
rsmi_bell_result_t rsmi_bell_post(rsmi_bell_t *bell, uint32_t generation,
                                  uint64_t count, bool is_optional)
{
    uint64_t word = atomic_load(&bell->word);
    uint64_t events, room, added;

    do {
        events = (uint32_t)word;
        if (((uint32_t)(word >> 32) != generation) || (events == BELL_CLOSED)) {
            return RSMI_BELL_OVER;
        }
        room = BELL_CLOSED - 1 - events;
        added = (is_optional && (events == 0) && (count == 0)) ? 1 : count;
        added = (added < room) ? added : room;
    } while (!atomic_compare_exchange_weak(&bell->word, &word, word + added));
    if (added > 0) {
        bell_wake(bell, added);
    }
    return (atomic_load(&bell->is_watched) != 0) ? RSMI_BELL_NUDGE
                                                 : RSMI_BELL_DONE;
}

void rsmi_bell_close(rsmi_bell_t *bell)
{
    uint64_t word = atomic_load(&bell->word);
    uint64_t closed;

    do {
        closed = (((word >> 32) + 1) << 32) | BELL_CLOSED;
    } while (!atomic_compare_exchange_weak(&bell->word, &word, closed));
    bell_wake(bell, INT_MAX);
}
