/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/index/index_publish.h"

#ifndef HAVE_REGISTRY
bool index_publish(const struct index_publish *call, struct why *why)
{
    (void)call;
    return why_not(why, "This signpost was built without libcurl, jansson or libcrypto and cannot "
                        "publish; install them (Debian: libcurl4-openssl-dev, libjansson-dev, "
                        "libssl-dev) and build again.");
}
#else

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "cmd/index/index_layout.h"
#include "core/lock.h"
#include "core/plain_file.h"
#include "core/replacement.h"
#include "registry/digest.h"
#include "state/index_file.h"
#include "state/index_key.h"

enum {
    INDEX_SOURCE_NAME_LEN = 16,
    FILES_KEPT = 8,   /* with more, small ones are folded into one */
    FOLD_PART = 4,    /* and the biggest, too, if they come to a quarter of it */
    INPUTS_MAX = 192, /* besides those of the list; MAPS_MAX is the limit */
    SIGNATURE_FILE_MAX = 4096
};

static const char lock_name[] = ".lock", waiting_name[] = INDEX_LIST_NAME ".unsigned";

/* A sorted file that is read line by line. */
struct input {
    struct index_file file;
    struct slice left;
    bool is_old, is_kept; /* of the list that is there; named by the new one, too */
    bool has_more;        /* of the old one's lines than are to be listed */
};

struct run {
    const struct index_publish *call;
    int folder;
    int blobs; /* where the files are: the folder, or that of an image layout's blobs */
    bool is_layout, has_index;  /* INDEX_LIST_NAME is there */
    char *text, *unsigned_text; /* of the list that is there; the new one's body */
    size_t unsigned_len;
    bool has_old;
    struct index_list old, new;
    struct slice old_text;                                       /* of the list that is there */
    char digest[DIGEST_SHA256_TEXT];                             /* of the new file */
    char name[sizeof INDEX_LAYOUT_BLOBS + INDEX_FILE_NAME_SIZE]; /* in the list */
    char source[INDEX_SOURCE_NAME_LEN + 1];
    struct input *input;
    size_t count;
    uint64_t before, now, added; /* lines */
};

static bool cannot_write(const struct run *run, struct why *why)
{
    return why_not(why, "The folder %s cannot be written: %s.", run->call->folder, strerror(errno));
}

/* ---- lines of all files in one order ---- */

static struct slice first_line(const struct input *input)
{
    const char *end = input->left.len ? memchr(input->left.at, '\n', input->left.len) : NULL;
    return slice_to(input->left, end ? (size_t)(end - input->left.at) : 0);
}

static void rewind_all(struct run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        struct input *input = &run->input[i];
        input->left = (struct slice){input->file.at, input->file.size};
        while (input->left.len && input->left.at[0] == '#')
            input->left = slice_from(input->left, first_line(input).len + 1);
    }
}

/* Where the next line stands. */
struct found {
    struct slice line;
    bool is_wanted, is_old, is_kept;
};

/* Marks old files with a line that is not wanted, where marks are asked for. */
static bool next_line(struct run *run, struct found *found, bool marks)
{
    *found = (struct found){0};
    for (size_t i = 0; i < run->count; i++) {
        struct slice line = first_line(&run->input[i]);
        if (line.len && (!found->line.len || slice_compare(line, found->line) < 0))
            found->line = line;
    }
    for (size_t i = 0; i < run->count; i++) {
        struct input *input = &run->input[i];
        if (!found->line.len || !slice_equal(first_line(input), found->line))
            continue;
        found->is_wanted |= !input->is_old || run->call->adds;
        found->is_old |= input->is_old;
        found->is_kept |= input->is_kept;
    }
    for (size_t i = 0; found->line.len && i < run->count; i++) {
        struct input *input = &run->input[i];
        if (!slice_equal(first_line(input), found->line))
            continue;
        input->has_more |= marks && !found->is_wanted;
        input->left = slice_from(input->left, found->line.len + 1);
    }
    return found->line.len;
}

static void survey(struct run *run)
{
    struct found found;

    rewind_all(run);
    while (next_line(run, &found, true)) {
        run->before += found.is_old;
        run->now += found.is_wanted;
        run->added += found.is_wanted && !found.is_old;
    }
}

/* ---- which files stay ---- */

static size_t old_count(const struct run *run)
{
    return run->has_old ? run->old.count : 0;
}

