/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a configuration's words come to. Its mistakes are tested in t/e2e/check.t,
 * word for word; here are what is left at its default, what is multiplied out, and limits.
 */
#include "config/configuration.h"
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>
#include "asking.h"
#include "parse/oci.h"
#include "place/place_set.h"
#include "tap.h"
#include "tight.h"

#define US "upstreams = { us = { url = \"https://us.example.org\"; }; };"

static void check_defaults(void)
{
    struct config *c = config_of("name = \"registry.example.org\";" US);

    ok(slice_equal(c->name, SLICE("registry.example.org")), "the name");
    cmp_ok(c->upstream_count, ==, 1, "one upstream");
    cmp_ok(c->target_count, ==, 1, "no bucket");
    ok(c->canonical_count == 1 && c->canonical[0] == c->targets, "the only upstream is canonical");
    ok(c->fallback == c->targets, "and the default");
    cmp_ok(c->rule_count, ==, 6, "the built-in rules");
    is(shown(c->region_header), "X-Client-Region", "the region header");
    is(shown(c->request.region_variable), "HTTP_X_CLIENT_REGION", "as a variable");
    is(shown(c->request.forwarded_variable), "HTTP_X_FORWARDED_FOR", "the forwarding header");
    cmp_ok(c->request.path_from, ==, PATH_FROM_AUTO, "where the path comes from");
    cmp_ok(c->signatures.suffix_count, ==, 3, "three suffixes of signatures");
    cmp_ok(c->page_count, ==, 0, "no pages");
    cmp_ok(c->database_count, ==, 0, "no databases");
    cmp_ok(c->max_connections, ==, 1024, "connections");
    cmp_ok(c->record_timeout_ms, ==, 5000, "the time limit, in ms");
    cmp_ok(c->forwarding.fixed, ==, 0, "no fixed position");
    is(c->logging.to, "stderr", "where the log goes");
    config_free(c);
}

static void check_targets(void)
{
    struct config *c = config_of(
        "name = \"r\"; prefix = \"team\"; canonical = [ \"b\", \"a\" ]; default = \"c\"; upstreams "
        "= {"
        "  a = { url = \"https://a/x///\"; };"
        "  b = { url = \"http://b:80\"; prefix = \"own/one\"; serves = [ \"FR\", \"aws:eu-*\" ]; };"
        "  c = { url = \"https://c\"; prefix = \"\"; place = \"aws:eu-west-3\"; ipv4_only = true; "
        "}; };"
        "buckets = { d = { url = \"https://d/{digest}/\"; serves = \"*\"; }; };");
    const struct target *a = config_target(c, SLICE("a")), *b = config_target(c, SLICE("b"));
    const struct target *third = config_target(c, SLICE("c")), *d = config_target(c, SLICE("d"));

    ok(a && b && third && d && !config_target(c, SLICE("e")) && !config_target(c, SLICE("")),
       "targets have names");
    is(shown(a->url), "https://a/x", "slashes at the end are cut off");
    is(shown(d->url), "https://d/{digest}/", "not those of a bucket");
    is(shown(a->prefix), "team", "the file's prefix");
    is(shown(b->prefix), "own/one", "an upstream's own");
    cmp_ok(third->prefix.len, ==, 0, "which may be empty");
    ok(c->canonical_count == 2 && c->canonical[0] == b && c->canonical[1] == a,
       "canonical, in order");
    ok(c->fallback == third, "the default");
    ok(third->ipv4_only && !a->ipv4_only, "IPv4 only");
    ok(third->place.has_point && !a->place.has_point, "a place has a point");
    ok(b->serves && place_set_has_index(b->serves, place_find(NULL, SLICE("aws:eu-west-3"), 0)) &&
           !place_set_has_index(b->serves, place_find(NULL, SLICE("aws:us-east-1"), 0)),
       "whom it serves");
    ok(!a->serves, "nobody by name");
    ok(d->kind == TARGET_BUCKET && d->object && d->serves->everyone, "a bucket");
    config_free(c);
}

