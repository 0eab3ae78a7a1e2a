/* SPDX-License-Identifier: Apache-2.0 */
/* What a process knows beyond its configuration: what files tell, which change while it runs. */
#ifndef KNOWLEDGE_H
#define KNOWLEDGE_H

#include <stdint.h>
#include "configuration.h"
#include "geodb.h"

struct knowledge {
    struct geodb *geodb; /* NULL: no addresses are looked up */
};

/* Told of each thing that is wrong with a file, once: a whole sentence. */
typedef void knowledge_log(void *context, const char *text);

/*
 * Gets ready to use the files that a configuration names; opens none before it
 * is needed. Borrows the configuration. Always leaves something usable: what
 * cannot be had is told to the log and done without.
 */
void knowledge_open(struct knowledge *knowledge, const struct config *config, knowledge_log *log,
                    void *context);

/* Takes in files that were replaced; now_ms is any clock's that never goes back. */
void knowledge_refresh(struct knowledge *knowledge, int64_t now_ms);

/* Closes all files. */
void knowledge_close(struct knowledge *knowledge);

#endif
