/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#ifdef HAVE_LIBMAXMINDDB
#include "place/geodb_file.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mapped.h"
#include "core/plain_file.h"

enum {
    SEPARATOR = 16, /* zero bytes between search tree and data (MaxMind DB File Format 2.0) */
    WAYS_MAX = 3    /* names that one field has among publishers */
};

union any_address {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

/* Filled in place and only where it is read: this is on every request's way. */
static const struct sockaddr *socket_address(union any_address *to, const struct address *address)
{
    if (address->family == ADDRESS_IPV4) {
        to->ipv4.sin_family = AF_INET;
        memcpy(&to->ipv4.sin_addr, address->bytes + 12, 4);
    } else {
        to->ipv6.sin6_family = AF_INET6;
        memcpy(&to->ipv6.sin6_addr, address->bytes, 16);
    }
    return &to->any;
}

/* The format's own promises, which libmaxminddb does not all check. */
static bool check_layout(const MMDB_s *mmdb, const char *name, struct why *why)
{
    static const uint8_t ZEROS[SEPARATOR];
    const MMDB_metadata_s *meta = &mmdb->metadata;
    uint64_t tree = (uint64_t)meta->node_count * meta->record_size / 4;

    if (meta->ip_version != 4 && meta->ip_version != 6)
        return why_not(why, "%s is damaged: it has addresses of IP version %u.", name,
                       (unsigned)meta->ip_version);
    if (!meta->node_count || mmdb->file_size < 0 || tree + SEPARATOR > (uint64_t)mmdb->file_size)
        return why_not(why, "%s is damaged: a search tree of %u nodes is not in it.", name,
                       (unsigned)meta->node_count);
    if (memcmp(mmdb->file_content + tree, ZEROS, SEPARATOR) != 0)
        return why_not(why, "%s is damaged: its data does not begin where its tree ends.", name);
    return true;
}

/* Whether look-ups here and there come to an end in the tree. */
static bool check_tree(const MMDB_s *mmdb, const char *name, struct why *why)
{
    enum { TRIES = 16 };

    for (unsigned i = 0; i < TRIES; i++) {
        struct address address = {.family = i % 2 && mmdb->metadata.ip_version == 6 ? ADDRESS_IPV6
                                                                                    : ADDRESS_IPV4};
        int error = MMDB_SUCCESS;
        address.bytes[0] = 0x20;
        address.bytes[1] = (uint8_t)(i * 29);
        address.bytes[12] = (uint8_t)(i * 16 + 1);
        union any_address to;
        MMDB_lookup_sockaddr(mmdb, socket_address(&to, &address), &error);
        if (error == MMDB_CORRUPT_SEARCH_TREE_ERROR)
            return why_not(why, "%s is damaged: its search tree does not hold together.", name);
    }
    return true;
}

/* MMDB_open, by the name of the open file, and what it does not look at. */
static bool open_checked(MMDB_s *mmdb, int fd, const char *name, bool thorough, struct why *why)
{
    char opened[PLAIN_FILE_NAME_SIZE];
    int error = MMDB_open(plain_file_name(fd, opened, name), MMDB_MODE_MMAP, mmdb);

    if (error == MMDB_OUT_OF_MEMORY_ERROR)
        errno = ENOMEM;
    if (error == MMDB_IO_ERROR || error == MMDB_FILE_OPEN_ERROR)
        return why_not(why, "%s cannot be read: %s.", name, strerror(errno));
    if (error != MMDB_SUCCESS)
        return why_not(why, "%s is no usable address database: %s.", name, MMDB_strerror(error));
    if (check_layout(mmdb, name, why) && (!thorough || check_tree(mmdb, name, why)))
        return true;
    MMDB_close(mmdb);
    return false;
}

static bool open_file(MMDB_s *mmdb, int fd, const char *name, off_t size, bool thorough,
                      struct why *why)
{
    errno = 0;
    if (size == 0)
        return why_not(why, "%s is empty.", name);
    mapped_opening();
    bool good = open_checked(mmdb, fd, name, thorough, why);
    if (mapped_opened() || !good)
        return good;
    MMDB_close(mmdb);
    return why_not(why, "%s was cut short while it was opened.", name);
}

bool geodb_file_open(struct geodb_file *file, const char *name, bool thorough, struct why *why)
{
    struct stat status;
    int fd = plain_file_open(AT_FDCWD, name, 0, INT64_MAX, &status);

    if (fd < 0 && errno == EINVAL)
        return why_not(why, "%s is not a plain file.", name);
    if (fd < 0)
        return why_not(why, "%s cannot be read: %s.", name, plain_file_error(errno));
    bool good = open_file(&file->mmdb, fd, name, status.st_size, thorough, why);
    int error = errno;
    close(fd);
    errno = error;
    if (!good)
        return false;
    file->map = mapped_watch(file->mmdb.file_content, (size_t)file->mmdb.file_size);
    file->cache = calloc((size_t)1 << GEODB_CACHE_BITS, sizeof *file->cache);
    if (file->map >= 0 && file->cache)
        return true;
    geodb_file_close(file);
    errno = ENOMEM;
    return why_not(why, "%s cannot be opened: there are too many files, or too little memory.",
                   name);
}

void geodb_file_close(struct geodb_file *file)
{
    MMDB_s *mmdb = &file->mmdb;

    mapped_release(file->map, (void *)(uintptr_t)mmdb->file_content, (size_t)mmdb->file_size);
    mmdb->file_content = NULL; /* so that MMDB_close frees only the rest */
    MMDB_close(mmdb);
    free(file->cache);
    file->cache = NULL;
}

/* Where publishers put each field, in the order of trying. */
static const char *const KNOWN[GEODB_FIELDS][WAYS_MAX][3] = {
    [GEODB_PROVIDER] = {{"provider"}},
    [GEODB_REGION] = {{"region"}},
    [GEODB_BORDER_GROUP] = {{"border_group"}},
    [GEODB_COUNTRY] = {{"country", "iso_code"}, {"country_code"}, {"country"}},
    [GEODB_CONTINENT] = {{"continent", "code"}, {"continent_code"}},
    [GEODB_LATITUDE] = {{"location", "latitude"}, {"latitude"}},
    [GEODB_LONGITUDE] = {{"location", "longitude"}, {"longitude"}},
    [GEODB_ASN] = {{"autonomous_system_number"}, {"asn"}},
};

/* A record being decoded. */
struct record {
    const struct places *places;
    const struct geodb_path *paths;
    MMDB_entry_s entry;
    bool damaged; /* some of it cannot be read */
};

/* The value at a path. False if there is none, or it is a map. */
static bool get_at(struct record *record, const char *const *path, MMDB_entry_data_s *value)
{
    int error = MMDB_aget_value(&record->entry, value, path);

    /* Another path than the record's is no damage. */
    if (error != MMDB_SUCCESS && error != MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR)
        record->damaged = true;
    return error == MMDB_SUCCESS && value->has_data && value->type != MMDB_DATA_TYPE_MAP;
}

/* A field's value. False if the record has none. */
static bool get(struct record *record, enum geodb_field field, MMDB_entry_data_s *value)
{
    if (record->paths[field].parts[0])
        return get_at(record, record->paths[field].parts, value);
    for (int i = 0; i < WAYS_MAX && KNOWN[field][i][0]; i++) {
        if (get_at(record, KNOWN[field][i], value))
            return true;
    }
    return false;
}

static struct slice get_text(struct record *record, enum geodb_field field)
{
    MMDB_entry_data_s value;

