/* SPDX-License-Identifier: Apache-2.0 */
/* What was fetched of an index: joined to what there is, replaced, damaged; and what is said. */
#include "config.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "state/index.h"
#include "state/index_list.h"
#include "state/index_status.h"
#include "state/state.h"
#include "tap.h"
#include "tight.h"
#include "told.h"

#define A  "sha256:" HEX64
#define B  "sha256:b" HEX63
#define C  "sha256:c" HEX63
#define ID "0123456789abcdef"

enum { SECOND = 1000 };

static char folder[] = "/tmp/signpost-fetched-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[200];

    snprintf(path, sizeof path, "%s/index/" ID "/%s", folder, name);
    return path;
}

/* Another file takes its place. */
static void put(const char *name, const char *text)
{
    char new[200];
    snprintf(new, sizeof new, "%s", path_of("new"));
    FILE *file = fopen(new, "w");

    if (!file || fputs(text, file) < 0 || fclose(file) != 0 || rename(new, path_of(name)) != 0)
        diag("%s cannot be written", name);
}

/* A list of one file, which need not have the digest that it is named by. */
static void put_list(const char *registry, const char *digest, const char *content, size_t size)
{
    char text[400], name[INDEX_FILE_NAME_SIZE];

    index_list_file_name(slice_of(digest), name);
    put(name, content);
    snprintf(
        text, sizeof text,
        "# signpost-index 1 registry=%s source=s serial=1 time=2026-11-28T21:30:00Z\n%s %zu x\n",
        registry, digest, size);
    put(INDEX_FETCHED_LIST, text);
}

static struct index *join(const struct state *state, const struct index_source *sources,
                          size_t count)
{
    struct index *index = index_new(NULL, 0, note, NULL);

    told.count = 0;
    if (!index || !index_join(index, state, sources, count, SLICE("r.example.org")))
        abort();
    return index;
}

static bool has(struct index *index, const char *digest)
{
    return index_listed_by(index, slice_of(digest), SLICE("any"));
}

static void test_joined(const struct state *state, const struct index_source *source)
{
    struct index *index = join(state, source, 1);

    ok(!has(index, A) && told.count == 0, "before anything is fetched there is nothing to tell");
    put_list("R.example.org", A, A "\n", 72);
    index_refresh(index, SECOND);
    ok(has(index, A) && !has(index, B), "what was fetched is listed");
    is(index_listed_by(index, SLICE(A), SLICE("any")), "https://a", "by its source");
    put_list("r.example.org", B, B "\n", 72);
    index_refresh(index, SECOND + 1);
    ok(has(index, A), "a new list is not seen within a second");
    index_refresh(index, 2 * SECOND);
    ok(has(index, B) && !has(index, A), "but then");
    put_list("r.example.org", C, C "\n", 73);
    index_refresh(index, 3 * SECOND);
    ok(has(index, B) && !has(index, C), "a list whose file has another size is not taken");
    like(told.last, "has not the size that its list says. The index that was fetched before serves",
         "as is told");
    put_list("other.example.org", C, C "\n", 72);
    index_refresh(index, 4 * SECOND);
    like(told.last, "is the index of other.example.org.", "nor is another registry's");
    put(INDEX_FETCHED_LIST, "rubbish\n");
    index_refresh(index, 5 * SECOND);
    ok(has(index, B) && told.count == 3, "nor what is no list");
    index_refresh(index, 6 * SECOND);
    cmp_ok(told.count, ==, 3, "which is told once");
    put_list("r.example.org", B, B "\n", 72);
    index_refresh(index, 7 * SECOND);
    ok(has(index, B) && told.count == 3, "the former list again");
    put(INDEX_FETCHED_LIST, "");
    index_refresh(index, 8 * SECOND);
    like(told.last, "torn", "an empty one is none");
    index_free(index);
}

static void test_damaged(const struct state *state, const struct index_source *source)
{
    put_list("r.example.org", A, A "\nrubbish\n" C "\n", 152);
    struct index *index = join(state, source, 1);

    ok(!has(index, B), "a damaged file lists nothing");
    like(told.last, "is damaged, and is no longer searched; the next `signpost index pull`",
         "as is told");
    ok(!has(index, B) && told.count == 1, "once");
    index_free(index);
}

static void test_no_folder(const struct index_source *source)
{
    const struct state nowhere = {.fd = -1};
    struct index *index = join(&nowhere, source, 1);

    ok(!has(index, A) && told.count == 0, "without a state directory nothing is listed");
    index_free(index);
}

/* ---- what is said of the sources ---- */

static void test_status(const struct state *state, const struct index_source *source)
{
    static struct index_status back;
    const struct index_source sources[] = {{.id = "fedcba9876543210"}, *source};
    const struct index_source_status status = {.id = ID,
                                               .serial = 7,
                                               .lines = 8,
                                               .time_s = 9,
                                               .fetched_s = 10,
                                               .asked_s = 11,
                                               .refused = 12,
                                               .reason = {"it is torn"}};
    int in = open(path_of(""), O_RDONLY | O_DIRECTORY);

    ok(index_status_write(&status, in), "what came of it is written");
    index_status_read(&back, state->fd, sources, 2);
    cmp_ok(back.count, ==, 1, "and read; of another source there is none");
    const struct index_source_status *found = index_status_find(&back, source);
    ok(found && found->serial == 7 && found->lines == 8 && found->time_s == 9 &&
           found->fetched_s == 10 && found->asked_s == 11 && found->refused == 12,
       "with its numbers");
    is(found ? found->reason.text : NULL, "it is torn", "and the reason");
    ok(!index_status_find(&back, &sources[0]), "the other is not found");
    put(INDEX_STATUS, "source " ID " 1 2 3 4 5 6\n");
    index_status_read(&back, state->fd, source, 1);
    ok(back.count == 1 && back.source[0].refused == 6 && !back.source[0].reason.text[0],
       "without a reason");
    put(INDEX_STATUS, "source " ID " 1 2 3 4 5 x\n");
    index_status_read(&back, state->fd, source, 1);
    cmp_ok(back.count, ==, 0, "another line is none");
    put(INDEX_STATUS, "source 0123 1 2 3 4 5 6\n");
    index_status_read(&back, state->fd, source, 1);
    cmp_ok(back.count, ==, 0, "nor one of another source");
    index_status_read(&back, -1, source, 1);
    cmp_ok(back.count, ==, 0, "nor is there one without a directory");
    unlink(path_of(INDEX_STATUS));
    close(in);
}

int main(void)
{
    static const char *const mirrors[] = {"https://a"};
    const struct index_source source = {.mirrors = mirrors, .count = 1, .id = ID};
    struct state state = {.name = folder};
    char name[INDEX_FILE_NAME_SIZE];

    state.fd = mkdtemp(folder) ? open(folder, O_RDONLY | O_DIRECTORY) : -1;
    if (mkdirat(state.fd, INDEX_FOLDER, 0700) != 0 || mkdir(path_of(""), 0700) != 0)
        return 1;
    test_joined(&state, &source);
    test_damaged(&state, &source);
    test_no_folder(&source);
    test_status(&state, &source);
    for (size_t i = 0; i < 3; i++) {
        index_list_file_name(slice_of((const char *[]){A, B, C}[i]), name);
        unlink(path_of(name));
    }
    unlink(path_of(INDEX_FETCHED_LIST));
    rmdir(path_of(""));
    unlinkat(state.fd, INDEX_FOLDER, AT_REMOVEDIR);
    close(state.fd);
    ok(rmdir(folder) == 0, "nothing is left behind");
    return done_testing();
}
