/* SPDX-License-Identifier: Apache-2.0 */
/* The search for targets on behalf of one request: whom the words of a rule mean for it. */
#ifndef ROUTE_SEARCH_H
#define ROUTE_SEARCH_H

#include "route/decide.h"
#include "state/admission.h"

struct search {
    const struct question *question;
    struct guest guest;
    struct decision *decision; /* where draws are noted */

    /* Its own. */
    struct cache_hash hash;       /* of the object that is asked for */
    const struct step *step;      /* the word that is looked at */
    const struct target *nearest; /* looked for once */
    const struct target *passed[DRAWS_MAX];
    size_t passed_count;
};

/*
 * The target that a word means for this client; NULL if it means none. "nearest" is
 * the nearest upstream in whose share the client is, or a stand-in while that is down;
 * "bucket" likewise, without a stand-in; "canonical" the first in its list, or the
 * nearest of them, that is up; shares count there only while another one can take the rest.
 */
const struct target *search_target(struct search *search, const struct step *step);

/* What "nearest" means, for who has no word. */
const struct target *search_nearest(struct search *search);

/* Whether the target speaks the client's kind of address. */
bool search_speaks_to(const struct client *client, const struct target *target);

/* Whether a target that a word has led to takes the request. */
enum admission search_admission(const struct search *search, enum step_kind kind,
                                const struct target *target);

/*
 * Notes that the target's share was asked about, if it has one, for those who count.
 * Returns whether that is news.
 */
bool search_note_draw(struct search *search, const struct target *target, bool is_in);

/* Notes that the request is not sent to a target that it is meant for, for those who count. */
void search_note_down(struct search *search, const struct target *target);

/* Tells what became of a target, if anybody wants to know. */
void search_tell(const struct search *search, const struct step *step, const struct target *target,
                 enum verdict verdict);

#endif
