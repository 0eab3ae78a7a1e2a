/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "index_publish.h"

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
#include "index_file.h"
#include "index_key.h"
#include "lock.h"
#include "plain_file.h"
#include "registry/digest.h"
#include "replacement.h"

enum {
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
    char *text, *unsigned_text; /* of the list that is there; the new one's body */
    size_t unsigned_len;
    bool has_old;
    struct index_list old, new;
    char digest[DIGEST_SHA256_TEXT], name[INDEX_FILE_NAME_SIZE]; /* of the new file */
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
        found->is_wanted |= !input->is_old;
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

/* Adds what has been written to the list. An empty file is not needed. */
static bool add_file(struct run *run, const char *temporary, struct why *why)
{
    struct index_file file;

    if (!index_file_open_in(&file, run->folder, temporary, why))
        return false;
    bool good = index_file_check(&file, run->call->folder, NULL, why) &&
                (digest_of((struct slice){file.at, file.size}, run->digest) ||
                 why_not(why, "There is not enough memory."));
    uint64_t size = file.size;
    index_file_close(&file);
    if (!good || size == 0)
        return good;
    index_list_file_name(slice_of(run->digest), run->name);
    run->new.file[run->new.count++] =
        (struct index_list_file){slice_of(run->digest), size, slice_of(run->name)};
    return true;
}

static bool write_file(struct run *run, struct why *why)
{
    struct replacement new;
    int fd = replacement_make(&new, run->folder, "part", 0644);

    if (fd < 0)
        return cannot_write(run, why);
    bool good = write_lines(run, fd, why) && add_file(run, new.new_name, why);
    if (close(fd) != 0 && good)
        good = cannot_write(run, why);
    new.name = run->name;
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

static bool make_body(struct run *run, struct why *why)
{
    FILE *out = open_memstream(&run->unsigned_text, &run->unsigned_len);

    if (!out)
        return why_not(why, "There is not enough memory.");
    if (is_unchanged(run)) {
        fwrite(run->old.body.at, 1, run->old.body.len, out);
    } else {
        run->new.registry = run->call->registry;
        run->new.serial = run->has_old ? run->old.serial + 1 : 1;
        run->new.time_s = time_of_list();
        run->new.shrinks = run->call->shrinks ? run->new.serial : run->old.shrinks;
        index_list_write_body(&run->new, out);
    }
    return fclose(out) == 0 || why_not(why, "There is not enough memory.");
}

/* Puts a list, which is read again before, under a name in the folder. */
static bool put_list(const struct run *run, const char *name, struct slice body,
                     struct slice signature, struct why *why)
{
    struct replacement new;

    /* The files' names must outlive a power loss before the list does. */
    if (!replacement_sync_names(run->folder) || !replacement_begin(&new, run->folder, name, 0644))
        return cannot_write(run, why);
    fwrite(body.at, 1, body.len, new.file);
    if (signature.len)
        fprintf(new.file, "signature %.*s\n", (int)signature.len, signature.at);
    return replacement_end(&new, true) || cannot_write(run, why);
}

/* Keeps what the new list and the one before name: readers may be on their way. */
static void clean(const struct run *run, const struct index_list *new)
{
    int fd = openat(run->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;

    while (folder && (entry = readdir(folder))) {
        char digest[DIGEST_SHA256_TEXT];
        struct slice name = slice_of(entry->d_name);
        if (!slice_starts(name, SLICE("sha256-")) || name.len != INDEX_FILE_NAME_SIZE - 1)
            continue;
        snprintf(digest, sizeof digest, "sha256:%s", entry->d_name + sizeof "sha256-" - 1);
        if (!index_list_has(new, slice_of(digest)) &&
            !(run->has_old && index_list_has(&run->old, slice_of(digest))))
            unlinkat(run->folder, entry->d_name, 0);
    }
    if (folder)
        closedir(folder);
    else if (fd >= 0)
        close(fd);
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

    good = good && (same || put_list(run, INDEX_LIST_NAME, body, signature, why));
    if (good) {
        unlinkat(run->folder, waiting_name, 0);
        clean(run, &list);
        printf("%s: serial %" PRIu64 ", %zu file%s%s%s.\n", run->call->folder, list.serial,
               list.count, list.count == 1 ? "" : "s",
               (same ? run->old.signature : signature).len ? ", signed" : ", not signed",
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
    run->has_old =
        run->text && index_list_read(&run->old, run->folder, INDEX_LIST_NAME, run->text, why);
    if (run->has_old)
        return true;
    run->old = (struct index_list){0};
    return run->text && errno == ENOENT;
}

static bool open_input(struct run *run, int directory, const char *name, bool is_old,
                       struct why *why)
{
    struct input *input = &run->input[run->count++];

    input->is_old = is_old;
    return index_file_open_in(&input->file, directory, name, why) &&
           index_file_check(&input->file, name, NULL, why);
}

/* One that is lost or damaged is not kept, and what it should have had is written anew. */
static void open_old(struct run *run, const struct index_list_file *file)
{
    char name[INDEX_FILE_NAME_SIZE];
    struct input *input = &run->input[run->count];

    index_list_file_name(file->digest, name);
    if (open_input(run, run->folder, name, true, NULL) && input->file.size == file->size)
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

static bool renew(struct run *run, struct why *why)
{
    if (!open_inputs(run, why))
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

static bool work(struct run *run, struct why *why)
{
    const struct index_publish *call = run->call;

    if (!read_old(run, why))
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
    run->folder = open(call->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int lock = run->folder < 0
                   ? -1
                   : lock_take(run->folder, call->folder, lock_name, LOCK_PATIENCE_MS, why);
    if (run->folder < 0)
        why_not(why, "The folder %s cannot be opened: %s.", call->folder, strerror(errno));
    bool good = lock >= 0 && work(run, why);
    if (lock >= 0)
        lock_release(run->folder, lock_name, lock);
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