static void check_regions(void)
{
    struct config *c =
        config_of("name = \"r\"; canonical = \"us-east1\"; upstreams = ( { provider = \"gcp\";"
                  "  url = \"https://{region}.{provider}.h\"; regions = [ \"europe-west9\", "
                  "\"us-east1\" ]; } );"
                  "buckets = ( { provider = \"aws\"; url = \"https://h/{region}/{digest}\";"
                  "  regions = [ \"us-east-1\", \"eu-west-3\" ]; } );");

    cmp_ok(c->upstream_count, ==, 2, "an upstream for each region");
    cmp_ok(c->target_count, ==, 4, "and a bucket for each");
    is(c->targets[0].name, "europe-west9", "named like the region");
    is(shown(c->targets[0].url), "https://europe-west9.gcp.h", "with it in its URL");
    ok(c->targets[0].place.region == place_find(NULL, SLICE("gcp:europe-west9"), 0),
       "in its place");
    is(c->targets[3].name, "bucket-eu-west-3", "a bucket is named after it");
    is(shown(c->targets[3].url), "https://h/eu-west-3/{digest}", "with it in its URL");
    ok(place_set_has_index(c->targets[3].serves, place_find(NULL, SLICE("aws:eu-west-3"), 0)),
       "and serves it");
    config_free(c);
}

static void check_places(void)
{
    struct config *c = config_of(
        "name = \"r\"; upstreams = ( { name = \"us\"; url = \"https://us\"; place = \"onprem:x\";"
        "  serves = [ \"onprem:*\" ]; } );"
        "places = ( { name = \"onprem:x\"; country = \"DE\"; latitude = 52; longitude = 13; },"
        "           { name = \"aws:eu-west-3\"; latitude = 1; longitude = 2.5; } );");
    place_index own = place_find(&c->places, SLICE("onprem:x"), 0);

    ok(own != NO_PLACE && c->targets[0].place.region == own, "a place of one's own");
    ok(place_set_has_index(c->targets[0].serves, own), "which patterns match");
    ok(place_fact(&c->places, place_find(&c->places, SLICE("aws:eu-west-3"), 0))->latitude == 1.0f,
       "a known one corrected");
    config_free(c);
    c = config_of("name = \"r\";" US);
    ok(place_find(&c->places, SLICE("onprem:x"), 0) == NO_PLACE, "for its own configuration alone");
    config_free(c);
}

static void check_databases(void)
{
    struct config *c =
        config_of("name = \"r\";" US "databases = [ \"/absent/a\", \"/absent/b\" ];");

    cmp_ok(c->database_count, ==, 2, "two databases, which may come later");
    is(c->databases[1].file, "/absent/b", "in their order");
    config_free(c);
}

static void check_state(void)
{
    struct problems problems = {0};
    struct why why = {"left over"};
    struct config *c = config_of("name = \"r\";" US);

    problems_first(&problems, &why);
    is(why.text, "", "no problem is the first");
    ok(c->state_is_default, "without a word the directory of the state is the usual one");
    config_free(c);
    setenv("STATE_DIRECTORY", "relative", 1);
    c = config_of("name = \"r\";" US);
    ok(c->state_is_default, "also if systemd names none");
    config_free(c);
    setenv("STATE_DIRECTORY", "/a:/b", 1);
    c = config_of("name = \"r\";" US);
    ok(!c->state_is_default, "systemd's is one that is given");
    is(c->state, "/a", "and the first of them");
    config_free(c);
    unsetenv("STATE_DIRECTORY");
    c = config_of("name = \"r\"; state = \"/c\";" US);
    ok(!c->state_is_default, "so is one's own");
    is(c->state, "/c", "which is taken");
    config_free(c);
}

static void check_index_sources(void)
{
    struct config *c = config_of("name = \"r\";" US "index_sources = ( \"https://a/i\","
                                 " [ \"https://b/i\", \"https://c/i\" ] );");

    cmp_ok(c->index_source_count, ==, 2, "two sources of the index");
    ok(c->index_sources[0].count == 1 && c->index_sources[1].count == 2, "one has a mirror");
    is(c->index_sources[0].mirrors[0], "https://a/i", "the address of the first");
    is(c->index_sources[1].mirrors[1], "https://c/i", "and that of the mirror");
    config_free(c);
}

static void check_rules(void)
{
    struct config *c = config_of(
        "name = \"r\";" US "rules = ("
        "  { match = [ \"blob\", \"tags-list\" ]; client = [ \"FR\", \"10.0.0.0/8\", \"AS64500\" "
        "];\n"
        "    to = [ \"nearest?\", \"us?\", \"default\" ]; unsure = \"us\"; query = \"keep\"; },\n"
        "  \"default\" );");
    const struct rule *rule = &c->rules[0];

    cmp_ok(c->rule_count, ==, 7, "a rule before the built-in ones");
    cmp_ok(rule->classes, ==, 1u << CLASS_BLOB | 1u << CLASS_TAGS_LIST, "what it matches");
    ok(rule->client->network_count == 1 && rule->client->asn_count == 1 &&
           rule->client->asns[0] == 64500,
       "whom it is for");
    ok(rule->step_count == 3 && rule->step[0].kind == STEP_NEAREST && rule->step[0].if_held &&
           rule->step[1].kind == STEP_TARGET && rule->step[1].target == c->targets &&
           rule->step[1].if_held && rule->step[2].kind == STEP_DEFAULT && !rule->step[2].if_held,
       "its targets");
    ok(rule->unsure.target == c->targets && rule->query == QUERY_KEEP, "the rest of it");
    ok(c->rules_ask_asn, "some rule is for an autonomous system");
    is(c->rules[1].at.file, "built-in rules", "the built-in ones have a place, too");
    config_free(c);
}

