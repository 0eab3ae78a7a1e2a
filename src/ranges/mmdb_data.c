/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "core/fnv.h"
#include "ranges/mmdb_data.h"

/* Types of the data section ("Data Field Format"); 8 and up are extended. */
enum mmdb_type {
    TYPE_STRING = 2,
    TYPE_DOUBLE = 3,
    TYPE_UINT16 = 5,
    TYPE_UINT32 = 6,
    TYPE_MAP = 7,
    TYPE_UINT64 = 9,
    TYPE_ARRAY = 11
};

static void put(struct mmdb_bytes *bytes, const void *what, size_t len)
{
    if (bytes->room - bytes->len < len && !bytes->failed) {
        size_t room = 2 * (bytes->len + len) + 4096;
        uint8_t *at = realloc(bytes->at, room);
        bytes->failed = !at;
        if (at) {
            bytes->at = at;
            bytes->room = room;
        }
    }
    if (bytes->failed || !len)
        return;
    memcpy(bytes->at + bytes->len, what, len);
    bytes->len += len;
}

/* The lowest len bytes of a number, most significant first. */
static void put_number(struct mmdb_bytes *bytes, uint64_t number, size_t len)
{
    uint8_t big_endian[8];
    for (size_t i = 0; i < len; i++)
        big_endian[i] = (uint8_t)(number >> (8 * (len - 1 - i)));
    put(bytes, big_endian, len);
}

/* The control byte and what follows it; sizes here stay below 285. */
static void put_control(struct mmdb_bytes *bytes, enum mmdb_type type, size_t size)
{
    unsigned extended = type > 7, low = size < 29 ? (unsigned)size : 29u;
    put_number(bytes, (extended ? 0u : (unsigned)type << 5) | low, 1);
    if (extended)
        put_number(bytes, (unsigned)type - 7, 1);
    if (low == 29)
        put_number(bytes, size - 29, 1);
}

static void put_string(struct mmdb_bytes *bytes, const char *string)
{
    size_t len = strlen(string);
    put_control(bytes, TYPE_STRING, len);
    put(bytes, string, len);
}

static void put_unsigned(struct mmdb_bytes *bytes, enum mmdb_type type, uint64_t number)
{
    size_t len = 0;
    while (len < 8 && number >> (8 * len))
        len++;
    put_control(bytes, type, len);
    put_number(bytes, number, len);
}

static void put_double(struct mmdb_bytes *bytes, double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    put_control(bytes, TYPE_DOUBLE, 8);
    put_number(bytes, bits, 8);
}

/* How long a pointer to this offset is: each size has its own base. */
static size_t pointer_size(uint32_t offset)
{
    return offset < 2048 ? 2 : offset < 526336 ? 3 : offset < 134744064 ? 4 : 5;
}

static void put_pointer(struct mmdb_bytes *bytes, uint32_t offset)
{
    static const uint32_t base[] = {0, 2048, 526336, 0};
    size_t size = pointer_size(offset) - 2;
    uint32_t value = offset - base[size];
    unsigned control = 1u << 5 | (unsigned)size << 3;
    if (size < 3)
        control |= value >> (8 * (size + 1));
    put_number(bytes, control, 1);
    put_number(bytes, value, size + 1);
}

static size_t hash_bytes(const uint8_t *at, size_t len)
{
    uint64_t hash = fnv_mix(FNV_START, at, len);

    return (size_t)(hash ^ hash >> 32);
}

static struct mmdb_seen *find_seen(struct mmdb_data *data, const uint8_t *key, size_t len)
{
    size_t at = hash_bytes(key, len) & (data->slot_count - 1);
    for (;; at = (at + 1) & (data->slot_count - 1)) {
        struct mmdb_seen *seen = &data->seen[at];
        if (!seen->key_len ||
            (seen->key_len == len && memcmp(data->keys.at + seen->key, key, len) == 0))
            return seen;
    }
}

static bool grow_seen(struct mmdb_data *data)
{
    size_t old_count = data->slot_count;
    struct mmdb_seen *old = data->seen;
    data->slot_count = old_count ? 2 * old_count : 1024;
    data->seen = calloc(data->slot_count, sizeof *data->seen);
    if (!data->seen) {
        free(old);
        data->bytes.failed = true;
        return false;
    }
    for (size_t i = 0; i < old_count; i++)
        if (old[i].key_len)
            *find_seen(data, data->keys.at + old[i].key, old[i].key_len) = old[i];
    free(old);
    return true;
}

/* The plain encoding of a value, without pointers: empty at first. */
static struct mmdb_bytes *start_plain(struct mmdb_data *data)
{
    data->plain.len = 0;
    return &data->plain;
}

/*
 * Looks for a value by its plain encoding and writes a pointer to it. If it has
 * not been there, it is noted for the place where the caller writes it now.
 */
