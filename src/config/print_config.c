/* SPDX-License-Identifier: Apache-2.0 */
#include "config/print_config.h"

#include "config/settings.h"

/* A string in quotes, with what would end it escaped. */
static void print_text(struct slice s, FILE *out)
{
    putc('"', out);
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '"' || s.at[i] == '\\')
            putc('\\', out);
        putc(s.at[i], out);
    }
    putc('"', out);
}

static void print_option(const char *name, struct slice value, FILE *out)
{
    fprintf(out, "%-18s = ", name);
    print_text(value, out);
    fputs(";\n", out);
}

static void print_names(const char *name, const char *const *list, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        if (i == 0)
            fprintf(out, "%-18s = [ ", name);
        print_text(slice_of(list[i]), out);
        fputs(i + 1 < count ? ", " : " ];\n", out);
    }
}

static void print_slices(const char *name, const struct slice *list, size_t count, FILE *out)
{
    fprintf(out, "%-18s = [ ", name);
    for (size_t i = 0; i < count; i++) {
        fputs(i ? ", " : "", out);
        print_text(list[i], out);
    }
    fputs(" ];\n", out);
}

static void print_extra(const struct extra *extra, FILE *out)
{
    if (extra->per_second > 0)
        fprintf(out, " accept_extra = \"%g/s\";", (double)extra->per_second);
    else if (extra->share < 1)
        fprintf(out, " accept_extra = %.6f;", (double)extra->share);
}

/* One without, where the file names one for all, must say so. */
static void print_pin(const struct config *config, const struct pin *pin, FILE *out)
{
    if (pin->digest.len == 0 && config->probing.check_object.len > 0)
        fputs(" check_object = \"\";", out);
    if (pin->digest.len > 0)
        fprintf(out, " check_object = \"%.*s/%s/%.*s\";", (int)pin->name.len, pin->name.at,
                pin->is_manifest ? "manifests" : "blobs", (int)pin->digest.len, pin->digest.at);
}

static void print_target(const struct config *config, const struct target *target, FILE *out)
{
    fprintf(out, "  { name = \"%s\"; url = ", target->name);
    print_text(target->url, out);
    putc(';', out);
    if (target->kind == TARGET_UPSTREAM) {
        fputs(" prefix = ", out);
        print_text(target->prefix, out);
        putc(';', out);
        if (target->place_word)
            fprintf(out, " place = \"%s\";", target->place_word);
    }
    if (target->serves_words)
        fprintf(out, " serves = [ %s ];", target->serves_words);
    if (target->share < 1)
        fprintf(out, " share = %.6f;", (double)target->share);
    print_extra(&target->accept_extra, out);
    print_pin(config, &target->check_object, out);
    if (target->ipv4_only)
        fputs(" ipv4_only = true;", out);
    fputs(" }", out);
}

static void print_targets(const struct config *config, const char *name, const struct target *list,
                          size_t count, FILE *out)
{
    fprintf(out, "\n%s = (\n", name);
    for (size_t i = 0; i < count; i++) {
        print_target(config, &list[i], out);
        fprintf(out, "%s\n", i + 1 < count ? "," : "");
    }
    fputs(");\n", out);
}

static void print_classes(unsigned classes, FILE *out)
{
    const char *separator = "";

    if (classes == (1u << CLASS_ROUTED) - 1) {
        fputs("\"*\"", out);
        return;
    }
    fputs("[ ", out);
    for (unsigned class = 0; class < CLASS_ROUTED; class ++)
        if (classes >> class & 1) {
            fprintf(out, "%s\"%s\"", separator, class_name(class));
            separator = ", ";
        }
    fputs(" ]", out);
}

void print_rule(const struct rule *rule, FILE *out)
{
    fputs("{ match = ", out);
    print_classes(rule->classes, out);
    if (rule->client_words)
        fprintf(out, "; client = [ %s ]", rule->client_words);
    fputs("; to = [ ", out);
    for (size_t i = 0; i < rule->step_count; i++)
        fprintf(out, "%s\"%s\"", i ? ", " : "", rule->step[i].word);
    fputs(" ];", out);
    if (rule->unsure.word)
        fprintf(out, " unsure = \"%s\";", rule->unsure.word);
    if (rule->query != QUERY_AS_ENDPOINT_NEEDS)
        fprintf(out, " query = \"%s\";", query_policy_words[rule->query]);
    fputs(" }", out);
}

