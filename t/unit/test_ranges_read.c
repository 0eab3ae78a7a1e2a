/* SPDX-License-Identifier: Apache-2.0 */
/* The readers of address ranges: what each format says, and where it is wrong. */
#include "config.h"
#include <stdlib.h>
#include <unistd.h>
#include "ranges/compile.h"
#include "ranges/lines.h"
#include "ranges/range_place.h"
#include "tap.h"
#include "tight.h"

enum { SECONDS_OF_DAY = 86400 };

/* want: each prefix with its place; or else a part of the message. */
static const struct {
    int line;
    enum range_format format;
    const char *text, *want, *error;
} samples[] = {
#ifdef HAVE_JANSSON
    {__LINE__, FORMAT_UNKNOWN,
     "{\"prefixes\":[{\"ip_prefix\":\"192.0.2.0/24\",\"region\":\"eu-west-3\","
     "\"network_border_group\":\"eu-west-3\"}],\"ipv6_prefixes\":[{\"ipv6_prefix\":"
     "\"2001:db8::/32\",\"region\":\"us-east-1\",\"network_border_group\":\"us-east-1-lim-1\"}]}",
     "192.0.2.0/24 2 aws:eu-west-3, Paris, FR\n"
     "2001:db8::/32 3 aws:us-east-1 (us-east-1-lim-1), Lima, PE\n",
     NULL},
    {__LINE__, FORMAT_UNKNOWN, "{\"prefixes\":[{\"ip_prefix\":\"192.0.2.0/24\"}]}", NULL,
     "input: prefixes[0] has no text \"region\""},
    {__LINE__, FORMAT_UNKNOWN,
     "{\"prefixes\":[{\"ip_prefix\":\"192.0.2.0/24\",\"region\":\"GLOBAL\"},\n"
     "{\"ip_prefix\":\"10.0.0.0/7\",\"region\":\"x\"}]}",
     NULL, "input:2: prefixes[1]: \"10.0.0.0/7\" is far too wide a network for one region"},
    {__LINE__, FORMAT_UNKNOWN,
     "{\"prefixes\":[{\"ip_prefix\":\"10.0.0.0/8\",\"region\":\"GLOBAL\"}],"
     "\"ipv6_prefixes\":[{\"ipv6_prefix\":\"2001::/16\",\"region\":\"x\"}]}",
     "10.0.0.0/8 0 aws:global\n2001::/16 2 aws:x\n", NULL},
    {__LINE__, FORMAT_UNKNOWN,
     "{\"prefixes\":[{\"ip_prefix\":\"10.0.0.0/8\",\"region\":\"a/b\"}],"
     "\"ipv6_prefixes\":[{\"ipv6_prefix\":\"2000::/15\",\"region\":\"x\"}]}",
     NULL, "input:1: prefixes[0]: \"a/b\" is not a region's name"},
    {__LINE__, FORMAT_UNKNOWN,
     "{\"prefixes\":[],\"ipv6_prefixes\":[{\"ipv6_prefix\":\"2000::/15\",\"region\":\"x\"}]}", NULL,
     "ipv6_prefixes[0]: \"2000::/15\" is far too wide"},
    {__LINE__, FORMAT_UNKNOWN,
     "{\"prefixes\":[{\"ip_prefix\":\"10.0.0.0/8\",\"region\":\"x\",\"network_border_group\":"
     "\"y z\"}]}",
     NULL, "\"y z\" is not a network border group's name"},
    {__LINE__, FORMAT_UNKNOWN,
     "{\"prefixes\":[{\"ipv4Prefix\":\"192.0.2.0/24\",\"scope\":\"us-central1\"},"
     "{\"ipv6Prefix\":\"2001:db8::/32\",\"scope\":\"global\"}]}",
     "192.0.2.0/24 2 gcp:us-central1, Council Bluffs, US\n2001:db8::/32 0 gcp:global\n", NULL},
    {__LINE__, FORMAT_UNKNOWN, "{\"prefixes\":[{\"ipv6Prefix\":\"2001:db8::/32\"}]}", NULL,
     "input: prefixes[0] has no text \"scope\""},
    {__LINE__, FORMAT_GOOGLE, "{\"prefixes\":[{\"scope\":\"global\"}]}", NULL,
     "input: prefixes[0] has no text \"ipv4Prefix\""},
    {__LINE__, FORMAT_UNKNOWN, "{\"prefixes\":[{\"ipv4Prefix\":\"192.0.2.1/24\",\"scope\":\"x\"}]}",
     NULL, "input:1: prefixes[0]: \"192.0.2.1/24\" is "},
    {__LINE__, FORMAT_UNKNOWN, "{\"prefixes\":[{\"ipv4Prefix\":\"192.0.2.0/24\",\"scope\":\"\"}]}",
     NULL, "prefixes[0]: \"\" is not a region's name"},
    {__LINE__, FORMAT_UNKNOWN,
     "{\"values\":[{\"name\":\"AzureCloud\",\"properties\":{\"region\":\"\",\"addressPrefixes\":"
     "[\"198.51.100.0/24\"]}},"
     "{\"name\":\"AzureCloud.eastus\",\"properties\":{\"region\":\"eastus\",\"addressPrefixes\":"
     "[\"192.0.2.0/25\",\"2001:db8::/32\"]}},"
     "{\"name\":\"Storage.EastUS\",\"properties\":{\"region\":\"westus\",\"addressPrefixes\":"
     "[\"203.0.113.0/24\"]}}]}",
     "192.0.2.0/25 2 azure:eastus, Ashburn, US\n2001:db8::/32 2 azure:eastus, Ashburn, US\n", NULL},
    {__LINE__, FORMAT_UNKNOWN, "{\"values\":[{\"properties\":{}}]}", NULL,
     "values[0] has no text \"name\""},
    {__LINE__, FORMAT_UNKNOWN, "{\"values\":[{\"name\":\"AzureCloud.a\"}]}", NULL,
     "values[0] has no text \"region\""},
    {__LINE__, FORMAT_UNKNOWN,
     "{\"values\":[{\"name\":\"AzureCloud.a\",\"properties\":{\"region\":\"a\"}}]}", NULL,
     "values[0] has no list \"addressPrefixes\""},
    {__LINE__, FORMAT_UNKNOWN,
     "{\"values\":[{\"name\":\"AzureCloud.a\",\"properties\":{\"region\":\"a\","
     "\"addressPrefixes\":[\"192.0.2.0/24\",7]}}]}",
     NULL, "values[0].properties.addressPrefixes[1] is not text"},
    {__LINE__, FORMAT_UNKNOWN,
     "{\"values\":[{\"name\":\"AzureCloud.a\",\"properties\":{\"region\":\"a b\","
     "\"addressPrefixes\":[\"192.0.2.0/24\"]}}]}",
     NULL, "\"a b\" is not a region's name"},
    {__LINE__, FORMAT_UNKNOWN,
     "{\"values\":[{\"name\":\"AzureCloud.a\",\"properties\":{\"region\":\"a\","
     "\"addressPrefixes\":[\"192.0.2.0/33\"]}}]}",
     NULL, "\"192.0.2.0/33\" is a prefix whose length"},
    {__LINE__, FORMAT_UNKNOWN,
     "{\"regions\":[{\"region\":\"us-ashburn-1\",\"cidrs\":[{\"cidr\":\"192.0.2.0/24\"},"
     "{\"cidr\":\"198.51.100.0/24\"}]}]}",
     "192.0.2.0/24 2 oracle:us-ashburn-1, Ashburn, US\n"
     "198.51.100.0/24 2 oracle:us-ashburn-1, Ashburn, US\n",
     NULL},
    {__LINE__, FORMAT_UNKNOWN, "{\"regions\":[{\"cidrs\":[]}]}", NULL,
     "regions[0] has no text \"region\""},
    {__LINE__, FORMAT_UNKNOWN, "{\"regions\":[{\"region\":\"x\"}]}", NULL,
     "regions[0] has no list \"cidrs\""},
    {__LINE__, FORMAT_UNKNOWN, "{\"regions\":[{\"region\":\"x\",\"cidrs\":[{}]}]}", NULL,
     "regions[0] has no text \"cidr\""},
    {__LINE__, FORMAT_UNKNOWN, "{\"regions\":[{\"region\":\"x\",\"cidrs\":[{\"cidr\":\"1\"}]}]}",
     NULL, "\"1\" is not an IPv4 or IPv6 prefix"},
    {__LINE__, FORMAT_UNKNOWN, "{\"regions\":[{\"region\":\"\",\"cidrs\":[]}]}", NULL,
     "\"\" is not a region's name"},
    {__LINE__, FORMAT_UNKNOWN, "{\"networks\":[]}", NULL,
     "is JSON, but not the address ranges of AWS, Google, Azure or Oracle"},
    {__LINE__, FORMAT_AWS, "[]", NULL, "is JSON, but not the address ranges"},
    {__LINE__, FORMAT_UNKNOWN, "{\n\"prefixes\": ]", NULL, "input:2:13: This is not right JSON"},
    {__LINE__, FORMAT_UNKNOWN, "{\"prefixes\":[]}", NULL, "input has no prefix with a place"},
    {__LINE__, FORMAT_AZURE, "{\"prefixes\":[{\"ip_prefix\":\"10.0.0.0/8\",\"region\":\"x\"}]}",
     NULL, "input has no prefix with a place"},
#endif
    {__LINE__, FORMAT_UNKNOWN,
     "2|x|20260102|2|||+0000\nx|FR|ipv4|192.0.2.0|256|20100101|allocated|A\n"
     "x|EU|ipv6|2001:db8::|36|20100101|assigned|A\nx|FR|asn|64496|1|20100101|allocated|A\n",
     "192.0.2.0/24 1 FR\n2001:db8::/36 1 EU\n", NULL},
    {__LINE__, FORMAT_RIR, "2.3|x\nx|FR|ipv4|192.0.2.1|7|20100101|allocated",
     "192.0.2.1/32 1 FR\n192.0.2.2/31 1 FR\n192.0.2.4/30 1 FR\n", NULL},
    {__LINE__, FORMAT_RIR, "2|x\nx|FR|ipv4|255.255.255.0|256||allocated", "255.255.255.0/24 1 FR\n",
     NULL},
    {__LINE__, FORMAT_RIR, "2|x\nx|FR|ipv4|0.0.0.0|4294967296||allocated", "0.0.0.0/0 1 FR\n",
     NULL},
    {__LINE__, FORMAT_RIR, "2|x\nx|FR|ipv4|255.255.255.0|257||allocated", NULL,
     "input:2: \"257\" is not a count of IPv4 addresses from there on"},
    {__LINE__, FORMAT_RIR, "2|x\n#\n\nx|FR|ipv4|192.0.2.0|0||allocated", NULL,
     "input:4: \"0\" is not a count"},
    {__LINE__, FORMAT_RIR, "2|x\nx|FR|ipv4|192.0.2.0|2x||allocated", NULL, "\"2x\" is not a count"},
    {__LINE__, FORMAT_RIR, "2|x\nx|FR|ipv4|192.0.2.0|||allocated", NULL, "\"\" is not a count"},
    {__LINE__, FORMAT_RIR, "2|x\nx|FR|ipv4|192.0.2.0/24|1||allocated", NULL,
     "\"1\" is not a count"},
    {__LINE__, FORMAT_RIR, "2|x\nx|FR|ipv4|2001:db8::|1||allocated", NULL, "\"1\" is not a count"},
    {__LINE__, FORMAT_RIR, "2|x\nx|FR|ipv6|2001:db8::|1280||allocated", NULL,
     "The start or the length is too long"},
    {__LINE__, FORMAT_RIR, "2|x\nx|FR|ipv6|2001:db8::|128||allocated", "2001:db8::/128 1 FR\n",
     NULL},
    {__LINE__, FORMAT_RIR, "2|x\nx|FR|ipv6|2001:db8::|129||allocated", NULL,
     "\"2001:db8::/129\" is a prefix whose length"},
    {__LINE__, FORMAT_RIR, "2|x\nx|QQ|ipv4|192.0.2.0|1||allocated", NULL,
     "\"QQ\" is not a country's two-letter code"},
    {__LINE__, FORMAT_RIR,
     "2|x\nx|ZZ|ipv4|192.0.2.0|1||allocated\nx|AP|ipv4|192.0.2.0|1||allocated\n"
     "x|*|ipv4|*|2|summary\nx|FR|ipv4|192.0.2.0|1||reserved\nx||ipv4|192.0.2.0|1||allocated",
     NULL, "input has no prefix with a place"},
    {__LINE__, FORMAT_RIR, "3|x\n", NULL, "input:1: \"3\" is not a version"},
    {__LINE__, FORMAT_RIR, "23|x\n", NULL, "\"23\" is not a version"},
    {__LINE__, FORMAT_UNKNOWN,
     "# 2026\n192.0.2.0/24,FR,FR-13,\"Marseille\",13001\r\n2001:db8::/32,de\n"
     "198.51.100.0/24,,,Paris\n203.0.113.0/24,ZZ,,Paris\n",
     "192.0.2.0/24 2 p, Marseille, FR\n2001:db8::/32 1 p, DE\n198.51.100.0/24 1 p\n"
     "203.0.113.0/24 1 p\n",
     NULL},
    {__LINE__, FORMAT_UNKNOWN, "\xef\xbb\xbf\n192.0.2.7, \"FR\" ,", "192.0.2.7/32 1 p, FR\n", NULL},
    {__LINE__, FORMAT_GEOFEED, "192.0.2.7,\"\n", NULL, "input:1: \"\"\" is not a country's"},
    {__LINE__, FORMAT_GEOFEED, "192.0.2.7,\"\",\n", "192.0.2.7/32 1 p\n", NULL},
    {__LINE__, FORMAT_GEOFEED, "192.0.2.7,FR\n192.0.2.8,xx", NULL,
     "input:2: \"xx\" is not a country's"},
    {__LINE__, FORMAT_GEOFEED, "192.0.2.7,FR,,\xff", NULL, "\"?\" is not a city's name"},
    {__LINE__, FORMAT_GEOFEED, "192.0.2.300,FR", NULL, "\"192.0.2.300\" is not an IPv4 or IPv6"},
    {__LINE__, FORMAT_LIST, "192.0.2.0/24 # note\n\n#\n 2001:db8::1 \n",
     "192.0.2.0/24 3 PE\n2001:db8::1/128 3 PE\n", NULL},
    {__LINE__, FORMAT_LIST, "192.0.2.0/24\n192.0.2\x7f", NULL, "input:2: \"192.0.2?\" is not"},
    {__LINE__, FORMAT_UNKNOWN, "192.0.2.0/24\n", NULL, "give their place with --place"},
    {__LINE__, FORMAT_UNKNOWN, "", NULL, "input is empty."},
    {__LINE__, FORMAT_UNKNOWN, "\x1f\x8bx", NULL, "is compressed; unpack it first (gunzip -k)"},
    {__LINE__, FORMAT_UNKNOWN, "PK\x03\x04x", NULL, "is a zip archive"},
    {__LINE__, FORMAT_UNKNOWN, "<html>", NULL, "is a web page or XML"},
};

