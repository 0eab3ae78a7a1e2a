/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/url.h"

#include <ctype.h>
#include <stdint.h>
#include "parse/oci.h"

static const struct slice region_word = {"{region}", 8}, provider_word = {"{provider}", 10};

/* The words that a request fills in, and how they are written. */
static const struct {
    enum url_part part;
    struct slice word;
} digest_words[] = {
    {URL_DIGEST, {"{digest}", 8}},
    {URL_ALGORITHM, {"{algorithm}", 11}},
    {URL_ENCODED, {"{encoded}", 9}},
};

static bool is_alnum(char c)
{
    return isalnum((unsigned char)c) && (unsigned char)c < 0x80;
}

static bool is_hex(char c)
{
    return isxdigit((unsigned char)c);
}

/* RFC 3986, 2.3 and 2.2: unreserved and sub-delims, with : and @ as in a path (3.3). */
static bool is_path_char(char c)
{
    return is_alnum(c) || (c && strchr("-._~!$&'()*+,;=:@/", c));
}

/* The scheme's length with "://", 0 if it is neither http nor https. */
static size_t scheme_length(struct slice s)
{
    if (slice_starts(s, SLICE("https://")))
        return 8;
    return slice_starts(s, SLICE("http://")) ? 7 : 0;
}

static bool is_port(struct slice s)
{
    unsigned port = 0;

    if (s.len == 0 || s.len > 5)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
        port = port * 10 + (unsigned)(s.at[i] - '0');
    }
    return port > 0 && port <= 65535;
}

/* The length of a template word at the start of s, 0 if there is none that may be there. */
static size_t word_length(struct slice s, bool digests)
{
    if (s.at[0] != '{')
        return 0;
    if (slice_starts(s, region_word))
        return region_word.len;
    if (slice_starts(s, provider_word))
        return provider_word.len;
    for (size_t i = 0; digests && i < sizeof digest_words / sizeof *digest_words; i++)
        if (slice_starts(s, digest_words[i].word))
            return digest_words[i].word.len;
    return 0;
}

static bool is_ipv6_literal(struct slice host)
{
    if (host.len < 4 || host.at[0] != '[' || host.at[host.len - 1] != ']')
        return false;
    for (size_t i = 1; i + 1 < host.len; i++)
        if (!is_hex(host.at[i]) && host.at[i] != ':' && host.at[i] != '.')
            return false;
    return true;
}

static bool is_host(struct slice host, bool words)
{
    if (host.len == 0 || host.len > 253)
        return false;
    if (host.at[0] == '[')
        return is_ipv6_literal(host);
    for (size_t i = 0; i < host.len;) {
        size_t n = words ? word_length(slice_from(host, i), false) : 0;
        if (n == 0 && !is_alnum(host.at[i]) && host.at[i] != '-' && host.at[i] != '.')
            return false;
        i += n ? n : 1;
    }
    return host.at[0] != '.' && host.at[0] != '-';
}

/* Cuts "host:port" at the colon; a colon within brackets is the host's. */
static struct slice host_of(struct slice authority, struct slice *port)
{
    const char *colon = authority.len ? memrchr(authority.at, ':', authority.len) : NULL;

    *port = (struct slice){NULL, 0};
    if (!colon || memchr(colon, ']', (size_t)(authority.at + authority.len - colon)))
        return authority;
    size_t n = (size_t)(colon - authority.at);
    *port = slice_from(authority, n + 1);
    return slice_to(authority, n);
}

static bool is_authority(struct slice s, bool words)
{
    struct slice port;
    struct slice host = host_of(s, &port);

    return is_host(host, words) && (!port.at || is_port(port));
}

bool url_is_authority(struct slice s)
{
    return is_authority(s, false);
}

struct slice url_authority(struct slice url)
{
    struct slice rest = slice_from(url, scheme_length(url));
    size_t n = 0;

    while (n < rest.len && !strchr("/?#", rest.at[n]))
        n++;
    return slice_to(rest, n);
}

/* Whether a percent sign at the start of s begins an encoded byte. */
static bool is_escape(struct slice s)
{
    return s.at[0] == '%' && s.len > 2 && is_hex(s.at[1]) && is_hex(s.at[2]);
}

/* The length of a dot at the start of s, encoded or not; 0 if there is none. */
static size_t dot_length(struct slice s)
{
    if (slice_starts(s, SLICE(".")))
        return 1;
    return s.len > 2 && slice_equal_nocase(slice_to(s, 3), SLICE("%2e")) ? 3 : 0;
}

/* Whether a path has a segment "." or "..": those who follow the URL would leave it out. */
static bool has_dot_segment(struct slice path)
{
    while (path.len && path.at[0] == '/') {
        size_t n = 0;
        path = slice_from(path, 1);
        struct slice rest = path;
        for (int dots = 0; dots < 2 && dot_length(rest); dots++)
            rest = slice_from(rest, dot_length(rest));
        if (rest.len < path.len && (rest.len == 0 || strchr("/?#", rest.at[0])))
            return true;
        while (n < path.len && !strchr("/?#", path.at[n]))
            n++;
        path = slice_from(path, n);
    }
    return false;
}

