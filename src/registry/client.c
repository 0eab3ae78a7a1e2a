/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "registry/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "registry/digest.h"
#include "registry/headers.h"
#include "registry/token.h"

enum {
    REDIRECTS_MAX = 5,
    TRIES_MAX = 5,          /* of a request that is put off (429), unless told otherwise */
    FAULTS_MAX = 3,         /* of a request that fails (5xx, no answer), unless told otherwise */
    WAIT_MAX_SECONDS = 60,  /* before one try, unless told otherwise */
    WAIT_UNTOLD_SECONDS = 2 /* where Retry-After does not say */
};

struct registry_client {
    struct registry_access access;
    const struct registry_pace *pace;
    struct http *http;
    struct http_response response;
    char *authorization; /* "Bearer …", NULL: none is needed so far */
    char *repository;    /* that it is for */
    char *url;           /* of the last answer */
    enum registry_endpoint endpoint;
    struct http_request like; /* the present one, but for what depends on the host */
    bool is_private;          /* the registry has a private address */
    size_t requests;
};

static bool wait_alone(void *context, double seconds)
{
    struct timespec pause = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

    (void)context;
    while (nanosleep(&pause, &pause) < 0)
        ;
    return true;
}

static const struct registry_pace alone = {
    .tries_max = TRIES_MAX, .wait_max_seconds = WAIT_MAX_SECONDS, .faults_max = FAULTS_MAX};

struct registry_client *registry_client_new(const struct registry_access *access)
{
    struct registry_client *client = calloc(1, sizeof *client);

    if (client) {
        client->access = *access;
        client->pace = access->pace ? access->pace : &alone;
        client->http = http_new();
    }
    if (client && client->http)
        return client;
    free(client);
    return NULL;
}

void registry_client_free(struct registry_client *client)
{
    if (!client)
        return;
    http_free(client->http);
    free(client->authorization);
    free(client->repository);
    free(client->url);
    free(client);
}

void registry_client_limit(struct registry_client *client, int64_t ends_ms)
{
    client->access.ends_ms = ends_ms;
}

size_t registry_client_requests(const struct registry_client *client)
{
    return client->requests;
}

/* ---- one request ---- */

static const char *accept_of(enum registry_endpoint endpoint)
{
    switch (endpoint) {
    case REGISTRY_MANIFEST:
        return "application/vnd.oci.image.index.v1+json, "
               "application/vnd.oci.image.manifest.v1+json, "
               "application/vnd.docker.distribution.manifest.list.v2+json, "
               "application/vnd.docker.distribution.manifest.v2+json, "
               "application/vnd.oci.artifact.manifest.v1+json, */*;q=0.1";
    case REGISTRY_REFERRERS:
        return "application/vnd.oci.image.index.v1+json";
    case REGISTRY_TAGS:
    case REGISTRY_CATALOG:
        return "application/json";
    case REGISTRY_BLOB:
        break;
    }
    return "*/*";
}

/* How often a request was put off, and how often it failed. */
struct tries {
    unsigned off, failed;
};

/* Whether to ask again, since the registry is busy or not well; and how long to wait before. */
static bool is_worth_a_try(const struct registry_client *client, bool answered, struct tries *tries,
                           double *seconds)
{
    const struct http_response *response = &client->response;
    long told = response->retry_after, most = client->pace->wait_max_seconds;
    unsigned faults_max = client->pace->faults_max ? client->pace->faults_max : FAULTS_MAX;

    if (answered && response->status == 429) {
        *seconds = told == HTTP_RETRY_UNKNOWN ? WAIT_UNTOLD_SECONDS : (double)told;
        return ++tries->off < client->pace->tries_max && told <= most;
    }
    *seconds = 0.25 * ++tries->failed;
    if (answered && told != HTTP_RETRY_UNKNOWN && (double)told > *seconds)
        *seconds = (double)told;
    return !(answered && response->status < 500) && tries->failed < faults_max &&
           *seconds <= (double)most;
}

/* Whether the operator named the host; else an answer did. */
static bool is_known(const struct registry_client *client, const char *url)
{
    if (http_same_host(url, client->access.url))
        return true;
    for (size_t i = 0; i < client->access.host_count; i++)
        if (http_same_host(url, client->access.hosts[i]))
            return true;
    return false;
}

/* A request as all of the client's are. */
static struct http_request request_for(const struct registry_client *client, const char *url)
{
    struct http_request request = client->like;

    request.url = url;
    request.stopped = client->access.stopped;
    request.ca_file = client->access.ca_file;
    request.ends_ms = client->access.ends_ms;
    request.speed_min = client->access.speed_min;
    request.public_only = client->access.anywhere && !client->is_private && !is_known(client, url);
    return request;
}

