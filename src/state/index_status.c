/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "state/index_status.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include "core/plain_file.h"
#include "core/replacement.h"

enum { LINE_SIZE = 1024 };

static bool read_line(const char *line, struct index_source_status *source)
{
    int end = 0;

    if (sscanf(line,
               "source %16[0-9a-f] %" SCNu64 " %" SCNd64 " %" SCNu64 " %" SCNd64 " %" SCNd64
               " %" SCNu64 "%n",
               source->id, &source->serial, &source->time_s, &source->lines, &source->fetched_s,
               &source->asked_s, &source->refused, &end) != 7)
        return false;
    why_not(&source->reason, "%.*s", (int)strcspn(line + end, "\n"), line + end);
    if (source->reason.text[0] == ' ')
        memmove(source->reason.text, source->reason.text + 1, strlen(source->reason.text));
    return strlen(source->id) == INDEX_SOURCE_ID_SIZE - 1;
}

static bool read_file(struct index_source_status *status, int directory, const char *name)
{
    int fd = directory < 0 ? -1 : plain_file_open(directory, name, O_NOFOLLOW, LINE_SIZE, NULL);
    char line[LINE_SIZE + 1];
    ssize_t len = fd < 0 ? -1 : plain_file_read(fd, line, LINE_SIZE);

    if (fd >= 0)
        close(fd);
    line[len < 0 ? 0 : len] = '\0';
    return read_line(line, status);
}

bool index_status_read_source(struct index_source_status *status, int folder)
{
    return read_file(status, folder, INDEX_STATUS);
}

void index_status_read(struct index_status *status, int directory,
                       const struct index_source *sources, size_t count)
{
    char name[INDEX_SOURCE_FOLDER_SIZE + sizeof INDEX_STATUS];

    *status = (struct index_status){0};
    for (size_t i = 0; i < count && i < INDEX_SOURCES_MAX; i++) {
        index_source_folder(&sources[i], name);
        strcat(name, "/" INDEX_STATUS);
        status->count += read_file(&status->source[status->count], directory, name);
    }
}

bool index_status_write(const struct index_source_status *s, int folder)
{
    struct replacement new;

    if (!replacement_begin(&new, folder, INDEX_STATUS, 0644))
        return false;
    fprintf(new.file,
            "source %s %" PRIu64 " %" PRId64 " %" PRIu64 " %" PRId64 " %" PRId64 " %" PRIu64
            " %s\n",
            s->id, s->serial, s->time_s, s->lines, s->fetched_s, s->asked_s, s->refused,
            s->reason.text);
    return replacement_end(&new, true);
}

const struct index_source_status *index_status_find(const struct index_status *status,
                                                    const struct index_source *source)
{
    for (size_t i = 0; i < status->count; i++)
        if (strcmp(status->source[i].id, source->id) == 0)
            return &status->source[i];
    return NULL;
}
