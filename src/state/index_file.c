/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "state/index_file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
#include "core/mapped.h"
#include "parse/oci.h"

enum {
    LINE_MAX_LEN = OCI_DIGEST_MAX + 1 + OCI_NAME_MAX,
    SHOWN = 40,        /* bytes of a wrong line */
    INTERPOLATIONS = 8 /* steps of a search before it halves what is left */
};

static const char sort_cure[] = "sort it with `LC_ALL=C sort -u`";

/* ---- lines ---- */

/* The line from a byte on, without its end; false if it is longer than one may be. */
static bool line_from(const struct index_file *file, size_t start, struct slice *line)
{
    size_t left = file->size - start, most = left <= LINE_MAX_LEN ? left : LINE_MAX_LEN + 1;
    const char *end = memchr(file->at + start, '\n', most);

    *line = (struct slice){file->at + start, end ? (size_t)(end - file->at) - start : 0};
    return end;
}

/* The start of the line that holds a byte. False: there is none near enough. */
static bool line_start(const struct index_file *file, size_t at, size_t *start)
{
    size_t back = at <= LINE_MAX_LEN ? at : LINE_MAX_LEN + 1;
    const char *end = back ? memrchr(file->at + at - back, '\n', back) : NULL;

    *start = end ? (size_t)(end - file->at) + 1 : 0;
    return end || back == at;
}

/* ---- checking ---- */

/* The same as oci_is_digest, in a form that compilers make fast for what nearly all lines are. */
static bool is_digest(struct slice line)
{
    enum { ALGORITHM = 7, HEX = 64 };
    unsigned wrong = 0;

    if (line.len != ALGORITHM + HEX || memcmp(line.at, "sha256:", ALGORITHM) != 0)
        return oci_is_digest(line);
    for (size_t i = 0; i < HEX; i++) {
        uint8_t c = (uint8_t)line.at[ALGORITHM + i];
        wrong |= ((uint8_t)(c - '0') > 9) & ((uint8_t)(c - 'a') > 5);
    }
    return !wrong;
}

static bool is_comment(struct slice line)
{
    return line.len > 0 && line.at[0] == '#';
}

/* The digest of a line that may be one of an index. */
static struct slice digest_of_line(struct slice line)
{
    const char *space = memchr(line.at, ' ', line.len);
    return slice_to(line, space ? (size_t)(space - line.at) : line.len);
}

static bool is_entry(struct slice line)
{
    struct slice digest = digest_of_line(line);

    return is_digest(digest) &&
           (digest.len == line.len || oci_is_name(slice_from(line, digest.len + 1)));
}

static bool not_an_entry(const char *name, size_t number, struct slice line, struct why *why)
{
    if (slice_ends(line, SLICE("\r")))
        return why_not(why,
                       "%s:%zu: the line ends in CR LF: take the CRs out (`tr -d '\\r'`), and %s.",
                       name, number, sort_cure);
    if (line.len == 0)
        return why_not(why, "%s:%zu: the line is empty: take it out.", name, number);
    if (is_comment(line))
        return why_not(why, "%s:%zu: comments stand above all other lines: %s.", name, number,
                       sort_cure);
    return why_not(why,
                   "%s:%zu: \"%.*s\" is no line of an index: that is a digest, such as \"sha256:\" "
                   "and 64 hexadecimal digits, or a digest, a space and a repository's name.",
                   name, number, (int)(line.len < SHOWN ? line.len : SHOWN), line.at);
}

/* Whether a line may follow another (of length 0: none, or a comment). */
static bool check_line(const char *name, size_t number, struct slice before, struct slice line,
                       struct why *why)
{
    if (!is_entry(line))
        return not_an_entry(name, number, line, why);
    int order = before.len ? slice_compare(before, line) : -1;
    if (order == 0)
        return why_not(why, "%s:%zu: the line before stands here again: %s.", name, number,
                       sort_cure);
    if (order > 0)
        return why_not(why, "%s:%zu: the line is not in order: %s.", name, number, sort_cure);
    return true;
}

static bool too_long(const char *name, size_t number, struct why *why)
{
    return why_not(why, "%s:%zu: the line is longer than one can be: is this an index?", name,
                   number);
}

static bool check_lines(const struct index_file *file, const char *name,
                        struct index_counts *counts, struct why *why)
{
    struct slice before = {0}, line;
    size_t number = 0;

    for (size_t start = 0; start < file->size; start += line.len + 1) {
        number++;
        if (!line_from(file, start, &line))
            return too_long(name, number, why);
        if (is_comment(line) && !before.len)
            continue;
        if (!check_line(name, number, before, line, why))
            return false;
        counts->all++;
        counts->named += digest_of_line(line).len < line.len;
        before = line;
    }
    return true;
}

