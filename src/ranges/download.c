/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ranges/download.h"
#include "core/plain_file.h"
#include "ranges/fetch.h"
#include "ranges/load.h"
#include "ranges/mmdb_read.h"
#include "ranges/save.h"

/* What lies beside a source's last good copy. */
struct kept {
    char *path, *note_path;       /* the copy, and the note about it */
    char url[SOURCE_URL_MAX + 1]; /* it came from here */
    char etag[ETAG_MAX + 1];
    size_t prefixes;
};

/* One source on its way into the list. */
struct job {
    const struct download *download;
    const struct range_source *source;
    struct range_list *list;
    struct kept kept;
    struct fetch got;
    char url[SOURCE_URL_MAX + 1]; /* where the file itself is */
};

static void complain(const struct range_error *error)
{
    fprintf(stderr, "%s\n", error->text);
}

/* Reads one line, without its end, into a field; empty if it does not fit. */
static void read_line(FILE *file, char *field, size_t size)
{
    char line[SOURCE_URL_MAX + 2];
    field[0] = 0;
    if (!fgets(line, sizeof line, file))
        return;
    size_t len = strcspn(line, "\n");
    if (len < size && line[len] == '\n') {
        memcpy(field, line, len);
        field[len] = 0;
    }
}

/* A FIFO in its place, say, would be waited for. */
static bool is_there(const char *path)
{
    FILE *file = plain_file_stream(path);

    if (!file)
        return false;
    fclose(file);
    return true;
}

/* A note that is absent or damaged counts as none: the file is then got anew. */
static void read_note(struct kept *kept)
{
    char count[24];
    FILE *file = plain_file_stream(kept->note_path);
    if (!file)
        return;
    read_line(file, kept->url, sizeof kept->url);
    read_line(file, kept->etag, sizeof kept->etag);
    read_line(file, count, sizeof count);
    fclose(file);
    kept->prefixes = strtoul(count, NULL, 10);
    if (!kept->prefixes || !is_there(kept->path))
        kept->etag[0] = 0;
}

static bool open_kept(struct job *job, struct range_error *error)
{
    struct kept *kept = &job->kept;
    char *folder = NULL;
    bool made = false;
    *kept = (struct kept){0};
    if (asprintf(&folder, "%s.sources", job->download->database) < 0)
        folder = NULL;
    if (folder && asprintf(&kept->path, "%s/%s", folder, job->source->name) < 0)
        kept->path = NULL;
    if (folder && asprintf(&kept->note_path, "%s/%s.note", folder, job->source->name) < 0)
        kept->note_path = NULL;
    if (!kept->path || !kept->note_path)
        range_fail(error, "There is not enough memory.");
    else if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        range_fail(error, "The folder %s cannot be made: %s.", folder, strerror(errno));
    else
        made = true;
    free(folder);
    if (made)
        read_note(kept);
    return made;
}

static void close_kept(struct kept *kept)
{
    free(kept->path);
    free(kept->note_path);
}

static bool save_bytes(const char *path, struct slice bytes, struct range_error *error)
{
    struct save save;
    if (!save_open(&save, path, error))
        return false;
    if (bytes.len)
        (void)!fwrite(bytes.at, 1, bytes.len, save.file); /* save_commit looks for errors */
    return save_commit(&save, NULL, error);
}

/* The copy first: a note without its copy would ask for changes to what is not there. */
static bool save_kept(struct job *job, size_t prefixes, struct range_error *error)
{
    char note[SOURCE_URL_MAX + ETAG_MAX + 64];
    int len = snprintf(note, sizeof note, "%s\n%s\n%zu\n", job->url, job->got.etag, prefixes);
    struct slice bytes = {job->got.bytes, job->got.len};
    return save_bytes(job->kept.path, bytes, error) &&
           save_bytes(job->kept.note_path, (struct slice){note, (size_t)len}, error);
}

static bool is_link_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr(":/._-", c));
}

