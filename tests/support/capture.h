/* SPDX-License-Identifier: BSD-3-Clause */
/* What a test writes to standard error, for the test to look at. The
 * descriptor is exchanged, not the stream: the library writes to the former. */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CAPTURE_MAX 65536

typedef struct {
    int saved_fd;
    int memory_fd;
    char text[CAPTURE_MAX];
} capture_t;

static inline void capture_begin(capture_t *capture)
{
    capture->saved_fd = dup(STDERR_FILENO);
    capture->memory_fd = memfd_create("capture", MFD_CLOEXEC);
    (void)dup2(capture->memory_fd, STDERR_FILENO);
}

/* What was written since the beginning. */
static inline const char *capture_end(capture_t *capture)
{
    ssize_t len;

    (void)dup2(capture->saved_fd, STDERR_FILENO);
    (void)close(capture->saved_fd);
    len = pread(capture->memory_fd, capture->text, CAPTURE_MAX - 1, 0);
    capture->text[(len > 0) ? len : 0] = '\0';
    (void)close(capture->memory_fd);
    return capture->text;
}

/* How often @p part occurs in @p text. */
static inline size_t capture_count(const char *text, const char *part)
{
    size_t count = 0;

    for (text = strstr(text, part); text != NULL;
         text = strstr(text + strlen(part), part)) {
        count++;
    }
    return count;
}

#endif
