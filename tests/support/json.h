/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether a text is JSON (RFC 8259), for tests of programs that print it. Each
 * function takes a position and returns the one after what it has read, or
 * NULL when that is malformed. */
#ifndef JSON_H
#define JSON_H

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static inline const char *json_value(const char *at, int depth);

static inline const char *json_space(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

static inline const char *json_string(const char *at)
{
    int digit;

    if (*at++ != '"') {
        return NULL;
    }
    for (; *at != '"'; at++) {
        if ((unsigned char)*at < ' ') {
            return NULL;
        }
        if (*at != '\\') {
            continue;
        }
        at++;
        if (*at == 'u') {
            for (digit = 0; digit < 4; digit++) {
                if (!isxdigit((unsigned char)*++at)) {
                    return NULL;
                }
            }
        } else if ((*at == '\0') || (strchr("\"\\/bfnrt", *at) == NULL)) {
            return NULL;
        }
    }
    return at + 1;
}

static inline const char *json_digits(const char *at)
{
    size_t len = (at != NULL) ? strspn(at, "0123456789") : 0;

    return (len > 0) ? at + len : NULL;
}

static inline const char *json_number(const char *at)
{
    at += (*at == '-');
    at = (*at == '0') ? at + 1 : json_digits(at);
    if ((at != NULL) && (*at == '.')) {
        at = json_digits(at + 1);
    }
    if ((at != NULL) && ((*at == 'e') || (*at == 'E'))) {
        at++;
        at = json_digits(at + ((*at == '+') || (*at == '-')));
    }
    return at;
}

/* An object or a list; @p at is at its first bracket. */
static inline const char *json_group(const char *at, int depth)
{
    bool is_object = (*at == '{');
    char end = is_object ? '}' : ']';

    at = json_space(at + 1);
    if (*at == end) {
        return at + 1;
    }
    for (;; at++) {
        if (is_object) {
            at = json_string(json_space(at));
            if ((at == NULL) || (*(at = json_space(at)) != ':')) {
                return NULL;
            }
            at++;
        }
        at = json_value(at, depth + 1);
        if (at == NULL) {
            return NULL;
        }
        if (*at == end) {
            return at + 1;
        }
        if (*at != ',') {
            return NULL;
        }
    }
}

static inline const char *json_value(const char *at, int depth)
{
    static const char *const words[] = {"true", "false", "null"};
    size_t idx;

    at = json_space(at);
    if (depth > 64) {
        return NULL;
    }
    for (idx = 0; idx < 3; idx++) {
        if (strncmp(at, words[idx], strlen(words[idx])) == 0) {
            return json_space(at + strlen(words[idx]));
        }
    }
    if ((*at == '{') || (*at == '[')) {
        at = json_group(at, depth);
    } else if (*at == '"') {
        at = json_string(at);
    } else {
        at = json_number(at);
    }
    return (at != NULL) ? json_space(at) : NULL;
}

static inline bool json_is_valid(const char *text)
{
    const char *end = json_value(text, 0);

    return (end != NULL) && (*end == '\0');
}

#endif
