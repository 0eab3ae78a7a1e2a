/* SPDX-License-Identifier: Apache-2.0 */
/* Address databases: what they say, in which order, and how they break. */
#include "config.h"
#include "../tap.h"

#ifndef HAVE_LIBMAXMINDDB
int main(void)
{
    puts("1..0 # SKIP built without libmaxminddb");
    return 0;
}
#else

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mmdb_sample.h"
#include "place/geodb.h"

static char folder[] = "/tmp/signpost-test-XXXXXX";
static char logged[4096];
static int log_lines;

static void note_log(void *context, const char *text)
{
    (void)context;
    snprintf(logged, sizeof logged, "%s", text);
    log_lines++;
}

/* A name in the test's own folder; one of a few at a time. */
static const char *own(const char *name)
{
    static char names[4][PATH_MAX];
    static int turn;
    char *to = names[turn++ % 4];

    snprintf(to, PATH_MAX, "%s/%s", folder, name);
    return to;
}

static struct geodb *opened(const char *first, const char *second)
{
    struct geodb_source sources[2] = {{.file = first}, {.file = second}};

    logged[0] = '\0';
    log_lines = 0;
    return geodb_new(sources, second ? 2 : 1, NULL, note_log, NULL, NULL);
}

static struct geodb_answer look_up(struct geodb *geodb, const char *text)
{
    struct address address = address_parse(slice_of(text));

    return geodb_lookup(geodb, &address, true);
}

/* "region country continent latitude-ish /prefix source ASN" */
static const char *told(struct geodb *geodb, const char *text)
{
    static char buffer[256];
    struct geodb_answer answer = look_up(geodb, text);

    snprintf(buffer, sizeof buffer, "%s %s %s %d /%u %d %u", place_key(NULL, answer.place.region),
             place_key(NULL, answer.place.country), place_key(NULL, answer.place.continent),
             answer.place.has_point ? (int)((double)answer.place.point[2] * 100) : -999,
             answer.prefix_bits, answer.place_source, answer.asn);
    return buffer;
}

static const char UNKNOWN[] = "- - - -999 /0 -1 0";

/* What signpost's own compiler writes, in a file of both families. */
static void write_clouds(const char *name)
{
    static const uint8_t IPV6[16] = {0x26, 0x00, 0x1f};
    struct sample s;

    sample_start(&s, 6);
    size_t record = s.len;
    sample_map(&s, 4), sample_pair(&s, "provider", "aws"), sample_pair(&s, "region", "us-east-1");
    sample_pair(&s, "border_group", "us-east-1-lim-1"), sample_pair(&s, "country", "XX");
    sample_ipv4(&s, 15, 1, record);
    record = s.len;
    sample_map(&s, 3), sample_pair(&s, "provider", "aws"), sample_pair(&s, "region", "eu-west-3");
    sample_string(&s, "location"), sample_map(&s, 2);
    sample_string(&s, "latitude"), sample_double(&s, -33);
    sample_string(&s, "longitude"), sample_double(&s, 18);
    sample_ipv4(&s, 35, 180, record);
    sample_network(&s, IPV6, 24, record);
    record = s.len;
    sample_map(&s, 2), sample_pair(&s, "provider", "aws"), sample_pair(&s, "region", "GLOBAL");
    sample_ipv4(&s, 3, 5, record);
    record = s.len;
    sample_map(&s, 4), sample_pair(&s, "provider", "aws"), sample_pair(&s, "region", "xx-new-1");
    sample_string(&s, "country"), sample_map(&s, 1), sample_pair(&s, "iso_code", "DE");
    sample_string(&s, "location"), sample_map(&s, 2);
    sample_string(&s, "latitude"), sample_double(&s, 52.5);
    sample_string(&s, "longitude"), sample_double(&s, 13.4);
    sample_ipv4(&s, 3, 6, record);
    record = s.len;
    sample_map(&s, 1), sample_pair(&s, "region", "eu-west-3");
    sample_ipv4(&s, 3, 7, record);
    record = s.len; /* together as long as the longest key, and its colon is one too many */
    sample_map(&s, 2), sample_pair(&s, "provider", "a-provider-of-24-letters");
    sample_pair(&s, "region", "its-region-of-24-letters");
    sample_ipv4(&s, 3, 12, record);
    sample_write(&s, name);
}

