/* SPDX-License-Identifier: Apache-2.0 */
/* The index and its sources, and what a routing table comes to without one. */
#include "config/compile.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
#include "core/fnv.h"
#include "parse/url.h"

static bool is_canonical(const struct config *config, const struct target *target)
{
    for (size_t i = 0; i < config->canonical_count; i++)
        if (config->canonical[i] == target)
            return true;
    return false;
}

static bool all_are_canonical(const struct config *config)
{
    for (size_t i = 0; i < config->upstream_count; i++)
        if (!is_canonical(config, &config->targets[i]))
            return false;
    return true;
}

/* Whether a word of a rule can only mean a canonical upstream. */
static bool means_canonical(const struct config *config, const struct step *step)
{
    switch (step->kind) {
    case STEP_CANONICAL:
        return true;
    case STEP_NEAREST:
        return all_are_canonical(config);
    case STEP_DEFAULT:
        return is_canonical(config, config->fallback);
    case STEP_BUCKET:
        return false;
    case STEP_TARGET:
        break;
    }
    return is_canonical(config, step->target);
}

/*
 * Whether a rule leads to a canonical upstream what only that has: where its other targets are
 * known not to hold it, as a prober finds out, or without one, by `unsure`. Nobody is asked for a
 * tag: it goes to the first.
 */
static bool is_safe(const struct config *config, const struct rule *rule, enum request_class class)
{
    size_t i = 0;

    if (class == CLASS_SIGNATURE)
        return means_canonical(config, &rule->step[0]);
    while (rule->step[i].if_held) /* the last one is not */
        i++;
    return means_canonical(config, &rule->step[i]) &&
           (i == 0 || config->probing.start != PROBER_OFF ||
            means_canonical(config, rule_unsure_step(rule, class)));
}

/* The rule by which an object of this class may go elsewhere than to canonical; NULL: none. */
static const struct rule *misleading_rule(const struct config *config, enum request_class class)
{
    for (size_t i = 0; i < config->rule_count; i++) {
        const struct rule *rule = &config->rules[i];
        if (!(rule->classes >> class & 1))
            continue;
        if (!is_safe(config, rule, class))
            return rule;
        if (!rule->client)
            return NULL; /* no later one is reached */
    }
    return NULL;
}

/*
 * A client asks for a signature's manifest and payload by digest. Where nothing
 * tells these from ordinary content, they must not go where they are not.
 */
static void warn_of_blindness(const struct compiler *compiler)
{
    const struct config *config = compiler->config;
    const struct rule *rule = misleading_rule(config, CLASS_BLOB);
    enum request_class class = rule ? CLASS_BLOB : CLASS_MANIFEST_DIGEST;

    if (!rule)
        rule = misleading_rule(config, CLASS_MANIFEST_DIGEST);
    if (!rule)
        return;
    COMPILE_WARNING(compiler, compiler->settings->at,
                    "signatures will not be found from everywhere: clients ask for their content "
                    "by digest, nothing here tells that it is only at \"%s\", and a \"%s\" may go "
                    "elsewhere (by %s:%u): name an `index`, which `signpost index add` writes, or "
                    "write rules that ask (`?`) and end in \"canonical\", with a prober or with "
                    "unsure = \"canonical\".",
                    config->canonical[0]->name, class_name(class), rule->at.file, rule->at.line);
}

/*
 * Signatures are written to the canonical registry. A rule that names them and leads elsewhere is
 * meant, say while they are still replicated; one for all requests may have forgotten them.
 */
static void warn_of_signatures(const struct compiler *compiler)
{
    const struct config *config = compiler->config;
    const struct rule *rule = misleading_rule(config, CLASS_SIGNATURE);

    if (rule && rule->classes == rule_classes_of(SLICE("*")))
        COMPILE_WARNING(
            compiler, rule->at,
            "signatures' tags and referrers may go elsewhere than to \"%s\", where they "
            "are written: write a rule above, { match = \"signature\"; to = [ "
            "\"canonical\" ]; }.",
            config->canonical[0]->name);
}

static void compile_file(const struct compiler *compiler, const struct word *word,
                         const char **name)
{
    *name = compile_beside(compiler, word->text.at);
    if (access(*name, R_OK) < 0)
        COMPILE_WARNING(compiler, word->at,
                        "the index %s cannot be read, so it lists nothing; `signpost index add` "
                        "makes one.",
                        *name);
}

/* ---- sources ---- */

static bool is_loopback(struct slice authority)
{
    static const struct slice hosts[] = {SLICE("127.0.0.1"), SLICE("[::1]"), SLICE("localhost")};

    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        if (slice_starts(authority, hosts[i]) &&
            (authority.len == hosts[i].len || authority.at[hosts[i].len] == ':'))
            return true;
    return false;
}