/* Checks what is behind the authority; counts the words that name the object. */
static bool is_template_path(struct slice path, bool digests, size_t *named)
{
    if (has_dot_segment(path))
        return false;
    for (size_t i = 0; i < path.len;) {
        struct slice rest = slice_from(path, i);
        size_t n = word_length(rest, digests);
        if (slice_starts(rest, SLICE("{digest}")) || slice_starts(rest, SLICE("{encoded}")))
            ++*named;
        if (n == 0 && !is_path_char(path.at[i]) && !is_escape(rest))
            return false;
        i += n ? n : 1;
    }
    return true;
}

static bool is_template(struct slice s, bool digests)
{
    size_t named = 0;

    if (scheme_length(s) == 0 || s.len > URL_MAX)
        return false;
    struct slice authority = url_authority(s);
    struct slice path = slice_from(s, scheme_length(s) + authority.len);
    return is_authority(authority, true) && is_template_path(path, digests, &named) &&
           (named > 0) == digests;
}

bool url_is_base(struct slice s)
{
    return is_template(s, false);
}

bool url_is_object(struct slice s)
{
    struct url_template parts;
    return is_template(s, true) && url_template_make(&parts, s);
}

bool url_is_page(struct slice s)
{
    if (scheme_length(s) == 0 || s.len > URL_MAX || !url_is_authority(url_authority(s)))
        return false;
    struct slice path = slice_from(s, scheme_length(s) + url_authority(s).len);
    for (size_t i = 0; i < path.len; i++) {
        struct slice rest = slice_from(path, i);
        if (!is_path_char(rest.at[0]) && !is_escape(rest) &&
            (!rest.at[0] || !strchr("?#[]", rest.at[0])))
            return false;
    }
    return !has_dot_segment(path);
}

static bool is_default_port(struct slice url, struct slice port)
{
    return !port.at || slice_equal(port, url.at[4] == 's' ? SLICE("443") : SLICE("80"));
}

bool url_same_host(struct slice a, struct slice b)
{
    struct slice port_a, port_b;
    struct slice host_a = host_of(url_authority(a), &port_a);
    struct slice host_b = host_of(url_authority(b), &port_b);

    return slice_equal_nocase(host_a, host_b) &&
           (slice_equal(port_a, port_b) ||
            (is_default_port(a, port_a) && is_default_port(b, port_b)));
}

struct slice url_expand(struct arena *arena, struct slice url, struct slice region,
                        struct slice provider)
{
    /* No word is shorter than one byte, so this is enough for as many as there can be. */
    size_t size = url.len * (1 + region.len + provider.len);
    struct text out = {.at = arena_take(arena, size + 1), .size = size};

    while (url.len > 0) {
        const char *brace = memchr(url.at + 1, '{', url.len - 1);
        size_t n = brace ? (size_t)(brace - url.at) : url.len;
        if (slice_starts(url, region_word)) {
            text_add(&out, region);
            n = region_word.len;
        } else if (slice_starts(url, provider_word)) {
            text_add(&out, provider);
            n = provider_word.len;
        } else {
            text_add(&out, slice_to(url, n));
        }
        url = slice_from(url, n);
    }
    return (struct slice){out.at, out.len};
}

static size_t part_at(struct slice s, enum url_part *part)
{
    if (s.at[0] != '{')
        return 0;
    for (size_t i = 0; i < sizeof digest_words / sizeof *digest_words; i++)
        if (slice_starts(s, digest_words[i].word)) {
            *part = digest_words[i].part;
            return digest_words[i].word.len;
        }
    return 0;
}

static bool add_piece(struct url_template *template, enum url_part part, struct slice text)
{
    if (template->count == URL_PIECES_MAX)
        return false;
    template->piece[template->count++] = (struct url_piece){part, text};
    return true;
}

bool url_template_make(struct url_template *template, struct slice url)
{
    size_t start = 0, i = 0;

    *template = (struct url_template){0};
    while (i < url.len) {
        enum url_part part;
        size_t n = part_at(slice_from(url, i), &part);
        if (n == 0) {
            i++;
            continue;
        }
        if (!add_piece(template, URL_TEXT, slice_from(slice_to(url, i), start)) ||
            !add_piece(template, part, (struct slice){NULL, 0}))
            return false;
        start = i += n;
    }
    return add_piece(template, URL_TEXT, slice_from(url, start));
}

void url_template_write(const struct url_template *template, struct slice digest, struct text *out)
{
    for (size_t i = 0; i < template->count; i++) {
        switch (template->piece[i].part) {
        case URL_TEXT:
            text_add(out, template->piece[i].text);
            break;
        case URL_DIGEST:
            text_add(out, digest);
            break;
        case URL_ALGORITHM:
            text_add(out, oci_digest_algorithm(digest));
            break;
        case URL_ENCODED:
            text_add(out, oci_digest_encoded(digest));
            break;
        }
    }
}

void url_write_query(struct text *out, struct slice query)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < query.len; i++) {
        char c = query.at[i];
        if (is_escape(slice_from(query, i)) || is_path_char(c) || c == '?') {
            text_add(out, (struct slice){&c, 1});
        } else {
            char code[3] = {'%', hex[(uint8_t)c >> 4], hex[(uint8_t)c & 15]};
            text_add(out, (struct slice){code, sizeof code});
        }
    }
}