/* What others write, in a file of IPv4 alone; pad comes before the data. */
static void write_countries(const char *name, const char *country, size_t pad)
{
    struct sample s;

    sample_start(&s, 4);
    s.len = pad;
    size_t record = s.len;
    sample_map(&s, 2), sample_pair(&s, "country_code", country);
    sample_string(&s, "autonomous_system_number"), sample_number(&s, 6, 64496, 4);
    sample_ipv4(&s, 3, 5, record);
    record = s.len;
    sample_map(&s, 4), sample_pair(&s, "country_code", "");
    sample_pair(&s, "city", ""), sample_string(&s, "latitude"), sample_float(&s, 10.5f);
    sample_string(&s, "longitude"), sample_float(&s, 20.25f);
    sample_ipv4(&s, 3, 8, record);
    record = s.len;
    sample_map(&s, 3), sample_pair(&s, "country_code", "SA"), sample_pair(&s, "asn", "AS64497");
    sample_pair(&s, "latitude", "7");
    sample_ipv4(&s, 3, 9, record);
    record = s.len;
    sample_map(&s, 2), sample_string(&s, "latitude"), sample_double(&s, 0);
    sample_string(&s, "longitude"), sample_double(&s, 0);
    sample_ipv4(&s, 3, 10, record);
    record = s.len;
    sample_map(&s, 1);
    sample_string(&s, "a"), sample_map(&s, 1), sample_pair(&s, "b", country);
    sample_ipv4(&s, 3, 11, record);
    sample_write(&s, name);
}

static void test_own_database(void)
{
    struct geodb *geodb = opened(own("clouds"), NULL);

    cmp_ok(log_lines, ==, 0, "nothing is opened before it is needed");
    is(told(geodb, "15.1.2.3"), "aws:us-east-1-lim-1 PE continent:SA -20 /16 0 0",
       "a border group");
    is(told(geodb, "35.180.1.1"), "aws:eu-west-3 FR EU 75 /16 0 0",
       "a region stands where the table says");
    is(told(geodb, "35.180.255.1"), "aws:eu-west-3 FR EU 75 /16 0 0", "from the cache");
    is(told(geodb, "2600:1f00::1"), "aws:eu-west-3 FR EU 75 /24 0 0", "by IPv6");
    is(told(geodb, "3.5.0.1"), "aws:global - - -999 /16 0 0", "a region that is nowhere");
    is(told(geodb, "3.6.0.1"), "- DE EU 79 /16 0 0", "an unknown region with a place");
    is(told(geodb, "3.7.0.1"), UNKNOWN, "a region without a provider means nothing");
    is(told(geodb, "3.12.0.1"), UNKNOWN, "nor do names that are longer than any of the table");
    is(told(geodb, "9.9.9.9"), UNKNOWN, "an address that is in no network");
    is(logged, "", "all that is nothing to tell");
    geodb_free(geodb);
}

/* As the test data's addr-special.tsv has them; archeio knows none. */
static void test_special(void)
{
    static const char PARIS[] = "aws:eu-west-3 FR EU 75 /16 0 0";
    static const char *const NOWHERE_AT_ALL[] = {"",
                                                 "@",
                                                 "unix:",
                                                 "0.0.0.0",
                                                 "255.255.255.255",
                                                 "127.0.0.1",
                                                 "10.0.0.1",
                                                 "192.0.2.1",
                                                 "::",
                                                 "::1",
                                                 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                                                 "::ffff:192.0.2.1",
                                                 "fe80::1%eth0",
                                                 "64:ff9b:1::23b4:101"};
    struct geodb *geodb = opened(own("clouds"), NULL);

    is(told(geodb, "::ffff:35.180.1.1"), PARIS, "v4-mapped");
    is(told(geodb, "64:ff9b::23b4:101"), PARIS, "NAT64");
    is(told(geodb, "2002:23b4:101::1"), PARIS, "6to4");
    is(told(geodb, "::35.180.1.1"), "aws:eu-west-3 FR EU 75 /112 0 0", "v4-compatible");
    for (size_t i = 0; i < sizeof NOWHERE_AT_ALL / sizeof *NOWHERE_AT_ALL; i++)
        is(told(geodb, NOWHERE_AT_ALL[i]), UNKNOWN, "unknown: \"%s\"", NOWHERE_AT_ALL[i]);
    geodb_free(geodb);
}

