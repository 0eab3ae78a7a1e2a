/* SPDX-License-Identifier: Apache-2.0 */
/* Where published address ranges are got from. */
#ifndef RANGES_SOURCES_H
#define RANGES_SOURCES_H

#include <stddef.h>
#include "ranges/read.h"

enum {
    SOURCES_MAX = 32,     /* in one set */
    SOURCE_NAME_MAX = 32, /* bytes of a name */
    SOURCE_URL_MAX = 1000 /* bytes of a URL */
};

struct range_source {
    char name[SOURCE_NAME_MAX + 1]; /* "aws": also the provider of a geofeed */
    char url[SOURCE_URL_MAX + 1];
    enum range_format format; /* FORMAT_UNKNOWN: found out from what comes */
    const char *linked;       /* url may be a page with a link to a file named so; or NULL */
};

struct source_set {
    struct range_source list[SOURCES_MAX];
    size_t count;
};

/*
 * Fills the set with the built-in sources of its name, "clouds" or "country".
 * False for another name.
 */
bool sources_fill(struct source_set *set, struct slice name);

/*
 * Sets the URL of a source, which is added if the set has none of that name; an
 * empty URL takes it out. NULL, or what is wrong with the name or the URL, to be
 * read after "...": a static string. A configuration's `sources` and the
 * command line's --source both end here.
 */
const char *sources_set(struct source_set *set, struct slice name, struct slice url);

/*
 * Whether a URL may be fetched: https, and file or http on 127.0.0.1, for tests and
 * local mirrors.
 */
bool source_url_allowed(struct slice url);

#endif
