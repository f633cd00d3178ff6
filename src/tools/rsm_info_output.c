/* SPDX-License-Identifier: BSD-3-Clause */
/* Text for people, JSON for programs. */
#include "rsm_info.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define OUTPUT_KEY_WIDTH 26
#define OUTPUT_VALUE_MAX 4096
#define OUTPUT_WIDTH     79

void info_open(info_t *info, FILE *stream, bool is_json)
{
    memset(info, 0, sizeof(*info));
    info->stream = stream;
    info->is_json = is_json;
    if (is_json) {
        (void)fputc('{', stream);
        info->indent = 1;
    }
}

bool info_close(info_t *info)
{
    if (info->is_json) {
        (void)fputs("\n}\n", info->stream);
    }
    return (fflush(info->stream) == 0) && !ferror(info->stream);
}

/* How many bytes the UTF-8 letter at @p text has; 0 when it is none. */
static size_t output_letter(const char *text)
{
    const unsigned char *byte = (const unsigned char *)text;
    size_t len, idx;

    if (byte[0] < 0x80) {
        return 1;
    }
    if ((byte[0] < 0xc2) || (byte[0] > 0xf4)) {
        return 0;
    }
    len = (byte[0] < 0xe0) ? 2 : (byte[0] < 0xf0) ? 3 : 4;
    for (idx = 1; idx < len; idx++) {
        if ((byte[idx] & 0xc0) != 0x80) {
            return 0;
        }
    }
    /* too long for their number, surrogates, and beyond the last letter */
    if (((byte[0] == 0xe0) && (byte[1] < 0xa0)) ||
        ((byte[0] == 0xed) && (byte[1] > 0x9f)) ||
        ((byte[0] == 0xf0) && (byte[1] < 0x90)) ||
        ((byte[0] == 0xf4) && (byte[1] > 0x8f))) {
        return 0;
    }
    return len;
}

/* Variables may hold any bytes; JSON may not. */
static void output_string(FILE *stream, const char *text)
{
    size_t len;

    (void)fputc('"', stream);
    for (; *text != '\0'; text += (len != 0) ? len : 1) {
        len = output_letter(text);
        if (len == 0) {
            (void)fputs("\\ufffd", stream);
        } else if ((*text == '"') || (*text == '\\')) {
            (void)fprintf(stream, "\\%c", *text);
        } else if ((len == 1) &&
                   (((unsigned char)*text < ' ') || (*text == 0x7f))) {
            (void)fprintf(stream, "\\u%04x", (unsigned)*text);
        } else {
            (void)fwrite(text, 1, len, stream);
        }
    }
    (void)fputc('"', stream);
}

/* Everything that stands before a value. */
static void output_key(info_t *info, const char *key)
{
    int depth = info->depth;

    if (!info->is_json) {
        (void)fprintf(info->stream, "%*s%-*s ", 2 * info->indent, "",
                      OUTPUT_KEY_WIDTH - 2 * info->indent, key);
        return;
    }

    (void)fprintf(info->stream, "%s\n%*s", info->has_member[depth] ? "," : "",
                  2 * info->indent, "");
    info->has_member[depth] = true;
    if (!info->is_list[depth]) {
        output_string(info->stream, key);
        (void)fputs(": ", info->stream);
    }
}

static void output_begin(info_t *info, const char *key, const char *title,
                         bool is_list)
{
    bool is_indented = info->is_json || (title != NULL);

    if (info->is_json) {
        output_key(info, key);
        (void)fputc(is_list ? '[' : '{', info->stream);
    } else if (title != NULL) {
        (void)fprintf(info->stream, "%*s%s\n", 2 * info->indent, "", title);
    }

    info->depth++;
    assert(info->depth < INFO_DEPTH_MAX);
    info->indent += is_indented;
    info->is_indented[info->depth] = is_indented;
    info->has_member[info->depth] = false;
    info->is_list[info->depth] = is_list;
}

void info_begin(info_t *info, const char *key, const char *title)
{
    output_begin(info, key, title, false);
}

void info_begin_list(info_t *info, const char *key, const char *title)
{
    output_begin(info, key, title, true);
}

void info_end(info_t *info)
{
    int depth = info->depth--;

    info->indent -= info->is_indented[depth];
    if (!info->is_json) {
        return;
    }
    if (info->has_member[depth]) {
        (void)fprintf(info->stream, "\n%*s", 2 * info->indent, "");
    }
    (void)fputc(info->is_list[depth] ? ']' : '}', info->stream);
}

void info_text(info_t *info, const char *key, const char *format, ...)
{
    char value[OUTPUT_VALUE_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(value, sizeof(value), format, args);
    va_end(args);

    output_key(info, key);
    if (info->is_json) {
        output_string(info->stream, value);
    } else {
        (void)fprintf(info->stream, "%s\n", value);
    }
}

void info_number(info_t *info, const char *key, uint64_t value)
{
    output_key(info, key);
    (void)fprintf(info->stream, "%" PRIu64 "%s", value,
                  info->is_json ? "" : "\n");
}

void info_flag(info_t *info, const char *key, bool value)
{
    output_key(info, key);
    if (info->is_json) {
        (void)fputs(value ? "true" : "false", info->stream);
    } else {
        (void)fputs(value ? "yes\n" : "no\n", info->stream);
    }
}

void info_wrap(info_t *info, int column, const char *format, ...)
{
    char text[OUTPUT_VALUE_MAX];
    const char *word = text;
    int at = column;
    va_list args;
    int len;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    for (; *word != '\0'; word += len) {
        word += strspn(word, " ");
        len = (int)strcspn(word, " ");
        if ((at > column) && (at + 1 + len > OUTPUT_WIDTH)) {
            (void)fprintf(info->stream, "\n%*s", column, "");
            at = column;
        } else if (at > column) {
            (void)fputc(' ', info->stream);
            at++;
        }
        (void)fwrite(word, 1, (size_t)len, info->stream);
        at += len;
    }
    (void)fputc('\n', info->stream);
}

void info_format_bytes(char *buffer, size_t size, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB",
                                        "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t idx = 0;

    if (bytes < 1024) {
        (void)snprintf(buffer, size, "%" PRIu64 " bytes", bytes);
        return;
    }
    for (value /= 1024; value >= 1024; value /= 1024) {
        idx++;
    }
    (void)snprintf(buffer, size, "%.1f %s", value, units[idx]);
}

void info_bytes(info_t *info, const char *key, uint64_t bytes)
{
    char text[32];

    if (info->is_json) {
        info_number(info, key, bytes);
        return;
    }
    info_format_bytes(text, sizeof(text), bytes);
    info_text(info, key, "%s", text);
}

void info_measure(info_t *info, const char *key, double value, const char *unit)
{
    output_key(info, key);
    if (info->is_json) {
        (void)fprintf(info->stream, "%.3f", value);
    } else {
        (void)fprintf(info->stream, "%.2f %s\n", value, unit);
    }
}