static void print_rules(const struct config *config, FILE *out)
{
    fputs("\nrules = (\n", out);
    for (size_t i = 0; i < config->rule_count; i++) {
        const struct rule *rule = &config->rules[i];
        fputs("  ", out);
        print_rule(rule, out);
        fprintf(out, "%s  # %s:%u\n", i + 1 < config->rule_count ? "," : "", rule->at.file,
                rule->at.line);
    }
    fputs(");\n", out);
}

static void print_pages(const struct config *config, FILE *out)
{
    fputs("\npages = (\n", out);
    for (size_t i = 0; i < config->page_count; i++) {
        fputs("  { path = ", out);
        print_text(config->pages[i].path, out);
        fputs("; url = ", out);
        print_text(config->pages[i].url, out);
        fprintf(out, "; }%s\n", i + 1 < config->page_count ? "," : "");
    }
    fputs(");\n", out);
}

static void print_places(const struct places *places, FILE *out)
{
    const char *separator = "";

    if (places->added_count == 0 && places->corrected_count == 0)
        return;
    fputs("\nplaces = (\n", out);
    for (int i = 0; i < place_count(places); i++) {
        const struct place_fact *fact = place_fact(places, (place_index)i);
        if (fact == place_fact(NULL, (place_index)i))
            continue;
        fprintf(out, "%s  { name = ", separator);
        print_text(slice_of(fact->key), out);
        fputs("; title = ", out);
        print_text(slice_of(fact->name), out);
        putc(';', out);
        if (fact->country != NO_PLACE)
            fprintf(out, " country = \"%s\";", place_key(places, fact->country));
        if (fact->has_point)
            fprintf(out, " latitude = %.4f; longitude = %.4f;", (double)fact->latitude,
                    (double)fact->longitude);
        fputs(" }", out);
        separator = ",\n";
    }
    fputs("\n);\n", out);
}

static void print_forwarding(const struct config *config, FILE *out)
{
    print_option("forwarded_header", config->forwarded_header, out);
    fprintf(out, "%-18s = [ %s ];\n", "trusted_proxies", config->trusted_proxies);
    fprintf(out, "%-18s = %u;\n", "forwarded_position", config->forwarding.fixed);
}

static void print_database(const struct geodb_source *source, FILE *out)
{
    fputs("  { file = ", out);
    print_text(slice_of(source->file), out);
    for (int field = 0; field < GEODB_FIELDS; field++) {
        if (!source->keys[field])
            continue;
        fprintf(out, "; %s = ", geodb_field_words[field]);
        print_text(slice_of(source->keys[field]), out);
    }
    fputs("; }", out);
}

static void print_databases(const struct config *config, FILE *out)
{
    fputs("\ndatabases = (\n", out);
    for (size_t i = 0; i < config->database_count; i++) {
        print_database(&config->databases[i], out);
        fprintf(out, "%s\n", i + 1 < config->database_count ? "," : "");
    }
    fputs(");\n", out);
}

static void print_sources(const struct config *config, FILE *out)
{
    fputs("\nsources = (\n", out);
    for (size_t i = 0; i < config->source_count; i++) {
        const struct range_url *source = &config->sources[i];
        fprintf(out, "  { set = \"%s\"; name = ", source->set);
        print_text(source->name, out);
        fputs("; url = ", out);
        print_text(source->url, out);
        fprintf(out, "; }%s\n", i + 1 < config->source_count ? "," : "");
    }
    fputs(");\n", out);
}

static void print_index_sources(const struct config *config, FILE *out)
{
    for (size_t i = 0; i < config->index_source_count; i++) {
        const struct index_source *source = &config->index_sources[i];
        fputs(i == 0 ? "index_sources      = ( [ " : ", [ ", out);
        for (size_t k = 0; k < source->count; k++) {
            fputs(k ? ", " : "", out);
            print_text(slice_of(source->mirrors[k]), out);
        }
        fputs(i + 1 < config->index_source_count ? " ]" : " ] );\n", out);
    }
}

/* Seconds, as a configuration has them. */
static void print_time(const char *name, unsigned milliseconds, FILE *out)
{
    fprintf(out, "%-18s = %.3f;\n", name, milliseconds / 1000.0);
}

static void print_rate(const char *rate, const char *burst, const struct probing_rate *value,
                       FILE *out)
{
    fprintf(out, "%-18s = %f;\n%-18s = %f;\n", rate, value->per_second, burst, value->burst);
}

