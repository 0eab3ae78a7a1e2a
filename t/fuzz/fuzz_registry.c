/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a registry sends, and what people type: the first byte chooses who reads
 * the rest (a Link header, a challenge, a manifest, a reference).
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

#include "parse/oci.h"
#include "parse/reference.h"
#include "registry/headers.h"
#include "registry/manifest.h"

static void read_link(struct slice text)
{
    struct slice next = link_next(text);

    if (next.len && (next.at < text.at || next.at + next.len > text.at + text.len))
        abort();
}

static void read_challenge(struct slice text)
{
    struct bearer_challenge challenge;

    if (bearer_challenge_parse(&challenge, text) && !challenge.realm[0])
        abort();
}

static void read_manifest(struct slice text)
{
    struct manifest manifest;

    if (!manifest_parse(&manifest, text))
        return;
    for (size_t i = 0; i < manifest.content.count; i++)
        if (!oci_is_digest(slice_of(manifest.content.list[i])))
            abort();
    manifest_clear(&manifest);
}

static void read_reference(const char *text)
{
    struct image_reference image;
    struct why why;

    if (image_reference_parse(&image, text, &why) &&
        !(oci_is_name(image.name) &&
          (oci_is_tag(image.reference) || oci_is_digest(image.reference))))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    char *copy = strndup((const char *)data + 1, size - 1);
    char *bytes = malloc(size);
    if (copy && bytes) {
        memcpy(bytes, data + 1, size - 1);
        struct slice text = {bytes, size - 1};
        switch (data[0] % 4) {
        case 0:
            read_link(text);
            break;
        case 1:
            read_challenge(text);
            break;
        case 2:
            read_manifest(text);
            break;
        default:
            read_reference(copy);
        }
    }
    free(copy);
    free(bytes);
    return 0;
}
#endif
