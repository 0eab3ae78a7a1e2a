/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What strangers tell `signpost verify`: the first byte chooses who reads the rest (a
 * header, where a redirect leads, a line of a state file).
 */
#include "config.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifndef HAVE_REGISTRY
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)data, (void)size;
    return 0;
}
#else

#include "cmd/verify/canonical.h"
#include "cmd/verify/location.h"
#include "cmd/verify/resume.h"
#include "registry/headers.h"

static void read_headers(struct slice head)
{
    struct slice rest = head, value;

    while (header_find(&rest, SLICE("Location"), &value))
        if (value.at < head.at || value.at + value.len > rest.at)
            abort();
}

static void read_location(const char *text)
{
    static const struct door door = {.url = "https://front.example"};
    static const struct slice asked = SLICE("/app/manifests/v1");
    struct journey journey = {.count = 2};

    location_is_crooked(text);
    if (!http_same_host(text, text))
        return; /* no URL, which no journey has */
    char *copy = strdup(text);

    journey.hop[0].url = strdup(door.url);
    journey.hop[1].url = copy;
    char *base = canonical_learn(&journey, &door, asked);
    if (base && !canonical_reached(&journey, base, asked))
        abort();
    if (base && location_leaves(copy, base) && !strchr(copy, '%'))
        abort();
    free(base);
    journey_end(&journey);
}

static void read_line(struct slice line)
{
    json_t *done = json_object();

    if (resume_read_line(done, line) != (json_object_size(done) == 1))
        abort();
    json_decref(done);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    char *text = strndup((const char *)data + 1, size - 1);
    char *bytes = malloc(size);
    if (text && bytes) {
        memcpy(bytes, data + 1, size - 1);
        struct slice all = {bytes, size - 1};
        if (data[0] % 3 == 0)
            read_headers(all);
        else if (data[0] % 3 == 1)
            read_location(text);
        else
            read_line(all);
    }
    free(text);
    free(bytes);
    return 0;
}
#endif
