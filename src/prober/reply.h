/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an answer means. A check tells whether a target is up; a probe, a request for an
 * object that a client named, only tells whether the target holds that object: strangers
 * choose what is probed, so a probe never decides health. Pure functions of the answer.
 */
#ifndef PROBER_REPLY_H
#define PROBER_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "config/holding.h"
#include "config/probing.h"

/* Why there is no answer. */
enum reply_failure {
    FAILURE_NONE,     /* there is one */
    FAILURE_NETWORK,  /* no address, no connection, or no TLS session */
    FAILURE_SILENCE,  /* a connection, but no whole answer in time */
    FAILURE_NOT_SENT, /* the request waited here until its time was over */
};

enum reply_digest { DIGEST_NOT_TOLD, DIGEST_SAME, DIGEST_OTHER };
enum reply_type { TYPE_OTHER, TYPE_HTML, TYPE_MANIFEST };

/* The last answer to a request, after its redirects. */
struct reply {
    enum reply_failure failure;
    bool was_refused;  /* then: the connection was */
    const char *words; /* of a failure, for people */
    int status;        /* 0: there is no answer */
    unsigned took_ms;
    unsigned retry_after_s;   /* Retry-After, 0: none, or none in seconds */
    enum reply_digest digest; /* Docker-Content-Digest, beside the digest asked for */
    enum reply_type type;     /* Content-Type */
    bool is_empty;            /* Content-Length is 0 */
    bool is_registry;         /* Docker-Distribution-Api-Version: registry/2.0 */
    bool wants_login;         /* WWW-Authenticate */
    bool is_store;            /* a header of S3, GCS, Azure or B2 */
    bool was_redirected;
    bool led_away; /* a redirect to a host that is not configured, or one too many */
};

/* The object that was asked for, and whom. */
struct reply_object {
    enum target_kind kind; /* of the target */
    bool is_manifest;
    bool is_empty_blob;
    bool serves_content; /* a bucket that has just served a witness: a page with 404 is its own */
};

/* Describes the object, of a target of which nothing more is known. */
struct reply_object reply_object(enum target_kind kind, const struct object *object);

/* What a probe's answer says, of a target whose last check was good. */
enum holding reply_holding(const struct reply *reply, struct reply_object object);

/* Whether the same is to be asked by GET: the target has no HEAD, or a redirect forbids it. */
bool reply_wants_get(const struct reply *reply);

/* Whether the target wants to be asked less: 429, or a store's 503. */
bool reply_limits_rate(const struct reply *reply);

/* Whether a probe ended so that the target's next check should come soon. */
bool reply_is_trouble(const struct reply *reply);

/*
 * Whether a probe ended so that it says nothing of the object, since the target will not or cannot
 * serve: 401, 429 or 5xx, or a refused connection.
 */
bool reply_is_refusal(const struct reply *reply);

enum path_meaning { CHECK_GOOD, CHECK_BAD, CHECK_NEITHER };

/* What the answer to an upstream's `health_path` means. */
enum path_meaning reply_of_path(const struct reply *reply, const struct probing *rules);

/* What a bucket's answer to a HEAD for the empty blob means. */
enum path_meaning reply_of_bucket(const struct reply *reply);

/* What the answer for an object means that the target has served before. */
enum witness_meaning {
    WITNESS_SERVED,
    WITNESS_FAILED, /* 5xx, no answer, or something else in its place */
    WITNESS_DENIED, /* 401 or 403 */
    WITNESS_GONE,   /* 404; of a bucket also 403 */
    WITNESS_NEITHER
};

enum witness_meaning reply_of_witness(const struct reply *reply, struct reply_object object);

/* A bad answer in a few words, for people; in the buffer or elsewhere. */
const char *reply_describe(const struct reply *reply, char *buffer, size_t size);

#endif
