/* SPDX-License-Identifier: Apache-2.0 */
/* The table of all options: what each is called, may be, is by default, and means. */
#include "config/settings.h"

#include <stdint.h>
#include "config/configuration.h"
#include "config/index_address.h"
#include "config/probing.h"
#include "config/rule.h"
#include "parse/oci.h"
#include "parse/pin.h"
#include "parse/request.h"
#include "parse/url.h"

/* The words that stand for a choice. */
const char *const canonical_order_words[] = {"listed", "nearest", NULL};
const char *const metrics_words[] = {"auto", "on", "off", NULL};
const char *const prober_start_words[] = {"auto", "start", "service", "off", NULL};
const char *const logging_what_words[] = {"off", "sampled", "all", NULL};
const char *const logging_format_words[] = {"plain", "json", NULL};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool is_any(struct slice s)
{
    return s.len > 0;
}

static bool is_name_or_empty(struct slice s)
{
    return s.len == 0 || oci_is_name(s);
}

static bool is_path(struct slice s)
{
    return s.len > 0 && s.len < REQUEST_PATH_MAX && s.at[0] == '/' && !memchr(s.at, '?', s.len);
}

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

static bool is_token(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_token_char(s.at[i]))
            return false;
    return true;
}

static bool is_target_name(struct slice s)
{
    return s.len > 0 && s.len < 64 && is_token(s);
}

static bool is_tag_part(struct slice s)
{
    return s.len <= OCI_TAG_MAX && is_token(s);
}

static bool is_tag_prefix(struct slice s)
{
    return slice_equal(s, SLICE("*")) || is_tag_part(s);
}

static bool is_pin(struct slice s)
{
    struct pin pin;
    return pin_read(s, &pin);
}

#define PIN_SAMPLE      "da86e6ba6ca197bf6bc5e9d900febd906b133eaa4750e6bed647b0fbe50ed43e"

#define UPSTREAM(field) offsetof(struct upstream_setting, field)

static const struct option_spec upstream_options[] = {
    {"name", OPTION_STRING, UPSTREAM(name), .valid = is_target_name,
     .expects = "a name of at most 63 letters, digits, dots, dashes and underscores",
     .help = "What this file calls the upstream. In a group of upstreams it is the group's name;\n"
             "with `regions` it is each region's name.",
     .example = "\"eu\""},
    {"url", OPTION_STRING, UPSTREAM(url), .required = true, .valid = url_is_base,
     .expects = "http:// or https://, a host, perhaps a port and a path (without dot segments)",
     .help =
         "Where the registry is: http or https, a host, perhaps a port and a path. {region} and\n"
         "{provider} stand for a region of `regions` and for `provider`.",
     .example = "\"https://{region}-docker.pkg.dev\""},
    {"provider", OPTION_STRING, UPSTREAM(provider), .valid = is_target_name,
     .expects = "a provider such as \"aws\", \"gcp\" or \"azure\"",
     .help = "Whose regions `regions` lists.", .example = "\"gcp\""},
    {"regions", OPTION_WORDS, UPSTREAM(regions), .valid = is_target_name,
     .expects = "the name of a region, such as \"europe-west1\"",
     .help = "Makes one upstream for each region, which is also its name and its place.",
     .example = "[ \"europe-west1\", \"us-central1\" ]"},
    {"place", OPTION_STRING, UPSTREAM(place), .valid = is_any, .expects = "a place",
     .help = "Where the upstream is, to find the nearest one: a region, a country, a continent or\n"
             "\"latitude,longitude\".",
     .example = "\"aws:eu-west-3\""},
    {"serves", OPTION_WORDS, UPSTREAM(serves), .valid = is_any, .expects = "a place",
     .help = "The clients that come here whatever the distance: regions (\"aws:eu-*\"), countries\n"
             "(\"FR\"), continents (\"EU\"), or \"*\" for all. The most precise word wins.",
     .example = "[ \"EU\", \"AF\", \"aws:me-*\" ]"},
    {"prefix", OPTION_STRING, UPSTREAM(prefix), .valid = is_name_or_empty,
     .expects = "a repository path such as \"team/images\"",
     .help = "What stands before the repository's name at this upstream, instead of the file's\n"
             "`prefix`.",
     .example = "\"team/images\""},
    {"ipv4_only", OPTION_FLAG, UPSTREAM(ipv4_only),
     .help = "Whether clients with an IPv6 address are sent elsewhere.", .example = "true"},
    {"share", OPTION_NUMBER, UPSTREAM(share), .min = 0, .max = 1, .number_default = 1,
     .help =
         "The part of its clients that an upstream takes; the rest stays with the next nearest,\n"
         "or the next of the rule. Who is in is drawn by the client's address (of IPv6, the /64),\n"
         "and stays in when the share grows. `signpost share` changes it at once. Signatures go\n"
         "to a canonical upstream whatever its share, if no other one is listed.",
     .example = "0.05"},
    {"accept_extra", OPTION_LIMIT, UPSTREAM(accept_extra), .min = 0, .max = 1, .number_default = 1,
     .expects = "a number from 0 to 1, or a rate such as \"50/s\"",
     .help =
         "While another upstream is down, the part of its clients that come here: a number from\n"
         "0 to 1, or a rate such as \"50/s\": then such a part of them that all responders of\n"
         "this machine together send about so many requests a second, as the prober measures\n"
         "them. The rest stays where it was: no cascade, and no surprise on the bill. What\n"
         "would have gone to a bucket that is down goes to the next one without a limit.",
     .example = "0.25"},
    {"check_object", OPTION_STRING, UPSTREAM(check_object), .valid = is_pin, .expects = PIN_EXPECTS,
     .help = "The object that this upstream must serve, instead of the file's `check_object`; \"\" "
             "for\n"
             "none.",
     .example = "\"pause@sha256:" PIN_SAMPLE "\""},
};

