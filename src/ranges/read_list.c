/* SPDX-License-Identifier: Apache-2.0 */
/* A plain list: one prefix a line, all in one place that the user names. */
#include "ranges/lines.h"

bool range_read_list(struct range_list *list, const struct range_input *input,
                     struct range_error *error)
{
    struct lines lines = lines_of(input);
    struct slice line;
    struct prefix prefix;
    uint32_t record;

    if (!input->place)
        return range_fail(error,
                          "%s is a plain list of prefixes, which does not say where they are; "
                          "give their place with --place.",
                          input->name);
    if (!range_intern(list, input->place, &record, error))
        return false;
    while (lines_next(&lines, &line)) {
        struct slice text = line_field(&line, '#');
        if (!text.len)
            continue;
        if (!line_check(&lines, text, error) || !line_prefix(&lines, text, &prefix, error) ||
            !range_add(list, &prefix, record, RANK_ZONE, error))
            return false;
    }
    return true;
}
