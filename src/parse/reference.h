/* SPDX-License-Identifier: Apache-2.0 */
/* What people call an image: "team/app", "registry.example.org/team/app:v1", "app@sha256:…". */
#ifndef PARSE_REFERENCE_H
#define PARSE_REFERENCE_H

#include <stdbool.h>
#include "core/slice.h"
#include "core/why.h"

/* The parts borrow from the text. */
struct image_reference {
    struct slice host;      /* empty: none is named */
    struct slice name;      /* of the repository, without the host */
    struct slice reference; /* a digest, else a tag; "latest" if there is neither */
};

/*
 * Takes an image's name apart (as the reference grammar that all clients share
 * does: a first component with a dot or a colon in it, or "localhost", is a host).
 * False, with the reason, if it is none.
 */
bool image_reference_parse(struct image_reference *image, const char *text, struct why *why);

/* Whether a name begins with a host, by the same rule. */
bool image_reference_names_host(struct slice name);

#endif
