/* SPDX-License-Identifier: BSD-3-Clause */
#include "host.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAMED_MAX 8 /* processes that are named one by one */

void bench_host_self(bench_host_t *host)
{
    cpu_set_t set;
    int i;

    memset(host, 0, sizeof(*host));
    (void)gethostname(host->name, sizeof(host->name) - 1);
    CPU_ZERO(&set);
    (void)sched_getaffinity(0, sizeof(set), &set);
    for (i = 0; (i < CPU_SETSIZE) && (i < BENCH_PROCESSORS_MAX); ++i) {
        if (CPU_ISSET(i, &set)) {
            host->processors[i / 64] |= (uint64_t)1 << (i % 64);
        }
    }
}

static bool may_run_on(const bench_host_t *host, int processor)
{
    return ((host->processors[processor / 64] >> (processor % 64)) & 1) != 0;
}

static size_t processor_count(const bench_host_t *host)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < BENCH_PROCESSORS_MAX / 64; ++i) {
        count += (size_t)__builtin_popcountll(host->processors[i]);
    }
    return count;
}

/* ---- crowds ---- */

/* The processes on the host of number @p first, and what they run on
 * together. */
static size_t gather(const bench_host_t *hosts, size_t count, size_t first,
                     bench_host_t *all)
{
    size_t processes = 0;
    size_t i, j;

    *all = hosts[first];
    for (i = 0; i < count; ++i) {
        if (strcmp(hosts[i].name, all->name) != 0) {
            continue;
        }
        ++processes;
        for (j = 0; j < BENCH_PROCESSORS_MAX / 64; ++j) {
            all->processors[j] |= hosts[i].processors[j];
        }
    }
    return processes;
}

/* The number of a process on the most crowded host, or @p count. */
static size_t find_crowd(const bench_host_t *hosts, size_t count,
                         size_t threads)
{
    size_t i;

    for (i = 0; i < count; ++i) {
        bench_host_t all;
        size_t processes = gather(hosts, count, i, &all);

        if (processes * threads > processor_count(&all)) {
            return i;
        }
    }
    return count;
}

bool bench_host_is_crowded(const bench_host_t *hosts, size_t count,
                           size_t threads)
{
    return find_crowd(hosts, count, threads) < count;
}

bool bench_host_is_one(const bench_host_t *hosts, size_t count)
{
    bench_host_t all;

    return gather(hosts, count, 0, &all) == count;
}

/* ---- lines ---- */

__attribute__((format(printf, 2, 3))) static void append(bench_note_t *note,
                                                         const char *format,
                                                         ...)
{
    size_t used = strlen(note->text);
    va_list args;

    va_start(args, format);
    vsnprintf(note->text + used, sizeof(note->text) - used, format, args);
    va_end(args);
}

/* "processor 3", "processors 0-1,4". */
static void append_processors(bench_note_t *note, const bench_host_t *host)
{
    const char *between = "";
    int i = 0;

    append(note, (processor_count(host) == 1) ? "processor " : "processors ");
    while (i < BENCH_PROCESSORS_MAX) {
        int first = i;

        while ((i < BENCH_PROCESSORS_MAX) && may_run_on(host, i)) {
            ++i;
        }
        if (i > first) {
            append(note, "%s%d", between, first);
            between = ",";
        }
        if (i > first + 1) {
            append(note, "-%d", i - 1);
        }
        ++i;
    }
}

static bool are_all_alike(const bench_host_t *hosts, size_t count)
{
    size_t i;

    for (i = 1; i < count; ++i) {
        if (memcmp(hosts[i].processors, hosts[0].processors,
                   sizeof(hosts[0].processors)) != 0) {
            return false;
        }
    }
    return true;
}

static void note_pinning(const bench_host_t *hosts, size_t count,
                         bench_note_t *note)
{
    size_t i;

    *note = (bench_note_t){.title = "Pinned", .key = "pinned"};
    if (are_all_alike(hosts, count)) {
        append(note, (processor_count(&hosts[0]) > 1) ? "no, all may run on "
                                                      : "all to ");
        append_processors(note, &hosts[0]);
        return;
    }
    for (i = 0; (i < count) && (i < NAMED_MAX); ++i) {
        append(note, "%s%zu to ", (i > 0) ? ", " : "", i);
        append_processors(note, &hosts[i]);
    }
    if (count > NAMED_MAX) {
        append(note, ", ...");
    }
}

size_t bench_host_notes(const bench_host_t *hosts, size_t count, size_t threads,
                        bench_note_t *notes)
{
    size_t crowd = find_crowd(hosts, count, threads);
    size_t used = 0;
    size_t i;

    if (!bench_host_is_one(hosts, count)) {
        bench_note_t *note = &notes[used++];

        *note = (bench_note_t){.title = "Hosts", .key = "hosts"};
        for (i = 0; (i < count) && (i < NAMED_MAX); ++i) {
            append(note, "%s%zu on %s", (i > 0) ? ", " : "", i, hosts[i].name);
        }
    }
    note_pinning(hosts, count, &notes[used++]);
    if (crowd < count) {
        bench_note_t *note = &notes[used++];
        bench_host_t all;
        size_t processes = gather(hosts, count, crowd, &all);

        *note =
            (bench_note_t){.title = "Oversubscribed", .key = "oversubscribed"};
        append(note, "%zu processes", processes);
        if (threads > 1) {
            append(note, " of %zu threads", threads);
        }
        append(note, " share %zu processor%s", processor_count(&all),
               (processor_count(&all) == 1) ? "" : "s");
    }
    return used;
}