static void test_publishers(void)
{
    struct geodb *geodb = opened(own("countries"), NULL);

    is(told(geodb, "3.5.0.1"), "- FR EU 73 /16 0 64496", "a country code and an AS number");
    is(told(geodb, "3.8.0.1"), "- - - 18 /16 0 0", "floats, and empty strings for absent ones");
    is(told(geodb, "3.9.0.1"), "- country:SA continent:AS 40 /16 0 64497",
       "a code that is a country here, and a written AS number");
    is(told(geodb, "3.10.0.1"), UNKNOWN, "0,0 means unknown");
    cmp_ok(log_lines, ==, 0, "nothing to tell so far");
    is(told(geodb, "2600:1f00::1"), UNKNOWN, "IPv6 in a file of IPv4");
    is(told(geodb, "2600:1f00::2"), UNKNOWN, "and again");
    cmp_ok(log_lines, ==, 1, "is told once");
    like(logged, "has no IPv6 addresses", "as it is");
    geodb_free(geodb);
}

static void test_order(void)
{
    struct geodb *geodb = opened(own("clouds"), own("countries"));
    struct address address = address_parse(SLICE("3.5.0.1"));

    is(told(geodb, "3.5.0.1"), "aws:global FR EU 73 /16 0 64496",
       "a later database fills in what is open");
    cmp_ok(look_up(geodb, "3.5.0.1").asn_source, ==, 1, "and is named for it");
    is(told(geodb, "3.9.0.1"), "- country:SA continent:AS 40 /16 1 64497", "or says all");
    is(told(geodb, "2600:1f00::1"), "aws:eu-west-3 FR EU 75 /24 0 0",
       "one file for each family is fine");
    cmp_ok(log_lines, ==, 0, "and nothing to tell");
    cmp_ok(geodb_lookup(geodb, &address, false).asn, ==, 64496,
           "a number that is found on the way");
    geodb_free(geodb);
    geodb = opened(own("countries"), own("clouds"));
    is(told(geodb, "3.5.0.1"), "- FR EU 73 /16 0 64496", "what is complete needs no other");
    geodb_free(geodb);
}

static void test_keys(void)
{
    struct geodb_source source = {.file = own("countries"),
                                  .keys = {[GEODB_COUNTRY] = "a.b", [GEODB_ASN] = "a.b"}};
    struct why why = {""};
    struct geodb *geodb = geodb_new(&source, 1, NULL, NULL, NULL, &why);

    is(told(geodb, "3.11.0.1"), "- FR EU 73 /16 0 0", "a key path");
    is(told(geodb, "3.5.0.1"), UNKNOWN, "goes instead of the known keys");
    geodb_free(geodb);
    source.keys[GEODB_COUNTRY] = "a..b";
    ok(!geodb_new(&source, 1, NULL, NULL, NULL, &why), "an empty key is refused");
    like(why.text, "no key path", "with a word");
    source.keys[GEODB_COUNTRY] = "a.b.c.d.e.f.g.h.i";
    ok(!geodb_new(&source, 1, NULL, NULL, NULL, &why), "too many keys too");
    source = (struct geodb_source){.file = own("clouds"), .keys = {[GEODB_REGION] = "region"}};
    geodb = geodb_new(&source, 1, NULL, NULL, NULL, &why);
    is(told(geodb, "3.7.0.1"), "aws:eu-west-3 FR EU 75 /16 0 0", "a region by a key path");
    geodb_free(geodb);
}

