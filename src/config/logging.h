/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be logged, and where: that part of a configuration. */
#ifndef CONFIG_LOGGING_H
#define CONFIG_LOGGING_H

#include <stdbool.h>
#include "core/slice.h"

enum logging_what { LOGGING_OFF, LOGGING_SAMPLED, LOGGING_ALL };
enum logging_format { LOGGING_PLAIN, LOGGING_JSON };

/* The words for them in a configuration file, ended by NULL. */
extern const char *const logging_what_words[];
extern const char *const logging_format_words[];

/* Words that stand in place of a file's name. */
#define LOGGING_STDERR "stderr"
#define LOGGING_SYSLOG "syslog"

/* Owned by its configuration. */
struct logging {
    enum logging_what what;
    enum logging_format format;
    double rate;                   /* of LOGGING_SAMPLED: which part of the requests, 0 to 1 */
    const char *to;                /* LOGGING_STDERR, LOGGING_SYSLOG or a file's name */
    struct slice id_header;        /* the header that tells a request's id, empty for none */
    bool client;                   /* the client's network is logged, … */
    unsigned ipv4_bits, ipv6_bits; /* … by so many bits of its address */
};

#endif
