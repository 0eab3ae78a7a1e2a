/* SPDX-License-Identifier: Apache-2.0 */
/* One CGI request in, one CGI response out: the whole way of a request. */
#ifndef RESPOND_H
#define RESPOND_H

#include <stddef.h>
#include "decide.h"
#include "knowledge.h"
#include "text.h"

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
 * Answers one request, given as CGI variables ("NAME=value", the last entry
 * NULL). Always fills the answer; never blocks and allocates nothing. knowledge
 * may be NULL. config may be NULL, too, when it was refused: the answer is then
 * 503 with an OCI error.
 */
void respond(const struct config *config, const struct knowledge *knowledge,
             char *const *variables, struct answer *answer);

/* Writes the URL that a redirecting decision sends the client to. */
void respond_location(const struct decision *decision, const struct classified *classified,
                      struct slice query, struct text *out);

/* The status code of a decision. */
int respond_status(const struct decision *decision);

#endif
