/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "prober/index_pull.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/instant.h"
#include "core/plain_file.h"
#include "core/replacement.h"
#include "prober/index_folder.h"
#include "prober/index_remote.h"
#include "prober/index_seen.h"
#include "registry/digest.h"
#include "state/index_key.h"

enum { SEEN_SECONDS = 3600 /* then the same list is judged again */ };

/* What a mirror has, beside what serves now. */
enum news { BAD, OLDER, SAME, NEWER };

struct mirror {
    const char *url;
    struct index_remote *remote;
    struct index_held held;
    struct index_seen seen;
    enum news news;
    struct why why; /* of what is bad or older */
    bool lasts;     /* the reason is in what it has, not in how it could be had */
};

struct run {
    const struct index_pull *call;
    const struct index_source *source;
    struct index_folder folder;
    bool write_failed; /* no other mirror helps then */
    struct index_key *keys[INDEX_KEYS_MAX];
    size_t key_count;
    struct index_held present; /* what serves now */
    bool is_trusted, is_whole; /* the present list is signed as it must be; has its files */
    struct index_source_status status;
    struct why reason_before;
    struct mirror mirror[INDEX_MIRRORS_MAX];
};

static void say(const struct run *run, const char *sentence)
{
    run->call->say(run->call->context, sentence);
}

static bool cannot_write(struct run *run, struct why *why)
{
    run->write_failed = true;
    return index_folder_cannot_write(&run->folder, why);
}

/* ---- keys and circumstances ---- */

/* A key that cannot be read signs nothing; the others do. */
static void read_keys(struct run *run)
{
    const struct config *config = run->call->config;
    struct why why;

    for (size_t i = 0; i < config->index_key_count; i++) {
        run->keys[run->key_count] = index_key_read_public(config->index_keys[i], &why);
        if (run->keys[run->key_count])
            run->key_count++;
        else
            say(run, why.text);
    }
}

static bool is_signed(const struct run *run, const struct index_list *list)
{
    for (size_t i = 0; i < run->key_count; i++)
        if (index_key_verify(run->keys[i], list->body, list->signature))
            return true;
    return run->call->config->index_key_count == 0;
}

/* A hash of all that a list is judged by. Empty without memory. */
static void hash_circumstances(const struct run *run, char hash[INDEX_CIRCUMSTANCES_SIZE])
{
    struct slice name = run->call->config->name, body = run->present.list.body;
    char *text = NULL, digest[DIGEST_SHA256_TEXT] = "";
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    hash[0] = '\0';
    if (!out)
        return;
    fprintf(out, "%.*s\n", (int)name.len, name.at);
    for (size_t i = 0; i < run->key_count; i++)
        index_key_write(run->keys[i], out);
    if (run->present.text)
        fprintf(out, "%d\n%.*s", run->is_trusted, (int)body.len, body.at);
    if (fclose(out) == 0 && digest_of((struct slice){text, len}, digest))
        snprintf(hash, INDEX_CIRCUMSTANCES_SIZE, "%.16s", digest + sizeof "sha256:" - 1);
    free(text);
}

/* ---- lists ---- */

