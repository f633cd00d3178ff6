/* SPDX-License-Identifier: BSD-3-Clause */
#include "host.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAMED_MAX 8 /* processes that are named one by one */

_Static_assert(BENCH_PROCESSORS_MAX <= CPU_SETSIZE, "all are asked for");

unsigned int bench_launched_rank(void)
{
    const char *rank = getenv("PMIX_RANK");

    if (rank == NULL) {
        rank = getenv("PMI_RANK"); /* MPICH */
    }
    return (rank != NULL) ? (unsigned int)strtoul(rank, NULL, 10) : 0;
}

void bench_pin(int core)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(core, &set);
    (void)sched_setaffinity(0, sizeof(set), &set);
}

void bench_host_self(bench_host_t *host, size_t threads)
{
    cpu_set_t set;
    int i;

    memset(host, 0, sizeof(*host));
    host->threads = threads;
    (void)gethostname(host->name, sizeof(host->name) - 1);
    CPU_ZERO(&set);
    (void)sched_getaffinity(0, sizeof(set), &set);
    for (i = 0; i < BENCH_PROCESSORS_MAX; ++i) {
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

static bool is_same_host(const bench_host_t *one, const bench_host_t *other)
{
    return strcmp(one->name, other->name) == 0;
}

/* @p one may run nowhere else than @p place does. */
static bool is_within(const bench_host_t *one, const bench_host_t *place)
{
    size_t i;

    for (i = 0; i < BENCH_PROCESSORS_MAX / 64; ++i) {
        if ((one->processors[i] & ~place->processors[i]) != 0) {
            return false;
        }
    }
    return is_same_host(one, place);
}

/* Makes @p place all processors of processes on its host. */
static void widen(const bench_host_t *hosts, size_t count, bench_host_t *place)
{
    size_t i, j;

    for (i = 0; i < count; ++i) {
        for (j = 0; j < BENCH_PROCESSORS_MAX / 64; ++j) {
            if (is_same_host(&hosts[i], place)) {
                place->processors[j] |= hosts[i].processors[j];
            }
        }
    }
}

/* Counts in @p place the threads that have to run there; whether they are too
 * many. */
static bool is_crowd(const bench_host_t *hosts, size_t count,
                     bench_host_t *place)
{
    size_t i;

    place->threads = 0;
    for (i = 0; i < count; ++i) {
        place->threads += is_within(&hosts[i], place) ? hosts[i].threads : 0;
    }
    return place->threads > processor_count(place);
}

/* Where it is crowded: on all processors of a host, or on those of one
 * process. */
static bool find_crowd(const bench_host_t *hosts, size_t count,
                       bench_host_t *place)
{
    size_t i;

    for (i = 0; i < count; ++i) {
        *place = hosts[i];
        widen(hosts, count, place);
        if (is_crowd(hosts, count, place)) {
            return true;
        }
        *place = hosts[i];
        if (is_crowd(hosts, count, place)) {
            return true;
        }
    }
    return false;
}

bool bench_host_is_crowded(const bench_host_t *hosts, size_t count)
{
    bench_host_t place;

    return find_crowd(hosts, count, &place);
}

bool bench_host_is_one(const bench_host_t *hosts, size_t count)
{
    size_t i;

    for (i = 1; i < count; ++i) {
        if (!is_same_host(&hosts[i], &hosts[0])) {
            return false;
        }
    }
    return true;
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

size_t bench_host_notes(const bench_host_t *hosts, size_t count,
                        bench_note_t *notes)
{
    bench_host_t place;
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
    if (find_crowd(hosts, count, &place)) {
        bench_note_t *note = &notes[used++];

        *note =
            (bench_note_t){.title = "Oversubscribed", .key = "oversubscribed"};
        append(note, "%zu threads share ", (size_t)place.threads);
        append_processors(note, &place);
    }
    return used;
}
