/* SPDX-License-Identifier: BSD-3-Clause */
/* The physics of heat in a square plate: the same for one node and for many,
 * and for every library that connects them. */
#ifndef EXAMPLE_PLATE_H
#define EXAMPLE_PLATE_H

#include <stddef.h>
#include <string.h>

#define CONDUCTION 0.24 /* below 0.25 the explicit scheme is stable */

/* The state at the beginning: the upper edge is held hot, a warm disc lies
 * in the middle, the rest is cold. */
static inline double initial_heat(size_t size, size_t row, size_t column)
{
    double centre = (double)(size - 1) / 2.0;
    double dy = (double)row - centre;
    double dx = (double)column - centre;

    if (row == 0) {
        return 1.0;
    }
    return (dx * dx + dy * dy < centre * centre / 16.0) ? 0.9 : 0.0;
}

/* Rows `first` to `first + count - 1` of the plate; a halo row that lies
 * outside the plate is never read. */
static inline void fill_rows(double *rows, size_t size, size_t first,
                             size_t count)
{
    size_t i, j;

    for (i = 0; i < count; ++i) {
        for (j = 0; j < size; ++j) {
            rows[i * size + j] = initial_heat(size, first + i, j);
        }
    }
}

/* One step for one row. Both the parallel and the serial run come through
 * here, so that they agree to the last bit. */
static inline void step_row(double *to, const double *above, const double *here,
                            const double *below, size_t size)
{
    size_t j;

    to[0] = here[0];
    for (j = 1; j + 1 < size; ++j) {
        to[j] = here[j] + CONDUCTION * (above[j] + below[j] + here[j - 1] +
                                        here[j + 1] - 4.0 * here[j]);
    }
    to[size - 1] = here[size - 1];
}

/* One step for `count` rows that lie in the plate from row `first` on;
 * `from` and `to` point at the first of them. */
static inline void step_rows(double *to, const double *from, size_t size,
                             size_t first, size_t count)
{
    size_t i;

    for (i = 0; i < count; ++i) {
        double *row = to + i * size;
        const double *here = from + i * size;

        if ((first + i == 0) || (first + i == size - 1)) {
            memcpy(row, here, size * sizeof(*row));
        } else {
            step_row(row, here - size, here, here + size, size);
        }
    }
}

#endif
