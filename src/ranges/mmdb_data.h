/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data section of a MaxMind DB: encodes records, each string and each map
 * once, with pointers to it after that.
 */
#ifndef RANGES_MMDB_DATA_H
#define RANGES_MMDB_DATA_H

#include <stdio.h>
#include "ranges/record.h"

/* Growing bytes. failed stays set once there was no memory. */
struct mmdb_bytes {
    uint8_t *at;
    size_t len, room;
    bool failed;
};

/* An encoded value that can be pointed to. */
struct mmdb_seen {
    size_t key, key_len; /* its plain encoding, in keys */
    uint32_t offset;     /* where it stands in the data */
};

struct mmdb_data {
    struct mmdb_bytes bytes, keys, plain; /* plain: the value that is being looked for */
    struct mmdb_seen *seen;               /* open addressing; key_len 0 is free */
    size_t seen_count, slot_count;
};

void mmdb_data_free(struct mmdb_data *data);

/* Appends a record and returns its offset. Check data->bytes.failed at the end. */
uint32_t mmdb_data_record(struct mmdb_data *data, const struct range_record *record);

/* What the metadata section says. */
struct mmdb_metadata {
    uint32_t node_count;
    uint16_t record_size;
    uint64_t build_epoch;
    const char *type, *description;
};

/* Appends the metadata section, with the marker before it. */
void mmdb_metadata(struct mmdb_bytes *bytes, const struct mmdb_metadata *metadata);

#endif