static void test_own_places(void)
{
    struct places places = {0};
    struct own_place lyon = {.key = SLICE("aws:eu-west-3"), .has_point = true};
    struct geodb_source source = {.file = own("clouds")};

    ok(places_add(&places, &lyon, NULL), "a corrected place");
    struct geodb *geodb = geodb_new(&source, 1, &places, NULL, NULL, NULL);
    struct geodb_answer answer = look_up(geodb, "35.180.1.1");
    ok(answer.place.has_point && (int)(answer.place.point[2] * 100) == 0, "is where it says");
    geodb_free(geodb);
    places_free(&places);
}

static void describe(void *context, const char *path, const char *value)
{
    char *text = context;
    size_t len = strlen(text);

    snprintf(text + len, 512 - len, "%s=%s;", path, value);
}

/* One of each type that the format has. */
static void write_types(const char *name)
{
    struct sample s;

    sample_start(&s, 4);
    sample_map(&s, 9);
    sample_string(&s, "yes"), sample_control(&s, 14, 1);
    sample_string(&s, "no"), sample_control(&s, 14, 0);
    sample_string(&s, "u16"), sample_number(&s, 5, 65535, 2);
    sample_string(&s, "u32"), sample_number(&s, 6, 4294967295, 4);
    sample_string(&s, "u64"), sample_number(&s, 9, UINT64_C(18446744073709551615), 8);
    sample_string(&s, "i32"), sample_number(&s, 8, 4294967295, 4);
    sample_string(&s, "float"), sample_float(&s, 0.5f);
    sample_string(&s, "bytes"), sample_number(&s, 4, 0x010203, 3);
    sample_string(&s, "list"), sample_control(&s, 11, 2);
    sample_string(&s, "a"), sample_map(&s, 1), sample_pair(&s, "b", "c");
    sample_network(&s, (const uint8_t[16]){192, 0, 2, 1}, 32, 0);
    sample_write(&s, name);
}

static void test_types(void)
{
    char text[512] = "";
    struct geodb *geodb = opened(own("types"), NULL);
    struct address address = address_parse(SLICE("192.0.2.1"));

    ok(geodb_describe(geodb, 0, &address, describe, text), "a record of all types");
    is(text,
       "yes=true;no=false;u16=65535;u32=4294967295;u64=18446744073709551615;i32=-1;float=0.5;"
       "bytes=(3 bytes);list.0=a;list.1.b=c;",
       "is described");
    geodb_free(geodb);
    unlink(own("types"));
}

static void test_describe(void)
{
    char text[512] = "";
    struct geodb *geodb = opened(own("clouds"), own("countries"));
    struct address address = address_parse(SLICE("35.180.1.1"));

    ok(geodb_describe(geodb, 0, &address, describe, text), "a record is described");
    is(text, "provider=aws;region=eu-west-3;location.latitude=-33;location.longitude=18;", "whole");
    ok(!geodb_describe(geodb, 1, &address, describe, text), "not where there is none");
    ok(!geodb_describe(geodb, 2, &address, describe, text), "nor in no source");
    address = address_parse(SLICE("3.8.0.1"));
    text[0] = '\0';
    ok(geodb_describe(geodb, 1, &address, describe, text), "another one");
    is(text, "country_code=;city=;latitude=10.5;longitude=20.25;", "with empty values");
    geodb_free(geodb);
}

static void write_text(const char *name, const char *text, int flags)
{
    int file = open(name, O_WRONLY | O_CREAT | flags, 0644);
    size_t len = strlen(text);

    ok(file >= 0 && write(file, text, len) == (ssize_t)len && close(file) == 0, "(wrote a file)");
}

