/* SPDX-License-Identifier: Apache-2.0 */
/* An object that a target must serve, byte for byte: `check_object` of a configuration. */
#ifndef PARSE_PIN_H
#define PARSE_PIN_H

#include <stdbool.h>
#include "core/slice.h"

/* Borrowed from the word that it was read from; without a digest: none. */
struct pin {
    bool is_manifest;
    struct slice name, digest;
};

/* What a word must be, for people. */
#define PIN_EXPECTS "\"NAME@DIGEST\" for a manifest, \"NAME/blobs/DIGEST\" for a blob, or \"\""

/* Reads "NAME@DIGEST", "NAME/manifests/DIGEST", "NAME/blobs/DIGEST", or "" for none; else false. */
bool pin_read(struct slice word, struct pin *pin);

#endif