static bool read_text(struct range_list *list, enum range_format format, struct slice text,
                      struct range_error *error)
{
    static const struct range_record peru = {.country = "PE", .continent = "SA"};
    struct range_input input = {.name = "input", .text = text, .format = format};

    *list = (struct range_list){.table = record_table_new()};
    error->text[0] = '\0';
    if (format == FORMAT_LIST)
        input.place = &peru;
    if (format == FORMAT_GEOFEED || format == FORMAT_UNKNOWN)
        input.provider = SLICE("p");
    return range_read(list, &input, error);
}

static void forget(struct range_list *list)
{
    range_list_free(list);
    record_table_free(list->table);
}

/* "192.0.2.0/24 2 aws:eu-west-3": prefix, rank, place. */
static const char *show(const struct range_list *list)
{
    static char all[1000];
    size_t n = 0;
    char prefix[PREFIX_TEXT], place[600];

    all[0] = '\0';
    for (size_t i = 0; i < list->count && n < sizeof all; i++) {
        const struct range_entry *entry = &list->entries[i];
        n += (size_t)snprintf(
            all + n, sizeof all - n, "%s %d %s\n", prefix_format(&entry->prefix, prefix),
            entry->rank,
            record_describe(record_at(list->table, entry->record), place, sizeof place));
    }
    return all;
}

