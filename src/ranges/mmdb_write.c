/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "ranges/mmdb_data.h"
#include "ranges/mmdb_write.h"

enum {
    SEPARATOR = 16,   /* zero bytes between the tree and the data */
    BLOCK_LEVELS = 3, /* a block is a small tree of this height, written together */
    BLOCK_ROOM = 8
};

#define UNNUMBERED UINT32_MAX /* all bits are set */

struct writer {
    const struct prefix_tree *tree;
    const struct record_table *table;
    uint32_t *number;  /* of each node of the tree, in the file; or UNNUMBERED */
    uint32_t *order;   /* the nodes in the order of the file */
    uint32_t *offsets; /* of each record in the data; or UNNUMBERED */
    size_t node_count;
    struct mmdb_data data;
};

static void writer_free(struct writer *w)
{
    free(w->number);
    free(w->order);
    free(w->offsets);
    mmdb_data_free(&w->data);
}

static uint32_t *unnumbered(size_t count)
{
    size_t size = (count + 1) * sizeof(uint32_t);
    uint32_t *numbers = malloc(size);
    return numbers ? memset(numbers, 0xff, size) : NULL;
}

/*
 * Numbers the nodes of the block whose root is given, then the blocks below.
 * A look-up goes down one path: with three levels beside each other it touches
 * a third of the cache lines. Recursion is bounded by the depth of the tree.
 */
static void number_block(struct writer *w, uint32_t root)
{
    uint32_t row[BLOCK_ROOM] = {root}, next[BLOCK_ROOM] = {0};
    size_t in_row = 1;
    for (int level = 0; level < BLOCK_LEVELS; level++) {
        size_t in_next = 0;
        for (size_t i = 0; i < in_row; i++) {
            if (link_is_leaf(row[i]) || w->number[row[i]] != UNNUMBERED)
                continue;
            w->order[w->node_count] = row[i];
            w->number[row[i]] = (uint32_t)w->node_count++;
            next[in_next++] = w->tree->nodes[row[i]].child[0];
            next[in_next++] = w->tree->nodes[row[i]].child[1];
        }
        memcpy(row, next, in_next * sizeof *row);
        in_row = in_next;
    }
    for (size_t i = 0; i < in_row; i++)
        if (!link_is_leaf(row[i]) && w->number[row[i]] == UNNUMBERED)
            number_block(w, row[i]);
}

/* Encodes the records that the tree uses, in the order in which they are met. */
static void encode_records(struct writer *w)
{
    for (size_t i = 0; i < w->node_count; i++)
        for (int side = 0; side < 2; side++) {
            uint32_t link = w->tree->nodes[w->order[i]].child[side];
            uint32_t record = link & ~LEAF_BIT;
            if (link_is_leaf(link) && link != LEAF_EMPTY && w->offsets[record] == UNNUMBERED)
                w->offsets[record] = mmdb_data_record(&w->data, record_at(w->table, record));
        }
}

static bool prepare(struct writer *w)
{
    w->number = unnumbered(w->tree->count);
    w->order = malloc((w->tree->count + 1) * sizeof *w->order);
    w->offsets = unnumbered(record_count(w->table));
    if (!w->number || !w->order || !w->offsets)
        return false;
    if (!link_is_leaf(w->tree->root))
        number_block(w, w->tree->root);
    encode_records(w);
    return !w->data.bytes.failed;
}

/* The value of a record in the file's tree ("Binary Search Tree Section"). */
static uint32_t file_link(const struct writer *w, uint32_t link, size_t node_count)
{
    if (!link_is_leaf(link))
        return w->number[link];
    if (link == LEAF_EMPTY)
        return (uint32_t)node_count;
    return (uint32_t)(node_count + SEPARATOR + w->offsets[link & ~LEAF_BIT]);
}

static size_t pack_node(uint8_t out[8], unsigned record_size, uint32_t left, uint32_t right)
{
    size_t each = record_size / 8, at = 0;
    for (size_t i = each; i-- > 0;)
        out[at++] = (uint8_t)(left >> (8 * i));
    if (record_size == 28)
        out[at++] = (uint8_t)((left >> 24) << 4 | right >> 24);
    for (size_t i = each; i-- > 0;)
        out[at++] = (uint8_t)(right >> (8 * i));
    return at;
}

static bool put_tree(FILE *file, const struct writer *w, unsigned record_size)
{
    static const uint8_t zero[SEPARATOR];
    uint8_t packed[8];
    for (size_t i = 0; i < w->node_count; i++) {
        const uint32_t *child = w->tree->nodes[w->order[i]].child;
        size_t len = pack_node(packed, record_size, file_link(w, child[0], w->node_count),
                               file_link(w, child[1], w->node_count));
        if (fwrite(packed, 1, len, file) != len)
            return false;
    }
    if (!w->node_count) { /* an empty tree still needs a node */
        size_t len = pack_node(packed, record_size, 1, 1);
        if (fwrite(packed, 1, len, file) != len)
            return false;
    }
    return fwrite(zero, 1, sizeof zero, file) == sizeof zero;
}

static unsigned smallest_record_size(uint64_t largest)
{
    return largest < 1u << 24 ? 24 : largest < 1u << 28 ? 28 : 32;
}

/* Some readers look for these words in the type before they answer. */
static const char *database_type(const struct writer *w)
{
    for (size_t i = 0; i < record_count(w->table); i++) {
        const struct range_record *record = record_at(w->table, (uint32_t)i);
        if (w->offsets[i] != UNNUMBERED && (record->provider[0] || record->has_point))
            return "signpost-City";
    }
    return "signpost-Country";
}

static bool put_all(FILE *file, struct writer *w, const struct mmdb_options *options,
                    unsigned record_size)
{
    struct mmdb_bytes tail = {0};
    struct mmdb_metadata metadata = {
        .node_count = (uint32_t)(w->node_count ? w->node_count : 1),
        .record_size = (uint16_t)record_size,
        .build_epoch = options->build_epoch > 0 ? (uint64_t)options->build_epoch : 1,
        .type = database_type(w),
        .description = "Where address ranges are, compiled by signpost ranges",
    };
    mmdb_metadata(&tail, &metadata);
    size_t len = w->data.bytes.len;
    bool written = !tail.failed && put_tree(file, w, record_size) &&
                   (!len || fwrite(w->data.bytes.at, 1, len, file) == len) &&
                   fwrite(tail.at, 1, tail.len, file) == tail.len;
    free(tail.at);
    return written;
}

bool mmdb_write(FILE *file, const struct prefix_tree *tree, const struct record_table *table,
                const struct mmdb_options *options, struct mmdb_summary *summary,
                struct range_error *error)
{
    struct writer w = {.tree = tree, .table = table};
    bool done = prepare(&w);
    uint64_t largest = (uint64_t)w.node_count + SEPARATOR + w.data.bytes.len;
    unsigned smallest = smallest_record_size(largest);
    unsigned size = options->record_size ? options->record_size : smallest;

    if (!done)
        range_fail(error, "There is not enough memory to write the database.");
    else if (size < smallest || largest > UINT32_MAX)
        done = range_fail(error, "The database does not fit %u-bit records.", size);
    else if (!put_all(file, &w, options, size))
        done = range_fail(error, "Writing the database failed: %s.", strerror(errno));
    else if (summary)
        *summary = (struct mmdb_summary){w.node_count, w.data.bytes.len, size};
    writer_free(&w);
    return done;
}
