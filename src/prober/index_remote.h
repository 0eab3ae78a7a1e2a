/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mirror of an index's source: a folder at a web server or an object store, or an artifact at a
 * registry (see index_address.h), whose manifest has the list for its configuration and the files
 * for its layers, as `signpost index publish --oci` writes it.
 *
 * Redirects lead to any host over https (see `anywhere` in registry/client.h): what is fetched
 * is known by its digest, and the list by its signature.
 */
#ifndef PROBER_INDEX_REMOTE_H
#define PROBER_INDEX_REMOTE_H

#include "registry/http.h"
#include "state/index_list.h"

#define INDEX_ARTIFACT_TYPE "application/vnd.signpost.index.v1"
#define INDEX_LAYER_TYPE    "text/plain"

struct index_remote;

/*
 * address is borrowed; so is ca_file (NULL: the system's certificates). Requests after ends_ms, by
 * the steady clock, fail, and so do a list that takes 10 s and a file that comes too slowly. NULL
 * without memory.
 */
struct index_remote *index_remote_open(const char *address, const char *ca_file, int64_t ends_ms);

/* NULL is fine. */
void index_remote_close(struct index_remote *remote);

/* What says that a list is the same as before: a header line, or an artifact's digest. */
enum { INDEX_VALIDATOR_SIZE = HTTP_VALIDATOR_SIZE };

enum index_remote_outcome {
    INDEX_REMOTE_FAILED, /* the reason tells */
    INDEX_REMOTE_SAME,   /* the list is the one of the validator */
    INDEX_REMOTE_SENT
};

/*
 * Asks for the list. validator is that of an earlier answer (empty: none), and becomes that of
 * this one; text lives until the next request.
 */
enum index_remote_outcome index_remote_list(struct index_remote *remote,
                                            char validator[INDEX_VALIDATOR_SIZE],
                                            struct slice *text, struct why *why);

/* Gets a file of the list; whoever takes it checks its digest. False with the reason. */
bool index_remote_file(struct index_remote *remote, const struct index_list_file *file,
                       struct http_sink sink, struct why *why);

#endif
