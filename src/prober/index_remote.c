/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "prober/index_remote.h"

#include <stdio.h>
#include <stdlib.h>
#include "config/index_address.h"
#include "core/instant.h"
#include "parse/oci.h"
#include "registry/client.h"
#include "registry/headers.h"
#include "registry/manifest.h"

struct index_remote {
    const char *address;
    struct index_artifact artifact; /* without a host: a folder */
    char *url;                      /* of the registry, or of the list */
    struct registry_client *client;
    int64_t ends_ms;
};

enum {
    LIST_SECONDS = 10, /* for all that it takes to have it: other mirrors wait for it */
    SPEED_MIN = 4096   /* bytes a second */
};

/* Who is busy or not well is asked again when the next list is due. */
static const struct registry_pace pace = {.tries_max = 1, .wait_max_seconds = 2, .faults_max = 1};

/* The URL of the registry, or of the list. NULL without memory. */
static char *url_of(const struct index_remote *remote)
{
    struct slice address = slice_of(remote->address), host = remote->artifact.host;
    bool is_list = slice_ends(address, SLICE("/" INDEX_LIST_NAME));
    bool has_slash = slice_ends(address, SLICE("/"));
    char *url;
    int len = host.len ? asprintf(&url, "https://%.*s", (int)host.len, host.at)
                       : asprintf(&url, "%s%s%s", remote->address, is_list || has_slash ? "" : "/",
                                  is_list ? "" : INDEX_LIST_NAME);

    return len < 0 ? NULL : url;
}

struct index_remote *index_remote_open(const char *address, const char *ca_file, int64_t ends_ms)
{
    struct index_remote *remote = calloc(1, sizeof *remote);

    if (!remote)
        return NULL;
    remote->address = address;
    remote->ends_ms = ends_ms;
    if (!index_address_artifact(slice_of(address), &remote->artifact))
        remote->artifact = (struct index_artifact){0};
    remote->url = url_of(remote);
    if (remote->url)
        remote->client = registry_client_new(&(struct registry_access){.url = remote->url,
                                                                       .prefix = "",
                                                                       .anywhere = true,
                                                                       .ca_file = ca_file,
                                                                       .ends_ms = ends_ms,
                                                                       .speed_min = SPEED_MIN,
                                                                       .pace = &pace});
    if (remote->client)
        return remote;
    index_remote_close(remote);
    return NULL;
}

void index_remote_close(struct index_remote *remote)
{
    if (!remote)
        return;
    registry_client_free(remote->client);
    free(remote->url);
    free(remote);
}

/* ---- a folder ---- */

/* False, with a sentence, unless the answer has this status. */
static bool has_status(const struct http_response *response, long status, const char *url,
                       struct why *why)
{
    return response->status == status ||
           why_not(why, "%.200s cannot be read: the answer is %ld.", url, response->status);
}

static enum index_remote_outcome list_of_folder(struct index_remote *remote,
                                                char validator[INDEX_VALIDATOR_SIZE],
                                                struct slice *text, struct why *why)
{
    const char *headers[] = {validator[0] ? validator : NULL, NULL};
    const struct http_response *response;
    struct why reason;

    if (!registry_get_file(remote->client, remote->url, headers, (struct http_sink){0}, &response,
                           &reason)) {
        why_not(why, "%s.", reason.text);
        return INDEX_REMOTE_FAILED;
    }
    if (response->status == 304 && validator[0])
        return INDEX_REMOTE_SAME;
    if (!has_status(response, 200, remote->url, why))
        return INDEX_REMOTE_FAILED;
    http_validator(response, validator);
    *text = response->body;
    return INDEX_REMOTE_SENT;
}

static bool file_of_folder(struct index_remote *remote, const struct index_list_file *file,
                           struct http_sink sink, struct why *why)
{
    const struct http_response *response;
    struct why reason;
    char *url;

    if (asprintf(&url, "%.*s%.*s", (int)(strrchr(remote->url, '/') - remote->url) + 1, remote->url,
                 (int)file->name.len, file->name.at) < 0)
        return why_not(why, "There is not enough memory.");
    bool answered = registry_get_file(remote->client, url, NULL, sink, &response, &reason);
    if (!answered)
        why_not(why, "%s.", reason.text);
    bool good = answered && has_status(response, 200, url, why);
    free(url);
    return good;
}

/* ---- an artifact ---- */

