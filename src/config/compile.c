/* SPDX-License-Identifier: Apache-2.0 */
#include "config/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static void compile_places(const struct compiler *compiler)
{
    const struct place_setting *list = compiler->settings->places.item;

    for (size_t i = 0; i < compiler->settings->places.count; i++) {
        const struct place_setting *s = &list[i];
        bool north = s->latitude <= 90, east = s->longitude <= 180;
        struct own_place own = {s->name.text,  s->title.text, s->country.text,
                                north && east, s->latitude,   s->longitude};
        struct why why;
        if (north != east)
            COMPILE_ERROR(compiler, s->at,
                          "the place \"%s\" needs both a latitude and a longitude, or neither.",
                          s->name.text.at);
        else if (s->name.text.at && !places_add(&compiler->config->places, &own, &why))
            COMPILE_ERROR(compiler, s->at, "%s", why.text);
    }
}

static void compile_pages(const struct compiler *compiler)
{
    const struct page_setting *list = compiler->settings->pages.item;
    size_t count = compiler->settings->pages.count;
    struct page *pages = arena_take(compiler->arena, count * sizeof *pages);

    for (size_t i = 0; i < count; i++) {
        pages[i] = (struct page){list[i].path.text, list[i].url.text};
        if (!list[i].path.text.at || !list[i].url.text.at)
            continue;
        if (slice_equal(pages[i].path, SLICE("/v2")) || slice_starts(pages[i].path, SLICE("/v2/")))
            COMPILE_ERROR(compiler, list[i].path.at,
                          "the page \"%s\" would hide a part of the registry: choose a path "
                          "outside /v2/.",
                          pages[i].path.at);
    }
    compiler->config->pages = pages;
    compiler->config->page_count = count;
}

static void compile_signatures(const struct compiler *compiler)
{
    const struct settings *s = compiler->settings;

    compiler->config->signatures = (struct signature_tags){
        .prefixes = compile_slices(compiler, &s->signature_prefixes),
        .suffixes = compile_slices(compiler, &s->signature_suffixes),
        .prefix_count = s->signature_prefixes.count,
        .suffix_count = s->signature_suffixes.count,
    };
}

static struct slice variable_of(const struct compiler *compiler, struct slice header)
{
    size_t size = header.len + sizeof "HTTP_";
    char *variable = arena_take(compiler->arena, size);

    if (header.len > 0)
        request_variable_of_header(variable, size, header);
    return slice_of(variable);
}

static void compile_request_format(const struct compiler *compiler)
{
    const struct settings *s = compiler->settings;
    struct config *config = compiler->config;

    config->region_header = s->region_header.text;
    config->forwarded_header = s->forwarded_header.text;
    config->request = (struct request_format){
        .path_from = (enum path_from)s->path_from,
        .region_variable = variable_of(compiler, s->region_header.text),
        .forwarded_variable = variable_of(compiler, s->forwarded_header.text),
        .id_variable = variable_of(compiler, s->logging.id_header.text),
    };
}

static void compile_forwarding(const struct compiler *compiler)
{
    const struct settings *s = compiler->settings;
    struct network *trusted =
        arena_take(compiler->arena, s->trusted_proxies.count * sizeof *trusted);
    struct forwarding *forwarding = &compiler->config->forwarding;
    const char *words = compile_words(compiler, &s->trusted_proxies);

    forwarding->syntax = slice_equal_nocase(s->forwarded_header.text, SLICE("Forwarded"))
                             ? FORWARDING_RFC7239
                             : FORWARDING_LIST;
    forwarding->fixed = (unsigned)s->forwarded_position;
    forwarding->trusted = trusted;
    for (size_t i = 0; i < s->trusted_proxies.count; i++) {
        const struct word *word = &s->trusted_proxies.item[i];
        struct why why;
        if (network_parse(word->text, &trusted[forwarding->trusted_count], &why))
            forwarding->trusted_count++;
        else
            COMPILE_ERROR(compiler, word->at, "%s", why.text);
    }
    compiler->config->trusted_proxies = words ? words : "";
}

