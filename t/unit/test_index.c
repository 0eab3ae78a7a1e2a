/* SPDX-License-Identifier: Apache-2.0 */
/* The index: searches in files of many sizes, and files that are bad or change while open. */
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../tap.h"
#include "parse/oci.h"
#include "state/index.h"
#include "state/index_file.h"
#include "told.h"

enum { TEXT = 7 + 128 + 1, LOG = 8, SECOND = 1000 };

static char folder[] = "/tmp/signpost-index-XXXXXX";
static char path[64], other[64];

static void write_bytes(const char *name, const char *bytes, size_t len)
{
    FILE *file = fopen(name, "w");
    if (!file || fwrite(bytes, 1, len, file) != len || fclose(file) != 0)
        abort();
}

static void write_text(const char *text)
{
    write_bytes(path, text, strlen(text));
}

/* As those who write an index should: another file is renamed to it. */
static void replace_by(const char *text)
{
    write_bytes(other, text, strlen(text));
    if (rename(other, path) != 0)
        abort();
}

/* ---- digests ---- */

static uint64_t state = 1;

static uint64_t random64(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state ^ state >> 29;
}

static void make(char *digest, const char *algorithm)
{
    size_t n = (size_t)snprintf(digest, TEXT, "%s:", algorithm);
    size_t end = n + (strcmp(algorithm, "sha512") == 0 ? 128 : 64);
    while (n < end)
        digest[n++] = "0123456789abcdef"[random64() >> 40 & 15];
    digest[n] = '\0';
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static char (*make_index(size_t count, bool mixed))[TEXT]
{
    static const char *const algorithms[] = {"sha256", "sha512", "blake3"};
    char(*list)[TEXT] = malloc((count + 1) * TEXT);
    FILE *file = fopen(path, "w");

    if (!list || !file)
        abort();
    for (size_t i = 0; i < count; i++)
        make(list[i], algorithms[mixed ? random64() % 7 % 3 : 0]);
    qsort(list, count, TEXT, by_text);
    for (size_t i = 0; i < count; i++)
        fprintf(file, "%s\n", list[i]);
    fclose(file);
    return list;
}

static bool has(struct index *index, const char *digest)
{
    return index_listed_by(index, slice_of(digest), SLICE("team/app"));
}

static struct index *open_index(void)
{
    static const char *const names[] = {path};

    return index_new(names, 1, note, NULL);
}

/* ---- searching ---- */

/* How many of the listed are not found, and how many of their near misses are. */
static size_t errors_in(struct index *index, char (*list)[TEXT], size_t count)
{
    size_t errors = 0;

    for (size_t i = 0; i < count; i++) {
        char near[TEXT];
        errors += !has(index, list[i]);
        snprintf(near, sizeof near, "%s", list[i]);
        char *last = near + strlen(near) - 1;
        *last = *last == 'f' ? '0' : (char)(*last == '9' ? 'a' : *last + 1);
        errors += has(index, near);
        snprintf(near, sizeof near, "%s", list[i]);
        near[7] ^= 1;
        errors += has(index, near);
        snprintf(near, sizeof near, "sha384:%s", list[i] + 7);
        errors += has(index, near);
        near[strlen(near) - 1] = '\0';
        memcpy(near, list[i], 7);
        errors += has(index, near);
    }
    return errors;
}

static void test_size(size_t count, bool mixed)
{
    char(*list)[TEXT] = make_index(count, mixed);
    struct index *index = open_index();
    const char *kind = mixed ? "mixed" : "sha256";

    told.count = 0;
    cmp_ok(errors_in(index, list, count), ==, 0, "%zu %s digests", count, kind);
    index_refresh(index, 0);
    ok(!has(index, "sha256:") && !has(index, "sha256") && !has(index, ":") && !has(index, "a:b"),
       "and nothing else");
    cmp_ok(told.count, ==, 0, "with nothing to tell");
    index_free(index);
    free(list);
}

static void test_sizes(void)
{
    static const size_t sizes[] = {0, 1, 2, 3, 4, 5, 7, 8, 63, 64, 65, 1000, 4099, 100000};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        test_size(sizes[i], false);
        test_size(sizes[i], true);
    }
}

