/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client for one registry, that reads what everybody may read: manifests,
 * blobs, referrers and lists of tags, by the OCI distribution-spec. It gets
 * itself a bearer token where one is asked for, waits where it is told to (429),
 * and follows redirects to the registry itself and to the hosts it is given. It
 * reads files of a web server, too, in the same way.
 */
#ifndef REGISTRY_CLIENT_H
#define REGISTRY_CLIENT_H

#include <stddef.h>
#include "core/slice.h"
#include "core/why.h"
#include "registry/http.h"

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
     * is sent again. False ends it: nothing is asked any more. NULL: it sleeps.
     */
    bool (*wait)(void *context, double seconds);
    void *context;
    unsigned tries_max;    /* of a request that is put off (429) */
    long wait_max_seconds; /* the longest Retry-After that is waited for */
    unsigned faults_max;   /* tries of a request that fails (5xx, no answer); 0: three */
};

/* What a client needs to know; all is borrowed for its life. */
struct registry_access {
    const char *url;          /* of the registry, without a slash at its end */
    const char *prefix;       /* of the repositories there, perhaps empty */
    const char *const *hosts; /* URLs whose hosts redirects may lead to */
    size_t host_count;
    /*
     * Redirects may also lead to any other host over https, as to the networks and stores that
     * registries send for blobs: to one with a private address only if the registry has one.
     */
    bool anywhere;
    const char *ca_file; /* see http.h, and so for the next two, which all requests share */
    int64_t ends_ms;
    long speed_min;
    const struct registry_pace *pace; /* NULL: five tries, a minute */
    bool (*stopped)(void);            /* see http.h */
};

/* NULL if libcurl cannot be started. */
struct registry_client *registry_client_new(const struct registry_access *access);
void registry_client_free(struct registry_client *client);

/* Sets another time when requests are given up, by the steady clock. */
void registry_client_limit(struct registry_client *client, int64_t ends_ms);

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

/* Asks for no more than the headers of a manifest, by tag or digest. */
enum registry_outcome registry_head(struct registry_client *client, struct slice name,
                                    struct slice reference, const struct http_response **response,
                                    struct why *why);

/* Gets a blob of any size; whoever takes it checks its digest. */
enum registry_outcome registry_get_blob(struct registry_client *client, struct slice name,
                                        struct slice digest, struct http_sink sink,
                                        struct why *why);

/*
 * Gets a file beside the registry, without a token: any URL, further header lines (see http.h),
 * and a sink, which may be empty. False, with the reason, if no answer came; the answer may have
 * any status.
 */
bool registry_get_file(struct registry_client *client, const char *url, const char *const *headers,
                       struct http_sink sink, const struct http_response **response,
                       struct why *why);

/* How many requests the client has sent. */
size_t registry_client_requests(const struct registry_client *client);

#endif
