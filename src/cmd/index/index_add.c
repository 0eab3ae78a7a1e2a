/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/index/index_add.h"

#include <stdio.h>
#include "cmd/command.h"

#ifndef HAVE_REGISTRY
int index_add(const struct index_add *call)
{
    (void)call;
    fputs(
        "signpost index: This signpost was built without libcurl, jansson or libcrypto and cannot "
        "read registries; install them (Debian: libcurl4-openssl-dev, libjansson-dev, "
        "libssl-dev) and build again, or write the index by other means: digests, one a line, "
        "sorted.\n",
        stderr);
    return EXIT_FINDING;
}
#else

#include <stdlib.h>
#include "cmd/index/index_merge.h"
#include "cmd/progress.h"
#include "config/configuration.h"
#include "parse/reference.h"
#include "registry/signatures.h"

/* All that a run needs, from the configuration or the command line. */
struct run {
    const struct index_add *call;
    struct config *config; /* NULL: none is needed */
    const char *index;
    struct registry_access access;
    char *url, *prefix; /* of access, to be freed */
    const char **hosts; /* the same; strings of the configuration's */
    struct signature_tags tags;
    struct slice repository;      /* as of the reader */
    struct digest_set found, own; /* lines of the index */
    struct progress progress;
};

static bool say(const char *what, const char *text)
{
    fprintf(stderr, "signpost index: %s%s%s\n", what, *what ? ": " : "", text);
    return false;
}

/* ---- where to read ---- */

/* The registry's URL and the path before the images' names, from --registry. */
static bool use_url(struct run *run, const char *url)
{
    struct slice whole = slice_of(url);

    if (!url_is_base(whole) || memchr(url, '{', whole.len))
        return say(url, "that is no URL of a registry, such as https://us.registry.example.org.");
    struct slice authority = url_authority(whole);
    size_t end = (size_t)(authority.at + authority.len - url);
    struct slice path = slice_from(whole, end);
    while (path.len && path.at[0] == '/')
        path = slice_from(path, 1);
    while (path.len && path.at[path.len - 1] == '/')
        path.len--;
    run->url = strndup(url, end);
    run->prefix = strndup(path.at, path.len);
    return (run->url && run->prefix) || say("", "there is not enough memory.");
}

static bool use_canonical(struct run *run)
{
    const struct target *canonical = run->config->canonical[0];

    run->url = strndup(canonical->url.at, canonical->url.len);
    run->prefix = strndup(canonical->prefix.at ? canonical->prefix.at : "", canonical->prefix.len);
    return (run->url && run->prefix) || say("", "there is not enough memory.");
}

/* Redirects may lead to whatever host clients may be sent to. */
static bool allow_hosts(struct run *run)
{
    size_t count = run->config ? run->config->target_count : 0;

    run->hosts = calloc(count + 1, sizeof *run->hosts);
    if (!run->hosts)
        return say("", "there is not enough memory.");
    for (size_t i = 0; i < count; i++)
        run->hosts[i] = run->config->targets[i].url.at;
    run->access.hosts = run->hosts;
    run->access.host_count = count;
    return true;
}

static void choose_tags(struct run *run)
{
    static const struct slice suffixes[] = {SLICE(".sig"), SLICE(".att"), SLICE(".sbom")};
    static const struct slice any = SLICE("*");

    run->tags =
        run->config ? run->config->signatures : (struct signature_tags){&any, suffixes, 1, 3};
}

static bool prepare(struct run *run)
{
    const struct index_add *call = run->call;

    if (call->config || !call->registry || !call->index) {
        run->config = command_load(call->config, false);
        if (!run->config)
            return false;
    }
    if (call->index)
        run->index = call->index;
    else if (run->config->index_count > 0)
        run->index = run->config->index[0];
    if (!run->index)
        return say("", "the configuration names no `index`: add one, or say --index FILE.");
    if (call->repository && !oci_is_name(slice_of(call->repository)))
        return say(call->repository, "that is no name of a repository.");
    run->repository = slice_of(call->repository);
    choose_tags(run);
    if (!(call->registry ? use_url(run, call->registry) : use_canonical(run)) || !allow_hosts(run))
        return false;
    run->access.url = run->url;
    run->access.prefix = run->prefix;
    return true;
}

static void finish(struct run *run)
{
    digest_set_clear(&run->found);
    digest_set_clear(&run->own);
    free(run->url);
    free(run->prefix);
    free(run->hosts);
    config_free(run->config);
}

/* ---- reading ---- */

static void show_progress(void *context, size_t found)
{
    struct run *run = context;

    progress_show(&run->progress, "%zu digests so far", found);
}

static void note(void *context, const char *sentence)
{
    struct run *run = context;

    progress_wipe(&run->progress);
    say("", sentence);
}

/* A host in front of the name must be the registry's: its public one, or where it is read. */
static bool is_ours(const struct run *run, struct slice host)
{
    return !host.len || slice_equal_nocase(host, slice_of(run->call->name)) ||
           (run->config && slice_equal_nocase(host, run->config->name)) ||
           slice_equal_nocase(host, url_authority(slice_of(run->url)));
}

static void add_lines(struct digest_set *lines, const struct digest_set *digests,
                      struct slice repository)
{
    for (size_t i = 0; i < digests->count; i++)
        digest_set_add_line(lines, slice_of(digests->list[i]), repository);
    lines->starved = lines->starved || digests->starved;
}

static bool read_image(struct run *run, struct registry_client *client, const char *text)
{
    struct image_reference image;
    struct signatures_reader reader = {
        .client = client,
        .tags = &run->tags,
        .repository = run->repository,
        .progress = show_progress,
        .note = note,
        .context = run,
    };
    struct digest_set found = {0}, own = {0};
    struct why why;

    if (!image_reference_parse(&image, text, &why))
        return say("", why.text);
    if (!is_ours(run, image.host))
        return say(text, "that is at another registry: leave the host away, or name this one's.");
    bool good = signatures_read(&reader, image.name, image.reference, &found, &own, &why);
    progress_wipe(&run->progress);
    if (good && found.count == 0)
        say(text, "nothing belongs to it, neither signatures nor referrers.");
    if (good) {
        add_lines(&run->found, &found, run->repository.len ? run->repository : image.name);
        add_lines(&run->own, &own, image.name);
    } else {
        fprintf(stderr, "signpost index: %s: %s.\n", text, why.text);
    }
    digest_set_clear(&found);
    digest_set_clear(&own);
    return good;
}

static bool read_images(struct run *run)
{
    struct registry_client *client = registry_client_new(&run->access);
    bool good = true;

    if (!client)
        return say("", "libcurl cannot be started.");
    for (size_t i = 0; i < run->call->image_count; i++)
        good &= read_image(run, client, run->call->images[i]);
    registry_client_free(client);
    return good;
}

static bool merge(struct run *run)
{
    struct index_merged merged;
    struct why why;

    digest_set_subtract(&run->found, &run->own);
    if (run->found.starved)
        return say("", "there is not enough memory.");
    if (!index_merge(run->index, run->found.list, run->found.count, &merged, &why))
        return say("", why.text);
    index_merge_print(run->index, &merged);
    return true;
}

int index_add(const struct index_add *call)
{
    struct run run = {.call = call};
    bool good = prepare(&run);

    progress_start(&run.progress);
    if (good) {
        good = read_images(&run);
        good &= merge(&run); /* what could be read is right, whatever else could not */
    }
    finish(&run);
    return good ? EXIT_FINE : EXIT_FINDING;
}
#endif
