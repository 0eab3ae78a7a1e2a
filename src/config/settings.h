/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration file says, as read and before it is given a meaning. */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "config/options.h"
#include "place/geodb.h"

struct upstream_setting {
    struct origin at;
    struct word name, url, provider, place, prefix;
    struct words regions, serves;
    bool ipv4_only;
    double share;
    struct limit accept_extra;
    struct word check_object;
};

struct bucket_setting {
    struct origin at;
    struct word name, url, provider;
    struct words regions, serves;
    bool ipv4_only;
    double share;
    struct word check_object;
};

struct rule_setting {
    struct origin at;
    struct word word; /* "default", in place of a rule */
    struct words match, client, to;
    struct word unsure;
    int query;
};

struct page_setting {
    struct origin at;
    struct word path, url;
};

struct place_setting {
    struct origin at;
    struct word name, title, country;
    double latitude, longitude;
};

struct database_setting {
    struct origin at;
    struct word file;
    struct word keys[GEODB_FIELDS]; /* where a record has each field */
};

/* The words for the sets of ranges that `signpost ranges --download` gets. */
extern const char *const range_set_words[];

struct source_setting {
    struct origin at;
    int set;
    struct word name, url;
};

/* What is said of the prober. */
struct probing_setting {
    int start;
    struct word program;
    double timeout, connect_timeout, rate, burst, connections;
    double present_lifetime, absent_lifetime, cache_size;
    struct word ca_file;
    struct words redirect_hosts;
    struct word check_path;
    struct words check_up;
    double interval, rise, fall, return_time;
    struct word check_object;
    double object_interval;
};

/* What is said of the log. */
struct logging_setting {
    int what, format;
    double rate, ipv4_prefix, ipv6_prefix;
    struct word to, id_header;
    bool client;
};

struct settings {
    struct origin at;
    struct word name, prefix, default_upstream;
    struct groups upstreams, buckets, databases, sources, places, rules, pages;
    struct words canonical, signature_suffixes, signature_prefixes, trusted_proxies;
    struct word region_header, forwarded_header;
    double forwarded_position;
    int path_from;
    struct word state;
    struct words index;
    struct groups index_sources; /* of struct words: the mirrors of a source */
    struct words index_keys;
    double index_interval;
    double max_connections, max_parked, record_timeout;
    struct probing_setting probing;
    int canonical_order, metrics;
    struct logging_setting logging;
};

/* The options of the file itself; all others hang below it. */
extern const struct option_group settings_group;

/* A routing table by itself, as the built-in one is. */
struct rules_setting {
    struct origin at;
    struct groups rules;
};

extern const struct option_group settings_rules_group;

/* The options of a database that name its fields, in the order of enum geodb_field. */
extern const char *const geodb_field_words[GEODB_FIELDS];

#endif
