/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/audit/totals.h"

#include <stdlib.h>
#include <string.h>

enum finding finding_of(const json_t *entry)
{
    static const char *const words[FINDINGS] = {[FINDING_MISSING] = "missing",
                                                [FINDING_DIFFERS] = "differs",
                                                [FINDING_NOWHERE] = "nowhere",
                                                [FINDING_UNSIGNED] = "unsigned"};
    const char *word = json_string_value(json_object_get(entry, "finding"));
    enum finding finding = 0;

    while (finding < FINDINGS && (!word || strcmp(word, words[finding]) != 0))
        finding++;
    return finding;
}

enum thing_kind thing_kind_of(const char *word)
{
    enum thing_kind kind = 0;

    while (kind < THING_KINDS && (!word || strcmp(word, thing_kind_word(kind)) != 0))
        kind++;
    return kind;
}

static size_t number_in(const json_t *object, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(object, key));

    return value > 0 ? (size_t)value : 0;
}

static void add_counts(size_t counts[THING_KINDS], const json_t *object)
{
    for (enum thing_kind kind = 0; kind < THING_KINDS; kind++)
        counts[kind] += number_in(object, thing_kind_word(kind));
}

static bool add_record(void *context, const json_t *record)
{
    struct totals *totals = context;
    const json_t *list = json_object_get(record, "registries"), *entry;
    size_t i;

    totals->repositories++;
    totals->contained += number_in(record, "contained");
    add_counts(totals->only, json_object_get(record, "only"));
    json_array_foreach(list, i, entry)
    {
        if (i == totals->registry_count)
            break;
        add_counts(totals->registries[i].has, json_object_get(entry, "has"));
        totals->registries[i].requests += number_in(entry, "requests");
        totals->unread += json_object_get(entry, "unread") != NULL;
    }
    json_array_foreach(json_object_get(record, "findings"), i, entry)
    {
        enum finding finding = finding_of(entry);
        if (finding < FINDINGS)
            totals->findings[finding]++;
    }
    return true;
}

bool totals_sum(struct totals *totals, struct journal *journal, size_t registries, struct why *why)
{
    *totals = (struct totals){.registries = calloc(registries, sizeof *totals->registries),
                              .registry_count = registries};
    if (!totals->registries)
        return why_not(why, "There is not enough memory.");
    return journal_each(journal, add_record, totals, why);
}

void totals_clear(struct totals *totals)
{
    free(totals->registries);
    totals->registries = NULL;
}

bool totals_may_switch(const struct totals *totals)
{
    return totals->findings[FINDING_MISSING] + totals->findings[FINDING_DIFFERS] +
               totals->findings[FINDING_NOWHERE] + totals->unread + totals->blind ==
           0;
}

size_t totals_replicated(const struct totals *totals)
{
    const size_t *has = totals->registries[0].has;
    size_t sum = 0;

    for (enum thing_kind kind = 0; kind < THING_KINDS; kind++)
        sum += kind == THING_IMAGE ? 0 : has[kind];
    return sum;
}
