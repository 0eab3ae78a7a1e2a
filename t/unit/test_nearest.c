/* SPDX-License-Identifier: Apache-2.0 */
/* Which upstream and which bucket a client in a place is given, and why. */
#include "asking.h"
#include "route/nearest.h"
#include "tap.h"

static struct config *config;

/* A client in these places, "FR" or "aws:eu-west-3"; NULL: unknown. */
static struct client client_in(const char *place)
{
    struct client client = {.place = NOWHERE};

    if (place)
        client.place = place_of(&config->places,
                                place_find(&config->places, slice_of(place), CODE_IS_CONTINENT));
    return client;
}

static const char *name_of(const struct target *target)
{
    return target ? target->name : "none";
}

static void upstream_is(const char *place, const char *want, const char *why)
{
    struct client client = client_in(place);
    is(name_of(nearest_upstream(config, &client, NULL, NULL)), want, "%s: %s, %s",
       place ? place : "unknown", want, why);
}

static void bucket_is(const char *place, const char *want, const char *why)
{
    struct client client = client_in(place);
    is(name_of(nearest_bucket(config, &client, NULL, NULL)), want, "%s: %s, %s",
       place ? place : "unknown", want, why);
}

static void check_serves(void)
{
    config = config_of(
        "name = \"r\"; canonical = \"us\"; upstreams = {"
        "  asia  = { url = \"https://asia\"; serves = \"AS\"; };"
        "  far   = { url = \"https://far\"; serves = \"FR\"; place = \"aws:sa-east-1\"; };"
        "  aws   = { url = \"https://aws\"; serves = \"aws:*\"; };"
        "  paris = { url = \"https://paris\"; serves = [ \"aws:eu-west-3\", \"JP\" ]; };"
        "  eu    = { url = \"https://eu\"; serves = [ \"EU\", \"AF\" ]; };"
        "  us    = { url = \"https://us\"; };"
        "};");
    upstream_is("EU", "eu", "it serves the continent");
    upstream_is("DE", "eu", "it serves the country's continent");
    upstream_is("FR", "far", "a country is more precise than a continent, however far away");
    upstream_is("aws:eu-west-1", "aws", "a region is more precise than a continent");
    upstream_is("aws:eu-west-3", "aws", "of equals the first in the file");
    upstream_is("gcp:europe-west9", "far", "by the region's country");
    upstream_is("JP", "paris", "a country is more precise than a continent");
    upstream_is("KR", "asia", "its continent");
    upstream_is("BR", "far", "nobody serves it, and one is there");
    upstream_is(NULL, "us", "the default");
    config_free(config);
}

static void check_everyone(void)
{
    config = config_of("name = \"r\"; canonical = \"near\"; upstreams = {"
                       "  all  = { url = \"https://all\"; serves = \"*\"; };"
                       "  near = { url = \"https://near\"; place = \"aws:eu-west-3\"; };"
                       "  eu   = { url = \"https://eu\"; serves = \"EU\"; };"
                       "};");
    upstream_is("FR", "eu", "a continent is more precise than all");
    upstream_is("BR", "all", "what serves everyone goes before distance");
    upstream_is("aws:eu-west-3", "eu", "which is no name");
    upstream_is(NULL, "all", "everyone is also who is of unknown place");
    config_free(config);
}

static void check_distance(void)
{
    config = config_of(
        "name = \"r\"; canonical = \"us-east-1\"; upstreams = ("
        "  { provider = \"aws\"; url = \"https://{region}.h\";"
        "    regions = [ \"us-east-1\", \"us-west-2\", \"eu-west-3\", \"ap-northeast-1\" ]; },"
        "  { name = \"berlin\"; url = \"https://berlin\"; place = \"52.52,13.40\"; },"
        "  { name = \"nowhere\"; url = \"https://nowhere\"; } );");
    upstream_is("FR", "eu-west-3", "the nearest to France");
    upstream_is("PL", "berlin", "the nearest to Poland, by coordinates");
    upstream_is("KR", "ap-northeast-1", "the nearest to Korea");
    upstream_is("gcp:us-west1", "us-west-2", "another cloud's region");
    upstream_is("gcp:us-east4", "us-east-1", "another one");
    upstream_is(NULL, "us-east-1", "the default");
    config_free(config);
}

static void check_without_coordinates(void)
{
    config = config_of("name = \"r\"; canonical = \"us\"; upstreams = {"
                       "  de = { url = \"https://de\"; place = \"onprem:x\"; };"
                       "  eu = { url = \"https://eu\"; place = \"EU\"; };"
                       "  us = { url = \"https://us\"; place = \"onprem:y\"; }; };"
                       "places = ( { name = \"onprem:x\"; country = \"DE\"; },"
                       "           { name = \"onprem:y\"; country = \"US\"; } );");
    upstream_is("gcp:europe-west3", "de", "a region's country is enough");
    upstream_is("onprem:x", "de", "a place of one's own");
    config_free(config);
}

static void check_default(void)
{
    config = config_of("name = \"r\"; canonical = \"a\"; default = \"b\"; upstreams = {"
                       "  a = { url = \"https://a\"; }; b = { url = \"https://b\"; }; };");
    upstream_is(NULL, "b", "the default is not the canonical one");
    upstream_is("FR", "b", "the default, where nothing speaks for any");
    config_free(config);
}

