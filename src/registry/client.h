/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client for one registry, that reads what everybody may read: manifests,
 * blobs, referrers and lists of tags, by the OCI distribution-spec. It gets
 * itself a bearer token where one is asked for, waits where it is told to (429),
 * and follows redirects to the registry itself and to the hosts it is given.
 */
#ifndef REGISTRY_CLIENT_H
#define REGISTRY_CLIENT_H

#include <stddef.h>
#include "registry/http.h"
#include "slice.h"
#include "why.h"

enum registry_endpoint {
    REGISTRY_MANIFEST,
    REGISTRY_BLOB,
    REGISTRY_REFERRERS,
    REGISTRY_TAGS,
    REGISTRY_CATALOG /* the registry's repositories, under their names there */
};

enum registry_outcome {
    REGISTRY_FOUND,
    REGISTRY_ABSENT, /* it says that there is none; for referrers, also that it has no such API */
    REGISTRY_FAILED  /* nothing is known; the reason tells */
};

struct registry_client;

/* How patient a client is, and how it waits where several ask the same registry. */
struct registry_pace {
    /*
     * Called before each request with 0, and with the seconds to wait for before one
     * is sent again. False ends it: nothing is asked any more.
     */
    bool (*wait)(void *context, double seconds);
    void *context;
    unsigned tries_max;    /* of a request that is put off (429) */
    long wait_max_seconds; /* the longest Retry-After that is waited for */
};

/* What a client needs to know; all is borrowed for its life. */
struct registry_access {
    const char *url;          /* of the registry, without a slash at its end */
    const char *prefix;       /* of the repositories there, perhaps empty */
    const char *const *hosts; /* URLs whose hosts redirects may lead to */
    size_t host_count;
    const struct registry_pace *pace; /* NULL: five tries, a minute */
    bool (*stopped)(void);            /* see http.h */
};

/* NULL if libcurl cannot be started. */
struct registry_client *registry_client_new(const struct registry_access *access);
void registry_client_free(struct registry_client *client);

/*
 * Asks for something of a repository: a manifest by tag or digest, a blob by
 * digest, the referrers of a digest, or (reference empty) the list of tags; or (name
 * empty, too) for the registry's catalog. What is asked for by digest is checked to be that. The
 * response lives until the next call.
 */
enum registry_outcome registry_get(struct registry_client *client, struct slice name,
                                   enum registry_endpoint endpoint, struct slice reference,
                                   const struct http_response **response, struct why *why);

/*
 * Asks for the page after the one that came last, for all that are lists.
 * REGISTRY_ABSENT: that was the last one.
 */
enum registry_outcome registry_get_next(struct registry_client *client,
                                        const struct http_response **response, struct why *why);

/* How many requests the client has sent. */
size_t registry_client_requests(const struct registry_client *client);

#endif
