/* SPDX-License-Identifier: Apache-2.0 */
#include "environment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "oci.h"
#include "url.h"

const char *const environment_names[] = {
    "UPSTREAM_REGISTRY_ENDPOINT", "UPSTREAM_REGISTRY_PATH", "SIGNATURE_UPSTREAM_ENDPOINT",
    "DEFAULT_AWS_BASE_URL",       "STATE_DIRECTORY",        NULL,
};

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* The variable's value; NULL, with a problem, if it is not what it must be. */
static const char *checked(const char *name, bool (*valid)(struct slice text), const char *expects,
                           struct problems *problems)
{
    const char *value = variable(name);

    if (!value || valid(slice_of(value)))
        return value;
    problem_add(problems, PROBLEM_ERROR, (struct origin){0},
                "the environment variable %s: expected %s, found \"%.80s\".", name, expects, value);
    return NULL;
}

bool environment_is_enough(struct problems *problems)
{
    if (variable("UPSTREAM_REGISTRY_ENDPOINT"))
        return true;
    problem_add(problems, PROBLEM_ERROR, (struct origin){0},
                "there is no configuration: give one with --config FILE, name it in SIGNPOST_CONF, "
                "put signpost.conf beside the program or at " SIGNPOST_SYSCONFDIR
                "/signpost.conf, or set UPSTREAM_REGISTRY_ENDPOINT.");
    return false;
}

/* A new, empty option in place of what there was. */
static config_setting_t *replace(config_setting_t *root, const char *name, int type)
{
    config_setting_remove(root, name);
    return config_setting_add(root, name, type);
}

static void set_text(config_setting_t *group, const char *name, const char *text)
{
    config_setting_set_string(replace(group, name, CONFIG_TYPE_STRING), text);
}

static void set_word(config_setting_t *group, const char *name, const char *word)
{
    config_setting_set_string_elem(replace(group, name, CONFIG_TYPE_ARRAY), -1, word);
}

static void add_upstream(config_setting_t *root, const char *name, const char *url,
                         const char *serves)
{
    config_setting_t *upstreams = config_setting_get_member(root, "upstreams");

    if (!upstreams)
        upstreams = config_setting_add(root, "upstreams", CONFIG_TYPE_LIST);
    bool list = config_setting_is_list(upstreams);
    if (!list)
        config_setting_remove(upstreams, name);
    config_setting_t *upstream =
        config_setting_add(upstreams, list ? NULL : name, CONFIG_TYPE_GROUP);
    if (!upstream)
        return; /* the file's upstreams are neither: it will be refused */
    if (list)
        set_text(upstream, "name", name);
    set_text(upstream, "url", url);
    if (serves)
        set_word(upstream, "serves", serves);
}

static bool serves_all(const config_setting_t *bucket)
{
    const config_setting_t *serves =
        config_setting_is_group(bucket) ? config_setting_get_member(bucket, "serves") : NULL;

    const char *only = serves ? config_setting_get_string(serves) : NULL;

    if (only)
        return strcmp(only, "*") == 0;
    for (int i = 0; serves && i < config_setting_length(serves); i++) {
        const char *word = config_setting_get_string_elem(serves, i);
        if (word && strcmp(word, "*") == 0)
            return true;
    }
    return false;
}

/* The bucket for everyone takes the place of those that the file has for everyone. */
static void set_common_bucket(config_setting_t *root, const char *base)
{
    config_setting_t *buckets = config_setting_get_member(root, "buckets");
    char url[URL_MAX + 64];

    if (!buckets)
        buckets = config_setting_add(root, "buckets", CONFIG_TYPE_LIST);
    for (int i = config_setting_length(buckets); i-- > 0;)
        if (serves_all(config_setting_get_elem(buckets, (unsigned)i)))
            config_setting_remove_elem(buckets, (unsigned)i);
    bool list = config_setting_is_list(buckets);
    config_setting_t *bucket =
        config_setting_add(buckets, list ? NULL : "default-bucket", CONFIG_TYPE_GROUP);
    if (!bucket)
        return;
    if (list)
        set_text(bucket, "name", "default-bucket");
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/')
        len--;
    snprintf(url, sizeof url, "%.*s/containers/images/{digest}", (int)len, base);
    set_text(bucket, "url", url);
    set_word(bucket, "serves", "*");
}

static void add_page(config_setting_t *pages, const char *path, const char *url)
{
    config_setting_t *page = config_setting_add(pages, NULL, CONFIG_TYPE_GROUP);

    set_text(page, "path", path);
    set_text(page, "url", url);
}

/* What archeio has fixed in its code. */
static void add_fixed(config_setting_t *root)
{
    config_setting_t *pages = config_setting_add(root, "pages", CONFIG_TYPE_LIST);

    set_text(root, "name", "localhost");
    add_page(pages, "/", "https://github.com/kubernetes/registry.k8s.io");
    add_page(pages, "/privacy", "https://www.linuxfoundation.org/privacy-policy/");
}

void environment_apply(config_t *tree, bool from_file, struct problems *problems)
{
    static const char a_url[] = "a URL such as \"https://registry.example.org\"";
    config_setting_t *root = config_root_setting(tree);
    const char *upstream = checked("UPSTREAM_REGISTRY_ENDPOINT", url_is_base, a_url, problems);
    const char *path = checked("UPSTREAM_REGISTRY_PATH", oci_is_name,
                               "a repository path such as \"team/images\"", problems);
    const char *signature = checked("SIGNATURE_UPSTREAM_ENDPOINT", url_is_base, a_url, problems);
    const char *bucket = checked("DEFAULT_AWS_BASE_URL", url_is_base, a_url, problems);

    if (!from_file)
        add_fixed(root);
    if (path)
        set_text(root, "prefix", path);
    if (upstream) {
        config_setting_remove(root, "upstreams");
        config_setting_remove(root, "default");
        add_upstream(root, "upstream", upstream, "*");
        set_word(root, "canonical", "upstream");
    }
    if (signature) {
        add_upstream(root, "signatures", signature, NULL);
        set_word(root, "canonical", "signatures");
    }
    if (bucket)
        set_common_bucket(root, bucket);
}
