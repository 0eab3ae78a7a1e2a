/* SPDX-License-Identifier: Apache-2.0 */
#include "route/query.h"

#include <ctype.h>
#include <stdlib.h>
#include "parse/url.h"

/* Cuts one character off text, percent-encoded or not. */
static char cut_character(struct slice *text)
{
    char hex[3] = {0};
    size_t n = 1;
    char c = text->at[0];

    if (c == '%' && text->len > 2 && isxdigit((unsigned char)text->at[1]) &&
        isxdigit((unsigned char)text->at[2])) {
        memcpy(hex, text->at + 1, 2);
        c = (char)strtoul(hex, NULL, 16);
        n = sizeof hex;
    }
    *text = slice_from(*text, n);
    return c;
}

/* Whether a parameter has this name, which may be percent-encoded: backends decode it. */
static bool has_name(struct slice parameter, struct slice name)
{
    size_t matched = 0;

    while (parameter.len && parameter.at[0] != '=') {
        if (matched == name.len || cut_character(&parameter) != name.at[matched++])
            return false;
    }
    return matched == name.len;
}

static bool goes_on(struct slice parameter, enum endpoint endpoint, enum query_policy policy)
{
    if (has_name(parameter, SLICE("ns")))
        return false;
    return policy == QUERY_KEEP || endpoint != ENDPOINT_TAGS || !has_name(parameter, SLICE("n"));
}

void query_write(struct text *out, struct slice query, enum endpoint endpoint,
                 enum query_policy policy)
{
    struct slice separator = SLICE("?");
    const char *end = query.at;

    if (policy == QUERY_DROP || query.len == 0)
        return;
    while (end) {
        end = memchr(query.at, '&', query.len);
        struct slice parameter = end ? slice_to(query, (size_t)(end - query.at)) : query;
        if (goes_on(parameter, endpoint, policy)) {
            text_add(out, separator);
            url_write_query(out, parameter);
            separator = SLICE("&");
        }
        if (end)
            query = slice_from(query, parameter.len + 1);
    }
}
