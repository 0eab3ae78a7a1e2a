/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "reporter.h"
#include "state/ask.h"

void reporter_note(struct reporter *reporter, const struct asker *asker, const struct log *log,
                   struct counters *counters)
{
    const struct asker_counters *asked = asker_counters(asker);
    const uint64_t total[HAPPENINGS] = {
        [HAPPENED_CONNECTION] = reporter->loop.accepted,
        [HAPPENED_STRANGER] = reporter->loop.strangers,
        [HAPPENED_MALFORMED] = reporter->loop.malformed,
        [HAPPENED_IN_TIME] = asked->in_time,
        [HAPPENED_LATE] = asked->late,
        [HAPPENED_DESERTED] = asked->unanswered,
        [HAPPENED_NO_PROBER] = asked->no_answer,
        [HAPPENED_CROWDED] = reporter->crowded,
        [HAPPENED_RELOAD] = reporter->reloads,
        [HAPPENED_REFUSED_RELOAD] = reporter->refused_reloads,
        [HAPPENED_LINE] = log->lines,
        [HAPPENED_DROPPED_LINE] = log->dropped,
    };
    for (unsigned i = 0; i < HAPPENINGS; i++) {
        counters_happened(counters, (enum happening)i, total[i] - reporter->noted[i]);
        reporter->noted[i] = total[i];
    }
}

void reporter_send(struct asker *asker, struct counters *counters, int patience_ms, uint64_t now)
{
    struct ask_report report;
    size_t position = 0;
    for (size_t len; (len = ask_write_report(&report, counters, &position)) > 0;) {
        if (!asker_send(asker, &report, len, patience_ms, now))
            return;
        for (size_t i = 0; i < report.count_count; i++)
            counters_take_away(counters, &report.count[i]);
    }
}