/* ---- limits ---- */

static char *text;
static size_t text_len, text_size;

__attribute__((format(printf, 1, 2))) static void add(const char *format, ...)
{
    va_list args;

    if (text_size - text_len < 512) {
        char *longer = realloc(text, text_size += 65536);
        if (!longer)
            abort();
        text = longer;
    }
    va_start(args, format);
    text_len += (size_t)vsnprintf(text + text_len, text_size - text_len, format, args);
    va_end(args);
}

/* Whether the text is accepted; if not, the problems must tell this. */
static bool accepted(const char *told)
{
    struct problems problems = {0};
    struct config *config = config_parse(text, &problems);
    bool fine = config, found = false;

    for (size_t i = 0; told && i < problems.count; i++)
        found |= problems.list[i].text && strstr(problems.list[i].text, told);
    if (told)
        ok(found, "  it is told: %s", told);
    if (told && !found)
        problems_print(&problems, stderr);
    problems_clear(&problems);
    config_free(config);
    text_len = 0;
    return fine;
}

static void add_upstreams(int count)
{
    add("name = \"r\"; canonical = \"u0\"; upstreams = (");
    for (int i = 0; i < count; i++)
        add("%s{ name = \"u%d\"; url = \"https://u%d\"; }", i ? "," : "", i, i);
    add(");");
}

static void add_rules(int count)
{
    add_upstreams(1);
    add("rules = (");
    for (int i = 0; i < count; i++)
        add("{ match = \"blob\"; client = \"FR\"; to = \"u0\"; },");
    add("\"default\");");
}

static void check_limits(void)
{
    add_upstreams(256);
    ok(accepted(NULL), "256 upstreams");
    add_upstreams(257);
    ok(!accepted("at most 256 can be"), "and no more");
    add_rules(250);
    ok(accepted(NULL), "256 rules");
    add_rules(251);
    ok(!accepted("there are more than 256 rules."), "and no more");
    add("name = \"r\"; canonical = \"australia-southeast1\"; upstreams = ( { provider = \"gcp\"; "
        "regions = [ "
        "\"australia-southeast1\" ];"
        "url = \"https://h/");
    for (int i = 0; i < 250; i++)
        add("{region}");
    add("\"; } );");
    ok(!accepted("has more than 2048 bytes"), "a URL that is too long with its words filled in");
    add("name = \"r\"; " US "state = \"");
    for (int i = 0; i < 2000; i++)
        add("long");
    add("\";");
    ok(accepted(NULL), "a long name of a directory");
}

/* Every number's limits, as the manual has them. */
static void check_numbers(void)
{
    static const struct {
        const char *name;
        double min, max;
    } list[] = {
        {"forwarded_position", 0, 64},
        {"index_interval", 1, 86400},
        {"max_connections", 1, 65536},
        {"max_parked", 0, 65536},
        {"record_timeout", 0.1, 3600},
        {"present_lifetime", 1, 31536000},
        {"absent_lifetime", 1, 31536000},
        {"cache_size", 0.0625, 65536},
        {"probe_timeout", 0.1, 60},
        {"probe_connect_timeout", 0.1, 60},
        {"probe_rate", 0, 100000},
        {"probe_burst", 1, 100000},
        {"probe_connections", 1, 1024},
        {"health_interval", 1, 3600},
        {"health_fall", 1, 100},
        {"health_rise", 1, 100},
        {"health_return", 0, 3600},
        {"check_object_interval", 1, 86400},
        {"log_rate", 0, 1},
        {"log_ipv4_prefix", 0, 32},
        {"log_ipv6_prefix", 0, 128},
    };

    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const double tried[] = {list[i].min, list[i].max, list[i].min - 0.01, list[i].max + 0.5};
        for (int k = 0; k < 4; k++) {
            add("name = \"r\"; " US "%s = %.4f;", list[i].name, tried[k]);
            ok(accepted(k < 2 ? NULL : list[i].name) == (k < 2), "%s = %g", list[i].name, tried[k]);
        }
    }
}

