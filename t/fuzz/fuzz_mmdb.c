/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address databases. The first byte chooses: bytes that are one, or not, read by those who
 * look addresses up and by those who read all networks; or networks that are written and
 * read back, which must say the same of each address.
 */
#include "config.h"
#include "input.h"

#ifndef HAVE_LIBMAXMINDDB
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)data, (void)size;
    return 0;
}
#else

#include "folder.h"
#include "place/geodb.h"
#include "ranges/mmdb_read.h"
#include "ranges/mmdb_write.h"
#include "ranges/range_place.h"

/* MMDB_open of libmaxminddb 1.7.1 loses the list of languages if that cannot be decoded. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libmaxminddb\n";
}

enum { ADDRESSES = 8, ENTRIES = 200 };

static char path[64];

/* ---- any bytes ---- */

static void ignore(void *context, const char *text)
{
    must(context == NULL && text[0], "what is wrong is said");
}

static void on_value(void *context, const char *key, const char *value)
{
    must(context == NULL && key && value, "a value is a text");
}

static struct address address_of(const uint8_t bytes[16], bool ipv4)
{
    struct address address = {.family = ipv4 ? ADDRESS_IPV4 : ADDRESS_IPV6};

    memcpy(address.bytes, bytes, sizeof address.bytes);
    if (!ipv4)
        return address;
    uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff};
    memcpy(mapped + 12, bytes, 4);
    memcpy(address.bytes, mapped, sizeof mapped);
    return address;
}

static void look_up(struct geodb *geodb, const struct address *address)
{
    struct geodb_answer answer = geodb_lookup(geodb, address, true);

    must(answer.prefix_bits <= 128 && answer.place_source <= 0, "an answer is one");
    must(!answer.place.has_point ||
             (answer.place.point[0] >= -1.01 && answer.place.point[0] <= 1.01),
         "a point is on the globe");
    geodb_describe(geodb, 0, address, on_value, NULL);
}

static void read_all(void)
{
    struct range_list list = {.table = record_table_new()};
    struct range_error error = {""};

    must(list.table, "there is memory");
    if (!mmdb_is_database(path) || !mmdb_read(&list, path, &error))
        must(!mmdb_is_database(path) || error.text[0], "it is said what is wrong");
    range_list_free(&list);
    record_table_free(list.table);
}

static void read_bytes(struct input *input, struct folder *folder)
{
    struct geodb_source source = {.file = path};
    uint8_t bytes[16];
    struct why why;

    if (take_byte(input) & 1)
        source.keys[GEODB_COUNTRY] = "country.names.en";
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)take_byte(input);
    folder_put(folder, "any.mmdb", take_bytes(input, input->left));
    geodb_check(path, &why);
    struct geodb *geodb = geodb_new(&source, 1, NULL, ignore, NULL, &why);
    must(geodb, "there is memory");
    for (int i = 0; i < ADDRESSES; i++) {
        struct address address = address_of(bytes, i % 2);
        look_up(geodb, &address);
        bytes[i] = (uint8_t)(bytes[i] * 167 + 13);
    }
    geodb_free(geodb);
    read_all();
}

/* ---- networks, there and back ---- */

static struct prefix take_prefix(struct input *input)
{
    unsigned byte = take_byte(input);
    struct prefix prefix = {{0}, 0};

    if (byte & 128) {
        prefix.bits = (uint8_t)(17 + byte % 112);
        for (size_t i = 2; i < sizeof prefix.address; i++)
            prefix.address[i] = i < 4 || i > 14 ? (uint8_t)take_byte(input) : 0;
        prefix.address[0] = 0x20; /* not where IPv4 lies, or lies again */
        prefix.address[1] = (uint8_t)(take_byte(input) | 0x40);
    } else {
        prefix.bits = (uint8_t)(IPV4_BITS + byte % 33);
        for (size_t i = 12; i < sizeof prefix.address; i++)
            prefix.address[i] = (uint8_t)take_byte(input);
    }
    for (unsigned bit = prefix.bits; bit < 128; bit++)
        prefix.address[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
    return prefix;
}

static struct range_record take_record(struct input *input)
{
    static const char *const named[] = {"FR", "aws:eu-west-3", "EU",          "gcp:us-central1",
                                        "PE", "48.85,2.35",    "aws:nowhere", "-12.5,-77.02"};
    unsigned byte = take_byte(input);
    struct range_record record = {0};
    bool known;

