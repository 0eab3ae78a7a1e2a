/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "prober/index_seen.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/plain_file.h"
#include "core/replacement.h"

enum { FILE_MAX = 64 << 10 };

static bool copy(char *into, size_t size, const char *text)
{
    bool fits = text && strlen(text) < size;

    snprintf(into, size, "%s", fits ? text : "");
    return fits;
}

static bool read_line(struct index_seen *seen, char *line, const char *url)
{
    const char *at = strsep(&line, "\t");

    if (strcmp(at, url) != 0)
        return false;
    bool good = copy(seen->circumstances, sizeof seen->circumstances, strsep(&line, "\t"));
    at = good ? strsep(&line, "\t") : NULL;
    seen->since_s = at ? strtoll(at, NULL, 10) : 0;
    good = good && copy(seen->validator, sizeof seen->validator, strsep(&line, "\t")) &&
           copy(seen->reason.text, sizeof seen->reason.text, line);
    if (!good)
        *seen = (struct index_seen){0};
    return good;
}

void index_seen_read(struct index_seen *seen, int folder, const char *url)
{
    int fd = plain_file_open(folder, INDEX_SEEN, O_NOFOLLOW, FILE_MAX, NULL);
    FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
    char *line = NULL;
    size_t room = 0;

    *seen = (struct index_seen){0};
    while (in && getline(&line, &room, in) >= 0) {
        line[strcspn(line, "\n")] = '\0';
        if (read_line(seen, line, url))
            break;
    }
    free(line);
    if (in)
        fclose(in);
    else if (fd >= 0)
        close(fd);
}

bool index_seen_write(const struct index_seen *seen, const char *const *urls, size_t count,
                      int folder)
{
    struct replacement new;

    if (!replacement_begin(&new, folder, INDEX_SEEN, 0644))
        return false;
    for (size_t i = 0; i < count; i++)
        if (seen[i].validator[0])
            fprintf(new.file, "%s\t%s\t%" PRId64 "\t%s\t%s\n", urls[i], seen[i].circumstances,
                    seen[i].since_s, seen[i].validator, seen[i].reason.text);
    return replacement_end(&new, false);
}