/* Makes a sentence of why a registry did not give something. */
static bool is_found(const struct index_remote *remote, enum registry_outcome outcome,
                     const char *what, const struct why *reason, struct why *why)
{
    if (outcome == REGISTRY_ABSENT)
        return why_not(why, "%s cannot be read: there is no such %s.", remote->address, what);
    return outcome == REGISTRY_FOUND || why_not(why, "%s.", reason->text);
}

/* Asks what the tag means. A registry that does not say is asked for the manifest itself. */
static bool find_digest(struct index_remote *remote, char digest[INDEX_VALIDATOR_SIZE],
                        struct why *why)
{
    const struct http_response *response;
    struct slice head, value = {0};
    struct why reason;
    enum registry_outcome outcome = registry_head(remote->client, remote->artifact.repository,
                                                  remote->artifact.tag, &response, &reason);

    if (!is_found(remote, outcome, "tag", &reason, why))
        return false;
    head = response->head;
    if (header_find(&head, SLICE("Docker-Content-Digest"), &value) && oci_is_digest(value) &&
        value.len < INDEX_VALIDATOR_SIZE)
        snprintf(digest, INDEX_VALIDATOR_SIZE, "%.*s", (int)value.len, value.at);
    else
        digest[0] = '\0';
    return true;
}

/* Gets the list, which is the configuration of a manifest that was just sent. */
static bool get_list(struct index_remote *remote, const struct manifest *manifest,
                     struct slice *text, struct why *why)
{
    const struct http_response *response;
    struct why reason;

    if (!manifest->type || strcmp(manifest->type, INDEX_ARTIFACT_TYPE) != 0 ||
        manifest->count == 0 || manifest->is_index)
        return why_not(why, "%s is no index: its type is %.100s, not " INDEX_ARTIFACT_TYPE ".",
                       remote->address, manifest->type ? manifest->type : "not told");
    struct slice list = slice_of(manifest->list[0].digest);
    enum registry_outcome outcome = registry_get(remote->client, remote->artifact.repository,
                                                 REGISTRY_BLOB, list, &response, &reason);
    *text = response->body;
    return is_found(remote, outcome, "list", &reason, why);
}

static enum index_remote_outcome list_of_artifact(struct index_remote *remote,
                                                  char validator[INDEX_VALIDATOR_SIZE],
                                                  struct slice *text, struct why *why)
{
    char digest[INDEX_VALIDATOR_SIZE];
    const struct http_response *response;
    struct manifest manifest;
    struct why reason;

    if (!find_digest(remote, digest, why))
        return INDEX_REMOTE_FAILED;
    if (digest[0] && strcmp(digest, validator) == 0)
        return INDEX_REMOTE_SAME;
    strcpy(validator, digest);
    enum registry_outcome outcome = manifest_get(
        remote->client, remote->artifact.repository,
        digest[0] ? slice_of(digest) : remote->artifact.tag, &manifest, &response, &reason);
    if (!is_found(remote, outcome, "manifest", &reason, why))
        return INDEX_REMOTE_FAILED;
    bool good = get_list(remote, &manifest, text, why);
    manifest_clear(&manifest);
    return good ? INDEX_REMOTE_SENT : INDEX_REMOTE_FAILED;
}

static bool file_of_artifact(struct index_remote *remote, const struct index_list_file *file,
                             struct http_sink sink, struct why *why)
{
    struct why reason;
    enum registry_outcome outcome =
        registry_get_blob(remote->client, remote->artifact.repository, file->digest, sink, &reason);

    return is_found(remote, outcome, "layer", &reason, why);
}

/* ---- either ---- */

enum index_remote_outcome index_remote_list(struct index_remote *remote,
                                            char validator[INDEX_VALIDATOR_SIZE],
                                            struct slice *text, struct why *why)
{
    int64_t ends_ms = instant_now().steady_ms + LIST_SECONDS * 1000;

    registry_client_limit(remote->client, ends_ms < remote->ends_ms ? ends_ms : remote->ends_ms);
    return remote->artifact.host.len ? list_of_artifact(remote, validator, text, why)
                                     : list_of_folder(remote, validator, text, why);
}

bool index_remote_file(struct index_remote *remote, const struct index_list_file *file,
                       struct http_sink sink, struct why *why)
{
    registry_client_limit(remote->client, remote->ends_ms);
    return remote->artifact.host.len ? file_of_artifact(remote, file, sink, why)
                                     : file_of_folder(remote, file, sink, why);
}