static void test_samples(void)
{
    struct range_list list;
    struct range_error error;

    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        bool right = read_text(&list, samples[i].format, tight(slice_of(samples[i].text)), &error);
        const char *got = right ? show(&list) : NULL;
        if (!tap_ok(tap_same(got, samples[i].want), __FILE__, samples[i].line, "%.200s",
                    shown(slice_of(samples[i].text))))
            diag("got %s", shown(slice_of(right ? got : error.text)));
        if (!samples[i].want)
            like(error.text, samples[i].error, "it is said what is wrong");
        forget(&list);
    }
}

static void test_limits(void)
{
    struct range_list list;
    struct range_error error;
    char line[LINE_MAX_BYTES + 100], text[2 * LINE_MAX_BYTES], quoted[QUOTED_TEXT];

    snprintf(text, sizeof text, "192.0.2.0/24,FR,%s", padded(line, "", 'x', LINE_MAX_BYTES - 16));
    ok(read_text(&list, FORMAT_GEOFEED, slice_of(text), &error), "a line of 1000 bytes");
    forget(&list);
    strcat(text, "x");
    ok(!read_text(&list, FORMAT_GEOFEED, slice_of(text), &error), "one of 1001 bytes is refused");
    like(error.text, "input:1: The line is longer than 1000 bytes", "and said to be too long");
    forget(&list);
    ok(!read_text(&list, FORMAT_UNKNOWN, SLICE("a\0b,c"), &error), "bytes that are no text");
    like(error.text, "is a binary file", "are called so");
    forget(&list);
    is(range_quote(slice_of(padded(line, "", 'x', 76)), quoted), line, "76 bytes are quoted whole");
    like(range_quote(slice_of(padded(line, "", 'x', 77)), quoted), "xxx...", "77 are cut short");
    cmp_ok(strlen(quoted), ==, 79, "to what there is room for");
    is(range_quote(SLICE("a b~\x7f\x1f\n"), quoted), "a b~???", "what cannot be printed is not");
}

