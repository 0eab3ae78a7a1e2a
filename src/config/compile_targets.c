/* SPDX-License-Identifier: Apache-2.0 */
#include "config/compile.h"

#include <stdio.h>
#include "core/fnv.h"
#include "core/suggest.h"

/* What upstreams and buckets have in common. */
struct target_setting {
    struct origin at;
    enum target_kind kind;
    struct word name, url, provider, place;
    struct slice prefix;
    struct words regions, serves;
    bool ipv4_only;
    double share;
    struct limit accept_extra;
    struct word check_object;
};

struct target_list {
    struct target *item;
    size_t count;
};

static void check_name(const struct compiler *compiler, const struct target_list *list,
                       const struct target *target)
{
    if (step_kind_of(target_name(target)) != STEP_TARGET)
        COMPILE_ERROR(compiler, target->at,
                      "\"%s\" has a meaning of its own in rules: choose another name.",
                      target->name);
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->item[i].name, target->name) == 0) {
            COMPILE_ERROR(compiler, target->at,
                          "the name \"%s\" is taken already, in line %u: choose another `name`.",
                          target->name, list->item[i].at.line);
            return;
        }
}

/* A registry that redirects to itself keeps some clients going for ever. */
static void check_loop(const struct compiler *compiler, const struct target *target)
{
    const char *own = compiler->config->name.at
                          ? arena_format(compiler->arena, "%.*s://%s",
                                         slice_starts(target->url, SLICE("https")) ? 5 : 4, "https",
                                         compiler->config->name.at)
                          : NULL;

    if (own && target->url.len > 0 && url_same_host(target->url, slice_of(own)))
        COMPILE_ERROR(compiler, target->at,
                      "\"%s\" is at %s, the public name of this registry itself: requests would go "
                      "round in a circle.",
                      target->name, compiler->config->name.at);
}

static struct place find_place(const struct compiler *compiler, struct slice word, struct origin at)
{
    const struct places *places = &compiler->config->places;
    place_index index = place_find(places, word, CODE_IS_CONTINENT);
    double latitude, longitude;
    char extra;
    struct place place = NOWHERE;

    if (index == NO_PLACE)
        index = place_find_region(places, word);
    if (index != NO_PLACE)
        return place_of(places, index);
    if (sscanf(word.at, "%lf , %lf %c", &latitude, &longitude, &extra) == 2 &&
        place_point(latitude, longitude, place.point)) {
        place.has_point = true;
        return place;
    }
    COMPILE_ERROR(compiler, at,
                  "\"%s\" is no known place (`signpost places` lists them, and `places` adds your "
                  "own)%s",
                  word.at, suggest_ending(place_suggest(places, word)).text);
    return NOWHERE;
}

static const struct url_template *make_template(const struct compiler *compiler,
                                                const struct target_setting *setting,
                                                struct slice url)
{
    struct url_template *template = arena_take(compiler->arena, sizeof *template);

    if (!url_template_make(template, url))
        COMPILE_ERROR(compiler, setting->url.at, "the URL has too many words in braces.");
    return template;
}

/* An identity, not a protection; no two targets of a file may share one. */
static uint64_t identity(const struct target *target)
{
    const struct slice parts[] = {target->url, SLICE(" "), target->prefix};
    uint64_t id = FNV_START;

    for (size_t part = 0; part < sizeof parts / sizeof *parts; part++)
        id = fnv_mix(id, parts[part].at, parts[part].len);
    return id;
}

/* A bucket has no manifests, so that the file's `check_object` may not be for it. */
static struct pin choose_pin(const struct compiler *compiler, const struct target_setting *setting)
{
    const struct word *own = &setting->check_object;
    const struct word *word = own->text.at ? own : &compiler->settings->probing.check_object;
    struct pin pin = {.is_manifest = false};

    if (word->text.at)
        pin_read(word->text, &pin);
    if (setting->kind != TARGET_BUCKET || !pin.is_manifest || pin.digest.len == 0)
        return pin;
    if (word == own)
        COMPILE_ERROR(compiler, word->at,
                      "a bucket holds no manifests: name a blob, as \"NAME/blobs/DIGEST\".");
    return (struct pin){.is_manifest = false};
}

static struct target *add_target(const struct compiler *compiler, struct target_list *list,
                                 const struct target_setting *setting, const char *name,
                                 struct slice region)
{
    struct target *target = &list->item[list->count];
    struct slice url =
        url_expand(compiler->arena, setting->url.text, region, setting->provider.text);

