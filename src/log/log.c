/* SPDX-License-Identifier: Apache-2.0 */
#include "log/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { AGAIN_MS = 200 }; /* before another try to write what could not be written */

void log_init(struct log *log, uint64_t seed, log_say *say, void *context)
{
    *log = (struct log){.say = say, .context = context, .sink.fd = -1};
    log->chance = seed ? seed : 1;
}

/* ---- where it goes ---- */

/* Of standard error nothing is said there: that would have to wait. */
static void tell(const struct log *log, const char *sentence)
{
    if (log->say && strcmp(log->logging->to, LOGGING_STDERR) != 0)
        log->say(log->context, sentence);
}

static void fail(struct log *log, const char *sentence)
{
    if (!log->failing)
        tell(log, sentence);
    log->failing = true;
}

static void recover(struct log *log)
{
    if (log->failing)
        tell(log, "The log can be written again.");
    log->failing = false;
}

static void open_sink(struct log *log)
{
    const char *to = log->logging->to;
    struct why why = {""};
    bool opened = true;

    if (strcmp(to, LOGGING_STDERR) == 0)
        sink_open_descriptor(&log->sink, STDERR_FILENO);
    else if (strcmp(to, LOGGING_SYSLOG) == 0)
        opened = sink_open_syslog(&log->sink, SINK_SYSLOG_SOCKET, &why);
    else
        opened = sink_open_file(&log->sink, to, &why);
    if (!opened)
        fail(log, why.text);
}

/* Returns whether all of it was written. */
static bool write_out(struct log *log)
{
    if (log->sink.fd < 0 || log->len == 0)
        return log->len == 0;
    size_t taken = sink_write(&log->sink, log->buffer, log->len);
    if (taken == log->len) {
        log->len = 0;
        recover(log);
        return true;
    }
    struct why why = {""};
    why_not(&why, "The log %s cannot be written: %s. Lines for which there is no room are dropped.",
            log->logging->to, strerror(errno));
    memmove(log->buffer, log->buffer + taken, log->len - taken);
    log->len -= taken;
    fail(log, why.text);
    if (log->sink.kind == SINK_DATAGRAM && errno != EAGAIN)
        sink_close(&log->sink); /* the daemon has gone; perhaps another comes */
    return false;
}

/* What waits is lost. */
static void give_up(struct log *log)
{
    for (size_t i = 0; i < log->len; i++)
        if (log->buffer[i] == '\n') {
            log->lines--;
            log->dropped++;
        }
    log->len = 0;
}

/* ---- settings ---- */

static void turn_off(struct log *log)
{
    if (log->len > 0 && !write_out(log))
        give_up(log);
    sink_close(&log->sink);
    log->logging = NULL;
}

bool log_use(struct log *log, const struct logging *logging)
{
    bool on = logging && logging->what != LOGGING_OFF;

    if (on && !log->buffer && !(log->buffer = malloc(LOG_BUFFER)))
        return false;
    turn_off(log);
    if (!on)
        return true;
    log->logging = logging;
    log->failing = false;
    open_sink(log);
    return true;
}

void log_reopen(struct log *log)
{
    if (!log->logging)
        return;
    write_out(log);
    open_sink(log);
}

void log_retry(struct log *log)
{
    if (log->logging && log->sink.fd < 0)
        open_sink(log);
}

void log_end(struct log *log)
{
    turn_off(log);
    free(log->buffer);
    log->buffer = NULL;
}

/* ---- lines ---- */

/* xorshift64*, whose upper bits are as good as chance. */
static double throw_dice(struct log *log)
{
    uint64_t x = log->chance;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    log->chance = x;
    return (double)((x * UINT64_C(0x2545F4914F6CDD1D)) >> 11) * 0x1p-53;
}

bool log_wants(struct log *log)
{
    if (!log->logging)
        return false;
    return log->logging->what == LOGGING_ALL || throw_dice(log) < log->logging->rate;
}

void log_add(struct log *log, const struct log_entry *entry, int64_t steady_ms)
{
    if (!log->logging)
        return;
    if (LOG_BUFFER - log->len < LOG_LINE_MAX && (log->failing || !write_out(log)) &&
        LOG_BUFFER - log->len < LOG_LINE_MAX) {
        log->dropped++;
        return;
    }
    struct text out = {.at = log->buffer, .len = log->len, .size = LOG_BUFFER};
    log_entry_write(entry, log->logging, &out);
    if (log->len == 0)
        log->flush_ms = steady_ms + LOG_DELAY_MS;
    log->len = out.len;
    log->lines++;
}

int log_flush_if_due(struct log *log, int64_t steady_ms)
{
    if (log->len == 0)
        return -1;
    if (steady_ms < log->flush_ms)
        return (int)(log->flush_ms - steady_ms);
    if (write_out(log))
        return -1;
    log->flush_ms = steady_ms + AGAIN_MS;
    return AGAIN_MS;
}
