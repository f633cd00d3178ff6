/* SPDX-License-Identifier: BSD-3-Clause */
#include "util/log.h"
#include "util/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* No line is longer, so that pipes keep lines of several processes apart. */
#define LOG_LINE_MAX 1024
#define LOG_HOST_MAX 64
#define LOG_NO_RANK  (-1)

/* How long a change of file waits for lines that are being written. */
#define LOG_SWITCH_MS 100

int rsmi_log_level = RSMI_LOG_WARN;

static atomic_int log_fd = STDERR_FILENO;
static atomic_int log_rank = LOG_NO_RANK;
static atomic_uint log_writers; /* threads that may be using log_fd */

static char log_host[LOG_HOST_MAX];
static atomic_bool log_host_is_known;

/* The path as given while it waits for the rank that its %r asks for. */
static char log_pending[PATH_MAX];

static const char *const log_level_names[] = {"error", "warn", "info", "debug",
                                              "trace"};

/* Several threads may do this at once: they all write the same bytes. */
static const char *log_get_host(void)
{
    char host[LOG_HOST_MAX] = "";

    if (!atomic_load_explicit(&log_host_is_known, memory_order_acquire)) {
        if ((gethostname(host, sizeof(host) - 1) != 0) || (host[0] == '\0')) {
            return "localhost";
        }
        host[strcspn(host, ".")] = '\0';
        memcpy(log_host, host, sizeof(host));
        atomic_store_explicit(&log_host_is_known, true, memory_order_release);
    }
    return log_host;
}

/* UTC, by hand: the C library's conversions take locks and may allocate. */
static int log_format_time(char *buffer, size_t size)
{
    struct timespec now;
    int64_t days, seconds, era_day, year, year_day, month;

    clock_gettime(CLOCK_REALTIME, &now);
    days = (int64_t)now.tv_sec / 86400 + 719468; /* since 1 March of year 0 */
    seconds = (int64_t)now.tv_sec % 86400;

    era_day = days % 146097; /* an era: 400 years, after which all repeats */
    year =
        (era_day - era_day / 1460 + era_day / 36524 - era_day / 146096) / 365;
    year_day = era_day - (365 * year + year / 4 - year / 100);
    month = (5 * year_day + 2) / 153; /* 0 is March */
    year += days / 146097 * 400 + (month >= 10);

    return snprintf(buffer, size, "%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ",
                    (int)year, (int)((month + 2) % 12 + 1),
                    (int)(year_day - (153 * month + 2) / 5 + 1),
                    (int)(seconds / 3600), (int)(seconds / 60 % 60),
                    (int)(seconds % 60), now.tv_nsec / 1000);
}

static size_t log_format_prefix(char *line, size_t size, rsmi_log_level_t level,
                                const char *component)
{
    int rank = atomic_load_explicit(&log_rank, memory_order_relaxed);
    char rank_text[12] = "-";
    char time_text[64];
    int len;

    (void)log_format_time(time_text, sizeof(time_text));
    if (rank != LOG_NO_RANK) {
        (void)snprintf(rank_text, sizeof(rank_text), "%d", rank);
    }

    len = snprintf(line, size, "%s %s %s %d %s %s: ", time_text, log_get_host(),
                   rank_text, (int)getpid(), log_level_names[level], component);
    if (len < 0) {
        return 0;
    }
    return ((size_t)len < size) ? (size_t)len : size - 1;
}

/* Text that came from elsewhere must not look like lines of ours. */
static void log_blank_controls(char *text)
{
    for (; *text != '\0'; text++) {
        if (((unsigned char)*text < ' ') || (*text == 0x7f)) {
            *text = ' ';
        }
    }
}

static void log_emit(const char *line, size_t len)
{
    ssize_t written;

    /* pairs with log_switch(): it changes log_fd first and looks for writers
     * afterwards, so either it sees us or we see the new descriptor */
    atomic_fetch_add(&log_writers, 1);
    do {
        written = write(atomic_load(&log_fd), line, len);
    } while ((written < 0) && (errno == EINTR));
    atomic_fetch_sub(&log_writers, 1);
}

