/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include <stdio.h>
#include "ranges/mmdb_read.h"
#include "ranges/prefix_tree.h"

bool mmdb_is_database(const char *path)
{
    static const char marker[] = "\xab\xcd\xefMaxMind.com";
    static const char none[1];
    enum { TAIL = 128 * 1024 }; /* where the format says that the metadata must begin */
    char chunk[4096 + sizeof marker];
    bool found = false;
    FILE *file = strcmp(path, "-") == 0 ? NULL : fopen(path, "rbe");
    if (!file)
        return false;
    if (fseek(file, -TAIL, SEEK_END) != 0)
        rewind(file);
    size_t kept = 0, got;
    while (!found && (got = fread(chunk + kept, 1, 4096, file)) > 0) {
        size_t len = kept + got;
        found = memmem(chunk, len, marker, sizeof marker - sizeof none) != NULL;
        kept = len < sizeof marker ? len : sizeof marker;
        memmove(chunk, chunk + len - kept, kept);
    }
    fclose(file);
    return found;
}

#ifndef HAVE_LIBMAXMINDDB
bool mmdb_read(struct range_list *list, const char *path, struct range_error *error)
{
    (void)list;
    return range_fail(
        error,
        "%s is a database, which this signpost was built without; install libmaxminddb "
        "(Debian: libmaxminddb-dev) and build it again.",
        path);
}
#else

#include "core/mapped.h"
#include "place/geodb_file.h"

struct walk {
    MMDB_s *mmdb;
    struct range_list *list;
    struct range_error *error;
    const char *path;
    uint64_t budget; /* nodes that may still be visited */
};

/* A record's values; damaged: some of it cannot be read. */
struct values {
    MMDB_entry_s *entry;
    bool damaged;
};

/* The value at a path. False if there is none. */
static bool get(struct values *values, MMDB_entry_data_s *data, const char *const *keys)
{
    int status = MMDB_aget_value(values->entry, data, keys);

    /* Another path than the record's is no damage. */
    if (status != MMDB_SUCCESS && status != MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR)
        values->damaged = true;
    return status == MMDB_SUCCESS && data->has_data;
}

static void get_string(struct values *values, char *field, size_t size, const char *const *keys)
{
    MMDB_entry_data_s data;
    if (get(values, &data, keys) && data.type == MMDB_DATA_TYPE_UTF8_STRING)
        record_set(field, size, (struct slice){data.utf8_string, data.data_size});
}

static bool get_double(struct values *values, double *value, const char *const *keys)
{
    MMDB_entry_data_s data;
    if (!get(values, &data, keys) || data.type != MMDB_DATA_TYPE_DOUBLE)
        return false;
    *value = data.double_value;
    return true;
}

/* False if the record cannot be read. */
static bool get_record(MMDB_entry_s *entry, struct range_record *r)
{
    struct values values = {.entry = entry};
    /* libmaxminddb lets a tree point between tree and data, and offsets wrap around. */
    if (entry->offset >= entry->mmdb->data_section_size)
        return false;
#define KEYS(...) ((const char *const[]){__VA_ARGS__, NULL})
    get_string(&values, r->provider, sizeof r->provider, KEYS("provider"));
    get_string(&values, r->region, sizeof r->region, KEYS("region"));
    get_string(&values, r->border_group, sizeof r->border_group, KEYS("border_group"));
    get_string(&values, r->city, sizeof r->city, KEYS("city", "names", "en"));
    get_string(&values, r->country, sizeof r->country, KEYS("country", "iso_code"));
    get_string(&values, r->continent, sizeof r->continent, KEYS("continent", "code"));
    r->has_point = get_double(&values, &r->latitude, KEYS("location", "latitude")) &&
                   get_double(&values, &r->longitude, KEYS("location", "longitude"));
    if (!r->has_point)
        r->latitude = r->longitude = 0;
#undef KEYS
    return !values.damaged;
}

static bool damaged(const struct walk *walk)
{
    return range_fail(walk->error, "%s is damaged; make it again or get it anew.", walk->path);
}

static bool visit_node(struct walk *walk, uint32_t node, struct prefix prefix);

/* One side of a node: a record, nothing, or the next node. */
static bool visit_side(struct walk *walk, uint64_t value, uint8_t type, MMDB_entry_s *entry,
                       struct prefix prefix)
{
    struct range_record record = {0};
    uint32_t number;
    if (type == MMDB_RECORD_TYPE_EMPTY || prefix_is_alias(&prefix))
        return true;
    if (type == MMDB_RECORD_TYPE_SEARCH_NODE)
        return visit_node(walk, (uint32_t)value, prefix);
    if (type != MMDB_RECORD_TYPE_DATA || !get_record(entry, &record))
        return damaged(walk);
    return range_intern(walk->list, &record, &number, walk->error) &&
           range_add(walk->list, &prefix, number, RANK_REGION, walk->error);
}

/* Whether this is the IPv4 tree once more: other publishers have it elsewhere too. */
static bool is_alias(const struct walk *walk, uint32_t node, const struct prefix *prefix)
{
    bool own = prefix->bits == IPV4_BITS && prefix_is_ipv4(prefix);
    return walk->mmdb->metadata.ip_version == 6 && node == walk->mmdb->ipv4_start_node.node_value &&
           !own;
}

/* Depth is bounded by the address, and the budget bounds trees that meet themselves. */
static bool visit_node(struct walk *walk, uint32_t node, struct prefix prefix)
{
    MMDB_search_node_s found;
    if (is_alias(walk, node, &prefix))
        return true;
    if (prefix.bits >= 128 || !walk->budget-- ||
        MMDB_read_node(walk->mmdb, node, &found) != MMDB_SUCCESS)
        return damaged(walk);
    struct prefix right = prefix;
    prefix_set_bit(right.address, prefix.bits);
    right.bits = ++prefix.bits;
    return visit_side(walk, found.left_record, found.left_record_type, &found.left_record_entry,
                      prefix) &&
           visit_side(walk, found.right_record, found.right_record_type, &found.right_record_entry,
                      right);
}

bool mmdb_read(struct range_list *list, const char *path, struct range_error *error)
{
    struct geodb_file file;
    struct why why;
    if (!geodb_file_open(&file, path, false, &why))
        return range_fail(error, "%s", why.text);
    const MMDB_metadata_s *metadata = &file.mmdb.metadata;
    struct walk walk = {&file.mmdb, list, error, path, 4 * (uint64_t)metadata->node_count + 256};
    struct prefix all = {.bits = metadata->ip_version == 4 ? IPV4_BITS : 0};
    bool done = visit_node(&walk, 0, all);
    if (done && mapped_is_damaged(file.map))
        done = damaged(&walk);
    geodb_file_close(&file);
    return done;
}
#endif
