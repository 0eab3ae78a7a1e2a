/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/import/archeio.h"

#include <stdlib.h>
#include <string.h>
#include "parse/oci.h"
#include "parse/url.h"
#include "place/place.h"

const char *const archeio_names[ARCHEIO_SETTINGS] = {
    "UPSTREAM_REGISTRY_ENDPOINT", "UPSTREAM_REGISTRY_PATH", "SIGNATURE_UPSTREAM_ENDPOINT",
    "DEFAULT_AWS_BASE_URL", "cloud.googleapis.com/location"};

static bool is_region(struct slice word)
{
    return word.len > 0 && place_find_region(NULL, word) != NO_PLACE;
}

/* In a configuration, braces would stand for something. */
static bool is_url(struct slice word)
{
    return url_is_base(word) && !memchr(word.at, '{', word.len);
}

static const struct {
    bool (*valid)(struct slice value);
    const char *expects;
} checks[ARCHEIO_SETTINGS] = {
    {is_url, "a URL such as \"https://us-central1-docker.pkg.dev\""},
    {oci_is_name, "a repository path such as \"team/images\""},
    {is_url, "a URL such as \"https://us-central1-docker.pkg.dev\""},
    {is_url, "a URL such as \"https://cdn.example.org\""},
    {is_region, "a cloud region such as \"us-central1\""},
};

bool archeio_begin(struct archeio *archeio, struct why *why)
{
    struct archeio_service *more;

    if (archeio->count == ARCHEIO_SERVICES_MAX)
        return why_not(why, "There are more than %d services.", ARCHEIO_SERVICES_MAX);
    more = realloc(archeio->service, (archeio->count + 1) * sizeof *more);
    if (!more)
        return why_not(why, "There is not enough memory.");
    archeio->service = more;
    memset(&more[archeio->count++], 0, sizeof *more);
    return true;
}

bool archeio_set(struct archeio *archeio, enum archeio_setting setting, struct slice value,
                 struct why *why)
{
    if (value.len == 0)
        return true;
    if (value.len >= ARCHEIO_VALUE_MAX || !checks[setting].valid(value))
        return why_not(why, "%s: expected %s, found \"%.*s\".", archeio_names[setting],
                       checks[setting].expects, value.len < 80 ? (int)value.len : 80, value.at);
    if (archeio->count == 0 || archeio->service[archeio->count - 1].value[setting][0])
        if (!archeio_begin(archeio, why))
            return false;
    char *slot = archeio->service[archeio->count - 1].value[setting];
    memcpy(slot, value.at, value.len);
    slot[value.len] = '\0';
    return true;
}

bool archeio_from_environment(struct archeio *archeio, struct why *why)
{
    for (int i = 0; i < ARCHEIO_VARIABLES; i++)
        if (!archeio_set(archeio, (enum archeio_setting)i, slice_of(getenv(archeio_names[i])), why))
            return false;
    return true;
}

void archeio_clear(struct archeio *archeio)
{
    free(archeio->service);
    *archeio = (struct archeio){0};
}

/* The one value that all services have which have any; NULL if they differ, "" if none has. */
static const char *common(const struct archeio *archeio, enum archeio_setting setting)
{
    const char *found = "";

    for (size_t i = 0; i < archeio->count; i++) {
        const char *value = archeio->service[i].value[setting];
        if (value[0] && found[0] && strcmp(value, found) != 0)
            return NULL;
        if (value[0])
            found = value;
    }
    return found;
}

/* An upstream as it is printed. */
struct import_upstream {
    const char *url;
    struct slice region; /* empty if it is not known */
    const char *place;   /* "gcp:us-central1", or NULL */
};

/* "https://us-central1-docker.pkg.dev" says where it is. */
static struct slice region_of_url(const char *url)
{
    static const struct slice marks[] = {{"-docker.pkg.dev", 15}, {".pkg.dev", 8}};
    const char *host = strstr(url, "://");

    host = host ? host + 3 : url;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        const char *end = strstr(host, marks[i].at);
        struct slice word = {host, end ? (size_t)(end - host) : 0};
        if (is_region(word))
            return word;
    }
    return (struct slice){NULL, 0};
}

static struct import_upstream upstream_of(const struct archeio_service *service)
{
    struct import_upstream upstream = {.url = service->value[ARCHEIO_UPSTREAM]};

    /* An upstream stands where its host name says, rather than where archeio runs. */
    upstream.region = region_of_url(upstream.url);
    if (upstream.region.len == 0)
        upstream.region = slice_of(service->value[ARCHEIO_LOCATION]);
    if (upstream.region.len > 0)
        upstream.place = place_key(NULL, place_find_region(NULL, upstream.region));
    return upstream;
}

/* The different upstreams; the list has room for one a service. */
static size_t list_upstreams(const struct archeio *archeio, struct import_upstream *list)
{
    size_t count = 0;

    for (size_t i = 0; i < archeio->count; i++) {
        const char *url = archeio->service[i].value[ARCHEIO_UPSTREAM];
        bool known = !url[0];
        for (size_t k = 0; k < count; k++)
            known |= strcmp(list[k].url, url) == 0;
        if (!known)
            list[count++] = upstream_of(&archeio->service[i]);
    }
    return count;
}

