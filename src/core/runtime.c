/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/runtime.h"

#include "boot/boot.h"
#include "core/client.h"
#include "core/guard.h"
#include "core/handle.h"
#include "core/node.h"
#include "core/peer.h"
#include "core/report.h"
#include "core/segment.h"
#include "core/service.h"
#include "ctrl/bell.h"
#include "ctrl/life.h"
#include "fabric/fabric.h"
#include "mem/mem.h"
#include "rsmapi.h"
#include "topo/topo.h"
#include "util/config.h"
#include "util/copy.h"
#include "util/help.h"
#include "util/lock.h"
#include "util/log.h"
#include "util/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

/*
 *   NONE --start--> RUNNING --exit--> STOPPED
 *                      `-----fork---> FORKED (in the child)
 */
typedef enum {
    RUNTIME_NONE,
    RUNTIME_RUNNING,
    RUNTIME_STOPPED,
    RUNTIME_FORKED
} runtime_state_t;

/* The child copies some GB a second. */
#define RUNTIME_FORK_PATIENCE_MS 10000

static rsmi_lock_t runtime_lock = RSMI_LOCK_INIT;
static _Atomic runtime_state_t runtime_state = RUNTIME_NONE;
static rsmi_boot_job_t runtime_job;
static bool runtime_is_configured RSMI_GUARDED_BY(runtime_lock);
static bool runtime_has_handlers RSMI_GUARDED_BY(runtime_lock);
static int runtime_fork_pipe[2]; /* the child closes it when it has its copy */

uint32_t rsmi_runtime_rank(void)
{
    return runtime_job.rank;
}

uint32_t rsmi_runtime_size(void)
{
    return runtime_job.size;
}

bool rsmi_runtime_is_forked(void)
{
    return atomic_load_explicit(&runtime_state, memory_order_relaxed) ==
           RUNTIME_FORKED;
}

/* --- fork ------------------------------------------------------------------ */

/* The locks that guard what the child has to look at are held across fork, so
 * that it finds them in order. */
static void runtime_before_fork(void) RSMI_NO_ANALYSIS
{
    rsmi_lock(&runtime_lock);
    rsmi_lock(&rsmi_memory_lock);
    rsmi_lock(&rsmi_directory_lock);
    rsmi_lock(&rsmi_peers_lock);
    if ((atomic_load(&runtime_state) != RUNTIME_RUNNING) ||
        (pipe2(runtime_fork_pipe, O_CLOEXEC) != 0)) {
        runtime_fork_pipe[0] = -1;
    }
}

/* What the parent stores after fork is not for the child to see: the thread
 * that forked waits until the child has its copy, or has died of it. */
static void runtime_after_fork(void) RSMI_NO_ANALYSIS
{
    struct pollfd wait = {.fd = runtime_fork_pipe[0], .events = POLLIN};

    /* The service thread goes on answering meanwhile. */
    rsmi_unlock(&rsmi_peers_lock);
    rsmi_unlock(&rsmi_directory_lock);
    if (runtime_fork_pipe[0] >= 0) {
        (void)close(runtime_fork_pipe[1]);
        while ((poll(&wait, 1, RUNTIME_FORK_PATIENCE_MS) < 0) &&
               (errno == EINTR)) {
        }
        (void)close(runtime_fork_pipe[0]);
    }
    rsmi_unlock(&rsmi_memory_lock);
    rsmi_unlock(&runtime_lock);
}

/* The child gets what fork promises, a copy of the memory, and no library: UCX
 * and PMIx cannot be used on both sides. The parent's sockets are closed, or
 * its end would not be noticed while the child lives. */
static void runtime_in_child(void) RSMI_NO_ANALYSIS
{
    if (atomic_load(&runtime_state) == RUNTIME_RUNNING) {
        rsmi_guard_forked();
        rsmi_handle_forked();
        rsmi_backing_forked();
        rsmi_peer_forked();
        rsmi_client_forked();
        atomic_store(&runtime_state, RUNTIME_FORKED);
    }
    if (runtime_fork_pipe[0] >= 0) {
        (void)close(runtime_fork_pipe[0]);
        (void)close(runtime_fork_pipe[1]);
    }
    rsmi_lock_init(&rsmi_peers_lock);
    rsmi_lock_init(&rsmi_directory_lock);
    rsmi_lock_init(&rsmi_memory_lock);
    rsmi_lock_init(&runtime_lock);
}

/* --- stop ------------------------------------------------------------------ */

/* When the library is unloaded at the end of the process, which comes after the
 * program's own exit handlers and destructors: they may still use it. Other
 * threads may be inside the library or touch exported memory even now, so
 * nothing they could stand on is taken away; UCX's part is left to the kernel,
 * which cleans up faster and without waiting for peers. What must happen is
 * that importers hear of the end and that the launcher does. */
static void __attribute__((destructor)) runtime_stop(void)
{
    rsmi_lock(&runtime_lock);
    if (atomic_load(&runtime_state) == RUNTIME_RUNNING) {
        atomic_store(&runtime_state, RUNTIME_STOPPED);
        rsmi_handle_disable();
        rsmi_export_end_all();
        rsmi_peer_settle_all();
        rsmi_service_stop();
        rsmi_client_close_all();
        rsmi_boot_close();
        rsmi_topo_close();
        rsmi_debug("core", "stopped");
        rsmi_log_close();
    }
    rsmi_unlock(&runtime_lock);
}

