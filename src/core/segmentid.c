/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/segmentid.h"

#include "util/log.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SEGMENTID_FIELDS 4

/* A whole number that fits; nothing behind it. */
static bool segmentid_number(const char *text, int base, uint32_t *value_p)
{
    unsigned long long value;
    char *end;

    if (!isxdigit((unsigned char)text[0])) {
        return false; /* no sign, no blank */
    }
    errno = 0;
    value = strtoull(text, &end, base);
    if ((errno != 0) || (*end != '\0') || (value > UINT32_MAX)) {
        return false;
    }
    *value_p = (uint32_t)value;
    return true;
}

/* keyword appid baseid length */
static int segmentid_line(char *line, const char *appid,
                          rsm_memseg_id_t *base_p, uint32_t *length_p)
{
    char *fields[SEGMENTID_FIELDS], *state = NULL;
    uint32_t base, length;
    size_t idx;

    for (idx = 0; idx < SEGMENTID_FIELDS; ++idx) {
        fields[idx] = strtok_r((idx == 0) ? line : NULL, " \t\r\n", &state);
        if (fields[idx] == NULL) {
            return RSMERR_BAD_CONF;
        }
    }
    if (strcasecmp(fields[1], appid) != 0) {
        return RSMERR_BAD_APPID; /* so far */
    }
    if ((strcasecmp(fields[0], "reserved") != 0) &&
        (strcasecmp(fields[0], "reserve") != 0)) {
        return RSMERR_BAD_CONF;
    }
    if (!segmentid_number(fields[2], 16, &base) ||
        !segmentid_number(fields[3], 10, &length)) {
        return RSMERR_BAD_CONF;
    }
    *base_p = base;
    *length_p = length;
    return RSM_SUCCESS;
}

int rsmi_segmentid_find(const char *path, const char *appid,
                        rsm_memseg_id_t *base_p, uint32_t *length_p)
{
    int rc = RSMERR_BAD_APPID;
    char *line = NULL;
    size_t room = 0;
    unsigned number = 0;
    FILE *file;

    file = fopen(path, "re");
    if (file == NULL) {
        rsmi_debug("core", "opening %s: %s", path, strerror(errno));
        return RSMERR_BAD_CONF;
    }
    errno = 0;
    while ((rc == RSMERR_BAD_APPID) && (getline(&line, &room, file) >= 0)) {
        ++number;
        if (line[strspn(line, " \t")] != '#') {
            rc = segmentid_line(line, appid, base_p, length_p);
        }
    }
    if ((rc == RSMERR_BAD_APPID) && ferror(file)) {
        rc = RSMERR_BAD_CONF; /* a folder, for instance */
    }
    if (rc == RSMERR_BAD_CONF) {
        rsmi_warn("core", "%s cannot be used from line %u on", path, number);
    }
    free(line);
    (void)fclose(file);
    return rc;
}
