/* SPDX-License-Identifier: BSD-3-Clause */
#include "fabric/fabric_internal.h"

#include "fabric_target.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define TARGET_SIZE ((size_t)4 << 20)

static void forget_environment(void)
{
    unsetenv("UCX_TLS");
    unsetenv("UCX_NET_DEVICES");
}

TestSuite(fabric, .init = forget_environment, .timeout = 30);

/* --- what there is ------------------------------------------------------- */

Test(fabric, shared_memory_and_tcp_are_found)
{
    rsmi_fabric_info_t info;

    cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
    rsmi_fabric_query(RSMI_FABRIC_SHM, &info);
    cr_assert(info.is_present);
    cr_assert_not(info.pins_memory);
    cr_assert_str_eq(info.transports, "posix");
    rsmi_fabric_query(RSMI_FABRIC_TCP, &info);
    cr_assert(info.is_present);
    cr_assert_not(info.pins_memory);
    cr_assert_str_eq(info.transports, "tcp");
    cr_assert_not_null(strstr(info.devices, "lo"));
    rsmi_fabric_query(RSMI_FABRIC_NET, &info);
    cr_assert(info.is_present);
    cr_assert_null(strstr(info.transports, "posix"));
    rsmi_fabric_close();
}

Test(fabric, the_user_can_forbid_shared_memory)
{
    static const char *const lists[] = {"tcp,self", "^shm", "^posix,sysv"};
    rsmi_fabric_info_t info;
    rsmi_fabric_mem_t *mem;
    void *addr;
    size_t i;
    int fd;

    for (i = 0; i < RSMI_COUNT_OF(lists); ++i) {
        setenv("UCX_TLS", lists[i], 1);
        cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
        rsmi_fabric_query(RSMI_FABRIC_SHM, &info);
        cr_assert_not(info.is_present, "%s", lists[i]);
        rsmi_fabric_query(RSMI_FABRIC_NET, &info);
        cr_assert(info.is_present, "%s", lists[i]);
        cr_assert_eq(rsmi_fabric_alloc(4096, &mem, &addr, &fd),
                     RSMERR_INSUFFICIENT_RESOURCES);
        rsmi_fabric_close();
    }
}

Test(fabric, a_device_that_is_not_there_takes_tcp_away)
{
    rsmi_fabric_info_t info;

    setenv("UCX_NET_DEVICES", "nosuch0", 1);
    cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
    rsmi_fabric_query(RSMI_FABRIC_TCP, &info);
    cr_assert_not(info.is_present);
    rsmi_fabric_close();
}

Test(fabric, no_transport_at_all_is_refused)
{
    setenv("UCX_TLS", "self", 1);
    cr_assert_eq(rsmi_fabric_open(), RSMERR_INSUFFICIENT_RESOURCES);
    rsmi_fabric_close();
}

Test(fabric, transport_lists_mean_what_ucx_means)
{
    static const struct {
        const char *list;
        const char *tl;
        rsmi_fabric_allowance_t expected;
    } rows[] = {
        {"all", "posix", FABRIC_TL_ALLOWED},
        {"tcp,self", "posix", FABRIC_TL_DENIED},
        {"tcp,self", "self", FABRIC_TL_ALLOWED},
        {"\\tcp", "tcp", FABRIC_TL_ALLOWED},
        {"tcpx", "tcp", FABRIC_TL_DENIED},
        {"sm", "sysv", FABRIC_TL_ALLOWED},
        {"shm,tcp", "cma", FABRIC_TL_ALLOWED},
        {"mm", "cma", FABRIC_TL_DENIED},
        {"rc", "rc_mlx5", FABRIC_TL_ALLOWED},
        {"rc", "ud_mlx5", FABRIC_TL_AUXILIARY},
        {"rc,ud", "ud_mlx5", FABRIC_TL_ALLOWED},
        {"ud:aux,tcp", "ud_verbs", FABRIC_TL_AUXILIARY},
        {"^tcp", "tcp", FABRIC_TL_DENIED},
        {"^tcp,self", "self", FABRIC_TL_DENIED},
        {"^tcp", "posix", FABRIC_TL_ALLOWED},
        {"^sm", "posix", FABRIC_TL_DENIED},
        {"^ud", "ud_verbs", FABRIC_TL_AUXILIARY},
        {"^ud,ud:aux", "ud_verbs", FABRIC_TL_DENIED},
        {"^ib", "rc_mlx5", FABRIC_TL_DENIED},
    };
    size_t i;

    for (i = 0; i < RSMI_COUNT_OF(rows); ++i) {
        cr_expect_eq(rsmi_fabric_tls_allow(rows[i].list, rows[i].tl),
                     rows[i].expected, "UCX_TLS=%s and %s", rows[i].list,
                     rows[i].tl);
    }
}