static void test_formats(void)
{
    for (int format = FORMAT_AWS; format <= FORMAT_RIR; format++)
        cmp_ok((int)range_format_named(slice_of(range_format_name((enum range_format)format))), ==,
               format, "a format's name means it");
    cmp_ok(range_format_named(SLICE("unknown")), ==, FORMAT_UNKNOWN, "no format");
}

/* Days since 1970, the second of the day. By another program (date --utc +%s). */
static const struct {
    const char *text;
    long long days, second;
} dates[] = {
    {"1970-01-01", 0, 0},
    {"1970-01-02T00:00:01", 1, 1},
    {"2000-02-29", 11016, 0},
    {"2000-03-01", 11017, 0},
    {"1999-12-31", 10956, 0},
    {"2100-03-01", 47541, 0},
    {"2400-02-29", 157113, 0},
    {"2026-07-29T07:05:53.123Z", 20663, 25553},
    {"2026-07-29-08-27-05", 20663, 30425},
    {"20260729", 20663, 0},
    {"20261231 235960", 20818, 86400},
    {"2026-07-29T07:05", 20663, 0},
    {"2026-07-29T07:05:5", 20663, 0},
    {"2026-07-29T24:05:53", 20663, 0},
    {"2026-07-29T23:60:53", 20663, 0},
    {"2026-07-29T23:05:61", 20663, 0},
    {"2026-07-29T23:59:59", 20663, 86399},
    {"2026-12-31", 20818, 0},
    {"2026-7-29", 0, 0},
    {"2026-13-01", 0, 0},
    {"2026-00-01", 0, 0},
    {"2026-01-00", 0, 0},
    {"2026-01-32", 0, 0},
    {"1969-12-31", 0, 0},
    {"2026-01-3", 0, 0},
    {"202601", 0, 0},
    {"2026", 0, 0},
    {"202", 0, 0},
    {"x2026-01-01", 0, 0},
    {"", 0, 0},
};