/* The launcher has gone; nobody will end this process if it does not. */
static void runtime_launcher_lost(void)
{
    if (rsmi_config.lost_action == RSMI_LOST_CONTINUE) {
        rsmi_warn("core", "the launcher is gone; this process goes on alone");
        return;
    }
    rsmi_error("core", "the launcher is gone; this process ends itself (set "
                       "RSM_LAUNCHER_LOST=continue to go on)");
    (void)kill(getpid(), SIGTERM);
}

/* --- start ----------------------------------------------------------------- */

static int runtime_configure(void) RSMI_REQUIRES(runtime_lock)
{
    int rc;

    if (runtime_is_configured) {
        return RSM_SUCCESS;
    }
    rc = rsmi_config_load(true);
    if (rc == RSM_SUCCESS) {
        rsmi_log_open((rsmi_log_level_t)rsmi_config.log_level,
                      rsmi_config.log_file);
        runtime_is_configured = true;
    }
    return rc;
}

int rsmi_runtime_configure(void)
{
    int rc;

    if (rsmi_runtime_is_forked()) {
        return RSMERR_INTERNAL_ERROR;
    }
    rsmi_lock(&runtime_lock);
    rc = runtime_configure();
    rsmi_unlock(&runtime_lock);
    return rc;
}

static int runtime_start_handlers(void) RSMI_REQUIRES(runtime_lock)
{
    if (runtime_has_handlers) {
        return RSM_SUCCESS;
    }
    /* That for exit does no harm when it is there twice after a failure. */
    if ((at_quick_exit(runtime_stop) != 0) ||
        (pthread_atfork(runtime_before_fork, runtime_after_fork,
                        runtime_in_child) != 0)) {
        return RSMERR_INSUFFICIENT_MEM;
    }
    runtime_has_handlers = true;
    return RSM_SUCCESS;
}

/* The doors are open before the record says where they are. */
static int runtime_start_service(void)
{
    uint16_t port;
    int rc;

    rc = rsmi_life_create();
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    rc = rsmi_bell_create();
    if (rc == RSM_SUCCESS) {
        rc = rsmi_node_describe();
    }
    if (rc == RSM_SUCCESS) {
        rc = rsmi_service_start();
    }
    if (rc != RSM_SUCCESS) {
        goto err_life;
    }
    rc = rsmi_client_listen(rsmi_node_self()->name,
                            runtime_job.local_size < runtime_job.size, &port);
    if (rc == RSM_SUCCESS) {
        rc = rsmi_node_publish(port);
    }
    if (rc != RSM_SUCCESS) {
        goto err_service;
    }
    return RSM_SUCCESS;

err_service:
    rsmi_service_stop();
    rsmi_client_close_all();
    rsmi_service_close();
err_life:
    rsmi_bell_destroy();
    rsmi_life_destroy();
    return rc;
}

static int runtime_start_parts(void) RSMI_REQUIRES(runtime_lock)
{
    int rc;

    rc = runtime_configure();
    if (rc == RSM_SUCCESS) {
        rc = runtime_start_handlers();
    }
    if (rc == RSM_SUCCESS) {
        rc = rsmi_boot_open(runtime_launcher_lost, &runtime_job);
    }
    if (rc != RSM_SUCCESS) {
        return rc;
    }
    rsmi_log_set_rank((int)runtime_job.rank);
    rsmi_help_set_speaker(runtime_job.local_rank == 0);
    rsmi_copy_set_cache(rsmi_topo_last_cache());
    rsmi_guard_open();
    rsmi_mem_sweep();
    rc = rsmi_fabric_open();
    if (rc != RSM_SUCCESS) {
        goto err_boot;
    }
    rc = runtime_start_service();
    if (rc != RSM_SUCCESS) {
        goto err_fabric;
    }
    atomic_store(&runtime_state, RUNTIME_RUNNING);
    rsmi_report_start(&runtime_job);
    return RSM_SUCCESS;

err_fabric:
    rsmi_fabric_close();
err_boot:
    rsmi_boot_close();
    return rc;
}

static int runtime_start(void) RSMI_REQUIRES(runtime_lock)
{
    sigset_t old;
    int rc;

    rsmi_signals_block(&old);
    rc = runtime_start_parts();
    rsmi_signals_restore(&old);
    return rc;
}

int rsmi_runtime_start(void)
{
    int rc = RSMERR_INTERNAL_ERROR;

    if (rsmi_likely(
            atomic_load_explicit(&runtime_state, memory_order_acquire) ==
            RUNTIME_RUNNING)) {
        return RSM_SUCCESS;
    }
    rsmi_lock(&runtime_lock);
    switch (atomic_load(&runtime_state)) {
    case RUNTIME_NONE:
        rc = runtime_start();
        break;
    case RUNTIME_RUNNING:
        rc = RSM_SUCCESS;
        break;
    case RUNTIME_STOPPED:
    case RUNTIME_FORKED:
        break;
    }
    rsmi_unlock(&runtime_lock);
    return rc;
}