/* Digests that are not spread at all: the search must end soon all the same. */
static void test_skewed(void)
{
    enum { COUNT = 50000 };
    char(*list)[TEXT] = malloc(COUNT * TEXT);
    FILE *file = fopen(path, "w");
    struct index *index = open_index();
    size_t errors = 0;

    for (size_t i = 0; i < COUNT; i++) {
        snprintf(list[i], TEXT, "sha256:%064zx", i * i);
        fprintf(file, "%s\n", list[i]);
    }
    fclose(file);
    for (size_t i = 0; i < COUNT; i++)
        errors += !has(index, list[i]);
    cmp_ok(errors, ==, 0, "digests that are close together");
    index_free(index);
    free(list);
}

/* ---- bad files ---- */

#define A    "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B    "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C    "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define X16  "xxxxxxxxxxxxxxxx"
#define X256 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16

static const struct {
    const char *what, *text, *says;
    const char *at_once; /* what a responder says, which reads the first and the last line only */
} bad[] = {
    {"torn inside a digest", A "\nsha256:bbb", "torn", "torn"},
    {"without its last newline", A "\n" B, "torn", "torn"},
    {"in the wrong order", A "\n" C "\n" B "\n", ":3: the line is not in order", NULL},
    {"in reverse order", C "\n" B "\n" A "\n", "its lines are not in order", "not in order"},
    {"with one twice", A "\n" B "\n" B "\n", ":3: the line before stands here again", NULL},
    {"with names in the wrong order", A " b\n" A " a\n" B "\n", ":2: the line is not in order",
     NULL},
    {"with CR LF", A "\r\n" B "\r\n", ":1: the line ends in CR LF", ":1: "},
    {"with an empty line", A "\n\n" B "\n", ":2: the line is empty", NULL},
    {"with an empty line at its end", A "\n" B "\n\n", "last line", "last line"},
    {"with a comment below", A "\n# here\n" B "\n", ":2: comments stand above", NULL},
    {"with a blank", A "\n" B " \n", "last line", "last line"},
    {"with a name that is none", A " Team\n" B "\n", ":1: ", ":1: "},
    {"with two blanks", A "  team\n" B "\n", ":1: ", ":1: "},
    {"with an upper-case digit",
     "sha256:Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", ":1: ", ":1: "},
    {"with 63 digits", "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
     ":1: ", ":1: "},
    {"with a line that is too long", A "\n" X256 X256 "x\n" B "\n", ":2: the line is longer", NULL},
    {"of one long line", X256 X256 "x\n", ":1: the line is longer", ":1: "},
    {"with the longest line that is none", A "\n" X256 "\n" B "\n",
     ":2: \"" X16 X16 "xxxxxxxx\" is no", NULL},
    {"of another kind", "root:x:0:0:root:/root:/bin/sh\n", ":1: ", ":1: "},
};

static void test_bad_at_once(const char *what, const char *text, const char *says)
{
    struct index *index = open_index();

    write_text(text);
    told.count = 0;
    index_refresh(index, 0);
    cmp_ok(told.count, ==, 1, "an index %s is told of at once", what);
    like(told.last, says, "with the reason");
    ok(!has(index, A), "and lists nothing");
    index_refresh(index, SECOND);
    cmp_ok(told.count, ==, 1, "it is told once");
    replace_by(B "\n");
    index_refresh(index, 2 * SECOND);
    ok(has(index, B) && told.count == 1, "a good one takes its place");
    replace_by(text);
    index_refresh(index, 3 * SECOND);
    ok(has(index, B) && !has(index, A), "which stays when a bad one comes");
    like(told.last, says, "that is told");
    like(told.last, "The one before serves on.", "as is that");
    index_free(index);
}

