/* SPDX-License-Identifier: Apache-2.0 */
#include "config/index_address.h"

#include "parse/oci.h"
#include "parse/url.h"

bool index_address_artifact(struct slice text, struct index_artifact *artifact)
{
    struct slice scheme = SLICE("oci://");

    if (!slice_starts(text, scheme) || text.len > URL_MAX)
        return false;
    struct slice rest = slice_from(text, scheme.len);
    const char *slash = memchr(rest.at, '/', rest.len), *colon = memrchr(rest.at, ':', rest.len);
    if (!slash || !colon || colon < slash)
        return false;
    artifact->host = slice_to(rest, (size_t)(slash - rest.at));
    artifact->repository = (struct slice){slash + 1, (size_t)(colon - slash) - 1};
    artifact->tag = slice_from(rest, (size_t)(colon - rest.at) + 1);
    return url_is_authority(artifact->host) && oci_is_name(artifact->repository) &&
           oci_is_tag(artifact->tag);
}

bool index_address_is(struct slice text)
{
    struct index_artifact artifact;

    return index_address_artifact(text, &artifact) || url_is_page(text);
}
