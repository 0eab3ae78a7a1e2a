/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "state/index_list.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "core/plain_file.h"
#include "parse/oci.h"

enum { SHA256_LEN = 7 + 64, TIME_LEN = 20, WORD_MAX = 255, SHOWN = 60 };

static const struct slice start_words = SLICE("# signpost-index ");
static const struct slice signature_word = SLICE("signature ");

/* ---- reading ---- */

/* Takes the text up to a byte, which is dropped; all of it where there is none. */
static struct slice take_to(struct slice *text, char end)
{
    const char *at = text->len ? memchr(text->at, end, text->len) : NULL;
    struct slice word = slice_to(*text, at ? (size_t)(at - text->at) : text->len);

    *text = slice_from(*text, at ? word.len + 1 : text->len);
    return word;
}

/* A decimal number as one writes it: no sign, and no zero in front. */
static bool read_number(struct slice text, uint64_t most, uint64_t *number)
{
    *number = 0;
    if (text.len == 0 || text.len > 19 || (text.len > 1 && text.at[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        *number = *number * 10 + (uint64_t)(text.at[i] - '0');
    }
    return *number <= most;
}

/* RFC 3339, in UTC and whole seconds, as index_list_write_body has it. */
static bool read_time(struct slice text, int64_t *time_s)
{
    char copy[TIME_LEN + 1], again[TIME_LEN + 1];
    struct tm tm = {0};

    if (text.len != TIME_LEN)
        return false;
    memcpy(copy, text.at, TIME_LEN);
    copy[TIME_LEN] = '\0';
    const char *end = strptime(copy, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (!end || *end)
        return false;
    *time_s = timegm(&tm);
    time_t back = (time_t)*time_s;
    return gmtime_r(&back, &tm) &&
           strftime(again, sizeof again, "%Y-%m-%dT%H:%M:%SZ", &tm) == TIME_LEN &&
           memcmp(copy, again, TIME_LEN) == 0;
}

static bool is_plain(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] <= ' ' || s.at[i] > '~')
            return false;
    return s.len > 0 && s.len <= WORD_MAX;
}

/* Which of the words that a first line must have were there. */
enum { HAS_REGISTRY = 1, HAS_SOURCE = 2, HAS_SERIAL = 4, HAS_TIME = 8, HAS_ALL = 15 };

static bool read_word(struct index_list *list, struct slice word, unsigned *seen)
{
    struct slice value = word, name = take_to(&value, '=');

    if (slice_equal(name, SLICE("registry"))) {
        list->registry = value;
        *seen |= HAS_REGISTRY;
        return is_plain(value);
    }
    if (slice_equal(name, SLICE("source"))) {
        list->source = value;
        *seen |= HAS_SOURCE;
        return is_plain(value);
    }
    if (slice_equal(name, SLICE("serial"))) {
        *seen |= HAS_SERIAL;
        return read_number(value, INDEX_LIST_SERIAL_MAX, &list->serial);
    }
    if (slice_equal(name, SLICE("time"))) {
        *seen |= HAS_TIME;
        return read_time(value, &list->time_s);
    }
    if (slice_equal(name, SLICE("shrinks")))
        return read_number(value, INDEX_LIST_SERIAL_MAX, &list->shrinks);
    return true;
}

static bool read_first(struct index_list *list, struct slice line, const char *name,
                       struct why *why)
{
    unsigned seen = 0;

    if (!slice_starts(line, start_words))
        return why_not(why, "%s: this is no list of an index: it does not begin with \"%.*s1\".",
                       name, (int)start_words.len, start_words.at);
    line = slice_from(line, start_words.len);
    struct slice version = take_to(&line, ' ');
    if (!slice_equal(version, SLICE("1")))
        return why_not(why, "%s: the list is of version %.*s, and this signpost reads version 1.",
                       name, version.len < SHOWN ? (int)version.len : SHOWN, version.at);
    while (line.len) {
        struct slice word = take_to(&line, ' ');
        if (!read_word(list, word, &seen))
            return why_not(why, "%s:1: \"%.*s\" is not as it must be.", name,
                           word.len < SHOWN ? (int)word.len : SHOWN, word.at);
    }
    return seen == HAS_ALL ||
           why_not(why,
                   "%s:1: the line needs registry=NAME, source=NAME, serial=NUMBER and time=TIME.",
                   name);
}

/* A path below the list's folder, of plain names, none of which begins with a dot. */
static bool is_file_name(struct slice s)
{
    bool begins = true;

    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool is_letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && c != '-' && c != '_' && (begins || (c != '.' && c != '/')))
            return false;
        begins = c == '/';
    }
    return !begins && s.len <= INDEX_LIST_NAME_MAX;
}

/* Adds a file to those before it; total: the bytes of all so far. */
static bool read_file_line(struct index_list *list, struct slice line, uint64_t *total)
{
    struct slice digest = take_to(&line, ' '), size = take_to(&line, ' ');
    struct index_list_file file = {.digest = digest, .name = line};

    if (list->count == INDEX_LIST_FILES || digest.len != SHA256_LEN || !oci_is_digest(digest) ||
        !slice_starts(digest, SLICE("sha256:")) || index_list_has(list, digest) ||
        !read_number(size, INDEX_LIST_BYTES_MAX - *total, &file.size) || !is_file_name(file.name))
        return false;
    *total += file.size;
    list->file[list->count++] = file;
    return true;
}

