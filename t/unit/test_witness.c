/* SPDX-License-Identifier: Apache-2.0 */
/* Witnesses: who becomes one, who is asked, and what their answers say together. */
#include "prober/witness.h"
#include "tap.h"

static struct jitter jitter = {42};
static struct witnesses all;

static struct instant at(int64_t ms)
{
    return (struct instant){1000000 + ms, 1700000000 + ms / 1000};
}

/* Offers the n-th blob of the n-th repository. */
static void offer_at(unsigned repository, unsigned n, int64_t ms)
{
    char name[32], digest[80];

    snprintf(name, sizeof name, "team/app%u", repository);
    snprintf(digest, sizeof digest, "sha256:%064x", n);
    struct object object = {ENDPOINT_BLOBS, slice_of(name), slice_of(digest)};
    witnesses_offer(&all, &object, &jitter, at(ms));
}

static void begin(unsigned count)
{
    all = (struct witnesses){0};
    for (unsigned i = 0; i < count; i++)
        offer_at(i, i, 0);
}

/* Asks the next one; returns what follows from its answer. */
static enum content ask(enum target_kind kind, enum witness_meaning meaning)
{
    struct witness *witness = witnesses_choose(&all, kind, &jitter);

    return witness ? witnesses_take(&all, witness->number, meaning, kind) : CONTENT_NOT_TOLD;
}

static void test_offers(void)
{
    begin(4);
    cmp_ok(all.count, ==, 4, "four of four repositories");
    ok(!witnesses_wanted(&all), "are enough");
    offer_at(2, 99, 0);
    cmp_ok(all.count, ==, 4, "a second one of a repository is none");
    begin(20);
    cmp_ok(all.count, ==, WITNESSES_MAX, "there are eight at most");
    unsigned changes = 0;
    for (unsigned n = 0; n < 10000; n++) {
        uint32_t before = all.last_number;
        offer_at(1000 + n, n, n * 36); /* in six minutes */
        changes += all.last_number != before;
    }
    cmp_ok(changes, ==, 0, "of 10,000 offers in six minutes none takes another one's place");
    for (unsigned n = 0; n < 10000; n++) {
        uint32_t before = all.last_number;
        offer_at(20000 + n, n, 3600000 + n * 720); /* in two hours */
        changes += all.last_number != before;
    }
    ok(changes >= 2 && changes <= 3, "later, one an hour does: %u in two hours", changes);
}

static void test_one_is_not_enough(void)
{
    begin(1);
    cmp_ok(ask(TARGET_UPSTREAM, WITNESS_FAILED), ==, CONTENT_SERVED,
           "the only witness that fails decides nothing");
    begin(1);
    ask(TARGET_UPSTREAM, WITNESS_GONE);
    cmp_ok(all.count, ==, 0, "one that is gone retires");
    begin(3);
    for (int i = 0; i < 2; i++)
        cmp_ok(ask(TARGET_UPSTREAM, WITNESS_DENIED), ==, CONTENT_SUSPECT, "denied: another one");
    cmp_ok(ask(TARGET_UPSTREAM, WITNESS_DENIED), ==, CONTENT_SERVED,
           "three that are denied are too few");
}

static void test_fails(void)
{
    begin(2);
    cmp_ok(ask(TARGET_UPSTREAM, WITNESS_FAILED), ==, CONTENT_SUSPECT, "one fails: suspect");
    cmp_ok(ask(TARGET_UPSTREAM, WITNESS_FAILED), ==, CONTENT_FAILS, "a second one: it fails");
    ok(witnesses_fail(&all), "which is known");
    cmp_ok(ask(TARGET_UPSTREAM, WITNESS_FAILED), ==, CONTENT_FAILS, "and goes on");
    cmp_ok(ask(TARGET_UPSTREAM, WITNESS_NEITHER), ==, CONTENT_NOT_TOLD, "429 changes nothing");
    cmp_ok(ask(TARGET_UPSTREAM, WITNESS_SERVED), ==, CONTENT_SERVED, "until one is served");
    ok(!witnesses_fail(&all), "which ends it");

    begin(8);
    cmp_ok(ask(TARGET_UPSTREAM, WITNESS_FAILED), ==, CONTENT_SUSPECT, "one of eight");
    cmp_ok(ask(TARGET_UPSTREAM, WITNESS_SERVED), ==, CONTENT_SERVED, "the next is served");
    cmp_ok(ask(TARGET_UPSTREAM, WITNESS_FAILED), ==, CONTENT_SUSPECT, "a new run begins at one");
}

