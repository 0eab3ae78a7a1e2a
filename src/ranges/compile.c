/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include "ranges/compile.h"
#include "ranges/load.h"
#include "ranges/save.h"

bool compile_read(struct range_list *list, const char *path, struct range_input how,
                  struct range_error *error)
{
    char *bytes;
    size_t len;
    if (!load_file(path, INPUT_MAX, &bytes, &len, error))
        return false;
    how.name = strcmp(path, "-") == 0 ? "standard input" : path;
    how.text = (struct slice){bytes, len};
    bool done = range_read(list, &how, error);
    free(bytes);
    return done;
}

bool compile_tree(struct range_list *list, struct prefix_tree *tree, size_t *conflicts,
                  struct range_error *error)
{
    *conflicts = range_settle(list);
    return prefix_tree_build(tree, list, error);
}

static bool build_date(const struct range_list *list, int64_t *date, struct range_error *error)
{
    const char *given = getenv("SOURCE_DATE_EPOCH");
    *date = list->date;
    if (!given || !given[0])
        return true;
    char *end;
    errno = 0;
    *date = strtoll(given, &end, 10);
    if (*end || errno || *date < 0)
        return range_fail(error, "SOURCE_DATE_EPOCH is \"%.40s\", not a number of seconds.", given);
    return true;
}

static bool write_file(const struct prefix_tree *tree, const struct range_list *list,
                       const char *path, struct compiled *compiled, struct range_error *error)
{
    struct mmdb_options options = {0};
    struct save save;
    if (!build_date(list, &options.build_epoch, error) || !save_open(&save, path, error))
        return false;
    if (mmdb_write(save.file, tree, list->table, &options, &compiled->file, error))
        return save_commit(&save, &compiled->same, error);
    save_abandon(&save);
    return false;
}

bool compile_list(struct range_list *list, const char *path, struct compiled *compiled,
                  struct range_error *error)
{
    struct prefix_tree tree;
    bool done = compile_tree(list, &tree, &compiled->conflicts, error) &&
                write_file(&tree, list, path, compiled, error);
    compiled->prefixes = list->count;
    prefix_tree_free(&tree);
    return done;
}
