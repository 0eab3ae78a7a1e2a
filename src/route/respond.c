/* SPDX-License-Identifier: Apache-2.0 */
#include "route/respond.h"

#include "route/query.h"

/* The longest answer fits: nothing is ever dropped from the middle of a Location. */
_Static_assert(URL_MAX + 2 * OCI_NAME_MAX + OCI_DIGEST_MAX + 3 * REQUEST_QUERY_MAX + 1024 <=
                   ANSWER_MAX,
               "an answer may be longer than its buffer");

static struct slice endpoint_path(enum endpoint endpoint)
{
    switch (endpoint) {
    case ENDPOINT_MANIFESTS:
        return SLICE("/manifests/");
    case ENDPOINT_BLOBS:
        return SLICE("/blobs/");
    case ENDPOINT_REFERRERS:
        return SLICE("/referrers/");
    case ENDPOINT_TAGS:
        return SLICE("/tags/");
    case ENDPOINT_NONE:
        break;
    }
    return SLICE("/");
}

/*
 * Paging links of a backend name its own prefix, and some clients (skopeo, old
 * Docker) ask for them here: such a name has its prefix already.
 */
static bool has_prefix(const struct classified *c, struct slice prefix)
{
    return c->endpoint == ENDPOINT_TAGS && c->name.len > prefix.len &&
           slice_starts(c->name, prefix) && c->name.at[prefix.len] == '/';
}

static void write_upstream_url(const struct target *target, const struct classified *c,
                               struct text *out)
{
    text_add(out, target->url);
    TEXT_ADD(out, "/v2/");
    if (target->prefix.len > 0 && !has_prefix(c, target->prefix)) {
        text_add(out, target->prefix);
        TEXT_ADD(out, "/");
    }
    text_add(out, c->name);
    text_add(out, endpoint_path(c->endpoint));
    text_add(out, c->reference);
}

void respond_location(const struct decision *decision, const struct classified *classified,
                      struct slice query, struct text *out)
{
    if (decision->outcome == OUTCOME_PAGE) {
        text_add(out, decision->page->url);
    } else if (decision->target->kind == TARGET_BUCKET) {
        url_template_write(decision->target->object, classified->reference, out);
    } else {
        write_upstream_url(decision->target, classified, out);
        query_write(out, query, classified->endpoint, decision->rule->query);
    }
}

/* The last header lines and the body; a HEAD gets the length but not the body. */
static void write_body(struct text *out, struct slice type, const struct slice *parts, size_t count,
                       bool head)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    TEXT_ADD(out, "Content-Type: ");
    text_add(out, type);
    TEXT_ADD(out, "\r\nContent-Length: ");
    text_add_number(out, len);
    /* One client's region must never reach another by way of a shared cache. */
    TEXT_ADD(out, "\r\nCache-Control: private, no-store\r\n\r\n");
    for (size_t i = 0; i < count && !head; i++)
        text_add(out, parts[i]);
}

static void write_error_head(struct text *out, const struct oci_error *error)
{
    TEXT_ADD(out, "Status: ");
    text_add_number(out, (size_t)error->status);
    TEXT_ADD(out, " ");
    text_add(out, slice_of(error->reason));
    TEXT_ADD(out, "\r\n");
    if (error->status == 405)
        TEXT_ADD(out, "Allow: GET, HEAD\r\n");
    if (error->status == 503)
        TEXT_ADD(out, "Retry-After: 5\r\n");
}

static void write_error(struct text *out, const struct oci_error *error, bool head)
{
    const struct slice body[] = {
        SLICE("{\"errors\":[{\"code\":\""), slice_of(error->code),
        SLICE("\",\"message\":\""),         slice_of(error->message),
        SLICE("\",\"detail\":null}]}\n"),
    };

    write_error_head(out, error);
    write_body(out, SLICE("application/json"), body, sizeof body / sizeof *body, head);
}

void respond_error(const struct oci_error *error, bool with_body, struct answer *answer)
{
    struct text out = {.at = answer->text, .size = sizeof answer->text};

    if (with_body) {
        write_error(&out, error, false);
    } else {
        write_error_head(&out, error);
        write_body(&out, SLICE("application/json"), NULL, 0, false);
    }
    answer->len = out.len;
}

static void write_redirect(struct text *out, const struct decision *decision,
                           const struct classified *classified, struct slice query)
{
    /* In this order: HAProxy answers 302 where the Status comes first. */
    TEXT_ADD(out, "Location: ");
    respond_location(decision, classified, query, out);
    TEXT_ADD(out, "\r\nStatus: 307 Temporary Redirect\r\n");
    write_body(out, SLICE("text/plain; charset=utf-8"), NULL, 0, false);
}

static void write_ping(struct text *out, bool head)
{
    struct slice body = SLICE("{}\n");

    TEXT_ADD(out, "Status: 200 OK\r\nDocker-Distribution-Api-Version: registry/2.0\r\n");
    write_body(out, SLICE("application/json"), &body, 1, head);
}

struct object passage_object(const struct passage *passage)
{
    const struct classified *c = &passage->routed.classified;

    return (struct object){c->endpoint, c->name, c->reference};
}

void respond_decide(struct passage *passage, const struct config *config,
                    const struct knowledge *knowledge, char *const *variables,
                    const struct findings *findings, const struct decision_trace *trace)
{
    static const struct request_format no_format;

    passage->config = config;
    request_read(&passage->request, config ? &config->request : &no_format, variables);
    if (config)
        route(config, knowledge, &passage->request, findings, trace, &passage->routed);
}

static void write_decision(const struct passage *passage, struct text *out)
{
    const struct decision *decision = &passage->routed.decision;
    bool head = passage->request.method == METHOD_HEAD;

    switch (decision->outcome) {
    case OUTCOME_REDIRECT:
    case OUTCOME_PAGE:
        write_redirect(out, decision, &passage->routed.classified, passage->request.query);
        break;
    case OUTCOME_PING:
        write_ping(out, head);
        break;
    case OUTCOME_ERROR:
        write_error(out, decision->error, head);
        break;
    }
}

void respond_write(const struct passage *passage, struct answer *answer)
{
    struct text out = {.at = answer->text, .size = sizeof answer->text};

    if (passage->config)
        write_decision(passage, &out);
    else
        write_error(&out, &error_unavailable, passage->request.method == METHOD_HEAD);
    answer->len = out.len;
}

void respond(const struct config *config, const struct knowledge *knowledge, char *const *variables,
             struct answer *answer)
{
    struct passage passage;

    respond_decide(&passage, config, knowledge, variables, NULL, NULL);
    respond_write(&passage, answer);
}
