/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/headers.h"

#include <ctype.h>

/* A line's value if the line has this name; else false. */
static bool value_of(struct slice line, struct slice name, struct slice *value)
{
    if (line.len <= name.len || line.at[name.len] != ':' ||
        !slice_equal_nocase(slice_to(line, name.len), name))
        return false;
    *value = slice_trim(slice_from(line, name.len + 1));
    return true;
}

bool header_find(struct slice *head, struct slice name, struct slice *value)
{
    while (head->len) {
        const char *end = memchr(head->at, '\n', head->len);
        struct slice line = end ? slice_to(*head, (size_t)(end - head->at)) : *head;
        *head = slice_from(*head, line.len + (end ? 1 : 0));
        if (value_of(line, name, value))
            return true;
    }
    return false;
}

static void skip_spaces(struct slice *rest)
{
    while (rest->len && (rest->at[0] == ' ' || rest->at[0] == '\t'))
        *rest = slice_from(*rest, 1);
}

/* Cuts off one byte if it is this one. */
static bool take(struct slice *rest, char wanted)
{
    skip_spaces(rest);
    if (!rest->len || rest->at[0] != wanted)
        return false;
    *rest = slice_from(*rest, 1);
    return true;
}

/* Cuts off a token (RFC 9110, 5.6.2), perhaps an empty one. */
static struct slice take_token(struct slice *rest)
{
    size_t n = 0;

    skip_spaces(rest);
    while (n < rest->len &&
           (isalnum((unsigned char)rest->at[n]) || memchr("!#$%&'*+-.^_`|~", rest->at[n], 15)))
        n++;
    struct slice token = slice_to(*rest, n);
    *rest = slice_from(*rest, n);
    return token;
}

/* Cuts off a token or a quoted string (5.6.4), unquoted, NUL-terminated; false if too long. */
static bool take_value(struct slice *rest, char *value, size_t size)
{
    size_t n = 0;

    if (!take(rest, '"')) {
        struct slice token = take_token(rest);
        n = token.len < size ? token.len : size;
        memcpy(value, token.at, n);
    } else {
        while (rest->len && rest->at[0] != '"') {
            if (rest->at[0] == '\\' && rest->len > 1)
                *rest = slice_from(*rest, 1);
            if (n < size)
                value[n++] = rest->at[0];
            *rest = slice_from(*rest, 1);
        }
        take(rest, '"');
    }
    value[n < size ? n : 0] = '\0';
    return n < size;
}

/* Whether a list of words, divided by spaces, has this one. */
static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = list; *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        if (n == len && strncasecmp(at, word, len) == 0)
            return true;
        at += n;
    }
    return false;
}

/* Reads the parameters behind a link's target; true if one is rel="next". */
static bool says_next(struct slice *rest)
{
    bool next = false;

    while (take(rest, ';')) {
        char value[64] = "";
        struct slice name = take_token(rest);
        bool fits = !take(rest, '=') || take_value(rest, value, sizeof value);
        if (fits && slice_equal_nocase(name, SLICE("rel")) && has_word(value, "next"))
            next = true;
    }
    return next;
}

struct slice link_next(struct slice value)
{
    while (take(&value, '<')) {
        const char *end = memchr(value.at, '>', value.len);
        if (!end)
            break;
        struct slice target = slice_to(value, (size_t)(end - value.at));
        value = slice_from(value, target.len + 1);
        if (says_next(&value))
            return target;
        while (take(&value, ','))
            ;
    }
    return (struct slice){"", 0};
}

/* Where to put a challenge's parameter; NULL if it is not wanted. */
static char *parameter(struct bearer_challenge *challenge, struct slice name)
{
    if (slice_equal_nocase(name, SLICE("realm")))
        return challenge->realm;
    if (slice_equal_nocase(name, SLICE("service")))
        return challenge->service;
    return slice_equal_nocase(name, SLICE("scope")) ? challenge->scope : NULL;
}

bool bearer_challenge_parse(struct bearer_challenge *challenge, struct slice value)
{
    char ignored[CHALLENGE_MAX];
    bool ours = false;

    *challenge = (struct bearer_challenge){{0}, {0}, {0}};
    while (value.len) {
        struct slice name = take_token(&value);
        if (name.len && take(&value, '=')) {
            char *into = ours ? parameter(challenge, name) : NULL;
            if (!take_value(&value, into ? into : ignored, CHALLENGE_MAX) && into)
                return false;
        } else if (name.len) { /* a scheme */
            if (challenge->realm[0])
                return true;
            ours = slice_equal_nocase(name, SLICE("Bearer"));
        } else if (!take(&value, ',')) {
            break;
        }
    }
    return challenge->realm[0] != '\0';
}
