/* SPDX-License-Identifier: BSD-3-Clause */
#include "util/help.h"
#include "util/compiler.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define HELP_BLOCK_MAX 4096
#define HELP_RULE                                                              \
    "------------------------------------------------------------------------" \
    "--\n"

typedef struct {
    const char *topic;
    int number;
    const char *text;
} help_entry_t;

static const help_entry_t help_table[RSMI_HELP_TOPICS] = {
#define RSMI_HELP(topic, number, text) {#topic, number, text},
#include "util/help.def"
#undef RSMI_HELP
};

static atomic_flag help_is_said[RSMI_HELP_TOPICS]; /* zero: clear */
static atomic_bool help_is_speaker = true;

void rsmi_help_set_speaker(int is_speaker)
{
    atomic_store(&help_is_speaker, is_speaker != 0);
}

/* What one process runs out of says nothing about the others; all else they
 * would say alike. */
static bool help_is_of_one_process(rsmi_help_t topic)
{
    return (topic == RSMI_HELP_SHM_FULL) || (topic == RSMI_HELP_NO_DESCRIPTORS);
}

/* Bytes that snprintf really stored. */
static size_t help_stored(int len, size_t room)
{
    if (len < 0) {
        return 0;
    }
    return ((size_t)len < room) ? (size_t)len : room - 1;
}

void rsmi_help(rsmi_help_t topic, ...)
{
    const help_entry_t *entry = &help_table[topic];
    char block[HELP_BLOCK_MAX];
    /* the end of the block has its place even when a value is very long */
    size_t room = sizeof(block) - sizeof("\n" HELP_RULE);
    int saved_errno = errno;
    ssize_t written;
    size_t len;
    va_list args;

    if ((!atomic_load(&help_is_speaker) && !help_is_of_one_process(topic)) ||
        atomic_flag_test_and_set(&help_is_said[topic])) {
        return;
    }

    len = help_stored(snprintf(block, room,
                               HELP_RULE "librsm message %d, %s:\n\n",
                               entry->number, entry->topic),
                      room);
    va_start(args, topic);
    len += help_stored(vsnprintf(block + len, room - len, entry->text, args),
                       room - len);
    va_end(args);
    len +=
        help_stored(snprintf(block + len, sizeof(block) - len, "\n" HELP_RULE),
                    sizeof(block) - len);

    /* one call, so that blocks of several processes do not mix */
    do {
        written = write(STDERR_FILENO, block, len);
    } while ((written < 0) && (errno == EINTR));
    errno = saved_errno;
}
