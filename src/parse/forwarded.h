/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's address from a forwarding header: X-Forwarded-For and its like
 * (addresses separated by commas), or Forwarded (RFC 7239). Each proxy adds, at
 * the right, the address of its own peer; so the list is believed from the right
 * as far as trusted proxies wrote it, and the right-most address that is none of
 * theirs is the client. What stands left of that, the client may have invented.
 */
#ifndef PARSE_FORWARDED_H
#define PARSE_FORWARDED_H

#include "parse/address.h"

enum forwarding_syntax {
    FORWARDING_LIST,   /* "192.0.2.1, 2001:db8::1" */
    FORWARDING_RFC7239 /* "for=192.0.2.1;proto=https, for=\"[2001:db8::1]:4711\"" */
};

struct forwarding {
    enum forwarding_syntax syntax;
    /*
     * 0: right to left, as above. Else this entry from the right is taken (1 is
     * the last one), whoever is in it: archeio's rule is 2, for Google's load
     * balancers, which append the client and themselves.
     */
    unsigned fixed;
    const struct network *trusted; /* proxies; with fixed, none means: believe everybody */
    size_t trusted_count;
};

enum {
    FORWARDED_MAX = 64,        /* entries looked at, from the right */
    FORWARDED_BYTES_MAX = 8192 /* a longer value says nothing */
};

/*
 * The address of the client whose request came from peer with these values of
 * the header, in their order; a repeated header is one list. It is peer itself
 * if that is no trusted proxy, or if it sent no list. If all are trusted, it is
 * the left-most. It is none (ADDRESS_NONE) if a trusted proxy did not say
 * ("unknown", a hidden name, an entry or a header that cannot be read), or if there are
 * too few entries (fixed) or too many.
 */
struct address forwarded_client(const struct forwarding *forwarding, struct address peer,
                                const struct slice *values, size_t count);

#endif
