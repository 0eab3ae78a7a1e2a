/* SPDX-License-Identifier: Apache-2.0 */
/* Reads whole files into memory, up to a bound. */
#ifndef RANGES_LOAD_H
#define RANGES_LOAD_H

#include "ranges/range_list.h"

/*
 * Reads a file, or standard input for "-", of at most most bytes. The caller
 * frees *bytes. False with the error filled if it cannot be read or is larger.
 */
bool load_file(const char *path, size_t most, char **bytes, size_t *len, struct range_error *error);

#endif