static void test_replacing(void)
{
    static const char FR[] = "- FR EU 73 /16 0 64496", DE[] = "- DE EU 77 /16 0 64496";
    const char *name = own("changing"), *other = own("other");
    struct geodb *geodb = opened(name, NULL);

    is(told(geodb, "3.5.0.1"), UNKNOWN, "a file that is not there");
    is(told(geodb, "3.5.0.1"), UNKNOWN, "is not");
    cmp_ok(log_lines, ==, 1, "which is told once");
    like(logged, "cannot be read", "as it is");
    write_countries(name, "FR", 0);
    geodb_refresh(geodb, 10000);
    is(told(geodb, "3.5.0.1"), FR, "it is taken when it comes");
    write_countries(name, "DE", 0);
    geodb_refresh(geodb, 10999);
    is(told(geodb, "3.5.0.1"), FR, "within a second nobody looks");
    geodb_refresh(geodb, 11000);
    is(told(geodb, "3.5.0.1"), DE, "a replaced file is taken");
    cmp_ok(log_lines, ==, 1, "without a word");
    write_text(other, "this is no database at all", O_TRUNC);
    ok(rename(other, name) == 0, "(renamed)");
    geodb_refresh(geodb, 12000);
    geodb_refresh(geodb, 13000);
    is(told(geodb, "3.5.0.1"), DE, "a bad replacement is refused");
    cmp_ok(log_lines, ==, 2, "which is told once");
    like(logged, "no usable address database", "with the reason");
    like(logged, "serves on", "and what happens now");
    unlink(name);
    geodb_refresh(geodb, 14000);
    is(told(geodb, "3.5.0.1"), DE, "a deleted file serves on");
    cmp_ok(log_lines, ==, 3, "which is told");
    write_countries(name, "FR", 0);
    geodb_refresh(geodb, 15000);
    is(told(geodb, "3.5.0.1"), FR, "until a good one comes");
    geodb_free(geodb);
}

static void test_cut_short(off_t size, const char *what)
{
    const char *name = own("changing");
    struct geodb *geodb;

    write_countries(name, "FR", 40000);
    geodb = opened(name, NULL);
    is(told(geodb, "3.5.0.1"), "- FR EU 73 /16 0 64496", "before it is cut short, %s", what);
    ok(truncate(name, size) == 0, "(cut)");
    is(told(geodb, "3.9.0.1"), UNKNOWN, "a look-up beyond the end is survived");
    is(told(geodb, "3.5.0.1"), UNKNOWN, "the file is no longer asked");
    cmp_ok(log_lines, ==, 1, "which is told once");
    like(logged, "cut short", "as it is");
    geodb_refresh(geodb, 1000);
    cmp_ok(log_lines, ==, 1, "what is left of it is refused without more words");
    write_countries(name, "DE", 0);
    geodb_refresh(geodb, 2000);
    is(told(geodb, "3.5.0.1"), "- DE EU 77 /16 0 64496", "a new one is taken");
    geodb_free(geodb);
}

static void test_overwritten(void)
{
    const char *name = own("changing");
    struct geodb *geodb;

    write_countries(name, "FR", 0);
    geodb = opened(name, NULL);
    is(told(geodb, "3.5.0.1"), "- FR EU 73 /16 0 64496", "before it is overwritten");
    write_text(name, "rubbish, and more of it than there was time between two looks at the clock",
               0);
    struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    utimensat(AT_FDCWD, name, times, 0);
    geodb_refresh(geodb, 1000);
    is(told(geodb, "3.5.0.1"), UNKNOWN, "it is no longer asked");
    cmp_ok(log_lines, ==, 1, "which is told once");
    like(logged, "overwritten while in use", "as it is");
    geodb_free(geodb);
}