static const struct option_group upstream_group = {
    "upstream",   upstream_options,     COUNT(upstream_options), sizeof(struct upstream_setting),
    UPSTREAM(at), .key_option = "name", .word_option = NULL};

#define BUCKET(field) offsetof(struct bucket_setting, field)

static const struct option_spec bucket_options[] = {
    {"name", OPTION_STRING, BUCKET(name), .valid = is_target_name,
     .expects = "a name of at most 63 letters, digits, dots, dashes and underscores",
     .help = "What this file calls the bucket. With `regions`, \"bucket-\" and the region's name.",
     .example = "\"cdn\""},
    {"url", OPTION_STRING, BUCKET(url), .required = true, .valid = url_is_object,
     .expects =
         "a URL with {digest} in its path, such as \"https://cdn.example.org/blobs/{digest}\"",
     .help =
         "Where a blob is: {digest} stands for all of its digest, {algorithm} and {encoded} for\n"
         "the two parts of it; {region} and {provider} are as for an upstream.",
     .example = "\"https://blobs-{region}.example.org/{digest}\""},
    {"provider", OPTION_STRING, BUCKET(provider), .valid = is_target_name,
     .expects = "a provider such as \"aws\", \"gcp\" or \"azure\"",
     .help = "Whose regions `regions` lists.", .example = "\"aws\""},
    {"regions", OPTION_WORDS, BUCKET(regions), .valid = is_target_name,
     .expects = "the name of a region, such as \"eu-west-3\"",
     .help = "Makes one bucket for each region, which serves the clients in that region.",
     .example = "[ \"eu-west-3\", \"us-east-1\" ]"},
    {"serves", OPTION_WORDS, BUCKET(serves), .valid = is_any, .expects = "a place",
     .help = "The clients that this bucket is for, as for an upstream.", .example = "[ \"*\" ]"},
    {"ipv4_only", OPTION_FLAG, BUCKET(ipv4_only),
     .help = "Whether clients with an IPv6 address are sent elsewhere.", .example = "true"},
    {"share", OPTION_NUMBER, BUCKET(share), .min = 0, .max = 1, .number_default = 1,
     .help =
         "The part of its clients that a bucket takes, as for an upstream; the rest goes to the\n"
         "next bucket that serves them, else to the next target of the rule.",
     .example = "0.05"},
    {"check_object", OPTION_STRING, BUCKET(check_object), .valid = is_pin, .expects = PIN_EXPECTS,
     .help =
         "The blob that this bucket must serve, instead of the file's `check_object`; \"\" for\n"
         "none.",
     .example = "\"pause/blobs/sha256:" PIN_SAMPLE "\""},
};

static const struct option_group bucket_group = {
    "bucket",   bucket_options,       COUNT(bucket_options), sizeof(struct bucket_setting),
    BUCKET(at), .key_option = "name", .word_option = NULL};

#define RULE(field) offsetof(struct rule_setting, field)