static void test_denied(void)
{
    begin(4);
    for (int i = 0; i < 3; i++)
        cmp_ok(ask(TARGET_UPSTREAM, WITNESS_DENIED), ==, CONTENT_SUSPECT, "denied: another one");
    cmp_ok(ask(TARGET_UPSTREAM, WITNESS_DENIED), ==, CONTENT_FAILS, "all four: it fails");
    begin(4);
    for (int i = 0; i < 3; i++)
        ask(TARGET_UPSTREAM, WITNESS_DENIED);
    cmp_ok(ask(TARGET_UPSTREAM, WITNESS_SERVED), ==, CONTENT_SERVED, "not if one is served");
}

static void test_emptied(void)
{
    for (int kind = TARGET_UPSTREAM; kind <= TARGET_BUCKET; kind++) {
        begin(5);
        for (int i = 0; i < 4; i++)
            cmp_ok(ask((enum target_kind)kind, WITNESS_GONE), ==, CONTENT_SUSPECT, "gone");
        cmp_ok(ask((enum target_kind)kind, WITNESS_GONE), ==, CONTENT_EMPTIED, "all are gone");
        cmp_ok(all.count, ==, 0, "and retire");
    }
    begin(5);
    for (int i = 0; i < 2; i++)
        ask(TARGET_UPSTREAM, WITNESS_GONE);
    cmp_ok(ask(TARGET_UPSTREAM, WITNESS_SERVED), ==, CONTENT_SERVED, "some are gone, one is not");
    cmp_ok(all.count, ==, 3, "those retire");
    begin(5);
    ask(TARGET_UPSTREAM, WITNESS_DENIED);
    for (int i = 0; i < 3; i++)
        ask(TARGET_UPSTREAM, WITNESS_GONE);
    cmp_ok(ask(TARGET_UPSTREAM, WITNESS_GONE), ==, CONTENT_EMPTIED, "denied or gone, all of them");
}

/* A bucket has no /v2/: where witnesses run out, the empty blob decides. */
static void test_bucket(void)
{
    begin(1);
    cmp_ok(ask(TARGET_BUCKET, WITNESS_FAILED), ==, CONTENT_SUSPECT, "the only one fails");
    ok(!witnesses_choose(&all, TARGET_BUCKET, &jitter), "then the empty blob is to be asked for");
}

static void test_choice(void)
{
    unsigned asked[8] = {0};

    begin(8);
    for (int i = 0; i < 8000; i++)
        asked[witnesses_choose(&all, TARGET_UPSTREAM, &jitter)->number - 1]++;
    unsigned least = 8000;
    for (int i = 0; i < 8; i++)
        least = asked[i] < least ? asked[i] : least;
    cmp_ok(least, >, 800, "each is asked about as often");
    begin(2);
    struct witness *first = witnesses_choose(&all, TARGET_UPSTREAM, &jitter);
    first->asking++;
    struct witness *second = witnesses_choose(&all, TARGET_UPSTREAM, &jitter);
    ok(first != second, "one that is being asked waits");
    cmp_ok(witnesses_take(&all, 4711, WITNESS_FAILED, TARGET_UPSTREAM), ==, CONTENT_NOT_TOLD,
           "an answer of one that has gone says nothing");
}

static void test_pinned(void)
{
    struct object pin = {ENDPOINT_BLOBS, SLICE("pinned"), SLICE("sha256:00")};
    struct object other = {ENDPOINT_BLOBS, SLICE("pinned"), SLICE("sha256:01")};

    begin(8);
    witnesses_pin(&all, &pin);
    cmp_ok(all.count, ==, 8, "the configuration's has its place");
    uint32_t number = all.last_number;
    witnesses_pin(&all, &pin);
    cmp_ok(all.last_number, ==, number, "and keeps it after a reload");
    for (int i = 0; i < 7; i++)
        ask(TARGET_UPSTREAM, WITNESS_GONE);
    cmp_ok(ask(TARGET_UPSTREAM, WITNESS_GONE), ==, CONTENT_EMPTIED, "all are gone");
    cmp_ok(all.count, ==, 1, "it never retires");
    witnesses_pin(&all, &other);
    ok(all.count == 1 && all.last_number == number + 1, "another one takes its place");
    witnesses_pin(&all, NULL);
    cmp_ok(all.count, ==, 0, "or none");
}

int main(void)
{
    test_offers();
    test_one_is_not_enough();
    test_fails();
    test_denied();
    test_emptied();
    test_bucket();
    test_choice();
    test_pinned();
    return done_testing();
}
