/* SPDX-License-Identifier: Apache-2.0 */
/* Databases written by signpost, read back with libmaxminddb. */
#include "config.h"
#include "tap.h"

#ifndef HAVE_LIBMAXMINDDB
int main(void)
{
    puts("1..0 # SKIP built without libmaxminddb");
    return 0;
}
#else

#include <arpa/inet.h>
#include <maxminddb.h>
#include <unistd.h>
#include "mmdb_sample.h"
#include "ranges/mmdb_read.h"
#include "ranges/mmdb_write.h"
#include "ranges/save.h"

enum { PREFIXES = 2000, LOOKUPS = 5000, EPOCH = 1785313625 };

static char folder[] = "/tmp/signpost-mmdb.XXXXXX";

static const char *path(const char *name)
{
    static char text[100];
    snprintf(text, sizeof text, "%s/%s", folder, name);
    return text;
}

static void write_to(const char *file, const struct range_list *list, unsigned record_size,
                     struct mmdb_summary *summary, bool want)
{
    struct prefix_tree tree;
    struct range_error error = {""};
    struct save save;
    struct mmdb_options options = {.build_epoch = EPOCH, .record_size = record_size};
    bool done = prefix_tree_build(&tree, list, &error) && save_open(&save, file, &error);
    if (done && mmdb_write(save.file, &tree, list->table, &options, summary, &error)) {
        done = save_commit(&save, NULL, &error);
    } else if (done) {
        done = false;
        save_abandon(&save);
    }
    ok(done == want, "%u-bit records: %s", record_size, done ? "written" : error.text);
    prefix_tree_free(&tree);
}

static uint32_t intern(struct range_list *list, const struct range_record *record)
{
    return (uint32_t)record_intern(list->table, record);
}

static void add(struct range_list *list, const char *text, uint32_t record)
{
    struct prefix prefix;
    struct range_error error;
    if (prefix_parse(slice_of(text), &prefix) || !range_add(list, &prefix, record, 0, &error))
        diag("%s cannot be added", text);
}

static char *text_at(MMDB_entry_s *entry, char text[200], const char *const *keys)
{
    MMDB_entry_data_s data;
    if (MMDB_aget_value(entry, &data, keys) != MMDB_SUCCESS || !data.has_data)
        return NULL;
    snprintf(text, 200, "%.*s", (int)data.data_size, data.utf8_string);
    return text;
}

static double number_at(MMDB_entry_s *entry, const char *const *keys)
{
    MMDB_entry_data_s data;
    if (MMDB_aget_value(entry, &data, keys) != MMDB_SUCCESS || !data.has_data ||
        data.type != MMDB_DATA_TYPE_DOUBLE)
        return -1000;
    return data.double_value;
}

static void test_fields(void)
{
    struct range_list list = {.table = record_table_new()};
    struct range_record lima = {"aws", "us-east-1", "us-east-1-lim-1", "Lima",  "PE",
                                "SA",  true,        -12.0432,          -77.0282};
    struct range_record france = {.country = "FR", .continent = "EU"};
    struct range_record named = {.provider = "onprem", .region = "Köln"};
    char text[200];
    int gai, status;
    MMDB_s mmdb;
    memset(named.city, 'x', sizeof named.city - 1);
    add(&list, "192.0.2.0/24", intern(&list, &lima));
    add(&list, "2001:db8::/32", intern(&list, &france));
    add(&list, "198.51.100.0/24", intern(&list, &named));
    range_settle(&list);
    write_to(path("fields"), &list, 0, NULL, true);
    ok(MMDB_open(path("fields"), 0, &mmdb) == MMDB_SUCCESS, "opened");
    cmp_ok(mmdb.metadata.build_epoch, ==, EPOCH, "build epoch");
    cmp_ok(mmdb.metadata.ip_version, ==, 6, "IP version");
    cmp_ok(mmdb.metadata.record_size, ==, 24, "the smallest record size");
    is(mmdb.metadata.database_type, "signpost-City", "type");
#define AT(...) text_at(&found.entry, text, (const char *const[]){__VA_ARGS__, NULL})
    MMDB_lookup_result_s found = MMDB_lookup_string(&mmdb, "192.0.2.1", &gai, &status);
    ok(found.found_entry, "found");
    cmp_ok(found.netmask, ==, 96 + 24, "netmask");
    is(AT("provider"), "aws", "provider");
    is(AT("region"), "us-east-1", "region");
    is(AT("border_group"), "us-east-1-lim-1", "border group");
    is(AT("city", "names", "en"), "Lima", "city");
    is(AT("country", "iso_code"), "PE", "country");
    is(AT("continent", "code"), "SA", "continent");
    ok(number_at(&found.entry, (const char *const[]){"location", "latitude", NULL}) == -12.0432,
       "latitude, a double");
    ok(number_at(&found.entry, (const char *const[]){"location", "longitude", NULL}) == -77.0282,
       "longitude, a double");
    found = MMDB_lookup_string(&mmdb, "2001:db8::1", &gai, &status);
    is(AT("country", "iso_code"), "FR", "a country alone");
    is(AT("provider"), NULL, "has no provider");
    found = MMDB_lookup_string(&mmdb, "198.51.100.1", &gai, &status);
    is(AT("region"), "Köln", "UTF-8");
    is(AT("city", "names", "en"), named.city, "a string of 127 bytes");
    found = MMDB_lookup_string(&mmdb, "203.0.113.1", &gai, &status);
    ok(!found.found_entry, "not found");
    MMDB_close(&mmdb);
    range_list_free(&list);
    record_table_free(list.table);
}

