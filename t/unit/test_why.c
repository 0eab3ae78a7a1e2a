/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences: they are UTF-8 without control characters, whatever was put into them. */
#include "core/utf8.h"
#include "core/why.h"
#include "tap.h"

static const struct {
    const char *text, *want;
} samples[] = {
    {"", ""},
    {"plain, \xc3\xa4 and \xe2\x80\xa6", "plain, \xc3\xa4 and \xe2\x80\xa6"},
    {"a\tb\nc\x7f", "a?b?c?"},
    {"\x1b[31m", "?[31m"},
    {"\x9b"
     "31m",
     "?31m"},
    {"\xc2\x9b"
     "31m",
     "??31m"},
    {"\xc2\xa0", "\xc2\xa0"},
    {"\xff\xc0\x80\xed\xa0\x80", "??????"},
    {"cut \xe2\x80", "cut ??"},
};

static void test_samples(void)
{
    struct why why;

    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        why_set(&why, "%s", samples[i].text);
        is(why.text, samples[i].want, "sample %zu", i);
    }
}

static void test_cut(void)
{
    struct why why;
    struct slice left;

    why_set(&why, "%318s\xe2\x80\xa6", "");
    for (left = slice_of(why.text); left.len; left = slice_from(left, utf8_length(left)))
        if (utf8_length(left) == 0)
            break;
    ok(left.len == 0, "a character that does not fit whole leaves no part");
    cmp_ok(strlen(why.text), ==, 319, "all that fits is there");
}

int main(void)
{
    test_samples();
    test_cut();
    return done_testing();
}