/* Where the page itself is, "https://host:port/", and Microsoft's own server for files. */
static bool is_trusted_link(struct slice link, struct slice page)
{
    const char *authority = memmem(page.at, page.len, "://", 3);
    const char *end = authority ? strchr(authority + 3, '/') : NULL;
    size_t origin = end ? (size_t)(end - page.at) + 1 : page.len;
    return slice_starts(link, SLICE("https://download.microsoft.com/")) ||
           (end && slice_starts(link, slice_to(page, origin)));
}

/* Finds the file's URL in a page: the first that names it and lies where it may. */
static bool find_link(struct job *job, struct slice page)
{
    const char *name = job->source->linked;
    size_t len = strlen(name);
    for (size_t at = 0; at + len <= page.len; at++) {
        if (memcmp(page.at + at, name, len) != 0)
            continue;
        size_t from = at, to = at + len;
        while (from > 0 && is_link_byte(page.at[from - 1]) && to - from < SOURCE_URL_MAX)
            from--;
        while (to < page.len && is_link_byte(page.at[to]) && to - from < SOURCE_URL_MAX)
            to++;
        struct slice link = {page.at + from, to - from};
        if (slice_ends(link, SLICE(".json")) && source_url_allowed(link) &&
            is_trusted_link(link, slice_of(job->source->url))) {
            memcpy(job->url, link.at, link.len);
            job->url[link.len] = 0;
            return true;
        }
        at = to - 1;
    }
    return false;
}

static bool get(struct job *job, bool with_etag, struct range_error *error)
{
    job->got = (struct fetch){.name = job->source->name,
                              .url = job->url,
                              .most = INPUT_MAX,
                              .progress = job->download->progress};
    if (with_etag && strcmp(job->url, job->kept.url) == 0)
        memcpy(job->got.etag, job->kept.etag, sizeof job->got.etag);
    return fetch_url(&job->got, error);
}

/* Gets the source's file, which may only be linked from its page. */
static bool get_file(struct job *job, struct range_error *error)
{
    memcpy(job->url, job->source->url, sizeof job->url);
    if (!get(job, true, error))
        return false;
    struct slice page = {job->got.bytes, job->got.len};
    if (!job->source->linked || job->got.unchanged || slice_starts(page, SLICE("{")))
        return true;
    bool found = find_link(job, page);
    free(job->got.bytes);
    job->got.bytes = NULL;
    if (!found)
        return range_fail(error,
                          "%s: %s has no link to a file %s*.json; name the file's own URL instead.",
                          job->source->name, job->source->url, job->source->linked);
    return get(job, true, error);
}

static struct range_input input_of(const struct job *job)
{
    return (struct range_input){.format = job->source->format,
                                .provider = slice_of(job->source->name)};
}

/* How many different prefixes the list has behind the first ones. */
static bool count_prefixes(const struct job *job, struct slice text, size_t *prefixes,
                           struct range_error *error)
{
    struct range_list list = {.table = job->list->table};
    struct range_input input = input_of(job);
    input.name = job->url;
    input.text = text;
    bool done = range_read(&list, &input, error);
    range_settle(&list);
    *prefixes = list.count;
    range_list_free(&list);
    return done;
}

static bool has_shrunk(size_t now, size_t before)
{
    return now * 100 < before * SHRUNK_PERCENT;
}

/* Looks at what came and keeps it if it is good. */
static bool accept(struct job *job, struct range_error *error)
{
    size_t prefixes, before = job->kept.prefixes;
    if (job->got.unchanged)
        return true;
    if (!count_prefixes(job, (struct slice){job->got.bytes, job->got.len}, &prefixes, error))
        return false;
    if (has_shrunk(prefixes, before) && !job->download->force)
        return range_fail(error,
                          "%s: %s has %zu prefix%s, and the last one had %zu: refused, since so "
                          "much is seldom given up at once; if it is right, add --force.",
                          job->source->name, job->url, prefixes, plural(prefixes, "es"), before);
    if (!save_kept(job, prefixes, error))
        return false;
    job->kept.prefixes = prefixes;
    return true;
}

static bool read_kept(struct job *job, struct range_error *error)
{
    return compile_read(job->list, job->kept.path, input_of(job), error);
}