static uint64_t seed = 42;

static uint32_t any(uint32_t below)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (uint32_t)((seed * 0x2545f4914f6cdd1d) >> 33) % below;
}

static void fill_random(struct range_list *list, uint32_t places)
{
    char text[80];
    for (int i = 0; i < PREFIXES; i++) {
        struct range_record record = {.provider = "p"};
        snprintf(record.region, sizeof record.region, "region-%u", any(places));
        if (i % 2)
            snprintf(text, sizeof text, "10.%u.%u.0/%u", any(4), any(256), 24 + any(2));
        else
            snprintf(text, sizeof text, "2001:db8:%x:%x::/64", any(16), any(65536));
        add(list, text, intern(list, &record));
    }
    range_settle(list);
}

/* Compares look-ups in the file with look-ups in the tree it was made from. */
static void compare(const char *file, const struct range_list *list, unsigned record_size)
{
    struct prefix_tree tree;
    struct range_error error;
    MMDB_s mmdb;
    int wrong = 0, hits = 0, status;
    prefix_tree_build(&tree, list, &error);
    if (!ok(MMDB_open(file, 0, &mmdb) == MMDB_SUCCESS, "%u bits: opened", record_size)) {
        prefix_tree_free(&tree);
        return;
    }
    cmp_ok(mmdb.metadata.record_size, ==, record_size, "record size");
    for (int i = 0; i < LOOKUPS; i++) {
        struct prefix prefix = list->entries[any((uint32_t)list->count)].prefix;
        struct sockaddr_in6 address = {.sin6_family = AF_INET6};
        char got[200] = "", want[RECORD_NAME] = "";
        unsigned bits;
        prefix.address[any(16)] ^= (uint8_t)(i % 3 ? 0 : any(256));
        memcpy(&address.sin6_addr, prefix.address, 16);
        uint32_t leaf = prefix_tree_find(&tree, prefix.address, &bits);
        MMDB_lookup_result_s found =
            MMDB_lookup_sockaddr(&mmdb, (const struct sockaddr *)(const void *)&address, &status);
        if (leaf != LEAF_EMPTY)
            memcpy(want, record_at(list->table, leaf & ~LEAF_BIT)->region, sizeof want);
        if (found.found_entry)
            text_at(&found.entry, got, (const char *const[]){"region", NULL});
        hits += found.found_entry;
        wrong += strcmp(got, want) != 0 || found.netmask != bits;
    }
    cmp_ok(wrong, ==, 0, "%u bits: %d look-ups, %d found, all as in the tree", record_size, LOOKUPS,
           hits);
    MMDB_close(&mmdb);
    prefix_tree_free(&tree);
}

/* Reading a database back gives the networks that went into it. */
static void test_read_back(const char *file, const struct range_list *list)
{
    struct range_list back = {.table = list->table};
    struct prefix_tree tree, again;
    struct range_error error = {""};
    ok(mmdb_is_database(file), "is known for a database");
    ok(mmdb_read(&back, file, &error), "read back %s", error.text);
    range_settle(&back);
    prefix_tree_build(&tree, list, &error);
    prefix_tree_build(&again, &back, &error);
    cmp_ok(back.count, ==, prefix_tree_networks(&tree), "every network once");
    ok(tree.count == again.count &&
           memcmp(tree.nodes, again.nodes, tree.count * sizeof *tree.nodes) == 0,
       "and the tree is the same");
    prefix_tree_free(&tree);
    prefix_tree_free(&again);
    range_list_free(&back);
}

static void test_record_sizes(void)
{
    static const unsigned sizes[] = {24, 28, 32};
    struct range_list list = {.table = record_table_new()};
    fill_random(&list, 300);
    for (int i = 0; i < 3; i++) {
        write_to(path("sizes"), &list, sizes[i], NULL, true);
        compare(path("sizes"), &list, sizes[i]);
        test_read_back(path("sizes"), &list);
    }
    range_list_free(&list);
    record_table_free(list.table);
}

/* Enough long names for every size of pointer but the largest, and for 28 bits. */
static void test_large_data(void)
{
    struct range_list list = {.table = record_table_new()};
    struct mmdb_summary summary;
    char text[80];
    for (uint32_t i = 0; i < 100000; i++) {
        struct range_record record = {.provider = "p"};
        snprintf(record.region, sizeof record.region, "region-%u", i);
        snprintf(record.city, sizeof record.city, "%0100u", i / 2);
        memcpy(record.country, i % 2 ? "AA" : "BB", 3);
        snprintf(text, sizeof text, "10.%u.%u.%u/32", i >> 16, i >> 8 & 255, i & 255);
        add(&list, text, intern(&list, &record));
    }
    range_settle(&list);
    write_to(path("large"), &list, 0, &summary, true);
    cmp_ok(summary.data_bytes, >, 6000000, "%zu bytes of data", summary.data_bytes);
    compare(path("large"), &list, summary.record_size);
    test_read_back(path("large"), &list);
    range_list_free(&list);
    record_table_free(list.table);
}