Test(fabric, every_status_has_a_result)
{
    int status;
    int rc;

    cr_assert_eq(rsmi_fabric_setup_error(UCS_OK), RSM_SUCCESS);
    cr_assert_eq(rsmi_fabric_transfer_error(UCS_OK), RSM_SUCCESS);
    for (status = UCS_ERR_LAST; status < 0; ++status) {
        cr_expect_neq(rsmi_fabric_setup_error((ucs_status_t)status),
                      RSM_SUCCESS);
        rc = rsmi_fabric_transfer_error((ucs_status_t)status);
        cr_expect((rc == RSMERR_CONN_ABORTED) ||
                  (rc == RSMERR_BARRIER_FAILURE) ||
                  (rc == RSMERR_INSUFFICIENT_RESOURCES));
    }
}

/* --- memory -------------------------------------------------------------- */

Test(fabric, allocated_pages_are_zero_and_have_a_descriptor)
{
    rsmi_fabric_mem_t *mem;
    struct stat stat;
    char *view;
    char *addr;
    size_t i;
    int fd;

    umask(0777);
    cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
    cr_assert_eq(rsmi_fabric_alloc(65536, &mem, (void **)&addr, &fd),
                 RSM_SUCCESS);
    for (i = 0; i < 65536; ++i) {
        cr_assert_eq(addr[i], 0);
    }

    cr_assert_eq(fstat(fd, &stat), 0);
    cr_assert_eq(stat.st_size, 65536);
    cr_assert_eq(stat.st_mode & 0777, 0600);
    view = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    cr_assert_neq((void *)view, MAP_FAILED);
    addr[777] = 'x';
    cr_assert_eq(view[777], 'x');
    munmap(view, 65536);

    rsmi_fabric_release(mem);
    cr_assert_eq(fstat(fd, &stat), -1);
    rsmi_fabric_release(NULL);
    rsmi_fabric_close();
}

Test(fabric, the_descriptor_is_found_though_others_come_and_go)
{
    rsmi_fabric_mem_t *mems[8];
    struct stat stats[8];
    void *addr;
    int low = dup(0);
    int fd;
    size_t i;

    cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
    for (i = 0; i < RSMI_COUNT_OF(mems); ++i) {
        if (i == 4) {
            close(low);
        }
        cr_assert_eq(rsmi_fabric_alloc(4096 * (i + 1), &mems[i], &addr, &fd),
                     RSM_SUCCESS);
        cr_assert_eq(fstat(fd, &stats[i]), 0);
        cr_assert_eq(stats[i].st_size, 4096 * (off_t)(i + 1));
    }

    /* Close gives back what is still there. */
    rsmi_fabric_close();
    cr_assert_eq(fstat(fd, &stats[0]), -1);
}

Test(fabric, more_than_the_file_system_holds_is_refused)
{
    struct statvfs stat;
    rsmi_fabric_mem_t *mem;
    void *addr;
    int fd;

    cr_assert_eq(statvfs("/dev/shm", &stat), 0);
    cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
    if (stat.f_blocks != 0) {
        cr_assert_eq(rsmi_fabric_alloc((stat.f_blocks + 1) * stat.f_frsize,
                                       &mem, &addr, &fd),
                     RSMERR_INSUFFICIENT_MEM);
    }
    rsmi_fabric_close();
}