static const struct option_spec rule_options[] = {
    {"rule", OPTION_STRING, RULE(word), .valid = rule_is_table_word, .expects = "\"default\"",
     .help = "The string \"default\" in place of a rule stands for the built-in rules."},
    {"match", OPTION_WORDS, RULE(match), .required = true, .valid = rule_is_class_word,
     .expects = "a class: \"signature\", \"signature-digest\", \"manifest-tag\", "
                "\"manifest-digest\", \"blob\", \"tags-list\" or \"*\"",
     .help = "What is asked for: \"signature\" (cosign's tags, the referrers API and its fallback\n"
             "tag), \"signature-digest\" (a digest that the index lists), \"manifest-tag\",\n"
             "\"manifest-digest\", \"blob\", \"tags-list\", or \"*\" for all.",
     .example = "\"blob\""},
    {"client", OPTION_WORDS, RULE(client), .valid = is_any, .expects = "a place",
     .help = "Who asks: places as in `serves`, networks (\"10.0.0.0/8\") and autonomous systems\n"
             "(\"AS64500\"). Without it the rule is for all clients.",
     .example = "[ \"gcp:*\", \"10.0.0.0/8\" ]"},
    {"to", OPTION_WORDS, RULE(to), .required = true, .valid = is_any, .expects = "a target",
     .help = "The targets to try, in order: \"nearest\", \"bucket\" (the one that serves the\n"
             "client), \"canonical\", \"default\", or the name of an upstream or a bucket. With a\n"
             "question mark behind it, only if it is known to hold the object.",
     .example = "[ \"bucket?\", \"nearest?\", \"canonical\" ]"},
    {"unsure", OPTION_STRING, RULE(unsure), .valid = is_any, .expects = "a target",
     .help =
         "Where a request goes while it is not known who holds the object. By default\n"
         "\"nearest\" for a blob; \"canonical\" for the rest, but \"nearest\" if a registry that\n"
         "may hold it answered 401, 429 or 5xx or refused the connection: one region's trouble\n"
         "does not become the canonical registry's.",
     .example = "\"nearest\""},
    {"query", OPTION_CHOICE, RULE(query), .choices = query_policy_words,
     .help =
         "What becomes of the query: \"endpoint\" keeps what the endpoint needs (tags/list loses\n"
         "`n`, since its paging links break several clients; a bucket gets none), \"keep\" keeps\n"
         "all, \"drop\" drops all. `ns` is always dropped.",
     .example = "\"keep\""},
};

static const struct option_group rule_group = {
    "rule",   rule_options,       COUNT(rule_options),  sizeof(struct rule_setting),
    RULE(at), .key_option = NULL, .word_option = "rule"};

#define PAGE(field) offsetof(struct page_setting, field)

static const struct option_spec page_options[] = {
    {"path", OPTION_STRING, PAGE(path), .required = true, .valid = is_path,
     .expects = "a path such as \"/privacy\"", .help = "The path that is asked for.",
     .example = "\"/privacy\""},
    {"url", OPTION_STRING, PAGE(url), .required = true, .valid = url_is_page,
     .expects = "a URL such as \"https://example.org/privacy\"", .help = "Where a browser is sent.",
     .example = "\"https://example.org/privacy\""},
};

static const struct option_group page_group = {
    "page",   page_options,       COUNT(page_options), sizeof(struct page_setting),
    PAGE(at), .key_option = NULL, .word_option = NULL};

#define PLACE(field) offsetof(struct place_setting, field)

static const struct option_spec place_options[] = {
    {"name", OPTION_STRING, PLACE(name), .required = true, .valid = is_any,
     .expects = "\"provider:region\", or the code of a country",
     .help = "The place: a new one, or a known one that is to be corrected.",
     .example = "\"onprem:berlin\""},
    {"title", OPTION_STRING, PLACE(title), .valid = is_any, .expects = "a string",
     .help = "What people call it.", .example = "\"Berlin\""},
    {"country", OPTION_STRING, PLACE(country), .valid = is_any, .expects = "the code of a country",
     .help = "The country it is in (ISO 3166-1, two letters).", .example = "\"DE\""},
    {"latitude", OPTION_NUMBER, PLACE(latitude), .min = -90, .max = 90, .number_default = 999,
     .unit = "degrees", .help = "North is positive.", .example = "52.52"},
    {"longitude", OPTION_NUMBER, PLACE(longitude), .min = -180, .max = 180, .number_default = 999,
     .unit = "degrees", .help = "East is positive.", .example = "13.40"},
};

static const struct option_group place_group = {
    "place",   place_options,      COUNT(place_options), sizeof(struct place_setting),
    PLACE(at), .key_option = NULL, .word_option = NULL};

static bool is_status(struct slice s)
{
    return s.len == 3 && s.at[0] >= '1' && s.at[0] <= '5' && s.at[1] >= '0' && s.at[1] <= '9' &&
           s.at[2] >= '0' && s.at[2] <= '9';
}

/* A host that a redirect may lead to; "*." stands for any one name below a domain. */
static bool is_redirect_host(struct slice s)
{
    return url_is_authority(slice_starts(s, SLICE("*.")) ? slice_from(s, 2) : s);
}

static const char *const default_suffixes[] = {".sig", ".att", ".sbom", NULL};
static const char *const default_prefixes[] = {"*", NULL};

#define FILE_OPTION(field) offsetof(struct settings, field)
#define PROBING(field)     offsetof(struct settings, probing.field)
#define LOGGING(field)     FILE_OPTION(logging.field)