/* Just within the limits, and just beyond them. */
static void check_edges(void)
{
    static const struct {
        const char *text, *says; /* NULL: it is accepted */
    } list[] = {
        {"places = ( { name = \"onprem:x\"; latitude = 90; longitude = 180; } );", NULL},
        {"places = ( { name = \"onprem:x\"; latitude = -90; longitude = -180; } );", NULL},
        {"places = ( { name = \"onprem:x\"; latitude = 90.5; longitude = 0; } );",
         "latitude: expected"},
        {"places = ( { name = \"onprem:x\"; latitude = 0; longitude = 180.5; } );",
         "longitude: expected"},
        {"places = ( { name = \"onprem:x\"; latitude = 0; longitude = -180.5; } );",
         "longitude: expected"},
        {"health_status = [ \"100\", \"599\", \"290\", \"209\" ];", NULL},
        {"health_status = [ \"600\" ];", "health_status"},
        {"health_status = [ \"099\" ];", "health_status"},
        {"health_status = [ \"2:0\" ];", "health_status"},
        {"health_status = [ \"2/0\" ];", "health_status"},
        {"health_status = [ \"20:\" ];", "health_status"},
        {"health_status = [ \"20/\" ];", "health_status"},
        {"health_status = [ \"2000\" ];", "health_status"},
        {"index_sources = [ \"http://a/i\" ];", "is not encrypted: use https"},
        {"index_sources = [ \"http://localhost/i\", \"http://127.0.0.1:8080/i\" ];", NULL},
        {"index_sources = [ \"http://localhost.example.org/i\" ];", "is not encrypted"},
        {"rules = ( { match = \"*\"; client = [ \"AS4294967295\", \"as1\" ]; to = \"us\"; }, "
         "\"default\" );",
         NULL},
        {"rules = ( { match = \"*\"; client = [ \"AS4294967296\" ]; to = \"us\"; }, \"default\" );",
         "AS4294967296"},
        {"rules = ( { match = \"*\"; client = [ \"AS00000000001\" ]; to = \"us\"; }, \"default\" "
         ");",
         "AS00000000001"},
        {"rules = ( { match = \"*\"; client = [ \"AS0\" ]; to = \"us\"; }, \"default\" );", "AS0"},
        {"rules = ( { match = [ \"signature-digest\", \"manifest-tag\", \"manifest-digest\", "
         "\"blob\", \"tags-list\" ]; to = \"us\"; } );",
         "the rules do not match every request"},
        {"sources = ( { name = \"aws\"; url = \"\"; }, { name = \"x\"; url = \"https://x/y\"; },"
         " { name = \"z\"; set = \"country\"; url = \"file:///z\"; } );",
         NULL},
        {"sources = ( { name = \"aws\"; url = \"file://z/y\"; } );", "expected an https URL"},
        {"rules = ( { match = \"*\"; to = [ \"nearest?\", \"us\" ]; unsure = \"us?\"; }, "
         "\"default\" );",
         "`unsure` must be a registry, without a question mark"},
        {"rules = ( { match = \"*\"; to = [ \"nearest?\", \"us\" ]; unsure = \"bucket\"; }, "
         "\"default\" );",
         "`unsure` must be a registry"},
        {"rules = ( { match = \"*\"; to = [ \"nearest?\", \"us\" ]; unsure = \"default\"; }, "
         "\"default\" );",
         NULL},
        {"probe_rate_unknown = 5;", NULL}, /* retired: a warning */
        {"canonical_order = \"any\";", "expected \"listed\" or \"nearest\""},
        {"metrics = \"any\";", "expected \"auto\", \"on\" or \"off\""},
    };

    char suffix[OCI_TAG_MAX + 2];

    for (size_t n = OCI_TAG_MAX; n <= OCI_TAG_MAX + 1; n++) {
        add("name = \"r\"; " US "signature_suffixes = [ \"%s\" ];",
            padded(suffix, ".", 'a', n - 1));
        bool right = n == OCI_TAG_MAX;
        ok(accepted(right ? NULL : "signature_suffixes") == right, "a suffix of %zu bytes", n);
    }
    for (int i = 0; i < 2; i++) {
        add("name = \"r\"; upstreams = { us = { url = \"https://us\"; accept_extra = %s; share = "
            "%s; }; };",
            i ? "1.5" : "1", "1");
        ok(accepted(i ? "accept_extra" : NULL) == !i, "a part of extra requests");
        add("name = \"r\"; upstreams = { us = { url = \"https://us\"; accept_extra = %s; share = "
            "%s; }; };",
            "1", i ? "1.5" : "1");
        ok(accepted(i ? "share" : NULL) == !i, "a share");
    }
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        add("name = \"r\"; " US "%s", list[i].text);
        ok(accepted(list[i].says) == !list[i].says, "%s", list[i].text);
    }
    free(text);
}

