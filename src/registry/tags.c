/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "registry/tags.h"

#include <jansson.h>
#include <stdlib.h>

bool name_list_add(struct name_list *names, struct slice name, struct why *why)
{
    if (names->count == names->room) {
        size_t room = names->room ? 2 * names->room : 64;
        char **list =
            names->count < NAME_LIST_MAX ? realloc(names->list, room * sizeof *list) : NULL;
        if (!list)
            return why_not(why, "there are more than %zu names in the list", names->count);
        names->list = list;
        names->room = room;
    }
    names->list[names->count] = strndup(name.at, name.len);
    if (!names->list[names->count])
        return why_not(why, "there is not enough memory");
    names->count++;
    return true;
}

/* What one entry of a list is wanted as; empty if it is not wanted. */
struct filter {
    struct slice (*take)(const struct filter *filter, struct slice entry);
    const struct signature_tags *tags;
    struct slice prefix;
};

static struct slice take_tag(const struct filter *filter, struct slice tag)
{
    bool wanted = oci_is_tag(tag) && (!filter->tags || oci_is_signature_tag(tag, filter->tags));

    return wanted ? tag : (struct slice){NULL, 0};
}

static struct slice take_repository(const struct filter *filter, struct slice name)
{
    size_t cut = filter->prefix.len ? filter->prefix.len + 1 : 0;

    if (cut && (name.len <= cut || name.at[cut - 1] != '/' || !slice_starts(name, filter->prefix)))
        return (struct slice){NULL, 0};
    name = slice_from(name, cut);
    return oci_is_name(name) ? name : (struct slice){NULL, 0};
}

static bool add_page(struct name_list *names, struct slice body, const char *key,
                     const struct filter *filter, struct why *why)
{
    json_t *json = json_loadb(body.at, body.len, 0, NULL);
    const json_t *list = json_object_get(json, key);
    bool good = json_is_object(json) || why_not(why, "the answer is no list of %s", key);

    for (size_t i = 0; good && i < json_array_size(list); i++) {
        const json_t *text = json_array_get(list, i);
        struct slice entry = {json_string_value(text), json_string_length(text)};
        struct slice name = filter->take(filter, entry);
        if (name.len)
            good = name_list_add(names, name, why);
    }
    json_decref(json);
    return good;
}

/* Reads all pages, of which the first has been asked for. */
static enum registry_outcome read_pages(struct name_list *names, struct registry_client *client,
                                        enum registry_outcome outcome,
                                        const struct http_response *response, const char *key,
                                        const struct filter *filter, struct why *why)
{
    for (unsigned pages = 0; outcome == REGISTRY_FOUND; pages++) {
        if (pages == NAME_PAGES_MAX)
            why_not(why, "there are more than %d pages of %s", NAME_PAGES_MAX, key);
        if (pages == NAME_PAGES_MAX || !add_page(names, response->body, key, filter, why))
            return REGISTRY_FAILED;
        outcome = registry_get_next(client, &response, why);
        if (outcome == REGISTRY_ABSENT)
            return REGISTRY_FOUND;
    }
    return outcome;
}

enum registry_outcome tags_read(struct name_list *tags, struct registry_client *client,
                                struct slice name, const struct signature_tags *wanted,
                                struct why *why)
{
    const struct filter filter = {.take = take_tag, .tags = wanted};
    const struct http_response *response;
    enum registry_outcome outcome =
        registry_get(client, name, REGISTRY_TAGS, SLICE(""), &response, why);

    return read_pages(tags, client, outcome, response, "tags", &filter, why);
}

enum registry_outcome catalog_read(struct name_list *names, struct registry_client *client,
                                   struct slice prefix, struct why *why)
{
    const struct filter filter = {.take = take_repository, .prefix = prefix};
    const struct http_response *response;
    enum registry_outcome outcome =
        registry_get(client, SLICE(""), REGISTRY_CATALOG, SLICE(""), &response, why);

    return read_pages(names, client, outcome, response, "repositories", &filter, why);
}

void name_list_clear(struct name_list *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->list[i]);
    free(names->list);
    *names = (struct name_list){0};
}
