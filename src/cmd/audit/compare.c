/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/audit/compare.h"

#include <stdlib.h>

/* A thing, and the number of the registry that has it; 0 is the canonical one. */
struct sight {
    const struct thing *thing;
    size_t registry;
};

/* The sights of one tag, or of one referrer, in the order of the registries. */
struct group {
    const struct sight *list;
    size_t count;
};

struct comparison {
    const struct registries *registries;
    const struct inventory *inventories;
    bool canonical_failed, any_failed;
    struct digest_set is_signed; /* what a signature belongs to, at any registry */
    struct digest_set unsigned_; /* images that have been told of */
    size_t only[THING_KINDS], contained;
    json_t *findings;
};

/* ---- order ---- */

/* Tags go before what has none. */
static int compare_keys(const struct thing *a, const struct thing *b)
{
    if (a->tag && b->tag)
        return strcmp(a->tag, b->tag);
    if (a->tag || b->tag)
        return a->tag ? -1 : 1;
    return strcmp(a->digest, b->digest);
}

static int compare_sights(const void *a, const void *b)
{
    const struct sight *x = a, *y = b;
    int order = compare_keys(x->thing, y->thing);

    return order ? order : (x->registry > y->registry) - (x->registry < y->registry);
}

static struct sight *sights_of(const struct comparison *comparison, size_t *count)
{
    size_t room = 1;

    for (size_t i = 0; i < comparison->registries->count; i++)
        room += comparison->inventories[i].count;
    struct sight *sights = calloc(room, sizeof *sights);
    *count = 0;
    for (size_t i = 0; sights && i < comparison->registries->count; i++) {
        const struct inventory *inventory = &comparison->inventories[i];
        for (size_t j = 0; !inventory->failed && j < inventory->count; j++)
            sights[(*count)++] = (struct sight){&inventory->list[j], i};
    }
    if (sights)
        qsort(sights, *count, sizeof *sights, compare_sights);
    return sights;
}

/* ---- findings ---- */

static json_t *add_finding(struct comparison *comparison, const char *what,
                           const struct thing *thing, json_t *at)
{
    json_t *finding = json_pack("{s:s,s:s,s:s*,s:s,s:s*,s:o}", "finding", what, "kind",
                                thing_kind_word(thing->kind), "tag", thing->tag, "digest",
                                thing->digest, "subject", thing->subject, "at", at);

    json_array_append_new(comparison->findings, finding);
    return finding;
}

static const char *name_of(const struct comparison *comparison, const struct sight *sight)
{
    return comparison->registries->list[sight->registry].name;
}

static json_t *names_of(const struct comparison *comparison, const struct group *group,
                        const char *digest)
{
    json_t *names = json_array();

    for (size_t i = 0; i < group->count; i++)
        if (!digest || strcmp(group->list[i].thing->digest, digest) == 0)
            json_array_append_new(names, json_string(name_of(comparison, &group->list[i])));
    return names;
}

static bool has_all(const struct digest_set *set, const struct digest_set *wanted)
{
    for (size_t i = 0; i < wanted->count; i++)
        if (!digest_set_has(set, slice_of(wanted->list[i])))
            return false;
    return true;
}

/*
 * Whether what the others have under a tag is in what the canonical registry has:
 * cosign writes each further signature beside those before, in a new manifest.
 */
static bool is_contained(const struct group *group)
{
    const struct thing *first = group->list[0].thing;

    if (group->list[0].registry != 0 || !first->subject)
        return false;
    for (size_t i = 1; i < group->count; i++)
        if (!has_all(&first->layers, &group->list[i].thing->layers))
            return false;
    return true;
}

static bool differs(const struct group *group)
{
    for (size_t i = 1; i < group->count; i++)
        if (strcmp(group->list[i].thing->digest, group->list[0].thing->digest) != 0)
            return true;
    return false;
}

static void look_at_differences(struct comparison *comparison, const struct group *group)
{
    if (!differs(group))
        return;
    if (is_contained(group)) {
        comparison->contained++;
        return;
    }
    json_t *digests = json_object();
    for (size_t i = 0; i < group->count; i++)
        json_object_set_new(digests, name_of(comparison, &group->list[i]),
                            json_string(group->list[i].thing->digest));
    add_finding(comparison, "differs", group->list[0].thing, digests);
}

