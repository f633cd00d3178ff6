/* SPDX-License-Identifier: BSD-3-Clause */
#include "util/nearest.h"

#include <ctype.h>
#include <string.h>

/* Longer words are nobody's spelling mistake. */
#define NEAREST_LONGEST 63

static size_t nearest_least(size_t a, size_t b)
{
    return (a < b) ? a : b;
}

static int nearest_fold(char letter)
{
    return tolower((unsigned char)letter);
}

/* Edit distance with swaps of neighbours (optimal string alignment), three
 * rows of the table at a time. */
static size_t nearest_distance(const char *a, const char *b)
{
    size_t rows[3][NEAREST_LONGEST + 1];
    size_t *above2 = rows[0];
    size_t *above = rows[1];
    size_t *row = rows[2];
    size_t b_len = strlen(b);
    size_t i, j, best;
    size_t *spare;

    for (j = 0; j <= b_len; j++) {
        above[j] = j;
    }

    for (i = 1; a[i - 1] != '\0'; i++) {
        row[0] = i;
        for (j = 1; j <= b_len; j++) {
            best = above[j - 1] +
                   (nearest_fold(a[i - 1]) != nearest_fold(b[j - 1]));
            best = nearest_least(best, above[j] + 1);
            best = nearest_least(best, row[j - 1] + 1);
            if ((i > 1) && (j > 1) &&
                (nearest_fold(a[i - 1]) == nearest_fold(b[j - 2])) &&
                (nearest_fold(a[i - 2]) == nearest_fold(b[j - 1]))) {
                best = nearest_least(best, above2[j - 2] + 1);
            }
            row[j] = best;
        }
        spare = above2;
        above2 = above;
        above = row;
        row = spare;
    }

    return above[b_len];
}

const char *rsmi_nearest(const char *word, const char *const *names,
                         size_t count)
{
    const char *nearest = NULL;
    size_t least = NEAREST_LONGEST;
    size_t distance, idx;

    if (strlen(word) > NEAREST_LONGEST) {
        return NULL;
    }

    for (idx = 0; idx < count; idx++) {
        if (strlen(names[idx]) > NEAREST_LONGEST) {
            continue;
        }
        distance = nearest_distance(word, names[idx]);
        if (distance < least) {
            least = distance;
            nearest = names[idx];
        }
    }

    if ((nearest == NULL) || (least * 3 > strlen(nearest))) {
        return NULL;
    }
    return nearest;
}