Test(fabric, without_descriptors_an_allocation_is_refused)
{
    struct rlimit limit;
    rsmi_fabric_mem_t *mem;
    void *addr;
    int fd;

    cr_assert_eq(rsmi_fabric_open(), RSM_SUCCESS);
    cr_assert_eq(rsmi_fabric_alloc(4096, &mem, &addr, &fd), RSM_SUCCESS);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = (rlim_t)fd;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while (dup(0) >= 0) {
    }
    cr_assert_eq(rsmi_fabric_alloc(4096, &mem, &addr, &fd),
                 RSMERR_INSUFFICIENT_RESOURCES);
    rsmi_fabric_close();
}

Test(fabric, malformed_keys_and_addresses_are_refused)
{
    rsmi_fabric_peer_t *peer;
    rsmi_fabric_key_t *key;
    unsigned char blob[1100];
    target_t target;
    size_t size;
    int i;

    target_begin(&target, &path_direct, 4096);
    memset(blob, 0, sizeof(blob));
    memcpy(blob, target.card.key, target.card.key_size);
    for (size = 0; size < sizeof(blob); ++size) {
        /* The shortest key is that of memory UCX did not allocate. */
        if (size != target.card.key_size) {
            cr_assert_neq(rsmi_fabric_key_open(target.peer, blob, size, &key),
                          RSM_SUCCESS, "%zu", size);
        }
    }

    for (i = 0; i < 10; ++i) {
        blob[i] ^= 0x55;
        cr_assert_neq(
            rsmi_fabric_key_open(target.peer, blob, target.card.key_size, &key),
            RSM_SUCCESS, "%d", i);
        blob[i] ^= 0x55;
    }

    cr_assert_eq(rsmi_fabric_connect(RSMI_FABRIC_SHM, blob, 3, &peer),
                 RSMERR_REMOTE_NODE_UNREACHABLE);
    cr_assert_eq(rsmi_fabric_connect(RSMI_FABRIC_SHM, blob, 1 << 20, &peer),
                 RSMERR_REMOTE_NODE_UNREACHABLE);
    target_end(&target);
}

/* --- transfers, each over three paths ------------------------------------ */

static void check_put_and_get(const path_t *path)
{
    static const size_t sizes[] = {0,    1,    7,     8,     64,     4095,
                                   8192, 8193, 65536, 65537, 1048577};
    rsmi_fabric_wait_t wait;
    target_t target;
    unsigned char *src = malloc(TARGET_SIZE);
    unsigned char *dst = malloc(TARGET_SIZE);
    uint64_t remote;
    size_t i;
    size_t j;

    target_begin(&target, path, TARGET_SIZE);
    for (i = 0; i < RSMI_COUNT_OF(sizes); ++i) {
        wait = wait_ms(10000);
        remote = target.card.remote + 3 + i;
        for (j = 0; j < sizes[i]; ++j) {
            src[j] = (unsigned char)(j * 7 + i);
        }
        cr_assert_eq(rsmi_fabric_put(target.key, remote, src, sizes[i], &wait),
                     RSM_SUCCESS);
        memset(dst, 0xee, TARGET_SIZE);
        cr_assert_eq(rsmi_fabric_flush(target.peer, &wait), RSM_SUCCESS);
        cr_assert_eq(memcmp(target.memory + 3 + i, src, sizes[i]), 0);
        cr_assert_eq(target.memory[3 + i + sizes[i]], 0);
        cr_assert_eq(rsmi_fabric_get(target.key, remote, dst, sizes[i], &wait),
                     RSM_SUCCESS);
        cr_assert_eq(memcmp(dst, src, sizes[i]), 0);
        cr_assert_eq(dst[sizes[i]], 0xee);
        memset(target.memory, 0, TARGET_SIZE);
    }

    target_end(&target);
    free(src);
    free(dst);
}

Test(fabric, puts_and_gets_arrive_directly)
{
    check_put_and_get(&path_direct);
}

