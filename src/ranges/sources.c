/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include "ranges/sources.h"

struct builtin {
    const char *set, *name, *url;
    enum range_format format;
    const char *linked;
};

static const struct builtin builtin[] = {
    {"clouds", "aws", "https://ip-ranges.amazonaws.com/ip-ranges.json", FORMAT_AWS, NULL},
    {"clouds", "google", "https://www.gstatic.com/ipranges/cloud.json", FORMAT_GOOGLE, NULL},
    /* A new name every week, to be found only on this page. */
    {"clouds", "azure", "https://www.microsoft.com/en-us/download/details.aspx?id=56519",
     FORMAT_AZURE, "ServiceTags_Public_"},
    {"clouds", "oracle", "https://docs.oracle.com/iaas/tools/public_ip_ranges.json", FORMAT_ORACLE,
     NULL},
    {"clouds", "digitalocean", "https://digitalocean.com/geo/google.csv", FORMAT_GEOFEED, NULL},
    {"clouds", "linode", "https://geoip.linode.com/", FORMAT_GEOFEED, NULL},
    {"country", "afrinic",
     "https://ftp.afrinic.net/pub/stats/afrinic/delegated-afrinic-extended-latest", FORMAT_RIR,
     NULL},
    {"country", "apnic", "https://ftp.apnic.net/stats/apnic/delegated-apnic-extended-latest",
     FORMAT_RIR, NULL},
    {"country", "arin", "https://ftp.arin.net/pub/stats/arin/delegated-arin-extended-latest",
     FORMAT_RIR, NULL},
    {"country", "lacnic",
     "https://ftp.lacnic.net/pub/stats/lacnic/delegated-lacnic-extended-latest", FORMAT_RIR, NULL},
    {"country", "ripencc",
     "https://ftp.ripe.net/pub/stats/ripencc/delegated-ripencc-extended-latest", FORMAT_RIR, NULL},
};

static void add(struct source_set *set, const struct builtin *from)
{
    struct range_source *source = &set->list[set->count++];
    *source = (struct range_source){.format = from->format, .linked = from->linked};
    snprintf(source->name, sizeof source->name, "%s", from->name);
    snprintf(source->url, sizeof source->url, "%s", from->url);
}

bool sources_fill(struct source_set *set, struct slice name)
{
    set->count = 0;
    for (size_t i = 0; i < sizeof builtin / sizeof *builtin; i++)
        if (slice_equal(name, slice_of(builtin[i].set)))
            add(set, &builtin[i]);
    return set->count > 0;
}

/* A source's name is a file's name too. */
static bool is_source_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool letter = c >= 'a' && c <= 'z', digit = c >= '0' && c <= '9';
        if (!letter && !digit && (c != '-' || i == 0))
            return false;
    }
    return name.len > 0 && name.len <= SOURCE_NAME_MAX;
}

static bool is_url_text(struct slice url)
{
    for (size_t i = 0; i < url.len; i++)
        if (url.at[i] <= ' ' || url.at[i] > '~')
            return false;
    return url.len <= SOURCE_URL_MAX;
}

/* "http://127.0.0.1" and then a port or a path: no name, no user before an @. */
static bool is_local_http(struct slice url)
{
    if (!slice_starts(url, SLICE("http://127.0.0.1")))
        return false;
    url = slice_from(url, sizeof "http://127.0.0.1" - 1);
    if (url.len && url.at[0] == ':')
        do
            url = slice_from(url, 1);
        while (url.len && url.at[0] >= '0' && url.at[0] <= '9');
    return !url.len || url.at[0] == '/';
}

bool source_url_allowed(struct slice url)
{
    return is_url_text(url) && (slice_starts(url, SLICE("https://")) ||
                                slice_starts(url, SLICE("file:///")) || is_local_http(url));
}

const char *sources_set(struct source_set *set, struct slice name, struct slice url)
{
    size_t at = 0;
    if (!is_source_name(name))
        return "is not a source's name (small letters, digits and '-')";
    if (url.len && !source_url_allowed(url))
        return "must be an https or file URL";
    while (at < set->count && !slice_equal(name, slice_of(set->list[at].name)))
        at++;
    if (!url.len) {
        if (at == set->count)
            return "is not a source of this set";
        memmove(&set->list[at], &set->list[at + 1], (set->count - at - 1) * sizeof *set->list);
        set->count--;
        return NULL;
    }
    if (at == SOURCES_MAX)
        return "is one source too many";
    struct range_source *source = &set->list[at];
    if (at == set->count) {
        *source = (struct range_source){0};
        memcpy(source->name, name.at, name.len);
        set->count++;
    }
    memcpy(source->url, url.at, url.len);
    source->url[url.len] = 0;
    return NULL;
}