/* The old files are the first inputs, in the list's order. */
static void choose_kept(struct run *run)
{
    size_t kept = 0, biggest = 0;
    uint64_t all = 0;

    for (size_t i = 0; i < old_count(run); i++) {
        struct input *input = &run->input[i];
        input->is_kept = !input->has_more;
        kept += input->is_kept;
        all += input->is_kept ? input->file.size : 0;
        if (input->is_kept &&
            (!run->input[biggest].is_kept || input->file.size > run->input[biggest].file.size))
            biggest = i;
    }
    if (kept < FILES_KEPT)
        return;
    uint64_t size = run->input[biggest].file.size;
    for (size_t i = 0; i < old_count(run); i++)
        run->input[i].is_kept = i == biggest && all - size < size / FOLD_PART;
}

static void list_kept(struct run *run)
{
    for (size_t i = 0; i < old_count(run); i++)
        if (run->input[i].is_kept)
            run->new.file[run->new.count++] = run->old.file[i];
}

/* ---- the new file ---- */

static bool write_lines(struct run *run, int fd, struct why *why)
{
    FILE *out = fdopen(dup(fd), "w");
    struct found found;

    if (!out)
        return cannot_write(run, why);
    rewind_all(run);
    while (next_line(run, &found, false))
        if (found.is_wanted && !found.is_kept) {
            fwrite(found.line.at, 1, found.line.len, out);
            putc('\n', out);
        }
    bool good = fflush(out) == 0 && !ferror(out) && fsync(fd) == 0;
    if (!good)
        cannot_write(run, why);
    if (fclose(out) != 0 && good)
        good = cannot_write(run, why);
    return good;
}

/* The name of a file among the others. */
static const char *name_of(const struct run *run, const char *name_in_list)
{
    return run->is_layout ? name_in_list + sizeof INDEX_LAYOUT_BLOBS : name_in_list;
}

static void name_new_file(struct run *run)
{
    char name[INDEX_FILE_NAME_SIZE];

    index_list_file_name(slice_of(run->digest), name);
    snprintf(run->name, sizeof run->name, "%s%s", run->is_layout ? INDEX_LAYOUT_BLOBS "/" : "",
             run->is_layout ? run->digest + sizeof "sha256:" - 1 : name);
}

/* Adds what has been written to the list. An empty file is not needed. */
static bool add_file(struct run *run, const char *temporary, struct why *why)
{
    struct index_file file;

    if (!index_file_open_in(&file, run->blobs, temporary, why))
        return false;
    bool good = index_file_check(&file, run->call->folder, NULL, why) &&
                (digest_of((struct slice){file.at, file.size}, run->digest) ||
                 why_not(why, "There is not enough memory."));
    uint64_t size = file.size;
    index_file_close(&file);
    if (!good || size == 0)
        return good;
    name_new_file(run);
    run->new.file[run->new.count++] =
        (struct index_list_file){slice_of(run->digest), size, slice_of(run->name)};
    return true;
}

static bool write_file(struct run *run, struct why *why)
{
    struct replacement new;
    int fd = replacement_make(&new, run->blobs, "part", 0644);

    if (fd < 0)
        return cannot_write(run, why);
    bool good = write_lines(run, fd, why) && add_file(run, new.new_name, why);
    if (close(fd) != 0 && good)
        good = cannot_write(run, why);
    new.name = name_of(run, run->name);
    if (!good || !run->name[0])
        replacement_drop(&new);
    else if (!replacement_put(&new))
        good = cannot_write(run, why);
    return good;
}

/* ---- the list ---- */

/* What the list is to be made of: the time of a build that can be repeated, or now. */
static int64_t time_of_list(void)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    char *end;
    long long value = epoch ? strtoll(epoch, &end, 10) : -1;

    return epoch && *epoch && !*end && value >= 0 ? value : (int64_t)time(NULL);
}

/* The same list stays as it is, and so does its serial. */
static bool is_unchanged(const struct run *run)
{
    return run->has_old && run->added == 0 &&
           run->new.count == run->old.count &&index_list_same_files(&run->new, &run->old) &&
           slice_equal_nocase(run->old.registry, run->call->registry);
}

