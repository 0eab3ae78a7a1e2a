/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an index is published, as a configuration names it: an http or https URL of a folder or
 * of the list in one, or an artifact at a registry, which is always asked over TLS:
 *
 *     oci://HOST[:PORT]/REPOSITORY:TAG
 */
#ifndef CONFIG_INDEX_ADDRESS_H
#define CONFIG_INDEX_ADDRESS_H

#include <stdbool.h>
#include "core/slice.h"

/* The parts of an address at a registry; they borrow from it. */
struct index_artifact {
    struct slice host, repository, tag;
};

enum {
    INDEX_SOURCE_ID_SIZE = 17,
    INDEX_SOURCES_MAX = 16,
    INDEX_MIRRORS_MAX = 8,
    INDEX_KEYS_MAX = 64
};

/* One that is published, as a configuration names it. */
struct index_source {
    const char *const *mirrors; /* its addresses, in order */
    size_t count;
    char id[INDEX_SOURCE_ID_SIZE]; /* a hash of the first one */
};

/* Whether text is an address of either kind. */
bool index_address_is(struct slice text);

/* Takes an address at a registry apart. False if it is none. */
bool index_address_artifact(struct slice text, struct index_artifact *artifact);

#endif