#define DATABASE(field)    offsetof(struct database_setting, field)
#define DATABASE_KEY(index, word, what, sample)                                                    \
    {                                                                                              \
        word, OPTION_STRING, DATABASE(keys[index]), .valid = is_any, .expects = "a path of keys",  \
                                                    .help = what, .example = sample                \
    }

static const struct option_spec database_options[] = {
    {"file", OPTION_STRING, DATABASE(file), .required = true, .valid = is_any,
     .expects = "a file name",
     .help = "The file. A bare string in the list is a file whose keys are known: MaxMind's,\n"
             "ip-location-db's or those of `signpost ranges`. For others, the following options\n"
             "tell where a record has what, as keys with dots between them.",
     .example = "\"country.mmdb\""},
    DATABASE_KEY(GEODB_PROVIDER, "provider", "The cloud.", "\"cloud.provider\""),
    DATABASE_KEY(GEODB_REGION, "region", "The cloud's region.", "\"cloud.region\""),
    DATABASE_KEY(GEODB_BORDER_GROUP, "border_group", "The region's border group.",
                 "\"cloud.border_group\""),
    DATABASE_KEY(GEODB_COUNTRY, "country", "The country's code.", "\"country.iso_code\""),
    DATABASE_KEY(GEODB_CONTINENT, "continent", "The continent's code.", "\"continent.code\""),
    DATABASE_KEY(GEODB_LATITUDE, "latitude", "The latitude in degrees.", "\"location.latitude\""),
    DATABASE_KEY(GEODB_LONGITUDE, "longitude", "The longitude in degrees.",
                 "\"location.longitude\""),
    DATABASE_KEY(GEODB_ASN, "asn", "The number of the autonomous system.",
                 "\"autonomous_system_number\""),
};

static const struct option_group database_group = {
    "database",   database_options,   COUNT(database_options), sizeof(struct database_setting),
    DATABASE(at), .key_option = NULL, .word_option = "file"};

const char *const range_set_words[] = {"clouds", "country", NULL};

#define SOURCE(field) offsetof(struct source_setting, field)

static bool is_source_url(struct slice s)
{
    return s.len == 0 || url_is_page(s) || slice_starts(s, SLICE("file:///"));
}

static const struct option_spec source_options[] = {
    {"set", OPTION_CHOICE, SOURCE(set), .choices = range_set_words,
     .help = "The set it belongs to: what --download is told.", .example = "\"country\""},
    {"name", OPTION_STRING, SOURCE(name), .required = true, .valid = is_target_name,
     .expects = "the name of a source, such as \"aws\" or \"ripencc\"",
     .help = "A built-in source (`signpost ranges --help` tells more), or one of your own.",
     .example = "\"ripencc\""},
    {"url", OPTION_STRING, SOURCE(url), .required = true, .valid = is_source_url,
     .expects = "an https URL, or \"\"", .help = "Where it is got; \"\" is to do without it.",
     .example = "\"https://mirror.example.org/delegated-ripencc-extended-latest\""},
};

static const struct option_group source_group = {
    "source",   source_options,     COUNT(source_options), sizeof(struct source_setting),
    SOURCE(at), .key_option = NULL, .word_option = NULL};

