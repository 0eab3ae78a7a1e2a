/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of an index's source, of any bytes, is read without a read outside of it; and what
 * is read and written again reads as the same.
 */
#include "input.h"
#include "state/index_list.h"

static void check_again(const struct index_list *list)
{
    struct index_list again;
    char *text = NULL;
    size_t len = 0;
    struct why why;
    FILE *out = open_memstream(&text, &len);

    must(out, "memory");
    index_list_write_body(list, out);
    fclose(out);
    must(index_list_parse(&again, (struct slice){text, len}, "again", &why), "it is read again");
    must(slice_equal(again.registry, list->registry) && slice_equal(again.source, list->source) &&
             again.serial == list->serial && again.time_s == list->time_s &&
             again.shrinks == list->shrinks,
         "the first line is the same");
    must(index_list_same_files(&again, list), "the files are the same");
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy =
        malloc(size ? size : 1); /* of exactly this size, so that a read behind it is seen */
    struct index_list list;
    struct why why;

    if (!copy)
        return 0;
    if (size)
        memcpy(copy, data, size);
    if (index_list_parse(&list, (struct slice){copy, size}, "list", &why)) {
        uint64_t total = 0;
        must(list.body.len <= size && list.count <= INDEX_LIST_FILES, "bounds");
        for (size_t i = 0; i < list.count; i++) {
            total += list.file[i].size;
            struct slice name = list.file[i].name;
            must(name.len && name.at[0] != '.' && name.at[0] != '/' &&
                     !memmem(name.at, name.len, "/.", 2) && !memmem(name.at, name.len, "//", 2),
                 "a name stays below its folder");
        }
        must(total <= INDEX_LIST_BYTES_MAX, "sizes");
        check_again(&list);
    }
    free(copy);
    return 0;
}