static void test_refused(void)
{
    struct why why = {""};

    ok(geodb_check(own("clouds"), &why), "a good file");
    ok(!geodb_check(folder, &why), "a folder");
    like(why.text, "not a plain file", "is none");
    write_text(own("empty"), "", O_TRUNC);
    ok(!geodb_check(own("empty"), &why), "an empty file");
    ok(!geodb_check(own("absent"), &why), "no file");
    like(why.text, "No such file", "is told so");
    write_countries(own("other"), "FR", 0);
    int file = open(own("other"), O_RDWR);
    char byte = 1;
    struct sample s;
    ok(pwrite(file, &byte, 1, 0) == 1, "(a record that points far behind)");
    close(file);
    struct geodb *geodb = opened(own("other"), NULL);
    is(told(geodb, "3.5.0.1"), UNKNOWN, "a tree that points nowhere is no answer");
    cmp_ok(log_lines, ==, 1, "and told");
    geodb_free(geodb);
    sample_start(&s, 4);
    sample_map(&s, 1), sample_pair(&s, "country_code", "FR");
    sample_ipv4(&s, 3, 5, (size_t)-1);
    sample_write(&s, own("other"));
    geodb = opened(own("other"), NULL);
    is(told(geodb, "3.5.0.1"), UNKNOWN, "nor one that points between tree and data");
    like(logged, "is damaged", "which is told");
    geodb_free(geodb);
}

/* The test data in ../shared, if it is there. */

static const char *shared(const char *name)
{
    static char path[PATH_MAX];
    const char *source = getenv("top_srcdir");

    snprintf(path, sizeof path, "%s/../shared/data/mmdb/%s", source ? source : ".", name);
    return path;
}

/* The n-th field of a line, from 0; "" behind the last. */
static const char *field(const char *line, int n)
{
    static char fields[10][64];
    const char *start = line;

    for (int i = 0; i < n && start; i++) {
        start = strchr(start, '\t');
        start += start ? 1 : 0;
    }
    snprintf(fields[n], sizeof fields[n], "%.*s", start ? (int)strcspn(start, "\t\n") : 0,
             start ? start : "");
    return fields[n];
}

static const char *bare_key(place_index index)
{
    const char *key = place_key(NULL, index), *colon = strchr(key, ':');

    return colon ? colon + 1 : key;
}

/* Whether an answer says what a row of expected-maxmind.tsv says. */
static bool agrees(const struct geodb_answer *answer, const char *line)
{
    const char *country = field(line, 4), *latitude = field(line, 6);
    float point[3];

    if (strcmp(country, "-") == 0 && strcmp(field(line, 3), "-") == 0 && *latitude == '-' &&
        latitude[1] == '\0')
        return !answer->place.has_point && answer->place.country == NO_PLACE;
    if (strcmp(bare_key(answer->place.country), country) != 0 ||
        (strcmp(field(line, 3), "-") != 0 &&
         strcmp(bare_key(answer->place.continent), field(line, 3)) != 0) ||
        (int)answer->prefix_bits != atoi(field(line, 2)))
        return false;
    if (strcmp(latitude, "-") == 0)
        return true;
    return place_point(atof(latitude), atof(field(line, 7)), point) &&
           place_distance_km(point, answer->place.point) < 0.01;
}

/* A tree that leads nowhere, but for IPv4 addresses. */
static void test_nowhere(void)
{
    static const uint8_t IPV6[16] = {0x20};
    struct sample s;
    struct why why = {""};

    sample_start(&s, 6);
    sample_map(&s, 0);
    sample_network(&s, IPV6, 3, 0);
    s.node[2][1] = 0x7ffffff0; /* far behind the end */
    sample_write(&s, own("nowhere"));
    ok(!geodb_check(own("nowhere"), &why), "a tree that leads nowhere is refused");
    like(why.text, "its search tree does not hold together", "for that");
    unlink(own("nowhere"));
}