bool index_file_check(const struct index_file *file, const char *name, struct index_counts *counts,
                      struct why *why)
{
    struct index_counts ignored;

    if (!counts)
        counts = &ignored;
    *counts = (struct index_counts){0};
    bool good = check_lines(file, name, counts, why);
    if (!mapped_is_damaged(file->map))
        return good;
    return why_not(why, "%s was cut short while it was read.", name);
}

/* ---- opening ---- */

/* The first line and the last: a file of another kind, or one out of order, shows it here mostly.
 */
static bool check_ends(struct index_file *file, const char *name, struct why *why)
{
    struct slice first, last;
    size_t start;

    if (!line_from(file, 0, &first))
        return too_long(name, 1, why);
    if (!is_comment(first) && !is_entry(first))
        return not_an_entry(name, 1, first, why);
    if (!line_start(file, file->size - 1, &start) || !line_from(file, start, &last) ||
        !(is_entry(last) || (start == 0 && is_comment(last))))
        return why_not(why,
                       "%s: its last line is none of an index; `signpost index check %s` says "
                       "more.",
                       name, name);
    if (start > 0 && slice_compare(first, last) >= 0)
        return why_not(why, "%s: its lines are not in order: %s.", name, sort_cure);
    if (mapped_is_damaged(file->map))
        return why_not(why, "%s was cut short while it was opened.", name);
    return true;
}

static bool map(struct index_file *file, int fd, const char *name, struct why *why)
{
    void *at = mmap(NULL, file->size, PROT_READ, MAP_SHARED, fd, 0);

    if (at == MAP_FAILED)
        return why_not(why, "%s cannot be mapped: %s.", name, strerror(errno));
    file->at = at;
    file->map = mapped_watch(at, file->size);
    errno = file->map < 0 ? ENOMEM : 0;
    if (file->map < 0)
        why_not(why, "%s cannot be guarded against being cut short: too many files are open.",
                name);
    else if (file->at[file->size - 1] == '\n' && check_ends(file, name, why))
        return true;
    else if (file->at[file->size - 1] != '\n')
        why_not(why,
                "%s is torn: its last line has no end; copy it anew, to another name in its "
                "folder, and rename that.",
                name);
    index_file_close(file);
    return false;
}

static bool open_file(struct index_file *file, int fd, const char *name, struct why *why)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return why_not(why, "%s cannot be read: %s.", name, strerror(errno));
    errno = 0;
    if (!S_ISREG(status.st_mode))
        return why_not(why, "%s is not a plain file.", name);
    file->identity = identity_of(&status);
    file->size = (size_t)status.st_size;
    return file->size == 0 || map(file, fd, name, why);
}

bool index_file_open_in(struct index_file *file, int directory, const char *name, struct why *why)
{
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    *file = (struct index_file){.map = -1};
    if (fd < 0)
        return why_not(why, "%s cannot be read: %s.", name, strerror(errno));
    bool good = open_file(file, fd, name, why);
    int error = errno;
    close(fd);
    errno = error;
    return good;
}

bool index_file_open(struct index_file *file, const char *name, struct why *why)
{
    return index_file_open_in(file, AT_FDCWD, name, why);
}

void index_file_close(struct index_file *file)
{
    mapped_release(file->map, (void *)(uintptr_t)file->at, file->at ? file->size : 0);
    *file = (struct index_file){.map = -1};
}

bool index_file_check_named(const char *name, struct index_counts *counts, struct why *why)
{
    struct index_file file;

    if (!index_file_open(&file, name, why))
        return false;
    bool good = index_file_check(&file, name, counts, why);
    index_file_close(&file);
    errno = 0;
    return good;
}

/* ---- searching ---- */

/* What is left of a search: lines from low up to high, and those on either side. */
struct search {
    const struct index_file *file;
    struct slice key; /* the line that is looked for */
    size_t algorithm; /* length of its digest's, with its colon */
    size_t low, high;
    struct slice below, above; /* length 0: none */
    unsigned steps;
    bool halve; /* the next step */
};

/* The first eight hexadecimal digits behind the algorithm, as a number. */
static uint32_t leading_digits(const struct search *search, struct slice line)
{
    struct slice digits = slice_from(line, search->algorithm);
    uint64_t x = 0;

    memcpy(&x, digits.at, digits.len < sizeof x ? digits.len : sizeof x);
    x = be64toh(x);
    x = (x & 0x0f0f0f0f0f0f0f0f) + 9 * (x >> 6 & 0x0101010101010101);
    x = (x | x >> 4) & 0x00ff00ff00ff00ff;
    x = (x | x >> 8) & 0x0000ffff0000ffff;
    return (uint32_t)(x | x >> 16);
}