/* Whether another source's list that serves has this source's name; false with errno: unknown. */
static bool is_rival(const struct run *run, const struct index_source *other, struct slice name,
                     bool *is)
{
    char path[INDEX_SOURCE_FOLDER_SIZE];
    struct index_held held;

    index_source_folder(other, path);
    *is = false;
    int folder = openat(run->call->state->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return errno == ENOENT;
    bool known = index_folder_read(folder, &held);
    int error = errno;
    *is = held.text && slice_equal(held.list.source, name);
    index_held_drop(&held);
    close(folder);
    errno = error;
    return known;
}

/*
 * Finds the source before this one whose list has the same name for its source; NULL: there is
 * none. False, with the reason: unknown.
 */
static bool find_rival(const struct run *run, const struct index_list *list,
                       const struct index_source **rival, struct why *why)
{
    const struct config *config = run->call->config;

    *rival = NULL;
    for (size_t i = 0; !*rival && i < config->index_source_count; i++) {
        const struct index_source *other = &config->index_sources[i];
        bool is;
        if (!other || other == run->source)
            break;
        if (!is_rival(run, other, list->source, &is))
            return why_not(why, "What was fetched from %.160s cannot be read: %s.",
                           other->mirrors[0], plain_file_error(errno));
        if (is)
            *rival = other;
    }
    return true;
}

/*
 * What is of another registry is no list to compare with; nor is one of another source, which
 * both have taken at the same time: it is removed.
 */
static bool read_present(struct run *run, struct why *why)
{
    struct index_held *present = &run->present;
    const struct index_source *rival;

    if (!index_folder_read(run->folder.fd, present))
        return index_folder_cannot_read(&run->folder, why);
    if (!present->text)
        return true;
    if (!find_rival(run, &present->list, &rival, why))
        return false;
    if (rival || !slice_equal_nocase(present->list.registry, run->call->config->name)) {
        index_held_drop(present);
        return !rival || unlinkat(run->folder.fd, INDEX_FETCHED_LIST, 0) == 0 ||
               cannot_write(run, why);
    }
    run->is_trusted = is_signed(run, &present->list);
    run->is_whole = index_folder_has_all(run->folder.fd, &present->list);
    return true;
}

static bool check_list(const struct run *run, const struct index_list *list, const char *url,
                       struct why *why)
{
    const struct config *config = run->call->config;

    if (!slice_equal_nocase(list->registry, config->name))
        return why_not(why, "%s is the index of %.*s, and this front door is %.*s.", url,
                       (int)list->registry.len, list->registry.at, (int)config->name.len,
                       config->name.at);
    return is_signed(run, list) || why_not(why, "%s is not signed by any of `index_keys`.", url);
}

/* Whether no source before this one has the list. */
static bool check_source(const struct run *run, const struct index_list *list, const char *url,
                         struct why *why)
{
    const struct index_source *rival;

    if (!find_rival(run, list, &rival, why))
        return false;
    return !rival || why_not(why,
                             "%.100s has the list of %.100s, which is another of `index_sources`: "
                             "name mirrors of one source in an inner list.",
                             url, rival->mirrors[0]);
}

/* A list that today's keys have not signed is replaced by any that they have. */
static enum news compare(struct run *run, struct mirror *mirror)
{
    const struct index_list *now = &run->present.list, *list = &mirror->held.list;

    if (!run->present.text || !run->is_trusted)
        return NEWER;
    if (!slice_equal(list->source, now->source)) {
        why_not(
            &mirror->why,
            "%.100s has the list of another source than before, %.*s in place of %.*s: if it was "
            "begun anew, publish it under another address.",
            mirror->url, (int)list->source.len, list->source.at, (int)now->source.len,
            now->source.at);
        return BAD;
    }
    if (list->serial < now->serial) {
        why_not(&mirror->why,
                "%s has serial %" PRIu64 ", which is older than what was fetched before, %" PRIu64
                ".",
                mirror->url, list->serial, now->serial);
        return OLDER;
    }
    if (list->serial > now->serial)
        return NEWER;
    if (slice_equal(list->body, now->body))
        return run->is_whole ? SAME : NEWER;
    why_not(&mirror->why,
            "%s has other files than before under the same serial, %" PRIu64
            ": publish with a serial that is one more.",
            mirror->url, list->serial);
    return BAD;
}

/* Reads what is known of a mirror, if it still holds. */
static void recall(const struct run *run, struct mirror *mirror)
{
    char circumstances[INDEX_CIRCUMSTANCES_SIZE];

    hash_circumstances(run, circumstances);
    index_seen_read(&mirror->seen, run->folder.fd, mirror->url);
    int64_t age_s = run->call->now_s - mirror->seen.since_s;
    bool serves = !mirror->seen.reason.text[0];
    if (strcmp(mirror->seen.circumstances, circumstances) != 0 || age_s < 0 ||
        age_s >= SEEN_SECONDS || (serves && !(run->is_whole && run->is_trusted)))
        mirror->seen = (struct index_seen){0};
}

static void judge(struct run *run, struct mirror *mirror, struct slice text)
{
    const struct index_list *list = &mirror->held.list;

    bool good = index_held_take(&mirror->held, text, mirror->url, &mirror->why);
    if (!good && errno) /* there was no memory */
        return;
    good = good && check_list(run, list, mirror->url, &mirror->why);
    if (good && !check_source(run, list, mirror->url, &mirror->why))
        return; /* the other source may change */
    if (good)
        mirror->news = compare(run, mirror);
    mirror->lasts = mirror->news == BAD || mirror->news == OLDER;
}

static void ask(struct run *run, struct mirror *mirror)
{
    char validator[INDEX_VALIDATOR_SIZE];
    struct slice text;

    recall(run, mirror);
    strcpy(validator, mirror->seen.validator);
    mirror->remote =
        index_remote_open(mirror->url, run->call->config->probing.ca_file,
                          instant_now().steady_ms + (int64_t)INDEX_PULL_SECONDS * 1000);
    if (!mirror->remote) {
        why_not(&mirror->why, "There is not enough memory.");
        return;
    }
    switch (index_remote_list(mirror->remote, validator, &text, &mirror->why)) {
    case INDEX_REMOTE_FAILED:
        break;
    case INDEX_REMOTE_SAME:
        mirror->why = mirror->seen.reason;
        mirror->news = mirror->why.text[0] ? BAD : SAME;
        break;
    case INDEX_REMOTE_SENT:
        mirror->seen = (struct index_seen){.since_s = run->call->now_s};
        strcpy(mirror->seen.validator, validator);
        judge(run, mirror, text);
        break;
    }
}

/* ---- files ---- */

struct download {
    int fd;
    struct digest_hash *hash;
    uint64_t left; /* bytes that are still to come */
    bool has_more; /* than its list says */
    int error;
};

static bool take_bytes(void *context, struct slice bytes)
{
    struct download *download = context;

    download->has_more = bytes.len > download->left;
    if (download->has_more)
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
static bool fetch_into(struct run *run, struct mirror *mirror, int fd,
                       const struct index_list_file *file)
{
    struct download download = {fd, digest_hash_start(file->digest), file->size, false, 0};
    struct http_sink sink = {take_bytes, &download};
    bool good = index_remote_file(mirror->remote, file, sink, &mirror->why);
    enum digest_verdict verdict = digest_hash_end(download.hash, file->digest);
    int len = (int)file->name.len;

    errno = download.error;
    if (download.error)
        return cannot_write(run, &mirror->why);
    mirror->lasts = download.has_more || (good && (download.left > 0 || verdict == DIGEST_WRONG));
    if (!good)
        return false;
    if (download.left > 0)
        return why_not(&mirror->why,
                       "%.*s of %s has fewer bytes than its list says: %" PRIu64 " are missing.",
                       len, file->name.at, mirror->url, download.left);
    if (verdict == DIGEST_NOT_MADE)
        return why_not(&mirror->why, "There is not enough memory.");
    if (verdict != DIGEST_RIGHT)
        return why_not(&mirror->why,
                       "%.*s of %s has other bytes than its list says: its sha256 is wrong.", len,
                       file->name.at, mirror->url);
    return true;
}

/* The disk's space is taken first, so that a full one is noticed at once. */
static bool download(struct run *run, struct mirror *mirror, const struct index_list_file *file)
{
    char name[INDEX_FILE_NAME_SIZE];
    struct replacement new;
    int fd = replacement_make(&new, run->folder.fd, "part", 0644);

    index_list_file_name(file->digest, name);
    new.name = name;
    if (fd < 0)
        return cannot_write(run, &mirror->why);
    errno = file->size ? posix_fallocate(fd, 0, (off_t)file->size) : 0;
    bool good = errno ? cannot_write(run, &mirror->why) : fetch_into(run, mirror, fd, file);
    if (good && fsync(fd) != 0)
        good = cannot_write(run, &mirror->why);
    if (close(fd) != 0 && good)
        good = cannot_write(run, &mirror->why);
    if (good)
        return replacement_put(&new) || cannot_write(run, &mirror->why);
    replacement_drop(&new);
    return false;
}

static bool fetch_file(struct run *run, struct mirror *mirror, const struct index_list_file *file,
                       uint64_t *lines)
{
    char *shown;

    if (!index_folder_has(run->folder.fd, file) && !download(run, mirror, file))
        return false;
    if (asprintf(&shown, "%.*s of %s", (int)file->name.len, file->name.at, mirror->url) < 0)
        return why_not(&mirror->why, "There is not enough memory.");
    bool good = index_folder_count(run->folder.fd, file, shown, lines, &mirror->why);
    mirror->lasts = !good && errno == 0;
    free(shown);
    return good;
}

/* ---- going over to a list ---- */

static uint64_t lines_of_present(const struct run *run)
{
    uint64_t lines = 0;

    for (size_t i = 0; run->present.text && i < run->present.list.count; i++)
        index_folder_count(run->folder.fd, &run->present.list.file[i], "", &lines, NULL);
    return lines;
}

/* A list says so of itself, or of one before it that was not fetched here. */
static bool shrinks_too_much(const struct run *run, const struct index_list *list, uint64_t before,
                             uint64_t lines)
{
    bool is_meant =
        !run->present.text || !run->is_trusted || run->present.list.serial < list->shrinks;

    return !is_meant && index_list_is_shrinkage(before, lines);
}

static void note_list(struct run *run, const struct index_list *list, uint64_t lines)
{
    run->status.serial = list->serial;
    run->status.time_s = list->time_s;
    run->status.lines = lines;
    run->status.fetched_s = run->call->now_s;
}

/* Fetches what a mirror's list names, and goes over to it. */
static bool install(struct run *run, struct mirror *mirror)
{
    const struct index_list *list = &mirror->held.list;
    uint64_t lines = 0, before = run->status.lines;

    for (size_t i = 0; i < list->count; i++)
        if (!fetch_file(run, mirror, &list->file[i], &lines))
            return false;
    if (shrinks_too_much(run, list, before, lines)) {
        mirror->lasts = true;
        return why_not(&mirror->why,
                       "%s has %" PRIu64 " lines, and had %" PRIu64
                       ": if that is meant, publish it with --shrinks.",
                       mirror->url, lines, before);
    }
    if (!index_folder_switch(&run->folder, list, &mirror->why)) {
        run->write_failed = true;
        return false;
    }
    note_list(run, list, lines);
    index_held_drop(&run->present);
    run->present = mirror->held;
    mirror->held.text = NULL;
    mirror->news = SAME;
    run->is_trusted = run->is_whole = true;
    return true;
}

static struct mirror *newest(struct run *run)
{
    struct mirror *found = NULL;

    for (size_t i = 0; i < run->source->count; i++) {
        struct mirror *mirror = &run->mirror[i];
        if (mirror->news == NEWER && (!found || mirror->held.list.serial > found->held.list.serial))
            found = mirror;
    }
    return found;
}

/* The newest list that is good; false if all are bad or older. */
static bool take_newest(struct run *run)
{
    struct mirror *mirror;

    while ((mirror = newest(run))) {
        if (install(run, mirror))
            return true;
        if (run->write_failed)
            return false;
        mirror->news = BAD;
    }
    for (size_t i = 0; i < run->source->count; i++)
        if (run->mirror[i].news == SAME)
            return true;
    return false;
}

/* ---- what came of it ---- */

static bool cannot_replace(const struct run *run, const char *file)
{
    struct why why;

    why_not(&why, "The file %s/%s cannot be written: %s.", run->folder.path, file, strerror(errno));
    say(run, why.text);
    return false;
}

/* Keeps what was sent and judged. */
static bool remember(const struct run *run)
{
    struct index_seen seen[INDEX_MIRRORS_MAX] = {0};
    char circumstances[INDEX_CIRCUMSTANCES_SIZE];

    hash_circumstances(run, circumstances);
    for (size_t i = 0; i < run->source->count; i++) {
        const struct mirror *mirror = &run->mirror[i];
        seen[i] = mirror->seen;
        if (mirror->seen.circumstances[0])
            continue; /* it was known before */
        if (mirror->news != SAME && !mirror->lasts)
            seen[i].validator[0] = '\0';
        strcpy(seen[i].circumstances, circumstances);
        if (mirror->news != SAME)
            seen[i].reason = mirror->why;
    }
    return index_seen_write(seen, run->source->mirrors, run->source->count, run->folder.fd) ||
           cannot_replace(run, INDEX_SEEN);
}

static void tell(const struct run *run, bool good)
{
    struct why whole;

    why_not(&whole, "An index source is %s: %s", good ? "passed over in part" : "refused",
            run->status.reason.text);
    say(run, whole.text);
    if (good || !run->present.text)
        return;
    say(run,
        run->is_trusted
            ? "What was fetched from it before serves on."
            : "What was fetched from it before is not signed by any of `index_keys`, either. It "
              "serves on until a list comes that is; take the source out to end that at once.");
}

/* The reason that is shown: of the first mirror that has one. */
static void conclude(struct run *run, bool good)
{
    struct index_source_status *status = &run->status;

    status->reason = (struct why){""};
    for (size_t i = run->source->count; i-- > 0;)
        if (run->mirror[i].why.text[0])
            status->reason = run->mirror[i].why;
    if (good)
        status->asked_s = run->call->now_s;
    else
        status->refused++;
    if (run->present.text && !run->is_trusted)
        status->asked_s = 0;
    if (status->reason.text[0] &&
        (run->call->says_again || strcmp(run->reason_before.text, status->reason.text) != 0))
        tell(run, good);
}

/* ---- all ---- */

static bool work(struct run *run)
{
    struct index_source_status *status = &run->status;
    struct why why;

    if (!index_status_read_source(status, run->folder.fd))
        *status = (struct index_source_status){0};
    memcpy(status->id, run->source->id, sizeof status->id);
    run->reason_before = status->reason;
    read_keys(run);
    if (!read_present(run, &why)) {
        say(run, why.text);
        return false;
    }
    if (!run->present.text)
        status->serial = status->lines = 0;
    else if (status->serial != run->present.list.serial) /* its writer was stopped */
        note_list(run, &run->present.list, lines_of_present(run));
    for (size_t i = 0; i < run->source->count; i++) {
        run->mirror[i].url = run->source->mirrors[i];
        ask(run, &run->mirror[i]);
    }
    bool good = take_newest(run);
    conclude(run, good);
    good &= remember(run);
    good &= index_status_write(status, run->folder.fd) || cannot_replace(run, INDEX_STATUS);
    index_folder_clean(run->folder.fd);
    return good;
}

static void end(struct run *run)
{
    for (size_t i = 0; i < run->source->count; i++) {
        index_remote_close(run->mirror[i].remote);
        index_held_drop(&run->mirror[i].held);
    }
    for (size_t i = 0; i < run->key_count; i++)
        index_key_free(run->keys[i]);
    index_held_drop(&run->present);
}

bool index_pull_source(const struct index_pull *pull, const struct index_source *source)
{
    const struct config *config = pull->config;
    struct run *run = calloc(1, sizeof *run);
    struct why why = {"There is not enough memory."};
    bool good = false;

    if (run && index_folder_open(&run->folder, pull->state, source, &why)) {
        run->call = pull;
        run->source = source;
        good = work(run);
        end(run);
        index_folder_close(&run->folder);
        index_folder_clean_all(pull->state, config->index_sources, config->index_source_count);
    } else {
        pull->say(pull->context, why.text);
    }
    free(run);
    return good;
}

bool index_pull(const struct index_pull *pull)
{
    bool good = true;

    for (size_t i = 0; i < pull->config->index_source_count; i++)
        good &= index_pull_source(pull, &pull->config->index_sources[i]);
    return good;
}
