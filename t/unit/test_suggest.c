/* SPDX-License-Identifier: Apache-2.0 */
/* The nearest known name for a misspelt one. */
#include "core/suggest.h"
#include "tap.h"
#include "tight.h"

static const char *const options[] = {"name",    "upstreams", "canonical", "default", "prefix",
                                      "buckets", "databases", "rules",     "pages",   "us"};

static const struct {
    int line;
    const char *unknown, *want;
} samples[] = {
    {__LINE__, "upstream", "upstreams"},
    {__LINE__, "upstraems", "upstreams"}, /* neighbours swapped */
    {__LINE__, "upstreamss", "upstreams"},
    {__LINE__, "uptreams", "upstreams"},
    {__LINE__, "upstroams", "upstreams"},
    {__LINE__, "UPSTREAMS", "upstreams"},
    {__LINE__, "cannonical", "canonical"},
    {__LINE__, "bucket", "buckets"},
    {__LINE__, "rule", "rules"},
    {__LINE__, "US", "us"},
    {__LINE__, "su", "us"},
    {__LINE__, "pagse", "pages"},
    {__LINE__, "nmae", "name"},
    {__LINE__, "prexyz", "prefix"}, /* of six letters, three may differ */
    {__LINE__, "prwxyz", NULL},
    {__LINE__, "zzzzzzzz", NULL},
    {__LINE__, "x", NULL},
    {__LINE__, "xy", NULL},
    {__LINE__, "", NULL},
};

static void check_edges(void)
{
    char text[128];
    const char *long_name[] = {padded(text, "", 'a', 65)};
    const char *equal[] = {"cat", "car"}, *empty[] = {""}, *letters[] = {"a", "z"};

    is(suggest(slice_of(text), long_name, 1), NULL, "names of more than 64 bytes are passed over");
    text[64] = '\0';
    is(suggest(slice_of(text), long_name, 1), text, "64 bytes are looked at");
    is(suggest(SLICE("A"), letters, 2), "a", "A is a");
    is(suggest(SLICE("Z"), letters, 2), "z", "and Z is z");
    is(suggest(SLICE("cab"), equal, 2), "cat", "the first of equals");
    is(suggest(SLICE("a"), empty, 1), NULL, "an empty name is never meant");
    is(suggest((struct slice){NULL, 0}, equal, 2), NULL, "nothing means nothing");
}

static void check_endings(void)
{
    char text[128];

    is(suggest_ending(NULL).text, ".", "without a suggestion the sentence ends");
    is(suggest_ending("us").text, "; did you mean \"us\"?", "with one it asks");
    like(suggest_ending(padded(text, "", 'a', 120)).text, "aaa\"?", "a long one still ends");
}

int main(void)
{
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        const char *got =
            suggest(tight(slice_of(samples[i].unknown)), options, sizeof options / sizeof *options);
        tap_ok(tap_same(got, samples[i].want), __FILE__, samples[i].line, "\"%s\": %s, got %s",
               samples[i].unknown, samples[i].want ? samples[i].want : "nothing",
               got ? got : "nothing");
    }
    check_edges();
    check_endings();
    return done_testing();
}
