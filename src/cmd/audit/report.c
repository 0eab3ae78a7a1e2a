/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/audit/report.h"

#include <stdlib.h>
#include <string.h>
#include "parse/url.h"
#include "registry/http.h"

char *audit_report_reference(const char *repository, const json_t *finding)
{
    const char *tag = json_string_value(json_object_get(finding, "tag"));
    const char *digest = json_string_value(json_object_get(finding, "digest"));
    char *text;

    return asprintf(&text, "%s%s%s", repository,
                    tag      ? ":"
                    : digest ? "@"
                             : "",
                    tag      ? tag
                    : digest ? digest
                             : "") < 0
               ? NULL
               : text;
}

static const struct registry *registry_called(const struct registries *registries, const char *name)
{
    for (size_t i = 0; name && i < registries->count; i++)
        if (strcmp(registries->list[i].name, name) == 0)
            return &registries->list[i];
    return NULL;
}

/* Where clients find a thing at a registry: host/prefix/team/app:v1. */
static char *place_at(const struct registry *registry, const char *reference)
{
    struct slice host = url_authority(slice_of(registry->url));
    char *text;

    return asprintf(&text, "%.*s/%s%s%s", (int)host.len, host.at, registry->prefix,
                    *registry->prefix ? "/" : "", reference) < 0
               ? NULL
               : text;
}

/*
 * cosign takes an image's signatures along; crane copies exactly one thing, and sees
 * to the fallback tag where it is a referrer. Both are written for https only unless
 * they are told otherwise.
 */
static char *command_for(const struct registry *from, const struct registry *to, bool image,
                         const char *reference)
{
    bool plain = !http_is_https(from->url) || !http_is_https(to->url);
    const char *program = image   ? plain ? "cosign copy --allow-http-registry" : "cosign copy"
                          : plain ? "crane copy --insecure"
                                  : "crane copy";
    char *source = place_at(from, reference), *goal = place_at(to, reference), *text = NULL;

    if (!source || !goal || asprintf(&text, "%s %s %s", program, source, goal) < 0)
        text = NULL;
    free(source);
    free(goal);
    return text;
}

char *audit_report_command(const struct registries *registries, const char *repository,
                           const json_t *finding)
{
    const json_t *at = json_object_get(finding, "at");
    const struct registry *from =
        registry_called(registries, json_string_value(json_array_get(at, 0)));
    const char *kind = json_string_value(json_object_get(finding, "kind"));

    if (finding_of(finding) != FINDING_MISSING || !from || !kind)
        return NULL;
    char *reference = audit_report_reference(repository, finding);
    char *command = reference ? command_for(from, &registries->list[0],
                                            thing_kind_of(kind) == THING_IMAGE, reference)
                              : NULL;
    free(reference);
    return command;
}

size_t audit_report_pass_requests(const struct audit_report *report)
{
    return totals_replicated(report->totals) * (report->registries->count - 1);
}

double audit_report_pass_seconds(const struct audit_report *report)
{
    return report->requests && report->seconds > 0 ? (double)audit_report_pass_requests(report) *
                                                         report->seconds / (double)report->requests
                                                   : 0;
}
