/* SPDX-License-Identifier: Apache-2.0 */
/* The table of options, written for people, so that no text can drift from it. */
#ifndef CONFIG_OPTIONS_DOC_H
#define CONFIG_OPTIONS_DOC_H

#include <stdio.h>
#include "config/options.h"

/* Writes a commented configuration file that shows every option. */
void options_write_conf(const struct option_group *root, FILE *out);

/* Writes the options as an mdoc(7) list for the manual page. */
void options_write_mdoc(const struct option_group *root, FILE *out);

/* Writes the options as plain text. */
void options_write_text(const struct option_group *root, FILE *out);

#endif