/* A missing database is no mistake: it may come later. These two have names by custom. */
static void warn_of_missing(const struct compiler *compiler, struct origin at, const char *file,
                            int error)
{
    const char *download = slice_ends(slice_of(file), SLICE("/clouds.mmdb"))    ? "clouds"
                           : slice_ends(slice_of(file), SLICE("/country.mmdb")) ? "country"
                                                                                : NULL;

    if (error != ENOENT)
        COMPILE_WARNING(compiler, at,
                        "the database %s cannot be read (%s), so it tells nothing of where clients "
                        "are.",
                        file, strerror(error));
    else if (download)
        COMPILE_WARNING(compiler, at,
                        "there is no database %s yet, so it tells nothing of where clients are. "
                        "This makes it: signpost ranges --download %s -o %s",
                        file, download, file);
    else
        COMPILE_WARNING(compiler, at,
                        "there is no database %s yet, so it tells nothing of where clients are: "
                        "put it there, or make one with `signpost ranges`.",
                        file);
}

static void compile_databases(const struct compiler *compiler)
{
    const struct database_setting *list = compiler->settings->databases.item;
    size_t count = compiler->settings->databases.count;
    struct geodb_source *sources = arena_take(compiler->arena, count * sizeof *sources);

    for (size_t i = 0; i < count; i++) {
        if (!list[i].file.text.at)
            continue; /* told already */
        sources[i].file = compile_beside(compiler, list[i].file.text.at);
        for (int field = 0; field < GEODB_FIELDS; field++)
            sources[i].keys[field] = list[i].keys[field].text.at;
        if (access(sources[i].file, R_OK) < 0)
            warn_of_missing(compiler, list[i].file.at, sources[i].file, errno);
    }
    compiler->config->databases = sources;
    compiler->config->database_count = count;
}

static void compile_sources(const struct compiler *compiler)
{
    const struct source_setting *list = compiler->settings->sources.item;
    size_t count = compiler->settings->sources.count;
    struct range_url *sources = arena_take(compiler->arena, count * sizeof *sources);

    for (size_t i = 0; i < count; i++)
        sources[i] =
            (struct range_url){range_set_words[list[i].set], list[i].name.text, list[i].url.text};
    compiler->config->sources = sources;
    compiler->config->source_count = count;
}

struct slice config_default_state(void)
{
    const char *given = getenv("STATE_DIRECTORY");

    if (given && given[0] == '/')
        return (struct slice){given, strcspn(given, ":")};
    return SLICE(SIGNPOST_STATEDIR);
}

static const char *state_directory(const struct compiler *compiler)
{
    const struct word *state = &compiler->settings->state;
    const char *given = getenv("STATE_DIRECTORY");

    if (state->text.at)
        return compile_beside(compiler, state->text.at);
    compiler->config->state_is_default = !given || given[0] != '/';
    return arena_copy(compiler->arena, config_default_state());
}

static struct logging compile_logging(const struct compiler *compiler)
{
    const struct logging_setting *s = &compiler->settings->logging;
    const char *to = s->to.text.at;
    bool is_word = strcmp(to, LOGGING_STDERR) == 0 || strcmp(to, LOGGING_SYSLOG) == 0;

    return (struct logging){.what = (enum logging_what)s->what,
                            .format = (enum logging_format)s->format,
                            .rate = s->rate,
                            .to = is_word ? to : compile_beside(compiler, to),
                            .id_header = s->id_header.text,
                            .client = s->client,
                            .ipv4_bits = (unsigned)s->ipv4_prefix,
                            .ipv6_bits = (unsigned)s->ipv6_prefix};
}

void compile(struct config *config, const struct settings *settings, const char *folder,
             struct problems *problems)
{
    struct compiler compiler = {config, settings, folder, config->arena, problems};

    config->name = settings->name.text;
    config->max_connections = (unsigned)settings->max_connections;
    config->max_parked = (unsigned)settings->max_parked;
    config->record_timeout_ms = (unsigned)(settings->record_timeout * 1000);
    config->state = state_directory(&compiler);
    config->canonical_order = (enum canonical_order)settings->canonical_order;
    config->metrics = (enum metrics)settings->metrics;
    config->logging = compile_logging(&compiler);
    compile_places(&compiler);
    compile_targets(&compiler);
    compile_rules(&compiler);
    compile_pages(&compiler);
    compile_signatures(&compiler);
    compile_request_format(&compiler);
    compile_forwarding(&compiler);
    compile_databases(&compiler);
    compile_probing(&compiler);
    compile_sources(&compiler);
    compile_index(&compiler);
}
