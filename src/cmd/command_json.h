/* SPDX-License-Identifier: Apache-2.0 */
/* How subcommands print JSON. */
#ifndef CMD_COMMAND_JSON_H
#define CMD_COMMAND_JSON_H

#ifdef HAVE_JANSSON
#include <jansson.h>
#include <stddef.h>

/*
 * Prints a value, which is freed, and a newline; flags are json_dumpf's. Returns the exit status:
 * NULL, or too little memory to print it, is said on stderr.
 */
int command_print_json(const char *command, json_t *json, size_t flags);
#endif

#endif