Test(fabric, puts_and_gets_arrive_by_shm)
{
    check_put_and_get(&path_shm);
}

Test(fabric, puts_and_gets_arrive_by_tcp)
{
    check_put_and_get(&path_tcp);
}

static uint64_t atomic_expect(rsmi_atomic_op_t op, uint64_t old,
                              uint64_t operand, uint64_t compare)
{
    switch (op) {
    case RSMI_ATOMIC_ADD:
        return old + operand;
    case RSMI_ATOMIC_SWAP:
        return operand;
    case RSMI_ATOMIC_CSWAP:
        return (old == compare) ? operand : old;
    case RSMI_ATOMIC_AND:
        return old & operand;
    case RSMI_ATOMIC_OR:
        return old | operand;
    default:
        return old ^ operand;
    }
}

static void check_atomics(const path_t *path)
{
    const uint64_t first = 0x1122334455667788;
    const uint64_t operand = 0xff00ff00f0f0f0f1;
    rsmi_fabric_wait_t wait = wait_ms(10000);
    uint64_t compare;
    target_t target;
    uint64_t mask;
    uint64_t seen;
    uint64_t old;
    unsigned width;
    int op;
    int fits;

    target_begin(&target, path, 4096);
    for (width = 4; width <= 8; width += 4) {
        mask = (width == 4) ? UINT32_MAX : UINT64_MAX;
        for (op = RSMI_ATOMIC_ADD; op <= RSMI_ATOMIC_XOR; ++op) {
            for (fits = 0; fits <= 1; ++fits) {
                compare = fits ? first : 5;
                memcpy(target.memory + 16, &first, sizeof(first));
                cr_assert_eq(
                    rsmi_fabric_atomic(target.key, (rsmi_atomic_op_t)op, width,
                                       target.card.remote + 16, operand & mask,
                                       compare & mask, &old, &wait),
                    RSM_SUCCESS);
                cr_assert_eq(old, first & mask, "op %d", op);
                memcpy(&seen, target.memory + 16, sizeof(seen));
                cr_assert_eq(seen & mask,
                             atomic_expect((rsmi_atomic_op_t)op, first & mask,
                                           operand & mask, compare & mask) &
                                 mask,
                             "op %d width %u", op, width);
                cr_assert_eq(seen & ~mask, first & ~mask);
            }
        }
    }
    target_end(&target);
}

Test(fabric, atomics_are_right_directly)
{
    check_atomics(&path_direct);
}

Test(fabric, atomics_are_right_by_shm)
{
    check_atomics(&path_shm);
}

Test(fabric, atomics_are_right_by_tcp)
{
    check_atomics(&path_tcp);
}

/* This process's own atomics on the memory, as the exporter's would be. */
static atomic_bool rival_stops;
static uint64_t rival_count;

static void *rival_run(void *word)
{
    while (!rival_stops) {
        atomic_fetch_add((_Atomic uint64_t *)word, 1 << 20);
        ++rival_count;
    }
    return NULL;
}

static void check_atomicity(const path_t *path)
{
    rsmi_fabric_wait_t wait = wait_ms(20000);
    pthread_t rival;
    target_t target;
    uint64_t old;
    int i;

    target_begin(&target, path, 4096);
    pthread_create(&rival, NULL, rival_run, target.memory);
    for (i = 0; i < 2000; ++i) {
        cr_assert_eq(rsmi_fabric_atomic(target.key, RSMI_ATOMIC_ADD, 8,
                                        target.card.remote, 2, 0, &old, &wait),
                     RSM_SUCCESS);
        cr_assert_eq(rsmi_fabric_atomic(target.key, RSMI_ATOMIC_XOR, 8,
                                        target.card.remote, 1, 0, &old, &wait),
                     RSM_SUCCESS);
        cr_assert_eq(old & 1, (uint64_t)i & 1);
    }
    rival_stops = true;
    pthread_join(rival, NULL);
    cr_assert_eq(*(uint64_t *)target.memory, (rival_count << 20) + 4000);
    target_end(&target);
}