/* One request, repeated where that may help. False: no answer came. */
static bool ask(struct registry_client *client, const char *url, struct why *why)
{
    const struct registry_pace *pace = client->pace;
    bool own = http_same_host(url, client->access.url);
    struct http_request request = request_for(client, url);
    struct tries tries = {0, 0};
    double seconds = 0;

    request.authorization = own ? client->authorization : NULL;
    for (;;) {
        if (!(pace->wait ? pace->wait : wait_alone)(pace->context, seconds))
            return why_not(why, "it was interrupted");
        client->requests++;
        bool answered = http_ask(client->http, &request, &client->response, why);
        client->is_private |= answered && own && client->response.is_private;
        if (!answered && request.sink.take) /* it may have had a part */
            return false;
        if (!is_worth_a_try(client, answered, &tries, &seconds))
            return answered;
    }
}

/* ---- redirects ---- */

static bool may_contact(const struct registry_client *client, const char *url)
{
    if (http_is_https(client->access.url) && !http_is_https(url))
        return false;
    return is_known(client, url) || (client->access.anywhere && http_is_https(url));
}

static void set_url(struct registry_client *client, char *url)
{
    free(client->url);
    client->url = url;
}

/* Moves to where a redirect leads. */
static bool follow(struct registry_client *client, struct why *why)
{
    struct slice location = slice_of(client->response.location);
    char *to = location.len ? http_resolve(client->url, location) : NULL;

    if (!to)
        return why_not(why, "%.200s redirects to no URL", client->url);
    if (!may_contact(client, to)) {
        why_not(why, "%.100s redirects to %.100s, which is not followed: only %s", client->url, to,
                client->access.anywhere
                    ? "addresses that begin with https:// are"
                    : "the registry itself and the hosts of the configuration are asked");
        free(to);
        return false;
    }
    set_url(client, to);
    return true;
}