void rsmi_log_write(rsmi_log_level_t level, const char *component,
                    const char *format, ...)
{
    static const char cut[] = "...";
    char line[LOG_LINE_MAX];
    int saved_errno = errno;
    size_t len;
    int message;
    va_list args;

    /* one byte is kept for the end of the line */
    len = log_format_prefix(line, sizeof(line) - 1, level, component);

    errno = saved_errno; /* for %m in the format */
    va_start(args, format);
    message = vsnprintf(line + len, sizeof(line) - 1 - len, format, args);
    va_end(args);

    if (message > 0) {
        log_blank_controls(line + len);
        len += (size_t)message;
        if (len > sizeof(line) - 2) {
            len = sizeof(line) - 2;
            memcpy(line + len - strlen(cut), cut, strlen(cut));
        }
    }
    line[len++] = '\n';
    log_emit(line, len);
    errno = saved_errno;
}

/* Send lines to @p fd from now on and close what they went to before. */
static void log_switch(int fd)
{
    int former = atomic_exchange(&log_fd, fd);
    rsmi_time_t deadline = rsmi_deadline_in_ms(LOG_SWITCH_MS);

    if ((former == STDERR_FILENO) || (former == fd)) {
        return;
    }

    while (atomic_load(&log_writers) != 0) {
        if (rsmi_deadline_passed(deadline)) {
            return; /* a blocked writer, or one that fork left behind */
        }
        (void)sched_yield();
    }
    (void)close(former);
}

/* Put values in place of %h, %p, %r. False when the result is too long. */
static bool log_expand(const char *pattern, char *path, size_t size)
{
    size_t len = 0;
    int part;

    for (; *pattern != '\0'; pattern++) {
        if (*pattern != '%') {
            part = snprintf(path + len, size - len, "%c", *pattern);
        } else {
            switch (*++pattern) {
            case 'h':
                part = snprintf(path + len, size - len, "%s", log_get_host());
                break;
            case 'p':
                part = snprintf(path + len, size - len, "%d", (int)getpid());
                break;
            case 'r':
                part = snprintf(path + len, size - len, "%d",
                                atomic_load(&log_rank));
                break;
            case '%':
                part = snprintf(path + len, size - len, "%%");
                break;
            default: /* no pattern of ours: as it stands */
                pattern--;
                part = snprintf(path + len, size - len, "%%");
                break;
            }
        }
        if ((part < 0) || ((size_t)part >= size - len)) {
            return false;
        }
        len += (size_t)part;
    }
    path[len] = '\0';
    return true;
}

static bool log_needs_rank(const char *pattern)
{
    for (; *pattern != '\0'; pattern++) {
        if (*pattern == '%') {
            if (pattern[1] == 'r') {
                return true;
            }
            pattern += (pattern[1] != '\0');
        }
    }
    return false;
}

static void log_open_file(const char *pattern)
{
    char path[PATH_MAX];
    int fd;

    if (!log_expand(pattern, path, sizeof(path))) {
        log_switch(STDERR_FILENO);
        rsmi_error("log", "log file path is too long: %s", pattern);
        return;
    }

    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
    if (fd < 0) {
        int open_errno = errno;

        log_switch(STDERR_FILENO);
        errno = open_errno;
        rsmi_error("log", "open of log file %s failed: %m", path);
        return;
    }
    log_switch(fd);
}

void rsmi_log_open(rsmi_log_level_t level, const char *path)
{
    if (rsmi_log_level != (int)level) {
        rsmi_log_level = (int)level; /* no store that other threads race with */
    }
    log_pending[0] = '\0';

    if ((path == NULL) || (path[0] == '\0')) {
        log_switch(STDERR_FILENO);
        return;
    }

    if ((atomic_load(&log_rank) == LOG_NO_RANK) && log_needs_rank(path) &&
        (strlen(path) < sizeof(log_pending))) {
        (void)strcpy(log_pending, path);
        log_switch(STDERR_FILENO);
        return;
    }
    log_open_file(path);
}

void rsmi_log_set_rank(int rank)
{
    atomic_store(&log_rank, rank);
    if ((rank != LOG_NO_RANK) && (log_pending[0] != '\0')) {
        log_open_file(log_pending);
        log_pending[0] = '\0';
    }
}

void rsmi_log_close(void)
{
    log_pending[0] = '\0';
    log_switch(STDERR_FILENO);
}