static void test_dates(void)
{
    struct range_list list;
    struct range_error error;

    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++)
        cmp_ok(line_date(tight(slice_of(dates[i].text))), ==,
               dates[i].days * SECONDS_OF_DAY + dates[i].second, "the date \"%s\"", dates[i].text);
    read_text(&list, FORMAT_GEOFEED,
              SLICE("# of 9999-99-99, 2026-01-02\n# 2025-01-01\n192.0.2.0/24,FR"), &error);
    cmp_ok(list.date, ==, 20455 * SECONDS_OF_DAY, "a geofeed has the newest date of its comments");
    forget(&list);
    read_text(&list, FORMAT_RIR, SLICE("2|x|1|2|20260101|20260102|\n"), &error);
    cmp_ok(list.date, ==, 20455 * SECONDS_OF_DAY, "statistics have the date of their end");
    forget(&list);
#ifdef HAVE_JANSSON
    static const char *const dated[] = {
        "{\"createDate\":\"2026-01-02-00-00-00\",\"prefixes\":[]}",
        "{\"creationTime\":\"2026-01-02T00:00:00.1\",\"prefixes\":[{\"ipv4Prefix\":\"192.0.2.0/"
        "24\","
        "\"scope\":\"x\"}]}",
        "{\"last_updated_timestamp\":\"2026-01-02T00:00:00.1\",\"regions\":[]}"};
    for (size_t i = 0; i < sizeof dated / sizeof *dated; i++) {
        read_text(&list, FORMAT_UNKNOWN, slice_of(dated[i]), &error);
        cmp_ok(list.date, ==, 20455 * SECONDS_OF_DAY, "the date in %s", dated[i]);
        forget(&list);
    }
