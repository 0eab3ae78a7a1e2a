/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "index_pull.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "index_file.h"
#include "index_key.h"
#include "lock.h"
#include "plain_file.h"
#include "registry/digest.h"
#include "registry/http.h"
#include "replacement.h"

enum { REDIRECTS_MAX = 5, KEYS_MAX = 16 };

static const char lock_name[] = ".lock";

struct run {
    const struct index_pull *call;
    int folder;        /* INDEX_FOLDER */
    bool write_failed; /* for the source that is asked; no other mirror helps then */
    struct http *http;
    struct index_key *keys[KEYS_MAX];
    size_t key_count;
    struct index_status before, after;
};

/* A list and its text, which it borrows from. */
struct held {
    char *text; /* NULL: there is none */
    struct index_list list;
};

static void drop(struct held *held)
{
    free(held->text);
    held->text = NULL;
}

static bool cannot_write(struct run *run, int error, struct why *why)
{
    run->write_failed = true;
    return why_not(why, "The folder %s/" INDEX_FOLDER " cannot be written: %s.",
                   run->call->state->name, strerror(error));
}

/* ---- requests ---- */

static bool is_redirect(long status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Where a redirect leads: never from an encrypted connection to another. NULL: it must not. */
static char *follow(const char *url, const struct http_response *response)
{
    char *next = http_resolve(url, slice_of(response->location));

    if (next && (http_is_https(next) || (!http_is_https(url) && http_same_host(url, next))))
        return next;
    free(next);
    return NULL;
}

/* False, with a sentence, if no 200 came. */
static bool get(struct run *run, const char *url, struct http_sink sink,
                struct http_response *response, struct why *why)
{
    struct http_request request = {
        .ca_file = run->call->config->probing.ca_file, .sink = sink, .accept = NULL};
    char *at = strdup(url);
    struct why reason = {"there is not enough memory"};

    for (int i = 0; at && i <= REDIRECTS_MAX; i++) {
        request.url = at;
        bool answered = http_ask(run->http, &request, response, &reason);
        char *next = answered && is_redirect(response->status) ? follow(at, response) : NULL;
        if (answered && response->status != 200)
            why_not(&reason, "the answer is %ld", response->status);
        free(at);
        at = next;
        if (answered && response->status == 200)
            return true;
        if (!next)
            break;
    }
    free(at);
    return why_not(why, "%s cannot be read: %s.", url, reason.text);
}

/* The address of a source's list. NULL without memory. */
static char *list_url(const char *mirror)
{
    struct slice url = slice_of(mirror);
    char *text = NULL;
    bool is_list = slice_ends(url, SLICE("/" INDEX_LIST_NAME));
    bool has_slash = slice_ends(url, SLICE("/"));

    if (asprintf(&text, "%s%s%s", mirror, is_list || has_slash ? "" : "/",
                 is_list ? "" : INDEX_LIST_NAME) < 0)
        return NULL;
    return text;
}

/* The address of a file beside it. */
static char *file_url(const char *mirror, struct slice name)
{
    char *list = list_url(mirror), *text = NULL;

    if (list && asprintf(&text, "%.*s%.*s", (int)(strrchr(list, '/') - list) + 1, list,
                         (int)name.len, name.at) < 0)
        text = NULL;
    free(list);
    return text;
}

/* ---- lists ---- */

/* What serves now. That there is none, or one of another registry, is no mistake. */
static void read_present(const struct run *run, const struct index_source *source,
                         struct held *present)
{
    char name[INDEX_SOURCE_NAME_SIZE];

    index_source_list_name(source, name);
    present->text = malloc(INDEX_LIST_MAX);
    if (present->text &&
        (!index_list_read(&present->list, run->folder, name, present->text, NULL) ||
         !slice_equal_nocase(present->list.registry, run->call->config->name)))
        drop(present);
}

static bool is_signed(const struct run *run, const struct index_list *list)
{
    for (size_t i = 0; i < run->key_count; i++)
        if (index_key_verify(run->keys[i], list->body, list->signature))
            return true;
    return false;
}

static bool check_list(const struct run *run, const struct index_list *list, const char *url,
                       struct why *why)
{
    const struct config *config = run->call->config;

    if (!slice_equal_nocase(list->registry, config->name))
        return why_not(why, "%s is the index of %.*s, and this front door is %.*s.", url,
                       (int)list->registry.len, list->registry.at, (int)config->name.len,
                       config->name.at);
    if (config->index_key_count > 0 && !is_signed(run, list))
        return why_not(why, "%s is not signed by any of `index_keys`.", url);
    return true;
}

/* Takes a list out of an answer, whose text is reused by the next. */
static bool keep_list(struct held *held, struct slice text, const char *url, struct why *why)
{
    held->text = malloc(text.len + 1);
    if (!held->text)
        return why_not(why, "There is not enough memory.");
    if (text.len)
        memcpy(held->text, text.at, text.len);
    return index_list_parse(&held->list, (struct slice){held->text, text.len}, url, why);
}

static bool fetch_list(struct run *run, const char *mirror, struct held *held, struct why *why)
{
    char *url = list_url(mirror);
    struct http_response *response = malloc(sizeof *response);
    bool good = url && response;

    if (!good)
        why_not(why, "There is not enough memory.");
    good = good && get(run, url, (struct http_sink){0}, response, why) &&
           keep_list(held, response->body, url, why) && check_list(run, &held->list, url, why);
    if (!good)
        drop(held);
    free(response);
    free(url);
    return good;
}

/* ---- files ---- */

struct download {
    int fd;
    struct digest_hash *hash;
    uint64_t left; /* bytes that are still to come */
    int error;
};

static bool take_bytes(void *context, struct slice bytes)
{
    struct download *download = context;

    if (bytes.len > download->left)
        return false;
    download->left -= bytes.len;
    digest_hash_add(download->hash, bytes);
    while (bytes.len) {
        ssize_t n = write(download->fd, bytes.at, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            download->error = errno;
            return false;
        }
        bytes = slice_from(bytes, (size_t)n);
    }
    return true;
}

/* Fetches a file's bytes into an open one, and sees that they are those. */
static bool fetch_into(struct run *run, int fd, const char *url, const struct index_list_file *file,
                       struct why *why)
{
    struct download download = {fd, digest_hash_start(file->digest), file->size, 0};
    struct http_response *response = malloc(sizeof *response);
    bool good = response && get(run, url, (struct http_sink){take_bytes, &download}, response, why);
    enum digest_verdict verdict = digest_hash_end(download.hash, file->digest);

    free(response);
    if (!response)
        return why_not(why, "There is not enough memory.");
    if (download.error)
        return cannot_write(run, download.error, why);
    if (!good)
        return false;
    if (download.left > 0)
        return why_not(why, "%s has fewer bytes than its list says: %" PRIu64 " are missing.", url,
                       download.left);
    if (verdict != DIGEST_RIGHT)
        return why_not(why, "%s has other bytes than its list says: its sha256 is wrong.", url);
    return true;
}

/* The disk's space is taken first, so that a full one is noticed at once. */
static bool download(struct run *run, const char *url, const struct index_list_file *file,
                     const char *name, struct why *why)
{
    struct replacement new;
    int fd = replacement_make(&new, run->folder, "part", 0644);

    if (fd < 0)
        return cannot_write(run, errno, why);
    new.name = name;
    int error = file->size ? posix_fallocate(fd, 0, (off_t)file->size) : 0;
    bool good = error ? cannot_write(run, error, why) : fetch_into(run, fd, url, file, why);
    if (good && fsync(fd) != 0)
        good = cannot_write(run, errno, why);
    if (close(fd) != 0 && good)
        good = cannot_write(run, errno, why);
    if (good)
        return replacement_put(&new) || cannot_write(run, errno, why);
    replacement_drop(&new);
    return false;
}

static bool has_digest(int fd, struct slice digest)
{
    struct digest_hash *hash = digest_hash_start(digest);
    char buffer[1 << 14];
    ssize_t len;

    while ((len = plain_file_read(fd, buffer, sizeof buffer)) > 0)
        digest_hash_add(hash, (struct slice){buffer, (size_t)len});
    return digest_hash_end(hash, digest) == DIGEST_RIGHT && len == 0;
}

static bool is_there(const struct run *run, const struct index_list_file *file)
{
    char name[INDEX_FILE_NAME_SIZE];
    struct stat status;

    index_list_file_name(file->digest, name);
    int fd = plain_file_open(run->folder, name, O_NOFOLLOW, (off_t)file->size, &status);
    bool good = fd >= 0 && (uint64_t)status.st_size == file->size && has_digest(fd, file->digest);
    if (fd >= 0)
        close(fd);
    return good;
}

static bool all_there(const struct run *run, const struct index_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (!is_there(run, &list->file[i]))
            return false;
    return true;
}

/* Adds the lines of a file that is there, all of which are looked at. */
static bool count_lines(const struct run *run, const struct index_list_file *file,
                        const char *shown, uint64_t *lines, struct why *why)
{
    char name[INDEX_FILE_NAME_SIZE];
    struct index_counts counts = {0};
    struct index_file open;

    index_list_file_name(file->digest, name);
    if (!index_file_open_in(&open, run->folder, name, why))
        return false;
    bool good = index_file_check(&open, shown, &counts, why);
    index_file_close(&open);
    *lines += counts.all;
    return good;
}

static uint64_t lines_of(const struct run *run, const struct held *held)
{
    uint64_t lines = 0;

    for (size_t i = 0; held->text && i < held->list.count; i++)
        count_lines(run, &held->list.file[i], "", &lines, NULL);
    return lines;
}

static bool fetch_file(struct run *run, const char *mirror, const struct index_list_file *file,
                       uint64_t *lines, struct why *why)
{
    char name[INDEX_FILE_NAME_SIZE], *url = file_url(mirror, file->name);

    if (!url)
        return why_not(why, "There is not enough memory.");
    index_list_file_name(file->digest, name);
    bool good = (is_there(run, file) || download(run, url, file, name, why)) &&
                count_lines(run, file, url, lines, why);
    free(url);
    return good;
}

/* ---- a source ---- */

/* What a mirror has, beside what serves now. */
enum news { BAD, OLDER, SAME, NEWER };

struct mirror {
    const char *url;
    struct held held;
    enum news news;
    struct why why; /* of what is bad or older */
};

struct source {
    struct run *run;
    const struct index_source *source;
    struct index_source_status *status;
    struct held present;
    struct mirror mirror[INDEX_MIRRORS_MAX];
};

static enum news compare(const struct source *source, struct mirror *mirror)
{
    const struct index_list *now = &source->present.list, *list = &mirror->held.list;

    if (!source->present.text || list->serial > now->serial)
        return NEWER;
    if (list->serial < now->serial) {
        why_not(&mirror->why,
                "%s has serial %" PRIu64 ", which is older than what was fetched before, %" PRIu64
                ".",
                mirror->url, list->serial, now->serial);
        return OLDER;
    }
    if (slice_equal(list->body, now->body))
        return all_there(source->run, now) ? SAME : NEWER;
    why_not(&mirror->why,
            "%s has other files than before under the same serial, %" PRIu64
            ": publish with a serial that is one more.",
            mirror->url, list->serial);
    return BAD;
}

static bool switch_list(struct source *source, const struct mirror *mirror, struct why *why)
{
    const struct index_list *list = &mirror->held.list;
    char name[INDEX_SOURCE_NAME_SIZE];
    struct replacement new;

    index_source_list_name(source->source, name);
    /* The files' names must outlive a power loss before the list does. */
    bool begun = replacement_sync_names(source->run->folder) &&
                 replacement_begin(&new, source->run->folder, name, 0644);
    if (begun) {
        fwrite(list->body.at, 1, list->body.len, new.file);
        if (list->signature.len)
            fprintf(new.file, "signature %.*s\n", (int)list->signature.len, list->signature.at);
    }
    return (begun && replacement_end(&new, true)) || cannot_write(source->run, errno, why);
}

/* A list says so of itself, or of one before it that was not fetched here. */
static bool shrinks_too_much(const struct held *present, const struct index_list *list,
                             uint64_t before, uint64_t lines)
{
    bool is_meant = !present->text || present->list.serial < list->shrinks;

    return !is_meant && index_list_is_shrinkage(before, lines);
}

static void note_list(struct source *source, const struct index_list *list, uint64_t lines)
{
    source->status->serial = list->serial;
    source->status->time_s = list->time_s;
    source->status->lines = lines;
    source->status->fetched_s = source->run->call->now_s;
}

/* Fetches what a mirror's list names, and goes over to it. */
static bool install(struct source *source, const struct mirror *mirror, struct why *why)
{
    const struct index_list *list = &mirror->held.list;
    uint64_t lines = 0, before = lines_of(source->run, &source->present);

    for (size_t i = 0; i < list->count; i++)
        if (!fetch_file(source->run, mirror->url, &list->file[i], &lines, why))
            return false;
    if (shrinks_too_much(&source->present, list, before, lines))
        return why_not(why,
                       "%s has %" PRIu64 " lines, and had %" PRIu64
                       ": if that is meant, publish it with --shrinks.",
                       mirror->url, lines, before);
    if (!switch_list(source, mirror, why))
        return false;
    note_list(source, list, lines);
    return true;
}

static struct mirror *newest(struct source *source)
{
    struct mirror *found = NULL;

    for (size_t i = 0; i < source->source->count; i++) {
        struct mirror *mirror = &source->mirror[i];
        if (mirror->news == NEWER && (!found || mirror->held.list.serial > found->held.list.serial))
            found = mirror;
    }
    return found;
}

/* The newest list that is good; false if all are bad or older. */
static bool take_newest(struct source *source)
{
    struct mirror *mirror;

    while ((mirror = newest(source))) {
        if (install(source, mirror, &mirror->why))
            return true;
        if (source->run->write_failed)
            return false;
        mirror->news = BAD;
    }
    for (size_t i = 0; i < source->source->count; i++)
        if (source->mirror[i].news == SAME)
            return true;
    return false;
}

/* The reason that is shown: of the first mirror that has one. */
static void conclude(const struct source *source, bool good)
{
    const struct run *run = source->run;
    const struct index_source_status *before = index_status_find(&run->before, source->source);
    struct index_source_status *status = source->status;
    struct why whole;

    status->reason = (struct why){""};
    for (size_t i = source->source->count; i-- > 0;)
        if (source->mirror[i].why.text[0])
            status->reason = source->mirror[i].why;
    if (good)
        status->asked_s = run->call->now_s;
    else
        status->refused++;
    if (!status->reason.text[0] ||
        (before && !run->call->says_again && strcmp(before->reason.text, status->reason.text) == 0))
        return;
    why_not(&whole, "An index source is %s: %s", good ? "passed over in part" : "refused",
            status->reason.text);
    run->call->say(run->call->context, whole.text);
    if (!good && source->present.text)
        run->call->say(run->call->context, "What was fetched from it before serves on.");
}

static bool pull_source(struct run *run, const struct index_source *from)
{
    struct source *source = calloc(1, sizeof *source);
    const struct index_source_status *before = index_status_find(&run->before, from);

    if (!source)
        return false;
    run->write_failed = false;
    source->run = run;
    source->source = from;
    source->status = &run->after.source[run->after.count++];
    if (before)
        *source->status = *before;
    memcpy(source->status->id, from->id, sizeof from->id);
    read_present(run, from, &source->present);
    if (!source->present.text)
        source->status->serial = source->status->lines = 0;
    else if (source->status->serial != source->present.list.serial) /* its writer was stopped */
        note_list(source, &source->present.list, lines_of(run, &source->present));
    for (size_t i = 0; i < from->count; i++) {
        struct mirror *mirror = &source->mirror[i];
        mirror->url = from->mirrors[i];
        if (fetch_list(run, mirror->url, &mirror->held, &mirror->why))
            mirror->news = compare(source, mirror);
    }
    bool good = take_newest(source);
    conclude(source, good);
    for (size_t i = 0; i < from->count; i++)
        drop(&source->mirror[i].held);
    drop(&source->present);
    free(source);
    return good;
}

/* ---- what no list names any more ---- */

static bool is_named(const struct held *held, size_t count, const char *name)
{
    char file[INDEX_FILE_NAME_SIZE];

    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; held[i].text && k < held[i].list.count; k++) {
            index_list_file_name(held[i].list.file[k].digest, file);
            if (strcmp(file, name) == 0)
                return true;
        }
    return false;
}

