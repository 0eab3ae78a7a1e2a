/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "registry/tags.h"

#include <jansson.h>
#include <stdlib.h>

static bool add(struct tag_list *tags, struct slice tag, struct why *why)
{
    if (tags->count == tags->room) {
        size_t room = tags->room ? 2 * tags->room : 64;
        char **list = tags->count < TAG_LIST_MAX ? realloc(tags->list, room * sizeof *list) : NULL;
        if (!list)
            return why_not(why, "there are more than %zu signature tags", tags->count);
        tags->list = list;
        tags->room = room;
    }
    tags->list[tags->count] = strndup(tag.at, tag.len);
    if (!tags->list[tags->count])
        return why_not(why, "there is not enough memory");
    tags->count++;
    return true;
}

static bool add_page(struct tag_list *tags, struct slice body, const struct signature_tags *wanted,
                     struct why *why)
{
    json_t *json = json_loadb(body.at, body.len, 0, NULL);
    const json_t *list = json_object_get(json, "tags");
    bool good = json_is_object(json) || why_not(why, "the answer is no list of tags");

    for (size_t i = 0; good && i < json_array_size(list); i++) {
        const json_t *text = json_array_get(list, i);
        struct slice tag = {json_string_value(text), json_string_length(text)};
        if (oci_is_tag(tag) && oci_is_signature_tag(tag, wanted))
            good = add(tags, tag, why);
    }
    json_decref(json);
    return good;
}

bool tag_list_read(struct tag_list *tags, struct registry_client *client, struct slice name,
                   const struct signature_tags *wanted, struct why *why)
{
    const struct http_response *response;
    enum registry_outcome outcome =
        registry_get(client, name, REGISTRY_TAGS, SLICE(""), &response, why);

    for (unsigned pages = 0; outcome == REGISTRY_FOUND; pages++) {
        if (pages == TAG_PAGES_MAX)
            return why_not(why, "there are more than %d pages of tags", TAG_PAGES_MAX);
        if (!add_page(tags, response->body, wanted, why))
            return false;
        outcome = registry_get_next(client, &response, why);
    }
    return outcome == REGISTRY_ABSENT;
}

void tag_list_clear(struct tag_list *tags)
{
    for (size_t i = 0; i < tags->count; i++)
        free(tags->list[i]);
    free(tags->list);
    *tags = (struct tag_list){0};
}
