/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of one logged request under two configurations. */
#ifndef CMD_REPLAY_COMPARE_H
#define CMD_REPLAY_COMPARE_H

#include "cmd/replay/log_line.h"
#include "cmd/replay/tally.h"
#include "config/configuration.h"
#include "state/knowledge.h"

enum { COMPARE_QUOTED_NAMES = 8 };

/* Which headers' values a log has in its quoted strings. */
struct quoted_header {
    size_t number;        /* of the quoted string, 1 for the request itself */
    const char *variable; /* of the header, "HTTP_X_CLIENT_REGION", or "SIGNPOST_REGION" */
};

/* One configuration with what is known beside it. */
struct side {
    const struct config *config;
    struct knowledge knowledge;
};

struct comparison {
    struct side present, next;
    struct quoted_header header[COMPARE_QUOTED_NAMES];
    size_t header_count;
};

/*
 * Decides on a request under both. Images are taken to be where they are asked for,
 * since that is so for nearly all; signatures are known by the index. What the prober
 * has found, and what is drained, does not count: the same log gives the same result.
 */
struct tally_key compare(const struct comparison *comparison, const struct log_line *line);

/* Words for an outcome: the target's name, the page's URL, or "answered 404". */
const char *compare_words(const struct config *config, tally_outcome outcome, char text[32]);

#endif