static bool put_seen(struct mmdb_data *data)
{
    const struct mmdb_bytes *plain = &data->plain;

    data->bytes.failed |= plain->failed;
    if (data->bytes.failed)
        return false;
    if (2 * (data->seen_count + 1) > data->slot_count && !grow_seen(data))
        return false;
    struct mmdb_seen *seen = find_seen(data, plain->at, plain->len);
    if (seen->key_len) {
        if (pointer_size(seen->offset) >= plain->len)
            return false;
        put_pointer(&data->bytes, seen->offset);
        return true;
    }
    *seen = (struct mmdb_seen){data->keys.len, plain->len, (uint32_t)data->bytes.len};
    data->seen_count++;
    put(&data->keys, plain->at, plain->len);
    data->bytes.failed |= data->keys.failed;
    return false;
}

/* A string, as a pointer if it has been there and that is shorter. */
static void put_shared(struct mmdb_data *data, const char *string)
{
    put_string(start_plain(data), string);
    if (!put_seen(data))
        put(&data->bytes, data->plain.at, data->plain.len);
}

/* A map of one string, such as {"iso_code": "FR"}, as a pointer if it has been there. */
static void put_shared_map(struct mmdb_data *data, const char *key, const char *value)
{
    struct mmdb_bytes *plain = start_plain(data);
    put_control(plain, TYPE_MAP, 1);
    put_string(plain, key);
    put_string(plain, value);
    if (put_seen(data))
        return;
    put_control(&data->bytes, TYPE_MAP, 1);
    put_shared(data, key);
    put_shared(data, value);
}

static void put_location(struct mmdb_data *data, double latitude, double longitude)
{
    struct mmdb_bytes *plain = start_plain(data);
    put_control(plain, TYPE_MAP, 2);
    put_double(plain, latitude);
    put_double(plain, longitude);
    if (put_seen(data))
        return;
    put_control(&data->bytes, TYPE_MAP, 2);
    put_shared(data, "latitude");
    put_double(&data->bytes, latitude);
    put_shared(data, "longitude");
    put_double(&data->bytes, longitude);
}

/* "names": MaxMind's files have a name in several languages. */
static void put_city(struct mmdb_data *data, const char *city)
{
    put_shared(data, "city");
    put_control(&data->bytes, TYPE_MAP, 1);
    put_shared(data, "names");
    put_shared_map(data, "en", city);
}

static void put_pair(struct mmdb_data *data, const char *key, const char *value)
{
    if (value[0]) {
        put_shared(data, key);
        put_shared(data, value);
    }
}

static void put_code(struct mmdb_data *data, const char *key, const char *inner, const char *code)
{
    if (code[0]) {
        put_shared(data, key);
        put_shared_map(data, inner, code);
    }
}

uint32_t mmdb_data_record(struct mmdb_data *data, const struct range_record *r)
{
    uint32_t offset = (uint32_t)data->bytes.len;
    size_t fields = (r->provider[0] != 0) + (r->region[0] != 0) + (r->border_group[0] != 0) +
                    (r->city[0] != 0) + (r->country[0] != 0) + (r->continent[0] != 0) +
                    (r->has_point != 0);

    put_control(&data->bytes, TYPE_MAP, fields);
    put_pair(data, "provider", r->provider);
    put_pair(data, "region", r->region);
    put_pair(data, "border_group", r->border_group);
    if (r->city[0])
        put_city(data, r->city);
    put_code(data, "continent", "code", r->continent);
    put_code(data, "country", "iso_code", r->country);
    if (r->has_point) {
        put_shared(data, "location");
        put_location(data, r->latitude, r->longitude);
    }
    return offset;
}

void mmdb_data_free(struct mmdb_data *data)
{
    free(data->bytes.at);
    free(data->keys.at);
    free(data->plain.at);
    free(data->seen);
}

void mmdb_metadata(struct mmdb_bytes *bytes, const struct mmdb_metadata *metadata)
{
    put(bytes, "\xab\xcd\xefMaxMind.com", 14);
    put_control(bytes, TYPE_MAP, 9);
    put_string(bytes, "binary_format_major_version");
    put_unsigned(bytes, TYPE_UINT16, 2);
    put_string(bytes, "binary_format_minor_version");
    put_unsigned(bytes, TYPE_UINT16, 0);
    put_string(bytes, "build_epoch");
    put_unsigned(bytes, TYPE_UINT64, metadata->build_epoch);
    put_string(bytes, "database_type");
    put_string(bytes, metadata->type);
    put_string(bytes, "description");
    put_control(bytes, TYPE_MAP, 1);
    put_string(bytes, "en");
    put_string(bytes, metadata->description);
    put_string(bytes, "ip_version");
    put_unsigned(bytes, TYPE_UINT16, 6);
    put_string(bytes, "languages");
    put_control(bytes, TYPE_ARRAY, 1);
    put_string(bytes, "en");
    put_string(bytes, "node_count");
    put_unsigned(bytes, TYPE_UINT32, metadata->node_count);
    put_string(bytes, "record_size");
    put_unsigned(bytes, TYPE_UINT16, metadata->record_size);
}
