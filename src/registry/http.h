/* SPDX-License-Identifier: Apache-2.0 */
/* One request at a time, bounded in size and time, with no redirect followed. */
#ifndef REGISTRY_HTTP_H
#define REGISTRY_HTTP_H

#include <stdbool.h>
#include <stdint.h>
#include "core/slice.h"
#include "core/why.h"

enum {
    HTTP_BODY_MAX =
        4 << 20, /* bytes; distribution-spec, "Pushing Manifests": what registries take */
    HTTP_HEADER_MAX = 8192, /* of one value that is kept */
    HTTP_RETRY_UNKNOWN = -1
};

/* Connections that are kept for further requests. NULL without libcurl's help. */
struct http;

struct http *http_new(void);
void http_free(struct http *http);

/* Takes a body as it comes, of whatever size. False ends the request. */
struct http_sink {
    bool (*take)(void *context, struct slice bytes);
    void *context;
};

struct http_request {
    const char *url;
    const char *method;         /* NULL: GET */
    const char *accept;         /* NULL: anything */
    const char *authorization;  /* NULL: none */
    const char *range;          /* of bytes, "0-99"; NULL: the whole */
    const char *const *headers; /* further lines, "Name: value", ended by NULL; NULL: none */
    const char *connect_to;     /* HOST:PORT:ADDRESS:PORT in place of DNS; NULL: no such */
    const char *ca_file;        /* certificates that are trusted; NULL: the system's */
    struct http_sink sink;      /* for the body of a 2xx answer; else it is kept */
    bool (*stopped)(void);      /* asked at least once a second; true ends it; NULL: never */
    int64_t ends_ms;            /* when it is given up, by the steady clock; 0: after a minute */
    long speed_min;             /* bytes a second; less for half a minute ends it; 0: 1, a minute */
    bool public_only;           /* connect anew to no private address (see private.h) */
};

struct http_response {
    long status;
    struct slice head; /* its header lines; like the body, it lives until the next request */
    struct slice body;
    char type[128]; /* Content-Type without parameters, in lower case */
    char location[HTTP_HEADER_MAX], link[HTTP_HEADER_MAX];
    char challenge[HTTP_HEADER_MAX]; /* WWW-Authenticate, the one that names Bearer */
    long retry_after;                /* seconds, or HTTP_RETRY_UNKNOWN */
    bool is_private;                 /* it came from a private address */
};

/*
 * Asks, and waits for the whole answer. False, with the reason, if none came; the
 * reason follows a URL: "… cannot be read: <reason>".
 */
bool http_ask(struct http *http, const struct http_request *request, struct http_response *response,
              struct why *why);

enum { HTTP_VALIDATOR_SIZE = 256 };

/*
 * The header line by which a later request asks for content only if it is no longer that of this
 * answer (RFC 9110, 8.8 and 13.1). Empty if there is none to rely on: content that was younger
 * than a minute may have changed once more under the same date, and servers make tags of dates.
 */
void http_validator(const struct http_response *response, char line[HTTP_VALIDATOR_SIZE]);

/* A URL resolved against another (RFC 3986, 5), to be freed; NULL if it is none over HTTP. */
char *http_resolve(const char *base, struct slice reference);

/* Whether two URLs have the same host and port. */
bool http_same_host(const char *a, const char *b);

/* Whether a URL is encrypted. */
bool http_is_https(const char *url);

/* Text for a URL's query, percent-encoded, to be freed; NULL without memory. */
char *http_escape(const char *text);

#endif
