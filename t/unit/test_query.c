/* SPDX-License-Identifier: Apache-2.0 */
/* What of a query goes on, by endpoint and by rule. */
#include "route/query.h"
#include "tap.h"
#include "tight.h"

#define ENDPOINT QUERY_AS_ENDPOINT_NEEDS
#define KEEP     QUERY_KEEP
#define DROP     QUERY_DROP

static const struct {
    int line;
    enum endpoint endpoint;
    enum query_policy policy;
    const char *query, *want;
} samples[] = {
    {__LINE__, ENDPOINT_REFERRERS, ENDPOINT, "", ""},
    {__LINE__, ENDPOINT_REFERRERS, ENDPOINT, "artifactType=a%2Bb&artifactType=c",
     "?artifactType=a%2Bb&artifactType=c"},
    {__LINE__, ENDPOINT_REFERRERS, ENDPOINT, "n=5&last=x", "?n=5&last=x"},
    {__LINE__, ENDPOINT_REFERRERS, ENDPOINT, "a&&b&", "?a&&b&"},
    {__LINE__, ENDPOINT_REFERRERS, ENDPOINT, "&", "?&"},
    {__LINE__, ENDPOINT_REFERRERS, ENDPOINT, "=", "?="},
    {__LINE__, ENDPOINT_REFERRERS, ENDPOINT, "ns=docker.io", ""},
    {__LINE__, ENDPOINT_REFERRERS, ENDPOINT, "ns", ""},
    {__LINE__, ENDPOINT_REFERRERS, ENDPOINT, "a=1&ns=docker.io&b=2", "?a=1&b=2"},
    {__LINE__, ENDPOINT_REFERRERS, ENDPOINT, "ns=a&ns=b&c", "?c"},
    {__LINE__, ENDPOINT_REFERRERS, ENDPOINT, "a&ns=b", "?a"},
    {__LINE__, ENDPOINT_REFERRERS, ENDPOINT, "nsx=1&xns=2&NS=3&n=4", "?nsx=1&xns=2&NS=3&n=4"},
    {__LINE__, ENDPOINT_TAGS, ENDPOINT, "%6e=5&%6E&last=x", "?last=x"},
    {__LINE__, ENDPOINT_TAGS, ENDPOINT, "%6=5&%=1&%6f=2&n%6e=3&%256e=4",
     "?%256=5&%25=1&%6f=2&n%6e=3&%256e=4"},
    {__LINE__, ENDPOINT_REFERRERS, ENDPOINT, "%6es=docker.io&n%73&%6e=1", "?%6e=1"},
    {__LINE__, ENDPOINT_REFERRERS, ENDPOINT, "a=\r\nb", "?a=%0D%0Ab"},
    {__LINE__, ENDPOINT_TAGS, ENDPOINT, "last=x&%6e", "?last=x"},
    {__LINE__, ENDPOINT_TAGS, ENDPOINT, "last=x&%6ea=1", "?last=x&%6ea=1"},
    {__LINE__, ENDPOINT_MANIFESTS, ENDPOINT, "ns=docker.io&x=y", "?x=y"},
    {__LINE__, ENDPOINT_BLOBS, ENDPOINT, "n=1", "?n=1"},

    {__LINE__, ENDPOINT_TAGS, ENDPOINT, "n=1000", ""},
    {__LINE__, ENDPOINT_TAGS, ENDPOINT, "n=1000&last=v1", "?last=v1"},
    {__LINE__, ENDPOINT_TAGS, ENDPOINT, "last=v1&n=1000", "?last=v1"},
    {__LINE__, ENDPOINT_TAGS, ENDPOINT, "n", ""},
    {__LINE__, ENDPOINT_TAGS, ENDPOINT, "nn=1&last=a%26n=1&xn=2", "?nn=1&last=a%26n=1&xn=2"},
    {__LINE__, ENDPOINT_TAGS, KEEP, "n=1000&last=v1&ns=x", "?n=1000&last=v1"},
    {__LINE__, ENDPOINT_TAGS, DROP, "n=1000&last=v1", ""},

    {__LINE__, ENDPOINT_REFERRERS, KEEP, "a&ns=b", "?a"},
    {__LINE__, ENDPOINT_REFERRERS, DROP, "artifactType=a", ""},
};

static const char *written(struct slice query, enum endpoint endpoint, enum query_policy policy)
{
    static char buffer[512];
    struct text out = {.at = buffer, .size = sizeof buffer - 1};

    query_write(&out, query, endpoint, policy);
    buffer[out.len] = '\0';
    return buffer;
}

int main(void)
{
    static const char *const policies[] = {"endpoint", "keep", "drop"};

    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        const char *got =
            written(tight(slice_of(samples[i].query)), samples[i].endpoint, samples[i].policy);
        tap_ok(tap_same(got, samples[i].want), __FILE__, samples[i].line,
               "%s (%s): \"%s\", got \"%s\"", shown(slice_of(samples[i].query)),
               policies[samples[i].policy], samples[i].want, got);
    }
    is(written((struct slice){NULL, 0}, ENDPOINT_TAGS, KEEP), "", "no query at all");
    return done_testing();
}
