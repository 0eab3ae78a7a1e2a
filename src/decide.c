/* SPDX-License-Identifier: Apache-2.0 */
#include "decide.h"

#include "nearest.h"

/*
 * Codes matter to clients: a 404 below manifests/ must say MANIFEST_UNKNOWN (with
 * NAME_UNKNOWN containers/image fails a pull for want of a signature), and none
 * may say NAME_UNKNOWN for referrers (oras takes it for an error).
 */
static const struct oci_error
    method_not_allowed = {405, "Method Not Allowed", "UNSUPPORTED",
                          "Only GET and HEAD are served here."},
    query_too_long = {414, "URI Too Long", "UNSUPPORTED", "The query is too long."},
    not_found = {404, "Not Found", "UNSUPPORTED", "Nothing is served under this path."},
    no_catalog = {404, "Not Found", "UNSUPPORTED", "The catalog is not served."},
    no_uploads = {404, "Not Found", "BLOB_UPLOAD_UNKNOWN", "Nothing can be uploaded here."},
    manifest_unknown = {404, "Not Found", "MANIFEST_UNKNOWN",
                        "This is no name and reference of a manifest."},
    blob_unknown = {404, "Not Found", "BLOB_UNKNOWN", "This is no name and digest of a blob."},
    name_invalid = {404, "Not Found", "NAME_INVALID", "This is no name of a repository."},
    digest_invalid = {400, "Bad Request", "DIGEST_INVALID", "This is no digest."};

const struct oci_error error_unavailable = {503, "Service Unavailable", "UNSUPPORTED",
                                            "The registry is not configured."};

static struct decision refuse(const struct oci_error *error)
{
    return (struct decision){.outcome = OUTCOME_ERROR, .error = error};
}

static const struct oci_error *error_for(const struct classified *c)
{
    if (c->class == CLASS_CATALOG)
        return &no_catalog;
    if (c->class == CLASS_UPLOAD)
        return &no_uploads;
    if (c->malformed_digest)
        return &digest_invalid;
    switch (c->endpoint) {
    case ENDPOINT_MANIFESTS:
        return &manifest_unknown;
    case ENDPOINT_BLOBS:
        return &blob_unknown;
    case ENDPOINT_REFERRERS:
    case ENDPOINT_TAGS:
        return &name_invalid;
    case ENDPOINT_NONE:
        break;
    }
    return &not_found;
}

static const struct page *find_page(const struct config *config, struct slice path)
{
    for (size_t i = 0; i < config->page_count; i++)
        if (slice_equal(config->pages[i].path, path))
            return &config->pages[i];
    return NULL;
}

static bool speaks_to(const void *ctx, const struct target *target)
{
    const struct client *client = ctx;
    return !(client->address.family == ADDRESS_IPV6 && target->ipv4_only);
}

static const struct target *first_canonical(const struct config *config,
                                            const struct client *client)
{
    for (size_t i = 0; i < config->canonical_count; i++)
        if (speaks_to(client, config->canonical[i]))
            return config->canonical[i];
    return NULL;
}

/* The search for targets on behalf of one client; the nearest is looked for once. */
struct search {
    const struct config *config;
    const struct client *client;
    const struct target *nearest;
};

static const struct target *find_nearest(struct search *search)
{
    if (!search->nearest)
        search->nearest =
            nearest_upstream(search->config, search->client, speaks_to, search->client);
    return search->nearest;
}

/* The target that a word of a rule means for this client, or NULL. */
static const struct target *resolve(struct search *search, const struct step *step)
{
    const struct config *config = search->config;
    const struct client *client = search->client;

    switch (step->kind) {
    case STEP_NEAREST:
        return find_nearest(search);
    case STEP_BUCKET:
        return nearest_bucket(config, client, speaks_to, client);
    case STEP_CANONICAL:
        return first_canonical(config, client);
    case STEP_DEFAULT:
        return config->fallback;
    case STEP_TARGET:
        break;
    }
    return step->target;
}

static enum verdict judge(const struct step *step, const struct target *target,
                          const struct classified *classified, const struct client *client)
{
    if (!target)
        return VERDICT_NONE;
    if (target->kind == TARGET_BUCKET && classified->class != CLASS_BLOB)
        return VERDICT_NO_BLOB;
    if (!speaks_to(client, target))
        return VERDICT_IPV4_ONLY;
    return step->if_held ? VERDICT_NOT_KNOWN : VERDICT_TAKEN;
}

static void tell(const struct decision_trace *trace, const struct step *step,
                 const struct target *target, enum verdict verdict)
{
    if (trace)
        trace->saw(trace->ctx, step, target, verdict);
}

static const struct rule *find_rule(const struct config *config, enum request_class class,
                                    const struct client *client)
{
    for (size_t i = 0; i < config->rule_count; i++)
        if (rule_matches(&config->rules[i], class, client))
            return &config->rules[i];
    return NULL;
}

static struct decision take(const struct rule *rule, const struct step *step,
                            const struct target *target, bool unsure)
{
    return (struct decision){.outcome = OUTCOME_REDIRECT,
                             .rule = rule,
                             .step = step,
                             .target = target,
                             .unsure = unsure};
}

static struct decision choose(const struct config *config, const struct classified *classified,
                              const struct client *client, const struct decision_trace *trace)
{
    const struct rule *rule = find_rule(config, classified->class, client);
    const struct step *unsure = rule_unsure_step(rule, classified->class);
    struct search search = {config, client, NULL};
    bool open = false;

    for (size_t i = 0; i < rule->step_count; i++) {
        const struct step *step = &rule->step[i];
        const struct target *target = resolve(&search, step);
        enum verdict verdict = judge(step, target, classified, client);
        if (verdict == VERDICT_TAKEN && open)
            break;
        tell(trace, step, target, verdict);
        if (verdict == VERDICT_TAKEN)
            return take(rule, step, target, false);
        open |= verdict == VERDICT_NOT_KNOWN;
    }
    const struct target *target = resolve(&search, unsure);
    if (!target)
        target = config->fallback; /* every target is out of this client's reach */
    tell(trace, unsure, target, VERDICT_TAKEN);
    return take(rule, unsure, target, open);
}

struct decision decide(const struct config *config, const struct request *request,
                       const struct classified *classified, const struct client *client,
                       const struct decision_trace *trace)
{
    const struct page *page;

    if (request->method == METHOD_OTHER)
        return refuse(&method_not_allowed);
    if (request->fault == TARGET_QUERY_TOO_LONG)
        return refuse(&query_too_long);
    if (request->fault == TARGET_MALFORMED)
        return refuse(&not_found);
    if (classified->class < CLASS_ROUTED)
        return choose(config, classified, client, trace);
    if (classified->class == CLASS_PING)
        return (struct decision){.outcome = OUTCOME_PING};
    page = find_page(config, request->path);
    if (page)
        return (struct decision){.outcome = OUTCOME_PAGE, .page = page};
    return refuse(error_for(classified));
}