    *target = (struct target){.name = name,
                              .name_len = strlen(name),
                              .kind = setting->kind,
                              .at = setting->at,
                              .prefix = setting->prefix,
                              .place = NOWHERE,
                              .ipv4_only = setting->ipv4_only,
                              .share = (float)setting->share,
                              .accept_extra = {(float)setting->accept_extra.part,
                                               (float)setting->accept_extra.per_second},
                              .check_object = choose_pin(compiler, setting)};
    while (target->kind == TARGET_UPSTREAM && url.len > 0 && url.at[url.len - 1] == '/')
        url.len--;
    if (url.len > URL_MAX)
        COMPILE_ERROR(compiler, setting->url.at,
                      "with its words filled in the URL of \"%s\" has "
                      "more than %d bytes.",
                      name, URL_MAX);
    if (target->kind == TARGET_UPSTREAM && slice_ends(url, SLICE("/v2")))
        COMPILE_WARNING(compiler, setting->url.at,
                        "clients are sent to %.*s/v2/…: a registry's URL is written without its "
                        "\"/v2\".",
                        (int)url.len, url.at);
    target->url = url;
    target->id = identity(target);
    if (target->kind == TARGET_BUCKET)
        target->object = make_template(compiler, setting, url);
    check_name(compiler, list, target);
    check_loop(compiler, target);
    list->count++;
    return target;
}

static bool has_word(struct slice url, struct slice word)
{
    return url.at && memmem(url.at, url.len, word.at, word.len);
}

static void add_region(const struct compiler *compiler, struct target_list *list,
                       const struct target_setting *setting, const struct word *region)
{
    const char *name = setting->kind == TARGET_UPSTREAM
                           ? region->text.at
                           : arena_format(compiler->arena, "bucket-%s", region->text.at);
    const char *key =
        arena_format(compiler->arena, "%s:%s", setting->provider.text.at, region->text.at);
    struct target *target = add_target(compiler, list, setting, name, region->text);

    target->at = region->at;
    target->place_word = key;
    target->place = find_place(compiler, slice_of(key), region->at);
    if (target->kind == TARGET_BUCKET && target->place.region != NO_PLACE) {
        struct place_set *serves = arena_take(compiler->arena, sizeof *serves);
        place_set_add_place(serves, &compiler->config->places, target->place.region);
        target->serves = serves;
        target->serves_words = arena_format(compiler->arena, "\"%s\"", key);
    }
}

static void add_regions(const struct compiler *compiler, struct target_list *list,
                        const struct target_setting *setting)
{
    if (!setting->provider.text.at) {
        COMPILE_ERROR(compiler, setting->at,
                      "`regions` needs a `provider`, such as \"aws\", \"gcp\" or \"azure\".");
        return;
    }
    if (setting->url.text.at && !has_word(setting->url.text, SLICE("{region}")))
        COMPILE_ERROR(compiler, setting->url.at,
                      "with `regions` the URL needs {region}, or all would be the same place.");
    if (setting->serves.count > 0 || setting->name.text.at || setting->place.text.at)
        COMPILE_ERROR(compiler, setting->at,
                      "with `regions`, each region is its own name and place: `name`, `place` and "
                      "`serves` are for a single one.");
    for (size_t i = 0; i < setting->regions.count; i++)
        add_region(compiler, list, setting, &setting->regions.item[i]);
}

static void add_single(const struct compiler *compiler, struct target_list *list,
                       const struct target_setting *setting)
{
    if (!setting->name.text.at) {
        COMPILE_ERROR(compiler, setting->at, "the %s needs a `name`, or `regions`.",
                      setting->kind == TARGET_UPSTREAM ? "upstream" : "bucket");
        return;
    }
    if (has_word(setting->url.text, SLICE("{region}"))) {
        COMPILE_ERROR(compiler, setting->url.at, "{region} needs `regions`.");
        return;
    }
    struct target *target =
        add_target(compiler, list, setting, setting->name.text.at, (struct slice){NULL, 0});
    if (setting->place.text.at)
        target->place = find_place(compiler, setting->place.text, setting->place.at);
    target->place_word = setting->place.text.at;
    target->serves = compile_place_set(compiler, &setting->serves);
    target->serves_words = compile_words(compiler, &setting->serves);
}

static void add(const struct compiler *compiler, struct target_list *list,
                const struct target_setting *setting)
{
    if (setting->regions.count > 0)
        add_regions(compiler, list, setting);
    else
        add_single(compiler, list, setting);
}