    if (!get(record, field, &value) || value.type != MMDB_DATA_TYPE_UTF8_STRING)
        return (struct slice){"", 0};
    return (struct slice){value.utf8_string, value.data_size};
}

static bool get_degrees(struct record *record, enum geodb_field field, double *degrees)
{
    MMDB_entry_data_s value;

    if (!get(record, field, &value))
        return false;
    if (value.type == MMDB_DATA_TYPE_DOUBLE)
        *degrees = value.double_value;
    else if (value.type == MMDB_DATA_TYPE_FLOAT)
        *degrees = (double)value.float_value;
    else
        return false;
    return true;
}

/* A number, or as some write it, "AS64496". */
static uint32_t get_asn(struct record *record)
{
    MMDB_entry_data_s value;
    uint64_t number = 0;

    if (!get(record, GEODB_ASN, &value))
        return 0;
    if (value.type == MMDB_DATA_TYPE_UINT32)
        return value.uint32;
    if (value.type == MMDB_DATA_TYPE_UINT16)
        return value.uint16;
    if (value.type != MMDB_DATA_TYPE_UTF8_STRING)
        return 0;
    struct slice text = {value.utf8_string, value.data_size};
    if (text.len > 2 && slice_equal_nocase(slice_to(text, 2), SLICE("AS")))
        text = slice_from(text, 2);
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || number > UINT32_MAX)
            return 0;
        number = number * 10 + (uint64_t)(text.at[i] - '0');
    }
    return number > UINT32_MAX ? 0 : (uint32_t)number;
}

/* The entry of "provider:name", or NO_PLACE. */
static place_index find_of_provider(const struct places *places, struct slice provider,
                                    struct slice name)
{
    char key[PLACE_KEY_SIZE];

