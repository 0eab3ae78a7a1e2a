/* SPDX-License-Identifier: Apache-2.0 */
#include "prober/probe.h"

#include "parse/url.h"

const char probe_accept[] = "Accept: application/vnd.oci.image.manifest.v1+json, "
                            "application/vnd.oci.image.index.v1+json, "
                            "application/vnd.oci.artifact.manifest.v1+json, "
                            "application/vnd.docker.distribution.manifest.v2+json, "
                            "application/vnd.docker.distribution.manifest.list.v2+json, "
                            "application/vnd.docker.distribution.manifest.v1+prettyjws, "
                            "application/vnd.docker.distribution.manifest.v1+json, */*;q=0.1";

/* Of no bytes: it may be there or not, and costs nobody anything. */
static const struct slice empty_digest = {
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 71};

static bool finish(struct text *out)
{
    text_add(out, (struct slice){"", 1});
    return !out->overflow;
}

bool probe_object_url(struct text *out, const struct target *target, const struct object *object)
{
    if (target->kind == TARGET_BUCKET) {
        url_template_write(target->object, object->digest, out);
        return finish(out);
    }
    text_add(out, target->url);
    TEXT_ADD(out, "/v2/");
    if (target->prefix.len > 0) {
        text_add(out, target->prefix);
        TEXT_ADD(out, "/");
    }
    text_add(out, object->name);
    text_add(out, object->endpoint == ENDPOINT_MANIFESTS ? SLICE("/manifests/") : SLICE("/blobs/"));
    text_add(out, object->digest);
    return finish(out);
}

bool probe_check_url(struct text *out, const struct target *target, const struct probing *rules)
{
    if (target->kind == TARGET_BUCKET) {
        url_template_write(target->object, empty_digest, out);
    } else {
        text_add(out, target->url);
        text_add(out, rules->check_path);
    }
    return finish(out);
}

static bool is_host_allowed(struct slice host, struct slice url)
{
    struct slice authority = url_authority(url);

    if (slice_starts(host, SLICE("*."))) {
        struct slice domain = slice_from(host, 1);
        return authority.len > domain.len &&
               slice_equal_nocase(slice_from(authority, authority.len - domain.len), domain);
    }
    char with_scheme[8 + 512];
    int len = snprintf(with_scheme, sizeof with_scheme, "%s%.*s",
                       slice_starts(url, SLICE("https://")) ? "https://" : "http://", (int)host.len,
                       host.at);
    return len > 0 && len < (int)sizeof with_scheme &&
           url_same_host((struct slice){with_scheme, (size_t)len}, url);
}

bool probe_may_follow(const struct config *config, const char *from, const char *to)
{
    struct slice url = slice_of(to);
    bool tls = slice_starts(url, SLICE("https://"));

    if (!tls && !slice_starts(url, SLICE("http://")))
        return false;
    if (!url_is_authority(url_authority(url)))
        return false; /* such as one with a user's name in it */
    if (!tls && slice_starts(slice_of(from), SLICE("https://")))
        return false;
    for (size_t i = 0; i < config->target_count; i++)
        if (url_same_host(config->targets[i].url, url))
            return true;
    for (size_t i = 0; i < config->probing.redirect_host_count; i++)
        if (is_host_allowed(config->probing.redirect_hosts[i], url))
            return true;
    return false;
}