static void test_record_size_chosen(void)
{
    struct range_list list = {.table = record_table_new()};
    struct mmdb_summary summary;
    char text[80];
    for (uint32_t i = 0; i < 240000; i++) {
        if (i % 3 == 1) /* the two sides of a node shall differ in their high bits */
            continue;
        struct range_record record = {.provider = "p"};
        snprintf(record.region, sizeof record.region, "region-%u", i);
        snprintf(record.city, sizeof record.city, "%0120u", i);
        snprintf(text, sizeof text, "10.%u.%u.%u/32", i >> 16, i >> 8 & 255, i & 255);
        add(&list, text, intern(&list, &record));
    }
    range_settle(&list);
    write_to(path("chosen"), &list, 0, &summary, true);
    cmp_ok(summary.record_size, ==, 28, "%zu bytes of data need 28 bits", summary.data_bytes);
    compare(path("chosen"), &list, 28);
    write_to(path("chosen"), &list, 24, &summary, false);
    range_list_free(&list);
    record_table_free(list.table);
}

/* Pointers to strings have another length from 2048 bytes on: a string at each place around. */
static void test_pointers(void)
{
    for (size_t pad = 1; pad < 120; pad++) {
        struct range_list list = {.table = record_table_new()}, back = {.table = list.table};
        struct range_error error = {""};
        struct range_record record = {.provider = "p"};
        size_t wrong = 0;
        char text[80];
        memset(record.city, 'x', pad);
        add(&list, "192.0.2.0/24", intern(&list, &record));
        for (unsigned i = 0; i < 120; i++) {
            record = (struct range_record){.provider = "p"};
            snprintf(record.region, sizeof record.region, "region-of-these-%u", i % 60);
            snprintf(record.city, sizeof record.city, "%u", i);
            snprintf(text, sizeof text, "10.0.%u.0/24", i);
            add(&list, text, intern(&list, &record));
        }
        range_settle(&list);
        write_to(path("pointers"), &list, 0, NULL, true);
        if (mmdb_read(&back, path("pointers"), &error))
            range_settle(&back);
        for (size_t i = 0; i < list.count && i < back.count; i++)
            wrong += list.entries[i].record != back.entries[i].record;
        ok(back.count == list.count && wrong == 0, "with %zu bytes in front: the same", pad);
        range_list_free(&list);
        range_list_free(&back);
        record_table_free(list.table);
    }
}

static void test_empty(void)
{
    struct range_list list = {.table = record_table_new()};
    MMDB_s mmdb;
    int gai, status;
    write_to(path("empty"), &list, 0, NULL, true);
    ok(MMDB_open(path("empty"), 0, &mmdb) == MMDB_SUCCESS, "an empty database opens");
    MMDB_lookup_result_s found = MMDB_lookup_string(&mmdb, "192.0.2.1", &gai, &status);
    ok(status == MMDB_SUCCESS && !found.found_entry, "and knows nothing");
    MMDB_close(&mmdb);
    record_table_free(list.table);
}

/* The whole IPv4 space as one network is a leaf, and still there once. */
static void test_everything(void)
{
    struct range_list list = {.table = record_table_new()};
    struct range_record record = {.provider = "p"};
    add(&list, "0.0.0.0/0", intern(&list, &record));
    write_to(path("everything"), &list, 0, NULL, true);
    test_read_back(path("everything"), &list);
    range_list_free(&list);
    record_table_free(list.table);
}

/* libmaxminddb takes a record that begins before the data, where nothing can be read. */
static void test_damaged(void)
{
    struct range_list list = {.table = record_table_new()};
    struct range_error error = {""};
    struct sample sample;
    sample_start(&sample, 4);
    sample_map(&sample, 0);
    sample_ipv4(&sample, 192, 0, (size_t)-1);
    ok(sample_write(&sample, path("damaged")) == 0, "a tree that leads to no record is written");
    ok(!mmdb_read(&list, path("damaged"), &error), "and refused: %s", error.text);
    ok(strstr(error.text, "is damaged"), "as damaged");
    range_list_free(&list);
    record_table_free(list.table);
}

int main(void)
{
    static const char *const files[] = {"fields", "sizes",      "large",   "chosen",
                                        "empty",  "everything", "damaged", "pointers"};
    if (!mkdtemp(folder))
        return 1;
    test_fields();
    test_record_sizes();
    test_large_data();
    test_record_size_chosen();
    test_pointers();
    test_empty();
    test_everything();
    test_damaged();
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(path(files[i]));
    ok(rmdir(folder) == 0, "nothing else is left in the folder");
    return done_testing();
}
#endif
