/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/verify/canonical.h"

#include <stdio.h>
#include <stdlib.h>
#include "parse/url.h"

char *canonical_base(const char *registry)
{
    struct slice url = slice_of(registry), authority = url_authority(url);
    size_t end = (size_t)(authority.at + authority.len - registry);
    struct slice path = slice_from(url, end);
    char *base;

    while (path.len && path.at[path.len - 1] == '/')
        path.len--;
    if (asprintf(&base, "%.*s/v2%.*s", (int)end, registry, (int)path.len, path.at) < 0)
        return NULL;
    return base;
}

/* Cuts off one byte of a URL, where "%3A" is a colon; -1 at its end. */
static int take(struct slice *url)
{
    if (!url->len)
        return -1;
    bool colon = url->len >= 3 && slice_equal_nocase(slice_to(*url, 3), SLICE("%3A"));
    int byte = colon ? ':' : (unsigned char)url->at[0];
    *url = slice_from(*url, colon ? 3 : 1);
    return byte;
}

static bool same(struct slice a, struct slice b)
{
    int x, y;

    do {
        x = take(&a);
        y = take(&b);
    } while (x == y && x >= 0);
    return x == y;
}

static struct slice without_query(const char *url)
{
    return (struct slice){url, strcspn(url, "?#")};
}

/* How much of a URL stands before what was asked for; 0 if it does not end with that. */
static size_t before(struct slice url, struct slice asked)
{
    for (size_t n = 1; n < url.len; n++)
        if (url.at[n] == '/' && same(slice_from(url, n), asked))
            return n;
    return 0;
}

char *canonical_learn(const struct journey *journey, const struct door *door, struct slice asked)
{
    for (size_t i = 1; i < journey->count; i++) {
        const char *url = journey->hop[i].url;
        size_t n = before(without_query(url), asked);
        if (n && url_is_base((struct slice){url, n}) && !http_same_host(url, door->url))
            return strndup(url, n);
    }
    return NULL;
}

static bool is_below(const char *url, const char *base, struct slice asked)
{
    struct slice whole = without_query(url), stem = slice_of(base);
    size_t n = before(whole, asked);

    if (!n || !http_same_host(url, base))
        return false;
    struct slice a = url_authority(whole), b = url_authority(stem);
    struct slice path = slice_from(slice_to(whole, n), (size_t)(a.at + a.len - whole.at));
    return same(path, slice_from(stem, (size_t)(b.at + b.len - stem.at)));
}

bool canonical_reached(const struct journey *journey, const char *base, struct slice asked)
{
    for (size_t i = 0; i < journey->count; i++)
        if (is_below(journey->hop[i].url, base, asked))
            return true;
    return false;
}