static void test_expected_maxmind(void)
{
    FILE *rows = fopen(shared("expected-maxmind.tsv"), "r");
    char line[512], open_name[64] = "";
    struct geodb *geodb = NULL;
    int count = 0, wrong = 0;

    if (!rows) {
        skip(1, "../shared/data is absent");
        return;
    }
    while (fgets(line, sizeof line, rows)) {
        if (line[0] == '#')
            continue;
        if (strcmp(open_name, field(line, 0)) != 0) {
            char name[128];
            geodb_free(geodb);
            snprintf(open_name, sizeof open_name, "%s", field(line, 0));
            snprintf(name, sizeof name, "maxmind/%s", open_name);
            geodb = opened(shared(name), NULL);
        }
        struct geodb_answer answer = look_up(geodb, field(line, 1));
        count++;
        if (!agrees(&answer, line) && wrong++ < 5)
            diag("%s got: %s", line, told(geodb, field(line, 1)));
    }
    geodb_free(geodb);
    fclose(rows);
    ok(count == 1109 && wrong == 0, "expected-maxmind.tsv: %d of %d rows agree", count - wrong,
       count);
}

static void test_expected_countries(void)
{
    FILE *rows = fopen(shared("expected-geo-whois-asn-country.tsv"), "r");
    struct geodb *geodb = opened(shared("geo-whois-asn-country.mmdb"), NULL);
    char line[512];
    int count = 0, wrong = 0;

    while (rows && fgets(line, sizeof line, rows)) {
        if (line[0] == '#')
            continue;
        struct geodb_answer answer = look_up(geodb, field(line, 0));
        count++;
        if (strcmp(bare_key(answer.place.country), field(line, 1)) != 0 && wrong++ < 5)
            diag("%s got: %s", line, told(geodb, field(line, 0)));
    }
    geodb_free(geodb);
    if (!rows) {
        skip(1, "../shared/data is absent");
        return;
    }
    fclose(rows);
    ok(count == 4000 && wrong == 0, "expected-geo-whois-asn-country.tsv: %d of %d rows agree",
       count - wrong, count);
}

static void ignore_value(void *context, const char *path, const char *value)
{
    *(size_t *)context += strlen(path) + strlen(value);
}

/* Looks up addresses all over; returns how many places were found. */
static int survive(const char *path)
{
    struct geodb *geodb = opened(path, NULL);
    int found = 0;
    size_t bytes = 0;

    for (unsigned i = 0; i < 20000; i++) {
        struct address address = {.family = i % 2 ? ADDRESS_IPV4 : ADDRESS_IPV6};
        uint32_t mixed = i * UINT32_C(2654435761);
        memcpy(address.bytes + (i % 2 ? 12 : 0), &mixed, 4);
        struct geodb_answer answer = geodb_lookup(geodb, &address, true);
        found += answer.place_source >= 0;
        if (i < 200)
            geodb_describe(geodb, 0, &address, ignore_value, &bytes);
    }
    geodb_free(geodb);
    return found;
}

static void test_bad(const char *name)
{
    char path[PATH_MAX + 512];
    DIR *dir = opendir(shared(name));
    struct dirent *entry;
    int files = 0, found = 0, talkative = 0;

    if (!dir) {
        skip(1, "../shared/data is absent");
        return;
    }
    while ((entry = readdir(dir))) {
        if (!strstr(entry->d_name, ".mmdb"))
            continue;
        snprintf(path, sizeof path, "%s/%s", shared(name), entry->d_name);
        found += survive(path);
        talkative += log_lines > 2;
        files++;
    }
    closedir(dir);
    ok(files > 20 && talkative == 0,
       "%d files of %s are survived, with at most two lines each (%d found)", files, name, found);
}

static void clean_up(void)
{
    static const char *const NAMES[] = {"clouds", "countries", "changing", "other", "empty"};

    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        unlink(own(NAMES[i]));
    rmdir(folder);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    write_clouds(own("clouds"));
    write_countries(own("countries"), "FR", 0);
    test_own_database();
    test_special();
    test_publishers();
    test_order();
    test_keys();
    test_own_places();
    write_types(own("types"));
    test_types();
    test_describe();
    test_replacing();
    test_cut_short(4096, "in its data");
    test_cut_short(0, "to nothing");
    test_overwritten();
    test_refused();
    test_nowhere();
    test_expected_maxmind();
    test_expected_countries();
    test_bad("bad");
    test_bad("maxmind");
    clean_up();
    return done_testing();
}
#endif
