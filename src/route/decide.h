/* SPDX-License-Identifier: Apache-2.0 */
/* The decision on one request: where it goes, or how it is answered here. */
#ifndef ROUTE_DECIDE_H
#define ROUTE_DECIDE_H

#include "config/client.h"
#include "config/configuration.h"
#include "config/holding.h"
#include "config/rule.h"
#include "parse/classify.h"
#include "parse/request.h"
#include "state/knowledge.h"

enum outcome {
    OUTCOME_REDIRECT, /* to a target */
    OUTCOME_PAGE,     /* to a fixed page */
    OUTCOME_PING,     /* 200 for /v2/ */
    OUTCOME_ERROR
};

/* An error as the OCI distribution-spec ("Error Codes") words it. */
struct oci_error {
    int status;
    const char *reason; /* the status line's, as in RFC 9110, 15 */
    const char *code;
    const char *message;
};

/* A target with a share that the request was meant for, and whether the client is in it. */
struct draw {
    const struct target *target;
    bool is_in;
};

enum { DRAWS_MAX = 8 };

/* Whose word on who holds an object by digest a decision has believed. */
enum word_of {
    WORD_OF_NOBODY, /* nobody's was needed, or nobody had one (`unsure`) */
    WORD_OF_CACHE,
    WORD_OF_PROBER
};

/* Why it is not known who holds an object, where a decision is by the rule's `unsure`. */
enum unsure {
    UNSURE_NOT,       /* it is known, or does not matter */
    UNSURE_NOT_ASKED, /* the prober was not asked */
    UNSURE_NO_ANSWER, /* it did not answer in time */
    UNSURE_NOT_KNOWN, /* it has no word of the targets: it could not ask them, or they are silent */
    UNSURE_IN_TROUBLE, /* a registry answered 401, 429 or 5xx, or refused the connection */
};

struct decision {
    enum outcome outcome;
    const struct oci_error *error; /* OUTCOME_ERROR */
    const struct page *page;       /* OUTCOME_PAGE */
    const struct rule *rule;       /* OUTCOME_REDIRECT, and the next two */
    const struct step *step;       /* the word of the rule that gave the target */
    const struct target *target;
    enum unsure unsure; /* by the rule's `unsure`: it is not known who holds the object */
    /* The nearest is down: who is asked to stand in, whether or not it took the request. */
    const struct target *stand_in;
    enum word_of word_of;
    size_t ask_count, draw_count, down_count;
    /*
     * The targets that the prober could be asked about: if there are any, the
     * decision may become a better one when it has answered.
     */
    const struct target *ask[FINDINGS_MAX];
    struct draw draw[DRAWS_MAX]; /* at most one for a target */
    /* The targets that the request was meant for and passed over, since they are down or drained.
     */
    const struct target *down[DRAWS_MAX];
};

/* What became of a target that was looked at. */
enum verdict {
    VERDICT_TAKEN,
    VERDICT_NOT_KNOWN,    /* it is not known whether it holds the object */
    VERDICT_ABSENT,       /* it is known not to hold it */
    VERDICT_DOWN,         /* it is down or drained, or returns and takes this client's not yet */
    VERDICT_NOT_IN_SHARE, /* it takes a share of its requests, and this client is not in it */
    VERDICT_NONE,         /* the word means no target for this client */
    VERDICT_NO_BLOB,      /* a bucket holds only blobs */
    VERDICT_IPV4_ONLY     /* the client has an IPv6 address */
};

/* Told of every target that is looked at, so that a decision can be explained. */
struct decision_trace {
    void (*saw)(void *ctx, const struct step *step, const struct target *target,
                enum verdict verdict);
    void *ctx;
};

/* All that a decision depends on. */
struct question {
    const struct config *config;
    const struct knowledge *knowledge; /* NULL: nothing is known */
    const struct request *request;
    const struct classified *classified;
    const struct client *client;        /* looked at only for a class that rules match */
    const struct findings *findings;    /* what the prober has answered; NULL: not asked */
    const struct decision_trace *trace; /* NULL: nobody wants to know why */
};

/* Decides on a request. The decision borrows from the configuration. */
void decide(const struct question *question, struct decision *decision);

/* The status code of its answer. */
int decision_status(const struct decision *decision);

/* The error for a refused configuration. */
extern const struct oci_error error_unavailable, error_header_too_long, error_too_late,
    error_incomplete;

#endif