Test(fabric, atomics_respect_the_processors_own_directly)
{
    check_atomicity(&path_direct);
}

Test(fabric, atomics_respect_the_processors_own_by_shm)
{
    check_atomicity(&path_shm);
}

Test(fabric, atomics_respect_the_processors_own_by_tcp)
{
    check_atomicity(&path_tcp);
}

/* A flag that is put after data must never be seen before it. */
static void check_order(const path_t *path)
{
    rsmi_fabric_wait_t wait = wait_ms(20000);
    _Atomic uint64_t *flag;
    uint64_t data[512];
    target_t target;
    uint64_t round;
    size_t i;

    target_begin(&target, path, 65536);
    flag = (_Atomic uint64_t *)(target.memory + 32768);
    for (round = 1; round <= 300; ++round) {
        for (i = 0; i < RSMI_COUNT_OF(data); ++i) {
            data[i] = round;
        }
        cr_assert_eq(rsmi_fabric_put(target.key, target.card.remote, data,
                                     sizeof(data), &wait),
                     RSM_SUCCESS);
        cr_assert_eq(rsmi_fabric_flush(target.peer, &wait), RSM_SUCCESS);
        cr_assert_eq(rsmi_fabric_put(target.key, target.card.remote + 32768,
                                     &round, sizeof(round), &wait),
                     RSM_SUCCESS);
        if (*flag == round) {
            cr_assert_eq(memcmp(target.memory, data, sizeof(data)), 0);
        }
    }
    cr_assert_eq(rsmi_fabric_flush(target.peer, &wait), RSM_SUCCESS);
    cr_assert_eq(*flag, 300);
    target_end(&target);
}

Test(fabric, order_holds_directly)
{
    check_order(&path_direct);
}

Test(fabric, order_holds_by_shm)
{
    check_order(&path_shm);
}

Test(fabric, order_holds_by_tcp)
{
    check_order(&path_tcp);
}

/* --- many threads -------------------------------------------------------- */

typedef struct {
    target_t *target;
    uint64_t number;
} worker_t;

static void *worker_run(void *arg)
{
    rsmi_fabric_wait_t wait = wait_ms(20000);
    const worker_t *worker = arg;
    uint64_t at = worker->number * 4096;
    uint64_t value;
    uint64_t back;
    int rc = RSM_SUCCESS;

    for (value = 1; (value <= 300) && (rc == RSM_SUCCESS); ++value) {
        rc = rsmi_fabric_put(worker->target->key,
                             worker->target->card.remote + at, &value,
                             sizeof(value), &wait);
        if (rc == RSM_SUCCESS) {
            rc = rsmi_fabric_flush(worker->target->peer, &wait);
        }
        if (rc == RSM_SUCCESS) {
            rc = rsmi_fabric_get(worker->target->key,
                                 worker->target->card.remote + at, &back,
                                 sizeof(back), &wait);
        }
        if ((rc == RSM_SUCCESS) && (back != value)) {
            rc = RSMERR_INTERNAL_ERROR;
        }
    }

    return (void *)(intptr_t)rc;
}

static void check_threads(const path_t *path)
{
    pthread_t threads[4];
    worker_t workers[4];
    target_t target;
    void *rc;
    size_t i;

    target_begin(&target, path, 65536);
    for (i = 0; i < RSMI_COUNT_OF(threads); ++i) {
        workers[i] = (worker_t){&target, i};
        pthread_create(&threads[i], NULL, worker_run, &workers[i]);
    }
    for (i = 0; i < RSMI_COUNT_OF(threads); ++i) {
        pthread_join(threads[i], &rc);
        cr_assert_eq((intptr_t)rc, RSM_SUCCESS);
    }
    target_end(&target);
}

Test(fabric, threads_share_a_peer_by_shm)
{
    check_threads(&path_shm);
}

Test(fabric, threads_share_a_peer_by_tcp)
{
    check_threads(&path_tcp);
}
