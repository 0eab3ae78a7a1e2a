/* SPDX-License-Identifier: Apache-2.0 */
/* A whole configuration, ready for use: read once, then only looked at. */
#ifndef CONFIG_CONFIGURATION_H
#define CONFIG_CONFIGURATION_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>
#include "config/index_address.h"
#include "config/logging.h"
#include "config/probing.h"
#include "config/rule.h"
#include "config/target.h"
#include "core/problem.h"
#include "core/slice.h"
#include "parse/classify.h"
#include "parse/forwarded.h"
#include "parse/request.h"
#include "place/geodb.h"
#include "place/place.h"

struct arena;

enum {
    TARGETS_MAX = 256, /* upstreams and buckets, after regions are multiplied out */
    RULES_MAX = 256
};

/* Who is told what responders count: the prober, which writes it down. */
enum metrics {
    METRICS_AUTO, /* while there has to be a prober anyway */
    METRICS_ON,   /* there has to be one for that alone */
    METRICS_OFF
};

/* The words for them in a configuration file, ended by NULL. */
extern const char *const metrics_words[];

/* Which of several canonical upstreams goes first. */
enum canonical_order { CANONICAL_LISTED, CANONICAL_NEAREST };

/* The words for them in a configuration file, ended by NULL. */
extern const char *const canonical_order_words[];

/* A path for people and where it redirects. */
struct page {
    struct slice path, url;
};

/* Where a file of address ranges is got from. */
struct range_url {
    const char *set; /* "clouds" or "country" */
    struct slice name, url;
};

/* Everything is owned by the configuration and freed with it. */
struct config {
    struct arena *arena;
    const char *file;        /* where it was read; NULL: from environment variables alone */
    struct timespec written; /* when the newest of its files was; 0: there is none */
    bool is_reloaded;        /* by config_reload */
    struct slice name;
    const struct target *targets; /* upstreams first, then buckets */
    size_t upstream_count, target_count;
    const struct target *const *canonical;
    size_t canonical_count;
    enum canonical_order canonical_order;
    const struct target *fallback; /* for clients of unknown place */
    const struct rule *rules;
    size_t rule_count;
    const struct page *pages;
    size_t page_count;
    struct signature_tags signatures;
    struct request_format request;
    struct slice region_header, forwarded_header; /* their names, perhaps empty */
    const char *trusted_proxies; /* as written, "10.0.0.0/8", "::1"; perhaps empty */
    struct places places;
    struct forwarding forwarding;
    bool rules_ask_asn;                   /* some rule is for an autonomous system */
    const struct geodb_source *databases; /* in order */
    size_t database_count;
    const char *const *index; /* its files */
    size_t index_count;
    const struct index_source *index_sources;
    size_t index_source_count;
    const char *const *index_keys; /* PEM files of public keys; none: lists need no signature */
    size_t index_key_count;
    unsigned index_interval_ms;
    const struct range_url *sources;
    size_t source_count;
    const char *state;     /* the state directory */
    bool state_is_default; /* nobody has named it: it may well not be there */
    struct probing probing;
    enum metrics metrics;
    struct logging logging;
    unsigned max_connections, max_parked;
    unsigned record_timeout_ms;
};

/*
 * Finds the configuration file: $SIGNPOST_CONF, else signpost.conf beside the
 * program, else in sysconfdir; a file that SIGNPOST_CONF names need not exist, and
 * none need be readable.
 * Writes its name into buffer. False if there is none, with the last name that was tried: then
 * environment variables may be enough (see config_load).
 */
bool config_find(char *buffer, size_t size);

/*
 * Reads a configuration file, or with file NULL what archeio's environment
 * variables say; with a file, the variables override it. All mistakes are added
 * to problems, warnings too. NULL if there was an error: a configuration with a
 * mistake is refused as a whole. The caller frees it with config_free.
 */
struct config *config_load(const char *file, struct problems *problems);

/* The same for a file, or if that is NULL the one that config_find finds. */
struct config *config_load_found(const char *file, struct problems *problems);

/*
 * config_load_found for a process that serves already and must not end, though there be no
 * memory: a child process, which has a second for it, runs libconfig.
 */
struct config *config_reload(const char *file, struct problems *problems);

/* The same from a text that includes nothing, for tests and for the fuzzer. */
struct config *config_parse(const char *text, struct problems *problems);

/*
 * The state directory where a configuration names none: $STATE_DIRECTORY, which systemd sets,
 * else the one of this installation.
 */
struct slice config_default_state(void);

/* Frees a configuration; NULL is fine. */
void config_free(struct config *config);

/* The target of this name, or NULL. */
const struct target *config_target(const struct config *config, struct slice name);

#endif
