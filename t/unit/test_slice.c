/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of bytes: what is cut off them. */
#include "core/slice.h"
#include "tap.h"
#include "tight.h"

static void check_trim(void)
{
    static const struct {
        const char *text, *want;
    } samples[] = {
        {"", ""},
        {" ", ""},
        {" \t\r\n", ""},
        {"a", "a"},
        {" a", "a"},
        {"a\t", "a"},
        {"\t a b \r\n", "a b"},
        {"a\n b", "a\n b"},
        {"\v a\v", "\v a\v"},
    };

    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct slice got = slice_trim(tight(slice_of(samples[i].text)));
        ok(slice_equal(got, slice_of(samples[i].want)), "\"%s\" is what is left of \"%s\"",
           samples[i].want, samples[i].text);
    }
    ok(slice_trim((struct slice){NULL, 0}).len == 0, "nothing stays nothing");
}

int main(void)
{
    check_trim();
    return done_testing();
}