/* What can be changed on its way must be signed, or never leave the machine. */
static void check_transport(const struct compiler *compiler, const struct word *url)
{
    if (!slice_starts(url->text, SLICE("http://")) || compiler->settings->index_keys.count > 0 ||
        is_loopback(url_authority(url->text)))
        return;
    COMPILE_ERROR(compiler, url->at,
                  "index_sources: %s is not encrypted: use https, or set `index_keys`, so that its "
                  "list must be signed.",
                  url->text.at);
}

static void compile_source(const struct compiler *compiler, const struct words *mirrors,
                           struct index_source *source)
{
    const char **urls = arena_take(compiler->arena, mirrors->count * sizeof *urls);

    for (size_t i = 0; i < mirrors->count; i++) {
        urls[i] = mirrors->item[i].text.at;
        check_transport(compiler, &mirrors->item[i]);
    }
    if (mirrors->count > INDEX_MIRRORS_MAX)
        COMPILE_ERROR(compiler, mirrors->item[0].at,
                      "index_sources: a source can have at most %d mirrors.", INDEX_MIRRORS_MAX);
    source->mirrors = urls;
    source->count = mirrors->count;
    struct slice first = mirrors->item[0].text;
    snprintf(source->id, sizeof source->id, "%016" PRIx64, fnv_mix(FNV_START, first.at, first.len));
}

static void warn_of_sources(const struct compiler *compiler, struct origin at)
{
    if (compiler->settings->index_keys.count == 0)
        COMPILE_WARNING(compiler, at,
                        "index_sources: no `index_keys` are set, so whoever can write to a source "
                        "decides what is asked for at the canonical registry alone: set the public "
                        "keys of those who sign the lists.");
    if (compiler->config->probing.start == PROBER_OFF)
        COMPILE_WARNING(compiler, at,
                        "index_sources: `prober` is \"off\", so nothing fetches them but `signpost "
                        "index pull`: let cron run that.");
}

static void compile_sources(const struct compiler *compiler)
{
    const struct groups *groups = &compiler->settings->index_sources;
    const struct words *mirrors = groups->item;
    struct index_source *sources = arena_take(compiler->arena, groups->count * sizeof *sources);

    for (size_t i = 0; i < groups->count; i++) {
        compile_source(compiler, &mirrors[i], &sources[i]);
        for (size_t k = 0; k < i; k++)
            if (strcmp(sources[i].id, sources[k].id) == 0)
                COMPILE_ERROR(compiler, mirrors[i].item[0].at,
                              "index_sources: %s stands here twice.", sources[i].mirrors[0]);
    }
    if (groups->count > INDEX_SOURCES_MAX)
        COMPILE_ERROR(compiler, mirrors[0].item[0].at,
                      "index_sources: there can be at most %d sources.", INDEX_SOURCES_MAX);
    if (groups->count > 0)
        warn_of_sources(compiler, mirrors[0].item[0].at);
    compiler->config->index_sources = sources;
    compiler->config->index_source_count = groups->count;
    compiler->config->index_interval_ms = (unsigned)(compiler->settings->index_interval * 1000);
}

static void compile_keys(const struct compiler *compiler)
{
    const struct words *keys = &compiler->settings->index_keys;
    const char **names = arena_take(compiler->arena, keys->count * sizeof *names);

    for (size_t i = 0; i < keys->count; i++) {
        names[i] = compile_beside(compiler, keys->item[i].text.at);
        if (access(names[i], R_OK) < 0)
            COMPILE_WARNING(compiler, keys->item[i].at,
                            "the key %s cannot be read, so no list that it has signed is taken.",
                            names[i]);
    }
    if (keys->count > INDEX_KEYS_MAX)
        COMPILE_ERROR(compiler, keys->item[0].at, "index_keys: there can be at most %d keys.",
                      INDEX_KEYS_MAX);
    compiler->config->index_keys = names;
    compiler->config->index_key_count = keys->count;
}

void compile_index(const struct compiler *compiler)
{
    const struct words *index = &compiler->settings->index;
    const char **names = arena_take(compiler->arena, index->count * sizeof *names);

    for (size_t i = 0; i < index->count; i++)
        compile_file(compiler, &index->item[i], &names[i]);
    compiler->config->index = names;
    compiler->config->index_count = index->count;
    compile_sources(compiler);
    compile_keys(compiler);
    if (compiler->problems->errors > 0)
        return;
    warn_of_signatures(compiler);
    if (index->count == 0 && compiler->config->index_source_count == 0)
        warn_of_blindness(compiler);
}