/* Tells of an image that nobody has signed, once, whatever its tags. */
static void look_at_signatures(struct comparison *comparison, const struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        const struct thing *thing = group->list[i].thing;
        struct slice digest = slice_of(thing->digest);
        if (thing->kind != THING_IMAGE || digest_set_has(&comparison->is_signed, digest) ||
            digest_set_has(&comparison->unsigned_, digest))
            continue;
        digest_set_add(&comparison->unsigned_, digest);
        add_finding(comparison, "unsigned", thing, names_of(comparison, group, thing->digest));
    }
}

static void look_at(struct comparison *comparison, const struct group *group)
{
    const struct sight *first = &group->list[0];

    if (first->registry != 0 && !comparison->canonical_failed)
        add_finding(comparison, "missing", first->thing,
                    names_of(comparison, group, first->thing->digest));
    look_at_differences(comparison, group);
    look_at_signatures(comparison, group);
    if (first->registry == 0 && group->count == 1 && !comparison->any_failed)
        comparison->only[first->thing->kind]++;
}

static bool look_at_all(struct comparison *comparison)
{
    size_t count, next;
    struct sight *sights = sights_of(comparison, &count);

    if (!sights)
        return false;
    if (count == 0 && !comparison->any_failed)
        json_array_append_new(comparison->findings, json_pack("{s:s}", "finding", "nowhere"));
    for (size_t i = 0; i < count; i++)
        if (sights[i].thing->signs)
            digest_set_add(&comparison->is_signed, slice_of(sights[i].thing->subject));
    for (size_t i = 0; i < count; i = next) {
        for (next = i + 1; next < count; next++)
            if (compare_keys(sights[i].thing, sights[next].thing) != 0)
                break;
        look_at(comparison, &(struct group){&sights[i], next - i});
    }
    free(sights);
    return true;
}

/* ---- the record ---- */

/* How many there are of each kind, under the words for them. */
static json_t *counts_json(const size_t counts[THING_KINDS])
{
    json_t *json = json_object();

    for (enum thing_kind kind = 0; kind < THING_KINDS; kind++)
        json_object_set_new(json, thing_kind_word(kind), json_integer((json_int_t)counts[kind]));
    return json;
}

/* Why a registry could not be read: it may quote bytes that are no UTF-8. */
static json_t *reason_json(const struct inventory *inventory)
{
    json_t *reason = json_string(inventory->why.text);

    return reason ? reason : json_string("it answers with what is no text");
}

static json_t *inventories_json(const struct comparison *comparison)
{
    json_t *list = json_array();

    for (size_t i = 0; i < comparison->registries->count; i++) {
        const struct inventory *inventory = &comparison->inventories[i];
        size_t counts[THING_KINDS] = {0};
        for (size_t j = 0; !inventory->failed && j < inventory->count; j++)
            counts[inventory->list[j].kind]++;
        json_array_append_new(list, json_pack("{s:o,s:I,s:o*}", "has", counts_json(counts),
                                              "requests", (json_int_t)inventory->requests, "unread",
                                              inventory->failed ? reason_json(inventory) : NULL));
    }
    return list;
}

static json_t *digests_json(const struct digest_set *set)
{
    json_t *list = json_array();

    for (size_t i = 0; i < set->count; i++)
        json_array_append_new(list, json_string(set->list[i]));
    return list;
}

static json_t *record_of(const struct comparison *comparison, struct slice repository)
{
    const struct inventory *canonical = &comparison->inventories[0];
    json_t *record =
        json_pack("{s:s%,s:o,s:o,s:I,s:O}", "repository", repository.at, repository.len,
                  "registries", inventories_json(comparison), "only", counts_json(comparison->only),
                  "contained", (json_int_t)comparison->contained, "findings", comparison->findings);

    if (canonical->own.count && !canonical->failed) {
        json_object_set_new(record, "content", digests_json(&canonical->content));
        json_object_set_new(record, "own", digests_json(&canonical->own));
    }
    return record;
}

json_t *audit_compare(struct slice repository, const struct registries *registries,
                      const struct inventory *inventories)
{
    struct comparison comparison = {
        .registries = registries,
        .inventories = inventories,
        .canonical_failed = inventories[0].failed,
        .findings = json_array(),
    };
    for (size_t i = 0; i < registries->count; i++)
        comparison.any_failed |= inventories[i].failed;
    bool compared =
        look_at_all(&comparison) && !comparison.is_signed.starved && !comparison.unsigned_.starved;
    json_t *record = compared ? record_of(&comparison, repository) : NULL;

    json_decref(comparison.findings);
    digest_set_clear(&comparison.is_signed);
    digest_set_clear(&comparison.unsigned_);
    return record;
}
