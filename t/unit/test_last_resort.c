/* SPDX-License-Identifier: Apache-2.0 */
/* Which targets get requests although they are drained or have a share of none. */
#include "asking.h"
#include "route/last_resort.h"
#include "tap.h"

static struct config *config;

/* Each target as a letter: u has all its share, s a part, n none, d is drained. */
static const char *reason(const char *states, const char *name)
{
    static struct why why;
    struct part part[8] = {0};

    for (size_t i = 0; states[i]; i++)
        part[i] = (struct part){.share = states[i] == 'u'   ? 1
                                         : states[i] == 's' ? 0.5
                                                            : 0,
                                .drained = states[i] == 'd'};
    bool is_one = last_resort(config, part, config_target(config, slice_of(name)), &why);
    return is_one ? why.text : NULL;
}

static void test_upstreams(void)
{
    config = config_of("name = \"r\"; canonical = [ \"a\", \"b\" ]; default = \"c\"; upstreams = {"
                       "  a = { url = \"https://a\"; }; b = { url = \"https://b\"; };"
                       "  c = { url = \"https://c\"; }; };");
    is(reason("uuu", "a"), NULL, "who has its share is none");
    is(reason("suu", "a"), NULL, "nor who has a part of it");
    is(reason("duu", "a"), NULL, "nor a drained one beside others");
    like(reason("ddu", "a"), "no other canonical upstream is in service", "the last canonical one");
    is(reason("ddu", "b"), NULL, "is the first of those that are alike");
    like(reason("ndu", "a"), "no other canonical", "one without a share goes before a drained one");
    like(reason("ddd", "c"), "all upstreams are drained", "of drained ones alone each is one");
    config_free(config);
}

static void test_rules(void)
{
    config = config_of("name = \"r\"; canonical = \"a\"; default = \"c\"; upstreams = {"
                       "  a = { url = \"https://a\"; }; b = { url = \"https://b\"; };"
                       "  c = { url = \"https://c\"; }; };"
                       "rules = ( { match = \"tags-list\"; to = [ \"a\", \"b\" ]; },"
                       "          { match = \"blob\"; to = [ \"nearest?\", \"default\" ]; },"
                       "          { match = \"*\"; to = [ \"nearest\" ]; } );");
    like(reason("udu", "b"), "the rule at ", "a target that a rule ends with");
    like(reason("uud", "c"), "the rule at ", "the default that another one ends with");
    is(reason("duu", "a"), NULL, "one that it only begins with is none");
    is(reason("uuu", "b"), NULL, "nor one that is in service");
    config_free(config);
}

int main(void)
{
    test_upstreams();
    test_rules();
    return done_testing();
}