/* The source's name is made of its first list, so that no other source has the same. */
static bool name_source(struct run *run)
{
    char *text = NULL, digest[DIGEST_SHA256_TEXT];
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        return false;
    run->new.source = SLICE("new");
    index_list_write_body(&run->new, out);
    bool good = fclose(out) == 0 && digest_of((struct slice){text, len}, digest);
    free(text);
    if (good)
        snprintf(run->source, sizeof run->source, "%.*s", INDEX_SOURCE_NAME_LEN,
                 digest + sizeof "sha256:" - 1);
    run->new.source = slice_of(run->source);
    return good;
}

static bool make_body(struct run *run, struct why *why)
{
    FILE *out = open_memstream(&run->unsigned_text, &run->unsigned_len);
    bool good = true;

    if (!out)
        return why_not(why, "There is not enough memory.");
    if (is_unchanged(run)) {
        fwrite(run->old.body.at, 1, run->old.body.len, out);
    } else {
        run->new.registry = run->call->registry;
        run->new.serial = run->has_old ? run->old.serial + 1 : 1;
        run->new.time_s = time_of_list();
        run->new.shrinks = run->call->shrinks ? run->new.serial : run->old.shrinks;
        run->new.source = run->old.source;
        good = run->has_old || name_source(run);
        index_list_write_body(&run->new, out);
    }
    good &= fclose(out) == 0;
    return good || why_not(why, "There is not enough memory.");
}

/* Puts a list, which is read again before, under a name in the folder. */
static bool put_list(const struct run *run, const char *name, struct slice body,
                     struct slice signature, struct why *why)
{
    struct replacement new;

    /* The files' names must outlive a power loss before the list does. */
    if (!replacement_sync_names(run->blobs) || !replacement_begin(&new, run->folder, name, 0644))
        return cannot_write(run, why);
    index_list_write(body, signature, new.file);
    return replacement_end(&new, true) || cannot_write(run, why);
}

/* Keeps what the new list and the one before name: readers may be on their way. */
static bool is_needed(const struct run *run, const struct index_list *new, const char *name)
{
    const struct index_list *lists[] = {new, &run->old};

    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < lists[i]->count; k++) {
            struct slice file = lists[i]->file[k].name;
            if (slice_equal(slice_from(file, run->is_layout ? sizeof INDEX_LAYOUT_BLOBS : 0),
                            slice_of(name)))
                return true;
        }
    return false;
}