static bool same_algorithm(const struct search *search, struct slice line)
{
    return slice_starts(line, slice_to(search->key, search->algorithm));
}

/*
 * The byte to look at next. Digests are spread evenly, so their first digits tell
 * where they are to be expected: a million lines take some five steps, not twenty.
 */
static size_t guess(const struct search *search)
{
    size_t left = search->high - search->low;
    double from = 0, to = 0x1p32, wanted = leading_digits(search, search->key);

    if (search->halve || search->steps > INTERPOLATIONS)
        return search->low + left / 2;
    if (same_algorithm(search, search->below))
        from = leading_digits(search, search->below);
    if (same_algorithm(search, search->above))
        to = leading_digits(search, search->above);
    if (!(from < to && wanted >= from && wanted <= to))
        return search->low + left / 2;
    double step = (wanted - from) / (to - from) * (double)left;
    return search->low + (step < (double)left ? (size_t)step : left - 1);
}

/* Whether a line can stand where it does. That a digest is one is not looked at in full. */
static bool is_plausible(const struct search *search, struct slice line)
{
    if (is_comment(line))
        return !search->below.len || is_comment(search->below);
    if (!same_algorithm(search, line) && !is_entry(line))
        return false;
    return (!search->below.len || slice_compare(search->below, line) < 0) &&
           (!search->above.len || slice_compare(line, search->above) < 0);
}

/* Looks at the line around a byte, and leaves the part on the key's side of it. */
static enum index_outcome look(struct search *search, size_t at)
{
    size_t start;
    struct slice line;

    if (!line_start(search->file, at, &start) || start < search->low ||
        !line_from(search->file, start, &line) || start + line.len >= search->high)
        return INDEX_DAMAGED;
    int order = slice_compare(line, search->key);
    if (!is_plausible(search, line))
        return INDEX_DAMAGED;
    search->halve = !same_algorithm(search, line);
    if (order < 0) {
        search->low = start + line.len + 1;
        search->below = line;
    } else {
        search->high = start;
        search->above = line;
    }
    return order ? INDEX_ABSENT : INDEX_PRESENT;
}

/* Searches for the key from low on; then low is where it stands, or would. */
static enum index_outcome run(struct search *search)
{
    enum index_outcome outcome = INDEX_ABSENT;

    for (; search->low < search->high && outcome == INDEX_ABSENT; search->steps++)
        outcome = look(search, guess(search));
    return outcome;
}

/*
 * The lines of a digest follow each other: the one for any repository, then those with names.
 * Mostly there is one: only where another name stands there, is the right one searched for.
 */
static enum index_outcome find_named(const struct index_file *file, size_t from,
                                     struct slice digest, struct slice repository)
{
    char key[LINE_MAX_LEN];
    struct slice line;

    if (from >= file->size)
        return INDEX_ABSENT;
    if (!line_from(file, from, &line))
        return INDEX_DAMAGED;
    if (!slice_starts(line, digest) || line.at[digest.len] != ' ')
        return INDEX_ABSENT;
    if (slice_equal(slice_from(line, digest.len + 1), repository))
        return INDEX_PRESENT;
    if (digest.len + 1 + repository.len > sizeof key)
        return INDEX_ABSENT;
    memcpy(key, digest.at, digest.len);
    key[digest.len] = ' ';
    memcpy(key + digest.len + 1, repository.at, repository.len);
    struct search search = {.file = file,
                            .key = {key, digest.len + 1 + repository.len},
                            .algorithm = oci_digest_algorithm(digest).len + 1,
                            .low = from,
                            .high = file->size,
                            .below = SLICE(""),
                            .above = SLICE(""),
                            .steps = INTERPOLATIONS + 1};
    return run(&search);
}

enum index_outcome index_file_find(const struct index_file *file, struct slice digest,
                                   struct slice repository)
{
    struct search search = {.file = file,
                            .key = digest,
                            .algorithm = oci_digest_algorithm(digest).len + 1,
                            .high = file->size,
                            .below = SLICE(""),
                            .above = SLICE("")};

    if (search.algorithm > digest.len)
        return INDEX_ABSENT;
    enum index_outcome outcome = run(&search);
    if (outcome == INDEX_ABSENT)
        outcome = find_named(file, search.low, digest, repository);
    return mapped_is_damaged(file->map) ? INDEX_DAMAGED : outcome;
}