static void print_health(const struct probing *probing, FILE *out)
{
    print_option("health_path", probing->check_path, out);
    for (size_t i = 0; i < probing->up_status_count; i++)
        fprintf(out, i ? ", \"%u\"" : "health_status      = [ \"%u\"", probing->up_status[i]);
    if (probing->up_status_count > 0)
        fputs(" ];\n", out);
    print_time("health_interval", probing->interval_ms, out);
    fprintf(out, "%-18s = %u;\n%-18s = %u;\n", "health_fall", probing->fall, "health_rise",
            probing->rise);
    print_time("health_return", probing->return_ms, out);
    if (probing->check_object.len > 0)
        print_option("check_object", probing->check_object, out);
    print_time("check_object_interval", probing->object_interval_ms, out);
}

static void print_probing(const struct probing *probing, FILE *out)
{
    print_option("prober", slice_of(prober_start_words[probing->start]), out);
    if (probing->program)
        print_option("prober_program", slice_of(probing->program), out);
    fprintf(out, "%-18s = %u;\n%-18s = %u;\n", "present_lifetime", probing->present_s,
            "absent_lifetime", probing->absent_s);
    fprintf(out, "%-18s = %f;\n", "cache_size", (double)probing->cache_size / (1024 * 1024));
    print_time("probe_timeout", probing->timeout_ms, out);
    print_time("probe_connect_timeout", probing->connect_ms, out);
    print_rate("probe_rate", "probe_burst", &probing->rate, out);
    fprintf(out, "%-18s = %u;\n", "probe_connections", probing->connections);
    print_slices("redirect_hosts", probing->redirect_hosts, probing->redirect_host_count, out);
    if (probing->ca_file)
        print_option("ca_file", slice_of(probing->ca_file), out);
    print_health(probing, out);
}

static void print_logging(const struct logging *logging, FILE *out)
{
    print_option("log", slice_of(logging_what_words[logging->what]), out);
    fprintf(out, "%-18s = %f;\n", "log_rate", logging->rate);
    print_option("log_to", slice_of(logging->to), out);
    print_option("log_format", slice_of(logging_format_words[logging->format]), out);
    print_option("log_id_header", logging->id_header, out);
    fprintf(out, "%-18s = %s;\n", "log_client", logging->client ? "true" : "false");
    fprintf(out, "%-18s = %u;\n%-18s = %u;\n", "log_ipv4_prefix", logging->ipv4_bits,
            "log_ipv6_prefix", logging->ipv6_bits);
}

void print_config(const struct config *config, FILE *out)
{
    print_option("name", config->name, out);
    fprintf(out, "%-18s = [ ", "canonical");
    for (size_t i = 0; i < config->canonical_count; i++)
        fprintf(out, "%s\"%s\"", i ? ", " : "", config->canonical[i]->name);
    fputs(" ];\n", out);
    print_option("canonical_order", slice_of(canonical_order_words[config->canonical_order]), out);
    print_option("default", slice_of(config->fallback->name), out);
    print_option("region_header", config->region_header, out);
    print_forwarding(config, out);
    print_option("path_from", slice_of(path_from_words[config->request.path_from]), out);
    print_slices("signature_suffixes", config->signatures.suffixes, config->signatures.suffix_count,
                 out);
    print_slices("signature_prefixes", config->signatures.prefixes, config->signatures.prefix_count,
                 out);
    print_databases(config, out);
    print_sources(config, out);
    print_names("index", config->index, config->index_count, out);
    print_index_sources(config, out);
    print_time("index_interval", config->index_interval_ms, out);
    print_names("index_keys", config->index_keys, config->index_key_count, out);
    print_option("state", slice_of(config->state), out);
    fprintf(out, "%-18s = %u;\n", "max_connections", config->max_connections);
    fprintf(out, "%-18s = %u;\n", "max_parked", config->max_parked);
    print_time("record_timeout", config->record_timeout_ms, out);
    print_probing(&config->probing, out);
    print_option("metrics", slice_of(metrics_words[config->metrics]), out);
    print_logging(&config->logging, out);
    print_places(&config->places, out);
    print_targets(config, "upstreams", config->targets, config->upstream_count, out);
    print_targets(config, "buckets", config->targets + config->upstream_count,
                  config->target_count - config->upstream_count, out);
    print_rules(config, out);
    print_pages(config, out);
}
