/* SPDX-License-Identifier: Apache-2.0 */
#include "query.h"

#include "url.h"

static bool has_name(struct slice parameter, struct slice name)
{
    return slice_starts(parameter, name) &&
           (parameter.len == name.len || parameter.at[name.len] == '=');
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
