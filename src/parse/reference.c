/* SPDX-License-Identifier: Apache-2.0 */
#include "parse/reference.h"

#include "parse/oci.h"

/* Cuts off what stands before a byte, without it; false if it is not there. */
static bool cut(struct slice *rest, char at, struct slice *before)
{
    const char *found = memchr(rest->at, at, rest->len);

    if (!found)
        return false;
    size_t n = (size_t)(found - rest->at);
    *before = slice_to(*rest, n);
    *rest = slice_from(*rest, n + 1);
    return true;
}

static bool is_host(struct slice part)
{
    return memchr(part.at, '.', part.len) || memchr(part.at, ':', part.len) ||
           slice_equal(part, SLICE("localhost"));
}

bool image_reference_names_host(struct slice name)
{
    struct slice first;

    return cut(&name, '/', &first) && is_host(first);
}

bool image_reference_parse(struct image_reference *image, const char *text, struct why *why)
{
    struct slice rest = slice_of(text), name, first;
    bool by_digest = cut(&rest, '@', &name);
    struct slice digest = by_digest ? rest : (struct slice){NULL, 0};

    if (!by_digest)
        name = rest;
    *image = (struct image_reference){.reference = SLICE("latest")};
    rest = name;
    if (cut(&rest, '/', &first) && is_host(first)) {
        image->host = first;
        name = rest;
    }
    rest = name;
    image->name = name;
    if (cut(&rest, ':', &image->name))
        image->reference = rest;
    if (!oci_is_name(image->name))
        return why_not(why, "\"%.120s\" is no image: write a name such as \"team/app:v1\".", text);
    if (!oci_is_tag(image->reference))
        return why_not(why, "\"%.120s\" has no tag behind its colon: write \"team/app:v1\".", text);
    if (by_digest && !oci_is_digest(digest))
        return why_not(why,
                       "\"%.120s\" has no digest behind its \"@\": write \"sha256:\" and 64 "
                       "hexadecimal digits.",
                       text);
    if (by_digest)
        image->reference = digest;
    return true;
}