/* Its region, if no other has the same, else "upstream" or "upstream-2". */
static const char *name_of(const struct import_upstream *list, size_t count, size_t which,
                           char name[80])
{
    bool unique = list[which].region.len > 0 && list[which].region.len < 64;

    for (size_t i = 0; i < count; i++)
        if (i != which && slice_equal(list[i].region, list[which].region))
            unique = false;
    if (unique)
        snprintf(name, 80, "%.*s", (int)list[which].region.len, list[which].region.at);
    else if (which == 0)
        strcpy(name, "upstream");
    else
        snprintf(name, 80, "upstream-%zu", which + 1);
    return name;
}

static void print_upstreams(const struct import_upstream *list, size_t count,
                            const char *signatures, FILE *out)
{
    const char *canonical = NULL;
    char name[80], first[80];

    fputs("\n# The registries that clients are sent to, each to the nearest one.\nupstreams = {\n",
          out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "  %s = { url = \"%s\";", name_of(list, count, i, name), list[i].url);
        if (list[i].place)
            fprintf(out, " place = \"%s\";", list[i].place);
        if (count == 1)
            fputs(" serves = \"*\";", out);
        fputs(" };\n", out);
        if (strcmp(list[i].url, signatures) == 0)
            canonical = list[i].url;
    }
    bool apart = signatures[0] && !canonical;
    if (apart)
        fprintf(out, "  signatures = { url = \"%s\"; };\n", signatures);
    fputs("};\n\n# Where signatures are written; it must hold every image, too.\n", out);
    for (size_t i = 0; canonical && i < count; i++)
        if (strcmp(list[i].url, signatures) == 0)
            name_of(list, count, i, name);
    if (!canonical)
        name_of(list, count, 0, name);
    fprintf(out, "canonical = [ \"%s\" ];\n", apart ? "signatures" : name);
    if (!signatures[0] && count > 1)
        fputs("# (SIGNATURE_UPSTREAM_ENDPOINT is not set; this is the first one: put yours.)\n",
              out);
    if (apart)
        fprintf(out,
                "# Clients of unknown place are not sent there, but here.\ndefault = \"%s\";\n",
                name_of(list, count, 0, first));
}

static void print_buckets(const char *bucket, FILE *out)
{
    size_t len = strlen(bucket);

    while (len > 0 && bucket[len - 1] == '/')
        len--;
    fprintf(out,
            "\n# DEFAULT_AWS_BASE_URL: the layers' copies for everybody outside of Google's\n"
            "# cloud. archeio has a bucket for each region of AWS in its code; if yours has,\n"
            "# put them before this one, with the regions that they serve:\n"
            "#   { provider = \"aws\"; regions = [ \"eu-west-3\" ];\n"
            "#     url = \"https://my-{region}.s3.{region}.amazonaws.com/{digest}\"; },\n"
            "buckets = (\n"
            "  { name = \"default-bucket\"; serves = \"*\";\n"
            "    url = \"%.*s/containers/images/{digest}\"; }\n"
            ");\n"
            "\n# Inside Google's cloud the registries themselves are near.\n"
            "rules = ( { match = \"blob\"; client = \"gcp:*\"; to = [ \"nearest?\", "
            "\"canonical\" ]; },\n"
            "          \"default\" );\n",
            (int)len, bucket);
}

static void print_rest(FILE *out)
{
    fputs("\n# Where clients are, by their addresses. Beside this file; made by\n"
          "#   signpost ranges --download clouds\n"
          "#   signpost ranges --download country\n"
          "databases = [ \"clouds.mmdb\", \"country.mmdb\" ];\n"
          "\n# archeio believes the last but one address of X-Forwarded-For, as Google's load\n"
          "# balancers write it. Behind other proxies, name them in trusted_proxies.\n"
          "# forwarded_header = \"X-Forwarded-For\"; forwarded_position = 2;\n"
          "\n# Paths for people, as archeio has them in its code. Put yours.\n"
          "pages = ( { path = \"/\"; url = \"https://github.com/kubernetes/registry.k8s.io\"; },\n"
          "          { path = \"/privacy\"; url = "
          "\"https://www.linuxfoundation.org/privacy-policy/\"; } );\n",
          out);
}

bool archeio_print(const struct archeio *archeio, const char *public_name, FILE *out,
                   struct why *why)
{
    static const enum archeio_setting shared[] = {ARCHEIO_PATH, ARCHEIO_SIGNATURES, ARCHEIO_BUCKET};
    struct import_upstream list[ARCHEIO_SERVICES_MAX];
    size_t count = list_upstreams(archeio, list);

    if (count == 0)
        return why_not(why, "%s is not set anywhere: without it, archeio would not start.",
                       archeio_names[ARCHEIO_UPSTREAM]);
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++)
        if (!common(archeio, shared[i]))
            return why_not(why,
                           "%s differs between services: signpost has one for all. Import those "
                           "that are of one public name.",
                           archeio_names[shared[i]]);
    fprintf(out,
            "# Made by `signpost import archeio`. `signpost check FILE` checks it, `signpost\n"
            "# explain --config FILE /v2/…` says where a request goes.\n"
            "name = \"%s\"; # the public name%s\n",
            public_name ? public_name : "registry.example.org", public_name ? "" : ": put yours");
    if (common(archeio, ARCHEIO_PATH)[0])
        fprintf(out, "prefix = \"%s\"; # %s\n", common(archeio, ARCHEIO_PATH),
                archeio_names[ARCHEIO_PATH]);
    print_upstreams(list, count, common(archeio, ARCHEIO_SIGNATURES), out);
    if (common(archeio, ARCHEIO_BUCKET)[0])
        print_buckets(common(archeio, ARCHEIO_BUCKET), out);
    print_rest(out);
    return true;
}