static void add_upstreams(const struct compiler *compiler, struct target_list *list)
{
    const struct upstream_setting *from = compiler->settings->upstreams.item;

    for (size_t i = 0; i < compiler->settings->upstreams.count; i++) {
        const struct upstream_setting *s = &from[i];
        struct slice prefix = s->prefix.text.at ? s->prefix.text : compiler->settings->prefix.text;
        add(compiler, list,
            &(struct target_setting){s->at, TARGET_UPSTREAM, s->name, s->url, s->provider, s->place,
                                     prefix, s->regions, s->serves, s->ipv4_only, s->share,
                                     s->accept_extra, s->check_object});
    }
}

static void add_buckets(const struct compiler *compiler, struct target_list *list)
{
    const struct bucket_setting *from = compiler->settings->buckets.item;

    for (size_t i = 0; i < compiler->settings->buckets.count; i++) {
        const struct bucket_setting *s = &from[i];
        add(compiler, list,
            &(struct target_setting){.at = s->at,
                                     .kind = TARGET_BUCKET,
                                     .name = s->name,
                                     .url = s->url,
                                     .provider = s->provider,
                                     .regions = s->regions,
                                     .serves = s->serves,
                                     .ipv4_only = s->ipv4_only,
                                     .share = s->share,
                                     .accept_extra = {.part = 1},
                                     .check_object = s->check_object});
        if (s->regions.count == 0 && s->serves.count == 0)
            COMPILE_ERROR(compiler, s->at,
                          "the bucket needs `serves` or `regions`: which clients is it for?");
    }
}

/* The upstream of this name; if there is none, a problem says so. */
static const struct target *find_upstream(const struct compiler *compiler, const struct word *word)
{
    const struct config *config = compiler->config;
    struct suggestion near = suggest_start(word->text);

    for (size_t i = 0; i < config->upstream_count; i++)
        if (slice_equal(target_name(&config->targets[i]), word->text))
            return &config->targets[i];
    for (size_t i = 0; i < config->upstream_count; i++)
        suggest_try(&near, config->targets[i].name);
    COMPILE_ERROR(compiler, word->at, "there is no upstream \"%s\"%s", word->text.at,
                  suggest_ending(near.best).text);
    return NULL;
}

static void choose_canonical(const struct compiler *compiler)
{
    struct config *config = compiler->config;
    const struct words *words = &compiler->settings->canonical;
    size_t count = words->count ? words->count : 1;
    const struct target **list = arena_take(compiler->arena, count * sizeof *list);

    for (size_t i = 0; i < words->count; i++) {
        const struct target *target = find_upstream(compiler, &words->item[i]);
        if (target)
            list[config->canonical_count++] = target;
    }
    if (words->count == 0 && config->upstream_count == 1)
        list[config->canonical_count++] = config->targets;
    else if (words->count == 0 && config->upstream_count > 1)
        COMPILE_ERROR(compiler, compiler->settings->at,
                      "the option \"canonical\" is missing: name the upstream where signatures are "
                      "written, such as canonical = [ \"%s\" ].",
                      config->targets[0].name);
    config->canonical = list;
}

/* How many targets the settings make: one, or one for each region. */
static size_t count_targets(const struct settings *settings)
{
    const struct upstream_setting *upstreams = settings->upstreams.item;
    const struct bucket_setting *buckets = settings->buckets.item;
    size_t count = 0;

    for (size_t i = 0; i < settings->upstreams.count; i++)
        count += upstreams[i].regions.count ? upstreams[i].regions.count : 1;
    for (size_t i = 0; i < settings->buckets.count; i++)
        count += buckets[i].regions.count ? buckets[i].regions.count : 1;
    return count;
}

void compile_targets(const struct compiler *compiler)
{
    struct config *config = compiler->config;
    size_t count = count_targets(compiler->settings);
    struct target_list list = {NULL, 0};

    if (count > TARGETS_MAX) {
        COMPILE_ERROR(compiler, compiler->settings->at,
                      "there are %zu upstreams and buckets; at most %d can be.", count,
                      TARGETS_MAX);
        return;
    }
    list.item = arena_take(compiler->arena, count * sizeof *list.item);
    add_upstreams(compiler, &list);
    config->upstream_count = list.count;
    add_buckets(compiler, &list);
    config->targets = list.item;
    config->target_count = list.count;
    if (config->upstream_count == 0 && compiler->problems->errors == 0)
        COMPILE_ERROR(compiler, compiler->settings->at,
                      "`upstreams` is empty: name at least one registry.");
    choose_canonical(compiler);
    if (config->canonical_count > 0)
        config->fallback = config->canonical[0];
    if (compiler->settings->default_upstream.text.at)
        config->fallback = find_upstream(compiler, &compiler->settings->default_upstream);
}