static void check_named(void)
{
    config = config_of("name = \"r\"; canonical = \"us\"; upstreams = {"
                       "  eu = { url = \"https://eu\"; serves = \"*\"; };"
                       "  us = { url = \"https://us\"; }; };");
    struct client client = client_in("FR");

    client.named = config_target(config, SLICE("us"));
    is(name_of(nearest_upstream(config, &client, NULL, NULL)), "us", "a name goes before all else");
    config_free(config);
}

static void check_buckets(void)
{
    config = config_of(
        "name = \"r\"; upstreams = ( { name = \"us\"; url = \"https://us\"; } ); buckets = ("
        "  { name = \"cdn\"; url = \"https://cdn/{digest}\"; serves = \"*\"; },"
        "  { name = \"eu\"; url = \"https://eu/{digest}\"; serves = [ \"EU\", \"ME\" ]; },"
        "  { provider = \"aws\"; url = \"https://{region}/{digest}\";"
        "    regions = [ \"eu-west-3\", \"us-east-1\" ]; } );");
    bucket_is("aws:eu-west-3", "bucket-eu-west-3", "it is in the region");
    bucket_is("aws:us-east-1", "bucket-us-east-1", "it is in the region");
    bucket_is("aws:us-west-2", "cdn", "the next one is no match: the one for everyone");
    bucket_is("aws:eu-west-2", "eu", "the one for the continent");
    bucket_is("FR", "eu", "the one for the continent");
    bucket_is("BR", "cdn", "the one for everyone");
    bucket_is(NULL, "cdn", "the one for everyone, at an unknown place, too");
    config_free(config);
    config = config_of(
        "name = \"r\"; upstreams = ( { name = \"us\"; url = \"https://us\"; } ); buckets = ("
        "  { name = \"eu\"; url = \"https://eu/{digest}\"; serves = \"EU\"; } );");
    bucket_is("FR", "eu", "it is for them");
    bucket_is("BR", "none", "it is not for them");
    bucket_is(NULL, "none", "nor for unknown places");
    config_free(config);
}

static bool allowed(void *context, const struct target *target)
{
    return target->name[0] != *(const char *)context;
}

static void check_allowed(void)
{
    config = config_of("name = \"r\"; canonical = \"a\"; upstreams = {"
                       "  a = { url = \"https://a\"; serves = \"EU\"; };"
                       "  b = { url = \"https://b\"; }; };");
    struct client client = client_in("FR");

    is(name_of(nearest_upstream(config, &client, allowed, (char[]){"a"})), "b",
       "one that is not allowed");
    is(name_of(nearest_upstream(config, &client, allowed, (char[]){"c"})), "a", "all are allowed");
    config_free(config);
    config = config_of("name = \"r\"; upstreams = { a = { url = \"https://a\"; }; };");
    is(name_of(nearest_upstream(config, &client, allowed, (char[]){"a"})), "none",
       "none is allowed");
    is(name_of(nearest_bucket(config, &client, NULL, NULL)), "none", "there are no buckets");
    config_free(config);
}

static void check_order(void)
{
    struct rank distant = {NEAR_DISTANCE, 0.1f}, closer = {NEAR_DISTANCE, 0.2f};
    struct rank serving = {NEAR_SERVES_ALL, -1};

    ok(nearest_before(closer, distant) && !nearest_before(distant, closer),
       "the nearer goes first");
    ok(nearest_before(serving, closer) && !nearest_before(closer, serving), "serving goes first");
    ok(!nearest_before(closer, closer), "equals stay as they are");
    config =
        config_of("name = \"r\"; canonical = \"a\"; upstreams = { a = { url = \"https://a\"; };"
                  "  b = { url = \"https://b\"; serves = \"FR\"; };"
                  "  c = { url = \"https://c\"; serves = \"FR\"; }; };");
    struct client client = client_in("FR");
    const struct target *a = &config->targets[0], *b = a + 1, *c = a + 2;
    ok(nearest_precedes(config, &client, b, a) && !nearest_precedes(config, &client, a, b),
       "who serves the client precedes who does not");
    ok(nearest_precedes(config, &client, b, c) && !nearest_precedes(config, &client, c, b),
       "of equals the first in the file");
    ok(!nearest_precedes(config, &client, b, b), "nobody precedes itself");
    config_free(config);
    config = config_of("name = \"r\"; upstreams = { us = { url = \"https://us\"; }; }; buckets = ("
                       "  { provider = \"aws\"; url = \"https://{region}/{digest}\";"
                       "    regions = [ \"us-east-1\", \"eu-west-3\" ]; } );");
    client = client_in("FR");
    const struct target *far = &config->targets[1], *near = far + 1;
    ok(nearest_precedes(config, &client, far, near) &&
           !nearest_precedes(config, &client, near, far),
       "buckets have no distance: of equals the first in the file");
    config_free(config);
}

int main(void)
{
    check_serves();
    check_everyone();
    check_distance();
    check_without_coordinates();
    check_default();
    check_named();
    check_buckets();
    check_allowed();
    check_order();
    return done_testing();
}
