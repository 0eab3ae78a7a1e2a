/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a target has proven itself: what is due when, and what the outcomes make of it. */
#include "config.h"
#include <math.h>
#include <stdlib.h>
#include "config/probing.h"
#include "parse/oci.h"
#include "prober/jitter.h"
#include "prober/proof.h"
#include "tap.h"
#include "tight.h"

enum { WALL_S = 1700000000 };

static const struct probing rules = {
    .interval_ms = 10000, .object_interval_ms = 600000, .fall = 3, .rise = 2};
static struct jitter jitter = {1};

static struct instant at(int64_t ms)
{
    return (struct instant){1000000 + ms, WALL_S + ms / 1000};
}

static bool take(struct proof *proof, enum proof_outcome outcome, int64_t ms)
{
    return proof_take(proof, &rules, &jitter, outcome, "wrong", at(ms));
}

/* In how many ms it is due, at the earliest. */
static int64_t pause_of(const struct proof *proof, int64_t ms)
{
    return proof->next_ms - at(ms).steady_ms;
}

static void test_expected(void)
{
    struct proof proof = {.state = PROOF_NOT_ASKED};

    proof_expect(&proof, false, true);
    cmp_ok(proof.state, ==, PROOF_NOT_ASKED, "nothing is pinned");
    ok(!proof_due(&proof, true, at(0)), "and nothing due");
    ok(!take(&proof, PROOF_DAMAGED, 0) && proof_holds(&proof), "no outcome counts");
    proof_expect(&proof, true, true);
    cmp_ok(proof.state, ==, PROOF_OPEN, "a new target has to prove itself");
    like(proof.failure, "not", "which is said");
    cmp_ok(proof.failed_s, ==, 0, "as no failure");
    ok(!proof_holds(&proof) && proof_due(&proof, false, at(0)), "at once, before it is used");
    proof_expect(&proof, false, false);
    proof_expect(&proof, true, false);
    ok(proof.state == PROOF_GOOD && proof_holds(&proof), "one in use is trusted");
    ok(!proof_due(&proof, false, at(0)) && proof_due(&proof, true, at(0)), "and asked in use");
    proof.state = PROOF_BAD;
    proof_expect(&proof, true, true);
    cmp_ok(proof.state, ==, PROOF_BAD, "what is known stays");
}

static void test_due(void)
{
    struct proof proof = {.state = PROOF_GOOD, .next_ms = at(50).steady_ms};

    ok(!proof_due(&proof, true, at(49)), "not before its time");
    ok(proof_due(&proof, true, at(50)), "but then");
    proof.body = (struct proof_body *)&proof;
    ok(!proof_due(&proof, true, at(50)), "unless it is under way");
}

static void test_recalled(void)
{
    struct proof proof = {.state = PROOF_OPEN};
    struct target_health before = {.state = HEALTH_DOWN, .failed_s = WALL_S, .failure = "late"};

    proof_recall(&proof, &before);
    cmp_ok(proof.state, ==, PROOF_OPEN, "nothing was known");
    before.known = true;
    proof_recall(&proof, &before);
    cmp_ok(proof.state, ==, PROOF_BAD, "it was down");
    is(proof.failure, "late", "for this reason");
    cmp_ok(proof.failed_s, ==, WALL_S, "then");
    before.state = HEALTH_UP;
    proof_recall(&proof, &before);
    cmp_ok(proof.state, ==, PROOF_GOOD, "it was up");
    proof.state = PROOF_NOT_ASKED;
    proof_recall(&proof, &before);
    cmp_ok(proof.state, ==, PROOF_NOT_ASKED, "nothing is pinned");
}

static void test_first(void)
{
    struct proof proof = {.state = PROOF_OPEN};

    ok(take(&proof, PROOF_RIGHT, 0), "the first proof changes it");
    cmp_ok(proof.state, ==, PROOF_GOOD, "to good");
    ok(pause_of(&proof, 0) > 479000 && pause_of(&proof, 0) <= 600000, "it is asked much later");
    ok(!take(&proof, PROOF_RIGHT, 600000), "the next one changes nothing");
    proof = (struct proof){.state = PROOF_OPEN};
    ok(!take(&proof, PROOF_MISSED, 0), "without a proof it has as few requests as before");
    cmp_ok(proof.state, ==, PROOF_BAD, "for another reason");
    is(proof.failure, "wrong", "which is said");
    cmp_ok(proof.failed_s, ==, WALL_S, "with the time");
}

