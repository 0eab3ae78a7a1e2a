/* SPDX-License-Identifier: Apache-2.0 */
/* The effective configuration, written as a configuration file would say it. */
#ifndef CONFIG_PRINT_CONFIG_H
#define CONFIG_PRINT_CONFIG_H

#include <stdio.h>
#include "config/configuration.h"

/* Writes it with every template filled in and every default spelt out; it can be read again. */
void print_config(const struct config *config, FILE *out);

/* Writes one rule, without the semicolon behind it. */
void print_rule(const struct rule *rule, FILE *out);

#endif