    if (byte < 128) {
        range_place_named(&record, slice_of(named[byte % 8]), &known);
        return record;
    }
    memset(record.provider, 'a' + (int)(byte % 26), byte % RECORD_NAME);
    memset(record.city, 'A' + (int)(byte % 26), take_byte(input) % RECORD_CITY);
    record.has_point = byte & 64;
    record.latitude = record.has_point ? (double)byte / 3 : 0;
    record.longitude = record.has_point ? -(double)byte / 7 : 0;
    return record;
}

static void take_list(struct input *input, struct range_list *list)
{
    struct range_error error;
    uint32_t number;

    for (int i = 0; i < ENTRIES && input->left > 0; i++) {
        struct prefix prefix = take_prefix(input);
        struct range_record record = take_record(input);
        must(range_intern(list, &record, &number, &error) &&
                 range_add(list, &prefix, number, (int)take_below(input, 4), &error),
             "a range is taken");
    }
    range_settle(list);
}

static void write_database(struct folder *folder, const struct prefix_tree *tree,
                           const struct record_table *table, unsigned record_size)
{
    struct mmdb_options options = {.build_epoch = 1, .record_size = record_size};
    struct range_error error;
    int fd = folder_put(folder, "any.mmdb", SLICE(""));
    FILE *file = fdopen(dup(fd), "wb");

    must(file && mmdb_write(file, tree, table, &options, NULL, &error), "a tree is written");
    must(fclose(file) == 0, "and closed");
}

/* What a tree says of an address; NULL: nothing. */
static const struct range_record *find(const struct prefix_tree *tree,
                                       const struct record_table *table, const uint8_t address[16])
{
    uint32_t leaf = prefix_tree_find(tree, address, NULL);

    return leaf == LEAF_EMPTY ? NULL : record_at(table, leaf & ~LEAF_BIT);
}

static bool is_in(const uint8_t address[16], const struct prefix *prefix)
{
    for (unsigned bit = 0; bit < prefix->bits; bit++)
        if (prefix_bit(address, bit) != prefix_bit(prefix->address, bit))
            return false;
    return true;
}

/* What the longest prefix around an address says, by a look at each; NULL: nothing. */
static const struct range_record *find_longest(const struct range_list *list,
                                               const uint8_t address[16])
{
    const struct range_entry *longest = NULL;

    for (size_t i = 0; i < list->count; i++) {
        const struct range_entry *entry = &list->entries[i];
        if (is_in(address, &entry->prefix) &&
            (!longest || entry->prefix.bits > longest->prefix.bits))
            longest = entry;
    }
    return longest ? record_at(list->table, longest->record) : NULL;
}

static void check_same(const struct prefix_tree *a, const struct record_table *table_a,
                       const struct prefix_tree *b, const struct record_table *table_b,
                       const struct range_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        for (int end = 0; end < 2; end++) {
            struct prefix prefix = list->entries[i].prefix;
            for (unsigned bit = prefix.bits; end && bit < 128; bit++)
                prefix_set_bit(prefix.address, bit);
            const struct range_record *one = find(a, table_a, prefix.address);
            const struct range_record *other = find(b, table_b, prefix.address);
            must(one == find_longest(list, prefix.address), "the longest prefix wins");
            must((one == NULL) == (other == NULL), "the same networks");
            must(!one || memcmp(one, other, sizeof *one) == 0, "say the same");
        }
}

static void write_and_read(struct input *input, struct folder *folder)
{
    static const unsigned sizes[] = {0, 24, 28, 32};
    unsigned size = sizes[take_below(input, 4)];
    struct range_list list = {.table = record_table_new()}, again = {.table = record_table_new()};
    struct prefix_tree tree, back;
    struct range_error error;

    must(list.table && again.table, "there is memory");
    take_list(input, &list);
    must(prefix_tree_build(&tree, &list, &error), "a tree is built");
    write_database(folder, &tree, list.table, size);
    must(mmdb_read(&again, path, &error), "what was written is read");
    range_settle(&again);
    must(prefix_tree_build(&back, &again, &error), "a tree is built of it");
    check_same(&tree, list.table, &back, again.table, &list);
    must(prefix_tree_networks(&tree) == prefix_tree_networks(&back), "there are as many networks");
    prefix_tree_free(&tree);
    prefix_tree_free(&back);
    range_list_free(&list);
    range_list_free(&again);
    record_table_free(list.table);
    record_table_free(again.table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct folder folder = {.fd = -1};
    struct input input = {data, size < 65536 ? size : 65536};

    if (folder.fd < 0) {
        folder_make(&folder);
        snprintf(path, sizeof path, "%s/any.mmdb", folder.name);
    }
    if (take_byte(&input) % 2 == 0)
        read_bytes(&input, &folder);
    else
        write_and_read(&input, &folder);
    folder_clear(&folder);
    return 0;
}
#endif
