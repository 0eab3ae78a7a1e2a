/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the networks of a database back into a list, with libmaxminddb. */
#ifndef RANGES_MMDB_READ_H
#define RANGES_MMDB_READ_H

#include "ranges/range_list.h"

/* Whether a file looks like an MMDB: it has the format's marker near its end. */
bool mmdb_is_database(const char *path);

/*
 * Adds the database's networks to the list. The repetitions of the IPv4 networks
 * in IPv6 are left out. False with the error filled if it cannot be read or is
 * damaged.
 */
bool mmdb_read(struct range_list *list, const char *path, struct range_error *error);

#endif
