/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps a database up to date with its sources. Beside the database, in the
 * folder <database>.sources, lies the last good copy of each source's file and
 * what is known of it (URL, ETag, number of prefixes). A source that cannot be
 * got, is bad or has shrunk keeps its last good copy.
 */
#ifndef RANGES_DOWNLOAD_H
#define RANGES_DOWNLOAD_H

#include "ranges/compile.h"
#include "ranges/sources.h"

enum { SHRUNK_PERCENT = 80 }; /* fewer prefixes than this part of the last ones are refused */

struct download {
    const struct source_set *sources;
    const char *database; /* path */
    bool force;           /* take what has shrunk */
    bool progress;        /* show it on standard error */
    bool quiet;           /* say nothing of what went well */
};

/*
 * Gets the sources and writes the database. Says on standard output what came and
 * on standard error what went wrong. Returns 0; or 1 if any source failed or the
 * database was not written.
 */
int download_run(const struct download *download);

#endif