static void test_bad(void)
{
    struct why why;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_text(bad[i].text);
        ok(!index_file_check_named(path, NULL, &why), "a check refuses an index %s", bad[i].what);
        like(why.text, bad[i].says, "with the reason");
        if (bad[i].at_once)
            test_bad_at_once(bad[i].what, bad[i].text, bad[i].at_once);
    }
}

/* A search checks the lines that it looks at. */
static void test_unchecked(void)
{
    static const char *const wrong[] = {A "\nno digest\n" C "\n", A "\n" C "\n" B "\n",
                                        A "\n" B "\n" B "\n" C "\n",
                                        A "\n" X256 X256 X256 "\n" C "\n"};
    static const char *const asked[] = {A, B, C};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct index *index = open_index();
        write_text(wrong[i]);
        told.count = 0;
        for (size_t j = 0; j < 3 * sizeof asked / sizeof *asked; j++)
            has(index, asked[j % 3]);
        cmp_ok(told.count, <=, 1, "wrong order %zu: is told once at most", i);
        if (told.count) {
            like(told.last, "`signpost index check", "with what says more");
            ok(!has(index, A) && !has(index, B) && !has(index, C), "then it lists nothing");
        }
        index_free(index);
    }
}

static void test_shuffled(void)
{
    enum { COUNT = 1000 };
    char(*list)[TEXT] = make_index(COUNT, false);
    struct index *index = open_index();
    FILE *file = fopen(path, "w");

    fprintf(file, "%s\n", list[0]); /* the ends are looked at first */
    for (size_t i = 1; i < COUNT - 1; i++)
        fprintf(file, "%s\n", list[1 + (i * 387 + 5) % (COUNT - 2)]);
    fprintf(file, "%s\n", list[COUNT - 1]);
    fclose(file);
    told.count = 0;
    for (size_t i = 0; i < COUNT; i++)
        has(index, list[i]);
    cmp_ok(told.count, ==, 1, "searches find out that an index is not sorted");
    like(told.last, "damaged or not in order", "and say so");
    index_free(index);
    free(list);
}

/* ---- repositories' names ---- */

static void test_names(void)
{
    struct index *index = open_index();
    struct index_counts counts;
    struct why why;

    write_text("# registry.example.org 1\n# by sort -u of two\n" A " team/app\n" A " team/bpp\n" A
               " team/cpp\n" B "\n" B " team/app\n" C " other\n");
    ok(index_file_check_named(path, &counts, &why), "an index with names");
    cmp_ok(counts.all, ==, 6, "comments do not count");
    cmp_ok(counts.named, ==, 5, "and one has no name");
    told.count = 0;
    static const struct {
        const char *digest, *name;
        bool listed;
    } asked[] = {
        {A, "team/app", true},  {A, "team/bpp", true},   {A, "team/cpp", true},
        {A, "team/bp", false},  {A, "team/bppp", false}, {A, "a", false},
        {A, "z", false},        {B, "team/app", true},   {B, "anything/else", true},
        {C, "other", true},     {C, "othe", false},      {C, "other/one", false},
        {C, "team/app", false},
    };
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        cmp_ok(!!index_listed_by(index, slice_of(asked[i].digest), slice_of(asked[i].name)), ==,
               asked[i].listed, "%.9s in %s", asked[i].digest, asked[i].name);
    cmp_ok(told.count, ==, 0, "with nothing to tell");
    index_free(index);
}