#endif
}

static void test_settling(void)
{
    struct range_list list;
    struct range_error error;

    ok(read_text(&list, FORMAT_GEOFEED,
                 SLICE("2001:db8::/32,FR\n192.0.2.0/24,FR\n192.0.2.0/24,DE\n192.0.2.0/24,IT\n"
                       "10.0.0.0/8,FR\n10.0.0.0/8,FR,,Paris\n10.0.0.0/9,FR\n10.0.0.0/9,FR\n"
                       "203.0.113.0/24,DE\n203.0.113.0/24,FR\n"),
                 &error),
       "a list with prefixes more than once %s", error.text);
    cmp_ok(range_settle(&list), ==, 2, "two have different places of one rank");
    is(show(&list),
       "10.0.0.0/8 2 p, Paris, FR\n10.0.0.0/9 1 p, FR\n192.0.2.0/24 1 p, FR\n"
       "203.0.113.0/24 1 p, DE\n2001:db8::/32 1 p, FR\n",
       "each is there once, a city before a country, else the first");
    forget(&list);
}

static bool compile(const char *epoch, struct range_error *error)
{
    char folder[] = "/tmp/signpost-ranges-XXXXXX", path[100];
    struct range_list list;
    struct compiled compiled;

    setenv("SOURCE_DATE_EPOCH", epoch, 1);
    if (!mkdtemp(folder))
        return false;
    snprintf(path, sizeof path, "%s/a.mmdb", folder);
    bool done = read_text(&list, FORMAT_GEOFEED, SLICE("192.0.2.0/24,FR"), error) &&
                compile_list(&list, path, &compiled, error);
    forget(&list);
    unlink(path);
    snprintf(path, sizeof path, "%s/.a.mmdb.lock", folder);
    unlink(path);
    rmdir(folder);
    return done;
}

static void test_epochs(void)
{
    static const char *const wrong[] = {"1x", "-1", "99999999999999999999"};
    struct range_error error;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ok(!compile(wrong[i], &error), "SOURCE_DATE_EPOCH \"%s\" is refused", wrong[i]);
        like(error.text, "not a number of seconds", "for what it is");
    }
    ok(compile("0", &error), "0 is a time %s", error.text);
    ok(compile("", &error), "nothing is none given %s", error.text);
    unsetenv("SOURCE_DATE_EPOCH");
}

int main(void)
{
    test_samples();
    test_limits();
    test_formats();
    test_dates();
    test_settling();
    test_epochs();
    return done_testing();
}
