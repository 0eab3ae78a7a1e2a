/* SPDX-License-Identifier: Apache-2.0 */
#include "prober/witness.h"

#include <string.h>

enum { REPLACE_MS = 3600 * 1000 };

struct object witness_object(const struct witness *witness)
{
    return (struct object){.endpoint = witness->is_manifest ? ENDPOINT_MANIFESTS : ENDPOINT_BLOBS,
                           .name = {witness->text, witness->name_len},
                           .digest = {witness->text + witness->name_len, witness->digest_len}};
}

struct witness *witnesses_find(struct witnesses *witnesses, uint32_t number)
{
    for (size_t i = 0; i < witnesses->count; i++)
        if (witnesses->list[i].number == number)
            return &witnesses->list[i];
    return NULL;
}

static void set(struct witnesses *witnesses, struct witness *witness, const struct object *object)
{
    *witness = (struct witness){.number = ++witnesses->last_number,
                                .is_manifest = object->endpoint == ENDPOINT_MANIFESTS,
                                .mark = WITNESS_NEITHER,
                                .name_len = (uint16_t)object->name.len,
                                .digest_len = (uint16_t)object->digest.len};
    memcpy(witness->text, object->name.at, object->name.len);
    memcpy(witness->text + object->name.len, object->digest.at, object->digest.len);
}

static bool fits(const struct object *object)
{
    return object->name.len <= OCI_NAME_MAX && object->digest.len <= OCI_DIGEST_MAX;
}

bool witnesses_know(const struct witnesses *witnesses, const struct object *object)
{
    for (size_t i = 0; i < witnesses->count; i++) {
        struct object known = witness_object(&witnesses->list[i]);
        if (slice_equal(known.name, object->name) || slice_equal(known.digest, object->digest))
            return true;
    }
    return false;
}

/* The one that gives way; NULL: none may now. */
static struct witness *draw_to_replace(struct witnesses *witnesses, struct jitter *jitter,
                                       struct instant now)
{
    struct witness *drawn = &witnesses->list[jitter_below(jitter, witnesses->count)];

    if (witnesses->has_replaced && now.steady_ms - witnesses->replaced_ms < REPLACE_MS)
        return NULL;
    return drawn->is_pinned || drawn->mark != WITNESS_NEITHER ? NULL : drawn;
}

void witnesses_offer(struct witnesses *witnesses, const struct object *object,
                     struct jitter *jitter, struct instant now)
{
    struct witness *place = NULL;

    if (!fits(object) || witnesses_know(witnesses, object))
        return;
    if (witnesses->count < WITNESSES_MAX) {
        place = &witnesses->list[witnesses->count++];
    } else {
        place = draw_to_replace(witnesses, jitter, now);
        if (!place)
            return;
        witnesses->has_replaced = true;
        witnesses->replaced_ms = now.steady_ms;
    }
    set(witnesses, place, object);
}

static void drop(struct witnesses *witnesses, size_t i)
{
    witnesses->list[i] = witnesses->list[--witnesses->count];
}

void witnesses_pin(struct witnesses *witnesses, const struct object *object)
{
    size_t i = 0;

    while (i < witnesses->count && !witnesses->list[i].is_pinned)
        i++;
    if (i < witnesses->count) {
        struct object former = witness_object(&witnesses->list[i]);
        if (object && former.endpoint == object->endpoint &&
            slice_equal(former.name, object->name) && slice_equal(former.digest, object->digest))
            return;
        drop(witnesses, i);
    }
    if (!object || !fits(object))
        return;
    if (witnesses->count == WITNESSES_MAX)
        drop(witnesses, 0);
    set(witnesses, &witnesses->list[witnesses->count], object);
    witnesses->list[witnesses->count++].is_pinned = true;
}

/* How many have each mark. */
struct marks {
    size_t failed, denied, gone, open;
};

static struct marks count_marks(const struct witnesses *witnesses)
{
    struct marks marks = {0};

    for (size_t i = 0; i < witnesses->count; i++) {
        enum witness_meaning mark = witnesses->list[i].mark;
        marks.failed += mark == WITNESS_FAILED;
        marks.denied += mark == WITNESS_DENIED;
        marks.gone += mark == WITNESS_GONE;
        marks.open += mark == WITNESS_NEITHER;
    }
    return marks;
}

/* The run is over: what the target has no more is a witness no more. */
static void end_run(struct witnesses *witnesses, bool all_are_gone)
{
    for (size_t i = witnesses->count; i-- > 0;) {
        struct witness *witness = &witnesses->list[i];
        if (!witness->is_pinned && (witness->mark == WITNESS_GONE || all_are_gone))
            drop(witnesses, i);
        else
            witness->mark = WITNESS_NEITHER;
    }
}

struct witness *witnesses_choose(struct witnesses *witnesses, enum target_kind kind,
                                 struct jitter *jitter)
{
    struct witness *found = NULL;
    uint64_t seen = 0;

    for (size_t i = 0; i < witnesses->count; i++) {
        struct witness *witness = &witnesses->list[i];
        if (witness->mark == WITNESS_NEITHER && witness->asking == 0 &&
            jitter_below(jitter, ++seen) == 0)
            found = witness;
    }
    if (found || witnesses->count == 0)
        return found;
    /* One failure is no reason to believe that a bucket fails: its empty blob decides. */
    if (kind == TARGET_BUCKET && count_marks(witnesses).failed < 2)
        return NULL;
    return &witnesses->list[jitter_below(jitter, witnesses->count)];
}

void witnesses_end_run(struct witnesses *witnesses)
{
    end_run(witnesses, false);
}

static bool marks_fail(const struct witnesses *witnesses, const struct marks *marks)
{
    return marks->failed >= 2 ||
           (marks->denied == witnesses->count && witnesses->count >= WITNESSES_ENOUGH);
}

bool witnesses_fail(const struct witnesses *witnesses)
{
    struct marks marks = count_marks(witnesses);

    return marks_fail(witnesses, &marks);
}

enum content witnesses_take(struct witnesses *witnesses, uint32_t number,
                            enum witness_meaning answer, enum target_kind kind)
{
    struct witness *witness = witnesses_find(witnesses, number);

    if (answer == WITNESS_NEITHER)
        return CONTENT_NOT_TOLD;
    if (answer == WITNESS_SERVED) {
        end_run(witnesses, false);
        return CONTENT_SERVED;
    }
    if (!witness)
        return CONTENT_NOT_TOLD;
    witness->mark = answer;
    struct marks marks = count_marks(witnesses);
    if (marks_fail(witnesses, &marks))
        return CONTENT_FAILS;
    if (marks.open > 0 || (marks.failed > 0 && kind == TARGET_BUCKET))
        return CONTENT_SUSPECT;
    bool is_emptied = marks.failed == 0 && witnesses->count >= WITNESSES_ENOUGH;
    end_run(witnesses, is_emptied);
    return is_emptied ? CONTENT_EMPTIED : CONTENT_SERVED;
}
