/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "cmd/verify/location.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "registry/http.h"

/* The byte at the start of a path, decoded, and how many bytes it takes there. */
static char byte_at(const char *path, size_t *taken)
{
    bool escape =
        path[0] == '%' && isxdigit((unsigned char)path[1]) && isxdigit((unsigned char)path[2]);
    char hex[3] = {escape ? path[1] : '0', escape ? path[2] : '0', '\0'};

    *taken = escape ? 3 : 1;
    return escape ? (char)strtoul(hex, NULL, 16) : path[0];
}

/* Whether a segment of so many bytes, of which so many are dots, is one to resolve. */
static bool is_odd(size_t bytes, size_t dots, bool last)
{
    return bytes == dots && (bytes == 1 || bytes == 2 || (bytes == 0 && !last));
}

bool location_is_crooked(const char *location)
{
    const char *authority = strstr(location, "://");
    const char *path = strchr(authority ? authority + 3 : location, '/');
    size_t bytes = 0, dots = 0, taken;

    if (!path)
        return false;
    for (path++; *path && *path != '?' && *path != '#'; path += taken) {
        char byte = byte_at(path, &taken);
        if (byte == '/' && (taken > 1 || is_odd(bytes, dots, false)))
            return true;
        bytes = byte == '/' ? 0 : bytes + 1;
        dots = byte == '/' ? 0 : dots + (byte == '.');
    }
    return is_odd(bytes, dots, true);
}

bool location_leaves(const char *location, const char *base)
{
    size_t len = strlen(base);

    return http_same_host(location, base) &&
           (strncmp(location, base, len) != 0 || location[len] != '/');
}
