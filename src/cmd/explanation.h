/* SPDX-License-Identifier: Apache-2.0 */
/* Why a request goes where it goes: a decision with all that led to it. */
#ifndef CMD_EXPLANATION_H
#define CMD_EXPLANATION_H

#include <stdio.h>
#include "route/explain_words.h"
#include "route/nearest.h"
#include "route/respond.h"
#include "route/route.h"

/* A target that a rule's word stood for, and what became of it. */
struct explained_step {
    const struct step *step;
    const struct target *target; /* NULL if the word meant none */
    enum verdict verdict;
    bool is_out; /* taken although it is down, drained, or to take none: there is no other */
};

/* An upstream's rank among those nearest to the client. */
struct explained_rank {
    const struct target *target;
    struct rank rank;
    struct part part;         /* of its requests that it takes now */
    enum admission admission; /* and whether this client's are among them */
};

struct explanation {
    const struct config *config;
    const char *method, *asked; /* as given; borrowed */
    struct request request;
    struct routed routed;
    /* Those of the rule and of `unsure`, and whose share the client is not in. */
    const struct knowledge *knowledge;
    struct explained_step step[RULE_STEPS_MAX + 2 + DRAWS_MAX];
    size_t step_count;
    struct explained_rank rank[TARGETS_MAX]; /* upstreams, the nearest first */
    size_t rank_count;
    char location[ANSWER_MAX]; /* NUL-terminated, empty without a redirect */
};

/* Decides on a request given as CGI variables, and keeps what led to the decision. */
void explain(struct explanation *explanation, const struct config *config,
             const struct knowledge *knowledge, const char *method, const char *asked,
             char *const *variables);

/* Prints it for people. */
void explain_print(const struct explanation *explanation, FILE *out);

/* Prints what is known of the client, and how, as one line. */
void explain_print_client(const struct explanation *explanation, FILE *out);

/* Prints the upstreams, the nearest first, at most count of them. */
void explain_print_ranks(const struct explanation *explanation, size_t count, FILE *out);

/*
 * Why a target was taken that is drained or has a share of none, as part of a sentence; false
 * if it is neither.
 */
bool explain_last_resort(const struct explanation *explanation, const struct explained_step *step,
                         struct why *why);

/* The database's entry that told the place, "192.0.2.0/24"; returns text. */
const char *explain_prefix(const struct client *client, char text[ADDRESS_PREFIX_TEXT]);

/* The distance of a rank in km, or -1 if it is not known. */
double explain_km(const struct explanation *explanation, const struct target *target);

#endif
