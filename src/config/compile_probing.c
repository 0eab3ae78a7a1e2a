/* SPDX-License-Identifier: Apache-2.0 */
#include "config/compile.h"

static unsigned milliseconds(double seconds)
{
    return (unsigned)(seconds * 1000 + 0.5);
}

static void compile_checks(const struct compiler *compiler)
{
    const struct probing_setting *s = &compiler->settings->probing;
    struct probing *probing = &compiler->config->probing;

    probing->check_path = s->check_path.text;
    for (size_t i = 0; i < s->check_up.count; i++) {
        const char *digit = s->check_up.item[i].text.at;
        if (i == PROBING_STATUSES_MAX) {
            COMPILE_ERROR(compiler, s->check_up.item[i].at,
                          "`health_status` has more than %d statuses.", PROBING_STATUSES_MAX);
            break;
        }
        probing->up_status[probing->up_status_count++] =
            (unsigned)((digit[0] - '0') * 100 + (digit[1] - '0') * 10 + digit[2] - '0');
    }
    probing->interval_ms = milliseconds(s->interval);
    probing->rise = (unsigned)s->rise;
    probing->fall = (unsigned)s->fall;
    probing->check_object = s->check_object.text;
    probing->object_interval_ms = milliseconds(s->object_interval);
    probing->return_ms = milliseconds(s->return_time);
}

void compile_probing(const struct compiler *compiler)
{
    const struct probing_setting *s = &compiler->settings->probing;

    compiler->config->probing = (struct probing){
        .start = (enum prober_start)s->start,
        .program = s->program.text.at ? compile_beside(compiler, s->program.text.at) : NULL,
        .timeout_ms = milliseconds(s->timeout),
        .connect_ms = milliseconds(s->connect_timeout),
        .rate = {s->rate, s->burst},
        .connections = (unsigned)s->connections,
        .present_s = (uint32_t)s->present_lifetime,
        .absent_s = (uint32_t)s->absent_lifetime,
        .cache_size = (size_t)(s->cache_size * 1024) * 1024,
        .ca_file = s->ca_file.text.at ? compile_beside(compiler, s->ca_file.text.at) : NULL,
        .redirect_hosts = compile_slices(compiler, &s->redirect_hosts),
        .redirect_host_count = s->redirect_hosts.count,
    };
    compile_checks(compiler);
}
