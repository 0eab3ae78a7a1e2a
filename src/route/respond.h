/* SPDX-License-Identifier: Apache-2.0 */
/* One CGI request in, one CGI response out: the whole way of a request. */
#ifndef ROUTE_RESPOND_H
#define ROUTE_RESPOND_H

#include <stddef.h>
#include "core/text.h"
#include "route/decide.h"
#include "route/route.h"
#include "state/knowledge.h"

enum {
    /* No answer is longer: it must fit one FastCGI record, written in one go. */
    ANSWER_MAX = 24 * 1024
};

/* A CGI response (RFC 3875, 6.2): header lines, an empty line, a short body. */
struct answer {
    size_t len;
    char text[ANSWER_MAX];
};

/*
 * A request that has been read and decided on, and is not answered yet. It borrows
 * from the configuration, from the variables and from itself: it cannot be copied.
 */
struct passage {
    const struct config *config; /* NULL: it was refused */
    struct request request;
    struct routed routed; /* not set without a configuration */
};

/*
 * The first half of respond(): reads a request and decides on it. findings are what
 * the prober has answered, or NULL; trace is told why it is so, or NULL. A caller who can wait for
 * the prober looks at passage_asks() then, asks, and starts again with the findings.
 */
void respond_decide(struct passage *passage, const struct config *config,
                    const struct knowledge *knowledge, char *const *variables,
                    const struct findings *findings, const struct decision_trace *trace);

/* How many targets the prober could be asked about; they are in the decision. */
static inline size_t passage_asks(const struct passage *passage)
{
    return passage->config ? passage->routed.decision.ask_count : 0;
}

/* What the prober could be asked for, if passage_asks(). Borrows from the passage. */
struct object passage_object(const struct passage *passage);

/* The second half: writes the answer. */
void respond_write(const struct passage *passage, struct answer *answer);

/*
 * Answers one request, given as CGI variables ("NAME=value", the last entry
 * NULL). Always fills the answer; never blocks and allocates nothing. knowledge
 * may be NULL. config may be NULL, too, when it was refused: the answer is then
 * 503 with an OCI error.
 */
void respond(const struct config *config, const struct knowledge *knowledge, char *const *variables,
             struct answer *answer);

/*
 * Answers a request of which no more is known with an error. Without a body, which must
 * not go to a client that has asked with HEAD, the answer says that it has none.
 */
void respond_error(const struct oci_error *error, bool with_body, struct answer *answer);

/* Writes the URL that a redirecting decision sends the client to. */
void respond_location(const struct decision *decision, const struct classified *classified,
                      struct slice query, struct text *out);

#endif