/* "{}", the configuration of every artifact, may be in thousands of repositories. */
static void test_many_names(void)
{
    enum { NAMES = 20000 };
    struct index *index = open_index();
    FILE *file = fopen(path, "w");
    size_t errors = 0;
    char name[32];

    for (int i = 0; i < 500; i++)
        fprintf(file, "sha256:%064x team/app\n", i);
    for (int i = 0; i < NAMES; i++)
        fprintf(file, A " team/app-%05d\n", i);
    fputs(B " team/app\n", file);
    fclose(file);
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "team/app-%05d", i);
        errors += !index_listed_by(index, SLICE(A), slice_of(name));
        snprintf(name, sizeof name, "team/app-%05d0", i);
        errors += !!index_listed_by(index, SLICE(A), slice_of(name));
    }
    cmp_ok(errors, ==, 0, "each of %d names is found, and no other", NAMES);
    ok(index_listed_by(index, SLICE(B), SLICE("team/app")), "and what stands behind them");
    index_free(index);
}

/* Lines as long as they may be, where a search looks first. */
static void test_long_lines(void)
{
    static char first[OCI_DIGEST_MAX + 1], second[OCI_DIGEST_MAX + 1], name[OCI_NAME_MAX + 1],
        text[2048];
    struct index *index = open_index();

    memset(first, '0', OCI_DIGEST_MAX);
    memcpy(first, "a:", 2);
    memset(name, 'n', OCI_NAME_MAX);
    memcpy(second, first, sizeof first);
    second[2] = '1';
    told.count = 0;
    snprintf(text, sizeof text, "%s %s\n%s %.*s\n", first, name, second, OCI_NAME_MAX - 1, name);
    write_text(text);
    ok(index_listed_by(index, slice_of(first), slice_of(name)),
       "the first of two of the longest lines");
    ok(index_listed_by(index, slice_of(second), slice_to(slice_of(name), OCI_NAME_MAX - 1)),
       "the second");
    ok(!index_listed_by(index, slice_of(second), slice_of(name)), "with another name it is none");
    memcpy(second, "a:7fe37fe3", 10); /* so that the end of the first line is looked at first */
    snprintf(text, sizeof text, "%s %s\n%s %.*s\n", first, name, second, OCI_NAME_MAX - 1, name);
    replace_by(text);
    index_refresh(index, SECOND);
    ok(index_listed_by(index, slice_of(second), slice_to(slice_of(name), OCI_NAME_MAX - 1)),
       "a line is looked for at the end of another");
    cmp_ok(told.count, ==, 0, "with nothing to tell");
    index_free(index);
}

static void test_several_files(void)
{
    const char *const names[] = {path, other};
    struct index *index = index_new(names, 2, note, NULL);

    write_text(A " team/app\n");
    unlink(other);
    told.count = 0;
    ok(has(index, A) && !has(index, B), "one of two files is there");
    index_refresh(index, 0);
    write_bytes(other, B " team/app\n", strlen(B " team/app\n"));
    index_refresh(index, SECOND);
    ok(has(index, A) && has(index, B) && !has(index, C), "two are joined");
    write_text("nothing\n");
    index_refresh(index, 2 * SECOND);
    ok(!has(index, A) && has(index, B), "each is refused for itself");
    index_free(index);
    unlink(other);
}

/* ---- files that come and go ---- */

static void test_missing(void)
{
    struct index *index = open_index();

    unlink(path);
    told.count = 0;
    ok(!has(index, A), "an index that is not there lists nothing");
    index_refresh(index, 0);
    index_refresh(index, SECOND);
    cmp_ok(told.count, ==, 0, "of which nothing is told");
    write_text(A "\n");
    ok(!has(index, A), "one that comes is not seen at once");
    index_refresh(index, 2 * SECOND - 1);
    ok(!has(index, A), "nor within a second");
    index_refresh(index, 2 * SECOND);
    ok(has(index, A), "but after it");
    unlink(path);
    index_refresh(index, 3 * SECOND);
    ok(has(index, A), "one that goes away serves on");
    cmp_ok(told.count, ==, 1, "which is told");
    like(told.last, "No such file or directory. The one before serves on.", "with the reason");
    index_refresh(index, 4 * SECOND);
    cmp_ok(told.count, ==, 1, "once");
    replace_by(B "\n");
    index_refresh(index, 5 * SECOND);
    ok(has(index, B) && !has(index, A), "until another one comes");
    index_free(index);

    if (mkdir(other, 0700) != 0)
        abort();
    const char *folder_name = other;
    index = index_new(&folder_name, 1, note, NULL);
    ok(!has(index, A), "a folder lists nothing");
    like(told.last, "is not a plain file", "which is told");
    index_free(index);
    rmdir(other);
    index_free(NULL);
    index_refresh(NULL, 0);
    ok(!has(NULL, A), "no index lists nothing");
}

