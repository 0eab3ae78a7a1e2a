/* SPDX-License-Identifier: Apache-2.0 */
/* The sums over all records of an audit, and what they mean. */
#ifndef CMD_AUDIT_TOTALS_H
#define CMD_AUDIT_TOTALS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include "cmd/audit/inventory.h"
#include "cmd/audit/journal.h"

/* What is found; "nowhere": a repository that no registry has. */
enum finding { FINDING_MISSING, FINDING_DIFFERS, FINDING_NOWHERE, FINDING_UNSIGNED, FINDINGS };

struct holding_totals {
    size_t has[THING_KINDS];
    size_t requests;
};

struct totals {
    struct holding_totals *registries; /* one for each */
    size_t registry_count;
    size_t repositories;
    size_t unread; /* repositories, each time that a registry could not be read */
    size_t blind;  /* registries whose catalog could not be read */
    size_t findings[FINDINGS];
    size_t only[THING_KINDS], contained;
};

/* Sums up. False with the reason. End with totals_clear. */
bool totals_sum(struct totals *totals, struct journal *journal, size_t registries, struct why *why);

void totals_clear(struct totals *totals);

/* Whether nothing is in the way of switching replication off. */
bool totals_may_switch(const struct totals *totals);

/* Signatures, attestations, SBOMs and referrers at the canonical registry. */
size_t totals_replicated(const struct totals *totals);

/* Which finding a record's entry is; FINDINGS for none. */
enum finding finding_of(const json_t *entry);

/* The kind of a thing by its word; THING_KINDS for none. */
enum thing_kind thing_kind_of(const char *word);

#endif
