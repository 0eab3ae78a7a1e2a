/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of decisions. Lines gather in a buffer and are written together, a moment
 * later at most. A log that cannot be written stops nothing: the buffer keeps
 * what it has room for, and what comes then is dropped and counted.
 */
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include "log/entry.h"
#include "log/sink.h"

enum {
    LOG_BUFFER = 64 * 1024,
    LOG_DELAY_MS = 50 /* so long a line waits for others */
};

/* Told of a log that cannot be written, and of one that can again: a whole sentence. */
typedef void log_say(void *context, const char *sentence);

struct log {
    const struct logging *logging; /* borrowed; NULL: off */
    log_say *say;
    void *context;
    struct sink sink;
    char *buffer; /* of LOG_BUFFER bytes, while it is on */
    size_t len;
    int64_t flush_ms; /* when what is in the buffer is to be written; if there is anything */
    uint64_t chance;  /* of the dice that sampling throws */
    bool failing;     /* it could not be written, as has been told */
    uint64_t lines, dropped;
};

/*
 * A log that is off. seed is for the dice, any number; say may be NULL.
 */
void log_init(struct log *log, uint64_t seed, log_say *say, void *context);

/*
 * Goes over to other settings, which are borrowed, or off (NULL), after writing what
 * waits. What cannot be opened is told, and tried again by log_retry. False if there is no
 * memory: then it goes on with the former settings.
 */
bool log_use(struct log *log, const struct logging *logging);

/* Whether the request at hand is to be logged. */
bool log_wants(struct log *log);

/* Takes a line in. steady_ms never goes back. */
void log_add(struct log *log, const struct log_entry *entry, int64_t steady_ms);

/* Writes what waits, if it is time to. Returns after how many ms it will be, -1: nothing waits. */
int log_flush_if_due(struct log *log, int64_t steady_ms);

/* Opens the file anew: it has been renamed. If that fails, the old one goes on. */
void log_reopen(struct log *log);

/* Opens what could not be opened; to be called once a second. */
void log_retry(struct log *log);

/* Writes what waits, as far as that goes, and closes. */
void log_end(struct log *log);

#endif
