/* SPDX-License-Identifier: Apache-2.0 */
#include "prober/proof.h"

#include <math.h>
#include <stdio.h>

static const char not_yet[] = "its check_object has not been fetched yet";

static void set_failure(struct proof *proof, const char *failure, int64_t at_s)
{
    proof->failed_s = at_s;
    snprintf(proof->failure, sizeof proof->failure, "%s", failure);
}

void proof_expect(struct proof *proof, bool pinned, bool is_new)
{
    if (!pinned) {
        proof->state = PROOF_NOT_ASKED;
    } else if (proof->state == PROOF_NOT_ASKED) {
        proof->state = is_new ? PROOF_OPEN : PROOF_GOOD;
        set_failure(proof, not_yet, 0);
    }
    proof->next_ms = INT64_MIN;
}

void proof_recall(struct proof *proof, const struct target_health *before)
{
    if (proof->state == PROOF_NOT_ASKED || !before->known)
        return;
    proof->state = before->state != HEALTH_DOWN ? PROOF_GOOD : PROOF_BAD;
    set_failure(proof, before->failure, before->failed_s);
}

bool proof_due(const struct proof *proof, bool in_use, struct instant now)
{
    if (proof->state == PROOF_NOT_ASKED || proof->body || now.steady_ms < proof->next_ms)
        return false;
    return in_use || proof->state != PROOF_GOOD;
}

/* At the configured distance; in doubt soon, and then later and later. */
static void plan(struct proof *proof, const struct probing *rules, struct jitter *jitter,
                 struct instant now)
{
    int64_t pause = rules->object_interval_ms;

    if (proof->bad > 0 || proof->state != PROOF_GOOD) {
        int64_t soon = monitor_doubt_ms(rules);
        for (unsigned i = 1; i < proof->bad && soon < pause; i++)
            soon *= 2;
        pause = soon < pause ? soon : pause;
    }
    proof->next_ms = now.steady_ms + llrint((double)pause * (1 - 0.2 * jitter_next(jitter)));
}

static bool take_right(struct proof *proof, const struct probing *rules)
{
    proof->bad = 0;
    proof->good++;
    if (proof->state == PROOF_GOOD || (proof->state == PROOF_BAD && proof->good < rules->rise))
        return false;
    proof->state = PROOF_GOOD;
    return true;
}

static bool take_wrong(struct proof *proof, const struct probing *rules, bool at_once)
{
    bool held = proof_holds(proof);

    proof->good = 0;
    proof->bad++;
    if (held && !at_once && proof->bad < rules->fall)
        return false;
    proof->state = PROOF_BAD;
    return held;
}

bool proof_take(struct proof *proof, const struct probing *rules, struct jitter *jitter,
                enum proof_outcome outcome, const char *failure, struct instant now)
{
    bool changed = false;

    if (proof->state == PROOF_NOT_ASKED)
        return false;
    if (outcome == PROOF_NOTHING) {
        proof->next_ms = now.steady_ms + monitor_doubt_ms(rules);
        return false;
    }
    if (outcome == PROOF_RIGHT) {
        changed = take_right(proof, rules);
    } else {
        set_failure(proof, failure, now.wall_s);
        changed = take_wrong(proof, rules, outcome == PROOF_DAMAGED);
    }
    plan(proof, rules, jitter, now);
    return changed;
}