static bool is_list_of_source(const struct config *config, const char *name)
{
    char list[INDEX_SOURCE_NAME_SIZE];

    for (size_t i = 0; i < config->index_source_count; i++) {
        index_source_list_name(&config->index_sources[i], list);
        if (strcmp(list, name) == 0)
            return true;
    }
    return false;
}

static bool is_rest(const struct run *run, const struct held *held, const char *name)
{
    struct slice s = slice_of(name);
    const struct config *config = run->call->config;

    if (slice_starts(s, SLICE("sha256-")))
        return !is_named(held, config->index_source_count, name);
    if (slice_ends(s, SLICE(".list")))
        return !is_list_of_source(config, name);
    return s.at[0] == '.' && slice_ends(s, SLICE(".new"));
}

static void clean(const struct run *run)
{
    struct held held[INDEX_SOURCES_MAX] = {0};
    size_t count = run->call->config->index_source_count;
    int fd = openat(run->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;

    for (size_t i = 0; i < count; i++)
        read_present(run, &run->call->config->index_sources[i], &held[i]);
    while (folder && (entry = readdir(folder)))
        if (is_rest(run, held, entry->d_name))
            unlinkat(run->folder, entry->d_name, 0);
    for (size_t i = 0; i < count; i++)
        drop(&held[i]);
    if (folder)
        closedir(folder);
    else if (fd >= 0)
        close(fd);
}

/* ---- all ---- */

/* Whatever the umask; a group's folder hands on its group by itself. */
static int open_folder(const struct state *state)
{
    mode_t mask = umask(0);
    bool made = mkdirat(state->fd, INDEX_FOLDER, state->for_group ? 0770 : 0755) == 0;
    bool is_there = made || errno == EEXIST;

    umask(mask);
    if (!is_there || (made && !replacement_sync_names(state->fd)))
        return -1;
    int fd = openat(state->fd, INDEX_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (made && fd >= 0)
        state_give(state->fd, fd);
    return fd;
}

/* A key that cannot be read signs nothing; the others do. */
static void read_keys(struct run *run)
{
    const struct config *config = run->call->config;
    struct why why;

    for (size_t i = 0; i < config->index_key_count && run->key_count < KEYS_MAX; i++) {
        run->keys[run->key_count] = index_key_read_public(config->index_keys[i], &why);
        if (run->keys[run->key_count])
            run->key_count++;
        else
            run->call->say(run->call->context, why.text);
    }
}

static bool say(const struct index_pull *pull, const char *sentence)
{
    pull->say(pull->context, sentence);
    return false;
}

static bool work(struct run *run)
{
    const struct config *config = run->call->config;
    bool good = true;
    struct why why;

    read_keys(run);
    index_status_read(&run->before, run->call->state->fd);
    for (size_t i = 0; i < config->index_source_count; i++)
        good &= pull_source(run, &config->index_sources[i]);
    clean(run);
    if (!index_status_write(&run->after, run->folder)) {
        why_not(&why, "The file %s/" INDEX_FOLDER "/" INDEX_STATUS " cannot be written: %s.",
                run->call->state->name, strerror(errno));
        good = say(run->call, why.text);
    }
    for (size_t i = 0; i < run->key_count; i++)
        index_key_free(run->keys[i]);
    return good;
}

bool index_pull(const struct index_pull *pull, struct index_status *status)
{
    struct run *run = calloc(1, sizeof *run);
    struct why why = {"There is not enough memory."};
    char path[PATH_MAX];
    bool good = false;

    if (!run)
        return say(pull, why.text);
    run->call = pull;
    run->folder = open_folder(pull->state);
    if (run->folder < 0)
        why_not(&why, "The folder %s/" INDEX_FOLDER " cannot be used: %s.", pull->state->name,
                strerror(errno));
    snprintf(path, sizeof path, "%s/" INDEX_FOLDER, pull->state->name);
    int lock =
        run->folder < 0 ? -1 : lock_take(run->folder, path, lock_name, LOCK_PATIENCE_MS, &why);
    run->http = lock < 0 ? NULL : http_new();
    if (run->http)
        good = work(run);
    else
        say(pull, why.text);
    http_free(run->http);
    if (lock >= 0)
        lock_release(run->folder, lock_name, lock);
    if (run->folder >= 0)
        close(run->folder);
    if (status)
        *status = run->after;
    free(run);
    return good;
}