    if (!name.len || provider.len + 1 + name.len > sizeof key)
        return NO_PLACE;
    memcpy(key, provider.at, provider.len);
    key[provider.len] = ':';
    memcpy(key + provider.len + 1, name.at, name.len);
    return place_find(places, (struct slice){key, provider.len + 1 + name.len}, CODE_IS_COUNTRY);
}

/*
 * The record's region, or NO_PLACE. Without a provider, "region" may mean
 * anything, say a state: only a key path of the configuration's is taken then.
 */
static place_index decode_region(struct record *record)
{
    struct slice provider = get_text(record, GEODB_PROVIDER);
    struct slice region = get_text(record, GEODB_REGION);

    if (!region.len)
        return NO_PLACE;
    if (!provider.len)
        return record->paths[GEODB_REGION].parts[0] ? place_find_region(record->places, region)
                                                    : NO_PLACE;
    place_index group =
        find_of_provider(record->places, provider, get_text(record, GEODB_BORDER_GROUP));
    return group != NO_PLACE ? group : find_of_provider(record->places, provider, region);
}

/* Fills in country and continent, and the point that follows from them. */
static void add_country(struct record *record, struct place *place)
{
    struct slice country_code = get_text(record, GEODB_COUNTRY);
    struct slice continent_code = get_text(record, GEODB_CONTINENT);
    place_index country = place_find(record->places, country_code, CODE_IS_COUNTRY);
    place_index continent = place_find(record->places, continent_code, CODE_IS_CONTINENT);
    struct place wider = place_of(record->places, country != NO_PLACE ? country : continent);

    place->country = wider.country;
    place->continent = wider.continent;
    if (continent != NO_PLACE && place_fact(record->places, continent)->kind == PLACE_CONTINENT)
        place->continent = continent;
    if (!place->has_point) {
        place->has_point = wider.has_point;
        memcpy(place->point, wider.point, sizeof place->point);
    }
}

/* The record's own point. 0,0 is how some say that they do not know. */
static void add_point(struct record *record, struct place *place)
{
    double latitude, longitude;

    if (!get_degrees(record, GEODB_LATITUDE, &latitude) ||
        !get_degrees(record, GEODB_LONGITUDE, &longitude))
        return;
    if ((latitude < 0 || latitude > 0 || longitude < 0 || longitude > 0) &&
        place_point(latitude, longitude, place->point))
        place->has_point = true;
}

/*
 * A region stands where the table says, which the configuration may have
 * corrected. Elsewhere the record's own point goes before its country's.
 */
static struct place decode_place(struct record *record)
{
    place_index region = decode_region(record);
    struct place place = place_of(record->places, region);

    if (place.country == NO_PLACE)
        add_country(record, &place);
    if (region == NO_PLACE || !place_fact(record->places, region)->has_point)
        add_point(record, &place);
    return place;
}

/* The record's meaning. False if it cannot be read. */
static bool decode(struct geodb_file *file, struct record *record, struct geodb_record *meaning)
{
    uint32_t offset = record->entry.offset;

    /* libmaxminddb lets a tree point between tree and data, and offsets wrap around. */
    if (offset >= file->mmdb.data_section_size)
        return false;
    uint32_t slot = offset * UINT32_C(2654435761) >> (32 - GEODB_CACHE_BITS);
    struct geodb_cached *cached = &file->cache[slot];
    if (cached->offset_plus_one == offset + 1) {
        *meaning = cached->record;
        return true;
    }
    meaning->place = decode_place(record);
    meaning->asn = get_asn(record);
    if (record->damaged)
        return false;
    cached->record = *meaning;
    cached->offset_plus_one = offset + 1;
    return true;
}

enum geodb_outcome geodb_file_lookup(struct geodb_file *file, const struct places *places,
                                     const struct geodb_path paths[GEODB_FIELDS],
                                     const struct address *address, struct geodb_found *found)
{
    int error = MMDB_SUCCESS;

    if (address->family == ADDRESS_IPV6 && file->mmdb.metadata.ip_version == 4)
        return GEODB_WRONG_FAMILY;
    union any_address to;
    MMDB_lookup_result_s result =
        MMDB_lookup_sockaddr(&file->mmdb, socket_address(&to, address), &error);
    if (error != MMDB_SUCCESS)
        return GEODB_DAMAGED;
    if (!result.found_entry)
        return GEODB_NOT_FOUND;
    struct record record = {.places = places, .paths = paths, .entry = result.entry};
    if (!decode(file, &record, &found->record))
        return GEODB_DAMAGED;
    found->entry = result.entry;
    found->prefix_bits = result.netmask;
    if (address->family == ADDRESS_IPV4 && file->mmdb.metadata.ip_version == 6)
        found->prefix_bits = result.netmask < 96 ? 0 : result.netmask - 96u;
    return GEODB_FOUND;
}
#endif
