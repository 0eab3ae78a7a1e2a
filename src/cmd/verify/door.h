/* SPDX-License-Identifier: Apache-2.0 */
/* The front door that is put to the test, and from where. */
#ifndef CMD_VERIFY_DOOR_H
#define CMD_VERIFY_DOOR_H

#include <stdbool.h>

/* Words of the command line; borrowed, and the same for all checks. */
struct door {
    const char *url;       /* "https://registry.example.org", no slash at its end */
    const char *canonical; /* what stands before "/NAME/manifests/…" there; NULL: not known */
    bool answers;          /* it does not redirect signatures' tags, but answers for itself */
    const char *header;    /* the one that tells the client's place; NULL: none */
    const char *ca_file;   /* as of http_request */
    bool whole;            /* all platforms and layers of an image, not one */
};

/* Where a client stands; NULL: what DNS says, and no place is told. */
struct view {
    const char *address; /* the front door's, "192.0.2.1:443" */
    const char *place;   /* "FR", the header's value */
};

#endif