static const struct option_spec file_options[] = {
    {"name", OPTION_STRING, FILE_OPTION(name), .required = true, .valid = url_is_authority,
     .expects = "a host name, perhaps with a port", .section = "The registry",
     .help = "The public name of the registry, as it stands in image references.",
     .example = "\"registry.example.org\""},
    {"upstreams", OPTION_GROUPS, FILE_OPTION(upstreams), .required = true, .of = &upstream_group,
     .help =
         "The registries that clients are sent to: a group of named upstreams, or a list where\n"
         "one entry may stand for many (see `regions`).",
     .example = "{ eu = { url = \"https://eu.registry.example.org\";\n"
                "               serves = [ \"EU\", \"AF\", \"AS\" ]; };\n"
                "        us = { url = \"https://us.registry.example.org\"; }; }"},
    {"canonical", OPTION_WORDS, FILE_OPTION(canonical), .valid = is_target_name,
     .expects = "the name of an upstream",
     .help =
         "The upstream where signatures and attestations are written. It holds every image.\n"
         "Several are tried in the order of `canonical_order`. With one upstream, it is that one.",
     .example = "[ \"us\" ]"},
    {"canonical_order", OPTION_CHOICE, FILE_OPTION(canonical_order),
     .choices = canonical_order_words,
     .help =
         "Which of several canonical upstreams that are up is taken: \"listed\", the first in\n"
         "`canonical`, or \"nearest\", the one nearest to the client, for those who sign into all\n"
         "of them."},
    {"default", OPTION_STRING, FILE_OPTION(default_upstream), .valid = is_target_name,
     .expects = "the name of an upstream",
     .help = "The upstream for clients of unknown place. It is the first canonical one if not set.",
     .example = "\"us\""},
    {"prefix", OPTION_STRING, FILE_OPTION(prefix), .valid = is_name_or_empty,
     .expects = "a repository path such as \"team/images\"", .text_default = "",
     .help =
         "What stands before the repository's name at the upstreams, and not in the public name.",
     .example = "\"team/images\""},
    {"buckets", OPTION_GROUPS, FILE_OPTION(buckets), .of = &bucket_group,
     .help = "Object stores that hold blobs by digest: a list, or a group of named buckets.",
     .example = "( { name = \"cdn\"; serves = [ \"*\" ];\n"
                "              url = \"https://cdn.example.org/blobs/{digest}\"; } )"},

    {"region_header", OPTION_STRING, FILE_OPTION(region_header), .valid = is_token,
     .expects = "the name of a header", .text_default = "X-Client-Region",
     .section = "Where the client is",
     .help =
         "The header that tells the client's region. A client can forge it unless the web server\n"
         "overwrites it. \"\" for none. The variable SIGNPOST_REGION, which only the web server\n"
         "can set, goes before it."},
    {"databases", OPTION_GROUPS, FILE_OPTION(databases), .of = &database_group,
     .help = "MMDB files that tell where an address is, in the order they are asked: `signpost\n"
             "ranges` makes them, and those of GeoIP's publishers can be used.",
     .example = "[ \"clouds.mmdb\", \"country.mmdb\" ]"},
    {"sources", OPTION_GROUPS, FILE_OPTION(sources), .of = &source_group,
     .help =
         "Where `signpost ranges --download` gets its files, if not from the built-in addresses.",
     .example = "( { set = \"country\"; name = \"ripencc\";\n"
                "              url = "
                "\"https://mirror.example.org/delegated-ripencc-extended-latest\"; } )"},
    {"forwarded_header", OPTION_STRING, FILE_OPTION(forwarded_header), .valid = is_token,
     .expects = "the name of a header", .text_default = "X-Forwarded-For",
     .help =
         "The header in which proxies tell the client's address: \"X-Forwarded-For\", one like\n"
         "it, or \"Forwarded\" (RFC 7239). Only trusted proxies are believed."},
    {"trusted_proxies", OPTION_WORDS, FILE_OPTION(trusted_proxies), .valid = is_any,
     .expects = "a network such as \"10.0.0.0/8\"",
     .help = "The proxies that are believed, as networks, addresses, or \"unix\" for all on local\n"
             "sockets. The client is the right-most address that is none of theirs."},
    {"forwarded_position", OPTION_NUMBER, FILE_OPTION(forwarded_position), .min = 0, .max = 64,
     .help = "Takes this entry of the header from the right, instead, whoever is in it; 2 is what\n"
             "archeio does behind Google's load balancers. Without `trusted_proxies` everybody is\n"
             "believed then. 0 is not to."},
    {"places", OPTION_GROUPS, FILE_OPTION(places), .of = &place_group,
     .help = "Places of your own, and corrections of known ones (`signpost places` lists them).",
     .example = "( { name = \"onprem:berlin\"; country = \"DE\";\n"
                "             latitude = 52.52; longitude = 13.40; } )"},

    {"rules", OPTION_GROUPS, FILE_OPTION(rules), .of = &rule_group, .section = "The routing table",
     .help =
         "What goes where. The first rule that matches is taken; \"default\" stands for the\n"
         "built-in rules, which are also used where there are none: signature, signature-digest\n"
         "and tags-list to \"canonical\"; manifest-digest to \"nearest?\", \"canonical\"; blob to\n"
         "\"bucket?\", \"nearest?\", \"canonical\"; and all else to \"nearest\". A question mark\n"
         "means: only if the target is known to hold the object.",
     .example =
         "( { match = \"blob\"; client = \"gcp:*\"; to = [ \"nearest?\", \"canonical\" ]; },\n"
         "          \"default\" )"},
    {"signature_suffixes", OPTION_WORDS, FILE_OPTION(signature_suffixes), .valid = is_tag_part,
     .expects = "a part of a tag", .words_default = default_suffixes,
     .help =
         "How the tags end under which cosign writes: sha256-<64 hex digits> and one of these."},
    {"signature_prefixes", OPTION_WORDS, FILE_OPTION(signature_prefixes), .valid = is_tag_prefix,
     .expects = "a part of a tag, or \"*\"", .words_default = default_prefixes,
     .help = "What may stand before that (cosign's --attachment-tag-prefix); \"*\" is anything."},
    {"index", OPTION_WORDS, FILE_OPTION(index), .valid = is_any, .expects = "a file name",
     .help = "The index: sorted text files of the digests that exist only at the canonical "
             "upstream, and\n"
             "in which repository, those of signatures, attestations and SBOMs, so that they are "
             "found\n"
             "by digest, too. `signpost index add IMAGE` adds to the first of them; one that is "
             "replaced\n"
             "is taken without a restart.",
     .example = "[ \"signatures.index\" ]"},
    {"index_sources", OPTION_LISTS, FILE_OPTION(index_sources), .valid = index_address_is,
     .expects = "\"https://HOST/FOLDER/\" or \"oci://HOST/REPOSITORY:TAG\"",
     .help = "Where indexes are published by those who sign (`signpost index publish`): URLs of "
             "folders\n"
             "at a web server or an object store, or artifacts at a registry that lets everybody "
             "read,\n"
             "which are always asked over TLS. An inner list has mirrors of one source, of either "
             "kind:\n"
             "the newest list of them is taken. The prober, or `signpost index pull`, fetches what "
             "is\n"
             "new into the state directory, and checks it; it is joined with `index`. Redirects "
             "are\n"
             "followed, five at most, to any host over https: registries and object stores send "
             "there.\n"
             "A source with a public address cannot send to a private one.",
     .example = "( \"https://signatures.example.org/index/\",\n"
                "  [ \"oci://registry.example.org/team/index:latest\", "
                "\"https://us.example.org/team/\" ] )"},
    {"index_interval", OPTION_NUMBER, FILE_OPTION(index_interval), .min = 1, .max = 86400,
     .number_default = 600, .unit = "seconds",
     .help = "How often the prober asks them, at the latest."},
    {"index_keys", OPTION_WORDS, FILE_OPTION(index_keys), .valid = is_any, .expects = "a file name",
     .help =
         "Files of public keys (PEM; ECDSA P-256 or Ed25519). With any, the list of a source is\n"
         "taken only if one of them has signed it; several allow for a change of keys. Without,\n"
         "whoever can write to a source decides what it lists. What was fetched before and is\n"
         "signed by none of today's keys serves on, with an alarm, until a list comes that is,\n"
         "of whatever serial: take the source out to end that at once.",
     .example = "[ \"cosign.pub\" ]"},
    {"pages", OPTION_GROUPS, FILE_OPTION(pages), .of = &page_group,
     .help = "Paths for people, outside /v2/, that redirect to a fixed URL.",
     .example = "( { path = \"/\"; url = \"https://example.org/about-our-registry\"; } )"},

    {"path_from", OPTION_CHOICE, FILE_OPTION(path_from), .choices = path_from_words,
     .section = "The web server",
     .help =
         "Which CGI variables tell the path: \"request_uri\", \"path_info\" (SCRIPT_NAME and\n"
         "PATH_INFO, for mounts that rewrite the path), or \"auto\", the first where it is set."},
    {"state", OPTION_STRING, FILE_OPTION(state), .valid = is_any, .expects = "a directory",
     .help = "The state directory, where `signpost reload` leaves word for running responders. It\n"
             "must belong to the web server's user, or to its group with mode 2770. By default\n"
             "$STATE_DIRECTORY, else lib/signpost below the system's directory for such data.",
     .example = "\"/var/lib/signpost\""},
    {"max_connections", OPTION_NUMBER, FILE_OPTION(max_connections), .min = 1, .max = 65536,
     .number_default = 1024, .unit = "connections",
     .help =
         "How many connections from web servers are held open at once. It is taken at the start,\n"
         "and left as it is by a reload, as are the next two."},
    {"max_parked", OPTION_NUMBER, FILE_OPTION(max_parked), .min = 0, .max = 65536,
     .number_default = 256, .unit = "requests",
     .help =
         "How many requests wait for the prober at once, each for 1.5 seconds at most. Beyond it,\n"
         "the rule's `unsure` decides."},
    {"record_timeout", OPTION_NUMBER, FILE_OPTION(record_timeout), .min = 0.1, .max = 3600,
     .number_default = 5, .unit = "seconds",
     .help = "How long a web server may take to send a request it has begun."},

    {"prober", OPTION_CHOICE, PROBING(start), .choices = prober_start_words,
     .section = "The prober",
     .help =
         "Who starts the prober, the process that looks where things are: \"start\", a responder\n"
         "that finds none (it ends after its last responder); \"service\", somebody else;\n"
         "\"auto\", a responder unless systemd runs that itself, for then the prober is a "
         "service,\n"
         "too; \"off\", nobody, and nothing is asked."},
    {"prober_program", OPTION_STRING, PROBING(program), .valid = is_any, .expects = "a file name",
     .help =
         "The `signpost` command, to start the prober with. By default it is looked for beside\n"
         "the responder, in ../bin from there, and where it was installed.",
     .example = "\"/usr/local/bin/signpost\""},
    {"present_lifetime", OPTION_NUMBER, PROBING(present_lifetime), .min = 1, .max = 31536000,
     .number_default = 2592000, .unit = "seconds",
     .help =
         "How long it is believed that a target holds an object, once the prober has seen it; in\n"
         "whole minutes, 180 days at most. What is immutable need not be asked for often: see\n"
         "`signpost forget` for a target that has lost what it had."},
    {"absent_lifetime", OPTION_NUMBER, PROBING(absent_lifetime), .min = 1, .max = 31536000,
     .number_default = 600, .unit = "seconds",
     .help = "How long it is believed that a target does not hold an object; in whole minutes."},
    {"cache_size", OPTION_NUMBER, PROBING(cache_size), .min = 0.0625, .max = 65536,
     .number_default = 16, .unit = "megabytes",
     .help =
         "The size of the file of the prober's findings. 16 MB are 2 million of them; when it is\n"
         "full, what targets do not hold goes first, and then what is oldest."},
    {"probe_timeout", OPTION_NUMBER, PROBING(timeout), .min = 0.1, .max = 60, .number_default = 5,
     .unit = "seconds",
     .help = "How long the prober waits for an answer. (A client waits for at most 1.5 seconds.)"},
    {"probe_connect_timeout", OPTION_NUMBER, PROBING(connect_timeout), .min = 0.1, .max = 60,
     .number_default = 2, .unit = "seconds", .help = "How long it waits for a connection."},
    {"probe_rate", OPTION_NUMBER, PROBING(rate), .min = 0, .max = 100000, .number_default = 40,
     .unit = "a second",
     .help =
         "The most HEAD requests that a target is sent for objects that clients ask for. Beyond\n"
         "it, the rule's `unsure` decides. An answer 429 halves it for a while."},
    {"probe_burst", OPTION_NUMBER, PROBING(burst), .min = 1, .max = 100000, .number_default = 400,
     .unit = "requests", .help = "How many of them may come at once."},
    {"probe_connections", OPTION_NUMBER, PROBING(connections), .min = 1, .max = 1024,
     .number_default = 128, .unit = "connections",
     .help = "The most connections that the prober opens to one host. HTTP/2 needs one or two;\n"
             "HTTP/1.1 needs `probe_rate` times the seconds that a HEAD takes."},
    {"redirect_hosts", OPTION_WORDS, PROBING(redirect_hosts), .valid = is_redirect_host,
     .expects = "a host name, perhaps with a port, or \"*.\" and a domain",
     .help = "Hosts that the prober may be redirected to, besides those of upstreams and buckets:\n"
             "where an upstream keeps its blobs. Other redirects tell nothing.",
     .example = "[ \"storage.example.org\" ]"},
    {"ca_file", OPTION_STRING, PROBING(ca_file), .valid = is_any, .expects = "a file name",
     .help =
         "The certificates (PEM) that those of upstreams and buckets are verified with, if not\n"
         "the system's.",
     .example = "\"private-ca.pem\""},
    {"health_path", OPTION_STRING, PROBING(check_path), .valid = is_path,
     .expects = "a path such as \"/v2/\"", .text_default = "/v2/",
     .help =
         "What an upstream in use is asked for to see whether it is up; besides, it is asked for\n"
         "one of the objects that it has served before. A bucket is asked for such an object\n"
         "alone. What clients ask for never takes a target out of service."},
    {"health_status", OPTION_WORDS, PROBING(check_up), .valid = is_status,
     .expects = "an HTTP status such as \"200\"",
     .help =
         "The statuses of the answer that an upstream is up with. By default /v2/ must answer as\n"
         "a registry does: 200 with the header Docker-Distribution-Api-Version, or 401 with that\n"
         "or WWW-Authenticate; any other `health_path`, 200 or 401.",
     .example = "[ \"200\" ]"},
    {"health_interval", OPTION_NUMBER, PROBING(interval), .min = 1, .max = 3600,
     .number_default = 30, .unit = "seconds",
     .help = "How often a target in use is checked, at the latest; after a bad check, each second\n"
             "until it is decided. A check has 3 seconds. A target whose last check is older than\n"
             "three intervals counts as not checked, and is chosen like one that is up."},
    {"health_fall", OPTION_NUMBER, PROBING(fall), .min = 1, .max = 100, .number_default = 3,
     .unit = "checks",
     .help =
         "So many bad checks in a row take a target out of service. While more than half of at\n"
         "least four targets cannot be connected to, this machine's own network is in doubt, and\n"
         "none is taken out."},
    {"health_rise", OPTION_NUMBER, PROBING(rise), .min = 1, .max = 100, .number_default = 2,
     .unit = "checks", .help = "So many good checks in a row bring it back."},
    {"health_return", OPTION_NUMBER, PROBING(return_time), .min = 0, .max = 3600,
     .number_default = 60, .unit = "seconds",
     .help = "How long it takes until such a target gets all of its requests again."},
    {"check_object", OPTION_STRING, PROBING(check_object), .valid = is_pin, .expects = PIN_EXPECTS,
     .help = "An object that every target must serve: a manifest (\"NAME@DIGEST\") or a blob\n"
             "(\"NAME/blobs/DIGEST\"; a bucket has blobs only). The prober fetches it before a\n"
             "target gets its first request, and now and then: whole, and from its middle on. A\n"
             "target with other bytes is taken out of use at once; one without it, after\n"
             "`health_fall` times. It should be small, at most some MB, and stay there for ever.",
     .example = "\"pause/blobs/sha256:" PIN_SAMPLE "\""},
    {"check_object_interval", OPTION_NUMBER, PROBING(object_interval), .min = 1, .max = 86400,
     .number_default = 300, .unit = "seconds",
     .help = "How often the prober fetches it, of targets in use."},

    {"metrics", OPTION_CHOICE, FILE_OPTION(metrics), .choices = metrics_words, .section = "Metrics",
     .help =
         "Whether requests are counted, and the prober writes the sums and the state of all\n"
         "targets to files in the folder \"public\" of the state directory, which a web server\n"
         "may show: metrics.prom for Prometheus, status.json. \"auto\" and \"on\": while there is "
         "a\n"
         "prober; \"off\"."},

    {"log", OPTION_CHOICE, LOGGING(what), .choices = logging_what_words, .section = "The log",
     .help = "Whether decisions are logged, a line each: \"off\", \"sampled\" (see `log_rate`) or\n"
             "\"all\". `signpost replay` reads such a log."},
    {"log_rate", OPTION_NUMBER, LOGGING(rate), .min = 0, .max = 1, .number_default = 0.01,
     .help = "Which part of the requests a sampled log has, by chance."},
    {"log_to", OPTION_STRING, LOGGING(to), .valid = is_any,
     .expects = "\"stderr\", \"syslog\" or a file name", .text_default = LOGGING_STDERR,
     .help =
         "Where the log goes: \"stderr\" (most web servers take that into their error log),\n"
         "\"syslog\" or a file, which is opened anew on SIGUSR2. With systemd's units it can be\n"
         "in /var/log/signpost, where logrotate looks after it. A log that cannot be written\n"
         "stops nothing: lines are dropped, and counted."},
    {"log_format", OPTION_CHOICE, LOGGING(format), .choices = logging_format_words,
     .help = "\"plain\", NAME=VALUE with spaces between, or \"json\", an object a line."},
    {"log_id_header", OPTION_STRING, LOGGING(id_header), .valid = is_token,
     .expects = "the name of a header", .text_default = "",
     .help = "The header that tells a request's id, to be logged with it. \"\" for none.",
     .example = "\"X-Request-Id\""},
    {"log_client", OPTION_FLAG, LOGGING(client),
     .help = "Whether the network that the client's address is in is logged; its place always is."},
    {"log_ipv4_prefix", OPTION_NUMBER, LOGGING(ipv4_prefix), .min = 0, .max = 32,
     .number_default = 24, .unit = "bits", .help = "How large that network is for IPv4."},
    {"log_ipv6_prefix", OPTION_NUMBER, LOGGING(ipv6_prefix), .min = 0, .max = 128,
     .number_default = 48, .unit = "bits", .help = "And for IPv6."},
};

