/* SPDX-License-Identifier: Apache-2.0 */
/* The list of an index's source: what is read, what is refused, and what is written. */
#include "config.h"
#include "config/index_address.h"
#include "state/index_list.h"
#include "tap.h"

#include <stdlib.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HEAD                                                                                       \
    "# signpost-index 1 registry=registry.example.org source=team serial=42 "                      \
    "time=2026-11-28T21:30:00Z"
#define FILE_A "sha256:" A " 30000000 sha256-" A "\n"
#define FILE_B "sha256:" B " 0 b.index\n"

static struct index_list list;
static struct why why;

static bool parse(const char *text)
{
    return index_list_parse(&list, slice_of(text), "list", &why);
}

static void test_good(void)
{
    ok(parse(HEAD "\n" FILE_A FILE_B "signature MEUCIQ==\n"), "a signed list");
    ok(slice_equal(list.registry, SLICE("registry.example.org")), "its registry");
    ok(slice_equal(list.source, SLICE("team")), "its source");
    ok(list.serial == 42 && list.time_s == 1795901400 && list.shrinks == 0, "serial and time");
    cmp_ok(list.count, ==, 2, "files");
    ok(list.file[0].size == 30000000 && list.file[1].size == 0, "sizes");
    ok(slice_equal(list.file[1].name, SLICE("b.index")), "names");
    ok(slice_equal(list.body, SLICE(HEAD "\n" FILE_A FILE_B)), "what is signed is all above");
    ok(slice_equal(list.signature, SLICE("MEUCIQ==")), "the signature");
    ok(index_list_has(&list, SLICE("sha256:" B)) && !index_list_has(&list, SLICE("sha256:c")),
       "what it has");
    ok(parse(HEAD "\nsha256:" A " 1 blobs/sha256/" A "\n"), "a file in a folder");
    ok(parse(HEAD "\n") && list.count == 0 && list.signature.len == 0, "an empty list, not signed");
    ok(parse(HEAD " shrinks=41 later=word also\n") && list.shrinks == 41,
       "further words, of which others are ignored");
}

static const struct {
    const char *what, *text, *why;
} bad[] = {
    {"nothing", "", "torn"},
    {"a torn list", HEAD "\n" FILE_A "sha256:" B " 0 b", "torn"},
    {"a page", "<html>\n", "no list of an index"},
    {"an index file", "sha256:" A " team/app\n", "no list of an index"},
    {"a later version", "# signpost-index 2 x\n", "of version 2"},
    {"no serial", "# signpost-index 1 registry=a source=s time=2026-11-28T21:30:00Z\n",
     "needs registry="},
    {"no registry", "# signpost-index 1 source=s serial=1 time=2026-11-28T21:30:00Z\n",
     "needs registry="},
    {"an empty registry",
     "# signpost-index 1 registry= source=s serial=1 time=2026-11-28T21:30:00Z\n",
     "\"registry=\" is not as it must be"},
    {"no source", "# signpost-index 1 registry=a serial=1 time=2026-11-28T21:30:00Z\n",
     "source=NAME"},
    {"a source without a name",
     "# signpost-index 1 registry=a source= serial=1 time=2026-11-28T21:30:00Z\n",
     "\"source=\" is not as it must be"},
    {"no time", "# signpost-index 1 registry=a source=s serial=1\n", "needs registry="},
    {"a day that is none",
     "# signpost-index 1 registry=a source=s serial=1 time=2026-02-30T21:30:00Z\n",
     "\"time=2026-02-30"},
    {"another time zone",
     "# signpost-index 1 registry=a source=s serial=1 time=2026-02-03T21:30:00+\n",
     "\"time=2026-02-03"},
    {"a serial with a sign",
     "# signpost-index 1 registry=a source=s serial=-1 time=2026-02-03T21:30:00Z\n",
     "\"serial=-1\""},
    {"a serial with a zero",
     "# signpost-index 1 registry=a source=s serial=01 time=2026-02-03T21:30:00Z\n",
     "\"serial=01\""},
    {"a serial that is too large",
     "# signpost-index 1 registry=a source=s serial=1000000000000000001 "
     "time=2026-02-03T21:30:00Z\n",
     "\"serial=1000000000000000001\""},
    {"a file twice", HEAD "\n" FILE_A FILE_A, "list:3: "},
    {"a name above its folder", HEAD "\nsha256:" A " 1 ../x\n", "list:2: "},
    {"one that goes up", HEAD "\nsha256:" A " 1 a/../x\n", "list:2: "},
    {"one from the root", HEAD "\nsha256:" A " 1 /x\n", "list:2: "},
    {"one with an empty part", HEAD "\nsha256:" A " 1 a//x\n", "list:2: "},
    {"a folder's name", HEAD "\nsha256:" A " 1 a/\n", "list:2: "},
    {"a hidden name", HEAD "\nsha256:" A " 1 .x\n", "list:2: "},
    {"no name", HEAD "\nsha256:" A " 1 \n", "list:2: "},
    {"no size", HEAD "\nsha256:" A "\n", "list:2: "},
    {"a size that is too large", HEAD "\nsha256:" A " 1073741825 x\n", "list:2: "},
    {"sizes that are too large together", HEAD "\nsha256:" A " 1073741824 x\nsha256:" B " 1 y\n",
     "list:3: "},
    {"another algorithm", HEAD "\nsha512:" A B " 1 x\n", "list:2: "},
    {"capital digits",
     HEAD "\nsha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA 1 x\n",
     "list:2: "},
    {"an empty line", HEAD "\n\n", "list:2: "},
    {"CR LF", HEAD "\r\n", "is not as it must be"},
    {"a signature that is not last", HEAD "\nsignature MEUC\n" FILE_A, "list:2: "},
    {"two signatures", HEAD "\nsignature MEUC\nsignature MEUC\n", "list:2: "},
    {"an empty signature", HEAD "\nsignature \n", "list:2: the signature is no base64"},
    {"a signature of another form", HEAD "\nsignature a_-=\n", "no base64"},
    {"one with padding inside", HEAD "\nsignature ab==cd==\n", "no base64"},
};

