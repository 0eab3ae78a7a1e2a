/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/audit/repositories.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "cmd/audit/gate.h"
#include "cmd/progress.h"

bool repositories_add(struct repositories *repositories, struct slice host, const char *text,
                      struct why *why)
{
    struct slice name = slice_of(text);

    if (name.len > host.len && slice_starts(name, host) && name.at[host.len] == '/')
        name = slice_from(name, host.len + 1);
    if (!oci_is_name(name))
        return why_not(why,
                       "\"%.120s\" is no repository: write a name without a tag, such as "
                       "team/app.",
                       text);
    return name_list_add(&repositories->names, name, why);
}

bool repositories_read(struct repositories *repositories, struct slice host, const char *file,
                       struct why *why)
{
    FILE *in = fopen(file, "re");
    char *line = NULL;
    size_t room = 0, number = 0;
    struct why reason;
    bool good = in || why_not(why, "%s cannot be read: %s.", file, strerror(errno));

    while (good && getline(&line, &room, in) >= 0) {
        number++;
        line[strcspn(line, "#\r\n")] = '\0';
        struct slice name = slice_trim(slice_of(line));
        if (!name.len)
            continue;
        line[(size_t)(name.at - line) + name.len] = '\0';
        good = repositories_add(repositories, host, name.at, &reason) ||
               why_not(why, "%s:%zu: %s", file, number, reason.text);
    }
    if (good && !feof(in))
        good = why_not(why, "%s cannot be read: %s.", file, strerror(errno));
    free(line);
    if (in)
        fclose(in);
    return good;
}

/* ---- catalogs ---- */

static enum registry_outcome read_catalog(struct name_list *names,
                                          const struct registries *registries, size_t number,
                                          struct why *why)
{
    const struct registry *registry = &registries->list[number];
    struct gate gate;

    gate_init(&gate);
    const struct registry_access access = {
        .url = registry->url,
        .prefix = registry->prefix,
        .hosts = registries->hosts,
        .host_count = registries->host_count,
        .pace = &gate.pace,
        .stopped = interrupt_came,
    };
    struct registry_client *client = registry_client_new(&access);
    enum registry_outcome outcome =
        client ? catalog_read(names, client, slice_of(registry->prefix), why) : REGISTRY_FAILED;
    if (!client)
        why_not(why, "libcurl cannot be started");
    else if (outcome == REGISTRY_ABSENT)
        why_not(why, "%.200s has no catalog", registry->url);
    registry_client_free(client);
    gate_destroy(&gate);
    return outcome;
}

bool repositories_list(struct repositories *repositories, const struct registries *registries,
                       struct why *why)
{
    struct why reason = {""};
    size_t blind = 0;

    repositories->blind = calloc(registries->count, sizeof *repositories->blind);
    if (!repositories->blind)
        return why_not(why, "There is not enough memory.");
    for (size_t i = 0; i < registries->count; i++) {
        if (read_catalog(&repositories->names, registries, i, &reason) == REGISTRY_FOUND)
            continue;
        if (interrupt_came())
            return why_not(why, "It was interrupted.");
        repositories->blind[i] = strdup(reason.text);
        blind++;
    }
    return blind < registries->count ||
           why_not(why,
                   "No registry lists its repositories (%.120s): name them, or say --repositories "
                   "FILE.",
                   reason.text);
}

/* ---- the list ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void repositories_sort(struct repositories *repositories)
{
    struct name_list *names = &repositories->names;
    size_t kept = 0;

    if (names->count)
        qsort(names->list, names->count, sizeof *names->list, compare_names);
    for (size_t i = 0; i < names->count; i++) {
        if (kept && strcmp(names->list[kept - 1], names->list[i]) == 0)
            free(names->list[i]);
        else
            names->list[kept++] = names->list[i];
    }
    names->count = kept;
}

void repositories_clear(struct repositories *repositories, size_t registries)
{
    for (size_t i = 0; repositories->blind && i < registries; i++)
        free(repositories->blind[i]);
    free(repositories->blind);
    name_list_clear(&repositories->names);
    repositories->blind = NULL;
}