static const struct option_retired retired_options[] = {
    {"probe_rate_unknown", "0.2.0",
     "a target has one budget of probes, `probe_rate`, whatever the repository"},
    {"probe_burst_unknown", "0.2.0",
     "a target has one budget of probes, with the burst `probe_burst`, whatever the repository"},
    {NULL, NULL, NULL},
};

const struct option_group settings_group = {NULL,
                                            file_options,
                                            COUNT(file_options),
                                            sizeof(struct settings),
                                            FILE_OPTION(at),
                                            .key_option = NULL,
                                            .word_option = NULL,
                                            .retired = retired_options};

static const struct option_spec rules_options[] = {
    {"rules", OPTION_GROUPS, offsetof(struct rules_setting, rules), .of = &rule_group},
};

const struct option_group settings_rules_group = {NULL,
                                                  rules_options,
                                                  COUNT(rules_options),
                                                  sizeof(struct rules_setting),
                                                  offsetof(struct rules_setting, at),
                                                  .key_option = NULL,
                                                  .word_option = NULL};

const char *const geodb_field_words[GEODB_FIELDS] = {
    [GEODB_PROVIDER] = "provider",         [GEODB_REGION] = "region",
    [GEODB_BORDER_GROUP] = "border_group", [GEODB_COUNTRY] = "country",
    [GEODB_CONTINENT] = "continent",       [GEODB_LATITUDE] = "latitude",
    [GEODB_LONGITUDE] = "longitude",       [GEODB_ASN] = "asn",
};
