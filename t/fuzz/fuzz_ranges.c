/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The readers of address ranges. The first byte, a digit, picks one; what it accepts is
 * built into a tree, where every prefix must be found, and written as a database.
 */
#include "config.h"
#include <stdio.h>
#include <stdlib.h>
#include "ranges/mmdb_write.h"
#include "ranges/prefix_tree.h"
#include "ranges/range_place.h"
#include "ranges/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { READERS = FORMAT_RIR + 2 };

static void write_database(const struct prefix_tree *tree, const struct range_list *list)
{
    char *bytes = NULL;
    size_t len = 0;
    struct mmdb_options options = {.build_epoch = list->date};
    struct range_error error;
    FILE *file = open_memstream(&bytes, &len);
    if (!file || !mmdb_write(file, tree, list->table, &options, NULL, &error))
        abort();
    fclose(file);
    free(bytes);
}

static void build(struct range_list *list)
{
    struct prefix_tree tree;
    struct range_error error;
    range_settle(list);
    if (!prefix_tree_build(&tree, list, &error))
        abort();
    struct prefix_tree ipv6 = tree; /* the whole tree has IPv4 networks over some of IPv6 */
    ipv6.root = tree.ipv6;
    for (size_t i = 0; i < list->count; i++) {
        const struct prefix *prefix = &list->entries[i].prefix;
        const struct prefix_tree *whole = prefix_is_ipv4(prefix) ? &tree : &ipv6;
        if (prefix_tree_find(whole, prefix->address, NULL) == LEAF_EMPTY)
            abort();
    }
    write_database(&tree, list);
    prefix_tree_free(&tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    struct range_list list = {.table = record_table_new()};
    struct range_error error = {""};
    struct range_record place = {.country = "FR", .continent = "EU"};
    char *text = malloc(size); /* exactly as long as the input, so that reading beyond is seen */
    unsigned reader = (unsigned)(data[0] - 0x30) % READERS;
    memcpy(text, data + 1, size - 1);
    struct range_input input = {
        .name = "input",
        .text = {text, size - 1},
        .format = reader <= FORMAT_RIR ? (enum range_format)reader : FORMAT_UNKNOWN,
        .provider = SLICE("p"),
        .place = reader == FORMAT_LIST || reader > FORMAT_RIR ? &place : NULL,
    };
    if (range_read(&list, &input, &error))
        build(&list);
    else if (!error.text[0])
        abort();
    free(text);
    range_list_free(&list);
    record_table_free(list.table);
    return 0;
}