static void clean(const struct run *run, const struct index_list *new,
                  const struct index_layout *layout)
{
    int fd = openat(run->blobs, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;

    while (folder && (entry = readdir(folder))) {
        struct slice name = slice_of(entry->d_name);
        bool is_file = run->is_layout ? name.len == 64 && !index_layout_has(layout, entry->d_name)
                                      : name.len == INDEX_FILE_NAME_SIZE - 1 &&
                                            slice_starts(name, SLICE("sha256-"));
        if (is_file && !is_needed(run, new, entry->d_name))
            unlinkat(run->blobs, entry->d_name, 0);
    }
    if (folder)
        closedir(folder);
    else if (fd >= 0)
        close(fd);
}

/* An image layout says of the list what the list says of the files. */
static bool finish_layout(const struct run *run, const struct index_list *list, struct slice text,
                          struct why *why)
{
    struct index_layout layout = {0};
    bool good =
        !run->is_layout || index_layout_write(&layout, run->folder, run->blobs, list, text, why);

    if (good)
        clean(run, list, &layout);
    return good;
}

/* Replaces the list by one of this body, if that is another. */
static bool finish_list(struct run *run, struct slice body, struct slice signature, struct why *why)
{
    struct index_list list = {0};
    char *text = NULL;
    int len =
        asprintf(&text, "%.*s%s%.*s%s", (int)body.len, body.at, signature.len ? "signature " : "",
                 (int)signature.len, signature.at, signature.len ? "\n" : "");
    bool good = len >= 0
                    ? index_list_parse(&list, (struct slice){text, (size_t)len}, "The list", why)
                    : why_not(why, "There is not enough memory.");
    bool same = good && run->has_old && slice_equal(list.body, run->old.body) &&
                (signature.len == 0 || slice_equal(list.signature, run->old.signature));

    if (same)
        signature = run->old.signature;
    good = good &&
           ((same && run->has_index) || put_list(run, INDEX_LIST_NAME, body, signature, why)) &&
           finish_layout(run, &list, same ? run->old_text : (struct slice){text, (size_t)len}, why);
    if (good) {
        unlinkat(run->folder, waiting_name, 0);
        printf("%s: serial %" PRIu64 ", %zu file%s%s%s.\n", run->call->folder, list.serial,
               list.count, list.count == 1 ? "" : "s", signature.len ? ", signed" : ", not signed",
               same ? ", unchanged" : "");
    }
    if (len >= 0)
        free(text);
    return good;
}

static bool sign_and_finish(struct run *run, struct why *why)
{
    struct slice body = {run->unsigned_text, run->unsigned_len};
    char signature[INDEX_LIST_SIGNATURE_MAX + 1] = "";
    struct index_key *key = index_key_read_private(run->call->key, why);

    if (!key)
        return false;
    bool has_one = run->has_old && slice_equal(body, run->old.body) &&
                   index_key_verify(key, body, run->old.signature);
    bool good = has_one || index_key_sign(key, body, signature) ||
                why_not(why, "%s cannot sign.", run->call->key);
    index_key_free(key);
    return good && finish_list(run, body, has_one ? run->old.signature : slice_of(signature), why);
}

static bool let_wait(const struct run *run, struct why *why)
{
    struct slice body = {run->unsigned_text, run->unsigned_len};

    if (!put_list(run, waiting_name, body, SLICE(""), why))
        return false;
    fwrite(body.at, 1, body.len, stdout);
    return fflush(stdout) == 0 || why_not(why, "The list cannot be printed: %s.", strerror(errno));
}

/* ---- a signature from elsewhere ---- */

/* Base64, without what stands between its lines. */
static bool read_signature(const char *file, char text[SIGNATURE_FILE_MAX], struct why *why)
{
    FILE *in = strcmp(file, "-") == 0 ? stdin : plain_file_stream(file);
    size_t len = 0;

    if (!in)
        return why_not(why, "%s cannot be read: %s.", file, plain_file_error(errno));
    for (int c; (c = getc(in)) != EOF && len + 1 < SIGNATURE_FILE_MAX;)
        if (!strchr("\r\n\t ", c) || c == '\0')
            text[len++] = (char)c;
    text[len] = '\0';
    if (in != stdin)
        fclose(in);
    return len > 0 || why_not(why, "%s has no signature.", file);
}

static bool add_signature(struct run *run, struct why *why)
{
    char signature[SIGNATURE_FILE_MAX], *text = malloc(INDEX_LIST_MAX);
    struct index_list list;

    bool good = text && index_list_read(&list, run->folder, waiting_name, text, NULL);
    if (!good)
        why_not(why, "In %s no list waits for a signature: make one with --unsigned-list.",
                run->call->folder);
    good = good && read_signature(run->call->signature, signature, why) &&
           finish_list(run, list.body, slice_of(signature), why);
    free(text);
    return good;
}

/* ---- all ---- */

/* The list that is there. That there is none is fine. */
static bool read_old(struct run *run, struct why *why)
{
    run->text = malloc(INDEX_LIST_MAX);
    if (!run->text)
        return why_not(why, "There is not enough memory.");
    run->has_index = index_list_read(&run->old, run->folder, INDEX_LIST_NAME, run->text, why);
    run->has_old = run->has_index ||
                   (errno == ENOENT && index_layout_read(&run->old, run->folder, run->text, why));
    if (run->has_old) {
        const struct index_list *old = &run->old;
        const char *end = old->signature.len ? old->signature.at + old->signature.len + 1
                                             : old->body.at + old->body.len;
        run->old_text = (struct slice){run->text, (size_t)(end - run->text)};
        return true;
    }
    run->old = (struct index_list){0};
    return errno == ENOENT;
}

static bool open_input(struct run *run, int directory, const char *name, bool is_old,
                       struct why *why)
{
    struct input *input = &run->input[run->count++];

    input->is_old = is_old;
    return index_file_open_in(&input->file, directory, name, why) &&
           index_file_check(&input->file, name, NULL, why);
}

static bool has_digest(const struct index_file *file, struct slice digest)
{
    return digest_verify(digest, (struct slice){file->at ? file->at : "", file->size}) ==
           DIGEST_RIGHT;
}

/* One that is lost or damaged is not kept, and what it should have had is written anew. */
static void open_old(struct run *run, const struct index_list_file *file)
{
    char name[INDEX_LIST_NAME_MAX + 1];
    struct input *input = &run->input[run->count];

    snprintf(name, sizeof name, "%.*s", (int)file->name.len, file->name.at);
    if (open_input(run, run->folder, name, true, NULL) && input->file.size == file->size &&
        has_digest(&input->file, file->digest))
        return;
    index_file_close(&input->file);
    input->has_more = true;
}

static bool open_inputs(struct run *run, struct why *why)
{
    const struct index_publish *call = run->call;
    bool good = true;

    if (call->file_count > INPUTS_MAX)
        return why_not(why, "There are more than %d files to publish.", INPUTS_MAX);
    run->input = calloc(old_count(run) + call->file_count + 1, sizeof *run->input);
    if (!run->input)
        return why_not(why, "There is not enough memory.");
    for (size_t i = 0; i < old_count(run); i++)
        open_old(run, &run->old.file[i]);
    for (size_t i = 0; good && i < call->file_count; i++)
        good = open_input(run, AT_FDCWD, call->files[i], false, why);
    return good;
}

/* Without them, all lines of a lost file would have to be in the new ones. */
static bool has_all_old(const struct run *run, struct why *why)
{
    for (size_t i = 0; i < old_count(run); i++)
        if (run->input[i].has_more)
            return why_not(
                why,
                "%s lacks %.*s, or has it damaged, so nothing can be added: copy it from "
                "where it is published.",
                run->call->folder, (int)run->old.file[i].name.len, run->old.file[i].name.at);
    return true;
}

static bool renew(struct run *run, struct why *why)
{
    if (!open_inputs(run, why) || (run->call->adds && !has_all_old(run, why)))
        return false;
    survey(run);
    if (index_list_is_shrinkage(run->before, run->now) && !run->call->shrinks)
        return why_not(why,
                       "%s would list %" PRIu64 " lines in place of %" PRIu64
                       ": if that is meant, say --shrinks.",
                       run->call->folder, run->now, run->before);
    bool is_same = run->has_old && run->added == 0;
    for (size_t i = 0; i < old_count(run); i++)
        is_same = is_same && !run->input[i].has_more;
    if (is_same)
        run->new = run->old;
    else
        choose_kept(run);
    if (!is_same)
        list_kept(run);
    if (!is_same && !write_file(run, why))
        return false;
    return make_body(run, why);
}

/* Finds where the files are; a folder stays what it was begun as. */
static bool open_blobs(struct run *run, struct why *why)
{
    run->is_layout = faccessat(run->folder, INDEX_LAYOUT_FILE, F_OK, 0) == 0;
    if (run->call->is_artifact && !run->is_layout && run->has_old)
        return why_not(why,
                       "%s has a source that is no OCI image layout: publish that into another "
                       "folder.",
                       run->call->folder);
    run->is_layout |= run->call->is_artifact;
    run->blobs = run->is_layout ? index_layout_begin(run->folder) : dup(run->folder);
    return run->blobs >= 0 || cannot_write(run, why);
}

static bool work(struct run *run, struct why *why)
{
    const struct index_publish *call = run->call;

    if (!read_old(run, why) || !open_blobs(run, why))
        return false;
    if (call->signature)
        return add_signature(run, why);
    if (!renew(run, why))
        return false;
    if (call->unsigned_list)
        return let_wait(run, why);
    if (call->key)
        return sign_and_finish(run, why);
    if (run->has_old && run->old.signature.len && !is_unchanged(run))
        return why_not(why,
                       "The list in %s is signed, and readers with keys would refuse one that is "
                       "not: sign it with --key, or with --unsigned-list and --signature.",
                       call->folder);
    return finish_list(run, (struct slice){run->unsigned_text, run->unsigned_len}, SLICE(""), why);
}

bool index_publish(const struct index_publish *call, struct why *why)
{
    struct run *run = calloc(1, sizeof *run);

    if (!run)
        return why_not(why, "There is not enough memory.");
    run->call = call;
    run->blobs = -1;
    run->folder = open(call->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int lock = run->folder < 0
                   ? -1
                   : lock_take(run->folder, call->folder, lock_name, LOCK_PATIENCE_MS, why);
    if (run->folder < 0)
        why_not(why, "The folder %s cannot be opened: %s.", call->folder, strerror(errno));
    bool good = lock >= 0 && work(run, why);
    if (lock >= 0)
        lock_release(run->folder, lock_name, lock);
    if (run->blobs >= 0)
        close(run->blobs);
    if (run->folder >= 0)
        close(run->folder);
    for (size_t i = 0; i < run->count; i++)
        index_file_close(&run->input[i].file);
    free(run->input);
    free(run->text);
    free(run->unsigned_text);
    free(run);
    return good;
}
#endif