static void tell(const struct job *job, bool fresh)
{
    if (fresh && !job->download->quiet)
        printf("%s: %s, %zu prefix%s\n", job->source->name,
               job->got.unchanged ? "unchanged" : "new", job->kept.prefixes,
               plural(job->kept.prefixes, "es"));
}

/*
 * Gets the file, anew if asked to, and keeps it if it is good. What came is not
 * read from memory but from the copy, as it will be the next time.
 */
static bool refresh(struct job *job, bool anew)
{
    struct range_error error;
    if (anew)
        job->kept.etag[0] = 0;
    bool fresh = get_file(job, &error) && accept(job, &error);
    free(job->got.bytes);
    job->got.bytes = NULL;
    if (!fresh)
        complain(&error);
    return fresh;
}

/* The last good copy into the list; one that is damaged is got anew. */
static bool use_kept(struct job *job, bool *fresh)
{
    struct range_error error = {""};
    size_t before = job->list->count;
    bool usable = is_there(job->kept.path) && read_kept(job, &error);
    if (!usable && *fresh && job->got.unchanged) {
        job->list->count = before;
        *fresh = refresh(job, true);
        usable = *fresh && read_kept(job, &error);
    }
    if (!usable && error.text[0])
        complain(&error);
    if (usable && !*fresh)
        fprintf(stderr, "%s: The last good copy is used.\n", job->source->name);
    return usable;
}

/* One source into the list. Returns whether it came well; *usable, whether it came at all. */
static bool run_source(struct job *job, bool *usable)
{
    struct range_error error;
    bool fresh = false;
    *usable = false;
    if (open_kept(job, &error)) {
        fresh = refresh(job, false);
        *usable = use_kept(job, &fresh);
        tell(job, fresh && *usable);
    } else {
        complain(&error);
    }
    close_kept(&job->kept);
    return fresh && *usable;
}

/* The whole database must not shrink either, where there was no note to compare with. */
static bool check_whole(const struct download *download, struct range_list *list,
                        struct range_error *error)
{
    struct range_list old = {.table = list->table};
    struct range_error ignored;
    bool readable =
        mmdb_is_database(download->database) && mmdb_read(&old, download->database, &ignored);
    size_t conflicts, now = 0, before = readable ? old.count : 0;
    range_list_free(&old);
    if (download->force || !before)
        return true;
    struct prefix_tree tree;
    bool built = compile_tree(list, &tree, &conflicts, error);
    if (built)
        now = prefix_tree_networks(&tree);
    prefix_tree_free(&tree);
    if (!built || !has_shrunk(now, before))
        return built;
    return range_fail(error,
                      "%s was not written: it would have %zu network%s, and it has %zu; if this is "
                      "right, add --force.",
                      download->database, now, plural(now, "s"), before);
}

static bool write_database(const struct download *download, struct range_list *list)
{
    struct range_error error;
    struct compiled compiled = {0};
    if (!check_whole(download, list, &error) ||
        !compile_list(list, download->database, &compiled, &error)) {
        complain(&error);
        return false;
    }
    if (!download->quiet)
        printf("%s: %s, %zu prefix%s, %zu nodes\n", download->database,
               compiled.same ? "unchanged" : "written", compiled.prefixes,
               plural(compiled.prefixes, "es"), compiled.file.nodes);
    return true;
}

int download_run(const struct download *download)
{
    struct range_error error;
    if (!fetch_possible(&error)) {
        complain(&error);
        return 1;
    }
    struct range_list list = {.table = record_table_new()};
    bool all_fresh = true, all_usable = list.table != NULL;

    for (size_t i = 0; i < download->sources->count && list.table; i++) {
        struct job job = {
            .download = download, .source = &download->sources->list[i], .list = &list};
        bool usable;
        all_fresh &= run_source(&job, &usable);
        all_usable &= usable;
    }
    bool written = all_usable && write_database(download, &list);
    if (!written)
        fprintf(stderr, "%s was left as it was.\n", download->database);
    range_list_free(&list);
    record_table_free(list.table);
    return written && all_fresh ? 0 : 1;
}
