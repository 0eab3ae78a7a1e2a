/* SPDX-License-Identifier: Apache-2.0 */
/* Where a client is: whose word counts, and what is looked up. */
#include "config.h"
#include "tap.h"

#ifndef HAVE_LIBMAXMINDDB
int main(void)
{
    puts("1..0 # SKIP built without libmaxminddb");
    return 0;
}
#else

#include <unistd.h>

#include "asking.h"
#include "mmdb_sample.h"
#include "route/locate.h"

static char folder[] = "/tmp/signpost-locate-XXXXXX", file[64];
static struct geodb *geodb;

/* 3.5.0.0/16 is in Germany, in AS64496. */
static void write_database(void)
{
    struct sample s;

    sample_start(&s, 4);
    size_t record = s.len;
    sample_map(&s, 2), sample_pair(&s, "country_code", "DE");
    sample_string(&s, "autonomous_system_number"), sample_number(&s, 6, 64496, 4);
    sample_ipv4(&s, 3, 5, record);
    sample_write(&s, file);
}

/* "whose word, country, database, ASN" of a request with these variables. */
static const char *located(const struct config *config, bool with_knowledge, const char *lines)
{
    static const char *const SOURCES[] = {[CLIENT_UNKNOWN] = "nobody",
                                          [CLIENT_SERVER_REGION] = "server",
                                          [CLIENT_REGION_HEADER] = "header",
                                          [CLIENT_ADDRESS] = "address"};
    static struct request request;
    static char told[128];
    struct knowledge knowledge = {.config = config, .geodb = geodb};

    request_read(&request, &config->request, variables(lines));
    struct client client = locate(config, with_knowledge ? &knowledge : NULL, &request);
    snprintf(told, sizeof told, "%s %s %d %u", SOURCES[client.source],
             place_key(&config->places, client.place.country), client.database, client.asn);
    return told;
}

#define TARGET  "REQUEST_METHOD=GET\nREQUEST_URI=/v2/\n"
#define ADDRESS TARGET "REMOTE_ADDR=3.5.1.2\n"

static void test_sources(void)
{
    struct config *config =
        config_of("name = \"r\"; region_header = \"X-Client-Region\"; upstreams = {"
                  " us = { url = \"https://us\"; }; };");

    is(located(config, true, TARGET), "nobody - -1 0", "nobody tells");
    is(located(config, true, TARGET "REMOTE_ADDR=unix:"), "nobody - -1 0", "no address");
    is(located(config, true, TARGET "REMOTE_ADDR=3.6.1.2"), "nobody - -1 0", "not in the database");
    is(located(config, false, ADDRESS), "nobody - -1 0", "no database");
    is(located(config, true, ADDRESS), "address DE 0 64496", "the address tells");
    is(located(config, true, ADDRESS "HTTP_X_CLIENT_REGION=XX"), "address DE 0 64496",
       "a header that says nothing");
    is(located(config, true, ADDRESS "HTTP_X_CLIENT_REGION=FR"), "header FR -1 0",
       "a header goes before the address, which is not looked up");
    is(located(config, true, ADDRESS "HTTP_X_CLIENT_REGION=FR\nSIGNPOST_REGION=JP"),
       "server JP -1 0", "the server's word goes before both");
    is(located(config, true, ADDRESS "HTTP_X_CLIENT_REGION=FR\nSIGNPOST_REGION=XX"),
       "header FR -1 0", "unless it says nothing");
    config_free(config);
}

static void test_forwarded(void)
{
    struct config *config = config_of("name = \"r\"; trusted_proxies = [ \"192.0.2.0/24\" ];"
                                      "upstreams = { us = { url = \"https://us\"; }; };");

    is(located(config, true, TARGET "REMOTE_ADDR=192.0.2.1\nHTTP_X_FORWARDED_FOR=3.5.1.2"),
       "address DE 0 64496", "a proxy that is trusted tells the client's address");
    is(located(config, true, ADDRESS "HTTP_X_FORWARDED_FOR=3.6.1.2"), "address DE 0 64496",
       "nobody else does");
    is(located(config, true, ADDRESS), "address DE 0 64496",
       "without a proxy the peer is the client");
    config_free(config);
}

static void test_names(void)
{
    struct config *config =
        config_of("name = \"r\"; upstreams = { paris = { url = \"https://p\"; place = \"FR\"; }; };"
                  "buckets = { cdn = { url = \"https://c/{digest}\"; serves = \"*\"; }; };");

    is(located(config, true, ADDRESS "SIGNPOST_REGION=Paris"), "server FR -1 0",
       "an upstream's name is a place");
    is(located(config, true, ADDRESS "SIGNPOST_REGION=cdn"), "address DE 0 64496",
       "a bucket's is none");
    config_free(config);
}

static void test_asn(void)
{
    struct config *config = config_of(
        "name = \"r\"; upstreams = { us = { url = \"https://us\"; }; };"
        "rules = ( { match = \"blob\"; client = \"AS64496\"; to = \"us\"; }, \"default\" );");

    is(located(config, true, ADDRESS), "address DE 0 64496", "rules that ask for the ASN");
    is(located(config, true, ADDRESS "SIGNPOST_REGION=JP"), "server JP -1 64496",
       "get it, too, where the place is told otherwise");
    config_free(config);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(file, sizeof file, "%s/countries", folder);
    write_database();
    geodb = geodb_new(&(struct geodb_source){.file = file}, 1, NULL, NULL, NULL, NULL);
    ok(geodb != NULL, "a database");
    test_sources();
    test_forwarded();
    test_names();
    test_asn();
    geodb_free(geodb);
    unlink(file);
    rmdir(folder);
    return done_testing();
}
#endif
