/* SPDX-License-Identifier: Apache-2.0 */
#include "compile.h"

#include <stdlib.h>
#include <unistd.h>

const struct place_set *compile_place_set(const struct compiler *compiler,
                                          const struct words *words)
{
    if (words->count == 0)
        return NULL;

    struct place_set *set = arena_take(compiler->arena, sizeof *set);
    for (size_t i = 0; i < words->count; i++) {
        const struct word *word = &words->item[i];
        struct why why;
        if (!place_set_add(set, &compiler->config->places, word->text, &why))
            COMPILE_ERROR(compiler, word->at, "%s", why.text);
    }
    return set;
}

const char *compile_words(const struct compiler *compiler, const struct words *words)
{
    const char *text = NULL;

    for (size_t i = 0; i < words->count; i++)
        text = arena_format(compiler->arena, "%s%s\"%s\"", text ? text : "", text ? ", " : "",
                            words->item[i].text.at);
    return text;
}

static void compile_places(const struct compiler *compiler)
{
    const struct place_setting *list = compiler->settings->places.item;

    for (size_t i = 0; i < compiler->settings->places.count; i++) {
        const struct place_setting *s = &list[i];
        bool north = s->latitude <= 90, east = s->longitude <= 180;
        struct own_place own = {s->name.text, s->title.text, s->country.text,
                                north && east, s->latitude, s->longitude};
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

static const struct slice *slices_of(const struct compiler *compiler, const struct words *words)
{
    struct slice *list = arena_take(compiler->arena, words->count * sizeof *list);

    for (size_t i = 0; i < words->count; i++)
        list[i] = words->item[i].text;
    return list;
}

static void compile_signatures(const struct compiler *compiler)
{
    const struct settings *s = compiler->settings;

    compiler->config->signatures = (struct signature_tags){
        .prefixes = slices_of(compiler, &s->signature_prefixes),
        .suffixes = slices_of(compiler, &s->signature_suffixes),
        .prefix_count = s->signature_prefixes.count,
        .suffix_count = s->signature_suffixes.count,
    };
}

static void compile_request_format(const struct compiler *compiler)
{
    struct slice header = compiler->settings->region_header.text;
    struct request_format *format = &compiler->config->request;

    compiler->config->region_header = header;
    format->path_from = (enum path_from)compiler->settings->path_from;
    if (header.len == 0)
        return;
    size_t size = header.len + sizeof "HTTP_";
    char *variable = arena_take(compiler->arena, size);
    request_variable_of_header(variable, size, header);
    format->region_variable = slice_of(variable);
}

static const char *beside(const struct compiler *compiler, const char *file)
{
    if (file[0] == '/')
        return file;
    return arena_format(compiler->arena, "%s/%s", compiler->folder, file);
}

static void compile_databases(const struct compiler *compiler)
{
    const struct words *words = &compiler->settings->databases;
    const char **files = arena_take(compiler->arena, words->count * sizeof *files);

    for (size_t i = 0; i < words->count; i++) {
        files[i] = beside(compiler, words->item[i].text.at);
        if (access(files[i], R_OK) < 0)
            COMPILE_WARNING(compiler, words->item[i].at,
                            "the database %s cannot be read, so it tells nothing of where clients "
                            "are; `signpost ranges` makes one.",
                            files[i]);
    }
    compiler->config->databases = files;
    compiler->config->database_count = words->count;
}

static const char *state_directory(const struct compiler *compiler)
{
    const struct word *state = &compiler->settings->state;
    const char *given = getenv("STATE_DIRECTORY");

    if (state->text.at)
        return beside(compiler, state->text.at);
    if (given && given[0] == '/')
        return arena_copy(compiler->arena, slice_of(given));
    return SIGNPOST_STATEDIR;
}

void compile(struct config *config, const struct settings *settings, const char *folder,
             struct problems *problems)
{
    struct compiler compiler = {config, settings, folder, config->arena, problems};

    config->name = settings->name.text;
    config->max_connections = (unsigned)settings->max_connections;
    config->record_timeout_ms = (unsigned)(settings->record_timeout * 1000);
    config->state = state_directory(&compiler);
    compile_places(&compiler);
    compile_targets(&compiler);
    compile_rules(&compiler);
    compile_pages(&compiler);
    compile_signatures(&compiler);
    compile_request_format(&compiler);
    compile_databases(&compiler);
}
