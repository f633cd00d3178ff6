/* SPDX-License-Identifier: BSD-3-Clause */
/* Paints a square field of numbers from 0 to 1 as a PNG picture, without any
 * library: the pixels are stored as they are, inside the frame that the
 * format's compression demands. */
#ifndef EXAMPLE_PICTURE_H
#define EXAMPLE_PICTURE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PNG_STORED_MAX 65535u /* bytes in one uncompressed block */

typedef struct {
    FILE *file;
    uint32_t crc;   /* of the chunk being written */
    uint32_t sum_a; /* Adler-32 of the pixels */
    uint32_t sum_b;
} png_t;

static inline void png_bytes(png_t *png, const void *data, size_t length)
{
    const uint8_t *byte = data;
    size_t i;
    int bit;

    for (i = 0; i < length; ++i) {
        png->crc ^= byte[i];
        for (bit = 0; bit < 8; ++bit) {
            png->crc = (png->crc >> 1) ^ (0xedb88320u & -(png->crc & 1u));
        }
    }
    fwrite(data, 1, length, png->file);
}

static inline void png_number(png_t *png, uint32_t value)
{
    uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16),
                        (uint8_t)(value >> 8), (uint8_t)value};

    png_bytes(png, bytes, sizeof(bytes));
}

static inline void png_begin(png_t *png, const char *type, uint32_t length)
{
    png_number(png, length);
    png->crc = 0xffffffffu; /* covers type and contents, not the length */
    png_bytes(png, type, 4);
}

static inline void png_end(png_t *png)
{
    png_number(png, ~png->crc);
}

static inline void png_adler(png_t *png, const uint8_t *data, size_t length)
{
    size_t i;

    for (i = 0; i < length; ++i) {
        png->sum_a = (png->sum_a + data[i]) % 65521u;
        png->sum_b = (png->sum_b + png->sum_a) % 65521u;
    }
}

/* One stored block: last or not, length, its complement, the bytes. */
static inline void png_block(png_t *png, const uint8_t *data, size_t length,
                             int is_last)
{
    uint8_t head[5] = {(uint8_t)(is_last != 0), (uint8_t)length,
                       (uint8_t)(length >> 8), (uint8_t)~length,
                       (uint8_t)(~length >> 8)};

    png_bytes(png, head, sizeof(head));
    png_bytes(png, data, length);
    png_adler(png, data, length);
}

/* `lines` holds `height` lines of 1 + 3 * `width` bytes: a zero, then red,
 * green and blue of each pixel. 0 when the file was written. */
static inline int png_write(const char *path, const uint8_t *lines,
                            uint32_t width, uint32_t height)
{
    static const uint8_t signature[8] = {0x89, 'P',  'N',  'G',
                                         '\r', '\n', 0x1a, '\n'};
    static const uint8_t format[5] = {8, 2, 0, 0, 0}; /* 8 bits, RGB */
    static const uint8_t zlib_head[2] = {0x78, 0x01};
    size_t size = (size_t)height * (1 + 3 * (size_t)width);
    size_t blocks = (size + PNG_STORED_MAX - 1) / PNG_STORED_MAX;
    png_t png = {.sum_a = 1};
    size_t done;
    int is_bad;

    png.file = fopen(path, "wb");
    if (png.file == NULL) {
        return -1;
    }

    fwrite(signature, 1, sizeof(signature), png.file);
    png_begin(&png, "IHDR", 13);
    png_number(&png, width);
    png_number(&png, height);
    png_bytes(&png, format, sizeof(format));
    png_end(&png);

    png_begin(&png, "IDAT", (uint32_t)(2 + 5 * blocks + size + 4));
    png_bytes(&png, zlib_head, sizeof(zlib_head));
    for (done = 0; done < size; done += PNG_STORED_MAX) {
        size_t rest = size - done;

        png_block(&png, lines + done,
                  (rest < PNG_STORED_MAX) ? rest : PNG_STORED_MAX,
                  rest <= PNG_STORED_MAX);
    }
    png_number(&png, (png.sum_b << 16) | png.sum_a);
    png_end(&png);

    png_begin(&png, "IEND", 0);
    png_end(&png);

    is_bad = ferror(png.file);
    return ((fclose(png.file) != 0) || is_bad) ? -1 : 0;
}

/* Black, red, yellow, white. */
static inline uint8_t picture_shade(double value, double from)
{
    double shade = (3.0 * value - from) * 255.0;

    return (uint8_t)((shade < 0.0) ? 0.0 : (shade > 255.0) ? 255.0 : shade);
}

/* 0 when the file was written, else -1 with errno set. */
static inline int picture_write(const char *path, const double *field,
                                size_t size)
{
    uint8_t *lines = malloc(size * (1 + 3 * size));
    uint8_t *to = lines;
    size_t i, j;
    int rc;

    if (lines == NULL) {
        return -1;
    }
    for (i = 0; i < size; ++i) {
        *to++ = 0; /* this line is not filtered */
        for (j = 0; j < size; ++j) {
            *to++ = picture_shade(field[i * size + j], 0.0);
            *to++ = picture_shade(field[i * size + j], 1.0);
            *to++ = picture_shade(field[i * size + j], 2.0);
        }
    }

    rc = png_write(path, lines, (uint32_t)size, (uint32_t)size);
    free(lines);
    return rc;
}

#endif
