/* SPDX-License-Identifier: BSD-3-Clause */
#include "number.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool bench_number_read(const char **text, size_t *number_p)
{
    static const char units[] = "kmg";
    unsigned long long number;
    const char *unit;
    char *end;
    unsigned int shift = 0;

    if ((**text < '0') || (**text > '9')) {
        return false;
    }
    errno = 0;
    number = strtoull(*text, &end, 10);
    unit = (*end == '\0') ? NULL : strchr(units, *end | 0x20);
    if (unit != NULL) {
        shift = 10 * (unsigned int)(unit - units + 1);
        ++end;
    }
    if ((errno != 0) || (number > (SIZE_MAX >> shift))) {
        return false;
    }
    *text = end;
    *number_p = (size_t)number << shift;
    return true;
}
