/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of an index's source: who it is for, which source it is of, how new it is, and which
 * files it is made of.
 *
 *     # signpost-index 1 registry=NAME source=NAME serial=42 time=2026-11-28T21:30:00Z
 *     sha256:<hex> <size> <name>          a file, in the list's folder
 *     signature <base64>                  of all bytes above; may be absent
 *
 * The first line may have further words: shrinks=41 says that with serial 41 many lines were
 * taken out on purpose; others are for later versions, and ignored. A source's name is any word;
 * it stays the same from list to list, and no other source has it, so that the list of one is
 * not taken for that of another.
 */
#ifndef STATE_INDEX_LIST_H
#define STATE_INDEX_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "config/index_address.h"
#include "core/slice.h"
#include "core/why.h"

enum {
    INDEX_LIST_MAX = 64 << 10, /* bytes */
    INDEX_LIST_FILES = 64,
    INDEX_LIST_NAME_MAX = 128,     /* of a file */
    INDEX_LIST_SIGNATURE_MAX = 256 /* base64; ECDSA P-256 needs 96 */
};

#define INDEX_LIST_NAME "index" /* in its folder */

/* The bytes of all files of a list together. */
static const uint64_t INDEX_LIST_BYTES_MAX = UINT64_C(1) << 30;
static const uint64_t INDEX_LIST_SERIAL_MAX = UINT64_C(1000000000000000000);

struct index_list_file {
    struct slice digest; /* "sha256:" and 64 hexadecimal digits */
    uint64_t size;
    struct slice name; /* letters, digits, '.', '_' and '-'; perhaps in folders; no dot first */
};

/* Borrows from the text it was read from. */
struct index_list {
    struct slice registry, source;
    uint64_t serial;
    int64_t time_s;
    uint64_t shrinks; /* a serial; 0: none */
    size_t count;
    struct index_list_file file[INDEX_LIST_FILES];
    struct slice body;      /* all that a signature signs */
    struct slice signature; /* base64; empty: there is none */
};

/* False, with the reason, which names the list ("name: …"), if the text is none. */
bool index_list_parse(struct index_list *list, struct slice text, const char *name,
                      struct why *why);

/* Writes all but the signature. */
void index_list_write_body(const struct index_list *list, FILE *out);

/* Writes a list of this body and signature, which may be empty. */
void index_list_write(struct slice body, struct slice signature, FILE *out);

/* Whether both lists name the same files, in the same order. */
bool index_list_same_files(const struct index_list *a, const struct index_list *b);

/* Whether so many lines fewer must be said to be meant: a tenth, and a thousand. */
static inline bool index_list_is_shrinkage(uint64_t before, uint64_t now)
{
    return now < before && before - now > 1000 && before - now > before / 10;
}

/* Whether a list names a file. */
bool index_list_has(const struct index_list *list, struct slice digest);

/* ---- in folders ---- */

enum { INDEX_FILE_NAME_SIZE = 7 + 64 + 1 };

/* "sha256-<hex>": the name of a file of this digest. */
void index_list_file_name(struct slice digest, char name[INDEX_FILE_NAME_SIZE]);

/*
 * Reads a file of a list, in an open directory, into a buffer of INDEX_LIST_MAX bytes, and
 * parses it. False with the reason, and errno as plain_file_open; 0 if it is no list.
 */
bool index_list_read(struct index_list *list, int directory, const char *name, char *buffer,
                     struct why *why);

/* ---- what was fetched of a source, in the state directory ---- */

#define INDEX_FOLDER "index"

/* A source's folder there: "index/<id>". */
enum { INDEX_SOURCE_FOLDER_SIZE = sizeof INDEX_FOLDER + INDEX_SOURCE_ID_SIZE };
void index_source_folder(const struct index_source *source, char name[INDEX_SOURCE_FOLDER_SIZE]);

#define INDEX_FETCHED_LIST "list" /* in it, beside the files */

#endif
