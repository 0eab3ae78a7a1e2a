/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "ranges/load.h"

static bool read_all(FILE *file, const char *path, size_t most, char **bytes, size_t *len,
                     struct range_error *error)
{
    size_t room = 0, got = 0;
    do {
        if (got == room) {
            room = room ? 2 * room : 1 << 16;
            char *grown = realloc(*bytes, room);
            if (!grown)
                return range_fail(error, "There is not enough memory to read %s.", path);
            *bytes = grown;
        }
        got += fread(*bytes + got, 1, room - got, file);
    } while (got <= most && !feof(file) && !ferror(file));
    *len = got;
    if (ferror(file))
        return range_fail(error, "%s cannot be read: %s.", path, strerror(errno));
    if (got > most)
        return range_fail(error, "%s is larger than %zu MB, too large for what is read here.", path,
                          most / 1024 / 1024);
    return true;
}

bool load_file(const char *path, size_t most, char **bytes, size_t *len, struct range_error *error)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "rbe");
    *bytes = NULL;
    if (!file)
        return range_fail(error, "%s cannot be read: %s.", path, strerror(errno));
    bool done = read_all(file, path, most, bytes, len, error);
    if (!standard)
        fclose(file);
    if (!done) {
        free(*bytes);
        *bytes = NULL;
    }
    return done;
}
