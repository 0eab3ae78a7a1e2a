/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "index_status.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include "plain_file.h"
#include "replacement.h"

enum { FILE_MAX = 64 << 10, LINE_SIZE = 1024 };

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

void index_status_read(struct index_status *status, int directory)
{
    int fd = directory < 0 ? -1
                           : plain_file_open(directory, INDEX_FOLDER "/" INDEX_STATUS, O_NOFOLLOW,
                                             FILE_MAX, NULL);
    FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
    char line[LINE_SIZE];

    *status = (struct index_status){0};
    while (in && status->count < INDEX_SOURCES_MAX && fgets(line, sizeof line, in))
        status->count += read_line(line, &status->source[status->count]);
    if (in)
        fclose(in);
    else if (fd >= 0)
        close(fd);
}

bool index_status_write(const struct index_status *status, int folder)
{
    struct replacement new;

    if (!replacement_begin(&new, folder, INDEX_STATUS, 0644))
        return false;
    for (size_t i = 0; i < status->count; i++) {
        const struct index_source_status *s = &status->source[i];
        fprintf(new.file,
                "source %s %" PRIu64 " %" PRId64 " %" PRIu64 " %" PRId64 " %" PRId64 " %" PRIu64
                " %s\n",
                s->id, s->serial, s->time_s, s->lines, s->fetched_s, s->asked_s, s->refused,
                s->reason.text);
    }
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
