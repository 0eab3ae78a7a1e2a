/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#ifdef HAVE_LIBMAXMINDDB
#include <inttypes.h>
#include <stdio.h>

#include "place/geodb_file.h"

enum { DEPTH_MAX = 16, PATH_SIZE = 256, VALUE_SIZE = 256 };

struct walk {
    geodb_value *value;
    void *context;
    const MMDB_entry_data_list_s *at; /* the next item, in the order of the file */
    char path[PATH_SIZE];
};

static bool walk_value(struct walk *walk, size_t path_len, unsigned depth);

/* The text of a string, cut to what fits. */
static void copy_string(char *to, const MMDB_entry_data_s *data)
{
    size_t len = data->data_size < VALUE_SIZE - 1 ? data->data_size : VALUE_SIZE - 1;

    memcpy(to, data->utf8_string, len);
    to[len] = '\0';
}

static void format_value(char text[VALUE_SIZE], const MMDB_entry_data_s *data)
{
    switch (data->type) {
    case MMDB_DATA_TYPE_UTF8_STRING:
        copy_string(text, data);
        break;
    case MMDB_DATA_TYPE_DOUBLE:
        snprintf(text, VALUE_SIZE, "%.10g", data->double_value);
        break;
    case MMDB_DATA_TYPE_FLOAT:
        snprintf(text, VALUE_SIZE, "%.7g", (double)data->float_value);
        break;
    case MMDB_DATA_TYPE_UINT16:
        snprintf(text, VALUE_SIZE, "%u", (unsigned)data->uint16);
        break;
    case MMDB_DATA_TYPE_UINT32:
        snprintf(text, VALUE_SIZE, "%" PRIu32, data->uint32);
        break;
    case MMDB_DATA_TYPE_INT32:
        snprintf(text, VALUE_SIZE, "%" PRId32, data->int32);
        break;
    case MMDB_DATA_TYPE_UINT64:
        snprintf(text, VALUE_SIZE, "%" PRIu64, data->uint64);
        break;
    case MMDB_DATA_TYPE_BOOLEAN:
        snprintf(text, VALUE_SIZE, "%s", data->boolean ? "true" : "false");
        break;
    default:
        snprintf(text, VALUE_SIZE, "(%u bytes)", (unsigned)data->data_size);
    }
}

/* Appends ".key" to the path; its new length, or PATH_SIZE if it does not fit. */
static size_t extend(struct walk *walk, size_t path_len, const char *key, size_t key_len)
{
    size_t dot = path_len ? 1 : 0;

    if (path_len + dot + key_len >= PATH_SIZE)
        return PATH_SIZE;
    if (dot)
        walk->path[path_len] = '.';
    memcpy(walk->path + path_len + dot, key, key_len);
    walk->path[path_len + dot + key_len] = '\0';
    return path_len + dot + key_len;
}

/* The members of a map or an array. */
static bool walk_members(struct walk *walk, size_t path_len, unsigned depth,
                         const MMDB_entry_data_s *data)
{
    char number[16];

    for (uint32_t i = 0; i < data->data_size; i++) {
        const char *key = number;
        size_t key_len = (size_t)snprintf(number, sizeof number, "%u", i);
        if (data->type == MMDB_DATA_TYPE_MAP) {
            if (!walk->at || walk->at->entry_data.type != MMDB_DATA_TYPE_UTF8_STRING)
                return false;
            key = walk->at->entry_data.utf8_string;
            key_len = walk->at->entry_data.data_size;
            walk->at = walk->at->next;
        }
        size_t len = extend(walk, path_len, key, key_len);
        if (len == PATH_SIZE || !walk_value(walk, len, depth + 1))
            return false;
    }
    return true;
}

static bool walk_value(struct walk *walk, size_t path_len, unsigned depth)
{
    char text[VALUE_SIZE];

    if (!walk->at || depth > DEPTH_MAX)
        return false;
    const MMDB_entry_data_s *data = &walk->at->entry_data;
    walk->at = walk->at->next;
    if (data->type == MMDB_DATA_TYPE_MAP || data->type == MMDB_DATA_TYPE_ARRAY)
        return walk_members(walk, path_len, depth, data);
    format_value(text, data);
    walk->path[path_len] = '\0';
    walk->value(walk->context, walk->path, text);
    return true;
}

bool geodb_describe_entry(MMDB_entry_s *entry, geodb_value *value, void *context)
{
    MMDB_entry_data_list_s *list = NULL;
    struct walk walk = {.value = value, .context = context};
    bool good = MMDB_get_entry_data_list(entry, &list) == MMDB_SUCCESS;

    walk.at = list;
    good = good && walk_value(&walk, 0, 0);
    MMDB_free_entry_data_list(list);
    return good;
}
#endif