/* What a copy of this program in that folder finds. */
static const char *found_in(const char *folder)
{
    static char line[256];
    char command[256];

    snprintf(command, sizeof command, "%s/program find", folder);
    FILE *out = popen(command, "r");
    if (!out || !fgets(line, sizeof line, out))
        line[0] = '\0';
    if (out)
        pclose(out);
    return line;
}

static void check_found(void)
{
    char folder[] = "/tmp/signpost-found-XXXXXX", command[128], want[128];
    int self = open("/proc/self/exe", O_RDONLY); /* its name may be hidden by a mount */

    if (!mkdtemp(folder))
        exit(1);
    snprintf(command, sizeof command, "cp /proc/self/fd/%d %s/program", self, folder);
    ok(system(command) == 0, "a copy of this program");
    close(self);
    ok(strstr(found_in(folder), folder) == NULL, "finds no file where there is none");
    snprintf(want, sizeof want, "%s/signpost.conf", folder);
    close(open(want, O_CREAT | O_WRONLY, 0600));
    is(found_in(folder), want, "it finds the file beside itself");
    setenv("SIGNPOST_CONF", "/given", 1);
    is(found_in(folder), "/given", "one that is named goes before it");
    unsetenv("SIGNPOST_CONF");
    unlink(want);
    snprintf(want, sizeof want, "%s/program", folder);
    unlink(want);
    rmdir(folder);
}

static void write_file(const char *path, const char *content)
{
    FILE *file = fopen(path, "w");

    if (!file || fputs(content, file) < 0 || fclose(file) != 0)
        diag("%s cannot be written", path);
}

/* Names are taken from the folder of the file, whatever the working directory. */
static void check_included(void)
{
    char folder[] = "/tmp/signpost-included-XXXXXX", main_file[64], beside[64], content[256];
    struct problems problems = {0};

    if (!mkdtemp(folder))
        exit(1);
    snprintf(main_file, sizeof main_file, "%s/signpost.conf", folder);
    snprintf(beside, sizeof beside, "%s/upstreams", folder);
    write_file(beside, US);
    const char *const names[] = {"upstreams", beside};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(content, sizeof content, "name = \"r\";\n@include \"%s\"\n", names[i]);
        write_file(main_file, content);
        struct config *c = config_load(main_file, &problems);
        ok(c && config_target(c, SLICE("us")), "%s is included", i ? "an absolute name" : "a file");
        config_free(c);
    }
    unlink(beside);
    ok(!config_load(main_file, &problems), "one that is not there is not");
    like(problems.count ? problems.list[0].text : NULL, beside, "  and is named");
    problems_clear(&problems);
    unlink(main_file);
    rmdir(folder);
}

static void check_nothing(void)
{
    config_free(NULL);
    pass("no configuration can be freed");
}

/* Mistakes of the grammar are found before those of meaning; people read them by line. */
static void check_order(void)
{
    struct problems problems = {0};
    const char mixed[] = "canonical = [ \"no\" ];\n"
                         "nonsense = 1;\n"
                         "upstreams = { eu = { url = \"https://eu.example.org\"; }; };\n"
                         "name = 7;\n"
                         "default = \"none\";\n";
    size_t in_order = 0;

    config_free(config_parse(mixed, &problems));
    for (size_t i = 1; i < problems.count; i++)
        in_order += problems.list[i].line >= problems.list[i - 1].line;
    cmp_ok(problems.count, >=, 3, "several mistakes");
    cmp_ok(in_order, ==, problems.count - 1, "are told in the order of their lines");
    problems_clear(&problems);
}

int main(int argc, char **argv)
{
    char found[256];

    if (argc == 2 && strcmp(argv[1], "find") == 0) {
        fputs(config_find(found, sizeof found) ? found : "", stdout);
        return 0;
    }
    unsetenv("SIGNPOST_CONF");
    unsetenv("STATE_DIRECTORY");
    check_defaults();
    check_targets();
    check_regions();
    check_places();
    check_databases();
    check_state();
    check_index_sources();
    check_rules();
    check_limits();
    check_numbers();
    check_edges();
    check_found();
    check_included();
    check_nothing();
    check_order();
    return done_testing();
}
