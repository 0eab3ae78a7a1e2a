/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real files of AWS, Google and Azure, compiled, against what the longest
 * matching prefix in them says of some 10,000 addresses. The files belong to
 * their publishers and are not part of signpost: skipped where they are absent.
 */
#include "config.h"
#include "tap.h"

#if !defined HAVE_LIBMAXMINDDB || !defined HAVE_JANSSON
int main(void)
{
    puts("1..0 # SKIP built without libmaxminddb or jansson");
    return 0;
}
#else

#include <maxminddb.h>
#include <unistd.h>
#include "ranges/compile.h"

static const char *data_folder(void)
{
    static char text[500];
    const char *source = getenv("SIGNPOST_SRC");
    if (!source)
        source = getenv("srcdir"); /* set by make check */
    snprintf(text, sizeof text, "%s/../shared/data", source ? source : ".");
    return text;
}

static const char *data(const char *name)
{
    static char text[600];
    snprintf(text, sizeof text, "%s/%s", data_folder(), name);
    return text;
}

static bool compile(const char *database)
{
    static const char *const files[] = {"ranges/aws-ip-ranges.json", "ranges/gcp-cloud.json",
                                        "ranges/azure-service-tags.json"};
    struct range_list list = {.table = record_table_new()};
    struct range_error error = {""};
    struct compiled compiled = {0};
    bool done = list.table != NULL;
    for (int i = 0; i < 3 && done; i++)
        done = compile_read(&list, data(files[i]), (struct range_input){0}, &error);
    done = done && compile_list(&list, database, &compiled, &error);
    ok(done, "compiled %s", error.text);
    cmp_ok(compiled.prefixes, ==, 26867, "different prefixes");
    cmp_ok(compiled.conflicts, ==, 0, "none of which has two places");
    range_list_free(&list);
    record_table_free(list.table);
    return done;
}

static void get(MMDB_entry_s *entry, const char *key, char *text, size_t size)
{
    MMDB_entry_data_s found;
    text[0] = 0;
    if (MMDB_get_value(entry, &found, key, NULL) == MMDB_SUCCESS && found.has_data)
        snprintf(text, size, "%.*s", (int)found.data_size, found.utf8_string);
}

/* "gcp us-east1" or "- -". */
static void look_up(const MMDB_s *mmdb, const char *address, char *text, size_t size)
{
    char provider[100], region[100];
    int gai, status;
    MMDB_lookup_result_s found = MMDB_lookup_string(mmdb, address, &gai, &status);
    snprintf(text, size, "- -");
    if (gai || status || !found.found_entry)
        return;
    get(&found.entry, "provider", provider, sizeof provider);
    get(&found.entry, "region", region, sizeof region);
    snprintf(text, size, "%s %s", provider, region);
}

/* Compares every row: address, why, three times prefix, cloud, region; the last counts. */
static void check_rows(const MMDB_s *mmdb, FILE *file)
{
    char line[1000], want[200], got[250];
    int rows = 0, wrong = 0;
    while (fgets(line, sizeof line, file)) {
        char *field[11] = {line}, *rest = line;
        for (int i = 0; i < 11 && rest; i++)
            field[i] = strsep(&rest, "\t\n");
        if (line[0] == '#' || !field[10])
            continue;
        snprintf(want, sizeof want, "%s %s", field[9], field[10]);
        look_up(mmdb, field[0], got, sizeof got);
        rows++;
        if (strcasecmp(want, got) != 0 && wrong++ < 10)
            diag("%s: got %s, expected %s", field[0], got, want);
    }
    cmp_ok(rows, ==, 10092, "addresses");
    cmp_ok(wrong, ==, 0, "all in the region of the longest published prefix");
}

int main(void)
{
    char folder[] = "/tmp/signpost-ranges.XXXXXX", database[100];
    MMDB_s mmdb;
    FILE *rows = fopen(data("oracle/addr-lpm.tsv"), "re");
    if (!rows || !mkdtemp(folder)) {
        puts("1..0 # SKIP ../shared/data is absent");
        return 0;
    }
    snprintf(database, sizeof database, "%s/clouds.mmdb", folder);
    if (compile(database) && ok(MMDB_open(database, 0, &mmdb) == MMDB_SUCCESS, "opened")) {
        check_rows(&mmdb, rows);
        MMDB_close(&mmdb);
    }
    fclose(rows);
    unlink(database);
    rmdir(folder);
    return done_testing();
}
#endif
