/* SPDX-License-Identifier: Apache-2.0 */
/* The address databases of a signpost without libmaxminddb: there are none. */
#include "config.h"
#ifndef HAVE_LIBMAXMINDDB
#include "place/geodb.h"

static const char MISSING[] = "This signpost was built without libmaxminddb, so it cannot read "
                              "address databases.";

bool geodb_supported(void)
{
    return false;
}

struct geodb *geodb_new(const struct geodb_source *sources, size_t count,
                        const struct places *places, geodb_log *log, void *log_context,
                        struct why *why)
{
    (void)sources, (void)count, (void)places, (void)log, (void)log_context;
    why_not(why, "%s", MISSING);
    return NULL;
}

void geodb_free(struct geodb *geodb)
{
    (void)geodb;
}

bool geodb_check(const char *file, struct why *why)
{
    (void)file;
    return why_not(why, "%s", MISSING);
}

struct geodb_answer geodb_lookup(struct geodb *geodb, const struct address *address, bool want_asn)
{
    (void)geodb, (void)address, (void)want_asn;
    return (struct geodb_answer){.place = NOWHERE, .place_source = -1, .asn_source = -1};
}

void geodb_refresh(struct geodb *geodb, int64_t now_ms)
{
    (void)geodb, (void)now_ms;
}

bool geodb_describe(struct geodb *geodb, int source, const struct address *address,
                    geodb_value *value, void *context)
{
    (void)geodb, (void)source, (void)address, (void)value, (void)context;
    return false;
}
#endif