static void test_bad(void)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bool refused = !parse(bad[i].text) && strstr(why.text, bad[i].why);
        ok(refused, "%s is refused", bad[i].what);
        if (!refused)
            diag("%s", why.text);
    }
}

/* So many files, in a text to be freed. */
static char *many(size_t count)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    fputs(HEAD "\n", out);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "sha256:%064zx 1 file%zu\n", i, i);
    fclose(out);
    return text;
}

static void test_bounds(void)
{
    char *most = many(INDEX_LIST_FILES), *more = many(INDEX_LIST_FILES + 1);
    char *large = malloc(INDEX_LIST_MAX + 2);

    ok(parse(most) && list.count == INDEX_LIST_FILES, "as many files as there may be");
    ok(!parse(more), "one more");
    memset(large, '\n', INDEX_LIST_MAX + 1);
    ok(!index_list_parse(&list, (struct slice){large, INDEX_LIST_MAX + 1}, "list", &why) &&
           strstr(why.text, "at most"),
       "a list that is too long");
    free(most);
    free(more);
    free(large);
}

static void test_write(void)
{
    static const char text[] = HEAD " shrinks=7\n" FILE_A FILE_B;
    char *written = NULL, name[INDEX_FILE_NAME_SIZE];
    size_t len = 0;
    FILE *out = open_memstream(&written, &len);

    parse(text);
    index_list_write_body(&list, out);
    fclose(out);
    is(written, text, "what is read is written again");
    free(written);
    index_list_file_name(SLICE("sha256:" A), name);
    is(name, "sha256-" A, "the name of a file");
    ok(index_list_is_shrinkage(20000, 17999) && !index_list_is_shrinkage(20000, 18000) &&
           !index_list_is_shrinkage(1001, 1) && index_list_is_shrinkage(1001, 0) &&
           !index_list_is_shrinkage(5, 6),
       "a tenth and a thousand lines fewer");
}

static void test_addresses(void)
{
    static const char *const wrong[] = {"oci://host/name",
                                        "oci://host/Name:v1",
                                        "oci://host/name:",
                                        "oci://host:5000/name",
                                        "oci:///name:v1",
                                        "oci://host/:v1",
                                        "oci://host:v1",
                                        "oci://user@host/name:v1",
                                        "oci://host/name:v1?x=1",
                                        ("oci://host/name@sha256:" A),
                                        "docker://host/name:v1",
                                        "host/name:v1",
                                        "oci://"};
    struct index_artifact artifact;

    ok(index_address_artifact(SLICE("oci://[::1]:5000/team/index:v1"), &artifact) &&
           slice_equal(artifact.host, SLICE("[::1]:5000")) &&
           slice_equal(artifact.repository, SLICE("team/index")) &&
           slice_equal(artifact.tag, SLICE("v1")),
       "an address at a registry");
    ok(index_address_is(SLICE("oci://host/name:v1")) &&
           index_address_is(SLICE("https://host/folder/")) &&
           !index_address_artifact(SLICE("https://host/name:v1"), &artifact),
       "addresses of both kinds");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ok(!index_address_is(slice_of(wrong[i])), "%s is none", wrong[i]);
}

int main(void)
{
    test_addresses();
    test_good();
    test_bad();
    test_bounds();
    test_write();
    return done_testing();
}
