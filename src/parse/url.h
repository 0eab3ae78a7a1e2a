/* SPDX-License-Identifier: Apache-2.0 */
/* URLs as a configuration writes them (RFC 3986), and templates made of them. */
#ifndef PARSE_URL_H
#define PARSE_URL_H

#include <stdbool.h>
#include "core/arena.h"
#include "core/slice.h"
#include "core/text.h"

enum { URL_MAX = 2048 }; /* of a configured URL; with a query it must still fit an answer */

/* "host" or "host:port"; a literal IPv6 address stands in brackets. */
bool url_is_authority(struct slice s);

/*
 * A registry: http or https, an authority, perhaps a path, which has no dot segments (RFC 3986,
 * 3.3); {region} and {provider} may occur.
 */
bool url_is_base(struct slice s);

/* A bucket: like a registry, with {digest}, or {encoded}, in the path. */
bool url_is_object(struct slice s);

/* Any http or https URL, with no template words and no dot segments. */
bool url_is_page(struct slice s);

/* The authority of a URL that passed one of the checks above. */
struct slice url_authority(struct slice url);

/* Whether two URLs have the same host and port; a scheme's own port may be left out. */
bool url_same_host(struct slice a, struct slice b);

enum url_part { URL_TEXT, URL_DIGEST, URL_ALGORITHM, URL_ENCODED };

enum { URL_PIECES_MAX = 9 };

/* A URL in which parts of a digest are to be filled in. */
struct url_template {
    struct url_piece {
        enum url_part part;
        struct slice text;
    } piece[URL_PIECES_MAX];
    size_t count;
};

/* Replaces {region} and {provider}; the copy, with a NUL added, is owned by the arena. */
struct slice url_expand(struct arena *arena, struct slice url, struct slice region,
                        struct slice provider);

/* Cuts an expanded URL into pieces that borrow from it; false if there are too many. */
bool url_template_make(struct url_template *template, struct slice url);

/* Writes the URL for a digest. */
void url_template_write(const struct url_template *template, struct slice digest, struct text *out);

/*
 * Writes text for the query part of a URL: RFC 3986's query characters and
 * percent-encoded bytes as they are, all else percent-encoded.
 */
void url_write_query(struct text *out, struct slice query);

#endif