static bool is_base64(struct slice s)
{
    size_t padding = slice_ends(s, SLICE("==")) ? 2 : slice_ends(s, SLICE("="));

    for (size_t i = 0; i + padding < s.len; i++) {
        char c = s.at[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              c == '+' || c == '/'))
            return false;
    }
    return s.len > 0 && s.len % 4 == 0 && s.len <= INDEX_LIST_SIGNATURE_MAX;
}

static bool bad_line(const char *name, size_t number, struct slice line, struct why *why)
{
    return why_not(why,
                   "%s:%zu: \"%.*s\" is neither a file (\"sha256:<hex> <size> <name>\", each once, "
                   "at most %d) nor, as the last line, a signature.",
                   name, number, line.len < SHOWN ? (int)line.len : SHOWN, line.at,
                   INDEX_LIST_FILES);
}

/* The lines behind the first. */
static bool read_rest(struct index_list *list, struct slice text, struct slice left,
                      const char *name, struct why *why)
{
    uint64_t total = 0;

    for (size_t number = 2; left.len; number++) {
        size_t above = text.len - left.len;
        struct slice line = take_to(&left, '\n');
        if (slice_starts(line, signature_word) && left.len == 0) {
            list->body.len = above;
            list->signature = slice_from(line, signature_word.len);
            return is_base64(list->signature) ||
                   why_not(why, "%s:%zu: the signature is no base64.", name, number);
        }
        if (!read_file_line(list, line, &total))
            return bad_line(name, number, line, why);
    }
    return true;
}

bool index_list_parse(struct index_list *list, struct slice text, const char *name, struct why *why)
{
    struct slice left = text;

    *list = (struct index_list){.body = text};
    if (text.len > INDEX_LIST_MAX)
        return why_not(why, "%s: a list has at most %d bytes.", name, INDEX_LIST_MAX);
    if (text.len == 0 || text.at[text.len - 1] != '\n')
        return why_not(why, "%s: the list is torn: its last line has no end.", name);
    struct slice first = take_to(&left, '\n');
    return read_first(list, first, name, why) && read_rest(list, text, left, name, why);
}

bool index_list_read(struct index_list *list, int directory, const char *name, char *buffer,
                     struct why *why)
{
    int fd = plain_file_open(directory, name, O_NOFOLLOW, INDEX_LIST_MAX, NULL);
    ssize_t len = fd < 0 ? -1 : plain_file_read(fd, buffer, INDEX_LIST_MAX);
    int error = errno;

    if (fd >= 0)
        close(fd);
    errno = error;
    if (len < 0)
        return why_not(why, "%s cannot be read: %s.", name, plain_file_error(error));
    bool good = index_list_parse(list, (struct slice){buffer, (size_t)len}, name, why);
    errno = 0; /* whatever the C library looked up for the time */
    return good;
}

/* ---- writing ---- */

void index_list_write_body(const struct index_list *list, FILE *out)
{
    char text[TIME_LEN + 1] = "";
    time_t time = (time_t)list->time_s;
    struct tm tm;

    if (gmtime_r(&time, &tm))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    fprintf(out, "%.*s1 registry=%.*s source=%.*s serial=%" PRIu64 " time=%s", (int)start_words.len,
            start_words.at, (int)list->registry.len, list->registry.at, (int)list->source.len,
            list->source.at, list->serial, text);
    if (list->shrinks)
        fprintf(out, " shrinks=%" PRIu64, list->shrinks);
    putc('\n', out);
    for (size_t i = 0; i < list->count; i++)
        fprintf(out, "%.*s %" PRIu64 " %.*s\n", (int)list->file[i].digest.len,
                list->file[i].digest.at, list->file[i].size, (int)list->file[i].name.len,
                list->file[i].name.at);
}

void index_list_write(struct slice body, struct slice signature, FILE *out)
{
    fwrite(body.at, 1, body.len, out);
    if (signature.len)
        fprintf(out, "%.*s%.*s\n", (int)signature_word.len, signature_word.at, (int)signature.len,
                signature.at);
}

bool index_list_same_files(const struct index_list *a, const struct index_list *b)
{
    for (size_t i = 0; i < a->count && i < b->count; i++)
        if (!slice_equal(a->file[i].digest, b->file[i].digest))
            return false;
    return a->count == b->count;
}

bool index_list_has(const struct index_list *list, struct slice digest)
{
    for (size_t i = 0; i < list->count; i++)
        if (slice_equal(list->file[i].digest, digest))
            return true;
    return false;
}

void index_list_file_name(struct slice digest, char name[INDEX_FILE_NAME_SIZE])
{
    snprintf(name, INDEX_FILE_NAME_SIZE, "sha256-%.64s", digest.at + sizeof "sha256:" - 1);
}

void index_source_folder(const struct index_source *source, char name[INDEX_SOURCE_FOLDER_SIZE])
{
    snprintf(name, INDEX_SOURCE_FOLDER_SIZE, INDEX_FOLDER "/%s", source->id);
}
