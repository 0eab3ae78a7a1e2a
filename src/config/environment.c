/* SPDX-License-Identifier: Apache-2.0 */
#include "config/environment.h"

#include <stdlib.h>
#include <string.h>
#include "parse/oci.h"
#include "parse/url.h"

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
static struct node *replace(struct arena *arena, struct node *group, const char *name,
                            enum node_type type)
{
    tree_remove(tree_member(group, name));
    return tree_add(arena, group, name, type);
}

static void set_text(struct arena *arena, struct node *group, const char *name, const char *text)
{
    tree_remove(tree_member(group, name));
    tree_add_text(arena, group, name, text);
}

static void set_word(struct arena *arena, struct node *group, const char *name, const char *word)
{
    tree_add_text(arena, replace(arena, group, name, NODE_ARRAY), NULL, word);
}

/* The member, which is made as a list if it is not there. */
static struct node *list_of(struct arena *arena, struct node *root, const char *name)
{
    struct node *found = tree_member(root, name);

    return found ? found : tree_add(arena, root, name, NODE_LIST);
}

/* A new group among those of upstreams or buckets; NULL if the file's are neither list nor group.
 */
static struct node *add_named(struct arena *arena, struct node *groups, const char *name)
{
    bool list = groups->type == NODE_LIST;

    if (!list)
        tree_remove(tree_member(groups, name));
    struct node *group = tree_add(arena, groups, list ? NULL : name, NODE_GROUP);
    if (group && list)
        set_text(arena, group, "name", name);
    return group;
}

static void add_upstream(struct arena *arena, struct node *root, const char *name, const char *url,
                         const char *serves)
{
    struct node *upstream = add_named(arena, list_of(arena, root, "upstreams"), name);

    if (!upstream)
        return; /* it will be refused */
    set_text(arena, upstream, "url", url);
    if (serves)
        set_word(arena, upstream, "serves", serves);
}

static bool serves_all(const struct node *bucket)
{
    const struct node *serves = tree_member(bucket, "serves");

    if (!serves)
        return false;
    if (serves->type == NODE_STRING)
        return strcmp(serves->text, "*") == 0;
    for (const struct node *word = serves->first; word; word = word->next)
        if (word->type == NODE_STRING && strcmp(word->text, "*") == 0)
            return true;
    return false;
}

/* The bucket for everyone takes the place of those that the file has for everyone. */
static void set_common_bucket(struct arena *arena, struct node *root, const char *base)
{
    struct node *buckets = list_of(arena, root, "buckets");

    for (struct node *bucket = buckets->first, *next; bucket; bucket = next) {
        next = bucket->next;
        if (serves_all(bucket))
            tree_remove(bucket);
    }
    struct node *bucket = add_named(arena, buckets, "default-bucket");
    if (!bucket)
        return;
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/')
        len--;
    set_text(arena, bucket, "url",
             arena_format(arena, "%.*s/containers/images/{digest}", (int)len, base));
    set_word(arena, bucket, "serves", "*");
}

static void add_page(struct arena *arena, struct node *pages, const char *path, const char *url)
{
    struct node *page = tree_add(arena, pages, NULL, NODE_GROUP);

    set_text(arena, page, "path", path);
    set_text(arena, page, "url", url);
}

/* What archeio has fixed in its code. */
static void add_fixed(struct arena *arena, struct node *root)
{
    struct node *pages = tree_add(arena, root, "pages", NODE_LIST);

    set_text(arena, root, "name", "localhost");
    add_page(arena, pages, "/", "https://github.com/kubernetes/registry.k8s.io");
    add_page(arena, pages, "/privacy", "https://www.linuxfoundation.org/privacy-policy/");
}

void environment_apply(struct arena *arena, struct node *root, bool from_file,
                       struct problems *problems)
{
    static const char a_url[] = "a URL such as \"https://registry.example.org\"";
    const char *upstream = checked("UPSTREAM_REGISTRY_ENDPOINT", url_is_base, a_url, problems);
    const char *path = checked("UPSTREAM_REGISTRY_PATH", oci_is_name,
                               "a repository path such as \"team/images\"", problems);
    const char *signature = checked("SIGNATURE_UPSTREAM_ENDPOINT", url_is_base, a_url, problems);
    const char *bucket = checked("DEFAULT_AWS_BASE_URL", url_is_base, a_url, problems);

    if (!from_file)
        add_fixed(arena, root);
    if (path)
        set_text(arena, root, "prefix", path);
    if (upstream) {
        tree_remove(tree_member(root, "upstreams"));
        tree_remove(tree_member(root, "default"));
        add_upstream(arena, root, "upstream", upstream, "*");
        set_word(arena, root, "canonical", "upstream");
    }
    if (signature) {
        add_upstream(arena, root, "signatures", signature, NULL);
        set_word(arena, root, "canonical", "signatures");
    }
    if (bucket)
        set_common_bucket(arena, root, bucket);
}