static void test_fall_and_rise(void)
{
    struct proof proof = {.state = PROOF_GOOD};
    int64_t soon = monitor_doubt_ms(&rules);

    ok(!take(&proof, PROOF_MISSED, 0) && proof_holds(&proof), "missed once");
    ok(pause_of(&proof, 0) > soon * 8 / 10 - 2 && pause_of(&proof, 0) <= soon, "asked soon");
    ok(!take(&proof, PROOF_NOTHING, 1000), "nothing found out");
    cmp_ok(pause_of(&proof, 1000), ==, soon, "is asked again soon");
    ok(!take(&proof, PROOF_MISSED, 2000) && proof_holds(&proof), "missed twice");
    ok(pause_of(&proof, 2000) > soon * 16 / 10 - 2 && pause_of(&proof, 2000) <= 2 * soon,
       "asked a little later");
    ok(take(&proof, PROOF_MISSED, 3000) && !proof_holds(&proof), "the third time it falls");
    for (int i = 0; i < 40; i++)
        ok(!take(&proof, PROOF_MISSED, 4000) && pause_of(&proof, 4000) <= 600000, "and stays");
    ok(pause_of(&proof, 4000) > 479000, "at last it is asked as seldom as a good one");
    ok(!take(&proof, PROOF_RIGHT, 5000) && !proof_holds(&proof), "right once");
    ok(pause_of(&proof, 5000) <= soon, "asked soon");
    ok(take(&proof, PROOF_RIGHT, 6000) && proof_holds(&proof), "right twice: it is back");
    ok(take(&proof, PROOF_DAMAGED, 7000) && !proof_holds(&proof), "damaged: it falls at once");
    ok(!take(&proof, PROOF_RIGHT, 8000) && !take(&proof, PROOF_MISSED, 9000) &&
           !take(&proof, PROOF_RIGHT, 10000),
       "only what is right in a row counts");
    ok(take(&proof, PROOF_RIGHT, 11000), "twice");
    ok(!take(&proof, PROOF_MISSED, 12000) && !take(&proof, PROOF_MISSED, 13000) &&
           !take(&proof, PROOF_RIGHT, 14000) && !take(&proof, PROOF_MISSED, 15000) &&
           !take(&proof, PROOF_MISSED, 16000) && proof_holds(&proof),
       "and only what is missed in a row");
}

static void test_bodies(void)
{
    char text[OCI_DIGEST_MAX + 2];
    struct slice content = SLICE("content");
    struct slice digest =
        SLICE("sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73");

    if (!proof_body_possible(digest)) {
        skip(12, "built without libcurl, jansson or libcrypto");
        return;
    }
    struct proof_body *body = proof_body_new(digest);
    ok(proof_body_is_of(body, digest) && !proof_body_is_of(body, SLICE("sha256:")), "a body");
    cmp_ok(proof_body_from(body), ==, 0, "of which all is expected");
    for (size_t i = 0; i < content.len; i++)
        ok(proof_body_add(body, 200, (struct slice){content.at + i, 1}), "comes in pieces");
    cmp_ok(proof_body_size(body), ==, 7, "which are counted");
    ok(proof_body_end(body), "it is right");
    cmp_ok(proof_body_from(body), ==, 4, "then the second half is expected");
    proof_body_add(body, 206, slice_from(content, 4));
    ok(proof_body_end(body), "which is right, too");
    proof_body_add(body, 206, content);
    ok(!proof_body_end(body), "other bytes are not");
    proof_body_free(body);

    ok(!proof_body_new(SLICE("blake3:12")), "a digest of an unknown kind cannot be told");
    body = proof_body_new(slice_of(padded(text, "sha256:", 'a', OCI_DIGEST_MAX - 7)));
    ok(body != NULL, "there is room for the longest digest");
    proof_body_free(body);
    ok(!proof_body_new(slice_of(padded(text, "sha256:", 'a', OCI_DIGEST_MAX - 6))), "not for more");
}

int main(void)
{
    test_expected();
    test_due();
    test_recalled();
    test_first();
    test_fall_and_rise();
    test_bodies();
    return done_testing();
}
