/* SPDX-License-Identifier: Apache-2.0 */
/* What holds of every answer, whatever was asked: for unit tests and for the fuzzer. */
#ifndef SOUND_H
#define SOUND_H

#include <string.h>
#include "config/configuration.h"
#include "route/respond.h"

/* Cuts the next line off; false if there is none that ends with CR LF. */
static inline bool cut_line(struct slice *rest, struct slice *line)
{
    const char *end = rest->len ? memmem(rest->at, rest->len, "\r\n", 2) : NULL;

    if (!end)
        return false;
    *line = slice_to(*rest, (size_t)(end - rest->at));
    *rest = slice_from(*rest, line->len + 2);
    return true;
}

/* "Name: value" in printable ASCII. */
static inline bool is_header_line(struct slice line)
{
    const char *colon = memchr(line.at, ':', line.len);

    if (!colon || colon == line.at || colon + 1 == line.at + line.len || colon[1] != ' ')
        return false;
    for (size_t i = 0; i < line.len; i++)
        if (line.at[i] < ' ' || line.at[i] > '~')
            return false;
    return true;
}

/* What may follow a registry's prefix: a name, an endpoint, a reference; then any query. */
static inline bool is_sound_path(struct slice path)
{
    const char *query = memchr(path.at, '?', path.len);
    struct slice rest = query ? slice_to(path, (size_t)(query - path.at)) : path;

    for (size_t i = 0; i < rest.len; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/:+=",
                    rest.at[i]))
            return false;
    return rest.len > 0 && rest.at[0] != '/' && !memmem(rest.at, rest.len, "//", 2) &&
           !memmem(rest.at, rest.len, "/.", 2) && rest.at[0] != '.';
}

static inline bool is_at_upstream(struct slice location, const struct target *target)
{
    struct slice parts[] = {target->url, SLICE("/v2/"), target->prefix, SLICE("/")};

    for (size_t i = 0; i < (target->prefix.len ? 4 : 2); i++) {
        if (!slice_starts(location, parts[i]))
            return false;
        location = slice_from(location, parts[i].len);
    }
    return is_sound_path(location);
}

static inline bool is_at_bucket(struct slice location, const struct target *target)
{
    struct slice start = target->object->piece[0].text;
    return slice_starts(location, start) && is_sound_path(slice_from(location, start.len));
}

/* Whether a Location is one that the configuration leads to. */
static inline bool is_configured(const struct config *config, struct slice location)
{
    for (size_t i = 0; i < config->page_count; i++)
        if (slice_equal(location, config->pages[i].url))
            return true;
    for (size_t i = 0; i < config->target_count; i++) {
        const struct target *target = &config->targets[i];
        if (target->kind == TARGET_UPSTREAM ? is_at_upstream(location, target)
                                            : is_at_bucket(location, target))
            return true;
    }
    return false;
}

static inline bool is_known_status(size_t status)
{
    static const size_t known[] = {200, 307, 400, 404, 405, 414, 431, 503};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (status == known[i])
            return true;
    return false;
}

static inline size_t number_in(struct slice text)
{
    size_t number = 0;

    for (size_t i = 0; i < text.len && text.at[i] >= '0' && text.at[i] <= '9'; i++)
        number = number * 10 + (size_t)(text.at[i] - '0');
    return number;
}

/* What is wrong with an answer, or NULL. */
static inline const char *unsound(const struct config *config, const struct answer *answer,
                                  bool head)
{
    struct slice rest = {answer->text, answer->len}, line, location = {NULL, 0};
    size_t status = 0, length = 0, lines = 0, cache = 0;

    while (cut_line(&rest, &line) && line.len > 0) {
        if (!is_header_line(line))
            return "a header line is none";
        if (lines++ == 0 && !slice_starts(line, SLICE("Status: ")) &&
            !slice_starts(line, SLICE("Location: ")))
            return "neither the status nor the Location comes first";
        if (location.at && lines == 2 && !slice_starts(line, SLICE("Status: ")))
            return "the status does not come behind the Location";
        if (slice_starts(line, SLICE("Status: ")))
            status = status ? 1000 : number_in(slice_from(line, 8));
        else if (slice_starts(line, SLICE("Location: ")))
            location = slice_from(line, 10);
        else if (slice_starts(line, SLICE("Content-Length: ")))
            length = number_in(slice_from(line, 16));
        else if (slice_equal(line, SLICE("Cache-Control: private, no-store")))
            cache++;
        else if (!slice_starts(line, SLICE("Content-Type: ")) &&
                 !slice_equal(line, SLICE("Allow: GET, HEAD")) &&
                 !slice_equal(line, SLICE("Retry-After: 5")) &&
                 !slice_equal(line, SLICE("Docker-Distribution-Api-Version: registry/2.0")))
            return "there is a header that nobody knows";
    }
    if (lines == 0 || line.len > 0)
        return "the head does not end";
    if (!is_known_status(status))
        return "there is no such status";
    if ((status == 307) != (location.at != NULL))
        return "a Location and the status 307 belong together";
    if (location.at && !(config && is_configured(config, location)))
        return "the Location is not one of the configuration's";
    if (cache != 1)
        return "shared caches could keep it";
    return rest.len == (head ? 0 : length) ? NULL : "the length is wrong";
}

#endif