/* How many maps of files in the test's folder this process has. */
static int maps_held(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    int count = 0;

    while (maps && fgets(line, sizeof line, maps))
        count += strstr(line, strrchr(folder, '/')) != NULL;
    if (maps)
        fclose(maps);
    return count;
}

static void test_replaced(void)
{
    struct index *index = open_index();

    write_text(A "\n");
    told.count = 0;
    ok(has(index, A) && !has(index, B), "what is there first");
    index_refresh(index, 0);
    for (int i = 1; i <= 20; i++) {
        replace_by(i % 2 ? B "\n" : A "\n");
        index_refresh(index, i * SECOND);
        if (has(index, A) != (i % 2 == 0) || has(index, B) != (i % 2 == 1))
            fail("replacement %d", i);
    }
    cmp_ok(maps_held(), ==, 1, "those that were replaced are not held any more");
    replace_by("");
    index_refresh(index, 21 * SECOND);
    ok(!has(index, A) && !has(index, B), "every replacement is seen, an empty one, too");
    replace_by("# a comment\n");
    index_refresh(index, 22 * SECOND);
    ok(!has(index, A), "so is one of a comment alone");
    replace_by(A "\n");
    index_refresh(index, 23 * SECOND);
    ok(has(index, A), "and what comes after it");
    cmp_ok(told.count, ==, 0, "with nothing to tell");
    index_free(index);
}

/* The wrong way: the very file that is mapped is cut short, or written over. */
static void test_cut(off_t size)
{
    enum { COUNT = 4000 };
    char(*list)[TEXT] = make_index(COUNT, false);
    struct index *index = open_index();

    told.count = 0;
    ok(has(index, list[1]), "an index");
    if (truncate(path, size) != 0)
        abort();
    ok(!has(index, list[COUNT - 2]), "cut to %lld bytes while it is searched", (long long)size);
    cmp_ok(told.count, ==, 1, "is reported");
    like(told.last, "was cut short", "as that");
    ok(!has(index, list[1]) && told.count == 1, "and lists nothing then");
    replace_by(A "\n");
    index_refresh(index, SECOND);
    ok(has(index, A), "until it is replaced");
    index_free(index);
    free(list);
}

static void test_overwritten(void)
{
    struct index *index = open_index();
    int fd;

    write_text(A "\n" B "\n" C "\n");
    index_refresh(index, 0);
    told.count = 0;
    fd = open(path, O_WRONLY);
    if (pwrite(fd, X256, 3 * 72, 0) != 3 * 72)
        abort();
    close(fd);
    ok(!has(index, B) && told.count == 1,
       "one that is written over with something else is told of");
    replace_by(A "\n" B "\n");
    index_refresh(index, SECOND);
    told.count = 0;
    write_text("nothing\n");
    index_refresh(index, 2 * SECOND);
    ok(!has(index, A) && told.count == 2, "and found out before the next search");
    index_free(index);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/index", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    test_sizes();
    test_skewed();
    test_bad();
    test_unchecked();
    test_shuffled();
    test_names();
    test_many_names();
    test_long_lines();
    test_several_files();
    test_missing();
    test_replaced();
    test_cut(0);
    test_cut(4096);
    test_cut(8192);
    test_overwritten();
    unlink(path);
    unlink(other);
    rmdir(folder);
    return done_testing();
}