static bool is_redirect(long status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Asks at client->url, and where redirects lead. False: no answer. */
static bool ask_there(struct registry_client *client, struct why *why)
{
    struct why reason;

    for (unsigned hops = 0; hops <= REDIRECTS_MAX; hops++) {
        if (!ask(client, client->url, &reason))
            return why_not(why, "%.160s cannot be read: %.120s", client->url, reason.text);
        if (!is_redirect(client->response.status))
            return true;
        if (!follow(client, why))
            return false;
    }
    return why_not(why, "%.200s redirects more than %d times", client->url, REDIRECTS_MAX);
}

/* ---- tokens ---- */

/* Gets a token for the repository, as the answer that refused asks for. */
static bool get_token(struct registry_client *client, struct why *why)
{
    char *url = token_url(client->access.url, slice_of(client->repository),
                          slice_of(client->response.challenge), why);

    free(client->authorization);
    client->authorization = NULL;
    client->like = (struct http_request){0};
    if (url) {
        struct http_request request = request_for(client, url);
        client->requests++;
        client->authorization = token_get(client->http, &request, why);
    }
    free(url);
    return client->authorization;
}

/* Asks at a URL, which becomes the client's; once more, with a token, if one is wanted. */
static bool ask_with_token(struct registry_client *client, char *url, struct why *why)
{
    char *again = strdup(url);
    struct http_request like = client->like;

    set_url(client, url);
    bool answered = again && ask_there(client, why);
    if (answered && client->response.status == 401 && client->response.challenge[0] &&
        http_same_host(client->url, client->access.url)) {
        answered = get_token(client, why);
        client->like = like;
        set_url(client, again);
        return answered && ask_there(client, why);
    }
    free(again);
    return answered;
}

/* ---- what an answer means ---- */

/* distribution-spec, "Listing Referrers": 404 is no support; others answer more roughly. */
static bool is_absent(enum registry_endpoint endpoint, long status)
{
    return status == 404 || (endpoint == REGISTRY_REFERRERS &&
                             (status == 400 || status == 405 || status == 406 || status == 501));
}

static enum registry_outcome judge(const struct registry_client *client, struct why *why)
{
    long status = client->response.status;

    if (status == 200)
        return REGISTRY_FOUND;
    if (is_absent(client->endpoint, status))
        return REGISTRY_ABSENT;
    why_not(why, "%.200s answers %ld%s", client->url, status,
            status == 401 || status == 403 ? ", so not everybody may read it"
            : status == 429                ? ", it asks us to come back later"
                                           : "");
    return REGISTRY_FAILED;
}

static bool verify(const struct registry_client *client, struct slice digest, struct why *why)
{
    switch (digest_verify(digest, client->response.body)) {
    case DIGEST_RIGHT:
        return true;
    case DIGEST_WRONG:
        return why_not(why, "%.200s answers with something that has another digest", client->url);
    case DIGEST_NOT_MADE:
        return why_not(why, "there is not enough memory");
    case DIGEST_OF_UNKNOWN_KIND:
        break;
    }
    return why_not(why, "%.200s cannot be checked: only sha256 and sha512 digests can",
                   client->url);
}

static char *url_of(const struct registry_client *client, struct slice reference)
{
    static const char *const words[] = {[REGISTRY_MANIFEST] = "manifests",
                                        [REGISTRY_BLOB] = "blobs",
                                        [REGISTRY_REFERRERS] = "referrers",
                                        [REGISTRY_TAGS] = "tags"};
    char *url;

    if (client->endpoint == REGISTRY_CATALOG)
        return asprintf(&url, "%s/v2/_catalog?n=1000", client->access.url) < 0 ? NULL : url;
    if (reference.len == 0)
        reference = SLICE("list");
    if (asprintf(&url, "%s/v2/%s/%s/%.*s", client->access.url, client->repository,
                 words[client->endpoint], (int)reference.len, reference.at) < 0)
        return NULL;
    return url;
}

/* Turns to a repository, and its name at the registry. False: no memory. */
static bool turn_to(struct registry_client *client, struct slice name)
{
    const char *prefix = client->access.prefix;
    char *repository;

    if (asprintf(&repository, "%s%s%.*s", prefix, *prefix ? "/" : "", (int)name.len, name.at) < 0)
        return false;
    if (client->repository && strcmp(client->repository, repository) != 0) {
        free(client->authorization); /* a token for one says nothing to another */
        client->authorization = NULL;
    }
    free(client->repository);
    client->repository = repository;
    return true;
}

/* Asks for something of a repository, in the manner of client->like. */
static enum registry_outcome ask_for(struct registry_client *client, struct slice name,
                                     enum registry_endpoint endpoint, struct slice reference,
                                     struct why *why)
{
    client->endpoint = endpoint;
    client->like.accept = accept_of(endpoint);
    char *url = turn_to(client, name) ? url_of(client, reference) : NULL;
    if (!url) {
        why_not(why, "there is not enough memory");
        return REGISTRY_FAILED;
    }
    return ask_with_token(client, url, why) ? judge(client, why) : REGISTRY_FAILED;
}

enum registry_outcome registry_get(struct registry_client *client, struct slice name,
                                   enum registry_endpoint endpoint, struct slice reference,
                                   const struct http_response **response, struct why *why)
{
    bool content = endpoint == REGISTRY_MANIFEST || endpoint == REGISTRY_BLOB;

    *response = &client->response;
    client->like = (struct http_request){0};
    enum registry_outcome outcome = ask_for(client, name, endpoint, reference, why);
    if (outcome == REGISTRY_FOUND && content && memchr(reference.at, ':', reference.len) &&
        !verify(client, reference, why))
        return REGISTRY_FAILED;
    return outcome;
}

enum registry_outcome registry_head(struct registry_client *client, struct slice name,
                                    struct slice reference, const struct http_response **response,
                                    struct why *why)
{
    *response = &client->response;
    client->like = (struct http_request){.method = "HEAD"};
    return ask_for(client, name, REGISTRY_MANIFEST, reference, why);
}

enum registry_outcome registry_get_blob(struct registry_client *client, struct slice name,
                                        struct slice digest, struct http_sink sink, struct why *why)
{
    client->like = (struct http_request){.sink = sink};
    return ask_for(client, name, REGISTRY_BLOB, digest, why);
}

bool registry_get_file(struct registry_client *client, const char *url, const char *const *headers,
                       struct http_sink sink, const struct http_response **response,
                       struct why *why)
{
    char *copy = strdup(url);

    *response = &client->response;
    client->like = (struct http_request){.headers = headers, .sink = sink};
    if (!copy)
        return why_not(why, "there is not enough memory");
    set_url(client, copy);
    return ask_there(client, why);
}

enum registry_outcome registry_get_next(struct registry_client *client,
                                        const struct http_response **response, struct why *why)
{
    struct slice next = link_next(slice_of(client->response.link));

    *response = &client->response;
    if (next.len == 0)
        return REGISTRY_ABSENT;
    char *url = http_resolve(client->url, next);
    if (!url || !may_contact(client, url)) {
        why_not(why, "%.120s goes on at %.*s, which is not followed", client->url,
                (int)(next.len < 120 ? next.len : 120), next.at);
        free(url);
        return REGISTRY_FAILED;
    }
    if (!ask_with_token(client, url, why))
        return REGISTRY_FAILED;
    enum registry_outcome outcome = judge(client, why);
    if (outcome != REGISTRY_ABSENT)
        return outcome;
    why_not(why, "%.200s, a further page, is not there", client->url);
    return REGISTRY_FAILED;
}
